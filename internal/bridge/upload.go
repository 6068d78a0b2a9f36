package bridge

import (
	"errors"
	"io"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// An upload is a streamed request body being sent. It stops the clock of the
// exchange while its source is read. Once nobody wants the body any more, it no
// longer waits for a source that blocks.
type upload struct {
	body io.ReadCloser
	e    *Exchange
	err  error // sticky

	// Used only for sources that may block.
	over chan struct{} // closed by interrupt; nil for the other sources
	once sync.Once
	read chan uploadRead
	buf  []byte
}

// An uploadRead is the result of one read of the source.
type uploadRead struct {
	n   int
	err error
}

// Upload returns the body for the request of e. If waits is set, a Read of it
// may block.
func (e *Exchange) Upload(body io.ReadCloser, waits bool) io.ReadCloser {
	u := &upload{body: body, e: e}
	if waits {
		u.over, u.read = make(chan struct{}), make(chan uploadRead, 1)
	}
	e.upload.Store(u)
	return u
}

// Read implements io.Reader. The clock of the exchange stands still while the
// source is read.
func (u *upload) Read(b []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.e.StopClock()
	n, err := u.readSource(b)
	u.err = err
	u.e.StartClock() // until the server takes what was read, or answers
	return n, err
}

// readSource reads the source. If that may block, another goroutine reads, into
// a separate buffer, and can be left behind. net/http would wait for the Read
// even after the context of the caller has ended.
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
	if ended := fault.Ended(u.e.Context); ended != nil { // middleware or the engine may pass it on
		return 0, ended
	}
	return 0, errClosed
}

// interrupt ends a read that is waiting for the source.
func (u *upload) interrupt() {
	if u.over != nil {
		u.once.Do(func() { close(u.over) })
	}
}

// Close implements io.Closer. From then on the source is not read, apart from a
// read that is blocked in it.
func (u *upload) Close() error {
	u.interrupt()
	return u.body.Close()
}

var errClosed = errors.New("read of a closed request body")

// maxSmallBody is the largest buffer for a source that may block.
const maxSmallBody = 32 << 10
