package requests

import (
	"context"
	"crypto/tls"
	"io"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/transport"
)

// Trace makes a call take the times for [Response.Timings], which costs some
// microseconds.
type Trace bool

func (Trace) option() {}

// Timings say where the time of a request went: the last one of the call, after
// redirects, challenges and retries. What did not happen is zero: on a connection
// that was reused, for example, DNS, Connect and TLS.
type Timings struct {
	DNS     time.Duration // resolving the name
	Connect time.Duration // TCP
	TLS     time.Duration // handshakes, those with proxies included
	// FirstByte is the time from the start to the first byte of the response. It
	// includes all of the above.
	FirstByte time.Duration
	// Total is the time from the start to the end of the body. It is zero until
	// the body has been read or closed.
	Total time.Duration
	// Reused reports whether the connection had served another request before.
	Reused bool
}

// Timings returns where the time of the request went. It is all zero unless [Trace]
// was asked for.
func (r *Response) Timings() Timings {
	if r.clock == nil {
		return Timings{}
	}
	r.clock.mu.Lock()
	defer r.clock.mu.Unlock()
	return r.clock.Timings
}

// A clock takes the times of one attempt. A dial that was begun for the attempt
// may go on after it got another connection, so that events come at any time.
type clock struct {
	start time.Time

	mu sync.Mutex
	Timings
	connected         bool // the attempt has its connection; dials no longer matter
	dns, connect, tls time.Time
}

// startClock starts a clock and returns a context whose httptrace feeds it.
func startClock(ctx context.Context) (context.Context, *clock) {
	c := &clock{start: time.Now()}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { c.seek() },
		DNSStart:             func(httptrace.DNSStartInfo) { c.begin(&c.dns) },
		DNSDone:              func(httptrace.DNSDoneInfo) { c.done(&c.dns, &c.DNS) },
		ConnectStart:         func(_, _ string) { c.begin(&c.connect) },
		ConnectDone:          c.connectDone,
		TLSHandshakeStart:    func() { c.begin(&c.tls) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { c.done(&c.tls, &c.TLS) },
		GotConn:              c.got,
		GotFirstResponseByte: c.firstByte,
	}), c
}

// seek is called when a connection is wanted: again if the first one is dead.
func (c *clock) seek() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Timings, c.connected = Timings{}, false
	c.dns, c.connect, c.tls = time.Time{}, time.Time{}, time.Time{}
}

func (c *clock) begin(at *time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.IsZero() { // of several addresses tried in parallel the first counts
		*at = time.Now()
	}
}

func (c *clock) done(at *time.Time, took *time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() && !c.connected {
		*took += time.Since(*at)
	}
	*at = time.Time{}
}

// connectDone takes the first address that answered and ignores the others.
func (c *clock) connectDone(_, _ string, err error) {
	if err == nil {
		c.done(&c.connect, &c.Connect)
	}
}

func (c *clock) got(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if info.Reused {
		c.Timings = Timings{Reused: true}
	}
	c.connected = true
}

func (c *clock) firstByte() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FirstByte = time.Since(c.start)
}

// end records the end of the body.
func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Total == 0 {
		c.Total = time.Since(c.start)
	}
}

// clockOf is a clock with the times that the engine has measured.
func clockOf(start time.Time, t *transport.Times) *clock {
	return &clock{start: start, connected: true,
		Timings: Timings{DNS: t.DNS, Connect: t.Connect, TLS: t.TLS, FirstByte: t.FirstByte, Reused: t.Reused}}
}

// timed gives r the clock of its attempt.
func (r *Response) timed(c *clock) {
	if c == nil {
		return
	}
	r.clock = c
	c.mu.Lock()
	if c.FirstByte == 0 { // a RoundTripper that does not trace
		c.FirstByte = r.Elapsed
	}
	c.mu.Unlock()
	if r.wire.src == nil {
		c.end()
		return
	}
	r.wire.src = &timedBody{r.wire.src, c}
}

// timedBody stops the clock when the body ends.
type timedBody struct {
	io.ReadCloser
	clock *clock
}

func (t *timedBody) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err != nil {
		t.clock.end()
	}
	return n, err
}

func (t *timedBody) Close() error {
	t.clock.end()
	return t.ReadCloser.Close()
}
