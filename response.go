package requests

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/values"
)

// A Response is the answer to a request. Unless [Stream] was asked for, its body is
// in memory: Content, Text, JSON and the iterators may be called any number of
// times, and there is nothing to close. A streamed response must be closed. One
// goroutine at a time may use a Response.
//
// [NewResponse] makes one by hand. A literal works as well: its Body is read as if
// it came from a server, and it needs neither a URL nor a Request.
type Response struct {
	StatusCode int
	Reason     string // "Not Found"; as the server wrote it, "" in HTTP/2
	Proto      string // "HTTP/1.1", "HTTP/2.0"

	// Header holds the fields as they were sent, Content-Encoding and
	// Content-Length included, although the body is decoded. Its keys are in
	// canonical form: Header.Get finds a field in any letter case, and
	// Header["content-type"] finds nothing. A response that came through
	// [HTTPAdapter].Wrap or Transport has the fields that net/http leaves: without
	// Transfer-Encoding, say.
	Header http.Header

	// URL is the URL of the last request, after redirects, with its fragment.
	// Request has the same one.
	URL *url.URL

	// Body reads the decoded body, from memory or, with Stream, from the
	// connection. A body that was cut short never ends with io.EOF.
	//
	// Of a response 101 to a request with Connection: Upgrade it is an
	// [io.ReadWriteCloser], Stream or not: the connection, in the protocol that
	// was agreed on. The limits of the call and its context are over then, and
	// the connection is the caller's to close. A method CloseWrite ends the
	// sending alone.
	Body io.ReadCloser

	// Request is what was answered.
	Request *PreparedRequest

	// History holds the redirects and challenges that led here, oldest first.
	// Each has the History before it.
	History []*Response

	// Elapsed is the time from sending the request to the headers of the
	// response. It includes neither redirects nor the body.
	Elapsed time.Duration

	// Encoding is the charset that Text decodes from. At first it is the one of
	// the Content-Type. If it is empty, Text finds out by itself. It may be set.
	Encoding string

	// TLS describes the connection. It is nil if that was not encrypted.
	TLS *tls.ConnectionState

	journey     *journey            // for Next, if this is a redirect that was not followed
	jsonDecoder JSONDecoder         // of the call
	came        *transport.Response // nil if it was made by hand

	clock   *bridge.Stopwatch // nil without Trace
	wire    wireBody
	memory  memoryBody
	content []byte
	loaded  bool
	kept    bool // the body is in memory undecoded, and decoded when it is asked for
}

// OK reports whether the status is below 400: neither an error of the client (400
// to 499) nor of the server (500 and above). Statuses above 599, which HTTP does
// not have, count as errors of the server (RFC 9110, section 15).
func (r *Response) OK() bool { return r.StatusCode < 400 }

// RaiseForStatus makes a call return an [*HTTPError] for a response whose status
// is 400 or above. The error has the response.
type RaiseForStatus bool

func (RaiseForStatus) option() {}

// RaiseForStatus returns an [*HTTPError] if the status is 400 or above, nil if not.
func (r *Response) RaiseForStatus() error {
	if r.OK() {
		return nil
	}
	return &HTTPError{Response: r}
}

// An HTTPError reports a status of 400 or above. The Response can be read.
type HTTPError struct{ Response *Response }

// Error is the text of Requests: "404 Client Error: Not Found for url: http://…".
func (e *HTTPError) Error() string {
	if e.Response == nil { // made by hand
		return "HTTP error"
	}
	side := "Client"
	if e.Response.StatusCode >= 500 {
		side = "Server"
	}
	return strconv.Itoa(e.Response.StatusCode) + " " + side + " Error: " +
		fault.Printable(e.Response.Reason) + " for url: " + redact.URL(e.Response.URL)
}

// JSON decodes the body of the response into v, as [Response.JSON] does: what an API
// says of the error.
func (e *HTTPError) JSON(v any) error {
	if e.Response == nil {
		return failText(ErrInvalidOption, "an HTTPError without a Response")
	}
	return e.Response.JSON(v)
}

// Is reports whether target is [ErrRequest].
func (e *HTTPError) Is(target error) bool { return target == ErrRequest }

// Load reads the rest of a streamed body into memory, and frees its connection.
// After an error there is no content at all, and Err has the error too. If the
// body was read before and nothing is left, that is [ErrStreamConsumed].
func (r *Response) Load() error {
	if r.loaded {
		return r.wire.err
	}
	if r.upgraded() {
		return readError(r.URL, ErrStreamConsumed)
	}
	r.adopt()
	r.loaded = true
	read := false
	defer r.closeUnless(&read) // an OnProgress may panic
	begun := r.wire.started
	if err := r.claimRest(); err != nil {
		r.wire.fail(err)
	} else if r.content = r.wire.readAll(); begun && len(r.content) == 0 && r.wire.err == nil {
		r.wire.fail(ErrStreamConsumed)
		r.content = nil
	}
	read = true
	r.Body = &r.memory
	r.memory = memoryBody{r: r}
	return r.wire.err
}

