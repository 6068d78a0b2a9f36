package requests

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A response that a program makes itself is read like any other.
func TestResponseByHand(t *testing.T) {
	const body = "{\"a\":1}\n"
	made := map[string]func() *Response{
		"literal":     func() *Response { return &Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))} },
		"NewResponse": func() *Response { return NewResponse(200, nil, strings.NewReader(body)) },
	}
	for name, newResponse := range made {
		for way, read := range readings {
			t.Run(name+"/"+way, func(t *testing.T) {
				got, err := read(newResponse())
				require.NoError(t, err)
				require.Equal(t, strings.TrimSpace(body), strings.TrimSpace(got))
			})
		}
		t.Run(name+"/in any order", func(t *testing.T) {
			r := newResponse()
			require.Equal(t, body, r.Text())
			var v struct{ A int }
			require.NoError(t, r.JSON(&v))
			require.Equal(t, 1, v.A)
			got, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, body, string(got))
		})
		t.Run(name+"/SaveFile", func(t *testing.T) {
			n, err := newResponse().SaveFile(filepath.Join(t.TempDir(), "f"))
			require.NoError(t, err)
			require.EqualValues(t, len(body), n)
		})
		t.Run(name+"/As", func(t *testing.T) {
			v, err := As[map[string]int](newResponse(), nil)
			require.NoError(t, err)
			require.Equal(t, map[string]int{"a": 1}, v)
		})
	}
	t.Run("error of the body", func(t *testing.T) {
		for _, r := range []*Response{{Body: io.NopCloser(iotest.ErrReader(errDisk))}, NewResponse(200, nil, iotest.ErrReader(errDisk))} {
			require.Empty(t, r.Text())
			require.ErrorIs(t, r.Err(), errDisk)
		}
	})
	t.Run("Close", func(t *testing.T) {
		for way, make := range map[string]func(io.ReadCloser) *Response{
			"literal":     func(c io.ReadCloser) *Response { return &Response{Body: c} },
			"NewResponse": func(c io.ReadCloser) *Response { return NewResponse(200, nil, c) },
		} {
			c := &closing{Reader: strings.NewReader(body)}
			require.NoError(t, make(c).Close())
			require.Equal(t, 1, c.closed, way)
		}
	})
	t.Run("charset", func(t *testing.T) {
		r := NewResponse(200, http.Header{"content-type": {"text/plain; charset=latin1"}}, strings.NewReader("caf\xe9"))
		require.Equal(t, "café", r.Text())
		r = &Response{Header: http.Header{"Content-Type": {"text/plain; charset=latin1"}}, Body: io.NopCloser(strings.NewReader("caf\xe9"))}
		require.Equal(t, "café", r.Text())
	})
	t.Run("coding", func(t *testing.T) {
		r := NewResponse(200, http.Header{"Content-Encoding": {"gzip"}}, bytes.NewReader(zipped(body)))
		require.Equal(t, body, r.Text())
	})
	t.Run("fields of NewResponse", func(t *testing.T) {
		header := http.Header{"x-a": {"1"}, "X-A": {"2"}, "Link": {`<n>; rel=next`}, "Set-Cookie": {"a=b"}}
		r := NewResponse(404, header, nil)
		require.Equal(t, "Not Found", r.Reason)
		require.Len(t, r.Header["X-A"], 2)
		require.Empty(t, r.Text())
		require.NoError(t, r.Err())
		require.Len(t, header, 4, "the caller's")
		require.EqualError(t, r.RaiseForStatus(), "404 Client Error: Not Found for url: ")
	})
	t.Run("from an adapter", func(t *testing.T) {
		s := new(Session)
		s.Mount("mock://", adapterFunc(func(context.Context, *PreparedRequest, SendOptions) (*Response, error) {
			return NewResponse(200, http.Header{"Link": {`</n>; rel=next`}}, strings.NewReader(body)), nil
		}))
		r, err := s.Get(t.Context(), "mock://a/b")
		require.NoError(t, err)
		require.Equal(t, body, r.Text())
		require.Equal(t, "mock://a/n", r.Links()["next"].URL)
		_, err = s.Get(t.Context(), "mock://a/b", MaxBody(3))
		require.ErrorIs(t, err, ErrBodyTooLarge)
	})
	t.Run("from a hook", func(t *testing.T) {
		s := new(Session)
		s.Mount("mock://", Handler(http.NotFoundHandler()))
		for _, other := range made {
			r, err := s.Get(t.Context(), "mock://a/b", OnResponse(func(context.Context, *Response) (*Response, error) { return other(), nil }))
			require.NoError(t, err)
			require.Equal(t, body, r.Text())
		}
	})
}

