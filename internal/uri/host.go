package uri

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/go-requests/requests/internal/fault"
)

// splitPort cuts the port from an authority without userinfo. An empty port
// means the default one, and leading zeros are dropped (RFC 3986, section
// 3.2.3). The error does not quote an invalid port, which may be half of a
// password with an unescaped "/", "?" or "#".
func splitPort(s string) (host, port string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, "", nil
	}
	host, port = s[:i], s[i+1:]
	if port == "" {
		return host, "", nil
	}
	digits := decimal.all(port)
	port = strings.TrimLeft(port, "0")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !digits {
		return "", "", fault.Text(fault.InvalidURL, "the port is not in 1 to 65535")
	}
	return host, port, nil
}

// lookup maps a host to the ASCII form that is sent, resolved and compared:
// UTS 46 without the transitional forms, as browsers do (CVE-2016-8625).
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.StrictDomainName(false), idna.VerifyDNSLength(false))

// normalizeHost returns the one spelling of host that is dialled, sent to the
// server, matched and pooled, so that no two of these can see different hosts
// (CVE-2024-45258). A label consists of letters, digits, "-" and "_".
//
// A name whose last label is a number must be an IPv4 address in full. The URL
// Standard takes every such name for an address, so that "printer.2" is invalid
// there; what "127.1" or "0x7f.1" means depends on the resolver.
func normalizeHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		return normalizeIPv6(host)
	}
	if host == "" {
		return "", fault.Text(fault.InvalidURL, "no host supplied")
	}
	if isHostname(host) && !strings.Contains(host, "xn--") {
		return host, nil
	}
	if !utf8.ValidString(host) {
		return "", fault.Text(fault.InvalidURL, "the host is not UTF-8")
	}
	ascii := strings.ToLower(host)
	if strings.Contains(ascii, "xn--") || !isASCII(ascii) {
		var err error
		if ascii, err = toASCII(host); err != nil {
			return "", fault.Text(fault.InvalidURL, "the host is not a valid internationalised name")
		}
	}
	if !isHostname(ascii) {
		return "", fault.Text(fault.InvalidURL, badHostname(ascii))
	}
	return ascii, nil
}

// badHostname says why isHostname refuses host.
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

// CheckHost checks the value of a Host field that a caller gives: it must be
// one host in ASCII with an optional port.
func CheckHost(value string) error {
	host, _, err := splitPort(value)
	if err == nil {
		host, err = normalizeHost(host)
	}
	if err == nil && !strings.HasPrefix(strings.ToLower(value), host) {
		err = fault.Text(fault.InvalidURL, "the host is not in ASCII")
	}
	return err
}

// toASCII applies the lookup twice. A letter that is mapped to a Hebrew one,
// such as U+2137, passes the bidi rule in its original form, but the resulting
// name would be refused when it comes back in a Location.
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

// isHostname reports whether host is a valid hostname in lower case (RFC 1123,
// section 2.1). It allows the underscore, which services use, and one trailing
// dot.
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
		return hexadecimal.all(hex)
	}
	return decimal.all(label)
}

// normalizeIPv6 checks a bracketed address and unescapes its zone (RFC 6874).
func normalizeIPv6(host string) (string, error) {
	bad := fault.Text(fault.InvalidURL, "malformed IPv6 address")
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
