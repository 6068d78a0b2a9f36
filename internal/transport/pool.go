package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/go-requests/requests/internal/fault"
)

// A pool is the connections of one [Route].
type pool struct {
	engine   *Engine
	route    Route                       // without its Configs
	configs  [3]weak.Pointer[tls.Config] // those of the route
	custom   [3]bool                     // it has them
	cleanups [3]runtime.Cleanup

	dialer      dialer
	h2c         bool                   // http is spoken by HTTP/2
	multiplexer func() *http.Transport // that speaks it

	dialed atomic.Int64
	reused atomic.Int64

	mu      sync.Mutex
	hosts   map[endpoint]*host
	last    *host       // the one asked for last
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

	idle    []*conn   // of HTTP/1.1, the one used last is the last
	shared  []*shared // of HTTP/2, on which there may be room; a slice that is here is not changed
	full    bool      // there was none when it was last looked for
	open    int       // connections that are not closed, and dials under way
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
	p := &pool{engine: e, route: *r, h2c: c.UnencryptedHTTP2 && !r.Only1, hosts: make(map[endpoint]*host), multiplexer: sync.OnceValue(newMultiplexer)}
	settings := r.TLS
	for i, c := range settings.configs() {
		if c != nil {
			p.configs[i], p.custom[i] = weak.Make(c), true
		}
	}
	settings.Config, settings.Trust, settings.Client = settings.Config.Clone(), settings.Trust.Clone(), settings.Client.Clone()
	p.route.TLS.Config, p.route.TLS.Trust, p.route.TLS.Client = nil, nil, nil
	p.dialer = dialer{config: c, proxy: &p.route.Proxy, login: newLogin(&p.route.Proxy), made: &p.dialed,
		cert: credential{settings: settings, http2: !c.DisableHTTP2 && !r.Only1 && hasHTTP2()}}
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

// address is what is connected to for e, for traces.
func (p *pool) address(e endpoint) string {
	if proxy := p.route.Proxy.Host; proxy != "" {
		return proxy
	}
	return net.JoinHostPort(e.host, e.port)
}

// perHost is how many idle connections to a host are kept, and with Block the
// most that there may be.
func (p *pool) perHost() int { return cmpOr(p.engine.Config.PerHost, defaultPerHost) }

// to returns the host for e, and makes it if need be. The caller holds mu.
func (p *pool) to(e endpoint) *host {
	if p.last != nil && p.last.to == e { // mostly, and cheaper than to look it up
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
		p.watch()
	}
	p.last = h
	return h
}

// A seat is what a call gets of a pool: a connection to itself, or a stream of
// one of HTTP/2, reserved.
type seat struct {
	conn   *conn
	shared *shared
}

// reused reports whether the connection has served another call.
func (s seat) reused() bool {
	if s.conn != nil {
		return s.conn.used
	}
	return s.shared.reused()
}

// exchange sends a request and reads the head of its response.
func (s seat) exchange(a *attempt) (*Response, *failure) {
	if s.conn != nil {
		return s.conn.exchange(a)
	}
	return s.shared.exchange(a)
}

// get returns a seat for a call: on a connection that is there, unless it is to
// be fresh, or else the first that a dial brings or another call is done with. A
// connection that has served a call before may be stale, which its first use
// will tell.
func (p *pool) get(a *attempt, fresh bool) (seat, error) {
	p.mu.Lock()
	h := p.to(a.to)
	if len(h.shared) > 0 {
		list := h.shared
		p.mu.Unlock()
		if s, _ := reserve(list); s != nil {
			return seat{shared: s}, nil
		}
		p.mu.Lock()
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
		if old = h.pop(); old != nil { // to make room
			old.gone()
		}
	}
	w := &waiter{ctx: a.ctx, host: h, limit: a.call.Connect, fresh: fresh, ready: make(chan struct{})}
	h.queued.push(&w.at, w)
	h.settle()
	lend := len(h.shared) > 0
	p.mu.Unlock()
	old.closeAll()
	if lend { // a stream may have become free since
		h.lend()
	}
	got, err := w.wait()
	a.now = time.Now()
	return got, err
}

// put ends the use of c, if it can be used again, and gives it to who has waited
// for the longest time, or keeps it. It reports whether c is open.
func (p *pool) put(c *conn) bool {
	if !c.parked && !c.park() {
		c.link.Close()
		p.discard(c)
		return false
	}
	p.mu.Lock()
	surplus := c.host.offer(c)
	c.host.settle()
	p.mu.Unlock()
	surplus.closeAll()
	return surplus != c
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
	w := h.next(c.used)
	if w == nil {
		return h.keep(c)
	}
	h.serve(w, seat{conn: c})
	return nil
}

// next returns who has waited for the longest time, for a connection that was
// used or for any. The caller holds mu.
func (h *host) next(used bool) *waiter {
	for _, first := range [...]*node[waiter]{h.covered.first, h.queued.first} {
		for at := first; at != nil; at = at.next {
			if !used || !at.of.fresh {
				return at.of
			}
		}
	}
	return nil
}

// serve ends the wait of w. The caller holds mu.
func (h *host) serve(w *waiter, s seat) {
	h.release(w, false)
	w.seat = s
	close(w.ready)
}

// lend gives streams of HTTP/2 to those who wait. It is to be called when a
// stream has become free, when a connection knows how many it has, and when one
// is not of use any more, without the lock of the pool.
func (h *host) lend() {
	p := h.pool
	for {
		p.mu.Lock()
		waits, list := h.next(false) != nil, h.shared
		if !waits {
			h.full = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		s, soon := reserve(list)
		p.mu.Lock()
		w := h.next(false)
		if s != nil && w != nil {
			h.serve(w, seat{shared: s})
			p.mu.Unlock()
			continue
		}
		if s == nil {
			h.full = !soon
			h.settle()
		}
		p.mu.Unlock()
		if s != nil {
			s.release()
		}
		return
	}
}

// reserve takes a stream of one of the connections. If there is none, soon says
// that one of them may have some in a moment, and will call lend.
func reserve(list []*shared) (s *shared, soon bool) {
	for _, s := range slices.Backward(list) {
		ok, wait := s.reserve()
		if ok {
			return s, false
		}
		soon = soon || wait
	}
	return nil, soon
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
		case len(h.shared) > 0 && !h.full:
			return // a stream will do
		case d != nil:
			h.orphans.remove(&d.orphan)
		case h.proto != http1 && h.joinable() != nil:
			// Until ALPN has decided, a second connection may be one too many, and
			// one of HTTP/2 has room for many calls.
			d = h.joinable()
		case h.pool.engine.Config.Block && h.open >= h.pool.perHost():
			return
		default:
			d = h.dial(w)
		}
		h.queued.remove(&w.at)
		h.cover(w, d)
	}
}

