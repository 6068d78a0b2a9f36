package redact

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Visible is s so that a terminal shows it and does not obey it.
func Visible(s string) string {
	unseen := func(r rune) bool { return r != '\t' && !strconv.IsGraphic(r) || r == utf8.RuneError }
	if strings.IndexFunc(s, unseen) < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + hex.EncodeToString([]byte(s[:1])))
		case r != utf8.RuneError && unseen(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// TextLength returns the length of the text that b begins with: UTF-8 without NUL. It is ok if nothing follows but perhaps the beginning of a character.
func TextLength(b []byte) (n int, ok bool) {
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			return n, !utf8.FullRune(b[n:])
		}
		if r == 0 {
			return n, false
		}
		n += size
	}
	return n, true
}

// A Depth says up to where a JSON text has complete values.
type Depth struct {
	open    int // objects and arrays
	inText  bool
	escaped bool
	Line    int // how many bytes end in a line behind complete values; for the caller to reset
}

// Read reads p, which stands at offset.
func (d *Depth) Read(p []byte, offset int) {
	for i, c := range p {
		switch {
		case d.escaped:
			d.escaped = false
		case d.inText && c == '\\':
			d.escaped = true
		case c == '"':
			d.inText = !d.inText
		case d.inText:
		case c == '{', c == '[':
			d.open++
		case c == '}', c == ']':
			d.open--
		case c == '\n' && d.open <= 0:
			d.open, d.Line = 0, offset+i+1
		}
	}
}
