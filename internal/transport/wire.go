package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A wire is the connection below everything: a socket, or whatever a Dial of
// the caller's returned. It holds back written bytes until the look.
type wire struct {
	nc     net.Conn
	socket bool       // a socket of the operating system, which takes a few KiB without blocking
	fold   fold       // looks, writes and waits in one step; not available on every connection
	watch  *idleWatch // where there is no fold
	clock  *clock     // where deadlines may not be supported

	task    task    // of Read
	used    bool    // it was idle before
	held    bool    // Write appends to pending
	pending []byte  // the beginning of a request, and what TLS has written since, in order
	slot    *[]byte // the slice from the pool that pending uses
	sent    bool    // some of what was held last may have been sent
	rest    *rest   // what was not taken at once

	dated   atomic.Bool  // there may be a deadline
	writing atomic.Int32 // writes under way
	failed  atomic.Bool  // a write met an error of the connection
	broken  atomic.Bool  // no other exchange may use it
	aborted atomic.Bool
}

// A task is what Read does when something is held back.
type task int

const (
	exchange   task = iota // look, write, wait and read
	sending                // look and write
	looking                // look
	completing             // wait and read: a record has begun
)

// A rest is what a short write left over. A goroutine writes it.
type rest struct {
	done chan struct{}
	err  error
}

// newWire returns a wire over nc. With noFold it uses no fold even where it
// could, as on a system without a peek.
func newWire(nc net.Conn, noFold bool) *wire {
	w := &wire{nc: nc}
	// Only exactly these types: a type that embeds one has its SyscallConn,
	// too, but its own Read and Write would be bypassed.
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		w.socket = true
	default:
		w.clock = newClock(w.expire)
	}
	if noFold || !w.socket || !w.openFold() {
		w.watch = newIdleWatch(w)
	}
	return w
}

// pendingBuffers has buffers for held bytes.
var pendingBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// maxPooled is the largest buffer that is kept for another request.
const maxPooled = 64 << 10

// hold begins to hold back written bytes.
func (w *wire) hold() {
	if !w.held {
		w.held, w.sent, w.rest = true, false, nil
	}
}

// appendPending holds back p.
func (w *wire) appendPending(p []byte) {
	if w.pending == nil {
		w.slot = pendingBuffers.Get().(*[]byte)
		w.pending = (*w.slot)[:0]
	}
	w.pending = append(w.pending, p...)
}

// release returns buffers that an idle wire does not need.
func (w *wire) release() {
	if w.slot == nil || len(w.pending) > 0 {
		return // a reply of TLS, sent before the next request
	}
	if *w.slot = w.pending[:0]; cap(w.pending) <= maxPooled {
		pendingBuffers.Put(w.slot)
	}
	w.slot, w.pending = nil, nil
}

// drop discards held bytes.
func (w *wire) drop() { w.held, w.pending, w.slot = false, nil, nil }

// Read looks first if something is held back. If it is still held when Read
// returns, nothing was written: the look found something, which Read returns,
// or did not take place. A task that does not wait for an answer returns 0,
// nil.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case w.task == looking:
		return w.peek(p)
	case w.held && w.task != completing:
		return w.push(p)
	}
	return w.receive(p)
}

// push checks that the connection is silent, writes what is held back, and
// waits for an answer if that is its task. What it finds or reads goes to p.
func (w *wire) push(p []byte) (int, error) {
	if w.watch == nil {
		return w.pushFolded(p)
	}
	if w.watch.heard() {
		return w.watch.take(p)
	}
	if w.aborted.Load() {
		return 0, w.opError("write", net.ErrClosed)
	}
	if w.socket {
		n, err := w.send(w.pending)
		if n == 0 && err != nil {
			return 0, err
		}
		w.pending = w.pending[:0] // there may be an answer before everything is taken
	} else {
		// The peer may take nothing before its answer is read, and after an
		// error nobody knows whether anything was sent.
		w.sendRest(0)
	}
	return w.finishPush(p)
}

// finishPush ends a push that has written something.
func (w *wire) finishPush(p []byte) (int, error) {
	w.held, w.sent = false, true
	if w.task == sending {
		return 0, nil
	}
	return w.receive(p)
}

// receive reads from the connection.
func (w *wire) receive(p []byte) (n int, err error) {
	switch {
	case w.watch != nil:
		n, err = w.watch.take(p)
	default:
		n, err = w.readConn(p)
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.broken.Store(true)
	}
	return n, err
}

// maxEmpty is how many reads in a row may return neither bytes nor an error.
const maxEmpty = 100

