package cookie

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

var netscapeFiles = []struct {
	name, in string
	want     []string // domain, flags, path, end, name, value
	bad      string   // line and reason
}{
	{"empty", "", nil, ""},
	{"comments", "# Netscape HTTP Cookie File\r\n\r\n  \n#\n#HttpOnly is no prefix\n", nil, ""},
	{"curl", "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n.b.test\tTRUE\t/p\tTRUE\t4102444800\tn\tv\n",
		[]string{"a.test host - - / 0 n=v", "b.test - secure - /p 4102444800 n=v"}, ""},
	{"HttpOnly", "#HttpOnly_.b.test\tTRUE\t/\tFALSE\t0\tn\tv\n", []string{"b.test - - http / 0 n=v"}, ""},
	{"CRLF, no end", "a.test\tFALSE\t/\tFALSE\t0\tn\tv\r\na.test\tfalse\t/\tfalse\t0\tm\t\"w\"",
		[]string{"a.test host - - / 0 n=v", `a.test host - - / 0 m="w"`}, ""},
	{"empty value", "a.test\tFALSE\t/\tFALSE\t0\tn\t\na.test\tFALSE\t/\tFALSE\t0\tm\n", []string{"a.test host - - / 0 n=", "a.test host - - / 0 m="}, ""},
	{"no name", "a.test\tFALSE\t/\tFALSE\t0\t\tv\n", []string{"a.test host - - / 0 =v"}, ""},
	{"dot but no subdomains", ".a.test\tFALSE\t/\tFALSE\t0\tn\tv\n", []string{"a.test host - - / 0 n=v"}, ""},
	{"public suffix", ".co.uk\tTRUE\t/\tFALSE\t0\tn\tv\n", []string{"co.uk host - - / 0 n=v"}, ""},
	{"address", "127.0.0.1\tTRUE\t/\tFALSE\t0\tn\tv\n", []string{"127.0.0.1 host - - / 0 n=v"}, ""},
	{"far", "a.test\tFALSE\t/\tFALSE\t9223372036854775807\tn\tv\n", []string{"a.test host - - / 253402300799 n=v"}, ""},

	{"session of Python", "127.0.0.1\tFALSE\t/\tFALSE\t\tsid\tabc\n", []string{"127.0.0.1 host - - / 0 sid=abc"}, ""},
	{"session of a browser", "a.test\tFALSE\t/\tFALSE\t-1\tn\tv\n", []string{"a.test host - - / 0 n=v"}, ""},
	{"fraction", "a.test\tFALSE\t/\tFALSE\t4102444800.75\tn\tv\n", []string{"a.test host - - / 4102444800 n=v"}, ""},
	{"exponent", "a.test\tFALSE\t/\tFALSE\t4.1024448e+09\tn\tv\n", []string{"a.test host - - / 4102444800 n=v"}, ""},
	{"more digits than there are seconds", "a.test\tFALSE\t/\tFALSE\t1" + strings.Repeat("0", 400) + "\tn\tv\n", []string{"a.test host - - / 253402300799 n=v"}, ""},
	{"less than a second", "a.test\tFALSE\t/\tFALSE\t.1\tn\tv\n", []string{"a.test host - - / 1 n=v"}, ""},
	{"comments of Python", " # indented\n$ what for\n", nil, ""},

	{"A103 cut line", "a.test\tFALSE\t/\tFALSE\t0\tn\tv\nest\tFALSE\t/\tFA\n", []string{"a.test host - - / 0 n=v"}, "2: 4 fields, not 7"},
	{"bad lines among good ones", "x\na.test\tFALSE\t/\tFALSE\t0\tn\tv\ny\ny\na.test\tFALSE\t/\tFALSE\t0\tm\tv\n",
		[]string{"a.test host - - / 0 n=v", "a.test host - - / 0 m=v"}, "1: 1 fields, not 7, 3: 1 fields, not 7, 4: 1 fields, not 7"},
	{"eight fields", "a.test\tFALSE\t/\tFALSE\t0\tn\tv\tw\n", nil, "1: 8 fields, not 7"},
	{"spaces for TABs", "\n\na.test FALSE / FALSE 0 n secret\n", nil, "3: 1 fields, not 7"},
	{"flag", "a.test\tYES\t/\tFALSE\t0\tn\tv\n", nil, "1: field 2 is neither TRUE nor FALSE"},
	{"secure flag", "a.test\tTRUE\t/\t\t0\tn\tv\n", nil, "1: field 4 is neither TRUE nor FALSE"},
	{"time", "a.test\tTRUE\t/\tTRUE\tsoon\tn\tv\n", nil, "1: field 5 is not a time in seconds"},
	{"time in words of Go", "a.test\tTRUE\t/\tTRUE\t0x10\tn\tv\na.test\tTRUE\t/\tTRUE\t1_0\tn\tv\na.test\tTRUE\t/\tTRUE\tinf\tn\tv\n", nil,
		"1: field 5 is not a time in seconds, 2: field 5 is not a time in seconds, 3: field 5 is not a time in seconds"},
	{"no domain", "\tTRUE\t/\tTRUE\t0\tn\tv\n", nil, "1: no domain"},
	{"bad domain", "a b\tTRUE\t/\tTRUE\t0\tn\tv\n", nil, "1: bad domain"},
	{"bad path", "a.test\tTRUE\tx\tTRUE\t0\tn\tv\n", nil, "1: bad path"},
	{"bad name", "a.test\tTRUE\t/\tTRUE\t0\tn=\tv\n", nil, "1: bad name"},
	{"bad value", "a.test\tTRUE\t/\tTRUE\t0\tn\tsecret;\n", nil, "1: bad value"},
	{"CR inside", "a.test\tTRUE\t/\tTRUE\t0\tn\tse\rcret\n", nil, "1: bad value"},
	{"nothing", "a.test\tTRUE\t/\tTRUE\t0\t\t\n", nil, "1: neither name nor value"},
	{"prefix", "a.test\tTRUE\t/\tTRUE\t0\t__Host-n\tv\n", nil, "1: the prefix of the name asks for other attributes"},
}

