// Package special recognizes addresses that are not on the public Internet:
// those of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890,
// RFC 8190), multicast, and services that clouds offer to their own machines.
package special

import "net/netip"

// A block is an entry of a registry. If an address is in several blocks, the
// one with the longest prefix counts.
type block struct {
	prefix netip.Prefix
	name   string // with its source
	public bool   // "Globally Reachable" in the registry
	inner  func(netip.Addr) []netip.Addr
}

// blocks holds the registries as of 2025-10, without entries that repeat the
// one above them.
var blocks = []block{
	{prefix: cidr("0.0.0.0/0"), public: true},
	{prefix: cidr("0.0.0.0/8"), name: "this network (RFC 791)"},
	{prefix: cidr("10.0.0.0/8"), name: "private (RFC 1918)"},
	{prefix: cidr("100.64.0.0/10"), name: "shared by a carrier's customers (RFC 6598)"},
	{prefix: cidr("127.0.0.0/8"), name: "loopback (RFC 1122)"},
	{prefix: cidr("168.63.129.16/32"), name: "the platform of Azure"},
	{prefix: cidr("169.254.0.0/16"), name: "link-local (RFC 3927)"},
	{prefix: cidr("169.254.169.254/32"), name: "the metadata of a cloud"},
	{prefix: cidr("172.16.0.0/12"), name: "private (RFC 1918)"},
	{prefix: cidr("192.0.0.0/24"), name: "for protocols of the IETF (RFC 6890)"},
	{prefix: cidr("192.0.0.9/32"), name: "Port Control Protocol (RFC 7723)", public: true},
	{prefix: cidr("192.0.0.10/32"), name: "TURN (RFC 8155)", public: true},
	{prefix: cidr("192.0.2.0/24"), name: "documentation (RFC 5737)"},
	{prefix: cidr("192.88.99.0/24"), name: "a relay of 6to4 (RFC 7526)"},
	{prefix: cidr("192.168.0.0/16"), name: "private (RFC 1918)"},
	{prefix: cidr("198.18.0.0/15"), name: "benchmarking (RFC 2544)"},
	{prefix: cidr("198.51.100.0/24"), name: "documentation (RFC 5737)"},
	{prefix: cidr("203.0.113.0/24"), name: "documentation (RFC 5737)"},
	{prefix: cidr("224.0.0.0/4"), name: "multicast (RFC 5771)"},
	{prefix: cidr("240.0.0.0/4"), name: "reserved (RFC 1112)"},
	{prefix: cidr("255.255.255.255/32"), name: "broadcast (RFC 8190)"},

	// IANA allocates global unicast addresses from 2000::/3 alone (RFC 4291, section 2.4).
	{prefix: cidr("::/0"), name: "not of global unicast (RFC 4291)"},
	{prefix: cidr("::/96"), name: "compatible with IPv4 (RFC 4291)"},
	{prefix: cidr("::/128"), name: "unspecified (RFC 4291)"},
	{prefix: cidr("::1/128"), name: "loopback (RFC 4291)"},
	{prefix: cidr("::ffff:0:0:0/96"), name: "translated from IPv4 (RFC 2765)"},
	{prefix: cidr("64:ff9b::/96"), name: "of NAT64 (RFC 6052)", inner: ipv4At(12)},
	{prefix: cidr("64:ff9b:1::/48"), name: "of a local NAT64 (RFC 8215)"},
	{prefix: cidr("100::/64"), name: "discard-only (RFC 6666)"},
	{prefix: cidr("100:0:0:1::/64"), name: "dummy (RFC 9780)"},
	{prefix: cidr("2000::/3"), public: true},
	{prefix: cidr("2001::/23"), name: "for protocols of the IETF (RFC 2928)"},
	{prefix: cidr("2001::/32"), name: "of Teredo (RFC 4380)", inner: teredo},
	{prefix: cidr("2001:1::1/128"), name: "Port Control Protocol (RFC 7723)", public: true},
	{prefix: cidr("2001:1::2/128"), name: "TURN (RFC 8155)", public: true},
	{prefix: cidr("2001:1::3/128"), name: "service registration (RFC 9665)", public: true},
	{prefix: cidr("2001:2::/48"), name: "benchmarking (RFC 5180)"},
	{prefix: cidr("2001:3::/32"), name: "AMT (RFC 7450)", public: true},
	{prefix: cidr("2001:4:112::/48"), name: "AS112 (RFC 7535)", public: true},
	{prefix: cidr("2001:10::/28"), name: "ORCHID (RFC 4843)"},
	{prefix: cidr("2001:20::/28"), name: "ORCHID (RFC 7343)", public: true},
	{prefix: cidr("2001:30::/28"), name: "remote identification of drones (RFC 9374)", public: true},
	{prefix: cidr("2001:db8::/32"), name: "documentation (RFC 3849)"},
	{prefix: cidr("2002::/16"), name: "of 6to4 (RFC 3056)", inner: ipv4At(2)},
	{prefix: cidr("3fff::/20"), name: "documentation (RFC 9637)"},
	{prefix: cidr("5f00::/16"), name: "segment routing (RFC 9602)"},
	{prefix: cidr("fc00::/7"), name: "unique-local (RFC 4193)"},
	{prefix: cidr("fd00:ec2::254/128"), name: "the metadata of a cloud"},
	{prefix: cidr("fd20:ce::254/128"), name: "the metadata of a cloud"},
	{prefix: cidr("fe80::/10"), name: "link-local (RFC 4291)"},
	{prefix: cidr("fec0::/10"), name: "site-local (RFC 3879)"},
	{prefix: cidr("ff00::/8"), name: "multicast (RFC 4291)"},
}

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// ipv4At returns a function that finds the IPv4 address at byte i.
func ipv4At(i int) func(netip.Addr) []netip.Addr {
	return func(a netip.Addr) []netip.Addr {
		b := a.As16()
		return []netip.Addr{netip.AddrFrom4([4]byte(b[i : i+4]))}
	}
}

// teredo finds the address of the server and that of the client, whose bits are
// inverted (RFC 4380, section 4).
func teredo(a netip.Addr) []netip.Addr {
	b := a.As16()
	for i := 12; i < 16; i++ {
		b[i] ^= 0xff
	}
	return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte(b[12:16]))}
}

// Of says what a is, if it is not on the public Internet. An IPv6 address that
// contains an IPv4 address counts as that one.
func Of(a netip.Addr) (name string, ok bool) {
	if !a.IsValid() {
		return "no address", true
	}
	a = a.WithZone("").Unmap()
	var longest *block // never nil in the end: each family is a block as a whole
	for i := range blocks {
		if b := &blocks[i]; b.prefix.Contains(a) && (longest == nil || b.prefix.Bits() > longest.prefix.Bits()) {
			longest = b
		}
	}
	if longest.inner == nil {
		return longest.name, !longest.public
	}
	for _, inner := range longest.inner(a) {
		if name, ok := Of(inner); ok {
			return "an address " + longest.name + " for one that is " + name, true
		}
	}
	return "", false
}
