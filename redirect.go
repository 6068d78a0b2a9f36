package requests

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/uri"
)

// AllowRedirects says whether redirects are followed. The default is true, except
// for HEAD.
type AllowRedirects bool

func (AllowRedirects) option() {}

// MaxRedirects is how many redirects one call follows before it fails with
// [ErrTooManyRedirects]. The default is 30. Zero and negative numbers allow none.
// In the field of a [Session] zero is the default, so only negative numbers do.
type MaxRedirects int

const defaultMaxRedirects = 30

func (MaxRedirects) option() {}

// maxRedirects is how many redirects to follow.
func (set *settings) maxRedirects() int {
	if n := set.merged.MaxRedirects; n != 0 {
		return max(n, 0)
	}
	return defaultMaxRedirects
}

// isRedirect reports whether a response of this status asks the client to
// request its Location. 201 and 300 may have a Location, but do not ask for that.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirectTarget returns the URL that r redirects to, nil if r is final. A
// redirect without a Location is final: servers send those, and browsers show
// their body. Of several Locations the first counts. Userinfo in it is dropped,
// since credentials come from the caller alone.
func redirectTarget(r *Response) (*url.URL, error) {
	if !isRedirect(r.StatusCode) {
		return nil, nil
	}
	location := r.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	u, err := uri.Resolve(r.URL, location)
	if err != nil {
		return nil, err
	}
	if u.Fragment == "" { // inherited: RFC 9110, section 10.2.2
		u.Fragment, u.RawFragment = r.URL.Fragment, r.URL.RawFragment
	}
	return u, nil
}

// follow returns the request that r redirects to, nil if the redirect is not
// followed.
func follow(ctx context.Context, r *Response, set *settings, trip *journey) (*PreparedRequest, error) {
	if !r.IsRedirect() {
		return nil, nil
	}
	if set.merged.NoRedirects {
		r.journey = trip.forNext()
		return nil, nil
	}
	if trip.redirects == set.maxRedirects() && r.Header.Get("Location") != "" {
		r.journey = trip.forNext()
		r.discard()
		return nil, &RedirectError{Response: r}
	}
	q, err := trip.redirect(r)
	if q == nil && err == nil {
		return nil, nil
	}
	if err == nil {
		err = q.authenticate(ctx)
	}
	if err != nil {
		return nil, err
	}
	trip.redirects++
	trip.answers = 0
	return q, set.merged.Hooks.beforeRedirect(ctx, r, q)
}

// redirected returns a new request that follows p after a redirect to target,
// without cookies and authentication. p is not changed.
//
// Only POST becomes GET by 301 and 302, as browsers do it (Fetch, section 4.4);
// Requests changes all methods by 302, and by 301 keeps PUT but loses its body.
func redirected(p *PreparedRequest, status int, target *url.URL) (*PreparedRequest, error) {
	q := *p
	q.URL, q.Header, q.answer = target, p.Header.Clone(), nil
	q.release()
	switch {
	case status == http.StatusSeeOther && p.Method != http.MethodHead && p.Method != http.MethodGet,
		(status == http.StatusMovedPermanently || status == http.StatusFound) && p.Method == http.MethodPost:
		q.Method, q.body, q.unsigned = http.MethodGet, content{}, nil
	}
	if !sameOrigin(p.URL, target) {
		q.dropSecrets()
	}
	if q.ownKey && (isSafe(q.Method) || !sameOrigin(p.URL, target)) {
		delete(q.Header, idempotencyKey)
		q.ownKey = false
	}
	keepsBody := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	switch {
	case q.body.present && !q.body.replayable() && p.held == nil:
		return nil, ErrBodyNotReplayable
	case !q.body.present && !keepsBody:
		dropContentFields(q.Header)
	}
	if !q.ownCookie {
		delete(q.Header, "Cookie")
	}
	return &q, nil
}

// dropContentFields deletes the fields that describe a body which is no longer
// sent (RFC 9110, section 15.4; CVE-2023-45803).
func dropContentFields(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool { return describesBody(name) })
}

// describesBody reports whether a field has no meaning without a body.
func describesBody(name string) bool {
	switch name {
	case "Digest", "Repr-Digest", "Expect": // RFC 9110, section 10.1.1
		return true
	}
	return strings.HasPrefix(name, "Content-")
}

// dropSecrets removes everything that is bound to the origin of the request:
// credentials in fields and values, what an Authenticator has put into the body,
// cookies of the call, and a Host field. The Auth for the proxy stays, since it
// does not depend on the origin, and so does NoAuth.
func (p *PreparedRequest) dropSecrets() {
	for name := range p.Header {
		if redact.Secret(name) {
			delete(p.Header, name)
		}
	}
	delete(p.Header, "Host")
	if p.auth.method != (noAuth{}) {
		p.auth = Auth{}
	}
	if p.unsigned != nil {
		p.setContent(*p.unsigned)
		p.unsigned = nil
	}
	p.cookies, p.ownCookie = nil, false
}

