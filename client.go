package requests

import (
	"context"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
)

// The package functions are for scripts: each call stands alone. They share
// one pool of connections, and keep no cookies from one call to the next.

// shared is the session behind the package functions. It is never changed, and
// has no jar: a call that meets a Set-Cookie on its way makes one for itself.
var shared = &Session{isolated: true}

// Do sends a request of any method. See [Get].
func Do(ctx context.Context, method, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, method, url, opts...)
}

// Get sends a GET request and returns the response with its body read. A status of
// 400 or above is not an error, unless [RaiseForStatus] is given. Errors are
// [*Error] values, whose kinds the package documentation lists.
func Get(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodGet, url, opts...)
}

// Head sends a HEAD request. It follows redirects only if AllowRedirects(true) is
// given.
func Head(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Head(ctx, url, opts...)
}

// Options sends an OPTIONS request.
func Options(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodOptions, url, opts...)
}

// Post sends a POST request, with the body that a [JSON], [Form], [Files],
// [Bytes], [Text], [Reader] or [Writer] among the options gives it.
func Post(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPost, url, opts...)
}

// Put sends a PUT request. See [Post].
func Put(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPut, url, opts...)
}

// Patch sends a PATCH request. See [Post].
func Patch(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPatch, url, opts...)
}

// Delete sends a DELETE request.
func Delete(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodDelete, url, opts...)
}

// CloseIdleConnections closes the connections that the package functions share and
// that no request uses now: before a program goes to sleep, or a test looks for
// goroutines that are left.
func CloseIdleConnections() { shared.CloseIdleConnections() }

// Get sends a GET request.
func (s *Session) Get(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodGet, url, opts...)
}

// Head sends a HEAD request. It follows redirects only if AllowRedirects(true) is
// given.
func (s *Session) Head(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodHead, url, slices.Concat([]Option{AllowRedirects(false)}, opts)...)
}

// Options sends an OPTIONS request.
func (s *Session) Options(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodOptions, url, opts...)
}

// Post sends a POST request.
func (s *Session) Post(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPost, url, opts...)
}

// Put sends a PUT request.
func (s *Session) Put(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPut, url, opts...)
}

// Patch sends a PATCH request.
func (s *Session) Patch(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPatch, url, opts...)
}

// Delete sends a DELETE request.
func (s *Session) Delete(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodDelete, url, opts...)
}

// Client returns an [http.Client] that sends through the session, for code that
// wants one, such as an SDK. Redirects, CheckRedirect, Jar and Timeout are the
// client's, as with any other: its Transport sends one request for each that it
// is handed, as it is. URL, method, fields, Host, body and trailer are not
// changed, since SDKs sign them, and a response is what [http.Transport] would
// give. Both the client and its Transport may be copied and changed.
//
// To a request the Transport adds what the session has and the request has not:
//
//   - Headers, and Accept-Encoding only to requests without a Range, to whose
//     responses alone content codings are undone. Params and BaseURL are not applied.
//   - Auth, or what netrc has for the host, unless there is an Authorization
//     field; a challenge is answered.
//   - Cookies that were given to the session as an option, beside those of a
//     Cookie field that does not name them.
//   - Proxies, TLS, Retry, MaxBody, Hooks, Logger, Dump and the mounts. A last response
//     that Retry takes for a failure is returned as it is.
//   - Timeout, but for Read, of which only a value that the session was given
//     counts: a watch or a blocking query may be silent for long.
//
// Auth, the Cookies and those Headers that look like secrets by their name go to
// the host of BaseURL and to the hosts of mounts; if the session has neither, to
// every host. A mount of a scheme alone, such as "https://", names no host. Never
// do they follow a redirect to another origin.
//
// A Proxy-Authorization field that no proxy would get is [ErrInvalidHeader].
//
// The jar of the session is the Jar of the client, which may get another one or
// none. The Transport by itself keeps no cookies, so that a reverse proxy that
// uses it does not mix up those of its users.
func (s *Session) Client() *http.Client {
	s = s.setup()
	c := &http.Client{Transport: sessionTripper{s}}
	if s.Cookies != nil && !s.NoCookies {
		c.Jar = s.Cookies
	}
	return c
}

