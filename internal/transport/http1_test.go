package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// serving listens on loopback and calls serve with each connection, which it then
// closes.
func serving(t testing.TB, serve func(c net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + l.Addr().String() + "/"
}

// saying answers each request with text.
func saying(text string) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// A response has exactly the fields that were sent. net/http would remove those of
// the framing, and add one for Pragma.
func TestFieldsAsSent(t *testing.T) {
	e := newEngine(t, Config{})
	for _, fields := range []http.Header{
		{"Connection": {"keep-alive"}, "Content-Length": {"2"}, "Pragma": {"no-cache"}},
		{"Content-Length": {"2", "2"}},
		{"Transfer-Encoding": {"chunked"}, "Trailer": {"X-Sum"}, "X-Twice": {"a", "b"}},
	} {
		var sent strings.Builder
		sent.WriteString("HTTP/1.1 200 OK\r\n")
		fields.Write(&sent)
		sent.WriteString("\r\n")
		if fields.Get("Transfer-Encoding") != "" {
			sent.WriteString("2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
		} else {
			sent.WriteString("ok")
		}
		res, err := e.Do(t.Context(), newCall(t, "GET", serving(t, saying(sent.String()))))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "ok" || err != nil {
			t.Errorf("the body is %q, %v", b, err)
		}
		if !maps.EqualFunc(res.Header, fields, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("fields %v; want %v", res.Header, fields)
		}
		if got := res.Trailer.Get("X-Sum"); (got == "1") != (fields.Get("Trailer") != "") {
			t.Errorf("trailer %v", res.Trailer)
		}
	}
}

// E1.3: no deadline of one exchange affects the next one, however it is sent.
func TestDeadlineOfTheExchangeBefore(t *testing.T) {
	srv := httptest.NewServer(echo)
	defer srv.Close()
	e := newEngine(t, Config{})
	large := bytes.Repeat([]byte("x"), 100<<10)
	for name, change := range map[string]func(*Call){
		"nothing":    func(*Call) {},
		"no limit":   func(c *Call) { c.Read = 0 },
		"small body": func(c *Call) { c.Method, c.Body.Bytes, c.Length = "POST", large[:10], 10 },
		"large body": func(c *Call) { c.Method, c.Body.Bytes, c.Length = "POST", large, int64(len(large)) },
		"with progress": func(c *Call) {
			c.Method, c.Body.Bytes, c.Length, c.Up = "POST", large[:10], 10, func(int) error { return nil }
		},
		"source":           func(c *Call) { c.Method, c.Length, c.Body.Open = "POST", -1, opening("source") },
		"source, no limit": func(c *Call) { c.Method, c.Length, c.Body.Open, c.Read = "POST", -1, opening("source"), 0 },
	} {
		t.Run(name, func(t *testing.T) {
			text(t, e, newCall(t, "GET", srv.URL+"/"))
			p := e.recent.Load()
			p.mu.Lock()
			p.idle.front().link.SetDeadline(time.Unix(1, 0))
			p.mu.Unlock()
			call := newCall(t, "GET", srv.URL+"/")
			change(call)
			before := e.Stats().Dialed
			text(t, e, call)
			if e.Stats().Dialed != before {
				t.Error("another connection was taken; want the one with the old deadline")
			}
		})
	}
}

// A response without a body leaves nothing of its limit to the next call, whether
// it follows on the same connection or, over HTTP/2, runs at the same time.
func TestLimitOfAnotherCall(t *testing.T) {
	slow := func(delay time.Duration) func(*http.Request) (time.Duration, string) {
		return func(r *http.Request) (time.Duration, string) {
			if r.Method == "HEAD" {
				return 0, "HTTP/1.1 204 No Content\r\n\r\n"
			}
			return delay, okText
		}
	}
	check := func(t *testing.T, e *Engine, call func(method string) *Call) {
		t.Helper()
		for _, limit := range []time.Duration{0, 10 * time.Second} {
			short, long := call("HEAD"), call("GET")
			short.Read, long.Read = time.Second, limit
			text(t, e, short)
			if got := text(t, e, long); got != "ok" {
				t.Errorf("limit %v: the second call got %q", limit, got)
			}
		}
		if s := e.Stats(); s.Dialed != 1 {
			t.Errorf("Stats = %+v; want one connection", s)
		}
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		p := &pipes{answer: slow(5 * time.Second)}
		p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
			check(t, e, func(method string) *Call { return newCall(t, method, "http://a.test/") })
		})
	})
	t.Run("TLS", func(t *testing.T) {
		p := &pipes{answer: slow(5 * time.Second), server: &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1"}}}
		p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
			check(t, e, func(method string) *Call {
				call := newCall(t, method, "https://a.test/")
				call.Route = skipVerify
				return call
			})
		})
	})
	t.Run("HTTP/2", func(t *testing.T) {
		s := &frameServer{}
		s.serve = func(p *peer2, stream uint32) bool {
			if stream%4 == 1 { // every other one
				p.headers(stream, true, "204")
				return true
			}
			time.Sleep(5 * time.Second)
			return p.ok(stream)
		}
		s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
			check(t, e, func(method string) *Call { return s.call(t, method) })
		})
	})
}

