package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
