package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSecuredLinkServesExchanges(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{})
		if s.link.tls == nil || s.link.tls.Version != way.version {
			t.Fatalf("tls = %+v; want the state", s.link.tls)
		}
		for _, size := range []int{1, 3000, 4 << 10, 17 << 10, 200 << 10, 10} {
			s.unpark(time.Now().Add(patience))
			ask(t, s.link, s.peer, "request", strings.Repeat("r", size))
			if large := s.layers[0].rec.large != nil; large != (size >= smallBuffer) {
				t.Errorf("a response of %d bytes took the large buffer: %v", size, large)
			}
			idle(t, s.link)
			if !s.alive() {
				t.Errorf("alive() = false after a response of %d bytes", size)
			}
			if r := s.layers[0].rec; r.buf != nil || s.w.pending != nil {
				t.Error("an idle link keeps its buffers")
			}
		}
	})
}

// Bytes after a response in the same segment are never taken for the next response.
func TestLeftoverBehindResponse(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
	for _, tt := range []struct {
		name    string
		records []string // the response is up to the first "|"
	}{
		{"in the same record", []string{"response|" + evil}},
		{"in its own record", []string{"response|", evil}},
		{"in the record of 10 KB", []string{strings.Repeat("r", 10<<10) + "|" + evil}},
		{"3 KB", []string{"response|", evil + strings.Repeat("e", 3<<10)}},
		{"10 KB", []string{"response|", evil + strings.Repeat("e", 10<<10)}},
		{"behind 204", []string{"HTTP/1.1 204 No Content\r\n\r\n|", evil}},
		{"behind 304", []string{"HTTP/1.1 304 Not Modified\r\n\r\n|", evil}},
		{"behind HEAD", []string{"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n|", evil}},
		{"one byte", []string{"response|", "E"}},
		{"three records", []string{"resp", "onse|", "E", "V", "IL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
				s := way.dial(t, -1, 0, &tls.Config{DynamicRecordSizingDisabled: true})
				ask(t, s.link, s.peer, "request", "first")
				idle(t, s.link)
				s.unpark(time.Now().Add(patience))
				response, _, _ := strings.Cut(strings.Join(tt.records, ""), "|")
				s.send(t, "request")
				s.wire.hold()
				for _, r := range tt.records {
					say(t, s.peer, strings.Replace(r, "|", "", 1))
				}
				s.wire.release(-1)
				hear(t, s.link, response)
				if s.quiet() {
					t.Error("quiet() = true with bytes behind the response")
				}
			})
		})
	}
}

// E1.6: bytes that arrive later, while the link is idle, are found before the next
// request.
func TestUnaskedUnderTLS(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, s *secured)
		want error
	}{
		{"data", func(t *testing.T, s *secured) { say(t, s.peer, "HTTP/1.1 408 Request Timeout\r\n\r\n") }, errUnasked},
		{"two records", func(t *testing.T, s *secured) {
			s.wire.hold()
			say(t, s.peer, "HTTP/1.1 ")
			say(t, s.peer, "200 OK")
			s.wire.release(-1)
		}, errUnasked},
		{"10 KB", func(t *testing.T, s *secured) { say(t, s.peer, strings.Repeat("e", 10<<10)) }, errUnasked},
		{"half of a record", func(t *testing.T, s *secured) {
			s.wire.hold()
			say(t, s.peer, "HTTP/1.1 200 OK")
			s.wire.release(20)
		}, errUnasked},
		{"half of a header", func(t *testing.T, s *secured) {
			s.wire.hold()
			say(t, s.peer, "HTTP/1.1 200 OK")
			s.wire.release(3)
		}, errUnasked},
		{"close_notify", func(t *testing.T, s *secured) { s.peer.CloseWrite() }, io.EOF},
		{"FIN", func(t *testing.T, s *secured) { s.wire.Conn.(*net.TCPConn).CloseWrite() }, io.EOF},
	} {
		for _, flush := range []bool{false, true} {
			name := tt.name + "/Read"
			if flush {
				name = tt.name + "/flush"
			}
			t.Run(name, func(t *testing.T) {
				everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
					s := way.dial(t, -1, 0, &tls.Config{DynamicRecordSizingDisabled: true})
					ask(t, s.link, s.peer, "request", "response")
					idle(t, s.link)
					tt.do(t, s)
					if !flush {
						unasked(t, s.link, tt.want)
					} else {
						await(t, "something arrives", func() bool { return !silent(s.w) })
						s.unpark(time.Now().Add(patience))
						s.queue([]byte("request"))
						if err := s.flush(); !errors.Is(err, errStale) || !errors.Is(err, tt.want) || s.sent() {
							t.Errorf("flush = %v, sent %v; want errStale with %v, not sent", err, s.sent(), tt.want)
						}
					}
					s.Close()
					nothing(t, s.wire.Conn) // neither the request nor close_notify
				})
			})
		}
		t.Run(tt.name+"/alive", func(t *testing.T) {
			everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
				s := way.dial(t, -1, 0, &tls.Config{})
				ask(t, s.link, s.peer, "request", "response")
				idle(t, s.link)
				tt.do(t, s)
				await(t, "something arrives", func() bool { return !silent(s.w) })
				if s.alive() {
					t.Error("alive() = true")
				}
			})
		})
	}
}

