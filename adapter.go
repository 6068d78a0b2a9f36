package requests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/dump"
	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/mount"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/special"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// An Adapter sends the requests whose URLs begin with the prefix that it is mounted
// on; see [Session.Mount]. [HTTPAdapter] is one, and [RoundTripper] and [Handler]
// make others. An adapter of your own usually wraps one of these.
//
// Send must be safe for many goroutines. It must not change the request. It must
// not follow redirects, handle cookies or answer challenges, as the session does.
// Unless opts.Stream is true, it must return with the body read, except that of a
// redirect. It is responsible for retries and for the limits of opts.Timeout; the
// context ends when Total has run out. An adapter that is an [io.Closer] is closed
// with its session.
type Adapter interface {
	Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error)
}

// SendOptions is what an adapter needs to know beside the request.
type SendOptions struct {
	Stream  bool         // leave the body to be read by the caller
	Timeout Timeout      // Total is kept by the session and only told here
	TLS     TLS          // of this call
	Proxy   *url.URL     // to take, with its credentials; nil: none
	Retry   *Retry       // of this call or session; nil: the adapter's own
	MaxBody int64        // 0: none
	Trace   bool         // take the times
	OnRetry []OnRetry    // to be called before each retry
	Logger  *slog.Logger // to be told of each retry; nil: nobody

	OnProgress      []OnProgress      // to be told of the body
	OnInformational []OnInformational // to be told of what comes before the response

	tap *dump.Tap // nil: nobody wants a dump

	environTLS, environProxy bool           // set from the environment, not by the caller
	environTrust             bool           // it is the environment that has named TLS.CABundle
	returnLast               bool           // the last response rather than a RetryError
	proxies                  proxyRules     // for requests to another host that middleware makes
	pin                      *transport.Pin // the connection to take, for an Auth that logs in connections
}

// sendOptions is what an adapter has to know of the settings. The rest depends on
// the URL: see [settings.route].
func (set *settings) sendOptions() SendOptions {
	m := &set.merged
	return SendOptions{
		Stream: m.Stream, Timeout: m.Timeout.resolved(), TLS: m.TLS, Retry: m.Retry, MaxBody: m.MaxBody, Trace: m.Trace, Logger: m.Logger,
		OnRetry: m.Hooks.Retry, OnProgress: m.Hooks.Progress, OnInformational: m.Hooks.Informational,
		returnLast: set.oneHop, proxies: set.proxyRules(),
	}
}

// belowMiddleware returns the options that hold below the middleware of
// [HTTPAdapter.Wrap]. The others hold above it.
func (o *SendOptions) belowMiddleware() SendOptions {
	return SendOptions{Stream: true, Timeout: o.Timeout, proxies: o.proxies, tap: o.tap}
}

// check refuses what no adapter can keep.
func (o *SendOptions) check() error {
	return cmp.Or(MaxBody(o.MaxBody).check(), o.Retry.check(), o.TLS.check())
}

