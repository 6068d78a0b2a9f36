package requests

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxURL bounds a URL in bytes; longer ones are no addresses but attacks on
// whoever parses them next (CVE-2025-61726).
const maxURL = 64 << 10

// parseURL reads raw, an absolute URL as a person or a program writes it, into
// one that can be sent: what is illegal in a component is escaped, escapes of
// unreserved characters are undone, dot segments are removed and the host is
// brought to the one ASCII form that everything after this sees (RFC 3986,
// section 6.2.2). The userinfo is returned apart and leaves the URL, so that no
// later step can send or print it.
//
// Requests does the same in two passes over the text; it differs where one bad
// "%" makes it escape every other one, and where an escaped dot segment
// survives (psf/requests#3077).
func parseURL(raw string) (*url.URL, *url.Userinfo, error) {
	if len(raw) > maxURL {
		return nil, nil, failText(ErrInvalidURL, "longer than "+strconv.Itoa(maxURL)+" bytes")
	}
	s := strings.TrimLeft(raw, " \t\r\n")
	if hasControl(s) { // CVE-2019-9740
		return nil, nil, failText(ErrInvalidURL, "control character in it")
	}
	scheme, rest, err := cutScheme(s)
	if err != nil {
		return nil, nil, err
	}
	u := &url.URL{Scheme: scheme}
	if !strings.HasPrefix(rest, "//") {
		if isHTTP(scheme) {
			return nil, nil, failText(ErrInvalidURL, "no host supplied")
		}
		u.Opaque = rest // mailto:, data:, as they came
		return u, nil, nil
	}
	end := strings.IndexAny(rest[2:], `/?#\`)
	if end < 0 {
		end = len(rest) - 2
	}
	authority, rest := rest[2:2+end], rest[2+end:]
	if strings.HasSuffix(authority, ":") && strings.IndexByte(rest, '@') >= 0 {
		// Not an empty port but a password: "user:/password@host".
		return nil, nil, failText(ErrInvalidURL, `an "@" after an empty port; "/", "?" and "#" in a password are written %2F, %3F and %23`)
	}
	if strings.HasPrefix(rest, `\`) { // some parsers take it for "/", some for userinfo: CVE-2016-8624
		return nil, nil, failText(ErrInvalidURL, `"\" ends the host`)
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

// resolveURL reads ref, relative to base if there is one. What comes out lies
// below base, whatever ref says.
func resolveURL(base, ref string) (*url.URL, *url.Userinfo, error) {
	if base == "" {
		return parseURL(ref)
	}
	b, user, err := parseURL(base)
	if err != nil {
		return nil, nil, fail(err, errors.New("as BaseURL"))
	}
	if i := strings.IndexByte(ref, ':'); i > 0 && isScheme(ref[:i]) || strings.HasPrefix(ref, "//") {
		u, own, err := parseURL(ref)
		if err != nil {
			return nil, nil, err
		}
		if !below(b, u) {
			return nil, nil, failText(ErrInvalidURL, "it does not lie below BaseURL")
		}
		if own == nil {
			own = user
		}
		return u, own, nil
	}
	u, err := appendReference(b, ref)
	return u, user, err
}

// appendReference puts a relative reference behind the path of base.
func appendReference(base *url.URL, ref string) (*url.URL, error) {
	if len(ref) > maxURL || hasControl(ref) {
		return nil, failText(ErrInvalidURL, "it is too long or has a control character")
	}
	ref, fragment, _ := strings.Cut(ref, "#")
	path, query, _ := strings.Cut(ref, "?")
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	dir := base.EscapedPath()
	if path == "" {
		setPath(u, dir)
	} else {
		dir = strings.TrimSuffix(dir, "/") + "/"
		setPath(u, dir+strings.TrimLeft(path, "/"))
		if climbs(path) || !strings.HasPrefix(u.EscapedPath(), dir) {
			return nil, failText(ErrInvalidURL, "it does not lie below BaseURL")
		}
	}
	u.RawQuery = joinQuery(base.RawQuery, requote(query, legalQuery))
	setFragment(u, fragment)
	return u, nil
}

// climbs reports whether a relative path leaves its directory on the way.
func climbs(path string) bool {
	depth := 0
	for s := range strings.SplitSeq(requote(strings.TrimLeft(path, "/"), legalPath), "/") {
		switch s {
		case "..":
			if depth--; depth < 0 {
				return true
			}
		case "", ".":
		default:
			depth++
		}
	}
	return false
}

// below reports whether u is base or lies under it.
func below(base, u *url.URL) bool {
	if base.Scheme != u.Scheme || hostname(base) != hostname(u) || port(base) != port(u) {
		return false
	}
	dir := strings.TrimSuffix(base.EscapedPath(), "/")
	path := u.EscapedPath()
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// joinQuery puts one query behind another.
func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// isHTTP reports whether the scheme is sent over a network by [HTTPAdapter].
func isHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// cutScheme splits s after its scheme. "localhost:8080" has none, though it
// looks like one: what follows the colon of a scheme is not a port.
func cutScheme(s string) (scheme, rest string, err error) {
	i := strings.IndexByte(s, ':')
	if i < 0 || !isScheme(s[:i]) || startsWithPort(s[i+1:]) || strings.ContainsRune(s[:i], '.') && !strings.HasPrefix(s[i:], "://") {
		return "", "", missingScheme(s)
	}
	return strings.ToLower(s[:i]), s[i+1:], nil
}

func missingScheme(s string) error {
	if s == "" || strings.ContainsAny(s[:1], "/?#") {
		return failText(ErrMissingScheme, "the URL has no scheme and no host")
	}
	return failText(ErrMissingScheme, "perhaps https:// belongs before it")
}

// isScheme reports whether s is one by RFC 3986, section 3.1.
func isScheme(s string) bool {
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
	if isHTTP(u.Scheme) {
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

// opaqueHost unescapes the host of a scheme that only its own adapter knows,
// such as http+unix://%2Frun%2Fa.sock; [url.URL.String] escapes it again.
func opaqueHost(host string) (string, error) {
	name, err := url.PathUnescape(host)
	if err != nil || hasControl(name) {
		return "", failText(ErrInvalidURL, "malformed host")
	}
	return name, nil
}

// parseUserinfo reads "user:password". More than one "@" is refused, since
// parsers disagree about which of them ends the userinfo.
func parseUserinfo(s string) (*url.Userinfo, error) {
	if strings.IndexByte(s, '@') >= 0 {
		return nil, failText(ErrInvalidURL, `more than one "@" before the host`)
	}
	name, password, has := strings.Cut(s, ":")
	name, err1 := url.PathUnescape(requote(name, legalUserinfo))
	password, err2 := url.PathUnescape(requote(password, legalUserinfo))
	if err1 != nil || err2 != nil || hasControl(name) || hasControl(password) {
		return nil, failText(ErrInvalidURL, "malformed userinfo")
	}
	if has {
		return url.UserPassword(name, password), nil
	}
	return url.User(name), nil
}

// splitPort cuts the port from an authority without userinfo. It may be empty,
// for the default one, and have zeros before it, which are left out (RFC 3986,
// section 3.2.3). What is no port may be half of a password with an unescaped
// "/", "?" or "#", so that the error does not quote it.
func splitPort(s string) (host, port string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, "", nil
	}
	host, port = s[:i], s[i+1:]
	if port == "" {
		return host, "", nil
	}
	digits := strings.Trim(port, "0123456789") == ""
	port = strings.TrimLeft(port, "0")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !digits {
		return "", "", failText(ErrInvalidURL, "the port is not in 1 to 65535")
	}
	return host, port, nil
}

// lookup maps a host to the ASCII form that is sent, resolved and compared:
// UTS 46 without the transitional forms, as browsers do (CVE-2016-8625).
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.StrictDomainName(false), idna.VerifyDNSLength(false))

// normalizeHost returns the one spelling of host under which it is dialled,
// named to the server, matched and pooled, so that no two of these can see
// different hosts (CVE-2024-45258). Letters, digits, "-" and "_" make a label.
//
// A name whose last label is a number must be an IPv4 address in full. The URL
// Standard takes all of these for addresses, and so finds none in "printer.2";
// what "127.1" or "0x7f.1" means is up to the resolver.
func normalizeHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		return normalizeIPv6(host)
	}
	if host == "" {
		return "", failText(ErrInvalidURL, "no host supplied")
	}
	if isHostname(host) && !strings.Contains(host, "xn--") {
		return host, nil
	}
	if !utf8.ValidString(host) {
		return "", failText(ErrInvalidURL, "the host is not UTF-8")
	}
	ascii := strings.ToLower(host)
	if strings.Contains(ascii, "xn--") || !isASCII(ascii) {
		var err error
		if ascii, err = toASCII(host); err != nil {
			return "", failText(ErrInvalidURL, "the host is not a valid internationalised name")
		}
	}
	if !isHostname(ascii) {
		return "", failText(ErrInvalidURL, badHostname(ascii))
	}
	return ascii, nil
}

// badHostname says why isHostname does not take host for one.
func badHostname(host string) string {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, l := range labels {
		switch {
		case l == "":
			return "the host has an empty label"
		case len(l) > 63:
			return "the host has a label of more than 63 bytes"
		case strings.ContainsFunc(l, func(r rune) bool { return !hostChars.has(byte(r)) }):
			return `the host has a character other than letters, digits, "-" and "_"`
		}
	}
	if len(host) > 253 {
		return "the host has more than 253 bytes"
	}
	return "the host ends in a number, and is no IPv4 address of four decimal numbers"
}

// toASCII applies the lookup to what it gave, too: a letter that is mapped to a
// Hebrew one, such as U+2137, is checked by the bidi rule as it came, and the
// name that it makes would be refused when it comes back in a Location.
func toASCII(host string) (string, error) {
	ascii, err := lookup.ToASCII(host)
	if err == nil {
		ascii, err = lookup.ToASCII(ascii)
	}
	return ascii, err
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isHostname reports whether host is one in lower case: RFC 1123, section 2.1,
// with the underscore that services use and one trailing dot.
func isHostname(host string) bool {
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return false
	}
	start := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case hostChars.has(c):
		case c == '.' && i > start && i-start <= 63:
			start = i + 1
		default:
			return false
		}
	}
	last := name[start:]
	if last == "" || len(last) > 63 {
		return false
	}
	if !isDigit(last[0]) || !isNumber(last) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

