package bridge

import (
	"sync"
	"time"
)

// A Watchdog ends exchanges whose Read limit runs out. One timer serves all
// that it watches: to start and stop the clock of one is a store, which a
// timer for each, moved by every read, would not be. The zero value is ready.
type Watchdog struct {
	mu      sync.Mutex
	watched map[*Exchange]struct{}
	timer   *time.Timer
	wake    int64     // when the timer fires; 0 if it does not
	epoch   time.Time // the zero of deadlines, on the monotonic clock
}

// watch gives e its Read limit from now on.
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

// sweep ends what has expired and sleeps until the next deadline.
func (w *Watchdog) sweep() {
	w.mu.Lock()
	now := int64(time.Since(w.epoch))
	next := int64(0)
	var expired []*Exchange
	for e := range w.watched {
		switch d := e.deadline.Load(); {
		case d == 0: // paused: it comes back by watch
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

// forget ends the watch over e.
func (w *Watchdog) forget(e *Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.deadline.Store(0)
	delete(w.watched, e)
}
