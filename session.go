package requests

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// A Session holds what calls have in common: default settings, cookies, and the
// adapters with their pools of connections. The zero Session is ready to use.
//
// Set its fields before the first call. From then on they must not change, and any
// number of goroutines may use the Session. [Session.With] derives one with other
// settings. Close ends it. The calls of a nil *Session are [ErrInvalidOption].
type Session struct {
	// BaseURL is what the URLs of calls are relative to. See the option [BaseURL].
	BaseURL string
	// Headers are sent with every request. [NewSession] fills in User-Agent,
	// Accept and Accept-Encoding, and nil stands for these three. A field with
	// no values is not sent.
	Headers http.Header
	// Params are added to the query of every request. A call may replace them
	// by name.
	Params Params
	// PathParams are the values of URLs that are templates. See the option [PathParams].
	PathParams PathParams
	// Auth authenticates the calls that bring neither an Auth nor an
	// Authorization field. A [ProxyAuth] is for the proxy here, too.
	Auth Auth
	// Cookies is the jar. NewSession makes one, and so does the first call of a
	// session whose field is nil.
	Cookies *CookieJar
	// NoCookies keeps calls from using the jar. See the option [KeepCookies].
	NoCookies bool
	// IdempotencyKey gives each call a key. See the option [IdempotencyKey].
	IdempotencyKey bool
	// Proxies says which requests take which proxy.
	Proxies Proxies
	// TLS holds the settings of encrypted connections.
	TLS TLS
	// Timeout limits each call. A field of zero means its default.
	Timeout Timeout
	// Retry replaces the Retry of the adapters, unless it is nil.
	Retry *Retry
	// Hooks run in calls. A call that brings an OnRequest, say, does not run
	// Hooks.Request.
	Hooks Hooks
	// MaxRedirects is how many redirects a call follows: 0 means 30, a negative
	// number none.
	MaxRedirects int
	// MaxBody limits the body of each response in bytes. See the option [MaxBody].
	MaxBody int64
	// NoRedirects makes a redirect the result of the call.
	NoRedirects bool
	// Stream leaves bodies for the caller to read.
	Stream bool
	// IgnoreEnv ignores proxy variables, CA bundle variables and netrc.
	IgnoreEnv bool
	// RaiseForStatus makes calls return an [*HTTPError] for a response whose
	// status is 400 or above.
	RaiseForStatus bool
	// JSONDecoder decodes the JSON of responses. Nil is [encoding/json].
	JSONDecoder JSONDecoder
	// Trace takes the times of each call for [Response.Timings].
	Trace bool
	// Logger is told of each request and its outcome, at the level debug and
	// without secrets. Nil is silent.
	Logger *slog.Logger
	// Dump shows each message. The zero Dump is silent.
	Dump Dump

	ready     uint32 // 1 once setup has filled in the rest; plain, so that a Session can be copied
	mounts    *mounts
	netrc     *environ.Netrc
	proxyAuth Auth
	cookies   Cookies // sent with each call in addition to those of the jar
	isolated  bool    // has no jar and makes none
	err       error   // the first option that cannot be used
}

// NewSession returns a session with the given defaults. If an option cannot be
// used, every call returns the error.
func NewSession(opts ...Option) *Session {
	s := &Session{Headers: defaultHeaders(), Cookies: new(CookieJar)}
	s.configure(opts)
	return s
}

// With returns a session that shares the connections, the cookies and the mounts
// of s. It has a copy of the defaults of s, with opts over them, and s stays as it
// is. Closing either closes what they share.
func (s *Session) With(opts ...Option) *Session {
	s = s.setup()
	d := *s
	d.own()
	d.configure(opts)
	return &d
}

// own copies the maps and slices that s shares with the caller or another
// session, so that a change to one is not seen in the other. The jar, the mounts
// and the logger are shared by design, and TLS.Config keeps its address, which
// identifies the connections made with it.
func (s *Session) own() {
	s.Headers, s.Params, s.Proxies = s.Headers.Clone(), s.Params.clone(), maps.Clone(s.Proxies)
	s.PathParams = PathParams(Params(s.PathParams).clone())
	s.Retry, s.Hooks, s.cookies = s.Retry.clone(), s.Hooks.clone(), maps.Clone(s.cookies)
}

// text tells no more than what s is: its fields may hold secrets.
func (s *Session) text() string { return "<Session>" }

