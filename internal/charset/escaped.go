package charset

import "bytes"

// escaped returns the encoding of seven bits that a text in ASCII is in by its
// escape sequences, or "".
func escaped(b []byte) string {
	switch {
	case !isASCII(b):
		return ""
	case isISO2022JP(b):
		return "iso-2022-jp"
	case bytes.Contains(b, []byte(designation)) && bytes.IndexByte(b, 0x0e) > 0:
		return "x-iso-2022-kr"
	case isHZ(b):
		return "x-hz-gb-2312"
	}
	return ""
}

// isISO2022JP reports whether b has the escape sequences of RFC 1468 or those
// for half-width katakana and JIS X 0212. Without them the text is ASCII.
func isISO2022JP(b []byte) bool {
	for _, escape := range [...]string{"\x1b$@", "\x1b$B", "\x1b$(D", "\x1b(I", "\x1b(J"} {
		if bytes.Contains(b, []byte(escape)) {
			return true
		}
	}
	return false
}

// hzEnough is how many characters of Chinese, and on average how common ones,
// show that a text is in HZ (RFC 1843). Its escapes are printable, and a text in
// ASCII may have them by chance, or from someone who wants to hide the rest.
const (
	hzEnough = 6
	hzCommon = 9
)

// isHZ reports whether all that is between escapes of HZ in b is common
// Chinese, and enough of it.
func isHZ(b []byte) bool {
	common := commonCodes()[hzIndex]
	n, cost := 0, 0.0
	for {
		_, rest, ok := bytes.Cut(b, []byte("~{"))
		if !ok {
			break
		}
		// The last may be cut.
		part, after, closed := bytes.Cut(rest, []byte("~}"))
		if closed && len(part)%2 != 0 {
			return false
		}
		for ; len(part) > 1; part = part[2:] {
			if part[0] < '!' || part[0] > 'w' || part[1] < '!' || part[1] > '~' {
				return false
			}
			c, ok := common[charCode(part[0]|0x80)<<8|charCode(part[1]|0x80)]
			if !ok {
				c = costLevel2
			}
			n++
			cost += c
		}
		b = after
	}
	return n >= hzEnough && cost <= hzCommon*float64(n)
}
