package uri

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

// The rows C043 and A152 to A156: what is relative to a base stays below it.
func TestJoin(t *testing.T) {
	for _, tt := range []struct{ name, base, ref, target string }{
		{"name", "http://api.test/v1/", "orders", "/v1/orders"},
		{"rooted", "http://api.test/v1/", "/orders", "/v1/orders"},
		{"base without a slash", "http://api.test/v1", "orders", "/v1/orders"},
		{"empty", "http://api.test/v1/", "", "/v1/"},
		{"query", "http://api.test/v1/", "?q=1", "/v1/?q=1"},
		{"queries of both", "http://api.test/v1/?k=1", "a?q=1", "/v1/a?k=1&q=1"},
		{"up and down within", "http://api.test/v1/", "a/../b", "/v1/b"},
		{"backslashes", "http://api.test/v1/", `\\evil.test`, "/v1/%5C%5Cevil.test"},
		{"slash and backslash", "http://api.test/v1/", `/\evil.test`, "/v1/%5Cevil.test"},
		{"the whole URL, below", "http://api.test/v1/", "http://API.test:80/v1/orders?page=2", "/v1/orders?page=2"},
		{"no base path", "http://api.test", "a/b", "/a/b"},
		{"up", "http://api.test/v1/", "../../x", ""},
		{"up by escapes", "http://api.test/v1/", "%2e%2e/x", ""},
		{"up and back", "http://api.test/v1/", "../v1/x", ""},
		{"network path", "http://api.test/v1/", "//evil.test/x", ""},
		{"other host", "http://api.test/v1/", "https://evil.test/x", ""},
		{"other scheme", "http://api.test/v1/", "evil:80/x", ""},
		{"other port", "http://api.test/v1/", "http://api.test:81/v1/x", ""},
		{"beside", "http://api.test/v1/", "http://api.test/v10/x", ""},
		{"above", "http://api.test/v1/", "http://api.test/x", ""},
		{"dots in a whole URL", "http://api.test/v1/", "http://api.test/v1/../x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, _, err := Join(tt.base, tt.ref)
			if tt.target == "" {
				require.ErrorIs(t, err, fault.InvalidURL)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.target, u.RequestURI())
			require.Equal(t, "api.test", u.Hostname())
		})
	}
	for _, tt := range []struct{ base, ref, user string }{
		{"http://u:p@api.test/", "a", "u:p"},
		{"http://u:p@api.test/", "http://api.test/a", "u:p"},
		{"http://u:p@api.test/", "http://v:q@api.test/a", "v:q"},
		{"", "http://v:q@api.test/a", "v:q"},
	} {
		_, user, err := Join(tt.base, tt.ref)
		require.NoError(t, err)
		require.Equal(t, tt.user, user.String())
	}
	for _, tt := range [][2]string{{"api.test", "a"}, {"", "a"}, {"http://api.test/", strings.Repeat("a", maxLength+1)}, {"http://api.test/", "a\r\nb"}} {
		_, _, err := Join(tt[0], tt[1])
		require.ErrorIs(t, err, fault.InvalidURL, "%.20q", tt)
	}
}

