package requests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network of one host in memory, so that a synctest bubble can hold
// it: every dial is served by serve on the other end of a pipe.
type pipes struct {
	delay time.Duration // of connecting
	serve func(*peer)
}

// A peer is the server's end of a connection.
type peer struct {
	net.Conn
	quit chan struct{} // closed when the test is over
}

// wait sleeps until the test is over at the latest.
func (p *peer) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.quit:
	}
}

// session returns a session on p that is closed with the test.
func (p pipes) session(t *testing.T, opts ...Option) *Session {
	quit := make(chan struct{})
	s := NewSession(opts...)
	s.Mount("http://", &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		select {
		case <-time.After(p.delay):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			p.serve(&peer{server, quit})
		}()
		return client, nil
	}})
	t.Cleanup(func() {
		close(quit)
		s.Close()
	})
	return s
}

// script answers one request with parts, each a string to write or a time to
// wait, and then holds the connection until the client lets go of it.
func script(parts ...any) func(*peer) {
	return func(c *peer) {
		br := bufio.NewReader(c)
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		for _, part := range parts {
			switch part := part.(type) {
			case string:
				if _, err := io.WriteString(c, part); err != nil {
					return
				}
			case time.Duration:
				c.wait(part)
			}
		}
		io.Copy(io.Discard, br)
	}
}

const head100 = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

func trickle(text string, every time.Duration) (parts []any) {
	for _, c := range text {
		parts = append(parts, string(c), every)
	}
	return parts
}

func TestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pipes   pipes
		timeout Timeout
		want    error // nil: it succeeds
		after   time.Duration
	}{
		{name: "connect, by default", pipes: pipes{delay: time.Hour}, want: ErrConnectTimeout, after: 10 * time.Second},
		{name: "connect", pipes: pipes{delay: time.Hour}, timeout: Timeout{Connect: time.Second}, want: ErrConnectTimeout, after: time.Second},
		{name: "connect in time", pipes: pipes{delay: 9 * time.Second, serve: script("HTTP/1.1 204 No Content\r\n\r\n")}, after: 9 * time.Second},
		{name: "silence, by default", pipes: pipes{serve: script()}, want: ErrReadTimeout, after: 30 * time.Second},
		{name: "silence", pipes: pipes{serve: script()}, timeout: Timeout{Read: 2 * time.Second}, want: ErrReadTimeout, after: 2 * time.Second},
		{name: "no limit", pipes: pipes{serve: script(time.Hour, "HTTP/1.1 204 No Content\r\n\r\n")}, timeout: Timeout{Read: -1}, after: time.Hour},
		{name: "B081 headers trickle", pipes: pipes{serve: script(trickle(head100, 300*time.Millisecond)...)}, timeout: Timeout{Read: 2 * time.Second}, want: ErrReadTimeout, after: 2 * time.Second},
		{name: "B083 body stalls", pipes: pipes{serve: script(head100, "half", time.Hour)}, timeout: Timeout{Read: 2 * time.Second}, want: ErrReadTimeout, after: 2 * time.Second},
		{name: "B082 body trickles", pipes: pipes{serve: script(append([]any{head100}, trickle(strings.Repeat("x", 100), time.Second)...)...)}, timeout: Timeout{Read: 2 * time.Second}, after: 99 * time.Second},
		{name: "total, in the headers", pipes: pipes{serve: script()}, timeout: Timeout{Total: 5 * time.Second}, want: ErrTotalTimeout, after: 5 * time.Second},
		{name: "B088 total, in the body", pipes: pipes{serve: script(append([]any{head100}, trickle(strings.Repeat("x", 100), time.Second)...)...)}, timeout: Timeout{Read: 2 * time.Second, Total: 10 * time.Second}, want: ErrTotalTimeout, after: 10 * time.Second},
		{name: "total, while connecting", pipes: pipes{delay: time.Hour}, timeout: Timeout{Total: 3 * time.Second}, want: ErrTotalTimeout, after: 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tt.pipes.session(t)
				start := time.Now()
				r, err := s.Get(context.Background(), "http://example.com/", tt.timeout)
				if took := time.Since(start); took != tt.after {
					t.Errorf("it took %v, want %v (error %v)", took, tt.after, err)
				}
				if tt.want == nil {
					if err != nil {
						t.Fatalf("Get = %v, want a response", err)
					}
					return
				}
				checkTimeout(t, err, tt.want)
				if r != nil {
					t.Errorf("Get = %v beside the error", r)
				}
			})
		})
	}
}

