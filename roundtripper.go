package requests

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/dump"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/values"
)

// RoundTripper is short for &HTTPAdapter{Transport: rt}. It makes an adapter of a
// [http.RoundTripper] that traces, records or mocks, or speaks a protocol of its
// own. TLS and the proxy are up to rt: a call that asks for them is
// [ErrInvalidOption]. An error of rt is [ErrAdapter], unless it is one of the
// network.
func RoundTripper(rt http.RoundTripper) Adapter {
	if values.IsNil(rt) {
		rt = noTripper{}
	}
	return &HTTPAdapter{Transport: rt}
}

// noTripper stands for nil, which in the field is the library's own engine.
type noTripper struct{ http.RoundTripper }

// checkTransport refuses what cannot go together with Transport.
func (a *HTTPAdapter) checkTransport() error {
	if _, none := a.Transport.(noTripper); none || values.IsNil(a.Transport) {
		return failText(ErrInvalidOption, "the RoundTripper is nil")
	}
	if t, ok := a.Transport.(handlerTripper); ok && values.IsNil(t.h) {
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
	t := trip{Exchange: bridge.NewExchange(ctx, opts.Timeout.Read, &a.watchdog), dump: opts.tap.Exchange(), report: opts.OnProgress}
	if opts.Trace {
		t.Context, t.times = bridge.StartStopwatch(t.Context)
	}
	t.Context, t.before = withInterim(t.Context, dumping(t.dump, opts.OnInformational))
	return t.send(ctx, a.outer, p, opts)
}

// tryWrapped makes one attempt by the engine with middleware around it.
func (a *HTTPAdapter) tryWrapped(ctx context.Context, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	w := &wrappedAttempt{adapter: a, url: p.URL, auth: p.auth, sparing: p.literal != nil && p.literal.sparing, opts: *opts}
	if err := a.setRoute(&w.route, p, opts); err != nil {
		return nil, err
	}
	if len(opts.OnInformational) > 0 {
		w.interim = &interim{hooks: opts.OnInformational}
		w.ctx = ctx
	}
	if opts.Trace {
		w.start = time.Now()
	}
	a.wrapped.begin(w)
	t := trip{Exchange: bridge.NewExchange(context.WithValue(ctx, wrappedAttemptKey{}, w), 0, &a.watchdog), before: w.interim}
	t.OnEnd, t.lost = func() { a.wrapped.end(w) }, w.close
	defer w.endUnlessReturned()
	r, err := t.send(ctx, a.outer, p, opts)
	w.returned.Store(true)
	if err == nil && opts.Trace && !r.upgraded() {
		times := w.times.Load()
		if times == nil { // the middleware has answered by itself
			times = new(transport.Times)
		}
		r.timed(clockOf(w.start, times))
	}
	return r, err
}

// A trip is one attempt by a RoundTripper.
type trip struct {
	*bridge.Exchange
	before *interim          // tells of what comes before the response; nil if nobody wants to know
	times  *bridge.Stopwatch // nil without Trace
	dump   *dump.Exchange    // nil if nobody wants a dump
	report []OnProgress      // of the body of the request, which is counted here; nil if the engine does
	lost   func()            // called if the body of the response panics when it is closed; may be nil
}

// send sends p once by rt, and returns the response with its body unread. It is
// the only caller of a RoundTripper.
func (e *trip) send(ctx context.Context, rt http.RoundTripper, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	sent := false
	defer func() {
		if !sent { // or rt has panicked
			e.Finish()
		}
	}()
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	hr, err := e.request(p)
	if err != nil {
		return nil, err
	}
	countUpload(hr, e.report)
	dumpTrip(e.dump, hr, p)
	e.StartClock()
	start := time.Now()
	res, err := e.RoundTrip(rt, hr, p.body.stream != nil)
	res, err = e.before.end(res, err)
	r := new(Response)
	switch {
	case err != nil:
		err = sendError(ctx, e.Exchange, err)
	case res == nil:
		err = failText(ErrAdapter, "the RoundTripper returned neither a response nor an error")
	default:
		e.StopClock() // until the body is read
		err = r.receive(e.taken(res), p, opts)
	}
	if err != nil {
		if res != nil && res.Body != nil { // beside an error against the contract, but it happens
			res.Body.Close()
		}
		e.dump.Fail(err)
		return nil, err
	}
	sent = true
	r.dumped(e.dump)
	r.Elapsed = time.Since(start)
	if r.upgraded() {
		e.Release()
		return r, nil
	}
	r.timed(e.times)
	r.countDownload(opts.OnProgress)
	r.wire.e, r.wire.ctx, r.wire.hurry = e.Exchange, ctx, e.Exchange
	return r, nil
}

// taken is what the RoundTripper has returned, as a response of the engine.
func (e *trip) taken(res *http.Response) *transport.Response {
	r := bridge.FromNetHTTP(res)
	if e.lost != nil && r.Body != nil && res.StatusCode != http.StatusSwitchingProtocols {
		r.Body = &wrappedBody{r.Body, e.lost}
	}
	return r
}

// wrappedBody is the body of a response of middleware, whose Close may panic.
type wrappedBody struct {
	io.ReadCloser
	lost func() // see trip
}

func (b *wrappedBody) Close() error {
	closed := false
	defer func() {
		if !closed {
			b.lost()
		}
	}()
	err := b.ReadCloser.Close()
	closed = true
	return err
}

// request makes what net/http is to send for p, with a header and a URL of its
// own: middleware adds to them.
func (e *trip) request(p *PreparedRequest) (*http.Request, error) {
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
		if l.chunked {
			hr.TransferEncoding = []string{"chunked"}
		}
	}
	if err := e.body(&hr, p); err != nil {
		return nil, err
	}
	return hr.WithContext(e.Exchange), nil
}

