package uri

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/fault"
)

// setPath sets both forms of the path, so that [url.URL.EscapedPath], which is
// what is sent, returns the prepared path byte for byte.
func setPath(u *url.URL, path string) {
	path = removeDotSegments(requote(path, legalPath))
	if path == "" && IsHTTP(u.Scheme) {
		path = "/"
	}
	u.Path, u.RawPath = path, ""
	if !sameInURL.all(path) {
		u.RawPath = path
		u.Path, _ = url.PathUnescape(path) // requote leaves no bad escape
	}
}

func setFragment(u *url.URL, fragment string) {
	if fragment == "" {
		return
	}
	u.RawFragment = requote(fragment, legalQuery)
	u.Fragment, _ = url.PathUnescape(u.RawFragment)
}

// A byteSet is a set of ASCII characters.
type byteSet [2]uint64

func bytesOf(s string) (b byteSet) {
	for i := 0; i < len(s); i++ {
		b[s[i]>>6] |= 1 << (s[i] & 63)
	}
	return b
}

func (b *byteSet) has(c byte) bool { return c < utf8.RuneSelf && b[c>>6]&(1<<(c&63)) != 0 }

// all reports whether s has no other bytes.
func (b *byteSet) all(s string) bool {
	for i := 0; i < len(s); i++ {
		if !b.has(s[i]) {
			return false
		}
	}
	return true
}

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	unreserved   = alphanumeric + "-._~" // RFC 3986, section 2.3
	subDelims    = "!$&'()*+,;="         // section 2.2
	pathChars    = unreserved + subDelims + ":@/"
)

var (
	isUnreserved  = bytesOf(unreserved)
	legalUserinfo = bytesOf(unreserved + subDelims + ":")
	legalPath     = bytesOf(pathChars)
	legalQuery    = bytesOf(pathChars + "?")
	legalZone     = bytesOf(unreserved)
	hostChars     = bytesOf("abcdefghijklmnopqrstuvwxyz0123456789-_")
	decimal       = bytesOf("0123456789")
	hexadecimal   = bytesOf("0123456789abcdef")
	afterHost     = bytesOf(`/?#\`)                   // "\" for some parsers
	sameInURL     = bytesOf(unreserved + "$&+,/:;=@") // what net/url leaves alone in a path of its own making
)

const upperHex = "0123456789ABCDEF"

// requote returns s with every byte outside legal escaped, escapes written in
// capitals, and those of unreserved characters undone (RFC 3986, section
// 6.2.2). A "%" that starts no escape becomes "%25".
func requote(s string, legal byteSet) string {
	i := 0
	for i < len(s) && legal.has(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case legal.has(c):
			b.WriteByte(c)
			continue
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
			if isUnreserved.has(c) {
				b.WriteByte(c)
				continue
			}
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// EscapeForm writes s to b in the form encoding of the URL Standard, except
// that it leaves "~" and escapes "*", as Requests and RFC 3986 do.
func EscapeForm(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isUnreserved.has(c):
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
}

// AddQuery appends two queries to that of u: raw, as a person writes it, and
// encoded, which is escaped already. A fragment in raw is used if u has none.
func AddQuery(u *url.URL, raw, encoded string) error {
	if len(raw) > maxLength || hasControl(raw) {
		return fault.Text(fault.InvalidOption, "the raw query is too long or has a control character")
	}
	query, fragment, _ := strings.Cut(raw, "#")
	if u.Fragment == "" {
		setFragment(u, fragment)
	}
	u.RawQuery = joinQuery(joinQuery(u.RawQuery, requote(query, legalQuery)), encoded)
	if u.Opaque != "" && u.RawQuery != "" {
		return fault.Text(fault.InvalidOption, "a URL of the scheme "+u.Scheme+" takes no query")
	}
	return nil
}

// joinQuery appends one query to another.
func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}
