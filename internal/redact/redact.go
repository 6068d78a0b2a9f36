// Package redact decides how much of a URL, a field or a body may be shown to
// people, in an error, a log or a printed value. It hides what must be a
// credential because of its place, such as userinfo, or because of its name,
// such as "access_token".
//
// It knows nothing about requests and sessions. It cannot recognise a secret
// that neither its place nor its name gives away, such as a segment of a path.
package redact

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-requests/requests/internal/fault"
)

// Mask stands in for a secret.
const Mask = "***"

// URL is u without its userinfo, and with the secrets in its path, query and
// fragment masked.
func URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	origin := url.URL{Scheme: u.Scheme, Host: u.Host[strings.LastIndexByte(u.Host, '@')+1:]}
	if u.User != nil {
		origin.User = url.User("") // so that an "@" after the host is treated as a possible end of userinfo
	}
	text := origin.String() + u.EscapedPath()
	if u.Opaque != "" {
		text = u.Scheme + ":" + u.Opaque
	}
	if u.RawQuery != "" {
		text += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		text += "#" + u.EscapedFragment()
	}
	return RawURL(text)
}

// RawURL is URL for text that was meant to be a URL but may not be one. If a
// password may contain an unescaped "/", "?", "#" or "@", it masks everything
// that may belong to that password.
func RawURL(raw string) string {
	start := 0
	if before, _, ok := strings.Cut(raw, "//"); ok && isScheme(strings.TrimSpace(before)) {
		start = len(before) + len("//")
	}
	origin, rest := raw[:start], raw[start:]
	at, plain := userinfo(rest)
	if !plain {
		origin += Mask + "@"
	}
	rest = rest[at:]
	end := endOfAuthority(rest)
	if start == 0 && at == 0 { // nothing shows that there is an authority
		end = 0
	}
	return fault.Printable(origin + rest[:end] + pathQueryFragment(rest[end:]))
}

// isScheme reports whether s is a scheme with its colon, or nothing.
func isScheme(s string) bool {
	name, ok := strings.CutSuffix(s, ":")
	return s == "" || ok && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+-.", r)
	})
}

// userinfo returns where the host begins in s, which starts with an authority,
// and whether the grammar of RFC 3986, section 3.2, leaves no doubt about it.
func userinfo(s string) (host int, plain bool) {
	end := endOfAuthority(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 || at >= end && isHostPort(s[:end]) {
		return 0, true
	}
	return at + 1, at < end
}

func endOfAuthority(s string) int {
	if i := strings.IndexAny(s, `/?#\`); i >= 0 {
		return i
	}
	return len(s)
}

// isHostPort reports whether s is a host, perhaps with a port, and cannot be
// the beginning of "user:password". The beginning of "user:1/2@host" can: few
// hosts of a single word have a port, and few paths contain an "@".
func isHostPort(s string) bool {
	host, port, hasPort := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if port, hasPort = strings.CutPrefix(s[i+1:], ":"); i < 0 || port != "" && !hasPort {
			return false
		}
		host = s[:i+1]
	}
	if strings.Contains(host, "@") || hasPort && host != "localhost" && !strings.ContainsAny(host, ".[") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return !hasPort || err == nil && n > 0
}

// pathQueryFragment masks the secrets in what follows an authority.
func pathQueryFragment(s string) string {
	s, fragment, hasFragment := strings.Cut(s, "#")
	path, query, hasQuery := strings.Cut(s, "?")
	s = Path(path)
	if hasQuery {
		s += "?" + Query(query)
	}
	if hasFragment { // OAuth 2.0 has tokens there (RFC 6749, section 4.2.2)
		s += "#" + Query(fragment)
	}
	return s
}
