package uri

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIPv6(t *testing.T) {
	for in, want := range map[string]string{
		"::1": "::1", "[::1]": "::1", "fe80::1%eth0": "fe80::1%eth0", "::ffff:1.2.3.4": "::ffff:1.2.3.4",
		"": "invalid IP", "[::1": "invalid IP", "::1]": "invalid IP", "[::1]:80": "invalid IP", "127.0.0.1": "invalid IP", "a.test": "invalid IP",
	} {
		require.Equal(t, want, IPv6(in).String(), "IPv6(%q)", in)
	}
}

func TestParseHosts(t *testing.T) {
	const key, value = "is neither host nor host:port, in lower case and ASCII", "is neither an IP address nor one with a port"
	for _, tt := range []struct{ key, value, want string }{
		{"", "127.0.0.1", key}, {"A.test", "127.0.0.1", key}, {"a.test:", "127.0.0.1", key}, {"a.test:x", "127.0.0.1", key},
		{"http://a.test", "127.0.0.1", key}, {"a.test/x", "127.0.0.1", key}, {"u@a.test", "127.0.0.1", key},
		{"bücher.test", "127.0.0.1", key}, {"*.test", "", key}, {"a b", "127.0.0.1", key},
		{"a.test", "", value}, {"a.test", "b.test", value}, {"a.test", "127.0.0.1:x", value}, {"a.test", "127.0.0.1:0", value},
		{"a.test", "127.0.0.1:70000", value}, {"a.test", "127.0.0.1, 127.0.0.2", value}, {"a.test", " 127.0.0.1", value}, {"a.test", "::1:80:", value},
		{"a.test", strings.Repeat("1", 1000), strings.Repeat("1", 200) + `" ` + value},
	} {
		_, err := ParseHosts(map[string]string{tt.key: tt.value})
		require.ErrorContains(t, err, tt.want, "%q: %q", tt.key, tt.value)
	}
	got, err := ParseHosts(map[string]string{
		"a.test": "127.0.0.1", "a.test:80": "::1", "a.test:81": "[::1]", "b.test": "[::1]:80", "xn--bcher-kva.test": "fe80::1%eth0", "c.test.": "127.0.0.1:1",
		"10.0.0.1": "127.0.0.1", "[::1]:443": "127.0.0.1", "::2": "127.0.0.1", "[::3]": "127.0.0.1", "a.test:443": "::ffff:127.0.0.1",
	})
	require.NoError(t, err)
	require.Equal(t, "map[10.0.0.1:127.0.0.1:0 ::2:127.0.0.1:0 ::3:127.0.0.1:0 [::1]:443:127.0.0.1:0 a.test:127.0.0.1:0 a.test:443:127.0.0.1:0 a.test:80:[::1]:0 "+
		"a.test:81:[::1]:0 b.test:[::1]:80 c.test.:127.0.0.1:1 xn--bcher-kva.test:[fe80::1%eth0]:0]", fmt.Sprint(got))
	none, err := ParseHosts(nil)
	require.NoError(t, err)
	require.Nil(t, none)
}