// configure makes opts the defaults of s. Every call returns the first error.
func (s *Session) configure(opts []Option) {
	if len(opts) == 0 {
		return
	}
	var set settings
	set.of(s)
	set.hooks = s.Hooks // those of opts are added
	for _, opt := range opts {
		set.merged.reject(set.apply(opt))
	}
	set.merged.reject(set.ofSession())
	set.merged.Hooks = set.hooks
	set.merged.reject(set.check())
	*s = set.merged
	s.own() // opts may share maps with the caller
	s.reject(s.add(&set))
}

// reject records an option that cannot be used.
func (s *Session) reject(err error) {
	if s.err == nil {
		s.err = err
	}
}

// add merges the options that add up into s, which owns its maps already.
func (s *Session) add(set *settings) error {
	for _, p := range set.params {
		if s.Params == nil {
			s.Params = make(Params, len(p))
		}
		maps.Copy(s.Params, p.clone())
	}
	headers, err := fields.Spelled(s.Headers, defaults) // the fields of opts replace these
	if err != nil {
		return err
	}
	s.Headers = headers
	for _, h := range set.headers {
		if err := fields.Over(s.Headers, h); err != nil {
			return err
		}
	}
	for _, c := range set.cookies {
		if err := c.check(); err != nil {
			return err
		}
		if s.cookies == nil {
			s.cookies = make(Cookies, len(c))
		}
		maps.Copy(s.cookies, c)
	}
	return nil
}

// setup completes a zero Session at its first use. If s is nil, it returns a session
// whose calls say so.
func (s *Session) setup() *Session {
	if s == nil {
		s = &Session{err: errNilSession}
	}
	s.begin(newMounts)
	return s
}

// begin completes a zero Session, with its table of adapters.
func (s *Session) begin(table func() *mounts) {
	if atomic.LoadUint32(&s.ready) != 0 {
		return
	}
	settingUp.Lock()
	defer settingUp.Unlock()
	if s.ready != 0 {
		return
	}
	if s.Cookies == nil && !s.isolated {
		s.Cookies = new(CookieJar)
	}
	if s.mounts == nil {
		if s.mounts = table(); s.mounts != noMounts {
			s.netrc = &s.mounts.netrc
		}
	}
	atomic.StoreUint32(&s.ready, 1)
}

// settingUp guards the first use of all sessions.
var settingUp sync.Mutex

var errNilSession = failText(ErrInvalidOption, "the *Session is nil")

// Do sends a request of any method. The options count for this call only.
func (s *Session) Do(ctx context.Context, method, url string, opts ...Option) (_ *Response, err error) {
	at := step{op: "prepare", raw: url}
	defer at.wrap(&err)
	s = s.setup()
	var set settings
	if err := set.merge(s, opts); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	ctx, life := limitCall(ctx, &set, set.merged.Auth)
	defer life.over()
	p, err := prepare(ctx, method, url, &set)
	if err != nil {
		return nil, err
	}
	at = step{} // run wraps its own errors
	return s.run(ctx, p, &set, life)
}

// Prepare makes a request with the defaults of the session, ready to be looked at,
// changed, and sent with [Session.Send]. Send keeps to the options of the request,
// such as its Timeout. Only an [Authenticator] gets ctx, which is not kept.
func (s *Session) Prepare(ctx context.Context, r *Request) (_ *PreparedRequest, err error) {
	at := step{op: "prepare"}
	defer at.wrap(&err)
	s = s.setup()
	if r == nil {
		return nil, failText(ErrInvalidOption, "Prepare(nil)")
	}
	at.raw = r.URL
	var set settings
	if err := set.merge(s, r.Options); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	p, err := prepare(ctx, r.Method, r.URL, &set)
	if err != nil {
		return nil, err
	}
	p.call = r.Options
	p.postponeLogin()
	return p, nil
}

