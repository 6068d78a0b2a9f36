package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// An outbox writes the bytes of net/http to a connection of HTTP/2. Small writes
// are done by one goroutine, which runs while there is something to write. Bytes
// that many streams write at the same time then need one system call and one TLS
// record, and the goroutine that net/http starts for each stream does not call
// crypto/tls, for which its stack would have to grow. For large writes, of
// bodies, neither the copy nor the wait would pay.
//
// A small Write returns before its bytes are written. If writing fails, the
// connection is aborted, which the reader notices, and the next Write fails.
type outbox struct {
	link   *link
	failed func(error) // called before the connection is aborted

	mu      sync.Mutex
	written sync.Cond
	pending []byte  // empty unless somebody writes
	slot    *[]byte // the slice from the pool that pending uses
	writing bool    // somebody does
	err     error   // of a write; it ends all writing

	writes atomic.Uint64 // counts beginnings and ends: odd while a write is under way
}

const (
	// maxJoined is the longest write that is joined with others. The heads of
	// nearly all requests are shorter, and the blocks of bodies longer.
	maxJoined = 4 << 10
	// maxPending is how much of them may wait to be written.
	maxPending = 32 << 10
)

// open makes the outbox write to l, and call failed with errors.
func (o *outbox) open(l *link, failed func(error)) {
	o.link, o.failed, o.written.L = l, failed, &o.mu
}

func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	large := len(p) > maxJoined
	for o.err == nil && o.writing && (large || len(o.pending)+len(p) > maxPending) {
		o.written.Wait()
	}
	if o.err != nil {
		return 0, o.err
	}
	if large {
		o.writing = true
		defer o.run()
		return o.write(p)
	}
	if o.slot == nil {
		o.slot = pendingBuffers.Get().(*[]byte)
		o.pending = (*o.slot)[:0]
	}
	o.pending = append(o.pending, p...)
	if !o.writing {
		o.writing = true
		go func() {
			runtime.Gosched() // others that are about to write go first
			o.mu.Lock()
			defer o.mu.Unlock()
			o.run()
		}()
	}
	return len(p), nil
}

// run writes until nothing is left. The caller holds mu.
func (o *outbox) run() {
	for o.err == nil && len(o.pending) > 0 {
		p, slot := o.pending, o.slot
		o.pending, o.slot = nil, nil
		o.write(p)
		if *slot = p[:0]; cap(p) <= maxPooled {
			pendingBuffers.Put(slot)
		}
	}
	o.writing = false
	o.written.Broadcast()
}

// write writes p, without mu, which the caller holds.
func (o *outbox) write(p []byte) (int, error) {
	o.mu.Unlock()
	o.writes.Add(1)
	n, err := o.link.Write(p)
	o.writes.Add(1)
	if err != nil {
		o.failed(err)
		o.link.abort()
	}
	o.mu.Lock()
	o.err = err
	o.written.Broadcast()
	return n, err
}

// drain waits until nobody writes, but no longer than closeWait.
func (o *outbox) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.writing {
		return
	}
	timer := time.AfterFunc(closeWait, o.link.abort)
	defer timer.Stop()
	for o.writing {
		o.written.Wait()
	}
}