// isNumber reports whether a resolver may take label for a number.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// normalizeIPv6 checks a bracketed address and unescapes its zone (RFC 6874).
func normalizeIPv6(host string) (string, error) {
	bad := failText(ErrInvalidURL, "malformed IPv6 address")
	inner, ok := strings.CutSuffix(host[1:], "]")
	if !ok {
		return "", bad
	}
	inner, zone, hasZone := strings.Cut(inner, "%")
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() {
		return "", bad
	}
	inner = strings.ToLower(inner)
	if !hasZone {
		return "[" + inner + "]", nil
	}
	zone, ok = strings.CutPrefix(zone, "25")
	if !ok || zone == "" || strings.ContainsFunc(zone, func(r rune) bool { return r >= utf8.RuneSelf || !legalZone.has(byte(r)) }) {
		return "", bad
	}
	return "[" + inner + "%" + zone + "]", nil
}

// setPath sets both forms of the path, so that [url.URL.EscapedPath], which is
// what goes out, is path as prepared to the byte.
func setPath(u *url.URL, path string) {
	path = removeDotSegments(requote(path, legalPath))
	if path == "" && isHTTP(u.Scheme) {
		path = "/"
	}
	u.Path, u.RawPath = path, ""
	for i := 0; i < len(path); i++ {
		if !sameInURL.has(path[i]) {
			u.RawPath = path
			u.Path, _ = url.PathUnescape(path) // requote leaves no bad escape
			return
		}
	}
}

func setFragment(u *url.URL, fragment string) {
	if fragment == "" {
		return
	}
	u.RawFragment = requote(fragment, legalQuery)
	u.Fragment, _ = url.PathUnescape(u.RawFragment)
}

// removeDotSegments applies RFC 3986, section 5.2.4, to an absolute path.
func removeDotSegments(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path, "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == ".." && len(out) > 1:
			out = out[:len(out)-1]
		case s == "." || s == "..":
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
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