func opening(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// E1.3: a call whose context has ended is not sent, neither on an existing
// connection nor on a new one.
func TestEndedCallIsNotSent(t *testing.T) {
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer srv.Close()
	e := newEngine(t, Config{})
	text(t, e, newCall(t, "GET", srv.URL+"/"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	past, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, past} {
		for range 50 {
			_, err := e.Do(ctx, newCall(t, "POST", srv.URL+"/"))
			if !errors.Is(err, ctx.Err()) || Sent(err) {
				t.Fatalf("Do: %v, sent %v", err, Sent(err))
			}
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests; want the first one alone", n)
	}
}

// E1.11: every message is checked by the code that writes it, whoever calls it.
func TestUncheckedCall(t *testing.T) {
	var connections atomic.Int32
	url := serving(t, func(net.Conn) { connections.Add(1) })
	e := newEngine(t, Config{})
	for name, change := range map[string]func(*Call){
		"method":       func(c *Call) { c.Method = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET" },
		"target":       func(c *Call) { c.Target = "/ HTTP/1.1\r\nX: y" },
		"host":         func(c *Call) { c.Host = "a\r\nX: y" },
		"name":         func(c *Call) { c.Header["X: y\r\nZ"] = []string{"v"} },
		"value":        func(c *Call) { c.Header["X"] = []string{"v\x00"} },
		"length":       func(c *Call) { c.Header["Content-Length"] = []string{"5"} },
		"trailer name": func(c *Call) { c.Length, c.Trailer = -1, http.Header{"Content-Length": {"1"}} },
		"CONNECT":      func(c *Call) { c.Method = "CONNECT" },
		"scheme":       func(c *Call) { c.URL.Scheme = "ftp" },
		"no host":      func(c *Call) { c.URL.Host = "" },
	} {
		call := newCall(t, "GET", url)
		change(call)
		_, err := e.Do(t.Context(), call)
		known, ok := fault.Of(err)
		bad := errors.Is(err, fault.InvalidHeader) || errors.Is(err, fault.InvalidURL) || errors.Is(err, fault.InvalidOption)
		if !ok || !bad || Sent(err) {
			t.Errorf("%s: %v (%v)", name, err, known)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// An idle connection that the server has closed fails no request, whatever the
// method and the body.
func TestStaleConnection(t *testing.T) {
	for name, change := range map[string]func(*Call){
		"GET":          func(*Call) {},
		"POST":         func(c *Call) { c.Method, c.Body.Bytes, c.Length = "POST", []byte("x"), 1 },
		"large POST":   func(c *Call) { c.Method, c.Body.Bytes, c.Length = "POST", make([]byte, 1<<20), 1<<20 },
		"source, once": func(c *Call) { c.Method, c.Length, c.Body.Open = "POST", -1, once("source") },
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			e := newEngine(t, Config{})
			url := serving(t, func(c net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				requests.Add(1)
				io.WriteString(c, okText)
			})
			text(t, e, newCall(t, "GET", url))
			p := e.recent.Load()
			await(t, "the end of the connection", func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return !p.idle.front().link.alive()
			})
			call := newCall(t, "GET", url)
			change(call)
			if got := text(t, e, call); got != "ok" || requests.Load() != 2 {
				t.Errorf("%q after %d requests; want ok after 2", got, requests.Load())
			}
			if s := e.Stats(); s.Dialed != 2 || s.Reused != 0 {
				t.Errorf("Stats = %+v; want 2 dialled, none reused", s)
			}
		})
	}
}

// once opens text only once.
func once(text string) func() (io.ReadCloser, error) {
	opened := false
	return func() (io.ReadCloser, error) {
		if opened {
			return nil, errors.New("opened again")
		}
		opened = true
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

// A connection that ends after the request was written says nothing about the
// request: only what may be repeated is repeated.
func TestLostConnection(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(*Call)
		requests int32 // after the first
	}{
		{"GET", func(*Call) {}, 2},
		{"HEAD", func(c *Call) { c.Method = "HEAD" }, 2},
		{"POST", func(c *Call) { c.Method = "POST" }, 1},
		{"PUT", func(c *Call) { c.Method = "PUT" }, 1},
		{"POST with a key", func(c *Call) { c.Method = "POST"; c.Header["Idempotency-Key"] = []string{"1"} }, 2},
		{"GET with a source, once", func(c *Call) { c.Length, c.Body.Open = -1, once("source") }, 1},
		{"GET with a source", func(c *Call) { c.Length, c.Body.Open, c.Body.Again = -1, opening("source"), true }, 2},
		{"GET with a large body", func(c *Call) { c.Body.Bytes, c.Length = make([]byte, 1<<20), 1<<20 }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int32
			e := newEngine(t, Config{})
			url := serving(t, func(c net.Conn) {
				br := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					io.Copy(io.Discard, r.Body)
					if n := requests.Add(1); n == 2 {
						return
					}
					io.WriteString(c, okText)
				}
			})
			text(t, e, newCall(t, "GET", url))
			call := newCall(t, "GET", url)
			tt.change(call)
			res, err := e.Do(t.Context(), call)
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if (err == nil) != (tt.requests == 2) || err != nil && (!errors.Is(err, fault.ConnectionLost) || !Sent(err)) {
				t.Errorf("Do: %v", err)
			}
			if n := requests.Load() - 1; n != tt.requests {
				t.Errorf("%d requests; want %d", n, tt.requests)
			}
		})
	}
}

// If the server speaks first on a new connection, or closes it, the engine does not
// try for ever.
func TestNewConnectionIsStale(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(net.Conn)
		want  error
	}{
		{"it speaks", func(c net.Conn) { io.WriteString(c, okText); io.Copy(io.Discard, c) }, fault.Protocol},
		{"it closes", func(net.Conn) {}, fault.ConnectionLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, Config{})
			url := serving(t, tt.serve)
			for i := 0; ; i++ { // it may be late, so that the look finds nothing
				_, err := e.Do(t.Context(), newCall(t, "POST", url))
				if err == nil && i < 1000 {
					e.CloseIdle()
					continue
				}
				if !errors.Is(err, tt.want) && !errors.Is(err, fault.ConnectionLost) {
					t.Errorf("Do: %v; want %v", err, tt.want)
				}
				if errors.Is(err, tt.want) || i == 1000 {
					break
				}
			}
		})
	}
}

