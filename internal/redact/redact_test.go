package redact

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/growth"
)

// secret is a part of each secret of the tests: where it turns up, one has leaked.
const secret = "s3cr3t"

func TestURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://a.test", "http://a.test"},
		{"https://a.test:8443/x/y?q=1&page=2#part", "https://a.test:8443/x/y?q=1&page=2#part"},
		{"https://u:s3cr3t@a.test/", "https://a.test/"},
		{"https://s3cr3t@a.test/", "https://a.test/"},
		{"http://a.test/?token=s3cr3t&q=1", "http://a.test/?token=***&q=1"},
		{"http://a.test/?token=", "http://a.test/?token="},
		{"http://a.test/?token", "http://a.test/?token"},
		{"http://a.test/?q=1&%74oken=s3cr3t", "http://a.test/?q=1&%74oken=***"},
		{"http://a.test/?user%5Bpassword%5D=s3cr3t", "http://a.test/?user%5Bpassword%5D=***"},
		{"http://a.test/?a=1;token=s3cr3t", "http://a.test/?a=***"},
		{"http://a.test/cb#access_token=s3cr3t&state=x", "http://a.test/cb#access_token=***&state=x"},
		{"http://a.test/#/route?page=1&id_token=s3cr3t", "http://a.test/#/route?page=1&id_token=***"},
		{"http://a.test/#/route?id_token=s3cr3t", "http://a.test/#/route?id_token=***"},
		{"http://a.test/#!code=s3cr3t", "http://a.test/#!code=***"},
		{"http://a.test/#author", "http://a.test/#author"},
		{"http://a.test/x;jsessionid=s3cr3t/y;v=1", "http://a.test/x;jsessionid=***/y;v=1"},
		{"http://a.test/token=s3cr3t/y", "http://a.test/token=***/y"},
		{"http://a.test/?next=http://u:s3cr3t@b.test/", "http://a.test/?next=***"},
		{"http://a.test/?next=http%3A%2F%2Fb.test%2F%3Ftoken%3Ds3cr3t&q=1", "http://a.test/?next=***&q=1"},
		{"http://a.test/?next=http%253A%252F%252Fb.test%252F%253Ftoken%253Ds3cr3t", "http://a.test/?next=***"},
		{"http://a.test/?next=http%3A%2F%2Fb.test%2F%3Fpage%3D2", "http://a.test/?next=http%3A%2F%2Fb.test%2F%3Fpage%3D2"},
		{"http://a.test/?q=%7B%22token%22%3A%22s3cr3t%22%7D", "http://a.test/?q=***"},
		{"http://a.test/?q=50%25+off&x=%zz", "http://a.test/?q=50%25+off&x=%zz"},
		{"http://a.test/fetch/http://u:s3cr3t@b.test/x", "http://a.test/fetch/http://***@b.test/x"},
		{"http://a.test/fetch/http%3A%2F%2Fu%3As3cr3t%40b.test", "http://a.test/fetch/***"},
		{"http://localhost:8080/react@18.2.0/", "http://localhost:8080/react@18.2.0/"},
		{"http://127.0.0.1:80/a@b.test", "http://127.0.0.1:80/a@b.test"},
		{"http://[::1]:80/a@b.test", "http://[::1]:80/a@b.test"},
		{"http://a.test/@name?email=a@b.test", "http://a.test/@name?email=a@b.test"},
		{"http://user:1/s3cr3t@b.test/", "http://***@b.test/"},
		{"unix://%2Frun%2Fa.sock/x", "unix://%2Frun%2Fa.sock/x"},
	} {
		if got := URL(split(tt.in)); got != tt.want {
			t.Errorf("URL(%s) = %s; want %s", tt.in, got, tt.want)
		}
	}
	if got := URL(nil); got != "" {
		t.Errorf("URL(nil) = %q", got)
	}
	if got := URL(&url.URL{Scheme: "http", Host: "u:s3cr3t@a.test", Path: "/x"}); got != "http://a.test/x" {
		t.Errorf("URL of a Host with userinfo = %s", got)
	}
	if got := URL(&url.URL{Scheme: "http", Opaque: "//u:s3cr3t@a.test/x", RawQuery: "token=s3cr3t"}); got != "http://a.test/x?token=***" {
		t.Errorf("URL of an Opaque with userinfo = %s", got)
	}
}