// arrive waits until tickets have arrived, if anything watches for them.
func arrive(t *testing.T, s *secured) {
	t.Helper()
	if s.w.watch == nil || s.w.used {
		await(t, "tickets arrive", func() bool { return !silent(s.w) })
	}
}

// E1.6: session tickets may come at any time (RFC 8446, section 4.6.1).
func TestLateTickets(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(t *testing.T, s *secured)
	}{
		{"before the first request", func(t *testing.T, s *secured) {
			s.wire.release(-1)
			arrive(t, s)
			ask(t, s.link, s.peer, "request", "response")
		}},
		{"before the first flush", func(t *testing.T, s *secured) {
			s.wire.release(-1)
			arrive(t, s)
			s.send(t, "request")
			say(t, s.peer, "response")
			hear(t, s.link, "response")
		}},
		{"before the response", func(t *testing.T, s *secured) {
			s.send(t, "request")
			say(t, s.peer, "response")
			s.wire.release(-1)
			hear(t, s.link, "response")
		}},
		{"while idle", func(t *testing.T, s *secured) {
			s.park()
			s.wire.release(-1)
			arrive(t, s)
			s.unpark(time.Now().Add(patience))
			ask(t, s.link, s.peer, "request", "response")
		}},
		{"while idle, before a flush", func(t *testing.T, s *secured) {
			s.park()
			s.wire.release(-1)
			arrive(t, s)
			s.unpark(time.Now().Add(patience))
			s.send(t, "request")
			say(t, s.peer, "response")
			hear(t, s.link, "response")
		}},
		{"while idle, before the sweep", func(t *testing.T, s *secured) {
			s.park()
			s.wire.release(-1)
			arrive(t, s)
			for range 2 {
				if !s.alive() {
					t.Error("alive() = false after tickets")
				}
			}
			s.unpark(time.Now().Add(patience))
			ask(t, s.link, s.peer, "request", "response")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
				// A server that asks for a certificate sends tickets in a write of their own.
				s := way.dial(t, 1, 0, &tls.Config{ClientAuth: tls.RequestClientCert})
				tt.use(t, s)
				idle(t, s.link)
				s.unpark(time.Now().Add(patience))
				ask(t, s.link, s.peer, "request", "response")
				idle(t, s.link)
				if s.tickets.n.Load() == 0 {
					t.Error("no ticket came: this test proves nothing")
				}
			})
		})
	}
}

// A ticket in the segment of the response is processed when the link is asked
// whether it is quiet.
func TestTicketBehindResponse(t *testing.T) {
	everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{SessionTicketsDisabled: true})
		f := forge(t, s)
		const ticket = "\x04\x00\x00\x0f\x00\x00\x00\x3c\x00\x00\x00\x00\x00\x00\x02ab\x00\x00"
		for range 3 {
			s.unpark(time.Now().Add(patience))
			s.send(t, "request")
			say(t, s.wire, f.record(typeData, "response")+f.record(typeHandshake, ticket)+f.record(typeHandshake, ticket))
			hear(t, s.link, "response")
			idle(t, s.link)
		}
		if s.tickets.n.Load() == 0 {
			t.Error("no ticket came: this test proves nothing")
		}
	})
}

