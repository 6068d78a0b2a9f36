package requests_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests"
)

// rawServer answers each connection with what answer writes.
func rawServer(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	noEnvironment(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestRedirectBodyIsNotWaitedFor bounds what is read of a body that nobody wants.
func TestRedirectBodyIsNotWaitedFor(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer target.Close()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	zip.Write(make([]byte, 20<<20))
	zip.Close()
	for _, tt := range []struct {
		name, head string
		body       func(io.Writer) int64
		most       int64 // that may be read, with what the kernel's buffers take
	}{
		{"A059 stalled", "Content-Length: 1000\r\n", func(w io.Writer) int64 {
			n, _ := w.Write([]byte("x"))
			return int64(n)
		}, 1},
		{"B144 huge", "Content-Length: 100000000\r\n", func(w io.Writer) int64 {
			n, _ := io.Copy(w, io.LimitReader(zeros{}, 100e6))
			return n
		}, 50e6},
		{"B144 endless", "Transfer-Encoding: chunked\r\n", func(w io.Writer) int64 {
			n := int64(0)
			for range 100000 {
				m, err := io.WriteString(w, "400\r\n"+strings.Repeat("x", 1024)+"\r\n")
				if n += int64(m); err != nil {
					break
				}
			}
			return n
		}, 50e6},
		{"A055 bomb", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", bomb.Len()), func(w io.Writer) int64 {
			n, _ := w.Write(bomb.Bytes())
			return int64(n)
		}, int64(bomb.Len())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var wrote atomic.Int64
			done := make(chan struct{})
			url := rawServer(t, func(c net.Conn) {
				defer close(done)
				c.Read(make([]byte, 4096))
				io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: "+target.URL+"\r\n"+tt.head+"\r\n")
				wrote.Store(tt.body(c))
				c.Read(make([]byte, 1)) // until the client hangs up
			})
			s := requests.NewSession()
			r, err := s.Get(t.Context(), url)
			if err != nil || r.Text() != "ok" {
				t.Fatalf("Get = %v, %v", r, err)
			}
			s.Close()
			<-done
			if wrote.Load() > tt.most {
				t.Errorf("%d bytes were taken", wrote.Load())
			}
		})
	}
}

// TestRedirectBodyThatTrickles: no byte is late, and all together are.
func TestRedirectBodyThatTrickles(t *testing.T) {
	noEnvironment(t)
	synctest.Test(t, func(t *testing.T) {
		body := &trickle{}
		s := requests.NewSession()
		defer s.Close()
		s.Mount("http://", requests.RoundTripper(redirectsWith{body}))
		get(t, s, "http://a.test/")
		if body.reads > 3 || !body.closed {
			t.Errorf("%d reads, closed %v; want few of 30 ms each, true", body.reads, body.closed)
		}
	})
}

// TestRedirectBodyWithoutEnd: no more is read than is worth a connection.
func TestRedirectBodyWithoutEnd(t *testing.T) {
	noEnvironment(t)
	body := &endless{}
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", requests.RoundTripper(redirectsWith{body}))
	get(t, s, "http://a.test/")
	if body.read > 64<<10 || body.reads > 100 || !body.closed {
		t.Errorf("%d bytes in %d reads, closed %v; want 64 KiB in few, true", body.read, body.reads, body.closed)
	}
}

// endless counts what is read of it.
type endless struct {
	read, reads int
	closed      bool
}

func (b *endless) Read(p []byte) (int, error) {
	n := min(len(p), 4096)
	b.read += n
	b.reads++
	return n, nil
}

func (b *endless) Close() error { b.closed = true; return nil }

// redirectsWith is a RoundTripper that redirects to /2, with a body.
type redirectsWith struct{ body io.ReadCloser }

func (rt redirectsWith) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/2" {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"/2"}}, ContentLength: -1, Body: rt.body, Request: r}, nil
}

// trickle gives a byte every 30 ms.
type trickle struct {
	reads  int
	closed bool
}

func (b *trickle) Read(p []byte) (int, error) {
	b.reads++
	time.Sleep(30 * time.Millisecond)
	return copy(p, "x"), nil
}

func (b *trickle) Close() error { b.closed = true; return nil }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestRedirectsKeepTheConnection reads short bodies to their end, decodable or not.
func TestRedirectsKeepTheConnection(t *testing.T) {
	for _, stream := range []requests.Stream{false, true} {
		noEnvironment(t)
		var remotes []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
			remotes = append(remotes, hr.RemoteAddr)
			switch hr.URL.Path {
			case "/1":
				w.Header().Set("Location", "/2")
				w.Header().Set("Content-Encoding", "gzip")
				w.WriteHeader(302)
				io.WriteString(w, "no gzip")
			case "/2":
				w.Header().Set("Location", "/3")
				w.WriteHeader(302)
				io.WriteString(w, strings.Repeat("x", 50000))
			default:
				io.WriteString(w, "ok")
			}
		}))
		s := requests.NewSession()
		r := get(t, s, server.URL+"/1", stream)
		if r.Text() != "ok" || remotes[0] != remotes[1] || remotes[1] != remotes[2] {
			t.Errorf("stream %v: %q over connections %q; want one", stream, r.Text(), remotes)
		}
		s.Close()
		server.Close()
	}
}
