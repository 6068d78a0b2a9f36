package transport

import (
	"errors"
	"os"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
)

// renew gives a read of the body the limit to itself. While the request is
// still being sent it is not the server's turn.
func (c *conn) renew() {
	if c.limit <= 0 {
		return
	}
	u := c.upload
	if u == nil {
		c.link.SetReadDeadline(time.Now().Add(c.limit))
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var deadline time.Time
	if u.over {
		deadline = time.Now().Add(c.limit)
	}
	c.link.SetReadDeadline(deadline)
}

// A failure is why an exchange has ended before the head of a response.
type failure struct {
	err   error // of its kind
	sent  bool  // the server may have seen the request
	stale bool  // the connection had ended before
	lost  bool  // the connection ended without a byte of an answer
	only1 bool  // the server wants the request by HTTP/1.1

	elsewhere bool // not acted on, and to be sent on another connection of HTTP/2
	refused   bool // the server has refused the stream
}

// A hookError is what a function of the caller's has returned, to be passed on
// as it is.
type hookError struct{ err error }

func (h *hookError) Error() string { return h.err.Error() }

// failed closes the connection, and gives err its kind.
func (x *answer) failed(err error) *failure {
	c := x.conn
	f := &failure{sent: c.queued && c.link.sent(), stale: errors.Is(err, errStale), lost: !c.heard && isLost(err) && !errors.Is(err, os.ErrDeadlineExceeded)}
	var own error
	if c.upload != nil {
		c.upload.end()
		own = c.upload.failure()
		f.lost = f.lost && own == nil
	}
	f.err = x.headError(err, own)
	x.drop()
	return f
}

// drop closes a connection in the middle of an exchange.
func (x *answer) drop() {
	c := x.conn
	if c.upload != nil {
		c.upload.end()
	}
	if x.stop != nil {
		x.stop()
	}
	c.end()
	c.reader.Release()
	c.call, c.trace, c.upload = nil, nil, nil
	x.conn, x.err = nil, errClosed
}

// headError gives a failure before the end of the head its kind. Own is what the
// upload has ended the exchange for.
func (x *answer) headError(err, own error) error {
	if hook, ok := err.(*hookError); ok {
		return hook.err
	}
	if source, ok := err.(*message.SourceError); ok {
		return source.Err
	}
	if own != nil {
		return own
	}
	if ended := fault.Ended(x.ctx); ended != nil {
		return ended
	}
	if known, ok := fault.Of(err); ok {
		return known
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault.Limit{Kind: fault.ReadTimeout, After: x.conn.limit}
	case errors.Is(err, errUnasked):
		return fault.New(fault.Protocol, errUnasked)
	case isTLS(err):
		return fault.New(fault.TLS, err)
	}
	return fault.New(fault.ConnectionLost, err)
}

// bodyError gives a failure to read the body its kind.
func (x *answer) bodyError(err error) error {
	if c := x.conn; c.upload != nil {
		if own := c.upload.failure(); own != nil {
			return own
		}
	}
	if ended := fault.Ended(x.ctx); ended != nil {
		return ended
	}
	if known, ok := fault.Of(err); ok {
		return known
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Limit{Kind: fault.ReadTimeout, After: x.conn.limit}
	}
	return fault.New(fault.IncompleteBody, err)
}