// Content returns the body. On a streamed response it reads the rest first; if
// that fails, it returns nil, and Err has the error. The slice belongs to the
// response.
func (r *Response) Content() []byte {
	r.Load()
	return r.content
}

// Err returns the error that kept the body from being read in full, or nil. After a
// loop over an iterator, it is the error that came last, which a loop with one
// variable does not see. If the loop was left, it is [ErrClosed].
func (r *Response) Err() error { return r.wire.err }

// Close ends a streamed response. It is not needed for one that is in memory,
// and may be called any number of times. That of a nil Response does nothing, so
// that a defer may stand before the look at the error.
func (r *Response) Close() error {
	if r == nil { // of a call that failed: the defer came before the look at its error
		return nil
	}
	if !r.loaded && !r.kept {
		r.adopt()
		r.wire.Close()
	}
	return nil
}

// closeUnless closes r unless *done is true. It is deferred where functions of
// the caller run while r holds its connection: they may panic or call
// [runtime.Goexit], and nobody else could close r then.
func (r *Response) closeUnless(done *bool) {
	if r != nil && !*done {
		r.wire.Close()
	}
}

// IsRedirect reports whether the response is a redirect: its status is 301, 302,
// 303, 307 or 308, and it has a Location.
func (r *Response) IsRedirect() bool {
	_, has := r.Header["Location"]
	return has && isRedirect(r.StatusCode)
}

// IsPermanentRedirect reports whether the response is a redirect by 301 or 308.
func (r *Response) IsPermanentRedirect() bool {
	return r.IsRedirect() && (r.StatusCode == http.StatusMovedPermanently || r.StatusCode == http.StatusPermanentRedirect)
}

// Cookies returns the cookies that this response sets, without those that it
// expires. The jar of the session has those of them that it may keep. A response
// without a URL has none, as a cookie belongs to a host.
func (r *Response) Cookies() []*Cookie {
	return parseSetCookies(r.URL, r.Header["Set-Cookie"])
}

// Trailer returns the fields that came after the body (RFC 9110, section 6.5).
// They are there once the body has been read to its end.
func (r *Response) Trailer() http.Header {
	if r.came == nil {
		return nil
	}
	return r.came.Trailer
}

// Raw returns the body as it came, without undoing its content codings: for a
// program that stores or forwards the coded bytes with their Content-Encoding. The
// response must be streamed, and nothing of it read yet. Otherwise, if there are
// codings, the error is [ErrStreamConsumed]. From then on everything that reads
// the response gets the coded bytes.
func (r *Response) Raw() (io.Reader, error) {
	r.adopt()
	if r.wire.coded() {
		if r.loaded || r.wire.started {
			return nil, readError(r.URL, ErrStreamConsumed)
		}
		r.wire.dump.Raw(r.wire.header)
		r.wire.header = http.Header{}
	}
	return r.Body, nil
}

// WriteTo writes the body to w, and implements [io.WriterTo]. A streamed
// response goes through in blocks, can be written once, and is closed.
func (r *Response) WriteTo(w io.Writer) (int64, error) {
	if values.IsNil(w) {
		return 0, failText(ErrInvalidOption, "WriteTo(nil)")
	}
	if r.loaded {
		return (&memoryBody{r: r}).WriteTo(w)
	}
	if err := r.claimRest(); err != nil {
		return 0, err
	}
	defer r.Close()
	return r.wire.WriteTo(w)
}

// String is "<Response [200]>", as in Requests.
func (r *Response) String() string { return "<Response [" + strconv.Itoa(r.StatusCode) + "]>" }

// receive makes r the response to p from what the transport returned. The body
// is still on the wire.
func (r *Response) receive(res *transport.Response, p *PreparedRequest, opts *SendOptions) error {
	if err := checkFraming(res, p); err != nil {
		return err
	}
	r.StatusCode, r.Proto, r.Header, r.URL, r.Request, r.TLS = res.StatusCode, res.Proto, res.Header, p.URL, p, res.TLS
	if r.Header == nil {
		r.Header = http.Header{}
	}
	_, r.Reason, _ = strings.Cut(res.Status, " ")
	r.Encoding = headerCharset(r.Header)
	r.came = res
	r.wire = wireBody{src: res.Body, length: res.Length, limit: opts.MaxBody, url: p.URL, header: r.Header}
	if res.StatusCode == http.StatusPartialContent { // a range of coded bytes, which cannot be decoded from the middle
		r.wire.header = http.Header{}
	}
	if p.Method == http.MethodHead || res.Body == nil {
		r.wire.length = 0
	}
	if p.literal != nil && !p.literal.decodes(r.Header) {
		r.wire.header = http.Header{}
	}
	r.Body = &r.wire
	if r.upgraded() {
		r.Body, r.wire.claimed = res.Body, true
	}
	return nil
}

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
	case res.StatusCode == http.StatusSwitchingProtocols && !isTwoWay(res.Body):
		return failText(ErrProtocol, "the protocol is switched without a connection")
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

// asksUpgrade reports whether h asks for another protocol.
func asksUpgrade(h http.Header) bool {
	m := message.Request{Header: h}
	return m.AsksUpgrade()
}

