package requests

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests/internal/uri"
)

// moved is a redirect to location.
func moved(location string) string {
	return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n"
}

// moving makes a relay redirect a request for from to what to points at.
func moving(from string, to *string) func(head string) string {
	return func(head string) string {
		if target(head) == from {
			return moved(*to)
		}
		return ""
	}
}

// withoutProxyFields fails the test for a head that has what is for a proxy.
func withoutProxyFields(t *testing.T, who string, heads ...string) {
	t.Helper()
	if len(heads) == 0 {
		t.Errorf("%s was asked for nothing", who)
	}
	for _, head := range heads {
		if strings.Contains(strings.ToLower(head), "proxy-") {
			t.Errorf("%s got %q", who, head)
		}
	}
}

// TestProxyOfEachHop has a redirect lead from one side of a proxy to the other.
// The proxy and what it may know are chosen anew for each hop.
func TestProxyOfEachHop(t *testing.T) {
	ca := newIssuer(t, "ca")
	var mu sync.Mutex
	var inside []string
	secure := newTLSSpy(t, ca, &mu, &inside)
	origin := func() []string {
		mu.Lock()
		defer mu.Unlock()
		heads := inside
		inside = nil
		return heads
	}
	direct := newHeadServer(t)
	var location string
	proxy := newRelay(t, nil, secure.addr, moving("http://first.test/", &location))
	session := func(t *testing.T, opts ...Option) *Session {
		return over(t, new(HTTPAdapter), append(opts, TLS{CABundle: ca.bundle(t)})...)
	}
	environ := func(t *testing.T, noProxy string) {
		t.Setenv("http_proxy", "http://pu:pp@"+proxy.addr)
		t.Setenv("https_proxy", "http://pu:pp@"+proxy.addr)
		t.Setenv("no_proxy", noProxy)
	}
	byHand := Headers{"Proxy-Authorization": "Basic hand"}

	t.Run("A004 into a tunnel", func(t *testing.T) {
		for name, opt := range map[string]Option{
			"URL": Proxies{"all": "http://pu:pp@" + proxy.addr}, "ProxyAuth": ProxyAuth("pu", "pp"),
		} {
			location = "https://localhost/"
			if _, err := session(t, Proxies{"all": proxy.url()}, opt).Get(bg, "http://first.test/"); err != nil {
				t.Fatal(name, err)
			}
			heads := proxy.seen()
			if len(heads) != 2 || !strings.HasPrefix(heads[1], "CONNECT localhost:443 ") {
				t.Fatalf("%s: the proxy got %q; want a GET and a CONNECT", name, heads)
			}
			for _, head := range heads {
				if got, _ := field(head, "Proxy-Authorization"); got != basicValue("pu", "pp") {
					t.Errorf("%s: the proxy got %q; want the credentials for it", name, head)
				}
			}
			withoutProxyFields(t, "the origin", origin()...)
		}
	})
	t.Run("A016 out of the proxy on the same host", func(t *testing.T) {
		_, port, _ := net.SplitHostPort(secure.addr)
		location = "https://localhost:" + port + "/"
		from := "http://localhost/"
		same := newRelay(t, nil, "", moving(from, &location))
		environ(t, "localhost:"+port)
		t.Setenv("http_proxy", same.url())
		if _, err := session(t).Get(bg, from, byHand); err != nil {
			t.Fatal(err)
		}
		if got, _ := field(same.seen()[0], "Proxy-Authorization"); got != "Basic hand" {
			t.Errorf("the proxy got %q; want what was given by hand", got)
		}
		if heads := proxy.seen(); len(heads) > 0 {
			t.Errorf("the proxy of https got %q; want nothing", heads)
		}
		withoutProxyFields(t, "the origin", origin()...)
	})
	for name, opt := range map[string]Option{"by URL": nil, "by hand": byHand} {
		t.Run("A037 to a host of no_proxy, "+name, func(t *testing.T) {
			environ(t, "127.0.0.1")
			location = "http://" + direct.addr + "/"
			if _, err := session(t).Get(bg, "http://first.test/", opt); err != nil {
				t.Fatal(err)
			}
			if heads := proxy.seen(); len(heads) != 1 {
				t.Errorf("the proxy got %q; want the first request alone", heads)
			}
			_, heads := direct.seen()
			withoutProxyFields(t, "the target", heads...)
		})
	}
	t.Run("A037 and back", func(t *testing.T) {
		// What went to an exempt host first gets its credentials for the proxy.
		environ(t, "127.0.0.1")
		exempt := newFaulty(t, answering(moved("http://h.test/")))
		if _, err := session(t).Get(bg, exempt.url()); err != nil {
			t.Fatal(err)
		}
		heads := proxy.seen()
		if len(heads) != 1 || target(heads[0]) != "http://h.test/" {
			t.Fatalf("the proxy got %q; want h.test", heads)
		}
		if got, _ := field(heads[0], "Proxy-Authorization"); got != basicValue("pu", "pp") {
			t.Errorf("Proxy-Authorization is %q; want that of the variable", got)
		}
	})
	t.Run("A056 not around the proxy", func(t *testing.T) {
		environ(t, "")
		location = "http://" + direct.addr + "/internal"
		if _, err := session(t).Get(bg, "http://first.test/"); err != nil {
			t.Fatal(err)
		}
		if dials, heads := direct.seen(); len(dials)+len(heads) > 0 {
			t.Errorf("the internal address was asked directly: %q", heads)
		}
		if heads := proxy.seen(); len(heads) != 2 || target(heads[1]) != location {
			t.Errorf("the proxy got %q; want both requests", heads)
		}
	})
	t.Run("A024 netrc over one connection", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(file, []byte("machine first.test login nu password np\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("NETRC", file)
		location = "http://second.test/"
		before := proxy.conns.Load()
		if _, err := session(t, Proxies{"http": proxy.url()}).Get(bg, "http://first.test/"); err != nil {
			t.Fatal(err)
		}
		heads := proxy.seen()
		if got, _ := field(heads[0], "Authorization"); got != basicValue("nu", "np") {
			t.Errorf("the first host got %q; want what netrc has for it", got)
		}
		if got, ok := field(heads[1], "Authorization"); ok {
			t.Errorf("the second host got %q; want nothing", got)
		}
		if n := proxy.conns.Load() - before; n != 1 {
			t.Errorf("%d connections to the proxy; want the one for both", n)
		}
	})
}

// TestDialSeesEachHop is A056 without a proxy: a DialContext that refuses
// addresses is asked for every hop, with the address that is connected to.
func TestDialSeesEachHop(t *testing.T) {
	f := newFaulty(t, answering(moved("http://169.254.169.254/latest/meta-data/"), okAnswer))
	internal := errors.New("an internal address")
	dial := to(f.addr)
	a := &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "169.254.") {
			return nil, internal
		}
		return dial(ctx, network, addr)
	}}
	_, err := over(t, a).Get(bg, "http://first.test/")
	isAll(t, err, internal, ErrConnection)
	if n := f.requests.Load(); n != 1 {
		t.Errorf("%d requests were sent; want the first alone", n)
	}
}

