package mediatype

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

// charsetOf returns the charset that values name, or "".
func charsetOf(values ...string) string {
	found, _ := Extract(values...)
	charset, _ := found.Param("charset")
	return charset
}

// latin1 turns the characters of the suites into the bytes of a header.
func latin1(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b.WriteByte(byte(r))
	}
	return b.String(), true
}

type suiteRow struct{ Input, Output string }

// readMIMETypes returns the rows of wpt/mimesniff that a header can hold.
func readMIMETypes(t testing.TB) []suiteRow {
	t.Helper()
	var all []json.RawMessage
	suite.Read(t, "external/wpt-mimesniff/mime-types.json", &all)
	var rows []suiteRow
	for _, raw := range all {
		var row suiteRow
		if raw[0] == '"' || json.Unmarshal(raw, &row) != nil { // a heading
			continue
		}
		input, ok := latin1(row.Input)
		if !ok {
			t.Logf("%q is no header: it has characters that are no bytes", row.Input)
			continue
		}
		output, _ := latin1(row.Output)
		rows = append(rows, suiteRow{input, output})
	}
	return rows
}

// TestMIMESniffing reads the rows of wpt/mimesniff/mime-types.
func TestMIMESniffing(t *testing.T) {
	rows := readMIMETypes(t)
	if len(rows) != 69 {
		t.Errorf("%d rows; want 69", len(rows))
	}
	for _, row := range rows {
		got, ok := Parse(row.Input)
		if got.String() != row.Output || ok != (row.Output != "") {
			t.Errorf("Parse(%q) = %q, %v; want %q", row.Input, got, ok, row.Output)
		}
	}
}

// TestContentTypes reads the rows of wpt/fetch: several header lines, which may
// come in one as well.
func TestContentTypes(t *testing.T) {
	var rows []struct {
		ContentType []string
		MIMEType    string
		Encoding    *string
	}
	suite.Read(t, "external/wpt-fetch/content-types.json", &rows)
	if len(rows) != 20 {
		t.Errorf("%d rows; want 20", len(rows))
	}
	for _, row := range rows {
		for _, values := range [][]string{row.ContentType, {strings.Join(row.ContentType, ",")}} {
			got, ok := Extract(values...)
			// In one line there is no space behind the comma of a quoted string.
			if !ok || strings.ReplaceAll(got.String(), `", `, `",`) != strings.ReplaceAll(row.MIMEType, `", `, `",`) {
				t.Errorf("Extract(%q) = %q, %v; want %q", values, got, ok, row.MIMEType)
			}
			want := ""
			if row.Encoding != nil {
				want = *row.Encoding
			}
			if charset := charsetOf(values...); !strings.EqualFold(charset, want) {
				t.Errorf("charsetOf(%q) = %q; want %q", values, charset, want)
			}
		}
	}
}

func TestCharset(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   string
	}{
		{name: "none"},
		{name: "simple", values: []string{"text/html; charset=utf-8"}, want: "utf-8"},
		{name: "as written", values: []string{"Text/HTML;Charset=UTF-8"}, want: "UTF-8"},
		{name: "quoted", values: []string{`text/plain; charset="utf-8"`}, want: "utf-8"},
		{name: "escaped", values: []string{`text/plain; charset="u\tf-8"`}, want: "utf-8"},
		{name: "not the first parameter", values: []string{`text/plain; format=flowed; charset=koi8-r`}, want: "koi8-r"},
		{name: "in another's value", values: []string{`multipart/x; boundary="a;charset=z"`}},
		{name: "spaces around the equals sign", values: []string{"text/plain; charset = utf-8"}},
		{name: "no type", values: []string{"charset=utf-8"}},
		{name: "B170 bogus", values: []string{"text/plain; charset=bogus"}, want: "bogus"},
		{name: "B170 duplicate", values: []string{"text/plain; charset=a; charset=b"}, want: "a"},
		{name: "B170 duplicate line", values: []string{"text/plain; charset=a", "text/plain; charset=b"}, want: "b"},
		{name: "B170 empty", values: []string{"text/plain; charset="}},
		{name: "B170 empty quotes", values: []string{`text/plain; charset=""; charset=a`}},
		{name: "B170 empty header", values: []string{""}},
		{name: "B170 ;;;", values: []string{";;;"}},
		{name: "B170 text/plain;;;", values: []string{"text/plain;;;charset=a;;;"}, want: "a"},
		{name: "control character", values: []string{"text/plain; charset=a\x00"}},
		{name: "kept over a line", values: []string{"text/plain; charset=a", "text/plain"}, want: "a"},
		{name: "not kept by another type", values: []string{"text/plain; charset=a", "text/html"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := charsetOf(tt.values...); got != tt.want {
				t.Errorf("charsetOf(%q) = %q; want %q", tt.values, got, tt.want)
			}
		})
	}
}

func TestZeroType(t *testing.T) {
	if s := (Type{}).String(); s != "" {
		t.Errorf("zero Type is %q; want nothing", s)
	}
	if _, ok := Extract("bogus", "*/*"); ok {
		t.Error("Extract found a type in none")
	}
}

func TestCharsetAllocates(t *testing.T) {
	for _, value := range []string{"text/html; charset=utf-8", "application/json", `text/plain; format=flowed; charset="x"`} {
		if n := testing.AllocsPerRun(100, func() { charsetOf(value) }); n != 0 {
			t.Errorf("charsetOf(%q) allocates %v times; want none", value, n)
		}
	}
}

func TestHostileLength(t *testing.T) {
	for name, value := range map[string]string{
		"parameters": "a/b" + strings.Repeat(";a=b", 1<<15),
		"names":      "a/b" + strings.Repeat(";a", 1<<15),
		"quotes":     "a/b" + strings.Repeat(`;a="`, 1<<15),
		"escapes":    `a/b;a="` + strings.Repeat(`\`, 1<<15),
		"types":      strings.Repeat("a/b;charset=c,", 1<<14),
		"a list":     strings.Repeat(`a/b;","`, 1<<15),
	} {
		charsetOf(value)
		got, _ := Extract(value)
		if again, ok := Extract(got.String()); got.Essence != "" && (!ok || again.Essence != got.Essence) {
			t.Errorf("%s: %.40q became %.40q", name, got, again)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"text/html; charset=utf-8", `a/b;c="d\"e";f=g`, "a/b;;c==;d", `a/b;x="`, "a/b;x=\xff", "*/*, a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Parse(s)
		if !ok {
			if got != (Type{}) {
				t.Errorf("Parse(%q) = %q, false", s, got)
			}
			return
		}
		again, ok := Parse(got.String())
		if !ok || again.String() != got.String() {
			t.Errorf("Parse(%q) = %q, and again %q, %v", s, got, again, ok)
		}
		charset, _ := got.Param("charset")
		if second, _ := again.Param("charset"); second != charset {
			t.Errorf("Parse(%q) has charset %q, and again %q", s, charset, second)
		}
	})
}

func FuzzExtract(f *testing.F) {
	f.Add("text/plain;charset=gbk", "text/html")
	f.Add(`text/html;"`, `\"`)
	f.Add(`text/html;x="`, `text/plain;charset=a`)
	f.Fuzz(func(t *testing.T, a, b string) {
		two, ok := Extract(a, b)
		one, ok1 := Extract(a + ", " + b)
		if two.String() != one.String() || ok != ok1 {
			t.Errorf("Extract(%q, %q) = %q, %v; in one value %q, %v", a, b, two, ok, one, ok1)
		}
	})
}
