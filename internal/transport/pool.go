package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/go-requests/requests/internal/fault"
)

// A pool is the connections of one [Route].
type pool struct {
	engine  *Engine
	route   Route                    // without its Config
	config  weak.Pointer[tls.Config] // that of the route
	custom  bool                     // it has one
	cleanup runtime.Cleanup

	dialer dialer
	h2c    bool // http is spoken by HTTP/2

	dialed atomic.Int64
	reused atomic.Int64

	mu      sync.Mutex
	hosts   map[endpoint]*host
	idle    list[conn]  // of all hosts, the one idle for the longest time first
	open    int         // connections that are not closed
	retired bool        // nothing is kept any more
	sweep   *time.Timer // nil if it does not run
}

// An endpoint is what a connection leads to.
type endpoint struct {
	secure     bool
	forwarded  bool // it leads to the proxy, which is asked in absolute form, whatever the host
	host, port string
	owner      any // of a Pin
}

// A host is the connections to one endpoint. Its pool's lock guards it.
type host struct {
	pool *pool
	to   endpoint
	proto

	idle    []*conn // the one used last is the last
	open    int     // connections that are not closed, and dials under way
	dials   list[dial]
	orphans list[dial]   // those of dials that nobody waits for
	covered list[waiter] // who waits for a dial under way or a connection
	queued  list[waiter] // behind them, who may not have a dial of their own
}

// A proto is what the server of a host speaks, as far as it is known.
type proto uint8

const (
	unknown proto = iota // until ALPN has decided
	http1
	http2
)

func newPool(e *Engine, r *Route) (*pool, error) {
	c := &e.Config
	if c.Allow != nil && r.Proxy.resolves() {
		return nil, fault.Text(fault.InvalidOption, "a proxy that resolves names connects to addresses that Allow is not asked about")
	}
	p := &pool{engine: e, route: *r, h2c: c.UnencryptedHTTP2 && !r.Only1, hosts: make(map[endpoint]*host)}
	settings := r.TLS
	if settings.Config != nil {
		p.config, p.custom = weak.Make(settings.Config), true
		settings.Config = settings.Config.Clone()
		p.route.TLS.Config = nil
	}
	p.dialer = dialer{config: c, proxy: &p.route.Proxy, login: newLogin(&p.route.Proxy),
		cert: credential{settings: settings, http2: !c.DisableHTTP2 && !r.Only1}}
	return p, nil
}

// serves reports whether r is the route of p.
func (p *pool) serves(r *Route) bool {
	if p.custom != (r.TLS.Config != nil) || p.custom && p.config.Value() != r.TLS.Config {
		return false
	}
	mine, its := &p.route.TLS, &r.TLS
	return p.route.Only1 == r.Only1 && mine.SkipVerify == its.SkipVerify && mine.CABundle == its.CABundle &&
		mine.CertFile == its.CertFile && mine.KeyFile == its.KeyFile && p.route.Proxy == r.Proxy
}

// endpoint returns what a call to u connects to.
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

// perHost is how many idle connections to a host are kept, and with Block the
// most that there may be.
func (p *pool) perHost() int { return cmpOr(p.engine.Config.PerHost, defaultPerHost) }

// to returns the host for e, and makes it if need be. The caller holds mu.
func (p *pool) to(e endpoint) *host {
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
		p.watch()
	}
	return h
}

// get returns a connection for call to e: an idle one, unless it is to be
// fresh, or else the first that a dial brings or another call is done with. A
// connection that has served a call before may be stale, which its first use
// will tell.
func (p *pool) get(ctx context.Context, call *Call, e endpoint, fresh bool) (*conn, error) {
	now := time.Now()
	p.mu.Lock()
	h := p.to(e)
	var old *conn
	if !fresh {
		var c *conn
		if c, old = h.take(now); c != nil {
			p.mu.Unlock()
			old.closeAll()
			return c, nil
		}
	} else if p.engine.Config.Block && h.open >= p.perHost() {
		if old = h.pop(); old != nil { // to make room
			old.gone()
		}
	}
	w := &waiter{ctx: ctx, host: h, limit: call.Connect, ready: make(chan struct{})}
	h.queued.push(&w.at, w)
	h.settle()
	p.mu.Unlock()
	old.closeAll()
	return w.wait()
}

// put ends the use of c, which is parked, and gives it to who has waited for
// the longest time, or keeps it.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	surplus := c.host.offer(c)
	c.host.settle()
	p.mu.Unlock()
	surplus.closeAll()
}

