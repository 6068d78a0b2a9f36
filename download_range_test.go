package requests

import (
	"errors"
	"fmt"
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
