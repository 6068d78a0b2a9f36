package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/socks"
	"github.com/go-requests/requests/internal/tunnel"
)

func (p *Proxy) isSOCKS() bool { return strings.HasPrefix(p.Scheme, "socks") }

// resolves reports whether the proxy resolves names.
func (p *Proxy) resolves() bool {
	switch p.Scheme {
	case "", "socks4", "socks5":
		return false
	}
	return true
}

// forwards reports whether requests are sent to the proxy itself, in absolute
// form (RFC 9112, section 3.2.2), rather than through it.
func (p *Proxy) forwards(secure, h2c bool) bool {
	return p.Scheme != "" && !p.isSOCKS() && !secure && !h2c
}

func (p *Proxy) userinfo() *url.Userinfo {
	switch {
	case !p.HasUser:
		return nil
	case !p.HasPassword:
		return url.User(p.User)
	}
	return url.UserPassword(p.User, p.Password)
}

// String returns the URL of the proxy without its credentials.
func (p Proxy) String() string { return p.Scheme + "://" + p.Host }

// A Refusal is the answer of a proxy that did not connect to the target. It is
// [fault.Proxy].
type Refusal struct {
	StatusCode int
	Status     string // "407 Proxy Authentication Required"
	Header     http.Header
	URL        string // of the proxy, without credentials
}

func (r *Refusal) Error() string {
	return fault.Printable("proxy " + r.URL + " answered " + r.Status)
}

func (r *Refusal) Unwrap() error { return fault.Proxy }

// Classified marks r as an error that has its kind. See [fault.Of].
func (r *Refusal) Classified() error { return r }

// dialProxy connects to the proxy.
func (d *dialer) dialProxy(ctx context.Context) (*link, error) {
	waitForProxy(ctx, true)
	host, port, err := net.SplitHostPort(d.proxy.Host)
	if err != nil {
		return nil, fault.Text(fault.InvalidProxy, "it is not host:port")
	}
	config, err := d.proxyConfig()
	if err != nil {
		return nil, err
	}
	l, err := d.connect(ctx, host, port)
	if err != nil {
		return nil, proxyError(ctx, err)
	}
	if config == nil {
		return l, nil
	}
	if err := handshake(ctx, l, config); err != nil {
		return nil, proxyError(ctx, err)
	}
	return l, nil
}

// proxyConfig is nil if the proxy does not speak TLS.
func (d *dialer) proxyConfig() (*tls.Config, error) {
	if d.proxy.Scheme != "https" {
		return nil, nil
	}
	return d.cert.proxyConfig(d.proxy.Host)
}

// tunnel makes an HTTP proxy connect to e, and logs in if the proxy asks for
// it.
func (d *dialer) tunnel(ctx context.Context, e endpoint) (*link, error) {
	addr := net.JoinHostPort(withoutZone(e.host), e.port)
	legs := d.login.begin(ctx, digest.Request{Method: http.MethodConnect, URI: addr})
	authorization, err := legs.Next(0, nil)
	var kept *link
	for leg := 0; err == nil; leg++ {
		var through *link
		through, kept, err = d.ask(ctx, kept, addr, authorization)
		refusal, refused := errors.AsType[*Refusal](err)
		if !refused {
			return through, err
		}
		if leg < maxLegs {
			authorization, err = legs.Next(refusal.StatusCode, refusal.Header)
		}
		if err == nil && authorization == "" || leg == maxLegs {
			err = refusal
		}
	}
	if kept != nil {
		kept.abort()
	}
	if _, known := fault.Of(err); known {
		return nil, err
	}
	return nil, proxyError(ctx, err)
}

// maxLegs is how often a request is sent again to log in at a proxy.
const maxLegs = 6

