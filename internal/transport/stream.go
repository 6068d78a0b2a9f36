package transport

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A stream is one exchange on a shared connection. It is also the context of
// the request, so that net/http finds the hooks in it.
type stream struct {
	context.Context // the caller's
	shared          *shared
	call            *Call
	url             url.URL // for net/http
	res             *Response
	trace           httptrace.ClientTrace
	feed            *feed          // nil without a body
	interim         *interimQueue  // nil if nobody wants interim responses
	hr              *http.Response // of net/http
	stop            func() bool    // keeps the end of the context from ending the upload; nil without an upload
	err             error          // what later reads return; nil until the body has ended

	handed  bool         // net/http has the request
	wrote   atomic.Bool  // the head of the request is written
	first   atomic.Int64 // how long the first byte of the response took
	start   time.Time    // of the call
	expired atomic.Bool  // its limit has run out

	// The limit, which is kept by the clock of the connection.
	limit    atomic.Int64  // a time.Duration, zero for none
	cancel   chan struct{} // to end the exchange in net/http; nil if nobody will
	once     sync.Once     // that it is closed
	deadline atomic.Int64  // by stream.now; zero while the clock stands still
	at       node[stream]

	mu      sync.Mutex
	sending bool // the request is not completely sent
	waiting bool // the caller waits for the server
	answer  bool // the body of the response is there
}

// clientTraceKey is the key under which net/http looks for hooks.
var clientTraceKey = func() any {
	var k keyHolder
	httptrace.ContextClientTrace(&k)
	return k.key
}()

// A keyHolder keeps the key that it is asked for.
type keyHolder struct {
	context.Context
	key any
}

func (k *keyHolder) Value(key any) any {
	k.key = key
	return nil
}

// Value implements [context.Context].
func (x *stream) Value(key any) any {
	if key == clientTraceKey {
		return &x.trace
	}
	return x.Context.Value(key)
}

// exchange sends the request of a on the reserved stream, and always gives the
// stream back. If the server has not acted on the request by the rules of RFC
// 9113, sections 6.8 and 8.7, the failure is elsewhere and not sent.
func (s *shared) exchange(a *attempt) (*Response, *failure) {
	x := &stream{Context: a.ctx, shared: s, call: a.call, res: a.call.response(), start: a.start}
	done := false
	defer func() {
		if !done { // a function of the caller has panicked
			if !x.handed {
				s.cc.Release()
			}
			x.interrupt()
			x.drop()
		}
	}()
	x.begin(a)
	r := x.request(a)
	if a.call.Tap != nil {
		a.call.Tap.Sent(headOf(r, a.call))
	}
	x.handed = true
	hr, err := x.roundTrip(r)
	if err != nil {
		f := x.fail(a, err)
		done = true
		return nil, f
	}
	x.fillResponse(hr)
	done = true
	return x.res, nil
}

// begin prepares the exchange.
func (x *stream) begin(a *attempt) {
	s, call := x.shared, a.call
	a.reused = s.total.Add(1) > 1
	if call.Times != nil {
		*call.Times = Times{Reused: true}
		if !a.reused {
			*call.Times = s.times
		}
	}
	if a.trace != nil {
		x.trace = *a.trace
		if a.trace.GotConn != nil {
			a.trace.GotConn(httptrace.GotConnInfo{Conn: s.link, Reused: a.reused})
		}
	}
	wrote := x.trace.WroteHeaders
	x.trace.WroteHeaders = func() {
		x.wrote.Store(true)
		if wrote != nil {
			wrote()
		}
	}
	if call.Times != nil {
		first := x.trace.GotFirstResponseByte
		x.trace.GotFirstResponseByte = func() {
			x.first.Store(int64(time.Since(x.start)))
			if first != nil {
				first()
			}
		}
	}
	if call.Interim != nil {
		x.interim = newInterimQueue(x.trace.Got1xxResponse)
		x.trace.Got1xxResponse = x.interim.add
	}
	if call.Body.present() {
		x.feed = newFeed(x, a)
		x.sending = true
	}
	if call.Read > 0 || x.interim != nil {
		x.cancel = make(chan struct{})
	}
	x.waiting = true
	if call.Read > 0 {
		x.limit.Store(int64(call.Read))
		s.register(x)
	}
}