func describe(cookies []Cookie) (list []string) {
	set := func(v bool, name string) string {
		if v {
			return name
		}
		return "-"
	}
	for _, c := range cookies {
		end := int64(0)
		if !c.Expires.IsZero() {
			end = c.Expires.Unix()
		}
		list = append(list, fmt.Sprintf("%s %s %s %s %s %d %s=%s", c.Domain, set(c.HostOnly, "host"),
			set(c.Secure, "secure"), set(c.HTTPOnly, "http"), c.Path, end, c.Name, c.Value))
	}
	return list
}

func complaint(bad []LineError) string {
	var texts []string
	for _, e := range bad {
		texts = append(texts, fmt.Sprintf("%d: %s", e.Line, e.Reason))
	}
	return strings.Join(texts, ", ")
}

// What is no file of cookies is not told line by line.
func TestManyLineErrors(t *testing.T) {
	_, bad := ParseNetscape([]byte(strings.Repeat("x\n", 1000)))
	if len(bad) != maxLineErrors+1 || bad[maxLineErrors] != (LineError{maxLineErrors + 1, "1 fields, not 7; in all, 980 more lines cannot be read"}) {
		t.Errorf("%d errors, the last one %v", len(bad), bad[len(bad)-1])
	}
}

func TestParseNetscape(t *testing.T) {
	for _, tt := range netscapeFiles {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := ParseNetscape([]byte(tt.in))
			if !reflect.DeepEqual(describe(got), tt.want) || complaint(bad) != tt.bad {
				t.Errorf("ParseNetscape(%q) = %q, error %q; want %q, error %q", tt.in, describe(got), complaint(bad), tt.want, tt.bad)
			}
		})
	}
}

const jsonLine = `{"name":"n","value":"v","domain":"a.test","host_only":true,"path":"/","secure":true,"http_only":false}`

