package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestLinkServesExchanges(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		for range 3 {
			if err := l.unpark(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			ask(t, l, peer, "request", "response")
			if !l.sent() {
				t.Error("sent() = false")
			}
			idle(t, l)
			if !l.alive() {
				t.Error("alive() = false on a silent link")
			}
		}
	})
}

// E3.13, E3.15: bytes that arrive while the link is idle, or its end, are found
// before anything is written; the request may go to another connection.
func TestLinkFindsWhatNobodyAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, peer net.Conn)
		want error
	}{
		{"a 408", func(t *testing.T, peer net.Conn) {
			say(t, peer, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			peer.(*net.TCPConn).CloseWrite()
		}, errUnasked},
		{"a response", func(t *testing.T, peer net.Conn) { say(t, peer, "HTTP/1.1 200 OK\r\n\r\n") }, errUnasked},
		{"half-close", func(t *testing.T, peer net.Conn) { peer.(*net.TCPConn).CloseWrite() }, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
				ask(t, l, peer, "request", "response")
				idle(t, l)
				tt.do(t, peer)
				unasked(t, l, tt.want)
				nothing(t, peer)
			})
			everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
				ask(t, l, peer, "request", "response")
				idle(t, l)
				tt.do(t, peer)
				await(t, "alive() finds it", func() bool { return !l.alive() })
			})
			everyWay(t, func(t *testing.T, l *link, peer net.Conn) { // flush looks as Read does
				ask(t, l, peer, "request", "response")
				idle(t, l)
				tt.do(t, peer)
				await(t, "something arrives", func() bool { return !silent(l.w) })
				l.unpark(time.Time{})
				l.queue([]byte("request"))
				if err := l.flush(); !errors.Is(err, errStale) || !errors.Is(err, tt.want) || l.sent() {
					t.Errorf("flush = %v, sent %v; want errStale with %v, not sent", err, l.sent(), tt.want)
				}
				if _, err := l.Write([]byte("body")); err == nil {
					t.Error("Write on a stale link succeeds")
				}
				nothing(t, peer)
			})
		})
	}
}

// Bytes after a response are never the beginning of the next one, wherever they
// are.
func TestLinkFindsWhatIsBehindResponse(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		ask(t, l, peer, "request", "response")
		idle(t, l)
		l.unpark(time.Now().Add(patience))
		l.queue([]byte("request"))
		l.flush()
		hear(t, peer, "request")
		say(t, peer, "responseEVIL")
		hear(t, l, "response")
		if l.w.watch != nil { // has read it all
			if l.quiet() {
				t.Error("quiet() = true with bytes behind the response")
			}
			return
		}
		idle(t, l)
		unasked(t, l, errUnasked)
	})
}

// E1.3: no deadline of one exchange affects the next one, or ends an idle link.
func TestLinkDeadlinesEndWithTheExchange(t *testing.T) {
	for _, set := range []struct {
		name string
		set  func(*link, time.Time) error
	}{{"both", (*link).SetDeadline}, {"read", (*link).SetReadDeadline}, {"write", (*link).SetWriteDeadline}} {
		t.Run(set.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
				ask(t, l, peer, "request", "response")
				if !l.quiet() {
					t.Fatal("not quiet")
				}
				set.set(l, time.Now().Add(-time.Second))
				l.park()
				if !l.alive() {
					t.Error("alive() = false past a deadline of the exchange before")
				}
				l.unpark(time.Time{})
				ask(t, l, peer, "request", "response")
			})
		})
	}
}

// E1.3: a deadline that has passed is noticed before anything is written.
func TestLinkDeadlineBeforeTheLook(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	l.unpark(time.Now().Add(-time.Second))
	l.queue([]byte("late"))
	_, err := l.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errStale) || l.sent() {
		t.Errorf("Read = %v, sent %v; want os.ErrDeadlineExceeded, not sent", err, l.sent())
	}
	if l.quiet() {
		t.Error("quiet() = true with a request that was not sent")
	}
	l.Close()
	nothing(t, server)
}

