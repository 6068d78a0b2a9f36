package transport

import (
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
)

// A failure says why an exchange has ended before the head of a response.
type failure struct {
	err       error // with its kind
	sent      bool  // the server may have seen the request
	stale     bool  // the connection had ended before
	lost      bool  // the connection ended without a byte of an answer
	http1Only bool  // the server wants the request by HTTP/1.1

	elsewhere bool // the server has not acted on it, and it may be sent on another connection of HTTP/2
	refused   bool // the server has refused the stream
}

// A hookError is an error of a function of the caller's, and is returned
// unchanged.
type hookError struct{ err error }

func (h *hookError) Error() string { return h.err.Error() }

// fail closes the connection and gives err its kind.
func (x *responseBody) fail(err error) *failure {
	c := x.conn
	f := &failure{sent: c.queued && c.link.sent(), stale: errors.Is(err, errStale), lost: !c.heard && fault.IsLost(err) && !errors.Is(err, os.ErrDeadlineExceeded)}
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
func (x *responseBody) drop() {
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

// headError wraps a failure before the end of the head in its kind. own is the
// error with which the upload has ended the exchange, or nil.
func (x *responseBody) headError(err, own error) error {
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
	case fault.IsTLS(err):
		return fault.New(fault.TLS, err)
	}
	return fault.New(fault.ConnectionLost, err)
}

// bodyError gives a failure to read the body its kind.
func (x *responseBody) bodyError(err error) error {
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

// fail describes why there is no response.
func (x *stream) fail(a *attempt, err error) *failure {
	s := x.shared
	f := &failure{sent: true}
	reset, isReset := errors.AsType[fault.StreamReset](err)
	goAway := s.frames.goAway.Load()
	switch {
	case fault.IsA[*hookError](err) || x.expired.Load() || x.Context.Err() != nil:
	case goAway && s.frames.code.Load() == http11Required, isReset && reset.Code == http11Required:
		f.http1Only = true
	case isReset && reset.Code == refusedStream:
		f.sent, f.elsewhere, f.refused = false, true, true
	case isReset:
		if reset.Code == protocolError {
			s.leave() // as net/http does
		}
	case err == errGoAway() || !x.wrote.Load():
		f.sent, f.elsewhere = false, s.ended()
	case goAway && s.frames.last.Load() == 0:
		// A server that ends a new connection with an error would do the same
		// to another one.
		f.sent = false
	default:
		f.lost = s.cc.Err() != nil && (x.interim == nil || !x.interim.pending())
	}
	if s.ended() {
		s.leave() // before looking for another connection
	}
	if f.elsewhere && x.feed != nil {
		a.body = x.feed.giveBack()
		x.feed.end()
		if a.body == nil && !a.call.Body.repeatable() {
			f.elsewhere = false
		}
	}
	if x.feed != nil {
		x.feed.end()
	}
	f.err = x.headError(err)
	f.lost = f.lost && errors.Is(f.err, fault.ConnectionLost) && (x.feed == nil || x.feed.failure() == nil)
	x.drop()
	if f.refused {
		s.refuse()
	}
	return f
}

// headError wraps a failure before the response in its kind.
func (x *stream) headError(err error) error {
	if hook, ok := err.(*hookError); ok {
		return hook.err
	}
	if known, ok := x.localCause(err); ok {
		return known
	}
	if fault.IsTLS(err) {
		return fault.New(fault.TLS, err)
	}
	return x.classify(err, fault.ConnectionLost)
}

// bodyError gives a failure to read the body its kind.
func (x *stream) bodyError(err error) error {
	if known, ok := x.localCause(err); ok {
		return known
	}
	return x.classify(err, fault.IncompleteBody)
}

// localCause returns the reason for the end, if the server has not caused it.
func (x *stream) localCause(err error) (error, bool) {
	if x.feed != nil {
		if own := x.feed.failure(); own != nil {
			return own, true
		}
	}
	if ended := fault.Ended(x.Context); ended != nil {
		return ended, true
	}
	if x.expired.Load() {
		return &fault.Limit{Kind: fault.ReadTimeout, After: time.Duration(x.limit.Load())}, true
	}
	return fault.Of(err)
}

// classify wraps an error in its kind. lost is the kind if the stream or the
// connection has ended. Errors of net/http may quote malformed text, even a
// cookie, so their words are not kept.
func (x *stream) classify(err error, lost error) error {
	if reset, ok := errors.AsType[fault.StreamReset](err); ok {
		if reset.Code != protocolError {
			return fault.Reword(lost, err, "HTTP/2 stream error "+strconv.FormatUint(uint64(reset.Code), 10))
		}
		return fault.Text(fault.Protocol, "HTTP/2 stream error "+strconv.FormatUint(uint64(reset.Code), 10))
	}
	if fault.IsLost(err) {
		return fault.New(lost, err)
	}
	if cause := x.shared.lost(); cause != nil {
		return fault.New(lost, cause)
	}
	return fault.Text(fault.Protocol, "it is not one of HTTP")
}

const refusedStream = 0x7 // an error code (RFC 9113, section 7)
