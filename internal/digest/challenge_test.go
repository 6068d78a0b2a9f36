package digest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/growth"
	"github.com/go-requests/requests/internal/scan"
)

// parseTests seed the fuzz targets too.
var parseTests = []struct {
	name   string
	values []string
	want   []string // as show writes them
}{
	{name: "nothing", values: nil},
	{name: "empty", values: []string{"", " ", ",", " , ,\t"}},
	{name: "scheme alone", values: []string{"Negotiate"}, want: []string{"Negotiate"}},
	{name: "token68", values: []string{"NTLM TlRMTVNTUAACAAAA==, Bearer a-._~+/9"},
		want: []string{"NTLM TlRMTVNTUAACAAAA==", "Bearer a-._~+/9"}},
	{name: "one parameter", values: []string{`Basic realm="a b"`}, want: []string{`Basic realm="a b"`}},
	{name: "RFC 9110, section 11.6.1", values: []string{
		`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`},
		want: []string{`Basic realm="simple"`, `Newauth realm="apps" title="Login to \"apps\"" type="1"`}},
	{name: "several fields", values: []string{`Basic realm="b"`, "Negotiate", `Digest realm="d", nonce="n"`},
		want: []string{`Basic realm="b"`, "Negotiate", `Digest nonce="n" realm="d"`}},
	{name: "several in one", values: []string{`Negotiate, Digest realm="d", nonce="n", Basic realm="b"`},
		want: []string{"Negotiate", `Digest nonce="n" realm="d"`, `Basic realm="b"`}},
	{name: "names in capitals", values: []string{`DIGEST Realm="r", NONCE=n`}, want: []string{`DIGEST nonce="n" realm="r"`}},
	{name: "empty elements", values: []string{`, ,Digest ,realm="r",, nonce=n, ,`}, want: []string{`Digest nonce="n" realm="r"`}},
	{name: "comma after the scheme", values: []string{`Digest, realm="r", nonce=n`}, want: []string{`Digest nonce="n" realm="r"`}},
	{name: "no comma between parameters", values: []string{"Digest realm=\"r\" nonce=\"n\"\tqop=auth"},
		want: []string{`Digest nonce="n" qop="auth" realm="r"`}},
	{name: "bad whitespace", values: []string{"\tDigest \trealm = \"r\" , nonce\t=n ,qop= auth\t"},
		want: []string{`Digest nonce="n" qop="auth" realm="r"`}},
	{name: "commas in a string", values: []string{`Digest realm="a, b=c, Basic d", nonce="n"`},
		want: []string{`Digest nonce="n" realm="a, b=c, Basic d"`}},
	{name: "unquoted base64", values: []string{`Digest nonce=a/+b==, realm=r`}, want: []string{`Digest nonce="a/+b==" realm="r"`}},
	{name: "no value", values: []string{`Digest realm="r", qop=, nonce="n"`}, want: []string{`Digest nonce="n" qop="" realm="r"`}},
	{name: "escapes", values: []string{`Digest realm="a\"b\\c", nonce="n"`}, want: []string{`Digest nonce="n" realm="a\"b\\c"`}},
	{name: "backslash that escapes nothing", values: []string{`Digest realm="DOMAIN\user", nonce="n"`},
		want: []string{`Digest nonce="n" realm="DOMAIN\\user"`}},
	{name: "unescaped quotes", values: []string{`Basic realm="my "own" realm", Digest realm="d", nonce="n"`},
		want: []string{`Basic realm="my \"own\" realm"`, `Digest nonce="n" realm="d"`}},
	{name: "unescaped quote at the end", values: []string{`Basic realm="my "own"", Digest realm="d", nonce="n"`},
		want: []string{`Basic realm="my \"own\""`, `Digest nonce="n" realm="d"`}},
	{name: "obs-text", values: []string{"Basic realm=\"caf\xe9 \u00e9\""}, want: []string{`Basic realm="caf\xe9 é"`}},
	{name: "tab", values: []string{"Basic realm=\"a\tb\""}, want: []string{`Basic realm="a\tb"`}},

	{name: "duplicate", values: []string{`Digest realm="a", nonce="n", REALM="a", Basic realm="b"`}, want: []string{`Basic realm="b"`}},
	{name: "unterminated string", values: []string{`Digest realm="a`, `Basic realm="b"`}, want: []string{`Basic realm="b"`}},
	{name: "escape at the end", values: []string{`Digest realm="a\`, `Digest realm="a\"`, `Digest realm="`}},
	{name: "NUL", values: []string{"Digest realm=\"a\x00b\", nonce=n", "Digest realm=a\x00, nonce=n", "\x00", `Basic realm="b"`},
		want: []string{`Basic realm="b"`}},
	{name: "control characters", values: []string{"Basic realm=\"a\r\nb\"", "Basic realm=a\x7f"}},
	{name: "quote in an unquoted value", values: []string{`Basic realm=a"b"`}},
	{name: "parameter without a scheme", values: []string{`realm="a", nonce=n, Basic realm="b"`}, want: []string{`Basic realm="b"`}},
	{name: "junk", values: []string{`Digest realm="a", @, nonce="n", Basic realm="b"`, `"x", Basic`, `=`},
		want: []string{`Basic realm="b"`, "Basic"}},
	{name: "17 challenges", values: []string{strings.Repeat("A, ", 9), strings.Repeat("B, ", 8)},
		want: append(slices.Repeat([]string{"A"}, 9), slices.Repeat([]string{"B"}, 7)...)},
	{name: "16 KiB", values: []string{`A b="` + strings.Repeat("c", maxFieldBytes-6) + `"`},
		want: []string{`A b="` + strings.Repeat("c", maxFieldBytes-6) + `"`}},
	{name: "16 KiB and a byte", values: []string{`A b="` + strings.Repeat("c", maxFieldBytes-6) + `"`, "B", "C"},
		want: []string{`A b="` + strings.Repeat("c", maxFieldBytes-6) + `"`}},
	{name: "16 KiB passed by a value", values: []string{"A", strings.Repeat("b", maxFieldBytes), "C"}, want: []string{"A"}},
}

func TestParse(t *testing.T) {
	for _, tt := range parseTests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(Parse(tt.values)); !slices.Equal(got, tt.want) {
				t.Errorf("Parse(%q) = %q; want %q", tt.values, got, tt.want)
			}
		})
	}
}

// show writes challenges with their parameters in the order of names.
func show(challenges []Challenge) []string {
	var texts []string
	for _, c := range challenges {
		text := c.Scheme
		if c.Token68 != "" {
			text += " " + c.Token68
		}
		for _, name := range slices.Sorted(maps.Keys(c.params)) {
			text += fmt.Sprintf(" %s=%q", name, c.params[name])
		}
		texts = append(texts, text)
	}
	return texts
}

func TestChallengeParam(t *testing.T) {
	c := Parse([]string{`Basic Realm=""`})[0]
	if value, ok := c.Param("REALM"); value != "" || !ok {
		t.Errorf("Param(REALM) = %q, %t; want an empty value, true", value, ok)
	}
	if value, ok := c.Param("charset"); value != "" || ok {
		t.Errorf("Param(charset) = %q, %t; want none", value, ok)
	}
	if value, ok := (Challenge{}).Param("realm"); value != "" || ok {
		t.Errorf("Param(realm) of the zero challenge = %q, %t; want none", value, ok)
	}
}

// A245: no input keeps the parser busy. The inputs are longer than Parse lets
// through, so that quadratic work shows.
func TestParseLinear(t *testing.T) {
	for _, unit := range []string{
		`"`, `\`, `\"`, `" `, `a `, `a=`, `a="`, `a="b" `, `a="b", `, `,`, ` `, `=`, `"a=`, `a "`, `@`, `@,`, "\x00", `a=b"`, `a  =  "`, `a==== `, `"a `,
	} {
		for _, start := range []string{"", `Digest realm="`, "Digest ", "Digest a"} {
			growth.Linear(t, start, unit, func(field string) int {
				sc := scanner{scan.Scanner{Rest: field}}
				for sc.next() {
					sc.challenge()
				}
				return sc.Looked
			})
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range parseTests {
		f.Add(strings.Join(tt.values, "\n"))
	}
	for _, tt := range selectTests {
		f.Add(tt.field)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values := strings.Split(text, "\n")
		challenges := Parse(values)
		if len(challenges) > maxChallenges {
			t.Fatalf("Parse(%q) gave %d challenges", values, len(challenges))
		}
		for _, c := range challenges {
			checkChallenge(t, c)
		}
		ParseInfo(values)
		d, ok := Select(challenges)
		if !ok {
			return
		}
		s := Spaces{Credentials: Credentials{Username: "u", Password: "p"}}
		a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: "/"})
		if err != nil {
			t.Fatalf("Answer to %q: %v", values, err)
		}
		checkAnswer(t, a.Value, map[string]string{"realm": d.Realm, "nonce": d.Nonce, "opaque": d.opaque, "uri": "/"})
	})
}

// checkChallenge holds what every caller relies on.
func checkChallenge(t *testing.T, c Challenge) {
	t.Helper()
	sc := scanner{scan.Scanner{Rest: c.Scheme}}
	if c.Scheme == "" || sc.token() != c.Scheme {
		t.Fatalf("scheme %q is no token", c.Scheme)
	}
	for name, value := range c.params {
		if name == "" || name != strings.ToLower(name) || hasControl(value) {
			t.Fatalf("parameter %q of %q has the value %q", name, c.Scheme, value)
		}
	}
}

// checkAnswer parses an answer as a server does. A parameter wanted as "" must be
// absent or empty.
func checkAnswer(t *testing.T, value string, want map[string]string) {
	t.Helper()
	challenges := Parse([]string{value})
	if len(value) > maxFieldBytes {
		return
	}
	if len(challenges) != 1 || challenges[0].Scheme != "Digest" || challenges[0].Token68 != "" {
		t.Fatalf("answer %q reads as %q", value, show(challenges))
	}
	for name, want := range want {
		if got, _ := challenges[0].Param(name); got != want {
			t.Fatalf("answer %q has %s %q; want %q", value, name, got, want)
		}
	}
}
