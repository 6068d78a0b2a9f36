package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/uri"
)

func TestParseProxy(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://p.test:3128", "http://p.test:3128"},
		{"http://p.test", "http://p.test:80"},
		{"https://p.test/", "https://p.test:443"},
		{"p.test:3128", "http://p.test:3128"},
		{"localhost:80", "http://localhost:80"},
		{"//p.test:1", "http://p.test:1"},
		{"127.0.0.1:80", "http://127.0.0.1:80"},
		{"SOCKS5://P.test", "socks5://p.test:1080"},
		{"socks5h://u:p@[::1]:9", "socks5h://u:p@[::1]:9"},
		{"http://u%40v:p%3Aw@p.test:1", "http://u%40v:p%3Aw@p.test:1"},
		// C102 and A084: never direct, never another proxy.
		{":::", ""}, {" http://p.test", ""}, {"http://p.test:99999", ""}, {"http://p.test:x", ""},
		{"http://", ""}, {"http:///p.test:80", ""}, {"http://:8080", ""}, {"http:/p.test:3128", ""},
		{"ftp://p.test:1", ""}, {"socks9://p.test", ""}, {"foo://p.test", ""}, {"mailto:x", ""},
		{"http://p.test/path", ""}, {"http://p.test?q", ""}, {"http://p.test#f", ""},
		{"http://user:sec%zzret@p.test", "any"}, {"http://user:sec\r\nret@p.test", ""}, {"http://user:secret@", ""},
	} {
		u, err := parseProxy(tt.in)
		switch {
		case tt.want == "any": // an escape of Requests' kind; either reading will do
		case tt.want == "" && !errors.Is(err, ErrInvalidProxy):
			t.Errorf("parseProxy(%q) = %v, %v; want ErrInvalidProxy", tt.in, u, err)
		case tt.want != "" && (err != nil || u.String() != tt.want):
			t.Errorf("parseProxy(%q) = %v, %v; want %s", tt.in, u, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "ret") {
			t.Errorf("parseProxy(%q): the error %q shows the password", tt.in, err)
		}
	}
}

func FuzzParseProxy(f *testing.F) {
	for _, s := range []string{"http://p.test:3128", "socks5h://u:p@[::1]:9", "p:1", ":::", "http://u:p@", "//x", "https://a@b@c:1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseProxy(s)
		if err != nil {
			if !errors.Is(err, ErrInvalidProxy) {
				t.Fatalf("parseProxy(%q): %v is not ErrInvalidProxy", s, err)
			}
			return
		}
		if u.Hostname() == "" || u.Port() == "" || proxyPorts[u.Scheme] == "" {
			t.Fatalf("parseProxy(%q) = %v; want scheme, host and port", s, u)
		}
		if again, err := parseProxy(u.String()); err != nil || again.String() != u.String() {
			t.Fatalf("parseProxy(%q) = %v, %v; want %v again", u, again, err, u)
		}
	})
}