// Send sends a prepared request. It adds none of the session's headers, params and
// auth, which Prepare has added. Options that shape a request, such as Params or a
// body, are [ErrInvalidOption]: change the fields of p instead.
func (s *Session) Send(ctx context.Context, p *PreparedRequest, opts ...Option) (_ *Response, err error) {
	at := step{op: "prepare"}
	defer at.wrap(&err)
	s = s.setup()
	if p == nil {
		return nil, failText(ErrInvalidOption, "Send(nil)")
	}
	at.url = p.URL
	var set settings
	set.of(s)
	if err := set.applyAll(p.call); err != nil {
		return nil, err
	}
	set.prepared = true
	if err := set.finish(opts); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	ctx, life := limitCall(ctx, &set, p.auth)
	defer life.over()
	if p.unauthorized {
		p = p.Clone() // it may be in use by others
		if err := p.authenticate(ctx); err != nil {
			return nil, err
		}
	}
	at = step{} // run wraps its own errors
	return s.run(ctx, p, &set, life)
}

// run is the loop: it sends p and each request that follows from a response,
// until a response is final. Nothing else calls [Adapter.Send].
func (s *Session) run(ctx context.Context, p *PreparedRequest, set *settings, life *lifetime) (_ *Response, err error) {
	opts := set.sendOptions()
	trip := journey{cookies: set.cookieSource(), netrc: set.netrcLookup(), named: p.named}
	if trip.named == nil {
		trip.named = p.URL
	}
	defer trip.at.wrap(&err)
	defer trip.unpin()
	for {
		r, next, err := s.step(ctx, p, &opts, set, &trip)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return answer(r, set, life)
		}
		Logger{set.merged.Logger}.next(ctx, r, next)
		if trip.pin != nil && next.auth.owner() != nil {
			r.drain(legLimit, func() bool { return ctx.Err() != nil }) // only its connection will do
		} else {
			r.discard()
		}
		trip.remember(r)
		p = next
	}
}

// step sends p. It returns the response and the request that follows from it,
// nil if the response is final.
func (s *Session) step(ctx context.Context, p *PreparedRequest, opts *SendOptions, set *settings, trip *journey) (*Response, *PreparedRequest, error) {
	r, err := s.send(ctx, p, opts, set, trip)
	if err != nil {
		return nil, nil, err
	}
	decided := false
	defer r.closeUnless(&decided)
	r, next, err := decide(ctx, r, set, trip)
	decided = true
	return r, next, err
}

// decide returns what step returns, given the response r.
func decide(ctx context.Context, r *Response, set *settings, trip *journey) (*Response, *PreparedRequest, error) {
	trip.at = step{op: "prepare", url: r.URL}
	next, err := trip.answerChallenge(ctx, r)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	if next != nil {
		return r, next, nil
	}
	trip.at.op = "read"
	if err := trip.verify(ctx, r); err != nil {
		r.Close()
		return nil, nil, err
	}
	if r, err = set.merged.Hooks.afterSend(ctx, r); err != nil {
		return nil, nil, err
	}
	trip.at = step{op: "redirect", url: r.URL}
	if next, err = follow(ctx, r, set, trip); err != nil {
		r.Close()
		return nil, nil, err
	}
	return r, next, nil
}

// send sends p once and records what came back.
func (s *Session) send(ctx context.Context, p *PreparedRequest, opts *SendOptions, set *settings, trip *journey) (*Response, error) {
	trip.at = step{op: "prepare", url: p.URL}
	if err := set.merged.Hooks.beforeSend(ctx, p); err != nil {
		return nil, err
	}
	trip.at = step{op: "send", url: p.URL} // a hook may have changed the URL
	a, err := s.adapter(p.URL)
	if err != nil {
		return nil, err
	}
	if err := set.route(opts, p.URL, s.mounts); err != nil {
		return nil, err
	}
	p = trip.dropProxyField(p, opts.Proxy, set)
	opts.pin = trip.pinFor(p)
	opts.tap = set.merged.Dump.tap(&s.mounts.dump)
	start := Logger{set.merged.Logger}.start(ctx)
	r, err := sendBody(ctx, a, p, opts)
	if err == nil && r == nil {
		err = failText(ErrProtocol, "the adapter returned no response")
	}
	if err == nil {
		r.jsonDecoder = set.merged.JSONDecoder
		r.complete(p, opts.MaxBody)
		dumpOutside(opts.tap, p, r, nil)
		r.History = trip.history[:len(trip.history):len(trip.history)]
		trip.arrived(r)
		if !opts.Stream && !r.IsRedirect() && !r.upgraded() {
			err = r.Load()
		}
	}
	Logger{set.merged.Logger}.outcome(ctx, start, p, r, err)
	if set.merged.RaiseForStatus {
		err = withHTTPError(err)
	}
	if err != nil {
		err = adapterError(ctx, err)
		if r == nil {
			dumpOutside(opts.tap, p, nil, err)
		}
		return nil, err
	}
	return r, nil
}

