package requests

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// Version is the version of this package, which the default User-Agent names.
// It ends in -dev where the package is ahead of its latest release.
const Version = "0.1.0-dev"

// A Request is what to send, before it is prepared: a method, a URL and the options
// of a call. Preparing and sending do not change it, so it may be prepared any
// number of times.
type Request struct {
	Method  string
	URL     string
	Options []Option
}

// NewRequest returns a request for [Session.Prepare] and [Session.Many].
func NewRequest(method, url string, opts ...Option) *Request {
	return &Request{Method: method, URL: url, Options: slices.Clone(opts)}
}

// String names the request without its options, and its URL without secrets.
func (r Request) String() string { return r.Method + " " + redact.RawURL(r.URL) }

// Prepare makes the request ready to be sent, without the defaults of a session:
// headers, cookies, authentication and base URL are those among its options, and no
// others. Only an [Authenticator] gets ctx, which is not kept.
func (r *Request) Prepare(ctx context.Context) (_ *PreparedRequest, err error) {
	at := step{op: "prepare"}
	defer at.wrap(&err)
	if r == nil {
		return nil, failText(ErrInvalidOption, "Prepare(nil)")
	}
	at.raw = r.URL
	if ctx == nil {
		return nil, errNilContext
	}
	var set settings
	if err := set.finish(r.Options); err != nil {
		return nil, err
	}
	p, err := prepare(ctx, r.Method, r.URL, &set)
	if err != nil {
		return nil, err
	}
	p.call = r.Options
	p.postponeLogin()
	return p, nil
}

var errNilContext = failText(ErrInvalidOption, "the context is nil")

// A PreparedRequest is a request as it will be sent. Its fields may be changed until
// then; [Session.Send] checks them again. It may be sent several times if its body
// is [PreparedRequest.Replayable]. If it has no body, or one in memory, several
// goroutines may send it at once, as long as nothing changes it.
type PreparedRequest struct {
	// Method is the method, usually in capitals (RFC 9110, section 9.1).
	Method string
	// URL has its host in ASCII and no userinfo. Its query holds the params.
	URL *url.URL
	// Header holds the fields to send. A Host among them replaces the host of
	// the URL in the message. It decides neither where to connect nor which
	// cookies go out. A key that is not canonical is [ErrInvalidHeader].
	Header http.Header

	body      content
	unsigned  *content // the body that an Authenticator has replaced
	held      *heldBody
	bodies    int // counts the calls of SetBody
	auth      Auth
	answer    *digest.Answer // the one in Authorization, if that answers a Digest challenge
	named     *url.URL       // the URL that the caller gave, if redirects have led away from it
	call      []Option       // the options it was prepared with, for Send
	cookies   []Cookies      // of the call, for redirects
	ownCookie bool           // the caller set the Cookie field
	ownKey    bool           // the Idempotency-Key is ours

	unauthorized bool     // the Authenticator has not been asked yet
	literal      *literal // nil if the library has made it
}

// prepare builds the request in the order of Requests: method, URL, headers,
// cookies, body, authentication. Authentication is last so that it can sign the rest.
func prepare(ctx context.Context, method, rawURL string, set *settings) (*PreparedRequest, error) {
	p := &PreparedRequest{auth: set.merged.Auth, cookies: set.cookies}
	if err := p.fill(ctx, method, rawURL, set); err != nil {
		return nil, err
	}
	return p, nil
}

// defaults are the fields of a session whose Headers are nil. Read only.
var defaults = defaultHeaders()

func defaultHeaders() http.Header {
	values := []string{"go-requests/" + Version, acceptEncoding, "*/*"}
	return http.Header{"User-Agent": values[0:1:1], "Accept-Encoding": values[1:2:2], "Accept": values[2:3:3]}
}

