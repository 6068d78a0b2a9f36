package requests

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func cookieURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// cookieClock is a clock that stands until it is moved.
type cookieClock struct{ t time.Time }

func (c *cookieClock) now() time.Time          { return c.t }
func (c *cookieClock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newCookieClock(day string) *cookieClock {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return &cookieClock{t}
}

func newTestJar() (*CookieJar, *cookieClock) {
	c := newCookieClock("2026-01-02")
	return &CookieJar{now: c.now}, c
}

func TestParseSetCookies(t *testing.T) {
	got := parseSetCookies(cookieURL("https://www.example.com/dir/page"), []string{
		"b=2; Domain=.Example.COM; Path=/; Secure; HttpOnly; SameSite=Lax; Expires=Wed, 01 Jan 2098 00:00:00 GMT",
		"a=1", "gone=; Max-Age=0", "foreign=1; Domain=example.org", "a=3",
	})
	for _, c := range got {
		if c.Created.IsZero() || c.LastAccess.IsZero() {
			t.Errorf("%v has no times", c)
		}
		c.Created, c.LastAccess = time.Time{}, time.Time{}
	}
	want := []*Cookie{
		{Name: "b", Value: "2", Domain: "example.com", Path: "/", Secure: true, HttpOnly: true,
			SameSite: http.SameSiteLaxMode, Expires: time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Name: "a", Value: "3", Domain: "www.example.com", HostOnly: true, Path: "/dir"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseSetCookies = %v; want %v", got, want)
	}
	for domain, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "a.test": false} {
		got := parseSetCookies(cookieURL("http://"+domain+"/"), []string{"a=1; Domain=" + domain})
		if len(got) != 1 || got[0].HostOnly != want {
			t.Errorf("Domain=%s of that host: %#v; want HostOnly %v", domain, got, want)
		}
	}
	if got := parseSetCookies(cookieURL("http://a.test/"), nil); got != nil {
		t.Errorf("parseSetCookies of nothing = %v; want none", got)
	}
}

// C070 to C074, A114: what would end the field or one of its parts is refused.
func TestSetRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, cookie, value string
		attributes          []CookieAttribute
	}{
		{"C070 CRLF", "n\r\nX", "secret", nil},
		{"C070 semicolon", "n;b", "secret", nil},
		{"C070 space", "n b", "secret", nil},
		{"C070 equals", "n=b", "secret", nil},
		{"C070 empty", "", "secret", nil},
		{"C070 not ASCII", "né", "secret", nil},
		{"C071 CRLF", "n", "secret\r\nX: y", nil},
		{"C071 semicolon", "n", "secret; Domain=x", nil},
		{"C071 NUL", "n", "secret\x00", nil},
		{"C071 DEL", "n", "secret\x7f", nil},
		{"C071 TAB", "n", "secret\tx", nil},
		{"C071 not ASCII", "n", "secreté", nil},
		{"C071 Latin-1", "n", "secret\xe9", nil},
		{"C071 space at the end", "n", "secret ", nil},
		{"C073 1 MB", "n", strings.Repeat("secret", 1<<18), nil},
		{"C074 domain CRLF", "n", "secret", []CookieAttribute{CookieDomain("a.test\r\nX: y")}},
		{"C074 domain semicolon", "n", "secret", []CookieAttribute{CookieDomain("a.test; Secure")}},
		{"C074 domain with port", "n", "secret", []CookieAttribute{CookieDomain("a.test/x")}},
		{"C074 domain empty label", "n", "secret", []CookieAttribute{CookieDomain("a..test")}},
		{"C074 domain dot", "n", "secret", []CookieAttribute{CookieDomain(".")}},
		{"C074 path CRLF", "n", "secret", []CookieAttribute{CookiePath("/\r\n")}},
		{"C074 path semicolon", "n", "secret", []CookieAttribute{CookiePath("/;x")}},
		{"C074 path relative", "n", "secret", []CookieAttribute{CookiePath("x")}},
		{"C074 path not encoded", "n", "secret", []CookieAttribute{CookiePath("/é")}},
		{"C074 path with space", "n", "secret", []CookieAttribute{CookiePath("/a b")}},
		{"prefix", "__Host-n", "secret", []CookieAttribute{CookieDomain("a.test"), CookieSecure(true)}},
		{"prefix Secure", "__Secure-n", "secret", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j CookieJar
			err := j.Set(tt.cookie, tt.value, tt.attributes...)
			if !errors.Is(err, ErrInvalidOption) || strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("Set(%q, …) = %v; want ErrInvalidOption without the value", tt.cookie, err)
			}
			if tt.cookie != "" && err != nil && !strings.Contains(err.Error(), "cookie \"") {
				t.Errorf("%q does not name the cookie", err)
			}
			if j.Len() != 0 {
				t.Errorf("the cookie is in the jar")
			}
		})
	}
}

