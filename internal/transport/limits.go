package transport

import (
	"time"
)

// renew gives a read of the body the whole limit, or none while the request is
// still being sent: it is not the server's turn then.
func (c *conn) renew() {
	if c.limit <= 0 {
		return
	}
	u := c.upload
	if u == nil {
		c.link.SetReadDeadline(time.Now().Add(c.limit))
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var deadline time.Time
	if u.over {
		deadline = time.Now().Add(c.limit)
	}
	c.link.SetReadDeadline(deadline)
}

// startClock starts the clock, since it is the server's turn. The caller holds mu.
func (u *upload) startClock() {
	if u.limit > 0 {
		u.conn.link.SetReadDeadline(time.Now().Add(u.limit))
	}
}

// extend moves the deadline for writes.
func (u *upload) extend() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stopped {
		return errStopped
	}
	if u.limit > 0 {
		u.conn.link.SetWriteDeadline(time.Now().Add(u.limit))
	}
	return nil
}

// The limit of an HTTP/2 stream is not a deadline of the connection, which
// other streams share. One timer serves all streams of a connection. Starting
// or stopping the clock of a stream is then a single store, where a timer for
// each would be reset by every read.

// now is the time since the start of the stream. It is never zero.
func (x *stream) now() int64 { return int64(time.Since(x.start)) + 1 }

// startClock starts the limit of the server.
func (x *stream) startClock() {
	if limit := x.limit.Load(); limit > 0 {
		x.deadline.Store(x.now() + limit)
	}
}

// stopClock stops the clock while nobody waits for the server.
func (x *stream) stopClock() { x.deadline.Store(0) }

// setWaiting records whether the caller waits for the server. The clock does
// not run while the request is still being sent: it is not the server's turn.
func (x *stream) setWaiting(waiting bool) {
	if x.feed == nil {
		if waiting {
			x.startClock()
		} else {
			x.stopClock()
		}
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting = waiting
	if x.sending {
		return
	}
	if waiting {
		x.startClock()
	} else {
		x.stopClock()
	}
}

// noteSent records that the whole request was handed to the connection.
func (x *stream) noteSent() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sending = false
	if x.waiting {
		x.startClock()
	} else {
		x.stopClock()
	}
}

// register adds x to the streams under the clock of s, and starts its limit.
func (s *shared) register(x *stream) {
	x.startClock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams.push(&x.at, x)
	s.wakeIn(time.Duration(x.limit.Load()))
}

// forget removes x from the streams under the clock.
func (s *shared) forget(x *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.at.of != nil {
		s.streams.remove(&x.at)
	}
}

// hasten makes the clock check within d, since a limit was lowered.
func (s *shared) hasten(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeIn(d)
}

// wakeIn makes the clock check within d. The caller holds mu.
func (s *shared) wakeIn(d time.Duration) {
	now := time.Now()
	if !s.wake.IsZero() && !now.Add(d).Before(s.wake) {
		return
	}
	s.wake = now.Add(d)
	if s.clock == nil {
		s.clock = time.AfterFunc(d, s.tick)
		return
	}
	s.clock.Reset(d)
}

// tick ends the streams whose limit has run out, and schedules the next check
// for the next limit. A stream whose clock stands still gets its whole limit
// from now on.
func (s *shared) tick() {
	var expired []*stream
	s.mu.Lock()
	s.wake = time.Time{}
	for at := s.streams.first; at != nil; {
		x := at.of
		at = at.next
		left := time.Duration(x.limit.Load())
		if deadline := x.deadline.Load(); deadline > 0 {
			left = time.Duration(deadline - x.now())
		}
		if left <= 0 {
			s.streams.remove(&x.at)
			expired = append(expired, x)
			continue
		}
		s.wakeIn(left)
	}
	s.mu.Unlock()
	for _, x := range expired {
		x.expired.Store(true)
		x.interrupt()
	}
}

// hurry lowers the limit.
func (x *stream) hurry(limit time.Duration) {
	switch now := time.Duration(x.limit.Load()); {
	case x.err != nil:
	case now <= 0: // no clock watches it
		time.AfterFunc(limit, func() { x.hr.Body.Close() })
	case now > limit:
		x.limit.Store(int64(limit))
		x.shared.hasten(limit)
	}
}
