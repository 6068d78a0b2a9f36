package disposition

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/growth"
	"github.com/go-requests/requests/internal/scan"
	"github.com/go-requests/requests/internal/suite"
)

var parseTests = []struct {
	name string
	in   string
	want string
}{
	{"empty", ``, `"" []`},
	{"type alone", ` Attachment `, `"attachment" []`},
	{"token", `attachment; filename=a.txt`, `"attachment" [{"filename" "a.txt"}]`},
	{"quoted", `inline; filename="a.txt"; x=y`, `"inline" [{"filename" "a.txt"} {"x" "y"}]`},
	{"white space", " attachment\t;\tFileName\t=\t\"a.txt\"\t; x = y z\t", `"attachment" [{"filename" "a.txt"} {"x" "y z"}]`},
	{"escapes", `a; x="\"\\\a"`, `"a" [{"x" "\"\\a"}]`},
	{"escaped character of several bytes", `a; x="\€\"b"`, `"a" [{"x" "€\"b"}]`},
	{"separators in quotes", `a; x="; y=z"; y=w`, `"a" [{"x" "; y=z"} {"y" "w"}]`},
	{"repeated", `a; x=1; X=2`, `"a" [{"x" "1"} {"x" "2"}]`},
	{"no value", `a; x=; y=""; z`, `"a" [{"x" ""} {"y" ""}]`},
	{"no name", `a; =x; y=z`, `"a" [{"y" "z"}]`},
	{"no type", `; x=y`, `"" [{"x" "y"}]`},
	{"no semicolon after the type", `attachment filename=x`, `"attachment filename=x" []`},
	{"empty parameters", `a;; ;x=y;`, `"a" [{"x" "y"}]`},
	{"text after quotes", `a; x="y"z; v=w`, `"a" [{"x" "y"} {"v" "w"}]`},
	{"parameter after quotes", `a; x="y" z=1; v=w`, `"a" [{"x" "y"} {"v" "w"}]`},
	{"quotes within", `a; x=y"z;w"`, `"a" [{"x" "y\"z"}]`},
	{"quotes not closed", `a; v=w; x="y; z=1`, `"a" [{"v" "w"}]`},
	{"escape not ended", `a; x="y\`, `"a" []`},
	{"not decoded", `a; x*=UTF-8''%e2%82%ac`, `"a" [{"x*" "UTF-8''%e2%82%ac"}]`},
	{"UTF-8", `a; x="ä€"`, `"a" [{"x" "ä€"}]`},
	{"ISO-8859-1", "a; x=\"\xe4\x80\"", `"a" [{"x" "ä\u0080"}]`},
}

func TestParse(t *testing.T) {
	for _, tt := range parseTests {
		t.Run(tt.name, func(t *testing.T) {
			d := Parse(tt.in)
			got := fmt.Sprintf("%q [", d.Type)
			for i, p := range d.Params {
				got += fmt.Sprintf("%s{%q %q}", " "[:min(i, 1)], p.Name, p.Value)
			}
			if got += "]"; got != tt.want {
				t.Errorf("Parse(%q) = %s; want %s", tt.in, got, tt.want)
			}
		})
	}
}

var filenameTests = []struct {
	name string
	in   string
	want string
	ok   bool
}{
	{"none", `attachment`, "", false},
	{"empty value", ``, "", false},
	{"plain", `attachment; filename=a.txt`, "a.txt", true},
	{"of any type", `inline; filename=a.txt`, "a.txt", true},
	{"empty name", `attachment; filename=""`, "", true},
	{"first", `attachment; filename=a; filename=b`, "a", true},
	{"extended before plain", `attachment; filename*=UTF-8''%e2%82%ac; filename=EUR`, "€", true},
	{"plain before extended", `attachment; filename=EUR; filename*=UTF-8''%e2%82%ac`, "€", true},
	{"extended cannot be decoded", `attachment; filename=EUR; filename*=UTF-8''%ff`, "EUR", true},
	{"extended alone cannot be decoded", `attachment; filename*=UTF-8''%ff`, "", false},
	{"extended in quotes", `attachment; filename=EUR; filename*="UTF-8''%e2%82%ac"`, "EUR", true},
	{"path in the extended form", `attachment; filename*=UTF-8''%2e%2e%2fetc%2fpasswd; filename=a`, "../etc/passwd", true},
	{"plain is not unescaped", `attachment; filename=%2e%2e%2fa`, "%2e%2e%2fa", true},
	{"parts", `attachment; filename*0=a; filename*1=b`, "", false},
	{"encoded word", `attachment; filename="=?UTF-8?Q?a?="`, "=?UTF-8?Q?a?=", true},
	{"other names", `attachment; xfilename=a; name=b; "filename"=c`, "", false},
}

func TestFilename(t *testing.T) {
	for _, tt := range filenameTests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := Filename(tt.in); got != tt.want || ok != tt.ok {
				t.Errorf("Filename(%q) = %q, %t; want %q, %t", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

// TestSuite runs the rows of jshttp/content-disposition, most of them Julian
// Reschke's test cases for RFC 2231 and 6266. It takes a field for ISO-8859-1,
// where browsers take it for UTF-8 if it can be that: two rows are not met.
func TestSuite(t *testing.T) {
	notMet := map[string]bool{
		`attachment; filename="foo-Ã¤.html"`: true,
		`attachment; filename=foo-Ã¤.html`:   true,
	}
	var rows []struct {
		Name, Header string
		Options      struct {
			Multipart bool
			Extended  *bool
		}
		Expected struct {
			Type       string
			Parameters map[string]string
		}
	}
	suite.Read(t, "external/content-disposition/content-disposition-jshttp.json", &rows)
	run := 0
	for _, row := range rows {
		if row.Options.Multipart {
			continue // what a server reads in a form
		}
		run++
		d := Parse(latin1(t, row.Header))
		get := d.Param
		if row.Options.Extended != nil { // false, wherever it is there
			get = func(name string) (string, bool) {
				p, ok := d.first(name)
				return p.Value, ok
			}
		}
		got := make(map[string]string)
		for _, p := range d.Params {
			for _, name := range []string{p.Name, strings.TrimSuffix(p.Name, "*")} {
				if text, ok := get(name); ok {
					got[name] = text
				}
			}
		}
		met := d.Type == row.Expected.Type && maps.Equal(got, row.Expected.Parameters)
		if met == notMet[row.Header] {
			t.Errorf("%s: Parse(%q) gives %q %q; want %q %q",
				row.Name, row.Header, d.Type, got, row.Expected.Type, row.Expected.Parameters)
		}
		delete(notMet, row.Header)
	}
	if run != 129 || len(notMet) > 0 {
		t.Errorf("%d rows run, %v not among them; want 129", run, notMet)
	}
}

// latin1 gives the bytes of a field that the suite has as characters.
func latin1(t *testing.T, s string) string {
	t.Helper()
	var b []byte
	for _, c := range s {
		if c > 0xff {
			t.Fatalf("%q is not ISO-8859-1", s)
		}
		b = append(b, byte(c))
	}
	return string(b)
}

func TestLinear(t *testing.T) {
	for _, unit := range []string{";", "=", `\`, "a=;", `a="";`, `a="\"`, `a="b"c`, "filename*=x;", "a", " ", "é"} {
		for _, start := range []string{"", "a; ", `a; b="`} {
			growth.Linear(t, start, unit, func(value string) int {
				s := scanner{scan.Scanner{Rest: value}}
				s.disposition()
				return s.Looked
			})
		}
	}
	// These take no steps that are counted, but allocate.
	for _, unit := range []string{"\xff", "a", "/", ".", " ", "filename*=UTF-8''%41;"} {
		growth.Linear(t, "", unit, func(value string) int {
			Filename(value)
			Sanitise(value)
			return 0
		})
	}
}

func FuzzFilename(f *testing.F) {
	for _, tt := range parseTests {
		f.Add(tt.in)
	}
	for _, tt := range filenameTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		name, ok := Filename(in)
		if !utf8.ValidString(name) || !ok && name != "" {
			t.Errorf("Filename(%q) = %q, %t", in, name, ok)
		}
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		if again, ok := Filename(`attachment; filename="` + quote.Replace(name) + `"`); again != name || !ok {
			t.Errorf("Filename of a field with %q = %q, %t", name, again, ok)
		}
		for _, p := range Parse(in).Params {
			if p.Name == "" || !utf8.ValidString(p.Name+p.Value) {
				t.Errorf("Parse(%q) has %q=%q", in, p.Name, p.Value)
			}
		}
	})
}
