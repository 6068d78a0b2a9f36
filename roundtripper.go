package requests

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/bridge"
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
	t := trip{Exchange: bridge.NewExchange(ctx, opts.Timeout.Read, &a.dog), dump: opts.tap.exchange(), report: opts.OnProgress}
	if opts.Trace {
		t.Context, t.times = bridge.StartClock(t.Context)
	}
	t.Context, t.before = hearInterim(t.Context, t.dump.hear(opts.OnInformational))
	return t.send(ctx, a.outer, p, opts)
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
		w.start = time.Now()
	}
	a.asking.begin(w)
	t := trip{Exchange: bridge.NewExchange(context.WithValue(ctx, withinKey{}, w), 0, &a.dog), before: w.interim}
	t.OnEnd = func() { a.asking.end(w) }
	returned := false
	defer func() {
		if !returned { // the middleware has panicked
			t.Finish()
		}
	}()
	r, err := t.send(ctx, a.outer, p, opts)
	returned = true
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
	before *interim      // tells of what comes before the response; nil if nobody wants to know
	times  *bridge.Clock // nil without Trace
	dump   *dumped       // nil if nobody wants a dump
	report []OnProgress  // of the body of the request, which is counted here; nil if the engine does
}

// send sends p once by rt, and returns the response with its body unread. It is
// the only caller of a RoundTripper.
func (e *trip) send(ctx context.Context, rt http.RoundTripper, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	if err := contextError(ctx); err != nil {
		e.Finish()
		return nil, err
	}
	hr, err := e.request(p)
	if err != nil {
		e.Finish()
		return nil, err
	}
	countUpload(hr, e.report)
	e.dump.tapTrip(hr, p)
	e.Watch()
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
		e.Pause() // until the body is read
		err = r.receive(fromHTTP(res), p, opts)
	}
	if err != nil {
		if res != nil && res.Body != nil { // beside an error against the contract, but it happens
			res.Body.Close()
		}
		e.Finish()
		e.dump.failed(err)
		return nil, err
	}
	e.dump.answered(r)
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
	if bridge.IsBare(hr) {
		r.Body = &bridge.BareBody{ReadCloser: r.Body}
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

// maxHeaderFields bounds the fields of a response, where net/http has a bound in
// bytes alone, which 200 000 short fields keep (CVE-2023-38039).
const maxHeaderFields = 1000

// checkFraming refuses a response that must not be taken for one.
func checkFraming(res *transport.Response, p *PreparedRequest) error {
	switch {
	case res.StatusCode < 100: // net/http takes "HTTP/1.1 000"
		return failText(ErrProtocol, "status "+strconv.Itoa(res.StatusCode))
	case res.StatusCode == http.StatusSwitchingProtocols && !asksUpgrade(p.Header):
		return failText(ErrProtocol, "the server switched protocols unasked")
	case res.Proto != "" && (res.Major < 1 || res.Major > 3):
		return failText(ErrProtocol, "version "+res.Proto)
	}
	n := 0
	for _, values := range res.Header {
		if n += len(values); n > maxHeaderFields {
			return failText(ErrProtocol, "more than "+strconv.Itoa(maxHeaderFields)+" header fields")
		}
	}
	return nil
}

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
	times   atomic.Pointer[transport.Times] // of the last request that was answered
	start   time.Time

	over     atomic.Bool
	found    atomic.Bool // a request of the attempt has come
	returned atomic.Bool // the middleware has
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

// lost reports whether a request to the origin of u, which has not the context of an
// attempt, may be that of one. One that came before, for a token say, shows nothing.
func (a *asking) lost(u *url.URL) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.list, func(w *within) bool { return !w.returned.Load() && sameOrigin(w.url, u) })
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
