package uri

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

// A row of input is refused with kind, or leads to dial, with target and host as
// they are sent.
type inputRow struct {
	id, url string
	kind    error
	dial    string
	target  string
	host    string
}

// The rows C001 to C041 of the input table: what a URL may hold, and what becomes
// of it.
var urlRows = []inputRow{
	{id: "C001 CRLF", url: "http://h.test/a\r\nX: 1", kind: fault.InvalidURL},
	{id: "C001 LF", url: "http://h.test/\n", kind: fault.InvalidURL},
	{id: "C001 tab", url: "http://h.test/\t", kind: fault.InvalidURL},
	{id: "C001 NUL", url: "http://h.test/?\x00", kind: fault.InvalidURL},
	{id: "C001 DEL", url: "http://h.test/\x7f", kind: fault.InvalidURL},
	{id: "C002 CRLF in the fragment", url: "http://h.test/#\r\nX: 1", kind: fault.InvalidURL},
	{id: "C003 escaped CRLF", url: "http://h.test/a%0d%0aX%00", dial: "h.test:80", target: "/a%0D%0AX%00", host: "h.test"},
	{id: "C004 space in the path", url: "http://h.test/a b", dial: "h.test:80", target: "/a%20b", host: "h.test"},
	{id: "C005 space in the query", url: "http://h.test/?q=a b", dial: "h.test:80", target: "/?q=a%20b", host: "h.test"},
	{id: "C006 UTF-8 in the query", url: "http://h.test/?q=é", dial: "h.test:80", target: "/?q=%C3%A9", host: "h.test"},
	{id: "C006 a byte in the query", url: "http://h.test/?q=\x80", dial: "h.test:80", target: "/?q=%80", host: "h.test"},
	{id: "C007 UTF-8 in the path", url: "http://h.test/é", dial: "h.test:80", target: "/%C3%A9", host: "h.test"},
	{id: "C007 escape", url: "http://h.test/%e9", dial: "h.test:80", target: "/%E9", host: "h.test"},
	{id: "C007 bad escape", url: "http://h.test/%zz%41%", dial: "h.test:80", target: "/%25zzA%25", host: "h.test"},
	{id: "C008 bad escape in the query", url: "http://h.test/?%zz%e9", dial: "h.test:80", target: "/?%25zz%E9", host: "h.test"},
	{id: "C009 illegal in a path", url: "http://h.test/{x}|^`\"<>", dial: "h.test:80", target: "/%7Bx%7D%7C%5E%60%22%3C%3E", host: "h.test"},
	{id: "C010 legal in a path", url: "http://h.test/;,:@~+!$&'()*=%2F%7E[x]", dial: "h.test:80", target: "/;,:@~+!$&'()*=%2F~%5Bx%5D", host: "h.test"},
	{id: "C011 dot segments", url: "http://h.test/a/../b/./c", dial: "h.test:80", target: "/b/c", host: "h.test"},
	{id: "C011 escaped dot segments", url: "http://h.test/a/%2e%2e/b", dial: "h.test:80", target: "/b", host: "h.test"},
	{id: "C011 dots before an escaped slash", url: "http://h.test/a/..%2fb", dial: "h.test:80", target: "/a/..%2Fb", host: "h.test"},
	{id: "C012 double slashes", url: "http://h.test//evil.test/x", dial: "h.test:80", target: "//evil.test/x", host: "h.test"},
	{id: "C013 too long", url: "http://h.test/" + strings.Repeat("a", maxLength), kind: fault.InvalidURL},
	{id: "C014 empty", url: "", kind: fault.MissingScheme},
	{id: "C014 space", url: " ", kind: fault.MissingScheme},
	{id: "C014 host and path", url: "h.test/x", kind: fault.MissingScheme},
	{id: "C014 network path", url: "//h.test/x", kind: fault.MissingScheme},
	{id: "C014 host and port", url: "h.test:80/x", kind: fault.MissingScheme},
	{id: "C014 localhost and port", url: "localhost:8080", kind: fault.MissingScheme},
	{id: "C015 capitals", url: "hTTp://H.Test/Path", dial: "h.test:80", target: "/Path", host: "h.test"},
	{id: "C016 space in the scheme", url: "ht tp://h.test/", kind: fault.MissingScheme},
	{id: "C016 digit first", url: "1http://h.test/", kind: fault.MissingScheme},
	{id: "C016 space after the scheme", url: "http ://h.test/", kind: fault.MissingScheme},
	{id: "C016 CRLF in the scheme", url: "http\r\n://h.test/", kind: fault.InvalidURL},
	{id: "C017 leading space", url: " \n\thttp://h.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C017 trailing space", url: "http://h.test/ ", dial: "h.test:80", target: "/%20", host: "h.test"},
	{id: "C018 no slashes", url: "http:h.test", kind: fault.InvalidURL},
	{id: "C018 one slash", url: "http:/h.test", kind: fault.InvalidURL},
	{id: "C018 three slashes", url: "http:///h.test", kind: fault.InvalidURL},
	{id: "C018 nothing", url: "http://", kind: fault.InvalidURL},
	{id: "C019 port alone", url: "http://:80/", kind: fault.InvalidURL},
	{id: "C019 userinfo and port", url: "http://@:80/", kind: fault.InvalidURL},
	{id: "C020 backslashes", url: `http:\\h.test\x`, kind: fault.InvalidURL},
	{id: "C020 backslash after the host", url: `http://h.test\x`, kind: fault.InvalidURL},
	{id: "C020 backslash before an at", url: `http://h.test\@evil.test/`, kind: fault.InvalidURL},
	{id: "C022 two at signs", url: "http://a@b:c@d.test/", kind: fault.InvalidURL},
	{id: "C022 at sign in the password", url: "http://a:b@c@d.test/", kind: fault.InvalidURL},
	{id: "C023 userinfo leaves", url: "http://user:pw@h.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C024 CRLF in the userinfo", url: "http://us\r\n:pw@h.test/", kind: fault.InvalidURL},
	{id: "C024 escaped CRLF in the userinfo", url: "http://us%0d%0a:pw@h.test/", kind: fault.InvalidURL},
	{id: "C025 at in the fragment", url: "http://h.test#@evil.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C025 at in the query", url: "http://h.test?@evil.test/", dial: "h.test:80", target: "/?@evil.test/", host: "h.test"},
	{id: "C026 escaped slash in the userinfo", url: "http://h%2f@evil.test/", dial: "evil.test:80", target: "/", host: "evil.test"},
	{id: "C027 escaped slash in the host", url: "http://example.com%2F10.0.0.1/", kind: fault.InvalidURL},
	{id: "C027 escaped NUL in the host", url: "http://h%00/", kind: fault.InvalidURL},
	{id: "C027 escaped CRLF in the host", url: "http://h%0d%0a/", kind: fault.InvalidURL},
	{id: "C027 escaped letter in the host", url: "http://%68/", kind: fault.InvalidURL},
	{id: "C028 comma", url: "http://h,evil/", kind: fault.InvalidURL},
	{id: "C028 semicolon", url: "http://h;evil/", kind: fault.InvalidURL},
	{id: "C028 star", url: "http://h*/", kind: fault.InvalidURL},
	{id: "C028 hyphen first", url: "http://-h/", dial: "-h:80", target: "/", host: "-h"},
	{id: "C028 dot first", url: "http://.h/", kind: fault.InvalidURL},
	{id: "C028 two dots last", url: "http://h../", kind: fault.InvalidURL},
	{id: "C028 two dots within", url: "http://h..x/", kind: fault.InvalidURL},
	{id: "C028 underscore", url: "http://_x.h/", dial: "_x.h:80", target: "/", host: "_x.h"},
	{id: "C028 bar", url: "http://h|x/", kind: fault.InvalidURL},
	{id: "C028 quote", url: "http://h'x/", kind: fault.InvalidURL},
	{id: "C028 exclamation mark", url: "http://h!x/", kind: fault.InvalidURL},
	{id: "C029 long label", url: "http://" + strings.Repeat("a", 64) + ".test/", kind: fault.InvalidURL},
	{id: "C029 longest label", url: "http://" + strings.Repeat("a", 63) + "/", dial: strings.Repeat("a", 63) + ":80", target: "/", host: strings.Repeat("a", 63)},
	{id: "C029 long host", url: "http://" + strings.Repeat("abcdefg.", 32) + "test/", kind: fault.InvalidURL},
	{id: "C030 port 0", url: "http://h:0/", kind: fault.InvalidURL},
	{id: "C030 port 65536", url: "http://h:65536/", kind: fault.InvalidURL},
	{id: "C030 port of 11 digits", url: "http://h:99999999999/", kind: fault.InvalidURL},
	{id: "C030 port with a zero", url: "http://h:08/", dial: "h:8", target: "/", host: "h:8"},
	{id: "C030 port with zeros", url: "http://h:00080/", dial: "h:80", target: "/", host: "h"},
	{id: "C030 port with many zeros", url: "http://h:" + strings.Repeat("0", 100) + "8080/", dial: "h:8080", target: "/", host: "h:8080"},
	{id: "C030 port with zeros, IPv6", url: "http://[::1]:081/", dial: "[::1]:81", target: "/", host: "[::1]:81"},
	{id: "C030 port of zeros", url: "http://h:000/", kind: fault.InvalidURL},
	{id: "C030 port with a zero, too large", url: "http://h:065536/", kind: fault.InvalidURL},
	{id: "C030 empty port", url: "http://h:/", dial: "h:80", target: "/", host: "h"},
	{id: "C030 other port", url: "http://h:65535/", dial: "h:65535", target: "/", host: "h:65535"},
	{id: "C030 default port", url: "http://h:80/", dial: "h:80", target: "/", host: "h"},
	{id: "C031 negative port", url: "http://h:-1/", kind: fault.InvalidURL},
	{id: "C031 port with a plus", url: "http://h:+80/", kind: fault.InvalidURL},
	{id: "C031 two ports", url: "http://h:80:80/", kind: fault.InvalidURL},
	{id: "C031 letter in the port", url: "http://h:8o/", kind: fault.InvalidURL},
	{id: "C031 Arabic digit", url: "http://h:٨٠/", kind: fault.InvalidURL},
	{id: "C032 IPv6", url: "http://[::1]/", dial: "[::1]:80", target: "/", host: "[::1]"},
	{id: "C032 IPv6 and port", url: "http://[::1]:81/", dial: "[::1]:81", target: "/", host: "[::1]:81"},
	{id: "C032 mapped IPv4", url: "http://[::FFFF:127.0.0.1]/", dial: "[::ffff:127.0.0.1]:80", target: "/", host: "[::ffff:127.0.0.1]"},
	{id: "C033 zone", url: "http://[fe80::1%25eth0]/", dial: "[fe80::1%eth0]:80", target: "/", host: "[fe80::1]"},
	{id: "C034 bare zone", url: "http://[::1%eth0]/", kind: fault.InvalidURL},
	{id: "C034 not closed", url: "http://[::1", kind: fault.InvalidURL},
	{id: "C034 no brackets", url: "http://::1/", kind: fault.InvalidURL},
	{id: "C034 text after it", url: "http://[::1]x/", kind: fault.InvalidURL},
	{id: "C034 IPv4 in brackets", url: "http://[127.0.0.1]/", kind: fault.InvalidURL},
	{id: "C034 name in brackets", url: "http://[h]/", kind: fault.InvalidURL},
	{id: "C034 IPvFuture", url: "http://[v1.x]/", kind: fault.InvalidURL},
	{id: "C034 empty brackets", url: "http://[]/", kind: fault.InvalidURL},
	{id: "C034 space in the zone", url: "http://[::1%25a b]/", kind: fault.InvalidURL},
	{id: "C035 hexadecimal", url: "http://0x7f000001/", kind: fault.InvalidURL},
	{id: "C035 one number", url: "http://2130706433/", kind: fault.InvalidURL},
	{id: "C035 two numbers", url: "http://127.1/", kind: fault.InvalidURL},
	{id: "C035 octal", url: "http://0177.0.0.1/", kind: fault.InvalidURL},
	{id: "C035 trailing dot", url: "http://127.0.0.1./", kind: fault.InvalidURL},
	{id: "C035 name that ends in a number", url: "http://a.0x7f/", kind: fault.InvalidURL},
	{id: "C035 IPv4", url: "http://127.0.0.1/", dial: "127.0.0.1:80", target: "/", host: "127.0.0.1"},
	{id: "C036 complete name", url: "http://h.test./", dial: "h.test.:80", target: "/", host: "h.test"},
	{id: "C037 sharp s", url: "http://straße.de/", dial: "xn--strae-oqa.de:80", target: "/", host: "xn--strae-oqa.de"},
	{id: "C037 sharp s again", url: "http://faß.de/", dial: "xn--fa-hia.de:80", target: "/", host: "xn--fa-hia.de"},
	{id: "C037 snowman", url: "http://☃.net/", dial: "xn--n3h.net:80", target: "/", host: "xn--n3h.net"},
	{id: "C038 full width", url: "http://ｅxample.com/", dial: "example.com:80", target: "/", host: "example.com"},
	{id: "C038 ideographic full stop", url: "http://example。com/", dial: "example.com:80", target: "/", host: "example.com"},
	{id: "C038 soft hyphen", url: "http://ex\u00adample.com/", dial: "example.com:80", target: "/", host: "example.com"},
	{id: "C039 right to left override", url: "http://\u202eexample.com/", kind: fault.InvalidURL},
	{id: "C039 Cyrillic letter", url: "http://exаmple.com/", dial: "xn--exmple-4nf.com:80", target: "/", host: "xn--exmple-4nf.com"},
	{id: "C040 ASCII in Punycode", url: "http://xn--example-.com/", kind: fault.InvalidURL},
	{id: "C040 bad Punycode", url: "http://xn--a.com/", kind: fault.InvalidURL},
	{id: "C040 empty Punycode", url: "http://xn--.com/", kind: fault.InvalidURL},
	{id: "C040 right to left before left to right", url: "http://ℷa/", kind: fault.InvalidURL},
	{id: "C040 capitals", url: "http://XN--STRAE-OQA.de/", dial: "xn--strae-oqa.de:80", target: "/", host: "xn--strae-oqa.de"},
	{id: "C041 not UTF-8", url: "http://h\xff.test/", kind: fault.InvalidURL},
	{id: "A142 escaped slash", url: "http://a%2Fb/", kind: fault.InvalidURL},
	{id: "A144 name in brackets", url: "http://[example.com]/", kind: fault.InvalidURL},
}