// joinable returns a dial that nobody has given up, nil if there is none.
func (h *host) joinable() *dial {
	for at := h.dials.last; at != nil; at = at.prev {
		if !at.of.cancelled {
			return at.of
		}
	}
	return nil
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
	for _, c := range p.cleanups {
		c.Stop()
	}
	p.closeIdle()
}

// stats counts what p has.
func (p *pool) stats() Stats {
	p.mu.Lock()
	all := Stats{Open: p.open, Idle: p.idle.n, Dialed: p.dialed.Load(), Reused: p.reused.Load()}
	var list []*shared
	for _, h := range p.hosts {
		all.Waiting += h.covered.n + h.queued.n
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

// A waiter is a call that waits for a connection.
type waiter struct {
	ctx   context.Context
	host  *host
	limit time.Duration // Connect; it runs while there is a dial
	fresh bool          // no connection will do that was used before
	ready chan struct{}

	// The lock of the pool guards what follows until ready is closed.
	at    node[waiter]
	dial  *dial // nil while it is queued
	timer *time.Timer
	seat
	err error
}

// wait returns what the waiter gets, or why it waits no more.
func (w *waiter) wait() (seat, error) {
	select {
	case <-w.ready:
		return w.seat, w.err
	case <-w.ctx.Done():
	}
	ended := fault.Ended(w.ctx)
	if !w.leave(ended) { // it was served at the same time
		<-w.ready
		switch {
		case w.conn != nil:
			w.host.pool.put(w.conn)
		case w.shared != nil:
			w.shared.release()
		}
	}
	return seat{}, ended
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

// release takes a waiter out of its list. Its dial is for the next waiter or, if
// there is none and the waiter was served by another one, for the pool. What
// nobody waits for any more is given up. The caller holds mu.
func (h *host) release(w *waiter, gaveUp bool) {
	if w.timer != nil {
		w.timer.Stop()
	}
	if d := w.dial; d == nil {
		h.queued.remove(&w.at)
	} else if h.uncover(w); d.waiters == 0 && d.at.of != nil {
		h.orphans.push(&d.orphan, d)
	}
	if h.covered.n+h.queued.n > 0 {
		return
	}
	for at := h.orphans.first; at != nil; {
		d := at.of
		at = at.next
		if gaveUp || d.limit <= 0 || h.pool.retired {
			h.drop(d)
		}
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

// waitForProxy notes whether it is the proxy that the dial of ctx waits for, as
// limits that run out meanwhile say so.
func waitForProxy(ctx context.Context, is bool) {
	if d, ok := ctx.Value(dialKey{}).(*dial); ok {
		d.proxied.Store(is)
	}
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
	var c *conn
	var s *shared
	switch {
	case err != nil:
	case h.isHTTP2(l):
		s, err = newShared(l, h, d.clock.stop())
	default:
		c = newConn(l, h)
		c.times = d.clock.stop()
	}
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
		if s != nil {
			h.share(d, s)
		} else {
			surplus = h.dialed(d, c)
		}
	}
	h.settle()
	retired := p.retired
	p.mu.Unlock()
	d.cancel()
	surplus.closeAll()
	if s != nil {
		h.lend()
		if retired {
			s.close()
		}
	}
}

// isHTTP2 reports whether what was dialled speaks HTTP/2.
func (h *host) isHTTP2(l *link) bool {
	if h.to.secure {
		return l.tls.NegotiatedProtocol == "h2"
	}
	return h.pool.h2c
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

// dialed takes in a connection of HTTP/1.1 that was made. The caller holds mu.
func (h *host) dialed(d *dial, c *conn) (surplus *conn) {
	h.proto = http1
	first := h.covered.front()
	if first != nil && first.dial != d {
		h.swap(first, d)
	}
	h.requeue(d, first)
	if h.next(false) == nil && !c.park() {
		c.gone()
		return c
	}
	return h.offer(c)
}

// share takes in a connection of HTTP/2 that was made. The caller holds mu, and
// then calls lend.
func (h *host) share(d *dial, s *shared) {
	h.proto = http2
	h.requeue(d, nil)
	h.shared = append(slices.Clip(h.shared), s)
	h.full = false
}

// unshare takes s out of those on which there is room: it is draining or has
// ended. It counts until it is discarded.
func (h *host) unshare(s *shared) {
	p := h.pool
	p.mu.Lock()
	if i := slices.Index(h.shared, s); i >= 0 {
		h.shared = slices.Delete(slices.Clone(h.shared), i, i+1)
	}
	h.settle()
	p.mu.Unlock()
	h.lend()
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

// drained counts s no more, which was closed.
func (h *host) drained(*shared) {
	p := h.pool
	p.mu.Lock()
	h.open--
	p.open--
	h.settle()
	p.mu.Unlock()
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
