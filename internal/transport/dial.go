package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A dialer makes the connections of a pool. It does everything before the first
// byte of a request.
type dialer struct {
	config *Config
	proxy  *Proxy
	login  login
	cert   credential
	made   *atomic.Int64 // counts the connections
}

// open makes a connection on which requests to e can be sent.
func (d *dialer) open(ctx context.Context, e endpoint) (*link, error) {
	if e.forwarded {
		return d.dialProxy(ctx)
	}
	config, err := (*tls.Config)(nil), error(nil)
	if e.secure { // before anything is sent: a file may be missing
		if config, err = d.cert.config(withoutZone(e.host)); err != nil {
			return nil, err
		}
	}
	l, err := d.reach(ctx, e)
	waitForProxy(ctx, false)
	if err != nil || !e.secure {
		return l, err
	}
	if err := handshake(ctx, l, config); err != nil {
		return nil, err
	}
	return l, nil
}

// reach connects to e, directly or through the proxy.
func (d *dialer) reach(ctx context.Context, e endpoint) (*link, error) {
	switch d.proxy.Scheme {
	case "":
		return d.connect(ctx, e.host, e.port)
	case "http", "https":
		return d.tunnel(ctx, e)
	default:
		return d.socks(ctx, e)
	}
}

// connect makes a TCP connection, or calls the Dial of the caller.
func (d *dialer) connect(ctx context.Context, host, port string) (*link, error) {
	var c net.Conn
	var err error
	if d.config.Dial != nil {
		c, err = d.dialCustom(ctx, host, port)
	} else {
		c, err = d.dialHost(ctx, host, port)
	}
	if err != nil {
		return nil, dialError(ctx, err)
	}
	d.made.Add(1)
	return newLink(c), nil
}

// dialCustom calls the Dial of the caller.
func (d *dialer) dialCustom(ctx context.Context, host, port string) (net.Conn, error) {
	addr := net.JoinHostPort(host, port)
	if given, ok := d.configured(host, port); ok {
		addr = given[0].String()
	}
	c, err := d.config.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if isNil(c) {
		return nil, fault.Text(fault.InvalidOption, "DialContext returned neither a connection nor an error")
	}
	if d.config.Allow != nil {
		if err := d.checkRemote(host, c); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// isNil reports whether c is nil or holds a nil pointer.
func isNil(c net.Conn) bool {
	v := reflect.ValueOf(c)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// handshake puts TLS over l, and closes l if that fails. If the peer disappears
// without an alert, the connection is lost and the call may be repeated. A
// refusal of TLS is final.
func handshake(ctx context.Context, l *link, config *tls.Config) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err := l.handshake(ctx, config)
	if trace != nil && trace.TLSHandshakeDone != nil {
		var state tls.ConnectionState
		if err == nil {
			state = *l.tls
		}
		trace.TLSHandshakeDone(state, err)
	}
	if err == nil {
		return nil
	}
	l.abort()
	switch ended := fault.Ended(ctx); {
	case ended != nil:
		return ended
	case fault.IsLost(err) && !fault.IsTLS(err):
		return fault.Reword(fault.Connection, err, "in the TLS handshake: "+err.Error())
	case isPlainHTTP(err):
		return fault.Reword(fault.TLS, err, "the server speaks HTTP without TLS; perhaps its URL begins with http://")
	}
	return fault.New(fault.TLS, err)
}

// isPlainHTTP reports whether an HTTP/1 response came instead of a TLS record,
// as from a server with a different port for TLS.
func isPlainHTTP(err error) bool {
	e, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok && string(e.RecordHeader[:]) == "HTTP/"
}

// handshaking runs a handshake that takes no context over l. The end of ctx
// ends it.
func handshaking(ctx context.Context, l *link, f func() error) error {
	stop := context.AfterFunc(ctx, func() { l.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() { // the deadline is set, or about to be set
		return fault.Ended(ctx)
	}
	return err
}

// dialError wraps an error of connecting in its kind.
func dialError(ctx context.Context, err error) error {
	if ended := fault.Ended(ctx); ended != nil {
		return ended
	}
	if known, ok := fault.Of(err); ok {
		return known
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fault.New(fault.DNS, err)
	}
	if fault.IsTLS(err) {
		return fault.New(fault.TLS, err)
	}
	if fault.IsTimeout(err) {
		return fault.New(fault.ConnectTimeout, err)
	}
	return fault.New(fault.Connection, err)
}
