// Package redact says what of a URL, a field or a body may be shown to people: in
// an error, a log or a printed value. It hides what is a credential by its place,
// as userinfo is, or by its name, as in "access_token".
package redact

import (
	"net/url"
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// Mask stands in for a secret.
const Mask = "***"

// URL is u without password and without what looks like a secret in its
// query, for people to read.
func URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	v := *u
	if v.User != nil {
		v.User = url.User(v.User.Username())
	}
	if at := strings.LastIndexByte(v.Opaque, '@'); at >= 0 { // "user:password@host" without a scheme
		v.Opaque = v.Opaque[at+1:]
	}
	v.RawQuery = Query(v.RawQuery)
	return fault.Printable(v.String())
}

// Unparsed is URL for text that is no URL: from "//" to the last "@"
// anything may be a password, since nobody can tell what the caller meant.
func Unparsed(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		start := 0
		if i := strings.Index(raw, "//"); i >= 0 && i < at {
			start = i + 2
		}
		raw = raw[:start] + raw[at+1:]
	}
	rest, fragment, hasFragment := strings.Cut(raw, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery {
		rest += "?" + Query(query)
	}
	if hasFragment {
		rest += "#" + fragment
	}
	return fault.Printable(rest)
}

// Query hides the values of query keys that look like secrets.
func Query(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if key, value, ok := strings.Cut(pair, "="); ok && value != "" && Secret(key) {
			pairs[i] = key + "=" + Mask
		}
	}
	return strings.Join(pairs, "&")
}
