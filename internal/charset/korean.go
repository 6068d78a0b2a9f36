package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/transform"
)

// johab is the combining code of KS X 1001:1992, annex 3: a syllable is made of
// the numbers of its letters, five bits each. Its other characters are those of
// KS X 1001, moved.
type johab struct{}

func (johab) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &pairDecoder{isLead: isJohabLead, decode: johabPair}}
}

func isJohabLead(c byte) bool {
	return c >= 0x84 && c <= 0xd3 || c >= 0xd9 && c <= 0xde || c >= 0xe0 && c <= 0xf9
}

// What the five bits of a first, middle and last letter count as: -1 is none
// at all, and 0 for the last that there is no last one.
var (
	johabInitials = [32]int8{-1, -2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
	johabMedials  = [32]int8{-1, -1, -2, 0, 1, 2, 3, 4, -1, -1, 5, 6, 7, 8, 9, 10, -1, -1, 11, 12, 13, 14, 15, 16, -1, -1, 17, 18, 19, 20, -1, -1}
	johabFinals   = [32]int8{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, -1, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, -1, -1}
)

// The letters by themselves, in the order in which syllables count them.
var (
	initialJamo = [...]rune{'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'}
	finalJamo   = [...]rune{0, 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ', 'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'}
)

// johabPair returns the character of two bytes, or U+FFFD.
func johabPair(lead, trail byte) rune {
	if lead < 0xd8 {
		if trail < 0x41 || trail == 0x7f || trail == 0xff || trail == 0x80 {
			return utf8.RuneError
		}
		code := int(lead)<<8 | int(trail)
		initial, medial, final := johabInitials[code>>10&31], johabMedials[code>>5&31], johabFinals[code&31]
		switch {
		case initial == -1 || medial == -1 || final == -1:
			return utf8.RuneError
		case initial >= 0 && medial >= 0:
			return 0xac00 + (rune(initial)*21+rune(medial))*28 + rune(final)
		case initial >= 0 && final == 0:
			return initialJamo[initial]
		case initial == -2 && medial >= 0 && final == 0:
			return 'ㅏ' + rune(medial)
		case initial == -2 && medial == -2 && final > 0:
			return finalJamo[final]
		case initial == -2 && medial == -2:
			return '\u3000'
		}
		return utf8.RuneError
	}
	if trail < 0x31 || trail >= 0x7f && trail < 0x91 || trail == 0xff || lead == 0xda && trail >= 0xa1 && trail <= 0xd3 {
		return utf8.RuneError
	}
	row, cell := 2*(int(lead)-0xd9), int(trail)-0x31
	if lead >= 0xe0 {
		row = 2*int(lead) - 0x197
	}
	if trail >= 0x91 {
		cell = int(trail) - 0x43
	}
	if cell >= 94 {
		row, cell = row+1, cell-94
	}
	return wansung(byte(row+0x21), byte(cell+0x21))
}

// wansung returns the character of a row and a cell of KS X 1001, as ISO 2022
// counts them, or U+FFFD.
func wansung(row, cell byte) rune {
	var text [utf8.UTFMax]byte
	n, _, err := korean.EUCKR.NewDecoder().Transform(text[:], []byte{row | 0x80, cell | 0x80}, true)
	if r, size := utf8.DecodeRune(text[:n]); err == nil && size == n {
		return r
	}
	return utf8.RuneError
}

// iso2022KR is ISO-2022-KR (RFC 1557): in seven bits, SO begins Korean, and SI
// or the end of the line ASCII.
type iso2022KR struct{}

// designation says what SO means. It comes once, before anything Korean.
const designation = "\x1b$)C"

func (iso2022KR) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &iso2022KRDecoder{}}
}

type iso2022KRDecoder struct{ korean bool }

func (d *iso2022KRDecoder) Reset() { d.korean = false }

func (d *iso2022KRDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	const so, si, esc = 0x0e, 0x0f, 0x1b
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		rest, size, r := src[nSrc:], 1, rune(src[nSrc])
		switch c := rest[0]; {
		case c == esc && len(rest) < len(designation) && !atEOF && designation[:len(rest)] == string(rest):
			return nDst, nSrc, transform.ErrShortSrc
		case c == esc && len(rest) >= len(designation) && string(rest[:len(designation)]) == designation:
			nSrc += len(designation)
			continue
		case c == so, c == si:
			d.korean = c == so
			nSrc++
			continue
		case c >= utf8.RuneSelf:
			r = utf8.RuneError
		case c == '\n':
			d.korean = false
		case d.korean && c > ' ' && c < 0x7f && len(rest) == 1 && !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		case d.korean && c > ' ' && c < 0x7f && len(rest) > 1 && rest[1] > ' ' && rest[1] < 0x7f:
			size, r = 2, wansung(c, rest[1])
		case d.korean && c > ' ' && c < 0x7f:
			r = utf8.RuneError
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// A pairDecoder decodes an encoding of ASCII and pairs of bytes. As in the
// Encoding Standard a wrong second byte that is ASCII stands for itself.
type pairDecoder struct {
	transform.NopResetter
	isLead func(byte) bool
	decode func(lead, trail byte) rune
}

func (d *pairDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c, size, r := src[nSrc], 1, rune(src[nSrc])
		switch {
		case c < utf8.RuneSelf:
		case !d.isLead(c):
			r = utf8.RuneError
		case nSrc+1 == len(src) && !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		case nSrc+1 == len(src):
			r = utf8.RuneError
		default:
			size, r = 2, d.decode(c, src[nSrc+1])
			if r == utf8.RuneError && src[nSrc+1] < utf8.RuneSelf {
				size = 1
			}
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}
