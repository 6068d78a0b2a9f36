package transport

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// attemptDelay is how long to wait for an address before the next one is tried
// in parallel (RFC 8305, section 5).
const attemptDelay = 250 * time.Millisecond

// dialHost connects to the first address of host that answers.
func (d *dialer) dialHost(ctx context.Context, host, port string) (net.Conn, error) {
	addrs, err := d.addresses(ctx, "ip", host, port)
	if err != nil {
		return nil, err
	}
	return race(ctx, addrs, dialTCP)
}

// addresses returns the addresses of host that may be connected to, in the
// order to try them. The network "ip4" limits them to IPv4.
func (d *dialer) addresses(ctx context.Context, network, host, port string) ([]netip.AddrPort, error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fault.New(fault.InvalidURL, err)
	}
	given, ok := d.configured(host, port)
	if !ok {
		ips, err := d.resolve(ctx, network, host)
		if err != nil {
			return nil, err
		}
		for _, ip := range alternate(ips) {
			given = append(given, netip.AddrPortFrom(ip, uint16(number)))
		}
	}
	addrs := given[:0]
	for _, addr := range given {
		if refused := d.checkAllowed(host, addr); refused == nil {
			addrs = append(addrs, addr)
		} else if err == nil {
			err = refused
		}
	}
	if len(addrs) == 0 {
		return nil, err
	}
	return addrs, nil
}

// configured returns the address that Config.Hosts has for host, if it has one.
func (d *dialer) configured(host, port string) (addrs []netip.AddrPort, ok bool) {
	if len(d.config.Hosts) == 0 {
		return nil, false
	}
	host = strings.ToLower(host)
	addr, ok := d.config.Hosts[net.JoinHostPort(host, port)]
	if !ok {
		addr, ok = d.config.Hosts[host]
	}
	if !ok {
		return nil, false
	}
	if addr.Port() == 0 {
		number, _ := strconv.ParseUint(port, 10, 16)
		addr = netip.AddrPortFrom(addr.Addr(), uint16(number))
	}
	return []netip.AddrPort{addr}, true
}

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
}

// resolve returns the addresses of host. The network "ip4" limits them to IPv4.
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

// alternate interleaves the two address families, and otherwise keeps the order
// of the resolver (RFC 8305, section 4).
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

// race calls dial for the addresses until one answers. It tries the next
// address after attemptDelay, or as soon as one has failed.
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

// checkAllowed asks the caller whether addr, an address of host, may be
// connected to.
func (d *dialer) checkAllowed(host string, addr netip.AddrPort) error {
	if d.config.Allow == nil {
		return nil
	}
	err := d.config.Allow(addr)
	if err == nil {
		return nil
	}
	where := addr.String()
	if host != addr.Addr().String() {
		where = host + " at " + where
	}
	return fault.Reword(fault.Address, err, where+": "+err.Error())
}

// checkRemote asks whether a connection to the address that the caller's Dial
// chose for host is allowed. A connection without an IP address, such as a Unix
// socket, is refused.
func (d *dialer) checkRemote(host string, c net.Conn) error {
	var addr netip.AddrPort
	if remote := c.RemoteAddr(); remote != nil && strings.HasPrefix(remote.Network(), "tcp") {
		addr, _ = netip.ParseAddrPort(remote.String())
	}
	if !addr.IsValid() {
		return fault.Text(fault.Address, host+" has no IP address to ask Allow about")
	}
	return d.checkAllowed(host, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
}
