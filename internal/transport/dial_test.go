package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-requests/requests/internal/fault"
)

// resolving is a resolver that knows the addresses of one name. It needs no
// network: a pipe answers each question.
func resolving(t testing.TB, name string, addrs ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			var size [2]byte
			if _, err := io.ReadFull(server, size[:]); err != nil {
				return
			}
			query := make([]byte, int(size[0])<<8|int(size[1]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(query); err != nil {
				t.Error(err)
				return
			}
			q := m.Questions[0]
			m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
			m.Additionals = nil
			if q.Name.String() != name+"." {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, a := range addrs {
				addr := netip.MustParseAddr(a)
				h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
				switch {
				case q.Type == dnsmessage.TypeA && addr.Is4():
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}})
				case q.Type == dnsmessage.TypeAAAA && addr.Is6():
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
				}
			}
			answer, _ := m.Pack()
			server.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...))
		}()
		return client, nil
	}}
}

func TestAlternate(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"::1 ::2 ::3 1.1.1.1 2.2.2.2", "::1 1.1.1.1 ::2 2.2.2.2 ::3"},
		{"1.1.1.1 ::1 ::2", "1.1.1.1 ::1 ::2"},
		{"1.1.1.1 2.2.2.2 3.3.3.3", "1.1.1.1 2.2.2.2 3.3.3.3"},
		{"::1", "::1"},
	} {
		var ips []netip.Addr
		for _, s := range strings.Fields(tt.in) {
			ips = append(ips, netip.MustParseAddr(s))
		}
		var got []string
		for _, ip := range alternate(ips) {
			got = append(got, ip.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("alternate(%s) = %s; want %s", tt.in, got, tt.want)
		}
	}
}

// Addresses are tried in turn, each a quarter of a second after the last one, or as
// soon as that has failed (RFC 8305, section 5).
func TestRace(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name  string
		takes []time.Duration // of each address; negative: it fails then
		took  time.Duration
		tried int
		fails bool
	}{
		{"the first answers", []time.Duration{time.Millisecond, 0}, time.Millisecond, 1, false},
		{"the first is slow", []time.Duration{time.Hour, time.Second}, 1250 * time.Millisecond, 2, false},
		{"the first fails at once", []time.Duration{-1, time.Second}, time.Second + 1, 2, false},
		{"the last of four of one family", []time.Duration{time.Hour, time.Hour, time.Hour, 0}, 750 * time.Millisecond, 4, false},
		{"the first wins late", []time.Duration{time.Second, time.Hour, time.Hour}, time.Second, 3, false},
		{"all fail", []time.Duration{-time.Second, -1, -1}, time.Second, 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				tried := 0
				var addrs []netip.AddrPort
				for i := range tt.takes {
					addrs = append(addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 80))
				}
				start := time.Now()
				c, err := race(t.Context(), addrs, func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
					mu.Lock()
					tried++
					mu.Unlock()
					takes := tt.takes[addr.Addr().As4()[3]]
					select {
					case <-time.After(takes.Abs()):
					case <-ctx.Done():
						return nil, ctx.Err()
					}
					if takes < 0 {
						return nil, refused
					}
					client, server := net.Pipe()
					server.Close()
					return client, nil
				})
				took := time.Since(start)
				synctest.Wait()
				if took != tt.took || tried != tt.tried || (err != nil) != tt.fails || err != nil && err != refused {
					t.Errorf("race = %v, %v after %v and %d addresses; want %v and %d", c, err, took, tried, tt.took, tt.tried)
				}
			})
		})
	}
}

