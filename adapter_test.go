package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

func TestIdleTimeout(t *testing.T) {
	for _, tt := range []struct {
		limit, idle time.Duration
		kept        bool
	}{
		{0, 89 * time.Second, true},
		{0, 96 * time.Second, false},
		{3 * time.Second, 2 * time.Second, true},
		{3 * time.Second, 3 * time.Second, false},
		{-1, 24 * time.Hour, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &HTTPAdapter{IdleTimeout: tt.limit, DialContext: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() {
					defer server.Close()
					br := bufio.NewReader(server)
					for {
						if _, err := http.ReadRequest(br); err != nil {
							return
						}
						io.WriteString(server, okAnswer)
					}
				}()
				return client, nil
			}}
			s := over(t, a)
			for range 2 {
				if _, err := s.Get(bg, "http://a.test/"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.idle)
			}
			if got := a.Stats().Dialed == 1; got != tt.kept {
				t.Errorf("IdleTimeout %v, idle for %v: kept %v; want %v", tt.limit, tt.idle, got, tt.kept)
			}
			s.Close()
		})
	}
}

// A CONNECT carries the fields of the adapter, and none of the request.
func TestProxyHeader(t *testing.T) {
	ca := newIssuer(t, "ca")
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	for _, tt := range []struct {
		header http.Header
		want   string
	}{
		{nil, ""},
		{http.Header{"User-Agent": {"ours"}, "X-Tenant": {"a", "b"}}, "User-Agent: ours\r\nX-Tenant: a\r\nX-Tenant: b\r\n"},
	} {
		r := newRelay(t, nil, f.addr, nil)
		s := over(t, &HTTPAdapter{ProxyHeader: tt.header}, TLS{CABundle: ca.bundle(t)}, Proxies{"all": "http://" + r.addr})
		if _, err := s.Get(bg, f.https(), Headers{"User-Agent": "theirs", "X-Secret": "s"}); err != nil {
			t.Fatal(err)
		}
		heads := r.seen()
		if want := "CONNECT " + f.addr + " HTTP/1.1\r\nHost: " + f.addr + "\r\n" + tt.want + "\r\n"; len(heads) != 1 || heads[0] != want {
			t.Errorf("the proxy got %q; want %q", heads, want)
		}
	}
	_, err := over(t, &HTTPAdapter{ProxyHeader: http.Header{"X": {"a\r\nY: b"}}}).Get(bg, "http://a.test/")
	if isAll(t, err, ErrInvalidOption, ErrInvalidHeader); err != nil && !strings.Contains(err.Error(), "HTTPAdapter.ProxyHeader") {
		t.Errorf("the error %q does not name the field", err)
	}
}

// The TLS of an adapter counts where call and session say nothing, and before
// the environment.
func TestAdapterTLS(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, ClientAuth: tls.RequestClientCert}, okAnswer)
	good, bad := TLS{CABundle: ca.bundle(t)}, TLS{CABundle: other.bundle(t)}
	for _, tt := range []struct {
		name             string
		adapter, session TLS
		call             []Option
		environment      string
		want             error
	}{
		{name: "the adapter's", adapter: good},
		{name: "the session's over it", adapter: good, session: bad, want: ErrTLS},
		{name: "the call's over it", adapter: bad, call: []Option{good}},
		{name: "before the environment", adapter: good, environment: bad.CABundle},
		{name: "a certificate beside the environment", adapter: TLS{CertFile: pairFile(t, ca.issue(t, nil))}, environment: good.CABundle},
		{name: "Verify over SkipVerify", adapter: TLS{SkipVerify: true}, call: []Option{TLS{Verify: true}}, want: ErrTLS},
		{name: "contradiction", adapter: TLS{SkipVerify: true, Verify: true}, want: ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.environment != "" {
				t.Setenv("REQUESTS_CA_BUNDLE", tt.environment)
			}
			_, err := over(t, &HTTPAdapter{TLS: tt.adapter}, tt.session).Get(bg, f.https(), tt.call...)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("error %v; want %v", err, tt.want)
			}
		})
	}
}

