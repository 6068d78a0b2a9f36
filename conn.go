package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of [Timeout] cost next to nothing while nothing goes wrong: an
// HTTP/1.1 exchange has its connection to itself, so that its Read limit is the
// deadline of the connection, which the runtime keeps without a timer or a
// context of ours (a context with a timeout costs a request eight allocations
// and 2 µs). Where several exchanges share a connection (HTTP/2) or there is
// none to see (a foreign RoundTripper), a timer cancels the exchange instead.

// An exchange is one request and its response on the wire. It is the context
// of the request, so that a dial begun for it finds its Connect limit.
type exchange struct {
	context.Context
	limit  Timeout // resolved: zero is no limit
	trace  httptrace.ClientTrace
	cancel context.CancelCauseFunc // nil where deadlines do

	conn    atomic.Pointer[conn] // that it has to itself; nil if shared, foreign or not there yet
	sent    atomic.Bool          // the whole request was handed over
	expired atomic.Bool          // the Read limit ran out

	upload atomic.Pointer[upload] // the body on its way, if it is a stream

	mu    sync.Mutex
	timer *time.Timer // for the Read limit without a conn
}

type exchangeKey struct{}

// Value finds the exchange itself under exchangeKey.
func (e *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// newExchange starts an exchange. With mayShare its connection may turn out to
// be one that deadlines cannot serve, so that it needs a context to cancel.
func newExchange(ctx context.Context, limit Timeout, mayShare bool) *exchange {
	e := &exchange{Context: ctx, limit: limit}
	if mayShare && limit.Read > 0 {
		e.Context, e.cancel = context.WithCancelCause(ctx)
	}
	return e
}

// traced returns the context to send with; it tells e which connection it got.
func (e *exchange) traced() context.Context {
	e.trace.GotConn = e.got
	return httptrace.WithClientTrace(e, &e.trace)
}

// got is called by the transport with the connection of the next attempt.
func (e *exchange) got(info httptrace.GotConnInfo) {
	var c *conn
	switch nc := info.Conn.(type) {
	case *conn:
		c = nc
	case *tls.Conn:
		c, _ = nc.NetConn().(*conn)
	}
	if c == nil || c.multiplexed {
		e.conn.Store(nil)
		if e.sent.Load() {
			e.watch()
		}
		return
	}
	e.conn.Store(c)
	c.acquire(e)
}

// watch starts or restarts the timer of an exchange without deadlines.
func (e *exchange) watch() {
	if e.cancel == nil || e.conn.Load() != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer != nil {
		e.timer.Reset(e.limit.Read)
		return
	}
	e.timer = time.AfterFunc(e.limit.Read, func() {
		e.expired.Store(true)
		e.cancel(e.readTimeout())
	})
}

// pause stops the timer, while it is not the server that we wait for.
func (e *exchange) pause() {
	if e.cancel == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
	}
}

// answered notes that the headers are here; the clock stands still until the
// body is read.
func (e *exchange) answered() {
	e.pause()
	if c := e.conn.Load(); c != nil {
		c.answered(e)
	}
}

// hurry lowers the Read limit, for a body that is only read to have its
// connection again.
func (e *exchange) hurry(limit time.Duration) {
	if c := e.conn.Load(); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	if e.limit.Read <= 0 || e.limit.Read > limit {
		e.limit.Read = limit
	}
}

// finish lets go of the connection, which may be in other hands by then.
func (e *exchange) finish() {
	e.pause()
	if u := e.upload.Load(); u != nil {
		u.Close()
	}
	if c := e.conn.Load(); c != nil {
		c.release(e)
	}
	if e.cancel != nil {
		e.cancel(nil)
	}
}

// lost returns what ended the connection, nil if it is not known to have ended.
func (e *exchange) lost() error {
	if c := e.conn.Load(); c != nil {
		return c.lost(e)
	}
	return nil
}

func (e *exchange) readTimeout() error { return &limitError{ErrReadTimeout, e.limit.Read} }

// A conn is a connection whose deadlines follow the exchange that holds it.
// While none does, as when it idles in the pool, it has no deadline.
type conn struct {
	net.Conn
	multiplexed bool // speaks HTTP/2: set before its first use

	mu      sync.Mutex
	holder  *exchange
	reading bool  // the body is being read: each read starts the clock anew
	fault   error // what ended it
}

func (c *conn) acquire(e *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder != nil { // the exchange before has not let go yet
		c.Conn.SetDeadline(time.Time{})
	}
	c.holder, c.reading = e, false
}

func (c *conn) answered(e *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == e {
		c.reading = true
	}
}

func (c *conn) release(e *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == e {
		c.holder = nil
		if e.limit.Read > 0 {
			c.Conn.SetDeadline(time.Time{})
		}
	}
}

func (c *conn) lost(e *exchange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder != e {
		return nil
	}
	return c.fault
}

// Close ends a body that is being sent too: net/http waits for the read of it
// that is under way before it reports that the connection was closed.
func (c *conn) Close() error {
	c.mu.Lock()
	e := c.holder
	c.mu.Unlock()
	if e != nil {
		if u := e.upload.Load(); u != nil {
			u.interrupt()
		}
	}
	return c.Conn.Close()
}

// limited returns the holder if it has a Read limit.
func (c *conn) limited() *exchange {
	if e := c.holder; e != nil && e.limit.Read > 0 {
		return e
	}
	return nil
}

// Read reads under the deadline that the last write set, which is that of the
// headers, or in a body under one of its own.
func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if e := c.limited(); e != nil && c.reading {
		c.Conn.SetReadDeadline(time.Now().Add(e.limit.Read))
	}
	c.mu.Unlock()
	n, err := c.Conn.Read(b)
	if err != nil {
		err = c.failed(err)
	}
	return n, err
}

// Write gives the server the Read limit to take anything at all, and once the
// request is complete to answer it.
func (c *conn) Write(b []byte) (n int, err error) {
	for {
		c.mu.Lock()
		e := c.limited()
		switch {
		case e == nil:
		case e.expired.Load(): // net/http tries again on another connection; the time is up all the same
			c.mu.Unlock()
			return n, e.readTimeout()
		case e.sent.Load():
			c.Conn.SetDeadline(time.Now().Add(e.limit.Read))
		default:
			c.Conn.SetWriteDeadline(time.Now().Add(e.limit.Read))
		}
		c.mu.Unlock()
		m, err := c.Conn.Write(b[n:])
		n += m
		if err == nil {
			return n, nil
		}
		if m == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, c.failed(err)
		}
	}
}

// failed remembers what ended the connection and says which limit ran out.
func (c *conn) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.limited(); e != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		e.expired.Store(true)
		err = e.readTimeout()
	}
	if c.fault == nil && !errors.Is(err, net.ErrClosed) {
		c.fault = err
	}
	return err
}
