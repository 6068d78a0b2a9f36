package requests

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// An Auth authenticates requests. [BasicAuth], [BearerAuth], [DigestAuth],
// [AuthFunc], [NewAuth], [ProxyAuth], [Auth.ForProxy] and [NoAuth] make one. The
// zero Auth leaves the choice to the session, the URL and netrc.
//
// An Auth is bound to the origin that the caller names. A redirect to another
// origin does not carry it, and it does not come back when the chain does.
// One for the proxy goes with every request that a proxy carries.
//
// An Auth prints as its scheme alone, and many goroutines may use it.
type Auth struct {
	method Authenticator
	proxy  bool // for the proxy; it does not replace the one for the server
}

func (Auth) option() {}

// scheme names it, and nothing that is secret.
func (a Auth) scheme() string {
	switch m := a.method.(type) {
	case nil:
		return "none"
	case fmt.Stringer:
		return m.String()
	}
	return "custom"
}

// Format keeps every verb from printing the credentials.
func (a Auth) Format(s fmt.State, _ rune) { io.WriteString(s, a.scheme()) }

// An Authenticator adds credentials to requests. Authenticate is called last when
// a request is prepared: method, URL, header and body are as they will be sent. It
// is called again for each redirect within the origin. It must be safe for many
// goroutines. It gets the context of the call (see [Hooks]), or the one given to
// Prepare. The call returns its error.
//
// Three methods are optional. One answers challenges:
//
//	Challenge(ctx context.Context, r *Response) (*PreparedRequest, error)
//
// Challenge gets each 401 and 407 response from the origin of the Auth. It returns
// the request to send next, made by [PreparedRequest.Clone] from Response.Request,
// or nil if the response is the answer. It is called at most twice between
// redirects. Each response that it has answered is appended to [Response.History].
//
// Another checks who has answered:
//
//	Verify(ctx context.Context, r *Response) error
//
// Verify gets, before any hook, each response to a request that was authenticated,
// except those that Challenge has answered. Its error ends the call: the server
// did not prove who it is, for example.
//
// The third says that it is connections that are logged in and not requests, as
// by NTLM (RFC 4559, section 6):
//
//	PerConnection() bool
//
// If it returns true, the requests go by HTTP/1.1 and over connections that serve
// this Authenticator alone, now and later. What Challenge returns goes over the
// connection that brought the challenge, and Challenge is called at most six times
// between redirects. If Authenticate or Challenge removes the body with
// SetBody(Body{}), only that request is sent without it: a Clone has it again, and
// Challenge gets the response, whatever its status. Prepare leaves such a login to
// Send. The Authenticator must be comparable, as a pointer is. With a [RoundTripper],
// whose connections cannot be told apart, a call is [ErrInvalidOption].
type Authenticator interface {
	Authenticate(ctx context.Context, p *PreparedRequest) error
}

// challenger is the optional second method of [Authenticator].
type challenger interface {
	Challenge(ctx context.Context, r *Response) (*PreparedRequest, error)
}

// verifier is its optional third method.
type verifier interface {
	Verify(ctx context.Context, r *Response) error
}

// connector is its optional fourth method.
type connector interface {
	PerConnection() bool
}

// owner is whose the connections are that a logs in, nil if it logs in none.
func (a Auth) owner() any {
	if c, ok := a.method.(connector); ok && c.PerConnection() {
		return a.method
	}
	return nil
}

// NewAuth makes an Auth of a. If a is nil, calls fail with [ErrInvalidOption], as
// nothing would authenticate their requests.
func NewAuth(a Authenticator) Auth {
	if values.IsNil(a) {
		return Auth{method: invalidAuth("NewAuth(nil)")}
	}
	if _, ok := a.(connector); ok && !reflect.ValueOf(a).Comparable() {
		return Auth{method: invalidAuth("NewAuth: an Authenticator of connections must be comparable, as a pointer is")}
	}
	return Auth{method: a}
}

// AuthFunc makes an Auth of a function, for signatures and schemes of your own. f
// is called like [Authenticator].Authenticate.
func AuthFunc(f func(ctx context.Context, p *PreparedRequest) error) Auth {
	if f == nil {
		return Auth{method: invalidAuth("AuthFunc(nil)")}
	}
	return Auth{method: authFunc(f)}
}