// E1.3: after abort, a link sends nothing, and is never idle again.
func TestAbortBeforeTheLook(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		ask(t, l, peer, "request", "response")
		l.queue([]byte("cancelled"))
		l.abort()
		_, err := l.Read(make([]byte, 1))
		if !errors.Is(err, net.ErrClosed) || errors.Is(err, errStale) || l.sent() {
			t.Errorf("Read = %v, sent %v; want net.ErrClosed, not sent", err, l.sent())
		}
		if l.quiet() {
			t.Error("quiet() = true after abort")
		}
		nothing(t, peer)
	})
	// A look that is under way when abort is called sends nothing either: Close
	// waits for it.
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.queue([]byte("cancelled"))
		l.w.aborted.Store(true)
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || errors.Is(err, errStale) || l.sent() {
			t.Errorf("Read = %v, sent %v; want net.ErrClosed, not sent", err, l.sent())
		}
		l.abort()
		nothing(t, peer)
	})
}

// E1.8: after abort, a link is never pooled, even if the response was complete.
func TestAbortAfterTheResponse(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := context.AfterFunc(ctx, l.abort)
		ask(t, l, peer, "request", "response")
		cancel()
		if stop() {
			t.Fatal("the context has not ended")
		}
		await(t, "quiet() = false", func() bool { return !l.quiet() })
	})
}

// E1.3: abort ends a Read that waits for the answer. The request counts as sent.
func TestAbortWhileWaiting(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.queue([]byte("request"))
		done := make(chan error, 1)
		go func() {
			_, err := l.Read(make([]byte, 1))
			done <- err
		}()
		hear(t, peer, "request")
		l.abort()
		if err := <-done; !errors.Is(err, net.ErrClosed) || errors.Is(err, errStale) || !l.sent() {
			t.Errorf("Read = %v, sent %v; want net.ErrClosed, sent", err, l.sent())
		}
	})
}

// E1.11: a timeout does not harm the link: a call that waited for 100 Continue goes
// on.
func TestReadGoesOnAfterTimeout(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		ask(t, l, peer, "request", "response")
		idle(t, l)
		l.unpark(time.Now().Add(20 * time.Millisecond))
		l.queue([]byte("head"))
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !l.sent() {
			t.Fatalf("Read = %v, sent %v; want os.ErrDeadlineExceeded, sent", err, l.sent())
		}
		l.SetDeadline(time.Now().Add(patience))
		if _, err := l.Write([]byte("body")); err != nil {
			t.Fatal(err)
		}
		hear(t, peer, "headbody")
		say(t, peer, "response")
		hear(t, l, "response")
		idle(t, l)
	})
}

// E1.2: a request in several parts is sent in order.
func TestLinkOrder(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		parts := []string{"head", strings.Repeat("b", 16<<10), strings.Repeat("c", 100<<10)}
		done := make(chan error, 1)
		go func() {
			err := errors.Join(l.queue([]byte(parts[0])), l.queue([]byte(parts[1])))
			if err == nil {
				_, err = l.Write([]byte(parts[2]))
			}
			done <- err
		}()
		hear(t, peer, strings.Join(parts, ""))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		say(t, peer, "response")
		hear(t, l, "response")
		idle(t, l)
	})
}

// E3.14: data before a reset is read first.
func TestReadDataBeforeReset(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.queue([]byte("request"))
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		hear(t, peer, "reques") // a byte is left, so that Close resets
		say(t, peer, "answer")
		peer.Close()
		hear(t, l, "answer")
		if _, err := l.Read(make([]byte, 1)); err == nil || err == io.EOF || errors.Is(err, errStale) {
			t.Errorf("Read after the data = %v; want an error of the network", err)
		}
	})
}

// E1.4: a write that fails consumes the error of the socket, and the reader gets
// EOF, which is not the end of a body.
func TestFailedWritePoisonsEOF(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.queue([]byte("request"))
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		hear(t, peer, "reques")
		say(t, peer, "answer without length")
		peer.Close()
		chunk := make([]byte, 1<<10)
		await(t, "a write fails", func() bool {
			_, err := l.Write(chunk)
			return err != nil
		})
		hear(t, l, "answer without length")
		if _, err := l.Read(make([]byte, 1)); err == io.EOF || err == nil {
			t.Errorf("Read after a write that failed = %v; want no io.EOF", err)
		}
		if l.quiet() {
			t.Error("quiet() = true after a write that failed")
		}
	})
}