// TestUnspecifiedAddresses is A065: 0.0.0.0 and [::] reach this machine, but no
// local address is exempt from a proxy unless it is listed, and these are as
// local as the others.
func TestUnspecifiedAddresses(t *testing.T) {
	for _, tt := range []struct {
		noProxy, url string
		direct       bool
	}{
		{"", "http://0.0.0.0/", false},
		{"", "http://[::]/", false},
		{"", "http://127.0.0.1/", false},
		{"localhost,127.0.0.0/8,::1", "http://0.0.0.0/", false},
		{"localhost,127.0.0.0/8,::1", "http://[::]/", false},
		{"0.0.0.0,[::]", "http://0.0.0.0:8080/", true},
		{"0.0.0.0", "http://[::ffff:0.0.0.0]/", true},
		{"0.0.0.0,[::]", "http://[0:0::0]/", true},
		{"0.0.0.0", "http://[::]/", false},
	} {
		t.Setenv("http_proxy", "http://p.test")
		t.Setenv("no_proxy", tt.noProxy)
		u, _, err := uri.Parse(tt.url)
		if err != nil {
			t.Error(err)
			continue
		}
		set := settings{}
		proxy, _, err := set.proxyRules().find(u)
		if err != nil || (proxy == nil) != tt.direct {
			t.Errorf("with no_proxy=%q the proxy for %s is %v, %v; want it direct: %v", tt.noProxy, tt.url, proxy, err, tt.direct)
		}
	}
}

// TestProxyDigestIsOfOneProxy is A072: what one proxy has asked for is not
// answered to another, nor to the same one with other credentials.
func TestProxyDigestIsOfOneProxy(t *testing.T) {
	asking := func(realm string) func(string) string {
		challenge := fmt.Sprintf("HTTP/1.1 407 Auth\r\nProxy-Authenticate: Digest realm=%q, nonce=\"n\", algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n", realm)
		return func(head string) string {
			if v, _ := field(head, "Proxy-Authorization"); !strings.Contains(v, fmt.Sprintf("realm=%q", realm)) {
				return challenge
			}
			return ""
		}
	}
	a, b := newRelay(t, nil, "", asking("of a")), newRelay(t, nil, "", asking("of b"))
	s := over(t, new(HTTPAdapter))
	for i, tt := range []struct {
		proxy *relay
		user  string
		asked int // 2: challenged first
	}{
		{a, "u", 2}, {a, "u", 1}, {b, "u", 2}, {b, "u", 1}, {a, "u", 1}, {a, "v", 2},
	} {
		if _, err := s.Get(bg, "http://h.test/", Proxies{"http": "http://" + tt.user + ":p@" + tt.proxy.addr}); err != nil {
			t.Fatal(i, err)
		}
		heads := tt.proxy.seen()
		if len(heads) != tt.asked {
			t.Fatalf("%d: the proxy was asked %d times; want %d", i, len(heads), tt.asked)
		}
		if v, _ := field(heads[0], "Proxy-Authorization"); strings.HasPrefix(v, "Digest ") != (tt.asked == 1) {
			t.Errorf("%d: the first request has %q", i, v)
		}
		if v, _ := field(heads[len(heads)-1], "Proxy-Authorization"); !strings.Contains(v, `username="`+tt.user+`"`) {
			t.Errorf("%d: the last request has %q; want one of %s", i, v, tt.user)
		}
	}
}