// Allow is asked about every address that is connected to: literal addresses, those
// of a name, and the one to which Dial has connected.
func TestAllow(t *testing.T) {
	srv := httptest.NewServer(echo)
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	forbidden := errors.New("forbidden")
	refuse := func(bad ...string) func(netip.AddrPort) error {
		return func(a netip.AddrPort) error {
			for _, b := range bad {
				if a.Addr().String() == b {
					return forbidden
				}
			}
			return nil
		}
	}
	socket := t.TempDir() + "/s"
	unix, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	dialer := func(network, addr string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	}
	for _, tt := range []struct {
		name   string
		url    string
		config Config
		want   error
	}{
		{"literal, allowed", srv.URL, Config{Allow: refuse("10.0.0.1")}, nil},
		{"literal", srv.URL, Config{Allow: refuse("127.0.0.1")}, forbidden},
		{"literal, mapped into IPv6", "http://[::ffff:127.0.0.1]:" + port, Config{Allow: refuse("127.0.0.1")}, forbidden},
		{"name", "http://a.test:" + port, Config{Allow: refuse("127.0.0.1"), Resolver: resolving(t, "a.test", "127.0.0.1")}, forbidden},
		{"one of several addresses", "http://a.test:" + port, Config{Allow: refuse("127.0.0.9"), Resolver: resolving(t, "a.test", "127.0.0.9", "127.0.0.1")}, nil},
		{"a function", "http://a.test", Config{Allow: refuse("127.0.0.1"), Dial: dialer("tcp", addr)}, forbidden},
		{"a function, allowed", "http://a.test", Config{Allow: refuse("127.0.0.9"), Dial: dialer("tcp", addr)}, nil},
		{"a socket of Unix", "http://a.test", Config{Allow: refuse(), Dial: dialer("unix", socket)}, fault.Address},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, tt.config)
			res, err := e.Do(t.Context(), newCall(t, "GET", tt.url))
			if err == nil {
				res.Body.Close()
			}
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, fault.Address) {
				t.Errorf("Do: %v; want %v", err, tt.want)
			}
			if s := e.Stats(); tt.want != nil && s.Open != 0 {
				t.Errorf("Stats = %+v; want nothing open", s)
			}
		})
	}
	for _, scheme := range []string{"http", "https", "socks4a", "socks5h"} {
		call := newCall(t, "GET", srv.URL)
		call.Route.Proxy = Proxy{Scheme: scheme, Host: "proxy.test:1"}
		if _, err := newEngine(t, Config{Allow: refuse()}).Do(t.Context(), call); !errors.Is(err, fault.InvalidOption) {
			t.Errorf("with a proxy of %s: %v; want %v", scheme, err, fault.InvalidOption)
		}
		trusting := Config{Allow: refuse("127.0.0.1"), TrustProxy: true, Hosts: map[string]netip.AddrPort{"proxy.test": netip.MustParseAddrPort("127.0.0.1:0")}}
		if _, err := newEngine(t, trusting).Do(t.Context(), call); !errors.Is(err, forbidden) || !errors.Is(err, fault.Proxy) {
			t.Errorf("with a trusted proxy of %s that is forbidden: %v; want %v", scheme, err, forbidden)
		}
	}
	call := newCall(t, "GET", srv.URL)
	call.Route.Proxy = Proxy{Scheme: "socks5", Host: "127.0.0.1:1"}
	if _, err := newEngine(t, Config{Allow: refuse("127.0.0.1")}).Do(t.Context(), call); !errors.Is(err, forbidden) {
		t.Errorf("a proxy that is forbidden: %v; want %v", err, forbidden)
	}
}

