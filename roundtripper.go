package requests

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/transport"
)

// RoundTripper is short for &HTTPAdapter{Transport: rt}. It makes an adapter of a
// [http.RoundTripper] that traces, records or mocks, or speaks a protocol of its
// own. TLS and the proxy are up to rt: a call that asks for them is
// [ErrInvalidOption]. An error of rt is [ErrAdapter], unless it is one of the
// network.
func RoundTripper(rt http.RoundTripper) Adapter {
	if isNil(rt) {
		rt = noTripper{}
	}
	return &HTTPAdapter{Transport: rt}
}

// noTripper stands for nil, which in the field is the library's own engine.
type noTripper struct{ http.RoundTripper }

// checkTransport refuses what cannot go together with Transport.
func (a *HTTPAdapter) checkTransport() error {
	if _, none := a.Transport.(noTripper); none || isNil(a.Transport) {
		return failText(ErrInvalidOption, "the RoundTripper is nil")
	}
	if t, ok := a.Transport.(handlerTripper); ok && isNil(t.h) {
		return failText(ErrInvalidOption, "Handler(nil)")
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"PoolConnections", a.PoolConnections != 0}, {"PoolMaxSize", a.PoolMaxSize != 0}, {"PoolBlock", a.PoolBlock},
		{"IdleTimeout", a.IdleTimeout != 0}, {"TLS", a.TLS != (TLS{})}, {"ProxyHeader", a.ProxyHeader != nil},
		{"DisableHTTP2", a.DisableHTTP2}, {"UnencryptedHTTP2", a.UnencryptedHTTP2},
		{"Resolver", a.Resolver != nil}, {"DialContext", a.DialContext != nil},
		{"Hosts", a.Hosts != nil}, {"Allow", a.Allow != nil}, {"TrustProxy", a.TrustProxy},
	} {
		if field.set {
			return failText(ErrInvalidOption, "HTTPAdapter."+field.name+" says nothing to a Transport of your own")
		}
	}
	return nil
}

// tryOuter makes one attempt by Transport or Wrap.
func (a *HTTPAdapter) tryOuter(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if a.Transport == nil {
		return a.tryWrapped(ctx, p, opts)
	}
	if !a.local {
		if opts.TLS != (TLS{}) && !opts.environTLS {
			return nil, failText(ErrInvalidOption, "TLS cannot be set for a RoundTripper")
		}
		if opts.Proxy != nil && !opts.environProxy {
			return nil, failText(ErrInvalidOption, "a proxy cannot be set for a RoundTripper")
		}
		if p.auth.owner() != nil { // the connection would be there for others
			return nil, failText(ErrInvalidOption, "an Auth that logs in connections cannot be used with a RoundTripper")
		}
	}
	e := newExchange(ctx, opts.Timeout, &a.dog)
	var times *clock
	if opts.Trace {
		e.Context, times = startClock(e.Context)
	}
	e.dump, e.report = opts.tap.exchange(), opts.OnProgress
	var before *interim
	e.Context, before = hearInterim(e.Context, e.dump.hear(opts.OnInformational))
	return attempt(ctx, e, a.outer, p, opts, before, times)
}

// tryWrapped makes one attempt by the engine with middleware around it.
func (a *HTTPAdapter) tryWrapped(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	w := &within{adapter: a, url: p.URL, auth: p.auth, sparing: p.literal != nil && p.literal.sparing, opts: *opts}
	if err := a.setRoute(&w.route, p, opts); err != nil {
		return nil, err
	}
	if len(opts.OnInformational) > 0 {
		w.interim = &interim{hooks: opts.OnInformational}
		w.ctx = ctx
	}
	if opts.Trace {
		w.times, w.start = new(transport.Times), time.Now()
	}
	a.asking.begin(w)
	e := newExchange(context.WithValue(ctx, withinKey{}, w), Timeout{}, &a.dog)
	e.over = func() { a.asking.end(w) }
	r, err := attempt(ctx, e, a.outer, p, opts, w.interim, nil)
	if err == nil && w.times != nil && !r.upgraded() {
		r.timed(clockOf(w.start, w.times))
	}
	return r, err
}

