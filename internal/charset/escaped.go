package charset

import "bytes"

// escaped returns the seven-bit encoding that the escape sequences of an ASCII
// text show, or "".
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

// hzEnough is how many Chinese characters, and how common on average, show that
// a text is in HZ (RFC 1843). Its escapes are printable: an ASCII text may
// contain them by chance, or because someone wants to hide the rest.
const (
	hzEnough = 6
	hzCommon = 9
)

// isHZ reports whether everything between escapes of HZ in b is common Chinese,
// and whether there is enough of it.
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
