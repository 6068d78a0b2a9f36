package mount

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

// parse is a URL as a session has it, in lower case and without the default port.
func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

var prefixes = []struct {
	prefix   string
	fit, not []string
}{
	{"https://", []string{"https://a.test/", "https://a.test", "https://a.test?q"}, []string{"http://a.test/", "httpsx://a.test/"}},
	{"mock://", []string{"mock://a/b", "mock:///b"}, []string{"mocks://a/b", "moc://a/b", "mock:b"}},
	{"https://a.test", []string{"https://a.test/", "https://a.test", "https://a.test:8443/x", "https://A.TEST/", "HTTPS://a.test/"},
		[]string{"https://a.test.evil.test/", "https://b.test/", "https://xa.test/", "http://a.test/", "https://a.tes/"}},
	{"https://a.test/", []string{"https://a.test/", "https://a.test", "https://a.test/x", "https://a.test?q"}, []string{"https://a.test:8443/", "https://a.test.evil.test/"}},
	{"https://a.test:8443/", []string{"https://a.test:8443/", "https://a.test:8443"}, []string{"https://a.test/", "https://a.test:84430/"}},
	{"https://a.test:8443", []string{"https://a.test:8443/x"}, []string{"https://a.test/", "https://a.test:84430/"}},
	{"https://a.test/v1", []string{"https://a.test/v1", "https://a.test/v1/x", "https://a.test/V1/", "https://a.test/v1?q"}, []string{"https://a.test/v10", "https://a.test/v", "https://a.test/"}},
	{"https://a.test/v1/", []string{"https://a.test/v1/", "https://a.test/v1/x"}, []string{"https://a.test/v1", "https://a.test/v10/"}},
	{"https://a.test/a%2fb", []string{"https://a.test/a%2Fb/c"}, []string{"https://a.test/a/b"}},
	{"http://[::1]", []string{"http://[::1]/"}, []string{"http://[::2]/"}},
}

func TestPrefixes(t *testing.T) {
	for _, tt := range prefixes {
		var table Table[string]
		require.NoError(t, table.Mount(tt.prefix, "it"))
		for _, raw := range tt.fit {
			got, found, _ := table.Find(parse(t, raw))
			require.True(t, found, "%s at %s", raw, tt.prefix)
			require.Equal(t, "it", got)
		}
		for _, raw := range tt.not {
			_, found, closed := table.Find(parse(t, raw))
			require.False(t, found, "%s at %s", raw, tt.prefix)
			require.False(t, closed)
		}
	}
}

func TestMount(t *testing.T) {
	var table Table[string]
	table.Begin("network")
	for _, m := range [][2]string{{"https://a.test", "host"}, {"https://a.test/v1", "old"}, {"HTTPS://a.test/V1", "path"}, {"mock://", "mock"}} {
		require.NoError(t, table.Mount(m[0], m[1]))
	}
	for raw, want := range map[string]string{
		"http://a.test/": "network", "https://b.test/": "network", "https://a.test/": "host", "https://a.test/v1/x": "path", "mock://a/": "mock",
	} {
		got, found, _ := table.Find(parse(t, raw))
		require.True(t, found)
		require.Equal(t, want, got, raw)
	}
	require.True(t, table.Serves("mock"))
	require.False(t, table.Serves("moc"))
	var each []string
	table.Each(func(a string) { each = append(each, a) })
	require.ElementsMatch(t, []string{"network", "network", "host", "path", "mock"}, each)
}

// TestLongestPrefix has many prefixes in one table.
func TestLongestPrefix(t *testing.T) {
	var table Table[string]
	for _, prefix := range []string{"http://", "https://", "http://localhost", "http://localhost:8080/", "http://a.test/v1", "http://a.test/v1/Deep/", "mock://", "http://b.test"} {
		require.NoError(t, table.Mount(prefix, prefix))
	}
	for raw, want := range map[string]string{
		"http://x.test/":              "http://",
		"https://x.test/":             "https://",
		"http://localhost/":           "http://localhost",
		"http://LOCALHOST/x":          "http://localhost",
		"http://localhost:81/":        "http://localhost",
		"http://localhost:8080/x":     "http://localhost:8080/",
		"http://localhost.evil.test/": "http://",
		"http://localhostevil/":       "http://",
		"http://a.test/":              "http://",
		"http://a.test/v1":            "http://a.test/v1",
		"http://a.test/v1?q=1":        "http://a.test/v1",
		"http://a.test/v1/x":          "http://a.test/v1",
		"http://a.test/v10":           "http://",
		"http://a.test/v1/Deep/x":     "http://a.test/v1/Deep/",
		"http://a.test/V1/deep/x":     "http://a.test/v1/Deep/",
		"http://a.test:81/v1":         "http://",
		"http://b.test/":              "http://b.test",
		"http://b.test.evil.test/":    "http://",
		"http://sub.b.test/":          "http://",
		"mock://anything/at/all?q=1":  "mock://",
	} {
		got, _, _ := table.Find(parse(t, raw))
		require.Equal(t, want, got, raw)
	}
}