// attempt sends p once by rt, and returns the response with its body unread. It
// is the only caller of a RoundTripper.
func attempt(ctx context.Context, e *exchange, rt http.RoundTripper, p *PreparedRequest, opts *SendOptions, before *interim, times *clock) (*Response, error) {
	if err := contextError(ctx); err != nil {
		e.finish()
		return nil, err
	}
	hr, err := e.request(p)
	if err != nil {
		e.finish()
		return nil, err
	}
	countUpload(hr, e.report)
	e.dump.tapTrip(hr, p)
	e.watch()
	start := time.Now()
	res, err := e.roundTrip(rt, hr, p.body.stream != nil)
	res, err = before.end(res, err)
	r := new(Response)
	switch {
	case err != nil:
		err = sendError(ctx, e, err)
	case res == nil:
		err = failText(ErrProtocol, "the RoundTripper returned neither a response nor an error")
	default:
		e.pause() // until the body is read
		err = r.receive(fromHTTP(res), p, opts)
	}
	if err != nil {
		if res != nil && res.Body != nil { // beside an error against the contract, but it happens
			res.Body.Close()
		}
		e.finish()
		e.dump.failed(err)
		return nil, err
	}
	e.dump.answered(r)
	r.Elapsed = time.Since(start)
	if r.upgraded() {
		e.release()
		return r, nil
	}
	r.timed(times)
	r.countDownload(opts.OnProgress)
	r.wire.e, r.wire.ctx, r.wire.hurry = e, ctx, e
	return r, nil
}

