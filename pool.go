package requests

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// defaultPools is how many pools are kept where PoolConnections says nothing.
	defaultPools = 64
	// defaultIdle is how many idle connections to one host are kept. The two
	// of net/http make 32 parallel callers dial for nearly every request.
	defaultIdle = 64
	// maxIdle bounds the idle connections of a pool, all hosts together.
	maxIdle = 1024
)

// A poolKey names the connections that may serve each other's requests: with
// another verification, certificate or proxy it is another pool (CVE-2024-35195,
// CVE-2016-5420, CVE-2026-3784).
type poolKey struct {
	tls   TLS
	via   via
	https bool // the scheme of the targets, where it makes a difference
	only1 bool // HTTP/1.1 alone, for what servers want by no other version
}

// poolKeyFor returns the key for a request. What the connection does not
// depend on is left out.
func (a *HTTPAdapter) poolKeyFor(p *PreparedRequest, opts *SendOptions) (poolKey, error) {
	secure := p.URL.Scheme == "https"
	if opts.Proxy == nil {
		key := poolKey{https: secure && a.UnencryptedHTTP2}
		if secure {
			key.tls = opts.TLS
		}
		return key, nil
	}
	v, err := viaProxy(opts.Proxy, p)
	if err != nil {
		return poolKey{}, err
	}
	key := poolKey{via: v, https: secure}
	if secure || v.scheme == "https" {
		key.tls = opts.TLS
	}
	return key, nil
}

// A pool is the connections of one key.
type pool struct {
	key       poolKey
	transport *http.Transport
	forward   *url.URL // the proxy, for targets that it is asked for in absolute form
	login     proxyLogin
	dog       watchdog

	retired atomic.Bool // by Close or for a pool used later
	waiting atomic.Int64
	dialled atomic.Int64
	reused  atomic.Int64

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// mayShare reports whether r may get a connection that it shares with others.
func (p *pool) mayShare(r *PreparedRequest) bool {
	if r.URL.Scheme == "https" {
		return p.transport.Protocols.HTTP2()
	}
	return p.transport.Protocols.UnencryptedHTTP2()
}

// carrier says how r is carried.
func (p *pool) carrier(r *PreparedRequest) carrier {
	switch {
	case p.mayShare(r):
		return sharing
	}
	return exclusive
}

func (p *pool) add(c *conn) {
	p.dialled.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.conns = make(map[*conn]struct{})
	}
	p.conns[c] = struct{}{}
}

func (p *pool) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// retire closes the idle connections. Those in use are closed once they are free.
func (p *pool) retire() {
	p.retired.Store(true)
	p.transport.CloseIdleConnections()
}

// route is the Proxy of the transport, which net/http calls before each of its
// own attempts. One whose time is up makes no further attempt: net/http would
// go on with every idle connection that there is.
func (p *pool) route(hr *http.Request) (*url.URL, error) {
	if e := exchangeOf(hr.Context()); e != nil && e.expired.Load() {
		return nil, e.readTimeout()
	}
	return p.forward, nil
}

// count adds what the pool has to s.
func (p *pool) count(s *Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Open += len(p.conns)
	for c := range p.conns {
		if c.idle() {
			s.Idle++
		}
	}
	s.Waiting += int(p.waiting.Load())
	s.Dialled += p.dialled.Load()
	s.Reused += p.reused.Load()
}

// Stats says what the connections of an [HTTPAdapter] are doing.
type Stats struct {
	Open    int   // connections that are open
	Idle    int   // of these, the ones that no request uses
	Waiting int   // requests without a connection yet: one is being made, or PoolBlock has them wait
	Dialled int64 // connections made so far
	Reused  int64 // requests that got a connection made before
}

// pools are the pools of an adapter.
type pools struct {
	recent atomic.Pointer[pool] // the one used last: mostly the one wanted next

	mu     sync.Mutex
	list   []*pool // the one used last comes first
	gone   Stats   // what the retired ones have counted
	closed bool
}

// pool returns the pool for key, and makes it if need be.
func (a *HTTPAdapter) pool(key *poolKey) (*pool, error) {
	if p := a.pools.recent.Load(); p != nil && p.key == *key {
		return p, nil
	}
	a.pools.mu.Lock()
	defer a.pools.mu.Unlock()
	if a.pools.closed {
		return nil, ErrClosed
	}
	list := a.pools.list
	i := slices.IndexFunc(list, func(p *pool) bool { return p.key == *key })
	if i < 0 {
		p, err := a.newPool(*key)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
		i = len(list) - 1
	}
	p := list[i]
	copy(list[1:i+1], list[:i])
	list[0] = p
	for len(list) > a.maxPools() {
		last := list[len(list)-1]
		list[len(list)-1] = nil
		list = list[:len(list)-1]
		last.retire()
		a.pools.gone.Dialled += last.dialled.Load()
		a.pools.gone.Reused += last.reused.Load()
	}
	a.pools.list = list
	a.pools.recent.Store(p)
	return p, nil
}

func (a *HTTPAdapter) maxPools() int {
	if a.PoolConnections > 0 {
		return a.PoolConnections
	}
	return defaultPools
}

// Stats says what the connections are doing now. Of pools that were given up
// for others only the totals are counted.
func (a *HTTPAdapter) Stats() Stats {
	a.pools.mu.Lock()
	defer a.pools.mu.Unlock()
	s := a.pools.gone
	for _, p := range a.pools.list {
		p.count(&s)
	}
	e := a.engine.Stats()
	s.Open += e.Open
	s.Idle += e.Idle
	s.Waiting += e.Waiting
	s.Dialled += e.Dialed
	s.Reused += e.Reused
	return s
}

// Close closes the idle connections, and those in use once their response has
// been read or closed. Calls that have begun may end; later ones return [ErrClosed].
func (a *HTTPAdapter) Close() error {
	a.engine.Close()
	a.pools.mu.Lock()
	defer a.pools.mu.Unlock()
	a.pools.closed = true
	a.pools.recent.Store(nil)
	for _, p := range a.pools.list {
		p.retire()
	}
	return nil
}