// HTTPAdapter sends over the network: by HTTP/1.1 or HTTP/2, directly or through a
// proxy, over connections that are kept and reused. The zero value is ready to use,
// and retries nothing. Set the fields before the first request. From then on they
// must not change, and any number of goroutines may use the adapter.
type HTTPAdapter struct {
	// Transport sends the requests in place of the connections of the adapter.
	// It may record or mock, or speak a protocol of its own. Each attempt gets a
	// request with a header of its own, and with GetBody if the body can be sent
	// again. The Read limit then includes connecting, as nobody sees what a
	// Transport does before the headers. The fields below about connections are
	// [ErrInvalidOption] beside it, and so are TLS and Proxies of a call.
	Transport http.RoundTripper
	// Wrap puts middleware of net/http around each attempt: it is called once,
	// with what sends by the connections of the adapter, or by Transport. Timeout,
	// TLS, Proxies, Trace and OnProgress of a call hold below it, and Retry above
	// it. It must pass the context of a request on; without it, what a call asks
	// for cannot be kept, which is [ErrInvalidOption]. A request that the middleware
	// makes to another origin, for a token say, is sent without the TLS of the
	// call, by a proxy that is chosen for it.
	Wrap func(http.RoundTripper) http.RoundTripper

	// Retry says which failed attempts are made again, unless the call or its
	// session has a [Retry].
	Retry Retry
	// RetryBudget bounds the retries of all calls together to this share of
	// the requests, say 0.2, so that they do not bury a server that is sick
	// already. The first ten are not counted. Zero sets no bound.
	RetryBudget float64

	// PoolConnections is how many pools are kept: one for each TLS value and
	// proxy in use. Beyond it the one not used for the longest time is given
	// up. Zero means 64.
	PoolConnections int
	// PoolMaxSize is how many idle connections to one host a pool keeps. Zero
	// means 64.
	PoolMaxSize int
	// PoolBlock makes PoolMaxSize the limit of all connections to a host. A
	// request then waits for one of them, as long as its context and
	// Timeout.Total allow. Without PoolBlock further connections are made, and
	// closed after use.
	PoolBlock bool

	// IdleTimeout closes a connection that no request has used for so long. Zero
	// means 90 seconds, and a negative value never.
	IdleTimeout time.Duration

	// TLS holds the settings of encrypted connections for calls and sessions
	// that give none. They count before the environment.
	TLS TLS
	// ProxyHeader holds the fields of the CONNECT request by which an HTTP proxy
	// opens a tunnel. Only Host and Proxy-Authorization are added: the proxy gets
	// none of the fields of a call, not even User-Agent.
	ProxyHeader http.Header

	// DisableHTTP2 speaks HTTP/1.1 only.
	DisableHTTP2 bool
	// UnencryptedHTTP2 speaks HTTP/2 to http URLs, without asking the server
	// (RFC 9113, section 3.3).
	UnencryptedHTTP2 bool

	// Resolver resolves names in place of [net.DefaultResolver]. It does not see
	// the names that a proxy resolves.
	Resolver *net.Resolver
	// Hosts names the addresses of hosts, as --resolve of curl does, in place of
	// those that resolving gives: "a.example.com" or "a.example.com:443", which
	// goes first, to "192.0.2.1", "2001:db8::1" or, to go to another port,
	// "127.0.0.1:8443". All else about a request stays, its Host field and what
	// its certificate is checked for included. It counts for proxies and
	// DialContext too, and not for names that a proxy resolves. Anything else in
	// it is [ErrInvalidOption].
	Hosts map[string]string
	// Allow is asked for each address before it is connected to: for each one of
	// a name, after it was resolved, for addresses in URLs, and for those of
	// proxies, redirects and next links. Its error ends the call as an
	// [ErrAddress], unless another address of the name is allowed. [PublicOnly]
	// is such a function. What DialContext has connected to is asked about
	// afterwards, and refused if it has no IP address, as a Unix socket has none.
	// A connection that is used again is not asked about again. It must be safe
	// for many goroutines.
	Allow func(netip.AddrPort) error
	// TrustProxy lets proxies connect to addresses that Allow cannot see. Without
	// it, a proxy that resolves names itself, which is any but one of socks4 and
	// socks5, is [ErrInvalidOption] beside Allow.
	TrustProxy bool
	// DialContext makes the connections in place of a [net.Dialer], those to
	// proxies included: to a Unix socket, or in tests. Its context ends when
	// Timeout.Connect has run out. For a Unix socket give TrustEnv(false) too, so
	// that no proxy of the environment is asked for it.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	retrier

	configured sync.Once
	engine     transport.Engine
	invalid    error             // a field that cannot be used
	outer      http.RoundTripper // Transport, or what Wrap has made; nil if the engine sends by itself
	watchdog   bridge.Watchdog   // for a Transport
	wrapped    wrappedAttempts   // for Wrap
	local      bool              // there is no network
}

// Send implements [Adapter]. Options that no adapter can keep, such as a negative
// MaxBody, are [ErrInvalidOption].
func (a *HTTPAdapter) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	return a.send(ctx, p, &opts)
}

// RoundTrip sends hr as it is, and makes an adapter an [http.RoundTripper] for
// code that wants one. It adds nothing and decodes nothing, and follows no
// redirects. Proxies and a CABundle are those of the environment; Connect is
// limited to 10 s, and the silence of the server is not. Retry counts, and the
// last response is returned whatever its status.
//
// Errors are of the kinds of this package, without an [*Error]. The body of hr is
// closed in any case, perhaps after RoundTrip has returned.
func (a *HTTPAdapter) RoundTrip(hr *http.Request) (*http.Response, error) {
	return roundTrip(hr, func(ctx context.Context, p *PreparedRequest, _ *http.Request) (*Response, error) {
		opts := SendOptions{Stream: true, Timeout: Timeout{Connect: defaultConnect}, returnLast: true}
		if a.Transport == nil {
			if err := opts.chooseRoute(p.URL); err != nil {
				return nil, err
			}
		}
		return a.send(ctx, p, &opts)
	})
}

