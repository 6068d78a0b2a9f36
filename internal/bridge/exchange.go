package bridge

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// RoundTrip calls rt. If reading the request body may block, it does so in a
// goroutine that can be left behind.
func (e *Exchange) RoundTrip(rt http.RoundTripper, hr *http.Request, blocks bool) (*http.Response, error) {
	if blocks && e.Context.Done() != nil {
		return e.roundTripOrLeave(rt, hr)
	}
	return rt.RoundTrip(hr)
}

// leaveGrace is how long to wait for an ended exchange before it is left
// behind.
const leaveGrace = 50 * time.Millisecond

// roundTripOrLeave returns when the context of the call ends, whatever happens.
// net/http waits for the last Read of the request body, and the reader belongs
// to the caller: if that Read blocks, it is left behind.
func (e *Exchange) roundTripOrLeave(rt http.RoundTripper, hr *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	var panicked any
	aborted := true
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		defer func() {
			if aborted {
				panicked = recover() // which would end the program
			}
		}()
		res, err = e.RoundTrip(rt, hr, false)
		aborted = false
	}()
	outcome := func() (*http.Response, error) {
		switch {
		case panicked != nil:
			panic(panicked)
		case aborted:
			runtime.Goexit()
		}
		return res, err
	}
	select {
	case <-returned:
		return outcome()
	case <-e.Context.Done():
	}
	grace := time.NewTimer(leaveGrace)
	defer grace.Stop()
	select {
	case <-returned:
		return outcome()
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

// An Exchange is one request and its response through a RoundTripper. The
// connection of a foreign RoundTripper cannot be seen, so no deadline can be
// set on it; a [Watchdog] ends the exchange instead. The Exchange is the
// context of the request, and can be ended without another context below that
// of the caller.
type Exchange struct {
	context.Context // the caller's, with the trace

	watchdog *Watchdog    // of the RoundTripper
	silence  atomic.Int64 // the Read limit, a time.Duration; zero is none
	expired  atomic.Bool  // the Read limit ran out

	upload atomic.Pointer[upload] // the request body, if it is a stream
	OnEnd  func()                 // called at the end, perhaps more than once; may be nil

	// Used only with a limit; without one, done is nil.
	done     chan struct{}
	detach   func() bool  // from the caller's context
	deadline atomic.Int64 // on the clock of the watchdog; 0 for none

	mu    sync.Mutex
	ended error  // why done is closed
	after func() // called then; it cancels the context that net/http made below this one
}

// NewExchange starts an exchange.
func NewExchange(ctx context.Context, read time.Duration, watchdog *Watchdog) *Exchange {
	e := &Exchange{Context: ctx, watchdog: watchdog}
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

// AfterFunc is what package context looks for in a foreign context. Without it,
// context would start a goroutine to wait for Done. There is one such context
// at a time.
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

// cannotStop stops nothing, as nothing needs to be: cancelling a context that
// has ended does nothing.
func cannotStop() bool { return false }

// end closes Done for the given reason.
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

// expire ends the exchange because its Read limit has run out.
func (e *Exchange) expire() {
	e.expired.Store(true)
	e.end(context.Canceled)
}

// Limited reports whether there is a Read limit.
func (e *Exchange) Limited() bool { return e.done != nil }

// StartClock starts or restarts the clock.
func (e *Exchange) StartClock() {
	if e.done != nil {
		e.watchdog.watch(e)
	}
}

// StopClock stops the clock while nobody waits for the server.
func (e *Exchange) StopClock() { e.deadline.Store(0) }

// Hurry lowers the Read limit, for a body that is read only to reuse its
// connection.
func (e *Exchange) Hurry(limit time.Duration) {
	if now := e.readLimit(); now <= 0 || now > limit {
		e.silence.Store(int64(limit))
	}
}

// readLimit returns the Read limit.
func (e *Exchange) readLimit() time.Duration { return time.Duration(e.silence.Load()) }

// Release ends the limits of the exchange but not the exchange itself: its
// connection now speaks another protocol.
func (e *Exchange) Release() {
	if e.OnEnd != nil {
		e.OnEnd()
	}
	if e.done != nil {
		e.watchdog.forget(e)
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
		e.watchdog.forget(e)
		if e.detach != nil {
			e.detach()
		}
		e.end(context.Canceled)
	}
}

// Expired returns the error of an exchange whose Read limit has run out, or
// nil.
func (e *Exchange) Expired() error {
	if !e.expired.Load() {
		return nil
	}
	return &fault.Limit{Kind: fault.ReadTimeout, After: e.readLimit()}
}