// invalidAuth is an Auth that could not be made. It remembers why.
type invalidAuth string

func (a invalidAuth) Authenticate(context.Context, *PreparedRequest) error {
	return failText(ErrInvalidOption, string(a))
}

func (invalidAuth) String() string { return "invalid" }

type authFunc func(context.Context, *PreparedRequest) error

func (f authFunc) Authenticate(ctx context.Context, p *PreparedRequest) error { return f(ctx, p) }

// NoAuth sends requests without the credentials of the session, of the URL and of
// netrc. An Authorization field among the [Headers] stays.
func NoAuth() Auth { return Auth{method: noAuth{}} }

type noAuth struct{}

func (noAuth) Authenticate(context.Context, *PreparedRequest) error { return nil }
func (noAuth) String() string                                       { return "none" }

// BasicAuth sends a user name and a password with every request (RFC 7617). Their
// bytes go out as they are, so text goes out in UTF-8. For an old server that wants
// Latin-1, which is what Requests sends, give the bytes: "caf\xe9". A user name
// with a colon, which Basic cannot carry, and control characters are
// [ErrInvalidOption].
func BasicAuth(username, password string) Auth {
	return Auth{method: &basic{username, password}}
}

// ForProxy returns an Auth that uses the scheme of a at HTTP proxies: a token of
// [BearerAuth], or Kerberos by the package negotiate. Only the proxy gets to see
// it. A Proxy-Authorization field given by hand takes its place.
//
// An Authenticator gets a request for the URL of the proxy, whose Opaque is the
// target, such as "example.com:443". The Authorization that it sets is sent as
// Proxy-Authorization. Challenge gets a 407 as a 401, with the Proxy-Authenticate
// fields as WWW-Authenticate. All requests of a login go over one connection.
// Verify is not called: the answer to CONNECT carries no proof.
//
// Keep the result. Each call of ForProxy stands for another user of the proxy, who
// gets connections of its own.
func (a Auth) ForProxy() Auth {
	switch m := a.method.(type) {
	case nil, invalidAuth, *basic, *proxyLogin:
		return Auth{method: m, proxy: m != nil}
	}
	return Auth{method: &proxyLogin{a.method}, proxy: true}
}

// ProxyAuth authenticates at the proxy: by Basic, or by Digest if the proxy asks
// for it. Only the proxy gets to see it.
func ProxyAuth(username, password string) Auth {
	return Auth{method: &basic{username, password}, proxy: true}
}

type basic struct{ username, password string }

func (b *basic) Authenticate(_ context.Context, p *PreparedRequest) error {
	value, err := b.credentials()
	if err == nil {
		p.setSecret("Authorization", value)
	}
	return err
}

func (b *basic) String() string { return "Basic" }

func (b *basic) credentials() (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	return basicValue(b.username, b.password), nil
}

func (b *basic) check() error {
	if strings.IndexByte(b.username, ':') >= 0 {
		return failText(ErrInvalidOption, "a user name for Basic authentication has no colon")
	}
	if hasControl(b.username) || hasControl(b.password) {
		return failText(ErrInvalidOption, "Basic credentials with a control character")
	}
	return nil
}

// basicValue is the value of a field with Basic credentials.
func basicValue(username, password string) string {
	buf := make([]byte, 0, 128)
	buf = append(append(append(buf, username...), ':'), password...)
	out := make([]byte, 0, 192)
	out = base64.StdEncoding.AppendEncode(append(out, "Basic "...), buf)
	return string(out)
}

// BearerAuth sends a token with every request (RFC 6750). A token with characters
// that are not in token68 (RFC 9110, section 11.2) is [ErrInvalidOption].
func BearerAuth(token string) Auth { return Auth{method: &bearer{token}} }

type bearer struct{ token string }

// isToken68 reports whether c is a character of token68 (RFC 9110, section 11.2).
func isToken68(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/=", c) >= 0
}

func (b *bearer) Authenticate(_ context.Context, p *PreparedRequest) error {
	for i := 0; i < len(b.token); i++ {
		if !isToken68(b.token[i]) {
			if scheme, _, ok := strings.Cut(b.token, " "); ok && strings.EqualFold(scheme, "Bearer") {
				return failText(ErrInvalidOption, `a bearer token is given without "Bearer "`)
			}
			return failText(ErrInvalidOption, "a bearer token of other characters than letters, digits and -._~+/=")
		}
	}
	if b.token == "" {
		return failText(ErrInvalidOption, "an empty bearer token")
	}
	p.setSecret("Authorization", "Bearer "+b.token)
	return nil
}

