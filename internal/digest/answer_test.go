package digest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

// answerWith answers the challenge of field, as the first use of its nonce.
func answerWith(t *testing.T, field string, c Credentials, cnonce string, req Request) Answer {
	t.Helper()
	d, ok := Select(Parse([]string{field}))
	if !ok {
		t.Fatalf("Select(%q) finds nothing", field)
	}
	s := Spaces{Credentials: c, cnonce: func() string { return cnonce }}
	a, err := s.Answer("http://a.test", d, req)
	if err != nil {
		t.Fatalf("Answer to %q: %v", field, err)
	}
	return a
}

func param(t *testing.T, a Answer, name string) string {
	t.Helper()
	challenges := Parse([]string{a.Value})
	if len(challenges) != 1 {
		t.Fatalf("%q is not one set of credentials", a.Value)
	}
	value, _ := challenges[0].Param(name)
	return value
}

// A vector is one of the external suite: RFC 2069, 2617 and 7616, with their
// errata, and Chromium's.
type vector struct {
	Source, Challenge, Credentials  string
	Method, URI                     string
	Username, Password              string
	Realm, Nonce, Opaque, Algorithm string
	QOP, NC, Cnonce, Charset        string
	Userhash                        bool
	UsernameOnWire                  string `json:"username_on_wire"`
	Response                        string
}

// challenge returns what a server sends to get the vector's answer.
func (v vector) challenge() string {
	if v.Challenge != "" {
		return v.Challenge
	}
	field := quoted("Digest realm", v.Realm) + ", " + quoted("nonce", v.Nonce)
	for _, p := range []struct{ name, value string }{
		{"opaque", v.Opaque}, {"algorithm", v.Algorithm}, {"qop", v.QOP}, {"charset", v.Charset},
	} {
		if p.value != "" {
			field += ", " + quoted(p.name, p.value)
		}
	}
	if v.Userhash {
		field += ", userhash=true"
	}
	return field
}

func TestAnswerVectors(t *testing.T) {
	var vectors []vector
	suite.Read(t, "external/digest/digest-vectors.json", &vectors)
	if len(vectors) < 11 {
		t.Fatalf("%d vectors; want 11 at least", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Source, func(t *testing.T) {
			a := answerWith(t, v.challenge(), Credentials{v.Username, v.Password}, v.Cnonce, Request{Method: v.Method, URI: v.URI})
			username := v.Username
			if v.UsernameOnWire != "" {
				username = v.UsernameOnWire
			}
			nc, userhash := v.NC, ""
			if v.QOP == "" {
				nc = ""
			}
			if v.Userhash {
				userhash = "true"
			}
			checkAnswer(t, a.Value, map[string]string{
				"username": username, "realm": v.Realm, "nonce": v.Nonce, "uri": v.URI, "response": v.Response, "opaque": v.Opaque,
				"algorithm": v.Algorithm, "qop": v.QOP, "nc": nc, "cnonce": v.Cnonce, "userhash": userhash,
			})
			if v.Credentials == "" {
				return
			}
			got, want := strings.ToLower(fmt.Sprint(show(Parse([]string{a.Value})))), strings.ToLower(fmt.Sprint(show(Parse([]string{v.Credentials}))))
			if got != want {
				t.Errorf("answer is %s; want %s", got, want)
			}
		})
	}
}