func (p *PreparedRequest) fill(ctx context.Context, method, rawURL string, set *settings) (err error) {
	if p.Method, err = prepareMethod(method); err != nil {
		return err
	}
	var user *url.Userinfo
	if p.URL, user, err = set.target(rawURL); err != nil {
		return err
	}
	if err = addQuery(p.URL, set); err != nil {
		return err
	}
	if p.Header, err = fields.Merge(set.merged.Headers, set.headers, defaults); err != nil {
		return err
	}
	if set.merged.IdempotencyKey {
		p.setKey()
	}
	if err = p.setCookies(set.cookieSource()); err != nil {
		return err
	}
	if p.body, err = set.prepareContent(p.Header); err != nil {
		return err
	}
	p.setContentType()
	if p.auth.method == nil && p.Header["Authorization"] == nil {
		p.auth = urlAuth(user, p.URL, set.netrcLookup())
	}
	return p.authenticate(ctx)
}

// Headers are header fields of the request. The case of names does not matter. A
// value is as in [Params], but a [time.Time] is written as an HTTP-date, and a
// slice makes several fields of one name. Nil removes the field, be it the
// session's or a default one. It does not remove what an [Auth] or the jar adds:
// [NoAuth] and KeepCookies(false) do.
//
// Only the library sets Content-Length, Transfer-Encoding and the other fields
// that frame a message. Connection takes close, keep-alive and, beside an Upgrade
// field, Upgrade: see [Response].Body. Proxy-Authorization goes to the HTTP proxy that carries
// the request, never to the server. Where no proxy does, one of the call is
// [ErrInvalidHeader], and one of the session is left out.
type Headers map[string]any

func (Headers) option() {}

// From makes Params, Headers or a [Form] of the maps that the rest of Go has in
// their place, such as [url.Values] and [http.Header]:
//
//	requests.Get(ctx, url, requests.From[requests.Headers](http.Header{"X-Trace": {"a1"}}))
//
// The slices are those of m. A nil map gives a nil one, which says nothing.
func From[T Params | Headers | Form, M ~map[string][]string](m M) T {
	if m == nil {
		return nil
	}
	t := make(T, len(m))
	for name, values := range m {
		t[name] = values
	}
	return t
}

// urlAuth is the Auth of a request that was given none: the userinfo of its URL
// or, if that has no password, the entry in netrc. If the URL has a user name,
// the entry must be for that user (CVE-2026-8926).
func urlAuth(user *url.Userinfo, u *url.URL, lookup netrcLookup) Auth {
	if user == nil {
		return lookup.auth(u, "")
	}
	if password, has := user.Password(); !has {
		return lookup.auth(u, user.Username())
	} else if user.String() != ":" {
		return BasicAuth(user.Username(), password)
	}
	return lookup.auth(u, "")
}

// IdempotencyKey gives each call a key of its own in the field Idempotency-Key, so
// that a server can tell a repetition from a second order
// (draft-ietf-httpapi-idempotency-key-header): a random UUID, in the quotes of a
// structured string. It is the same in each retry and redirect of the call, and lets
// [Retry] repeat a POST. A request that is sent again by [Session.Send] keeps it,
// as it is the same request.
//
// The safe methods GET, HEAD, OPTIONS and TRACE get none. One that the Headers give
// stays as it is, for a server that wants another form. A redirect that
// turns the request into a GET, or leads to another origin, leaves the key behind.
type IdempotencyKey bool

func (IdempotencyKey) option() {}

// idempotencyKey is the field of draft-ietf-httpapi-idempotency-key-header.
const idempotencyKey = "Idempotency-Key"

// setKey gives a request that may have an effect a key, unless it has one.
func (p *PreparedRequest) setKey() {
	if isSafe(p.Method) || len(p.Header[idempotencyKey]) > 0 {
		return
	}
	var id [16]byte
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4: RFC 9562, section 5.4
	p.Header[idempotencyKey] = []string{fmt.Sprintf(`"%x-%x-%x-%x-%x"`, id[:4], id[4:6], id[6:8], id[8:10], id[10:])}
	p.ownKey = true
}

// isSafe reports whether the method has no effect (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// prepareMethod checks a method and puts it in capitals. CONNECT and PRI turn
// the connection into something else and are refused.
func prepareMethod(method string) (string, error) {
	method = strings.ToUpper(method)
	if len(method) > 32 || !message.IsToken(method) {
		return "", failText(ErrInvalidOption, "method "+redact.Token(method)+" is not a token")
	}
	if method == http.MethodConnect || method == "PRI" {
		return "", failText(ErrInvalidOption, "method "+method+" is not for requests")
	}
	return method, nil
}