func (*bearer) String() string { return "Bearer" }

// setSecret sets a canonical field.
func (p *PreparedRequest) setSecret(field, value string) {
	p.Header[field] = []string{value}
}

// authenticate applies the Auth, in place of what it has set before.
func (p *PreparedRequest) authenticate(ctx context.Context) error {
	if p.auth.method == nil {
		return nil
	}
	body, unsigned, bodies, contentType := p.body, p.unsigned, p.bodies, p.Header["Content-Type"]
	if err := p.auth.method.Authenticate(ctx, p); err != nil {
		return whyEnded(ctx, err)
	}
	p.noteBody(body, unsigned, bodies)
	p.hold(body, unsigned, contentType)
	return p.auth.review(p)
}

// noteBody keeps the body from before an Authenticator replaced it: only the
// origin of p may get the new one. bodies is what p.bodies was then.
func (p *PreparedRequest) noteBody(before content, unsigned *content, bodies int) {
	if p.bodies == bodies {
		return
	}
	if unsigned == nil {
		body := before
		unsigned = &body
	}
	p.unsigned = unsigned
}

// A heldBody is what a request has lost for the time of a login.
type heldBody struct {
	body     content
	unsigned *content
	fields   http.Header // that describe the body
}

// hold keeps the body from before an Authenticator of connections removed it, so
// that the rest of the login can send it. The other arguments are what p had then.
func (p *PreparedRequest) hold(body content, unsigned *content, contentType []string) {
	if p.body.present || !body.present || body.length == 0 || p.auth.owner() == nil {
		return
	}
	if _, ok := p.auth.method.(challenger); !ok { // nobody would send it
		return
	}
	p.held = &heldBody{body: body, unsigned: unsigned, fields: make(http.Header)}
	for name, values := range p.Header {
		if describesBody(name) {
			p.held.fields[name] = values
			delete(p.Header, name)
		}
	}
	if contentType != nil {
		p.held.fields["Content-Type"] = contentType
	}
}

// release puts back what hold has taken.
func (p *PreparedRequest) release() {
	h := p.held
	if h == nil {
		return
	}
	p.body, p.unsigned, p.held = h.body, h.unsigned, nil
	maps.Copy(p.Header, h.fields)
}

// postponeLogin leaves a login that holds the body back to [Session.Send]. Until then
// the body is there to be looked at and changed.
func (p *PreparedRequest) postponeLogin() {
	if p.held != nil {
		p.release()
		p.unauthorized = true
	}
}

// review checks p after an Authenticator of the caller, which may have changed
// anything in it.
func (a Auth) review(p *PreparedRequest) error {
	if !a.foreign() {
		return nil
	}
	return p.check()
}

// foreign reports whether the Authenticator was written by the caller.
func (a Auth) foreign() bool {
	switch a.method.(type) {
	case nil, *basic, *bearer, noAuth, *digestAuth, invalidAuth:
		return false
	}
	return true
}

// hasControl reports whether s has a control character, which Basic forbids
// (RFC 7617, section 2).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// A netrcLookup finds the credentials of hosts. The zero value finds none.
type netrcLookup struct {
	file *environ.Netrc
	log  *slog.Logger
}

// netrcLookup looks into netrc, and finds nothing if the environment is ignored.
func (set *settings) netrcLookup() netrcLookup {
	if set.merged.IgnoreEnv {
		return netrcLookup{}
	}
	return netrcLookup{set.merged.netrc, set.merged.Logger}
}

// auth is the Auth that netrc has for the host of u and for login, unless that
// is empty. As in Requests, a file that cannot be read or parsed has none; the
// logger is told once each time the file has changed.
func (l netrcLookup) auth(u *url.URL, login string) Auth {
	if l.file == nil {
		return Auth{}
	}
	e, ok, err := l.file.Lookup(u.Hostname(), login)
	if err != nil && l.log != nil {
		l.log.Warn("netrc is not used", "error", fault.Printable(err.Error()))
	}
	if !ok {
		return Auth{}
	}
	b := &basic{e.Username(), e.Password}
	if b.check() != nil { // the caller did not ask for this entry, so it is ignored
		return Auth{}
	}
	return Auth{method: b}
}

