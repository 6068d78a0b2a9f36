package uri

import (
	"net/url"
	"strings"
)

// Hostname returns the host of u without its port and without a trailing dot.
func Hostname(u *url.URL) string { return strings.TrimSuffix(u.Hostname(), ".") }

// Port returns the port of u, or the default port of its scheme. It is "" if
// the scheme has none.
func Port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch u.Scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// Origin returns the origin of u as RFC 6454, section 6.2, writes it: the
// scheme, the host, and the port unless it is the default. It is "" for nil.
func Origin(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Scheme + "://" + withoutDefaultPort(u)
}

func withoutDefaultPort(u *url.URL) string {
	switch u.Scheme {
	case "http":
		return strings.TrimSuffix(u.Host, ":80")
	case "https":
		return strings.TrimSuffix(u.Host, ":443")
	}
	return u.Host
}

// HostField returns the value of the Host field for u: its host without a
// default port, without a trailing dot (RFC 9110, section 7.2), and without the
// zone of an address, which has a meaning on this machine only (RFC 9844,
// section 4).
func HostField(u *url.URL) string {
	host := withoutZone(withoutDefaultPort(u))
	if i := strings.LastIndexByte(host, '.'); i >= 0 && (i == len(host)-1 || host[i+1] == ':') {
		host = host[:i] + host[i+1:]
	}
	return host
}

// Authority returns the host of u with the port as written, without the zone of
// an address.
func Authority(u *url.URL) string { return withoutZone(u.Host) }

// withoutZone removes the zone from an address, which may have a port.
func withoutZone(host string) string {
	before, after, ok := strings.Cut(host, "%")
	if !ok {
		return host
	}
	_, port, _ := strings.Cut(after, "]")
	return before + "]" + port
}
