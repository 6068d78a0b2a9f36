package bridge

import (
	"sync"
	"time"
)

// A Watchdog ends exchanges whose Read limit has run out. One timer serves all
// of them: starting or stopping the clock of an exchange is then a single
// store, where a timer for each would be reset by every read. The zero value is
// ready to use.
type Watchdog struct {
	mu      sync.Mutex
	watched map[*Exchange]struct{}
	timer   *time.Timer
	wake    int64     // when the timer fires; 0 if it does not
	epoch   time.Time // the zero of deadlines, on the monotonic clock
}

// watch starts the Read limit of e anew.
func (w *Watchdog) watch(e *Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched == nil {
		w.watched, w.epoch = make(map[*Exchange]struct{}), time.Now()
	}
	deadline := int64(time.Since(w.epoch)) + e.silence.Load()
	if e.deadline.Swap(deadline) == 0 {
		w.watched[e] = struct{}{}
	}
	if w.wake == 0 || deadline < w.wake {
		w.schedule(deadline)
	}
}

func (w *Watchdog) schedule(wake int64) {
	w.wake = wake
	d := time.Duration(wake) - time.Since(w.epoch)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.sweep)
		return
	}
	w.timer.Reset(d)
}

// sweep ends exchanges that have expired, and sets the timer to the next
// deadline.
func (w *Watchdog) sweep() {
	w.mu.Lock()
	now := int64(time.Since(w.epoch))
	next := int64(0)
	var expired []*Exchange
	for e := range w.watched {
		switch d := e.deadline.Load(); {
		case d == 0: // its clock is stopped; watch adds it again
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
		w.schedule(next)
	}
	w.mu.Unlock()
	for _, e := range expired {
		e.expire()
	}
}

// forget stops watching e.
func (w *Watchdog) forget(e *Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.deadline.Store(0)
	delete(w.watched, e)
}
