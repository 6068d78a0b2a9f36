package transport

import (
	"slices"
)

// A host holds the connections to one endpoint. The lock of its pool guards it.
type host struct {
	pool *pool
	to   endpoint
	proto

	idle     []*conn   // of HTTP/1.1; the last one was used last
	shared   []*shared // of HTTP/2, with room for calls perhaps; the slice is replaced, never changed
	full     bool      // the last look found no room
	open     int       // open connections, and dials under way
	dials    list[pendingDial]
	orphans  list[pendingDial] // dials that nobody waits for
	assigned list[waiter]      // waiters that have a dial under way
	queued   list[waiter]      // behind them, waiters that may not have a dial yet
}

// A proto is the protocol of a host, as far as it is known.
type proto uint8

const (
	unknown proto = iota // until ALPN has decided
	http1
	http2
)

// uncount stops counting a connection. The caller holds mu.
func (c *conn) uncount() {
	if !c.uncounted {
		c.uncounted = true
		c.host.open--
		c.host.pool.open--
	}
}

// offer gives c to the call that has waited longest, or keeps it. It returns a
// connection that must be closed, or nil: a used one makes room if the first in
// the queue needs a new one. The caller holds mu, and then calls startDials.
func (h *host) offer(c *conn) (surplus *conn) {
	w, first := h.firstWaiter(c.used), h.queued.front()
	if c.used && first != nil && first.fresh && (w == nil || w.dial == nil) {
		c.uncount()
		return c
	}
	if w == nil {
		return h.keep(c)
	}
	h.serve(w, seat{conn: c})
	return nil
}

// firstWaiter returns the call that has waited longest for any connection or, with
// used, for one that may have been used. The caller holds mu.
func (h *host) firstWaiter(used bool) *waiter {
	for _, first := range [...]*node[waiter]{h.assigned.first, h.queued.first} {
		for at := first; at != nil; at = at.next {
			if !used || !at.of.fresh {
				return at.of
			}
		}
	}
	return nil
}

// serve ends the wait of w. The caller holds mu.
func (h *host) serve(w *waiter, s seat) {
	h.removeWaiter(w, false)
	w.seat = s
	close(w.ready)
}

// lend gives streams of HTTP/2 to waiters. It is called without the lock of the
// pool: when a stream has become free, when a connection learns how many it
// has, and when a connection has become useless.
func (h *host) lend() {
	p := h.pool
	for {
		p.mu.Lock()
		waits, list := h.firstWaiter(false) != nil, h.shared
		if !waits {
			h.full = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		s, soon := reserve(list)
		p.mu.Lock()
		w := h.firstWaiter(false)
		if s != nil && w != nil {
			h.serve(w, seat{shared: s})
			p.mu.Unlock()
			continue
		}
		if s == nil {
			h.full = !soon
			h.startDials()
		}
		p.mu.Unlock()
		if s != nil {
			s.release()
		}
		return
	}
}

// reserve takes a stream of one of the connections. If there is none, soon says
// that a connection may have one in a moment, and will then call lend.
func reserve(list []*shared) (s *shared, soon bool) {
	for _, s := range slices.Backward(list) {
		ok, wait := s.reserve()
		if ok {
			return s, false
		}
		soon = soon || wait
	}
	return nil, soon
}

// startDials starts or finds a dial for each waiter without one, as far as more
// dials are allowed. The caller holds mu.
func (h *host) startDials() {
	for {
		w := h.queued.front()
		if w == nil {
			return
		}
		d := h.orphans.front()
		switch {
		case len(h.shared) > 0 && !h.full:
			return // it gets a stream
		case d != nil:
			h.orphans.remove(&d.orphan)
		case h.proto != http1 && h.joinable() != nil:
			// Until ALPN has decided, a second connection may be superfluous:
			// one connection of HTTP/2 has room for many calls.
			d = h.joinable()
		case h.pool.engine.Config.Block && h.open >= h.pool.perHost():
			return
		default:
			d = h.startDial(w)
		}
		h.queued.remove(&w.at)
		h.assign(w, d)
	}
}

// joinable returns a dial that was not cancelled, or nil.
func (h *host) joinable() *pendingDial {
	for at := h.dials.last; at != nil; at = at.prev {
		if !at.of.cancelled {
			return at.of
		}
	}
	return nil
}

// removeShared removes s from the connections with room, because it is draining
// or has ended. It is counted until it is closed.
func (h *host) removeShared(s *shared) {
	p := h.pool
	p.mu.Lock()
	if i := slices.Index(h.shared, s); i >= 0 {
		h.shared = slices.Delete(slices.Clone(h.shared), i, i+1)
	}
	h.startDials()
	p.mu.Unlock()
	h.lend()
}

// uncountShared stops counting a connection of HTTP/2 that was closed.
func (h *host) uncountShared(*shared) {
	p := h.pool
	p.mu.Lock()
	h.open--
	p.open--
	h.startDials()
	p.mu.Unlock()
}