// E1.5: when a connection is cut within a response, with or without TLS and
// close_notify, the error is of a kind of connection and not of protocol.
func TestCutResponse(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct {
		name, text string
		want       error
		plain, tls error // if they differ
	}{
		{name: "nothing", text: "", want: fault.ConnectionLost},
		{name: "status line", text: "HTTP/1.1 20", want: fault.ConnectionLost},
		{name: "status line, whole", text: "HTTP/1.1 200 OK\r\n", want: fault.ConnectionLost},
		{name: "header", text: header + "Content-Le", want: fault.ConnectionLost},
		{name: "interim", text: "HTTP/1.1 103 Early Hints\r\n\r\n", want: fault.ConnectionLost},
		{name: "body with a length", text: header + "Content-Length: 5\r\n\r\nhell", want: fault.IncompleteBody},
		{name: "chunk", text: header + "Transfer-Encoding: chunked\r\n\r\n5\r\nhell", want: fault.IncompleteBody},
		{name: "chunk size", text: header + "Transfer-Encoding: chunked\r\n\r\n5", want: fault.IncompleteBody},
		{name: "last chunk", text: header + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", want: fault.IncompleteBody},
		{name: "trailer", text: header + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", want: fault.IncompleteBody},
		{name: "body until the end", text: header + "\r\nhello"},
	} {
		for _, way := range []string{"plain", "close_notify", "bare FIN"} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				want := tt.want
				if way == "bare FIN" && want == nil {
					want = fault.IncompleteBody // whoever is on the path could have cut it (RFC 9112, section 9.8)
				}
				url := serving(t, func(c net.Conn) {
					raw := c
					if way != "plain" {
						c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate()}})
					}
					if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
						return
					}
					io.WriteString(c, tt.text)
					if way == "close_notify" {
						c.Close()
					} else {
						raw.Close()
					}
				})
				if way != "plain" {
					url = "https" + strings.TrimPrefix(url, "http")
				}
				call := newCall(t, "POST", url)
				call.Route = skipVerify
				res, err := newEngine(t, Config{}).Do(t.Context(), call)
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
				}
				if !errors.Is(err, want) || errors.Is(err, fault.Protocol) {
					t.Errorf("%v; want %v", err, want)
				}
			})
		}
	}
}

