package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// A link is a connection, plain or under TLS, that serves one exchange at a
// time. It is a [net.Conn].
//
// An exchange on it goes like this:
//
//	unpark(deadline)   on a new link too, for the deadlines of the dial
//	queue(head)        and the beginning of the body, if it is at hand
//	Read               checks that the connection is silent, writes what is queued, waits, reads
//	quiet()            once the response is complete; if false, Close
//	park()             and into the pool
//
// A request with more of a body calls flush after queue, and then Write, from
// any one goroutine, beside Read.
//
// One goroutine at a time calls the methods, with three exceptions: after
// flush, one goroutine may Write while another one Reads; abort and the
// Set*Deadline methods may be called by any goroutine at any time. A link that
// is handed over, to HTTP/2 or by a 101, is never used with queue again and may
// be used like any net.Conn.
type link struct {
	tls *tls.ConnectionState // of the innermost TLS; nil if there is none

	w      *wire
	layers []layer       // of TLS, the innermost last
	top    io.ReadWriter // w, or the innermost TLS
	more   bool          // the last Read filled its buffer: there may be more decrypted bytes
	one    [1]byte
}

// A layer is TLS and the buffer under it.
type layer struct {
	conn *tls.Conn
	rec  *record
}

// errStale is wrapped by the error of a queue, Read, Write or flush that looked
// before it wrote the queued bytes and found that the connection is not silent:
// there were unrequested bytes, its end, or an error. Nothing of the request
// was written, so it may go to another connection whatever its method. The
// error also wraps what was found: io.EOF, an error of the network, or
// errUnasked. The link is closed.
//
// A connection may be stale on its first use too, if the server speaks first.
var errStale = errors.New("the connection was not silent before the request")

// errUnasked is the cause of an errStale: the server sent something without a
// request.
var errUnasked = errors.New("the server sent what nobody asked for")

// A staleError is an errStale with what was found.
type staleError struct{ cause error }

func (e *staleError) Error() string   { return errStale.Error() + ": " + e.cause.Error() }
func (e *staleError) Unwrap() []error { return []error{errStale, e.cause} }

// newLink returns a link over nc, which the link owns from now on. If nc is a
// link already, such as the one to a proxy that has answered CONNECT, it is
// returned unchanged.
func newLink(nc net.Conn) *link { return makeLink(nc, false) }

// makeLink is newLink. With noFold it treats the connection as on systems
// without a peek.
func makeLink(nc net.Conn, noFold bool) *link {
	if l, ok := nc.(*link); ok {
		return l
	}
	w := newWire(nc, noFold)
	return &link{w: w, top: w}
}

// handshake puts TLS over the link. It may be called again, for TLS to an
// origin within TLS to a proxy. config must have a ServerName, and must not be
// changed later; handshake does not change it. The connection is closed if ctx
// ends first. After an error the link can only be closed.
func (l *link) handshake(ctx context.Context, config *tls.Config) error {
	r := &record{w: l.w, below: l.top}
	if n := len(l.layers); n > 0 {
		r.outer = l.layers[n-1].rec
	}
	c := tls.Client(r, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	state := c.ConnectionState()
	r.closed = config.Renegotiation != tls.RenegotiateNever && state.Version < tls.VersionTLS13
	l.layers = append(l.layers, layer{c, r})
	l.top, l.tls, l.more = c, &state, false
	return nil
}

// queue keeps a copy of p as the beginning of a request. The next Read, Write
// or flush checks that the connection is silent, and only then writes it. A
// request may be queued by several calls; anything above 16 KiB is sent by
// Write, after flush.
func (l *link) queue(p []byte) error {
	l.w.hold()
	if _, err := l.top.Write(p); err != nil {
		return l.closeStale(err)
	}
	return nil
}

// flush looks, and then writes what is queued, as Read does, but does not wait
// for an answer. It does not wait until everything is written, either: if the
// peer does not take it all, a goroutine continues writing, and the next Write
// waits for that goroutine.
func (l *link) flush() error {
	for l.w.held {
		var err error
		if len(l.layers) == 0 || !l.unread() {
			if _, err = l.look(sending); !l.w.held {
				return err
			}
		}
		if err == nil {
			err = l.processUnread()
		}
		if err == errPartial && !l.w.used {
			_, err = l.look(completing)
		}
		if err != nil {
			return l.closeStale(err)
		}
	}
	return nil
}

// look makes the Read of the wire perform a task once, and returns how many
// bytes it found.
func (l *link) look(t task) (n int, err error) {
	l.w.task = t
	defer func() { l.w.task = exchange }()
	if len(l.layers) == 0 {
		return l.w.Read(l.one[:])
	}
	r := l.layers[0].rec
	err = r.fill(false)
	return r.n - r.r, err
}

// sent reports whether any of what was queued last may have been sent. If not,
// the request may go to another connection whatever its method. It is for use
// after Read, Write or flush has returned an error.
func (l *link) sent() bool { return l.w.sent }

// Read writes what is queued, if the connection is silent, and reads.
//
// Its error is io.EOF only if the end can be trusted as the end of a body
// without length. Otherwise it is io.ErrUnexpectedEOF: for TLS without
// close_notify (RFC 9112, section 9.8), and after a failed write, which may
// have consumed the error that says that the connection was reset. The error is
// os.ErrDeadlineExceeded if a deadline passed (wrapped); Read may then be
// called again, unless the connection has no deadlines of its own.
func (l *link) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // TLS would not look, either
	}
	n, err := l.top.Read(p)
	l.more = n == len(p)
	switch {
	case l.w.held && n > 0:
		return 0, l.closeStale(errUnasked)
	case l.w.held:
		return 0, l.closeStale(err)
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return n, err
	}
	l.w.broken.Store(true)
	if err == io.EOF && !l.ended() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ended reports whether io.EOF is an end that the peer meant. Under TLS,