// sessionTripper is a session as a RoundTripper.
type sessionTripper struct{ s *Session }

func (t sessionTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	return roundTrip(hr, t.send)
}

// send sends p, which was made of hr, as a streamed call of one hop.
func (t sessionTripper) send(ctx context.Context, p *PreparedRequest, hr *http.Request) (*Response, error) {
	s := t.s.setup()
	var set settings
	if err := set.merge(s, nil); err != nil {
		return nil, err
	}
	m := &set.merged
	m.Stream, m.NoRedirects, m.RaiseForStatus, m.NoCookies = true, true, false, true
	if m.Timeout.Read == 0 {
		m.Timeout.Read = -1
	}
	set.oneHop = true
	if err := s.complete(p, hr, &set); err != nil {
		return nil, err
	}
	ctx, life := limitCall(ctx, &set, p.auth)
	defer life.over()
	if err := p.authenticate(ctx); err != nil {
		return nil, err
	}
	return s.run(ctx, p, &set, life)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (t sessionTripper) CloseIdleConnections() {
	t.s.CloseIdleConnections()
}

// complete adds to p what the session has and p has not. Credentials go where
// the session entrusts them to.
func (s *Session) complete(p *PreparedRequest, hr *http.Request, set *settings) error {
	_, authorized := p.Header["Authorization"]
	trusted := !ledAway(hr) && s.entrusts(p.URL)
	for name, values := range set.merged.Headers {
		key := textproto.CanonicalMIMEHeaderKey(name)
		switch _, has := p.Header[key]; {
		case has, len(values) == 0, key == "Host", !trusted && redact.Secret(key):
			continue
		case key == "Accept-Encoding":
			if hr.Method == http.MethodHead || p.Header["Range"] != nil {
				continue
			}
			p.literal.decode = true
		}
		if err := fields.CheckValues(key, values); err != nil {
			return err
		}
		p.Header[key] = slices.Clone(values)
	}
	if !trusted {
		return nil
	}
	addCookies(p.Header, set.merged.cookies)
	if authorized {
		return nil
	}
	if p.auth = set.merged.Auth; p.auth.method == nil && p.Header["Authorization"] == nil {
		p.auth = set.netrcLookup().auth(p.URL, "")
	}
	return nil
}

// addCookies adds those of cookies to the Cookie field that it does not name.
func addCookies(h http.Header, cookies Cookies) {
	if len(cookies) == 0 {
		return
	}
	var pairs []string
	named := make(map[string]bool)
	for _, field := range h["Cookie"] {
		for pair := range strings.SplitSeq(field, ";") {
			name, _, _ := strings.Cut(pair, "=")
			named[strings.TrimSpace(name)] = true
		}
		pairs = append(pairs, field)
	}
	for _, name := range slices.Sorted(maps.Keys(cookies)) {
		if !named[name] {
			pairs = append(pairs, name+"="+cookies[name])
		}
	}
	h["Cookie"] = []string{strings.Join(pairs, "; ")}
}

// entrusts reports whether the session's credentials may go to u, which somebody
// else has named: to the hosts that the session itself names, if it names any.
func (s *Session) entrusts(u *url.URL) bool {
	named, mounted := s.mounts.Names(u)
	if s.BaseURL != "" {
		base, _, err := uri.Parse(s.BaseURL)
		return mounted || err == nil && sameOrigin(base, u)
	}
	return mounted || !named
}

// ledAway reports whether it was redirects of an http.Client that led to hr, and
// they left the origin that the caller had named.
func ledAway(hr *http.Request) bool {
	to := hr.URL
	for hr.Response != nil && hr.Response.Request != nil && hr.Response.Request.URL != nil {
		hr = hr.Response.Request
		if !sameOrigin(hr.URL, to) {
			return true
		}
	}
	return false
}