// A26 and A27, and the same message with the algorithms for which no document
// has a vector; those were computed with Python's hashlib.
func TestAnswerResponse(t *testing.T) {
	const (
		rfc2617 = `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`
		rfc7616 = `Digest realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", qop="auth, auth-int"`
	)
	older := Credentials{"Mufasa", "Circle Of Life"}
	newer := Credentials{"Mufasa", "Circle of Life"}
	for _, tt := range []struct {
		name   string
		field  string
		cred   Credentials
		cnonce string
		want   string
	}{
		{"A26 MD5 auth", rfc2617 + `, qop=auth`, older, "0a4f113b", "6629fae49393a05397450978507c4ef1"},
		{"A26 MD5 no qop", rfc2617, older, "0a4f113b", "670fd8c2df070c60b045671b8b24ff02"},
		{"A26 MD5-sess", rfc2617 + `, qop=auth, algorithm=MD5-sess`, older, "0a4f113b", "8e3825c57e897f5a0dec6c2d4e5059d0"},
		{"A26 SHA", rfc2617 + `, qop=auth, algorithm=SHA`, older, "0a4f113b", "5cad1ef3413cbff644a38245bb35d93574c97a04"},
		{"A26 SHA-256", rfc2617 + `, qop=auth, algorithm=SHA-256`, older, "0a4f113b", "5abdd07184ba512a22c53f41470e5eea7dcaa3a93a59b630c13dfe0a5dc6e38b"},
		{"A27 MD5", rfc7616 + `, algorithm=MD5`, newer, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
		{"A27 SHA-256", rfc7616 + `, algorithm=SHA-256`, newer, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"SHA-256-sess", rfc2617 + `, qop=auth, algorithm=SHA-256-sess`, older, "0a4f113b", "b8822e12417cb7750f4e2b8515f0dcf25b7dd26993e80bee1426201446a7f59b"},
		{"SHA-512-256", rfc2617 + `, qop=auth, algorithm=SHA-512-256`, older, "0a4f113b", "f23c08ec7334a881f8286e68450ddbd9f0cd91c41481f0e1433604da8113c6dc"},
		{"SHA-512-256-sess", rfc2617 + `, qop=auth, algorithm=SHA-512-256-sess`, older, "0a4f113b", "0d21f0db3ec5cda5b850c0afa3bc29b4a3c5a6191959ff1baf511d4b38eb6b1e"},
		{"SHA-512", rfc2617 + `, qop=auth, algorithm=SHA-512`, older, "0a4f113b",
			"abb145ab10fd07056cbcfc87ebf74d53b285bb2073887cc37edc2018ee297d7cac9d06be00bac252ccb4c3101905caa99dba06d53cd9ea34dfc35b2b97f86f6c"},
		{"SHA-sess", rfc2617 + `, qop=auth, algorithm=SHA-sess`, older, "0a4f113b", "a7e826d7badc972870c5ae07b75b2b2b6fc9fd4d"},
		{"MD5-sess no qop", rfc2617 + `, algorithm=MD5-sess`, older, "0a4f113b", "4726bc10c33fa6cb357eb27807b1cce8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answerWith(t, tt.field, tt.cred, tt.cnonce, Request{Method: "GET", URI: "/dir/index.html"})
			if got := param(t, a, "response"); got != tt.want {
				t.Errorf("answer to %s has response %q; want %q", tt.field, got, tt.want)
			}
		})
	}
}

