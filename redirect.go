package requests

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
)

// isRedirect reports whether a response of this status asks to go on to its
// Location. 201 and 300 may have one too; neither asks for that.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirectTarget returns the URL that r sends the client on to; nil if r is
// final, as a redirect without a Location is: servers send those, and browsers
// show what came with them. Of several Locations the first counts. Userinfo in
// it is left out: it is the server's idea and not the caller's.
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

// redirected returns the request that follows p by a redirect to target, before
// cookies and authentication. It is a new one; p stays what was sent.
//
// Only POST becomes GET by 301 and 302, as browsers do it (Fetch, section 4.4);
// Requests changes all methods by 302, and by 301 keeps PUT but loses its body.
func redirected(p *PreparedRequest, status int, target *url.URL) (*PreparedRequest, error) {
	q := *p
	q.URL, q.Header, q.answer = target, p.Header.Clone(), nil
	switch {
	case status == http.StatusSeeOther && p.Method != http.MethodHead && p.Method != http.MethodGet,
		(status == http.StatusMovedPermanently || status == http.StatusFound) && p.Method == http.MethodPost:
		q.Method, q.body, q.unsigned = http.MethodGet, content{}, nil
	}
	if !sameOrigin(p.URL, target) {
		q.dropSecrets()
	}
	keepsBody := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	switch {
	case q.body.present && !q.body.replayable():
		return nil, ErrBodyNotReplayable
	case !q.body.present && !keepsBody:
		dropContentFields(q.Header)
	}
	if !q.ownCookie {
		delete(q.Header, "Cookie")
	}
	return &q, nil
}

// dropContentFields deletes the fields that describe a body which is not sent
// any more (RFC 9110, section 15.4; CVE-2023-45803).
func dropContentFields(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Content-") {
			delete(h, name)
		}
	}
	delete(h, "Digest")
	delete(h, "Repr-Digest")
}

// dropSecrets takes everything off the request that is bound to the origin it
// was made for: credentials in fields and values, what an Authenticator has put
// into the body, cookies of the call, and the name of the host itself. The Auth
// for the proxy stays, since the origin is nothing to it; that the caller wants
// none stays, too.
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

// sameOrigin reports whether credentials for a may go to b: an origin is a
// scheme, a host and a port (RFC 6454, section 4). The one exception is the
// way from http to https on the same host and the default ports. A host with
// the dot of a complete name is another one: without it, the resolver may try
// domains of its own.
func sameOrigin(a, b *url.URL) bool {
	if a.Hostname() != b.Hostname() {
		return false
	}
	if a.Scheme == b.Scheme {
		return uri.Port(a) == uri.Port(b)
	}
	return a.Scheme == "http" && b.Scheme == "https" && uri.Port(a) == "80" && uri.Port(b) == "443"
}

// reachable reports whether a response from a may send the client on to b: to
// the network or, within a scheme of the caller's own, to more of that. A
// server does not get to choose a socket or a file (CVE-2022-33987).
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
