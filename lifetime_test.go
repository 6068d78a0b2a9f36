package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCancel is B240: wherever a call is when its caller gives up, the error is
// context.Canceled and the cause, and nothing is left running.
func TestCancel(t *testing.T) {
	mine := errors.New("mine")
	silent := func(_ *faulty, c net.Conn) { hold(c) }
	answer := func(parts string) func(*faulty, net.Conn) {
		return func(f *faulty, c net.Conn) {
			f.request(bufio.NewReader(c))
			io.WriteString(c, parts)
			hold(c)
		}
	}
	for _, tt := range []struct {
		name   string
		serve  func(*faulty, net.Conn)
		scheme string
		a      *HTTPAdapter
		opts   []Option
	}{
		{name: "connecting", serve: silent, scheme: "http", a: &HTTPAdapter{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}},
		{name: "TLS", serve: silent, scheme: "https"},
		{name: "TLS, deadlines only", serve: silent, scheme: "https", a: &HTTPAdapter{DisableHTTP2: true}},
		{name: "sending", serve: func(_ *faulty, c net.Conn) {
			for b := make([]byte, 1); ; time.Sleep(10 * time.Millisecond) {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}, scheme: "http",
			opts: []Option{Reader(io.LimitReader(zeros{}, 1<<30))}},
		{name: "B101 a reader that blocks", serve: answer(""), scheme: "http", opts: []Option{Reader(blockedReader(t))}},
		{name: "headers", serve: answer("HTTP/1.1 200 OK\r\n"), scheme: "http"},
		{name: "body", serve: answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), scheme: "http"},
		{name: "HTTP/2", serve: nil, scheme: "http", a: h2c()},
	} {
		t.Run("B240 "+tt.name, func(t *testing.T) {
			var f *faulty
			if tt.serve == nil {
				f = newFramed(t, func(*framed, int32, uint32) bool { return true })
			} else {
				f = newFaulty(t, tt.serve)
			}
			a := tt.a
			if a == nil {
				a = new(HTTPAdapter)
			}
			ctx, cancel := context.WithCancelCause(bg)
			defer cancel(nil)
			time.AfterFunc(50*time.Millisecond, func() { cancel(mine) })
			_, err := over(t, a).Post(ctx, tt.scheme+"://"+f.addr, tt.opts...)
			isAll(t, err, context.Canceled, mine)
			if errors.Is(err, ErrTimeout) {
				t.Errorf("%v is a timeout", err)
			}
		})
	}
	t.Run("B240 before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(bg)
		cancel(mine)
		dialled := false
		_, err := over(t, &HTTPAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, errors.New("no")
		}}).Get(ctx, "http://h.test/")
		isAll(t, err, context.Canceled, mine)
		if dialled {
			t.Error("it was dialled")
		}
	})
}

// blockedReader reads nothing until the test is over.
func blockedReader(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}

// TestManyAtOnce is B242: one session, everything at once, and each response is
// that of its request.
func TestManyAtOnce(t *testing.T) {
	ca := newIssuer(t, "ca")
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	})
	mux.HandleFunc("/to/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "1"})
		http.Redirect(w, r, "/echo/"+strings.TrimPrefix(r.URL.Path, "/to/"), http.StatusTemporaryRedirect)
	})
	var mu sync.Mutex
	tried := make(map[string]bool)
	mux.HandleFunc("/sick/", func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/sick/")
		mu.Lock()
		again := tried[id]
		tried[id] = true
		mu.Unlock()
		if !again {
			w.WriteHeader(503)
			return
		}
		fmt.Fprintf(w, "/echo/%s ", id)
	})
	srv := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)} // connections that nobody needed any more
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	serving.Go(func() { srv.Serve(p) })
	defer func() { srv.Close(); serving.Wait() }()
	a := new(HTTPAdapter)
	s := over(t, a, TLS{CABundle: ca.bundle(t)}, Retry{Total: 1, StatusCodes: []int{503}})
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			base := "http://" + p.Addr().String()
			if i%2 == 0 {
				base = "https://" + l.Addr().String()
			}
			var r *Response
			var err error
			body := ""
			switch i % 5 {
			case 0:
				r, err = s.Get(bg, base+"/echo/"+id)
			case 1:
				body = "body" + id
				r, err = s.Post(bg, base+"/to/"+id, Text(body))
			case 2:
				r, err = s.Get(bg, base+"/sick/"+id)
			case 3:
				r, err = s.Get(bg, base+"/echo/"+id, Stream(true))
			case 4:
				ctx, cancel := context.WithTimeout(bg, time.Duration(i)*10*time.Microsecond)
				defer cancel()
				if r, err = s.Get(ctx, base+"/echo/"+id); errors.Is(err, ErrTimeout) {
					return
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			if got, want := r.Text(), "/echo/"+id+" "+body; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
			r.Close()
		})
	}
	wg.Wait()
	if got := statsOf(a, func(s Stats) bool { return s.Idle == s.Open }); got.Waiting != 0 || got.Idle != got.Open {
		t.Errorf("Stats() = %+v; want all idle", got)
	}
}