var jsonFiles = []struct {
	name, in string
	want     []string
	bad      string
}{
	{"empty", `{"version": 1, "cookies": []}`, nil, ""},
	{"one", `{"version": 1, "cookies": [` + jsonLine + `]}`, []string{"a.test host secure - / 0 n=v"}, ""},
	{"other order", "\n{\"cookies\": [\n" + jsonLine + "\n], \"version\": 1}\n\n", []string{"a.test host secure - / 0 n=v"}, ""},
	{"any host", `{"version":1,"cookies":[` + strings.Replace(jsonLine, "a.test", "", 1) + `]}`, []string{" host secure - / 0 n=v"}, ""},
	{"bytes", `{"version":1,"cookies":[` + strings.Replace(jsonLine, `"v"`, `{"base64":"6f8="}`, 1) + `]}`, []string{"a.test host secure - / 0 n=\xe9\xff"}, ""},
	{"public suffix", `{"version":1,"cookies":[` + strings.Replace(strings.Replace(jsonLine, "a.test", "com", 1), `"host_only":true`, `"host_only":false`, 1) + `]}`,
		[]string{"com host secure - / 0 n=v"}, ""},

	{"no object", `[]`, nil, "1: not a JSON object"},
	{"cut", `{"version": 1, "cookies": [` + jsonLine, []string{"a.test host secure - / 0 n=v"}, "1: not JSON"},
	{"cut in a cookie", "{\"version\": 1, \"cookies\": [\n" + jsonLine + ",\n{\"name\": \"secr", []string{"a.test host secure - / 0 n=v"}, "3: not a cookie"},
	{"cut before the version", "{\"cookies\": [\n" + jsonLine + ",\n{\"name\": \"secr", nil, "3: not a cookie"},
	{"bad cookies among good ones", "{\"version\": 1, \"cookies\": [\n1,\n" + jsonLine + ",\n{\"name\":1},\n{}]}", []string{"a.test host secure - / 0 n=v"},
		"2: not a cookie, 4: not a cookie, " + `5: "host_only", "secure" or "http_only" is missing`},
	{"unknown member behind good ones", `{"version": 1, "cookies": [` + jsonLine + `], "x": 1}`, nil, "1: unknown or repeated member"},
	{"version", `{"version": 2, "cookies": []}`, nil, "1: not version 1"},
	{"no version", `{"cookies": []}`, nil, `1: "version" or "cookies" is missing`},
	{"no cookies", `{"version": 1}`, nil, `1: "version" or "cookies" is missing`},
	{"unknown member", `{"version": 1, "cookies": [], "x": 1}`, nil, "1: unknown or repeated member"},
	{"repeated", `{"cookies": [], "cookies": [], "version": 1}`, nil, "1: unknown or repeated member"},
	{"no list", `{"version": 1, "cookies": {}}`, nil, `1: "cookies" is not a list`},
	{"more", `{"version": 1, "cookies": []} x`, nil, "1: more after the end"},
	{"unknown attribute", "{\"version\": 1, \"cookies\": [\n{\"priority\":1," + jsonLine[1:] + "]}", nil, "2: not a cookie"},
	{"A105 flag lost", "{\"version\": 1, \"cookies\": [\n" + jsonLine + ",\n\n" + strings.Replace(jsonLine, `"host_only":true,`, "", 1) + "]}", []string{"a.test host secure - / 0 n=v"}, `4: "host_only", "secure" or "http_only" is missing`},
	{"null", `{"version": 1, "cookies": [null]}`, nil, `1: "host_only", "secure" or "http_only" is missing`},
	{"number for value", `{"version":1,"cookies":[` + strings.Replace(jsonLine, `"v"`, `12345`, 1) + `]}`, nil, "1: not a cookie"},
	{"bad base64", `{"version":1,"cookies":[` + strings.Replace(jsonLine, `"v"`, `{"base64":"~"}`, 1) + `]}`, nil, "1: not a cookie"},
	{"same site", `{"version":1,"cookies":[{"same_site":"Laxer",` + jsonLine[1:] + `]}`, nil, `1: unknown "same_site"`},
	{"bad domain", `{"version":1,"cookies":[` + strings.Replace(jsonLine, "a.test", "a..test", 1) + `]}`, nil, "1: bad domain"},
	{"bad value", `{"version":1,"cookies":[` + strings.Replace(jsonLine, `"v"`, `"a;b"`, 1) + `]}`, nil, "1: bad value"},
	{"not UTF-8", "{\"version\":1,\"cookies\":[{\"name\":\"\xff\"}]}", nil, "1: not UTF-8"},
	{"A106 deep", strings.Repeat("[", 1<<20), nil, "1: not a JSON object"},
	{"A106 deep inside", `{"version":1,"cookies":[` + strings.Repeat("[", 1<<20), nil, "1: not a cookie"},
}

