package transport

import (
	"maps"
	"slices"
	"time"
)

const (
	// sweepInterval is how often the pool looks for connections that the server
	// has closed or that have been idle for too long, so that no goroutine has
	// to wait on each.
	sweepInterval = 5 * time.Second
	// sweepBatch is how many hosts are examined while the pool is locked.
	sweepBatch = 64
	// maxIdle bounds the idle connections of a pool, for all hosts together.
	maxIdle = 16 << 10
)

// keep makes c idle. It returns a connection that must be closed, perhaps c
// itself, or nil. The caller holds mu.
func (h *host) keep(c *conn) (surplus *conn) {
	p := h.pool
	if p.retired || len(h.idle) >= p.perHost() {
		c.uncount()
		return c
	}
	if p.idle.n >= maxIdle {
		surplus = p.idle.front()
		surplus.host.unidle(surplus)
		surplus.uncount()
	}
	c.since = wall(time.Now())
	h.idle = append(h.idle, c)
	p.idle.push(&c.at, c)
	p.scheduleSweep()
	return surplus
}

// wall returns the wall clock time, which continues while the machine sleeps,
// as it does for the server.
func wall(t time.Time) int64 { return t.UnixNano() }

// pop removes and returns the connection that was used last, or nil. The caller
// holds mu.
func (h *host) pop() *conn {
	if len(h.idle) == 0 {
		return nil
	}
	last := len(h.idle) - 1
	c := h.idle[last]
	h.idle[last] = nil
	h.idle = h.idle[:last]
	h.pool.idle.remove(&c.at)
	return c
}

// take is pop for a call. It also returns a list of connections to close, which
// have been idle for too long. The caller holds mu.
func (h *host) take(now time.Time) (c, old *conn) {
	for {
		c := h.pop()
		if c == nil || !h.pool.expired(c.since, now) {
			return c, old
		}
		c.uncount()
		c.older, old = old, c
	}
}

// unidle removes c from the idle connections. The caller holds mu.
func (h *host) unidle(c *conn) {
	i := slices.Index(h.idle, c)
	h.idle = slices.Delete(h.idle, i, i+1)
	h.pool.idle.remove(&c.at)
}

// idleLimit returns how long a connection may be idle; zero means for ever.
func (p *pool) idleLimit() time.Duration {
	switch d := p.engine.Config.IdleTimeout; {
	case d < 0:
		return 0
	case d > 0:
		return d
	}
	return defaultIdleTimeout
}

func (p *pool) interval() time.Duration {
	if limit := p.idleLimit(); limit > 0 {
		return min(limit, sweepInterval)
	}
	return sweepInterval
}

// expired reports whether a connection that became idle at since has been idle
// for too long.
func (p *pool) expired(since int64, now time.Time) bool {
	limit := p.idleLimit()
	return limit > 0 && wall(now)-since >= int64(limit)
}

// scheduleSweep schedules the sweep, unless there is nothing to sweep. The
// caller holds mu.
func (p *pool) scheduleSweep() {
	if p.sweep == nil && !p.retired && len(p.hosts) > 0 {
		p.sweep = time.AfterFunc(p.interval(), p.sweepAll)
	}
}

// sweepAll closes connections that are dead or have been idle for too long, and
// removes hosts without connections. It locks the pool for a few hosts at a
// time.
func (p *pool) sweepAll() {
	now := time.Now()
	p.mu.Lock()
	hosts := slices.Collect(maps.Values(p.hosts))
	p.mu.Unlock()
	for some := range slices.Chunk(hosts, sweepBatch) {
		var dead *conn
		var list []*shared
		p.mu.Lock()
		for _, h := range some {
			dead = h.sweep(now, dead)
			list = append(list, h.shared...)
		}
		p.mu.Unlock()
		dead.closeAll()
		for _, s := range list {
			s.checkWrite()
			if since := s.idleSince(); since != 0 && p.expired(since, now) {
				s.close()
			}
		}
	}
	p.mu.Lock()
	p.sweep = nil
	p.scheduleSweep()
	p.mu.Unlock()
}

// sweep adds the dead and old connections of h to a list. The caller holds mu.
func (h *host) sweep(now time.Time, dead *conn) *conn {
	for _, c := range slices.Clone(h.idle) {
		if h.pool.expired(c.since, now) || !c.link.alive() {
			h.unidle(c)
			c.uncount()
			c.older, dead = dead, c
		}
	}
	h.startDials()
	if h.open == 0 && h.assigned.n+h.queued.n == 0 {
		delete(h.pool.hosts, h.to)
		if h.pool.last == h {
			h.pool.last = nil
		}
	}
	return dead
}

// closeIdle closes the connections that are idle.
func (p *pool) closeIdle() {
	p.mu.Lock()
	var all *conn
	var unused []*shared
	for _, h := range p.hosts {
		unused = append(unused, h.shared...)
		for c := h.pop(); c != nil; c = h.pop() {
			c.uncount()
			c.older, all = all, c
		}
		h.startDials()
	}
	if p.retired && p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
	retired := p.retired
	p.mu.Unlock()
	all.closeAll()
	for _, s := range unused {
		if retired || s.idleSince() != 0 {
			s.close()
		}
	}
}