// TestProxyFor is the choice: rows of A2 on the environment, and the order.
func TestProxyFor(t *testing.T) {
	for _, tt := range []struct {
		name, url     string
		env           map[string]string
		session, call Proxies
		ignoreEnv     bool
		want          string
	}{
		{name: "nothing", url: "http://h.test/"},
		{name: "A085 all_proxy", url: "https://h.test/", env: map[string]string{"ALL_PROXY": "socks5h://p.test"}, want: "socks5h://p.test:1080"},
		{name: "A060 CGI, upper case", url: "http://h.test/", env: map[string]string{"HTTP_PROXY": "http://evil.test", "REQUEST_METHOD": "GET"}},
		{name: "A060 CGI, lower case", url: "http://h.test/", env: map[string]string{"http_proxy": "http://p.test", "REQUEST_METHOD": "GET"}, want: "http://p.test:80"},
		{name: "A060 CGI, https", url: "https://h.test/", env: map[string]string{"HTTPS_PROXY": "http://p.test", "REQUEST_METHOD": "GET"}, want: "http://p.test:80"},
		{name: "lower case first", url: "http://h.test/", env: map[string]string{"http_proxy": "http://l.test", "HTTP_PROXY": "http://u.test"}, want: "http://l.test:80"},
		{name: "empty hides upper case", url: "http://h.test/", env: map[string]string{"http_proxy": "", "HTTP_PROXY": "http://u.test"}},
		{name: "TrustEnv(false)", url: "http://h.test/", env: map[string]string{"http_proxy": "http://p.test"}, ignoreEnv: true},
		{name: "no_proxy", url: "http://h.test/", env: map[string]string{"http_proxy": "http://p.test", "NO_PROXY": ".test"}},
		{name: "A066 no greedy suffix", url: "http://example.com/", env: map[string]string{"http_proxy": "http://p.test", "no_proxy": "ample.com"}, want: "http://p.test:80"},
		{name: "A062 trailing dot", url: "http://internal.test./", env: map[string]string{"http_proxy": "http://p.test", "no_proxy": "internal.test"}},
		{name: "A064 IPv4-mapped", url: "http://[::ffff:127.0.0.1]/", env: map[string]string{"http_proxy": "http://p.test", "no_proxy": "127.0.0.1"}},
		{name: "A083 IPv6 without brackets", url: "http://[::1]/", env: map[string]string{"http_proxy": "http://p.test", "no_proxy": "::1"}},
		{name: "session over environment", url: "http://h.test/", env: map[string]string{"http_proxy": "http://e.test"}, session: Proxies{"all": "http://s.test"}, want: "http://s.test:80"},
		{name: "call over session", url: "http://h.test/", session: Proxies{"http": "http://s.test"}, call: Proxies{"http": "http://c.test"}, want: "http://c.test:80"},
		{name: "call turns off", url: "http://h.test/", env: map[string]string{"http_proxy": "http://e.test"}, call: Proxies{"http": ""}},
		{name: "host before scheme", url: "http://h.test:8080/", session: Proxies{"http": "http://s.test", "http://h.test": "http://h.test"}, want: "http://h.test:80"},
		{name: "the key no_proxy", url: "http://h.test/", env: map[string]string{"http_proxy": "http://e.test", "no_proxy": ""}, session: Proxies{"no_proxy": "h.test"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			s := NewSession(tt.session, TrustEnv(!tt.ignoreEnv))
			var set settings
			if err := set.merge(s, []Option{tt.call}); err != nil {
				t.Fatal(err)
			}
			u, _, err := uri.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if p, _, err := set.proxyRules().find(u); err != nil {
				t.Fatal(err)
			} else if p != nil {
				got = p.String()
			}
			if got != tt.want {
				t.Errorf("the proxy for %s is %q; want %q", tt.url, got, tt.want)
			}
		})
	}
	t.Run("A084 malformed", func(t *testing.T) {
		for _, value := range []string{":::", " http://p", "http://%zz", "foo://p.test"} {
			t.Setenv("http_proxy", value)
			w := newHeadServer(t)
			_, err := w.session(t).Get(bg, "http://h.test/")
			isAll(t, err, ErrInvalidProxy)
			if dials, _ := w.seen(); len(dials) > 0 {
				t.Errorf("with http_proxy=%q %v was dialled; want nothing", value, dials)
			}
		}
	})
}

// A relay is an HTTP proxy that keeps what it is asked. It answers requests in
// absolute form itself, and connects to target whatever CONNECT names.
type relay struct {
	*faulty
	target string

	mu    sync.Mutex
	heads []string
}