// checkTimeout holds err to be want and none of the other limits.
func checkTimeout(t *testing.T, err, want error) {
	t.Helper()
	for _, kind := range []error{ErrConnectTimeout, ErrReadTimeout, ErrTotalTimeout} {
		if got := errors.Is(err, kind); got != (kind == want) {
			t.Errorf("errors.Is(%v, %v) = %v", err, kind, got)
		}
	}
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("%v is not ErrTimeout", err)
	}
	if errors.Is(err, ErrConnection) != (want == ErrConnectTimeout) {
		t.Errorf("errors.Is(%v, ErrConnection) = %v", err, errors.Is(err, ErrConnection))
	}
	if errors.Is(err, context.Canceled) {
		t.Errorf("%v is context.Canceled, which nobody did", err)
	}
	if e, ok := errors.AsType[*Error](err); !ok || !e.Timeout() {
		t.Errorf("%#v is no *Error whose Timeout is true", err)
	}
}

// The total limit spans redirects: each hop is quick, all together are not.
func TestTotalTimeoutSpansRedirects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hop := script(3*time.Second, "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		s := pipes{serve: hop}.session(t, Timeout{Total: 10 * time.Second})
		start := time.Now()
		_, err := s.Get(context.Background(), "http://example.com/")
		checkTimeout(t, err, ErrTotalTimeout)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
	})
}

// A caller who takes his time over a streamed body is not the server's silence,
// and the total limit is over with the headers.
func TestSlowConsumerIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes{serve: script(head100, strings.Repeat("x", 50), time.Second, strings.Repeat("y", 50))}.session(t)
		r, err := s.Get(context.Background(), "http://example.com/", Stream(true), Timeout{Read: 2 * time.Second, Total: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		n := 0
		for chunk, err := range r.IterContent(10) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(chunk)
			time.Sleep(time.Hour)
		}
		if n != 100 {
			t.Errorf("read %d bytes, want 100", n)
		}
	})
}

// A streamed body that stalls ends in a timeout, again at every further read.
func TestStreamStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes{serve: script(head100, "some", time.Hour)}.session(t)
		r, err := s.Get(context.Background(), "http://example.com/", Stream(true), Timeout{Read: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, first := io.ReadAll(r.Body)
		checkTimeout(t, first, ErrReadTimeout)
		if _, second := r.Body.Read(make([]byte, 1)); second != first {
			t.Errorf("the second read gives %v, want %v", second, first)
		}
		if r.Content() != nil || r.Err() == nil {
			t.Errorf("Content = %q, Err = %v; want nothing and the error", r.Content(), r.Err())
		}
	})
}

// slowReader gives one byte a second.
type slowReader struct{ left int }

func (r *slowReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Second)
	r.left--
	b[0] = 'x'
	return 1, nil
}

// sizedReader is a slowReader that knows its length, so that nothing is written
// after its last byte.
type sizedReader struct{ slowReader }

func (r *sizedReader) Len() int { return r.left }

// Time that the caller's reader takes is not the server's. When it has ended,
// the server's clock runs, though nothing is written any more.
func TestSlowUpload(t *testing.T) {
	for _, tt := range []struct {
		name  string
		body  io.Reader
		serve func(*peer)
		want  error
		after time.Duration
	}{
		{"answered", &slowReader{100}, script("HTTP/1.1 204 No Content\r\n\r\n"), nil, 100 * time.Second},
		{"never answered", &slowReader{100}, script(time.Hour), ErrReadTimeout, 102 * time.Second},
		{"never answered, length known", &sizedReader{slowReader{100}}, script(time.Hour), ErrReadTimeout, 102 * time.Second},
		{"B019 never read", &slowReader{100}, func(c *peer) { c.Read(make([]byte, 64)); c.wait(time.Hour) }, ErrReadTimeout, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := pipes{serve: tt.serve}.session(t)
				start := time.Now()
				_, err := s.Post(context.Background(), "http://example.com/", Reader(tt.body), Timeout{Read: 2 * time.Second})
				if took := time.Since(start); took < tt.after || took > tt.after+3*time.Second {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
				if tt.want == nil && err != nil {
					t.Errorf("Post = %v", err)
				}
				if tt.want != nil {
					checkTimeout(t, err, tt.want)
				}
			})
		})
	}
}