// send is Send. It only reads opts.
func (a *HTTPAdapter) send(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if err := checkMessage(p); err != nil { // an adapter may be called without a session
		return nil, err
	}
	if err := checkProxyField(p, opts.Proxy); err != nil {
		return nil, err
	}
	retry := opts.Retry
	if retry == nil {
		retry = &a.Retry
	}
	if retry.none() { // the usual case, without a closure
		a.budget.deposit(a.RetryBudget)
		r, err := a.try(ctx, p, opts)
		if err != nil {
			return nil, err
		}
		return loadBody(r, opts)
	}
	return a.retrier.send(ctx, p, opts, retry, a.RetryBudget, func() (*Response, error) {
		return a.try(ctx, p, opts)
	})
}

// try makes one attempt.
func (a *HTTPAdapter) try(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	a.configured.Do(a.configure)
	if a.invalid != nil {
		return nil, a.invalid
	}
	if a.outer != nil {
		return a.tryOuter(ctx, p, opts)
	}
	d := new(dispatch)
	if err := a.setRoute(&d.call.Route, p, opts); err != nil {
		return nil, err
	}
	r, err := a.do(ctx, d, p, opts)
	if bundle, ok := errors.AsType[*transport.BundleError](err); ok && opts.environTrust {
		_, name := environ.CABundle()
		err = fail(ErrInvalidOption, fmt.Errorf("the environment variable %s: %w", name, bundle.Err))
	}
	return r, err
}

// setRoute makes r the route of a request. What the connection does not depend on
// is left out.
func (a *HTTPAdapter) setRoute(r *transport.Route, p *PreparedRequest, opts *SendOptions) (err error) {
	if opts.Proxy != nil {
		if r.Proxy, err = engineProxy(opts.Proxy, opts.proxies.login, p); err != nil {
			return err
		}
	}
	if p.URL.Scheme == "https" || r.Proxy.Scheme == "https" {
		t := opts.TLS
		if a.TLS != (TLS{}) {
			if opts.environTrust && a.TLS.saysTrust() {
				t.CABundle = "" // what the program says goes before the environment
			}
			t = t.over(a.TLS)
			if err := t.check(); err != nil {
				return err
			}
		}
		r.TLS = t.route()
	}
	return nil
}

// A dispatch is a call and what came for it, in one piece of memory.
type dispatch struct {
	response Response
	call     transport.Call
	res      transport.Response
}

// do makes one attempt by the engine, on the route of d, and returns the response
// with its body unread.
func (a *HTTPAdapter) do(ctx context.Context, d *dispatch, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if p.body.length == 0 {
		if err := p.body.confirmEmpty(); err != nil {
			return nil, err
		}
	}
	d.call.Interim = informational(ctx, opts.OnInformational)
	if opts.Trace {
		d.call.Times = new(transport.Times)
	}
	return a.dispatch(ctx, d, p, opts)
}

// dispatch sends the call of d.
func (a *HTTPAdapter) dispatch(ctx context.Context, d *dispatch, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	p.toCall(&d.call, opts)
	if owner := p.auth.owner(); owner != nil {
		d.call.Route.HTTP1Only = true                       // no stream of HTTP/2 has a connection to itself
		if d.call.Pin = opts.pin; !opts.pin.Serves(owner) { // the adapter was called with options of somebody's own
			d.call.Pin = transport.NewPin(owner)
			defer d.call.Pin.Free()
		}
	}
	x := opts.tap.Exchange()
	dumpCall(ctx, x, &d.call)
	start := time.Now()
	d.call.Start, d.call.Into = start, &d.res
	res, err := a.engine.Do(ctx, &d.call)
	if err != nil {
		err = engineError(err)
		x.Fail(err)
		return nil, err
	}
	r := &d.response
	if err := r.receive(res, p, opts); err != nil {
		res.Body.Close()
		x.Fail(err)
		return nil, err
	}
	r.Elapsed = time.Since(start)
	r.dumped(x)
	if r.upgraded() {
		return r, nil
	}
	if d.call.Times != nil {
		r.timed(clockOf(start, d.call.Times))
	}
	r.countDownload(opts.OnProgress)
	r.wire.ctx, r.wire.hurry = ctx, res
	return r, nil
}

