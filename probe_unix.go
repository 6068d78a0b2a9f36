//go:build unix

package requests

import (
	"errors"
	"net"
	"syscall"
)

// canProbe says that there are probes on this system.
const canProbe = true

// A probe looks whether an idle connection is alive: one that the server has
// closed, or on which it has said something unasked, cannot serve a request.
type probe struct {
	raw  syscall.RawConn
	peek func(fd uintptr)
	buf  [1]byte
	n    int
	err  error
}

// newProbe returns nil for a connection that is none of the operating system.
func newProbe(c net.Conn) *probe {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &probe{raw: raw}
	p.peek = func(fd uintptr) {
		p.n, _, p.err = syscall.Recvfrom(int(fd), p.buf[:], syscall.MSG_PEEK)
	}
	return p
}

// alive reports whether there is nothing to be read. The socket does not block.
func (p *probe) alive() bool {
	err := p.raw.Control(p.peek)
	return err == nil && errors.Is(p.err, syscall.EAGAIN)
}
