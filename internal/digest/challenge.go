package digest

import (
	"strings"

	"github.com/go-requests/requests/internal/scan"
)

// Bounds on the work of the parser. Anyone can send challenges, and parsers of
// other clients took quadratic time or more for long ones (CVE-2020-8492,
// CVE-2021-3733, CVE-2021-21240).
const (
	maxFieldBytes = 16 << 10
	maxChallenges = 16
)

// A Challenge is one challenge of a WWW-Authenticate or Proxy-Authenticate
// field, of any scheme (RFC 9110, section 11.3).
type Challenge struct {
	Scheme  string // as sent; schemes are case-insensitive
	Token68 string // what schemes such as Negotiate send instead of parameters

	params map[string]string // by name in lower case
}

// Param returns the value of the parameter called name, in any letter case,
// and whether the challenge has it.
func (c Challenge) Param(name string) (value string, ok bool) {
	value, ok = c.params[strings.ToLower(name)]
	return value, ok
}

// Parse returns the challenges of all field values, in order. A challenge that
// is malformed or has a parameter twice is left out, because one that cannot be
// understood must not be answered. Also left out are the 17th challenge and all
// after it, and the value that ends beyond 16 KiB and all after it.
func Parse(values []string) []Challenge {
	var all []Challenge
	left := maxFieldBytes
	for _, v := range values {
		if left -= len(v); left < 0 {
			break
		}
		all = appendChallenges(all, v)
	}
	return all
}

// appendChallenges reads one field value:
//
//	WWW-Authenticate = #challenge
//	challenge        = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
//
// Both lists use the comma, so a token begins a challenge unless "=" follows it.
func appendChallenges(all []Challenge, field string) []Challenge {
	sc := scanner{scan.Scanner{Rest: field}}
	for sc.next() && len(all) < maxChallenges {
		if c, ok := sc.challenge(); ok {
			all = append(all, c)
		}
	}
	return all
}

// A scanner reads a field value from left to right. Every method takes time
// linear in what it consumes or, if it only looks ahead, in what is consumed
// next.
type scanner struct{ scan.Scanner }

// next goes to the next element of a list and reports whether there is one. It
// tolerates a missing comma, which in practice is an oversight.
func (sc *scanner) next() bool {
	sc.Skip(" \t,")
	return sc.Rest != ""
}

// skipJunk goes to the next comma, over something that the grammar does not
// allow.
func (sc *scanner) skipJunk() {
	_, after, _ := strings.Cut(sc.Rest, ",")
	sc.Looked += len(sc.Rest) - len(after)
	sc.Rest = after
}

// take consumes the longest prefix whose bytes are all in, and returns it.
func (sc *scanner) take(in func(byte) bool) string {
	n := 0
	for n < len(sc.Rest) && in(sc.Rest[n]) {
		n++
	}
	sc.Looked += 1 + n
	taken := sc.Rest[:n]
	sc.Rest = sc.Rest[n:]
	return taken
}

func (sc *scanner) token() string { return sc.take(isTokenChar) }

// equals consumes an equals sign with the whitespace around it that RFC 9110
// calls bad but requires recipients to accept (section 5.6.3).
func (sc *scanner) equals() bool {
	start := sc.Rest
	sc.Skip(" \t")
	after, ok := strings.CutPrefix(sc.Rest, "=")
	if !ok {
		sc.Rest = start
		return false
	}
	sc.Rest = after
	sc.Skip(" \t")
	return true
}

// token68 consumes what follows the name of a scheme, unless that is a
// parameter.
func (sc *scanner) token68() string {
	start := sc.Rest
	if sc.take(isToken68Char) == "" {
		return ""
	}
	sc.Skip("=")
	token := start[:len(start)-len(sc.Rest)]
	sc.Skip(" \t")
	if sc.Rest != "" && sc.Rest[0] != ',' {
		sc.Rest = start
		return ""
	}
	return token
}

// challenge consumes one challenge, or text that is not one, and reports
// whether it is a well-formed challenge.
func (sc *scanner) challenge() (c Challenge, ok bool) {
	c.Scheme = sc.token()
	if c.Scheme == "" {
		sc.skipJunk()
		return c, false
	}
	sc.Skip(" \t")
	c.Token68 = sc.token68()
	c.params, ok = sc.params()
	return c, ok
}

// params consumes parameters up to the next scheme or the end. It reports false
// if there is something else between them, or if one of them is malformed or
// occurs twice: a name "MUST only occur once" (RFC 9110, section 11.2), and
// nobody can know which of two values the server means.
func (sc *scanner) params() (params map[string]string, ok bool) {
	params, ok = make(map[string]string), true
	for sc.next() {
		start := sc.Rest
		name := sc.token()
		if name == "" {
			ok = false
			sc.skipJunk()
			continue
		}
		if !sc.equals() {
			sc.Rest = start // a scheme
			break
		}
		value, valid := sc.value()
		name = strings.ToLower(name)
		_, twice := params[name]
		params[name] = value
		ok = ok && valid && !twice
	}
	return params, ok
}

// value consumes a quoted-string, or else everything up to a comma or
// whitespace: servers send nonces and lists unquoted, with characters that a
// token cannot have.
func (sc *scanner) value() (value string, ok bool) {
	if strings.HasPrefix(sc.Rest, `"`) {
		return sc.quoted()
	}
	value = sc.take(func(c byte) bool { return c != ',' && c != ' ' && c != '\t' })
	return value, !strings.Contains(value, `"`) && !hasControl(value)
}

// quoted consumes a quoted-string, and tolerates two mistakes of servers.
//
// An unescaped quote inside (nginx writes the realm as configured) does not end
// the string: the closing quote is followed by a comma, a parameter or the end.
// A backslash is an escape only before a quote or a backslash, where senders
// must write one (RFC 9110, section 5.6.4). Elsewhere it stands for itself, as
// in Apache's realm "DOMAIN\user" and in Python's Requests.
func (sc *scanner) quoted() (value string, ok bool) {
	var b strings.Builder
	s := sc.Rest
	for i := 1; i < len(s); i++ {
		sc.Looked++
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case s[i] == '"' && sc.endsValue(s[i+1:]):
			sc.Rest = s[i+1:]
			value = b.String()
			return value, !hasControl(value)
		default:
			b.WriteByte(s[i])
		}
	}
	sc.Rest = ""
	return "", false
}

// endsValue reports whether a value can end where rest begins.
func (sc *scanner) endsValue(rest string) bool {
	ahead := scanner{scan.Scanner{Rest: rest}}
	ahead.Skip(" \t")
	ends := ahead.Rest == "" || ahead.Rest[0] == ',' || ahead.token() != "" && ahead.equals()
	sc.Looked += ahead.Looked
	return ends
}

func isTokenChar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken68Char(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-._~+/", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// hasControl reports whether s has a byte that no field value may have
// (RFC 9110, section 5.5).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
