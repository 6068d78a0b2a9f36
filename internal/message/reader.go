package message

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// A Reader reads the responses that come on one connection, one after the
// other: Head, until it gives one that is not interim, then Read to io.EOF. It
// is for one goroutine at a time. The zero Reader needs a Reset.
//
// An error of the source is returned as it is, and does no harm to the Reader:
// after a timeout, the same call goes on where it has stopped. An io.EOF within
// a message is [io.ErrUnexpectedEOF]. A [fault.Protocol] is final.
type Reader struct {
	src  io.Reader
	buf  []byte // nil while there is nothing in it
	r, w int    // what is unread is buf[r:w]
	late error  // that the source gave along with the last bytes

	// seen is how much of buf[r:w] was searched for the end of the line, the
	// head or the trailer that is being read, so that bytes which come one by
	// one are not searched again and again.
	seen int

	phase   phase
	started bool  // the status line of the head is there
	heads   int   // bytes of the interim heads of this response
	left    int64 // of a sized body, or of the chunk
	excess  int64 // what chunks have beside data, see count
	trailer http.Header
	closes  bool  // the connection ends with this response
	err     error // what all calls return from now on
}

// A phase is what is to be read next.
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

// NewReader returns a Reader of what src gives.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset forgets all that was read, and has r read from src.
func (r *Reader) Reset(src io.Reader) {
	r.drop()
	*r = Reader{src: src}
}

// Read reads the body of the response whose head was read last, and returns
// io.EOF at its end, as a rule along with the last bytes.
//
// Where Framing is UntilClose, io.EOF is only what the source said. Whether that
// is the end of the body or a connection that broke is for its owner to decide:
// without a close_notify of TLS, or after a write that failed, it is no end (RFC
// 9112, section 9.8).
//
// Where Framing is Tunnel, Read gives what follows the head, without end.
//
// Large reads go past the buffer into p.
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

// Errors of a Reader that is not used as it should be.
var (
	errNoHead = errors.New("message: Read before Head")
	errUnread = errors.New("message: Head before the end of the body")
)

// fail ends the use of r.
func (r *Reader) fail(err error) error {
	r.err = err
	r.drop()
	return err
}

func (r *Reader) readSized(p []byte) (int, error) {
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.take(p, int64(len(p)) == r.left)
	if r.left -= int64(n); r.left == 0 {
		r.phase = atEnd
	}
	return n, unexpected(err)
}

// readAll reads what ends with the connection.
func (r *Reader) readAll(p []byte) (int, error) {
	n, err := r.take(p, r.phase == atTunnel)
	if err == io.EOF && r.phase == untilEOF {
		r.phase = atEnd
	}
	return n, err
}

// take reads into p once. It asks the source if nothing is buffered, and past
// the buffer if direct says so or p has more room.
func (r *Reader) take(p []byte, direct bool) (int, error) {
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

// ask reads from the source, at least one byte if there is no error.
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

// fill adds to the buffer what the source gives.
func (r *Reader) fill() error {
	r.makeRoom()
	n, err := r.ask(r.buf[r.w:])
	r.w += n
	return err
}

// bufferSize holds the head of nearly every response.
const bufferSize = 4 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// makeRoom makes room for more bytes. It moves what is unread only where that is
// less than what has been read, or else doubles the buffer, so that the work is
// in proportion to the bytes that come.
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

// keep puts b into the buffer, which is empty.
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

// drop gives the buffer away, whatever is in it. One that had to grow is not kept.
func (r *Reader) drop() {
	if len(r.buf) == bufferSize {
		buffers.Put((*[bufferSize]byte)(r.buf))
	}
	r.buf, r.r, r.w = nil, 0, 0
}

// Release gives the buffer back, if there is nothing in it. Read and Head do so
// by themselves at the end of a response. For a Reader that is given up before
// that, Reset(nil) gives it back in any case.
func (r *Reader) Release() {
	if r.r == r.w {
		r.drop()
	}
}

// Trailer returns the fields that came behind a chunked body, with names in
// canonical form, when Read has returned io.EOF. Those of the framing are left
// out (RFC 9110, section 6.5.1). It is nil if there were none.
func (r *Reader) Trailer() http.Header { return r.trailer }

// Complete reports whether the response was read to its end, be it that it has no body.
func (r *Reader) Complete() bool { return r.phase == atEnd && r.err == nil }

// Buffered is the number of bytes that the source has given and nobody has
// read. When the response is complete, they are what the server has sent beyond
// it, and must not be taken for the next response (CVE-2026-48931).
func (r *Reader) Buffered() int { return r.w - r.r }

// Reusable reports whether another request may be sent on the connection, as
// far as the messages tell: the response is complete, neither it nor the request
// ends the connection, and nothing was read behind it.
func (r *Reader) Reusable() bool {
	return r.Complete() && !r.closes && r.Buffered() == 0 && r.late == nil
}

// unexpected is err, where the source must not end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