type adapterFunc func(context.Context, *PreparedRequest, SendOptions) (*Response, error)

func (f adapterFunc) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	return f(ctx, p, opts)
}

func zipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.Bytes()
}

// serveText answers with text, in each framing and coding.
func serveText(t *testing.T, text string, test func(t *testing.T, get func() *Response)) {
	for _, coded := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("coded %v, length known %v", coded, known), func(t *testing.T) {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					body := []byte(text)
					if coded {
						w.Header().Set("Content-Encoding", "gzip")
						body = zipped(text)
					}
					if known {
						w.Header().Set("Content-Length", strconv.Itoa(len(body)))
					} else {
						w.(http.Flusher).Flush()
					}
					w.Write(body)
				}))
				t.Cleanup(srv.Close)
				test(t, func() *Response {
					r, err := Get(t.Context(), srv.URL, Stream(true))
					require.NoError(t, err)
					t.Cleanup(func() { r.Close() })
					return r
				})
			})
		}
	}
}

// After a part of Body was read by hand, everything that reads goes on from
// there. What is for a whole file says that there is none any more.
func TestReadingTheRest(t *testing.T) {
	for _, rest := range []string{"{\"a\":1}\n", "\"" + strings.Repeat("0123456789", 60_000) + "\"\n"} {
		serveText(t, "data\n"+rest, func(t *testing.T, get func() *Response) {
			for way, read := range readings {
				t.Run(way, func(t *testing.T) {
					r := get()
					_, err := io.ReadFull(r.Body, make([]byte, 5))
					require.NoError(t, err)
					if way == "Raw" && r.Header.Get("Content-Encoding") != "" {
						_, err := r.Raw()
						require.ErrorIs(t, err, ErrStreamConsumed)
						return
					}
					got, err := read(r)
					require.NoError(t, err)
					require.Equal(t, strings.TrimSpace(rest), strings.TrimSpace(got))
					require.NoError(t, r.Err())
				})
			}
			t.Run("SaveFile", func(t *testing.T) {
				r := get()
				r.Body.Read(make([]byte, 5))
				_, err := r.SaveFile(filepath.Join(t.TempDir(), "f"))
				require.ErrorIs(t, err, ErrStreamConsumed)
			})
		})
	}
	serveText(t, "text", func(t *testing.T, get func() *Response) {
		t.Run("nothing is left", func(t *testing.T) {
			for _, all := range []func(*Response){
				func(r *Response) { io.ReadFull(r.Body, make([]byte, 4)) },
				func(r *Response) { io.ReadAll(r.Body) },
			} {
				r := get()
				all(r)
				require.Empty(t, r.Text())
				require.ErrorIs(t, r.Err(), ErrStreamConsumed)
			}
		})
		t.Run("closed", func(t *testing.T) {
			r := get()
			r.Body.Read(make([]byte, 2))
			r.Close()
			require.Empty(t, r.Content())
			require.ErrorIs(t, r.Err(), ErrClosed)
		})
	})
}

// What an iterator has read ahead when a loop over it is left is not a clean
// end, whether the body was short or long.
func TestBodyAfterALoopThatWasLeft(t *testing.T) {
	loops := map[string]func(*Response) error{
		"IterContent":   func(r *Response) error { return firstOf(r.IterContent(1)) },
		"IterLines":     func(r *Response) error { return firstOf(r.IterLines()) },
		"IterLineBytes": func(r *Response) error { return firstOf(r.IterLineBytes()) },
		"IterSplit":     func(r *Response) error { return firstOf(r.IterSplit("\n")) },
		"IterText":      func(r *Response) error { return firstOf(r.IterText(1)) },
		"IterJSON":      func(r *Response) error { return firstOf(IterJSON[any](r)) },
		"Events":        func(r *Response) error { return firstOf(r.Events()) },
	}
	for name, lines := range map[string]int{"short": 3, "long": 300_000} {
		serveText(t, "1\n\ndata: x\n\n"+strings.Repeat("2\n", lines), func(t *testing.T, get func() *Response) {
			for way, loop := range loops {
				t.Run(name+"/"+way, func(t *testing.T) {
					r := get()
					require.NoError(t, loop(r))
					got, err := io.ReadAll(r.Body)
					require.Empty(t, got)
					require.ErrorIs(t, err, ErrClosed)
					require.ErrorIs(t, r.Err(), ErrClosed)
					require.Empty(t, r.Text())
				})
			}
		})
	}
}