// ask sends one CONNECT over l, or over a new connection if l is nil. kept is
// the connection on which to ask again after a [Refusal], or nil if the proxy
// closes it. The proxy does not see the fields of the request for which the
// tunnel is made (CVE-2015-3153).
func (d *dialer) ask(ctx context.Context, l *link, addr, authorization string) (through, kept *link, err error) {
	header := d.config.ProxyHeader
	if authorization != "" {
		header = make(http.Header, len(d.config.ProxyHeader)+1)
		maps.Copy(header, d.config.ProxyHeader)
		header["Proxy-Authorization"] = []string{authorization}
	}
	again := l != nil
	if !again {
		if l, err = d.dialProxy(ctx); err != nil {
			return nil, nil, err
		}
	}
	var conn, c net.Conn = l, nil
	heard := &tunnelRecorder{link: l}
	tap, _ := ctx.Value(tapKey{}).(Tap)
	if tap != nil {
		conn = heard
	}
	err = handshaking(ctx, l, func() (err error) {
		c, err = tunnel.Connect(conn, addr, header)
		return err
	})
	if tap != nil {
		tap.Tunnel(heard.messages())
	}
	if err == nil {
		if c == net.Conn(heard) {
			c = l
		}
		return newLink(c), nil, nil
	}
	refusal, refused := errors.AsType[*tunnel.StatusError](err)
	if !refused || !refusal.Again {
		l.abort()
		l = nil
	}
	if refused {
		return nil, l, &Refusal{
			StatusCode: refusal.StatusCode, Status: refusal.Status, Header: refusal.Header, URL: d.proxy.String(),
		}
	}
	if again && fault.IsLost(err) && fault.Ended(ctx) == nil { // it closed the connection although it said otherwise
		return d.ask(ctx, nil, addr, authorization)
	}
	return nil, nil, proxyError(ctx, err)
}

// A tunnelRecorder is a connection to a proxy that records the messages about a
// tunnel.
type tunnelRecorder struct {
	*link
	over      bool
	sent, got []byte
}

func (o *tunnelRecorder) Read(b []byte) (int, error) {
	n, err := o.link.Read(b)
	if !o.over {
		o.got = append(o.got, b[:n]...)
	}
	return n, err
}

func (o *tunnelRecorder) Write(b []byte) (int, error) {
	n, err := o.link.Write(b)
	if !o.over {
		o.sent = append(o.sent, b[:n]...)
	}
	return n, err
}

// messages returns what was recorded, and stops recording. Bytes after a
// response that opens the tunnel do not come from the proxy.
func (o *tunnelRecorder) messages() (request, response []byte) {
	o.over = true
	if i := bytes.Index(o.got, []byte("\r\n\r\n")); i >= 0 {
		o.got = o.got[:i+len("\r\n\r\n")]
	}
	return o.sent, o.got
}

// socks makes a SOCKS proxy connect to e. With socks4 and socks5 names are
// resolved here and their addresses tried in turn; with socks4a and socks5h the
// proxy resolves them.
func (d *dialer) socks(ctx context.Context, e endpoint) (*link, error) {
	port, err := strconv.ParseUint(e.port, 10, 16)
	if err != nil {
		return nil, fault.New(fault.InvalidURL, err)
	}
	targets := []target{{withoutZone(e.host), uint16(port)}}
	if !d.proxy.resolves() {
		if targets, err = d.targets(ctx, targets[0].host, e.port); err != nil {
			return nil, dialError(ctx, err)
		}
	}
	for i, to := range targets {
		var l *link
		if l, err = d.dialProxy(ctx); err != nil {
			return nil, err
		}
		if err = handshaking(ctx, l, func() error { return d.askSOCKS(l, to.host, to.port) }); err == nil {
			return l, nil
		}
		l.abort()
		if !fault.IsA[*socks.ReplyError](err) || i == len(targets)-1 {
			break
		}
	}
	return nil, proxyError(ctx, err)
}

// A target is what a SOCKS proxy is asked for.
type target struct {
	host string
	port uint16
}

