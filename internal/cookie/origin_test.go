package cookie

import (
	"net/url"
	"testing"
)

func TestCanonicalHost(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": no host
		{"example.com", "example.com"},
		{"EXAMPLE.com.", "example.com"},
		{"a_b.example.com", "a_b.example.com"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER。example。", "xn--bcher-kva.example"},
		{"ｅｘａｍｐｌｅ.com", "example.com"},
		{"exam\u00adple.com", "example.com"},
		{"straße.de", "xn--strae-oqa.de"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"::1", "::1"},
		{"2001:DB8::1", "2001:db8::1"},
		{"", ""},
		{".", ""},
		{".a", ""},
		{"a..b", ""},
		{"a..", ""},
		{"a b", ""},
		{"a\x00", ""},
		{"a;b", ""},
		{"a/b", ""},
		{"ａ／b", ""},
		{"\xff", ""},
		{"\u2024com", ""},
	} {
		got, ok := canonicalHost(tt.in)
		if !ok {
			got = ""
		}
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("canonicalHost(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
		}
	}
}

func TestIsIP(t *testing.T) {
	for in, want := range map[string]bool{
		"127.0.0.1": true, "1": true, "0x7f.1": true, "a.0x7F": false, "a.0x7f": true, "a.0x": true, "::1": true,
		"example.com": false, "1.com": false, "1.2.3.4.com": false, "a.1x": false, "a.x1": false, "a.1": true, "localhost": false,
	} {
		if got := isIP(in); got != want {
			t.Errorf("isIP(%q) = %v; want %v", in, got, want)
		}
	}
}

func TestDomainMatch(t *testing.T) {
	for _, tt := range []struct {
		host, domain string
		want         bool
	}{
		{"example.com", "example.com", true},
		{"a.example.com", "example.com", true},
		{"a.b.example.com", "example.com", true},
		{"example.com", "a.example.com", false},
		{"badexample.com", "example.com", false},
		{"example.com", "", false},
		{"1.2.3.4", "3.4", false},
		{"1.2.3.4", "1.2.3.4", true},
	} {
		if got := domainMatch(tt.host, tt.domain); got != tt.want {
			t.Errorf("domainMatch(%q, %q) = %v; want %v", tt.host, tt.domain, got, tt.want)
		}
	}
}

func TestPathMatch(t *testing.T) {
	for _, tt := range []struct {
		request, cookie string
		want            bool
	}{
		{"/", "/", true},
		{"/a", "/", true},
		{"/a", "/a", true},
		{"/a/", "/a", true},
		{"/a/b", "/a", true},
		{"/ab", "/a", false},
		{"/a", "/a/", false},
		{"/a/b", "/a/", true},
		{"/A", "/a", false},
		{"/", "/a", false},
	} {
		if got := pathMatch(tt.request, tt.cookie); got != tt.want {
			t.Errorf("pathMatch(%q, %q) = %v; want %v", tt.request, tt.cookie, got, tt.want)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	for in, want := range map[string]string{
		"http://a": "/", "http://a/": "/", "http://a/x": "/", "http://a/x/": "/x", "http://a/x/y": "/x",
		"http://a/x//y": "/x/", "http://a?q=/x/y": "/", "http://a/x%2Fy/z": "/x%2Fy", "http://a/x y/z": "/x%20y", "mailto:x/y/z": "/",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := OriginOf(u)
		if got := o.defaultPath(); got != want {
			t.Errorf("default path of %s = %q; want %q", in, got, want)
		}
	}
}
