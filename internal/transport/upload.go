package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"os"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
)

const (
	// expectWait is how long to wait for a server that was asked whether it
	// wants the body (RFC 9110, section 10.1.1).
	expectWait = time.Second
	// lastWrite is how long to wait for the last bytes of a request after the
	// server has answered. The goroutine that sends them may not have noticed
	// yet that they are written.
	lastWrite = 50 * time.Millisecond
	// pieceSize is the size of the writes of a long body, each of which has the
	// whole Read limit. Under TLS it is the size of a record, because after a
	// timeout nobody knows how much of a write was taken.
	pieceSize    = 128 << 10
	tlsPieceSize = 16 << 10
)

// An upload is a request body that a goroutine sends, because the server may
// answer before it has ended.
type upload struct {
	conn  *conn
	call  *Call
	trace *httptrace.ClientTrace
	body  io.ReadCloser // nil if it is in memory
	limit time.Duration
	wait  chan struct{} // closed when the server wants the body; nil if it was not asked
	quit  chan struct{} // closed by end
	done  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	invited bool // wait is closed
	begun   bool // the server wants the body, or did not answer in time
	stopped bool // nothing more may be read or written
	reading bool // a Read of the source is under way
	ended   bool // everything was read
	over    bool // nothing more is written
	err     error
	ours    bool // err is an error of the source or the limit, not of the connection
}

// errStopped ends an upload that is not wanted any more.
var errStopped = errors.New("the server has answered before the end of the body")

func newUpload(c *conn, a *attempt) *upload {
	u := &upload{conn: c, call: a.call, trace: a.trace, body: a.body, limit: c.limit,
		quit: make(chan struct{}), done: make(chan struct{})}
	a.body = nil
	if a.expects() {
		u.wait = make(chan struct{})
		if a.trace != nil && a.trace.Wait100Continue != nil {
			a.trace.Wait100Continue()
		}
	}
	return u
}

// run sends the body.
func (u *upload) run() {
	defer close(u.done)
	err := errStopped
	if u.wanted() {
		err = u.send()
	}
	if u.body != nil {
		u.body.Close()
	}
	u.mu.Lock()
	u.over = true
	var source *message.SourceError
	_, known := fault.Of(err)
	switch {
	case u.stopped:
		u.err = errStopped
	case err == nil:
		u.startClock()
	case errors.As(err, &source):
		u.err, u.ours = source.Err, true
		u.conn.abort() // nobody waits for the answer
	case known:
		u.err, u.ours = err, true
		u.conn.abort()
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.err, u.ours = &fault.Limit{Kind: fault.ReadTimeout, After: u.limit}, true
		u.conn.abort()
	default: // the server may have answered before it closed the connection
		u.err = err
		u.startClock()
	}
	err = u.err
	u.mu.Unlock()
	if u.trace != nil && u.trace.WroteRequest != nil {
		u.trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

// wanted waits until the server wants the body.
func (u *upload) wanted() bool {
	if u.wait == nil {
		return true
	}
	timer := time.NewTimer(expectWait)
	defer timer.Stop()
	select {
	case <-u.wait:
	case <-timer.C:
	case <-u.quit:
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begun = true
	return !u.stopped
}

// unwanted reports whether the server was asked for the body and has answered
// with a status other than 100.
func (u *upload) unwanted() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.wait != nil && !u.begun && !u.invited
}

// proceed is called when the server wants the body.
func (u *upload) proceed() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.wait != nil && !u.invited {
		u.invited = true
		close(u.wait)
	}
}

// send writes the body.
func (u *upload) send() (err error) {
	defer func() {
		if p := recover(); p != nil { // on this goroutine it would end the program
			err = &message.SourceError{Err: fmt.Errorf("panic in the request body: %v", p)}
		}
	}()
	if err := u.call.reportUp(0); err != nil {
		return err
	}
	defer func() {
		if failed := u.call.reportUp(-1); err == nil {
			err = failed
		}
	}()
	b := u.call.Body.Bytes
	switch {
	case u.body != nil:
		return u.call.WriteBody(u, (*source)(u))
	case int64(len(b)) != u.call.Length:
		return u.call.WriteBody(u, bytes.NewReader(b))
	}
	for len(b) > 0 {
		n, err := u.Write(b[:min(len(b), u.piece())])
		if err == nil {
			err = u.call.reportUp(n)
		}
		if err != nil {
			return err
		}
		b = b[n:]
		u.mu.Lock()
		u.ended = len(b) <= u.piece()
		u.mu.Unlock()
	}
	return nil
}

// reportUp calls Up, if there is one.
func (c *Call) reportUp(n int) error {
	if c.Up == nil {
		return nil
	}
	if err := c.Up(n); err != nil {
		return &message.SourceError{Err: err}
	}
	return nil
}

// sentInline reports a body that was sent with its head.
func (c *Call) sentInline() error {
	if len(c.Body.Bytes) == 0 || c.Up == nil {
		return nil
	}
	for _, n := range [...]int{0, len(c.Body.Bytes), -1} {
		if err := c.reportUp(n); err != nil {
			return err
		}
	}
	return nil
}

func (u *upload) piece() int {
	if u.conn.link.tls != nil {
		return tlsPieceSize
	}
	return pieceSize
}

// Write writes b. It gives the server the Read limit to take anything at all.
func (u *upload) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if err := u.extend(); err != nil {
			return n, err
		}
		m, err := u.conn.link.Write(b[n:min(len(b), n+u.piece())])
		n += m
		again := m > 0 && u.conn.link.tls == nil && errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !again {
			return n, err
		}
	}
	return n, nil
}

// A source reads the body of an upload until the upload is stopped.
type source upload

func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return 0, errStopped
	}
	s.reading = true
	s.mu.Unlock()
	n, err := s.body.Read(b)
	s.mu.Lock()
	s.reading = false
	s.ended = err == io.EOF
	s.mu.Unlock()
	if n > 0 && s.call.Up != nil {
		if failed := s.call.Up(n); failed != nil {
			return 0, failed
		}
	}
	return n, err
}

// end stops the upload and waits until nobody reads the source any more, except
// for a blocked Read of a source that may block. It reports whether everything
// was sent.
func (u *upload) end() bool {
	u.mu.Lock()
	if u.ended && !u.over {
		u.mu.Unlock()
		last := time.NewTimer(lastWrite)
		select {
		case <-u.done:
		case <-last.C:
		}
		last.Stop()
		u.mu.Lock()
	}
	if !u.over && !u.stopped {
		u.stopped = true
		close(u.quit)
		u.conn.link.SetWriteDeadline(time.Unix(1, 0))
	}
	leave := u.reading && u.call.Body.Blocks
	u.mu.Unlock()
	if leave {
		return false
	}
	<-u.done
	return u.err == nil
}

// waitSent waits until everything is sent, and reports whether that succeeded.
func (u *upload) waitSent(ctx context.Context) bool {
	select {
	case <-u.done:
		return u.err == nil
	case <-u.quit: // it was stopped, and may have been left behind
		return false
	case <-ctx.Done():
		return u.end()
	}
}

// failure returns why the upload has ended the call, or nil.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ours {
		return u.err
	}
	return nil
}