// readConn is the Read of the connection.
func (w *wire) readConn(p []byte) (n int, err error) {
	if err := w.clock.begin(reading); err != nil {
		return 0, w.opError("read", err)
	}
	for range maxEmpty {
		if n, err = w.nc.Read(p); n > 0 || err != nil {
			break
		}
		err = io.ErrNoProgress
	}
	if w.clock.end(reading) {
		err = w.opError("read", os.ErrDeadlineExceeded)
	}
	return n, err
}

// Write writes p, or holds it back.
func (w *wire) Write(p []byte) (int, error) {
	if w.held {
		w.appendPending(p)
		return len(p), nil
	}
	if r := w.rest; r != nil {
		if <-r.done; r.err != nil {
			return 0, r.err
		}
	}
	if len(w.pending) > 0 { // a reply of TLS from its idle time
		if _, err := w.send(w.pending); err != nil {
			return 0, err
		}
		w.pending = w.pending[:0]
	}
	return w.send(p)
}

// send writes p to the connection.
func (w *wire) send(p []byte) (int, error) {
	w.writing.Add(1)
	defer w.writing.Add(-1)
	if err := w.clock.begin(writing); err != nil {
		return 0, w.opError("write", err)
	}
	n, err := w.nc.Write(p)
	if w.clock.end(writing) {
		err = w.opError("write", os.ErrDeadlineExceeded)
	}
	if err != nil {
		w.broken.Store(true) // a part of a TLS record may have been sent
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			w.failed.Store(true)
		}
	}
	return n, err
}

// sendRest starts a goroutine that writes the held bytes after the first n, so
// that an early answer can be read meanwhile.
func (w *wire) sendRest(n int) {
	p := w.pending[n:]
	r := &rest{done: make(chan struct{})}
	w.pending, w.slot, w.rest = nil, nil, r
	w.writing.Add(1)
	go func() {
		defer close(r.done)
		defer w.writing.Add(-1)
		_, r.err = w.send(p)
	}()
}

// restWritten reports whether everything that was held back has been written. If
// the response to it has come, the goroutine that writes is about to return.
func (w *wire) restWritten() bool {
	if w.rest == nil {
		return true
	}
	timer := time.NewTimer(lastWrite)
	defer timer.Stop()
	select {
	case <-w.rest.done:
		return w.rest.err == nil
	case <-timer.C:
		return false
	}
}

// cut reports, after io.EOF, whether the connection may really have been reset.
// A write that meets the reset consumes the error of the socket, and the reader
// gets EOF.
func (w *wire) cut() bool {
	w.restWritten() // a peer that has read everything may answer before the goroutine returns
	return w.writing.Load() > 0 && w.isReset() || w.failed.Load()
}

// peek looks without blocking or writing. What it finds goes to p.
func (w *wire) peek(p []byte) (int, error) {
	switch {
	case w.watch == nil:
		return w.peekFolded(p)
	case w.watch.heard():
		return w.watch.take(p)
	}
	return 0, nil
}

// abort closes the connection. A look under way that has written nothing yet
// will not write.
func (w *wire) abort() error {
	w.aborted.Store(true)
	w.broken.Store(true)
	return w.nc.Close()
}

// expire is abort for a deadline.
func (w *wire) expire() { w.abort() }

// opError wraps a bare error as a method of net.Conn does.
func (w *wire) opError(op string, err error) error {
	e := &net.OpError{Op: op, Source: w.nc.LocalAddr(), Addr: w.nc.RemoteAddr(), Err: err}
	if e.Addr != nil {
		e.Net = e.Addr.Network()
	}
	return e
}

func (w *wire) SetDeadline(t time.Time) error {
	return w.setDeadline(reading|writing, t, net.Conn.SetDeadline)
}

func (w *wire) SetReadDeadline(t time.Time) error {
	return w.setDeadline(reading, t, net.Conn.SetReadDeadline)
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	return w.setDeadline(writing, t, net.Conn.SetWriteDeadline)
}

func (w *wire) setDeadline(d direction, t time.Time, set func(net.Conn, time.Time) error) error {
	if !t.IsZero() {
		w.dated.Store(true)
	}
	if w.clock == nil {
		return set(w.nc, t)
	}
	return w.clock.set(d, t, w.nc, set)
}

// renew sets both deadlines for a new exchange, or clears them.
func (w *wire) renew(t time.Time) error {
	if t.IsZero() && !w.dated.Load() {
		return nil
	}
	err := w.SetDeadline(t)
	if t.IsZero() && err == nil {
		w.dated.Store(false)
	}
	return err
}

var _ io.ReadWriter = (*wire)(nil)