// E1.7: a new connection waits for the rest of a record that began to arrive with
// the handshake: the request is written once it is known not to be a response.
func TestPartOfTicketOnNewLink(t *testing.T) {
	read := func(l *link) error {
		_, err := io.ReadFull(l, make([]byte, 8))
		return err
	}
	for _, tt := range []struct {
		name string
		rest int // bytes that come later
		use  func(l *link) error
	}{
		{"Read", 10, read},
		{"Read, half of a header", 120, read},
		{"flush", 10, (*link).flush},
		{"flush, half of a header", 120, (*link).flush},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
				s := way.dial(t, 1, tt.rest, &tls.Config{})
				if !s.layers[0].rec.unread() {
					t.Fatal("no part of a ticket came: this test proves nothing")
				}
				s.unpark(time.Now().Add(20 * time.Millisecond))
				s.queue([]byte("request"))
				if err := tt.use(s.link); !errors.Is(err, os.ErrDeadlineExceeded) || s.sent() {
					t.Fatalf("with a part of a ticket: %v, sent %v; want os.ErrDeadlineExceeded, not sent", err, s.sent())
				}
				s.unpark(time.Now().Add(patience))
				done := make(chan error, 1)
				go func() { done <- tt.use(s.link) }()
				s.wire.release(-1)
				hear(t, s.peer, "request")
				say(t, s.peer, "response")
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if tt.name[0] == 'f' {
					hear(t, s.link, "response")
				}
				idle(t, s.link)
				if s.tickets.n.Load() == 0 {
					t.Error("no ticket came")
				}
			})
		})
	}
}

// After tickets, the end of an idle connection is still noticed.
func TestEndBehindLateTickets(t *testing.T) {
	everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
		s := way.dial(t, 1, 0, &tls.Config{ClientAuth: tls.RequestClientCert})
		s.park()
		s.wire.release(-1)
		arrive(t, s)
		if !s.alive() {
			t.Fatal("alive() = false after tickets")
		}
		s.wire.Conn.Close()
		await(t, "alive() = false", func() bool { return !s.alive() })
	})
}

// E1.6: the answer to a key update is sent in its turn, after the request that was
// encrypted before it.
func TestKeyUpdate(t *testing.T) {
	everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{SessionTicketsDisabled: true})
		f := forge(t, s)
		exchange := func(before, after string) {
			t.Helper()
			s.queue([]byte("request"))
			if before != "" {
				say(t, s.wire, before)
				await(t, "the key update arrives", func() bool { return !silent(s.w) })
			}
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
			hear(t, s.peer, "request")
			if before != "" {
				f.update()
			}
			response := f.record(typeData, "response")
			say(t, s.wire, response+after)
			hear(t, s.link, "response")
			idle(t, s.link)
			if after != "" {
				f.update()
				if len(s.w.pending) == 0 {
					t.Error("the answer to a key update does not wait for the next request")
				}
			}
			s.unpark(time.Now().Add(patience))
		}
		s.w.used = true
		exchange("", "")
		idle(t, s.link)
		exchange(f.record(typeHandshake, keyUpdate), "") // before the request is written
		exchange("", "")
		next := *f
		next.seq++
		exchange("", next.record(typeHandshake, keyUpdate)) // behind the response
		exchange("", "")
		next = *f
		next.seq++
		exchange("", next.record(typeHandshake, keyUpdate))
		say(t, s.link, "no request") // Write minds the order too
		hear(t, s.peer, "no request")
	})
}

