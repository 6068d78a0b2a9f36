package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// net/http's Transport keeps two goroutines for each connection of HTTP/1.1,
// through which every request and every response is passed: a third of the time
// and half of the allocations of a small call. The caller's goroutine can do it
// all: write the request, and read the response. Only a body that the server may
// answer before its end is written by a second one. Messages are written and
// parsed by net/http in both cases.

// An http1 sends requests of HTTP/1.1 on the goroutine of the caller.
type http1 struct {
	dial *dialer
	idle idleConns

	// blind says that the connections cannot be probed, as those that a
	// DialContext makes of something else than sockets. They are Transport's,
	// which has a goroutine to see them end.
	blind atomic.Bool
}

// carries reports whether r can be sent this way: to the server itself, and
// without an "Expect: 100-continue". The rest is Transport's.
func (p *pool) carries(r *PreparedRequest) bool {
	if p.http1 == nil || p.http1.blind.Load() || r.URL.Scheme == "https" && p.mayShare(r) {
		return false
	}
	_, expects := r.Header["Expect"]
	return !expects
}

// close ends the connections that are idle.
func (t *http1) close() {
	t.idle.close()
	t.dial.swap(nil)
}

// maxDirect is the largest body that is sent without looking for an answer
// meanwhile. The buffers of sockets hold more.
const maxDirect = 16 << 10

// A persistConn is a connection that serves one exchange after the other (RFC
// 9112, section 9.3). It is in the hands of one exchange or of idleConns.
type persistConn struct {
	peer  endpoint
	base  *conn
	link  net.Conn // base, or TLS over it
	tls   *tls.ConnectionState
	probe *probe // nil if the system cannot tell whether it is alive

	br    *bufio.Reader
	bw    *bufio.Writer
	left  int64 // what may still be read, in a header
	used  bool
	heard bool // a byte of the response has come
}

// An endpoint is what a connection leads to.
type endpoint struct{ scheme, host string }

// roundTrip does what [http.RoundTripper] says. Where a connection turns out to
// have been closed while it was idle, it does so once more on a new one, by the
// rules of net/http: the request must be one that may be repeated.
func (t *http1) roundTrip(e *exchange, hr *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(e.Context)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(address(hr.URL))
	}
	if c := t.idle.take(endpoint{hr.URL.Scheme, hr.URL.Host}); c != nil {
		res, err := t.exchange(e, hr, c, trace)
		if err == nil || c.heard || !repeatable(hr) || e.expired.Load() || e.Context.Err() != nil || !isLost(err) {
			return res, err
		}
		again := *hr // the first one may still be read
		if hr.Body != nil && hr.GetBody != nil {
			if again.Body, err = hr.GetBody(); err != nil {
				return nil, err
			}
		}
		hr = &again
	}
	c, err := t.connect(e, hr.URL)
	if err == errBlind {
		e.follow()
	}
	if err != nil {
		return nil, err
	}
	return t.exchange(e, hr, c, trace)
}

// repeatable reports whether hr may be sent again although the server may have
// acted on it: net/http's rule.
func repeatable(hr *http.Request) bool {
	if hr.Body != nil && hr.Body != http.NoBody && hr.GetBody == nil {
		return false
	}
	switch hr.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, has := hr.Header["Idempotency-Key"]
	_, hasOld := hr.Header["X-Idempotency-Key"]
	return has || hasOld
}

// address is what to dial for u.
func address(u *url.URL) string { return net.JoinHostPort(u.Hostname(), port(u)) }

// connect makes a connection. One that comes when its exchange has ended is for
// the next one.
func (t *http1) connect(e *exchange, u *url.URL) (*persistConn, error) {
	if e.Context.Done() == nil {
		return t.open(e, u)
	}
	type result struct {
		c   *persistConn
		err error
	}
	opened := make(chan result)
	go func() {
		c, err := t.open(e, u)
		select {
		case opened <- result{c, err}:
		case <-e.Context.Done():
			if c != nil {
				t.idle.put(c)
			}
		}
	}()
	select {
	case r := <-opened:
		return r.c, r.err
	case <-e.Context.Done():
		return nil, e.Context.Err()
	}
}

func (t *http1) open(ctx context.Context, u *url.URL) (*persistConn, error) {
	c := &persistConn{peer: endpoint{u.Scheme, u.Host}}
	var err error
	if u.Scheme == "https" {
		c.link, err = t.dial.encrypted(ctx, "tcp", address(u))
	} else {
		c.link, err = t.dial.plain(ctx, "tcp", address(u))
	}
	if err != nil {
		return nil, err
	}
	if tc, ok := c.link.(*tls.Conn); ok {
		state := tc.ConnectionState()
		c.tls = &state
	}
	c.base = connOf(c.link)
	if c.probe = newProbe(c.base.Conn); c.probe == nil {
		t.blind.Store(true)
		t.dial.spare(endpoint{u.Scheme, address(u)}, c.link)
		return nil, errBlind
	}
	c.base.direct = true
	c.br, c.bw = bufio.NewReader(c), bufio.NewWriter(c.link)
	return c, nil
}

// errBlind says that the connection was handed to Transport, which is to send
// the request, and those after it.
var errBlind = errors.New("the connection cannot be probed")