// BaseURL is what the URLs of calls are relative to. With the base
// "https://api.example.com/v1", and just so with "https://api.example.com/v1/":
//
//	""                                    the base itself
//	"orders", "/orders"                   https://api.example.com/v1/orders
//	"orders?page=2"                       https://api.example.com/v1/orders?page=2
//	"https://api.example.com/v1/orders"   itself, as it lies below the base
//	"https://example.com/", "../v2"       ErrInvalidURL
//
// A URL that does not lie below the base, by another scheme, host, port or path,
// is [ErrInvalidURL], so that a path made of user input cannot carry the session's
// credentials elsewhere (CVE-2024-39338). A query of the base goes with every
// call, and its userinfo becomes Basic authentication. BaseURL("") lifts the base
// for one call.
type BaseURL string

func (BaseURL) option() {}

// PathParams are the values of a URL that is a template: "repos/{owner}/{repo}".
// Each value is one segment of the path or a part of one, and what may not stand
// there is escaped, "/" included; {+path} takes several segments ([RFC 6570],
// levels 1 and 2). A value is a string, a number, a bool, a [time.Time] (RFC 3339),
// a [fmt.Stringer] or a []byte. The [BaseURL] may be a template too.
//
// No value leads out of its place: an empty one, and one that makes "." or ".." a
// segment, are [ErrInvalidURL], as many servers take "%2E%2E" for "..", too. A
// name without a value and a value that the URL has no place for are
// [ErrInvalidOption]; but those of a session are there for the URLs that name them.
// They add up by name, and nil removes the session's. Without PathParams no URL is
// a template.
//
// A value is shown wherever the URL is: in errors, logs and [PreparedRequest.Curl].
// A secret belongs in a header field or an [Auth].
//
// [RFC 6570]: https://www.rfc-editor.org/rfc/rfc6570.html
type PathParams map[string]any

func (PathParams) option() {}

// over returns p with the values of base for the names that it does not have.
func (p PathParams) over(base PathParams) PathParams {
	m := PathParams(Params(base).clone())
	if m == nil {
		m = make(PathParams, len(p))
	}
	for name, v := range Params(p).clone() {
		m[name] = v
	}
	return m
}

// target reads the URL of a call, with the PathParams in their places.
func (set *settings) target(rawURL string) (*url.URL, *url.Userinfo, error) {
	base := set.merged.BaseURL
	if set.merged.PathParams == nil {
		return uri.Join(base, rawURL)
	}
	placed := make(map[string]bool)
	value := func(name string) (string, error) {
		placed[name] = true
		return set.merged.PathParams.text(name)
	}
	base, err := uri.Expand(base, value)
	if err != nil {
		return nil, nil, err
	}
	if rawURL, err = uri.Expand(rawURL, value); err != nil {
		return nil, nil, err
	}
	for _, given := range set.pathNames {
		for name, v := range given {
			if v != nil && !placed[name] {
				return nil, nil, failText(ErrInvalidOption, fmt.Sprintf("PathParams: the path of the URL has no {%s}", name))
			}
		}
	}
	return uri.Join(base, rawURL)
}

// text is the value of a name as text.
func (p PathParams) text(name string) (string, error) {
	var buf [1]string
	vals, err := values.Append(buf[:0], p[name], time.RFC3339Nano)
	switch {
	case err != nil:
		return "", fail(ErrInvalidOption, fmt.Errorf("PathParams: {%s}: %w", name, err))
	case len(vals) == 0:
		return "", failText(ErrInvalidOption, fmt.Sprintf("PathParams: {%s} has no value", name))
	case len(vals) > 1:
		return "", failText(ErrInvalidOption, fmt.Sprintf("PathParams: {%s} has several values", name))
	}
	return vals[0], nil
}

// RawQuery is a query that is encoded already. It is added after the query of the
// URL and before [Params]. Characters that a query cannot have are escaped, but a
// "#" begins the fragment, as in any URL, and is not sent.
type RawQuery string

func (RawQuery) option() {}

