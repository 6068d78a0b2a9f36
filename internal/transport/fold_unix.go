//go:build unix && !aix

package transport

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A fold checks that a socket is silent, writes, and waits for the answer, all
// within one RawConn.Read. RawConn.Read arms the runtime's poller before it
// calls step, so nothing that arrives after the peek is missed. It also checks
// the deadline. There are no needless system calls, as no read comes too early.
// While exchanges follow each other closely, the system calls are raw ones: see
// pulse.
//
// RawConn.Read holds the read lock, and Close waits for step. Therefore step
// never blocks: it makes one peek, one write and one read, and calls nothing
// else.
type fold struct {
	raw  syscall.RawConn
	step func(fd uintptr) (done bool) // (*wire).step, bound once
	look func(fd uintptr)             // (*wire).look, likewise

	calls   *calls // the raw ones only while the pulse is alive
	dst     []byte
	written bool // the look is done, and the write was called
	put     int  // what it took
	n       int
	op      string
	err     error // an errno, or net.ErrClosed
	one     [1]byte
}

// openFold sets up a fold for the socket, and reports whether there is one.
func (w *wire) openFold() bool {
	c, ok := w.nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	w.fold.raw, w.fold.step, w.fold.look = raw, w.step, w.look
	return true
}

// step is called once, and again whenever the socket may be readable.
func (w *wire) step(fd uintptr) (done bool) {
	f, s := &w.fold, int(fd)
	if f.written {
		f.op, f.calls = "read", cheapestCalls() // the wait may have been long
		f.n, f.err = f.calls.read(s, f.dst)
		return f.err != syscall.EAGAIN
	}
	f.calls = cheapestCalls()
	if w.look(fd); f.err != syscall.EAGAIN {
		return true
	}
	if w.aborted.Load() {
		f.err = net.ErrClosed
		return true
	}
	f.op, f.written = "write", true
	if f.put, f.err = f.calls.write(s, w.pending); f.put < len(w.pending) {
		return true
	}
	return w.task == sending
}

// pushFolded is push with the fold.
func (w *wire) pushFolded(p []byte) (int, error) {
	f := &w.fold
	f.dst, f.written, f.put, f.n, f.err = p, false, 0, 0, nil
	err := f.raw.Read(f.step)
	f.dst = nil
	if err != nil { // closed, or past a deadline
		err = w.asReadError(err)
	}
	switch {
	case !f.written && err != nil:
		return 0, err
	case !f.written:
		return w.outcome()
	case f.op == "write" && f.put == 0 && f.err != nil && f.err != syscall.EAGAIN:
		w.failed.Store(true)
		return w.outcome()
	case f.put < len(w.pending):
		w.sendRest(f.put)
		return w.finishPush(p)
	}
	w.pending = w.pending[:0]
	w.held, w.sent = false, true
	if err != nil || w.task == sending {
		return 0, err
	}
	return w.outcome()
}

// outcome returns what net.Conn.Read would have returned for the last system
// call of step.
func (w *wire) outcome() (int, error) {
	f := &w.fold
	switch {
	case f.err == nil && f.n == 0:
		w.broken.Store(true)
		return 0, io.EOF
	case f.err == nil:
		return f.n, nil
	}
	w.broken.Store(true)
	if errno, ok := f.err.(syscall.Errno); ok {
		return 0, w.opError(f.op, os.NewSyscallError(f.op, errno))
	}
	return 0, w.opError(f.op, f.err)
}

// asReadError turns an error of RawConn.Read into one of net.Conn.Read.
func (w *wire) asReadError(err error) error {
	if e, ok := err.(*net.OpError); ok {
		e.Op = "read"
	}
	return err
}

// look peeks, and reads what it finds.
func (w *wire) look(fd uintptr) {
	f := &w.fold
	f.op = "read"
	if f.n, f.err = f.calls.peek(int(fd), f.one[:]); f.n > 0 {
		f.n, f.err = f.calls.read(int(fd), f.dst)
	}
}

// peekFolded is peek with the fold. Deadlines do not affect it.
func (w *wire) peekFolded(p []byte) (int, error) {
	f := &w.fold
	f.calls, f.dst = &ordinaryCalls, p
	err := f.raw.Control(f.look)
	f.dst = nil
	switch {
	case err != nil:
		return 0, w.asReadError(err)
	case f.err == syscall.EAGAIN:
		return 0, nil
	}
	return w.outcome()
}

// isReset reports whether the connection was reset, without consuming the error
// of the socket. After a FIN there is still a peer.
func (w *wire) isReset() bool {
	if _, ok := w.nc.(*net.TCPConn); !ok || w.fold.raw == nil {
		return true // unknown
	}
	reset := false
	err := w.fold.raw.Control(func(fd uintptr) {
		_, err := syscall.Getpeername(int(fd))
		reset = err != nil
	})
	return reset || err != nil
}

// calls are the system calls of a fold.
type calls struct {
	peek, read, write func(fd int, p []byte) (int, error)
}

// ordinaryCalls are calls as package net makes them. MSG_DONTWAIT is for sockets
// that a program has made blocking by calling Fd of their File.
var ordinaryCalls = calls{
	peek: func(fd int, p []byte) (int, error) {
		return uninterrupted(func() (int, error) {
			n, _, err := syscall.Recvfrom(fd, p, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return n, err
		})
	},
	read: func(fd int, p []byte) (int, error) {
		return uninterrupted(func() (int, error) { return syscall.Read(fd, p) })
	},
	write: func(fd int, p []byte) (int, error) {
		return uninterrupted(func() (int, error) { return syscall.Write(fd, p) })
	},
}

// uninterrupted repeats a system call that a signal has interrupted.
func uninterrupted(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}
