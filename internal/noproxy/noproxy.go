// Package noproxy decides which hosts a NO_PROXY list exempts from the proxy.
//
// No standard defines NO_PROXY: curl, Go and Python each read it their own way.
// The rule here is on [List]; docs/no-proxy.md sets it beside theirs.
//
// It is written by hand because golang.org/x/net/http/httpproxy has another
// rule: it exempts localhost and loopback addresses that nobody listed.
package noproxy

import (
	"net/netip"
	"strings"
	"unicode"
)

// A List is a parsed NO_PROXY value: the hosts to reach directly. The zero List
// exempts no host, not even localhost or another loopback address. A List never
// changes, so any number of goroutines may use it.
//
// Entries are separated by commas, white space or both. Letter case does not
// count. An entry is one of
//
//	example.com       the host and every host below it: www.example.com,
//	.example.com      not notexample.com; leading dots make no difference
//	*.example.com     every host below example.com, not example.com
//	192.0.2.1         the address
//	2001:db8::1       the address, in any spelling: [2001:DB8:0::1] too
//	fe80::1%eth0      the address in that zone; without a zone, in every one
//	192.0.2.0/24      the addresses of the range (CIDR, RFC 4632)
//	2001:db8::/32     likewise
//	*                 every host, alone or among other entries
//
// and names and addresses may be followed by :port, which limits them to URLs
// that spell out this port; an IPv6 address then has to be in brackets. An
// entry of any other form, such as 192.0.2.0/33 or name:http, exempts nothing:
// if in doubt, the proxy is used.
//
//   - Domain entries match names only and address entries addresses only.
//     Names are not resolved, so that a range says nothing about a name.
//   - The zone of an address is never compared with a domain: [::1%.example.com]
//     is no host of example.com (CVE-2025-22870).
//   - An IPv4-mapped address is the IPv4 address: ::ffff:192.0.2.1 is 192.0.2.1.
//   - A host with a trailing dot is the same host without it. An entry with a
//     trailing dot names the absolute form alone, as in Python's Requests.
//   - International names are given in ASCII form: xn--bcher-kva.example.
type List struct {
	all       bool
	domains   []domain
	addresses []address
}

// Parse reads a NO_PROXY value. It always returns a List, because a variable
// that other programs share is no reason to fail: an entry that cannot be read
// exempts nothing.
func Parse(value string) List {
	var l List
	for entry := range strings.FieldsFuncSeq(value, isSeparator) {
		if entry == "*" {
			return List{all: true}
		}
		l.add(strings.ToLower(entry))
	}
	return l
}

func isSeparator(r rune) bool { return r == ',' || unicode.IsSpace(r) }

func (l *List) add(entry string) {
	if p, err := netip.ParsePrefix(entry); err == nil {
		l.addresses = append(l.addresses, address{prefix: unmap(p)})
		return
	}
	host, port, ok := splitPort(entry)
	if !ok {
		return
	}
	if ip, zone, ok := parseIP(host); ok {
		l.addresses = append(l.addresses, address{netip.PrefixFrom(ip, ip.BitLen()), zone, port})
		return
	}
	below, wildcard := strings.CutPrefix(host, "*.")
	name := strings.TrimLeft(below, ".")
	if name != "" {
		l.domains = append(l.domains, domain{"." + name, !wildcard, port})
	}
}

// Match reports whether the list exempts host, which is in lower case, in ASCII
// and without brackets, as in a prepared URL. The port is the one that the URL
// spells out, "" if it leaves it to the scheme: a default port is not filled in,
// as in Python's Requests. The empty host of a URL such as file:///x is always
// exempt, as there is nothing to ask a proxy for.
func (l List) Match(host, port string) bool {
	if l.all || host == "" {
		return true
	}
	if ip, zone, ok := parseIP(strings.TrimSuffix(host, ".")); ok {
		for _, a := range l.addresses {
			if a.match(ip, zone, port) {
				return true
			}
		}
		return false
	}
	if strings.ContainsAny(host, ":%") { // a malformed address is not a name
		return false
	}
	for _, d := range l.domains {
		if d.match(host, port) {
			return true
		}
	}
	return false
}

// A domain is an entry that names hosts.
type domain struct {
	suffix string // with a leading dot
	apex   bool   // whether the domain itself is meant too
	port   string // "" for any
}

func (d domain) match(host, port string) bool {
	if !strings.HasSuffix(d.suffix, ".") {
		host = strings.TrimSuffix(host, ".")
	}
	return (strings.HasSuffix(host, d.suffix) || d.apex && host == d.suffix[1:]) &&
		(d.port == "" || d.port == port)
}

// An address is an entry that names one address or a range of them.
type address struct {
	prefix netip.Prefix
	zone   string // "" for any
	port   string // "" for any
}

func (a address) match(ip netip.Addr, zone, port string) bool {
	return a.prefix.Contains(ip) && (a.zone == "" || a.zone == zone) && (a.port == "" || a.port == port)
}

// parseIP parses an IP address without brackets. It returns the zone
// separately, because netip.Prefix.Contains is false for every address with a
// zone.
func parseIP(host string) (ip netip.Addr, zone string, ok bool) {
	if !strings.Contains(host, ":") && strings.Trim(host, ".0123456789") != "" {
		return netip.Addr{}, "", false // a name; netip would allocate an error to say so
	}
	host, zone, _ = strings.Cut(host, "%")
	ip, err := netip.ParseAddr(host)
	return ip.Unmap(), zone, err == nil
}

// unmap turns a range of IPv4-mapped addresses into the one of IPv4 addresses.
func unmap(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits of ::ffff:0:0/96, RFC 4291, section 2.5.5.2
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

// splitPort splits an entry into host and port and removes the brackets of an
// IPv6 address. An address without brackets has no port: all of ::1:80 is the
// address.
func splitPort(entry string) (host, port string, ok bool) {
	if inner, bracketed := strings.CutPrefix(entry, "["); bracketed {
		host, port, ok = strings.Cut(inner, "]")
		if !ok || !strings.Contains(host, ":") {
			return "", "", false
		}
		if port == "" {
			return host, "", true
		}
		port, ok = strings.CutPrefix(port, ":")
		return host, port, ok && isPort(port)
	}
	if strings.Count(entry, ":") != 1 {
		return entry, "", true
	}
	host, port, _ = strings.Cut(entry, ":")
	return host, port, isPort(port)
}

func isPort(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
