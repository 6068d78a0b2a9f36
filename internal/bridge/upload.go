package bridge

import (
	"errors"
	"io"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// An upload is a streamed request body on its way. It stops the clock of the
// exchange while its source is read, and lets go of a source that waits once
// nobody waits for it any more.
type upload struct {
	body io.ReadCloser
	e    *Exchange
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

// Upload makes body that of e, which sends it from now on. A read of one that
// waits may block.
func (e *Exchange) Upload(body io.ReadCloser, waits bool) io.ReadCloser {
	u := &upload{body: body, e: e}
	if waits {
		u.over, u.read = make(chan struct{}), make(chan uploadRead, 1)
	}
	e.upload.Store(u)
	return u
}

// Read implements io.Reader. The clock of the exchange stands still while it
// is the caller's source that we wait for.
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
	if ended := fault.Ended(u.e.Context); ended != nil { // which middleware or the engine may pass on
		return 0, ended
	}
	return 0, errClosed
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

var errClosed = errors.New("read of a closed request body")

// maxSmallBody is the length up to which a body is copied by a buffer of its own.
const maxSmallBody = 32 << 10