// Params are query parameters, added after the query that the URL has already. A
// value is a string, a number, a bool, a [time.Time] (RFC 3339), a
// [fmt.Stringer], a []byte, or a slice of these, which repeats the key. Nil
// removes what the session has under the key. Keys go out sorted. To have another
// order, give several Params: they go out in the order given.
type Params map[string]any

func (Params) option() {}

// clone copies p with the slices in it.
func (p Params) clone() Params {
	if p == nil {
		return nil
	}
	q := make(Params, len(p))
	for k, v := range p {
		q[k] = values.Clone(v)
	}
	return q
}

// addQuery adds the raw query and the params after the query of u.
func addQuery(u *url.URL, set *settings) error {
	session := set.merged.Params
	if len(session) == 0 && len(set.params) == 0 && set.query == "" {
		return nil
	}
	size := pairSize * len(session)
	for _, p := range set.params {
		size += pairSize * len(p)
	}
	var b strings.Builder
	b.Grow(size)
	if err := encodeParams(&b, session, set.params); err != nil {
		return err
	}
	return uri.AddQuery(u, string(set.query), b.String())
}

// pairSize is about what a key, its value and what is around them take.
const pairSize = 24

// encodeParams writes the params of the session, then those of the call. A key
// that both have keeps its place and takes the call's value.
func encodeParams(b *strings.Builder, session Params, call []Params) error {
	var keyBuf, valueBuf [8]string
	for _, k := range values.SortedKeys(session, keyBuf[:0]) {
		replaced := false
		for _, p := range call {
			if v, ok := p[k]; ok {
				replaced = true
				if err := values.AppendPairs(b, k, v, valueBuf[:0], "param"); err != nil {
					return err
				}
			}
		}
		if replaced {
			continue
		}
		if err := values.AppendPairs(b, k, session[k], valueBuf[:0], "param"); err != nil {
			return err
		}
	}
	inSession := func(key string) bool { _, ok := session[key]; return ok }
	for _, p := range call {
		if err := values.AppendQuery(b, p, inSession, "param"); err != nil {
			return err
		}
	}
	return nil
}

// prepareContent returns the body of the call. A multipart body adds its
// boundary to the Content-Type field of h.
func (set *settings) prepareContent(h http.Header) (content, error) {
	switch {
	case set.content.load != nil && len(set.form)+len(set.files) > 0:
		return content{}, failText(ErrInvalidOption, "two bodies: give Form and Files, or one of JSON, Bytes, Text, Reader and Writer")
	case set.content.load != nil:
		return set.content.load()
	case len(set.files) > 0:
		c, err := multipartContent(set.form, set.files, h["Content-Type"])
		delete(h, "Content-Type")
		return c, err
	case len(set.form) > 0:
		return formContent(set.form)
	}
	return content{}, nil
}

// setContent sets the body of a call, which can have only one.
func (set *settings) setContent(b Body) error {
	if b.load == nil { // none
		return nil
	}
	if set.content.load != nil {
		return failText(ErrInvalidOption, "two bodies were given")
	}
	set.content = b
	return nil
}

func (p *PreparedRequest) setContentType() {
	if p.body.contentType == "" {
		return
	}
	if _, given := p.Header["Content-Type"]; !given {
		p.Header["Content-Type"] = []string{p.body.contentType}
	}
}

// setCookies writes the Cookie field, unless one was given by hand.
func (p *PreparedRequest) setCookies(from cookieSource) error {
	for _, c := range p.cookies {
		if err := c.check(); err != nil {
			return err
		}
	}
	if _, p.ownCookie = p.Header["Cookie"]; p.ownCookie {
		return nil
	}
	if field := from.field(p.URL, true, p.cookies); field != "" {
		p.Header["Cookie"] = []string{field}
	}
	return nil
}

// A cookieSource holds the cookies that a session contributes to a call.
type cookieSource struct {
	jar    *CookieJar // nil if there is none
	beside Cookies    // sent only to hosts that the caller names, never after a redirect to another
}

func (set *settings) cookieSource() cookieSource {
	if set.merged.NoCookies {
		return cookieSource{beside: set.merged.cookies}
	}
	return cookieSource{set.merged.Cookies, set.merged.cookies}
}

