package cookie

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFromHTTP: what net/http has parsed is what this package parses by itself.
func TestFromHTTP(t *testing.T) {
	for _, line := range []string{
		"n=v", "n=", `n="a b"`, "n=v; Domain=a.test; Path=/p", "n=v; Secure; HttpOnly; SameSite=Strict", "n=v; SameSite=none", "n=v; Max-Age=60", "n=v; Max-Age=0", "n=v; Max-Age=-5",
		"n=v; Expires=Wed, 01 Jan 2098 00:00:00 GMT", "n=v; Expires=Wed Jan  1 00:00:00 2098",
	} {
		c, err := http.ParseSetCookie(line)
		require.NoError(t, err, line)
		got := FromHTTP(c)
		want, ok := Parse(line)
		require.True(t, ok, line)
		require.True(t, got.Expires.Equal(want.Expires), "%s: Expires %v; want %v", line, got.Expires, want.Expires)
		got.Expires, want.Expires = time.Time{}, time.Time{}
		require.Equal(t, want.Lifetime > 0, got.Lifetime > 0, line)
		got.Lifetime, want.Lifetime = 0, 0
		require.Equal(t, want, got, line)
	}
}

func TestSameSiteOf(t *testing.T) {
	for s := SameSiteDefault; s <= SameSiteStrict; s++ {
		require.Equal(t, s, SameSiteOf(s.HTTP()))
	}
	require.Equal(t, SameSiteDefault, SameSiteOf(http.SameSiteDefaultMode))
	require.Equal(t, SameSiteDefault, SameSiteOf(99))
}