// fromHTTP is what a RoundTripper has returned, as one of the engine's.
func fromHTTP(hr *http.Response) *transport.Response {
	r := &transport.Response{
		StatusCode: hr.StatusCode, Status: hr.Status, Proto: hr.Proto, Major: hr.ProtoMajor, Minor: hr.ProtoMinor,
		Header: hr.Header, Length: hr.ContentLength, Close: hr.Close, Body: hr.Body, TLS: hr.TLS,
		Foreign: hr,
	}
	if hr.Body == nil || hr.StatusCode == http.StatusSwitchingProtocols {
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

// leaveGrace is how long an ended exchange is waited for before it is left behind.
const leaveGrace = 50 * time.Millisecond

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
	grace := time.NewTimer(leaveGrace)
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

// A RoundTripper that is none of ours has no connection to see, whose deadlines
// could keep the limits of [Timeout]. A watchdog ends the exchange instead.

// An exchange is one request and its response by a RoundTripper. It is the
// context of the request, so that it can be ended without a context of its own
// under that of the caller.
type exchange struct {
	context.Context // the caller's, with the trace

	dog     *watchdog    // that of the RoundTripper
	silence atomic.Int64 // the Read limit, a time.Duration; zero is none
	expired atomic.Bool  // the Read limit ran out

	upload atomic.Pointer[upload] // the body on its way, if it is a stream
	over   func()                 // called at the end; may be nil
	report []OnProgress           // of the body, which is counted here; nil if the engine does
	dump   *dumped                // nil if nobody wants a dump

	// What follows is for an exchange with a limit: done is nil without.
	done     chan struct{}
	detach   func() bool  // from the caller's context
	deadline atomic.Int64 // on the clock of the watchdog; 0 is none

	mu    sync.Mutex
	ended error  // why done is closed
	after func() // runs then: net/http's context under this one
}

// newExchange starts an exchange.
func newExchange(ctx context.Context, limit Timeout, dog *watchdog) *exchange {
	e := &exchange{Context: ctx, dog: dog}
	e.silence.Store(int64(limit.Read))
	if limit.Read > 0 {
		e.done = make(chan struct{})
		if ctx.Done() != nil {
			e.detach = context.AfterFunc(ctx, func() { e.end(ctx.Err()) })
		}
	}
	return e
}

// Done implements [context.Context].
func (e *exchange) Done() <-chan struct{} {
	if e.done != nil {
		return e.done
	}
	return e.Context.Done()
}

// Err implements [context.Context].
func (e *exchange) Err() error {
	if e.done == nil {
		return e.Context.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

// AfterFunc is what package context looks for in a foreign context, so as not
// to start a goroutine that waits for Done. There is one such context at a time.
func (e *exchange) AfterFunc(f func()) (stop func() bool) {
	if e.done == nil {
		return context.AfterFunc(e.Context, f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended != nil {
		go f()
		return cannotStop
	}
	if before := e.after; before != nil {
		e.after = func() { before(); f() }
		return cannotStop
	}
	e.after = f
	return cannotStop
}

// cannotStop need not stop anything: to cancel a context that has ended does nothing.
func cannotStop() bool { return false }

// end closes Done, and says why.
func (e *exchange) end(why error) {
	e.mu.Lock()
	if e.ended != nil {
		e.mu.Unlock()
		return
	}
	e.ended = why
	after := e.after
	close(e.done)
	e.mu.Unlock()
	if after != nil {
		after()
	}
}

// expire ends the exchange since its Read limit ran out.
func (e *exchange) expire() {
	e.expired.Store(true)
	e.end(context.Canceled)
}

// watch starts or restarts the clock.
func (e *exchange) watch() {
	if e.done != nil {
		e.dog.watch(e)
	}
}

// pause stops the clock, while it is not the server that we wait for.
func (e *exchange) pause() { e.deadline.Store(0) }

// Hurry implements [hurrier].
func (e *exchange) Hurry(limit time.Duration) {
	if now := e.read(); now <= 0 || now > limit {
		e.silence.Store(int64(limit))
	}
}

// read is the Read limit.
func (e *exchange) read() time.Duration { return time.Duration(e.silence.Load()) }

// release ends the limits of the exchange, whose connection has got another
// protocol, and not the exchange.
func (e *exchange) release() {
	if e.over != nil {
		e.over()
	}
	if e.done != nil {
		e.dog.forget(e)
		e.detach = nil
	}
}

// finish ends the exchange.
func (e *exchange) finish() {
	if e.over != nil {
		e.over()
	}
	if u := e.upload.Load(); u != nil {
		u.Close()
	}
	if e.done != nil {
		e.dog.forget(e)
		if e.detach != nil {
			e.detach()
		}
		e.end(context.Canceled)
	}
}

func (e *exchange) readTimeout() error { return &fault.Limit{Kind: ErrReadTimeout, After: e.read()} }

// A watchdog ends exchanges whose Read limit runs out. One timer serves all
// that it watches: to start and stop the clock of one is a store, which a
// timer for each, moved by every read, would not be. The zero value is ready.
type watchdog struct {
	mu      sync.Mutex
	watched map[*exchange]struct{}
	timer   *time.Timer
	wake    int64     // when the timer fires; 0 if it does not
	epoch   time.Time // the zero of deadlines, on the monotonic clock
}

// watch gives e its Read limit from now on.
func (w *watchdog) watch(e *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched == nil {
		w.watched, w.epoch = make(map[*exchange]struct{}), time.Now()
	}
	deadline := int64(time.Since(w.epoch)) + e.silence.Load()
	if e.deadline.Swap(deadline) == 0 {
		w.watched[e] = struct{}{}
	}
	if w.wake == 0 || deadline < w.wake {
		w.set(deadline)
	}
}

func (w *watchdog) set(wake int64) {
	w.wake = wake
	d := time.Duration(wake) - time.Since(w.epoch)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.look)
		return
	}
	w.timer.Reset(d)
}

// look ends what has expired and sleeps until the next deadline.
func (w *watchdog) look() {
	w.mu.Lock()
	now := int64(time.Since(w.epoch))
	next := int64(0)
	var expired []*exchange
	for e := range w.watched {
		switch d := e.deadline.Load(); {
		case d == 0: // paused: it comes back by watch
			delete(w.watched, e)
		case d <= now:
			expired = append(expired, e)
			delete(w.watched, e)
		case next == 0 || d < next:
			next = d
		}
	}
	w.wake = 0
	if next != 0 {
		w.set(next)
	}
	w.mu.Unlock()
	for _, e := range expired {
		e.expire()
	}
}

// forget ends the watch over e.
func (w *watchdog) forget(e *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.deadline.Store(0)
	delete(w.watched, e)
}

// request makes what net/http is to send for p, with a header and a URL of its
// own: middleware adds to them.
func (e *exchange) request(p *PreparedRequest) (*http.Request, error) {
	hr := http.Request{
		Method: p.Method, URL: cloneURL(p.URL), Host: hostField(p), Header: p.Header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Close: closes(p.Header), // else net/http keeps a connection that the server has not closed
	}
	delete(hr.Header, "Proxy-Authorization") // no server gets to see it (CVE-2023-32681)
	delete(hr.Header, "Host")
	if _, agent := p.Header["User-Agent"]; !agent { // net/http would send its own
		hr.Header["User-Agent"] = []string{""}
	}
	if l := p.literal; l != nil {
		hr.Trailer, hr.Close, hr.Host = l.trailer, hr.Close || l.close, cmp.Or(l.host, hr.Host)
	}
	if err := e.body(&hr, p); err != nil {
		return nil, err
	}
	return hr.WithContext(e), nil
}

// body gives hr the body of p, if there is one, and a way to have it again for
// a connection that turns out to be dead before anything was written.
func (e *exchange) body(hr *http.Request, p *PreparedRequest) error {
	switch {
	case !p.body.present:
		return nil
	case p.body.length == 0:
		hr.Body = http.NoBody
		return p.body.confirmEmpty()
	}
	body, err := p.body.open()
	if err != nil {
		return err
	}
	hr.Body, hr.ContentLength = body, p.body.length
	// The clock of a body that may take long must not run while it is sent. A
	// connection of HTTP/1.1 gives each write a limit of its own.
	long := e.done != nil && p.body.length > maxDirect
	if s := p.body.stream; s != nil || long {
		hr.Body = newUpload(e, body, s != nil && s.waits)
	}
	if p.body.replayable() {
		hr.GetBody = func() (io.ReadCloser, error) {
			body, err := p.body.open()
			if s := p.body.stream; (s != nil || long) && err == nil {
				body = newUpload(e, body, s != nil && s.waits)
			}
			return body, err
		}
	}
	return nil
}

// An upload is a streamed request body on its way. It stops the clock of the
// exchange while its source is read, and lets go of a source that waits once
// nobody waits for it any more.
type upload struct {
	body io.ReadCloser
	e    *exchange
	err  error // sticky

	// What follows is for sources that may wait.
	over chan struct{} // closed by interrupt; nil for the other sources
	once sync.Once
	read chan uploadRead
	buf  []byte
}

// An uploadRead is what a read of the source gave.
type uploadRead struct {
	n   int
	err error
}

// newUpload makes body that of e, which sends it from now on.
func newUpload(e *exchange, body io.ReadCloser, waits bool) *upload {
	u := &upload{body: body, e: e}
	if waits {
		u.over, u.read = make(chan struct{}), make(chan uploadRead, 1)
	}
	e.upload.Store(u)
	return u
}

// Read implements io.Reader. The clock of the exchange stands still while it
// is the caller's source that we wait for.
func (u *upload) Read(b []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.e.pause()
	n, err := u.readSource(b)
	u.err = err
	u.e.watch() // until the server takes what was read, or answers
	return n, err
}

// readSource reads where it can be left behind, and into a buffer of its own
// then, if the source may wait for ever: the context of the caller would
// otherwise end nothing (net/http waits for it).
func (u *upload) readSource(b []byte) (int, error) {
	if u.over == nil {
		return u.body.Read(b)
	}
	size := min(len(b), maxSmallBody)
	if len(u.buf) < size {
		u.buf = make([]byte, size)
	}
	buf := u.buf[:size]
	go func() {
		n, err := u.body.Read(buf)
		u.read <- uploadRead{n, err}
	}()
	select {
	case r := <-u.read:
		return copy(b, buf[:r.n]), r.err
	case <-u.over:
	case <-u.e.Done():
	}
	return 0, errBodyClosed
}

// interrupt ends a read that waits for its source.
func (u *upload) interrupt() {
	if u.over != nil {
		u.once.Do(func() { close(u.over) })
	}
}

// Close implements io.Closer. From then on the source is not read, but for a
// read that it holds up.
func (u *upload) Close() error {
	u.interrupt()
	return u.body.Close()
}

// maxDirect is the largest body that is sent without looking for an answer
// meanwhile. The buffers of sockets hold more.
const maxDirect = 16 << 10

// maxSmallBody is the length up to which a body is copied by a buffer of its own.
const maxSmallBody = 32 << 10

// A within is one attempt with middleware around it, and travels in the context
// of its request. It counts for requests to the origin of the attempt, until the
// attempt and its response have ended.
type within struct {
	adapter *HTTPAdapter
	url     *url.URL
	auth    Auth
	sparing bool // see literal
	route   transport.Route
	opts    SendOptions

	ctx     context.Context // of the call, for interim
	interim *interim
	times   *transport.Times
	start   time.Time

	over  atomic.Bool
	found atomic.Bool // a request of the attempt has come
}

// withinKey is the key of a within.
type withinKey struct{}

// asks reports whether the program wants anything of the way to the server, which
// a request without the context would not get.
func (w *within) asks() bool {
	o := &w.opts
	return o.TLS != (TLS{}) && !o.environTLS || o.Proxy != nil && !o.environProxy || o.proxies.ignoreEnv || w.auth.owner() != nil
}

// asking are the attempts with middleware that ask for something.
type asking struct {
	mu   sync.Mutex
	list []*within
}

func (a *asking) begin(w *within) {
	if !w.asks() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, w)
}

func (a *asking) end(w *within) {
	w.over.Store(true)
	if !w.asks() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(other *within) bool { return other == w })
}

// lost reports whether an attempt waits for its request to the origin of u.
func (a *asking) lost(u *url.URL) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.list, func(w *within) bool { return !w.found.Load() && sameOrigin(w.url, u) })
}

