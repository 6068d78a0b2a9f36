package digest

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/scan"
)

// ErrControl reports a user name or a request target with a control character,
// which no field value may have (RFC 9110, section 5.5).
var ErrControl = errors.New("digest: control character in the user name or the request target")

// Credentials are what a user proves to know. Their bytes are hashed as they
// are. A server that asks for UTF-8 expects Unicode Normalization Form C (RFC
// 7616, section 4); other servers do not say what they hash. No way of
// formatting shows the password.
type Credentials struct {
	Username, Password string
}

// Format writes the user name.
func (c Credentials) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "%q, password ***", c.Username) }

// A Request is what an answer depends on besides the challenge.
type Request struct {
	Method string
	URI    string // the request target exactly as it is sent, with query and path parameters

	// Body writes the content to w. It is called once, for qop auth-int only,
	// before anything is sent. Nil means that there is no content.
	Body func(w io.Writer) error
}

// An Answer is a request's proof that its sender knows the password.
type Answer struct {
	Value string // for the field Authorization or Proxy-Authorization

	space  *space
	nonce  nonce
	verify func(rspauth string) bool // nil: nothing to compare with. A closure hides its secret from every formatting verb
}

// Verify reports whether the server may know the password too: info proves it
// (RFC 7616, section 3.5) or, as with most servers, contains no proof. The
// proof of qop auth-int needs the content of the response and is ignored.
func (a Answer) Verify(info Info) bool {
	return info.rspauth == "" || a.verify == nil || a.verify(info.rspauth)
}

// answer computes the answer of section 3.4 with the nonce n, which may be
// newer than that of the challenge.
func (d *Digest) answer(c Credentials, n nonce, req Request) (Answer, error) {
	a1 := d.sum(c.Username, d.Realm, c.Password)
	if d.session {
		a1 = d.sum(a1, n.session, n.cnonce)
	}
	a2 := []string{req.Method, req.URI}
	if d.qop == "auth-int" {
		body, err := d.sumBody(req.Body)
		if err != nil {
			return Answer{}, err
		}
		a2 = append(a2, body)
	}
	value := d.credentials(c.Username, n, req.URI, d.response(a1, n, a2...))
	if hasControl(value) {
		return Answer{}, ErrControl
	}
	answer := Answer{Value: value, nonce: n}
	if d.qop == "auth" {
		answer.verify = func(rspauth string) bool {
			want := d.response(a1, n, "", req.URI)
			return subtle.ConstantTimeCompare([]byte(strings.ToLower(rspauth)), []byte(want)) == 1
		}
	}
	return answer, nil
}

// response is KD of RFC 7616, section 3.4.1, with the parts of A2 (3.4.3).
func (d *Digest) response(a1 string, n nonce, a2 ...string) string {
	if d.qop == "" { // RFC 2069, section 2.1.2
		return d.sum(a1, n.value, d.sum(a2...))
	}
	return d.sum(a1, n.value, n.nc(), n.cnonce, d.qop, d.sum(a2...))
}

// sumBody returns the hash of the content.
func (d *Digest) sumBody(write func(io.Writer) error) (string, error) {
	h := d.newHash()
	if write != nil {
		if err := write(h); err != nil {
			return "", fmt.Errorf("digest: hash of the body: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// credentials builds the field value, in the order of Python's Requests. The
// values of algorithm, qop, nc and userhash are not quoted (RFC 7616, section 3.4).
func (d *Digest) credentials(username string, n nonce, uri, response string) string {
	fields := []string{
		d.username(username),
		quoted("realm", d.Realm),
		quoted("nonce", n.value),
		quoted("uri", uri),
		quoted("response", response),
	}
	if d.opaque != "" {
		fields = append(fields, quoted("opaque", d.opaque))
	}
	if d.Algorithm != "" {
		fields = append(fields, "algorithm="+d.Algorithm)
	}
	switch {
	case d.qop != "":
		fields = append(fields, "qop="+d.qop, "nc="+n.nc(), quoted("cnonce", n.cnonce))
	case d.session: // the server needs it to check A1
		fields = append(fields, quoted("cnonce", n.cnonce))
	}
	if d.userhash {
		fields = append(fields, "userhash=true")
	}
	return "Digest " + strings.Join(fields, ", ")
}

// username returns the name: hashed if the server wants that (RFC 7616, section
// 3.4.4), encoded if it has to be and the server understands it (section 4),
// and otherwise unchanged.
func (d *Digest) username(name string) string {
	switch {
	case d.userhash:
		return quoted("username", d.sum(name, d.Realm))
	case d.utf8 && utf8.ValidString(name) && (!isASCII(name) || hasControl(name)):
		return "username*=UTF-8''" + percentEncoded(name)
	}
	return quoted("username", name)
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quoted(name, value string) string { return name + `="` + escaper.Replace(value) + `"` }

// percentEncoded escapes everything but attr-char of RFC 8187, section 3.2.1.
func percentEncoded(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if isAlphanumeric(c) || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// An Info is what a server says about an answer that it has accepted, in
// Authentication-Info or Proxy-Authentication-Info (RFC 7615).
type Info struct {
	NextNonce string // the nonce to use from now on; "" for the same

	rspauth string
}

// ParseInfo reads the field's values. It returns nothing if the field is
// malformed.
func ParseInfo(values []string) Info {
	field := strings.Join(values, ",")
	if len(field) > maxFieldBytes {
		return Info{}
	}
	sc := scanner{scan.Scanner{Rest: field}}
	params, ok := sc.params()
	if !ok || sc.Rest != "" {
		return Info{}
	}
	return Info{NextNonce: params["nextnonce"], rspauth: params["rspauth"]}
}
