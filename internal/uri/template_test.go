package uri

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

var errMissing = errors.New("no value")

// lookupIn finds the values of a template in pairs of a name and a value.
func lookupIn(pairs []string) func(string) (string, error) {
	return func(name string) (string, error) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], nil
			}
		}
		return "", errMissing
	}
}

// templateRows are templates with their values. An empty want is fault.InvalidURL.
var templateRows = []struct {
	name, template string
	values         []string
	want           string
}{
	{"two segments", "repos/{owner}/{repo}", []string{"owner", "o", "repo", "r"}, "repos/o/r"},
	{"an absolute URL", "https://a.test:80/x/{v}?q={v}#{v}", []string{"v", "1"}, "https://a.test:80/x/1?q={v}#{v}"},
	{"no expression", "http://a.test/x?{v}", nil, "http://a.test/x?{v}"},
	{"twice", "{v}/{v}", []string{"v", "a"}, "a/a"},
	{"parts of a segment", "v{major}.{minor}.tar.gz", []string{"major", "1", "minor", "2"}, "v1.2.tar.gz"},
	{"names", "{a_b-c.D9}", []string{"a_b-c.D9", "x"}, "x"},
	{"escapes", "{v}", []string{"v", "a b/c?d#e%2F:@&=+$,;é\x00"}, "a%20b%2Fc%3Fd%23e%252F%3A%40%26%3D%2B%24%2C%3B%C3%A9%00"},
	{"unreserved", "{v}", []string{"v", "a-b._~"}, "a-b._~"},
	{"several segments", "files/{+path}", []string{"path", "a/b c/d?.txt"}, "files/a/b%20c/d%3F.txt"},
	{"several segments, with slashes around", "files{+path}", []string{"path", "/a//b/"}, "files/a//b/"},
	{"dots in a name", "{v}", []string{"v", "...a.."}, "...a.."},
	{"three dots", "{v}", []string{"v", "..."}, "..."},
	{"a scheme of its own", "mock://h/{v}", []string{"v", "a/b"}, "mock://h/a%2Fb"},
	{"a literal climb is not ours", "a/../{v}", []string{"v", "b"}, "a/../b"},
	{"a value that looks like a URL", "{v}", []string{"v", "http://evil.test/"}, "http%3A%2F%2Fevil.test%2F"},
	{"an expression in a value", "{v}", []string{"v", "{w}"}, "%7Bw%7D"},

	{"dot", "a/{v}/b", []string{"v", "."}, ""},
	{"dots", "a/{v}/b", []string{"v", ".."}, ""},
	{"dots with a parameter", "a/{v}/b", []string{"v", "..;x"}, ""},
	{"dots with a parameter of two values", "a/.{v}/b", []string{"v", ".;"}, ""},
	{"a parameter", "a/{v}/b", []string{"v", "...;x"}, "a/...%3Bx/b"},
	{"dots and a slash", "a/{v}", []string{"v", "../b"}, ""},
	{"a backslash", "a/{v}", []string{"v", `x\..\b`}, ""},
	{"dots of two values", "a/{v}{w}", []string{"v", ".", "w", "."}, ""},
	{"dots with a literal", "a/.{v}", []string{"v", "."}, ""},
	{"dots with an escaped literal", "a/%2e{v}", []string{"v", "."}, ""},
	{"dots among several", "a/{+v}", []string{"v", "b/../../c"}, ""},
	{"a dot among several", "a/{+v}", []string{"v", "./c"}, ""},
	{"dots at the border of several", "a/.{+v}", []string{"v", "./c"}, ""},
	{"dots behind the border of several", "a/{+v}.", []string{"v", "c/."}, ""},
	{"empty", "a/{v}", []string{"v", ""}, ""},
	{"not closed", "a/{v", []string{"v", "a"}, ""},
	{"not opened", "a/v}", []string{"v", "a"}, ""},
	{"nested", "a/{{v}}", []string{"v", "a"}, ""},
	{"no name", "a/{}", nil, ""},
	{"no name for several", "a/{+}", nil, ""},
	{"an operator that is not for paths", "a/{?v}", []string{"v", "a"}, ""},
	{"a list", "a/{v,w}", []string{"v", "a", "w", "b"}, ""},
	{"a prefix", "a/{v:3}", []string{"v", "abcd"}, ""},
	{"explode", "a/{v*}", []string{"v", "abcd"}, ""},
	{"a slash in an expression", "a/{v/w}", []string{"v", "a"}, ""},
}

func TestExpand(t *testing.T) {
	for _, tt := range templateRows {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Expand(tt.template, lookupIn(tt.values))
			if tt.want == "" {
				require.ErrorIs(t, err, fault.InvalidURL)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	_, err := Expand("a/{v}", lookupIn(nil))
	require.ErrorIs(t, err, errMissing)

	// An authority is no place for a value: it stays, and is no host.
	for _, template := range []string{"https://{v}/", "https://{v}@a.test/", "//{v}/a", "https://a.test{+v}", " https://{v}.test/"} {
		got, err := Expand(template, lookupIn([]string{"v", "evil.test"}))
		require.NoError(t, err)
		require.Equal(t, template, got)
	}
}

// FuzzExpand: a value is where its expression stands, and comes back from there as
// it was.
func FuzzExpand(f *testing.F) {
	for _, tt := range templateRows {
		for i := 1; i < len(tt.values); i += 2 {
			f.Add(tt.values[i])
		}
		f.Add(tt.template)
	}
	f.Fuzz(func(t *testing.T, value string) {
		pairs := []string{"v", value}
		if ref, err := Expand("http://a.test/base/{v}/end?q", lookupIn(pairs)); err == nil {
			u, _, err := Parse(ref)
			if err != nil {
				if len(ref) <= maxLength {
					t.Fatalf("Expand with %q = %q, which cannot be read: %v", value, ref, err)
				}
				return
			}
			segments := strings.Split(u.EscapedPath(), "/")
			if len(segments) != 4 || segments[1] != "base" || segments[3] != "end" || u.RawQuery != "q" || u.Host != "a.test" {
				t.Fatalf("Expand with %q = %q, which is %s", value, ref, u)
			}
			if back, err := url.PathUnescape(segments[2]); err != nil || back != value {
				t.Fatalf("Expand with %q gives the segment %q, %v", value, back, err)
			}
		}
		if ref, err := Expand("base/{+v}/end", lookupIn(pairs)); err == nil && len(ref) <= maxLength {
			u, _, err := Join("http://a.test/root/", ref)
			if err != nil || !strings.HasPrefix(u.EscapedPath(), "/root/base/") || !strings.HasSuffix(u.EscapedPath(), "/end") || u.RawQuery != "" {
				t.Fatalf("Expand with %q = %q, which is %v, %v", value, ref, u, err)
			}
			if back, _ := url.PathUnescape(u.EscapedPath()); back != "/root/base/"+value+"/end" {
				t.Fatalf("Expand with %q gives the path %q", value, back)
			}
		}
		// As a template it may be anything.
		if _, err := Expand(value, lookupIn(nil)); err != nil && err != errMissing && !errors.Is(err, fault.InvalidURL) {
			t.Fatalf("Expand(%q) = %v", value, err)
		}
	})
}

// Time and memory are linear in the template.
func TestExpandIsLinear(t *testing.T) {
	calls := 0
	got, err := Expand(strings.Repeat("{a}/", 1<<12), func(string) (string, error) { calls++; return "x", nil })
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("x/", 1<<12), got)
	require.Equal(t, 1<<12, calls)
}
