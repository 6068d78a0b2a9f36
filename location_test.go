package requests

import (
	"net/http"
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
