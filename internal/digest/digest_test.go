package digest

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var selectTests = []struct {
	name  string
	field string
	want  string // nonce of the challenge to answer; "" for none
}{
	{"RFC 2617", `Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=MD5`, "n"},
	{"RFC 2069", `Digest realm="r", nonce="n"`, "n"},
	{"scheme in capitals", `DIGEST realm="r", nonce="n"`, "n"},
	{"no Digest", `Basic realm="r", Negotiate`, ""},
	{"behind Basic", `Basic realm="b", Digest realm="r", nonce="n"`, "n"},
	{"empty realm", `Digest realm="", nonce="n"`, "n"},
	{"list with spaces", `Digest realm="r", nonce="n", qop="auth-int, auth"`, "n"},
	{"auth-int alone", `Digest realm="r", nonce="n", qop="auth-int"`, "n"},
	{"unknown and known qop", `Digest realm="r", nonce="n", qop="auth-conf,AUTH"`, "n"},
	{"empty qop", `Digest realm="r", nonce="n", qop=""`, "n"},
	{"-sess", `Digest realm="r", nonce="n", algorithm="SHA-512-256-SESS"`, "n"},
	{"SHA", `Digest realm="r", nonce="n", algorithm=sha`, "n"},
	{"realm in UTF-8, said so", `Digest realm="é", nonce="n", charset=utf-8`, "n"},

	{"SHA-256 over MD5", `Digest realm="r", nonce="1", algorithm=MD5, Digest realm="r", nonce="2", algorithm=SHA-256`, "2"},
	{"MD5 below SHA-256", `Digest realm="r", nonce="1", algorithm=SHA-256, Digest realm="r", nonce="2", algorithm=MD5`, "1"},
	{"SHA-512-256 over all", `Digest realm="r", nonce="1", algorithm=SHA-256, Digest realm="r", nonce="2", algorithm=SHA-512, ` +
		`Digest realm="r", nonce="3", algorithm=SHA-512-256, Digest realm="r", nonce="4", algorithm=MD5`, "3"},
	{"MD5 over SHA", `Digest realm="r", nonce="1", algorithm=SHA, Digest realm="r", nonce="2"`, "2"},
	{"first of equals", `Digest realm="a", nonce="1", algorithm=SHA-256, Digest realm="b", nonce="2", algorithm=SHA-256-sess`, "1"},
	{"the one that is known", `Digest realm="r", nonce="1", algorithm=SHA3-256, Digest realm="r", nonce="2"`, "2"},
	{"the one that is complete", `Digest realm="r", algorithm=SHA-256, Digest realm="r", nonce="2"`, "2"},
	{"the one with a known qop", `Digest realm="r", nonce="1", qop=x, algorithm=SHA-256, Digest realm="r", nonce="2"`, "2"},

	{"B152 no nonce", `Digest realm="r", qop="auth"`, ""},
	{"B152 empty nonce", `Digest realm="r", nonce="", qop="auth"`, ""},
	{"B152 no realm", `Digest nonce="n", qop="auth"`, ""},
	{"B152 unterminated quote", `Digest realm="r", nonce="n`, ""},
	{"B152 unterminated quote before others", `Digest realm="r, nonce="n", qop="auth"`, ""},
	{"B152 unknown qop", `Digest realm="r", nonce="n", qop="auth-conf"`, ""},
	{"B152 unknown algorithm", `Digest realm="r", nonce="n", algorithm=SHA3-256`, ""},
	{"B152 unknown -sess", `Digest realm="r", nonce="n", algorithm=-sess`, ""},
	{"B152 list of algorithms", `Digest realm="r", nonce="n", algorithm="MD5, SHA-256"`, ""},
	{"B152 1 MB", `Digest realm="r", nonce="` + strings.Repeat("n", 1<<20) + `"`, ""},
	{"B152 duplicate realm", `Digest realm="r", nonce="n", realm="r"`, ""},
	{"B152 duplicate nonce", `Digest realm="r", nonce="n", Nonce="m"`, ""},
	{"B152 duplicate of no concern", `Digest realm="r", nonce="n", x=1, x=1`, ""},
	{"B152 NUL", "Digest realm=\"r\x00\", nonce=\"n\"", ""},
	{"B152 NUL between", "Digest realm=\"r\", \x00nonce=\"n\"", ""},
	{"B152 non-ASCII realm", `Digest realm="é", nonce="n"`, ""},
	{"B152 Latin-1 realm", "Digest realm=\"\xe9\", nonce=\"n\", charset=UTF-8", ""},
	{"token68", `Digest cmVhbG0=, realm="r", nonce="n"`, ""},
	{"nothing but the scheme", `Digest`, ""},
}

