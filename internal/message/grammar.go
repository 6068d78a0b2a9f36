package message

import "strings"

// Kinds of bytes, for class.
const (
	tokenByte  = 1 << iota // of a token (RFC 9110, section 5.6.2)
	valueByte              // of the value of a field: no control character but HTAB (section 5.5)
	hostByte               // of a host and a port (RFC 3986, section 3.2.2)
	targetByte             // of a request target: no control character, no space
	lowerByte              // a lower-case letter
	upperByte              // an upper-case letter
)

// class has a bit for each kind that a byte belongs to.
var class = func() (t [256]uint8) {
	for c := range t {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if c > ' ' && c != 0x7f {
			t[c] |= valueByte | targetByte
		}
		if c == ' ' || c == '\t' {
			t[c] |= valueByte
		}
		if letter || digit || c < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 {
			t[c] |= tokenByte
		}
		if letter || digit || c < 0x80 && strings.IndexByte("-._~%!$&'()*+,;=:[]", byte(c)) >= 0 {
			t[c] |= hostByte
		}
		if c >= 'a' && c <= 'z' {
			t[c] |= lowerByte
		}
		if c >= 'A' && c <= 'Z' {
			t[c] |= upperByte
		}
	}
	return t
}()

// all reports whether every byte of s is of kind.
func all(s string, kind uint8) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

// IsToken reports whether s is a token (RFC 9110, section 5.6.2).
func IsToken(s string) bool { return s != "" && all(s, tokenByte) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim removes optional white space from both ends (RFC 9110, section 5.6.3).
func trim[T string | []byte](s T) T {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// elements calls f with each element of a list until f returns false. The list
// may be spread over several lines. Empty elements are skipped (RFC 9110,
// section 5.6.1).
func elements(values []string, f func(string) bool) {
	for _, v := range values {
		for more := true; more; {
			var e string
			e, v, more = strings.Cut(v, ",")
			if e = trim(e); e != "" && !f(e) {
				return
			}
		}
	}
}

// hasToken reports whether the list has token, in any letter case. Only ASCII
// letters are folded.
func hasToken(values []string, token string) (found bool) {
	elements(values, func(e string) bool {
		found = equalFold(e, token)
		return !found
	})
	return found
}

// equalFold is [strings.EqualFold] for ASCII: U+212A is no k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if class[c]&upperByte != 0 {
		return c + 'a' - 'A'
	}
	return c
}