// sameOrigin reports whether credentials for a may go to b. An origin is a
// scheme, a host and a port (RFC 6454, section 4). The one exception is from
// http to https on the same host and the default ports. A host with a final dot
// is a different one: without the dot, the resolver may append search domains.
func sameOrigin(a, b *url.URL) bool {
	if a.Hostname() != b.Hostname() {
		return false
	}
	if a.Scheme == b.Scheme {
		return uri.Port(a) == uri.Port(b)
	}
	return a.Scheme == "http" && b.Scheme == "https" && uri.Port(a) == "80" && uri.Port(b) == "443"
}

// reachable reports whether a response from a may redirect to b: to http and
// https or, within a scheme that the caller has mounted, to the same scheme. A
// server cannot redirect to a socket or a file (CVE-2022-33987).
func reachable(a, b *url.URL) bool { return uri.IsHTTP(b.Scheme) || a.Scheme == b.Scheme }

// A RedirectError reports a chain of redirects that was given up. It is
// [ErrTooManyRedirects].
type RedirectError struct {
	// Response is the redirect that was not followed, with the History before it.
	Response *Response
}

// Error is the text of Requests: "Exceeded 30 redirects."
func (e *RedirectError) Error() string {
	if e.Response == nil { // made by hand
		return ErrTooManyRedirects.Error()
	}
	return "Exceeded " + strconv.Itoa(len(e.Response.History)) + " redirects."
}

func (e *RedirectError) Unwrap() error { return ErrTooManyRedirects }

// A journey tracks the hops that a call has made so far, and works out the next
// request from a response. It sends nothing.
type journey struct {
	at      step // of the call
	cookies cookieSource
	netrc   netrcLookup
	named   *url.URL // by the caller

	history   []*Response
	redirects int  // followed so far
	proxied   bool // the last request went through an HTTP proxy
	answers   int  // to challenges since the last redirect

	pin *transport.Pin // the connection of the last request, if its Auth has logged that in
}

// pinFor names the connection that p is to take, nil for any.
func (t *journey) pinFor(p *PreparedRequest) *transport.Pin {
	if owner := p.auth.owner(); owner != nil && !t.pin.Serves(owner) {
		t.unpin()
		t.pin = transport.NewPin(owner)
	} else if owner == nil {
		t.unpin()
	}
	return t.pin
}

// unpin leaves the connection to other calls of the Auth.
func (t *journey) unpin() {
	if t.pin != nil {
		t.pin.Free()
		t.pin = nil
	}
}

// maxAnswers is how often a request is sent again after challenges: once for the
// first, and once more if the nonce of the answer had expired meanwhile.
const maxAnswers = 2

// maxLegs is that for an Auth which logs in connections: NTLM has two answers
// more than the first request, SPNEGO may have more, and a connection that was
// lost on the way makes it begin again.
const maxLegs = 6

// mostAnswers is how many challenges a may answer.
func (a Auth) mostAnswers() int {
	if a.owner() != nil {
		return maxLegs
	}
	return maxAnswers
}

// arrived stores the cookies of r, before a hook can change it.
func (t *journey) arrived(r *Response) {
	if lines := r.Header["Set-Cookie"]; len(lines) > 0 {
		if t.cookies.jar == nil {
			t.cookies.jar = new(CookieJar) // for the rest of this call
		}
		t.cookies.jar.store(r.Request.URL, lines)
	}
	if d, ok := r.Request.auth.method.(*digestAuth); ok {
		d.renew(r)
	}
}

// remember adds r to the history.
func (t *journey) remember(r *Response) {
	if t.history == nil {
		t.history = make([]*Response, 0, 4)
	}
	t.history = append(t.history, r)
}

