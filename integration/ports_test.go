//go:build integration && linux

package integration_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// A portReserve gives names to ports of 127.0.0.1 that nothing listens on, and
// keeps them by listening itself until release.
//
// The ports lie below those that the kernel gives to outgoing connections. One
// of the latter may be gone before its server has started; and a client that
// connects to it in the meantime, to see whether the server is there, may be
// given it as its own and be connected to itself.
type portReserve struct {
	byName map[string]int
	held   []net.Listener
	next   int
	limit  int
}

func newPortReserve() *portReserve {
	first := 32768 // Linux's default
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(text), &first)
	}
	low := max(1024, first-8192)
	return &portReserve{byName: map[string]int{}, next: low + rand.IntN(max(1, (first-low)/2)), limit: first}
}

// take returns the port of that name, a new one at the first call.
func (r *portReserve) take(name string) (int, error) {
	if port, ok := r.byName[name]; ok {
		return port, nil
	}
	for r.next < r.limit {
		port := r.next
		r.next++
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue
		}
		r.held = append(r.held, l)
		r.byName[name] = port
		return port, nil
	}
	return 0, errors.New("no free port below the kernel's own")
}

// release lets the servers have their ports.
func (r *portReserve) release() {
	for _, l := range r.held {
		l.Close()
	}
	r.held = nil
}