// The whole value, byte for byte. The responses were computed with Python's hashlib.
func TestAnswerValue(t *testing.T) {
	mufasa := Credentials{"Mufasa", "Circle Of Life"}
	const known = `realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`
	for _, tt := range []struct {
		name  string
		field string
		cred  Credentials
		uri   string
		want  string
	}{
		{"RFC 2069", `Digest ` + known, mufasa, "/dir/index.html",
			`Digest username="Mufasa", ` + known + `, uri="/dir/index.html", response="670fd8c2df070c60b045671b8b24ff02"`},
		{"everything", `Digest ` + known + `, qop="auth-int,auth", algorithm="MD5", opaque="o\"p"`, mufasa, "/dir/index.html",
			`Digest username="Mufasa", ` + known + `, uri="/dir/index.html", response="6629fae49393a05397450978507c4ef1", ` +
				`opaque="o\"p", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"empty opaque as Requests has it", `Digest ` + known + `, qop=auth, opaque=""`, mufasa, "/dir/index.html",
			`Digest username="Mufasa", ` + known + `, uri="/dir/index.html", response="6629fae49393a05397450978507c4ef1", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"-sess without qop sends its cnonce", `Digest ` + known + `, algorithm=Md5-SESS`, mufasa, "/dir/index.html",
			`Digest username="Mufasa", ` + known + `, uri="/dir/index.html", response="4726bc10c33fa6cb357eb27807b1cce8", ` +
				`algorithm=Md5-SESS, cnonce="0a4f113b"`},
		{"path parameters and query", `Digest ` + known + `, qop=auth`, mufasa, "/p;x?q=1&r=%20",
			`Digest username="Mufasa", ` + known + `, uri="/p;x?q=1&r=%20", response="51f0450311150d44d596bb056a565c46", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"quotes and backslashes", `Digest realm="say \"hi\"", nonce=n, qop=auth`, Credentials{`a"b\c`, "p"}, "/",
			`Digest username="a\"b\\c", realm="say \"hi\"", nonce="n", uri="/", response="9ccdf1e6b4992a2b1a956d178d2584e9", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"name in UTF-8", `Digest realm=r, nonce=n, qop=auth`, Credentials{"Jäsøn", "pä"}, "/",
			`Digest username="Jäsøn", realm="r", nonce="n", uri="/", response="0f6d700ea7ca236f4a3c48011132b67c", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"name in UTF-8 that the server announced", `Digest realm=r, nonce=n, qop=auth, charset=UTF-8`, Credentials{"Jäsøn", "pä"}, "/",
			`Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm="r", nonce="n", uri="/", response="0f6d700ea7ca236f4a3c48011132b67c", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
		{"ASCII name, charset announced", `Digest ` + known + `, qop=auth, charset=UTF-8`, mufasa, "/dir/index.html",
			`Digest username="Mufasa", ` + known + `, uri="/dir/index.html", response="6629fae49393a05397450978507c4ef1", ` +
				`qop=auth, nc=00000001, cnonce="0a4f113b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answerWith(t, tt.field, tt.cred, "0a4f113b", Request{Method: "GET", URI: tt.uri})
			if a.Value != tt.want {
				t.Errorf("answer to %s is\n%s; want\n%s", tt.field, a.Value, tt.want)
			}
		})
	}
}

func TestAnswerUsername(t *testing.T) {
	for _, tt := range []struct{ name, field, username, want string }{
		{"every attr-char", `Digest realm=r, nonce=n, charset=UTF-8`, "é!#$&+-.^_`|~aZ9", "username*=UTF-8''%C3%A9!#$&+-.^_`|~aZ9, "},
		{"what is none", `Digest realm=r, nonce=n, charset=UTF-8`, `é %'"\*`, "username*=UTF-8''%C3%A9%20%25%27%22%5C%2A, "},
		{"control character", `Digest realm=r, nonce=n, charset=UTF-8`, "a\r\nb", "username*=UTF-8''a%0D%0Ab, "},
		{"not UTF-8", `Digest realm=r, nonce=n, charset=UTF-8`, "\xe9", "username=\"\xe9\", "},
		{"hashed", `Digest realm=r, nonce=n, userhash=TRUE`, "a\r\nb", `username="32c82a56a962067b8cdbb78f3d3562ca", `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answerWith(t, tt.field, Credentials{Username: tt.username}, "", Request{Method: "GET", URI: "/"})
			if !strings.HasPrefix(a.Value, "Digest "+tt.want) {
				t.Errorf("answer of %q is %q; want it to begin with %q", tt.username, a.Value, tt.want)
			}
		})
	}
}

func TestAnswerControl(t *testing.T) {
	d, _ := Select(Parse([]string{`Digest realm=r, nonce=n`}))
	for _, tt := range []struct{ username, uri string }{{"a\r\nb", "/"}, {"a\x00", "/"}, {"a\x7f", "/"}, {"a", "/\n"}} {
		s := Spaces{Credentials: Credentials{tt.username, "secret"}}
		a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: tt.uri})
		if !errors.Is(err, ErrControl) || a.Value != "" {
			t.Errorf("Answer of %q for %q = %q, %v; want ErrControl", tt.username, tt.uri, a.Value, err)
		}
	}
}

