package requests

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	// idlePerHost is how many idle connections to one host are kept. The two
	// of net/http make 32 parallel callers dial for nearly every request.
	idlePerHost = 64
	// idleTimeout closes a connection that nobody needed for so long.
	idleTimeout = 90 * time.Second
	// maxHeaderBytes bounds the header of a response (CVE-2023-38039).
	maxHeaderBytes = 1 << 20
)

// newTransport makes the transport for key, on a dialer of our own, so that one
// Connect limit covers name resolution, TCP and TLS.
func (a *HTTPAdapter) newTransport(key poolKey) (*http.Transport, error) {
	config, err := key.tls.config(!a.DisableHTTP2)
	if err != nil {
		return nil, err
	}
	d := &dialer{dial: a.DialContext, tls: config}
	if d.dial == nil {
		d.dial = (&net.Dialer{}).DialContext
	}
	t := &http.Transport{
		DialContext:            d.plain,
		DialTLSContext:         d.encrypted,
		TLSClientConfig:        config,
		DisableCompression:     true, // the response decodes, and keeps the header
		ForceAttemptHTTP2:      !a.DisableHTTP2,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
	}
	if a.DisableHTTP2 {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	return t, nil
}

// config is the TLS configuration that t stands for.
func (t TLS) config(http2 bool) (*tls.Config, error) {
	c := t.Config.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if c.NextProtos == nil {
		c.NextProtos = []string{"http/1.1"}
		if http2 {
			c.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	if t.SkipVerify {
		c.InsecureSkipVerify = true
	}
	return c, t.loadFiles(c)
}

// A dialer makes connections within the Connect limit of the exchange that
// wants them.
type dialer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config
}

func (d *dialer) plain(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := connectContext(ctx)
	defer cancel()
	return d.connect(ctx, network, addr)
}

func (d *dialer) connect(ctx context.Context, network, addr string) (*conn, error) {
	nc, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	return &conn{Conn: nc}, nil
}

func (d *dialer) encrypted(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := connectContext(ctx)
	defer cancel()
	c, err := d.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc := tls.Client(c, config)
	done := handshakes(ctx)
	err = tc.HandshakeContext(ctx)
	done()
	if err != nil {
		c.Close()
		if ended := contextError(ctx); ended != nil {
			return nil, ended
		}
		return nil, fail(ErrTLS, err)
	}
	c.multiplexed = tc.ConnectionState().NegotiatedProtocol == "h2"
	return tc, nil
}

// connectContext limits ctx to the Connect limit of its exchange.
func connectContext(ctx context.Context) (context.Context, context.CancelFunc) {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	if e == nil || e.limit.Connect <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, e.limit.Connect, &limitError{ErrConnectTimeout, e.limit.Connect})
}