// body gives hr the body of p, if there is one, and a way to have it again for
// a connection that turns out to be dead before anything was written.
func (e *trip) body(hr *http.Request, p *PreparedRequest) error {
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
	long := e.Limited() && p.body.length > maxDirect
	if s := p.body.stream; s != nil || long {
		hr.Body = e.Upload(body, s != nil && s.waits)
	}
	if p.body.replayable() {
		hr.GetBody = func() (io.ReadCloser, error) {
			body, err := p.body.open()
			if s := p.body.stream; (s != nil || long) && err == nil {
				body = e.Upload(body, s != nil && s.waits)
			}
			return body, err
		}
	}
	return nil
}

// maxDirect is the largest body that is sent without looking for an answer
// meanwhile. The buffers of sockets hold more.
const maxDirect = 16 << 10

// A wrappedAttempt is one attempt with middleware around it. It travels in the
// context of its request, and applies to requests to the origin of the attempt
// until the attempt and its response have ended.
type wrappedAttempt struct {
	adapter *HTTPAdapter
	url     *url.URL
	auth    Auth
	sparing bool // see literal
	route   transport.Route
	opts    SendOptions

	ctx     context.Context // of the call, for interim
	interim *interim
	times   atomic.Pointer[transport.Times] // of the last request that was answered
	start   time.Time

	over     atomic.Bool
	found    atomic.Bool // a request of the attempt has come
	returned atomic.Bool // the middleware has

	mu     sync.Mutex
	bodies []io.Closer // of the responses that the middleware was given
}

// noteBody records the body of a response. If the middleware panics, nobody else
// can close it.
func (w *wrappedAttempt) noteBody(body io.Closer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies = append(w.bodies, body)
}

// endUnlessReturned frees the connections of middleware that has panicked.
func (w *wrappedAttempt) endUnlessReturned() {
	if !w.returned.Load() {
		w.close()
	}
}

// close closes the bodies that the middleware was given.
func (w *wrappedAttempt) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		b.Close()
	}
}

// wrappedAttemptKey is the context key of a wrappedAttempt.
type wrappedAttemptKey struct{}

// needsContext reports whether the call has settings that a request without the
// context would lose.
func (w *wrappedAttempt) needsContext() bool {
	o := &w.opts
	return o.TLS != (TLS{}) && !o.environTLS || o.Proxy != nil && !o.environProxy || o.proxies.ignoreEnv || w.auth.owner() != nil
}

// wrappedAttempts are the attempts with middleware whose requests need the context.
type wrappedAttempts struct {
	mu   sync.Mutex
	list []*wrappedAttempt
}

func (a *wrappedAttempts) begin(w *wrappedAttempt) {
	if !w.needsContext() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, w)
}

func (a *wrappedAttempts) end(w *wrappedAttempt) {
	w.over.Store(true)
	if !w.needsContext() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(other *wrappedAttempt) bool { return other == w })
}