func TestParseJSON(t *testing.T) {
	for _, tt := range jsonFiles {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := ParseJSON([]byte(tt.in))
			if !reflect.DeepEqual(describe(got), tt.want) || complaint(bad) != tt.bad {
				t.Errorf("ParseJSON(%.200q) = %q, error %q; want %q, error %q", tt.in, describe(got), complaint(bad), tt.want, tt.bad)
			}
		})
	}
}

const emptyJSON = `{"version": 1, "cookies": [` + "\n]}\n"

func TestAppend(t *testing.T) {
	c := Cookie{Name: "n", Value: "v", Domain: "a.test", Path: "/", Expires: epoch, HTTPOnly: true, SameSite: SameSiteLax, Created: epoch}
	with := func(f func(*Cookie)) []Cookie { c := c; f(&c); return []Cookie{c} }
	for _, tt := range []struct {
		name           string
		in             []Cookie
		netscape, json string // without cookies for an error
	}{
		{"none", nil, netscapeHeader, `{"version": 1, "cookies": [` + "\n]}\n"},
		{"one", []Cookie{c}, netscapeHeader + "#HttpOnly_.a.test\tTRUE\t/\tFALSE\t1767312000\tn\tv\n",
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"v","domain":"a.test","host_only":false,"path":"/","expires":"2026-01-02T00:00:00Z",` +
				`"secure":false,"http_only":true,"same_site":"Lax","created":"2026-01-02T00:00:00Z"}` + "\n]}\n"},
		{"any host", with(func(c *Cookie) { *c = Cookie{Name: "n", Path: "/", HostOnly: true} }), netscapeHeader,
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"","domain":"","host_only":true,"path":"/","secure":false,"http_only":false}` + "\n]}\n"},
		{"TAB", with(func(c *Cookie) { *c = Cookie{Name: "n", Value: "a\tb", Domain: "a.test", Path: "/"} }), netscapeHeader,
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"a\tb","domain":"a.test","host_only":false,"path":"/","secure":false,"http_only":false}` + "\n]}\n"},
		{"end of the store", with(func(c *Cookie) {
			*c = Cookie{Name: "n", Domain: "a.test", Path: "/", Expires: epoch.AddDate(9, 0, 0), end: epoch}
		}), netscapeHeader + ".a.test\tTRUE\t/\tFALSE\t1767312000\tn\t\n",
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"","domain":"a.test","host_only":false,"path":"/","expires":"2026-01-02T00:00:00Z","secure":false,"http_only":false}` + "\n]}\n"},
		{"before 1970", with(func(c *Cookie) { *c = Cookie{Name: "n", Domain: "a.test", Path: "/", Expires: time.Unix(-5, 0).UTC()} }),
			netscapeHeader + ".a.test\tTRUE\t/\tFALSE\t1\tn\t\n",
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"","domain":"a.test","host_only":false,"path":"/","expires":"1969-12-31T23:59:55Z","secure":false,"http_only":false}` + "\n]}\n"},
		{"year 10000", with(func(c *Cookie) {
			*c = Cookie{Name: "n", Domain: "a.test", Path: "/", Expires: epoch.AddDate(8000, 0, 0)}
		}),
			netscapeHeader + ".a.test\tTRUE\t/\tFALSE\t254222928000\tn\t\n", emptyJSON},
		{"some left out", []Cookie{c, {Name: "far", Domain: "a.test", Path: "/", Expires: epoch.AddDate(8000, 0, 0)}, {Name: "n", Path: "/"}},
			netscapeHeader + "#HttpOnly_.a.test\tTRUE\t/\tFALSE\t1767312000\tn\tv\n.a.test\tTRUE\t/\tFALSE\t254222928000\tfar\t\n",
			`{"version": 1, "cookies": [` + "\n" + `{"name":"n","value":"v","domain":"a.test","host_only":false,"path":"/","expires":"2026-01-02T00:00:00Z",` +
				`"secure":false,"http_only":true,"same_site":"Lax","created":"2026-01-02T00:00:00Z"}` + ",\n" +
				`{"name":"n","value":"","domain":"","host_only":false,"path":"/","secure":false,"http_only":false}` + "\n]}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			netscape, left1 := AppendNetscape(nil, tt.in)
			json, left2 := AppendJSON(nil, tt.in)
			written := strings.Count(tt.netscape, "\n") - strings.Count(netscapeHeader, "\n")
			if string(netscape) != tt.netscape || len(left1) != len(tt.in)-written {
				t.Errorf("AppendNetscape = %q, %v; want %q", netscape, left1, tt.netscape)
			}
			if string(json) != tt.json || len(left2) != len(tt.in)-strings.Count(tt.json, `"name"`) {
				t.Errorf("AppendJSON = %q, %v; want %q", json, left2, tt.json)
			}
		})
	}
}

// TestReadFile is about what a file as a whole is.
func TestReadFile(t *testing.T) {
	const line = "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n"
	const object = `{"version": 1, "cookies": [` + jsonLine + `]}`
	for _, tt := range []struct {
		name, in string
		want     int // cookies
		bad      string
	}{
		{"nothing", "", 0, ""},
		{"cookies.txt", line, 1, ""},
		{"with a BOM", "\ufeff" + line, 1, ""},
		{"JSON", object, 1, ""},
		{"JSON with a BOM", "\ufeff" + object, 1, ""},
		{"JSON below blank lines", "\r\n \t" + object, 1, ""},
		{"lines that are none", "x\n" + line + "y\n", 1, "1: 1 fields, not 7, 3: 1 fields, not 7"},
		{"as many as there may be", strings.Repeat(line, maxFileCookies), maxFileCookies, ""},
		{"too many", strings.Repeat(line, maxFileCookies+1), 0, "0: more than 20000 cookies"},
		{"as large as it may be", strings.Repeat("#", maxFile), 0, ""},
		{"too large", line + strings.Repeat("#", maxFile-len(line)+1), 0, "0: larger than 16777216 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cookies, bad, err := ReadFile(strings.NewReader(tt.in))
			require.NoError(t, err)
			require.Len(t, cookies, tt.want)
			require.Equal(t, tt.bad, complaint(bad))
		})
	}
	broken := errors.New("broken")
	cookies, bad, err := ReadFile(io.MultiReader(strings.NewReader(line), iotest.ErrReader(broken)))
	require.Equal(t, broken, err)
	require.Empty(t, cookies)
	require.Empty(t, bad)
}

func TestAppendInAFormat(t *testing.T) {
	for format, want := range map[Format]string{Netscape: netscapeHeader, JSON: emptyJSON} {
		data, left, ok := Append(nil, format, nil)
		require.True(t, ok)
		require.Empty(t, left)
		require.Equal(t, want, string(data))
	}
	_, _, ok := Append(nil, JSON+1, nil)
	require.False(t, ok)
}

// What can be read is written and read again without a change.
func FuzzParseNetscape(f *testing.F) {
	for _, tt := range netscapeFiles {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		cookies, bad := ParseNetscape(in)
		for _, b := range bad {
			if b.Line < 1 || b.Line > bytes.Count(in, []byte("\n"))+1 {
				t.Errorf("ParseNetscape(%q): line %d", in, b.Line)
			}
		}
		out, err := AppendNetscape(nil, cookies)
		if err != nil {
			t.Fatalf("AppendNetscape(%q): %v", describe(cookies), err)
		}
		if again, bad := ParseNetscape(out); bad != nil || !reflect.DeepEqual(again, cookies) {
			t.Errorf("%q was written as %q and read as %q, %q", describe(cookies), out, describe(again), complaint(bad))
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, tt := range jsonFiles {
		if len(tt.in) < 1<<12 {
			f.Add([]byte(tt.in))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		cookies, bad := ParseJSON(in)
		for _, b := range bad {
			if b.Line < 1 || b.Line > bytes.Count(in, []byte("\n"))+1 {
				t.Errorf("ParseJSON(%q): line %d", in, b.Line)
			}
		}
		out, err := AppendJSON(nil, cookies)
		if err != nil {
			t.Fatalf("AppendJSON(%q): %v", describe(cookies), err)
		}
		again, bad := ParseJSON(out)
		if bad != nil || !reflect.DeepEqual(describe(again), describe(cookies)) {
			t.Errorf("%q was written as %q and read as %q, %q", describe(cookies), out, describe(again), complaint(bad))
		}
	})
}