// belowTripper is the engine of an adapter, below its middleware.
type belowTripper struct{ a *HTTPAdapter }

func (t belowTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	return roundTrip(hr, t.send)
}

func (t belowTripper) CloseIdleConnections() { t.a.engine.CloseIdle() }

func (t belowTripper) send(ctx context.Context, p *PreparedRequest, _ *http.Request) (*Response, error) {
	w, _ := ctx.Value(withinKey{}).(*within)
	if w != nil && (w.adapter != t.a || w.over.Load()) {
		w = nil
	}
	if w == nil && t.a.asking.lost(p.URL) {
		return nil, failText(ErrInvalidOption, "the middleware of HTTPAdapter.Wrap has lost the context of a call that asks for TLS, a proxy or a connection")
	}
	opts := SendOptions{Stream: true, Timeout: Timeout{}.resolved()}
	if w != nil {
		opts.Timeout, opts.proxies, opts.tap = w.opts.Timeout, w.opts.proxies, w.opts.tap
	}
	if w == nil || !sameOrigin(w.url, p.URL) || !sameOrigin(p.URL, w.url) {
		if err := opts.chooseRoute(p.URL); err != nil {
			return nil, err
		}
		d := new(dispatch)
		if err := t.a.setRoute(&d.call.Route, p, &opts); err != nil {
			return nil, err
		}
		return t.a.do(ctx, d, p, &opts)
	}
	first := !w.found.Swap(true)
	p.literal.sparing = w.sparing
	p.auth, opts.pin = w.auth, w.opts.pin
	d := new(dispatch)
	if d.call.Times = w.times; w.interim != nil {
		d.call.Interim = func(status int, h http.Header) error { return w.interim.got(w.ctx, status, textproto.MIMEHeader(h)) }
	}
	if first && len(w.opts.OnProgress) > 0 && p.uploads() {
		d.call.Up = progress(w.opts.OnProgress, p.body.length)
	}
	d.call.Route = w.route
	return t.a.dispatch(ctx, d, p, &opts)
}

// chooseRoute chooses what a call of a session without TLS of its own would have.
func (o *SendOptions) chooseRoute(u *url.URL) (err error) {
	if o.Proxy, o.environProxy, err = o.proxies.find(u); err != nil {
		return err
	}
	if (u.Scheme == "https" || o.Proxy != nil && o.Proxy.Scheme == "https") && !o.proxies.ignoreEnv {
		o.TLS = TLS{}.trusting()
		o.environTLS, o.environTrust = true, o.TLS.CABundle != ""
	}
	return nil
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
