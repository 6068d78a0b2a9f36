package transport

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A pendingDial is a connection being made. It belongs to its host: the waiter
// that it was begun for may get another connection, and another waiter may get
// this one.
type pendingDial struct {
	host    *host
	cancel  context.CancelFunc
	owner   *waiter       // the waiter that it was begun for
	limit   time.Duration // the limit of the owner, after which the dial ends; zero is no limit
	clock   dialClock
	proxied atomic.Bool // it is waiting for the proxy

	// The lock of the pool guards the fields below.
	at        node[pendingDial] // among the dials of the host
	orphan    node[pendingDial] // among those that nobody waits for
	waiters   int
	cancelled bool
}

type dialKey struct{}

// startDial begins to make a connection on behalf of w, with the values of the
// context of w and its Connect limit. The caller holds mu.
func (h *host) startDial(w *waiter) *pendingDial {
	d := &pendingDial{host: h, owner: w, limit: w.limit}
	ctx := d.clock.withTrace(context.WithoutCancel(w.ctx))
	ctx = context.WithValue(ctx, dialKey{}, d)
	if d.limit > 0 {
		ctx, d.cancel = context.WithTimeoutCause(ctx, d.limit, &fault.Limit{Kind: fault.ConnectTimeout, After: d.limit})
	} else {
		ctx, d.cancel = context.WithCancel(ctx)
	}
	h.open++
	h.dials.push(&d.at, d)
	go d.run(ctx)
	return d
}

// waitForProxy records whether the dial of ctx is waiting for the proxy. If a
// limit runs out meanwhile, the error says so.
func waitForProxy(ctx context.Context, is bool) {
	if d, ok := ctx.Value(dialKey{}).(*pendingDial); ok {
		d.proxied.Store(is)
	}
}

// drop cancels a dial. The caller holds mu.
func (h *host) drop(d *pendingDial) {
	if d.orphan.of != nil {
		h.orphans.remove(&d.orphan)
	}
	d.cancelled = true
	d.cancel()
}

func (d *pendingDial) run(ctx context.Context) {
	l, err := d.open(ctx)
	h := d.host
	var c *conn
	var s *shared
	switch {
	case err != nil:
	case h.isHTTP2(l):
		s, err = newShared(l, h, d.clock.stop())
	default:
		c = newConn(l, h)
		c.times = d.clock.stop()
	}
	p := h.pool
	p.mu.Lock()
	h.dials.remove(&d.at)
	if d.orphan.of != nil {
		h.orphans.remove(&d.orphan)
	}
	var surplus *conn
	if err != nil {
		h.open--
		h.failWaiters(d, err)
	} else {
		p.open++
		if s != nil {
			h.addShared(d, s)
		} else {
			surplus = h.addConn(d, c)
		}
	}
	h.startDials()
	retired := p.retired
	p.mu.Unlock()
	d.cancel()
	surplus.closeAll()
	if s != nil {
		h.lend()
		if retired {
			s.close()
		}
	}
}

// isHTTP2 reports whether a new connection speaks HTTP/2.
func (h *host) isHTTP2(l *link) bool {
	if h.to.secure {
		return l.tls.NegotiatedProtocol == "h2"
	}
	return h.pool.h2c
}

// open makes the connection. It recovers from a panic in a function of the
// caller's, which would otherwise end the program.
func (d *pendingDial) open(ctx context.Context) (l *link, err error) {
	defer func() {
		if p := recover(); p != nil {
			l, err = nil, fault.New(fault.InvalidOption, fmt.Errorf("panic while connecting: %v", p))
		}
	}()
	return d.host.pool.dialer.open(ctx, d.host.to)
}

// addConn adds a new connection of HTTP/1.1. The caller holds mu.
func (h *host) addConn(d *pendingDial, c *conn) (surplus *conn) {
	h.proto = http1
	first := h.assigned.front()
	if first != nil && first.dial != d {
		h.swap(first, d)
	}
	h.requeue(d, first)
	if h.firstWaiter(false) == nil && !c.park() {
		c.uncount()
		return c
	}
	return h.offer(c)
}

// addShared adds a new connection of HTTP/2. The caller holds mu, and then calls
// lend.
func (h *host) addShared(d *pendingDial, s *shared) {
	h.proto = http2
	h.requeue(d, nil)
	h.shared = append(slices.Clip(h.shared), s)
	h.full = false
}

// swap is called when first gets the connection of d. A waiter for d gets the
// dial of first in exchange. The caller holds mu.
func (h *host) swap(first *waiter, d *pendingDial) {
	for at := h.assigned.first; at != nil; at = at.next {
		if at.of.dial == d {
			at.of.dial, first.dial = first.dial, d
			return
		}
	}
}

// requeue puts the waiters for d, except one, back into the queue, since d is
// over. The caller holds mu.
func (h *host) requeue(d *pendingDial, but *waiter) {
	for at := h.assigned.last; at != nil && d.waiters > 0; {
		w := at.of
		at = at.prev
		if w.dial == d && w != but {
			h.unassign(w)
			h.queued.unshift(&w.at, w)
		}
	}
}

// failWaiters ends the waiters for d with err. If a limit ran out, it was that
// of the waiter that d was begun for; others may have more time. The caller
// holds mu.
func (h *host) failWaiters(d *pendingDial, err error) {
	limited := fault.IsA[*fault.Limit](err)
	for at := h.assigned.first; at != nil && d.waiters > 0; {
		w := at.of
		at = at.next
		if w.dial == d && (w == d.owner || !limited) {
			h.fail(w, err)
		}
	}
	h.requeue(d, nil)
}
