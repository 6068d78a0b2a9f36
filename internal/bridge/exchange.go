package bridge

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// RoundTrip calls rt, in a goroutine that can be left behind if blocks says so.
func (e *Exchange) RoundTrip(rt http.RoundTripper, hr *http.Request, blocks bool) (*http.Response, error) {
	if blocks && e.Context.Done() != nil {
		return e.roundTripOrLeave(rt, hr)
	}
	return rt.RoundTrip(hr)
}

// leaveGrace is how long an ended exchange is waited for before it is left behind.
const leaveGrace = 50 * time.Millisecond

// roundTripOrLeave ends with the context of the call, come what may. net/http does not
// return before the last Read of the request body has, and the reader is the
// caller's: if it blocks, that Read is left behind.
func (e *Exchange) roundTripOrLeave(rt http.RoundTripper, hr *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		res, err = e.RoundTrip(rt, hr, false)
	}()
	select {
	case <-returned:
		return res, err
	case <-e.Context.Done():
	}
	grace := time.NewTimer(leaveGrace)
	defer grace.Stop()
	select {
	case <-returned:
		return res, err
	case <-grace.C:
	}
	go func() {
		<-returned
		if res != nil && res.Body != nil {
			res.Body.Close()
		}
		e.Finish()
	}()
	return nil, e.Context.Err()
}

// A RoundTripper that is none of ours has no connection to see, whose deadlines
// could keep the limits of [Timeout]. A Watchdog ends the exchange instead.

// An Exchange is one request and its response by a RoundTripper. It is the
// context of the request, so that it can be ended without a context of its own
// under that of the caller.
type Exchange struct {
	context.Context // the caller's, with the trace

	dog     *Watchdog    // that of the RoundTripper
	silence atomic.Int64 // the Read limit, a time.Duration; zero is none
	expired atomic.Bool  // the Read limit ran out

	upload atomic.Pointer[upload] // the body on its way, if it is a stream
	OnEnd  func()                 // called at the end, perhaps more than once; may be nil

	// What follows is for an exchange with a limit: done is nil without.
	done     chan struct{}
	detach   func() bool  // from the caller's context
	deadline atomic.Int64 // on the clock of the watchdog; 0 is none

	mu    sync.Mutex
	ended error  // why done is closed
	after func() // runs then: net/http's context under this one
}

// NewExchange starts an exchange.
func NewExchange(ctx context.Context, read time.Duration, dog *Watchdog) *Exchange {
	e := &Exchange{Context: ctx, dog: dog}
	e.silence.Store(int64(read))
	if read > 0 {
		e.done = make(chan struct{})
		if ctx.Done() != nil {
			e.detach = context.AfterFunc(ctx, func() { e.end(ctx.Err()) })
		}
	}
	return e
}

// Done implements [context.Context].
func (e *Exchange) Done() <-chan struct{} {
	if e.done != nil {
		return e.done
	}
	return e.Context.Done()
}

// Err implements [context.Context].
func (e *Exchange) Err() error {
	if e.done == nil {
		return e.Context.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

// AfterFunc is what package context looks for in a foreign context, so as not
// to start a goroutine that waits for Done. There is one such context at a time.
func (e *Exchange) AfterFunc(f func()) (stop func() bool) {
	if e.done == nil {
		return context.AfterFunc(e.Context, f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended != nil {
		go f()
		return cannotStop
	}
	if before := e.after; before != nil {
		e.after = func() { before(); f() }
		return cannotStop
	}
	e.after = f
	return cannotStop
}

// cannotStop need not stop anything: to cancel a context that has ended does nothing.
func cannotStop() bool { return false }

// end closes Done, and says why.
func (e *Exchange) end(why error) {
	e.mu.Lock()
	if e.ended != nil {
		e.mu.Unlock()
		return
	}
	e.ended = why
	after := e.after
	close(e.done)
	e.mu.Unlock()
	if after != nil {
		after()
	}
}

// expire ends the exchange since its Read limit ran out.
func (e *Exchange) expire() {
	e.expired.Store(true)
	e.end(context.Canceled)
}

// Limited reports whether there is a Read limit.
func (e *Exchange) Limited() bool { return e.done != nil }

// StartClock starts or restarts the clock.
func (e *Exchange) StartClock() {
	if e.done != nil {
		e.dog.watch(e)
	}
}

// StopClock stops the clock, while it is not the server that we wait for.
func (e *Exchange) StopClock() { e.deadline.Store(0) }

// Hurry implements [hurrier].
func (e *Exchange) Hurry(limit time.Duration) {
	if now := e.readLimit(); now <= 0 || now > limit {
		e.silence.Store(int64(limit))
	}
}

// readLimit is the Read limit.
func (e *Exchange) readLimit() time.Duration { return time.Duration(e.silence.Load()) }

// Release ends the limits of the exchange, whose connection has got another
// protocol, and not the exchange.
func (e *Exchange) Release() {
	if e.OnEnd != nil {
		e.OnEnd()
	}
	if e.done != nil {
		e.dog.forget(e)
		e.detach = nil
	}
}

// Finish ends the exchange.
func (e *Exchange) Finish() {
	if e.OnEnd != nil {
		e.OnEnd()
	}
	if u := e.upload.Load(); u != nil {
		u.Close()
	}
	if e.done != nil {
		e.dog.forget(e)
		if e.detach != nil {
			e.detach()
		}
		e.end(context.Canceled)
	}
}

// Expired returns the error of an exchange whose Read limit ran out, nil if it
// has not.
func (e *Exchange) Expired() error {
	if !e.expired.Load() {
		return nil
	}
	return &fault.Limit{Kind: fault.ReadTimeout, After: e.readLimit()}
}
