package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeLink returns a link over a pipe, which has no buffer and cannot be peeked at.
func pipeLink(t *testing.T) (l *link, peer net.Conn) {
	client, server := net.Pipe()
	l = newLink(client)
	t.Cleanup(func() {
		l.abort()
		server.Close()
	})
	return l, server
}

func TestWatchServesExchanges(t *testing.T) {
	l, peer := pipeLink(t)
	for _, response := range []string{"r", strings.Repeat("r", smallBuffer), strings.Repeat("r", smallBuffer+1), strings.Repeat("r", 100<<10)} {
		l.unpark(time.Now().Add(patience))
		ask(t, l, peer, "request", response)
		idle(t, l)
		if !l.alive() {
			t.Error("alive() = false on a silent link")
		}
	}
}

// Bytes that the goroutine read while the link was idle are found, and so is the
// end.
func TestWatchFindsWhatNobodyAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(peer net.Conn)
		want error
	}{
		{"data", func(peer net.Conn) { io.WriteString(peer, "HTTP/1.1 408 ") }, errUnasked},
		{"the end", func(peer net.Conn) { peer.Close() }, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, peer := pipeLink(t)
			ask(t, l, peer, "request", "response")
			idle(t, l)
			tt.do(peer)
			unasked(t, l, tt.want)
		})
	}
}

// E1.10: the goroutine that waits while the link is idle remains the only reader
// until its Read returns, and then ends. There are never two Reads at a time.
func TestWatchIsTheOnlyReader(t *testing.T) {
	client, server := pair(t, "tcp")
	c := &exclusiveConn{Conn: client}
	l := newLink(c)
	defer l.abort()
	for range 50 {
		l.unpark(time.Now().Add(patience))
		ask(t, l, server, "request", strings.Repeat("r", 6<<10))
		idle(t, l)
	}
	if c.overlaps.Load() > 0 {
		t.Errorf("%d reads ran beside another one", c.overlaps.Load())
	}
}

type exclusiveConn struct {
	net.Conn
	reading, overlaps atomic.Int32
}

func (c *exclusiveConn) Read(p []byte) (int, error) {
	if c.reading.Add(1) > 1 {
		c.overlaps.Add(1)
	}
	defer c.reading.Add(-1)
	return c.Conn.Read(p)
}

// An early answer is read even if the peer does not take the request: a pipe takes
// nothing that is not read.
func TestWatchReadsEarlyAnswer(t *testing.T) {
	for _, warm := range []bool{false, true} {
		l, peer := pipeLink(t)
		if warm {
			ask(t, l, peer, "request", "response")
			idle(t, l)
		}
		l.unpark(time.Now().Add(patience))
		l.queue([]byte("head and body"))
		done := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(peer, make([]byte, 4))
			_, werr := io.WriteString(peer, "413")
			done <- errors.Join(err, werr)
		}()
		hear(t, l, "413")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if l.quiet() {
			t.Error("quiet() = true while the request is being written")
		}
		l.Close()
	}
}

// If more tickets arrive than the buffer holds, the link is closed. No answer is
// lost.
func TestWatchIsBounded(t *testing.T) {
	l, peer := pipeLink(t)
	l.w.watch.start(true)
	l.w.used = true
	wrote := make(chan int, 1)
	go func() {
		n, _ := peer.Write(make([]byte, 1<<20))
		wrote <- n
	}()
	await(t, "the watch ends", func() bool {
		l.w.watch.mu.Lock()
		defer l.w.watch.mu.Unlock()
		return !l.w.watch.running
	})
	if err := l.w.watch.err; err != errPartial {
		t.Errorf("the watch ended with %v; want errPartial", err)
	}
	if got := l.w.watch.n; got != smallBuffer {
		t.Errorf("the watch keeps %d bytes; want %d", got, smallBuffer)
	}
	if l.alive() {
		t.Error("alive() = true")
	}
	l.abort()
	if n := <-wrote; n > smallBuffer {
		t.Errorf("%d bytes were read while idle; want %d", n, smallBuffer)
	}
}

// A connection that returns neither bytes nor an error is given up.
func TestWatchGivesUpEmptyReads(t *testing.T) {
	l := newLink(emptyConn{})
	l.queue([]byte("request"))
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Read = %v; want io.ErrNoProgress", err)
	}
	<-l.w.rest.done
}

type emptyConn struct{ net.Conn }

func (emptyConn) Read([]byte) (int, error)    { return 0, nil }
func (emptyConn) Write(p []byte) (int, error) { return len(p), nil }
func (emptyConn) SetDeadline(time.Time) error { return nil }
func (emptyConn) Close() error                { return nil }
func (emptyConn) LocalAddr() net.Addr         { return nil }
func (emptyConn) RemoteAddr() net.Addr        { return nil }

