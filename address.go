package requests

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/special"
	"github.com/go-requests/requests/internal/uri"
)

// PublicOnly is for [HTTPAdapter].Allow: it refuses the addresses that are not
// of the public Internet, so that a server which fetches URLs for others cannot
// be sent to itself, to its network or to the metadata of its cloud. These are
// loopback, private, link-local, unique-local, shared, multicast, unspecified,
// broadcast, documentation, benchmarking and what else the IANA registries of
// special purpose have as not globally reachable (RFC 6890, RFC 8190), IPv6
// beside 2000::/3, forms of these in NAT64, 6to4, Teredo and IPv4-mapped
// addresses, and the metadata services of AWS, Azure, Google, Alibaba and Oracle.
// Its error is [ErrAddress] and says what the address is.
func PublicOnly(addr netip.AddrPort) error {
	if name, is := special.Of(addr.Addr()); is {
		return &specialAddress{addr.Addr(), name}
	}
	return nil
}

// A specialAddress is one that is not public. What its kind says is said around it.
type specialAddress struct {
	addr netip.Addr
	name string
}

func (e *specialAddress) Error() string { return e.addr.String() + " is " + e.name }
func (e *specialAddress) Unwrap() error { return ErrAddress }

// allow is the function for the engine, nil if nothing is asked. An error of the
// caller's may quote anything.
func (a *HTTPAdapter) allow() func(netip.AddrPort) error {
	if a.Allow == nil {
		return nil
	}
	return func(addr netip.AddrPort) error {
		if err := a.Allow(addr); err != nil {
			return &notAllowed{err}
		}
		return nil
	}
}

// A notAllowed is what Allow has returned, without its secrets.
type notAllowed struct{ err error }

func (r *notAllowed) Error() string { return redact.Text(r.err.Error()) }
func (r *notAllowed) Unwrap() error { return r.err }

// parseHosts reads [HTTPAdapter].Hosts.
func parseHosts(hosts map[string]string) (map[string]netip.AddrPort, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	parsed := make(map[string]netip.AddrPort, len(hosts))
	for key, value := range hosts {
		name, ok := hostKey(key)
		if !ok {
			return nil, failText(ErrInvalidOption, "HTTPAdapter.Hosts: the key "+quoteShort(key)+" is neither host nor host:port, in lower case and ASCII")
		}
		addr, ok := hostAddress(value)
		if !ok {
			return nil, failText(ErrInvalidOption, "HTTPAdapter.Hosts: the value "+quoteShort(value)+" is neither an IP address nor one with a port")
		}
		parsed[name] = addr
	}
	return parsed, nil
}

// hostKey is the host of a key, or host:port, as the engine has it.
func hostKey(key string) (string, bool) {
	if ip := ipv6(key); ip.IsValid() {
		return ip.String(), true
	}
	u, user, err := uri.Parse("http://" + key)
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
		ip = ipv6(value)
	}
	return netip.AddrPortFrom(ip.Unmap(), 0), ip.IsValid()
}

// quoteShort is the beginning of what the caller has written.
func quoteShort(s string) string { return strconv.Quote(s[:min(len(s), 200)]) }
