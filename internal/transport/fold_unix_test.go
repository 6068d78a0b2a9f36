//go:build unix && !aix

package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// silent reports whether nothing has arrived on a connection, without reading
// anything.
func silent(w *wire) bool {
	if w.watch != nil {
		return !w.watch.heard()
	}
	var err error
	w.fold.raw.Control(func(fd uintptr) { _, err = ordinaryCalls.peek(int(fd), make([]byte, 1)) })
	return err == syscall.EAGAIN
}

// countedConn embeds a connection of the system, and so has its SyscallConn.
type countedConn struct {
	*net.TCPConn
	reads, writes int
}

func (c *countedConn) Read(p []byte) (int, error)  { c.reads++; return c.TCPConn.Read(p) }
func (c *countedConn) Write(p []byte) (int, error) { c.writes++; return c.TCPConn.Write(p) }

// E1.1: only connections of package net have a fold.
func TestFoldIsForSocketsAlone(t *testing.T) {
	tcp, _ := pair(t, "tcp")
	unix, _ := pair(t, "unix")
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, tt := range []struct {
		nc   net.Conn
		fold bool
	}{
		{tcp, true},
		{unix, true},
		{pipe, false},
		{&countedConn{TCPConn: tcp.(*net.TCPConn)}, false},
		{struct{ net.Conn }{tcp}, false},
	} {
		if got := newLink(tt.nc).w.watch == nil; got != tt.fold {
			t.Errorf("a link over %T has a fold: %v; want %v", tt.nc, got, tt.fold)
		}
	}
}

// E1.1: if a type embeds a connection of the system, its own Read and Write are
// called: they may count, limit or encrypt.
func TestFoldPassesByWrappedConn(t *testing.T) {
	client, server := pair(t, "tcp")
	c := &countedConn{TCPConn: client.(*net.TCPConn)}
	l := newLink(c)
	defer l.abort()
	ask(t, l, server, "request", "response")
	idle(t, l)
	l.unpark(time.Time{})
	ask(t, l, server, "request", "response")
	if c.reads == 0 || c.writes != 2 {
		t.Errorf("%d reads and %d writes passed through the wrapper; want some and 2", c.reads, c.writes)
	}
}

func TestFoldOverUnixSocket(t *testing.T) {
	client, server := pair(t, "unix")
	l := newLink(client)
	defer l.abort()
	for range 3 {
		l.unpark(time.Now().Add(patience))
		ask(t, l, server, "request", "response")
		idle(t, l)
	}
	server.Close()
	unasked(t, l, io.EOF)
}

// small makes the buffer of a socket as small as possible.
func small(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.(*net.TCPConn).SetWriteBuffer(1); err != nil {
		t.Fatal(err)
	}
}

// clog writes to l until its peer takes no more, as an upload does. On a busy
// machine a deadline may pass before what the peer has taken is noticed.
func clog(t *testing.T, l *link) (n int) {
	t.Helper()
	chunk := make([]byte, 64<<10)
	for refused := 0; refused < 4; {
		l.w.nc.SetWriteDeadline(time.Now().Add(25 * time.Millisecond))
		m, err := l.w.nc.Write(chunk)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if refused++; m > 0 {
			n, refused = n+m, 0
		}
	}
	l.w.nc.SetWriteDeadline(time.Now().Add(patience))
	return n
}

// E1.2: a request that the socket does not take at once is written while an early
// answer can be read. All bytes are sent in order.
func TestFoldShortWrite(t *testing.T) {
	client, server := pair(t, "tcp")
	small(t, client)
	l := newLink(client)
	defer l.abort()
	before := clog(t, l)

	head, body := strings.Repeat("h", 16<<10), strings.Repeat("b", 256<<10)
	if err := l.queue([]byte(head)); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	if l.quiet() {
		t.Error("quiet() = true while the request is being written")
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := l.Write([]byte(body))
		wrote <- err
	}()
	say(t, server, "early")
	hear(t, l, "early")
	select {
	case err := <-wrote:
		t.Fatalf("Write returned %v before the peer read", err)
	default:
	}
	if _, err := io.CopyN(io.Discard, server, int64(before)); err != nil {
		t.Fatal(err)
	}
	hear(t, server, head+body)
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	if !l.quiet() {
		t.Error("quiet() = false when all is written and read")
	}
}

// E1.2: if nothing is taken at once, Read gets the early answer, too, and a
// deadline ends the goroutine that writes.
func TestFoldShortWriteEndsAtDeadline(t *testing.T) {
	client, server := pair(t, "tcp")
	small(t, client)
	l := newLink(client)
	defer l.abort()
	clog(t, l)
	if err := l.queue(make([]byte, 16<<10)); err != nil {
		t.Fatal(err)
	}
	say := time.AfterFunc(time.Millisecond, func() { io.WriteString(server, "early") })
	defer say.Stop()
	hear(t, l, "early")
	if !l.sent() {
		t.Error("sent() = false after a part was written")
	}
	if l.w.rest == nil {
		t.Fatal("the socket has taken all of the request")
	}
	l.SetWriteDeadline(time.Now().Add(-time.Second))
	<-l.w.rest.done
	if _, err := l.Write([]byte("more")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write after a deadline = %v; want os.ErrDeadlineExceeded", err)
	}
	if l.quiet() {
		t.Error("quiet() = true though the request was not written")
	}
}

