package cookie

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// An Origin is the part of a request's URL that matters to cookies. The port
// does not (section 8.5).
type Origin struct {
	Host   string // canonical
	IP     bool   // Host is an address, no part of which is a domain
	Secure bool   // nobody else can read or change what is sent
	url    *url.URL
	suffix string // see publicSuffix
}

// OriginOf returns the origin of u, and false if u is nil or names no host that
// can have cookies; Host is then empty.
func OriginOf(u *url.URL) (Origin, bool) {
	if u == nil {
		return Origin{url: new(url.URL)}, false
	}
	host, ok := canonicalHost(u.Hostname())
	if !ok {
		return Origin{url: u}, false
	}
	ip := isIP(host)
	secure := u.Scheme == "https" || u.Scheme == "wss" || isLoopback(host, ip)
	return Origin{Host: host, IP: ip, Secure: secure, url: u}, true
}

// path returns the path that cookies are matched with: as it is sent, that is
// percent-encoded.
func (o *Origin) path() string {
	if p := o.url.EscapedPath(); strings.HasPrefix(p, "/") {
		return p
	}
	return "/"
}

// defaultPath is the path of a cookie that names none (section 5.1.4).
func (o *Origin) defaultPath() string {
	p := o.path()
	return p[:max(1, strings.LastIndexByte(p, '/'))]
}

// publicSuffix is the part of a name under which anybody may register. A cookie
// for all of it, or for more, would reach strangers.
func (o *Origin) publicSuffix() string {
	if o.suffix == "" {
		o.suffix, _ = publicsuffix.PublicSuffix(o.Host)
	}
	return o.suffix
}

// pathMatch reports whether a cookie of this path goes to a request for the
// path request (section 5.1.4).
func pathMatch(request, cookie string) bool {
	return strings.HasPrefix(request, cookie) &&
		(len(request) == len(cookie) || cookie[len(cookie)-1] == '/' || request[len(cookie)] == '/')
}

// domainMatch reports whether host is domain or, not being an address, lies
// within it (section 5.1.3). Both are canonical.
func domainMatch(host, domain string) bool {
	n := len(host) - len(domain)
	return n == 0 && host == domain ||
		n > 0 && host[n-1] == '.' && host[n:] == domain && !isIP(host)
}

// hostNames maps names as browsers do (UTS 46, not transitional), and keeps
// underscores, which strict rules forbid and many hosts use.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// CanonicalDomain brings a domain that a program gives into the form that the
// store uses. It reports false if it is not a domain.
func CanonicalDomain(domain string) (string, bool) {
	return canonicalHost(strings.TrimPrefix(domain, "."))
}

// canonicalHost brings a host into the one form in which hosts are compared
// (section 5.1.2): ASCII, lower case, without a trailing dot. A host that has
// this form already costs no allocation.
func canonicalHost(host string) (string, bool) {
	if !isASCII(host) {
		ascii, err := hostNames.ToASCII(host)
		if err != nil || !utf8.ValidString(host) { // ToASCII would turn it into U+FFFD
			return "", false
		}
		host = ascii
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"#,/;<>?@[\]^{|}`, c) >= 0 {
			return "", false
		}
	}
	ok := host != "" && host[0] != '.' && host[len(host)-1] != '.' && !strings.Contains(host, "..")
	return host, ok
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isIP reports whether a canonical host is an address: it has a colon, or its
// last label is a number, which no name has (WHATWG URL, section 3.6).
func isIP(host string) bool {
	if strings.IndexByte(host, ':') >= 0 {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || last[0] < '0' || last[0] > '9' {
		return false
	}
	digits, isDigit := last, func(r rune) bool { return '0' <= r && r <= '9' }
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		digits = hex
		isDigit = func(r rune) bool { return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' }
	}
	return strings.TrimFunc(digits, isDigit) == ""
}

// isLoopback reports whether host can only be this machine. Browsers and curl
// let such hosts use Secure cookies over http (Secure Contexts, section 3.1).
func isLoopback(host string, ip bool) bool {
	if ip {
		return host == "::1" || strings.HasPrefix(host, "127.")
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isPublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}
