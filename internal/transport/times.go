package transport

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// Times say where the time of a call went. A step that did not happen is zero,
// such as DNS, Connect and TLS on an existing connection. They are complete
// when the body of the response has ended.
type Times struct {
	DNS     time.Duration // resolving the name
	Connect time.Duration // TCP
	TLS     time.Duration // handshakes, including those with proxies
	// FirstByte is the time from the start of the call to the first byte of the
	// response. It includes all of the above.
	FirstByte time.Duration
	Reused    bool // the connection had served another call before
}

// A dialClock measures one dial with the hooks that the resolver and the dialer
// of package net call, even inside a function of the caller's. Attempts that
// lost a race continue for a moment, so events may come at any time.
type dialClock struct {
	mu                sync.Mutex
	times             Times
	stopped           bool
	dns, connect, tls time.Time
}

// withTrace returns a context whose hooks feed the clock.
func (c *dialClock) withTrace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { c.begin(&c.dns) },
		DNSDone:      func(httptrace.DNSDoneInfo) { c.done(&c.dns, &c.times.DNS) },
		ConnectStart: func(_, _ string) { c.begin(&c.connect) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil { // the address that answered; other attempts continue
				c.done(&c.connect, &c.times.Connect)
			}
		},
		TLSHandshakeStart: func() { c.begin(&c.tls) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { c.done(&c.tls, &c.times.TLS) },
	})
}

func (c *dialClock) begin(at *time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.IsZero() { // of several addresses tried at once, the first counts
		*at = time.Now()
	}
}

func (c *dialClock) done(at *time.Time, took *time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() && !c.stopped {
		*took += time.Since(*at)
	}
	*at = time.Time{}
}

// stop returns the times. It is called when the connection is established.
func (c *dialClock) stop() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	return c.times
}

// wroteHead reports the written head to a trace.
func wroteHead(trace *httptrace.ClientTrace, head []byte) {
	if trace.WroteHeaderField != nil {
		first := true
		for line := range strings.SplitSeq(string(head), "\r\n") {
			if name, value, ok := strings.Cut(line, ": "); ok && !first {
				trace.WroteHeaderField(name, []string{value})
			}
			first = false
		}
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}