// newRelay starts a relay that refuses with refuse, unless that gives "".
func newRelay(t testing.TB, config *tls.Config, target string, refuse func(head string) string) *relay {
	r := &relay{target: target}
	r.faulty = newFaulty(t, func(_ *faulty, c net.Conn) {
		if config != nil {
			tc := tls.Server(c, config)
			defer tc.Close()
			if tc.Handshake() != nil {
				return
			}
			c = tc
		}
		br := bufio.NewReader(c)
		for {
			head, req, err := readRequest(br)
			if head != "" {
				r.mu.Lock()
				r.heads = append(r.heads, head)
				r.mu.Unlock()
			}
			if err != nil {
				return
			}
			if refuse != nil {
				if answer := refuse(head); answer != "" {
					if _, err := io.WriteString(c, answer); err != nil || req.Method == "CONNECT" {
						return
					}
					continue
				}
			}
			if req.Method != "CONNECT" {
				io.WriteString(c, okAnswer)
				continue
			}
			up, err := net.Dial("tcp", r.target)
			if err != nil {
				io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
				return
			}
			io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
			splice(c, br, up)
			return
		}
	})
	return r
}

// splice copies both ways until one side ends.
func splice(c net.Conn, from io.Reader, up net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(up, from); up.Close() })
	io.Copy(c, up)
	c.Close()
	wg.Wait()
}

func (r *relay) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	heads := r.heads
	r.heads = nil
	return heads
}