// E1.2: a bare errno is wrapped as net.Conn does.
func TestFoldErrorsAreThoseOfConn(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	server.(*net.TCPConn).SetLinger(0)
	server.Close()
	await(t, "the reset arrives", l.w.isReset)
	l.queue([]byte("request"))
	_, err := l.Read(make([]byte, 1))
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "read" || op.Net != "tcp" || op.Addr == nil || op.Source == nil || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read = %v (%#v); want a *net.OpError of read with ECONNRESET", err, op)
	}
	if !errors.Is(err, errStale) || l.sent() {
		t.Errorf("a look that found a reset: %v, sent %v; want errStale, not sent", err, l.sent())
	}

	client, _ = pair(t, "tcp")
	l = newLink(client)
	defer l.abort()
	l.unpark(time.Now().Add(20 * time.Millisecond))
	l.queue([]byte("request"))
	_, err = l.Read(make([]byte, 1))
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "read" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read past a deadline = %v; want a *net.OpError of read with os.ErrDeadlineExceeded", err)
	}
	if !l.sent() {
		t.Error("sent() = false though only the answer is missing")
	}
}

// If a socket takes none of a request, it may go to another connection.
func TestWriteThatTakesNothing(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.w.nc.(*net.TCPConn).CloseWrite() // so that write(2) gives EPIPE
		l.queue([]byte("request"))
		_, err := l.Read(make([]byte, 1))
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "write" || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Read = %v; want a *net.OpError of write with EPIPE", err)
		}
		if !errors.Is(err, errStale) || l.sent() {
			t.Errorf("Read = %v, sent %v; want errStale, not sent", err, l.sent())
		}
	})
}

// E1.2: the event of the poller is consumed, so a system call that a signal
// interrupted is repeated at once.
func TestInterruptedCall(t *testing.T) {
	calls := 0
	n, err := uninterrupted(func() (int, error) {
		if calls++; calls < 3 {
			return -1, syscall.EINTR
		}
		return -1, syscall.EAGAIN
	})
	if n != 0 || err != syscall.EAGAIN || calls != 3 {
		t.Errorf("uninterrupted = %d, %v after %d calls; want 0, %v after 3", n, err, calls, syscall.EAGAIN)
	}
}

// E3.12: no readiness is lost between the peek and the wait, whenever the answer
// arrives.
func TestFoldLosesNoEdge(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	go func() {
		b := make([]byte, 1)
		for i := 0; ; i++ {
			if _, err := io.ReadFull(server, b); err != nil {
				return
			}
			if i%3 == 0 {
				runtime.Gosched()
			}
			server.Write(b)
		}
	}()
	b := make([]byte, 1)
	for i := range 5000 {
		l.unpark(time.Now().Add(patience))
		l.queue([]byte{byte(i)})
		if _, err := l.Read(b); err != nil || b[0] != byte(i) {
			t.Fatalf("answer %d = %d, %v", i, b[0], err)
		}
		idle(t, l)
	}
	l.abort()
	server.Close()
}

// An exchange allocates nothing, and under TLS only what crypto/tls allocates.
func TestFoldAllocatesNothing(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("under the race detector, a sync.Pool forgets some of what it is given")
	}
	client, server := pair(t, "tcp")
	go serve(server)
	got := allocations(t, linkExchanger{newLink(client)})
	if server.Close(); got >= 1 {
		t.Errorf("an exchange allocates %v times; want 0", got)
	}

	var n [2]float64
	config := &tls.Config{InsecureSkipVerify: true}
	for i := range n {
		client, server := pair(t, "tcp")
		go serve(tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate()}}))
		if i == 0 {
			n[i] = allocations(t, connExchanger{tls.Client(client, config), nil})
		} else {
			l := newLink(client)
			if err := l.handshake(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			n[i] = allocations(t, linkExchanger{l})
		}
		server.Close()
	}
	if n[1] > n[0] {
		t.Errorf("an exchange under TLS allocates %v times; want %v as crypto/tls does", n[1], n[0])
	}
}

func allocations(t *testing.T, e exchanger) float64 {
	t.Helper()
	request, response := make([]byte, benchRequest), make([]byte, 4<<10)
	return testing.AllocsPerRun(200, func() {
		if err := trip(e, request, response); err != nil {
			t.Fatal(err)
		}
	})
}
