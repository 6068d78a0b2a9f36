package requests

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"testing"
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
			if got := a.Stats(); got.Dialed != 2 || got.Reused != 0 {
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
	for name, a := range map[string]*HTTPAdapter{"free": {}, "PoolBlock": {PoolBlock: true}} {
		t.Run(name, func(t *testing.T) {
			f := newFaulty(t, answering(okAnswer))
			s := over(t, a)
			for range 3 {
				if _, err := s.Get(t.Context(), f.url(), Headers{"Connection": "close"}); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.Stats(); got.Dialed != 3 || got.Reused != 0 {
				t.Errorf("Stats() = %+v; want 3 dialled, none reused", got)
			}
		})
	}
}

// The traces of net/http are told.
func TestClientTrace(t *testing.T) {
	for name, a := range map[string]*HTTPAdapter{"free": {}, "PoolBlock": {PoolBlock: true}} {
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

// A segment can hold writes back, so that several TLS records reach the client
// at once.
type segment struct {
	net.Conn
	holds bool
	held  bytes.Buffer
}

func (s *segment) Write(b []byte) (int, error) {
	if s.holds {
		return s.held.Write(b)
	}
	return s.Conn.Write(b)
}

func (s *segment) flush() error {
	s.holds = false
	_, err := s.Conn.Write(s.held.Bytes())
	s.held.Reset()
	return err
}

// newChatty sends what answer gives for a request, each string a record of its
// own over TLS, all in one segment. A nil config means no TLS.
func newChatty(t *testing.T, config *tls.Config, answer func(r *http.Request) []string) *faulty {
	return newFaulty(t, func(f *faulty, c net.Conn) {
		s := &segment{Conn: c}
		var link net.Conn = s
		if config != nil {
			tc := tls.Server(s, config)
			if tc.Handshake() != nil {
				return
			}
			link = tc
		}
		br := bufio.NewReader(link)
		for {
			r := f.request(br)
			if r == nil {
				return
			}
			s.holds = true
			for _, record := range answer(r) {
				io.WriteString(link, record)
			}
			if s.flush() != nil {
				return
			}
		}
	})
}

// sized is a response whose body is n bytes and names the request.
func sized(r *http.Request, n int) string {
	body := r.Method + " " + r.URL.Path + strings.Repeat(" ", n)
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// TestLeftoverIsNoAnswer is about bytes behind a response, which must not become
// the answer to the next request (CVE-2026-48931), wherever they were buffered.
func TestLeftoverIsNoAnswer(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
	large := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nEVIL%8996s", "")
	ca := newIssuer(t, "ca")
	for _, way := range []struct {
		name   string
		config *tls.Config
	}{
		{"plain", nil},
		{"TLS 1.3", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, DynamicRecordSizingDisabled: true}},
		{"TLS 1.2", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, MaxVersion: tls.VersionTLS12}},
	} {
		for _, tt := range []struct {
			name, method string
			answer       func(r *http.Request) []string
		}{
			{"in a record of its own", "GET", func(r *http.Request) []string { return []string{sized(r, 0), evil} }},
			{"in the same record", "GET", func(r *http.Request) []string { return []string{sized(r, 0) + evil} }},
			{"behind 10 KB in the same record", "GET", func(r *http.Request) []string { return []string{sized(r, 10_000) + evil} }},
			{"behind 100 KB", "GET", func(r *http.Request) []string { return []string{sized(r, 100_000), evil} }},
			{"larger than a buffer", "GET", func(r *http.Request) []string { return []string{sized(r, 0), large} }},
			{"a single byte", "GET", func(r *http.Request) []string { return []string{sized(r, 0), "\n"} }},
			{"behind a chunked body", "GET", func(r *http.Request) []string {
				return []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len("GET "+r.URL.Path), "GET "+r.URL.Path), evil}
			}},
			{"behind a 204", "GET", func(*http.Request) []string { return []string{"HTTP/1.1 204 No Content\r\n\r\n", evil} }},
			{"as the body of a 304", "GET", func(*http.Request) []string {
				return []string{"HTTP/1.1 304 Not Modified\r\nContent-Length: 41\r\n\r\n", evil}
			}},
			{"as the body of a HEAD", "HEAD", func(*http.Request) []string { return []string{"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + evil} }},
			{"behind a POST", "POST", func(r *http.Request) []string { return []string{sized(r, 0), evil} }},
		} {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				f := newChatty(t, way.config, tt.answer)
				a := &HTTPAdapter{DisableHTTP2: true}
				s := over(t, a, TLS{SkipVerify: way.config != nil})
				url := f.url()
				if way.config != nil {
					url = f.https()
				}
				for i := range 5 {
					path := fmt.Sprint("/", i)
					r, err := s.Do(bg, tt.method, url+path)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(r.Text(), "EVIL") || r.Text() != "" && !strings.HasPrefix(r.Text(), tt.method+" "+path) {
						t.Fatalf("%s %s = %.20q, which is the answer to another request", tt.method, path, r.Text())
					}
				}
				if got := a.Stats().Reused; got != 0 {
					t.Errorf("%d requests went out on a connection with a leftover", got)
				}
			})
		}
	}
}