func TestForwardProxy(t *testing.T) {
	r := newRelay(t, nil, "", nil)
	s := over(t, new(HTTPAdapter), Proxies{"http": "http://pu:pp@" + r.addr}, Stream(false))
	t.Run("absolute form", func(t *testing.T) {
		res, err := s.Get(bg, "http://h.test:8080/a%20b?x#f", Headers{"Host": "other.test"})
		if err != nil || res.Text() != "ok" || res.TLS != nil {
			t.Fatal(res, err)
		}
		head := r.seen()[0]
		if got := target(head); got != "http://h.test:8080/a%20b?x" {
			t.Errorf("the target is %q; want that of the URL, whatever Host says", got)
		}
		if got, _ := field(head, "Proxy-Authorization"); got != basicValue("pu", "pp") {
			t.Errorf("Proxy-Authorization is %q; want that of the proxy's URL", got)
		}
	})
	t.Run("ProxyAuth", func(t *testing.T) {
		if _, err := s.Get(bg, "http://h.test/", ProxyAuth("au", "ap")); err != nil {
			t.Fatal(err)
		}
		if got, _ := field(r.seen()[0], "Proxy-Authorization"); got != basicValue("au", "ap") {
			t.Errorf("Proxy-Authorization is %q; want that of ProxyAuth", got)
		}
	})
	t.Run("B212 502 of the proxy", func(t *testing.T) {
		bad := newRelay(t, nil, "", func(string) string { return "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n" })
		res, err := s.Get(bg, "http://h.test/", Proxies{"http": bad.url()})
		if err != nil || res.StatusCode != 502 {
			t.Errorf("got %v, %v; want the response 502", res, err)
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		dead, _ := net.Listen("tcp", "127.0.0.1:0")
		dead.Close()
		_, err := s.Get(bg, "http://h.test/", Proxies{"http": dead.Addr().String()})
		isAll(t, err, ErrProxy, ErrConnection)
	})
	t.Run("colon in a user name", func(t *testing.T) {
		_, err := s.Get(bg, "http://h.test/", Proxies{"http": "http://a%3Ab:p@" + r.addr})
		isAll(t, err, ErrInvalidProxy)
		if len(r.seen()) > 0 {
			t.Error("the proxy was asked all the same")
		}
	})
}

// TestProxySecrets holds what the proxy may know against what the target may:
// A002, A004, A016, A034, A037, A071, A075, A076, A077.
func TestProxySecrets(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	direct := newHeadServer(t)
	var location string
	a := newRelay(t, nil, origin.addr, func(head string) string {
		if strings.HasPrefix(head, "GET http://first.test/") {
			return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	})
	b := newRelay(t, nil, origin.addr, nil)
	var inside []string
	var mu sync.Mutex
	spy := newTLSSpy(t, ca, &mu, &inside)
	a.target, b.target = spy.addr, spy.addr
	secrets := []string{basicValue("au", "ap"), basicValue("bu", "bp")}
	s := NewSession(TLS{CABundle: ca.bundle(t)}, Proxies{
		"http": "http://au:ap@" + a.addr, "https": "http://bu:bp@" + b.addr, "http://127.0.0.1": "",
	})
	defer s.Close()

	t.Run("A071 two proxies in one chain", func(t *testing.T) {
		location = "https://localhost/x"
		if _, err := s.Get(bg, "http://first.test/", Headers{"Cookie": "own=1"}); err != nil {
			t.Fatal(err)
		}
		if got, _ := field(a.seen()[0], "Proxy-Authorization"); got != secrets[0] {
			t.Errorf("proxy A got %q; want its own", got)
		}
		head := b.seen()[0]
		if got, _ := field(head, "Proxy-Authorization"); got != secrets[1] {
			t.Errorf("proxy B got %q; want its own", got)
		}
		if _, ok := field(head, "Cookie"); ok { // A076
			t.Errorf("CONNECT has fields of the request: %q", head)
		}
	})
	t.Run("A037 from the proxy to a direct host", func(t *testing.T) {
		location = "http://" + direct.addr + "/x"
		if _, err := s.Get(bg, "http://first.test/", Headers{"Proxy-Authorization": "Basic hand"}); err != nil {
			t.Fatal(err)
		}
		_, heads := direct.seen()
		if _, ok := field(heads[0], "Proxy-Authorization"); ok {
			t.Errorf("the target got %q", heads[0])
		}
	})
	t.Run("A009 a field by hand and no proxy", func(t *testing.T) {
		_, err := s.Get(bg, "http://"+direct.addr, Headers{"Proxy-Authorization": "Basic hand"})
		isAll(t, err, ErrInvalidHeader)
		if _, heads := direct.seen(); len(heads) > 0 {
			t.Errorf("the target got %q", heads)
		}
	})
	t.Run("A004 a field by hand and a tunnel", func(t *testing.T) {
		b.seen()
		if _, err := s.Get(bg, "https://localhost/", Headers{"Proxy-Authorization": "Basic hand"}); err != nil {
			t.Fatal(err)
		}
		if got, _ := field(b.seen()[0], "Proxy-Authorization"); got != "Basic hand" {
			t.Errorf("the proxy got %q; want what was given by hand", got)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	for _, head := range inside {
		if _, ok := field(head, "Proxy-Authorization"); ok {
			t.Errorf("the target got, through the tunnel, %q", head)
		}
	}
	if len(inside) != 2 {
		t.Errorf("%d requests came through the tunnels; want 2", len(inside))
	}
}

// newTLSSpy answers over TLS and keeps the heads of requests.
func newTLSSpy(t testing.TB, ca *issuer, mu *sync.Mutex, heads *[]string) *faulty {
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	return newFaulty(t, func(_ *faulty, c net.Conn) {
		tc := tls.Server(c, config)
		defer tc.Close()
		br := bufio.NewReader(tc)
		for {
			head, err := readHead(br)
			if err != nil {
				return
			}
			mu.Lock()
			*heads = append(*heads, head)
			mu.Unlock()
			io.WriteString(tc, okAnswer)
		}
	})
}

// TestProxyPools is A070, A073 and A074: another target, proxy or credential is another connection.
func TestProxyPools(t *testing.T) {
	ca := newIssuer(t, "ca")
	one := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	r := newRelay(t, nil, one.addr, nil)
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)})
	for _, tt := range []struct {
		url, proxy string
		tunnels    int
	}{
		{"https://localhost/", "http://u:p@", 1},
		{"https://localhost/", "http://u:p@", 0}, // the same again
		{"https://proxy.test/", "http://u:p@", 1},
		{"https://localhost/", "http://u:other@", 1},
		{"https://localhost/", "http://", 1},
	} {
		if _, err := s.Get(bg, tt.url, Proxies{"https": tt.proxy + r.addr}); err != nil {
			t.Fatal(err)
		}
		if n := len(r.seen()); n != tt.tunnels {
			t.Errorf("%s through %s: %d tunnels were made; want %d", tt.url, tt.proxy, n, tt.tunnels)
		}
	}
}

// TestTunnelRefused is B210, B211, A080 and A081.
func TestTunnelRefused(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		code         int // 0: no ProxyError
	}{
		{"407", "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 407},
		{"502", "HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad", 502},
		{"302", "HTTP/1.1 302 X\r\nLocation: http://evil.test/\r\nContent-Length: 0\r\n\r\n", 302},
		{"garbage", "SSH-2.0-x\r\n\r\n", 0},
		{"early close", "HTTP/1.1 20", 0},
		{"endless header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), 0},
		{"200 and close", "HTTP/1.1 200 OK\r\n\r\n", -1},
		{"bytes injected", "HTTP/1.1 200 OK\r\n\r\n" + okAnswer, -2},
	} {
		t.Run("B210 B211 "+tt.name, func(t *testing.T) {
			r := newRelay(t, nil, "", func(string) string { return tt.answer })
			_, err := over(t, new(HTTPAdapter)).Get(bg, "https://h.test/", Proxies{"https": "http://u:secret@" + r.addr})
			switch {
			case tt.code == -1: // the handshake begins and finds nobody
				isAll(t, err, ErrConnection)
			case tt.code == -2:
				isAll(t, err, ErrTLS)
			default:
				isAll(t, err, ErrProxy, ErrConnection)
			}
			p, ok := errors.AsType[*ProxyError](err)
			if ok != (tt.code > 0) || ok && (p.StatusCode != tt.code || p.Header == nil || strings.Contains(p.URL, "secret")) {
				t.Errorf("ProxyError is %+v; want one of %d", p, tt.code)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error %q shows the password", err)
			}
			if n := r.conns.Load(); n != 1 {
				t.Errorf("the proxy saw %d connections; want 1", n)
			}
		})
	}
}

// TestProxyDigest is the Digest scheme at the proxy, for a tunnel and for a
// request with a body.
func TestProxyDigest(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	challenge := "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n"
	refuse := func(head string) string {
		if v, _ := field(head, "Proxy-Authorization"); !strings.HasPrefix(v, "Digest ") {
			return challenge
		}
		return ""
	}
	r := newRelay(t, nil, origin.addr, refuse)
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)}, Proxies{"all": "http://u:p@" + r.addr})
	for i, tt := range []struct {
		url    string
		asked  int
		detail string
	}{
		{"https://localhost/", 2, `uri="localhost:443"`},
		{"http://h.test/x?y", 2, `uri="http://h.test/x?y"`},
		{"http://h.test/z", 1, "nc=00000002"}, // the nonce is known
	} {
		if _, err := s.Post(bg, tt.url, Text("body")); err != nil {
			t.Fatal(i, err)
		}
		heads := r.seen()
		if len(heads) != tt.asked {
			t.Fatalf("%s: the proxy was asked %d times; want %d", tt.url, len(heads), tt.asked)
		}
		if v, _ := field(heads[len(heads)-1], "Proxy-Authorization"); !strings.Contains(v, tt.detail) {
			t.Errorf("%s: Proxy-Authorization is %q; want %s in it", tt.url, v, tt.detail)
		}
	}
	t.Run("wrong password", func(t *testing.T) {
		no := newRelay(t, nil, "", func(string) string { return challenge })
		_, err := s.Get(bg, "https://localhost/", Proxies{"https": "http://u:wrong@" + no.addr})
		if p, ok := errors.AsType[*ProxyError](err); !ok || p.StatusCode != 407 || len(no.seen()) != 2 {
			t.Errorf("error %v; want a ProxyError of 407 after two tries", err)
		}
		res, err := s.Get(bg, "http://h.test/", Proxies{"http": "http://u:wrong@" + no.addr})
		if err != nil || res.StatusCode != 407 || len(no.seen()) != 2 {
			t.Errorf("got %v, %v; want the response 407 after two tries", res, err)
		}
	})
}

