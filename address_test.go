package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllow(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("internal")) }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	outer := newFaulty(t, answering("HTTP/1.1 302 Found\r\nLocation: "+inner.URL+"\r\nContent-Length: 0\r\n\r\n"))
	next := newFaulty(t, answering("HTTP/1.1 200 OK\r\nLink: <"+inner.URL+">; rel=next\r\nContent-Length: 2\r\n\r\nok"))
	names := map[string][]netip.Addr{
		"rebound.test.": {netip.MustParseAddr("127.0.0.1")},
		"mixed.test.":   {netip.MustParseAddr("10.255.255.1"), netip.MustParseAddr("127.0.0.1")},
	}
	forbidden := errors.New("forbidden token=s3cret")
	onlyOuter := func(a netip.AddrPort) error {
		if a.String() == outer.addr || a.String() == next.addr {
			return nil
		}
		return forbidden
	}
	tries := 0
	s := over(t, &HTTPAdapter{Allow: onlyOuter, Resolver: fakeDNS(t, names)}, TrustEnv(false), Retry{Total: 3},
		OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
	for name, get := range map[string]func() error{
		"a literal":  func() error { _, err := s.Get(bg, inner.URL); return err },
		"mapped":     func() error { _, err := s.Get(bg, "http://[::ffff:127.0.0.1]:"+port); return err },
		"a name":     func() error { _, err := s.Get(bg, "http://rebound.test:"+port); return err },
		"names":      func() error { _, err := s.Get(bg, "http://mixed.test:"+port); return err },
		"a redirect": func() error { _, err := s.Get(bg, outer.url()); return err },
		"a proxy": func() error {
			_, err := s.Get(bg, "http://127.0.0.9/", Proxies{"all": "socks5://" + inner.Listener.Addr().String()})
			return err
		},
		"a link": func() error {
			for _, err := range s.Pages(bg, next.url()) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := get()
			isAll(t, err, ErrAddress, ErrConnection, ErrRequest, forbidden)
			require.NotContains(t, err.Error(), "s3cret")
			require.Contains(t, err.Error(), " at 127.0.0.")
			require.IsType(t, new(Error), err)
		})
	}
	require.Zero(t, tries, "retries")
	for _, scheme := range []string{"http", "https", "socks4a", "socks5h"} {
		_, err := s.Get(bg, inner.URL, Proxies{"all": scheme + "://" + outer.addr})
		isAll(t, err, ErrInvalidOption)
		require.ErrorContains(t, err, "TrustProxy")
	}
	require.EqualValues(t, 1, outer.requests.Load(), "only the redirect was asked for")

	trusting := over(t, &HTTPAdapter{Allow: onlyOuter, TrustProxy: true}, TrustEnv(false), AllowRedirects(false))
	_, err := trusting.Get(bg, inner.URL, Proxies{"all": outer.url()})
	require.NoError(t, err)
	_, err = trusting.Get(bg, outer.url(), Proxies{"all": inner.URL})
	isAll(t, err, ErrAddress, ErrProxy)
}

// A connection that another adapter has made is not one that Allow was asked for.
func TestAllowIdle(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	_, err := over(t, new(HTTPAdapter), TrustEnv(false)).Get(bg, f.url())
	require.NoError(t, err)
	s := over(t, &HTTPAdapter{Allow: PublicOnly}, TrustEnv(false))
	_, err = s.Get(bg, f.url())
	isAll(t, err, ErrAddress)
	_, err = s.With(Retry{Total: 1}).Get(bg, f.url())
	isAll(t, err, ErrAddress)
}

func TestPublicOnly(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:192.168.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "fe80::1%eth0"} {
		err := PublicOnly(netip.AddrPortFrom(netip.MustParseAddr(addr), 80))
		require.ErrorIs(t, err, ErrAddress, addr)
		require.ErrorIs(t, err, ErrRequest, addr)
	}
	for _, addr := range []string{"8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"} {
		require.NoError(t, PublicOnly(netip.AddrPortFrom(netip.MustParseAddr(addr), 80)), addr)
	}
	require.ErrorIs(t, PublicOnly(netip.AddrPort{}), ErrAddress)
	s := over(t, &HTTPAdapter{Allow: PublicOnly, Hosts: map[string]string{"inside.test": "127.0.0.1"}}, TrustEnv(false))
	_, err := s.Get(bg, "http://inside.test/?token=s3cret")
	require.EqualError(t, err, "requests: send http://inside.test/?token=***: address not allowed: inside.test at 127.0.0.1:80: 127.0.0.1 is loopback (RFC 1122)")
}

