package transport

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/go-requests/requests/internal/fault"
)

const (
	// defaultRoutes is how many routes are kept if Config.Routes is zero.
	defaultRoutes = 64
	// defaultPerHost is how many idle connections to one host are kept. With
	// two, as in net/http, 32 parallel callers dial for nearly every request.
	defaultPerHost = 64
	// defaultIdleTimeout is how long a connection may be idle.
	defaultIdleTimeout = 90 * time.Second
)

// Config says how an [Engine] makes and keeps connections. The zero Config is
// ready to use. It must not change once used.
type Config struct {
	// Dial makes the connections, including those to proxies, in place of a
	// [net.Dialer]. The Connect limit of the call that wants one is in its
	// context.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Resolver resolves names, in place of [net.DefaultResolver].
	Resolver *net.Resolver
	// Hosts has addresses for names that are not to be resolved. The keys are
	// "host" or "host:port"; the latter takes precedence. The port 0 stands for
	// that of the request.
	Hosts map[string]netip.AddrPort
	// Allow is asked for each address before it is connected to, including that
	// of a proxy and each one of a host, and for the address that Dial has
	// connected to. Its error is the reason for a refusal, and becomes a
	// [fault.Address]. With a proxy that resolves names, Allow cannot see the
	// target: calls fail with [fault.InvalidOption] unless TrustProxy is set.
	Allow      func(netip.AddrPort) error
	TrustProxy bool
	// ProxyHeader are the fields of CONNECT in addition to Host and
	// Proxy-Authorization.
	ProxyHeader http.Header

	// PerHost is how many idle connections to one host are kept. Zero means 64.
	PerHost int
	// Block makes PerHost the limit of all connections to a host.
	Block bool
	// Routes is how many routes are kept. Zero means 64. Beyond that, the
	// connections of the least recently used route are closed.
	Routes int
	// IdleTimeout is how long a connection may be idle before it is closed.
	// Zero means 90 seconds, a negative value never.
	IdleTimeout time.Duration

	DisableHTTP2     bool // HTTP/1.1 only
	UnencryptedHTTP2 bool // HTTP/2 to http URLs, without asking the server (RFC 9113, section 3.3)
}

// An Engine sends calls over connections of its own, which it keeps for later
// calls. The zero Engine is ready to use. It is safe for concurrent use.
type Engine struct {
	Config Config

	recent atomic.Pointer[pool] // the one used last, usually the next one, too

	mu     sync.Mutex
	pools  []*pool // the one used last comes first
	gone   Stats   // the totals of pools that were given up
	closed bool
}

// Stats says what the connections of an [Engine] are doing.
type Stats struct {
	Open    int   // connections that are open
	Idle    int   // of these, the ones that no call uses
	Waiting int   // calls without a connection yet: one is being made, or Block makes them wait
	Dialed  int64 // connections made so far
	Reused  int64 // calls on a connection that existed before
}

// pool returns the pool of route, and makes it if necessary.
func (e *Engine) pool(route *Route) (*pool, error) {
	if p := e.recent.Load(); p != nil && p.serves(route) {
		return p, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fault.Text(fault.Closed, "the adapter")
	}
	i := slices.IndexFunc(e.pools, func(p *pool) bool { return p.serves(route) })
	if i < 0 {
		p, err := newPool(e, route)
		if err != nil {
			return nil, err
		}
		for i, c := range route.TLS.configs() {
			if c != nil { // no call can use a Config that was collected
				p.cleanups[i] = runtime.AddCleanup(c, abandon, weak.Make(p))
			}
		}
		e.pools = append(e.pools, p)
		i = len(e.pools) - 1
	}
	p := e.pools[i]
	copy(e.pools[1:i+1], e.pools[:i])
	e.pools[0] = p
	e.recent.Store(p)
	for most := positiveOr(e.Config.Routes, defaultRoutes); len(e.pools) > most; {
		e.drop(len(e.pools) - 1)
	}
	return p, nil
}

// drop retires a pool. Idle connections are closed at once, and others when
// they become free. The caller holds mu.
func (e *Engine) drop(i int) {
	p := e.pools[i]
	e.pools = slices.Delete(e.pools, i, i+1)
	e.recent.CompareAndSwap(p, nil)
	p.retire()
	s := p.stats()
	e.gone.Dialed += s.Dialed
	e.gone.Reused += s.Reused
}

// abandon retires a pool whose tls.Config was garbage collected.
func abandon(of weak.Pointer[pool]) {
	p := of.Value()
	if p == nil {
		return
	}
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	if i := slices.Index(p.engine.pools, p); i >= 0 {
		p.engine.drop(i)
	}
}

// Stats says what the connections are doing now. Of routes that were given up
// it includes only the totals.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.gone
	for _, p := range e.pools {
		s := p.stats()
		all.Open += s.Open
		all.Idle += s.Idle
		all.Waiting += s.Waiting
		all.Dialed += s.Dialed
		all.Reused += s.Reused
	}
	return all
}

// CloseIdle closes the connections that no call uses.
func (e *Engine) CloseIdle() {
	e.mu.Lock()
	pools := slices.Clone(e.pools)
	e.mu.Unlock()
	for _, p := range pools {
		p.closeIdle()
	}
}

// Close closes the idle connections, and those in use once their response has
// ended. Calls under way may end; later ones fail with [fault.Closed].
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.recent.Store(nil)
	pools := slices.Clone(e.pools)
	e.mu.Unlock()
	for _, p := range pools {
		p.retire()
	}
	return nil
}

// positiveOr returns n if it is positive, and otherwise the default.
func positiveOr(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}