// discard notes that a connection in use was closed, so that another one may
// take its place.
func (p *pool) discard(c *conn) {
	p.mu.Lock()
	c.gone()
	c.host.settle()
	p.mu.Unlock()
}

// gone counts a connection no more. The caller holds mu.
func (c *conn) gone() {
	if !c.uncounted {
		c.uncounted = true
		c.host.open--
		c.host.pool.open--
	}
}

// offer gives c to who has waited for the longest time, or keeps it. It returns
// the connection that is one too many, nil if there is none. The caller holds mu.
func (h *host) offer(c *conn) (surplus *conn) {
	w := h.covered.front()
	if w == nil {
		w = h.queued.front()
	}
	if w == nil {
		return h.keep(c)
	}
	h.release(w, false)
	w.conn = c
	close(w.ready)
	return nil
}

// settle finds a dial for each waiter that has none, as far as there may be one
// more. The caller holds mu.
func (h *host) settle() {
	for {
		w := h.queued.front()
		if w == nil {
			return
		}
		d := h.orphans.front()
		switch {
		case d != nil:
			h.orphans.remove(&d.orphan)
		case h.proto != http1 && h.dials.n > 0:
			// Until ALPN has decided, a second connection may be one too many.
			if d = h.dials.last.of; d.cancelled {
				d = h.dial(w)
			}
		case h.pool.engine.Config.Block && h.open >= h.pool.perHost():
			return
		default:
			d = h.dial(w)
		}
		h.queued.remove(&w.at)
		h.cover(w, d)
	}
}

// retire closes the idle connections, and has each one closed that is put from
// now on.
func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	for _, h := range p.hosts {
		for d := h.orphans.front(); d != nil; d = h.orphans.front() {
			h.drop(d)
		}
	}
	p.mu.Unlock()
	p.cleanup.Stop()
	p.closeIdle()
}

// stats counts what p has.
func (p *pool) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Open: p.open, Idle: p.idle.n, Dialed: p.dialed.Load(), Reused: p.reused.Load()}
	for _, h := range p.hosts {
		s.Waiting += h.covered.n + h.queued.n
	}
	return s
}

// A waiter is a call that waits for a connection.
type waiter struct {
	ctx   context.Context
	host  *host
	limit time.Duration // Connect; it runs while there is a dial

	// The lock of the pool guards what follows until ready is closed.
	at    node[waiter]
	dial  *dial // nil while it is queued
	timer *time.Timer
	conn  *conn
	err   error
	ready chan struct{}
}

// wait returns what the waiter gets, or why it waits no more.
func (w *waiter) wait() (*conn, error) {
	select {
	case <-w.ready:
	case <-w.ctx.Done():
		if w.leave(fault.Ended(w.ctx)) {
			break
		}
		<-w.ready
		if w.conn != nil { // which came at the same time
			w.host.pool.put(w.conn)
			return nil, fault.Ended(w.ctx)
		}
	}
	return w.conn, w.err
}

// leave has the waiter end with err, unless it got something before.
func (w *waiter) leave(err error) bool {
	h := w.host
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if w.at.of == nil {
		return false
	}
	h.fail(w, err)
	h.settle()
	return true
}

// fail ends a waiter with err. The caller holds mu.
func (h *host) fail(w *waiter, err error) {
	h.release(w, true)
	w.err = err
	close(w.ready)
}

// release takes a waiter out of its list, and its dial away if it has given up
// and nobody else waits for that. The caller holds mu.
func (h *host) release(w *waiter, gaveUp bool) {
	if w.timer != nil {
		w.timer.Stop()
	}
	d := w.dial
	if d == nil {
		h.queued.remove(&w.at)
		return
	}
	h.uncover(w)
	switch {
	case d.waiters > 0, d.at.of == nil:
	case h.queued.n == 0 && (gaveUp || d.limit <= 0 || h.pool.retired):
		h.drop(d) // nobody waits for it any more
	default:
		// Who got another connection leaves the dial to the next waiter or, if
		// it is sure to end, to the pool.
		h.orphans.push(&d.orphan, d)
	}
}

// cover has w wait for d. The caller holds mu.
func (h *host) cover(w *waiter, d *dial) {
	w.dial = d
	d.waiters++
	h.covered.push(&w.at, w)
	if w.limit > 0 && w.timer == nil {
		w.timer = time.AfterFunc(w.limit, w.expire)
	}
}

// uncover is the reverse of cover, but that the time goes on.
func (h *host) uncover(w *waiter) {
	h.covered.remove(&w.at)
	w.dial.waiters--
	w.dial = nil
}