// split is url.Parse without what that refuses.
func split(s string) *url.URL {
	u := new(url.URL)
	rest := ""
	u.Scheme, rest, _ = strings.Cut(s, "://")
	rest, u.RawFragment, _ = strings.Cut(rest, "#")
	u.Fragment, _ = url.PathUnescape(u.RawFragment)
	rest, u.RawQuery, _ = strings.Cut(rest, "?")
	host, path, found := strings.Cut(rest, "/")
	if found {
		u.RawPath = "/" + path
		u.Path, _ = url.PathUnescape(u.RawPath)
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		name, password, _ := strings.Cut(host[:i], ":")
		u.User = url.UserPassword(name, password)
		host = host[i+1:]
	}
	u.Host, _ = url.PathUnescape(host)
	return u
}

func TestRawURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"example.com", "example.com"},
		{"localhost:8080", "localhost:8080"},
		{"/path?token=s3cr3t", "/path?token=***"},
		{"http:/a", "http:/a"},
		{" HTTP://a.test", " HTTP://a.test"},
		{"http://a.test:99999/?q=1", "http://a.test:99999/?q=1"},
		{"http://u:s3cr3t@a.test:x/", "http://a.test:x/"},
		{"u:s3cr3t@a.test/x", "a.test/x"},
		{"//u:s3cr3t@a.test/x", "//a.test/x"},
		{"http://u:s3/cr3t@a.test/x", "http://***@a.test/x"},
		{"http://u:p@s3cr3t@a.test/x", "http://a.test/x"},
		{"http://u:p@s3cr3t/s3cr3t@a.test/x", "http://***@a.test/x"},
		{"http://u:p\\s3cr3t@a.test/x", "http://***@a.test/x"},
		{"http://u:\ns3cr3t@a.test/x\n", `http://a.test/x\n`},
		{"http://u:s3cr3t@", "http://"},
		{"http://a.test/" + strings.Repeat("x", 2000), "http://a.test/" + strings.Repeat("x", 1010) + "…"},
	} {
		if got := RawURL(tt.in); got != tt.want {
			t.Errorf("RawURL(%q) = %q; want %q", tt.in, got, tt.want)
		}
	}
}

