package requests

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A conn is a connection of a pool. Its deadlines follow the exchange that has
// it to itself; while none does, as when it idles in the pool, it has no deadline.
type conn struct {
	net.Conn
	pool        *pool
	multiplexed bool // speaks HTTP/2: set before its first use
	plain       bool // speaks HTTP/1.1 without TLS, in which the server never begins: likewise

	mu      sync.Mutex
	users   int       // exchanges on it
	holder  *exchange // that has it to itself
	reading bool      // the body is being read: each read starts the clock anew
	fault   error     // what ended it
	blocked bool      // a Read is under way
	wrote   bool      // since the holder has it
	heard   bool      // something was read since then
	closed  bool
	settle  chan struct{} // of an acquire that waits for blocked or closed
}

// connOf finds the connection of a pool below what net/http was given, which is
// nil if it comes from elsewhere.
func connOf(nc net.Conn) *conn {
	for {
		switch c := nc.(type) {
		case *conn:
			return c
		case *tls.Conn:
			nc = c.NetConn()
		case *tunnelled:
			return c.base
		default:
			return nil
		}
	}
}

// A tunnelled connection is one through a proxy, over the connection to it.
type tunnelled struct {
	net.Conn
	base *conn
}

// acquire begins the use by e. One that was used before is idle only when its
// reader waits for more: net/http gives it away before it has looked whether
// bytes are left behind the last response, and would take them for the next one
// (CVE-2026-48931). If there are any it closes the connection before long.
func (c *conn) acquire(e *exchange, reused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	if c.multiplexed {
		return
	}
	for reused && !c.blocked && !c.closed {
		settle := make(chan struct{})
		c.settle = settle
		c.mu.Unlock()
		<-settle
		c.mu.Lock()
	}
	// The deadline of the exchange before may still be set: it has not let go
	// yet, or needed not clear it.
	if c.holder != nil {
		c.Conn.SetDeadline(time.Time{})
	}
	c.holder, c.reading, c.wrote, c.heard = e, false, false, false
}

// settled lets an acquire go on. The caller holds mu.
func (c *conn) settled() {
	if c.settle != nil {
		close(c.settle)
		c.settle = nil
	}
}

func (c *conn) answered(e *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == e {
		c.reading = true
	}
}

// release ends the use by e. In a pool that is closed nobody else may have the
// connection, though net/http may have put it among its idle ones by now.
func (c *conn) release(e *exchange) {
	c.mu.Lock()
	c.users--
	if c.holder == e {
		c.holder, c.wrote = nil, false
		if e.read() > 0 {
			c.Conn.SetDeadline(time.Time{})
		}
	}
	last := c.users == 0 && c.pool.retired.Load()
	c.mu.Unlock()
	if last {
		c.Close()
	}
}

// Close ends a body that is being sent too: net/http waits for the read of it
// that is under way before it reports that the connection was closed.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.settled()
	e := c.holder
	c.mu.Unlock()
	if e != nil {
		if u := e.upload.Load(); u != nil {
			u.interrupt()
		}
	}
	c.pool.remove(c)
	return c.Conn.Close()
}

// idle reports whether no exchange uses the connection.
func (c *conn) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users == 0
}

func (c *conn) lost(e *exchange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder != e && !c.multiplexed {
		return nil
	}
	return c.fault
}

// limited returns the holder if it has a Read limit.
func (c *conn) limited() *exchange {
	if e := c.holder; e != nil && e.read() > 0 {
		return e
	}
	return nil
}

// errUnasked ends a connection whose server speaks before it is spoken to.
var errUnasked = errors.New("the server sent a response that nobody asked for")

// isTLSRecord reports whether b begins as an alert or a handshake message of TLS
// does (RFC 8446, section 5.1): what a port of https says to a request in the clear.
func isTLSRecord(b []byte) bool {
	return len(b) >= 2 && (b[0] == 21 || b[0] == 22) && b[1] == 3
}

// Read reads under the deadline that the last write set, which is that of the
// headers, or in a body under one of its own.
func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if e := c.limited(); e != nil && c.reading {
		c.Conn.SetReadDeadline(time.Now().Add(e.read()))
	}
	c.blocked = true
	c.settled()
	c.mu.Unlock()
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.blocked = false
	if n > 0 && c.plain {
		switch {
		case !c.wrote:
			n, err = 0, errUnasked
		case !c.heard && isTLSRecord(b[:n]):
			n, err = 0, failText(ErrProtocol, "the server speaks TLS: perhaps its URL begins with https://")
		}
		c.heard = true
	}
	c.mu.Unlock()
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
		c.wrote = true
		e := c.limited()
		switch {
		case e == nil:
		case e.expired.Load(): // net/http tries again on another connection; the time is up all the same
			c.mu.Unlock()
			return n, e.readTimeout()
		case e.sent.Load():
			c.Conn.SetDeadline(time.Now().Add(e.read()))
		default:
			c.Conn.SetWriteDeadline(time.Now().Add(e.read()))
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
