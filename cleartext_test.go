package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A wrapped connection is no socket that can be looked at.
type wrapped struct{ net.Conn }

// TestHTTPSNeverInTheClear is about connections to one host and port that serve
// http and https: one without TLS must never carry a request of https. Nobody
// trusts the server, so that a request of https can only fail.
func TestHTTPSNeverInTheClear(t *testing.T) {
	ca := newIssuer(t, "ca")
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	var leaked atomic.Int32
	f := newFaulty(t, func(f *faulty, c net.Conn) { // speaks whatever the client begins with
		br := bufio.NewReader(c)
		first, err := br.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 22 {
			tc := tls.Server(&peeked{c, br}, config)
			br = bufio.NewReader(tc)
			for f.request(br) != nil {
				if _, err := io.WriteString(tc, okAnswer); err != nil {
					return
				}
			}
			return
		}
		for r := f.request(br); r != nil; r = f.request(br) {
			if r.Header.Get("Authorization") != "" {
				leaked.Add(1)
			}
			if _, err := io.WriteString(c, okAnswer); err != nil {
				return
			}
		}
	})
	for _, way := range []struct {
		name string
		dial func(net.Conn) net.Conn
	}{
		{"sockets", func(c net.Conn) net.Conn { return c }},
		{"wrapped", func(c net.Conn) net.Conn { return wrapped{c} }},
	} {
		t.Run(way.name+"/at once", func(t *testing.T) {
			for range 50 {
				s := over(t, &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, addr)
					if err != nil {
						return nil, err
					}
					return way.dial(c), nil
				}})
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() { s.Get(bg, f.url()) })
					wg.Go(func() {
						_, err := s.Get(bg, f.https(), BearerAuth("token"))
						isAll(t, err, ErrTLS)
					})
				}
				wg.Wait()
				s.Close()
			}
		})
		t.Run(way.name+"/after a dial that nobody waits for", func(t *testing.T) {
			ctx, cancel := context.WithCancel(bg)
			late := make(chan struct{})
			var once sync.Once
			a := &HTTPAdapter{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
				c, err := net.Dial(network, addr)
				if err != nil {
					return nil, err
				}
				once.Do(func() { cancel(); <-late })
				return way.dial(c), nil
			}}
			s := over(t, a)
			_, err := s.Get(ctx, f.url())
			isAll(t, err, context.Canceled)
			close(late)
			statsOf(a, func(s Stats) bool { return s.Open > 0 }) // the dial that was left is over
			_, err = s.Get(bg, f.https(), BearerAuth("token"))
			isAll(t, err, ErrTLS)
		})
	}
	if n := leaked.Load(); n != 0 {
		t.Errorf("%d requests of https went out in the clear", n)
	}
}

// A peeked connection is read through the reader that has looked at it.
type peeked struct {
	net.Conn
	br *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.br.Read(b) }