// DigestAuth answers the Digest challenges of a server (RFC 7616): the strongest of
// those that it offers. It remembers a challenge, so that later requests with the
// same Auth carry their answer from the start, on all goroutines. So keep the Auth,
// in a session or a variable, and do not make one for each call.
//
// The first request to a server is challenged and sent again. If its body cannot be
// sent twice, the error is [ErrBodyNotReplayable] before anything is sent, unless an
// earlier request has met a challenge.
func DigestAuth(username, password string) Auth {
	return Auth{method: newDigestAuth(username, password)}
}

// digestAuth is the state that the copies of one Auth share.
type digestAuth struct{ spaces digest.Spaces }

func newDigestAuth(username, password string) *digestAuth {
	return &digestAuth{digest.Spaces{Credentials: digest.Credentials{Username: username, Password: password}}}
}

func (d *digestAuth) String() string { return "Digest" }

// Authenticate implements [Authenticator] with what is known of the origin.
func (d *digestAuth) Authenticate(_ context.Context, p *PreparedRequest) error {
	delete(p.Header, "Authorization")
	p.answer = nil
	a, ok, err := d.preempt(p)
	switch {
	case err != nil:
		return err
	case ok:
		p.setSecret("Authorization", a.Value)
		p.answer = &a
	case !p.Replayable():
		return failText(ErrBodyNotReplayable, "a Digest challenge comes first: let a request with a replayable body meet it")
	}
	return nil
}

// Challenge implements the second half of [Authenticator].
func (d *digestAuth) Challenge(_ context.Context, r *Response) (*PreparedRequest, error) {
	again := len(r.History) > 0 && r.History[len(r.History)-1].StatusCode == r.StatusCode
	q := r.Request.Clone()
	a, ok, err := d.answer(q, r.Header.Values("Www-Authenticate"), again)
	if !ok {
		return nil, err
	}
	q.setSecret("Authorization", a.Value)
	q.answer = &a
	return q, nil
}

// preempt answers the challenge that the origin of p is expected to send. It
// returns false if none is known.
func (d *digestAuth) preempt(p *PreparedRequest) (digest.Answer, bool, error) {
	a, ok, err := d.spaces.Preempt(uri.Origin(p.URL), digestRequest(p))
	return a, ok, digestError(err)
}

// answer answers one of challenges. It returns false if it can answer none. It
// does not repeat an answer that was refused, unless only the nonce was stale.
func (d *digestAuth) answer(p *PreparedRequest, challenges []string, again bool) (digest.Answer, bool, error) {
	offer, ok := digest.Select(digest.Parse(challenges))
	if !ok || again && !offer.Stale {
		return digest.Answer{}, false, nil
	}
	a, err := d.spaces.Answer(uri.Origin(p.URL), offer, digestRequest(p))
	return a, err == nil, digestError(err)
}

// Verify implements the third part of [Authenticator]: a server that gives a
// proof has to give the right one (RFC 7616, section 3.5).
func (d *digestAuth) Verify(_ context.Context, r *Response) error {
	info := r.Header["Authentication-Info"]
	if r.Request.answer == nil || len(info) == 0 || r.Request.answer.Verify(digest.ParseInfo(info)) {
		return nil
	}
	return failText(ErrAuthentication, "the server does not prove that it knows the password")
}

// renew takes the next nonce from the server's Authentication-Info.
func (d *digestAuth) renew(r *Response) {
	if info := r.Header["Authentication-Info"]; len(info) > 0 && r.Request.answer != nil {
		d.spaces.Renew(*r.Request.answer, digest.ParseInfo(info))
	}
}

// digestRequest is the part of p that an answer covers.
func digestRequest(p *PreparedRequest) digest.Request {
	req := digest.Request{Method: p.Method, URI: p.URL.RequestURI()}
	if p.body.present {
		req.Body = p.copyBody
	}
	return req
}

// copyBody writes the body to w, if it can still be sent afterwards.
func (p *PreparedRequest) copyBody(w io.Writer) error {
	if !p.Replayable() {
		return ErrBodyNotReplayable
	}
	body, err := p.body.open()
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func digestError(err error) error {
	if errors.Is(err, digest.ErrControl) {
		return fail(ErrInvalidOption, err)
	}
	return err
}
