package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/go-requests/requests/internal/fault"
)

// A pool holds the connections of one [Route].
type pool struct {
	engine   *Engine
	route    Route                       // without its Configs
	configs  [3]weak.Pointer[tls.Config] // of the route
	custom   [3]bool                     // which of them it has
	cleanups [3]runtime.Cleanup

	dialer      dialer
	h2c         bool                   // http URLs use HTTP/2
	multiplexer func() *http.Transport // that speaks HTTP/2

	dialed atomic.Int64
	reused atomic.Int64

	mu      sync.Mutex
	hosts   map[endpoint]*host
	last    *host       // the last one looked up
	idle    list[conn]  // of all hosts; the one idle longest comes first
	open    int         // connections that are open
	retired bool        // no connection is kept any more
	sweep   *time.Timer // nil if it is not running
}

// An endpoint is where a connection leads to.
type endpoint struct {
	secure     bool
	forwarded  bool // it leads to a proxy that gets requests in absolute form for any host
	host, port string
	owner      any // of a Pin
}

func newPool(e *Engine, r *Route) (*pool, error) {
	c := &e.Config
	if c.Allow != nil && !c.TrustProxy && r.Proxy.resolves() {
		return nil, fault.Text(fault.InvalidOption, "Allow cannot be asked about what a proxy connects to that resolves names itself: take one of socks4 or socks5, or set TrustProxy")
	}
	p := &pool{engine: e, route: *r, h2c: c.UnencryptedHTTP2 && !r.HTTP1Only, hosts: make(map[endpoint]*host), multiplexer: sync.OnceValue(newMultiplexer)}
	settings := r.TLS
	for i, c := range settings.configs() {
		if c != nil {
			p.configs[i], p.custom[i] = weak.Make(c), true
		}
	}
	settings.Config, settings.Trust, settings.Client = settings.Config.Clone(), settings.Trust.Clone(), settings.Client.Clone()
	p.route.TLS.Config, p.route.TLS.Trust, p.route.TLS.Client = nil, nil, nil
	p.dialer = dialer{config: c, proxy: &p.route.Proxy, login: newLogin(&p.route.Proxy), made: &p.dialed,
		cert: credential{settings: settings, http2: !c.DisableHTTP2 && !r.HTTP1Only && hasHTTP2()}}
	return p, nil
}

// serves reports whether r is the route of p.
func (p *pool) serves(r *Route) bool {
	for i, c := range r.TLS.configs() {
		if p.custom[i] != (c != nil) || c != nil && p.configs[i].Value() != c {
			return false
		}
	}
	mine, its := &p.route.TLS, &r.TLS
	return p.route.HTTP1Only == r.HTTP1Only && mine.SkipVerify == its.SkipVerify && mine.CABundle == its.CABundle &&
		mine.CertFile == its.CertFile && mine.KeyFile == its.KeyFile && p.route.Proxy == r.Proxy
}

// endpoint returns the endpoint for a call to u.
func (p *pool) endpoint(u *url.URL, pin *Pin) (endpoint, error) {
	e := endpoint{host: u.Hostname(), port: u.Port()}
	switch u.Scheme {
	case "http":
		if p.route.Proxy.forwards(false, p.h2c) {
			e = endpoint{forwarded: true}
			break
		}
		if e.port == "" {
			e.port = "80"
		}
	case "https":
		e.secure = true
		if e.port == "" {
			e.port = "443"
		}
	default:
		return e, fault.Text(fault.InvalidScheme, "it is neither http nor https")
	}
	if e.host == "" && !e.forwarded {
		return e, fault.Text(fault.InvalidURL, "it has no host")
	}
	if pin != nil {
		e.owner = pin.owner
	}
	return e, nil
}

// address returns the address to which connections to e are made, for traces.
func (p *pool) address(e endpoint) string {
	if proxy := p.route.Proxy.Host; proxy != "" {
		return proxy
	}
	return net.JoinHostPort(e.host, e.port)
}

// perHost is how many idle connections are kept for each host. With Block, it
// limits all connections to a host.
func (p *pool) perHost() int { return positiveOr(p.engine.Config.PerHost, defaultPerHost) }