// Hosts takes precedence over the resolver, for the name of a proxy, too, and may
// lead to another port.
func TestHosts(t *testing.T) {
	srv := httptest.NewServer(echo)
	defer srv.Close()
	to := netip.MustParseAddrPort(srv.Listener.Addr().String())
	same := netip.AddrPortFrom(to.Addr(), 0)
	away := netip.MustParseAddrPort("127.0.0.1:1")
	port := strconv.Itoa(int(to.Port()))
	var dialled string
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = addr
		return new(net.Dialer).DialContext(ctx, network, to.String())
	}
	for _, tt := range []struct {
		name, url string
		config    Config
		want      error
	}{
		{"host", "http://a.test", Config{Hosts: map[string]netip.AddrPort{"a.test": to}}, nil},
		{"host, the port stays", "http://a.test:" + port, Config{Hosts: map[string]netip.AddrPort{"a.test": same}}, nil},
		{"host:port goes first", "http://a.test", Config{Hosts: map[string]netip.AddrPort{"a.test": away, "a.test:80": to}}, nil},
		{"another port", "http://a.test:81", Config{Hosts: map[string]netip.AddrPort{"a.test:80": to}, Resolver: resolving(t, "b.test")}, fault.DNS},
		{"in capitals", "http://A.test", Config{Hosts: map[string]netip.AddrPort{"a.test": to}}, nil},
		{"an address", "http://[2001:db8::1]", Config{Hosts: map[string]netip.AddrPort{"2001:db8::1": to}}, nil},
		{"Allow is asked", "http://a.test", Config{Hosts: map[string]netip.AddrPort{"a.test": to}, Allow: func(a netip.AddrPort) error {
			if a != to {
				t.Errorf("Allow was asked for %s", a)
			}
			return errors.New("no")
		}}, fault.Address},
		{"a function", "http://a.test", Config{Hosts: map[string]netip.AddrPort{"a.test": away}, Dial: dial}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := newEngine(t, tt.config).Do(t.Context(), newCall(t, "GET", tt.url))
			if err == nil {
				res.Body.Close()
			}
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("Do: %v; want %v", err, tt.want)
			}
		})
	}
	t.Run("another host", func(t *testing.T) {
		asked := []netip.AddrPort{}
		e := newEngine(t, Config{Hosts: map[string]netip.AddrPort{"a.test": to}, Allow: func(a netip.AddrPort) error {
			asked = append(asked, a)
			return nil
		}})
		_, err := e.Do(t.Context(), newCall(t, "GET", "http://"+away.String()))
		if !errors.Is(err, fault.Connection) || len(asked) != 1 || asked[0] != away {
			t.Errorf("Do: %v after asking for %v; want a refused connection to %s", err, asked, away)
		}
	})
	if dialled != away.String() {
		t.Errorf("the function was asked for %q; want %s", dialled, away)
	}
	p := new(tunneller)
	call := newCall(t, "GET", "http://a.test/")
	proxy := netip.MustParseAddrPort(hostOf(serving(t, p.serve)))
	call.Route.Proxy = Proxy{Scheme: "http", Host: "proxy.test:3128"}
	text(t, newEngine(t, Config{Hosts: map[string]netip.AddrPort{"a.test": away, "proxy.test": proxy}}), call)
	if got := p.last(); !strings.HasPrefix(got, "GET http://a.test/ ") {
		t.Errorf("the proxy got %q", got)
	}
}

// A failure before there is a connection has its kind, and nothing was sent.
func TestDialErrors(t *testing.T) {
	closed := httptest.NewServer(echo)
	closed.Close()
	for _, tt := range []struct {
		name   string
		url    string
		config Config
		want   error
	}{
		{"refused", closed.URL, Config{}, fault.Connection},
		{"no such name", "http://nowhere.test/", Config{Resolver: resolving(t, "a.test")}, fault.DNS},
		{"timeout of its own", "http://a.test/", Config{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }}, fault.ConnectTimeout},
		{"a kind of its own", "http://a.test/", Config{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, fault.Text(fault.InvalidProxy, "so")
		}}, fault.InvalidProxy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newEngine(t, tt.config).Do(t.Context(), newCall(t, "GET", tt.url))
			if !errors.Is(err, tt.want) || Sent(err) {
				t.Errorf("Do: %v, sent %v; want %v", err, Sent(err), tt.want)
			}
		})
	}
}

// A deadline of the caller that passes during a dial is not the limit of the call.
func TestCallersDeadlineInDial(t *testing.T) {
	p := &pipes{dial: time.Hour}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		call := newCall(t, "GET", "http://a.test/")
		call.Connect = 10 * time.Second // at the same instant
		for range 10 {
			_, err := e.Do(ctx, call)
			if errors.Is(err, fault.ConnectTimeout) != errors.Is(err, fault.Connection) || !errors.Is(err, fault.Timeout) {
				t.Errorf("Do: %v", err)
			}
			call.Connect = time.Minute
		}
		_, err := e.Do(ctx, call)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fault.ConnectTimeout) {
			t.Errorf("Do: %v; want the deadline of the caller", err)
		}
	})
}