// The responses were computed with Python's hashlib.
func TestAnswerIntegrity(t *testing.T) {
	const field = `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", qop="auth-int", algorithm=`
	hello := func(w io.Writer) error {
		_, err := io.WriteString(w, "hello")
		return err
	}
	for _, tt := range []struct {
		name, algorithm, method string
		body                    func(io.Writer) error
		want                    string
	}{
		{"MD5", "MD5", "POST", hello, "b3da9049011b9dafbd8fc28b2deecc0b"},
		{"SHA-256", "SHA-256", "POST", hello, "629dd36790a0f98aa62aed160b1e9d87e53a5307b39fe91e5345c33db2aa5c90"},
		{"no body", "MD5", "GET", nil, "5e6610ecf9ba3017a4870ad48e3ad30b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answerWith(t, field+tt.algorithm, Credentials{"Mufasa", "Circle Of Life"}, "0a4f113b",
				Request{Method: tt.method, URI: "/dir/index.html", Body: tt.body})
			checkAnswer(t, a.Value, map[string]string{"qop": "auth-int", "nc": "00000001", "response": tt.want})
		})
	}
}

// B153: a body that cannot be read twice says so, and then there is no answer.
func TestAnswerBody(t *testing.T) {
	once := errors.New("stream")
	req := Request{Method: "POST", URI: "/", Body: func(io.Writer) error { return once }}
	s := Spaces{Credentials: Credentials{"u", "p"}}

	d, _ := Select(Parse([]string{`Digest realm=r, nonce=n, qop=auth-int`}))
	if a, err := s.Answer("http://a.test", d, req); !errors.Is(err, once) || a.Value != "" {
		t.Errorf("Answer = %q, %v; want the error of the body", a.Value, err)
	}
	if a, ok, err := s.Preempt("http://a.test", req); ok || !errors.Is(err, once) || a.Value != "" {
		t.Errorf("Preempt = %q, %t, %v; want the error of the body", a.Value, ok, err)
	}

	d, _ = Select(Parse([]string{`Digest realm=r, nonce=n, qop="auth-int,auth"`}))
	if a, err := s.Answer("http://a.test", d, req); err != nil || param(t, a, "qop") != "auth" {
		t.Errorf("Answer = %q, %v; want one that needs no body", a.Value, err)
	}
}

// A252: no formatting verb shows the password or what is derived from it.
func TestSecretsHidden(t *testing.T) {
	cred := Credentials{"ann", "pa55word"}
	s := &Spaces{Credentials: cred}
	d, _ := Select(Parse([]string{`Digest realm=r, nonce=n, qop=auth`}))
	a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: "/"})
	if err != nil {
		t.Fatal(err)
	}
	a1 := d.sum(cred.Username, d.Realm, cred.Password)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{cred, &cred, s, a, &a, struct{ Auth any }{cred}} {
			got := fmt.Sprintf(verb, v)
			for _, secret := range []string{cred.Password, a1, fmt.Sprintf("%x", cred.Password), fmt.Sprintf("%x", a1)} {
				if strings.Contains(got, secret) {
					t.Errorf("Sprintf(%q, %T) = %s", verb, v, got)
				}
			}
		}
	}
}

func TestParseInfo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   Info
	}{
		{"none", nil, Info{}},
		{"RFC 7616, section 3.5", []string{`nextnonce="a\"b", qop=auth, rspauth="r", cnonce="c", nc=00000001`}, Info{NextNonce: `a"b`, rspauth: "r"}},
		{"capitals and whitespace", []string{` NextNonce = "n" `}, Info{NextNonce: "n"}},
		{"two fields", []string{`nextnonce="n"`, `rspauth=r`}, Info{NextNonce: "n", rspauth: "r"}},
		{"duplicate", []string{`nextnonce="n"`, `nextnonce="m"`}, Info{}},
		{"unterminated", []string{`rspauth=r, nextnonce="n`}, Info{}},
		{"control character", []string{"nextnonce=\"n\x00\""}, Info{}},
		{"scheme", []string{`nextnonce="n", Digest realm=r`}, Info{}},
		{"16 KiB and more", []string{`nextnonce="n"`, strings.Repeat(" ", maxFieldBytes)}, Info{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ParseInfo(tt.values); got != tt.want {
				t.Errorf("ParseInfo(%q) = %+v; want %+v", tt.values, got, tt.want)
			}
		})
	}
}

