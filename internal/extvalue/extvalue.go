// Package extvalue decodes the extended values of RFC 8187, by which a header
// parameter such as filename* or title* carries text beyond ASCII.
package extvalue

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// Decode returns the text of an extended value such as UTF-8'en'%E2%82%AC.
// It reports false, and the parameter is to be treated as absent, if the value
// does not have the three parts, a percent sign starts no escape, a byte is not
// printable ASCII, the charset is neither UTF-8 nor ISO-8859-1, or the bytes
// are not of that charset. The language is not looked at.
//
// RFC 8187 asks for UTF-8 alone; ISO-8859-1 was in RFC 5987 and is still sent,
// as is the misspelling UTF8. Characters that should have been escaped, such as
// a space, are taken as they are.
func Decode(value string) (string, bool) {
	charset, rest, _ := strings.Cut(value, "'")
	_, chars, ok := strings.Cut(rest, "'")
	if !ok || strings.ContainsFunc(value, notPrintableASCII) {
		return "", false
	}
	text, err := url.PathUnescape(chars)
	if err != nil {
		return "", false
	}
	switch strings.ToUpper(charset) {
	case "UTF-8", "UTF8":
		if utf8.ValidString(text) {
			return text, true
		}
	case "ISO-8859-1":
		return FromLatin1(text), true
	}
	return "", false
}

func notPrintableASCII(r rune) bool { return r < ' ' || r > '~' }

// FromLatin1 returns s, which is in ISO-8859-1, in UTF-8. Each byte there is
// the number of a character.
func FromLatin1(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