// A loop with one variable does not see an error. Err has it.
func TestErrAfterALoop(t *testing.T) {
	for name, loop := range map[string]func(*Response){
		"IterContent": func(r *Response) {
			for range r.IterContent(3) {
			}
		},
		"IterLines": func(r *Response) {
			for range r.IterLines() {
			}
		},
		"IterSplit": func(r *Response) {
			for range r.IterSplit(",") {
			}
		},
		"IterText": func(r *Response) {
			for range r.IterText(3) {
			}
		},
		"IterJSON": func(r *Response) {
			for range IterJSON[any](r) {
			}
		},
		"Events": func(r *Response) {
			for range r.Events() {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := unread(io.MultiReader(strings.NewReader("1\n2\n"), iotest.ErrReader(errDisk)), "", 0)
			loop(r)
			require.ErrorIs(t, r.Err(), errDisk)
			whole := unread(strings.NewReader("1\n2\n"), "", 0)
			loop(whole)
			require.NoError(t, whole.Err())
		})
	}
}

// The size of a chunk sets no memory aside.
func TestIterContentOfAnySize(t *testing.T) {
	text := strings.Repeat("0123456789", 100_000)
	serveText(t, text, func(t *testing.T, get func() *Response) {
		for _, n := range []int{math.MinInt, -1, 0, 300_000, 2 << 20, math.MaxInt32, math.MaxInt} {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				inMemory := get()
				inMemory.Load()
				for _, r := range []*Response{get(), inMemory} {
					var got strings.Builder
					for chunk, err := range r.IterContent(n) {
						require.NoError(t, err)
						if n > 0 {
							require.LessOrEqual(t, len(chunk), n)
						}
						if n > 0 && (r.loaded || r.wire.length >= 0) && got.Len()+len(chunk) < len(text) {
							require.Len(t, chunk, n)
						}
						got.Write(chunk)
					}
					require.True(t, got.String() == text)
				}
			})
		}
	})
}

// foreign is a context of a type that the package context does not know: each
// one derived from it costs a goroutine until it is cancelled.
type foreign struct {
	context.Context
	done chan struct{}
}

func (f foreign) Done() <-chan struct{} { return f.done }

// A hook that reads or closes a streamed body leaves nothing behind.
func TestTotalOfAStreamThatAHookEnds(t *testing.T) {
	s := new(Session)
	defer s.Close()
	s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") })))
	for name, hook := range map[string]func(*Response) (*Response, error){
		"Load":     func(r *Response) (*Response, error) { return nil, r.Load() },
		"read":     func(r *Response) (*Response, error) { return nil, drain(r.Body) },
		"Close":    func(r *Response) (*Response, error) { return nil, r.Close() },
		"IterJSON": func(r *Response) (*Response, error) { firstOf(IterJSON[any](r)); return nil, nil },
		"another":  func(*Response) (*Response, error) { return NewResponse(200, nil, nil), nil },
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			for range 50 {
				r, err := s.Get(foreign{t.Context(), make(chan struct{})}, "mock://a/", Stream(true), Timeout{Total: time.Hour},
					OnResponse(func(_ context.Context, r *Response) (*Response, error) { return hook(r) }))
				require.NoError(t, err)
				if name == "another" {
					r.Close()
				}
			}
			require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+25 }, 5*time.Second, time.Millisecond)
		})
	}
}

// One rule says what a failed status is: from 400 on. What is above 599 counts as
// an error of the server (RFC 9110, section 15).
func TestFailedStatus(t *testing.T) {
	for status, want := range map[int]string{
		100: "", 200: "", 304: "", 399: "",
		400: "400 Client Error", 499: "499 Client Error", 500: "500 Server Error", 599: "599 Server Error", 600: "600 Server Error", 999: "999 Server Error",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			r := NewResponse(status, nil, strings.NewReader("{}"))
			require.Equal(t, want == "", r.OK())
			_, asErr := As[any](NewResponse(status, nil, strings.NewReader("{}")), nil)
			s := new(Session)
			s.Mount("mock://", adapterFunc(func(context.Context, *PreparedRequest, SendOptions) (*Response, error) {
				return NewResponse(status, nil, strings.NewReader("text")), nil
			}))
			got, callErr := s.Get(t.Context(), "mock://a/", RaiseForStatus(true))
			if want == "" {
				require.NoError(t, errors.Join(r.RaiseForStatus(), asErr, callErr))
				return
			}
			require.Nil(t, got)
			for _, err := range []error{r.RaiseForStatus(), asErr, callErr} {
				require.ErrorContains(t, err, want)
				require.IsType(t, new(HTTPError), err)
			}
			require.Equal(t, "text", callErr.(*HTTPError).Response.Text())
		})
	}
}

