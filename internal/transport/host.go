package transport

import (
	"slices"
)

// A host is the connections to one endpoint. Its pool's lock guards it.
type host struct {
	pool *pool
	to   endpoint
	proto

	idle    []*conn   // of HTTP/1.1, the one used last is the last
	shared  []*shared // of HTTP/2, on which there may be room; a slice that is here is not changed
	full    bool      // there was none when it was last looked for
	open    int       // connections that are not closed, and dials under way
	dials   list[dial]
	orphans list[dial]   // those of dials that nobody waits for
	covered list[waiter] // who waits for a dial under way or a connection
	queued  list[waiter] // behind them, who may not have a dial of their own
}

// A proto is what the server of a host speaks, as far as it is known.
type proto uint8

const (
	unknown proto = iota // until ALPN has decided
	http1
	http2
)

// gone counts a connection no more. The caller holds mu.
func (c *conn) gone() {
	if !c.uncounted {
		c.uncounted = true
		c.host.open--
		c.host.pool.open--
	}
}

// offer gives c to who has waited for the longest time, or keeps it. It returns
// the connection that is one too many, nil if there is none: one that was used
// makes room if the first in the queue needs a new one. The caller holds mu, and
// then calls settle.
func (h *host) offer(c *conn) (surplus *conn) {
	w, first := h.next(c.used), h.queued.front()
	if c.used && first != nil && first.fresh && (w == nil || w.dial == nil) {
		c.gone()
		return c
	}
	if w == nil {
		return h.keep(c)
	}
	h.serve(w, seat{conn: c})
	return nil
}

// next returns who has waited for the longest time, for a connection that was
// used or for any. The caller holds mu.
func (h *host) next(used bool) *waiter {
	for _, first := range [...]*node[waiter]{h.covered.first, h.queued.first} {
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
	h.release(w, false)
	w.seat = s
	close(w.ready)
}

// lend gives streams of HTTP/2 to those who wait. It is to be called when a
// stream has become free, when a connection knows how many it has, and when one
// is not of use any more, without the lock of the pool.
func (h *host) lend() {
	p := h.pool
	for {
		p.mu.Lock()
		waits, list := h.next(false) != nil, h.shared
		if !waits {
			h.full = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		s, soon := reserve(list)
		p.mu.Lock()
		w := h.next(false)
		if s != nil && w != nil {
			h.serve(w, seat{shared: s})
			p.mu.Unlock()
			continue
		}
		if s == nil {
			h.full = !soon
			h.settle()
		}
		p.mu.Unlock()
		if s != nil {
			s.release()
		}
		return
	}
}

// reserve takes a stream of one of the connections. If there is none, soon says
// that one of them may have some in a moment, and will call lend.
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

// settle finds a dial for each waiter that has none, as far as there may be one
// more. The caller holds mu.
func (h *host) settle() {
	for {
		w := h.queued.front()
		if w == nil {
			return
		}
		d := h.orphans.front()
		switch {
		case len(h.shared) > 0 && !h.full:
			return // a stream will do
		case d != nil:
			h.orphans.remove(&d.orphan)
		case h.proto != http1 && h.joinable() != nil:
			// Until ALPN has decided, a second connection may be one too many, and
			// one of HTTP/2 has room for many calls.
			d = h.joinable()
		case h.pool.engine.Config.Block && h.open >= h.pool.perHost():
			return
		default:
			d = h.dial(w)
		}
		h.queued.remove(&w.at)
		h.cover(w, d)
	}
}

// joinable returns a dial that nobody has given up, nil if there is none.
func (h *host) joinable() *dial {
	for at := h.dials.last; at != nil; at = at.prev {
		if !at.of.cancelled {
			return at.of
		}
	}
	return nil
}

// unshare takes s out of those on which there is room: it is draining or has
// ended. It counts until it is discarded.
func (h *host) unshare(s *shared) {
	p := h.pool
	p.mu.Lock()
	if i := slices.Index(h.shared, s); i >= 0 {
		h.shared = slices.Delete(slices.Clone(h.shared), i, i+1)
	}
	h.settle()
	p.mu.Unlock()
	h.lend()
}

// drained counts s no more, which was closed.
func (h *host) drained(*shared) {
	p := h.pool
	p.mu.Lock()
	h.open--
	p.open--
	h.settle()
	p.mu.Unlock()
}