// hostFor returns the host for e, and makes it if necessary. The caller holds mu.
func (p *pool) hostFor(e endpoint) *host {
	if p.last != nil && p.last.to == e { // the usual case, and cheaper than a lookup
		return p.last
	}
	h := p.hosts[e]
	if h == nil {
		h = &host{pool: p, to: e}
		switch {
		case p.h2c && !e.secure:
			h.proto = http2
		case !e.secure || !p.dialer.cert.http2:
			h.proto = http1
		}
		p.hosts[e] = h
		p.scheduleSweep()
	}
	p.last = h
	return h
}

// A seat is what a call gets from a pool: a connection of its own, or a
// reserved stream of one of HTTP/2.
type seat struct {
	conn   *conn
	shared *shared
}

// old reports whether the connection was idle before the call, so that it may
// have ended unnoticed. It need not have served a call: see [host.removeWaiter].
func (s seat) old() bool { return s.conn != nil && s.conn.since != 0 }

// exchange sends a request and reads the head of its response. It sets a.reused.
func (s seat) exchange(a *attempt) (*Response, *failure) {
	if s.conn != nil {
		a.reused = s.conn.used
		return s.conn.exchange(a)
	}
	return s.shared.exchange(a)
}

// get returns a seat for a call: on an existing connection, unless fresh is
// set, or on the first connection that a dial makes or another call frees. A
// connection that has served a call before may be stale; its first use will
// tell.
func (p *pool) get(a *attempt, fresh bool) (seat, error) {
	p.mu.Lock()
	h := p.hostFor(a.to)
	if len(h.shared) > 0 {
		list := h.shared
		p.mu.Unlock()
		if s, _ := reserve(list); s != nil {
			return seat{shared: s}, nil
		}
		p.mu.Lock()
		h = p.hostFor(a.to) // the sweep may have removed it
	}
	var old *conn
	if !fresh {
		var c *conn
		if c, old = h.take(a.now); c != nil {
			p.mu.Unlock()
			old.closeAll()
			return seat{conn: c}, nil
		}
	} else if p.engine.Config.Block && h.open >= p.perHost() {
		if old = h.pop(); old != nil { // makes room
			old.uncount()
		}
	}
	w := &waiter{ctx: a.ctx, host: h, limit: a.call.Connect, fresh: fresh, ready: make(chan struct{})}
	h.queued.push(&w.at, w)
	h.startDials()
	lend := len(h.shared) > 0
	p.mu.Unlock()
	old.closeAll()
	if lend { // a stream may have become free meanwhile
		h.lend()
	}
	got, err := w.wait()
	a.now = time.Now()
	return got, err
}

// put takes c back after use. If c can be used again, it goes to the call that
// has waited longest, or is kept. put reports whether c is still open.
func (p *pool) put(c *conn) bool {
	if !c.parked && !c.park() {
		c.link.Close()
		p.discard(c)
		return false
	}
	p.mu.Lock()
	surplus := c.host.offer(c)
	c.host.startDials()
	p.mu.Unlock()
	surplus.closeAll()
	return surplus != c
}

// discard records that a connection in use was closed, so that another one may
// take its place.
func (p *pool) discard(c *conn) {
	p.mu.Lock()
	c.uncount()
	c.host.startDials()
	p.mu.Unlock()
}

// retire closes the idle connections, and from now on put closes every
// connection.
func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	for _, h := range p.hosts {
		for d := h.orphans.front(); d != nil; d = h.orphans.front() {
			h.drop(d)
		}
	}
	p.mu.Unlock()
	for _, c := range p.cleanups {
		c.Stop()
	}
	p.closeIdle()
}

// stats counts the connections and calls of p.
func (p *pool) stats() Stats {
	p.mu.Lock()
	all := Stats{Open: p.open, Idle: p.idle.n, Dialed: p.dialed.Load(), Reused: p.reused.Load()}
	var list []*shared
	for _, h := range p.hosts {
		all.Waiting += h.assigned.n + h.queued.n
		list = append(list, h.shared...)
	}
	p.mu.Unlock()
	for _, s := range list {
		if s.idleSince() != 0 {
			all.Idle++
		}
	}
	return all
}