// TestUploadFaults are the rows on request bodies.
func TestUploadFaults(t *testing.T) {
	t.Run("B095 413 before the body was read", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) {
			br := bufio.NewReader(c)
			readHead(br)
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, br)
		})
		r, err := over(t, new(HTTPAdapter)).Post(bg, f.url(), Reader(io.LimitReader(zeros{}, 4<<20)))
		if err != nil || r.StatusCode != 413 {
			t.Errorf("got %v, %v; want 413", r, err)
		}
	})
	t.Run("B097 RST within the body", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { c.Read(make([]byte, 1000)); reset(c) })
		_, err := over(t, new(HTTPAdapter)).Post(bg, f.url(), Reader(io.LimitReader(zeros{}, 64<<20)))
		isAll(t, err, ErrConnectionLost)
	})
	t.Run("B089 Expect and silence", func(t *testing.T) {
		f := newFaulty(t, answering(okAnswer))
		r, err := over(t, new(HTTPAdapter)).Post(bg, f.url(), Text("x"), Headers{"Expect": "100-continue"})
		if err != nil || r.Text() != "ok" {
			t.Errorf("got %v, %v; want ok", r, err)
		}
	})
	t.Run("B090 417", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) {
			readHead(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
			hold(c)
		})
		r, err := over(t, new(HTTPAdapter)).Post(bg, f.url(), Text("x"), Headers{"Expect": "100-continue"})
		if err != nil || r.StatusCode != 417 {
			t.Errorf("got %v, %v; want 417", r, err)
		}
	})
	t.Run("B099 a reader that fails", func(t *testing.T) {
		exploded := errors.New("the disk exploded")
		f := newFaulty(t, answering(okAnswer))
		a := new(HTTPAdapter)
		_, err := over(t, a, Retry{Total: 3, Methods: []string{"*"}}).Post(bg, f.url(),
			Reader(io.MultiReader(strings.NewReader("x"), failing{exploded})))
		isAll(t, err, exploded)
		if n := a.Stats().Dialed; n != 1 {
			t.Errorf("%d connections; want 1", n)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// on returns a session on a that trusts any server, closed with the test.
func on(t *testing.T, a Adapter) *Session {
	if network, ok := a.(*HTTPAdapter); ok && network.Transport == nil {
		return over(t, network, TLS{SkipVerify: true})
	}
	s := NewSession()
	s.Mount("http://", a)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestEndedContextSendsNothing is about calls, hops and retries whose context
// has ended before they begin: a server that gets them acts for nobody.
func TestEndedContextSendsNothing(t *testing.T) {
	var posts atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Method == "POST" {
			posts.Add(1)
		}
		io.WriteString(w, "ok")
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	plain := httptest.NewServer(mux)
	defer plain.Close()
	serve := func(http2 bool) *httptest.Server {
		srv := httptest.NewUnstartedServer(mux)
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	encrypted, h2 := serve(false), serve(true)

	for _, way := range []struct {
		name    string
		adapter func() Adapter
		url     string
	}{
		{"plain", func() Adapter { return new(HTTPAdapter) }, plain.URL},
		{"PoolBlock", func() Adapter { return &HTTPAdapter{PoolBlock: true} }, plain.URL},
		{"TLS", func() Adapter { return &HTTPAdapter{DisableHTTP2: true} }, encrypted.URL},
		{"TLS, ALPN", func() Adapter { return new(HTTPAdapter) }, encrypted.URL},
		{"HTTP/2", func() Adapter { return new(HTTPAdapter) }, h2.URL},
		{"RoundTripper", func() Adapter { return RoundTripper(&http.Transport{}) }, plain.URL},
		{"Handler", func() Adapter { return Handler(mux) }, plain.URL},
	} {
		for _, ended := range []struct {
			name string
			want error
			ctx  func() (context.Context, context.CancelFunc)
		}{
			{"cancelled", context.Canceled, func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(bg)
				cancel()
				return ctx, cancel
			}},
			{"past deadline", ErrTimeout, func() (context.Context, context.CancelFunc) {
				return context.WithDeadline(bg, time.Now().Add(-time.Second))
			}},
		} {
			t.Run(way.name+"/"+ended.name, func(t *testing.T) {
				s := on(t, way.adapter())
				posts.Store(0)
				for range 10 {
					if _, err := s.Get(bg, way.url); err != nil { // leaves a warm connection
						t.Fatal(err)
					}
					ctx, cancel := ended.ctx()
					_, err := s.Post(ctx, way.url, Text("order"))
					cancel()
					isAll(t, err, ended.want)
				}
				if n := posts.Load(); n != 0 {
					t.Errorf("%d of 10 POSTs reached the server", n)
				}
			})
		}
		t.Run(way.name+"/within a call", func(t *testing.T) {
			s := on(t, way.adapter())
			posts.Store(0)
			for _, path := range []string{"/moved", "/busy"} {
				ctx, cancel := context.WithCancel(bg)
				_, err := s.Post(ctx, way.url+path, Text("order"),
					Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"POST"}, Backoff: time.Nanosecond},
					OnResponse(func(context.Context, *Response) (*Response, error) { cancel(); return nil, nil }),
					OnRetry(func(context.Context, Attempt) error { cancel(); return nil }))
				cancel()
				if !errors.Is(err, context.Canceled) {
					t.Errorf("POST %s = %v; want context.Canceled", path, err)
				}
			}
			if n := posts.Load(); n != 0 {
				t.Errorf("%d POSTs were sent after the end of their context", n)
			}
		})
	}
}

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