// lostContext reports whether a request to the origin of u that lacks the context of
// an attempt may belong to one. An earlier request with it, for a token perhaps,
// proves nothing.
func (a *wrappedAttempts) lostContext(u *url.URL) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.list, func(w *wrappedAttempt) bool { return !w.returned.Load() && sameOrigin(w.url, u) })
}

// engineTripper is the engine of an adapter as a RoundTripper, below the
// middleware.
type engineTripper struct{ a *HTTPAdapter }

func (t engineTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	res, err := roundTrip(hr, t.send)
	if err == nil {
		if w := t.attempt(hr.Context()); w != nil {
			w.noteBody(res.Body)
		}
	}
	return res, err
}

// attempt is the attempt that a context belongs to, nil if there is none.
func (t engineTripper) attempt(ctx context.Context) *wrappedAttempt {
	w, _ := ctx.Value(wrappedAttemptKey{}).(*wrappedAttempt)
	if w != nil && (w.adapter != t.a || w.over.Load()) {
		return nil
	}
	return w
}

func (t engineTripper) CloseIdleConnections() { t.a.engine.CloseIdle() }

func (t engineTripper) send(ctx context.Context, p *PreparedRequest, _ *http.Request) (*Response, error) {
	w := t.attempt(ctx)
	if w == nil && t.a.wrapped.lostContext(p.URL) {
		return nil, failText(ErrInvalidOption, "the middleware of HTTPAdapter.Wrap has lost the context of a call that asks for TLS, a proxy or a connection")
	}
	opts := SendOptions{Stream: true, Timeout: Timeout{}.resolved()}
	if w != nil {
		opts = w.opts.belowMiddleware()
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
	if w.opts.Trace {
		d.call.Times = new(transport.Times) // of its own: middleware may send several at once
	}
	if w.interim != nil {
		d.call.Interim = func(status int, h http.Header) error { return w.interim.got(w.ctx, status, textproto.MIMEHeader(h)) }
	}
	if first && len(w.opts.OnProgress) > 0 && p.uploads() {
		d.call.Up = uploading(w.opts.OnProgress, p.body.length)
	}
	d.call.Route = w.route
	r, err := t.a.dispatch(ctx, d, p, &opts)
	if err == nil && d.call.Times != nil {
		w.times.Store(d.call.Times)
	}
	return r, err
}

// A literal is what a PreparedRequest has of an [http.Request] that it was made
// of, beside its fields. Such a request goes out as it was handed over: nothing
// of it is put into a form of the library's own.
type literal struct {
	host    string // for the Host field; empty for that of the URL
	trailer http.Header
	close   bool
	chunked bool // even if there is no body
	sparing bool // see message.Request
	decode  bool // the library itself has asked for content codings
}

// roundTrip has send do the work of a RoundTripper.
func roundTrip(hr *http.Request, send func(context.Context, *PreparedRequest, *http.Request) (*Response, error)) (*http.Response, error) {
	if hr == nil {
		return nil, bridge.CheckRequest(hr)
	}
	body := &handedBody{hr: hr}
	defer body.settle()
	p, err := body.prepare()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(hr.Context())
	//lint:ignore SA1019 net/http's client sets it for its Timeout.
	if gone := hr.Cancel; gone != nil {
		go func() {
			select {
			case <-gone:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	sent := false
	defer func() {
		if !sent { // or a function of the caller has panicked
			cancel()
		}
	}()
	r, err := send(ctx, p, hr)
	if err != nil {
		return nil, tripError(err)
	}
	sent = true
	return r.toHTTP(hr, cancel), nil
}

// A handedBody is the body of a request of net/http.
type handedBody struct {
	hr     *http.Request
	probed *bridge.ProbedBody // nil if it was not probed
	used   atomic.Bool        // somebody reads it, who will close it
}

// settle closes a body that nobody has wanted.
func (b *handedBody) settle() {
	switch {
	case b.hr.Body == nil || b.used.Load():
	case b.probed != nil:
		b.probed.Close()
	default:
		b.hr.Body.Close()
	}
}

// prepare makes a literal request of hr, which is not changed.
func (b *handedBody) prepare() (*PreparedRequest, error) {
	hr := b.hr
	if err := bridge.CheckRequest(hr); err != nil {
		return nil, err
	}
	u := *hr.URL
	u.User = nil
	host, err := httpguts.PunycodeHostPort(u.Host)
	if err != nil {
		return nil, fail(ErrInvalidURL, err)
	}
	u.Host = host
	p := &PreparedRequest{Method: cmp.Or(hr.Method, http.MethodGet), URL: &u, Header: bridge.Fields(hr), ownCookie: true}
	p.literal = &literal{host: hr.Host, trailer: hr.Trailer, close: hr.Close, chunked: bridge.Chunked(hr), sparing: true}
	if hr.Body != nil && (hr.Body != http.NoBody || bridge.Chunked(hr)) {
		p.body = b.content()
	}
	return p, p.checkLiteral()
}

// content is the body as one of the library's.
func (b *handedBody) content() content {
	hr := b.hr
	length := bridge.Length(hr)
	first := hr.Body
	if length < 0 && len(hr.TransferEncoding) == 0 && bridge.LacksBody(hr.Method) {
		probed := bridge.Probe(hr.Body)
		if probed == nil {
			return content{}
		}
		first = probed
		b.probed = probed
	}
	if hr.Body == http.NoBody {
		return streamed(&stream{what: "the request body", again: true, from: func() (io.Reader, error) { return http.NoBody, nil }}, -1, "")
	}
	return streamed(&stream{what: "the request body", again: hr.GetBody != nil, waits: hr.GetBody == nil, from: func() (io.Reader, error) {
		if !b.used.Swap(true) {
			return first, nil
		}
		if hr.GetBody == nil {
			return nil, ErrBodyNotReplayable
		}
		return hr.GetBody()
	}}, length, "")
}

// checkLiteral holds that p can be written as one message.
func (p *PreparedRequest) checkLiteral() error {
	if p.URL == nil || p.URL.Host == "" {
		return failText(ErrInvalidURL, "no host supplied")
	}
	if p.Method == http.MethodConnect {
		return failText(ErrInvalidOption, "the method is not one of a request")
	}
	m := p.message()
	return m.Check()
}

// decodes reports whether the content codings of a response are to be undone: if
// the library itself has asked for some, and knows all that h names.
func (l *literal) decodes(h http.Header) bool {
	if !l.decode {
		return false
	}
	codings, err := coding.Parse(h["Content-Encoding"])
	return err == nil && len(codings) > 0
}

// toHTTP is r as a response of net/http to hr. end is called when its body has
// ended.
func (r *Response) toHTTP(hr *http.Request, end func()) *http.Response {
	res := &http.Response{
		Status: strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + r.Reason), StatusCode: r.StatusCode,
		Proto: cmp.Or(r.Proto, "HTTP/1.1"), Header: r.Header, ContentLength: r.wire.length, Request: hr, TLS: r.TLS,
	}
	res.ProtoMajor, res.ProtoMinor, _ = http.ParseHTTPVersion(res.Proto)
	if came := r.came; came != nil {
		res.Close = came.Close
		if f := came.Foreign; f != nil {
			res.TransferEncoding, res.Uncompressed, res.Trailer = f.TransferEncoding, f.Uncompressed, maps.Clone(f.Trailer)
		}
		if came.Major > 0 {
			res.ProtoMajor, res.ProtoMinor = came.Major, came.Minor
		}
	}
	if r.upgraded() {
		if rwc, ok := r.Body.(io.ReadWriteCloser); ok {
			res.Body, res.ContentLength, res.Close = &bridge.UpgradedBody{ReadWriteCloser: rwc, End: end}, 0, false
			return res
		}
	}
	bridge.Normalize(res, hr.Method)
	if r.wire.coded() { // and is decoded
		res.Uncompressed, res.ContentLength, res.Header = true, -1, res.Header.Clone()
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
	}
	if r.wire.length == 0 && !r.loaded {
		r.Close()
		end()
		res.Body = http.NoBody
		return res
	}
	bridge.Give(res, r.Body, r, end, tripError)
	return res
}

// A tripFailure is an error of a RoundTripper, to which net/http's client adds
// the method and the URL.
type tripFailure struct{ error }

func (e *tripFailure) Unwrap() error { return e.error }

// Timeout is what [url.Error] asks for.
func (e *tripFailure) Timeout() bool {
	return errors.Is(e.error, ErrTimeout) || errors.Is(e.error, context.DeadlineExceeded)
}

// tripError is err as a RoundTripper returns it.
func tripError(err error) error {
	if e, ok := err.(*Error); ok {
		err = e.Err
	}
	switch err.(type) {
	case *RetryError, interface{ Classified() error }:
		return &tripFailure{err}
	}
	return err
}
