package requests_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// panicBody panics when it is read or closed.
type panicBody struct {
	io.ReadCloser
	read bool
}

func (b panicBody) Read(p []byte) (int, error) {
	if b.read {
		panic("mine")
	}
	return b.ReadCloser.Read(p)
}

func (b panicBody) Close() error {
	if !b.read {
		panic("mine")
	}
	return b.ReadCloser.Close()
}

// TestWrapPanics has middleware panic at each place where it can. The caller gets
// the panic, and the connection and its place in a full pool come back.
func TestWrapPanics(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, strings.Repeat("x", 1<<20)) // more than the buffers on the way hold
	}))
	defer srv.Close()
	send := func(next http.RoundTripper, r *http.Request) *http.Response {
		res, err := next.RoundTrip(r)
		if err != nil {
			t.Error(err)
			panic("mine")
		}
		return res
	}
	type middleware = func(http.RoundTripper, *http.Request) (*http.Response, error)
	for name, mw := range map[string]middleware{
		"before": func(http.RoundTripper, *http.Request) (*http.Response, error) { panic("mine") },
		"after":  func(next http.RoundTripper, r *http.Request) (*http.Response, error) { send(next, r); panic("mine") },
		"after two": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			first := send(next, r)
			first.Body.Close()
			again := r.Clone(r.Context())
			again.Body, again.GetBody, again.ContentLength = nil, nil, 0
			send(next, again)
			panic("mine")
		},
		"after its body": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, send(next, r).Body)
			panic("mine")
		},
		"by a nil pointer": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			send(next, r)
			r.Response.Body.Close()
			return nil, nil
		},
		"in Read": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			res := send(next, r)
			res.Body = panicBody{res.Body, true}
			return res, nil
		},
		"in Close": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			res := send(next, r)
			res.Body = panicBody{res.Body, false}
			return res, nil
		},
	} {
		for body, upload := range map[string]func() requests.Option{
			"no body":   func() requests.Option { return requests.Timeout{} },
			"in memory": func() requests.Option { return requests.Text("body") },
			"a stream":  func() requests.Option { return requests.Reader(io.MultiReader(strings.NewReader("body"))) },
			"a function": func() requests.Option {
				return requests.Writer(func(w io.Writer) error { _, err := io.WriteString(w, "body"); return err })
			},
		} {
			t.Run(name+"/"+body, func(t *testing.T) {
				broken := true
				a := &requests.HTTPAdapter{PoolBlock: true, PoolMaxSize: 1}
				s := wrapped(t, a, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
					if broken {
						return mw(next, r)
					}
					return next.RoundTrip(r)
				}, requests.TrustEnv(false))
				for _, stream := range []bool{false, true} {
					broken = true
					func() {
						defer func() {
							if p := recover(); p == nil || name != "by a nil pointer" && p != "mine" {
								t.Errorf("recovered %v; want the panic of the middleware", p)
							}
						}()
						r, err := s.Post(t.Context(), srv.URL, upload(), requests.Stream(stream))
						if err != nil {
							t.Errorf("Post = %v; want a panic", err)
							return
						}
						defer r.Close()
						r.Body.Read(make([]byte, 1))
					}()
					broken = false
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					r, err := s.Get(ctx, srv.URL)
					require.NoError(t, err, "the place in the pool, which is leaked")
					require.Len(t, r.Content(), 1<<20)
				}
				for end := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
					if got := a.Stats(); got.Open == got.Idle && got.Waiting == 0 {
						break
					} else if time.Now().After(end) {
						t.Errorf("Stats() = %+v; want no connection in use", got)
						break
					}
				}
			})
		}
	}
}

// TestWrapPanicsItself holds that nothing goes out without the middleware, or
// without the other fields of the adapter, once Wrap has failed.
func TestWrapPanicsItself(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request went out") }))
	defer srv.Close()
	noEnvironment(t)
	a := &requests.HTTPAdapter{Wrap: func(http.RoundTripper) http.RoundTripper { panic("mine") }}
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	require.PanicsWithValue(t, "mine", func() { s.Get(t.Context(), srv.URL) })
	for range 2 {
		_, err := s.Get(t.Context(), srv.URL)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		require.ErrorContains(t, err, "HTTPAdapter.Wrap")
	}
}

// TestWrapGoexit has middleware end its goroutine, as t.FailNow does, while a stream is
// sent: that ends the goroutine of the caller.
func TestWrapGoexit(t *testing.T) {
	s := wrapped(t, &requests.HTTPAdapter{}, func(http.RoundTripper, *http.Request) (*http.Response, error) {
		runtime.Goexit()
		return nil, nil
	})
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Post(t.Context(), "http://127.0.0.1:1/", requests.Reader(io.MultiReader(strings.NewReader("body"))))
		returned = true
	}()
	<-done
	require.False(t, returned, "Post has returned")
}
