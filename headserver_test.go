package requests

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A headServer is a server that keeps the heads of the requests it gets, to the
// byte, and answers each with 204. All hosts lead to it.
type headServer struct {
	addr string

	mu    sync.Mutex
	dials []string
	heads []string
}

func newHeadServer(t *testing.T) *headServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &headServer{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return w
}

func (w *headServer) serve(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	head, err := readHead(br)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.heads = append(w.heads, head)
	w.mu.Unlock()
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), br)))
	if err != nil {
		return
	}
	io.Copy(io.Discard, req.Body)
	io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

func readHead(br *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := br.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

// session returns a session whose every dial ends at the server.
func (w *headServer) session(t *testing.T, opts ...Option) *Session {
	s := NewSession(opts...)
	s.Mount("http://", &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.mu.Lock()
		w.dials = append(w.dials, addr)
		w.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, w.addr)
	}})
	t.Cleanup(func() { s.Close() })
	return s
}

// seen returns what came since the last call.
func (w *headServer) seen() (dials, heads []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dials, heads = w.dials, w.heads
	w.dials, w.heads = nil, nil
	return dials, heads
}

// target is the request line without its method and version.
func target(head string) string {
	line, _, _ := strings.Cut(head, "\r\n")
	line = strings.TrimSuffix(line, " HTTP/1.1")
	_, t, _ := strings.Cut(line, " ")
	return t
}

// field is the value of a field in a head, and whether it is there.
func field(head, name string) (string, bool) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimPrefix(v, " "), true
		}
	}
	return "", false
}