// TestSOCKSPasswordFirst is A082: nothing is asked of a SOCKS5 proxy before it
// has answered the password, and nothing at all if it does not take it.
func TestSOCKSPasswordFirst(t *testing.T) {
	early := make(chan []byte, 1)
	f := newFaulty(t, func(_ *faulty, c net.Conn) {
		io.ReadFull(c, make([]byte, 4)) // version, two methods
		c.Write([]byte{5, 2})
		io.ReadFull(c, make([]byte, len("\x01\x02pu\x02pp")))
		c.Write([]byte{1, 1}) // rejected
		rest, _ := io.ReadAll(c)
		early <- rest
	})
	_, err := over(t, new(HTTPAdapter)).Get(bg, "http://h.test/", Proxies{"all": "socks5h://pu:pp@" + f.addr})
	isAll(t, err, ErrProxy)
	if rest := <-early; len(rest) > 0 {
		t.Errorf("the proxy got %q after the password that it rejected", rest)
	}
	if strings.Contains(err.Error(), "pp") {
		t.Errorf("the error %q shows the password", err)
	}
}

// socks5Server plays a SOCKS5 proxy without authentication that connects to
// target, and tells asked what it was asked for.
func socks5Server(t testing.TB, target string, asked func(string)) *faulty {
	return newFaulty(t, func(_ *faulty, c net.Conn) {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		io.ReadFull(c, make([]byte, head[1]))
		c.Write([]byte{5, 0})
		request := make([]byte, 4)
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		host := ""
		switch request[3] {
		case 1:
			ip := make([]byte, 4)
			io.ReadFull(c, ip)
			host = net.IP(ip).String()
		case 3:
			n := make([]byte, 1)
			io.ReadFull(c, n)
			name := make([]byte, n[0])
			io.ReadFull(c, name)
			host = string(name)
		}
		port := make([]byte, 2)
		io.ReadFull(c, port)
		asked(fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(port)))
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		splice(c, c, up)
	})
}

func TestSOCKS(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	var asked []string
	proxy := socks5Server(t, origin.addr, func(s string) { asked = append(asked, s) })
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)})
	t.Run("socks5h", func(t *testing.T) {
		if _, err := s.Get(bg, "https://proxy.test/", Proxies{"all": "socks5h://" + proxy.addr}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("socks5", func(t *testing.T) {
		if _, err := s.Get(bg, "https://127.0.0.1:1/", Proxies{"all": "socks5://" + proxy.addr}); err != nil {
			t.Fatal(err)
		}
	})
	if got := strings.Join(asked, " "); got != "proxy.test:443 127.0.0.1:1" {
		t.Errorf("the proxy was asked for %s", got)
	}
	t.Run("A069 the certificate is checked", func(t *testing.T) {
		_, err := s.Get(bg, "https://proxy.test/", Proxies{"all": "socks5h://" + proxy.addr}, TLS{CABundle: newIssuer(t, "other").bundle(t)})
		isAll(t, err, ErrTLS)
	})
}

// TestSOCKSFaults is B214 and A079.
func TestSOCKSFaults(t *testing.T) {
	method := []byte{5, 0}
	reply := func(code byte) []byte { return []byte{5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0} }
	for name, answer := range map[string][]byte{
		"no acceptable method": {5, 0xff}, "wrong version": {4, 0}, "truncated": {5}, "nothing": {},
		"code 1": reply(1), "code 5": reply(5), "code 8": reply(8), "code 200": reply(200), "cut reply": append(method, 5, 0),
	} {
		t.Run("B214 "+name, func(t *testing.T) {
			f := newFaulty(t, func(_ *faulty, c net.Conn) {
				c.Read(make([]byte, 64))
				c.Write(answer)
				c.(*net.TCPConn).CloseWrite()
				hold(c)
			})
			_, err := over(t, new(HTTPAdapter)).Get(bg, "http://h.test/", Proxies{"all": "socks5h://" + f.addr})
			isAll(t, err, ErrProxy, ErrConnection)
		})
	}
	t.Run("A079 a name of 300 bytes", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { hold(c) })
		p := mustPrepare(t, "http://h.test/")
		p.URL.Host = strings.Repeat("a", 300) + ".test"
		proxy, _ := parseProxy("socks5h://" + f.addr)
		a := new(HTTPAdapter)
		defer a.Close()
		_, err := a.Send(bg, p, SendOptions{Proxy: proxy})
		isAll(t, err, ErrProxy)
	})
	t.Run("names that do not resolve here", func(t *testing.T) {
		a := &HTTPAdapter{Resolver: fakeDNS(t, nil)}
		_, err := over(t, a).Get(bg, "http://nowhere.test/", Proxies{"all": "socks5://127.0.0.1:1"})
		isAll(t, err, ErrDNS)
	})
}
