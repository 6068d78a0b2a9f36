package noproxy

import (
	"strings"
	"testing"
)

// matchTests names rows of the catalogue of advisories where one decides the answer.
var matchTests = []struct {
	name  string
	value string
	host  string
	port  string
	want  bool
}{
	{name: "empty list", value: "", host: "example.com", want: false},
	{name: "no host at all", value: "", host: "", want: true},
	{name: "separators alone", value: " ,\t, ", host: "example.com", want: false},

	{name: "exact name", value: "example.com", host: "example.com", want: true},
	{name: "host below", value: "example.com", host: "a.www.example.com", want: true},
	{name: "host above", value: "www.example.com", host: "example.com", want: false},
	{name: "A066 not at a label boundary", value: "ample.com", host: "example.com", want: false},
	{name: "domain in the middle", value: "example.com", host: "example.com.evil.test", want: false},
	{name: "leading dot, host below", value: ".example.com", host: "www.example.com", want: true},
	{name: "leading dot, the domain", value: ".example.com", host: "example.com", want: true},
	{name: "leading dot, boundary", value: ".example.com", host: "notexample.com", want: false},
	{name: "two leading dots", value: "..example.com", host: "example.com", want: true},
	{name: "top-level domain", value: "com", host: "example.com", want: true},
	{name: "upper case", value: "EXAMPLE.Com", host: "example.com", want: true},
	{name: "dot alone", value: ".", host: "example.com", want: false},
	{name: "dot alone and the absolute form", value: ".", host: "example.com.", want: false},
	{name: "international name in ASCII", value: "XN--bcher-kva.example", host: "xn--bcher-kva.example", want: true},

	{name: "star", value: "*", host: "example.com", want: true},
	{name: "star and an address", value: "*", host: "::1", port: "80", want: true},
	{name: "star in a list", value: "a.test, *", host: "example.com", want: true},
	{name: "star before a domain, host below", value: "*.example.com", host: "a.www.example.com", want: true},
	{name: "star before a domain, the domain", value: "*.example.com", host: "example.com", want: false},
	{name: "star before a domain, boundary", value: "*.example.com", host: "notexample.com", want: false},
	{name: "star before a domain with a port", value: "*.example.com:81", host: "www.example.com", port: "81", want: true},
	{name: "star within a label", value: "*ample.com", host: "example.com", want: false},
	{name: "star after a domain", value: "example.*", host: "example.com", want: false},
	{name: "star, dot and nothing", value: "*.", host: "example.com", want: false},

	{name: "A062 trailing dot of the host", value: "localhost,internal.test", host: "localhost.", want: true},
	{name: "A062 trailing dot of a host below", value: "internal.test", host: "www.internal.test.", want: true},
	{name: "A062 trailing dot of an address", value: "127.0.0.1", host: "127.0.0.1.", want: true},
	{name: "A062 address in brackets", value: "[::1]", host: "::1", want: true},
	{name: "two trailing dots", value: "localhost", host: "localhost..", want: false},
	{name: "trailing dot of the entry", value: "example.com.", host: "example.com", want: false},
	{name: "trailing dots of both", value: "example.com.", host: "www.example.com.", want: true},
	{name: "host of one dot", value: "example.com", host: ".", want: false},

	{name: "comma", value: "a.test,b.test", host: "b.test", want: true},
	{name: "commas and spaces", value: " a.test ,,\tb.test , ", host: "b.test", want: true},
	{name: "spaces alone", value: "a.test b.test\nc.test", host: "b.test", want: true},
	{name: "last of a list by spaces", value: "a.test b.test\nc.test", host: "c.test", want: true},

	{name: "port", value: "example.com:8080", host: "example.com", port: "8080", want: true},
	{name: "port, host below", value: ".example.com:8080", host: "www.example.com", port: "8080", want: true},
	{name: "other port", value: "example.com:8080", host: "example.com", port: "8081", want: false},
	{name: "port of the scheme", value: "example.com:80", host: "example.com", port: "", want: false},
	{name: "any port", value: "example.com", host: "example.com", port: "8080", want: true},
	{name: "empty port", value: "example.com:", host: "example.com", want: false},
	{name: "port that is no number", value: "example.com:http", host: "example.com", port: "http", want: false},
	{name: "port alone", value: ":80", host: "example.com", port: "80", want: false},
	{name: "url", value: "http://example.com", host: "example.com", want: false},

	{name: "IPv4", value: "192.0.2.1", host: "192.0.2.1", port: "81", want: true},
	{name: "other IPv4", value: "192.0.2.1", host: "192.0.2.10", want: false},
	{name: "IPv4 with port", value: "192.0.2.1:81", host: "192.0.2.1", port: "81", want: true},
	{name: "IPv4 with other port", value: "192.0.2.1:81", host: "192.0.2.1", port: "82", want: false},
	{name: "IPv4 range", value: "192.0.2.77/24", host: "192.0.2.1", port: "81", want: true},
	{name: "outside of the IPv4 range", value: "192.0.2.0/24", host: "192.0.3.1", want: false},
	{name: "all of IPv4", value: "0.0.0.0/0", host: "192.0.2.1", want: true},
	{name: "all of IPv4 and IPv6", value: "0.0.0.0/0", host: "::1", want: false},
	{name: "IPv4 mask too long", value: "192.0.2.0/33", host: "192.0.2.0", want: false},
	{name: "IPv4 mask that is no number", value: "192.0.2.0/24a", host: "192.0.2.0", want: false},
	{name: "IPv4 range with port", value: "192.0.2.0/24:80", host: "192.0.2.0", port: "80", want: false},
	{name: "IPv4 with leading zero", value: "192.0.2.01", host: "192.0.2.1", want: false},
	{name: "IPv4 and a tail of it", value: ".2.1", host: "192.0.2.1", want: false},
	{name: "name below an IPv4", value: "192.0.2.1", host: "www.192.0.2.1", want: false},
	{name: "IPv4 range and a name", value: "0.0.0.0/0,::/0", host: "example.com", want: false},

	{name: "A083 IPv6", value: "::1", host: "::1", want: true},
	{name: "A083 IPv6 in brackets", value: "[::1]", host: "::1", port: "80", want: true},
	{name: "IPv6 spelt otherwise", value: "2001:DB8:0::1", host: "2001:db8::1", want: true},
	{name: "IPv6 with port", value: "[::1]:81", host: "::1", port: "81", want: true},
	{name: "IPv6 with other port", value: "[::1]:81", host: "::1", port: "82", want: false},
	{name: "IPv6 without brackets has no port", value: "::1:80", host: "::1", port: "80", want: false},
	{name: "IPv6 with empty port", value: "[::1]:", host: "::1", want: false},
	{name: "IPv6 and more after the bracket", value: "[::1]80", host: "::1", port: "80", want: false},
	{name: "IPv6 without end", value: "[::1", host: "::1", want: false},
	{name: "IPv6 range", value: "2001:db8::/32", host: "2001:db8:f::1", want: true},
	{name: "outside of the IPv6 range", value: "2001:db8::/65", host: "2001:db8:8000::1", want: false},
	{name: "IPv6 mask too long", value: "::1/129", host: "::1", want: false},
	{name: "malformed IPv6", value: "1::2::3", host: "1::2::3", want: false},
	{name: "name in brackets", value: "[example.com]", host: "example.com", want: false},

	{name: "A061 zone and wildcard", value: "*.example.com", host: "::1%.example.com", want: false},
	{name: "A061 zone and domain", value: "example.com", host: "fe80::1%example.com", want: false},
	{name: "A061 zone of an IPv4", value: ".example.com", host: "127.0.0.1%.example.com", want: false},
	{name: "zone that the entry leaves open", value: "fe80::1", host: "fe80::1%eth0", want: true},
	{name: "zone in a range", value: "fe80::/10", host: "fe80::1%eth0", want: true},
	{name: "zone of the entry", value: "fe80::1%ETH0", host: "fe80::1%eth0", want: true},
	{name: "other zone", value: "fe80::1%eth1", host: "fe80::1%eth0", want: false},
	{name: "zone that the host leaves open", value: "[fe80::1%eth1]:80", host: "fe80::1", port: "80", want: false},

	{name: "A063 alias of loopback", value: "127.0.0.1", host: "127.0.0.2", want: false},
	{name: "A063 loopback range", value: "127.0.0.0/8", host: "127.8.8.8", want: true},
	{name: "A064 mapped loopback", value: "127.0.0.1", host: "::ffff:7f00:1", want: true},
	{name: "A064 mapped link-local", value: "169.254.0.0/16", host: "::ffff:a9fe:a9fe", want: true},
	{name: "A064 mapped entry", value: "::ffff:127.0.0.1", host: "127.0.0.1", want: true},
	{name: "A064 mapped range", value: "::ffff:10.0.0.0/104", host: "10.9.9.9", want: true},
	{name: "A064 mapped and a range of IPv6", value: "::/0", host: "::ffff:7f00:1", want: false},
	{name: "A065 unspecified IPv4 is no default", value: "example.com", host: "0.0.0.0", want: false},
	{name: "A065 unspecified IPv4", value: "0.0.0.0", host: "0.0.0.0", want: true},
	{name: "A065 unspecified IPv6 is no default", value: "example.com", host: "::", want: false},
	{name: "A065 unspecified IPv6", value: "[::]", host: "::", want: true},
	{name: "loopback is no default", value: "example.com", host: "127.0.0.1", want: false},
	{name: "loopback IPv6 is no default", value: "example.com", host: "::1", want: false},
	{name: "localhost is no default", value: "example.com", host: "localhost", want: false},
	{name: "localhost is a name", value: "localhost", host: "127.0.0.1", want: false},
}

