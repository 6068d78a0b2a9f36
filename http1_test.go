package requests

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A connection that its server closed while it was idle is not used, so that no
// method has to be repeated.
func TestIdleConnectionClosed(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			closed := make(chan struct{}, 2)
			f := newFaulty(t, func(f *faulty, c net.Conn) {
				answering(okAnswer+andClose)(f, c)
				c.Close()
				closed <- struct{}{}
			})
			a := new(HTTPAdapter)
			s := over(t, a)
			for range 2 {
				r, err := s.Do(t.Context(), method, f.url())
				if err != nil || r.Text() != "ok" {
					t.Fatalf("%s = %v, %v; want ok", method, r, err)
				}
				<-closed
			}
			if got := a.Stats(); got.Dialled != 2 || got.Reused != 0 {
				t.Errorf("Stats() = %+v; want 2 dialled, none reused", got)
			}
		})
	}
}

// A server that closes a connection in answer to its second request gets it once
// more if it may be repeated (RFC 9110, section 9.2.2), and not if it may not.
func TestConnectionClosedForRequest(t *testing.T) {
	for _, tt := range []struct {
		method string
		opts   []Option
		err    error
	}{
		{"GET", nil, nil},
		{"OPTIONS", nil, nil},
		{"POST", []Option{Text("x")}, ErrConnectionLost},
		{"POST", []Option{Text("x"), Headers{"Idempotency-Key": "1"}}, nil},
		{"POST", []Option{Reader(io.MultiReader(strings.NewReader("x"))), Headers{"Idempotency-Key": "1"}}, ErrConnectionLost},
		{"PATCH", nil, ErrConnectionLost},
	} {
		t.Run(tt.method, func(t *testing.T) {
			requests := make(chan string, 8)
			f := newFaulty(t, func(_ *faulty, c net.Conn) {
				br := bufio.NewReader(c)
				for n := range 2 {
					req, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					requests <- req.Method
					if n == 0 {
						io.WriteString(c, okAnswer)
					}
				}
			})
			s := over(t, new(HTTPAdapter))
			if _, err := s.Get(t.Context(), f.url()); err != nil {
				t.Fatal(err)
			}
			_, err := s.Do(t.Context(), tt.method, f.url(), tt.opts...)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s = %v; want %v", tt.method, err, tt.err)
			}
			want := []string{"GET", tt.method}
			if tt.err == nil {
				want = append(want, tt.method)
			}
			var got []string
			for len(requests) > 0 {
				got = append(got, <-requests)
			}
			if !slices.Equal(got, want) {
				t.Errorf("the server saw %v; want %v", got, want)
			}
		})
	}
}

// What a server sends beyond a response is not taken for the next one.
func TestBytesBeyondResponse(t *testing.T) {
	f := newFaulty(t, answering(okAnswer+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", okAnswer))
	s := over(t, new(HTTPAdapter))
	for range 2 {
		if r, err := s.Get(t.Context(), f.url()); err != nil || r.Text() != "ok" {
			t.Fatalf("Get = %q, %v; want ok", r.Text(), err)
		}
	}
	if n := f.conns.Load(); n != 2 {
		t.Errorf("%d connections; want 2", n)
	}
}

// A caller who says "Connection: close" has each connection for one request,
// also where the server goes on (RFC 9112, section 9.6).
func TestConnectionClose(t *testing.T) {
	for name, a := range map[string]*HTTPAdapter{"direct": {}, "by Transport": {PoolBlock: true}} {
		t.Run(name, func(t *testing.T) {
			f := newFaulty(t, answering(okAnswer))
			s := over(t, a)
			for range 3 {
				if _, err := s.Get(t.Context(), f.url(), Headers{"Connection": "close"}); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.Stats(); got.Dialled != 3 || got.Reused != 0 {
				t.Errorf("Stats() = %+v; want 3 dialled, none reused", got)
			}
		})
	}
}

// The traces of net/http are told, by either carrier.
func TestClientTrace(t *testing.T) {
	for name, a := range map[string]*HTTPAdapter{"direct": {}, "by Transport": {PoolBlock: true}} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				io.WriteString(w, "ok")
			}))
			defer srv.Close()
			s := over(t, a)
			if _, err := s.Get(t.Context(), srv.URL); err != nil {
				t.Fatal(err)
			}
			put := make(chan string, 1)
			var got []string
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GetConn:              func(addr string) { got = append(got, "get "+addr) },
				GotConn:              func(i httptrace.GotConnInfo) { got = append(got, "got "+strconv.FormatBool(i.Reused)) },
				GotFirstResponseByte: func() { got = append(got, "first byte") },
				PutIdleConn:          func(err error) { put <- "put " + strconv.FormatBool(err == nil) },
			})
			if _, err := s.Get(ctx, srv.URL); err != nil {
				t.Fatal(err)
			}
			got = append(got, <-put)
			if want := []string{"get " + srv.Listener.Addr().String(), "got true", "first byte", "put true"}; !slices.Equal(got, want) {
				t.Errorf("traced %q; want %q", got, want)
			}
		})
	}
}

