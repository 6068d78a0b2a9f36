package transport

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A stream is one exchange on a shared connection. It is the context of the
// request too, so that net/http finds the hooks in it.
type stream struct {
	context.Context // the caller's
	shared          *shared
	call            *Call
	url             url.URL // for net/http
	res             *Response
	trace           httptrace.ClientTrace
	feed            *feed          // nil without a body
	news            *news          // nil if nobody wants to know of what comes before the response
	hr              *http.Response // of net/http
	stop            func() bool    // the end of the context from ending the upload; nil if none goes on
	err             error          // what further reads return; nil while the body is on its way

	handed  bool         // net/http has the request
	wrote   atomic.Bool  // the head of the request is written
	first   atomic.Int64 // how long the first byte of the response took
	start   time.Time    // of the call
	expired atomic.Bool  // the limit has run out

	// The limit, which is kept by the clock of the connection.
	limit    atomic.Int64  // a time.Duration, zero for none
	cancel   chan struct{} // to end the exchange in net/http; nil if nobody will
	once     sync.Once     // that it is closed
	deadline atomic.Int64  // by the clock of the stream's start; zero while it stands still
	at       node[stream]

	mu      sync.Mutex
	sending bool // the request is not all sent
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

// exchange sends the request of a on the stream that was reserved, and gives
// that back in all cases. What was not acted on, by the rules of RFC 9113,
// sections 6.8 and 8.7, is a failure that is elsewhere and not sent.
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
		f := x.failed(a, err)
		done = true
		return nil, f
	}
	x.answered(hr)
	done = true
	return x.res, nil
}