func TestMatch(t *testing.T) {
	for _, tt := range matchTests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Parse(tt.value).Match(tt.host, tt.port); got != tt.want {
				t.Errorf("Parse(%q).Match(%q, %q) = %v; want %v", tt.value, tt.host, tt.port, got, tt.want)
			}
		})
	}
}

func TestZeroList(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "0.0.0.0"} {
		if (List{}).Match(host, "") {
			t.Errorf("List{}.Match(%q, \"\") = true; want false", host)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	list := Parse("a.test, .b.test:81, *.c.test, 192.0.2.1, 10.0.0.0/8, [::1]:80, 2001:db8::/32, fe80::1%eth0")
	for _, host := range []string{
		"www.example.com", "www.example.com.", "web1.c.test", "203.0.113.9", "2001:db9::1", "fe80::1%eth1", "::ffff:203.0.113.9", "%",
	} {
		if n := testing.AllocsPerRun(100, func() { list.Match(host, "8080") }); n != 0 {
			t.Errorf("Match(%q, \"8080\") allocates %v times; want 0", host, n)
		}
	}
}

// A list exempts what one of its parts exempts, in any letter case, and the
// absolute form of every host that it exempts.
func FuzzMatch(f *testing.F) {
	for _, tt := range matchTests {
		f.Add(tt.value, "b.test:80", tt.host, tt.port)
	}
	f.Fuzz(func(t *testing.T, a, b, host, port string) {
		got := Parse(a+","+b).Match(host, port)
		if want := Parse(a).Match(host, port) || Parse(b).Match(host, port); got != want {
			t.Errorf("Parse(%q + %q).Match(%q, %q) = %v; want %v, as its parts", a, b, host, port, got, want)
		}
		if isASCII(a) && Parse(strings.ToUpper(a)).Match(host, port) != Parse(a).Match(host, port) {
			t.Errorf("Parse(%q).Match(%q, %q) depends on letter case", a, host, port)
		}
		if got && host != "" && !strings.HasSuffix(host, ".") && !Parse(a+","+b).Match(host+".", port) {
			t.Errorf("Parse(%q + %q) exempts %q but not its absolute form", a, b, host)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7e }) < 0
}
