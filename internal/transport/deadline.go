package transport

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A direction is reading, writing or both.
type direction int

const (
	reading direction = 1 << iota
	writing
)

// A clock keeps deadlines for a connection that does not support them, such as
// a channel of an SSH connection: if a deadline passes during a read or write,
// the clock closes the connection. As long as the connection accepts deadlines,
// the clock only counts reads and writes. A nil clock does nothing.
type clock struct {
	expire func()

	mu    sync.Mutex
	used  bool // the connection takes no deadlines
	read  half
	write half
}

// A half is one direction of a clock.
type half struct {
	at      time.Time
	busy    int // reads or writes under way
	timer   *time.Timer
	expired bool
}

func newClock(expire func()) *clock { return &clock{expire: expire} }

// set sets a deadline on the connection, or keeps it here if the connection
// does not support it.
func (c *clock) set(d direction, t time.Time, nc net.Conn, set func(net.Conn, time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.used {
		err := set(nc, t)
		if err == nil || errors.Is(err, net.ErrClosed) {
			return err
		}
		c.used = true
		nc.SetDeadline(time.Time{}) // one direction may have accepted its deadline
	}
	for _, h := range []struct {
		*half
		d direction
	}{{&c.read, reading}, {&c.write, writing}} {
		if d&h.d != 0 {
			h.at = t
			c.start(h.half)
		}
	}
	return nil
}

// start resets the timer of a half. The caller holds mu.
func (c *clock) start(h *half) {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if !c.used || h.busy == 0 || h.at.IsZero() {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(h.at), func() {
		c.mu.Lock()
		current := h.timer == timer
		h.expired = h.expired || current
		c.mu.Unlock()
		if current {
			c.expire()
		}
	})
	h.timer = timer
}

func (c *clock) of(d direction) *half {
	if d == reading {
		return &c.read
	}
	return &c.write
}

// begin is called before a read or write. It fails if the deadline has passed.
func (c *clock) begin(d direction) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.of(d)
	if c.used && !h.at.IsZero() && time.Until(h.at) <= 0 {
		return os.ErrDeadlineExceeded
	}
	h.busy++
	c.start(h)
	return nil
}

// end is called after a read or write. It reports whether a deadline has ended
// it.
func (c *clock) end(d direction) (expired bool) {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.of(d)
	h.busy--
	c.start(h)
	return h.expired
}