// The examples of RFC 3986, section 5.4, but for what is cleaned up on the way.
func TestResolve(t *testing.T) {
	base, _, err := Parse("http://a/b/c/d;p?q")
	require.NoError(t, err)
	for ref, want := range map[string]string{
		"g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g", "//g": "http://g/",
		"?y": "http://a/b/c/d;p?y", "g?y": "http://a/b/c/g?y", "#s": "http://a/b/c/d;p?q#s", "g#s": "http://a/b/c/g#s", "g?y#s": "http://a/b/c/g?y#s",
		";x": "http://a/b/c/;x", "g;x": "http://a/b/c/g;x", "g;x?y#s": "http://a/b/c/g;x?y#s", "": "http://a/b/c/d;p?q", ".": "http://a/b/c/",
		"./": "http://a/b/c/", "..": "http://a/b/", "../": "http://a/b/", "../g": "http://a/b/g", "../..": "http://a/", "../../": "http://a/",
		"../../g": "http://a/g", "../../../g": "http://a/g", "../../../../g": "http://a/g", "/./g": "http://a/g", "/../g": "http://a/g",
		"g.": "http://a/b/c/g.", ".g": "http://a/b/c/.g", "g..": "http://a/b/c/g..", "..g": "http://a/b/c/..g", "./../g": "http://a/b/g",
		"./g/.": "http://a/b/c/g/", "g/./h": "http://a/b/c/g/h", "g/../h": "http://a/b/c/h", "g;x=1/./y": "http://a/b/c/g;x=1/y",
		"g;x=1/../y": "http://a/b/c/y", "g?y/./x": "http://a/b/c/g?y/./x", "g?y/../x": "http://a/b/c/g?y/../x", "g#s/./x": "http://a/b/c/g#s/./x",
		"?": "http://a/b/c/d;p", "http://u:p@c.test/": "http://c.test/", "mailto:x@y.test": "mailto:x@y.test",
	} {
		u, err := Resolve(base, ref)
		require.NoError(t, err, ref)
		require.Equal(t, want, u.String(), ref)
	}
	for _, ref := range []string{"http:g", "http:///g", "http://a:99999/", "g\n", strings.Repeat("g", maxReference+1), "//"} {
		_, err := Resolve(base, ref)
		require.ErrorIs(t, err, fault.InvalidURL, "%.20q", ref)
	}
	_, err = Resolve(nil, "g")
	require.ErrorIs(t, err, fault.InvalidURL)
	u, err := Resolve(nil, "http://c.test/")
	require.NoError(t, err)
	require.Equal(t, "http://c.test/", u.String())
}

// absolute is a reference that may name another host: RFC 3986, section 4.2.
var absolute = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:|//)`)

// FuzzResolve: a relative reference never leads to another host, and what
// an absolute one leads to is a URL as the library itself would read it. A027, A047
func FuzzResolve(f *testing.F) {
	for _, base := range []string{"http://a.test/x/y?q#top", "https://a.test:8443/", "http://[::1]/p;q"} {
		for _, ref := range []string{
			"", "/", "/p", "z", "../../z", "?q", "#f", "//b.test/", "///x", "//", `\\evil.test`, `/\evil.test`, "/\t/evil.test",
			"http://b.test", "HTTP://B.TEST:80/", "http://u:p@b.test/", "http:x", "http:///x", "http://[::1", "http://a.test:99999",
			"javascript:alert(1)", "data:,x", "a:b", "./a:b", "/caf\xc3\xa9", "/\xe9\xff", "/%zz%7e%2e%2e/", "/..;/x", " //evil.test", "@evil.test", ":@evil.test/",
		} {
			f.Add(base, ref)
		}
	}
	f.Fuzz(func(t *testing.T, base, ref string) {
		from, _, err := Parse(base)
		if err != nil || !IsHTTP(from.Scheme) {
			return
		}
		u, err := Resolve(from, ref)
		if err != nil {
			return
		}
		if u.User != nil {
			t.Errorf("Resolve(%q, %q) has userinfo", base, ref)
		}
		if !absolute.MatchString(ref) && (u.Scheme != from.Scheme || u.Host != from.Host) {
			t.Errorf("Resolve(%q, %q) = %s: another origin by a relative reference", base, ref, u)
		}
		if !IsHTTP(u.Scheme) {
			return
		}
		again, user, err := Parse(u.String())
		if err != nil || user != nil || again.Host != u.Host || again.RequestURI() != u.RequestURI() {
			t.Errorf("Resolve(%q, %q) = %s, which reads as %v, %v", base, ref, u, again, err)
		}
		if target := u.RequestURI(); !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("Resolve(%q, %q) asks for %q", base, ref, target)
		}
	})
}
