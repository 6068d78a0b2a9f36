package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// An outbox writes what net/http has for a connection of HTTP/2, by a goroutine
// that is there while there is something to write. What many streams have to say
// at one time goes out by one system call and in one TLS record. And the
// goroutine that net/http makes for each stream does not descend into crypto/tls,
// for which its stack would be copied to a larger one.
//
// Write returns before its bytes are written. If they cannot be, the connection
// is aborted, which the reader sees, and the next Write fails.
type outbox struct {
	link   *link
	failed func(error) // is told before the connection is aborted

	mu      sync.Mutex
	written sync.Cond
	pending []byte
	slot    *[]byte // where pending goes back to
	running bool    // the goroutine is there
	err     error   // of a write, after which there is no other

	writes atomic.Uint64 // begun and ended: odd while one is under way
}

// maxOutbox is how much waits to be written before Write does.
const maxOutbox = 64 << 10

// open has the outbox write to l, and tell failed why it cannot.
func (o *outbox) open(l *link, failed func(error)) {
	o.link, o.failed, o.written.L = l, failed, &o.mu
}

func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && len(o.pending) > 0 && len(o.pending)+len(p) > maxOutbox {
		o.written.Wait()
	}
	if o.err != nil {
		return 0, o.err
	}
	if o.slot == nil {
		o.slot = pendingBuffers.Get().(*[]byte)
		o.pending = (*o.slot)[:0]
	}
	o.pending = append(o.pending, p...)
	if !o.running {
		o.running = true
		go o.run()
	}
	return len(p), nil
}

// run writes until nothing is left.
func (o *outbox) run() {
	runtime.Gosched() // who is about to write goes first
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && len(o.pending) > 0 {
		p, slot := o.pending, o.slot
		o.pending, o.slot = nil, nil
		o.mu.Unlock()
		o.writes.Add(1)
		_, err := o.link.Write(p)
		o.writes.Add(1)
		if *slot = p[:0]; cap(p) <= maxPooled {
			pendingBuffers.Put(slot)
		}
		if err != nil {
			o.failed(err)
			o.link.abort()
		}
		o.mu.Lock()
		o.err = err
		o.written.Broadcast()
	}
	o.running = false
	o.written.Broadcast()
}

// drain waits until nothing is left, for as long as saying goodbye may take.
func (o *outbox) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.running {
		return
	}
	timer := time.AfterFunc(closeWait, o.link.abort)
	defer timer.Stop()
	for o.running {
		o.written.Wait()
	}
}
