package special

import (
	"net/netip"
	"testing"
)

// Each line has one address of a block, or its first and last.
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		first, last string
		public      bool
	}{
		// IANA IPv4 Special-Purpose Address Registry, line by line.
		{"0.0.0.0", "0.255.255.255", false},
		{"10.0.0.0", "10.255.255.255", false},
		{"100.64.0.0", "100.127.255.255", false},
		{"127.0.0.0", "127.255.255.255", false},
		{"169.254.0.0", "169.254.255.255", false},
		{"172.16.0.0", "172.31.255.255", false},
		{"192.0.0.0", "192.0.0.8", false},
		{"192.0.0.9", "192.0.0.10", true},
		{"192.0.0.11", "192.0.0.255", false},
		{"192.0.0.170", "192.0.0.171", false},
		{"192.0.2.0", "192.0.2.255", false},
		{"192.31.196.0", "192.31.196.255", true},
		{"192.52.193.0", "192.52.193.255", true},
		{"192.88.99.0", "192.88.99.255", false},
		{"192.168.0.0", "192.168.255.255", false},
		{"192.175.48.0", "192.175.48.255", true},
		{"198.18.0.0", "198.19.255.255", false},
		{"198.51.100.0", "198.51.100.255", false},
		{"203.0.113.0", "203.0.113.255", false},
		{"224.0.0.0", "239.255.255.255", false},
		{"240.0.0.0", "255.255.255.254", false},
		{"255.255.255.255", "255.255.255.255", false},
		// IANA IPv6 Special-Purpose Address Registry.
		{"::1", "::1", false},
		{"::", "::", false},
		{"::ffff:0.0.0.0", "::ffff:0.255.255.255", false},
		{"::ffff:1.0.0.0", "::ffff:8.8.8.8", true},
		{"64:ff9b::0.0.0.0", "64:ff9b::10.255.255.255", false},
		{"64:ff9b::1.0.0.0", "64:ff9b::8.8.8.8", true},
		{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false},
		{"100::", "100::ffff:ffff:ffff:ffff", false},
		{"100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", false},
		{"2001:1::", "2001:1::", false},
		{"2001:1::1", "2001:1::3", true},
		{"2001:1::4", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:4::", "2001:4:111:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", true},
		{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		// Next to the blocks.
		{"1.0.0.0", "9.255.255.255", true},
		{"11.0.0.0", "100.63.255.255", true},
		{"100.128.0.0", "126.255.255.255", true},
		{"128.0.0.0", "168.63.129.15", true},
		{"168.63.129.17", "169.253.255.255", true},
		{"169.255.0.0", "172.15.255.255", true},
		{"172.32.0.0", "191.255.255.255", true},
		{"192.0.1.0", "192.0.1.255", true},
		{"192.0.3.0", "192.88.98.255", true},
		{"192.88.100.0", "192.167.255.255", true},
		{"192.169.0.0", "198.17.255.255", true},
		{"198.20.0.0", "198.51.99.255", true},
		{"198.51.101.0", "203.0.112.255", true},
		{"203.0.114.0", "223.255.255.255", true},
		{"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"6000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"64:ff9b:0:1::", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", false},
		{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		// IPv4 addresses in another form.
		{"::127.0.0.1", "::8.8.8.8", false},
		{"::ffff:127.0.0.1", "::ffff:127.255.255.255", false},
		{"::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", false},
		{"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", false},
		{"2002:7f00:1::", "2002:7f00:1::1", false},
		{"2002:a9fe:a9fe::", "2002:c0a8:101::1", false},
		{"2002:808:808::", "2002:808:808:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:0:7f00:1::f7f7:f7f7", "2001:0:7f00:1::f7f7:f7f7", false}, // the server of Teredo
		{"2001:0:808:808::80ff:fffe", "2001:0:808:808::5601:5601", false},
		{"2001:0:808:808::f7f7:f7f7", "2001:0:808:808:ffff:ffff:f7f7:f7f7", true},
		// Cloud services.
		{"169.254.169.254", "169.254.170.2", false},
		{"100.100.100.200", "100.100.100.200", false},
		{"168.63.129.16", "168.63.129.16", false},
		{"192.0.0.192", "192.0.0.192", false},
		{"fd00:ec2::254", "fd00:ec2::254", false},
		{"fd00:ec2::23", "fd20:ce::254", false},
		{"fe80::1%eth0", "fe80::a9fe:a9fe%1", false},
	} {
		for _, s := range []string{tt.first, tt.last} {
			if name, special := Of(netip.MustParseAddr(s)); special == tt.public {
				t.Errorf("Of(%s) = %q, %t; want %t", s, name, special, !tt.public)
			} else if special && name == "" {
				t.Errorf("Of(%s) has no name", s)
			}
		}
	}
	if _, special := Of(netip.Addr{}); !special {
		t.Error("the zero Addr is public")
	}
}

// The name is that of the embedded IPv4 address.
func TestName(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1":                 "loopback (RFC 1122)",
		"::ffff:10.0.0.1":           "private (RFC 1918)",
		"169.254.169.254":           "the metadata of a cloud",
		"64:ff9b::a9fe:a9fe":        "an address of NAT64 (RFC 6052) for one that is the metadata of a cloud",
		"2002:7f00:1::":             "an address of 6to4 (RFC 3056) for one that is loopback (RFC 1122)",
		"2001:0:808:808::3f57:fefe": "an address of Teredo (RFC 4380) for one that is private (RFC 1918)",
		"255.255.255.255":           "broadcast (RFC 8190)",
	} {
		if got, _ := Of(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Of(%s) = %q; want %q", addr, got, want)
		}
	}
}

// Every form of an IPv4 address is as public as that address.
func FuzzForms(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{8, 8, 8, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		v4 := netip.AddrFrom4([4]byte(b))
		_, want := Of(v4)
		mapped := netip.AddrFrom16(v4.As16())
		nat64, sixToFour, teredo := cidr("64:ff9b::/96").Addr().As16(), cidr("2002::/16").Addr().As16(), cidr("2001:0:808:808::/64").Addr().As16()
		copy(nat64[12:], b[:4])
		copy(sixToFour[2:], b[:4])
		for i := range 4 {
			teredo[12+i] = b[i] ^ 0xff
		}
		for _, a := range []netip.Addr{mapped, netip.AddrFrom16(nat64), netip.AddrFrom16(sixToFour), netip.AddrFrom16(teredo)} {
			if name, got := Of(a); got != want {
				t.Errorf("Of(%s) = %q, %t; Of(%s) is %t", a, name, got, v4, want)
			}
		}
	})
}