// isTwoWay reports whether body is a connection, as that of a 101 has to be.
func isTwoWay(body io.ReadCloser) bool {
	_, ok := body.(io.ReadWriteCloser)
	return ok
}

// upgraded reports whether the connection has another protocol from here on.
func (r *Response) upgraded() bool { return r.StatusCode == http.StatusSwitchingProtocols }

// NewResponse makes a response by hand, for tests, and for adapters and hooks that
// answer themselves. It copies header, which may be nil, and derives Reason from
// the status. body, which may be nil, is read as if it came from a server: the
// content codings that header names are undone, and its errors are those of the
// response. A body that is an [io.Closer] is closed. The session adds Request and
// URL.
func NewResponse(status int, header http.Header, body io.Reader) *Response {
	r := &Response{StatusCode: status, Reason: http.StatusText(status), Header: make(http.Header, len(header))}
	for name, values := range header {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	if values.IsNil(body) {
		body = http.NoBody
	}
	var ok bool
	if r.Body, ok = body.(io.ReadCloser); !ok {
		r.Body = io.NopCloser(body)
	}
	r.adopt()
	return r
}

// adopt treats the Body of a response made by hand like one from the wire. It
// does so once.
func (r *Response) adopt() {
	if r.wire.header != nil || r.loaded {
		return
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.wire = wireBody{src: r.Body, length: -1, header: r.Header, url: r.URL, byHand: true}
	if r.Encoding == "" {
		r.Encoding = headerCharset(r.Header)
	}
	r.Body = &r.wire
}

// complete makes r the response to p, and fills in what an adapter or a hook that
// made it by hand left out.
func (r *Response) complete(p *PreparedRequest, limit int64) {
	r.Request = p
	if r.URL == nil {
		r.URL = p.URL
	}
	r.adopt()
	if r.wire.byHand {
		r.wire.limit, r.wire.url = limit, r.URL
	}
}

// memoryBody is the Body of a response in memory.
type memoryBody struct {
	r  *Response
	at int
}

func (m *memoryBody) Read(b []byte) (int, error) {
	if err := m.r.wire.err; err != nil {
		return 0, err
	}
	if m.at >= len(m.r.content) {
		return 0, io.EOF
	}
	n := copy(b, m.r.content[m.at:])
	m.at += n
	return n, nil
}

func (m *memoryBody) WriteTo(w io.Writer) (int64, error) {
	if err := m.r.wire.err; err != nil {
		return 0, err
	}
	n, err := file.Write(w, m.r.content[m.at:])
	m.at += n
	return int64(n), err
}

func (m *memoryBody) Close() error { return nil }

// As turns the result of a call into a value: it passes an error on, returns an
// [*HTTPError] for a status of 400 or above, and decodes the JSON of the body. It
// closes the response in any case. An empty body is an error, as [Response.JSON]
// says.
//
//	user, err := requests.As[User](requests.Get(ctx, url))
func As[T any](r *Response, err error) (T, error) {
	var v, zero T
	if err == nil && r == nil {
		err = failText(ErrInvalidOption, "As(nil, nil)")
	}
	if err != nil {
		return zero, withHTTPError(err)
	}
	defer r.Close()
	if err := r.RaiseForStatus(); err != nil {
		r.Load() // readable from the error
		return zero, err
	}
	if err := r.JSON(&v); err != nil {
		return zero, err
	}
	return v, nil
}

// Trace makes a call take the times for [Response.Timings], which costs some
// microseconds.
type Trace bool

func (Trace) option() {}

// Timings say where the time of a request went: the last one of the call, after
// redirects, challenges and retries. What did not happen is zero: on a connection
// that was reused, for example, DNS, Connect and TLS.
type Timings struct {
	DNS     time.Duration // resolving the name
	Connect time.Duration // TCP
	TLS     time.Duration // handshakes, those with proxies included
	// FirstByte is the time from the start to the first byte of the response. It
	// includes all of the above.
	FirstByte time.Duration
	// Total is the time from the start to the end of the body. It is zero until
	// the body has been read or closed.
	Total time.Duration
	// Reused reports whether the connection had served another request before.
	Reused bool
}

// Timings returns where the time of the request went. It is all zero unless [Trace]
// was asked for.
func (r *Response) Timings() Timings {
	if r.clock == nil {
		return Timings{}
	}
	return Timings(r.clock.Times())
}

// timed gives r the clock of its attempt.
func (r *Response) timed(c *bridge.Stopwatch) {
	if c == nil {
		return
	}
	r.clock = c
	c.Answered(r.Elapsed)
	if r.wire.src == nil {
		c.End()
		return
	}
	r.wire.src = &bridge.TimedBody{ReadCloser: r.wire.src, Stopwatch: c}
}

// clockOf is a clock with the times that the engine has measured.
func clockOf(start time.Time, t *transport.Times) *bridge.Stopwatch {
	return bridge.NewStopwatch(start, bridge.Times{DNS: t.DNS, Connect: t.Connect, TLS: t.TLS, FirstByte: t.FirstByte, Reused: t.Reused})
}