// A bareConn has no deadlines, like the channels of SSH.
type bareConn struct{ net.Conn }

var errNoDeadline = errors.New("deadline not supported")

func (bareConn) SetDeadline(time.Time) error      { return errNoDeadline }
func (bareConn) SetReadDeadline(time.Time) error  { return errNoDeadline }
func (bareConn) SetWriteDeadline(time.Time) error { return errNoDeadline }

// E1.10: if the connection has no deadlines, a timer closes it, and the error is
// that of a deadline.
func TestClockClosesConnection(t *testing.T) {
	const limit = time.Minute
	for _, tt := range []struct {
		name string
		use  func(l *link, peer net.Conn) error
	}{
		{"new", func(l *link, peer net.Conn) error {
			l.unpark(time.Now().Add(limit))
			l.queue([]byte("request"))
			go io.ReadFull(peer, make([]byte, 7))
			_, err := l.Read(make([]byte, 1))
			return err
		}},
		{"idle before", func(l *link, peer net.Conn) error {
			l.park()
			synctest.Wait()
			l.unpark(time.Now().Add(limit))
			l.queue([]byte("request"))
			go io.ReadFull(peer, make([]byte, 7))
			_, err := l.Read(make([]byte, 1))
			return err
		}},
		{"set while it reads", func(l *link, peer net.Conn) error {
			time.AfterFunc(time.Second, func() { l.SetReadDeadline(time.Now().Add(limit - time.Second)) })
			_, err := l.Read(make([]byte, 1))
			return err
		}},
		{"moved while it reads", func(l *link, peer net.Conn) error {
			l.SetReadDeadline(time.Now().Add(limit / 2))
			time.AfterFunc(time.Second, func() { l.SetReadDeadline(time.Now().Add(limit - time.Second)) })
			_, err := l.Read(make([]byte, 1))
			return err
		}},
		{"write", func(l *link, peer net.Conn) error {
			l.SetWriteDeadline(time.Now().Add(limit))
			_, err := l.Write([]byte("request"))
			return err
		}},
		{"write of another goroutine", func(l *link, peer net.Conn) error {
			l.SetDeadline(time.Now().Add(limit))
			l.queue([]byte("request"))
			if err := l.flush(); err != nil {
				return err
			}
			_, err := l.Write([]byte("body"))
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer server.Close()
				l := newLink(bareConn{client})
				start := time.Now()
				err := tt.use(l, server)
				if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != limit {
					t.Errorf("after %v: %v; want os.ErrDeadlineExceeded after %v", took, err, limit)
				}
				if n, err := server.Read(make([]byte, 1)); n == 0 && err != io.EOF {
					t.Errorf("the peer read %v; want io.EOF", err)
				}
				if l.quiet() {
					t.Error("quiet() = true after a deadline closed the connection")
				}
			})
		})
	}
}

// A deadline that passes while nothing is read or written does no harm, nor does
// one of an earlier exchange.
func TestClockIsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		l := newLink(bareConn{client})
		defer l.abort()
		l.unpark(time.Now().Add(time.Second))
		ask(t, l, server, "request", "response")
		idle(t, l)
		time.Sleep(time.Minute)
		if !l.alive() {
			t.Error("alive() = false past a deadline of the exchange before")
		}
		l.unpark(time.Time{})
		ask(t, l, server, "request", "response")
		if !l.quiet() { // which waits for the goroutine that wrote
			t.Fatal("quiet() = false after a response that was read to its end")
		}
		l.SetWriteDeadline(time.Now().Add(-time.Second)) // stops the upload, of which nothing is left
		say := time.AfterFunc(time.Minute, func() { io.WriteString(server, "more") })
		defer say.Stop()
		hear(t, l, "more")
		if _, err := l.Write([]byte("late")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %v; want os.ErrDeadlineExceeded", err)
		}
		go io.WriteString(server, "yet more") // the Write did not begin, so nothing is closed
		hear(t, l, "yet more")
	})
}

// Closing takes at most a second.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		s := secure(t, newLink(client), &holdConn{Conn: server, passes: -1}, secureConfig(), secureConfig())
		ask(t, s.link, s.peer, "request", "response")
		idle(t, s.link)
		start := time.Now()
		s.Close()
		if took := time.Since(start); took > closeWait {
			t.Errorf("Close of a link whose peer does not read took %v; want at most %v", took, closeWait)
		}
	})
}