// An idle connection is under no deadline, and a new exchange under its own.
func TestReusedConnectionHasFreshLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		p := pipes{serve: func(c *peer) {
			dials.Add(1)
			br := bufio.NewReader(c)
			for n := 0; ; n++ {
				if _, err := http.ReadRequest(br); err != nil {
					return
				}
				c.wait(1900 * time.Millisecond)
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}}
		s := p.session(t, Timeout{Read: 2 * time.Second})
		for range 5 {
			if _, err := s.Get(context.Background(), "http://example.com/"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

// The limit of the headers is for all of them, on a used connection too.
func TestHeadersTrickleOnReusedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{serve: func(c *peer) {
			br := bufio.NewReader(c)
			for n := 0; ; n++ {
				if _, err := http.ReadRequest(br); err != nil {
					return
				}
				for _, b := range "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
					fmt.Fprint(c, string(b))
					c.wait(time.Duration(n) * 500 * time.Millisecond)
				}
			}
		}}
		s := p.session(t, Timeout{Read: 2 * time.Second})
		if _, err := s.Get(context.Background(), "http://example.com/"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := s.Get(context.Background(), "http://example.com/")
		checkTimeout(t, err, ErrReadTimeout)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v, want 2s", took)
		}
	})
}

// net/http sends a GET again when a connection from the pool breaks. A timeout
// is not that: the time is up, and the request is not sent twice.
func TestTimeoutOnReusedConnectionIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		p := pipes{serve: func(c *peer) {
			br := bufio.NewReader(c)
			for {
				if _, err := http.ReadRequest(br); err != nil {
					return
				}
				if requests.Add(1) > 1 {
					c.wait(time.Hour)
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}}
		s := p.session(t, Timeout{Read: 2 * time.Second})
		if _, err := s.Get(context.Background(), "http://example.com/"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := s.Get(context.Background(), "http://example.com/")
		checkTimeout(t, err, ErrReadTimeout)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v, want 2s", took)
		}
		if n := requests.Load(); n != 2 {
			t.Errorf("the server saw %d requests, want 2", n)
		}
	})
}

// What the caller cancels is not a timeout, and his cause is kept; what his own
// deadline ends is one.
func TestCallersContext(t *testing.T) {
	mine := errors.New("the caller's own cause")
	for _, tt := range []struct {
		name    string
		with    func(context.Context) (context.Context, context.CancelFunc)
		is      []error
		isNot   []error
		timeout bool
	}{
		{
			name: "cancelled",
			with: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(mine) })
				return ctx, func() { cancel(nil) }
			},
			is: []error{context.Canceled, mine}, isNot: []error{ErrTimeout, ErrConnection, context.DeadlineExceeded},
		},
		{
			name: "deadline",
			with: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			is: []error{context.DeadlineExceeded, ErrTimeout}, isNot: []error{ErrTotalTimeout, ErrReadTimeout, context.Canceled}, timeout: true,
		},
	} {
		for phase, p := range map[string]pipes{
			"connecting": {delay: time.Hour},
			"headers":    {serve: script()},
			"body":       {serve: script(head100, "some", time.Hour)},
		} {
			t.Run(tt.name+" in "+phase, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := tt.with(context.Background())
					defer cancel()
					start := time.Now()
					_, err := p.session(t).Get(ctx, "http://example.com/")
					if took := time.Since(start); took != time.Second {
						t.Errorf("it took %v, want 1s", took)
					}
					for _, want := range tt.is {
						if !errors.Is(err, want) {
							t.Errorf("%v is not %v", err, want)
						}
					}
					for _, not := range tt.isNot {
						if errors.Is(err, not) {
							t.Errorf("%v is %v", err, not)
						}
					}
					if e, ok := errors.AsType[*Error](err); !ok || e.Timeout() != tt.timeout {
						t.Errorf("Timeout() of %v is not %v", err, tt.timeout)
					}
				})
			})
		}
	}
}

