package cookie

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/idna"

	"github.com/go-requests/requests/internal/suite"
)

func parsed(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// A jar is a store at a time that stands until it is moved.
type jar struct {
	Store
	now time.Time
}

// store takes the Set-Cookie fields of a response to a request for u.
func (j *jar) store(u *url.URL, lines []string) {
	o, ok := OriginOf(u)
	for _, line := range lines {
		if r, wellFormed := Parse(line); ok && wellFormed {
			j.Receive(&o, &r, j.now)
		}
	}
}

// header is the Cookie field of a request for u.
func (j *jar) header(u *url.URL, named bool) string {
	o, _ := OriginOf(u)
	return j.Header(Request{Origin: o, Named: named}, func() time.Time { return j.now })
}

func (j *jar) all() []Cookie { return j.Select(j.now, func(*Cookie) bool { return true }) }

// changedCases are the cases of http-state, a suite for RFC 6265, that expect
// something else than its successor, draft-ietf-httpbis-rfc6265bis-22, asks for.
var changedCases = map[string]struct{ section, want string }{
	// A cookie without "=" or with nothing before it has an empty name, and is
	// sent as its value alone.
	"0004":         {"5.6", "foo"},
	"0021":         {"5.6", "a=b; x; c=d"},
	"0023":         {"5.6", "foo"},
	"0024":         {"5.6", "foo"},
	"0025":         {"5.6", "foo"},
	"0026":         {"5.6", "foo"},
	"0027":         {"5.6", "bar"},
	"0028":         {"5.6", "foo"},
	"CHROMIUM0009": {"5.6", "BLAHHH"},
	"CHROMIUM0010": {"5.6", `"BLA\"HHH"`},
	"CHROMIUM0012": {"5.6", "ABC"},
	"MOZILLA0012":  {"5.6", `test="fubar! = foo; five`},
	"MOZILLA0014":  {"5.6", "six"},
	"MOZILLA0015":  {"5.6", "seven"},
	"MOZILLA0016":  {"5.6", "eight"},
	"MOZILLA0017":  {"5.6", "eight; test=six"},
	"NAME0017":     {"5.6", "a=bar"},
	"NAME0023":     {"5.6", "foo"},
	"NAME0025":     {"5.6", "==a=bar"},
	"NAME0028":     {"5.6", "a"},
	"NAME0031":     {"5.6", `"foo`},
	"NAME0032":     {"5.6", `"foo\"bar`},
	"NAME0033":     {"5.6", "aaa"},
	// A control character makes the whole field invalid. The suite would have it
	// end the field, but has disabled these cases.
	"DISABLED_CHROMIUM0022": {"5.6", ""},
	"DISABLED_CHROMIUM0023": {"5.6", ""},
	// The last Domain counts, also if it is empty, and then the cookie is for the
	// host alone. The suite calls the case optional.
	"OPTIONAL_DOMAIN0042": {"5.6.3", "foo=bar"},
	// Paths are compared as they stand in the URL, still encoded. The suite would
	// have them decoded, but has disabled the case.
	"DISABLED_PATH0029": {"5.1.4", ""},
}

// TestHTTPState runs https://github.com/abarth/http-state, at a time before the
// dates in it that have passed since it was written.
func TestHTTPState(t *testing.T) {
	var cases []struct {
		Test     string
		Received []string
		SentTo   string `json:"sent-to"`
		Sent     []struct{ Name, Value string }
	}
	suite.Read(t, "external/http-state/parser.json", &cases)
	if len(cases) < 222 {
		t.Errorf("%d cases; want 222", len(cases))
	}
	for _, tt := range cases {
		t.Run(tt.Test, func(t *testing.T) {
			from := parsed("http://home.example.org:8888/cookie-parser?" + tt.Test)
			to, err := from.Parse("/cookie-parser-result?" + tt.Test)
			if tt.SentTo != "" {
				to, err = from.Parse(tt.SentTo)
			}
			if err != nil {
				t.Fatal(err)
			}
			var pairs []string
			for _, c := range tt.Sent {
				pairs = append(pairs, c.Name+"="+c.Value)
			}
			want := strings.Join(pairs, "; ")
			if changed, ok := changedCases[tt.Test]; ok {
				if changed.want == want {
					t.Errorf("listed as changed by section %s, but nothing differs", changed.section)
				}
				want = changed.want
			}
			j := &jar{now: day(2011, 1, 1)}
			j.store(from, tt.Received)
			if got := j.header(to, true); got != want {
				t.Errorf("after %q from %v, header(%v) = %q; want %q", tt.Received, from, to, got, want)
			}
		})
	}
}

// TestHTTPStateDates runs the dates of the same suite at a time before all of them.
func TestHTTPStateDates(t *testing.T) {
	var cases []struct {
		Test     string
		Expected *string
	}
	suite.Read(t, "external/http-state/examples.json", &cases)
	if len(cases) < 15 {
		t.Errorf("%d dates; want 15", len(cases))
	}
	for _, tt := range cases {
		j := &jar{now: day(1600, 1, 1)}
		j.store(parsed("http://a.test/"), []string{"a=1; Expires=" + tt.Test})
		var want time.Time
		if tt.Expected != nil {
			var err error
			if want, err = time.Parse(time.RFC1123, *tt.Expected); err != nil {
				t.Fatal(err)
			}
		}
		if all := j.all(); len(all) != 1 || !all[0].Expires.Equal(want) {
			t.Errorf("Expires=%s: %v; want %v", tt.Test, all, want)
		}
	}
}

// TestPublicSuffixes runs the tests of the Public Suffix List as what they mean
// for cookies: which part of a host may share a cookie. The store is the one that
// everybody has, since a list can be switched off by mistake (A116, CVE-2025-27820).
func TestPublicSuffixes(t *testing.T) {
	row := regexp.MustCompile(`(?m)^checkPublicSuffix\('(.*)', (?:'(.*)'|null)\);`)
	rows := row.FindAllStringSubmatch(string(suite.Bytes(t, "external/psl/test_psl.txt")), -1)
	if len(rows) < 70 {
		t.Errorf("%d rows; want 70 or more", len(rows))
	}
	ascii := func(s string) string {
		s, err := idna.Lookup.ToASCII(s)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	set := func(host, domain string) (got []string) {
		j := jar{now: epoch}
		j.store(&url.URL{Scheme: "http", Host: host, Path: "/"}, []string{"a=1; Domain=" + domain})
		for _, c := range j.all() {
			got = append(got, fmt.Sprint(c.Domain, " alone ", c.HostOnly))
		}
		return got
	}
	for _, r := range rows {
		host, registrable := r[1], r[2]
		t.Run(host, func(t *testing.T) {
			if strings.HasPrefix(host, ".") { // no host at all
				if got := set(host, strings.Trim(host, ".")); got != nil {
					t.Errorf("%q set %v; want none", host, got)
				}
				return
			}
			if registrable == "" { // a public suffix
				if got, want := set(host, ascii(host)), []string{ascii(host) + " alone true"}; !slices.Equal(got, want) {
					t.Errorf("%q for itself set %v; want %v", host, got, want)
				}
				if got := set("www."+host, ascii(host)); got != nil {
					t.Errorf("www.%s for %[1]q set %v; want none", host, got)
				}
				return
			}
			if got, want := set(host, ascii(registrable)), []string{ascii(registrable) + " alone false"}; !slices.Equal(got, want) {
				t.Errorf("%q for %q set %v; want %v", host, registrable, got, want)
			}
			_, suffix, _ := strings.Cut(registrable, ".")
			if got := set(host, ascii(suffix)); got != nil {
				t.Errorf("%q for %q set %v; want none", host, suffix, got)
			}
		})
	}
}

// TestRules has the rules of RFC 6265bis and the faults of other clients
// (by CVE and by number in the project's catalogue): what comes back from a host
// after another one has set something.
func TestRules(t *testing.T) {
	long := strings.Repeat("v", 4095)
	for _, tt := range []struct {
		name string
		from string
		set  []string
		to   string
		want string
	}{
		{"A090 public suffix", "http://shop.com/", []string{"a=1; Domain=com"}, "http://shop.com/", ""},
		{"A090 public suffix of two labels", "http://shop.co.uk/", []string{"a=1; Domain=co.uk"}, "http://other.co.uk/", ""},
		{"A091 trailing dot", "http://x.co.uk./", []string{"a=1; Domain=co.uk."}, "http://y.co.uk./", ""},
		{"A091 host with trailing dot", "http://x.co.uk./", []string{"a=1"}, "http://x.co.uk/", "a=1"},
		{"A092 letter case", "http://x.co.uk/", []string{"a=1; Domain=co.UK"}, "http://y.co.uk/", ""},
		{"A093 part of an address", "http://127.168.0.1/", []string{"a=1; Domain=168.0.1"}, "http://126.168.0.1/", ""},
		{"A093 address", "http://10.168.0.1/", []string{"a=1; Domain=10.168.0.1"}, "http://10.168.0.1/", "a=1"},
		{"A093 subdomain of an address", "http://10.168.0.1/", []string{"a=1; Domain=10.168.0.1"}, "http://x.10.168.0.1/", ""},
		{"A093 IPv6", "http://[2001:DB8::1]:80/", []string{"a=1"}, "http://[2001:db8::1]:81/", "a=1"},
		{"A094 tail without dot", "http://ample.com/", []string{"a=1; Domain=ample.com"}, "http://example.com/", ""},
		{"A095 dot", "http://a.example.com/", []string{"a=1; Domain=."}, "http://b.example.com/", ""},
		{"A095 two dots", "http://a.example.com/", []string{"a=1; Domain=.."}, "http://b.example.com/", ""},
		{"A096 foreign domain", "http://evil.test/", []string{"a=1; Domain=bank.test"}, "http://bank.test/", ""},
		{"A096 subdomain", "http://bank.test/", []string{"a=1; Domain=www.bank.test"}, "http://www.bank.test/", ""},
		{"A097 host only", "http://a.example.com/", []string{"a=1"}, "http://b.a.example.com/", ""},
		{"A098 too large", "http://a.test/", []string{"a=" + long + "x", "b=" + long}, "http://a.test/", "b=" + long},
		{"A100 control character", "http://a.test/", []string{"a=1\x01", "b=2\x7f", "c=3; Path=/\x00", "d=4"}, "http://a.test/", "d=4"},
		{"A102 __Host- over http", "http://a.example.com/", []string{"__Host-a=1; Secure; Path=/"}, "https://a.example.com/", ""},
		{"A102 __Host- with domain", "https://a.example.com/", []string{"__Host-a=1; Secure; Path=/; Domain=a.example.com"}, "https://a.example.com/", ""},
		{"A102 __Host- without Path", "https://a.example.com/", []string{"__Host-a=1; Secure"}, "https://a.example.com/", ""},
		{"A102 __Host- elsewhere", "https://a.example.com/x/", []string{"__Host-a=1; Secure; Path=/x/"}, "https://a.example.com/x/", ""},
		{"A102 __Host-", "https://a.example.com/", []string{"__Host-a=1; Secure; Path=/"}, "https://a.example.com/", "__Host-a=1"},
		{"A102 __Secure- without Secure", "https://a.example.com/", []string{"__Secure-a=1", "__SECURE-b=2"}, "https://a.example.com/", ""},
		{"A102 __Secure-", "https://a.example.com/", []string{"__Secure-a=1; Secure; Domain=example.com"}, "https://b.example.com/", "__Secure-a=1"},
		{"A102 __Http-", "https://a.example.com/", []string{"__Http-a=1; Secure", "__Http-b=2; Secure; HttpOnly"}, "https://a.example.com/", "__Http-b=2"},
		{"A102 __Host-Http-", "https://a.example.com/", []string{"__Host-Http-a=1; Secure; Path=/", "__Host-Http-b=2; Secure; HttpOnly; Path=/"}, "https://a.example.com/", "__Host-Http-b=2"},
		{"A102 nameless with prefix", "https://a.example.com/", []string{"=__Host-a=1; Secure; Path=/", "__Secure-b; Secure"}, "https://a.example.com/", ""},
		{"A109 Path quote", "http://a.test/dir/x", []string{`a=1; Path="`}, "http://a.test/dir/y", "a=1"},
		{"A111 Max-Age of 2^63", "http://a.test/", []string{"a=1; Max-Age=9223372036854775807", "b=2; Max-Age=" + strings.Repeat("9", 900)}, "http://a.test/", "a=1; b=2"},
		{"A112 percent encoding", "http://a.test/", []string{"a=%0d%0aX:%00"}, "http://a.test/", "a=%0d%0aX:%00"},
		{"A115 bytes", "http://a.test/", []string{"s=a,b", "t=café", `u=a"b`, `v="q r"`, "w=\xe9\xff"}, "http://a.test/", "s=a,b; t=café; u=a\"b; v=\"q r\"; w=\xe9\xff"},
		{"A147 one host", "http://EXAMPLE。com/", []string{"a=1"}, "http://example.com/", "a=1"},
		{"A147 IDNA", "http://bücher.example/", []string{"a=1; Domain=xn--bcher-kva.example"}, "http://www.BÜCHER.example/", "a=1"},
		{"IDNA in Domain", "http://bücher.example/", []string{"a=1; Domain=bücher.example"}, "http://bücher.example/", ""},
		{"B162 NUL", "http://a.test/", []string{"a=1\x002"}, "http://a.test/", ""},
		{"B163 junk dates", "http://a.test/", []string{"a=1; Expires=soon", "b=2; Expires=0", "c=3; Max-Age=1.5", "d=4; Max-Age=-", `e=5; Max-Age="9"`}, "http://a.test/", "a=1; b=2; c=3; d=4; e=5"},
		{"B163 past", "http://a.test/", []string{"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2; Max-Age=-99999999999999999999"}, "http://a.test/", ""},
		{"B163 far", "http://a.test/", []string{"a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"}, "http://a.test/", "a=1"},
		{"Max-Age before Expires", "http://a.test/", []string{"a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, "http://a.test/", "a=1"},
		{"long attribute", "http://a.test/", []string{"a=1; Path=/" + long}, "http://a.test/", "a=1"},
		{"no Kelvin sign", "http://a.test/", []string{"a=1; \u017fecure"}, "http://a.test/", "a=1"},
		{"Secure from http", "http://a.test/", []string{"a=1; Secure"}, "https://a.test/", ""},
		{"Secure to http", "https://a.test/", []string{"a=1; Secure", "b=2"}, "http://a.test/", "b=2"},
		{"Secure at localhost", "http://localhost:80/", []string{"a=1; Secure"}, "http://localhost:8080/", "a=1"},
		{"Secure below localhost", "http://x.localhost/", []string{"a=1; Secure"}, "http://x.localhost/", "a=1"},
		{"Secure at loopback", "http://127.0.0.1/", []string{"a=1; Secure"}, "http://127.0.0.1/", "a=1"},
		{"Secure at IPv6 loopback", "http://[::1]/", []string{"a=1; Secure"}, "http://[::1]/", "a=1"},
		{"Secure at 127.example", "http://127.example/", []string{"a=1; Secure"}, "https://127.example/", ""},
		{"Domain=localhost", "http://localhost/", []string{"a=1; Domain=localhost"}, "http://localhost/", "a=1"},
		{"Domain=localhost below", "http://localhost/", []string{"a=1; Domain=localhost"}, "http://x.localhost/", ""},
		{"Domain of a public suffix itself", "http://github.io/", []string{"a=1; Domain=github.io"}, "http://evil.github.io/", ""},
		{"SameSite=None without Secure", "http://a.test/", []string{"a=1; SameSite=None"}, "http://a.test/", "a=1"},
		{"underscore", "http://my_host.test/", []string{"a=1"}, "http://my_host.test/", "a=1"},
		{"longer paths first", "http://a.test/", []string{"s=1; Path=/", "l=2; Path=/a/b", "m=3; Path=/a", "d=4"}, "http://a.test/a/b/c", "l=2; m=3; s=1; d=4"},
		{"same age as before", "http://a.test/", []string{"a=1", "b=2", "a=3"}, "http://a.test/", "a=3; b=2"},
		{"host-only and domain", "http://a.test/", []string{"a=1", "a=2; Domain=a.test"}, "http://a.test/", "a=1; a=2"},
		{"encoded path", "http://a.test/", []string{"a=1; Path=/x%20y"}, "http://a.test/x y/z", "a=1"},
		{"no path", "http://a.test", []string{"a=1"}, "http://a.test", "a=1"},
		{"deleted", "http://a.test/", []string{"a=1", "b=2", "a=; Max-Age=0"}, "http://a.test/", "b=2"},
		{"empty fields", "http://a.test/", []string{"", ";", "=", " ; Path=/"}, "http://a.test/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := &jar{now: epoch}
			j.store(parsed(tt.from), tt.set)
			if got := j.header(parsed(tt.to), true); got != tt.want {
				t.Errorf("after %q from %s, header(%s) = %q; want %q", tt.set, tt.from, tt.to, got, tt.want)
			}
		})
	}
}

// A098: a sibling host must not be able to make each request to a host too large.
func TestHeaderLimit(t *testing.T) {
	j := &jar{now: epoch}
	j.store(parsed("http://good.example.com/"), []string{"old=" + strings.Repeat("o", 4000) + "; Domain=example.com"})
	j.now = j.now.Add(time.Second)
	big := strings.Repeat("x", 4000)
	for i := range 49 {
		j.store(parsed("http://evil.example.com/"), []string{fmt.Sprintf("evil%d=%s; Domain=example.com; Path=/login", i, big)})
	}
	j.now = j.now.Add(time.Second)
	j.store(parsed("http://good.example.com/"), []string{"sid=" + strings.Repeat("s", 1000)})
	got := j.header(parsed("http://good.example.com/login"), true)
	if len(got) > 8190 || !strings.HasSuffix(got, "; sid="+strings.Repeat("s", 1000)) || !strings.Contains(got, "old=ooo") {
		t.Errorf("header has %d bytes and ends in %.20q; want at most 8190, with the host's own and the oldest", len(got), got[max(0, len(got)-20):])
	}

	// What the host has set itself counts, too.
	j.store(parsed("http://good.example.com/"), []string{"more=" + strings.Repeat("m", 2500)})
	if got := j.header(parsed("http://good.example.com/login"), true); len(got) > 8190 || strings.Contains(got, "evil") {
		t.Errorf("header has %d bytes; want at most 8190, with nothing of the sibling", len(got))
	}

	// A server that splits its own ticket over many cookies gets all of it.
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("ticket%d=%s", i, big))
	}
	own := parsed("https://login.example.org/")
	j.store(own, want)
	j.store(own, []string{"sid=1; Domain=example.org"})
	want = append(want, "sid=1")
	if got := j.header(own, false); got != strings.Join(want, "; ") {
		t.Errorf("of 5 large cookies of the host itself and a small one of its domain, %d bytes are sent; want all", len(got))
	}
}

// A101, B165: http leaves Secure cookies alone.
func TestSecureCookiesLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name, secure, https, http, set string
		kept                           bool // the Secure cookie shows to https unrivalled
	}{
		{"same", "a=good; Secure", "https://www.example.com/", "http://www.example.com/", "a=evil", true},
		{"delete", "a=good; Secure", "https://www.example.com/", "http://www.example.com/", "a=; Max-Age=0", true},
		{"domain over host", "a=good; Secure", "https://www.example.com/", "http://www.example.com/", "a=evil; Domain=example.com", true},
		{"from a sibling", "a=good; Secure; Domain=example.com", "https://www.example.com/", "http://evil.example.com/", "a=evil; Domain=example.com", true},
		{"from below", "a=good; Secure; Domain=example.com", "https://www.example.com/", "http://www.example.com/", "a=evil", true},
		{"path below", "a=good; Secure; Path=/", "https://www.example.com/", "http://www.example.com/", "a=evil; Path=/x", true},
		{"path above", "a=good; Secure; Path=/x", "https://www.example.com/", "http://www.example.com/", "a=evil; Path=/", false},
		{"other name", "a=good; Secure", "https://www.example.com/", "http://www.example.com/", "b=evil", false},
		{"other site", "a=good; Secure", "https://www.example.com/", "http://www.example.org/", "a=evil", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := &jar{now: epoch}
			j.store(parsed(tt.https), []string{tt.secure})
			j.store(parsed(tt.http), []string{tt.set})
			got := j.header(parsed(tt.https).JoinPath("x"), true)
			if kept := got == "a=good"; kept != tt.kept || !strings.Contains(got, "a=good") {
				t.Errorf("after %q over https and %q over http, header = %q; alone: %v", tt.secure, tt.set, got, tt.kept)
			}
			j.store(parsed(tt.https), []string{strings.Replace(tt.secure, "good", "new", 1)})
			if got := j.header(parsed(tt.https).JoinPath("x"), true); !strings.Contains(got, "a=new") {
				t.Errorf("https cannot replace its own cookie: %q", got)
			}
			j.Remove(func(*Cookie) bool { return true })
			j.store(parsed(tt.http), []string{"a=plain"})
			if got := j.Len(); got != 1 {
				t.Errorf("a name that no Secure cookie has any more cannot be set: Len() = %d", got)
			}
		})
	}
}

// A113
func TestSameSite(t *testing.T) {
	for value, want := range map[string]SameSite{
		"Lax": SameSiteLax, "sTRICT": SameSiteStrict, "none": SameSiteNone,
		"NoneOfYourBusiness": 0, "": 0, "Lax; SameSite=what": 0, "what; SameSite=Lax": SameSiteLax,
	} {
		got, ok := Parse("a=1; SameSite=" + value)
		if !ok || got.SameSite != want {
			t.Errorf("SameSite=%s: %v; want %v", value, got.SameSite, want)
		}
	}
}
