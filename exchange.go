package requests

import (
	"context"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// The limits of [Timeout] cost next to nothing while nothing goes wrong: an
// HTTP/1.1 exchange has its connection to itself, so that its Read limit is the
// deadline of the connection, which the runtime keeps without a timer or a
// context of ours (a context with a timeout costs a request eight allocations
// and 2 µs). Where several exchanges share a connection (HTTP/2) or there is
// none to see (a foreign RoundTripper), a watchdog ends the exchange instead.

// An exchange is one request and its response on the wire. It is the context
// of the request, so that a dial begun for it finds its Connect limit, and so
// that it can be ended without a context of its own under that of the caller.
type exchange struct {
	context.Context // the caller's, with the trace

	pool    *pool         // nil for a foreign RoundTripper
	dog     *watchdog     // that of the pool or the RoundTripper
	connect time.Duration // the Connect limit; zero is none
	silence atomic.Int64  // the Read limit, a time.Duration; zero is none

	conn    atomic.Pointer[conn] // nil if foreign or not there yet
	served  atomic.Bool          // it has had a connection
	sent    atomic.Bool          // the whole request was handed over
	expired atomic.Bool          // the Read limit ran out

	upload atomic.Pointer[upload] // the body on its way, if it is a stream

	// What follows is for an exchange that cannot go by the deadlines of a
	// connection: done is nil where they do.
	done     chan struct{}
	detach   func() bool  // from the caller's context
	deadline atomic.Int64 // on the clock of the watchdog; 0 is none

	mu    sync.Mutex
	ended error  // why done is closed
	after func() // runs then: net/http's context under this one
}

type exchangeKey struct{}

// exchangeOf returns the exchange that ctx, perhaps that of a dial, belongs to.
func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// A carrier is how an exchange is carried.
type carrier int

const (
	exclusive carrier = iota // by net/http, on a connection of its own
	sharing                  // perhaps on one that deadlines cannot serve, so that it has to be ended in another way
)

// newExchange starts an exchange.
func newExchange(ctx context.Context, limit Timeout, p *pool, dog *watchdog, how carrier) *exchange {
	e := &exchange{Context: ctx, connect: limit.Connect, pool: p, dog: dog}
	e.silence.Store(int64(limit.Read))
	if p != nil {
		p.waiting.Add(1)
	}
	e.follow()
	if how == sharing && limit.Read > 0 {
		e.done = make(chan struct{})
		if ctx.Done() != nil {
			e.detach = context.AfterFunc(ctx, func() { e.end(ctx.Err()) })
		}
	}
	return e
}

// follow has net/http tell which connection it takes.
func (e *exchange) follow() {
	e.Context = httptrace.WithClientTrace(e.Context, &httptrace.ClientTrace{GotConn: e.got})
}

// Value implements [context.Context]: it finds the exchange itself under exchangeKey.
func (e *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// Done implements [context.Context].
func (e *exchange) Done() <-chan struct{} {
	if e.done != nil {
		return e.done
	}
	return e.Context.Done()
}

// Err implements [context.Context].
func (e *exchange) Err() error {
	if e.done == nil {
		return e.Context.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

// AfterFunc is what package context looks for in a foreign context, so as not
// to start a goroutine that waits for Done. There is one such context at a time.
func (e *exchange) AfterFunc(f func()) (stop func() bool) {
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
func (e *exchange) end(why error) {
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
func (e *exchange) expire() {
	e.expired.Store(true)
	e.end(context.Canceled)
}

// got is called by the transport with the connection of the next attempt: it
// tries another one by itself if the first turns out to be dead.
func (e *exchange) got(info httptrace.GotConnInfo) {
	c := connOf(info.Conn)
	if e.pool != nil {
		e.arrived()
		if info.Reused {
			e.pool.reused.Add(1)
		}
	}
	if before := e.conn.Swap(c); before != nil && before != c {
		before.release(e)
	}
	if c != nil {
		c.acquire(e, info.Reused)
	}
	if e.sent.Load() {
		e.watch()
	}
}

// arrived notes that the wait for a connection is over.
func (e *exchange) arrived() {
	if e.pool != nil && !e.served.Swap(true) {
		e.pool.waiting.Add(-1)
	}
}

// own returns the connection if the exchange has it to itself.
func (e *exchange) own() *conn {
	if c := e.conn.Load(); c != nil && !c.multiplexed {
		return c
	}
	return nil
}

// watch starts or restarts the clock of an exchange without deadlines.
func (e *exchange) watch() {
	if e.done != nil && e.own() == nil {
		e.dog.watch(e)
	}
}

// pause stops the clock, while it is not the server that we wait for.
func (e *exchange) pause() { e.deadline.Store(0) }

// answered notes that the headers are here; the clock stands still until the
// body is read.
func (e *exchange) answered() {
	e.pause()
	if c := e.own(); c != nil {
		c.answered(e)
	}
}

// hurry lowers the Read limit, for a body that is only read to have its
// connection again.
func (e *exchange) hurry(limit time.Duration) {
	if now := e.read(); now <= 0 || now > limit {
		e.silence.Store(int64(limit))
	}
}

// read is the Read limit.
func (e *exchange) read() time.Duration { return time.Duration(e.silence.Load()) }

// finish lets go of the connection, which may be in other hands by then.
func (e *exchange) finish() {
	e.arrived()
	if u := e.upload.Load(); u != nil {
		u.Close()
	}
	if c := e.conn.Swap(nil); c != nil {
		c.release(e)
	}
	if e.done != nil {
		e.dog.forget(e)
		if e.detach != nil {
			e.detach()
		}
		e.end(context.Canceled)
	}
}

// lost returns what ended the connection, nil if it is not known to have ended.
func (e *exchange) lost() error {
	if c := e.conn.Load(); c != nil {
		return c.lost(e)
	}
	return nil
}

func (e *exchange) readTimeout() error { return &fault.Limit{Kind: ErrReadTimeout, After: e.read()} }

// A watchdog ends exchanges whose Read limit runs out. One timer serves all
// that it watches: to start and stop the clock of one is a store, which a
// timer for each, moved by every read, would not be. The zero value is ready.
type watchdog struct {
	mu      sync.Mutex
	watched map[*exchange]struct{}
	timer   *time.Timer
	wake    int64     // when the timer fires; 0 if it does not
	epoch   time.Time // the zero of deadlines, on the monotonic clock
}

// watch gives e its Read limit from now on.
func (w *watchdog) watch(e *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched == nil {
		w.watched, w.epoch = make(map[*exchange]struct{}), time.Now()
	}
	deadline := int64(time.Since(w.epoch)) + e.silence.Load()
	if e.deadline.Swap(deadline) == 0 {
		w.watched[e] = struct{}{}
	}
	if w.wake == 0 || deadline < w.wake {
		w.set(deadline)
	}
}

func (w *watchdog) set(wake int64) {
	w.wake = wake
	d := time.Duration(wake) - time.Since(w.epoch)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.look)
		return
	}
	w.timer.Reset(d)
}

// look ends what has expired and sleeps until the next deadline.
func (w *watchdog) look() {
	w.mu.Lock()
	now := int64(time.Since(w.epoch))
	next := int64(0)
	var expired []*exchange
	for e := range w.watched {
		switch d := e.deadline.Load(); {
		case d == 0: // paused: it comes back by watch
			delete(w.watched, e)
		case d <= now:
			expired = append(expired, e)
			delete(w.watched, e)
		case next == 0 || d < next:
			next = d
		}
	}
	w.wake = 0
	if next != 0 {
		w.set(next)
	}
	w.mu.Unlock()
	for _, e := range expired {
		e.expire()
	}
}

// forget ends the watch over e.
func (w *watchdog) forget(e *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.deadline.Store(0)
	delete(w.watched, e)
}
