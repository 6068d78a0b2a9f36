// Package uri turns URLs as people and programs write them into URLs that can
// be sent. Each place has one spelling, so that dialling, the Host field,
// comparisons and the scope of secrets all see the same host (RFC 3986, with
// hosts by UTS 46 and userinfo that leaves the URL). It resolves references,
// joins them to a base that they may not leave, and escapes queries and forms.
//
// It uses only the type of [net/url]: the parser there accepts text that a
// server would read as another URL, and keeps bytes that may not be sent. It
// knows nothing of requests and connections. Errors have a kind of package
// fault. They never quote a URL that cannot be read, since any part of it may
// be a password.
package uri

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// maxLength bounds a URL in bytes; longer ones are attacks on whoever parses
// them next (CVE-2025-61726).
const maxLength = 64 << 10

// Parse turns raw, an absolute URL as a person or a program writes it, into one
// that can be sent. It escapes what is illegal in a component, undoes escapes
// of unreserved characters, removes dot segments, and puts the host into the
// one ASCII form that everything after this sees (RFC 3986, section 6.2.2). The
// userinfo is returned separately and removed from the URL, so that no later
// step can send or print it.
//
// Requests does the same in two passes over the text; there, one bad "%" makes
// it escape all the others, and an escaped dot segment survives
// (psf/requests#3077).
func Parse(raw string) (*url.URL, *url.Userinfo, error) {
	if len(raw) > maxLength {
		return nil, nil, fault.Text(fault.InvalidURL, "longer than "+strconv.Itoa(maxLength)+" bytes")
	}
	s := strings.TrimLeft(raw, " \t\r\n")
	if hasControl(s) { // CVE-2019-9740
		return nil, nil, fault.Text(fault.InvalidURL, "control character in it")
	}
	scheme, rest, err := cutScheme(s)
	if err != nil {
		return nil, nil, err
	}
	u := &url.URL{Scheme: scheme}
	if !strings.HasPrefix(rest, "//") {
		if IsHTTP(scheme) {
			return nil, nil, fault.Text(fault.InvalidURL, "no host supplied")
		}
		u.Opaque = rest // mailto:, data:, as they came
		return u, nil, nil
	}
	end := len("//")
	for end < len(rest) && !afterHost.has(rest[end]) {
		end++
	}
	authority, rest := rest[len("//"):end], rest[end:]
	if strings.HasSuffix(authority, ":") && strings.IndexByte(rest, '@') >= 0 {
		// Not an empty port but a password: "user:/password@host".
		return nil, nil, fault.Text(fault.InvalidURL, `an "@" after an empty port; "/", "?" and "#" in a password are written %2F, %3F and %23`)
	}
	if strings.HasPrefix(rest, `\`) { // some parsers take it for "/", some for userinfo: CVE-2016-8624
		return nil, nil, fault.Text(fault.InvalidURL, `"\" ends the host`)
	}
	info, err := setAuthority(u, authority)
	if err != nil {
		return nil, nil, err
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	path, query, _ := strings.Cut(rest, "?")
	setPath(u, path)
	u.RawQuery = requote(query, legalQuery)
	setFragment(u, fragment)
	return u, info, nil
}

// IsHTTP reports whether scheme, in lower case, is http or https.
func IsHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

// cutScheme splits s after its scheme. "localhost:8080" has none, though it
// looks like one: what follows the colon of a scheme is not a port.
func cutScheme(s string) (scheme, rest string, err error) {
	i := strings.IndexByte(s, ':')
	if i < 0 || !IsScheme(s[:i]) || startsWithPort(s[i+1:]) || strings.ContainsRune(s[:i], '.') && !strings.HasPrefix(s[i:], "://") {
		return "", "", missingScheme(s)
	}
	return strings.ToLower(s[:i]), s[i+1:], nil
}

func missingScheme(s string) error {
	if strings.HasPrefix(s, "//") {
		return fault.Text(fault.MissingScheme, "perhaps https: belongs before it")
	}
	if s == "" || strings.ContainsAny(s[:1], "/?#") {
		return fault.Text(fault.MissingScheme, "the URL has no scheme and no host")
	}
	return fault.Text(fault.MissingScheme, "perhaps https:// belongs before it")
}

// IsScheme reports whether s is one by RFC 3986, section 3.1.
func IsScheme(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// startsWithPort reports whether s begins with digits that end where a port does.
func startsWithPort(s string) bool {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i > 0 && (i == len(s) || strings.IndexByte("/?#", s[i]) >= 0)
}

// setAuthority sets the host of u and returns the userinfo.
func setAuthority(u *url.URL, authority string) (*url.Userinfo, error) {
	at := strings.LastIndexByte(authority, '@')
	host := authority[at+1:]
	var info *url.Userinfo
	if at >= 0 {
		var err error
		if info, err = parseUserinfo(authority[:at]); err != nil {
			return nil, err
		}
	}
	host, port, err := splitPort(host)
	if err != nil {
		return nil, err
	}
	if IsHTTP(u.Scheme) {
		host, err = normalizeHost(host)
	} else {
		host, err = opaqueHost(host)
	}
	if err != nil {
		return nil, err
	}
	switch whole := authority[at+1:]; {
	case port == "":
		u.Host = host
	case len(whole) == len(host)+1+len(port) && strings.HasPrefix(whole, host):
		u.Host = whole // as it came: no need to put it together again
	default:
		u.Host = host + ":" + port
	}
	return info, nil
}

// opaqueHost unescapes the host of a scheme that only its adapter understands,
// such as http+unix://%2Frun%2Fa.sock; [url.URL.String] escapes it again.
func opaqueHost(host string) (string, error) {
	name, err := url.PathUnescape(host)
	if err != nil || hasControl(name) {
		return "", fault.Text(fault.InvalidURL, "malformed host")
	}
	return name, nil
}

// parseUserinfo reads "user:password". More than one "@" is refused, since
// parsers disagree about which of them ends the userinfo.
func parseUserinfo(s string) (*url.Userinfo, error) {
	if strings.IndexByte(s, '@') >= 0 {
		return nil, fault.Text(fault.InvalidURL, `more than one "@" before the host`)
	}
	name, password, has := strings.Cut(s, ":")
	name, err1 := url.PathUnescape(requote(name, legalUserinfo))
	password, err2 := url.PathUnescape(requote(password, legalUserinfo))
	if err1 != nil || err2 != nil || hasControl(name) || hasControl(password) {
		return nil, fault.Text(fault.InvalidURL, "malformed userinfo")
	}
	if has {
		return url.UserPassword(name, password), nil
	}
	return url.User(name), nil
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
