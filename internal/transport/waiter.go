package transport

import (
	"context"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A waiter is a call that waits for a connection.
type waiter struct {
	ctx   context.Context
	host  *host
	limit time.Duration // Connect; it runs while a dial is under way
	fresh bool          // it needs a connection that was not used before
	ready chan struct{}

	// The lock of the pool guards the fields below until ready is closed.
	at    node[waiter]
	dial  *pendingDial // nil while it is queued
	timer *time.Timer
	seat
	err error
}

// wait returns what the waiter gets, or why it stopped waiting.
func (w *waiter) wait() (seat, error) {
	select {
	case <-w.ready:
		return w.seat, w.err
	case <-w.ctx.Done():
	}
	ended := fault.Ended(w.ctx)
	if !w.leave(ended) { // it was served at the same time
		<-w.ready
		switch {
		case w.conn != nil:
			w.host.pool.put(w.conn)
		case w.shared != nil:
			w.shared.release()
		}
	}
	return seat{}, ended
}

// leave ends the wait with err, unless the waiter has been served.
func (w *waiter) leave(err error) bool {
	h := w.host
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if w.at.of == nil {
		return false
	}
	h.fail(w, err)
	h.startDials()
	return true
}

// fail ends a waiter with err. The caller holds mu.
func (h *host) fail(w *waiter, err error) {
	h.removeWaiter(w, true)
	w.err = err
	close(w.ready)
}

// removeWaiter takes a waiter out of its list. Its dial is left to the next
// waiter. If there is none and the waiter got something else, it is left to the
// pool. A dial that nobody needs is cancelled. The caller holds mu.
func (h *host) removeWaiter(w *waiter, gaveUp bool) {
	if w.timer != nil {
		w.timer.Stop()
	}
	if d := w.dial; d == nil {
		h.queued.remove(&w.at)
	} else if h.unassign(w); d.waiters == 0 && d.at.of != nil {
		h.orphans.push(&d.orphan, d)
	}
	if h.assigned.n+h.queued.n > 0 {
		return
	}
	for at := h.orphans.first; at != nil; {
		d := at.of
		at = at.next
		if gaveUp || d.limit <= 0 || h.pool.retired {
			h.drop(d)
		}
	}
}

// assign makes w wait for d. The caller holds mu.
func (h *host) assign(w *waiter, d *pendingDial) {
	w.dial = d
	d.waiters++
	h.assigned.push(&w.at, w)
	if w.limit > 0 && w.timer == nil {
		w.timer = time.AfterFunc(w.limit, w.expire)
	}
}

// unassign undoes assign, except that the time continues to run.
func (h *host) unassign(w *waiter) {
	h.assigned.remove(&w.at)
	w.dial.waiters--
	w.dial = nil
}

// expire ends the wait because Connect ran out.
func (w *waiter) expire() {
	h := w.host
	h.pool.mu.Lock()
	d := w.dial
	h.pool.mu.Unlock()
	var err error = &fault.Limit{Kind: fault.ConnectTimeout, After: w.limit}
	if d != nil && d.proxied.Load() {
		err = fault.New(fault.Proxy, err)
	}
	w.leave(err)
}
