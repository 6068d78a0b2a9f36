package requests

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/transport"
)

// An Adapter sends requests for the URLs that it is mounted on with
// [Session.Mount]. Send must be safe for many goroutines. It must not change
// the request, follow redirects, handle cookies or answer challenges, which the
// session does. Unless opts.Stream is true it must return with the body read,
// but for that of a redirect. An adapter that is also an [io.Closer] is closed
// with its session.
//
// [HTTPAdapter], [RoundTripper] and [Handler] are adapters; one of one's own
// usually wraps one of these.
type Adapter interface {
	Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error)
}

// SendOptions is all that an adapter needs to know beside the request.
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

	environTLS, environProxy bool // nobody has asked for them
}

// HTTPAdapter sends over the network: HTTP/1.1 and HTTP/2, directly or through
// proxies, with pools of connections that are used again, and tries again as
// Retry says. The zero value is ready to use and retries nothing. It is safe for
// many goroutines once used, and its fields must not change from then on.
type HTTPAdapter struct {
	// Retry is what to do about failed attempts, unless the call or its
	// session has a [Retry].
	Retry Retry
	// RetryBudget bounds the retries of all calls together to this share of
	// the requests, say 0.2, so that they do not bury a server that is sick
	// already. Ten are free. Zero sets no bound.
	RetryBudget float64

	// PoolConnections is how many pools are kept: one for each TLS value and
	// proxy in use. Beyond it the one not used for the longest time is given
	// up. Zero means 64.
	PoolConnections int
	// PoolMaxSize is how many idle connections to one host a pool keeps. Zero
	// means 64.
	PoolMaxSize int
	// PoolBlock makes PoolMaxSize the limit of all connections to a host: a
	// request waits for one of them, as long as its context and Timeout.Total
	// allow. Otherwise more are made, and closed after use.
	PoolBlock bool

	// DisableHTTP2 speaks HTTP/1.1 only.
	DisableHTTP2 bool
	// UnencryptedHTTP2 speaks HTTP/2 to http URLs, without asking the server
	// (RFC 9113, section 3.3).
	UnencryptedHTTP2 bool

	// Resolver resolves names, in place of [net.DefaultResolver]. Those that
	// a proxy resolves it does not see.
	Resolver *net.Resolver
	// DialContext makes the connections in place of a [net.Dialer], also those
	// to proxies, for addresses of one's own or tests. The Connect limit is in
	// its context.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// Base is a transport to copy what has no field here from, such as the
	// sizes of buffers and IdleConnTimeout. Its DialContext and TLSClientConfig
	// count where DialContext and TLS.Config are nil. Its Proxy, DialTLSContext
	// and DisableCompression do not: these the library decides itself. With it
	// all requests go by a Transport, those of HTTP/1.1 too, which otherwise
	// need none.
	Base *http.Transport

	pools pools
	retrier

	configured sync.Once
	engine     transport.Engine
}

// Send implements [Adapter].
func (a *HTTPAdapter) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
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
		r, err := a.try(ctx, p, &opts)
		if err != nil {
			return nil, err
		}
		return receive(r, &opts)
	}
	return a.retrier.send(ctx, p, &opts, retry, a.RetryBudget, func() (*Response, error) {
		return a.try(ctx, p, &opts)
	})
}

// try makes one attempt.
func (a *HTTPAdapter) try(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if a.byEngine(p.URL.Scheme) {
		route, err := routeFor(p, opts)
		if err != nil {
			return nil, err
		}
		return a.do(ctx, p, opts, route)
	}
	key, err := a.poolKeyFor(p, opts)
	if err != nil {
		return nil, err
	}
	pl, err := a.pool(&key)
	if err != nil {
		return nil, err
	}
	return a.sendBy(ctx, pl, p, opts)
}

// byEngine reports whether the engine carries a scheme. What may go by HTTP/2
// has carriers of net/http.
func (a *HTTPAdapter) byEngine(scheme string) bool {
	return a.Base == nil
}

// routeFor is the route of a request. What the connection does not depend on is
// left out.
func routeFor(p *PreparedRequest, opts *SendOptions) (r transport.Route, err error) {
	if opts.Proxy != nil {
		if r.Proxy, err = proxyFor(opts.Proxy, p); err != nil {
			return r, err
		}
	}
	if p.URL.Scheme == "https" || r.Proxy.Scheme == "https" {
		r.TLS = opts.TLS.route()
	}
	return r, nil
}