// TestRawURLPassword has a password with each character that a password should
// have escaped, in each place.
func TestRawURLPassword(t *testing.T) {
	for _, password := range passwords() {
		for _, tail := range []string{"/", "", "/x/y?q=1#f", "/a@b", "?a=b@c", ":8080/", ":x/"} {
			for _, prefix := range []string{"http://user:", "HTTPS://first.last:", "user:", "//user:", "socks5://user:", "user://"} {
				raw := prefix + password + "@host.test" + tail
				if strings.Contains(prefix, "first.last") && strings.ContainsAny(password, "19") || prefix == "user://" && strings.ContainsAny(password, `/?#\`) {
					continue // by all rules there are a host, a port and a path
				}
				if got := RawURL(raw); strings.Contains(got, secret) {
					t.Errorf("RawURL(%q) = %q", raw, got)
				}
			}
		}
	}
}

func passwords() []string {
	list := []string{secret}
	for _, c := range []string{"/", "?", "#", "@", ":", `\`, "//", "://", "/@", "@/", " ", "%", "[", "]", "1/", "1?", "99999/", "&", "="} {
		list = append(list, c+secret, secret+c, secret+c+secret)
	}
	return list
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"connection refused", "connection refused"},
		{"dial tcp 127.0.0.1:80: connect: connection refused", "dial tcp 127.0.0.1:80: connect: connection refused"},
		{`Get "http://u:s3cr3t@a.test/?token=s3cr3t&q=1": EOF`, `Get "http://***@a.test/?token=***&q=1": EOF`},
		{`Get "http://u:s3/cr3t@a.test/": EOF`, `Get "http://***@a.test/": EOF`},
		{"malformed MIME header line: Set-Cookie: sid=s3cr3t", "malformed MIME header line: Set-Cookie: ***"},
		{"Authorization: Bearer s3cr3t\nHost: a", "Authorization: ***\nHost: a"},
		{`oauth2: "invalid_grant"`, `oauth2: "invalid_grant"`},
		{`{"access_token": "s3cr3t", "n": 1}`, `{"access_token": ***, "n": 1}`},
		{`got "{\"access_token\":\"s3cr3t\"}"`, `got "{\"access_token\":***}"`},
		{"password='s3 cr3t' user=x", "password=*** user=x"},
		{"token=", "token="},
		{"x509: certificate signed by unknown authority", "x509: certificate signed by unknown authority"},
	} {
		if got := Text(tt.in); got != tt.want {
			t.Errorf("Text(%q) = %q; want %q", tt.in, got, tt.want)
		}
	}
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		`{"access_token":"x"}`: true, "a=1&password=2": true, "Cookie": true,
		"": false, `{"name":"monkey"}`: false, "the author of it": false,
	} {
		if got := Mentions(text); got != want {
			t.Errorf("Mentions(%q) = %v; want %v", text, got, want)
		}
	}
}

func TestToken(t *testing.T) {
	for in, want := range map[string]string{
		"X-A": `"X-A"`, "": `""`, "Authorization: Basic s3cr3t": `"Authorization"…`, "X s3cr3t": `"X"…`, "\ns3cr3t": `""…`, "é": `""…`,
		strings.Repeat("x", 41): `"` + strings.Repeat("x", 40) + `"…`,
	} {
		if got := Token(in); got != want {
			t.Errorf("Token(%q) = %s; want %s", in, got, want)
		}
	}
}

func TestLinear(t *testing.T) {
	for _, unit := range []string{
		"//", "@", "//@", "=", ":", "a=", "token=", "token=&", "token= &", `"token":`, `"token": "`, "%", "%25", "/;", "&", `"`, `\`, "//a:1/", "//a.b/", "a@//", "aB", "-", " ",
	} {
		for _, start := range []string{"", "http://a.test/", "token=", `"token": "`} {
			growth.Linear(t, start, unit, func(text string) int {
				var s scanner
				s.hideUserinfo(text)
				for {
					_, to, found := s.secret(text)
					if !found {
						return s.looked
					}
					text = text[to:]
				}
			})
			// What these do beside that takes no steps that are counted, but allocates.
			growth.Linear(t, start, unit, func(text string) int {
				RawURL(text)
				Text(text)
				Mentions(text)
				Secret(text)
				Body(text, "application/json")
				Start(text, "multipart/form-data; boundary=a")
				Line(text)
				return 0
			})
		}
	}
}

// FuzzURL puts a secret into a URL of any other parts and wants it out of what is shown.
func FuzzURL(f *testing.F) {
	names := strings.Fields(secretNames["OAuth and OpenID Connect"] + " " + secretNames["passwords"])
	names = slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "[") })
	for i, password := range passwords() {
		f.Add(byte(i), byte(i), "user", password, "/x/y", "q=1")
	}
	f.Add(byte(1), byte(0), "a.test:80", "", "/a;b=c/d@e", "next=http%3A%2F%2Fb.test")
	f.Add(byte(4), byte(9), "", "", "/%2F%2F", "a=b&c=d#e=f")
	f.Fuzz(func(t *testing.T, place, which byte, user, password, path, query string) {
		for _, s := range []string{user, path, query} {
			if strings.Contains(s, secret) {
				t.Skip()
			}
		}
		name := names[int(which)%len(names)]
		raw := "http://a.test/" + strings.NewReplacer("?", "", "#", "", `\`, "").Replace(path)
		switch place % 6 {
		case 0: // anything before the last "@" is a password
			if strings.ContainsAny(user, `:/?#@\.[`) || user == "localhost" {
				t.Skip()
			}
			raw = "http://" + user + ":" + password + secret + "@host.test/"
		case 1:
			raw += "?" + name + "=" + secret + "&" + query
		case 2:
			raw += "?" + strings.ReplaceAll(query, "#", "") + "&" + name + "=" + secret
		case 3:
			raw += "#" + query + "&" + name + "=" + secret
		case 4:
			raw += ";" + name + "=" + secret
		case 5:
			raw += "?next=" + url.QueryEscape("https://u:"+secret+"@b.test/") + "&" + query
		}
		if got := RawURL(raw); strings.Contains(got, secret) {
			t.Errorf("RawURL(%q) = %q", raw, got)
		}
		if u, err := url.Parse(raw); err == nil {
			if got := URL(u); strings.Contains(got, secret) {
				t.Errorf("URL(%q) = %q", raw, got)
			}
		}
	})
}
