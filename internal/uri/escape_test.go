package uri

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

func TestAddQuery(t *testing.T) {
	for _, tt := range []struct{ url, raw, encoded, want string }{
		{"http://a.test/", "", "", "http://a.test/"},
		{"http://a.test/", "b c=é", "d=e", "http://a.test/?b%20c=%C3%A9&d=e"},
		{"http://a.test/?x", "", "d=e", "http://a.test/?x&d=e"},
		{"http://a.test/?x", "y", "", "http://a.test/?x&y"},
		{"http://a.test/", "y#f", "", "http://a.test/?y#f"},
		{"http://a.test/#own", "y#f", "", "http://a.test/?y#own"},
		{"mailto:a@b.test", "", "", "mailto:a@b.test"},
	} {
		u, _, err := Parse(tt.url)
		require.NoError(t, err)
		require.NoError(t, AddQuery(u, tt.raw, tt.encoded))
		require.Equal(t, tt.want, u.String())
	}
	for _, raw := range []string{"a\nb", strings.Repeat("a", maxLength+1)} {
		require.ErrorIs(t, AddQuery(new(url.URL), raw, ""), fault.InvalidOption)
	}
	require.ErrorIs(t, AddQuery(&url.URL{Scheme: "mailto", Opaque: "a"}, "", "d=e"), fault.InvalidOption)
}

func TestEscapeForm(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a-b._~": "a-b._~", "a b+c": "a+b%2Bc", "*&=": "%2A%26%3D", "é\x00\xff": "%C3%A9%00%FF",
	} {
		var b strings.Builder
		EscapeForm(&b, in)
		require.Equal(t, want, b.String())
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct{ url, origin, port, hostname, host, authority string }{
		{"http://a.test/x", "http://a.test", "80", "a.test", "a.test", "a.test"},
		{"https://a.test:443/x", "https://a.test", "443", "a.test", "a.test", "a.test:443"},
		{"https://a.test:80/x", "https://a.test:80", "80", "a.test", "a.test:80", "a.test:80"},
		{"http://a.test./x", "http://a.test.", "80", "a.test", "a.test", "a.test."},
		{"http://a.test.:81/x", "http://a.test.:81", "81", "a.test", "a.test:81", "a.test.:81"},
		{"http://[fe80::1%25eth0]:81/", "http://[fe80::1%eth0]:81", "81", "fe80::1%eth0", "[fe80::1]:81", "[fe80::1]:81"},
		{"http://[fe80::1%25eth0.]/", "http://[fe80::1%eth0.]", "80", "fe80::1%eth0", "[fe80::1]", "[fe80::1]"},
		{"mock://a/", "mock://a", "", "a", "a", "a"},
		{"mock://a:443/", "mock://a:443", "443", "a", "a:443", "a:443"},
	} {
		u, _, err := Parse(tt.url)
		require.NoError(t, err)
		require.Equal(t, tt.origin, Origin(u), tt.url)
		require.Equal(t, tt.port, Port(u), tt.url)
		require.Equal(t, tt.hostname, Hostname(u), tt.url)
		require.Equal(t, tt.host, HostField(u), tt.url)
		require.Equal(t, tt.authority, Authority(u), tt.url)
	}
	require.Empty(t, Origin(nil))
}

func TestCheckHost(t *testing.T) {
	for _, good := range []string{"a.test", "A.test:80", "a.test:", "127.0.0.1", "[::1]:443", "xn--strae-oqa.de"} {
		require.NoError(t, CheckHost(good), good)
	}
	for _, bad := range []string{"", ":80", "a b", "a.test:99999", "a/b", "u@a.test", "straße.de", "a,b", "[::1", "a\r\nb"} {
		require.ErrorIs(t, CheckHost(bad), fault.InvalidURL, bad)
	}
}
