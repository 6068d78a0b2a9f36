package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A record is the buffer under TLS. It hands up one record at a time, so that
// crypto/tls never holds bytes behind the record that it asked for. Surplus
// bytes stay here, where they are known to be unread.
type record struct {
	w     *wire
	below io.ReadWriter // w, or the TLS to a proxy
	outer *record       // that of the TLS to a proxy

	small *[smallBuffer]byte
	large *[largeBuffer]byte
	buf   []byte // of one of them; nil while idle
	r, n  int    // buf[r:n] was read and not handed up
	left  int    // of the record that is being handed up
	full  bool   // the last Read of below filled the buffer: TLS below may have more
	err   error  // of below, to be returned when the buffer is empty
	eof   bool   // below has ended

	noWait bool // read nothing from the socket
	closed bool // a look hands up nothing: it could begin a renegotiation
}

const (
	smallBuffer = 4 << 10  // for most responses
	largeBuffer = 64 << 10 // for responses that fill a small one: with a smaller one the copy costs more than crypto/tls alone

	recordHeader = 5 // type, version and length (RFC 8446, section 5.1)
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// errPartial ends a look at an idle connection that found part of a record, or
// a record that must not be handed up.
var errPartial = errors.New("part of a TLS record")

// Read hands up bytes of one record, for crypto/tls.
//
// If a look finds something, the request is held back until the record is
// complete and TLS has processed it: the rest of the record must not be taken
// for a response. On an idle connection nobody waits for that.
func (r *record) Read(p []byte) (int, error) {
	for {
		if r.left == 0 && r.n-r.r >= recordHeader {
			h := r.buf[r.r:]
			r.left = recordHeader + int(h[3])<<8 + int(h[4])
		}
		have := min(r.n-r.r, r.left)
		begun := r.r < r.n || r.left > 0
		whole := have > 0 && have == r.left && !r.closed
		switch {
		case r.noWait && (begun && !whole || !begun && r.outer == nil):
			return 0, os.ErrDeadlineExceeded // the only error after which crypto/tls continues
		case r.w.held && r.w.used && begun && !whole:
			return 0, errPartial
		case have > 0:
			n := copy(p, r.buf[r.r:r.r+have])
			r.r += n
			r.left -= n
			return n, nil
		case r.err != nil:
			err := r.err
			r.err = nil
			return 0, err
		}
		if err := r.fill(begun); err != nil {
			return 0, err
		}
	}
}

// fill reads once. It is called when less than a header is left, or to complete
// a record before anything is written.
func (r *record) fill(begun bool) error {
	if begun && r.w.task == exchange {
		r.w.task = completing
		defer func() { r.w.task = exchange }()
	}
	r.makeRoom()
	free := r.buf[r.n:]
	if len(free) == 0 {
		return errPartial // no record is that large
	}
	n, err := r.below.Read(free)
	r.n += n
	r.full = n == len(free)
	r.eof = r.eof || err == io.EOF
	if n > 0 {
		r.err = err
		return nil
	}
	return err
}

// makeRoom takes a buffer, or a larger one if a single read has filled the last
// one.
func (r *record) makeRoom() {
	old := r.buf[r.r:r.n]
	switch {
	case r.buf == nil:
		r.small = smallBuffers.Get().(*[smallBuffer]byte)
		r.buf = r.small[:]
	case r.full && r.large == nil:
		r.large = largeBuffers.Get().(*[largeBuffer]byte)
		r.buf = r.large[:]
	}
	r.r, r.n = 0, copy(r.buf, old)
}

// unread reports whether there are bytes that TLS has not seen, or a record
// that it has seen only a part of.
func (r *record) unread() bool { return r.r < r.n || r.left > 0 || r.err != nil }

// release gives the buffers back, if nothing is in them.
func (r *record) release() {
	if r.unread() {
		return
	}
	if r.small != nil {
		smallBuffers.Put(r.small)
	}
	if r.large != nil {
		largeBuffers.Put(r.large)
	}
	r.small, r.large, r.buf, r.r, r.n, r.full = nil, nil, nil, 0, 0, false
}

// Write passes on what TLS writes: a request, or messages of its own.
func (r *record) Write(p []byte) (int, error) { return r.below.Write(p) }

// Close is called by crypto/tls if the context of a handshake ends.
func (r *record) Close() error { return r.w.abort() }

func (r *record) LocalAddr() net.Addr                { return r.w.nc.LocalAddr() }
func (r *record) RemoteAddr() net.Addr               { return r.w.nc.RemoteAddr() }
func (r *record) SetDeadline(t time.Time) error      { return r.w.SetDeadline(t) }
func (r *record) SetReadDeadline(t time.Time) error  { return r.w.SetReadDeadline(t) }
func (r *record) SetWriteDeadline(t time.Time) error { return r.w.SetWriteDeadline(t) }
