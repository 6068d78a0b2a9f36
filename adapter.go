package requests

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
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
	Stream  bool    // leave the body to be read by the caller
	Timeout Timeout // Total is kept by the session and only told here
	TLS     TLS     // of this call
	MaxBody int64   // 0: none
}

// HTTPAdapter sends over the network: HTTP/1.1 and HTTP/2, with a pool of
// connections that are used again. The zero value is ready to use. It is safe
// for many goroutines once used, and its fields must not change from then on.
type HTTPAdapter struct {
	// DialContext makes the connections in place of a [net.Dialer], for
	// addresses of one's own or tests. The Connect limit is in its context.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// DisableHTTP2 speaks HTTP/1.1 only.
	DisableHTTP2 bool

	mu         sync.Mutex
	transports map[poolKey]*http.Transport
	closed     bool
}

// poolKey names a set of connections that may serve each other's requests.
type poolKey struct {
	tls TLS
}

// Send implements [Adapter].
func (a *HTTPAdapter) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	t, err := a.transport(poolKey{tls: opts.TLS})
	if err != nil {
		return nil, err
	}
	return attempt(ctx, t, p, &opts, p.URL.Scheme == "https" && !a.DisableHTTP2)
}

// attempt sends p once and returns the response as opts want it, with its body
// read or not. It is the only caller of a RoundTripper.
func attempt(ctx context.Context, rt http.RoundTripper, p *PreparedRequest, opts *SendOptions, mayShare bool) (*Response, error) {
	e := newExchange(ctx, opts.Timeout, mayShare)
	hr, err := e.request(p)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if _, own := rt.(*http.Transport); !own {
		e.watch() // nobody will tell which connection it got
	}
	res, err := rt.RoundTrip(hr)
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
	r, err := newResponse(res, p, opts)
	if err != nil {
		res.Body.Close()
		e.finish()
		return nil, err
	}
	r.Elapsed = time.Since(start)
	r.wire.e, r.wire.ctx = e, ctx
	if opts.Stream || r.IsRedirect() {
		return r, nil
	}
	return r, r.Load()
}

// request makes what net/http is to send for p. The map of the header is
// shared: neither Transport nor a RoundTripper that keeps its contract writes to it.
func (e *exchange) request(p *PreparedRequest) (*http.Request, error) {
	hr := http.Request{
		Method: p.Method, URL: p.URL, Host: hostField(p), Header: p.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if _, named := p.Header["User-Agent"]; !named { // net/http would send its own
		hr.Header = p.Header.Clone()
		hr.Header["User-Agent"] = []string{""}
	}
	e.sent.Store(true)
	if err := e.body(&hr, p); err != nil {
		return nil, err
	}
	return hr.WithContext(e.traced()), nil
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
	if s := p.body.stream; s != nil {
		hr.Body = newUpload(e, body, s.waits)
	}
	if p.body.replayable() {
		hr.GetBody = func() (io.ReadCloser, error) {
			body, err := p.body.open()
			if s := p.body.stream; s != nil && err == nil {
				body = newUpload(e, body, s.waits)
			}
			return body, err
		}
	}
	return nil
}

// hostField is the value of the Host field: the one given by hand, or the host
// of the URL without the port that goes without saying and without the dot of a
// complete name (RFC 9110, section 7.2).
func hostField(p *PreparedRequest) string {
	if h := p.Header["Host"]; len(h) > 0 {
		return h[0]
	}
	host := p.URL.Host
	switch p.URL.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	if i := strings.LastIndexByte(host, '.'); i >= 0 && (i == len(host)-1 || host[i+1] == ':') {
		host = host[:i] + host[i+1:]
	}
	return host
}

// transport returns the transport for key, and makes it if need be.
func (a *HTTPAdapter) transport(key poolKey) (*http.Transport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrClosed
	}
	if t := a.transports[key]; t != nil {
		return t, nil
	}
	t, err := a.newTransport(key)
	if err != nil {
		return nil, err
	}
	if a.transports == nil {
		a.transports = make(map[poolKey]*http.Transport)
	}
	a.transports[key] = t
	return t, nil
}

// Close closes the idle connections, and those in use once they are free.
// Later calls return [ErrClosed].
func (a *HTTPAdapter) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, t := range a.transports {
		t.CloseIdleConnections()
	}
	a.transports = nil
	return nil
}

// RoundTripper makes an adapter of rt: one that traces, records or mocks, or
// speaks a protocol of its own. The Read limit then runs from the sending of
// the request to its headers, connecting included, since what rt does is not
// seen. TLS and Proxy of a call are rt's affair, and asking for them is
// [ErrInvalidOption].
func RoundTripper(rt http.RoundTripper) Adapter { return &roundTripper{rt} }

type roundTripper struct{ rt http.RoundTripper }

func (a *roundTripper) Send(ctx context.Context, p *PreparedRequest, opts SendOptions) (*Response, error) {
	if isNil(a.rt) {
		return nil, failText(ErrInvalidOption, "RoundTripper(nil)")
	}
	if opts.TLS != (TLS{}) {
		return nil, failText(ErrInvalidOption, "TLS cannot be set for a RoundTripper")
	}
	return attempt(ctx, a.rt, p, &opts, true)
}

// Close closes the idle connections of a RoundTripper that has some.
func (a *roundTripper) Close() error {
	if c, ok := a.rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// Handler makes an adapter that lets h answer, without a network: for tests,
// and for services within one program.
func Handler(h http.Handler) Adapter { return &roundTripper{handlerTripper{h}} }

type handlerTripper struct{ h http.Handler }

func (t handlerTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	in := hr.Clone(hr.Context())
	in.RequestURI = hr.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, pipe := io.Pipe()
	w := &handlerWriter{header: http.Header{}, pipe: pipe, answered: make(chan *http.Response, 1), request: hr, body: body}
	go w.serve(t.h, in)
	select {
	case res := <-w.answered:
		return res, nil
	case <-hr.Context().Done():
		body.Close()
		return nil, hr.Context().Err()
	}
}

// handlerWriter is the [http.ResponseWriter] of a handler that answers
// without a network. The response is there with the first byte of its body.
type handlerWriter struct {
	header   http.Header
	pipe     *io.PipeWriter
	answered chan *http.Response
	request  *http.Request
	body     io.ReadCloser
	wrote    bool
}

func (w *handlerWriter) serve(h http.Handler, in *http.Request) {
	defer in.Body.Close()
	defer func() {
		if recover() != nil { // as net/http's server does: the connection breaks
			w.WriteHeader(http.StatusInternalServerError)
			w.pipe.CloseWithError(io.ErrUnexpectedEOF)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.pipe.Close()
	}()
	h.ServeHTTP(w, in)
}

func (w *handlerWriter) Header() http.Header { return w.header }

func (w *handlerWriter) WriteHeader(status int) {
	if w.wrote || status < 200 {
		return
	}
	w.wrote = true
	length, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	w.answered <- &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), Body: w.body, ContentLength: length, Request: w.request,
	}
}

func (w *handlerWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.request.Method == http.MethodHead {
		return len(b), nil
	}
	return w.pipe.Write(b)
}

// Flush implements [http.Flusher]: every write is there at once.
func (w *handlerWriter) Flush() { w.WriteHeader(http.StatusOK) }
