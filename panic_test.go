package requests

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPanics is B245: the panic of a function of the caller reaches the caller
// and leaves no connection behind that nobody can close.
func TestPanics(t *testing.T) {
	const large = 1 << 20 // more than the buffers on the way hold
	f := newFaulty(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	redirect := newFaulty(t, answering("HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	busy := newFaulty(t, answering("HTTP/1.1 503 Busy\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	denied := newFaulty(t, answering("HTTP/1.1 401 No\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	for _, tt := range []struct {
		name   string
		server *faulty
		opts   []Option
	}{
		{"OnRequest", f, []Option{OnRequest(func(context.Context, *PreparedRequest) error { panic("mine") })}},
		{"OnResponse", f, []Option{OnResponse(func(context.Context, *Response) (*Response, error) { panic("mine") })}},
		{"OnResponse of a redirect", redirect, []Option{OnResponse(func(context.Context, *Response) (*Response, error) { panic("mine") })}},
		{"OnRedirect", redirect, []Option{OnRedirect(func(context.Context, *Response, *PreparedRequest) error { panic("mine") })}},
		{"OnRetry", busy, []Option{Retry{Total: 1, StatusCodes: []int{503}}, OnRetry(func(context.Context, Attempt) error { panic("mine") })}},
		{"Retry.If", busy, []Option{Retry{Total: 1, If: func(Attempt) bool { panic("mine") }}}},
		{"Retry.Wait", busy, []Option{Retry{Total: 1, StatusCodes: []int{503}, Wait: func(Attempt) time.Duration { panic("mine") }}}},
		{"OnProgress", f, []Option{OnProgress(func(done, total int64) { panic("mine") })}},
		{"AuthFunc", f, []Option{AuthFunc(func(context.Context, *PreparedRequest) error { panic("mine") })}},
		{"Challenge", denied, []Option{NewAuth(panicky{})}},
	} {
		for _, stream := range []bool{false, true} {
			name := "B245 " + tt.name
			if stream {
				name += ", streamed"
			}
			t.Run(name, func(t *testing.T) {
				a := new(HTTPAdapter)
				s := over(t, a, tt.opts...)
				got := recovered(func() {
					r, err := s.Get(bg, tt.server.url(), Stream(stream))
					if err != nil {
						t.Error(err)
						return
					}
					defer r.Close()
					io.Copy(io.Discard, r.Body)
				})
				if got != "mine" {
					t.Errorf("recovered %v; want the panic of the function", got)
				}
				if got := statsOf(a, unused); !unused(got) {
					t.Errorf("Stats() = %+v; want no connection in use", got)
				}
			})
		}
	}
	t.Run("B245 a handler", func(t *testing.T) {
		s := NewSession()
		defer s.Close()
		s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})))
		_, err := s.Get(bg, "mock://h/") // as from a server: the connection breaks
		isAll(t, err, ErrIncompleteBody)
	})
	t.Run("B245 an iteration", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a, Stream(true))
		got := recovered(func() {
			r, err := s.Get(bg, f.url())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for range r.IterContent(100) {
				panic("mine")
			}
		})
		if stats := statsOf(a, unused); got != "mine" || !unused(stats) {
			t.Errorf("recovered %v, Stats() = %+v; want no connection in use", got, stats)
		}
	})
}

// recovered is what f panics with.
func recovered(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func unused(s Stats) bool { return s.Open == s.Idle && s.Waiting == 0 }

// panicky is an Authenticator that panics when it is shown a challenge.
type panicky struct{}

func (panicky) Authenticate(context.Context, *PreparedRequest) error { return nil }

func (panicky) Challenge(context.Context, *Response) (*PreparedRequest, error) { panic("mine") }
