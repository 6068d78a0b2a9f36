package requests

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// absolute is a reference that may name another host: RFC 3986, section 4.2.
var absolute = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:|//)`)

// FuzzRedirectTarget: a relative Location never leads to another host, and what
// an absolute one leads to is a URL as the library itself would read it. A027, A047
func FuzzRedirectTarget(f *testing.F) {
	for _, base := range []string{"http://a.test/x/y?q#top", "https://a.test:8443/", "http://[::1]/p;q"} {
		for _, location := range []string{
			"", "/", "/p", "z", "../../z", "?q", "#f", "//b.test/", "///x", "//", `\\evil.test`, `/\evil.test`, "/\t/evil.test",
			"http://b.test", "HTTP://B.TEST:80/", "http://u:p@b.test/", "http:x", "http:///x", "http://[::1", "http://a.test:99999",
			"javascript:alert(1)", "data:,x", "a:b", "./a:b", "/caf\xc3\xa9", "/\xe9\xff", "/%zz%7e%2e%2e/", "/..;/x", " //evil.test", "@evil.test", ":@evil.test/",
		} {
			f.Add(base, location)
		}
	}
	f.Fuzz(func(t *testing.T, base, location string) {
		from, _, err := parseURL(base)
		if err != nil || !isHTTP(from.Scheme) {
			return
		}
		u, err := redirectTarget(&Response{StatusCode: 302, Header: http.Header{"Location": {location}}, URL: from})
		if err != nil || u == nil {
			return
		}
		if u.User != nil {
			t.Errorf("redirectTarget(%q, %q) has userinfo", base, location)
		}
		if !absolute.MatchString(location) && (u.Scheme != from.Scheme || u.Host != from.Host) {
			t.Errorf("redirectTarget(%q, %q) = %s: another origin by a relative reference", base, location, u)
		}
		if !isHTTP(u.Scheme) {
			return
		}
		again, user, err := parseURL(u.String())
		if err != nil || user != nil || again.Host != u.Host || again.RequestURI() != u.RequestURI() {
			t.Errorf("redirectTarget(%q, %q) = %s, which reads as %v, %v", base, location, u, again, err)
		}
		if target := u.RequestURI(); !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("redirectTarget(%q, %q) asks for %q", base, location, target)
		}
	})
}

// TestProxyAuthorization is what an adapter says to a proxy. A244
func TestProxyAuthorization(t *testing.T) {
	proxy, other := &url.URL{Scheme: "http", Host: "proxy.test:3128"}, &url.URL{Scheme: "http", Host: "other.test:3128"}
	prepare := func(opts ...Option) *PreparedRequest {
		p, err := NewRequest("GET", "http://a.test/x?q", opts...).Prepare()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	value := func(p *PreparedRequest, proxy *url.URL) string {
		v, err := p.proxyAuthorization(proxy, "CONNECT", "a.test:443")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		name string
		opts []Option
		want string
	}{
		{"none", []Option{BasicAuth("u", "p")}, ""},
		{"Basic", []Option{ProxyAuth("u", "p")}, "Basic dTpw"},
		{"by hand", []Option{ProxyAuth("u", "p"), Headers{"Proxy-Authorization": "Token t"}}, "Token t"},
		{"Digest unasked", []Option{ProxyDigestAuth("u", "p")}, ""},
	} {
		if got := value(prepare(tt.opts...), proxy); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}

	auth := ProxyDigestAuth("u", "p")
	p := prepare(auth)
	asked := http.Header{"Proxy-Authenticate": {`Digest realm="r", nonce="n", qop="auth"`}}
	answer, err := p.proxyAnswer(proxy, "CONNECT", "a.test:443", asked, false)
	if err != nil || !strings.Contains(answer, `uri="a.test:443"`) || !strings.Contains(answer, "nc=00000001") {
		t.Errorf("proxyAnswer = %q, %v; want an answer for the target", answer, err)
	}
	if again, err := p.proxyAnswer(proxy, "CONNECT", "a.test:443", asked, true); again != "" || err != nil {
		t.Errorf("proxyAnswer to a refusal = %q, %v; want none", again, err)
	}
	if next := value(prepare(auth), proxy); !strings.Contains(next, "nc=00000002") {
		t.Errorf("the next tunnel is asked for with %q; want the nonce again", next)
	}
	if elsewhere := value(prepare(auth), other); elsewhere != "" {
		t.Errorf("another proxy gets %q", elsewhere)
	}
}

// TestProxyChallenge is the 407 of a proxy that carries the request in the clear.
func TestProxyChallenge(t *testing.T) {
	p, err := NewRequest("GET", "http://a.test/x?q", ProxyDigestAuth("u", "p"), DigestAuth("origin", "p")).Prepare()
	if err != nil {
		t.Fatal(err)
	}
	refused := &Response{StatusCode: 407, Request: p, URL: p.URL, Header: http.Header{"Proxy-Authenticate": {`Digest realm="r", nonce="n", qop="auth"`}}}
	trip := &journey{named: p.URL}
	if q, err := trip.answered(refused); q != nil || err != nil {
		t.Errorf("without a proxy: answered = %v, %v; want nothing", q, err)
	}
	p.proxy = &url.URL{Scheme: "http", Host: "proxy.test:3128"}
	q, err := trip.answered(refused)
	if err != nil || q == nil || q.Header["Authorization"] != nil || !strings.Contains(q.Header.Get("Proxy-Authorization"), `uri="http://a.test/x?q"`) {
		t.Fatalf("answered = %v, %v; want Proxy-Authorization for the absolute target", q, err)
	}
	next, err := redirected(q, 302, &url.URL{Scheme: "http", Host: "a.test", Path: "/2"})
	if err != nil || next.Header["Proxy-Authorization"] != nil || next.proxy != nil {
		t.Errorf("after a redirect: %v, %v; want the answer gone", next.Header, err)
	}
}