// answerChallenge returns the request that answers the challenge of r, nil if
// there is none to be answered.
func (t *journey) answerChallenge(ctx context.Context, r *Response) (*PreparedRequest, error) {
	auth := r.Request.auth
	switch {
	case r.StatusCode == http.StatusProxyAuthRequired:
		if _, ok := auth.method.(*digestAuth); ok {
			return nil, nil // the adapter answers the challenges of the proxy
		}
	case r.StatusCode != http.StatusUnauthorized && r.Request.held == nil:
		return nil, nil
	}
	c, ok := auth.method.(challenger)
	if !ok || t.answers == auth.mostAnswers() {
		return nil, r.lacksBody()
	}
	q, err := c.Challenge(ctx, r)
	switch {
	case err != nil:
		return nil, whyEnded(ctx, err)
	case q == nil:
		return nil, r.lacksBody()
	case q == r.Request:
		q = q.Clone()
	}
	asked := r.Request
	if asked.held != nil {
		asked = asked.Clone() // with the body
	}
	q.noteBody(asked.body, asked.unsigned, r.Request.bodies)
	q.hold(asked.body, asked.unsigned, asked.Header["Content-Type"])
	if err := auth.review(q); err != nil {
		return nil, err
	}
	if q.body.present && !q.body.replayable() && r.Request.held == nil {
		return nil, ErrBodyNotReplayable
	}
	t.setCookies(q)
	t.answers++
	return q, nil
}

// lacksBody returns an error if r is a success of a request whose body was held back:
// it is not the answer to the call.
func (r *Response) lacksBody() error {
	if r.Request.held == nil || r.StatusCode >= 300 {
		return nil
	}
	return failText(ErrAuthentication, "the login has ended, and the body that was held back for it was not sent")
}

// verify asks the Authenticator whether the server has proved its identity.
func (t *journey) verify(ctx context.Context, r *Response) error {
	v, ok := r.Request.auth.method.(verifier)
	if !ok {
		return nil
	}
	return whyEnded(ctx, v.Verify(ctx, r))
}

// redirect returns the request that r redirects to, not yet authenticated, nil
// if r is final.
func (t *journey) redirect(r *Response) (*PreparedRequest, error) {
	target, err := redirectTarget(r)
	if target == nil || err != nil {
		return nil, err
	}
	p := r.Request
	if !reachable(p.URL, target) {
		return nil, failText(ErrInvalidScheme, "a redirect to "+redact.URL(target))
	}
	q, err := redirected(p, r.StatusCode, target)
	if err != nil {
		return nil, err
	}
	q.named = t.named
	t.setCookies(q)
	if q.auth.method == nil && q.Header["Authorization"] == nil && entersHost(p.URL, target) {
		q.auth = t.netrc.auth(target, "")
	}
	return q, nil
}

// entersHost reports whether a redirect leads to another host, for which netrc
// is looked up again. It is not after a redirect from https to http.
func entersHost(from, to *url.URL) bool {
	return from.Hostname() != to.Hostname() && (from.Scheme != "https" || to.Scheme == "https")
}

// dropProxyField returns p without a Proxy-Authorization field if no proxy would
// get it, and the field is the session's or was copied from the request before.
// A field that was given for this request stays, and the adapter refuses it.
func (t *journey) dropProxyField(p *PreparedRequest, proxy *url.URL, set *settings) *PreparedRequest {
	before := t.proxied
	t.proxied = takesFields(proxy)
	given, has := p.Header[proxyAuthorization]
	if !has || t.proxied {
		return p
	}
	inherited := before && slices.Equal(given, t.history[len(t.history)-1].Request.Header[proxyAuthorization])
	for name, v := range set.merged.Headers {
		inherited = inherited || strings.EqualFold(name, proxyAuthorization) && slices.Equal(given, v)
	}
	if !inherited {
		return p
	}
	q := p.copy()
	delete(q.Header, proxyAuthorization)
	return q
}

// setCookies writes the Cookie field again, unless the caller has set it.
func (t *journey) setCookies(p *PreparedRequest) {
	if p.ownCookie {
		return
	}
	if field := t.cookies.field(p.URL, uri.Hostname(p.URL) == uri.Hostname(t.named), p.cookies); field != "" {
		p.Header["Cookie"] = []string{field}
	} else {
		delete(p.Header, "Cookie")
	}
}

// forNext is the part of t that [Response.Next] needs.
func (t *journey) forNext() *journey {
	return &journey{cookies: t.cookies, netrc: t.netrc, named: t.named}
}

// Next returns the request that the response redirects to, for [Session.Send],
// which is what [AllowRedirects] would have sent; nil if it is no redirect.
// What was dropped on the way to another origin stays dropped. An [Authenticator]
// of the caller's is asked by Send, with its context. The body is not read.
func (r *Response) Next() (_ *PreparedRequest, err error) {
	at := step{op: "redirect", url: r.URL}
	defer at.wrap(&err)
	if r.Request == nil || r.URL == nil {
		return nil, nil // made by hand
	}
	t := r.journey
	if t == nil {
		t = &journey{named: r.Request.named}
	}
	if t.named == nil {
		t.named = r.Request.URL
	}
	q, err := t.redirect(r)
	if err == nil && q != nil {
		if q.unauthorized = q.auth.foreign(); !q.unauthorized {
			err = q.authenticate(context.Background())
		}
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}
