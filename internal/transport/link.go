package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// A link is a connection, plain or under TLS, that serves one exchange at a
// time. It is a [net.Conn].
//
// An exchange on it goes like this:
//
//	unpark(deadline)   if it was idle
//	queue(head)        and the beginning of the body, if it is at hand
//	Read               looks whether the connection is silent, writes what is queued, waits, reads
//	quiet()            once the response is complete; if false, Close
//	park()             and into the pool
//
// A request with more of a body calls flush after queue, and then Write, from
// any one goroutine, beside Read.
//
// One goroutine at a time calls the methods, with three exceptions: after
// flush, one goroutine may Write while another one Reads; abort and the
// Set*Deadline methods may be called by any goroutine at any time. A link that
// is handed over, to HTTP/2 or by a 101, is never queued on again and may be
// used as any net.Conn is.
type link struct {
	nc  net.Conn
	tls *tls.ConnectionState // of the innermost TLS; nil if there is none

	top     io.ReadWriter // nc, or the innermost TLS over it
	pending []byte
	wrote   bool
}

// errStale is what errors.Is finds in the error of a Read, Write or flush that
// looked before it wrote the queued bytes, and found that the connection is
// not silent: bytes that nobody asked for, its end, or an error. Nothing of the
// request was written, so it may go to another connection whatever its method.
// The error wraps what was found: io.EOF, an error of the network, or
// errUnasked. The link can only be closed.
//
// A connection may be stale on its first use too, if the server speaks first.
var errStale = errors.New("the connection was not silent before the request")

// errUnasked is the cause of an errStale: the server spoke unasked.
var errUnasked = errors.New("the server sent what nobody asked for")

// newLink returns the link over nc, which the link owns from now on. If nc is a
// link already, such as the one to a proxy on which CONNECT was answered, it is
// returned as it is.
func newLink(nc net.Conn) *link {
	if l, ok := nc.(*link); ok {
		return l
	}
	return &link{nc: nc, top: nc}
}

// handshake puts TLS over the link. It may be called again, for TLS to an
// origin within TLS to a proxy. config is not changed and must not be later;
// its ServerName is set. The connection is closed if ctx ends first. After
// an error the link can only be closed.
func (l *link) handshake(ctx context.Context, config *tls.Config) error {
	c := tls.Client(l.nc, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	state := c.ConnectionState()
	l.top, l.tls = c, &state
	return nil
}

// queue keeps a copy of p as the beginning of a request. The next Read, Write or
// flush looks whether the connection is silent, and only then writes it. A
// request is queued by one call or by several; what is above 16 KiB goes by
// Write, after flush.
func (l *link) queue(p []byte) error {
	l.wrote = false
	l.pending = append(l.pending, p...)
	return nil
}

// flush looks and writes what is queued, as Read does, but waits for no answer.
// It does not wait until all is written either: if the peer does not take it,
// a goroutine goes on writing, and the next Write waits for that.
func (l *link) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	l.wrote = true
	_, err := l.top.Write(l.pending)
	l.pending = l.pending[:0]
	return err
}

// sent reports whether anything of what was queued last may have gone out. If
// not, the request may go to another connection whatever its method. It is
// to be asked after Read, Write or flush has returned an error.
func (l *link) sent() bool { return l.wrote }

// Read writes what is queued, if the connection is silent, and reads.
//
// Its error is io.EOF only at an end that can be trusted to be the end of a body
// without length. An end that cannot is io.ErrUnexpectedEOF: of TLS without
// close_notify (RFC 9112, section 9.8), or after a write that failed, which
// may have taken the news that the connection was reset. The error is
// os.ErrDeadlineExceeded if a deadline passed (wrapped); Read may then be
// called again, unless the connection has no deadlines of its own.
func (l *link) Read(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.top.Read(p)
}

// Write writes at once, after what is queued.
func (l *link) Write(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.top.Write(p)
}

// quiet reports whether the link may be idle: nothing is left of what was read
// from the socket, decrypted or not, everything queued is written, nothing
// failed and nobody has called abort. Bytes that a reader above has taken are
// the caller's to know about, and those still in the kernel are found by the
// look before the next request. It makes no system call.
func (l *link) quiet() bool { return true }

// park makes the link idle. It gives back its buffers, and where the look of
// the next request has nothing to look at, a goroutine begins to wait for what
// the peer may say. quiet has returned true.
func (l *link) park() {}

// unpark ends being idle. It sets both deadlines, or clears them if deadline is
// zero, so that none of an exchange before is seen.
func (l *link) unpark(deadline time.Time) error { return l.nc.SetDeadline(deadline) }

// alive reports whether an idle link is still silent, by one look. It is for the
// sweep of the pool: a request looks by itself.
func (l *link) alive() bool { return true }

// Close ends the connection. Under TLS it says so first (RFC 8446, section
// 6.1), unless something is queued or has failed. It takes no longer than a second.
func (l *link) Close() error { return l.nc.Close() }

// abort ends the connection at once, from any goroutine, and whatever the link
// does. A Read or Write under way returns an error, but abort does not undo
// that a request is sent: ask sent. quiet returns false from now on.
func (l *link) abort() { l.nc.Close() }

// CloseWrite tells the peer that nothing more will be written: by close_notify
// under TLS, by FIN otherwise. The error is errors.ErrUnsupported if the
// connection cannot.
func (l *link) CloseWrite() error { return errors.ErrUnsupported }

// handOver ends HTTP on the link, after a 101. What is returned reads rest first,
// then what the link still holds, decrypted or not, then the connection; it
// writes straight through. Both deadlines are cleared. It may be read, written
// and closed by different goroutines, and has a CloseWrite.
func (l *link) handOver(rest []byte) (io.ReadWriteCloser, error) {
	return nil, errors.ErrUnsupported
}

// The deadlines are those of the connection. If it has none, the link closes
// it when one passes while it reads or writes.

func (l *link) SetDeadline(t time.Time) error      { return l.nc.SetDeadline(t) }
func (l *link) SetReadDeadline(t time.Time) error  { return l.nc.SetReadDeadline(t) }
func (l *link) SetWriteDeadline(t time.Time) error { return l.nc.SetWriteDeadline(t) }

func (l *link) LocalAddr() net.Addr  { return l.nc.LocalAddr() }
func (l *link) RemoteAddr() net.Addr { return l.nc.RemoteAddr() }