// exchange sends hr on c and reads the header of its response, whose body gives
// c back at its end. After an error c is closed.
func (t *http1) exchange(e *exchange, hr *http.Request, c *persistConn, trace *httptrace.ClientTrace) (*http.Response, error) {
	e.got(httptrace.GotConnInfo{Conn: c.base, Reused: c.used})
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c.link, Reused: c.used, WasIdle: c.used})
	}
	c.used, c.heard, c.left = true, false, maxHeaderBytes
	var stop func() bool
	if e.Context.Done() != nil {
		stop = context.AfterFunc(e.Context, func() { c.base.Close() })
	}
	sent := c.send(e, hr)
	res, err := c.response(hr, trace) // of a server that closed its side after it had answered, too
	if err != nil {
		if failed := sent.failed(); failed != nil {
			err = failed
		}
		c.link.Close()
		sent.complete() // the source is the caller's again
		if stop != nil {
			stop()
		}
		return nil, err
	}
	c.left = math.MaxInt64
	res.TLS = c.tls
	body := &http1Body{body: res.Body, conn: c, home: &t.idle, sent: sent, stop: stop, trace: trace}
	body.keep = !res.Close && !closes(hr.Header) && res.StatusCode != http.StatusSwitchingProtocols
	if res.Body == http.NoBody || res.ContentLength == 0 {
		body.end(true)
		return res, nil
	}
	res.Body = body
	return res, nil
}

// A sending is how the writing of a request went.
type sending struct {
	done chan error // nil if it was over at once
	err  error
}

// send writes hr, in a goroutine of its own if its body may take long. A source
// that fails ends the wait for the response.
func (c *persistConn) send(e *exchange, hr *http.Request) sending {
	_, counted := hr.Body.(*countedUpload)
	if e.sent.Load() && hr.ContentLength <= maxDirect && !counted {
		err := c.write(hr)
		c.abandonFor(err)
		return sending{err: err}
	}
	s := sending{done: make(chan error, 1)}
	body := &source{ReadCloser: hr.Body}
	hr.Body = body
	go func() {
		err := c.write(hr)
		if err != nil && body.err != nil {
			err = body.err
		}
		s.done <- err
		c.abandonFor(err)
	}()
	return s
}

// abandonFor closes the connection if err is why the request is not complete, so
// that nobody waits for its response; not if it is the server that does not take
// the rest, which may have answered.
func (c *persistConn) abandonFor(err error) {
	if err == nil {
		return
	}
	if _, known := fault.Of(err); known || !isLost(err) {
		c.link.Close()
	}
}

// A source is a body that remembers its error, which [http.Request.Write] wraps
// in one of its own that does not give it back.
type source struct {
	io.ReadCloser
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (c *persistConn) write(hr *http.Request) error {
	if err := hr.Write(c.bw); err != nil {
		return err
	}
	return c.bw.Flush()
}

// failed returns the error of a sending that has failed. It does not wait.
func (s *sending) failed() error {
	if s.done != nil {
		select {
		case s.err = <-s.done:
			s.done = nil
		default:
		}
	}
	return s.err
}

// complete reports whether all was sent. A server that has answered has it all
// as a rule, though the goroutine may not have come so far.
func (s *sending) complete() bool {
	if s.done != nil {
		grace := time.NewTimer(drainTime)
		defer grace.Stop()
		select {
		case s.err = <-s.done:
			s.done = nil
		case <-grace.C:
			return false
		}
	}
	return s.err == nil
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

// response reads the header of the final response. The informational ones
// before it are bounded by the size that it has to share with them.
func (c *persistConn) response(hr *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	if _, err := c.br.Peek(1); err != nil {
		return nil, err
	}
	c.heard = true
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	for {
		res, err := http.ReadResponse(c.br, hr)
		if err != nil || res.StatusCode < 100 || res.StatusCode > 199 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, err
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// silent reports whether nothing came behind the response, as far as can be
// seen without asking the kernel.
func (c *persistConn) silent() bool {
	tc, ok := c.link.(*tls.Conn)
	return !ok || c.base.silent(tc)
}

// Read reads for br.
func (c *persistConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, failText(ErrProtocol, "the header is longer than a MiB")
	}
	if int64(len(b)) > c.left {
		b = b[:c.left]
	}
	n, err := c.link.Read(b)
	c.left -= int64(n)
	return n, err
}

// An http1Body is the body of a response. At its end the connection is free for
// the next request; one that is left before it is of no more use (RFC 9112,
// section 9.3).
type http1Body struct {
	body  io.ReadCloser
	conn  *persistConn
	home  *idleConns
	sent  sending
	stop  func() bool
	trace *httptrace.ClientTrace
	keep  bool
	err   error // what further reads return
}

// Read implements io.Reader.
func (b *http1Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	if err != nil {
		b.err = err
		b.end(err == io.EOF)
	}
	return n, err
}

// Close implements io.Closer.
func (b *http1Body) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.end(false)
	}
	return nil
}

// end lets the connection go. What the server has sent beyond the response
// would be taken for the next one (CVE-2026-48931).
func (b *http1Body) end(complete bool) {
	c := b.conn
	if b.stop != nil && !b.stop() {
		complete = false
	}
	reason := errNotKept
	if complete && b.keep && c.br.Buffered() == 0 && b.sent.complete() && c.silent() {
		b.home.put(c)
		reason = nil
	} else {
		c.link.Close()
	}
	if b.trace != nil && b.trace.PutIdleConn != nil {
		b.trace.PutIdleConn(reason)
	}
}

var errNotKept = errors.New("the connection is not kept")
