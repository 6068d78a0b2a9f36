package bridge

import (
	"context"
	"crypto/tls"
	"io"
	"net/http/httptrace"
	"sync"
	"time"
)

// Times say where the time of an attempt went. A step that did not happen is zero.
type Times struct {
	DNS, Connect, TLS time.Duration
	FirstByte         time.Duration // from the start
	Total             time.Duration // from the start to the end of the body; zero before that
	Reused            bool          // the connection had served another request before
}

// A Stopwatch measures one attempt. A dial that was begun for the attempt may
// continue after it got another connection, so events may come at any time.
type Stopwatch struct {
	start time.Time

	mu                sync.Mutex
	times             Times
	connected         bool // the attempt has its connection; dials no longer matter
	dns, connect, tls time.Time
}

// StartStopwatch starts a Stopwatch and returns a context whose httptrace feeds it.
func StartStopwatch(ctx context.Context) (context.Context, *Stopwatch) {
	c := &Stopwatch{start: time.Now()}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { c.seek() },
		DNSStart:             func(httptrace.DNSStartInfo) { c.begin(&c.dns) },
		DNSDone:              func(httptrace.DNSDoneInfo) { c.done(&c.dns, &c.times.DNS) },
		ConnectStart:         func(_, _ string) { c.begin(&c.connect) },
		ConnectDone:          c.connectDone,
		TLSHandshakeStart:    func() { c.begin(&c.tls) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { c.done(&c.tls, &c.times.TLS) },
		GotConn:              c.got,
		GotFirstResponseByte: c.firstByte,
	}), c
}

// NewStopwatch returns a Stopwatch that has run since start and has measured times
// already.
func NewStopwatch(start time.Time, times Times) *Stopwatch {
	return &Stopwatch{start: start, connected: true, times: times}
}

// Times returns the times until now.
func (c *Stopwatch) Times() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// seek is called when a connection is wanted, and again if the first one is dead.
func (c *Stopwatch) seek() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times, c.connected = Times{}, false
	c.dns, c.connect, c.tls = time.Time{}, time.Time{}, time.Time{}
}

func (c *Stopwatch) begin(at *time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.IsZero() { // of several addresses tried in parallel, the first counts
		*at = time.Now()
	}
}

func (c *Stopwatch) done(at *time.Time, took *time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() && !c.connected {
		*took += time.Since(*at)
	}
	*at = time.Time{}
}

// connectDone takes the first address that answered and ignores the others.
func (c *Stopwatch) connectDone(_, _ string, err error) {
	if err == nil {
		c.done(&c.connect, &c.times.Connect)
	}
}

func (c *Stopwatch) got(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if info.Reused {
		c.times = Times{Reused: true}
	}
	c.connected = true
}

func (c *Stopwatch) firstByte() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times.FirstByte = time.Since(c.start)
}

// Answered sets the time of the first byte, if no trace has reported it.
func (c *Stopwatch) Answered(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times.FirstByte == 0 {
		c.times.FirstByte = took
	}
}

// End records the end of the body.
func (c *Stopwatch) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times.Total == 0 {
		c.times.Total = time.Since(c.start)
	}
}

// TimedBody stops the Stopwatch when the body ends.
type TimedBody struct {
	io.ReadCloser
	Stopwatch *Stopwatch
}

func (t *TimedBody) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err != nil {
		t.Stopwatch.End()
	}
	return n, err
}

// Close stops it, too.
func (t *TimedBody) Close() error {
	t.Stopwatch.End()
	return t.ReadCloser.Close()
}
