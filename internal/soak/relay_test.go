package soak

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A relay is a failing network between clients and a server: it cuts, resets,
// half-closes, stalls and slows connections at any byte.
type relay struct {
	net.Listener
	to string

	mu   sync.Mutex
	open map[net.Conn]bool
	wg   sync.WaitGroup
}

func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{Listener: l, to: to, open: make(map[net.Conn]bool)}
	r.wg.Go(r.accept)
	return r, nil
}

func (r *relay) accept() {
	for {
		c, err := r.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.carry(c) })
	}
}

// stop ends every connection and waits for it.
func (r *relay) stop() {
	r.Close()
	r.mu.Lock()
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

func (r *relay) keep(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[c] = true
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
	c.Close()
}

func (r *relay) carry(client net.Conn) {
	r.keep(client)
	defer r.drop(client)
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	r.keep(server)
	defer r.drop(server)
	var both sync.WaitGroup
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}

// pass copies from one side to the other, and may fail on the way.
func pass(to, from net.Conn) {
	at := int64(rand.IntN(1 << (8 + rand.IntN(14)))) // most faults are early
	switch rand.IntN(20) {
	case 0: // RST to both sides
		io.CopyN(to, from, at)
		end(to, true)
		end(from, true)
		return
	case 1: // FIN to both sides
		io.CopyN(to, from, at)
		to.Close()
		from.Close()
		return
	case 2: // a half-closed connection
		io.CopyN(to, from, at)
		to.(*net.TCPConn).CloseWrite()
		return
	case 3: // a stall
		io.CopyN(to, from, at)
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
	case 4: // a trickle
		for range 100 {
			if _, err := io.CopyN(to, from, 1); err != nil {
				break
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
}
