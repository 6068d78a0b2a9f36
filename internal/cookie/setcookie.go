// Package cookie implements the user agent's half of RFC 6265bis
// (draft-ietf-httpbis-rfc6265bis-22, section 5): parsing Set-Cookie, storing
// what it asks for, and choosing what goes into a request, together with the
// two file formats in which cookies are kept. It opens no file and reads no
// clock. Sections named in its comments are those of that draft.
//
// It is written by hand because net/http/cookiejar returns only names and
// values: its jars can be neither listed nor saved.
package cookie

import (
	"strings"
	"time"
)

const (
	maxPair      = 4096 // octets of name and value, section 5.6
	maxAttribute = 1024 // octets of one attribute value, section 5.6
)

// SameSite is the value of that attribute. The zero value stands for a cookie
// without one and for values that are unknown (section 5.6.7).
type SameSite uint8

// The values of SameSite.
const (
	SameSiteDefault SameSite = iota
	SameSiteNone
	SameSiteLax
	SameSiteStrict
)

func (s SameSite) String() string {
	return [...]string{"", "None", "Lax", "Strict"}[s&3]
}

// ParseSameSite finds a value by its name, in any letter case. It must be the
// whole name: "NoneOfYourBusiness" is not None (CVE-2026-11525).
func ParseSameSite(name string) SameSite {
	for s := SameSiteNone; s <= SameSiteStrict; s++ {
		if equalFold(name, s.String()) {
			return s
		}
	}
	return SameSiteDefault
}

// A Received is what one Set-Cookie field asks for, before it is judged
// against the host that sent it.
type Received struct {
	Name, Value string
	Domain      string // in lower case, without a leading dot; "" for none
	Path        string // "" for the default path
	Expires     time.Time
	Lifetime    int64 // seconds of Max-Age, bounded, if HasLifetime
	HasLifetime bool
	Secure      bool
	HTTPOnly    bool
	SameSite    SameSite
}

// Parse reads the value of one Set-Cookie field (section 5.6). It reports false
// for a field that must be ignored as a whole. The strings of r are parts of
// line.
func Parse(line string) (r Received, ok bool) {
	s := scanner{rest: line}
	return s.received()
}

// A scanner cuts a Set-Cookie field, or a date, into its parts.
type scanner struct {
	rest   string
	looked int // bytes looked at so far, a test checks that this is linear
}

// part consumes everything up to the next semicolon, and reports whether there
// is one.
func (s *scanner) part() (part string, more bool) {
	part, after, more := strings.Cut(s.rest, ";")
	s.looked += len(s.rest) - len(after)
	s.rest = after
	return part, more
}

func (s *scanner) received() (r Received, ok bool) {
	line := s.rest
	pair, more := s.part()
	name, value, named := strings.Cut(pair, "=")
	if !named {
		name, value = "", pair
	}
	r.Name, r.Value = trim(name), trim(value)
	if hasControl(line) || !fits(r.Name, r.Value) {
		return Received{}, false
	}
	for more {
		var attribute string
		attribute, more = s.part()
		name, value, _ := strings.Cut(attribute, "=")
		r.Attribute(trim(name), trim(value))
	}
	return r, true
}

// Attribute records one attribute. Unknown and malformed ones are ignored; if
// one is repeated, the last counts.
func (r *Received) Attribute(name, value string) {
	if len(value) > maxAttribute {
		return
	}
	switch {
	case equalFold(name, "Expires"):
		if t, ok := ParseDate(value); ok {
			r.Expires = t
		}
	case equalFold(name, "Max-Age"):
		if seconds, ok := parseLifetime(value); ok {
			r.Lifetime, r.HasLifetime = seconds, true
		}
	case equalFold(name, "Domain"):
		// An empty value takes back an earlier Domain: section 5.6.3. One that
		// is not ASCII matches no host, and lower case must not turn it into
		// one that does.
		r.Domain = strings.TrimPrefix(value, ".")
		if isASCII(r.Domain) {
			r.Domain = strings.ToLower(r.Domain)
		}
	case equalFold(name, "Path"):
		r.Path = ""
		if strings.HasPrefix(value, "/") {
			r.Path = value
		}
	case equalFold(name, "Secure"):
		r.Secure = true
	case equalFold(name, "HttpOnly"):
		r.HTTPOnly = true
	case equalFold(name, "SameSite"):
		r.SameSite = ParseSameSite(value)
	}
}

// WellFormed reports whether a Set-Cookie field can express r. It is for an r
// that was not parsed from a field.
func (r *Received) WellFormed() bool {
	return !strings.Contains(r.Name, "=") && trim(r.Name) == r.Name && trim(r.Value) == r.Value &&
		fits(r.Name, r.Value) && clean(r.Name) && clean(r.Value) && clean(r.Path)
}

// expiry returns when the cookie ends, and the zero time for one that ends with
// the session. Max-Age wins over Expires, whatever their order: section 5.7.
func (r *Received) expiry(now time.Time) time.Time {
	switch {
	case !r.HasLifetime:
		return r.Expires
	case r.Lifetime <= 0:
		return time.Unix(0, 0).UTC()
	}
	// Not now.Add: a Duration ends after 292 years (RUSTSEC-2017-0005).
	return time.Unix(min(now.Unix()+r.Lifetime, lastSecond), 0).UTC()
}

const (
	maxLifetime = 1 << 40      // seconds, far above lastSecond and far below overflow
	lastSecond  = 253402300799 // 9999-12-31 23:59:59, the last that the file formats can express
)

// parseLifetime reads the value of Max-Age (section 5.6.2), which may have any
// number of digits.
func parseLifetime(s string) (seconds int64, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" {
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		seconds = min(seconds*10+int64(c-'0'), maxLifetime)
	}
	if len(digits) < len(s) {
		seconds = -seconds
	}
	return seconds, true
}

func fits(name, value string) bool {
	n := len(name) + len(value)
	return n > 0 && n <= maxPair
}

func trim(s string) string { return strings.Trim(s, " \t") }

// clean reports whether s can be part of a Set-Cookie field without ending it
// or one of its parts.
func clean(s string) bool { return !hasControl(s) && !strings.Contains(s, ";") }

// hasControl reports whether s has a control character other than TAB.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// equalFold ignores the case of ASCII letters only. strings.EqualFold would
// take "ſecure" for "secure".
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != lower(t[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
