package requests

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
)

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