// idleOf returns an idleConns and a function that puts a connection to the host
// in it, whose other end it returns.
func idleOf(t *testing.T, perHost int) (*idleConns, func(host string) (*persistConn, net.Conn)) {
	s := &idleConns{perHost: perHost}
	t.Cleanup(s.close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return s, func(host string) (*persistConn, net.Conn) {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); server.Close() })
		c := &persistConn{link: client, peer: endpoint{"http", host}, probe: newProbe(client)}
		s.put(c)
		return c, server
	}
}

func TestIdleConns(t *testing.T) {
	if !canProbe {
		t.Skip("there are no probes on this system")
	}
	s, put := idleOf(t, 2)
	first, _ := put("a")
	last, _ := put("a")
	surplus, _ := put("a")
	other, _ := put("b")
	wantClosed(t, surplus)
	if s.n != 3 {
		t.Errorf("%d idle; want 3", s.n)
	}
	for _, want := range []*persistConn{last, first, nil} {
		if got := s.take(endpoint{"http", "a"}); got != want {
			t.Errorf("take(a) = %p; want %p", got, want)
		}
	}
	s.close()
	s.put(last)
	wantClosed(t, other, last)
}

func wantClosed(t *testing.T, conns ...*persistConn) {
	t.Helper()
	for i, c := range conns {
		if _, err := c.link.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("connection %d: Write = %v; want it closed", i, err)
		}
	}
}

// The sweep finds what nobody asks for.
func TestIdleConnsSweep(t *testing.T) {
	if !canProbe {
		t.Skip("there are no probes on this system")
	}
	s, put := idleOf(t, 8)
	old, _ := put("a")
	dead, server := put("a")
	alive, _ := put("a")
	s.hosts[old.peer][0].since = time.Now().Add(-idleTimeout)
	server.Close()
	for dead.probe.alive() {
		time.Sleep(time.Millisecond)
	}
	s.look()
	if s.n != 1 || s.sweep == nil || s.take(alive.peer) != alive {
		t.Errorf("%d are left; want the one that is alive, and the next sweep", s.n)
	}
	wantClosed(t, old, dead)
	s.look()
	if len(s.hosts) != 0 || s.sweep != nil {
		t.Errorf("%d hosts, sweep %v; want none", len(s.hosts), s.sweep)
	}
}

// With all hosts together there are never more than maxIdle.
func TestIdleConnsLimit(t *testing.T) {
	s := &idleConns{perHost: 8}
	defer s.close()
	ends := make([]net.Conn, maxIdle+1)
	for i := range ends {
		var client net.Conn
		client, ends[i] = net.Pipe()
		s.put(&persistConn{link: client, peer: endpoint{"http", strconv.Itoa(i)}})
	}
	if _, err := ends[0].Read(make([]byte, 1)); err != io.EOF || s.n != maxIdle {
		t.Errorf("the oldest: Read = %v, %d idle; want EOF, %d", err, s.n, maxIdle)
	}
	if s.pop(endpoint{"http", "1"}) == nil {
		t.Error("the second is gone too")
	}
}

// A connection that was handed over is taken once, for its own address, and is
// not left open where nobody takes it.
func TestSpareConnection(t *testing.T) {
	d := &dialer{pool: new(pool)}
	gone := func(c net.Conn) bool {
		_, err := c.Read(make([]byte, 1))
		return err == io.EOF
	}
	first, firstEnd := net.Pipe()
	second, secondEnd := net.Pipe()
	late, lateEnd := net.Pipe()
	d.spare(endpoint{"http", "a:80"}, first)
	d.spare(endpoint{"http", "b:80"}, second)
	if !gone(firstEnd) {
		t.Error("the first is left open beside the second")
	}
	if d.take(endpoint{"http", "a:80"}) != nil || d.take(endpoint{"http", "b:80"}) != second || d.take(endpoint{"http", "b:80"}) != nil {
		t.Error("take: want the second, for b:80 alone and once")
	}
	second.Close()
	d.pool.retired.Store(true)
	d.spare(endpoint{"http", "a:80"}, late)
	if !gone(lateEnd) || d.take(endpoint{"http", "a:80"}) != nil || !gone(secondEnd) {
		t.Error("a connection that came after the end of the pool is left open")
	}
}
