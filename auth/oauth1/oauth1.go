// Package oauth1 signs requests with OAuth 1.0 (RFC 5849), as requests-oauthlib
// does for Python's Requests, and gets tokens by the three-legged flow.
//
//	client := &oauth1.Client{Key: key, Secret: secret}
//	s.Auth = client.Auth(oauth1.Token{Value: token, Secret: tokenSecret})
//
// It needs no other module. The signature covers the method, the URL, the query
// and a form body: if a hook changes one of them after signing, the server refuses
// the request. Each request has oauth_version=1.0, which is signed, too. PLAINTEXT
// is refused without https.
//
// If a server gives no token, the error is [requests.ErrAuthentication]. If the server
// cannot be reached, the error also has that kind, such as [requests.ErrConnection].
// If it answers, [errors.As] finds the [*requests.HTTPError]: a status of 408, 429, or
// 500 and above says that the server was busy, and not that the credentials are wrong.
//
// It is written by hand because no widely used library for this is maintained. The
// tests contain the examples of the RFC.
package oauth1

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-requests/requests"
)

// A Client is a program that is registered with a server. Its fields must not
// change once it is in use; from then on it is safe for concurrent use.
type Client struct {
	Key    string // the consumer key
	Secret string // the consumer secret; not used by RSASHA1

	// Signature is how requests are signed. Empty means HMACSHA1.
	Signature SignatureMethod
	// PrivateKey signs for RSASHA1.
	PrivateKey *rsa.PrivateKey
	// Placement is where the parameters go. Empty means the Authorization field.
	Placement Placement
	// Realm goes into the Authorization field if it is not empty.
	Realm string
	// NoBodyHash leaves out oauth_body_hash. This extension protects a body that is
	// not a form, if it can be read twice; servers that do not know it ignore it.
	NoBodyHash bool

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Nonce returns a value that no other request has. Nil makes random ones.
	Nonce func() string
}

// A Placement is where a request carries the protocol parameters (RFC 5849,
// section 3.5).
type Placement string

const (
	InHeader Placement = "header" // the Authorization field
	InQuery  Placement = "query"  // the query of the URL, which logs and proxies see
	InBody   Placement = "body"   // a form body; without any body, the Authorization field
)

// String and GoString name the client without its secret.
func (c *Client) String() string   { return "OAuth 1 client " + c.Key }
func (c *Client) GoString() string { return c.String() }

// Format keeps every verb from printing the secrets.
func (c *Client) Format(s fmt.State, _ rune) { io.WriteString(s, c.String()) }

// A Token is what a server has issued for a user: temporary credentials, or the
// access token that is sent with requests. The zero Token is for requests that only
// the client signs.
type Token struct {
	Value  string
	Secret string
	// Params are other values from the same response, such as a user name.
	Params map[string]string
}

// String keeps the token out of logs.
func (t Token) String() string { return "OAuth 1 token" }

// Format keeps every verb from printing the secrets.
func (t Token) Format(s fmt.State, _ rune) { io.WriteString(s, t.String()) }

// Auth signs each request with t. Like any Auth, it is bound to the origin that the
// caller names; redirects within it are signed anew. If the configuration cannot
// sign, calls fail with [requests.ErrInvalidOption] before anything is sent.
func (c *Client) Auth(t Token) requests.Auth {
	return requests.NewAuth(&signer{client: c, token: t})
}

// A signer is the Authenticator for one token, or for one leg.
type signer struct {
	client             *Client
	token              Token
	callback, verifier string
}

func (*signer) String() string { return "OAuth 1" }

// Authenticate implements [requests.Authenticator].
func (a *signer) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	c := a.client
	if err := a.check(p); err != nil {
		return err
	}
	protocol := a.parameters()
	form, isForm, err := formOf(p)
	if err != nil {
		return err
	}
	if !isForm && !c.NoBodyHash && c.method() != Plaintext {
		sum, err := c.bodyHash(p)
		if err != nil {
			return err
		}
		if sum != "" {
			protocol = append(protocol, pair{"oauth_body_hash", sum})
		}
	}
	placement := c.Placement
	if placement == "" || placement == InBody && !isForm && p.ContentLength() == 0 { // for instance where a redirect has dropped the body
		placement = InHeader
	}
	if placement == InQuery {
		u := *p.URL // others may hold the old one
		u.RawQuery = dropProtocol(u.RawQuery)
		p.URL = &u
	}
	if placement == InBody {
		form = dropProtocol(form)
	}
	signed, err := parseForm(p.URL.RawQuery + "&" + form)
	if err != nil {
		return err
	}
	signature, err := c.sign(baseString(p.Method, p.URL, append(signed, protocol...)), a.token.Secret)
	if err != nil {
		return err
	}
	return c.place(p, placement, append(protocol, pair{"oauth_signature", signature}), form, isForm)
}

