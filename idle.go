package requests

import (
	"sync"
	"time"
)

// idleConns are the connections of an [http1] that no exchange uses. The zero
// value is not ready: perHost is to be set.
type idleConns struct {
	perHost int

	mu     sync.Mutex
	hosts  map[endpoint][]idleConn // the one used last is the last
	n      int
	sweep  *time.Timer // nil if it does not run
	closed bool
}

type idleConn struct {
	*persistConn
	since time.Time
}

// sweepInterval is how often connections are looked at that the server has
// closed, or that nobody needed for long. It needs no goroutine to wait for each.
const sweepInterval = 5 * time.Second

// take returns the connection to t that was used last and is alive, nil if
// there is none.
func (s *idleConns) take(t endpoint) *persistConn {
	for {
		c := s.pop(t)
		if c == nil || c.probe.alive() {
			return c
		}
		c.link.Close()
	}
}

func (s *idleConns) pop(t endpoint) *persistConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.hosts[t]
	if len(list) == 0 {
		return nil
	}
	last := len(list) - 1
	c := list[last].persistConn
	list[last] = idleConn{}
	s.set(t, list[:last])
	return c
}

// set stores what is left of a list. The caller holds mu.
func (s *idleConns) set(t endpoint, list []idleConn) {
	s.n += len(list) - len(s.hosts[t])
	s.hosts[t] = list
}

// put keeps c for the next request, or closes it where there are enough.
func (s *idleConns) put(c *persistConn) {
	if old := s.keep(c); old != nil {
		old.link.Close()
	}
}

// keep stores c and returns the connection that is too many, perhaps c itself.
func (s *idleConns) keep(c *persistConn) (surplus *persistConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.hosts[c.peer]
	if s.closed || len(list) >= s.perHost {
		return c
	}
	if s.hosts == nil {
		s.hosts = make(map[endpoint][]idleConn)
	}
	if s.n >= maxIdle {
		surplus = s.oldest()
		list = s.hosts[c.peer]
	}
	s.hosts[c.peer] = append(list, idleConn{c, time.Now()})
	s.n++
	if s.sweep == nil {
		s.sweep = time.AfterFunc(sweepInterval, s.look)
	}
	return surplus
}

// oldest removes and returns the connection that has been idle for the longest
// time. The caller holds mu.
func (s *idleConns) oldest() *persistConn {
	var first *idleConn
	for _, list := range s.hosts {
		if len(list) > 0 && (first == nil || list[0].since.Before(first.since)) {
			first = &list[0]
		}
	}
	c := first.persistConn
	s.set(c.peer, append([]idleConn(nil), s.hosts[c.peer][1:]...))
	return c
}

// look closes the connections that are dead or have been idle for too long.
func (s *idleConns) look() {
	s.mu.Lock()
	var dead []*persistConn
	now := time.Now()
	for t, list := range s.hosts {
		var rest []idleConn
		for _, c := range list {
			if now.Sub(c.since) >= idleTimeout || !c.probe.alive() {
				dead = append(dead, c.persistConn)
			} else {
				rest = append(rest, c)
			}
		}
		s.set(t, rest)
		if len(rest) == 0 {
			delete(s.hosts, t)
		}
	}
	s.sweep = nil
	if s.n > 0 {
		s.sweep = time.AfterFunc(sweepInterval, s.look)
	}
	s.mu.Unlock()
	for _, c := range dead {
		c.link.Close()
	}
}

// close closes them all, and each one that is put from now on.
func (s *idleConns) close() {
	s.mu.Lock()
	s.closed = true
	var all []*persistConn
	for _, list := range s.hosts {
		for _, c := range list {
			all = append(all, c.persistConn)
		}
	}
	s.hosts, s.n = nil, 0
	if s.sweep != nil {
		s.sweep.Stop()
		s.sweep = nil
	}
	s.mu.Unlock()
	for _, c := range all {
		c.link.Close()
	}
}