// C072, A115: what can be sent is sent untouched.
func TestSetSendsAsItIs(t *testing.T) {
	for _, value := range []string{"", "x y", "a,b", `"q"`, `x"y`, `\`, "http://x/", "%20%3D", "a=b", "{}"} {
		var j CookieJar
		if err := j.Set("n", value); err != nil {
			t.Errorf("Set(n, %q) = %v", value, err)
		}
		if got := j.header(cookieURL("http://a.test/"), true); got != "n="+value {
			t.Errorf("header after Set(n, %q) = %q", value, got)
		}
	}
}

func TestSetDomains(t *testing.T) {
	for _, tt := range []struct {
		name       string
		attributes []CookieAttribute
		url        string
		named      bool
		want       bool
	}{
		{"none, named", nil, "http://any.test/x", true, true},
		{"A097 none, by redirect", nil, "http://any.test/x", false, false},
		{"none, no host", nil, "mock:///x", true, true},
		{"emptied", []CookieAttribute{CookieDomain("localhost"), CookieDomain("")}, "http://any.test/", false, false},
		{"host", []CookieAttribute{CookieDomain("a.test")}, "http://a.test/", false, true},
		{"subdomain", []CookieAttribute{CookieDomain("a.test")}, "http://b.a.test/", false, true},
		{"dot and case", []CookieAttribute{CookieDomain(".A.Test")}, "http://b.a.test/", false, true},
		{"IDNA", []CookieAttribute{CookieDomain("Bücher.example")}, "http://bücher.example/", false, true},
		{"not by tail", []CookieAttribute{CookieDomain("a.test")}, "http://xa.test/", false, false},
		{"host only", []CookieAttribute{CookieDomain("a.test"), CookieHostOnly(true)}, "http://b.a.test/", false, false},
		{"address", []CookieAttribute{CookieDomain("10.0.0.1")}, "http://10.0.0.1/", false, true},
		{"not below an address", []CookieAttribute{CookieDomain("10.0.0.1")}, "http://x.10.0.0.1/", false, false},
		{"public suffix itself", []CookieAttribute{CookieDomain("co.uk")}, "http://co.uk/", false, true},
		{"public suffix below", []CookieAttribute{CookieDomain("co.uk"), CookieHostOnly(false)}, "http://x.co.uk/", false, false},
		{"path", []CookieAttribute{CookiePath("/a")}, "http://any.test/a/b", true, true},
		{"other path", []CookieAttribute{CookiePath("/a")}, "http://any.test/ab", true, false},
		{"Secure over http", []CookieAttribute{CookieSecure(true)}, "http://any.test/", true, false},
		{"Secure over https", []CookieAttribute{CookieSecure(true)}, "https://any.test/", true, true},
		{"expired", []CookieAttribute{CookieExpires(time.Unix(1, 0))}, "http://any.test/", true, false},
		{"later", []CookieAttribute{CookieExpires(time.Unix(9e9, 0))}, "http://any.test/", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, _ := newTestJar()
			if err := j.Set("n", "v", tt.attributes...); err != nil {
				t.Fatal(err)
			}
			if got := j.header(cookieURL(tt.url), tt.named) == "n=v"; got != tt.want {
				t.Errorf("sent to %s: %v; want %v", tt.url, got, tt.want)
			}
		})
	}
}

// A cookie that goes with one call stands in for that of the session, but
// beside those of servers.
func TestHeaderWith(t *testing.T) {
	j, _ := newTestJar()
	u := cookieURL("http://www.example.com/a/b")
	for _, c := range []struct{ name, path string }{{"s", "/"}, {"t", "/"}, {"p", "/a"}} {
		if err := j.Set(c.name, "sess", CookiePath(c.path)); err != nil {
			t.Fatal(err)
		}
	}
	j.store(u, []string{"s=server; Path=/"})
	own := map[string]string{"s": "call", "r": "2", "p": "call"}
	for _, tt := range []struct {
		name  string
		named bool
		own   map[string]string
		want  string
	}{
		{"jar", true, nil, "p=sess; s=sess; t=sess; s=server"},
		{"both", true, own, "p=sess; t=sess; s=server; p=call; r=2; s=call"},
		{"redirect", false, nil, "s=server"},
		{"redirect on the same host", true, map[string]string{}, "p=sess; s=sess; t=sess; s=server"},
	} {
		if got := j.headerWith(u, tt.named, tt.own); got != tt.want {
			t.Errorf("%s: headerWith = %q; want %q", tt.name, got, tt.want)
		}
	}
	if got := new(CookieJar).headerWith(u, true, own); got != "p=call; r=2; s=call" {
		t.Errorf("empty jar: %q", got)
	}
	if got := j.Map(); got["s"] != "server" || got["r"] != "" {
		t.Errorf("the jar has changed: %v", got)
	}
}

func TestSetAttributes(t *testing.T) {
	j, clock := newTestJar()
	err := j.Set("__Host-Http-n", `"v"`, CookieDomain("a.test"), CookieHostOnly(true), CookieSecure(true), CookieHTTPOnly(true),
		CookieSameSite(http.SameSiteStrictMode), CookieExpires(time.Time{}), CookieExpires(clock.t.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	want := []*Cookie{{
		Name: "__Host-Http-n", Value: `"v"`, Domain: "a.test", HostOnly: true, Path: "/", Expires: clock.t.Add(time.Hour),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, Created: clock.t, LastAccess: clock.t,
	}}
	if got := slices.Collect(j.All()); !reflect.DeepEqual(got, want) {
		t.Errorf("Set has stored %v; want %v", got, want)
	}
}

func fourCookies(t *testing.T) *CookieJar {
	t.Helper()
	j, _ := newTestJar()
	for _, c := range []struct {
		name, value string
		attributes  []CookieAttribute
	}{
		{"a", "w", []CookieAttribute{CookieDomain("www.example.com")}},
		{"a", "o", []CookieAttribute{CookieDomain("example.org")}},
		{"b", "x", []CookieAttribute{CookieDomain("www.example.com"), CookiePath("/p")}},
		{"c", "n", nil},
	} {
		if err := j.Set(c.name, c.value, c.attributes...); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func TestCookieJarGet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		where []CookieScope
		want  string
		err   error
	}{
		{"a", nil, "", ErrCookieConflict},
		{"a", []CookieScope{CookieDomain("example.org")}, "o", nil},
		{"a", []CookieScope{CookieDomain(".WWW.example.com")}, "w", nil},
		{"a", []CookieScope{CookieDomain("com")}, "", http.ErrNoCookie},
		{"a", []CookieScope{CookieDomain("")}, "", http.ErrNoCookie},
		{"a", []CookieScope{CookieDomain("..")}, "", http.ErrNoCookie},
		{"b", []CookieScope{CookiePath("/p")}, "x", nil},
		{"b", []CookieScope{CookieDomain("example.org"), CookiePath("/p")}, "", http.ErrNoCookie},
		{"b", []CookieScope{CookiePath("/q")}, "", http.ErrNoCookie},
		{"c", []CookieScope{CookieDomain("")}, "n", nil},
		{"zz", nil, "", http.ErrNoCookie},
	} {
		c, err := fourCookies(t).Get(tt.name, tt.where...)
		if !errors.Is(err, tt.err) || err == nil && c.Value != tt.want {
			t.Errorf("Get(%q, %q) = %v, %v; want %q, %v", tt.name, tt.where, c, err, tt.want, tt.err)
		}
	}
}

func TestCookieJarRemoval(t *testing.T) {
	for _, tt := range []struct {
		name   string
		remove func(*CookieJar) int
		want   []string // names and values left
	}{
		{"Delete", func(j *CookieJar) int { return j.Delete("b") }, []string{"aw", "ao", "cn"}},
		{"Delete all of a name", func(j *CookieJar) int { return j.Delete("a") }, []string{"bx", "cn"}},
		{"Delete in a domain", func(j *CookieJar) int { return j.Delete("a", CookieDomain("example.org")) }, []string{"aw", "bx", "cn"}},
		{"Delete nothing", func(j *CookieJar) int { return j.Delete("zz") }, []string{"aw", "ao", "bx", "cn"}},
		{"Clear", func(j *CookieJar) int { return j.Clear() }, nil},
		{"Clear domain", func(j *CookieJar) int { return j.Clear(CookieDomain("www.example.com")) }, []string{"ao", "cn"}},
		{"Clear path", func(j *CookieJar) int { return j.Clear(CookiePath("/p")) }, []string{"aw", "ao", "cn"}},
		{"Clear no domain", func(j *CookieJar) int { return j.Clear(CookieDomain("")) }, []string{"aw", "ao", "bx"}},
		{"ClearSession", func(j *CookieJar) int { return j.ClearSession() }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := fourCookies(t)
			n := tt.remove(j)
			var left []string
			for c := range j.All() {
				left = append(left, c.Name+c.Value)
			}
			if !slices.Equal(left, tt.want) || n != 4-len(left) || j.Len() != len(left) {
				t.Errorf("removed %d, left %q, Len() = %d; want %q", n, left, j.Len(), tt.want)
			}
		})
	}
}

func TestCookieJarViews(t *testing.T) {
	j := fourCookies(t)
	if got, want := j.Map(), map[string]string{"a": "o", "b": "x", "c": "n"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Map() = %q; want %q", got, want)
	}
	if got, want := j.Map(CookieDomain("www.example.com"), CookiePath("/")), map[string]string{"a": "w"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Map(domain, path) = %q; want %q", got, want)
	}
	for c := range j.All() { // the jar may be used in the loop, and the loop left
		c.Value = "changed"
		j.Delete(c.Name)
		break
	}
	if got := j.Len(); got != 2 {
		t.Errorf("Len() = %d; want 2", got)
	}
	if c, err := j.Get("b"); err != nil || c.Value != "x" || !c.Created.Equal(j.now()) || c.HostOnly {
		t.Errorf("Get(b) = %+v, %v", c, err)
	}
	var empty CookieJar
	if empty.Len() != 0 || len(empty.Map()) != 0 || empty.Clear() != 0 || empty.Cookies(cookieURL("http://a.test/")) != nil {
		t.Error("the zero jar is not empty")
	}
}

// cloneJar makes a jar with the cookies of j, by its clock.
func cloneJar(j *CookieJar) *CookieJar {
	clone := &CookieJar{now: j.now}
	clone.Update(j)
	return clone
}

// A104: a clone has the cookies and nothing else in common.
func TestCookieJarCloneAndUpdate(t *testing.T) {
	j := fourCookies(t)
	j.store(cookieURL("https://a.test/"), []string{"__Host-h=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=99999999"})
	clone := cloneJar(j)
	if got, want := slices.Collect(clone.All()), slices.Collect(j.All()); !reflect.DeepEqual(got, want) {
		t.Errorf("Clone() has %v; want %v", got, want)
	}
	clone.Clear()
	if j.Len() != 5 {
		t.Errorf("clearing the clone has left %d in the original", j.Len())
	}
	if err := clone.Set("c", "old"); err != nil {
		t.Fatal(err)
	}
	clone.Update(j)
	clone.Update(clone)
	if c, err := clone.Get("c"); err != nil || c.Value != "n" || clone.Len() != 5 {
		t.Errorf("after Update, Get(c) = %v, %v and Len() = %d", c, err, clone.Len())
	}

	j, clock := newTestJar() // a copy lives no longer than the original
	j.store(cookieURL("http://a.test/"), []string{"a=1; Max-Age=99999999999"})
	clock.advance(300 * 24 * time.Hour)
	clone = cloneJar(j)
	clock.advance(101 * 24 * time.Hour)
	if got := clone.Len(); got != 0 {
		t.Errorf("a clone keeps a cookie for more than 400 days: Len() = %d", got)
	}
}

func TestCookieJarForHTTPClient(t *testing.T) {
	j, _ := newTestJar()
	u := cookieURL("https://www.Example.com:8443/dir/")
	if err := j.Set("everywhere", "1"); err != nil {
		t.Fatal(err)
	}
	j.SetCookies(u, []*http.Cookie{
		{Name: "a", Value: "1", Domain: ".example.com", Path: "/", Secure: true, SameSite: http.SameSiteStrictMode, MaxAge: 60},
		{Name: "q", Value: "x y", Quoted: true},
		{Name: "raw", Value: "1", RawExpires: "Wednesday, 01-Jan-2098 00:00:00"},
		{Name: "gone", Value: "1", MaxAge: -1},
		{Name: "n;b", Value: "1"}, {Name: "n=b", Value: "1"}, {Name: "n", Value: "1\r\n"}, {Name: "p", Value: "1", Path: "/;x"},
		{Name: "foreign", Value: "1", Domain: "example.org"}, nil,
	})
	var got []string
	for _, c := range j.Cookies(u) {
		got = append(got, c.String())
	}
	if want := []string{`q="x y"`, "raw=1", "a=1"}; !slices.Equal(got, want) {
		t.Errorf("Cookies() = %q; want %q", got, want)
	}
	if c, err := j.Get("a"); err != nil || c.SameSite != http.SameSiteStrictMode || c.Expires != j.now().Add(time.Minute) || c.HostOnly {
		t.Errorf("Get(a) = %v, %v", c, err)
	}
	if c, err := j.Get("raw"); err != nil || c.Expires.Year() != 2098 {
		t.Errorf("Get(raw) = %v, %v", c, err)
	}
	if got, want := j.header(u, false), `q="x y"; raw=1; a=1`; got != want {
		t.Errorf("header = %q; want %q", got, want)
	}
}

// A cookie is a secret however it is printed.
func TestCookieHidesItsValue(t *testing.T) {
	j, _ := newTestJar()
	j.store(cookieURL("https://a.test/"), []string{"sid=s3cret; Secure; HttpOnly; SameSite=Lax; Domain=a.test; Max-Age=60", "s3cret-too"})
	c, err := j.Get("sid")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.String(), "sid=***; Domain=a.test; Path=/; Expires=Fri, 02 Jan 2026 00:01:00 GMT; Secure; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("String() = %q; want %q", got, want)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "cookie", c, "value", *c, "jar", j)
	session := struct{ Jar *CookieJar }{j}
	for _, v := range []any{c, *c, []*Cookie{c}, []Cookie{*c}, j, session, &session} {
		for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%q", "%d", "%x"} {
			text := fmt.Sprintf(verb, v)
			if logged.WriteString(text); strings.Contains(text, "s3cret") || strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("Sprintf(%q, %T) = %s", verb, v, text)
			}
		}
	}
	if strings.Contains(logged.String(), "s3cret") {
		t.Errorf("logged: %s", logged.String())
	}
	_, err = j.Get("")
	if err == nil {
		err = j.Set("x", "s3cret\n")
	}
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error: %v", err)
	}
}

// B164: run with -race.
func TestCookieJarConcurrently(t *testing.T) {
	var j CookieJar
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			u := cookieURL(fmt.Sprintf("https://h%d.example.com/p/", i%10))
			for k := range 20 {
				j.store(u, []string{fmt.Sprintf("a%d=%d; Domain=example.com", i, k), "b=1; Max-Age=60"})
				_ = j.header(u, true)
				_ = j.Set("s", "1")
				_, _ = j.Get("s")
				j.SetCookies(u, []*http.Cookie{{Name: "c", Value: "1"}})
				_ = j.Cookies(u)
				_ = cloneJar(&j).Len()
				j.Update(&j)
				for range j.All() {
				}
				_ = j.Map()
				j.Delete("c")
				_ = j.Save(io.Discard, SessionCookies(true), CookiesJSON)
				_ = j.Load(strings.NewReader("h.test\tFALSE\t/\tFALSE\t0\tx\ty\n"))
				_ = j.Len()
			}
		})
	}
	wg.Wait()
	if c, err := j.Get("s"); err != nil || c.Value != "1" {
		t.Errorf("Get(s) = %v, %v", c, err)
	}
}

func TestHeaderAllocates(t *testing.T) {
	j, _ := newTestJar()
	none, one, several := cookieURL("https://none.test/x"), cookieURL("https://one.test/x"), cookieURL("https://a.several.test/x")
	check := func(u *url.URL, want float64) {
		t.Helper()
		if got := testing.AllocsPerRun(100, func() { _ = j.header(u, true) }); got > want {
			t.Errorf("header(%v) allocates %v times; want %v", u, got, want)
		}
	}
	check(none, 0)
	j.store(one, []string{"a=1"})
	j.store(several, []string{"a=" + strings.Repeat("long", 20), "b=2; Domain=several.test", "c=3; Path=/x"})
	check(none, 0)
	check(one, 0)
	check(several, 1)
}

// FuzzCookieJar feeds one jar and net/http's what a server might send, and looks
// for what must hold of all that is sent back.
func FuzzCookieJar(f *testing.F) {
	for _, line := range []string{"a=1", "__Host-a=1; Path=/; Secure", `a="b; Domain=.example.com`, "=x", "a=1; Max-Age=-1", "a\x00=1"} {
		f.Add("https://www.example.com/a/b", line, "http://example.com/")
	}
	f.Add("http://EXAMPLE。com./", "a=1; domain=example.com", "http://[::1]/")
	f.Fuzz(func(t *testing.T, from, line, to string) {
		src, err := url.Parse(from)
		if err != nil {
			return
		}
		dst, err := url.Parse(to)
		if err != nil {
			return
		}
		var j CookieJar
		j.store(src, []string{"first=1", line})
		if reference, err := cookiejar.New(nil); err == nil { // must not panic on what we export
			reference.SetCookies(src, j.Cookies(src))
		}
		sent := j.header(dst, true)
		if strings.ContainsAny(sent, "\x00\r\n;") && strings.Count(sent, ";") != strings.Count(sent, "; ") {
			t.Errorf("header = %q", sent)
		}
		for c := range j.All() {
			if c.Path == "" || c.Path[0] != '/' || c.Domain == "" || len(c.Name)+len(c.Value) > 4096 || !strings.Contains(line+"first=1", c.Value) {
				t.Errorf("%q from %q stored as %#v", line, from, c)
			}
		}
	})
}