// check refuses what cannot be signed.
func (a *signer) check(p *requests.PreparedRequest) error {
	c := a.client
	if c == nil {
		return invalid("the Client is nil")
	}
	if c.Key == "" {
		return invalid("Client.Key is empty")
	}
	for name, value := range map[string]string{
		"Client.Key": c.Key, "Client.Secret": c.Secret, "Client.Realm": c.Realm, "Token.Value": a.token.Value, "Token.Secret": a.token.Secret,
	} {
		if hasControl(value) {
			return invalid(name + " has a control character")
		}
	}
	switch {
	case a.token.Value == "" && a.token.Secret != "":
		return invalid("Token.Value is empty, and Token.Secret is not")
	case c.method() == Plaintext && p.URL.Scheme != "https": // RFC 5849, section 3.4.4
		return invalid("PLAINTEXT shows the secrets, so that it needs an https URL")
	}
	return nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func invalid(text string) error {
	return fmt.Errorf("%w: oauth1: %s", requests.ErrInvalidOption, text)
}

func (c *Client) method() SignatureMethod {
	if c.Signature == "" {
		return HMACSHA1
	}
	return c.Signature
}

// parameters returns those of RFC 5849, section 3.1, without the signature.
func (a *signer) parameters() []pair {
	c := a.client
	now, nonce := time.Now, newNonce
	if c.Now != nil {
		now = c.Now
	}
	if c.Nonce != nil {
		nonce = c.Nonce
	}
	params := []pair{
		{"oauth_consumer_key", c.Key},
		{"oauth_signature_method", string(c.method())},
		{"oauth_timestamp", strconv.FormatInt(now().Unix(), 10)},
		{"oauth_nonce", nonce()},
		{"oauth_version", "1.0"},
	}
	for _, p := range []pair{{"oauth_token", a.token.Value}, {"oauth_callback", a.callback}, {"oauth_verifier", a.verifier}} {
		if p.value != "" {
			params = append(params, p)
		}
	}
	return params
}

func newNonce() string { return rand.Text() }

const formType = "application/x-www-form-urlencoded"

// maxForm limits the form that is read from a stream, since it is held in memory.
const maxForm = 10 << 20

// formOf returns the body of p if it is a form, whose fields are signed along with
// the query.
func formOf(p *requests.PreparedRequest) (form string, is bool, err error) {
	mediaType, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
	if err != nil || mediaType != formType {
		return "", false, nil
	}
	if body, ok := p.Bytes(); ok {
		return string(body), true, nil
	}
	if !p.Replayable() {
		return "", true, invalid("a form that can be read only once cannot be signed; use requests.Form")
	}
	r, err := p.Body()
	if err != nil {
		return "", true, err
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, maxForm+1))
	if err == nil && len(body) > maxForm {
		err = invalid("a form of more than 10 MB, which is a stream, is not signed")
	}
	return string(body), true, err
}

// bodyHash returns the value of oauth_body_hash. It is "" without a body, or if the
// body can be read only once.
func (c *Client) bodyHash(p *requests.PreparedRequest) (string, error) {
	if p.ContentLength() == 0 || !p.Replayable() {
		return "", nil
	}
	body, err := p.Body()
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := c.method().hash()()
	if _, err := io.Copy(sum, body); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), nil
}

// dropProtocol removes what an earlier signature, before a redirect, has added to a
// query or a form.
func dropProtocol(form string) string {
	var kept []string
	for part := range strings.SplitSeq(form, "&") {
		if part != "" && !strings.HasPrefix(part, "oauth_") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// place puts the parameters where the client wants them.
func (c *Client) place(p *requests.PreparedRequest, where Placement, params []pair, form string, isForm bool) error {
	encoded := make([]pair, len(params))
	for i, q := range params {
		encoded[i] = pair{escape(q.name), escape(q.value)}
	}
	switch where {
	case InHeader:
		p.Header.Set("Authorization", c.header(encoded))
	case InQuery:
		p.URL.RawQuery = strings.TrimPrefix(p.URL.RawQuery+"&"+join(encoded), "&")
	case InBody:
		if !isForm {
			return invalid("parameters in the body need a form (requests.Form)")
		}
		contentType := p.Header["Content-Type"] // SetBody removes it
		err := p.SetBody(requests.Bytes([]byte(strings.TrimPrefix(form+"&"+join(encoded), "&"))))
		p.Header["Content-Type"] = contentType
		return err
	default:
		return invalid(fmt.Sprintf("Client.Placement: %q is not known", where))
	}
	return nil
}

// header returns the Authorization field (section 3.5.1).
func (c *Client) header(encoded []pair) string {
	var b strings.Builder
	b.WriteString("OAuth ")
	if c.Realm != "" {
		b.WriteString(`realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Realm) + `", `)
	}
	for i, p := range encoded {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.name + `="` + p.value + `"`)
	}
	return b.String()
}