// expire ends the wait since Connect ran out.
func (w *waiter) expire() {
	h := w.host
	h.pool.mu.Lock()
	d := w.dial
	h.pool.mu.Unlock()
	var err error = &fault.Limit{Kind: fault.ConnectTimeout, After: w.limit}
	if d != nil && d.proxied.Load() {
		err = fault.New(fault.Proxy, err)
	}
	w.leave(err)
}

// A dial is a connection being made. It belongs to its host: the waiter that it
// was begun for may be served by another one, and another waiter by it.
type dial struct {
	host    *host
	cancel  context.CancelFunc
	owner   *waiter       // whom it was begun for
	limit   time.Duration // that of the owner, by which it ends; zero is never
	clock   dialClock
	proxied atomic.Bool // it is the proxy that is waited for

	// The lock of the pool guards what follows.
	at        node[dial] // among the dials of the host
	orphan    node[dial] // among those that nobody waits for
	waiters   int
	cancelled bool
}

type dialKey struct{}

// dial begins to make a connection, for w as long as nobody else needs it
// more. It has the values of the context of w, and its Connect limit. The caller
// holds mu.
func (h *host) dial(w *waiter) *dial {
	d := &dial{host: h, owner: w, limit: w.limit}
	ctx := d.clock.hear(context.WithoutCancel(w.ctx))
	ctx = context.WithValue(ctx, dialKey{}, d)
	if d.limit > 0 {
		ctx, d.cancel = context.WithTimeoutCause(ctx, d.limit, &fault.Limit{Kind: fault.ConnectTimeout, After: d.limit})
	} else {
		ctx, d.cancel = context.WithCancel(ctx)
	}
	h.open++
	h.dials.push(&d.at, d)
	go d.run(ctx)
	return d
}

// drop gives up a dial. The caller holds mu.
func (h *host) drop(d *dial) {
	if d.orphan.of != nil {
		h.orphans.remove(&d.orphan)
	}
	d.cancelled = true
	d.cancel()
}

func (d *dial) run(ctx context.Context) {
	l, err := d.open(ctx)
	h := d.host
	p := h.pool
	p.mu.Lock()
	h.dials.remove(&d.at)
	if d.orphan.of != nil {
		h.orphans.remove(&d.orphan)
	}
	var surplus *conn
	if err != nil {
		h.open--
		h.failed(d, err)
	} else {
		p.open++
		p.dialed.Add(1)
		surplus = h.dialed(d, l)
	}
	h.settle()
	p.mu.Unlock()
	d.cancel()
	surplus.closeAll()
}

// open makes the connection. A panic of a function of the program's own would
// end the program, as nobody above could recover from it.
func (d *dial) open(ctx context.Context) (l *link, err error) {
	defer func() {
		if p := recover(); p != nil {
			l, err = nil, fault.New(fault.InvalidOption, fmt.Errorf("panic while connecting: %v", p))
		}
	}()
	return d.host.pool.dialer.open(ctx, d.host.to)
}

// dialed takes in a connection that was made. The caller holds mu.
func (h *host) dialed(d *dial, l *link) (surplus *conn) {
	c := newConn(l, h)
	c.times = d.clock.stop()
	h.proto = http1
	first := h.covered.front()
	if first != nil && first.dial != d {
		h.swap(first, d)
	}
	h.requeue(d, first)
	return h.offer(c)
}

// swap gives first, who gets what d has brought, in exchange for its own dial to
// one who waits for d. The caller holds mu.
func (h *host) swap(first *waiter, d *dial) {
	for at := h.covered.first; at != nil; at = at.next {
		if at.of.dial == d {
			at.of.dial, first.dial = first.dial, d
			return
		}
	}
}

// requeue has those wait anew who waited for d, which is over, but for one. The
// caller holds mu.
func (h *host) requeue(d *dial, but *waiter) {
	for at := h.covered.last; at != nil && d.waiters > 0; {
		w := at.of
		at = at.prev
		if w.dial == d && w != but {
			h.uncover(w)
			h.queued.unshift(&w.at, w)
		}
	}
}

// failed tells those who waited for d. A limit that ran out is that of the one
// whom it was begun for; others may have more time. The caller holds mu.
func (h *host) failed(d *dial, err error) {
	limited := isA[*fault.Limit](err)
	for at := h.covered.first; at != nil && d.waiters > 0; {
		w := at.of
		at = at.next
		if w.dial == d && (w == d.owner || !limited) {
			h.fail(w, err)
		}
	}
	h.requeue(d, nil)
}
