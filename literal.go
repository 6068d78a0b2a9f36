package requests

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/message"
)

// A literal is what a PreparedRequest has of an [http.Request] that it was made
// of, beside its fields. Such a request goes out as it was handed over: nothing
// of it is put into a form of the library's own.
type literal struct {
	host    string // for the Host field; empty for that of the URL
	trailer http.Header
	close   bool
	sparing bool // see message.Request
	decode  bool // the library itself has asked for content codings
}

// roundTrip has send do the work of a RoundTripper.
func roundTrip(hr *http.Request, send func(context.Context, *PreparedRequest, *http.Request) (*Response, error)) (*http.Response, error) {
	if hr == nil {
		return nil, failText(ErrInvalidOption, "the request is nil")
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
	r, err := send(ctx, p, hr)
	if err != nil {
		cancel()
		return nil, tripError(err)
	}
	return r.toHTTP(hr, cancel), nil
}

// A handedBody is the body of a request of net/http.
type handedBody struct {
	hr     *http.Request
	probed *probedBody // nil if it was not probed
	used   atomic.Bool // somebody reads it, who will close it
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

// lacksBody reports whether requests of the method have no body as a rule, so
// that net/http looks whether one of unknown length is there at all before it
// announces it.
func lacksBody(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

// probeTime is how long a body may take to show that it is there. Later than that
// it is taken to be, as in net/http.
const probeTime = 200 * time.Millisecond

// A probedBody is a body whose first byte was read, or is still being read.
type probedBody struct {
	io.ReadCloser
	done chan struct{} // closed when the first Read has returned

	b     [1]byte
	n     int
	err   error
	taken bool
}

// probeBody returns body, and nil if it is empty.
func probeBody(body io.ReadCloser) *probedBody {
	p := &probedBody{ReadCloser: body, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.n, p.err = body.Read(p.b[:])
	}()
	timer := time.NewTimer(probeTime)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.n == 0 && p.err == io.EOF {
			return nil
		}
	case <-timer.C:
	}
	return p
}

func (p *probedBody) Read(b []byte) (int, error) {
	if p.taken {
		return p.ReadCloser.Read(b)
	}
	if len(b) == 0 {
		return 0, nil
	}
	<-p.done
	if p.taken = p.err == nil; p.n > 0 {
		b[0] = p.b[0]
	}
	n := p.n
	p.n = 0
	return n, p.err
}

// Close leaves the body to a Read that is under way.
func (p *probedBody) Close() error {
	select {
	case <-p.done:
		return p.ReadCloser.Close()
	default:
		go func() {
			<-p.done
			p.ReadCloser.Close()
		}()
		return nil
	}
}

// prepare makes a literal request of hr, which is not changed.
func (b *handedBody) prepare() (*PreparedRequest, error) {
	hr := b.hr
	switch {
	case hr.URL == nil:
		return nil, failText(ErrInvalidURL, "the URL is nil")
	case hr.Header == nil:
		return nil, failText(ErrInvalidHeader, "the Header is nil")
	case hr.URL.Host == "":
		return nil, failText(ErrInvalidURL, "no host in the URL")
	case hr.ContentLength != 0 && hr.Body == nil:
		return nil, failText(ErrInvalidOption, "a ContentLength of "+strconv.FormatInt(hr.ContentLength, 10)+" and no Body")
	}
	u := *hr.URL
	u.User = nil
	host, err := httpguts.PunycodeHostPort(u.Host)
	if err != nil {
		return nil, fail(ErrInvalidURL, err)
	}
	u.Host = host
	p := &PreparedRequest{Method: cmp.Or(hr.Method, http.MethodGet), URL: &u, Header: hr.Header.Clone(), ownCookie: true}
	for _, own := range [...]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"} {
		delete(p.Header, own) // net/http has them elsewhere, and does not look here
	}
	if agents := p.Header["User-Agent"]; len(agents) > 1 {
		p.Header["User-Agent"] = agents[:1]
	}
	p.literal = &literal{host: hr.Host, trailer: hr.Trailer, close: hr.Close, sparing: true}
	if hr.Body != nil && hr.Body != http.NoBody {
		p.body = b.content()
	}
	return p, p.checkLiteral()
}

// content is the body as one of the library's.
func (b *handedBody) content() content {
	hr := b.hr
	length := hr.ContentLength
	if length <= 0 || len(hr.TransferEncoding) > 0 && hr.TransferEncoding[0] == "chunked" {
		length = -1 // net/http's zero with a body is "unknown"
	}
	first := hr.Body
	if length < 0 && len(hr.TransferEncoding) == 0 && lacksBody(hr.Method) {
		probed := probeBody(hr.Body)
		if probed == nil {
			return content{}
		}
		first = probed
		b.probed = probed
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

// hostField is the value of the Host field, as net/http makes it. A host that
// is none, such as the path of a socket, is not sent.
func (l *literal) hostField(u *url.URL) string {
	host, err := httpguts.PunycodeHostPort(cmp.Or(l.host, u.Host))
	if err != nil || !httpguts.ValidHostHeader(host) {
		return ""
	}
	if strings.HasPrefix(host, "[") { // RFC 6874, section 3: no zone
		if before, after, ok := strings.Cut(host, "%"); ok {
			_, port, _ := strings.Cut(after, "]")
			host = before + "]" + port
		}
	}
	return host
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

// asksUpgrade reports whether h asks for another protocol.
func asksUpgrade(h http.Header) bool {
	m := message.Request{Header: h}
	return m.AsksUpgrade()
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
			res.Body, res.ContentLength, res.Close = &upgradedBody{rwc, end}, 0, false
			return res
		}
	}
	bridge.Edit(res, hr.Method)
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
	res.Body = &tripBody{r: r, res: res, end: end}
	return res
}

// A tripBody is the body of a response for net/http. One goroutine may close it
// while another one reads.
type tripBody struct {
	r   *Response
	res *http.Response
	end func() // ends the context of the exchange, and so a Read

	mu      sync.Mutex
	reading bool
	closed  bool
}

func (b *tripBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	b.reading = true
	b.mu.Unlock()

	n, err := b.r.Body.Read(p)
	if err == io.EOF {
		b.setTrailer()
	}
	b.mu.Lock()
	b.reading = false
	closed := b.closed
	b.mu.Unlock()
	switch {
	case closed: // by Close, which has left the rest to us
		b.r.Close()
		return n, http.ErrBodyReadAfterClose
	case err != nil:
		b.end()
	}
	return n, tripError(err)
}

func (b *tripBody) setTrailer() {
	for name, values := range b.r.Trailer() {
		if b.res.Trailer == nil {
			b.res.Trailer = make(http.Header)
		}
		b.res.Trailer[name] = values
	}
}

func (b *tripBody) Close() error {
	b.mu.Lock()
	done, reading := b.closed, b.reading
	b.closed = true
	b.mu.Unlock()
	switch {
	case done:
	case reading:
		b.end()
	default:
		b.r.Close()
		b.end()
	}
	return nil
}

// An upgradedBody is a connection that has another protocol.
type upgradedBody struct {
	io.ReadWriteCloser
	end func()
}

func (b *upgradedBody) Close() error {
	err := b.ReadWriteCloser.Close()
	b.end()
	return err
}

// CloseWrite tells the server that nothing more will be written.
func (b *upgradedBody) CloseWrite() error {
	if c, ok := b.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
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
