package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// A codePage is a single-byte encoding: its 256 characters in order.
type codePage string

const asciiHalf = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f" +
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f"

func (p codePage) NewDecoder() *encoding.Decoder {
	d := new(pageDecoder)
	d.runes, _ = bytesOf(p)
	return &encoding.Decoder{Transformer: d}
}

// bytesOf returns the character of each byte, if every character of c is one
// byte.
func bytesOf(c coding) (runes [256]rune, ok bool) {
	switch c := c.(type) {
	case codePage:
		n := 0
		for _, r := range string(c) {
			runes[n] = r
			n++
		}
		return runes, true
	case *charmap.Charmap:
		for i := range runes {
			runes[i] = c.DecodeByte(byte(i))
		}
		return runes, true
	}
	return runes, false
}

type pageDecoder struct {
	transform.NopResetter
	runes [256]rune
}

func (d *pageDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		r := d.runes[c]
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc++
	}
	return nDst, nSrc, nil
}
