package transport

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// attemptDelay is how long an address may take before the next one is tried
// beside it (RFC 8305, section 5).
const attemptDelay = 250 * time.Millisecond

// dial connects to the first address of host that answers.
func (d *dialer) dial(ctx context.Context, host, port string) (net.Conn, error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fault.New(fault.InvalidURL, err)
	}
	ips, err := d.resolve(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	addrs := make([]netip.AddrPort, 0, len(ips))
	var refused error
	for _, ip := range alternate(ips) {
		addr := netip.AddrPortFrom(ip, uint16(number))
		if err := d.allowed(addr); err == nil {
			addrs = append(addrs, addr)
		} else if refused == nil {
			refused = err
		}
	}
	if len(addrs) == 0 {
		return nil, refused
	}
	return race(ctx, addrs, dialTCP)
}

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
}

// resolve returns the addresses of host, for the network "ip4" those of IPv4.
func (d *dialer) resolve(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil && network == "ip" {
		return []netip.Addr{ip.Unmap()}, nil
	}
	resolver := d.config.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ips, err := resolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	for i, ip := range ips {
		ips[i] = ip.Unmap()
	}
	return ips, nil
}

// alternate puts the addresses of the two families one after the other, and
// otherwise leaves them in their order, which the resolver has sorted (RFC 8305,
// section 4).
func alternate(ips []netip.Addr) []netip.Addr {
	if len(ips) < 3 {
		return ips
	}
	var of [2][]netip.Addr
	for _, ip := range ips {
		family := 0
		if ip.Is4() != ips[0].Is4() {
			family = 1
		}
		of[family] = append(of[family], ip)
	}
	mixed := ips[:0:0]
	for i := range max(len(of[0]), len(of[1])) {
		for _, family := range of {
			if i < len(family) {
				mixed = append(mixed, family[i])
			}
		}
	}
	return mixed
}

// race connects by dial to the addresses, each one attemptDelay after the one before
// or at once when that has failed, until one answers.
func race(ctx context.Context, addrs []netip.AddrPort, dial func(context.Context, netip.AddrPort) (net.Conn, error)) (net.Conn, error) {
	if len(addrs) == 1 {
		return dial(ctx, addrs[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		c   net.Conn
		err error
	}
	results := make(chan result)
	start := func(addr netip.AddrPort) {
		c, err := dial(ctx, addr)
		select {
		case results <- result{c, err}:
		case <-ctx.Done():
			if c != nil {
				c.Close()
			}
		}
	}
	var first error
	delay := time.NewTimer(0)
	defer delay.Stop()
	for running := 0; ; {
		select {
		case <-delay.C:
			if len(addrs) > 0 {
				go start(addrs[0])
				addrs = addrs[1:]
				running++
				delay.Reset(attemptDelay)
			}
		case r := <-results:
			if r.err == nil {
				return r.c, nil
			}
			if first == nil {
				first = r.err
			}
			running--
			if len(addrs) == 0 && running == 0 {
				return nil, first
			}
			delay.Reset(0)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// allowed asks the program whether addr may be connected to.
func (d *dialer) allowed(addr netip.AddrPort) error {
	if d.config.Allow == nil {
		return nil
	}
	if err := d.config.Allow(addr); err != nil {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
	}
	return nil
}

// allowRemote asks whether the address may be connected to that a function of
// the program's own has chosen. What has no IP address, such as a socket of
// Unix, cannot be asked about, and is refused.
func (d *dialer) allowRemote(c net.Conn) error {
	var addr netip.AddrPort
	if remote := c.RemoteAddr(); remote != nil && remote.Network() == "tcp" {
		addr, _ = netip.ParseAddrPort(remote.String())
	}
	if !addr.IsValid() {
		return fault.Text(fault.Connection, "the connection has no IP address, which Allow could be asked about")
	}
	return d.allowed(netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
}