func TestParse(t *testing.T) {
	for _, row := range urlRows {
		t.Run(row.id, func(t *testing.T) {
			u, _, err := Parse(row.url)
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				require.Less(t, len(err.Error()), 2*fault.MaxText)
				require.False(t, hasControl(err.Error()))
				return
			}
			require.NoError(t, err)
			require.Nil(t, u.User)
			require.Equal(t, row.dial, net.JoinHostPort(u.Hostname(), Port(u)))
			require.Equal(t, row.target, u.RequestURI())
			require.Equal(t, row.host, HostField(u))
		})
	}
}

// The userinfo leaves the URL.
func TestUserinfo(t *testing.T) {
	for raw, want := range map[string]*url.Userinfo{
		"http://h.test/":                    nil,
		"http://@h.test/":                   url.User(""),
		"http://u@h.test/":                  url.User("u"),
		"http://u:@h.test/":                 url.UserPassword("u", ""),
		"http://:@h.test/":                  url.UserPassword("", ""),
		"http://u:p@h.test/":                url.UserPassword("u", "p"),
		"http://u:p:q@h.test/":              url.UserPassword("u", "p:q"),
		"http://u%40v:p%2Fq%3Fr%23@h.test/": url.UserPassword("u@v", "p/q?r#"),
		"http://u é:%zz@h.test/":            url.UserPassword("u é", "%zz"),
		"http://h.test/@":                   nil,
	} {
		u, got, err := Parse(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
		require.Nil(t, u.User, raw)
	}
}

// An error says what is wrong with a host, and does not quote it: it may be half
// of a password.
func TestHostErrors(t *testing.T) {
	for host, want := range map[string]string{
		"printer.2":                     "ends in a number",
		"127.1":                         "ends in a number",
		"1.2.3.4.5":                     "ends in a number",
		"256.0.0.1":                     "ends in a number",
		"127.0.0.1.":                    "ends in a number",
		"0x7f000001":                    "ends in a number",
		"a.0x1f":                        "ends in a number",
		"a..b":                          "an empty label",
		strings.Repeat("x", 64):         "a label of more than 63 bytes",
		strings.Repeat("a.", 127) + "b": "more than 253 bytes",
		"a,b":                           `other than letters, digits, "-" and "_"`,
		"a%20b":                         `other than letters, digits, "-" and "_"`,
		"h:x":                           "the port is not in 1 to 65535",
		"h:0":                           "the port is not in 1 to 65535",
	} {
		_, _, err := Parse("http://" + host + "/")
		require.ErrorIs(t, err, fault.InvalidURL, host)
		require.ErrorContains(t, err, want, host)
		require.NotContains(t, err.Error(), host)
	}
	for _, host := range []string{"2.printer", "printer2", "p.2x", "0xg.test", "1.2.3.4", "a.0xg"} {
		_, _, err := Parse("http://" + host + "/")
		require.NoError(t, err, host)
	}
}

// Schemes that only an adapter of the program's own knows.
func TestOtherSchemes(t *testing.T) {
	for raw, want := range map[string]string{
		"mailto:a@b.test":               "mailto:a@b.test",
		"data:,x y":                     "data:,x y",
		"http+unix://%2Frun%2Fa.sock/x": "http+unix://%2Frun%2Fa.sock/x",
		"mock://host/a b?c d#e f":       "mock://host/a%20b?c%20d#e%20f",
		"mock://host":                   "mock://host",
		"X-Y://Host/":                   "x-y://Host/",
	} {
		u, _, err := Parse(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, u.String(), raw)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range urlRows {
		if len(row.url) < 1<<10 {
			f.Add(row.url)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, _, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, fault.InvalidURL) {
				t.Fatalf("Parse(%q) = %v, which is not fault.InvalidURL", raw, err)
			}
			return
		}
		if u.User != nil {
			t.Fatalf("Parse(%q) left the userinfo in %v", raw, u.Redacted())
		}
		text := u.String()
		if hasControl(text) || IsHTTP(u.Scheme) && (!isASCII(text) || strings.Contains(text, " ")) {
			t.Fatalf("Parse(%q) = %q, which may not be sent", raw, text)
		}
		if !IsHTTP(u.Scheme) {
			return
		}
		again, _, err := Parse(text)
		if err != nil || again.String() != text {
			t.Fatalf("Parse(%q) = %q, and that again %v, %v", raw, text, again, err)
		}
		std, err := url.Parse(text)
		if err != nil || std.Host != u.Host || std.EscapedPath() != u.EscapedPath() || std.RawQuery != u.RawQuery {
			t.Fatalf("net/url reads %q as %#v, %v", text, std, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, raw := range map[string]string{
		"plain":   "https://api.github.com/repos/golang/go/issues?state=open&page=2",
		"escaped": "https://www.exämple.test/a b/ü?q=ö&r=%e9#top",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+", net/url", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := url.Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