// field is the Cookie field of a request to u. Cookies of the call replace
// others of the same name. named says that the caller named the host.
func (c *cookieSource) field(u *url.URL, named bool, call []Cookies) string {
	jar := c.jar
	if len(call) == 0 && (len(c.beside) == 0 || !named) {
		if jar == nil {
			return ""
		}
		return jar.header(u, named)
	}
	if jar == nil {
		jar = new(CookieJar)
	}
	own := c.beside
	if !named {
		own = nil
	}
	for _, more := range call {
		if len(own) == 0 {
			own = more
			continue
		}
		own = maps.Clone(own)
		maps.Copy(own, more)
	}
	return jar.headerWith(u, named, own)
}

// Body returns a fresh reader of the body, or [http.NoBody] if there is none. A
// stream has one reader at a time: a new one ends the one before. If it cannot be
// read again, the error is [ErrBodyNotReplayable]. The caller closes the reader.
func (p *PreparedRequest) Body() (io.ReadCloser, error) {
	if !p.body.present {
		return http.NoBody, nil
	}
	return p.body.open()
}

// SetBody replaces the body and its Content-Type.
func (p *PreparedRequest) SetBody(b Body) error {
	c := content{}
	if b.load != nil {
		var err error
		if c, err = b.load(); err != nil {
			return err
		}
	}
	held := p.held != nil
	p.release()
	p.setContent(c)
	p.unsigned, p.bodies = nil, p.bodies+1
	if held && c.length != 0 { // the rest of the login sends the new one
		p.body = content{}
		p.hold(c, nil, p.Header["Content-Type"])
	}
	return nil
}

func (p *PreparedRequest) setContent(c content) {
	if p.body.contentType != "" && p.Header.Get("Content-Type") == p.body.contentType {
		p.Header.Del("Content-Type")
	}
	p.body = c
	if p.Header == nil {
		p.Header = http.Header{}
	}
	p.setContentType()
}

// ContentLength returns the length of the body in bytes. It is -1 if the length is
// unknown; the request is then chunked.
func (p *PreparedRequest) ContentLength() int64 { return p.body.length }

// Replayable reports whether the body can be sent more than once.
func (p *PreparedRequest) Replayable() bool { return p.body.replayable() }

// Bytes returns a body in memory. It reports false if the body is a stream.
func (p *PreparedRequest) Bytes() ([]byte, bool) {
	return p.body.data, p.body.stream == nil
}

// Clone returns a copy, which shares with p only the source of a streamed body.
func (p *PreparedRequest) Clone() *PreparedRequest {
	q := p.copy()
	q.release()
	return q
}

// copy is Clone, but leaves a body to the login that holds it.
func (p *PreparedRequest) copy() *PreparedRequest {
	q := *p
	q.URL = cloneURL(p.URL)
	q.Header = p.Header.Clone()
	return &q
}

func cloneURL(u *url.URL) *url.URL {
	if u == nil {
		return nil
	}
	v := *u
	return &v
}

// String names the request without anything that could be secret.
func (p *PreparedRequest) String() string { return p.Method + " " + redact.URL(p.URL) }

// check validates a request that may have been changed since it was prepared.
func (p *PreparedRequest) check() error {
	if p.literal != nil {
		return p.checkLiteral()
	}
	if p.URL == nil || p.URL.Host == "" && p.URL.Opaque == "" {
		return failText(ErrInvalidURL, "no host supplied")
	}
	if len(p.Method) > 32 || !message.IsToken(p.Method) || p.Method == http.MethodConnect {
		return failText(ErrInvalidOption, "the method is not one of a request")
	}
	if uri.IsHTTP(p.URL.Scheme) {
		if p.URL.Opaque != "" { // would be sent as the request target: CVE-2026-48998
			return failText(ErrInvalidURL, "a prepared URL has no Opaque part")
		}
		u, info, err := uri.Parse(p.URL.String())
		if err != nil {
			return err
		}
		if info != nil {
			return failText(ErrInvalidURL, "a prepared URL has no userinfo: use BasicAuth")
		}
		if *u != *p.URL { // write only a change: other goroutines may be reading p
			p.URL = u
		}
	}
	if p.Header == nil {
		p.Header = http.Header{}
	}
	return fields.Check(p.Header)
}