// E1.4: the reader may get EOF before the writer has reported that its write
// failed.
func TestResetWhileWritingPoisonsEOF(t *testing.T) {
	for range 20 {
		client, server := pair(t, "tcp")
		l := newLink(client)
		l.queue([]byte("request"))
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		go func() {
			chunk := make([]byte, 64<<10)
			for {
				if _, err := l.Write(chunk); err != nil {
					return
				}
			}
		}()
		hear(t, server, "request")
		await(t, "a part of the body arrives", func() bool { return !silent(newWire(server, false)) })
		say(t, server, "answer")
		server.Close()
		if b, err := io.ReadAll(l); err == nil {
			t.Fatalf("ReadAll = %q, nil; want an error", b)
		}
		l.abort()
		await(t, "the writer ends", func() bool { return l.w.writing.Load() == 0 })
	}
}

// E1.4: the same without the race.
func TestResetBeforeTheWriteReturnsPoisonsEOF(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	say(t, l, "request")
	await(t, "it arrives", func() bool { return !silent(newWire(server, false)) })
	server.Close()
	await(t, "a write takes the error", func() bool {
		_, err := client.Write([]byte("body"))
		return err != nil
	})
	l.w.writing.Add(1)
	if _, err := l.Read(make([]byte, 1)); err != io.ErrUnexpectedEOF {
		t.Errorf("Read = %v; want io.ErrUnexpectedEOF", err)
	}
}

// E1.9: a write deadline, with which the exchange stops an upload, says nothing
// about the connection: what is read after it may end with EOF.
func TestWriteDeadlineKeepsEOF(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		l.queue([]byte("request"))
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		l.SetWriteDeadline(time.Now().Add(-time.Second))
		if _, err := l.Write([]byte("body")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %v; want os.ErrDeadlineExceeded", err)
		}
		hear(t, peer, "request")
		say(t, peer, "refused")
		peer.(*net.TCPConn).CloseWrite()
		if b, err := io.ReadAll(l); string(b) != "refused" || err != nil {
			t.Errorf("ReadAll = %q, %v; want refused, nil", b, err)
		}
		if l.quiet() {
			t.Error("quiet() = true after a request that was not written to its end")
		}
	})
}

// A half-close while the request is still being written is the end of the response,
// not a reset.
func TestHalfCloseWhileWriting(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	l.queue([]byte("request"))
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	body := make([]byte, 8<<20)
	go func() {
		_, err := l.Write(body)
		wrote <- err
	}()
	hear(t, server, "request")
	await(t, "the writer waits", func() bool { return l.w.writing.Load() > 0 })
	say(t, server, "response")
	server.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(l); string(b) != "response" || err != nil {
		t.Errorf("ReadAll = %q, %v; want response, nil", b, err)
	}
	if n, err := io.CopyN(io.Discard, server, int64(len(body))); err != nil {
		t.Errorf("the peer got %d bytes of the body, %v", n, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

// E1.8: after a 101, buffered bytes are read first, and Write is not buffered.
func TestHandOver(t *testing.T) {
	everyWay(t, func(t *testing.T, l *link, peer net.Conn) {
		ask(t, l, peer, "request", "response")
		idle(t, l)
		l.unpark(time.Now().Add(time.Hour))
		ask(t, l, peer, "upgrade", "101")
		l.SetDeadline(time.Now().Add(-time.Second))
		c, err := l.handOver([]byte("rest"))
		if err != nil {
			t.Fatal(err)
		}
		say(t, peer, "more")
		hear(t, c, "restmore")
		read := make(chan error, 1)
		go func() { // Read waits while others write
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		say(t, c, "ping")
		hear(t, peer, "ping")
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("CloseWrite = %v", err)
		}
		nothing(t, peer)
		c.Close()
		if err := <-read; err == nil {
			t.Error("Read ends with no error after Close")
		}
	})
}

// E1.8: a connection without half-close says so.
func TestCloseWriteUnsupported(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	l := newLink(client)
	defer l.abort()
	if err := l.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite = %v; want errors.ErrUnsupported", err)
	}
}

func TestLinkOverLink(t *testing.T) {
	client, _ := pair(t, "tcp")
	l := newLink(client)
	defer l.abort()
	if again := newLink(l); again != l {
		t.Error("newLink of a link is another link")
	}
	if n, err := l.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v; want 0, nil", n, err)
	}
}