// Bytes after a response end the connection. Nothing is written to the standard
// logger.
func TestBytesBehindResponse(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and twenty bytes more",
		"HTTP/1.1 204 No Content\r\n\r\nmore",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",
		okText + okText,
	} {
		e := newEngine(t, Config{})
		url := serving(t, saying(text))
		for range 3 {
			res, err := e.Do(t.Context(), newCall(t, "GET", url))
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if b, err := io.ReadAll(res.Body); len(b) > 2 || err != nil {
				t.Errorf("%q: the body is %q, %v", text, b, err)
			}
		}
		if s := e.Stats(); s.Dialed != 3 || s.Reused != 0 {
			t.Errorf("%q: Stats = %+v; want three connections", text, s)
		}
	}
	if logged.Len() > 0 {
		t.Errorf("logged %q", logged.String())
	}
}

// E1.11: which responses leave the connection to the next call.
func TestPersistence(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		kept       bool
		change     func(*Call)
	}{
		{name: "HTTP/1.1", text: okText, kept: true},
		{name: "close", text: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
		{name: "close among others", text: "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok"},
		{name: "HTTP/1.0", text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{name: "HTTP/1.0 with keep-alive", text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", kept: true},
		{name: "request with close", text: okText, change: func(c *Call) { c.Close = true }},
		{name: "request with a field", text: okText, change: func(c *Call) { c.Header["Connection"] = []string{"close"} }},
		{name: "204", text: "HTTP/1.1 204 No Content\r\n\r\n", kept: true},
		{name: "HEAD", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", kept: true, change: func(c *Call) { c.Method = "HEAD" }},
		{name: "after 1xx", text: "HTTP/1.1 103 Early\r\n\r\n" + okText, kept: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, Config{})
			call := newCall(t, "GET", serving(t, saying(tt.text)))
			if tt.change != nil {
				tt.change(call)
			}
			text(t, e, call)
			if s := e.Stats(); s.Idle == 1 != tt.kept || s.Open != s.Idle {
				t.Errorf("Stats = %+v; want it kept: %v", s, tt.kept)
			}
		})
	}
}

// A body that is closed before its end closes its connection.
func TestClosedBody(t *testing.T) {
	e := newEngine(t, Config{})
	res, err := e.Do(t.Context(), newCall(t, "GET", serving(t, saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"))))
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(res.Body, make([]byte, 2))
	res.Body.Close()
	res.Body.Close()
	if n, err := res.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, fault.Closed) || !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("Read after Close = %d, %v; want %v", n, err, fault.Closed)
	}
	if s := e.Stats(); s.Open != 0 {
		t.Errorf("Stats = %+v; want nothing open", s)
	}
}

// E1.8: the end of a context ends a call whatever it is doing, and frees the
// connection even if nobody closes the body.
func TestContextEndsExchange(t *testing.T) {
	why := errors.New("why")
	for name, part := range map[string]string{"header": "HTTP/1.1 200 OK\r\n", "body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Config{})
			ctx, cancel := context.WithCancelCause(t.Context())
			url := serving(t, func(c net.Conn) {
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, part)
				cancel(why)
				io.Copy(io.Discard, c)
			})
			res, err := e.Do(ctx, newCall(t, "GET", url))
			if err == nil {
				await(t, "the end of the connection", func() bool { return e.Stats().Open == 0 })
				_, err = io.Copy(io.Discard, res.Body)
			}
			if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.Is(err, fault.Timeout) {
				t.Errorf("%v; want %v with its cause", err, context.Canceled)
			}
			if s := e.Stats(); s.Open != 0 {
				t.Errorf("Stats = %+v; want nothing open", s)
			}
		})
	}
}

