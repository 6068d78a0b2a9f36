package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
)

// A conn is a connection of HTTP/1.1, which serves one exchange after another
// (RFC 9112, section 9.3). It belongs to an exchange, to a pool or to a [Pin].
// It contains everything that an exchange needs besides its [Response], so that
// it is allocated once.
type conn struct {
	link   *link
	host   *host
	reader message.Reader
	abort  func() // (*conn).end, called when a context ends
	times  Times  // of its dial
	used   bool   // by an earlier exchange

	// The lock of the pool guards these fields.
	at    node[conn] // among the idle ones
	since int64      // when it became idle, by [wall]
	older *conn      // the next one in a list of connections to close

	uncounted bool // the pool does not count it any more

	parked bool // it is in the idle state

	// Of the exchange.
	call   *Call
	trace  *httptrace.ClientTrace
	start  time.Time // of the call
	limit  time.Duration
	upload *upload
	queued bool // the request was queued on the link
	heard  bool // the first byte of the response has come
	inBody bool // each read gets the whole limit
}

func newConn(l *link, h *host) *conn {
	c := &conn{link: l, host: h}
	c.abort = c.end
	c.reader.Reset(c)
	return c
}

// end closes the connection in the middle of an exchange, whatever the exchange
// is doing. The owner of the response may never close it.
func (c *conn) end() {
	c.link.abort()
	c.host.pool.discard(c)
}

// park prepares c for being idle. It reports false if c cannot be used again.
func (c *conn) park() bool {
	c.parked = c.link.quiet()
	if c.parked {
		c.link.park()
	}
	return c.parked
}

// closeAll closes a list of connections that nobody uses.
func (c *conn) closeAll() {
	for c != nil {
		c.link.Close()
		c.older, c = nil, c.older
	}
}

// Read reads for the parser.
func (c *conn) Read(b []byte) (int, error) {
	if c.inBody {
		c.renew()
	}
	n, err := c.link.Read(b)
	if n > 0 && !c.heard {
		c.heard = true
		if c.call.Times != nil {
			c.call.Times.FirstByte = time.Since(c.start)
		}
		if c.trace != nil && c.trace.GotFirstResponseByte != nil {
			c.trace.GotFirstResponseByte()
		}
	}
	return n, err
}

// maxInline is the largest head and body that are sent in one piece, without
// looking for an answer meanwhile. The buffers of sockets are larger.
const maxInline = 16 << 10

// heads has buffers for writing heads.
var heads = sync.Pool{New: func() any { return new([]byte) }}

// errNotKept tells a trace that there are enough idle connections.
var errNotKept = errors.New("the connection is not kept")

// errClosed is the error of a body that was closed before its end.
var errClosed = fault.New(fault.Closed, http.ErrBodyReadAfterClose)

// A responseBody is the rest of a call after the head of its response: it reads
// the body, and at the end frees the connection for the next call.
type responseBody struct {
	stream *stream // of HTTP/2, which needs none of the fields below

	conn *conn
	res  *Response // which it is a part of
	ctx  context.Context
	stop func() bool // keeps the end of the context from closing the connection; nil if it has none
	pin  *Pin
	err  error // what later reads return; nil until the body has ended
}

// exchange sends a request and reads the head of its response. It closes the
// connection after a failure.
func (c *conn) exchange(a *attempt) (*Response, *failure) {
	c.begin(a)
	res := a.call.response()
	x := &res.responseBody
	x.conn, x.res, x.ctx, x.pin = c, res, a.ctx, a.pin
	if a.ctx.Done() != nil {
		x.stop = context.AfterFunc(a.ctx, c.abort)
	}
	done := false
	defer func() {
		if !done && x.err == nil { // a function of the caller has panicked
			x.drop()
		}
	}()
	if err := c.send(a); err != nil {
		return nil, x.fail(err)
	}
	head, err := c.head(a.call)
	if err != nil {
		return nil, x.fail(err)
	}
	c.inBody = true
	res.StatusCode, res.Status = head.StatusCode, head.Status
	res.Proto, res.Major, res.Minor = "HTTP/1.1", 1, head.Minor
	if head.Minor == 0 {
		res.Proto = "HTTP/1.0"
	}
	res.Header, res.Length, res.Close = head.Header, head.Length, head.Close
	if c.host.to.secure {
		res.TLS = c.link.tls
	}
	res.Body = x
	switch {
	case head.Framing == message.Tunnel:
		if res.Body, err = x.handOver(); err != nil {
			return nil, x.fail(err)
		}
	case c.upload != nil && (head.StatusCode >= 300 || head.Close || c.upload.unwanted()):
		c.upload.end()
	}
	if c.reader.Complete() && head.Framing != message.Tunnel {
		x.err = x.end(io.EOF)
	}
	done = true
	return res, nil
}

