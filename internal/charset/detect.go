package charset

import (
	"bytes"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/mediatype"
)

// maxSample is how much of a text is looked at to find what it is written in.
// Whether it is UTF-8 is asked of the whole.
const maxSample = 64 << 10

// maxUntyped is how far a declaration is looked for in a body of no known
// type: as far as browsers look before they begin to parse.
const maxUntyped = 1024

// Detect returns the name of the encoding that b is in, as [Lookup] has it. It
// is for a body whose Content-Type, which may be empty, names no charset. The
// first of these that is there counts:
//
//   - a byte order mark;
//   - what the document declares: HTML in a <meta>, XML in its declaration, and
//     a body without a type in either, should it be such a document;
//   - the form of UTF-32 and UTF-16, and the escape sequences of ISO-2022-JP;
//   - UTF-8, if b is that, or would be but for a character cut at the end or
//     very few wrong bytes;
//   - the encoding in which b makes the likeliest text in a language it is used
//     for, by how often letters come and how words look.
//
// The last is a guess, and short texts make it worse. There always is a
// result: "utf-8" for ASCII and for nothing, "windows-1252" for want of better.
func Detect(b []byte, contentType string) string {
	if mark, _, _ := byteOrderMark(b, nil, true); mark != nil {
		return mark.name
	}
	sample := b[:min(len(b), maxSample)]
	t, _ := mediatype.Extract(contentType)
	if name := declaration(sample, t.Essence); name != "" {
		return name
	}
	valid := utf8.Valid(b)
	if !valid || hasControls(sample) {
		if name := wide(sample, len(b)); name != "" {
			return name
		}
	}
	switch {
	case isISO2022JP(sample):
		return "iso-2022-jp"
	case valid:
		return "utf-8"
	}
	// Markup and scripts may fill the beginning, and tell nothing.
	first := bytes.IndexFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
	sample = b[first:min(len(b), first+maxSample)]
	if isDamagedUTF8(sample) {
		return "utf-8"
	}
	return guess(sample)
}

// DetectJSON returns the name of the encoding of a JSON text, which is one of
// Unicode's. Its first character is ASCII, so that the place of the NULs tells
// which (RFC 4627, section 3).
func DetectJSON(b []byte) string {
	if mark, _, _ := byteOrderMark(b, nil, true); mark != nil {
		return mark.name
	}
	var head [4]byte
	for i := range head {
		head[i] = 0xff
	}
	copy(head[:], b)
	switch {
	case head[0] == 0 && head[1] == 0:
		return "utf-32be"
	case head[0] == 0:
		return "utf-16be"
	case head[1] == 0 && head[2] == 0 && head[3] == 0:
		return "utf-32le"
	case head[1] == 0:
		return "utf-16le"
	}
	return "utf-8"
}

// declaration returns the encoding that a document of a type declares in itself.
func declaration(sample []byte, essence string) string {
	switch {
	case essence == "":
		return prescan(sample[:min(len(sample), maxUntyped)])
	case essence == "text/html", essence == "application/xhtml+xml":
		return prescan(sample)
	case essence == "text/xml", essence == "application/xml", strings.HasSuffix(essence, "+xml"):
		return xmlEncoding(sample)
	case essence == "application/json", strings.HasSuffix(essence, "+json"):
		if name := DetectJSON(sample); name != "utf-8" {
			return name
		}
	}
	return ""
}

// hasControls reports characters that are in no text, but in the bytes of
// UTF-16 and UTF-32.
func hasControls(b []byte) bool {
	for _, c := range b {
		if c < '\t' || c > '\r' && c < 0x1b {
			return true
		}
	}
	return false
}

// maxWide is how much of a text is tried as UTF-16 and UTF-32.
const maxWide = 4 << 10

// wide returns that of UTF-32 and UTF-16 in which the sample of a body of a
// length reads as text, or "".
func wide(sample []byte, length int) string {
	if length%2 != 0 && bytes.IndexByte(sample, 0) < 0 {
		return ""
	}
	sample = sample[:min(len(sample), maxWide)&^3|len(sample)&2]
	const enough = 0.5
	best, most := "", enough
	for _, name := range [...]string{"utf-32le", "utf-32be", "utf-16le", "utf-16be"} {
		if p := plausibility(sample, name); p > most {
			best, most = name, p
		}
	}
	return best
}

// plausibility returns how much b looks like text in UTF-16 or UTF-32: from 1
// if all characters are common, to far below 0. In the wrong one of them, or
// in bytes that are neither, most are rare, in private use or no characters.
func plausibility(b []byte, name string) float64 {
	c, _ := find(name)
	text, err := c.coding.NewDecoder().Bytes(b)
	if err != nil || len(text) == 0 {
		return 0
	}
	common := commonCharacters()
	sum, n := 0.0, 0
	for _, r := range string(text) {
		n++
		switch {
		case r == utf8.RuneError, r == 0xfeff, unicode.Is(unicode.Co, r):
			sum -= 3
		case r == '\n', r == '\r', r == '\t', r >= ' ' && r <= '~', common[r]:
			sum++
		case unicode.IsControl(r):
			sum -= 3
		case r < 0x1000 && unicode.IsLetter(r): // alphabets
			sum += 0.9
		case r >= 0x2010 && r < 0x2040: // dashes and quotation marks
			sum += 0.7
		case unicode.IsLetter(r):
			sum += 0.3
		case !unicode.IsPrint(r):
			sum -= 2
		default:
			sum -= 0.5
		}
	}
	return sum / float64(n)
}

var commonCharacters = sync.OnceValue(func() map[rune]bool {
	common := make(map[rune]bool)
	for _, characters := range commonest {
		for _, r := range characters {
			common[r] = true
		}
	}
	return common
})

// isISO2022JP reports whether b has the escape sequences of RFC 1468 or those
// for half-width katakana and JIS X 0212. Without them the text is ASCII.
func isISO2022JP(b []byte) bool {
	if !isASCII(b) {
		return false
	}
	for _, escape := range [...]string{"\x1b$@", "\x1b$B", "\x1b$(D", "\x1b(I", "\x1b(J"} {
		if bytes.Contains(b, []byte(escape)) {
			return true
		}
	}
	return false
}

// isDamagedUTF8 reports whether b, which is no valid UTF-8, is meant to be:
// whether it ends within a character, or wrong bytes are few beside the
// sequences that are right, which no other encoding has by chance.
func isDamagedUTF8(b []byte) bool {
	right, wrong := 0, 0
	for utf8.FullRune(b) {
		r, size := utf8.DecodeRune(b)
		if size > 1 {
			right++
		} else if r == utf8.RuneError {
			wrong++
		}
		b = b[size:]
	}
	return right > 0 && wrong*20 <= right
}