// TestDeadlineOfTheExchangeBefore is about limits that have run out when a
// connection is used again: those of the exchange before are none of the next.
// Deadlines of sockets go by the clock of the system, so that these tests wait.
func TestDeadlineOfTheExchangeBefore(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	var busy bool
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	late := func(w http.ResponseWriter, status int) { // a body that has to be drained
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
		io.WriteString(w, "<html>")
	}
	mux.HandleFunc("/moved", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", other.URL)
		late(w, http.StatusFound)
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if busy = !busy; busy {
			late(w, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, r.ContentLength)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	encrypted := httptest.NewTLSServer(mux)
	defer encrypted.Close()

	body := bytes.Repeat([]byte("x"), 20<<10)
	for _, tt := range []struct {
		name string
		post func() []Option
	}{
		{"20 KiB in memory", func() []Option { return []Option{Bytes(body)} }},
		{"one byte, with progress", func() []Option { return []Option{Text("x"), OnProgress(func(_, _ int64) {})} }},
		{"a stream", func() []Option { return []Option{Reader(bytes.NewReader(body))} }},
		{"a stream of unknown length", func() []Option { return []Option{Reader(io.MultiReader(bytes.NewReader(body)))} }},
		{"a few bytes", func() []Option { return []Option{Text("x")} }},
	} {
		for way, url := range map[string]string{"plain": srv.URL, "TLS": encrypted.URL} {
			t.Run(tt.name+"/"+way+"/idle for longer than Read", func(t *testing.T) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, TLS{SkipVerify: true})
				const limit = 100 * time.Millisecond
				for { // on a busy machine the answer may come later than that
					_, err := s.Get(bg, url, Timeout{Read: limit})
					if err == nil {
						break
					}
					isAll(t, err, ErrReadTimeout)
				}
				time.Sleep(limit + 10*time.Millisecond)
				if _, err := s.Post(bg, url, append(tt.post(), Timeout{Read: time.Minute})...); err != nil {
					t.Errorf("POST = %v", err)
				}
			})
			t.Run(tt.name+"/"+way+"/after the drain of a redirect", func(t *testing.T) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, TLS{SkipVerify: true})
				if _, err := s.Get(bg, url+"/moved"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(drainTime + 10*time.Millisecond)
				if _, err := s.Post(bg, url, tt.post()...); err != nil {
					t.Errorf("POST = %v", err)
				}
			})
		}
	}
	t.Run("after the drain of an attempt", func(t *testing.T) {
		s := over(t, new(HTTPAdapter))
		retry := Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"POST"}, Backoff: drainTime + 10*time.Millisecond}
		if _, err := s.Post(bg, srv.URL+"/busy", Bytes(body), retry); err != nil {
			t.Errorf("POST = %v", err)
		}
	})
}

// TestReadWaitsForTheUpload is about the clock of Read, which does not run while
// the server takes a body, whatever the body is and however it is carried.
func TestReadWaitsForTheUpload(t *testing.T) {
	const size, limit = 4 << 20, time.Second
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		n := 0
		for {
			k, err := io.ReadFull(r.Body, buf)
			if n += k; err != nil {
				break
			}
			time.Sleep(limit / 32) // 64 times: twice the limit
		}
		fmt.Fprint(w, n)
	})
	data := bytes.Repeat([]byte("x"), size)
	for _, body := range []struct {
		name string
		body func() Body
	}{
		{"Bytes", func() Body { return Bytes(data) }},
		{"Text", func() Body { return Text(string(data)) }},
		{"JSON", func() Body { return JSON(string(data[2:])) }},
		{"Reader", func() Body { return Reader(bytes.NewReader(data)) }},
	} {
		t.Run(body.name+"/RoundTripper", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewSession(Timeout{Read: limit})
				s.Mount("http://", RoundTripper(readsSlowly{slow}))
				r, err := s.Post(bg, "http://example.com/", body.body())
				if err != nil {
					t.Fatal(err)
				}
				if got, want := r.Text(), fmt.Sprint(size); got != want {
					t.Errorf("the server took %q bytes; want %q", got, want)
				}
			})
		})
		t.Run(body.name+"/HTTP/2", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				srv := &http.Server{Handler: slow, Protocols: new(http.Protocols)}
				srv.Protocols.SetUnencryptedHTTP2(true)
				go srv.Serve(l)
				defer time.Sleep(time.Minute) // of the bubble: for the handler to return
				defer srv.Close()
				s := over(t, &HTTPAdapter{UnencryptedHTTP2: true, DialContext: l.dial}, Timeout{Read: limit})
				defer s.Close()
				r, err := s.Post(bg, "http://example.com/", body.body())
				if err != nil {
					t.Fatal(err)
				}
				if got, want := r.Proto+" "+r.Text(), fmt.Sprint("HTTP/2.0 ", size); got != want {
					t.Errorf("the server took %q bytes; want %q", got, want)
				}
			})
		})
	}
}

// readsSlowly is a RoundTripper that hands each request to a handler.
type readsSlowly struct{ http.Handler }

func (h readsSlowly) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// A pipeListener accepts the other ends of what dial returns.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
