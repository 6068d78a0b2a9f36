package transport

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// A feed is the body of a request as net/http reads it, on a goroutine that
// net/http does not always wait for. When the exchange has ended the feed,
// nobody reads the source any more.
type feed struct {
	stream *stream
	call   *Call
	source io.Reader
	closer io.Closer // nil if the body is in memory
	left   int64     // bytes still to come, negative if unknown

	// For a source that blocks.
	quit   chan struct{} // closed by stop
	blocks chan block
	buf    []byte

	mu      sync.Mutex
	calm    sync.Cond // no Read of the source is under way
	begun   bool      // the source was read
	reading bool      // a Read of the source is under way
	stopped bool      // nothing more is to be read
	over    bool      // the source has ended or failed
	err     error     // of the source

	finished bool // Up was told of the end and the source is closed; whoever reads or ends the feed sets it
}

// A block is the result of one Read of a source.
type block struct {
	n   int
	err error
}

// blockSize is how much is read at once from a source that may block. It also
// applies to any source if the server has a time limit to take the bytes.
const blockSize = 32 << 10

func newFeed(x *stream, a *attempt) *feed {
	f := &feed{stream: x, call: a.call, left: a.call.Length}
	f.calm.L = &f.mu
	if a.body != nil {
		f.source, f.closer = a.body, a.body
		a.body = nil
	} else {
		f.source = bytes.NewReader(a.call.Body.Bytes)
	}
	if a.call.Body.Blocks {
		f.quit, f.blocks = make(chan struct{}), make(chan block, 1)
	}
	return f
}

// Read implements io.Reader. The clock stands still while it waits for the
// source.
func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	if f.stopped || f.over {
		defer f.mu.Unlock()
		switch {
		case f.err != nil:
			return 0, f.err
		case f.over:
			return 0, io.EOF
		}
		return 0, errStopped
	}
	first := !f.begun
	f.begun, f.reading = true, true
	f.mu.Unlock()
	f.stream.stopClock()
	n, err := f.read(p, first)
	if err != nil && err != errStopped {
		if failed := f.finish(); failed != nil && err == io.EOF {
			n, err = 0, failed
		}
	}
	f.mu.Lock()
	f.reading = false
	f.over = err != nil && err != errStopped
	if f.over && err != io.EOF {
		f.err = err
	}
	stopped := f.stopped
	f.calm.Broadcast()
	f.mu.Unlock()
	switch {
	case stopped:
		return 0, errStopped
	case err == nil: // the server now has the limit to take the bytes
		f.stream.startClock()
	default:
		f.stream.noteSent()
	}
	return n, err
}

// read reads the source and checks its length. It detects that a source is too
// long before net/http writes the last bytes, so that the server never gets a
// request that looks complete.
func (f *feed) read(p []byte, first bool) (n int, err error) {
	defer func() {
		if r := recover(); r != nil { // on this goroutine it would end the program
			n, err = 0, fmt.Errorf("panic in the request body: %v", r)
		}
	}()
	if first && f.call.Up != nil {
		if err := f.call.Up(0); err != nil {
			return 0, err
		}
	}
	if f.call.Read > 0 && len(p) > blockSize {
		p = p[:blockSize] // the server has the limit to take one block
	}
	n, err = f.fill(p)
	if n > 0 && f.call.Up != nil {
		if err := f.call.Up(n); err != nil {
			return 0, err
		}
	}
	if f.left < 0 || err != nil && err != io.EOF {
		return n, err
	}
	if f.left -= int64(n); f.left < 0 {
		return 0, fault.Text(fault.InvalidOption, "the request body is longer than its length")
	}
	if err == io.EOF && f.left > 0 {
		return 0, fault.Text(fault.InvalidOption, "the request body is shorter than its length")
	}
	return n, err
}

// maxEmptyReads is how often in a row a source may return neither bytes nor an
// error, as in package bufio.
const maxEmptyReads = 100

// fill reads the source until it returns bytes or an error.
func (f *feed) fill(p []byte) (int, error) {
	for range maxEmptyReads {
		n, err := f.take(p)
		if n < 0 || n > len(p) {
			return 0, fault.Text(fault.InvalidOption, "the request body has a Read that returns an impossible count")
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// take reads the source once. Another goroutine reads a source that may block,
// into a separate buffer, so that it can be left behind.
func (f *feed) take(p []byte) (int, error) {
	if f.quit == nil {
		return f.source.Read(p)
	}
	size := min(len(p), blockSize)
	if len(f.buf) < size {
		f.buf = make([]byte, size)
	}
	buf := f.buf[:size]
	go func() {
		var b block
		defer func() {
			if r := recover(); r != nil {
				b = block{0, fmt.Errorf("panic in the request body: %v", r)}
			}
			f.blocks <- b
		}()
		b.n, b.err = f.source.Read(buf)
	}()
	select {
	case b := <-f.blocks:
		if b.n > size {
			return b.n, b.err
		}
		return copy(p, buf[:max(b.n, 0)]), b.err
	case <-f.quit:
		if closer := f.closer; closer != nil { // the goroutine that is in Read closes it
			f.closer = nil
			go func() {
				<-f.blocks
				closer.Close()
			}()
		}
		return 0, errStopped
	}
}

// Close implements io.Closer for net/http.
func (f *feed) Close() error {
	f.stop()
	return nil
}

// stop ends the reading.
func (f *feed) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped {
		f.stopped = true
		if f.quit != nil {
			close(f.quit)
		}
	}
}

// end stops the feed and waits until nobody reads the source, except for a
// blocked Read of a source that may block. It reports whether everything was
// read.
func (f *feed) end() (complete bool) {
	f.stop()
	f.mu.Lock()
	for f.reading {
		f.calm.Wait()
	}
	complete = f.over && f.err == nil
	f.mu.Unlock()
	f.finish()
	return complete
}

// finish reports the end to Up and closes the source. Nobody else uses it by
// then.
func (f *feed) finish() (err error) {
	if f.finished {
		return nil
	}
	f.finished = true
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in the request body: %v", r)
		}
	}()
	if f.closer != nil {
		defer f.closer.Close()
	}
	if f.begun && f.call.Up != nil {
		err = f.call.Up(-1)
	}
	return err
}

// giveBack returns the source for another attempt, or nil if it was read.
func (f *feed) giveBack() io.ReadCloser {
	f.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun || f.closer == nil {
		return nil
	}
	f.finished = true
	return f.source.(io.ReadCloser)
}

// isOver reports whether the reading has ended.
func (f *feed) isOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over || f.stopped
}

// failure returns the error with which the source has ended the call, or nil.
func (f *feed) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