// request makes the request for net/http.
func (x *stream) request(a *attempt) *http.Request {
	call := x.call
	x.url = url.URL{Scheme: call.URL.Scheme, Host: call.URL.Host, Opaque: call.Target}
	if strings.HasPrefix(call.Target, "//") { // which does not begin an authority here
		x.url.Opaque = "//" + call.Host + call.Target
	}
	hr := (&http.Request{
		Method: call.Method, URL: &x.url, Host: call.Host, Header: fieldsOf(call),
		Proto: "HTTP/2.0", ProtoMajor: 2, Close: call.ExpectsClose(),
		//lint:ignore SA1019 A context would have to follow the caller's, which costs more.
		Cancel: x.cancel,
	}).WithContext(x)
	if hr.Close {
		x.shared.leave() // closed when its calls have ended
	}
	if x.feed != nil {
		hr.Body, hr.ContentLength = x.feed, call.Length
	}
	if len(call.Trailer) > 0 {
		hr.Trailer = call.Trailer
	}
	return hr
}

// fieldsOf returns the fields of a request for net/http, which would otherwise
// add its own User-Agent. HTTP/2 has no fields about the connection (RFC 9113,
// section 8.2.2).
func fieldsOf(call *Call) http.Header {
	h := call.Header
	_, agent := h["User-Agent"]
	connection := false
	for name := range h {
		connection = connection || isOfConnection(name)
	}
	if agent && !connection {
		return h
	}
	h = make(http.Header, len(h)+1)
	for name, values := range call.Header {
		if !isOfConnection(name) {
			h[name] = values
		}
	}
	if !agent {
		h["User-Agent"] = []string{""}
	}
	return h
}