// begin prepares the exchange.
func (x *stream) begin(a *attempt) {
	s, call := x.shared, a.call
	reused := s.total.Add(1) > 1
	if call.Times != nil {
		*call.Times = Times{Reused: true}
		if !reused {
			*call.Times = s.times
		}
	}
	if a.trace != nil {
		x.trace = *a.trace
		if a.trace.GotConn != nil {
			a.trace.GotConn(httptrace.GotConnInfo{Conn: s.link, Reused: reused})
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
		x.news = newNews(x.trace.Got1xxResponse)
		x.trace.Got1xxResponse = x.news.got
	}
	if call.Body.present() {
		x.feed = newFeed(x, a)
		x.sending = true
	}
	if call.Read > 0 || x.news != nil {
		x.cancel = make(chan struct{})
	}
	x.waiting = true
	if call.Read > 0 {
		x.limit.Store(int64(call.Read))
		s.register(x)
	}
}

// request makes what net/http is to send.
func (x *stream) request(a *attempt) *http.Request {
	call := x.call
	x.url = url.URL{Scheme: call.URL.Scheme, Host: call.URL.Host, Opaque: call.Target}
	if strings.HasPrefix(call.Target, "//") { // which is not the beginning of an authority here
		x.url.Opaque = "//" + call.Host + call.Target
	}
	hr := (&http.Request{
		Method: call.Method, URL: &x.url, Host: call.Host, Header: fieldsOf(call),
		Proto: "HTTP/2.0", ProtoMajor: 2, Close: call.ExpectsClose(),
		//lint:ignore SA1019 A context would have to follow the caller's, which costs more.
		Cancel: x.cancel,
	}).WithContext(x)
	if hr.Close {
		x.shared.leave() // it is closed after the calls on it
	}
	if x.feed != nil {
		hr.Body, hr.ContentLength = x.feed, call.Length
	}
	if len(call.Trailer) > 0 {
		hr.Trailer = call.Trailer
	}
	return hr
}

// fieldsOf are the fields of a request for net/http, which would send a
// User-Agent of its own. Those of the connection mean nothing in HTTP/2 (RFC
// 9113, section 8.2.2).
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

// headOf writes the fields that net/http sends of hr as lines, in the letters of
// HTTP/2 (RFC 9113, sections 8.2.1 and 8.3.1).
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
	switch len(name) { // since none is the length of many
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

// roundTrip sends the request. Where somebody wants to know of what comes before
// the response, it is the goroutine of the caller that tells, since the one of
// net/http reads for all who share the connection.
func (x *stream) roundTrip(hr *http.Request) (*http.Response, error) {
	if x.news == nil {
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
	defer x.news.end()
	for {
		select {
		case <-x.news.ready:
			if err := x.news.tell(x.call.Interim); err != nil {
				x.interrupt()
				if r := <-done; r.err == nil {
					r.hr.Body.Close()
				}
				return nil, err
			}
		case r := <-done:
			err := x.news.tell(x.call.Interim)
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

// answered takes the head of the response.
func (x *stream) answered(hr *http.Response) {
	x.hr = hr
	res := x.res
	res.StatusCode, res.Status = hr.StatusCode, hr.Status
	res.Proto, res.Major = "HTTP/2.0", 2
	res.Header, res.Length = hr.Header, hr.ContentLength
	if x.call.Method == http.MethodHead {
		res.Length = 0
	}
	if len(hr.Trailer) > 0 { // net/http has taken the announcement out
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
			x.sent()
		} else if !x.feed.isOver() && x.Context.Done() != nil {
			// An upload that waits for the server to take more does not see the end
			// of its context.
			x.stop = context.AfterFunc(x.Context, func() { x.hr.Body.Close() })
		}
	}
	x.mu.Lock()
	x.answer = true
	x.mu.Unlock()
	x.rest()
}

// Read implements io.Reader for the body of the response.
func (x *stream) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	x.await()
	n, err := x.hr.Body.Read(p)
	x.rest()
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

// end ends the exchange when the body has ended with why, and returns what
// further reads will.
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

// drop ends an exchange that has brought nothing.
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
	if upload { // which may not see that
		go x.hr.Body.Close()
	}
}

// failed says why there is no response.
func (x *stream) failed(a *attempt, err error) *failure {
	s := x.shared
	f := &failure{sent: true}
	reset, isReset := errors.AsType[streamReset](err)
	goAway := s.frames.goAway.Load()
	switch {
	case isA[*hookError](err) || x.expired.Load() || x.Context.Err() != nil:
	case goAway && s.frames.code.Load() == http11Required, isReset && reset.Code == http11Required:
		f.only1 = true
	case isReset && reset.Code == refusedStream:
		f.sent, f.elsewhere, f.refused = false, true, true
	case isReset:
		if reset.Code == protocolError {
			s.leave() // as net/http does
		}
	case err == errGoAway() || !x.wrote.Load():
		f.sent, f.elsewhere = false, s.ended()
	case goAway && s.frames.last.Load() == 0:
		// A server that gives up a new connection with an error would do the same
		// on another one.
		f.sent = false
	default:
		f.lost = s.cc.Err() != nil && (x.news == nil || !x.news.any())
	}
	if s.ended() {
		s.leave() // before another connection is looked for
	}
	if f.elsewhere && x.feed != nil {
		a.body = x.feed.giveBack()
		x.feed.end()
		if a.body == nil && !a.call.Body.repeatable() {
			f.elsewhere = false
		}
	}
	if x.feed != nil {
		x.feed.end()
	}
	f.err = x.headError(err)
	f.lost = f.lost && errors.Is(f.err, fault.ConnectionLost) && (x.feed == nil || x.feed.failure() == nil)
	x.drop()
	if f.refused {
		s.refuse()
	}
	return f
}

// headError gives a failure before the response its kind.
func (x *stream) headError(err error) error {
	if hook, ok := err.(*hookError); ok {
		return hook.err
	}
	if known, ok := x.known(err); ok {
		return known
	}
	if isTLS(err) {
		return fault.New(fault.TLS, err)
	}
	return x.classify(err, fault.ConnectionLost)
}

// bodyError gives a failure to read the body its kind.
func (x *stream) bodyError(err error) error {
	if known, ok := x.known(err); ok {
		return known
	}
	return x.classify(err, fault.IncompleteBody)
}

// known returns the reason for an end that is none of the server's.
func (x *stream) known(err error) (error, bool) {
	if x.feed != nil {
		if own := x.feed.failure(); own != nil {
			return own, true
		}
	}
	if ended := fault.Ended(x.Context); ended != nil {
		return ended, true
	}
	if x.expired.Load() {
		return &fault.Limit{Kind: fault.ReadTimeout, After: time.Duration(x.limit.Load())}, true
	}
	return fault.Of(err)
}

// classify gives an end its kind: lost, if it was the end of the stream or the
// connection. The words of net/http for what is malformed quote it, be it a
// cookie, and are not kept.
func (x *stream) classify(err error, lost error) error {
	if reset, ok := errors.AsType[streamReset](err); ok {
		if reset.Code != protocolError {
			return fault.Reword(lost, err, "HTTP/2 stream error "+strconv.FormatUint(uint64(reset.Code), 10))
		}
		return fault.Text(fault.Protocol, "HTTP/2 stream error "+strconv.FormatUint(uint64(reset.Code), 10))
	}
	if isLost(err) {
		return fault.New(lost, err)
	}
	if cause := x.shared.lost(); cause != nil {
		return fault.New(lost, cause)
	}
	return fault.Text(fault.Protocol, "it is not one of HTTP")
}

const refusedStream = 0x7 // an error code (RFC 9113, section 7)

// A streamReset is the end of a stream before its time (RFC 9113, section 6.4).
// errors.As fills it from net/http's own unexported type, which it therefore
// looks like field by field.
type streamReset struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamReset) Error() string { return "HTTP/2 stream reset" }

// refuse notes that the server has refused a stream, which has ended. It is asked
// for none until another one has.
func (s *shared) refuse() {
	s.mu.Lock()
	s.refused = s.calls > 0
	none := !s.refused
	s.mu.Unlock()
	if none {
		s.leave()
	}
}

// hurry lowers the limit.
func (x *stream) hurry(limit time.Duration) {
	switch now := time.Duration(x.limit.Load()); {
	case x.err != nil:
	case now <= 0: // no clock watches it
		time.AfterFunc(limit, func() { x.hr.Body.Close() })
	case now > limit:
		x.limit.Store(int64(limit))
		x.shared.hasten(limit)
	}
}

// maxInterim bounds what comes before a response.
const maxInterim = 1 << 20

// fieldOverhead is what a field counts beside its text (RFC 9113, section 6.5.2).
const fieldOverhead = 32

// A news keeps the informational responses of one exchange until the goroutine
// of the caller tells of them.
type news struct {
	before func(int, textproto.MIMEHeader) error // of the caller's trace
	ready  chan struct{}

	mu    sync.Mutex
	queue []interim
	size  int
	over  bool
}

// An interim is an informational response.
type interim struct {
	status int
	header textproto.MIMEHeader
}

func newNews(before func(int, textproto.MIMEHeader) error) *news {
	return &news{before: before, ready: make(chan struct{}, 1)}
}

// got is called by the goroutine that reads the connection.
func (n *news) got(status int, header textproto.MIMEHeader) error {
	if n.before != nil {
		if err := n.before(status, header); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return nil
	}
	n.size += fieldOverhead
	for name, values := range header {
		for _, v := range values {
			n.size += fieldOverhead + len(name) + len(v)
		}
	}
	if n.size > maxInterim {
		n.queue = append(n.queue, interim{})
	} else {
		n.queue = append(n.queue, interim{status, header})
	}
	select {
	case n.ready <- struct{}{}:
	default:
	}
	if n.size > maxInterim {
		n.over = true
	}
	return nil
}

// tell calls f with what has come.
func (n *news) tell(f func(int, http.Header) error) error {
	n.mu.Lock()
	queue := n.queue
	n.queue = nil
	n.mu.Unlock()
	for _, i := range queue {
		if i.status == 0 {
			return fault.Text(fault.Protocol, "the informational responses do not end")
		}
		if err := f(i.status, http.Header(i.header)); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

// any reports whether anything has come.
func (n *news) any() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.size > 0
}

// end has nothing more kept.
func (n *news) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
}