func TestSelect(t *testing.T) {
	for _, tt := range selectTests {
		t.Run(tt.name, func(t *testing.T) {
			d, ok := Select(Parse([]string{tt.field}))
			if d.Nonce != tt.want || ok != (tt.want != "") {
				t.Errorf("Select(%.200q) = nonce %q, %t; want %q", tt.field, d.Nonce, ok, tt.want)
			}
		})
	}
}

func TestSelectFields(t *testing.T) {
	d, ok := Select(Parse([]string{`digest REALM="a\"b", Nonce=n, ALGORITHM="sha-256-Sess", Stale=TRUE, opaque=o, x=y`}))
	got := []any{ok, d.Realm, d.Nonce, d.Algorithm, d.Stale, d.opaque, d.session, d.userhash, d.utf8}
	want := []any{true, `a"b`, "n", "sha-256-Sess", true, "o", true, false, false}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("field %d is %v; want %v", i, got[i], want[i])
		}
	}
}

// Where FIPS 140 is enforced, MD5 and SHA-1 panic. A challenge for them is one
// that cannot be answered.
func TestSelectFIPS(t *testing.T) {
	if !fips140.Enforced() {
		again := exec.Command(os.Args[0], "-test.run=^TestSelectFIPS$")
		again.Env = append(os.Environ(), "GODEBUG=fips140=only")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("with fips140=only: %v\n%s", err, out)
		}
		return
	}
	const field = `Digest realm="r", nonce="1", Digest realm="r", nonce="2", algorithm=SHA, Digest realm="r", nonce="3", algorithm=SHA-256`
	d, _ := Select(Parse([]string{field}))
	s := Spaces{Credentials: Credentials{"u", "p"}}
	if a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: "/"}); d.Nonce != "3" || a.Value == "" || err != nil {
		t.Errorf("the answer is %q, %v; want one to nonce 3", a.Value, err)
	}
	if d, ok := Select(Parse([]string{`Digest realm="r", nonce="1"`})); ok {
		t.Errorf("Select = %+v; want none", d)
	}
}

func TestDigestCovers(t *testing.T) {
	for _, tt := range []struct {
		domain, uri string
		want        bool
	}{
		{"", "/x", true},
		{"/", "/x", true},
		{"/a /b", "/a", true},
		{"/a /b", "/b/c?d", true},
		{"/a /b", "/c", false},
		{"http://a.test", "/x", true},
		{"HTTP://A.test/a", "/a/b", true},
		{"http://a.test/a", "/b", false},
		{"http://a.test.evil.test/", "/", false},
		{"http://b.test/a", "/a", false},
		{"http://b.test/a /a", "/a", true},
		{"/a", "*", true},                 // OPTIONS
		{"/a", "http://c.test/b", true},   // to a proxy
		{"/a", "c.test:443", true},        // likewise
		{"nonsense", "/nonsense", false},  // no path, not of this origin
		{"http://a.test/a", "/a?q", true}, // a query is no part of the path
	} {
		d, _ := Select(Parse([]string{`Digest realm="r", nonce="n", domain="` + tt.domain + `"`}))
		if got := d.covers("http://a.test", tt.uri); got != tt.want {
			t.Errorf("domain %q covers(%q) = %t; want %t", tt.domain, tt.uri, got, tt.want)
		}
	}
}
