package charset

import (
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/mediatype"
)

// maxSample is how much of a text is examined to detect its encoding. All of it
// is examined for UTF-8.
const maxSample = 64 << 10

// maxUntyped is how far to search for a declaration in a body of unknown type:
// as far as browsers search before they begin to parse.
const maxUntyped = 1024

// Detect returns the name of the encoding of b, as [Lookup] does. It is for a
// body whose Content-Type, which may be empty, names no charset. The first of
// these that applies decides:
//
//   - a byte order mark;
//   - what the document declares: HTML in a <meta>, XML in its declaration, and
//     a body without a type in either, should it be such a document;
//   - an unmistakable form of UTF-32 or UTF-16;
//   - the escape sequences of ISO-2022-JP, ISO-2022-KR and HZ;
//   - the blanks of EBCDIC, if the rest is text too;
//   - UTF-8, if b is that, or would be but for a character cut at the end or
//     very few wrong bytes;
//   - the encoding in which b makes the likeliest text in a language it is used
//     for, by which letters follow which, and what symbols stand beside.
//
// The last is a guess, and less reliable for short texts. There is always a
// result: "utf-8" for ASCII and for an empty body, "windows-1252" without
// evidence.
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
	if !valid || hasControls(sample) && isASCII(sample) {
		if name := wide(b); name != "" {
			return name
		}
	}
	if valid {
		if name := escaped(sample); name != "" {
			return name
		}
		return "utf-8"
	}
	if name := ebcdic(b); name != "" {
		return name
	}
	// Markup and scripts may fill the beginning, and say nothing about the
	// encoding.
	first := indexHigh(b, 0)
	if isDamagedUTF8(b[first:min(len(b), first+maxSample)]) {
		return "utf-8"
	}
	return guess(b)
}

// DetectJSON returns the name of the encoding of a JSON text, which is one of
// Unicode's. Its first character is ASCII, so that the positions of NULs tell
// which (RFC 4627, section 3).
func DetectJSON(b []byte) string {
	if mark, _, _ := byteOrderMark(b, nil, true); mark != nil {
		return mark.name
	}
	if len(b) < 2 {
		return "utf-8"
	}
	head := [4]byte{'x', 'x', 'x', 'x'} // missing bytes do not count as NUL
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

// declaration returns the encoding that a document of the given type declares.
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

// hasControls reports whether b has control characters, which are not in text
// but are in the bytes of UTF-16 and UTF-32.
func hasControls(b []byte) bool {
	for _, c := range b {
		if c < '\t' || c > '\r' && c < 0x1b {
			return true
		}
	}
	return false
}

// isDamagedUTF8 reports whether b is not valid UTF-8 but was meant to be: it
// ends within a character, or it has few wrong bytes compared with its valid
// sequences, which do not occur in other encodings by chance.
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
