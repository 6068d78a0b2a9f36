package linkheader

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/growth"
	"github.com/go-requests/requests/internal/scan"
)

// text shows links in full, in a form that a table can hold.
func text(links []Link) string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "<%s> rel=%q anchor=%q %q\n", l.URL, l.Rel, l.Anchor, l.Params)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var parseTests = []struct {
	name string
	in   []string
	want string
}{
	{"no field", nil, ``},
	{"empty field", []string{""}, ``},
	{"token", []string{`</2>; rel=next`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"quoted", []string{`</2>; rel="next"`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"no parameters", []string{`</2>`}, `</2> rel="" anchor="" []`},
	{"two fields", []string{`</1>; rel=prev`, `</3>; rel=next`},
		`</1> rel="prev" anchor="" [{"rel" "prev"}]` + "\n" + `</3> rel="next" anchor="" [{"rel" "next"}]`},
	{"two in a field", []string{`</1>;rel=prev,</3>;rel=next`},
		`</1> rel="prev" anchor="" [{"rel" "prev"}]` + "\n" + `</3> rel="next" anchor="" [{"rel" "next"}]`},
	{"white space everywhere", []string{" \t< /1 >\t;\trel\t=\tprev  \t,  </3> ; rel = \"next\" ; x = y "},
		`</1> rel="prev" anchor="" [{"rel" "prev"}]` + "\n" + `</3> rel="next" anchor="" [{"rel" "next"} {"x" "y"}]`},
	{"empty elements", []string{`,, </1>; rel=prev,, ,`}, `</1> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"comma, semicolon and equals sign in the target", []string{`<http://a/?x=1,2;3>; rel=next`},
		`<http://a/?x=1,2;3> rel="next" anchor="" [{"rel" "next"}]`},
	{"empty target", []string{`<>; rel=self`}, `<> rel="self" anchor="" [{"rel" "self"}]`},
	{"several types", []string{`</2>; rel="next prev"`}, `</2> rel="next prev" anchor="" [{"rel" "next prev"}]`},
	{"first rel counts", []string{`</2>; rel=one; rel=two`}, `</2> rel="one" anchor="" [{"rel" "one"} {"rel" "two"}]`},
	{"names in any case", []string{`</2>; REL=Next; TiTle=A`}, `</2> rel="Next" anchor="" [{"rel" "Next"} {"title" "A"}]`},
	{"flag", []string{`</2>; rel=preload; nopush; as=style`},
		`</2> rel="preload" anchor="" [{"rel" "preload"} {"nopush" ""} {"as" "style"}]`},
	{"flag at the end", []string{`</2>; nopush, </3>; nopush`},
		`</2> rel="" anchor="" [{"nopush" ""}]` + "\n" + `</3> rel="" anchor="" [{"nopush" ""}]`},
	{"empty value", []string{`</2>; rel=; x=""`}, `</2> rel="" anchor="" [{"rel" ""} {"x" ""}]`},
	{"equals sign in a value", []string{`</2>; q="a=b"; r=c=d`}, `</2> rel="" anchor="" [{"q" "a=b"} {"r" "c=d"}]`},
	{"separators in a quoted value", []string{`</2>; title="a, <b>; rel=x"; rel=next`},
		`</2> rel="next" anchor="" [{"title" "a, <b>; rel=x"} {"rel" "next"}]`},
	{"escapes in a quoted value", []string{`</2>; title="\a \"\\\" b"`}, `</2> rel="" anchor="" [{"title" "a \"\\\" b"}]`},
	{"value that is kept as it is", []string{`</2>; title*=UTF-8'de'n%c3%a4chstes`},
		`</2> rel="" anchor="" [{"title*" "UTF-8'de'n%c3%a4chstes"}]`},
	{"anchor", []string{`</2>; rel=next; anchor="#foo"; anchor=bar`},
		`</2> rel="next" anchor="#foo" [{"rel" "next"} {"anchor" "#foo"} {"anchor" "bar"}]`},
	{"semicolon at the end", []string{`</2>; rel=next;`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"empty parameters", []string{`</2>;; ;=x; rel=next`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"single quotes", []string{`</2>; rel='next'; type='text/html'`},
		`</2> rel="next" anchor="" [{"rel" "next"} {"type" "text/html"}]`},
	{"one single quote", []string{`</2>; rel='; x='y`}, `</2> rel="'" anchor="" [{"rel" "'"} {"x" "'y"}]`},
	{"no brackets", []string{`http://a/x ; rel=next, http://a/y;rel=prev`},
		`<http://a/x> rel="next" anchor="" [{"rel" "next"}]` + "\n" + `<http://a/y> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"no brackets, no parameters", []string{`garbage`}, `<garbage> rel="" anchor="" []`},
	{"no brackets, two without parameters", []string{`a , b`}, `<a> rel="" anchor="" []` + "\n" + `<b> rel="" anchor="" []`},
	{"no brackets, two quotes", []string{`""`, `''`, `"`, `'"`, ` "" , ''`}, ``},
	{"no brackets, two quotes and parameters", []string{`""; rel=next, </2>; rel=prev`}, `</2> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"no brackets, quotes", []string{`"/2"; rel=next`, `'/3'`}, `</2> rel="next" anchor="" [{"rel" "next"}]` + "\n" + `</3> rel="" anchor="" []`},
	{"quotes around the field", []string{`"</2>; rel=next"`, ` ' </3>; rel=prev' `}, `</2> rel="next" anchor="" [{"rel" "next"}]` + "\n" + `</3> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"quotes around the field and in it", []string{`"</2>; rel="next""`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"no opening bracket", []string{`http://a/x>; rel=next`}, `<http://a/x> rel="next" anchor="" [{"rel" "next"}]`},
	{"text before the bracket", []string{`url = <http://a/x>; rel=next`}, `<http://a/x> rel="next" anchor="" [{"rel" "next"}]`},
	{"text before the bracket, none of them closed", []string{`<a <b; rel=next`}, `<b> rel="next" anchor="" [{"rel" "next"}]`},
	{"two targets in one", []string{`</1></2>; rel=next`}, `</1> rel="next" anchor="" [{"rel" "next"}]`},
	{"no target", []string{`; rel=next, </2>; rel=prev`}, `</2> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"bracket not closed", []string{`<http://a/x; rel=next`}, `<http://a/x> rel="next" anchor="" [{"rel" "next"}]`},
	{"bracket not closed, then a link", []string{`<http://a/x; rel=next, <http://a/y>; rel=prev`},
		`<http://a/x> rel="next" anchor="" [{"rel" "next"}]` + "\n" + `<http://a/y> rel="prev" anchor="" [{"rel" "prev"}]`},
	{"bracket not closed, nothing in it", []string{`<`, `<,</2>`}, `</2> rel="" anchor="" []`},
	{"text after the target", []string{`</2>x; rel=next`}, `</2> rel="next" anchor="" [{"rel" "next"}]`},
	{"text after a quoted value", []string{`</2>; rel="next"x; title=y`}, `</2> rel="next" anchor="" [{"rel" "next"} {"title" "y"}]`},
	{"text after a name", []string{`</2>; rel next; title=y`}, `</2> rel="" anchor="" [{"rel" ""} {"title" "y"}]`},
	{"quote not closed", []string{`</2>; title="a, </3>; rel=next`, `</4>`},
		`</2> rel="" anchor="" [{"title" "a, </3>; rel=next"}]` + "\n" + `</4> rel="" anchor="" []`},
	{"escape not ended", []string{`</2>; title="a\`}, `</2> rel="" anchor="" [{"title" "a"}]`},
}

func TestParse(t *testing.T) {
	for _, tt := range parseTests {
		t.Run(tt.name, func(t *testing.T) {
			links, err := Parse(tt.in)
			if got := text(links); got != tt.want || err != nil {
				t.Errorf("Parse(%q) = %s, error %v; want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	half := "</" + strings.Repeat("a", MaxBytes/2-3) + ">"
	many := slices.Repeat([]string{"</>"}, MaxLinks)
	for _, tt := range []struct {
		name  string
		in    []string
		links int
		err   error
	}{
		{"as long as may be", []string{half, half}, 2, nil},
		{"too long", []string{half, half, ","}, 2, ErrTooLarge},
		{"one value too long", []string{half + half + ","}, 0, ErrTooLarge},
		{"as many as may be", many, MaxLinks, nil},
		{"as many as may be in one value", []string{strings.Join(many, ",") + ", ,"}, MaxLinks, nil},
		{"too many", append(slices.Clone(many), "</2>"), MaxLinks, ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			links, err := Parse(tt.in)
			if len(links) != tt.links || !errors.Is(err, tt.err) {
				t.Errorf("Parse(%d values) = %d links, error %v; want %d, error %v", len(tt.in), len(links), err, tt.links, tt.err)
			}
		})
	}
}

func TestRels(t *testing.T) {
	for _, tt := range []struct {
		rel  string
		want []string
	}{
		{"", nil},
		{"next", []string{"next"}},
		{" Next\tprev  https://a.test/Rel ", []string{"next", "prev", "https://a.test/rel"}},
	} {
		if got := (Link{Rel: tt.rel}).Rels(); !slices.Equal(got, tt.want) {
			t.Errorf("Link{Rel: %q}.Rels() = %q; want %q", tt.rel, got, tt.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want []Param
	}{
		{"none", `</>; rel=next; anchor=x; rel*=UTF-8''y; anchor*=UTF-8''z`, nil},
		{"in order", `</>; b=1; rel=next; a=2`, []Param{{"b", "1"}, {"a", "2"}}},
		{"extended", `</>; title*=UTF-8'de'n%c3%a4chstes%20Kapitel`, []Param{{"title", "nächstes Kapitel"}}},
		{"extended before plain", `</>; title*=UTF-8''%e2%82%ac; title=EUR`, []Param{{"title", "€"}}},
		{"plain before extended", `</>; title=EUR; x=y; title*=UTF-8''%e2%82%ac`, []Param{{"x", "y"}, {"title", "€"}}},
		{"extended value in quotes", `</>; title=EUR; title*="UTF-8''%e2%82%ac"`, []Param{{"title", "€"}}},
		{"extended value that is empty", `</>; title=EUR; title*=UTF-8''`, []Param{{"title", ""}}},
		{"extended value that cannot be decoded", `</>; title=EUR; title*=GB2312''%C6%F3`, []Param{{"title", "EUR"}}},
		{"first that can be decoded", `</>; title*=UTF-8''%FF; title*=UTF-8''a; title*=UTF-8''b`, []Param{{"title", "a"}}},
		{"first of media, title and type", `</>; type=a; media=b; title=c; title=d; media=e; type=f`,
			[]Param{{"type", "a"}, {"media", "b"}, {"title", "c"}}},
		{"others may repeat", `</>; hreflang=en; hreflang=de; x*=UTF-8''a; x*=UTF-8''b`,
			[]Param{{"hreflang", "en"}, {"hreflang", "de"}, {"x", "a"}, {"x", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			links, err := Parse([]string{tt.in})
			if err != nil || len(links) != 1 {
				t.Fatalf("Parse(%q) = %s, error %v; want one link", tt.in, text(links), err)
			}
			before := text(links)
			if got := links[0].Attributes(); !slices.Equal(got, tt.want) {
				t.Errorf("Attributes() of %s = %q; want %q", tt.in, got, tt.want)
			}
			if after := text(links); after != before {
				t.Errorf("Attributes() changed %s to %s", before, after)
			}
		})
	}
}

func TestLinear(t *testing.T) {
	for _, unit := range []string{"<", "<a", "<a,", "a;", "</>;a*=UTF-8''a;", "title*=UTF-8''a;", "title=a;", `"`, `a="\`, `a="b"`, "a=", " ", ",", "'", `\`} {
		for _, start := range []string{"", "</>; ", `</>; a="`} {
			growth.Linear(t, start, unit, func(value string) int {
				s := scanner{scan.Scanner{Rest: value}}
				for l, ok := s.link(); ok; l, ok = s.link() {
					l.Attributes()
				}
				return s.Looked
			})
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range parseTests {
		f.Add(strings.Join(tt.in, ", "))
	}
	f.Fuzz(func(t *testing.T, in string) {
		links, err := Parse([]string{in})
		if err != nil {
			if len(in) <= MaxBytes && len(links) < MaxLinks {
				t.Errorf("Parse(%q) = %v within the limits", in, err)
			}
			return
		}
		var again []string
		for _, l := range links {
			l.Attributes()
			l.Rels()
			field := written(l)
			got, err := Parse([]string{field})
			if want := text([]Link{l}); text(got) != want || err != nil {
				t.Fatalf("Parse(%q) = %s, error %v; want %s", field, text(got), err, want)
			}
			again = append(again, field)
		}
		joined := strings.Join(again, ", ")
		if got, err := Parse([]string{joined}); err == nil && text(got) != text(links) {
			t.Errorf("Parse(%q) = %s; want %s", joined, text(got), text(links))
		}
	})
}

// written gives a link back the form of a field value.
func written(l Link) string {
	var b strings.Builder
	b.WriteString("<" + l.URL + ">")
	for _, p := range l.Params {
		b.WriteString(`; ` + p.Name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Value) + `"`)
	}
	return b.String()
}
