// Package charset converts text in any encoding of the web to UTF-8, and
// detects the encoding of a text.
//
// It follows the Encoding Standard (encoding.spec.whatwg.org) and supports some
// more encodings that users of Python meet. It does not support UTF-7 and never
// will: that hides markup from filters.
//
// Detection is written by hand because golang.org/x/net/html/charset treats
// everything that is neither declared nor UTF-8 as windows-1252, and the ports
// of Python's chardet ignore declarations.
package charset

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// Lookup returns the name of the encoding for a label, in lower case as in the
// DOM's TextDecoder. It knows the labels of the Encoding Standard, UTF-32, code
// pages of IBM, and Python's names, whatever their case, hyphens and
// underscores.
//
// As in browsers "iso-8859-1" and "us-ascii" mean windows-1252 and "gb2312"
// means gbk: text with these labels is usually in the larger encoding, and
// other text decodes the same in it.
func Lookup(label string) (name string, ok bool) {
	c, ok := find(label)
	if !ok {
		return "", false
	}
	return c.name, true
}

// Decode returns the text b in UTF-8. An unknown label means UTF-8. As in the
// Encoding Standard, a byte order mark wins over the label and is not part of
// the text, and undecodable bytes become U+FFFD, one for each maximal part of a
// sequence.
func Decode(b []byte, label string) string {
	c := labelled(label)
	if mark, n, _ := byteOrderMark(b, c, true); mark != nil {
		c, b = mark, b[n:]
	}
	if runes, ok := bytesOf(c.coding); ok {
		return decodeBytes(b, &runes)
	}
	if c.name == "utf-8" && utf8.Valid(b) {
		return string(b)
	}
	text, err := c.coding.NewDecoder().Bytes(b)
	if err != nil { // decoders of charsets have no errors
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	return string(text)
}

// decodeBytes decodes a single-byte encoding.
func decodeBytes(b []byte, runes *[256]rune) string {
	if isASCII(b) && runes['A'] == 'A' && runes['%'] == '%' { // not EBCDIC, nor cp864
		return string(b)
	}
	var sizes [256]byte
	for i := range runes {
		sizes[i] = byte(utf8.RuneLen(runes[i]))
	}
	size := 0
	for _, c := range b {
		size += int(sizes[c])
	}
	var text strings.Builder
	text.Grow(size)
	for _, c := range b {
		if sizes[c] == 1 {
			text.WriteByte(byte(runes[c]))
		} else {
			text.WriteRune(runes[c])
		}
	}
	return text.String()
}

// NewReader returns a reader of the text in r in UTF-8, decoded as [Decode]
// does. It passes on what r returns at once, except for an incomplete
// character.
func NewReader(r io.Reader, label string) io.Reader {
	return transform.NewReader(r, &decoder{charset: labelled(label)})
}

func isASCII(b []byte) bool { return indexHigh(b, 0) == len(b) }

func labelled(label string) *charset {
	c, ok := find(label)
	if !ok {
		c, _ = find("utf-8")
	}
	return c
}

// A decoder decodes a stream. It chooses the encoding after the first bytes.
type decoder struct {
	*charset
	transform.Transformer
}

func (d *decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if d.Transformer == nil {
		mark, n, undecided := byteOrderMark(src, d.charset, atEOF)
		if undecided {
			return 0, 0, transform.ErrShortSrc
		}
		if mark == nil {
			mark = d.charset
		}
		d.Transformer = mark.coding.NewDecoder()
		nSrc, src = n, src[n:]
	}
	nDst, n, err := d.Transformer.Transform(dst, src, atEOF)
	return nDst, nSrc + n, err
}

func (d *decoder) Reset() { d.Transformer = nil }

// byteOrderMark returns the encoding that the mark at the beginning of b stands
// for and the length of the mark. It is undecided if b is incomplete and may be
// the start of a mark. UTF-32 is recognised only where it is expected:
// elsewhere its mark is that of UTF-16 followed by a NUL.
func byteOrderMark(b []byte, expected *charset, whole bool) (c *charset, n int, undecided bool) {
	for _, m := range [...]struct{ mark, name string }{
		{"\xff\xfe\x00\x00", "utf-32le"},
		{"\x00\x00\xfe\xff", "utf-32be"},
		{"\xef\xbb\xbf", "utf-8"},
		{"\xfe\xff", "utf-16be"},
		{"\xff\xfe", "utf-16le"},
	} {
		if strings.HasPrefix(m.name, "utf-32") && expected != nil && !strings.HasPrefix(expected.name, "utf-32") {
			continue
		}
		if bytes.HasPrefix(b, []byte(m.mark)) {
			c, _ = find(m.name)
			return c, len(m.mark), false
		}
		if !whole && strings.HasPrefix(m.mark, string(b)) {
			return nil, 0, true
		}
	}
	return nil, 0, false
}