// configure hands the fields to the engine.
func (a *HTTPAdapter) configure() {
	if a.invalid = a.check(); a.invalid != nil {
		return
	}
	if err := fields.Check(a.ProxyHeader); err != nil {
		a.invalid = fault.Reword(ErrInvalidOption, err, "HTTPAdapter.ProxyHeader: "+err.Error())
	}
	hosts, err := uri.ParseHosts(a.Hosts)
	if err != nil {
		a.invalid = failText(ErrInvalidOption, "HTTPAdapter.Hosts: "+err.Error())
	}
	switch {
	case a.Transport != nil:
		if err := a.checkTransport(); err != nil {
			a.invalid = err
			return
		}
		a.outer = a.Transport
	case a.Wrap != nil:
		a.outer = engineTripper{a}
	}
	if a.Wrap != nil {
		found := a.invalid
		a.invalid = failText(ErrInvalidOption, "HTTPAdapter.Wrap has panicked") // if it does
		a.outer = a.Wrap(a.outer)
		if a.invalid = found; values.IsNil(a.outer) {
			a.invalid = failText(ErrInvalidOption, "HTTPAdapter.Wrap returned nil")
		}
	}
	a.engine.Config = transport.Config{
		Dial: a.DialContext, Resolver: a.Resolver, Hosts: hosts, Allow: a.allow(), TrustProxy: a.TrustProxy, ProxyHeader: a.ProxyHeader,
		PerHost: a.PoolMaxSize, Block: a.PoolBlock, Routes: a.PoolConnections, IdleTimeout: a.IdleTimeout,
		DisableHTTP2: a.DisableHTTP2, UnencryptedHTTP2: a.UnencryptedHTTP2,
	}
}

// check refuses fields that could only be ignored.
func (a *HTTPAdapter) check() error {
	switch {
	case a.PoolConnections < 0:
		return failText(ErrInvalidOption, "HTTPAdapter.PoolConnections is negative")
	case a.PoolMaxSize < 0:
		return failText(ErrInvalidOption, "HTTPAdapter.PoolMaxSize is negative")
	case !(a.RetryBudget >= 0): // or no number
		return failText(ErrInvalidOption, "HTTPAdapter.RetryBudget is negative")
	}
	return a.Retry.check()
}

// loadBody reads the body of r as part of the attempt, if opts want it.
func loadBody(r *Response, opts *SendOptions) (*Response, error) {
	if opts.Stream || r.IsRedirect() || r.upgraded() {
		return r, nil
	}
	return r, r.Load()
}

// checkMessage holds that p can be written as one message: a line end in its
// method, Host or fields would make two of it (RFC 9112, section 11.1).
func checkMessage(p *PreparedRequest) error {
	if p == nil {
		return failText(ErrInvalidOption, "the request is nil")
	}
	if p.literal != nil {
		return p.checkLiteral()
	}
	if p.URL == nil || p.URL.Host == "" && p.URL.Opaque == "" {
		return failText(ErrInvalidURL, "no host supplied")
	}
	if !message.IsToken(p.Method) || p.Method == http.MethodConnect {
		return failText(ErrInvalidOption, "the method is not one of a request")
	}
	return fields.Check(p.Header)
}

// toCall makes of p what the engine is to send on the route of c.
func (p *PreparedRequest) toCall(c *transport.Call, opts *SendOptions) {
	c.Request = p.message()
	c.URL, c.Connect, c.Read = p.URL, opts.Timeout.Connect, opts.Timeout.Read
	if s := c.Route.Proxy.Scheme; p.literal == nil && p.URL.Scheme == "http" && (s == "http" || s == "https") && len(p.Header["Host"]) == 0 {
		c.Host = uri.Authority(p.URL) // of the absolute form, as it is (RFC 9112, section 3.2.2)
	}
	if _, forProxy := p.Header["Proxy-Authorization"]; forProxy {
		c.Header = p.Header.Clone()
		delete(c.Header, "Proxy-Authorization") // no server gets to see it (CVE-2023-32681)
	}
	if len(opts.OnProgress) > 0 && p.uploads() {
		c.Up = uploading(opts.OnProgress, p.body.length)
	}
	switch b := &p.body; {
	case b.stream == nil:
		c.Body.Bytes = b.data
	case b.length != 0:
		c.Body = transport.Source{Open: b.open, Again: b.replayable(), Blocks: b.stream.waits}
	}
}

// message is the head of p.
func (p *PreparedRequest) message() message.Request {
	m := message.Request{Method: p.Method, Target: p.URL.RequestURI(), Host: hostField(p), Header: p.Header, Length: p.body.length}
	if l := p.literal; l != nil {
		m.Trailer, m.Close, m.Sparing = l.trailer, l.close, l.sparing
	}
	return m
}

// closes reports whether h says that no other request follows.
func closes(h http.Header) bool {
	for _, v := range h["Connection"] {
		if strings.EqualFold(v, "close") {
			return true
		}
	}
	return false
}

// hostField is the value of the Host field: the one given by hand, or that for the
// URL.
func hostField(p *PreparedRequest) string {
	if h := p.Header["Host"]; len(h) > 0 {
		return h[0]
	}
	if p.literal != nil {
		return bridge.Host(p.literal.host, p.URL)
	}
	return uri.HostField(p.URL)
}

