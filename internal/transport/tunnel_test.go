package transport

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"
)

// secureConfig makes records as large as possible.
func secureConfig() *tls.Config { return &tls.Config{DynamicRecordSizingDisabled: true} }

// within makes a TLS link to an origin inside TLS to a proxy.
func within(t *testing.T, noFold bool) (proxy, origin *secured) {
	t.Helper()
	client, server := pair(t, "tcp")
	proxy = secure(t, makeLink(client, noFold), &holdConn{Conn: server, passes: -1}, secureConfig(), secureConfig())
	say(t, proxy.link, "CONNECT")
	hear(t, proxy.peer, "CONNECT")
	say(t, proxy.peer, "200")
	hear(t, proxy.link, "200")
	// The origin's tickets are in a write of their own, which is held.
	wire := &holdConn{Conn: proxy.peer, passes: 1}
	origin = secure(t, newLink(proxy.link), wire, secureConfig(), &tls.Config{ClientAuth: tls.RequestClientCert, DynamicRecordSizingDisabled: true})
	return proxy, origin
}

func TestTLSWithinTLS(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			proxy, origin := within(t, way.noFold)
			l := origin.link
			if l != proxy.link || len(l.layers) != 2 {
				t.Fatal("TLS within TLS is another link")
			}
			idle(t, l)
			origin.wire.release(-1) // late tickets of the origin
			await(t, "tickets arrive", func() bool { return !silent(l.w) })
			for _, size := range []int{1, 3000, 4 << 10, 17 << 10, 200 << 10, 10} {
				l.unpark(time.Now().Add(patience))
				ask(t, l, origin.peer, "request", strings.Repeat("r", size))
				idle(t, l)
				if !l.alive() {
					t.Fatalf("alive() = false after a response of %d bytes", size)
				}
			}
			if origin.tickets.n.Load() == 0 {
				t.Error("no ticket came")
			}
			l.Close()
			if b, err := io.ReadAll(proxy.peer); err != nil || len(b) == 0 {
				t.Errorf("the proxy read %d bytes, %v; want the close_notify for the origin", len(b), err)
			}
		})
	}
}

func TestLeftoverWithinTLS(t *testing.T) {
	for _, way := range ways {
		for _, evil := range []string{"E", strings.Repeat("e", 3<<10), strings.Repeat("e", 20<<10)} {
			const overhead = 5 + 16 + 1 // of a record of TLS 1.3
			for _, response := range []string{"response", strings.Repeat("r", smallBuffer-overhead)} {
				for _, shape := range []string{"one record", "two records", "two segments of the proxy"} {
					proxy, origin := within(t, way.noFold)
					l := origin.link
					origin.wire.release(-1)
					ask(t, l, origin.peer, "request", "first")
					idle(t, l)
					l.unpark(time.Now().Add(patience))
					l.queue([]byte("request"))
					l.flush()
					hear(t, origin.peer, "request")
					if shape == "two segments of the proxy" {
						proxy.wire.hold() // several records of the proxy in one segment
					} else {
						origin.wire.hold() // one record of the proxy, if it is not too large
					}
					if shape == "one record" {
						say(t, origin.peer, response+evil)
					} else {
						say(t, origin.peer, response)
						say(t, origin.peer, evil)
					}
					origin.wire.release(-1)
					proxy.wire.release(-1)
					got := make([]byte, 64<<10)
					n, err := io.ReadAtLeast(l, got, len(response))
					if err != nil {
						t.Fatal(err)
					}
					if n == len(response) && l.quiet() { // of more than that the reader knows
						t.Errorf("%s, %s: quiet() = true with %d bytes behind a response of %d", way.name, shape, len(evil), len(response))
					}
					l.abort()
				}
			}
		}
	}
}

func TestUnaskedWithinTLS(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, proxy, origin *secured)
		want error
	}{
		{"data", func(t *testing.T, _, origin *secured) { say(t, origin.peer, "unasked") }, errUnasked},
		{"close_notify of the origin", func(t *testing.T, _, origin *secured) { origin.peer.CloseWrite() }, io.EOF},
		{"close_notify of the proxy", func(t *testing.T, proxy, _ *secured) { proxy.peer.CloseWrite() }, io.EOF},
		{"half of a record", func(t *testing.T, _, origin *secured) {
			origin.wire.hold()
			say(t, origin.peer, "unasked")
			origin.wire.release(10)
		}, errUnasked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, way := range ways {
				proxy, origin := within(t, way.noFold)
				l := origin.link
				origin.wire.release(-1)
				ask(t, l, origin.peer, "request", "response")
				idle(t, l)
				tt.do(t, proxy, origin)
				unasked(t, l, tt.want)
				if _, err := l.Read(make([]byte, 1)); err == nil || err == io.EOF {
					t.Errorf("Read of a link that was stale = %v", err)
				}
				nothing(t, proxy.wire.Conn)
			}
		})
	}
}