// targets returns the addresses of host to ask the proxy for.
func (d *dialer) targets(ctx context.Context, host, port string) ([]target, error) {
	network := "ip"
	if d.proxy.Scheme == "socks4" {
		network = "ip4"
	}
	addrs, err := d.addresses(ctx, network, host, port)
	var list []target
	for _, addr := range addrs {
		list = append(list, target{addr.Addr().String(), addr.Port()})
	}
	return list, err
}

func (d *dialer) askSOCKS(l *link, host string, port uint16) error {
	switch d.proxy.Scheme {
	case "socks4":
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return err
		}
		return socks.Connect4(l, netip.AddrPortFrom(ip, port), d.proxy.User)
	case "socks4a":
		return socks.Connect4a(l, host, port, d.proxy.User)
	}
	return socks.Connect5(l, host, port, d.proxy.userinfo())
}

// withoutZone returns host without the zone of an IPv6 address, which has a
// meaning only on this machine (RFC 4007, section 11.2).
func withoutZone(host string) string {
	if i := strings.IndexByte(host, '%'); i >= 0 {
		return host[:i]
	}
	return host
}

// proxyError wraps a failure on the way to or through the proxy in its kind. If
// a Connect limit ran out there, it is both; if the caller gave up, it is
// neither.
func proxyError(ctx context.Context, err error) error {
	ended := fault.Ended(ctx)
	if ended == nil {
		return fault.New(fault.Proxy, err)
	}
	if fault.IsA[*fault.Limit](ended) {
		return fault.New(fault.Proxy, ended)
	}
	return ended
}

// A login proves to an HTTP proxy who its user is.
type login struct {
	proxy   *Proxy
	answers *digest.Spaces // of Digest; nil without a user and password
}

func newLogin(p *Proxy) login {
	l := login{proxy: p}
	if p.HasUser && p.HasPassword && p.Authorization == "" && !p.isSOCKS() {
		l.answers = &digest.Spaces{Credentials: digest.Credentials{Username: p.User, Password: p.Password}}
	}
	return l
}

// begin begins to log in for a request.
func (l *login) begin(ctx context.Context, req digest.Request) Legs {
	if l.proxy.Login != nil {
		return l.proxy.Login.Begin(ctx, l.proxy, req.Method, req.URI)
	}
	return &ownLegs{login: l, req: req}
}

// ownLegs are the Legs of Basic and Digest: one answer to a challenge.
type ownLegs struct {
	login    *login
	req      digest.Request
	answered bool
}

// Next implements [Legs].
func (l *ownLegs) Next(status int, header http.Header) (string, error) {
	if status == 0 {
		return l.login.authorization(l.req)
	}
	if l.answered {
		return "", nil
	}
	l.answered = true
	return l.login.answer(l.req, status, header), nil
}

// authorization returns the value of Proxy-Authorization for a request, or "":
// the answer to an earlier challenge, or Basic.
func (l *login) authorization(req digest.Request) (string, error) {
	if l.proxy.Authorization != "" {
		return l.proxy.Authorization, nil
	}
	if l.answers == nil {
		return "", nil
	}
	a, known, err := l.answers.Preempt(l.proxy.Host, req)
	if err != nil {
		return "", fault.New(fault.InvalidProxy, err)
	}
	if known {
		return a.Value, nil
	}
	user, password := l.proxy.User, l.proxy.Password
	if strings.ContainsRune(user, ':') || hasControl(user) || hasControl(password) {
		return "", fault.Text(fault.InvalidProxy, "its user or password cannot be sent by Basic authentication")
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), nil
}

// hasControl reports whether s has a control character, which Basic forbids (RFC
// 7617, section 2).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// answer returns the authorization with which to repeat req, after the proxy
// answered it with status and header. It is "" if that would not help.
func (l *login) answer(req digest.Request, status int, header http.Header) string {
	if status != http.StatusProxyAuthRequired || l.answers == nil {
		return ""
	}
	d, ok := digest.Select(digest.Parse(header["Proxy-Authenticate"]))
	if !ok {
		return ""
	}
	a, err := l.answers.Answer(l.proxy.Host, d, req)
	if err != nil {
		return ""
	}
	return a.Value
}