// TestTLSProxy is A067, A068, A078 and B213: TLS with the proxy, and through it.
func TestTLSProxy(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	good := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, NextProtos: []string{"h2", "http/1.1"}}
	origin := newTLS(t, &tls.Config{Certificates: good.Certificates}, okAnswer)
	mitm := newTLS(t, &tls.Config{Certificates: []tls.Certificate{other.issue(t, nil)}}, okAnswer)
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)})
	get := func(url string, r *faulty, opts ...Option) (*Response, error) {
		return s.Get(bg, url, append(opts, Proxies{"all": r.https()})...)
	}
	t.Run("works", func(t *testing.T) {
		r := newRelay(t, good, origin.addr, nil)
		for _, url := range []string{"https://localhost/", "http://h.test/"} {
			res, err := get(url, r.faulty)
			if err != nil {
				t.Fatal(url, err)
			}
			if got := res.TLS != nil; got != strings.HasPrefix(url, "https") {
				t.Errorf("%s: Response.TLS is there: %v; it is about the server alone", url, got)
			}
		}
	})
	t.Run("A067 wrong host", func(t *testing.T) {
		r := newRelay(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, wrongHost)}}, origin.addr, nil)
		_, err := get("https://localhost/", r.faulty)
		isAll(t, err, ErrProxy, ErrTLS)
		if len(r.seen()) > 0 {
			t.Error("CONNECT was sent")
		}
	})
	t.Run("A068 another certificate in the tunnel", func(t *testing.T) {
		r := newRelay(t, good, mitm.addr, nil)
		_, err := get("https://localhost/", r.faulty)
		isAll(t, err, ErrTLS)
		if mitm.requests.Load() > 0 {
			t.Error("a request was sent")
		}
	})
	t.Run("A078 B213 plain text", func(t *testing.T) {
		r := newRelay(t, nil, origin.addr, nil)
		_, err := get("https://localhost/", r.faulty, Timeout{Connect: time.Second})
		isAll(t, err, ErrProxy)
		if heads := r.seen(); len(heads) > 0 && strings.HasPrefix(heads[0], "CONNECT") {
			t.Errorf("the proxy got %q in plain text", heads)
		}
	})
}