// TestUnclosed is B246: a call that is not streamed has nothing to be closed;
// a streamed response that nobody closes holds one connection, which Stats
// tells and the end of its context frees, and keeps no other call waiting.
func TestUnclosed(t *testing.T) {
	const large = 1 << 20 // more than the buffers on the way hold
	f := newFaulty(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	t.Run("B246 not streamed", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a)
		for range 5 {
			if r, err := s.Get(bg, f.url()); err != nil || len(r.Content()) != large {
				t.Fatal(r, err)
			}
		}
		if got := statsOf(a, unused); got.Dialed != 1 || got.Idle != 1 {
			t.Errorf("Stats() = %+v; want one connection, used five times and idle", got)
		}
	})
	t.Run("B246 streamed", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a, Stream(true))
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		const held = 3
		for range held {
			if _, err := s.Get(ctx, f.url()); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.Get(bg, f.url(), Stream(false))
		if err != nil || len(r.Content()) != large {
			t.Fatal(r, err)
		}
		want := Stats{Open: held + 1, Idle: 1, Dialed: held + 1}
		if got := statsOf(a, func(s Stats) bool { return s == want }); got != want {
			t.Errorf("Stats() = %+v; want %+v", got, want)
		}
		cancel()
		if got := statsOf(a, unused); got.Open-got.Idle != 0 {
			t.Errorf("after the end of the context Stats() = %+v; want no connection in use", got)
		}
	})
	t.Run("B246 read to the end", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a, Stream(true))
		for range 3 {
			r, err := s.Get(bg, f.url())
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range r.IterContent(64 << 10) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := statsOf(a, unused); got.Dialed != 1 || got.Idle != 1 {
			t.Errorf("Stats() = %+v; want one connection, idle without a Close", got)
		}
	})
}

func TestTimings(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(serveLarge))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := NewSession(TLS{SkipVerify: true}, Trace(true))
	defer s.Close()
	get := func(opts ...Option) Timings {
		t.Helper()
		r, err := s.Get(context.Background(), "https://localhost:"+port, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return r.Timings()
	}
	first := get()
	if first.DNS <= 0 || first.Connect <= 0 || first.TLS <= 0 || first.Reused {
		t.Errorf("the first Timings = %+v; want DNS, Connect and TLS in it", first)
	}
	if first.FirstByte < first.DNS+first.Connect+first.TLS || first.Total < first.FirstByte {
		t.Errorf("the first Timings = %+v; want FirstByte to be more than what is before it, and less than Total", first)
	}
	second := get()
	if second.DNS != 0 || second.Connect != 0 || second.TLS != 0 || !second.Reused || second.FirstByte <= 0 || second.Total < second.FirstByte {
		t.Errorf("the second Timings = %+v; want those of a connection that was there", second)
	}
	if off := get(Trace(false)); off != (Timings{}) {
		t.Errorf("the Timings without Trace = %+v; want none", off)
	}
}

// TestTimingsExact has every step take a time of its own.
func TestTimingsExact(t *testing.T) {
	for _, stream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := pipes{delay: time.Second, serve: script(2*time.Second, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 3*time.Second, "b")}.session(t)
			r, err := s.Get(context.Background(), "http://example.com/", Trace(true), Stream(stream))
			if err != nil {
				t.Fatal(err)
			}
			want := Timings{FirstByte: 3 * time.Second}
			if stream {
				if got := r.Timings(); got != want {
					t.Errorf("Timings before the body = %+v; want %+v", got, want)
				}
			}
			r.Content()
			want.Total = 6 * time.Second
			if got := r.Timings(); got != want {
				t.Errorf("Timings = %+v; want %+v", got, want)
			}
		})
	}
}

// TestTimingsOfHandler are those of an adapter that tells nothing.
func TestTimingsOfHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSession(Trace(true))
		defer s.Close()
		s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
		})))
		r, err := s.Get(context.Background(), "mock://a/")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Timings(), (Timings{FirstByte: time.Second, Total: 2 * time.Second}); got != want {
			t.Errorf("Timings = %+v; want %+v", got, want)
		}
	})
}

// TestTraceIsFree counts what a call that does not ask for the times, the
// progress and what comes before the response pays for them: nothing.
func TestTraceIsFree(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	opts := SendOptions{}
	p := &PreparedRequest{}
	r := &Response{Request: p}
	r.wire.src = io.NopCloser(strings.NewReader(""))
	hr := &http.Request{Body: r.wire.src}
	if n := testing.AllocsPerRun(100, func() {
		countUpload(hr, opts.OnProgress)
		r.timed(nil)
		r.countDownload(opts.OnProgress)
		_, before := withInterim(context.Background(), opts.OnInformational)
		before.end(nil, nil)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