func TestMountRefuses(t *testing.T) {
	var table Table[string]
	for _, prefix := range []string{"", "https:", "https", "/path", "://a.test", "1x://", "ht tp://", "https:/a.test"} {
		require.ErrorIs(t, table.Mount(prefix, "it"), fault.InvalidOption, prefix)
	}
	err := table.Mount("1x://user:s3cr3t@a.test/"+strings.Repeat("x", 1000), "it")
	require.ErrorIs(t, err, fault.InvalidOption)
	require.NotContains(t, err.Error(), "s3cr3t")
	require.Less(t, len(err.Error()), 400)
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		prefix, url string
		some, this  bool
	}{
		{"https://", "https://a.test/", false, false},
		{"mock://", "mock://a/", false, false},
		{"https://a.test", "https://a.test:8443/", true, true},
		{"https://a.test", "https://b.test/", true, false},
		{"https://a.test", "http://a.test/", true, false},
		{"https://a.test", "https://a.test.evil.test/", true, false},
		{"https://a.test/", "https://a.test", true, true},
		{"https://a.test/", "https://a.test:8443/", true, false},
		{"https://a.test/v1", "https://a.test/v2", true, true},
		{"https://a.test/v1", "https://a.test:8443/v1", true, false},
	} {
		var table Table[string]
		table.Begin("network")
		require.NoError(t, table.Mount(tt.prefix, "it"))
		some, this := table.Names(parse(t, tt.url))
		require.Equal(t, [2]bool{tt.some, tt.this}, [2]bool{some, this}, "%s and %s", tt.prefix, tt.url)
	}
}

// A list cannot be compared.
type list []string

// A box can, unless there is a list in it.
type box struct{ is any }

func TestClose(t *testing.T) {
	var table Table[any]
	one, broken := new(int), errors.New("broken")
	table.Begin(one)
	for prefix, a := range map[string]any{"a://": one, "b://": "other", "c://": list{"1"}, "d://": list{"1"}, "e://": nil, "f://": box{list{"1"}}, "g://": box{list{"1"}}} {
		require.NoError(t, table.Mount(prefix, a))
	}
	count := make(map[string]int)
	end := func(a any) error {
		_, found, closed := table.Find(parse(t, "http://a.test/"))
		require.False(t, found, "what is being closed may use the table")
		require.True(t, closed)
		switch a.(type) {
		case *int:
			count["one"]++
		case list, box:
			count["list"]++
		case string:
			count["other"]++
			return broken
		}
		return nil
	}
	require.ErrorIs(t, table.Close(end), broken)
	require.NoError(t, table.Close(end))
	require.Equal(t, map[string]int{"one": 1, "other": 1, "list": 4}, count, "each once, as far as one can tell")
	require.NoError(t, table.Mount("late://", "late"))
	require.False(t, table.Serves("late"), "a closed table does not change")
}

func TestFindAllocatesNothing(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	var table Table[any]
	table.Begin(new(int))
	require.NoError(t, table.Mount("https://b.test/v1", new(int)))
	u := parse(t, "https://a.test/x")
	require.Zero(t, testing.AllocsPerRun(100, func() { table.Find(u) }))
}

// FuzzPrefix: what a prefix with a host lets through goes to that host.
func FuzzPrefix(f *testing.F) {
	for _, tt := range prefixes {
		for _, raw := range append(tt.fit, tt.not...) {
			f.Add(tt.prefix, raw)
		}
	}
	f.Fuzz(func(t *testing.T, prefix, raw string) {
		p, err := url.Parse(prefix)
		if err != nil || p.Host == "" || p.User != nil || strings.ContainsAny(prefix, "?#") {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || !hasPrefix(u, prefix) {
			return
		}
		if !strings.EqualFold(u.Scheme, p.Scheme) || !strings.EqualFold(u.Hostname(), p.Hostname()) || p.Port() != "" && u.Port() != p.Port() {
			t.Errorf("%q is at %q", raw, prefix)
		}
	})
}
