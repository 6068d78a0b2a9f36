package transport

import (
	"sync/atomic"
	"time"
)

// A pulse bounds how long the monitor of the runtime can sleep, so that raw
// system calls do no harm. It is a timer that is renewed as long as calls follow
// each other closely.
//
// While all goroutines wait, the monitor sleeps. It wakes up when the next timer
// is due, and when somebody makes an ordinary system call (sysmon and entersyscall
// in runtime/proc.go). That wake-up takes up to a fifth of the time of a small GET.
// A raw call does without it. But only the monitor preempts a goroutine that
// computes for long. If the monitor slept on, a goroutine could keep its processor
// for as long as it computes after a raw call.
//
// The zero pulse is ready to use, by any number of goroutines.
type pulse struct {
	due   atomic.Int64 // when the timer fires, as the time since processStart
	last  atomic.Int64 // when alive was last false
	asked atomic.Bool  // alive was true since the timer was set
}

// pulsePeriod is as long as the runtime lets a goroutine run before it preempts
// it (forcePreemptNS in runtime/proc.go).
const pulsePeriod = 10 * time.Millisecond

// alive reports whether the timer is about to fire, so that the next call may be a
// raw one. If it is not, and if calls follow each other closely, alive sets it. The
// caller has to make an ordinary call then, at once: the monitor may sleep already.
// now is the time since processStart.
func (p *pulse) alive(now time.Duration) bool {
	due := time.Duration(p.due.Load())
	if due > now && due <= now+pulsePeriod {
		if !p.asked.Load() { // a store for each call would be contended
			p.asked.Store(true)
		}
		return true
	}
	last := time.Duration(p.last.Swap(int64(now)))
	if last <= now && last+pulsePeriod > now {
		p.beat(due, now)
	}
	return false
}

// processStart is about when the process started.
var processStart = time.Now()

// beat sets the timer, unless another goroutine has changed due. It promises
// nothing before the timer is set.
func (p *pulse) beat(before, now time.Duration) {
	due := now + pulsePeriod
	timer := time.AfterFunc(pulsePeriod, func() {
		if p.asked.Swap(false) {
			p.beat(due, time.Since(processStart))
		}
	})
	if !p.due.CompareAndSwap(int64(before), int64(due)) {
		timer.Stop()
	}
}
