package conformance

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A network is where the servers of a case listen and the library dials.
type network interface {
	// listen uses an address on 127.0.0.1 whose port has five digits, as ports
	// count in Content-Length.
	listen() (net.Listener, error)
	// dial connects to an address of listen; in memory, to no other.
	dial(ctx context.Context, addr string) (net.Conn, error)
}

// sockets is the network of a case that does not wait: TCP.
type sockets struct{}

// maxExchange bounds each connection of a case, whatever its client does.
const maxExchange = 8 * time.Second

func (sockets) listen() (net.Listener, error) {
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		if l.Addr().(*net.TCPAddr).Port >= 10000 {
			return boundedListener{l}, nil
		}
		defer l.Close() // keeps the same port from being chosen again
	}
	return nil, errors.New("no port of five digits is to be had")
}

func (sockets) dial(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp4", addr)
}

// A boundedListener accepts connections that last at most maxExchange.
type boundedListener struct{ net.Listener }

func (l boundedListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		nc.SetDeadline(time.Now().Add(maxExchange))
	}
	return nc, err
}

// A memory is the network of a case whose retries wait, sometimes for hours. It
// consists of pipes, because the clock of a synctest bubble stands still while a
// socket is read.
type memory struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener
}

func (m *memory) listen() (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners == nil {
		m.listeners = make(map[string]*memoryListener)
	}
	l := &memoryListener{
		addr:     &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 10001 + len(m.listeners)},
		accepted: make(chan net.Conn), closed: make(chan struct{}),
	}
	m.listeners[l.addr.String()] = l
	return l, nil
}

func (m *memory) dial(ctx context.Context, addr string) (net.Conn, error) {
	m.mu.Lock()
	l := m.listeners[addr]
	m.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errRefused)}
	if l == nil {
		return nil, refused
	}
	near, far := net.Pipe()
	select {
	case l.accepted <- far:
		return near, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A memoryListener is a listener in memory.
type memoryListener struct {
	addr     *net.TCPAddr
	accepted chan net.Conn
	closing  sync.Once
	closed   chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.accepted:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return l.addr }