func TestCloseIdleConnections(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	a := new(HTTPAdapter)
	s := over(t, a)
	held, err := s.Get(bg, f.url(), Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(bg, f.url()); err != nil {
		t.Fatal(err)
	}
	a.CloseIdleConnections()
	if got := a.Stats(); got.Open != 1 || got.Idle != 0 {
		t.Errorf("Stats() = %+v; want the connection in use alone", got)
	}
	if held.Text() != "ok" {
		t.Error("the response in use was cut")
	}
	if _, err := s.Get(bg, f.url()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestAdapterChecksItsMessage is about callers of an adapter that are no
// session: what would make two messages of one, or another than was meant, is
// refused before a byte is sent (RFC 9112, section 11.1).
func TestAdapterChecksItsMessage(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	for _, tt := range []struct {
		name   string
		change func(p *PreparedRequest)
		want   error
	}{
		{"method with a line end", func(p *PreparedRequest) { p.Method = "GET / HTTP/1.1\r\nEvil: 1\r\n\r\nGET" }, ErrInvalidOption},
		{"method with a space", func(p *PreparedRequest) { p.Method = "GE T" }, ErrInvalidOption},
		{"CONNECT", func(p *PreparedRequest) { p.Method = "CONNECT" }, ErrInvalidOption},
		{"no method", func(p *PreparedRequest) { p.Method = "" }, ErrInvalidOption},
		{"no URL", func(p *PreparedRequest) { p.URL = nil }, ErrInvalidURL},
		{"no host", func(p *PreparedRequest) { p.URL = &url.URL{Scheme: "http", Path: "/"} }, ErrInvalidURL},
		{"NUL in a value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a\x00b"} }, ErrInvalidHeader},
		{"line end in a value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
		{"line feed in the second value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a", "b\nEvil: 1"} }, ErrInvalidHeader},
		{"space in a name", func(p *PreparedRequest) { p.Header["X A"] = []string{"a"} }, ErrInvalidHeader},
		{"colon in a name", func(p *PreparedRequest) { p.Header["X-A:"] = []string{"a"} }, ErrInvalidHeader},
		{"line end in a name", func(p *PreparedRequest) { p.Header["X\r\nEvil"] = []string{"a"} }, ErrInvalidHeader},
		{"no name", func(p *PreparedRequest) { p.Header[""] = []string{"a"} }, ErrInvalidHeader},
		{"Host with a line end", func(p *PreparedRequest) { p.Header["Host"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
		{"Proxy-Authorization with a line end", func(p *PreparedRequest) { p.Header["Proxy-Authorization"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
	} {
		for name, a := range map[string]Adapter{
			"direct": new(HTTPAdapter), "PoolBlock": &HTTPAdapter{PoolBlock: true}, "RoundTripper": RoundTripper(new(http.Transport)),
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				p, err := NewRequest("GET", f.url()).Prepare(bg)
				if err != nil {
					t.Fatal(err)
				}
				tt.change(p)
				r, err := a.Send(bg, p, SendOptions{})
				if r != nil || !errors.Is(err, tt.want) {
					t.Errorf("Send = %v, %v; want one that is %v", r, err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "\n") {
					t.Errorf("the error has a line end: %q", err)
				}
			})
		}
	}
	if n := f.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestForeignErrors: what an adapter of the caller's gives is passed on as it
// was, with the kind of the network's errors if it is one, and ErrAdapter else.
func TestForeignErrors(t *testing.T) {
	mine := errors.New("mine: token=s3cr3t")
	for _, tt := range []struct {
		name string
		err  error
		kind error
	}{
		{"of its own", mine, ErrAdapter},
		{"url.Error", &url.Error{Op: "Get", URL: "http://u:s3cr3t@h.test/?token=s3cr3t", Err: mine}, ErrAdapter},
		{"refused", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: &net.OpError{Op: "dial", Err: errRefused}}, ErrConnection},
		{"name", &net.DNSError{Err: "no such host", Name: "h.test", IsNotFound: true}, ErrDNS},
		{"timeout", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: context.DeadlineExceeded}, ErrTimeout},
		{"lost", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: io.EOF}, ErrConnectionLost},
		{"a kind of ours", ErrReadTimeout, ErrReadTimeout},
		{"a kind of ours in words", errors.Join(mine, ErrDNS), ErrDNS},
	} {
		for way, adapter := range map[string]func(sent *int) Adapter{
			"Adapter": func(sent *int) Adapter {
				return adapterFunc(func(context.Context, *PreparedRequest, SendOptions) (*Response, error) {
					*sent++
					return nil, tt.err
				})
			},
			"RoundTripper": func(sent *int) Adapter {
				return RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
					*sent++
					return nil, tt.err
				}))
			},
			"body": func(sent *int) Adapter {
				return RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
					*sent++
					return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(iotest.ErrReader(tt.err))}, nil
				}))
			},
		} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				kind := tt.kind
				switch {
				case way == "body" && fault.IsA[*net.DNSError](tt.err):
					kind = ErrAdapter // no name is resolved for a body
				case way == "body" && (kind == ErrConnection || kind == ErrConnectionLost):
					kind = nil // it is cut, or ends
				}
				sent := 0
				s := NewSession()
				defer s.Close()
				s.Mount("http://", adapter(&sent))
				_, err := s.Get(bg, "http://h.test/", Retry{Total: 2})
				if kind != nil {
					isAll(t, err, kind, tt.err)
				}
				if errors.Is(err, ErrProtocol) || kind != ErrAdapter && errors.Is(err, ErrAdapter) {
					t.Errorf("Get = %v; want an error that is %v only", err, kind)
				}
				if kind == ErrAdapter && sent != 1 {
					t.Errorf("sent %d times; want once", sent)
				}
				if err != nil && strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("Get = %v", err)
				}
			})
		}
	}
	t.Run("Retry.If", func(t *testing.T) {
		sent := 0
		s := NewSession()
		defer s.Close()
		s.Mount("http://", RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
			sent++
			return nil, mine
		})))
		_, err := s.Get(bg, "http://h.test/", Retry{Total: 2, If: func(a Attempt) bool { return errors.Is(a.Err, mine) }})
		isAll(t, err, ErrAdapter, ErrRetriesExhausted, mine)
		if sent != 3 {
			t.Errorf("sent %d times; want 3", sent)
		}
	})
}

