package requests

import (
	"io"
	"sync"
)

// An upload is a streamed request body on its way. It tells the exchange when
// the body has ended, from which on it is the server's turn, and it lets go of
// a source that waits once nobody waits for it any more.
type upload struct {
	body io.ReadCloser
	e    *exchange
	err  error // sticky

	// What follows is for sources that may wait.
	over chan struct{} // closed by interrupt; nil for the other sources
	once sync.Once
	read chan uploadRead
	buf  []byte
}

// An uploadRead is what a read of the source gave.
type uploadRead struct {
	n   int
	err error
}

// newUpload makes body that of e, which sends it from now on.
func newUpload(e *exchange, body io.ReadCloser, waits bool) *upload {
	u := &upload{body: body, e: e}
	if waits {
		u.over, u.read = make(chan struct{}), make(chan uploadRead, 1)
	}
	e.sent.Store(false)
	e.upload.Store(u)
	return u
}

// Read implements io.Reader. The clock of the exchange stands still while it
// is the caller's source that we wait for.
func (u *upload) Read(b []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.e.pause()
	n, err := u.readSource(b)
	if u.err = err; err == io.EOF {
		u.e.sent.Store(true) // the write that is still to come starts the clock
	}
	u.e.watch() // until the server takes what was read, or answers
	return n, err
}

// readSource reads where it can be left behind, and into a buffer of its own
// then, if the source may wait for ever: the context of the caller would
// otherwise end nothing (net/http waits for it).
func (u *upload) readSource(b []byte) (int, error) {
	if u.over == nil {
		return u.body.Read(b)
	}
	size := min(len(b), maxSmallBody)
	if len(u.buf) < size {
		u.buf = make([]byte, size)
	}
	buf := u.buf[:size]
	go func() {
		n, err := u.body.Read(buf)
		u.read <- uploadRead{n, err}
	}()
	select {
	case r := <-u.read:
		return copy(b, buf[:r.n]), r.err
	case <-u.over:
	case <-u.e.Done():
	}
	return 0, errBodyClosed
}

// interrupt ends a read that waits for its source.
func (u *upload) interrupt() {
	if u.over != nil {
		u.once.Do(func() { close(u.over) })
	}
}

// Close implements io.Closer. From then on the source is not read, but for a
// read that it holds up.
func (u *upload) Close() error {
	u.interrupt()
	return u.body.Close()
}

// maxDirect is the largest body that is sent without looking for an answer
// meanwhile. The buffers of sockets hold more.
const maxDirect = 16 << 10

const (
	// uploadBuffer is the size of the writes of a long body. With it an upload
	// takes a tenth less time than with the 32 KiB of [io.Copy]; more gains nothing.
	uploadBuffer = 128 << 10
	// maxSmallBody is the length up to which a body is copied by a buffer of its own.
	maxSmallBody = 32 << 10
)

var uploadBuffers = sync.Pool{New: func() any { return new([uploadBuffer]byte) }}

// ReadFrom is how net/http sends a body of known length that is not in memory.
// Each write has the Read limit to itself, as any other.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	w := struct{ io.Writer }{c} // without this method
	if l, ok := r.(*io.LimitedReader); ok && l.N <= maxSmallBody {
		return io.Copy(w, r)
	}
	buf := uploadBuffers.Get().(*[uploadBuffer]byte)
	defer uploadBuffers.Put(buf)
	return io.CopyBuffer(w, r, buf[:])
}