// The proofs were computed with Python's hashlib.
func TestAnswerVerify(t *testing.T) {
	const known = `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`
	for _, tt := range []struct {
		name, field, rspauth string
		want                 bool
	}{
		{"MD5", known + `, qop=auth`, "376602cfd2f4e8e5e78b948a85263e85", true},
		{"SHA-256-sess", known + `, qop=auth, algorithm=SHA-256-sess`, "2d8e4fe69da08826355fa1f5bab7d9d5e84201b213f4b835e90b5a7850fbc63a", true},
		{"our own response", known + `, qop=auth`, "6629fae49393a05397450978507c4ef1", false},
		{"MD5 in capitals", known + `, qop=auth`, "376602CFD2F4E8E5E78B948A85263E85", true},
		{"none", known + `, qop=auth`, "", true},
		{"auth-int", known + `, qop=auth-int`, "of the content", true},
		{"RFC 2069", known, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answerWith(t, tt.field, Credentials{"Mufasa", "Circle Of Life"}, "0a4f113b", Request{Method: "GET", URI: "/dir/index.html"})
			info := ParseInfo([]string{quoted("rspauth", tt.rspauth)})
			if got := a.Verify(info); got != tt.want {
				t.Errorf("Verify(%+v) = %t; want %t", info, got, tt.want)
			}
		})
	}
}

// FuzzAnswer reads our own output as a server does: whatever challenge and
// credentials, the values come back as they were.
func FuzzAnswer(f *testing.F) {
	f.Add("Mufasa", "Circle of Life", "http-auth@example.org", "7ypf/xlj9XXw", "FQhe/qaU925", "MD5", "auth", "/dir/index.html", "", false)
	f.Add(`a"b\c`, "p", `say "hi", nonce="x"`, "n==", "", "SHA-512-256-sess", "auth-int", "/p;x?q=\"", "UTF-8", false)
	f.Add("Jäsøn Doe", "Secret, or not?", "api@example.org", "5TsQWLVdgBdm", "HRPC", "SHA-256", "", "*", "utf-8", true)
	f.Add("a\r\nb", "", `\`, `\\"`, `"\`, "sha", "auth", "/", "UTF-8", false)
	f.Fuzz(func(t *testing.T, username, password, realm, nonce, opaque, algorithm, qop, uri, charset string, userhash bool) {
		v := vector{Realm: realm, Nonce: nonce, Opaque: opaque, Algorithm: algorithm, QOP: qop, Charset: charset, Userhash: userhash}
		d, ok := Select(Parse([]string{v.challenge()}))
		if !ok {
			return
		}
		if d.Realm != realm || d.Nonce != nonce || d.opaque != opaque {
			t.Fatalf("challenge %q reads as realm %q, nonce %q, opaque %q", v.challenge(), d.Realm, d.Nonce, d.opaque)
		}
		s := Spaces{Credentials: Credentials{username, password}}
		a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: uri})
		if err != nil {
			if !errors.Is(err, ErrControl) || !hasControl(username+uri) {
				t.Fatalf("Answer of %q for %q: %v", username, uri, err)
			}
			return
		}
		want := map[string]string{"realm": realm, "nonce": nonce, "opaque": opaque, "uri": uri, "algorithm": algorithm}
		if !userhash && !strings.Contains(a.Value, "username*=") {
			want["username"] = username
		}
		checkAnswer(t, a.Value, want)
	})
}
