package transport

import "sync"

// A Pin keeps the connection of one call for the next one, for authentication
// that logs in a connection rather than a request (RFC 4559, section 6). A
// connection that was used with a Pin then serves only calls with a Pin of the
// same owner. Only one call at a time may use a Pin.
type Pin struct {
	owner any

	mu   sync.Mutex
	conn *conn // waiting for the next call
	free bool
}

// NewPin returns a Pin without a connection. The owner is the one who logs in;
// it must be comparable and not nil.
func NewPin(owner any) *Pin { return &Pin{owner: owner} }

// Serves reports whether p, which may be nil, belongs to owner.
func (p *Pin) Serves(owner any) bool { return p != nil && p.owner == owner }

// Pin keeps the connection of r, whose body has not ended, for the next call:
// the answer to a challenge must use the same connection. It is nil for HTTP/2.
func (r *Response) Pin(owner any) *Pin {
	p := NewPin(owner)
	if r.err == nil && r.conn != nil {
		r.pin = p
	}
	return p
}

// hold keeps c, which must be parked.
func (p *Pin) hold(c *conn) {
	c.host.pool.adopt(c, p.owner)
	p.mu.Lock()
	held := p.conn == nil && !p.free
	if held {
		p.conn = c
	}
	p.mu.Unlock()
	if !held {
		c.host.pool.put(c)
	}
}

// take returns the kept connection if it leads to e, or nil.
func (p *Pin) take(from *pool, e endpoint) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.conn
	if c == nil || c.host.pool != from || c.host.to != e {
		return nil
	}
	p.conn = nil
	return c
}

// Free ends the use of the Pin. Its connection becomes available to others of
// the same owner.
func (p *Pin) Free() {
	p.mu.Lock()
	c := p.conn
	p.conn, p.free = nil, true
	p.mu.Unlock()
	if c != nil {
		c.host.pool.put(c)
	}
}

// adopt makes c a connection of owner.
func (p *pool) adopt(c *conn, owner any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.host.to.owner == owner {
		return
	}
	to := c.host.to
	to.owner = owner
	before := c.host
	c.host = p.hostFor(to)
	c.host.open++
	before.open--
	before.startDials()
}
