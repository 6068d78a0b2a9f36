package cookie

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckSent(t *testing.T) {
	const text = `the value has a control character, ";" or a byte outside ASCII`
	for _, tt := range []struct{ name, value, want string }{
		{"n", "v", ""},
		{"n", "", ""},
		{"n", `"a, b"`, ""},
		{"n!#$%&'*+-.^_`|~", "v", ""},
		{"", "v", "the name is not a token"},
		{"a b", "v", "the name is not a token"},
		{"a=b", "v", "the name is not a token"},
		{"a\x7f", "v", "the name is not a token"},
		{"\u00e9", "v", "the name is not a token"},
		{"n", "a;b", text},
		{"n", "a\tb", text},
		{"n", "a\r\nb", text},
		{"n", "\u00e9", text},
		{"n", " v", "the value begins or ends with a space, which servers cut off"},
		{"n", "v ", "the value begins or ends with a space, which servers cut off"},
		{"n", strings.Repeat("v", maxSent-1), ""},
		{"n", strings.Repeat("v", maxSent), "larger than 8190 bytes"},
	} {
		require.Equal(t, tt.want, CheckSent(tt.name, tt.value), "CheckSent(%q, %.20q)", tt.name, tt.value)
	}
}

func TestCheckSentPath(t *testing.T) {
	for path, ok := range map[string]bool{"/": true, "/a%20b": true, "": true, "/a b": false, "/\u00e9": false, "/\x7f": false, "/\n": false} {
		require.Equal(t, ok, CheckSentPath(path) == "", "%q", path)
	}
}
