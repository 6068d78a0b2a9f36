package message

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// A Reader reads the responses on one connection, one after another: Head until
// it returns one that is not interim, then Read until io.EOF. Only one
// goroutine at a time may use it. The zero Reader needs a Reset.
//
// An error of the source is returned unchanged and does not harm the Reader:
// after a timeout, the same call continues where it stopped. An io.EOF within a
// message becomes [io.ErrUnexpectedEOF]. A [fault.Protocol] is final.
type Reader struct {
	src  io.Reader
	buf  []byte // nil while there is nothing in it
	r, w int    // buf[r:w] is unread
	late error  // the error that the source returned with the last bytes

	// seen is how much of buf[r:w] was searched for the end of the current
	// line, head or trailer, so that bytes arriving one by one are searched
	// only once.
	seen int

	phase   phase
	started bool  // the status line of the head is there
	heads   int   // bytes of the interim heads of this response
	left    int64 // of a sized body, or of the chunk
	excess  int64 // bytes of chunks besides data, see count
	trailer http.Header
	closes  bool  // the connection ends with this response
	err     error // returned by all calls from now on
}

// A phase is what comes next.
type phase uint8

const (
	atHead phase = iota
	atSized
	atChunkSize
	atChunkData
	atChunkEnd
	atTrailer
	untilEOF
	atTunnel
	atEnd
)

// NewReader returns a Reader of src.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset discards everything read so far, and makes r read from src.
func (r *Reader) Reset(src io.Reader) {
	r.drop()
	*r = Reader{src: src}
}

// Read reads the body of the response whose head was read last, and returns
// io.EOF at its end, usually together with the last bytes.
//
// If Framing is UntilClose, io.EOF only repeats what the source said. The owner
// of the connection decides whether that is the end of the body or a broken
// connection: without a close_notify of TLS, or after a failed write, it is not
// the end (RFC 9112, section 9.8).
//
// If Framing is Tunnel, Read returns everything after the head, without end.
//
// Large reads bypass the buffer and go directly into p.
func (r *Reader) Read(p []byte) (n int, err error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.phase == atHead:
		return 0, errNoHead
	case r.phase == atEnd:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	switch r.phase {
	case atSized:
		n, err = r.readSized(p)
	case untilEOF, atTunnel:
		n, err = r.readAll(p)
	default:
		n, err = r.readChunked(p)
	}
	if r.phase == atEnd {
		r.Release()
		if err == nil {
			err = io.EOF
		}
	}
	return n, err
}

// Errors of a misused Reader.
var (
	errNoHead = errors.New("message: Read before Head")
	errUnread = errors.New("message: Head before the end of the body")
)

// fail makes err final.
func (r *Reader) fail(err error) error {
	r.err = err
	r.drop()
	return err
}

func (r *Reader) readSized(p []byte) (int, error) {
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.readSome(p, int64(len(p)) == r.left)
	if r.left -= int64(n); r.left == 0 {
		r.phase = atEnd
	}
	return n, unexpected(err)
}

// readAll reads a body that ends with the connection.
func (r *Reader) readAll(p []byte) (int, error) {
	n, err := r.readSome(p, r.phase == atTunnel)
	if err == io.EOF && r.phase == untilEOF {
		r.phase = atEnd
	}
	return n, err
}

// readSome reads into p once. It asks the source if nothing is buffered, and
// bypasses the buffer if direct is set or p has more room.
func (r *Reader) readSome(p []byte, direct bool) (int, error) {
	if r.r == r.w {
		if direct || len(p) >= bufferSize {
			r.drop()
			return r.ask(p)
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// ask reads from the source: at least one byte, or an error.
func (r *Reader) ask(p []byte) (int, error) {
	if err := r.late; err != nil {
		r.late = nil
		return 0, err
	}
	for range maxEmptyReads {
		n, err := r.src.Read(p)
		if n < 0 || n > len(p) {
			return 0, errCount
		}
		if n > 0 {
			r.late = err
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

var errCount = errors.New("message: the source returned an impossible count")

// fill reads from the source into the buffer.
func (r *Reader) fill() error {
	r.makeRoom()
	n, err := r.ask(r.buf[r.w:])
	r.w += n
	return err
}

// bufferSize holds the head of nearly every response.
const bufferSize = 4 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// makeRoom makes room for more bytes. It moves the unread bytes only if they
// are fewer than those already read, and otherwise doubles the buffer, so that
// the work stays proportional to the bytes received.
func (r *Reader) makeRoom() {
	unread := r.w - r.r
	switch {
	case r.buf == nil:
		r.buf = buffers.Get().(*[bufferSize]byte)[:]
	case unread == 0:
		r.r, r.w = 0, 0
	case r.w < len(r.buf):
	case unread <= len(r.buf)/2:
		copy(r.buf, r.buf[r.r:r.w])
		r.r, r.w = 0, unread
	default:
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[r.r:r.w])
		r.drop()
		r.buf, r.w = grown, unread
	}
}

// keep puts b into the empty buffer.
func (r *Reader) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	if r.makeRoom(); len(b) > len(r.buf) {
		r.drop()
		r.buf = make([]byte, len(b))
	}
	r.w = copy(r.buf, b)
}

// drop returns the buffer to the pool, whatever is in it. A buffer that has
// grown is not reused.
func (r *Reader) drop() {
	if len(r.buf) == bufferSize {
		buffers.Put((*[bufferSize]byte)(r.buf))
	}
	r.buf, r.r, r.w = nil, 0, 0
}

// Release returns the buffer to the pool if it is empty. Read and Head do so
// themselves at the end of a response. If a Reader is abandoned before that,
// Reset(nil) returns the buffer in any case.
func (r *Reader) Release() {
	if r.r == r.w {
		r.drop()
	}
}

// Trailer returns the fields after a chunked body, with names in canonical
// form, once Read has returned io.EOF. Fields of the framing are left out (RFC
// 9110, section 6.5.1). It is nil if there were none.
func (r *Reader) Trailer() http.Header { return r.trailer }

// Complete reports whether the response was read to its end; one without a body
// is complete after its head.
func (r *Reader) Complete() bool { return r.phase == atEnd && r.err == nil }

// Buffered returns the number of bytes that were read from the source and not
// used yet. When the response is complete, the server has sent these bytes
// after it, and they must not be taken for the next response (CVE-2026-48931).
func (r *Reader) Buffered() int { return r.w - r.r }

// Reusable reports whether another request may be sent on the connection, as
// far as the messages tell: the response is complete, neither it nor the
// request ends the connection, and nothing was read after it.
func (r *Reader) Reusable() bool {
	return r.Complete() && !r.closes && r.Buffered() == 0 && r.late == nil
}

// unexpected returns err, or what io.EOF becomes within a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
