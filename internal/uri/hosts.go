package uri

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// IPv6 parses host, with or without brackets. It is the zero Addr if host is no IPv6 address.
func IPv6(host string) netip.Addr {
	inner, ok := strings.CutPrefix(host, "[")
	if ok {
		inner, ok = strings.CutSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(inner)
	if err != nil || !a.Is6() || !ok && inner != host {
		return netip.Addr{}
	}
	return a
}

// ParseHosts reads a table of addresses for hosts: the keys are host or host:port, the
// values addresses with a port, or without one, which is 0 then.
func ParseHosts(hosts map[string]string) (map[string]netip.AddrPort, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	parsed := make(map[string]netip.AddrPort, len(hosts))
	for key, value := range hosts {
		name, ok := hostKey(key)
		if !ok {
			return nil, errors.New("the key " + quoteShort(key) + " is neither host nor host:port, in lower case and ASCII")
		}
		addr, ok := hostAddress(value)
		if !ok {
			return nil, errors.New("the value " + quoteShort(value) + " is neither an IP address nor one with a port")
		}
		parsed[name] = addr
	}
	return parsed, nil
}

// hostKey is the host of a key, or host:port, as a URL has it.
func hostKey(key string) (string, bool) {
	if ip := IPv6(key); ip.IsValid() {
		return ip.String(), true
	}
	u, user, err := Parse("http://" + key)
	if err != nil || user != nil || u.Host != key || key == "" || strings.HasSuffix(key, ":") {
		return "", false
	}
	if u.Port() == "" {
		return u.Hostname(), true
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), true
}

// hostAddress reads an IP address, IPv6 with or without brackets, and perhaps a
// port, else 0.
func hostAddress(value string) (netip.AddrPort, bool) {
	if addr, err := netip.ParseAddrPort(value); err == nil && addr.Port() != 0 {
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), true
	}
	ip, err := netip.ParseAddr(value)
	if err != nil {
		ip = IPv6(value)
	}
	return netip.AddrPortFrom(ip.Unmap(), 0), ip.IsValid()
}

// quoteShort is the beginning of what the caller has written.
func quoteShort(s string) string { return strconv.Quote(s[:min(len(s), 200)]) }
