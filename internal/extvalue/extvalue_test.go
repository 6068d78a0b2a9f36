package extvalue

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

var decodeTests = []struct {
	name string
	in   string
	want string
	ok   bool
}{
	{"UTF-8", "UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", "£ and € rates", true}, // RFC 8187, section 3.2.3
	{"language", "iso-8859-1'en'%A3%20rates", "£ rates", true},                  // RFC 5987, section 3.2.2
	{"UTF8", "utf8''%E2%82%AC", "€", true},
	{"mixed case", "Utf-8''x", "x", true},
	{"empty text", "UTF-8''", "", true},
	{"C1 of ISO-8859-1", "ISO-8859-1''%82", "\u0082", true},
	{"decoded once", "UTF-8''A-%2541", "A-%41", true},
	{"plus is a plus", "UTF-8''a+b", "a+b", true},
	{"slashes of a path", "UTF-8''%2e%2e%2f", "../", true},
	{"apostrophe in the text", "UTF-8''it's", "it's", true},
	{"space in the text", "UTF-8''a b", "a b", true},
	{"empty", "", "", false},
	{"no apostrophe", "UTF-8", "", false},
	{"one apostrophe", "UTF-8'x", "", false},
	{"no charset", "''x", "", false},
	{"other charset", "ISO-8859-2''%A4", "", false},
	{"long s in the charset", "i\u017fo-8859-1''x", "", false},
	{"not UTF-8", "UTF-8''%E4", "", false},
	{"surrogate", "UTF-8''%ED%A0%80", "", false},
	{"overlong", "UTF-8''%C0%AE", "", false},
	{"escape cut after a digit", "UTF-8''x%2", "", false},
	{"escape cut after the sign", "UTF-8''x%", "", false},
	{"escape without digits", "UTF-8''f%oo", "", false},
	{"control", "UTF-8''a\tb", "", false},
	{"DEL", "UTF-8''a\x7fb", "", false},
	{"raw UTF-8", "UTF-8''ä", "", false},
	{"raw ISO-8859-1", "ISO-8859-1''\xe4", "", false},
}

func TestDecode(t *testing.T) {
	for _, tt := range decodeTests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := Decode(tt.in); got != tt.want || ok != tt.ok {
				t.Errorf("Decode(%q) = %q, %t; want %q, %t", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range decodeTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, ok := Decode(in)
		if !ok && text != "" {
			t.Errorf("Decode(%q) = %q, false; want no text", in, text)
		}
		if !utf8.ValidString(text) {
			t.Errorf("Decode(%q) = %q, which is not UTF-8", in, text)
		}
		if !ok || strings.HasPrefix(strings.ToUpper(in), "ISO") {
			return
		}
		again := "UTF-8''" + url.PathEscape(text)
		if got, ok := Decode(again); got != text || !ok {
			t.Errorf("Decode(%q) = %q, %t; want %q, true", again, got, ok, text)
		}
	})
}
