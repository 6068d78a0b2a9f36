package redact

import (
	"strings"
	"testing"
	"unicode"

	"github.com/go-requests/requests/internal/growth"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain\ttext, 日本, é, ä": "plain\ttext, 日本, é, ä", "\x1b[31m": `\x1b[31m`, "a\rb\a\x00": `a\rb\a\x00`, "\u009b31m": `\u009b31m`,
		"\u202e": `\u202e`, "\u2028": `\u2028`, "\xff\xc3": `\xff\xc3`, "\ufffd": "\ufffd", `a\n`: `a\n`, "\u00a0\u3000": "\u00a0\u3000",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q; want %q", in, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("\x1b[31m\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Visible(s)
		for _, r := range got {
			if r != '\t' && !unicode.IsGraphic(r) {
				t.Errorf("Visible(%q) = %q, which has %U", s, got, r)
			}
		}
		if Visible(got) != got {
			t.Errorf("Visible(%q) is %q, and then %q", s, got, Visible(got))
		}
	})
}

func TestTextLength(t *testing.T) {
	for in, want := range map[string]struct {
		n  int
		ok bool
	}{
		"": {0, true}, "text": {4, true}, "a\xe6\x97": {1, true}, "日": {3, true}, "a\x00": {1, false}, "a\xff": {1, false}, "\x1b": {1, true},
	} {
		if n, ok := TextLength([]byte(in)); n != want.n || ok != want.ok {
			t.Errorf("TextLength(%q) = %d, %v; want %d, %v", in, n, ok, want.n, want.ok)
		}
	}
}

func TestDepth(t *testing.T) {
	for in, want := range map[string]int{
		"": 0, "{}": 0, "{}\n": 3, "{\n}\n{": 4, "{\"}\\\"\n\":1}\n": 11, "1\n2\n3": 4, "[[\n]\n]": 0, "}\n{\n}\n": 6,
	} {
		var whole, pieces Depth
		whole.Read([]byte(in), 0)
		for i := range len(in) {
			pieces.Read([]byte(in[i:i+1]), i)
		}
		if whole.Line != want || pieces.Line != want {
			t.Errorf("%q: the line ends at %d or %d; want %d", in, whole.Line, pieces.Line, want)
		}
	}
}

func TestShowLinear(t *testing.T) {
	for _, unit := range []string{"a", "\x1b", "\xff", "\n", "{", "日"} {
		growth.Linear(t, "", unit, func(text string) int {
			Visible(text)
			TextLength([]byte(text))
			new(Depth).Read([]byte(text), 0)
			return strings.Count(text, unit)
		})
	}
}