// A099, B161: floods are cut down to the newest and fail nothing.
func TestCookieFlood(t *testing.T) {
	j, clock := newTestJar()
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("n%d=1", i))
	}
	host := cookieURL("http://a.test/")
	j.store(host, lines)
	if got := j.Len(); got != 50 {
		t.Errorf("Len() after 5000 cookies of one host = %d; want 50", got)
	}
	if got := j.header(host, true); !strings.HasSuffix(got, "n4998=1; n4999=1") {
		t.Errorf("the newest are not kept: %q", got)
	}
	j.store(host, []string{"big=" + strings.Repeat("x", 1<<20)})
	if _, err := j.Get("big"); !errors.Is(err, http.ErrNoCookie) {
		t.Errorf("a cookie of 1 MB: %v; want ErrNoCookie", err)
	}
	repeated := slices.Repeat([]string{"a=1"}, 3000)
	j.store(cookieURL("http://b.test/"), append([]string{"first=1"}, repeated...))
	if got := j.header(cookieURL("http://b.test/"), true); got != "a=1" {
		t.Errorf("of 3001 fields, kept %q; want the last 3000 read", got)
	}
	for i := range 3100 {
		clock.advance(time.Second)
		j.store(cookieURL(fmt.Sprintf("http://h%d.test/", i)), []string{"a=1"})
	}
	if got := j.Len(); got != 3000 {
		t.Errorf("Len() after 3100 hosts = %d; want 3000", got)
	}
	if got := j.header(cookieURL("http://h3099.test/"), true); got != "a=1" {
		t.Errorf("newest host: %q; want a=1", got)
	}
	if got := j.header(host, true); got != "" {
		t.Errorf("least recently used host still has %q", got)
	}
}