// TestForeignResponses: what is no response at all is an error, and is closed if
// it can be.
func TestForeignResponses(t *testing.T) {
	mine := errors.New("mine")
	for _, tt := range []struct {
		name string
		res  http.Response
		err  error
		want error
	}{
		{"no status", http.Response{}, nil, ErrProtocol},
		{"another protocol", http.Response{StatusCode: http.StatusSwitchingProtocols}, nil, ErrProtocol},
		{"beside an error", http.Response{StatusCode: 200}, mine, mine},
	} {
		for _, body := range []*closing{nil, {Reader: strings.NewReader("body")}} {
			res := tt.res
			if body != nil {
				res.Body = body
			}
			a := RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) { return &res, tt.err }))
			p, err := NewRequest("GET", "http://h.test/").Prepare(bg)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := a.Send(bg, p, SendOptions{Timeout: Timeout{Read: 1 << 40}}); r != nil || !errors.Is(err, tt.want) {
				t.Errorf("%s: Send = %v, %v; want %v", tt.name, r, err, tt.want)
			}
			if body != nil && body.closed != 1 {
				t.Errorf("%s: its body was closed %d times; want once", tt.name, body.closed)
			}
		}
	}
}

// TestForeignClose: net/http sees in the request, and not in its fields, that a
// connection is not to be kept.
func TestForeignClose(t *testing.T) {
	var closes []bool
	s := NewSession()
	defer s.Close()
	s.Mount("http://", RoundTripper(roundTripFunc(func(hr *http.Request) (*http.Response, error) {
		closes = append(closes, hr.Close)
		return &http.Response{StatusCode: 200}, nil
	})))
	for _, value := range []any{"close", "Close", "keep-alive", nil} {
		if _, err := s.Get(bg, "http://h.test/", Headers{"Connection": value}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []bool{true, true, false, false}; !slices.Equal(closes, want) {
		t.Errorf("Close of the requests = %v; want %v", closes, want)
	}
}

// TestFailedAttemptOfAnEndedCall: after a failed attempt whose call has ended
// there is no other one, and its response is read like any.
func TestFailedAttemptOfAnEndedCall(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	body := &closing{Reader: strings.NewReader("busy")}
	a := RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: 503, ContentLength: -1, Body: body}, nil
	}))
	p, err := NewRequest("GET", "http://h.test/").Prepare(bg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Send(ctx, p, SendOptions{Retry: &Retry{Total: 1, StatusCodes: []int{503}}})
	if body.closed != 1 {
		t.Errorf("Send = %v, %v, with the body closed %d times; want once", r, err, body.closed)
	}
	if err != nil || r.StatusCode != 503 || r.Text() != "busy" {
		t.Errorf("Send = %v, %v; want 503 with its body", r, err)
	}
}

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
			require.Contains(t, err.Error(), " 127.0.0.")
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
	_, err = s.Get(bg, "http://127.0.0.1:9/")
	require.EqualError(t, err, "requests: send http://127.0.0.1:9/: address not allowed: 127.0.0.1:9: 127.0.0.1 is loopback (RFC 1122)", "the address is not told as a name, too")
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