// E1.5: the end of a body without a length is close_notify. Anybody on the path can
// send a FIN (RFC 9112, section 9.8).
func TestEndUnderTLS(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(s *secured)
		want error
	}{
		{"close_notify", func(s *secured) { s.peer.CloseWrite() }, nil},
		{"close_notify and FIN", func(s *secured) { s.peer.Close() }, nil},
		{"FIN", func(s *secured) { s.wire.Conn.Close() }, io.ErrUnexpectedEOF},
		{"FIN within a record", func(s *secured) {
			s.wire.hold()
			io.WriteString(s.peer, "more")
			s.wire.release(20)
			s.wire.Conn.Close()
		}, io.ErrUnexpectedEOF},
		{"FIN within a header", func(s *secured) {
			s.wire.hold()
			io.WriteString(s.peer, "more")
			s.wire.release(3)
			s.wire.Conn.Close()
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
				s := way.dial(t, -1, 0, &tls.Config{})
				s.send(t, "request")
				say(t, s.peer, "response")
				tt.end(s)
				b, err := io.ReadAll(s.link)
				if string(b) != "response" || err != tt.want {
					t.Errorf("ReadAll = %q, %v; want response, %v", b, err, tt.want)
				}
				if s.quiet() {
					t.Error("quiet() = true after the end")
				}
			})
		})
	}
}

// An end in the segment of a response is found before the link becomes idle.
func TestCloseNotifyBehindResponse(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{})
		s.send(t, "request")
		s.wire.hold()
		say(t, s.peer, "response")
		s.peer.CloseWrite()
		s.wire.release(-1)
		hear(t, s.link, "response")
		if s.quiet() {
			t.Error("quiet() = true with a close_notify behind the response")
		}
	})
}

// E1.6: a fatal alert on an idle link is found like its end.
func TestAlertWhileIdle(t *testing.T) {
	everySecureWay(t, tls.VersionTLS13, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{SessionTicketsDisabled: true})
		f := forge(t, s)
		s.park()
		say(t, s.wire, f.record(typeAlert, "\x02\x50")) // internal_error
		await(t, "it arrives", func() bool { return !silent(s.w) })
		s.unpark(time.Now().Add(patience))
		s.queue([]byte("request"))
		_, err := s.Read(make([]byte, 1))
		if op, ok := errors.AsType[*net.OpError](err); !errors.Is(err, errStale) || !ok || op.Op != "remote error" || s.sent() {
			t.Errorf("Read = %v, sent %v; want errStale with the alert, not sent", err, s.sent())
		}
		nothing(t, s.wire.Conn)
	})
}

// E1.6: for a record that cannot be decrypted, TLS writes an alert, which must not
// take the request along.
func TestForgedRecordWhileIdle(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{})
		ask(t, s.link, s.peer, "request", "response")
		idle(t, s.link)
		say(t, s.wire.Conn, "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
		await(t, "it arrives", func() bool { return !silent(s.w) })
		s.unpark(time.Now().Add(patience))
		s.queue([]byte("request"))
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, errStale) || s.sent() {
			t.Errorf("Read = %v, sent %v; want errStale, not sent", err, s.sent())
		}
		nothing(t, s.wire.Conn)
	})
}

// E1.7: if a look could begin a renegotiation, it hands up nothing.
func TestRenegotiationTurnsLookIntoClose(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	s := secure(t, l, &holdConn{Conn: server, passes: -1}, &tls.Config{MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateFreelyAsClient}, &tls.Config{})
	ask(t, l, s.peer, "request", "response")
	idle(t, l)
	r := l.layers[0].rec
	const record = "\x16\x03\x03\x00\x04abcd"
	server.Write([]byte(record))
	await(t, "it arrives", func() bool { return !silent(l.w) })
	if l.alive() || r.n-r.r != len(record) {
		t.Errorf("alive() hands up a handshake message, of which %d bytes are left", r.n-r.r)
	}
	l.queue([]byte("request"))
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, errStale) || !errors.Is(err, errUnasked) || l.sent() {
		t.Errorf("Read = %v, sent %v; want errStale with errUnasked, not sent", err, l.sent())
	}
	nothing(t, server)
}

// E1.7: a write that timed out under TLS may have left part of a record behind.
func TestWriteTimeoutUnderTLSIsFinal(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{})
		s.queue([]byte("request"))
		s.flush()
		s.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := s.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %v; want os.ErrDeadlineExceeded", err)
		}
		s.SetDeadline(time.Now().Add(patience))
		if _, err := s.Write([]byte("more")); err == nil {
			t.Error("Write after one that timed out succeeds")
		}
		if s.quiet() {
			t.Error("quiet() = true")
		}
	})
}

