package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/socks"
	"github.com/go-requests/requests/internal/tunnel"
)

// A dialer makes the connections of a pool: all that happens before the first
// byte of a request, within the Connect limit of the exchange that wants it.
type dialer struct {
	pool          *pool
	dial          func(ctx context.Context, network, addr string) (net.Conn, error)
	resolver      *net.Resolver // nil is the default one
	tls           *tls.Config   // with the target
	proxyTLS      *tls.Config   // with the proxy
	connectHeader http.Header   // for CONNECT
	h2c           bool
}

// plain is the DialContext of the transport.
func (d *dialer) plain(ctx context.Context, _, addr string) (net.Conn, error) {
	ctx, stop, err := d.limited(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	if d.pool.forward != nil {
		link, base, err := d.dialProxy(ctx)
		if err != nil {
			return nil, err
		}
		base.plain = true
		return link, nil
	}
	link, base, err := d.reach(ctx, addr)
	if err != nil {
		return nil, err
	}
	base.multiplexed, base.plain = d.h2c, !d.h2c && link == net.Conn(base)
	return link, nil
}

// encrypted is the DialTLSContext of the transport.
func (d *dialer) encrypted(ctx context.Context, _, addr string) (net.Conn, error) {
	ctx, stop, err := d.limited(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	if d.pool.forward != nil { // the proxy is the one to speak TLS with
		link, _, err := d.dialProxy(ctx)
		return link, err
	}
	link, base, err := d.reach(ctx, addr)
	if err != nil {
		return nil, err
	}
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc, err := handshake(ctx, link, config)
	if err != nil {
		return nil, err
	}
	base.multiplexed = tc.ConnectionState().NegotiatedProtocol == "h2"
	return tc, nil
}

// reach connects to addr, directly or through the proxy. It returns the
// stream to it and the connection below that.
func (d *dialer) reach(ctx context.Context, addr string) (net.Conn, *conn, error) {
	switch d.pool.key.via.scheme {
	case "":
		c, err := d.connect(ctx, addr)
		return c, c, err
	case "http", "https":
		return d.tunnel(ctx, addr)
	default:
		return d.socks(ctx, addr)
	}
}

// connect makes a TCP connection.
func (d *dialer) connect(ctx context.Context, addr string) (*conn, error) {
	nc, err := d.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	c := &conn{Conn: nc, pool: d.pool}
	d.pool.add(c)
	return c, nil
}

// handshake speaks TLS over c, which it closes if that fails. A peer that goes
// away before it has said what it dislikes is a failed connection, which may be
// tried again; what TLS refuses stays refused.
func handshake(ctx context.Context, c net.Conn, config *tls.Config) (*tls.Conn, error) {
	tc := tls.Client(c, config)
	done := handshakes(ctx)
	err := tc.HandshakeContext(ctx)
	done()
	if err == nil {
		return tc, nil
	}
	c.Close()
	switch ended := contextError(ctx); {
	case ended != nil:
		return nil, ended
	case isLost(err) && !isTLS(err):
		return nil, fault.Reword(ErrConnection, err, "in the TLS handshake: "+err.Error())
	case isPlainHTTP(err):
		return nil, fault.Reword(ErrTLS, err, "the server speaks HTTP without TLS; perhaps its URL begins with http://")
	}
	return nil, fail(ErrTLS, err)
}

// isPlainHTTP reports whether what came in place of a TLS record begins a
// response of HTTP/1, as of a server that has another port for TLS.
func isPlainHTTP(err error) bool {
	e, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok && string(e.RecordHeader[:]) == "HTTP/"
}

// dialProxy connects to the proxy.
func (d *dialer) dialProxy(ctx context.Context) (net.Conn, *conn, error) {
	via := &d.pool.key.via
	c, err := d.connect(ctx, via.host)
	if err != nil {
		return nil, nil, proxyError(ctx, err)
	}
	if via.scheme != "https" {
		return c, c, nil
	}
	tc, err := handshake(ctx, c, d.proxyTLS)
	if err != nil {
		return nil, nil, proxyError(ctx, err)
	}
	return tc, c, nil
}

// tunnel has an HTTP proxy connect to addr. A proxy that asks for Digest gets
// its answer on a second connection, as few let the first be used again.
func (d *dialer) tunnel(ctx context.Context, addr string) (net.Conn, *conn, error) {
	login, request := &d.pool.login, digest.Request{Method: http.MethodConnect, URI: addr}
	authorization, err := login.authorization(request)
	if err != nil {
		return nil, nil, err
	}
	link, base, err := d.ask(ctx, addr, authorization)
	if refusal, ok := errors.AsType[*ProxyError](err); ok {
		if authorization = login.answer(request, refusal.StatusCode, refusal.Header); authorization != "" {
			return d.ask(ctx, addr, authorization)
		}
	}
	return link, base, err
}

// ask sends one CONNECT. The fields of the request that the tunnel is for are
// none of the proxy's business (CVE-2015-3153).
func (d *dialer) ask(ctx context.Context, addr, authorization string) (net.Conn, *conn, error) {
	header := http.Header{"User-Agent": {"go-requests/" + Version}}
	maps.Copy(header, d.connectHeader)
	if authorization != "" {
		header["Proxy-Authorization"] = []string{authorization}
	}
	link, base, err := d.dialProxy(ctx)
	if err != nil {
		return nil, nil, err
	}
	var through net.Conn
	err = within(ctx, link, func() (err error) {
		through, err = tunnel.Connect(link, addr, header)
		return err
	})
	if err == nil {
		if through == net.Conn(base) {
			return base, base, nil
		}
		return &tunnelled{through, base}, base, nil
	}
	link.Close()
	if refusal, ok := errors.AsType[*tunnel.StatusError](err); ok {
		return nil, nil, &ProxyError{
			StatusCode: refusal.StatusCode, Status: refusal.Status, Header: refusal.Header, URL: d.pool.key.via.String(),
		}
	}
	return nil, nil, proxyError(ctx, err)
}

// socks has a SOCKS proxy connect to addr. With socks4 and socks5 names are
// resolved here, and the addresses tried in turn; with socks4a and socks5h the
// proxy resolves them.
func (d *dialer) socks(ctx context.Context, addr string) (net.Conn, *conn, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, fail(ErrInvalidURL, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, nil, fail(ErrInvalidURL, err)
	}
	targets := []string{host}
	if v := &d.pool.key.via; v.scheme == "socks4" || v.scheme == "socks5" {
		if targets, err = d.resolve(ctx, host, v.scheme == "socks4"); err != nil {
			return nil, nil, err
		}
	}
	for i, target := range targets {
		var c net.Conn
		var base *conn
		if c, base, err = d.dialProxy(ctx); err != nil {
			return nil, nil, err
		}
		if err = within(ctx, c, func() error { return d.askSOCKS(c, target, uint16(port)) }); err == nil {
			return c, base, nil
		}
		c.Close()
		if _, refused := errors.AsType[*socks.ReplyError](err); !refused || i == len(targets)-1 {
			break
		}
	}
	return nil, nil, proxyError(ctx, err)
}

func (d *dialer) askSOCKS(c net.Conn, host string, port uint16) error {
	v := &d.pool.key.via
	switch v.scheme {
	case "socks4":
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return err
		}
		return socks.Connect4(c, netip.AddrPortFrom(ip, port), v.user)
	case "socks4a":
		return socks.Connect4a(c, host, port, v.user)
	}
	return socks.Connect5(c, host, port, v.userinfo())
}

// resolve returns the addresses of host, for SOCKS4 those of IPv4.
func (d *dialer) resolve(ctx context.Context, host string, only4 bool) ([]string, error) {
	network := "ip"
	if only4 {
		network = "ip4"
	}
	resolver := d.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ips, err := resolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	targets := make([]string, len(ips))
	for i, ip := range ips {
		targets[i] = ip.Unmap().String()
	}
	return targets, nil
}

// limited limits ctx, which net/http has cut off from that of the request, to
// the Connect limit of the exchange, and ends it with the caller's context: a
// connection that its caller does not wait for any more would otherwise be
// waited for in the background, after Close as well.
func (d *dialer) limited(ctx context.Context) (context.Context, func(), error) {
	e := exchangeOf(ctx)
	if e == nil {
		return ctx, func() {}, nil
	}
	if e.expired.Load() {
		return nil, nil, e.readTimeout()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(e.Context, func() { cancel(&callerError{contextError(e.Context)}) })
	stop := func() { detach(); cancel(nil) }
	if e.connect <= 0 {
		return ctx, stop, nil
	}
	ctx, end := context.WithTimeoutCause(ctx, e.connect, &fault.Limit{Kind: ErrConnectTimeout, After: e.connect})
	return ctx, func() { end(); stop() }, nil
}

// within runs a handshake over c that knows no context. The end of ctx ends it.
func within(ctx context.Context, c net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() { // the deadline is set, or about to be
		return contextError(ctx)
	}
	return err
}
