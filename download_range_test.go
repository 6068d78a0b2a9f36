package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rangeAnswer answers the request for a range that begins at first. It is called
// for each of them in turn, the last one for all that follow.
type rangeAnswer func(w http.ResponseWriter, first int)

// rangeAnswers lets the requests for a range be answered by the list.
func rangeAnswers(list ...rangeAnswer) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, first int) bool {
		p := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		if p == nil {
			return false
		}
		p(w, first)
		return true
	}
}

// send sends content[from:to] with the given Content-Range and status, and the
// further fields, a name and a value each.
func send(w http.ResponseWriter, status int, contentRange string, body []byte, fields ...string) {
	h := w.Header()
	if contentRange != "" {
		h.Set("Content-Range", contentRange)
	}
	for i := 0; i < len(fields); i += 2 {
		if h.Del(fields[i]); fields[i+1] != "" {
			h.Set(fields[i], fields[i+1])
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// TestDownloadRanges has servers answer a request for the rest of a file in all
// the ways that RFC 9110 allows, and in some that it does not. What has come is
// not fetched again without need, and nothing is put where it does not belong.
func TestDownloadRanges(t *testing.T) {
	content := noise(10000)
	const size, cut = 10000, 6000
	rest := func(from, to int, total string, fields ...string) rangeAnswer {
		return func(w http.ResponseWriter, first int) {
			from, to := from, to
			if from == 0 {
				from = first
			}
			if to <= 0 {
				to += size
			}
			send(w, http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%s", from, to-1, total), content[from:to], fields...)
		}
	}
	other := func(from int) rangeAnswer { // which are not the bytes that it says
		return func(w http.ResponseWriter, first int) {
			send(w, http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%d", from, size-1, size), make([]byte, size-from))
		}
	}
	unsatisfied := func(contentRange string, fields ...string) rangeAnswer {
		return func(w http.ResponseWriter, first int) {
			send(w, http.StatusRequestedRangeNotSatisfiable, contentRange, nil, fields...)
		}
	}
	whole := func(cut int, fields ...string) rangeAnswer {
		return func(w http.ResponseWriter, first int) {
			if cut < size {
				w = &cutter{w, cut}
			}
			send(w, http.StatusOK, "", content, fields...)
		}
	}
	coded := func(status int, coding string) rangeAnswer {
		return func(w http.ResponseWriter, first int) {
			data, contentRange := gzipped(t, content), ""
			if status == http.StatusPartialContent {
				contentRange = fmt.Sprintf("bytes %d-%d/%d", first, len(data)-1, len(data))
				data = data[first:]
			}
			send(w, status, contentRange, data, "Content-Encoding", coding)
		}
	}
	const at6000 = "bytes=6000-"
	for _, tt := range []struct {
		name    string
		date    bool // the validator is one
		chunked bool
		coding  string
		lie     []rangeAnswer
		asked   []string // after the first
		want    error
	}{
		{name: "shorter than asked", lie: []rangeAnswer{rest(0, 7000, "10000"), rest(0, 7001, "10000"), rest(0, 0, "10000")}, asked: []string{at6000, "bytes=7000-", "bytes=7001-"}},
		{name: "shorter than asked, by date", date: true, lie: []rangeAnswer{rest(0, 7000, "10000"), nil}, asked: []string{at6000, "bytes=7000-"}},
		{name: "shorter than asked, of an unknown length", chunked: true, lie: []rangeAnswer{rest(0, 7000, "10000"), nil}, asked: []string{at6000, "bytes=7000-"}},
		{name: "no total", lie: []rangeAnswer{rest(0, 0, "*")}, asked: []string{at6000}},
		{name: "no total, shorter than asked", lie: []rangeAnswer{rest(0, 7000, "*"), rest(0, 0, "*")}, asked: []string{at6000, "bytes=7000-"}},
		{name: "no total anywhere", chunked: true, lie: []rangeAnswer{rest(0, 0, "*"), unsatisfied("bytes */10000")}, asked: []string{at6000, "bytes=10000-"}},
		{name: "no total anywhere, not even in the 416", chunked: true, lie: []rangeAnswer{rest(0, 0, "*"), unsatisfied("")}, asked: []string{at6000, "bytes=10000-"}},
		{name: "no total anywhere, and a 416 without a validator", chunked: true, lie: []rangeAnswer{rest(0, 0, "*"), unsatisfied("", "ETag", "")}, asked: []string{at6000, "bytes=10000-", ""}},
		{name: "no total anywhere, and a longer file in the 416", chunked: true, lie: []rangeAnswer{rest(0, 0, "*"), unsatisfied("bytes */10001")}, asked: []string{at6000, "bytes=10000-", ""}},
		{name: "no total anywhere, in pieces", chunked: true, lie: []rangeAnswer{rest(0, 7000, "*"), rest(0, 0, "10000")}, asked: []string{at6000, "bytes=7000-"}},
		{name: "416 of a file that is not complete", lie: []rangeAnswer{unsatisfied("")}, asked: []string{at6000, ""}},
		{name: "416 of a shorter file", lie: []rangeAnswer{unsatisfied("bytes */5000")}, asked: []string{at6000, ""}},
		{name: "by date, without Last-Modified", date: true, lie: []rangeAnswer{rest(0, 0, "10000", "Last-Modified", "")}, asked: []string{at6000}},
		{name: "by date, with another Last-Modified", date: true, lie: []rangeAnswer{rest(0, 0, "10000", "Last-Modified", "Sun, 03 Jan 1999 15:04:05 GMT")}, asked: []string{at6000, ""}},
		{name: "by date, with an entity tag for it", date: true, lie: []rangeAnswer{rest(0, 0, "10000", "Last-Modified", "", "ETag", `"b"`)}, asked: []string{at6000, ""}},
		{name: "by tag, with another one", lie: []rangeAnswer{rest(0, 0, "10000", "ETag", `"b"`)}, asked: []string{at6000, ""}},
		{name: "by tag, with a weak one", lie: []rangeAnswer{rest(0, 0, "10000", "ETag", `W/"a"`)}, asked: []string{at6000, ""}},
		{name: "by tag, without one", lie: []rangeAnswer{rest(0, 0, "10000", "ETag", "")}, asked: []string{at6000, ""}},
		{name: "begins earlier", lie: []rangeAnswer{rest(5000, 0, "10000")}, asked: []string{at6000}},
		{name: "begins earlier and is shorter", lie: []rangeAnswer{rest(1, 6500, "10000"), rest(6499, 0, "*")}, asked: []string{at6000, "bytes=6500-"}},
		{name: "begins earlier, with other bytes", lie: []rangeAnswer{other(5000)}, asked: []string{at6000, ""}},
		{name: "begins later", lie: []rangeAnswer{rest(6001, 0, "10000")}, asked: []string{at6000}, want: ErrProtocol},
		{name: "ends before it begins to be of use", lie: []rangeAnswer{rest(5000, 6000, "10000")}, asked: []string{at6000}, want: ErrProtocol},
		{name: "of a longer file", lie: []rangeAnswer{rest(0, 0, "10001")}, asked: []string{at6000}, want: ErrProtocol},
		{name: "of a shorter file", lie: []rangeAnswer{rest(0, 9000, "9000")}, asked: []string{at6000}, want: ErrProtocol},
		{name: "not satisfiable, says a 206", lie: []rangeAnswer{func(w http.ResponseWriter, first int) { send(w, 206, "bytes */10000", nil) }}, asked: []string{at6000}, want: ErrProtocol},
		{name: "the whole file, cut before the part's end", lie: []rangeAnswer{whole(3000), nil}, asked: []string{at6000, at6000}},
		{name: "the whole file, cut after the part's end", lie: []rangeAnswer{whole(7000), nil}, asked: []string{at6000, "bytes=7000-"}},
		{name: "the whole file, without a validator", lie: []rangeAnswer{whole(7000, "ETag", ""), nil}, asked: []string{at6000, ""}},
		{name: "the whole file, twice", lie: []rangeAnswer{whole(size)}, asked: []string{at6000}},
		{name: "a coded range", lie: []rangeAnswer{coded(206, "gzip")}, asked: []string{at6000, ""}},
		{name: "a range of a coding that is not known", lie: []rangeAnswer{coded(206, "exi")}, asked: []string{at6000, ""}},
		{name: "a range of several codings", lie: []rangeAnswer{coded(206, "identity, gzip")}, asked: []string{at6000, ""}},
		{name: "the whole file, coded", lie: []rangeAnswer{coded(200, "gzip")}, asked: []string{at6000}},
		{name: "the whole file, coded, without a length in common", chunked: true, lie: []rangeAnswer{coded(200, "gzip")}, asked: []string{at6000}},
		{name: "identity is no coding", lie: []rangeAnswer{rest(0, 0, "10000", "Content-Encoding", "identity")}, asked: []string{at6000}},
		{name: "identity is no coding in the first response either", coding: "Identity", lie: []rangeAnswer{rest(0, 7000, "10000", "Content-Encoding", "identity"), nil}, asked: []string{at6000, "bytes=7000-"}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := &depot{content: content, cuts: []int{cut}, lie: rangeAnswers(tt.lie...), chunked: tt.chunked, coding: tt.coding}
			condition := ` if "a"`
			if d.date = tt.date; tt.date {
				condition = " if Sat, 02 Jan 1999 15:04:05 GMT"
			} else {
				d.tag = `"a"`
			}
			s, url, dir := d.start(t)
			n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"))
			if isAll(t, err, tt.want); tt.want != nil {
				wantFiles(t, dir, nil)
			} else {
				if n != size || err != nil {
					t.Errorf("Download = %d, %v; want %d", n, err, size)
				}
				wantFiles(t, dir, map[string]string{"x": string(content)})
			}
			want := []string{""}
			for _, asked := range tt.asked {
				if asked != "" {
					asked += condition
				}
				want = append(want, asked)
			}
			if got := d.requests(); !slices.Equal(got, want) {
				t.Errorf("it asked for\n%s; want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestDownloadOfAnotherLength has a server send the whole file again under the
// same validator, but not as long as it was to be.
func TestDownloadOfAnotherLength(t *testing.T) {
	content := noise(10000)
	for _, length := range []int{9999, 10001} {
		bubble(t, strconv.Itoa(length), func(t *testing.T) {
			d := new(depot)
			s, url, dir := d.start(t)
			first := true
			s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h := w.Header()
				h.Set("ETag", `"a"`)
				h.Set("Content-Length", "10000")
				if first {
					first = false
					h.Set("Content-Length", strconv.Itoa(length))
					w = &cutter{w, 6000}
				}
				w.Write(content)
			})))
			n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"))
			if n != 10000 || err != nil {
				t.Errorf("Download = %d, %v; want 10000", n, err)
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}

// TestDownloadMaxBody holds the whole file to the limit, in however many
// responses it comes.
func TestDownloadMaxBody(t *testing.T) {
	content := noise(4 << 20)
	for _, tt := range []struct {
		name    string
		depot   depotOf
		most    MaxBody
		ranges  Parallel
		allowed bool
	}{
		{name: "as long as may be", most: 4 << 20, allowed: true},
		{name: "longer", most: 4<<20 - 1},
		{name: "longer, of an unknown length", depot: depotOf{chunked: true}, most: 4<<20 - 1},
		{name: "as long as may be, of an unknown length", depot: depotOf{chunked: true}, most: 4 << 20, allowed: true},
		{name: "as long as may be, in ranges", most: 4 << 20, ranges: 4, allowed: true},
		{name: "longer, in ranges", most: 3 << 20, ranges: 4},
		{name: "longer, in two parts", depot: depotOf{cuts: []int{3 << 20}, chunked: true}, most: 3<<20 + 1},
		{name: "as long as may be, in two parts", depot: depotOf{cuts: []int{3 << 20}, chunked: true}, most: 4 << 20, allowed: true},
		{name: "longer, in two parts of an unknown file", depot: depotOf{cuts: []int{3 << 20}, chunked: true, lie: func(w http.ResponseWriter, r *http.Request, first int) bool {
			send(w, http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/*", first, 4<<20-1), content[first:])
			return true
		}}, most: 3<<20 + 1},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`, cuts: tt.depot.cuts, chunked: tt.depot.chunked, lie: tt.depot.lie}
			s, url, dir := d.start(t)
			n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), tt.most, tt.ranges)
			if tt.allowed && (n != 4<<20 || err != nil) || !tt.allowed && !errors.Is(err, ErrBodyTooLarge) {
				t.Errorf("Download = %d, %v", n, err)
			}
			if tt.allowed {
				wantFiles(t, dir, map[string]string{"x": string(content)})
			}
		})
	}
}

// depotOf is what a test changes of a depot.
type depotOf struct {
	cuts    []int
	chunked bool
	lie     func(http.ResponseWriter, *http.Request, int) bool
}

// touching is an adapter that does something to each response of another one.
type touching struct {
	Adapter
	do func(*Response) (*Response, error)
}

func (w touching) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	r, err := w.Adapter.Send(ctx, p, opts)
	if err != nil {
		return nil, err
	}
	return w.do(r)
}

// TestDownloadOfResponsesThatWereTouched has hooks and adapters read, replace
// and close the responses of a download: what they leave is saved, and what they
// have taken away is an error, never an empty file.
func TestDownloadOfResponsesThatWereTouched(t *testing.T) {
	content := noise(3<<20 + 5)
	for _, tt := range []struct {
		name string
		do   func(r *Response) (*Response, error)
		want error
		hook error // in the place of want, for hooks
	}{
		{name: "read by Content", do: func(r *Response) (*Response, error) {
			r.Content()
			return r, nil
		}},
		{name: "read by Load", do: func(r *Response) (*Response, error) { return r, r.Load() }},
		{name: "read from Body", do: func(r *Response) (*Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return r, err
		}, want: ErrStreamConsumed},
		{name: "read from Body in part", do: func(r *Response) (*Response, error) {
			_, err := io.CopyN(io.Discard, r.Body, 10)
			return r, err
		}, want: ErrStreamConsumed},
		{name: "read from Body in part, and the rest by Content", do: func(r *Response) (*Response, error) {
			_, err := io.CopyN(io.Discard, r.Body, 10)
			r.Content()
			return r, err
		}, want: ErrStreamConsumed},
		{name: "replaced by a NewResponse", do: func(r *Response) (*Response, error) {
			return NewResponse(r.StatusCode, r.Header, bytes.NewReader(r.Content())), nil
		}},
		{name: "read by WriteTo", do: func(r *Response) (*Response, error) {
			_, err := r.WriteTo(io.Discard)
			return r, err
		}, want: ErrStreamConsumed},
		{name: "read by an iterator", do: func(r *Response) (*Response, error) {
			for range r.IterContent(100) {
				break
			}
			return r, nil
		}, want: ErrStreamConsumed},
		{name: "closed", do: func(r *Response) (*Response, error) { return r, r.Close() }, want: ErrClosed},
		{name: "Body read and put back", do: func(r *Response) (*Response, error) {
			data, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(data))
			return r, err
		}},
		{name: "Body taken away", do: func(r *Response) (*Response, error) {
			r.Body = nil
			return r, nil
		}, want: ErrStreamConsumed},
		{name: "Body watched", do: func(r *Response) (*Response, error) {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, io.Discard), r.Body}
			return r, nil
		}},
		{name: "replaced", do: func(r *Response) (*Response, error) {
			return &Response{StatusCode: r.StatusCode, Header: r.Header.Clone(), Body: r.Body}, nil
		}, hook: ErrClosed},
		{name: "replaced by one that was read", do: func(r *Response) (*Response, error) {
			data := r.Content()
			return &Response{StatusCode: r.StatusCode, Header: r.Header.Clone(), Body: io.NopCloser(bytes.NewReader(data))}, nil
		}},
	} {
		for _, ranges := range []Parallel{1, 3} {
			for _, chunked := range []bool{false, true} {
				for _, where := range []string{"hook", "adapter"} {
					name := where + " " + tt.name
					if ranges > 1 {
						name += ", parallel"
					}
					if chunked {
						name += ", length unknown"
					}
					bubble(t, name, func(t *testing.T) {
						d := &depot{content: content, tag: `"a"`, chunked: chunked}
						s, url, dir := d.start(t)
						if where == "hook" {
							s.Hooks.Response = []OnResponse{func(_ context.Context, r *Response) (*Response, error) { return tt.do(r) }}
						} else {
							s.Mount("http://", touching{Handler(d), tt.do})
						}
						path := filepath.Join(dir, "x")
						writeOld(t, path)
						want, files := tt.want, map[string]string{"x": string(content)}
						if where == "hook" && tt.hook != nil {
							want = tt.hook
						}
						if want != nil {
							files["x"] = "old"
						}
						n, err := s.Download(t.Context(), url, path, ranges)
						if !errors.Is(err, want) || err == nil && n != int64(len(content)) {
							t.Errorf("Download = %d, %v; want %v", n, err, want)
						}
						if asked := d.requests(); len(asked) != 1 {
							t.Errorf("it asked for %q; want no more than the response that was touched", asked)
						}
						wantFiles(t, dir, files)
					})
				}
			}
		}
	}
}
