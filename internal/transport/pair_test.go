package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what usually happens at once. A busy
// machine may take seconds.
const patience = time.Minute

// await waits until cond holds.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	end := time.After(patience)
	for !cond() {
		select {
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// pair returns both ends of a loopback connection.
func pair(t testing.TB, network string) (client, server net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := listener.Accept()
		accepted <- c
	}()
	if client, err = net.Dial(network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	for _, c := range []net.Conn{client, server} {
		c.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { c.Close() })
	}
	return client, server
}

// ways are the ways in which a link can check that it is silent.
var ways = []struct {
	name   string
	noFold bool
}{{"fold", false}, {"watch", true}}

// everyWay runs a test on TCP links, for each way.
func everyWay(t *testing.T, test func(t *testing.T, l *link, peer net.Conn)) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			client, server := pair(t, "tcp")
			l := makeLink(client, way.noFold)
			t.Cleanup(l.abort)
			test(t, l, server)
		})
	}
}

// say writes text.
func say(t testing.TB, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatalf("writing %.20q: %v", text, err)
	}
}

// hear reads text.
func hear(t testing.TB, r io.Reader, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != text {
		t.Fatalf("read %.60q, %v; want %.60q", got[:n], err, text)
	}
}

// ask sends request over the link, answers at peer, and reads response.
func ask(t testing.TB, l *link, peer io.ReadWriter, request, response string) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		got := make([]byte, len(request))
		_, err := io.ReadFull(peer, got)
		if err == nil && string(got) != request {
			err = errors.New("the peer got " + string(got))
		}
		if err == nil {
			_, err = io.WriteString(peer, response)
		}
		done <- err
	}()
	if err := l.queue([]byte(request)); err != nil {
		t.Fatalf("queue: %v", err)
	}
	hear(t, l, response)
	if err := <-done; err != nil {
		t.Fatalf("peer: %v", err)
	}
}

// idle parks the link, as the pool does. The goroutine that wrote the request may
// return long after the response has come, if the machine is busy.
func idle(t testing.TB, l *link) {
	t.Helper()
	if l.w.rest != nil {
		<-l.w.rest.done
	}
	if !l.quiet() {
		t.Fatal("quiet() = false after a response that was read to its end")
	}
	l.park()
}

// unasked waits until what the peer did has arrived at an idle link. It then uses
// the link for a request, which must not be sent.
func unasked(t testing.TB, l *link, want error) {
	t.Helper()
	await(t, "something arrives", func() bool { return !silent(l.w) })
	l.unpark(time.Now().Add(patience))
	err := l.queue([]byte("another request"))
	if err == nil {
		_, err = l.Read(make([]byte, 100))
	}
	if !errors.Is(err, errStale) || !errors.Is(err, want) || l.sent() {
		t.Errorf("Read after the peer spoke = %v, sent %v; want errStale with %v, not sent", err, l.sent(), want)
	}
}

// nothing fails the test if anything arrives at peer before its end.
func nothing(t testing.TB, peer net.Conn) {
	t.Helper()
	peer.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(peer); len(b) > 0 {
		t.Errorf("the peer got %.60q, %v; want nothing", b, err)
	}
}

// certificate is the one of httptest, for 127.0.0.1.
var certificate = sync.OnceValue(func() tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0]
})

// A holdConn collects what is written until it is released, in one write(2).
type holdConn struct {
	net.Conn
	mu     sync.Mutex
	passes int // writes to let go before one is held; negative for all
	behind int // bytes at the end of the last of these that are held
	buf    bytes.Buffer
}

func (h *holdConn) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.passes == 0 {
		return h.buf.Write(b)
	}
	n := len(b)
	if h.passes--; h.passes == 0 {
		n -= h.behind
		h.buf.Write(b[n:])
	}
	_, err := h.Conn.Write(b[:n])
	return len(b), err
}

// SetWriteDeadline does nothing: closing sets a deadline in the past.
func (h *holdConn) SetWriteDeadline(time.Time) error { return nil }

// hold collects what is written from now on.
func (h *holdConn) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passes = 0
}

// release writes n of the bytes, or all if n is negative, and then collects
// nothing.
func (h *holdConn) release(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.buf.Bytes()
	if n >= 0 {
		b = b[:n]
	}
	h.Conn.Write(b)
	h.passes = -1
	h.buf.Reset()
}

// A secured connection is a link under TLS with its peer.
type secured struct {
	*link
	peer    *tls.Conn
	wire    *holdConn // of the peer, below TLS
	keys    keyLog
	tickets *ticketCount
}

// send sends a request, and waits until the peer has it.
func (s *secured) send(t testing.TB, request string) {
	t.Helper()
	s.queue([]byte(request))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	hear(t, s.peer, request)
}

// A ticketCount counts the session tickets that arrived.
type ticketCount struct {
	tls.ClientSessionCache
	n atomic.Int32
}

func (c *ticketCount) Put(key string, s *tls.ClientSessionState) {
	c.n.Add(1)
	c.ClientSessionCache.Put(key, s)
}

// secure makes a TLS link over a connection.
func secure(t testing.TB, l *link, wire *holdConn, client, server *tls.Config) *secured {
	t.Helper()
	s := &secured{link: l, wire: wire, keys: keyLog{}, tickets: &ticketCount{ClientSessionCache: tls.NewLRUClientSessionCache(1)}}
	t.Cleanup(l.abort)
	server.Certificates = []tls.Certificate{certificate()}
	server.KeyLogWriter = s.keys
	s.peer = tls.Server(wire, server)
	client.InsecureSkipVerify = true
	client.ServerName = "example.com"
	client.ClientSessionCache = s.tickets
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.peer.HandshakeContext(ctx) }()
	if err := errors.Join(l.handshake(ctx, client), <-done); err != nil {
		t.Fatal(err)
	}
	return s
}

// secureWay is a version of TLS, and a way to check whether a link is silent.
type secureWay struct {
	version uint16
	noFold  bool
}

// dial makes a secured connection. It lets the given number of writes of the peer
// pass, except for the last behind bytes of these, and holds what follows. If
// passes is negative, it holds nothing.
func (way secureWay) dial(t *testing.T, passes, behind int, server *tls.Config) *secured {
	t.Helper()
	client, peer := pair(t, "tcp")
	wire := &holdConn{Conn: peer, passes: passes, behind: behind}
	return secure(t, makeLink(client, way.noFold), wire, &tls.Config{MaxVersion: way.version}, server)
}

// everySecureWay runs a test for each way, with each version of TLS from the given
// one on.
func everySecureWay(t *testing.T, oldest uint16, test func(t *testing.T, way secureWay)) {
	for version := oldest; version <= tls.VersionTLS13; version++ {
		for _, w := range ways {
			name := strings.ReplaceAll(tls.VersionName(version), " ", "") + "/" + w.name
			t.Run(name, func(t *testing.T) { test(t, secureWay{version, w.noFold}) })
		}
	}
}