func wrongHost(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.test"}, nil }

// TestProxyStalls is B085.
func TestProxyStalls(t *testing.T) {
	ca := newIssuer(t, "ca")
	silent := newFaulty(t, func(_ *faulty, c net.Conn) { hold(c) })
	for _, proxy := range []string{"http://", "https://", "socks5h://", "socks4a://"} {
		t.Run("B085 "+proxy, func(t *testing.T) {
			t.Parallel() // for a limit within which a busy machine gets to the proxy
			s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)}, Proxies{"all": proxy + silent.addr})
			_, err := s.Get(bg, "https://h.test/", Timeout{Connect: time.Second})
			isAll(t, err, ErrConnectTimeout, ErrTimeout, ErrProxy)
			ctx, cancel := context.WithCancelCause(bg)
			mine := errors.New("mine")
			time.AfterFunc(20*time.Millisecond, func() { cancel(mine) })
			_, err = s.Get(ctx, "https://h.test/")
			isAll(t, err, context.Canceled, mine)
			if errors.Is(err, ErrProxy) {
				t.Errorf("the error %v of a caller who gave up is ErrProxy", err)
			}
		})
	}
}

// TestUploadThroughTLSProxy sends more than fits the buffers on the way.
func TestUploadThroughTLSProxy(t *testing.T) {
	ca := newIssuer(t, "ca")
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	origin := newTLS(t, config, okAnswer)
	r := newRelay(t, config, origin.addr, nil)
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)}, Proxies{"all": r.https()})
	for range 2 {
		res, err := s.Post(bg, "https://localhost/", Reader(io.LimitReader(zeros{}, 8<<20)))
		if err != nil || res.Text() != "ok" {
			t.Fatal(res, err)
		}
	}
	if got := len(r.seen()); got != 1 {
		t.Errorf("%d tunnels were made; want 1", got)
	}
}