// send makes one attempt, and where the proxy asks for it a second one.
func (pl *pool) send(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if pl.forward == nil {
		return attempt(ctx, pl, pl.transport, &pl.dog, p, opts, "")
	}
	request := toProxy(p)
	authorization, err := pl.login.authorization(request)
	if err != nil {
		return nil, err
	}
	r, err := attempt(ctx, pl, pl.transport, &pl.dog, p, opts, authorization)
	if err != nil || !p.Replayable() {
		return r, err
	}
	if authorization = pl.login.answer(request, r.StatusCode, r.Header); authorization == "" {
		return r, nil
	}
	r.discard()
	return attempt(ctx, pl, pl.transport, &pl.dog, p, opts, authorization)
}

// A dispatch is a call and what came for it, in one piece of memory.
type dispatch struct {
	response Response
	call     transport.Call
	res      transport.Response
}

// do makes one attempt by the engine, and returns the response with its body
// unread.
func (a *HTTPAdapter) do(ctx context.Context, p *PreparedRequest, opts *SendOptions, route transport.Route) (*Response, error) {
	a.configured.Do(a.configureEngine)
	if p.body.length == 0 {
		if err := p.body.confirmEmpty(); err != nil {
			return nil, err
		}
	}
	d := new(dispatch)
	p.toCall(&d.call, opts, route)
	d.call.Interim = informational(ctx, opts.OnInformational)
	if opts.Trace {
		d.call.Times = new(transport.Times)
	}
	start := time.Now()
	d.call.Start, d.call.Into = start, &d.res
	res, err := a.engine.Do(ctx, &d.call)
	if err != nil {
		return nil, engineError(err)
	}
	r := &d.response
	if err := r.receive(res, p, opts); err != nil {
		res.Body.Close()
		return nil, err
	}
	r.Elapsed = time.Since(start)
	if d.call.Times != nil {
		r.timed(clockOf(start, d.call.Times))
	}
	r.countDownload(opts.OnProgress)
	r.wire.ctx, r.wire.hurry = ctx, res
	return r, nil
}

// configureEngine hands the fields to the engine.
func (a *HTTPAdapter) configureEngine() {
	a.engine.Config = transport.Config{
		Dial: a.DialContext, Resolver: a.Resolver, PerHost: a.PoolMaxSize, Block: a.PoolBlock, Routes: a.PoolConnections,
		DisableHTTP2: a.DisableHTTP2, UnencryptedHTTP2: a.UnencryptedHTTP2,
	}
}

// attempt sends p once, through the pool or, if that is nil, by rt, and returns
// the response with its body unread. It is the only caller of a RoundTripper.
func attempt(ctx context.Context, pl *pool, rt http.RoundTripper, dog *watchdog, p *PreparedRequest, opts *SendOptions, authorization string) (*Response, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	var times *clock
	if opts.Trace {
		ctx, times = startClock(ctx)
	}
	ctx, before := hearInterim(ctx, opts.OnInformational)
	how := sharing
	if pl != nil {
		how = pl.carrier(p)
	}
	e := newExchange(ctx, opts.Timeout, pl, dog, how)
	hr, err := e.request(p, authorization)
	if err != nil {
		e.finish()
		return nil, err
	}
	countUpload(hr, opts.OnProgress)
	if pl == nil {
		e.watch() // nobody will tell which connection it got
	}
	start := time.Now()
	res, err := e.roundTrip(rt, hr, p.body.stream != nil)
	res, err = before.end(res, err)
	if err != nil {
		if res != nil && res.Body != nil { // against the contract, but it happens
			res.Body.Close()
		}
		err = sendError(ctx, e, err)
		e.finish()
		return nil, err
	}
	if res == nil {
		e.finish()
		return nil, failText(ErrProtocol, "the RoundTripper returned neither a response nor an error")
	}
	e.answered()
	r := new(Response)
	if err := r.receive(fromHTTP(res), p, opts); err != nil {
		res.Body.Close()
		e.finish()
		return nil, err
	}
	r.Elapsed = time.Since(start)
	r.timed(times)
	r.countDownload(opts.OnProgress)
	r.wire.e, r.wire.ctx = e, ctx
	if pl != nil && p.URL.Scheme == "http" {
		r.TLS = nil // that with the proxy says nothing of the server
	}
	return r, nil
}