// sendBody has a send p, and ends what makes its body, unless the response streams
// and the body with it.
func sendBody(ctx context.Context, a Adapter, p *PreparedRequest, opts *SendOptions) (r *Response, err error) {
	if own, is := a.(*HTTPAdapter); is { // mostly, and without a copy of opts
		r, err = own.send(ctx, p, opts)
	} else {
		r, err = sendCopy(ctx, a, p, opts)
	}
	s := p.body.stream
	if s == nil || s.made == nil || err == nil && opts.Stream && r != nil && r.StatusCode < 300 {
		return r, err
	}
	ended := false
	defer r.closeUnless(&ended) // it may panic
	failed := s.made.end()
	if ended = true; err != nil && failed != nil && ctx.Err() == nil && !errors.Is(err, errors.Unwrap(failed)) {
		err = failed // whatever the adapter makes of it
	}
	return r, err
}

// sendCopy has a send p. It is a function of its own so that the copy is on the
// stack only where it is needed: that of a goroutine which is made for one call
// is small at first, and each time that it has to grow costs as much as a tenth
// of a call.
//
//go:noinline
func sendCopy(ctx context.Context, a Adapter, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	return a.Send(ctx, p, *opts)
}

// answer finishes the last response of a call.
func answer(r *Response, set *settings, life *lifetime) (*Response, error) {
	if r.upgraded() {
		return r, nil
	}
	if set.merged.Stream {
		life.handOver(r)
		if s := r.Request.body.stream; s != nil && s.made != nil {
			r.outlives(func() { s.made.end() })
		}
	} else if err := r.Load(); err != nil {
		return nil, err
	}
	if !set.merged.RaiseForStatus || r.OK() {
		return r, nil
	}
	r.Load()
	return nil, r.RaiseForStatus()
}

// adapterError gives an error of the caller's own adapter its kind.
func adapterError(ctx context.Context, err error) error {
	switch e := err.(type) {
	case *Error, *RetryError, *HTTPError, *sourceError:
		return err
	case *hookError:
		return hookFailure(ctx, e.err)
	}
	if _, known := fault.Of(err); known {
		return err
	}
	return sendError(ctx, nil, err)
}

// Adapter returns the adapter for url: the one that is mounted on the longest
// matching prefix. If there is none, the error is [ErrInvalidScheme].
func (s *Session) Adapter(url string) (_ Adapter, err error) {
	at := step{op: "prepare", raw: url}
	defer at.wrap(&err)
	if s == nil {
		return nil, errNilSession
	}
	s.begin(newMounts)
	u, _, err := uri.Parse(url)
	if err != nil {
		return nil, err
	}
	return s.adapter(u)
}

func (s *Session) adapter(u *url.URL) (Adapter, error) { return s.mounts.find(u) }

// Mount lets a send the requests whose URL begins with prefix. It replaces what
// was mounted on that prefix. If several prefixes match, the longest counts.
//
// A prefix is a scheme ("mock://"), a scheme and a host, or these and a path. It
// ends where a part of the URL does, and letter case does not count:
//
//	"https://api.example.com"       the host, on any port, but not api.example.com.evil.test
//	"https://api.example.com/"      the host on the default port, if the URL does not name the port
//	"https://api.example.com:443/"  URLs that name this port; the default port is not filled in
//	"https://api.example.com/v1"    /v1 and what lies below it, but not /v10
//
// Mount before the first call. Sessions made by With share their mounts.
func (s *Session) Mount(prefix string, a Adapter) {
	s = s.setup()
	if values.IsNil(a) {
		s.reject(failText(ErrInvalidOption, "Mount: the adapter is nil"))
		return
	}
	s.reject(s.mounts.Mount(prefix, a))
}

// CloseIdleConnections closes the connections that no request uses now, of all
// adapters of the session and of the sessions that share them. The session goes on
// to work.
func (s *Session) CloseIdleConnections() {
	s = s.setup()
	s.mounts.closeIdle()
}

// Close closes the adapters of the session and of those that share them. Calls
// that have begun go on to their end; later ones return [ErrClosed].
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	s.begin(func() *mounts { return noMounts }) // if no call has been made
	return s.mounts.close()
}