// Beside a Transport nobody would be asked.
func TestAllowBesideTransport(t *testing.T) {
	for _, a := range []*HTTPAdapter{{Allow: PublicOnly}, {Hosts: map[string]string{"a.test": "127.0.0.1"}}, {TrustProxy: true}} {
		a.Transport = http.DefaultTransport
		_, err := over(t, a, TrustEnv(false)).Get(bg, "http://127.0.0.1:1/")
		isAll(t, err, ErrInvalidOption)
	}
	for _, url := range []string{"http://127.0.0.1:1/", "http://[::1]:1/"} { // below middleware it is asked
		a := &HTTPAdapter{Allow: PublicOnly, Wrap: func(rt http.RoundTripper) http.RoundTripper { return rt }}
		_, err := over(t, a, TrustEnv(false)).Get(bg, url)
		isAll(t, err, ErrAddress)
		r, _ := http.NewRequest("GET", url, nil)
		_, err = (&HTTPAdapter{Allow: PublicOnly}).RoundTrip(r)
		isAll(t, err, ErrAddress)
		_, err = over(t, &HTTPAdapter{Allow: PublicOnly}, TrustEnv(false)).Client().Do(r)
		isAll(t, err, ErrAddress)
	}
}

// A Unix socket is at no address.
func TestAllowUnixSocket(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	require.NoError(t, err)
	defer l.Close()
	s := over(t, &HTTPAdapter{Allow: func(netip.AddrPort) error { return nil }, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
	}}, TrustEnv(false))
	_, err = s.Get(bg, "http://daemon.test/")
	isAll(t, err, ErrAddress)
}

func TestHosts(t *testing.T) {
	ca := newIssuer(t, "ca")
	var sni, host string
	certificate := ca.issue(t, nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host = r.Host }))
	server.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { sni = h.ServerName; return &certificate, nil }}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	addr := server.Listener.Addr().String()
	for _, hosts := range []map[string]string{{"localhost": addr}, {"localhost:443": addr}, {"localhost": "[::ffff:127.0.0.1]" + addr[strings.LastIndex(addr, ":"):]}} {
		s := over(t, &HTTPAdapter{Hosts: hosts}, TrustEnv(false), TLS{CABundle: ca.bundle(t)})
		sni, host = "", ""
		_, err := s.Get(bg, "https://localhost/")
		require.NoError(t, err)
		require.Equal(t, "localhost localhost", sni+" "+host)
	}
	s := over(t, &HTTPAdapter{Hosts: map[string]string{"localhost": addr, "other.test": addr}}, TrustEnv(false), TLS{CABundle: ca.bundle(t)})
	_, err := s.Get(bg, "https://other.test/")
	isAll(t, err, ErrTLS)
}

// A proxy that resolves names gets the name.
func TestHostsBehindProxy(t *testing.T) {
	origin := newFaulty(t, answering(okAnswer))
	var asked string
	proxy := socks5Server(t, origin.addr, func(to string) { asked = to })
	s := over(t, &HTTPAdapter{Hosts: map[string]string{"a.test": "192.0.2.1:81"}}, TrustEnv(false))
	for scheme, want := range map[string]string{"socks5h": "a.test:80", "socks5": "192.0.2.1:81"} {
		_, err := s.Get(bg, "http://a.test/", Proxies{"all": scheme + "://" + proxy.addr})
		require.NoError(t, err)
		require.Equal(t, want, asked, scheme)
	}
}

func TestHostsChecked(t *testing.T) {
	for key, value := range map[string]string{"A.test": "127.0.0.1", "a.test": "b.test"} {
		_, err := over(t, &HTTPAdapter{Hosts: map[string]string{key: value}}, TrustEnv(false)).Get(bg, "http://127.0.0.1:1/")
		if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "HTTPAdapter.Hosts: the ") {
			t.Errorf("Hosts %q: %v; want ErrInvalidOption", key, err)
		}
	}
}
