package transport

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A dial is a connection being made. It belongs to its host: the waiter that it
// was begun for may be served by another one, and another waiter by it.
type dial struct {
	host    *host
	cancel  context.CancelFunc
	owner   *waiter       // whom it was begun for
	limit   time.Duration // that of the owner, by which it ends; zero is never
	clock   dialClock
	proxied atomic.Bool // it is the proxy that is waited for

	// The lock of the pool guards what follows.
	at        node[dial] // among the dials of the host
	orphan    node[dial] // among those that nobody waits for
	waiters   int
	cancelled bool
}

type dialKey struct{}

// dial begins to make a connection, for w as long as nobody else needs it
// more. It has the values of the context of w, and its Connect limit. The caller
// holds mu.
func (h *host) dial(w *waiter) *dial {
	d := &dial{host: h, owner: w, limit: w.limit}
	ctx := d.clock.hear(context.WithoutCancel(w.ctx))
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

// waitForProxy notes whether it is the proxy that the dial of ctx waits for, as
// limits that run out meanwhile say so.
func waitForProxy(ctx context.Context, is bool) {
	if d, ok := ctx.Value(dialKey{}).(*dial); ok {
		d.proxied.Store(is)
	}
}

// drop gives up a dial. The caller holds mu.
func (h *host) drop(d *dial) {
	if d.orphan.of != nil {
		h.orphans.remove(&d.orphan)
	}
	d.cancelled = true
	d.cancel()
}

func (d *dial) run(ctx context.Context) {
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
		h.failed(d, err)
	} else {
		p.open++
		if s != nil {
			h.share(d, s)
		} else {
			surplus = h.dialed(d, c)
		}
	}
	h.settle()
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

// isHTTP2 reports whether what was dialled speaks HTTP/2.
func (h *host) isHTTP2(l *link) bool {
	if h.to.secure {
		return l.tls.NegotiatedProtocol == "h2"
	}
	return h.pool.h2c
}

// open makes the connection. A panic of a function of the program's own would
// end the program, as nobody above could recover from it.
func (d *dial) open(ctx context.Context) (l *link, err error) {
	defer func() {
		if p := recover(); p != nil {
			l, err = nil, fault.New(fault.InvalidOption, fmt.Errorf("panic while connecting: %v", p))
		}
	}()
	return d.host.pool.dialer.open(ctx, d.host.to)
}

// dialed takes in a connection of HTTP/1.1 that was made. The caller holds mu.
func (h *host) dialed(d *dial, c *conn) (surplus *conn) {
	h.proto = http1
	first := h.covered.front()
	if first != nil && first.dial != d {
		h.swap(first, d)
	}
	h.requeue(d, first)
	if h.next(false) == nil && !c.park() {
		c.gone()
		return c
	}
	return h.offer(c)
}

// share takes in a connection of HTTP/2 that was made. The caller holds mu, and
// then calls lend.
func (h *host) share(d *dial, s *shared) {
	h.proto = http2
	h.requeue(d, nil)
	h.shared = append(slices.Clip(h.shared), s)
	h.full = false
}

// swap gives first, who gets what d has brought, in exchange for its own dial to
// one who waits for d. The caller holds mu.
func (h *host) swap(first *waiter, d *dial) {
	for at := h.covered.first; at != nil; at = at.next {
		if at.of.dial == d {
			at.of.dial, first.dial = first.dial, d
			return
		}
	}
}

// requeue has those wait anew who waited for d, which is over, but for one. The
// caller holds mu.
func (h *host) requeue(d *dial, but *waiter) {
	for at := h.covered.last; at != nil && d.waiters > 0; {
		w := at.of
		at = at.prev
		if w.dial == d && w != but {
			h.uncover(w)
			h.queued.unshift(&w.at, w)
		}
	}
}

// failed tells those who waited for d. A limit that ran out is that of the one
// whom it was begun for; others may have more time. The caller holds mu.
func (h *host) failed(d *dial, err error) {
	limited := isA[*fault.Limit](err)
	for at := h.covered.first; at != nil && d.waiters > 0; {
		w := at.of
		at = at.next
		if w.dial == d && (w == d.owner || !limited) {
			h.fail(w, err)
		}
	}
	h.requeue(d, nil)
}