func TestCookieExpiry(t *testing.T) {
	j, clock := newTestJar()
	u := cookieURL("http://a.test/")
	j.store(u, []string{
		"session=1", "minute=1; Max-Age=60", "year=1; Max-Age=31536000",
		"late=1; Expires=Wed, 01 Jan 2098 00:00:00 GMT", "later=1; Max-Age=99999999999",
	})
	late, err := j.Get("late")
	if want := time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC); err != nil || !late.Expires.Equal(want) {
		t.Fatalf("Get(late) = %v, %v; want Expires %v, as the server said", late, err, want)
	}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{59 * time.Second, "session=1; minute=1; year=1; late=1; later=1"},
		{time.Second, "session=1; year=1; late=1; later=1"},
		{365 * 24 * time.Hour, "session=1; late=1; later=1"},
		{35*24*time.Hour - 61*time.Second, "session=1; late=1; later=1"},
		{time.Second, "session=1"}, // 400 days: RFC 6265bis, section 5.5
	} {
		clock.advance(step.after)
		if got := j.header(u, true); got != step.want {
			t.Errorf("at %v, header = %q; want %q", clock.t, got, step.want)
		}
	}
	if got := j.Len(); got != 1 {
		t.Errorf("Len() = %d; want 1", got)
	}
	j.store(u, []string{"minute=2; Max-Age=60"})
	clock.advance(time.Hour)
	if got := slices.Collect(j.All()); len(got) != 1 {
		t.Errorf("All() shows an expired cookie: %v", got)
	}
	if got := j.ClearSession(); got != 1 {
		t.Errorf("ClearSession() = %d; want 1", got)
	}
	j.store(u, []string{"minute=2; Max-Age=60", "a=1"})
	clock.advance(time.Hour)
	if got := j.Clear(); got != 1 {
		t.Errorf("Clear() = %d; want 1, not counting what has expired", got)
	}
}
