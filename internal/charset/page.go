package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A page is a single-byte encoding as the detection sees it.
type page [256]glyph

// A glyph holds what the detection needs to know about a character.
type glyph struct {
	kind   kind
	script script
	high   bool // beyond ASCII
	upper  bool
	lower  bool
	rune   rune
	number letterNumber
	tone   letterNumber // that is written in the same character, if not 0
}

type kind uint8

const (
	symbol kind = iota
	letter
	digit
	space
	wrong // no character, or a control character
	box   // of the lines and areas of DOS
)

type script uint8

const (
	noScript script = iota
	latin
	cyrillic
	greek
	hebrew
	arabic
	thai
)

var scripts = [...]*unicode.RangeTable{
	latin: unicode.Latin, cyrillic: unicode.Cyrillic, greek: unicode.Greek,
	hebrew: unicode.Hebrew, arabic: unicode.Arabic, thai: unicode.Thai,
}

func glyphOf(r rune, numbers map[rune]letterNumber, tones bool) glyph {
	g := glyph{rune: r}
	switch {
	case r == ' ', r == '\t', r == '\n', r == '\r', r == '\f':
		g.kind = space
	case r == utf8.RuneError, r < ' ', r >= 0x7f && r < 0xa0:
		g.kind = wrong
	case r >= '0' && r <= '9':
		g.kind = digit
	case r >= 0x2500 && r < 0x25a0:
		g.kind = box
	case r == 'ª', r == 'º', r == 'µ', r == 'ƒ', r == 'ⁿ', r == '\u0640', r >= 0x2b0 && r < 0x300:
	case unicode.IsLetter(r), unicode.Is(unicode.Mn, r):
		g.kind = letter
	}
	if g.kind != letter {
		return g
	}
	g.upper, g.lower = unicode.IsUpper(r), unicode.IsLower(r)
	if r >= 0xfb50 && r < 0xff00 { // forms of Arabic letters
		r, _ = utf8.DecodeRuneInString(norm.NFKC.String(string(r)))
	}
	for s, table := range scripts {
		if table != nil && unicode.Is(table, r) {
			g.script = script(s)
		}
	}
	g.number = numbers[fold(r)]
	if tones && r >= 0xc0 {
		g.number, g.tone = splitTone(fold(r), numbers)
	}
	return g
}

// splitTone returns the numbers of a Vietnamese letter and of its tone mark, if
// it has one. The model has them separately.
func splitTone(r rune, numbers map[rune]letterNumber) (letter, tone letterNumber) {
	base := ""
	for _, part := range norm.NFD.String(string(r)) {
		switch part {
		case 0x300, 0x301, 0x303, 0x309, 0x323:
			tone = numbers[part]
		default:
			base += string(part)
		}
	}
	if base == "" {
		return tone, 0
	}
	r, _ = utf8.DecodeRuneInString(norm.NFC.String(base))
	return numbers[r], tone
}

// pageOf makes the page of an encoding, of Vietnamese with tones.
func pageOf(name string, tones bool) *page {
	c, _ := find(name)
	runes, _ := bytesOf(c.coding)
	mainframe := runes['@'] != '@'
	p := new(page)
	for i, r := range runes {
		p[i] = glyphOf(r, languages().numbers, tones)
		p[i].high = r >= utf8.RuneSelf || mainframe && strings.ContainsRune(ebcdicVariants, r)
		if r == '\u0085' && mainframe {
			p[i] = glyph{kind: space, rune: '\n'}
		}
	}
	return p
}