// E1.8: if the context ends together with the body, the function of that context is
// about to close the connection. No other call may get it.
func TestContextEndsWithBody(t *testing.T) {
	url := serving(t, saying(okText))
	for range 100 {
		e := newEngine(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		res, err := e.Do(ctx, newCall(t, "GET", url))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		io.Copy(io.Discard, res.Body)
		if s := e.Stats(); s.Idle > 0 {
			t.Fatalf("Stats = %+v; want nothing idle", s)
		}
	}
}

func TestInterim(t *testing.T) {
	var told []string
	call := newCall(t, "GET", serving(t, saying("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+okText)))
	call.Interim = func(status int, h http.Header) error {
		told = append(told, fmt.Sprint(status, h["Link"]))
		return nil
	}
	e := newEngine(t, Config{})
	if got := text(t, e, call); got != "ok" || strings.Join(told, ", ") != "103 [</a>], 102 []" {
		t.Errorf("%q after %q", got, told)
	}
	stop := errors.New("stop")
	call.Interim = func(int, http.Header) error { return stop }
	if _, err := e.Do(t.Context(), call); err != stop {
		t.Errorf("Do: %v; want the error of the function as it is", err)
	}
	if s := e.Stats(); s.Open != 0 {
		t.Errorf("Stats = %+v; want the connection closed", s)
	}
}

// A panic in a function of the caller passes through, and leaves no connection
// behind.
func TestPanicInInterim(t *testing.T) {
	call := newCall(t, "GET", serving(t, saying("HTTP/1.1 103 Early Hints\r\n\r\n"+okText)))
	call.Interim = func(int, http.Header) error { panic("oh") }
	e := newEngine(t, Config{})
	defer func() {
		if recover() == nil || e.Stats().Open != 0 {
			t.Errorf("Stats = %+v; want a panic, and nothing open", e.Stats())
		}
	}()
	e.Do(t.Context(), call)
}

// The hint if a port speaks TLS, or does not.
func TestWrongScheme(t *testing.T) {
	secure := httptest.NewUnstartedServer(echo)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(echo)
	defer plain.Close()
	for url, want := range map[string]struct {
		kind error
		text string
	}{
		"http" + strings.TrimPrefix(serving(t, func(c net.Conn) {
			io.ReadFull(c, make([]byte, 16))
			c.Write([]byte{21, 3, 1, 0, 2, 2, 22})
			io.Copy(io.Discard, c)
		}), "http"): {fault.Protocol, "https://"},
		"https" + strings.TrimPrefix(plain.URL, "http") + "/": {fault.TLS, "http://"},
	} {
		_, err := newEngine(t, Config{}).Do(t.Context(), newCall(t, "GET", url))
		if !errors.Is(err, want.kind) || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v; want %v with a hint at %s", url, err, want.kind, want.text)
		}
	}
}