// headOf writes the fields that net/http sends for hr as lines, in lower case
// as in HTTP/2 (RFC 9113, sections 8.2.1 and 8.3.1).
func headOf(hr *http.Request, call *Call) []byte {
	b := []byte(call.Method + " " + call.Target + " HTTP/2.0\r\n:authority: " + call.Host + "\r\n:scheme: " + hr.URL.Scheme + "\r\n")
	if call.Length > 0 {
		b = append(b, "content-length: "+strconv.FormatInt(call.Length, 10)+"\r\n"...)
	}
	for _, name := range slices.Sorted(maps.Keys(hr.Header)) {
		for _, v := range hr.Header[name] {
			if name == "Host" || name == "Content-Length" || name == "User-Agent" && v == "" {
				continue
			}
			b = append(b, strings.ToLower(name)+": "+v+"\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

func isOfConnection(name string) bool {
	switch len(name) { // few names have one of these lengths
	case len("Upgrade"):
		return strings.EqualFold(name, "Upgrade")
	case len("Connection"):
		return strings.EqualFold(name, "Connection") || strings.EqualFold(name, "Keep-Alive")
	case len("Proxy-Connection"):
		return strings.EqualFold(name, "Proxy-Connection")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// roundTrip sends the request. The caller's goroutine reports interim
// responses, because that of net/http reads for everybody who shares the
// connection.
func (x *stream) roundTrip(hr *http.Request) (*http.Response, error) {
	if x.interim == nil {
		return x.shared.cc.RoundTrip(hr)
	}
	type result struct {
		hr  *http.Response
		err error
	}
	done := make(chan result, 1)
	go func() {
		res, err := x.shared.cc.RoundTrip(hr)
		done <- result{res, err}
	}()
	defer x.interim.end()
	for {
		select {
		case <-x.interim.ready:
			if err := x.interim.report(x.call.Interim); err != nil {
				x.interrupt()
				if r := <-done; r.err == nil {
					r.hr.Body.Close()
				}
				return nil, err
			}
		case r := <-done:
			err := x.interim.report(x.call.Interim)
			if err != nil {
				if r.err == nil {
					r.hr.Body.Close()
				}
				return nil, err
			}
			return r.hr, r.err
		}
	}
}

// fillResponse fills in the Response from the head.
func (x *stream) fillResponse(hr *http.Response) {
	x.hr = hr
	res := x.res
	res.StatusCode, res.Status = hr.StatusCode, hr.Status
	res.Proto, res.Major = "HTTP/2.0", 2
	res.Header, res.Length = hr.Header, hr.ContentLength
	switch {
	case x.call.Method == http.MethodHead:
		res.Length = 0
	case hr.StatusCode == http.StatusNotModified, hr.StatusCode == http.StatusNoContent:
		// It may have the length of a body that is not sent (RFC 9110, section
		// 8.6). net/http would wait for that body.
		res.Length = 0
		hr.Body.Close()
		hr.Body = http.NoBody
	}
	if len(hr.Trailer) > 0 { // net/http has moved the announcement here
		names := make([]string, 0, len(hr.Trailer))
		for name := range hr.Trailer {
			names = append(names, name)
		}
		slices.Sort(names)
		res.Header["Trailer"] = []string{strings.Join(names, ", ")}
	}
	if x.shared.host.to.secure {
		res.TLS = x.shared.link.tls
	}
	res.Body, res.stream = x, x
	if x.call.Times != nil {
		x.call.Times.FirstByte = time.Duration(x.first.Load())
	}
	if x.feed != nil {
		if hr.StatusCode >= 300 {
			x.feed.end() // net/http does not wait for its source
			x.noteSent()
		} else if !x.feed.isOver() && x.Context.Done() != nil {
			// An upload that waits for the server does not notice the end of
			// its context.
			x.stop = context.AfterFunc(x.Context, func() { x.hr.Body.Close() })
		}
	}
	x.mu.Lock()
	x.answer = true
	x.mu.Unlock()
	x.setWaiting(false)
}

// Read implements io.Reader for the body of the response.
func (x *stream) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	x.setWaiting(true)
	n, err := x.hr.Body.Read(p)
	x.setWaiting(false)
	if err != nil {
		err = x.end(err)
	}
	return n, err
}

// Close implements io.Closer.
func (x *stream) Close() error {
	if x.err == nil {
		x.end(errClosed)
	}
	return nil
}

// end ends the exchange when the body has ended with why, and returns the error
// for later reads.
func (x *stream) end(why error) error {
	complete := why == io.EOF
	if x.feed != nil {
		complete = x.feed.end() && complete
	}
	if why != io.EOF && why != errClosed {
		why = x.bodyError(why)
	}
	if why == io.EOF && len(x.hr.Trailer) > 0 {
		x.res.Trailer = x.hr.Trailer
	}
	x.err = why
	if x.stop != nil {
		x.stop()
	}
	if !complete {
		x.hr.Body.Close()
	}
	x.finish()
	return why
}

// finish gives the stream back.
func (x *stream) finish() {
	if x.limit.Load() > 0 {
		x.shared.forget(x)
	}
	x.shared.done()
}

// drop ends an exchange without a response.
func (x *stream) drop() {
	if x.feed != nil {
		x.feed.end()
	}
	x.err = errNotKept
	x.finish()
}

// interrupt ends the exchange in net/http.
func (x *stream) interrupt() {
	if x.cancel == nil {
		return
	}
	x.once.Do(func() { close(x.cancel) })
	x.mu.Lock()
	upload := x.answer && x.sending
	x.mu.Unlock()
	if upload { // it may not notice
		go x.hr.Body.Close()
	}
}

// refuse records that the server has refused a stream, which has ended. The
// next stream waits until another one has ended.
func (s *shared) refuse() {
	s.mu.Lock()
	s.refused = s.calls > 0
	none := !s.refused
	s.mu.Unlock()
	if none {
		s.leave()
	}
}