// Stats says what the connections of an [HTTPAdapter] are doing.
type Stats struct {
	Open    int   // connections that are open
	Idle    int   // of these, the ones that no request uses
	Waiting int   // requests without a connection yet: one is being made, or PoolBlock has them wait
	Dialed  int64 // connections made so far
	Reused  int64 // requests that got a connection made before
}

// Stats says what the connections are doing now. Of pools that were given up
// for others only the totals are counted.
func (a *HTTPAdapter) Stats() Stats {
	s := a.engine.Stats()
	return Stats{Open: s.Open, Idle: s.Idle, Waiting: s.Waiting, Dialed: s.Dialed, Reused: s.Reused}
}

// CloseIdleConnections closes the connections that no request uses now. The
// adapter goes on to work. [Session.Close] is for the end.
func (a *HTTPAdapter) CloseIdleConnections() {
	a.engine.CloseIdle()
	if c, ok := a.Transport.(interface{ CloseIdleConnections() }); ok && !values.IsNil(a.Transport) {
		c.CloseIdleConnections()
	}
}

// Close closes the idle connections, and those in use once their response has
// been read or closed. Calls that have begun may end; later ones return [ErrClosed].
func (a *HTTPAdapter) Close() error {
	a.CloseIdleConnections()
	return a.engine.Close()
}

// PublicOnly is for [HTTPAdapter].Allow. It refuses addresses outside the public
// Internet, so that a server that fetches URLs for others cannot be made to call
// itself, its network or the metadata service of its cloud. It refuses:
//
//   - loopback, private, link-local, unique-local, shared, multicast, unspecified,
//     broadcast, documentation and benchmarking addresses, and all others that the
//     IANA special-purpose registries do not list as globally reachable (RFC 6890,
//     RFC 8190);
//   - IPv6 addresses outside 2000::/3;
//   - such addresses inside NAT64, 6to4, Teredo and IPv4-mapped addresses;
//   - the metadata services of AWS, Azure, Google, Alibaba and Oracle.
//
// The error is [ErrAddress] and says what the address is.
func PublicOnly(addr netip.AddrPort) error {
	if name, is := special.Of(addr.Addr()); is {
		return &specialAddress{addr.Addr(), name}
	}
	return nil
}

// A specialAddress is the error for an address that is not public. Its text leaves
// out what ErrAddress says, as the kind is put in front of it.
type specialAddress struct {
	addr netip.Addr
	name string
}

func (e *specialAddress) Error() string { return e.addr.String() + " is " + e.name }
func (e *specialAddress) Unwrap() error { return ErrAddress }

// allow is the function for the engine, nil if nothing is asked. An error of the
// caller's may quote anything.
func (a *HTTPAdapter) allow() func(netip.AddrPort) error {
	if a.Allow == nil {
		return nil
	}
	return func(addr netip.AddrPort) error {
		if err := a.Allow(addr); err != nil {
			return &notAllowed{err}
		}
		return nil
	}
}

// A notAllowed is what Allow has returned, without its secrets.
type notAllowed struct{ err error }

func (r *notAllowed) Error() string { return redact.Text(r.err.Error()) }
func (r *notAllowed) Unwrap() error { return r.err }

// mounts is the table of adapters, which derived sessions share.
type mounts struct {
	mount.Table[Adapter]

	network HTTPAdapter // which is there from the beginning
	netrc   environ.Netrc
	dump    dump.Log // of those who share the table
}

func newMounts() *mounts {
	m := new(mounts) // in one piece of memory, as many a session lives for one call
	m.Begin(&m.network)
	return m
}

// noMounts is the table of the sessions that were closed before their first use.
// It is closed, so it never changes.
var noMounts = closedMounts()

func closedMounts() *mounts {
	m := new(mounts)
	m.close()
	return m
}

// find returns the adapter that is in charge of u.
func (m *mounts) find(u *url.URL) (Adapter, error) {
	a, found, closed := m.Find(u)
	switch {
	case found:
		return a, nil
	case closed:
		return nil, failText(ErrClosed, "the session")
	}
	return nil, failText(ErrInvalidScheme, u.Scheme+"://")
}

// closeIdle has the adapters close connections that no request uses.
func (m *mounts) closeIdle() {
	m.Each(func(a Adapter) {
		if c, ok := a.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	})
}

func (m *mounts) close() error {
	return m.Close(func(a Adapter) error {
		if c, ok := a.(io.Closer); ok {
			return c.Close()
		}
		return nil
	})
}