// close_notify says so, which nobody on the path can forge.
func (l *link) ended() bool {
	if l.w.aborted.Load() {
		return false
	}
	if n := len(l.layers); n > 0 {
		return !l.layers[n-1].rec.eof
	}
	return !l.w.cut()
}

// closeStale closes a link whose look found err, so that nothing was written.
// If there was no look, it returns err.
func (l *link) closeStale(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case l.w.aborted.Load():
		l.w.drop()
		return l.w.opError("write", net.ErrClosed)
	case errors.Is(err, errPartial):
		err = errUnasked
	}
	// Say no goodbye to the peer: close_notify would follow the request.
	l.w.drop()
	l.w.abort()
	return &staleError{err}
}

// Write writes at once, after what is queued.
func (l *link) Write(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.top.Write(p)
}

// quiet reports whether the link may be idle: everything read from the socket
// was used, decrypted or not, everything queued is written, nothing failed and
// nobody has called abort. The caller knows about bytes that a reader above has
// taken; bytes still in the kernel are found by the look before the next
// request. It makes no system call.
func (l *link) quiet() bool {
	w := l.w
	switch {
	case w.held || w.broken.Load() || !w.restWritten():
		return false
	case w.watch != nil && w.watch.unread():
		return false
	case len(l.layers) == 0:
		return true
	}
	return !l.unread() || l.processUnread() == nil
}

// unread reports whether anything read from the socket may be left.
func (l *link) unread() bool {
	if l.more {
		return true
	}
	for i, layer := range l.layers {
		if layer.rec.unread() || i > 0 && layer.rec.full {
			return true
		}
	}
	return false
}

// processUnread lets TLS process what was read from the socket, without waiting
// for more. The error is nil if nothing is left: session tickets and the like
// are fine (RFC 8446, section 4.6); data and the end are errors. Replies of TLS
// are sent before the next request.
func (l *link) processUnread() error {
	if len(l.layers) == 0 {
		return errUnasked
	}
	held := l.w.held
	l.w.held = true
	for _, layer := range l.layers {
		layer.rec.noWait = true
	}
	n, err := l.top.Read(l.one[:]) // TLS reads nothing into an empty buffer
	l.w.held = held
	for _, layer := range l.layers {
		layer.rec.noWait = false
		if layer.rec.unread() && err == os.ErrDeadlineExceeded {
			err = errPartial
		}
	}
	switch {
	case n > 0:
		return errUnasked
	case err == os.ErrDeadlineExceeded:
		l.more = false
		return nil
	}
	return err
}

// park makes the link idle. It gives back the buffers. If the socket cannot be
// peeked at, a goroutine begins to wait for what the peer may send. quiet must
// have returned true.
func (l *link) park() {
	l.release()
	l.w.used = true
	if l.w.watch != nil {
		l.w.renew(time.Time{})
		l.w.watch.start(len(l.layers) > 0)
	}
}

func (l *link) release() {
	l.w.release()
	for _, layer := range l.layers {
		layer.rec.release()
	}
}

// unpark ends the idle state. It sets both deadlines, or clears them if
// deadline is zero, so that none of an earlier exchange applies. The error is
// an errStale.
func (l *link) unpark(deadline time.Time) error {
	if l.w.watch != nil {
		l.w.watch.stop()
	}
	if err := l.w.renew(deadline); err != nil {
		return l.closeStale(err)
	}
	return nil
}

// alive reports whether an idle link is still silent, with one look. It is for
// the sweep of the pool; requests look themselves.
func (l *link) alive() bool {
	for !l.w.broken.Load() {
		n, err := l.look(looking)
		if n > 0 && err == nil && l.processUnread() == nil {
			continue
		}
		l.release()
		return n == 0 && err == nil
	}
	return false
}

// closeWait is how long saying goodbye may take.
const closeWait = time.Second

// Close ends the connection. Under TLS it first sends close_notify (RFC 8446,
// section 6.1), unless something is queued or has failed. It takes at most a
// second.
func (l *link) Close() error {
	if len(l.layers) > 0 && !l.w.held && !l.w.broken.Load() {
		timer := time.AfterFunc(closeWait, func() { l.w.abort() })
		for i := range l.layers {
			l.layers[len(l.layers)-1-i].conn.CloseWrite()
		}
		timer.Stop()
	}
	return l.w.abort()
}

// abort ends the connection at once. Any goroutine may call it, whatever the
// link is doing. A Read or Write under way returns an error, but a request may
// have been sent already: ask sent. quiet returns false from now on.
func (l *link) abort() { l.w.abort() }

// CloseWrite tells the peer that nothing more will be written: by close_notify
// under TLS, by FIN otherwise. The error is errors.ErrUnsupported if the
// connection cannot.
func (l *link) CloseWrite() error {
	if n := len(l.layers); n > 0 {
		return l.layers[n-1].conn.CloseWrite()
	}
	if c, ok := l.w.nc.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Deadlines are those of the connection. If it does not support them, the link
// closes it when a deadline passes during a read or write.

func (l *link) SetDeadline(t time.Time) error      { return l.w.SetDeadline(t) }
func (l *link) SetReadDeadline(t time.Time) error  { return l.w.SetReadDeadline(t) }
func (l *link) SetWriteDeadline(t time.Time) error { return l.w.SetWriteDeadline(t) }

func (l *link) LocalAddr() net.Addr  { return l.w.nc.LocalAddr() }
func (l *link) RemoteAddr() net.Addr { return l.w.nc.RemoteAddr() }