// fromHTTP is what a RoundTripper has returned, as one of the engine's.
func fromHTTP(hr *http.Response) *transport.Response {
	r := &transport.Response{
		StatusCode: hr.StatusCode, Status: hr.Status, Proto: hr.Proto, Major: hr.ProtoMajor, Minor: hr.ProtoMinor,
		Header: hr.Header, Length: hr.ContentLength, Close: hr.Close, Body: hr.Body, TLS: hr.TLS,
	}
	if hr.Body == nil {
		return r
	}
	if isBare(hr) {
		r.Body = &bareBody{ReadCloser: r.Body}
	}
	r.Body = &receivedBody{r.Body, r, hr}
	return r
}

// receivedBody passes on the trailer.
type receivedBody struct {
	io.ReadCloser
	res *transport.Response
	hr  *http.Response
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.res.Trailer = b.hr.Trailer
	}
	return n, err
}

// roundTrip calls rt, in a goroutine that can be left behind if blocks says so.
func (e *exchange) roundTrip(rt http.RoundTripper, hr *http.Request, blocks bool) (*http.Response, error) {
	if blocks && e.Context.Done() != nil {
		return e.leave(rt, hr)
	}
	return rt.RoundTrip(hr)
}

// leave ends with the context of the call, come what may. net/http does not
// return before the last Read of the request body has, and the reader is the
// caller's: if it blocks, that Read is left behind.
func (e *exchange) leave(rt http.RoundTripper, hr *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		res, err = e.roundTrip(rt, hr, false)
	}()
	select {
	case <-returned:
		return res, err
	case <-e.Context.Done():
	}
	grace := time.NewTimer(drainTime)
	defer grace.Stop()
	select {
	case <-returned:
		return res, err
	case <-grace.C:
	}
	go func() {
		<-returned
		if res != nil && res.Body != nil {
			res.Body.Close()
		}
		e.finish()
	}()
	return nil, contextError(e.Context)
}

// receive reads the body of r as part of the attempt, if opts want it.
func receive(r *Response, opts *SendOptions) (*Response, error) {
	if opts.Stream || r.IsRedirect() {
		return r, nil
	}
	return r, r.Load()
}

// RoundTripper makes an adapter of rt: one that traces, records or mocks, or
// speaks a protocol of its own. The Read limit then runs from the sending of
// the request to its headers, connecting included, since what rt does is not
// seen. TLS and Proxy of a call are rt's affair, and asking for them is
// [ErrInvalidOption].
func RoundTripper(rt http.RoundTripper) Adapter { return &roundTripper{rt: rt} }

type roundTripper struct {
	rt    http.RoundTripper
	local bool // there is no network
	dog   watchdog
	retrier
}

func (a *roundTripper) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	if isNil(a.rt) {
		return nil, failText(ErrInvalidOption, "RoundTripper(nil)")
	}
	if t, ok := a.rt.(handlerTripper); ok && isNil(t.h) {
		return nil, failText(ErrInvalidOption, "Handler(nil)")
	}
	if err := checkMessage(p); err != nil {
		return nil, err
	}
	if err := checkProxyField(p, opts.Proxy); err != nil {
		return nil, err
	}
	if !a.local {
		if opts.TLS != (TLS{}) && !opts.environTLS {
			return nil, failText(ErrInvalidOption, "TLS cannot be set for a RoundTripper")
		}
		if opts.Proxy != nil && !opts.environProxy {
			return nil, failText(ErrInvalidOption, "a proxy cannot be set for a RoundTripper")
		}
	}
	retry := opts.Retry
	if retry == nil {
		retry = new(Retry)
	}
	return a.retrier.send(ctx, p, &opts, retry, 0, func() (*Response, error) {
		return attempt(ctx, nil, a.rt, &a.dog, p, &opts, "")
	})
}

// Close closes the idle connections of a RoundTripper that has some.
func (a *roundTripper) Close() error {
	if c, ok := a.rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}
