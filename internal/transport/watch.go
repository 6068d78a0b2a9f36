package transport

import (
	"runtime"
	"sync"
)

// An idleWatch is for connections that cannot be peeked at. While the
// connection is idle, a goroutine waits in its Read. A Read cannot be
// cancelled, so the goroutine remains the only reader until that Read returns.
// It hands its bytes to the exchange that has begun meanwhile.
//
// The idleWatch cannot know about bytes that arrive just before the request is
// written and have not reached the goroutine yet.
type idleWatch struct {
	w *wire

	mu      sync.Mutex
	changed sync.Cond
	running bool // the goroutine is running
	waiting bool // it has begun to read
	idle    bool // no exchange waits for its bytes
	goesOn  bool // it reads more than once while idle
	buf     *[smallBuffer]byte
	r, n    int   // buf[r:n] is read and not taken
	err     error // with which the goroutine ended, not taken yet
}

func newIdleWatch(w *wire) *idleWatch {
	t := &idleWatch{w: w}
	t.changed.L = &t.mu
	return t
}

// start makes the goroutine wait. Under TLS it continues after it has read
// something, which may be a session ticket.
func (t *idleWatch) start(tls bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle, t.goesOn = true, tls
	if t.running {
		return
	}
	if t.buf == nil {
		t.buf = smallBuffers.Get().(*[smallBuffer]byte)
	}
	t.running, t.waiting = true, false
	go t.run()
}

// stop lets the goroutine end when its Read returns.
func (t *idleWatch) stop() {
	t.mu.Lock()
	t.idle = false
	t.mu.Unlock()
}

func (t *idleWatch) run() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for more := true; more; {
		if t.r == t.n {
			t.r, t.n = 0, 0
		}
		free := t.buf[t.n:]
		t.waiting = true
		t.changed.Broadcast()
		t.mu.Unlock()
		n, err := t.w.readConn(free)
		t.mu.Lock()
		t.n += n
		if err == nil && t.idle && t.goesOn && t.n == len(t.buf) {
			err = errPartial // it reads no further
		}
		t.err = err
		more = err == nil && t.idle && t.goesOn
	}
	t.running = false
	t.changed.Broadcast()
}

// maxYields is how often heard lets other goroutines run before it decides.
const maxYields = 16

// heard reports whether anything came while the connection was idle.
func (t *idleWatch) heard() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.running && !t.waiting {
		t.changed.Wait()
	}
	// If the connection was idle only for a moment, the goroutine may be about
	// to return with bytes that were there already.
	for i := 0; i < maxYields && t.running && t.r == t.n; i++ {
		t.mu.Unlock()
		runtime.Gosched()
		t.mu.Lock()
	}
	return t.r < t.n || t.err != nil
}

// unread reports whether there are bytes that nobody has taken.
func (t *idleWatch) unread() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.r < t.n
}

// take reads from the connection, after what the goroutine has read.
func (t *idleWatch) take(p []byte) (int, error) {
	t.mu.Lock()
	for t.running && t.r == t.n {
		t.changed.Wait()
	}
	n := 0
	if t.r < t.n {
		n = copy(p, t.buf[t.r:t.n])
		t.r += n
	}
	err := t.err
	if n > 0 {
		err = nil
	} else {
		t.err = nil
	}
	if !t.running && t.r == t.n && t.buf != nil {
		smallBuffers.Put(t.buf)
		t.buf, t.r, t.n = nil, 0, 0
	}
	t.mu.Unlock()
	if n > 0 || err != nil {
		return n, err
	}
	return t.w.readConn(p)
}