// begin prepares c for an exchange.
func (c *conn) begin(a *attempt) {
	call := a.call
	c.call, c.trace, c.start, c.limit = call, a.trace, a.start, call.Read
	c.parked, c.upload, c.queued, c.heard, c.inBody = false, nil, false, false, false
	if call.Times != nil {
		*call.Times = c.times
		if c.used {
			*call.Times = Times{Reused: true}
		}
	}
	if c.trace != nil && c.trace.GotConn != nil {
		info := httptrace.GotConnInfo{Conn: c.link, Reused: c.used, WasIdle: c.used && c.since != 0}
		if info.WasIdle {
			info.IdleTime = time.Duration(wall(time.Now()) - c.since)
		}
		c.trace.GotConn(info)
	}
	c.used = true
}

// send sends the request: what fits into one piece goes with the next read, and
// a goroutine sends the rest.
func (c *conn) send(a *attempt) error {
	buf := heads.Get().(*[]byte)
	b := a.appendHead((*buf)[:0])
	head := len(b)
	inline := a.inline(head)
	if inline {
		b = append(b, a.call.Body.Bytes...)
	}
	err := c.queue(a, b, inline)
	tap := a.call.Tap
	if err == nil && (!inline || c.trace != nil || tap != nil) {
		err = c.link.flush()
	}
	if err == nil && c.trace != nil {
		wroteHead(c.trace, b[:head])
	}
	if err == nil && tap != nil {
		tap.Sent(b[:head])
	}
	if cap(b) <= 2*maxInline {
		*buf = b
		heads.Put(buf)
	}
	if err != nil {
		return err
	}
	if !inline {
		c.upload = newUpload(c, a)
		go c.upload.run()
		return nil
	}
	if err := a.call.sentInline(); err != nil {
		return err
	}
	if c.trace != nil && c.trace.WroteRequest != nil {
		c.trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	return nil
}

// queue gives the link the bytes to send after its look. The clock starts now,
// unless a body follows.
func (c *conn) queue(a *attempt, b []byte, whole bool) error {
	var deadline time.Time
	if c.limit > 0 && whole {
		deadline = a.now.Add(c.limit)
	}
	if err := c.link.unpark(deadline); err != nil {
		return err
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	c.queued = true
	return c.link.queue(b)
}

// head reads the head of the final response, and passes on the interim
// responses before it.
func (c *conn) head(call *Call) (message.Response, error) {
	for {
		res, err := c.reader.Head(&call.Request)
		if err != nil || !res.Interim() {
			return res, err
		}
		if res.StatusCode == http.StatusContinue {
			if c.trace != nil && c.trace.Got100Continue != nil {
				c.trace.Got100Continue()
			}
			if c.upload != nil {
				c.upload.proceed()
			}
		}
		if c.trace != nil && c.trace.Got1xxResponse != nil {
			if err := c.trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return res, err
			}
		}
		if call.Interim != nil {
			if err := call.Interim(res.StatusCode, res.Header); err != nil {
				return res, &hookError{err}
			}
		}
	}
}

// Read implements io.Reader for the body.
func (x *responseBody) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	n, err := x.conn.reader.Read(p)
	if err != nil {
		x.err = x.end(err)
		err = x.err
	}
	return n, err
}

// Close implements io.Closer. A connection that is left before the end of the
// body cannot be used again (RFC 9112, section 9.3).
func (x *responseBody) Close() error {
	if x.err == nil {
		x.err = errClosed
		x.end(errClosed)
	}
	return nil
}

// Hurry lowers the Read limit, for a body that is read only to reuse its
// connection.
func (x *responseBody) Hurry(limit time.Duration) {
	if x.stream != nil {
		x.stream.hurry(limit)
		return
	}
	if x.err == nil && (x.conn.limit <= 0 || x.conn.limit > limit) {
		x.conn.limit = limit
	}
}

// end gives up the connection after the body has ended because of why. It
// returns the error for the caller.
func (x *responseBody) end(why error) error {
	c := x.conn
	complete := why == io.EOF
	if !complete && why != errClosed {
		why = x.bodyError(why)
	}
	if complete {
		x.res.Trailer = c.reader.Trailer()
	}
	if u := c.upload; u != nil {
		if complete && !u.waitSent(x.ctx) || !complete && !u.end() {
			complete = false
		}
		if own := u.failure(); why == io.EOF && own != nil && !fault.IsA[*fault.Limit](own) {
			why = own // the source failed, so the server got an incomplete request
		}
	}
	if x.stop != nil && !x.stop() {
		complete = false
	}
	keep := complete && c.reader.Reusable() && c.park()
	trace := c.trace
	c.call, c.trace, c.upload, x.conn = nil, nil, nil, nil
	switch {
	case keep:
		var err error
		if x.pin != nil {
			x.pin.hold(c)
		} else if !c.host.pool.put(c) {
			err = errNotKept
		}
		if trace != nil && trace.PutIdleConn != nil {
			trace.PutIdleConn(err)
		}
	case complete:
		c.link.Close()
		c.host.pool.discard(c)
	default:
		c.end()
	}
	return why
}