// E1.7: a Read that timed out, even within a record, can be continued.
func TestReadGoesOnAfterTimeoutUnderTLS(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{})
		s.send(t, "request")
		s.wire.hold()
		say(t, s.peer, strings.Repeat("r", 1000))
		half := string(s.wire.buf.Bytes()[:500])
		rest := string(s.wire.buf.Bytes()[500:])
		for _, part := range []string{"", half} {
			say(t, s.wire.Conn, part)
			s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := s.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("Read = %d, %v; want os.ErrDeadlineExceeded", n, err)
			}
		}
		if s.quiet() {
			t.Error("quiet() = true with a part of a record")
		}
		s.SetReadDeadline(time.Now().Add(patience))
		say(t, s.wire.Conn, rest)
		hear(t, s.link, strings.Repeat("r", 1000))
	})
}

// E1.6: an idle link sends close_notify, and one with a request that is held back
// does not.
func TestCloseUnderTLS(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		for late := true; late; {
			s := way.dial(t, -1, 0, &tls.Config{})
			ask(t, s.link, s.peer, "request", "response")
			idle(t, s.link)
			start := time.Now()
			s.Close()
			late = time.Since(start) >= closeWait // on a busy machine: Close has given up
			b, err := io.ReadAll(s.wire.Conn)     // below TLS, where a bare FIN would be an end, too
			if !late && len(b) == 0 || err != nil {
				t.Errorf("the peer got %q, %v; want close_notify", b, err)
			}
		}

		s := way.dial(t, -1, 0, &tls.Config{})
		ask(t, s.link, s.peer, "request", "response")
		s.queue([]byte("cancelled"))
		s.Close()
		nothing(t, s.wire.Conn)
	})
}

// E1.8: bytes that were decrypted belong to whoever takes over the connection.
func TestHandOverUnderTLS(t *testing.T) {
	everySecureWay(t, tls.VersionTLS12, func(t *testing.T, way secureWay) {
		s := way.dial(t, -1, 0, &tls.Config{DynamicRecordSizingDisabled: true})
		s.send(t, "upgrade")
		s.wire.hold()
		say(t, s.peer, "101decrypted")
		say(t, s.peer, "buffered")
		s.wire.release(-1)
		hear(t, s.link, "101")
		c, err := s.handOver([]byte("rest"))
		if err != nil {
			t.Fatal(err)
		}
		hear(t, c, "restdecryptedbuffered")
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		say(t, c, "ping")
		hear(t, s.peer, "ping")
		c.(interface{ CloseWrite() error }).CloseWrite()
		if b, err := io.ReadAll(s.peer); len(b) > 0 || err != nil {
			t.Errorf("the peer read %q, %v; want the end", b, err)
		}
		c.Close()
		<-read
	})
}

// A server without TLS gets the error of crypto/tls, and so does one that sends
// less than a record header.
func TestHandshakeWithoutTLS(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "HTT", ""} {
		client, server := pair(t, "tcp")
		l := newLink(client)
		say(t, server, answer)
		server.(*net.TCPConn).CloseWrite()
		err := l.handshake(t.Context(), &tls.Config{ServerName: "example.com"})
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok != (len(answer) > 5) || err == nil {
			t.Errorf("handshake with %q = %v", answer, err)
		}
		l.Close()
	}
}

func TestHandshakeEndsWithContext(t *testing.T) {
	client, server := pair(t, "tcp")
	l := newLink(client)
	ctx, cancel := context.WithCancel(t.Context())
	stop := time.AfterFunc(time.Millisecond, cancel)
	defer stop.Stop()
	if err := l.handshake(ctx, &tls.Config{ServerName: "example.com"}); !errors.Is(err, context.Canceled) {
		t.Errorf("handshake = %v; want context.Canceled", err)
	}
	if _, err := io.Copy(io.Discard, server); err != nil { // to its end: the connection is closed
		t.Error(err)
	}
}
