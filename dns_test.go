package requests

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// fakeDNS is a resolver that knows the addresses of hosts, and of no others. A
// nil slice is SERVFAIL.
func fakeDNS(t testing.TB, hosts map[string][]netip.Addr) *net.Resolver {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := answerDNS(buf[:n], hosts); answer != nil {
				pc.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() { pc.Close(); wg.Wait() })
	return resolverAt(pc.LocalAddr().String())
}

func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	}}
}

func answerDNS(query []byte, hosts map[string][]netip.Addr) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) == 0 {
		return nil
	}
	q := m.Questions[0]
	addrs, known := hosts[q.Name.String()]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	switch {
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case addrs == nil:
		m.RCode = dnsmessage.RCodeServerFailure
	}
	for _, a := range addrs {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	answer, _ := m.Pack()
	return answer
}

func TestDNSFaults(t *testing.T) {
	retry := Retry{Total: 2}
	t.Run("B190 NXDOMAIN", func(t *testing.T) {
		tries := 0
		s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, nil)}, retry, OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
		_, err := s.Get(bg, "http://nowhere.test/")
		isAll(t, err, ErrDNS, ErrConnection)
		if d, ok := errors.AsType[*net.DNSError](err); !ok || !d.IsNotFound || tries > 0 {
			t.Errorf("error %v after %d retries; want a DNSError that is not retried", err, tries)
		}
	})
	t.Run("B191 SERVFAIL", func(t *testing.T) {
		tries := 0
		s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, map[string][]netip.Addr{"sick.test.": nil})}, retry,
			OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
		_, err := s.Post(bg, "http://sick.test/", Text("x"))
		isAll(t, err, ErrDNS, ErrRetriesExhausted)
		if tries != 2 {
			t.Errorf("%d retries; want 2, since nothing was sent", tries)
		}
	})
	t.Run("B192 silence", func(t *testing.T) {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		// The resolver of net goes on with its lookup after the caller has
		// left; here it is cut off.
		done, cut := context.WithCancel(bg)
		defer cut()
		silent := resolverAt(pc.LocalAddr().String())
		dial := silent.Dial
		silent.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if done.Err() != nil {
				return nil, done.Err()
			}
			c, err := dial(ctx, network, addr)
			if err == nil {
				context.AfterFunc(done, func() { c.Close() })
			}
			return c, err
		}
		s := over(t, &HTTPAdapter{Resolver: silent}, Timeout{Connect: 100 * time.Millisecond})
		_, err = s.Get(bg, "http://h.test/")
		isAll(t, err, ErrConnectTimeout)
	})
	f := newFaulty(t, answering(okAnswer))
	_, port, _ := net.SplitHostPort(f.addr)
	live, dead := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.99")
	for name, addrs := range map[string][]netip.Addr{
		"B193 the first address is dead": {dead, live},
		"B194 IPv6 is dead":              {netip.MustParseAddr("::1"), live},
	} {
		t.Run(name, func(t *testing.T) {
			s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, map[string][]netip.Addr{"h.test.": addrs})})
			if _, err := s.Get(bg, "http://h.test:"+port); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("B195 a guard on the resolved address", func(t *testing.T) {
		blocked := errors.New("blocked")
		d := &net.Dialer{Resolver: fakeDNS(t, map[string][]netip.Addr{"h.test.": {live}}), ControlContext: controlTo(blocked)}
		_, err := over(t, &HTTPAdapter{DialContext: d.DialContext}).Get(bg, "http://h.test:"+port)
		isAll(t, err, blocked, ErrConnection)
	})
}

// controlTo refuses each address that is about to be dialled.
func controlTo(err error) func(context.Context, string, string, syscall.RawConn) error {
	return func(context.Context, string, string, syscall.RawConn) error { return err }
}
