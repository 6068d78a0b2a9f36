package requests

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/noproxy"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/uri"
)

// Proxies says which proxy a request takes. The keys are looked up in the order
// "scheme://host", "scheme", "all://host", "all", in lower case and without a port.
// The first key that is there counts. Its value is the URL of the proxy, or "" for
// none:
//
//	http://proxy:3128    HTTP; https targets by CONNECT; the scheme may be left out
//	https://proxy:443    the same over TLS with the proxy
//	socks5://proxy:1080  SOCKS5, names resolved here; also socks4
//	socks5h://proxy:1080 SOCKS5, names resolved by the proxy; also socks4a
//
// The key "no_proxy" lists hosts to reach directly, by the rule of
// docs/no-proxy.md. It exempts them from the proxies given here and from those
// of the environment, whose list it replaces.
//
// Credentials in the URL, or those of [ProxyAuth] in their place, go to the proxy
// alone: by Basic, by Digest if the proxy asks for it, or by SOCKS. A SOCKS5 proxy
// that lets everybody in does not get them. A value that is not a proxy, and a key
// by which no URL is looked up, such as "HTTP" or "http://host:80", are
// [ErrInvalidProxy]: the request is never sent directly instead.
//
// If no key is there, the environment counts, unless [TrustEnv] says no:
// http_proxy, https_proxy and so on, then all_proxy, except for hosts in no_proxy.
// The variables are read for each request, those of redirects included. The name in
// lower case counts before the one in upper case.
type Proxies map[string]string

func (Proxies) option() {}

// TrustEnv says whether the environment counts where the program says nothing:
// the proxy variables, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and netrc. The default
// is true.
type TrustEnv bool

func (TrustEnv) option() {}

// noProxyKey is the key of the list of hosts to reach directly.
const noProxyKey = "no_proxy"

// find returns the value for u: that of the first key that p has.
func (p Proxies) find(u *url.URL) (value string, ok bool) {
	if len(p) == 0 {
		return "", false
	}
	host := strings.ToLower(uri.Hostname(u))
	for _, scheme := range [...]string{u.Scheme, "all"} {
		for _, key := range [...]string{scheme + "://" + host, scheme + "://[" + host + "]", scheme} {
			if value, ok = p[key]; ok {
				return value, true
			}
		}
	}
	return "", false
}

// over returns a new map with the entries of base and, over them, those of p.
func (p Proxies) over(base Proxies) Proxies {
	all := make(Proxies, len(base)+len(p))
	maps.Copy(all, base)
	maps.Copy(all, p)
	return all
}

// check refuses a key that no URL would ever match, since a typing error must not
// send a request directly. knows reports whether there is an adapter for a scheme.
func (p Proxies) check(knows func(scheme string) bool) error {
	for key := range p {
		if problem := keyProblem(key, knows); problem != "" {
			text := fmt.Sprintf("the key %.200q of Proxies: %s", redact.RawURL(key), problem)
			return fault.Reword(ErrInvalidProxy, ErrInvalidOption, text)
		}
	}
	return nil
}

// keyProblem says what is wrong with a key, "" if nothing is.
func keyProblem(key string, knows func(scheme string) bool) string {
	switch key {
	case "http", "https", "all", noProxyKey:
		return ""
	}
	scheme, host, hasHost := strings.Cut(key, "://")
	switch {
	case strings.ToLower(key) != key:
		return "keys are in lower case"
	case scheme != "http" && scheme != "https" && scheme != "all" && scheme != "ftp" && !knows(scheme): // "ftp" is common in maps written for Python
		return "its scheme is not http, https, all or one that is mounted"
	case !hasHost:
		return ""
	case netip.Addr{} != uri.IPv6(host):
		return ""
	}
	u, user, err := uri.Parse("http://" + host)
	switch {
	case err != nil || user != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(host, "/"):
		return "it is not scheme://host"
	case u.Port() != "" || strings.HasSuffix(host, ":"):
		return "the host has no port here"
	case strings.HasSuffix(host, "."):
		return "the host has no dot at its end here"
	case u.Host != host:
		return "the host is " + u.Host + " in ASCII"
	}
	return ""
}

// route adds the settings that depend on the URL of a request and on the environment.
func (set *settings) route(opts *SendOptions, u *url.URL, m *mounts) (err error) {
	if err := set.merged.Proxies.check(m.Serves); err != nil {
		return err
	}
	if opts.Proxy, opts.environProxy, err = set.proxyRules().find(u); err != nil {
		return err
	}
	opts.TLS, opts.environTLS, opts.environTrust = set.merged.TLS, false, false
	encrypted := u.Scheme == "https" || opts.Proxy != nil && opts.Proxy.Scheme == "https"
	if encrypted && !set.merged.IgnoreEnv {
		opts.TLS = set.merged.TLS.trusting()
		opts.environTLS = set.merged.TLS == TLS{}
		opts.environTrust = opts.TLS.CABundle != set.merged.TLS.CABundle
	}
	return nil
}

// proxyRules are what a call says about proxies.
type proxyRules struct {
	given     Proxies
	login     Auth // a ProxyAuth
	ignoreEnv bool
}

func (set *settings) proxyRules() proxyRules {
	return proxyRules{set.merged.Proxies, set.merged.proxyAuth, set.merged.IgnoreEnv}
}

// find returns the proxy for u, nil for none, and whether the environment
// has named it. The program's setting overrides the environment; in Requests it
// is the other way round (psf/requests#2018).
func (r proxyRules) find(u *url.URL) (proxy *url.URL, fromEnviron bool, err error) {
	variable := ""
	value, ok := r.given.find(u)
	exempt, given := r.given[noProxyKey]
	if !ok && !r.ignoreEnv {
		if value, variable = environ.Proxy(u.Scheme); value != "" && !given {
			exempt, given = environ.NoProxy(), true
		}
		fromEnviron = true
	}
	if value == "" || given && noproxy.Parse(exempt).Match(strings.ToLower(u.Hostname()), u.Port()) {
		return nil, false, nil
	}
	if proxy, err = parseProxy(value); err != nil {
		return nil, fromEnviron, ofVariable(variable, err)
	}
	switch login := r.login.method.(type) {
	case *basic:
		proxy.User = url.UserPassword(login.username, login.password)
	case invalidAuth:
		return nil, fromEnviron, failText(ErrInvalidOption, string(login))
	case *proxyLogin:
		if !takesFields(proxy) {
			return nil, fromEnviron, failText(ErrInvalidOption, "an Auth made by ForProxy is for an HTTP proxy, and "+proxy.Scheme+" is none")
		}
	}
	return proxy, fromEnviron, nil
}

// ofVariable says which environment variable err is about, if it is about one.
func ofVariable(name string, err error) error {
	if name == "" {
		return err
	}
	return fault.Mark(err, fmt.Errorf("the environment variable %s: %w", name, err))
}

// A proxyLogin has an Authenticator log in at a proxy.
type proxyLogin struct{ method Authenticator }

func (l *proxyLogin) String() string { return Auth{method: l.method}.scheme() }

// Authenticate does nothing to the request for the server.
func (*proxyLogin) Authenticate(context.Context, *PreparedRequest) error { return nil }

// Begin implements [transport.Login].
func (l *proxyLogin) Begin(ctx context.Context, proxy *transport.Proxy, method, target string) transport.Legs {
	u := &url.URL{Scheme: proxy.Scheme, Host: proxy.Host, Opaque: target}
	return &proxyLegs{ctx: ctx, auth: Auth{method: l.method}, last: &PreparedRequest{Method: method, URL: u, Header: make(http.Header)}}
}

// proxyLegs are one login.
type proxyLegs struct {
	ctx     context.Context // of the request; legs end with it
	auth    Auth
	last    *PreparedRequest // as the Authenticator has made it
	history []*Response
}

// Next implements [transport.Legs].
func (l *proxyLegs) Next(status int, header http.Header) (string, error) {
	next, err := l.next(status, header)
	if err == nil && next != nil {
		l.last = next
		err = fields.Check(next.Header)
	}
	if err != nil {
		if ended := contextError(l.ctx); ended != nil {
			return "", ended
		}
		return "", failForeign(ErrProxy, err)
	}
	if next == nil {
		return "", nil
	}
	return next.Header.Get("Authorization"), nil
}

// next is the request that the Authenticator makes, nil if it is done.
func (l *proxyLegs) next(status int, header http.Header) (*PreparedRequest, error) {
	if status == 0 {
		return l.last, l.auth.method.Authenticate(l.ctx, l.last)
	}
	c, ok := l.auth.method.(challenger)
	if !ok || status != http.StatusProxyAuthRequired {
		return nil, nil
	}
	h := header.Clone()
	h["Www-Authenticate"] = h["Proxy-Authenticate"]
	r := NewResponse(http.StatusUnauthorized, h, nil)
	r.URL, r.Request, r.History = l.last.URL, l.last, l.history
	l.history = append(l.history[:len(l.history):len(l.history)], r)
	return c.Challenge(l.ctx, r)
}

const proxyAuthorization = "Proxy-Authorization"

// takesFields reports whether a request carries fields for the proxy.
func takesFields(proxy *url.URL) bool {
	return proxy != nil && !strings.HasPrefix(proxy.Scheme, "socks")
}

// checkProxyField refuses a Proxy-Authorization field that no proxy would get.
// Sending it to the server would leak it (CVE-2023-32681), and dropping it would
// lose it silently.
func checkProxyField(p *PreparedRequest, proxy *url.URL) error {
	if _, has := p.Header[proxyAuthorization]; has && !takesFields(proxy) {
		return failText(ErrInvalidHeader, "field "+proxyAuthorization+" is for an HTTP proxy, and none carries the request")
	}
	return nil
}

// parseProxy parses the URL of a proxy. Its errors do not show the URL: what
// cannot be parsed may have a password anywhere.
func parseProxy(raw string) (*url.URL, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "http", strings.TrimPrefix(raw, "//")
	}
	scheme = strings.ToLower(scheme)
	port, ok := proxyPorts[scheme]
	if !ok {
		return nil, failText(ErrInvalidProxy, "its scheme is not one of http, https, socks4, socks4a, socks5 and socks5h")
	}
	u, user, err := uri.Parse("http://" + rest)
	if err != nil {
		return nil, failText(ErrInvalidProxy, "it is not scheme://host:port")
	}
	if u.Path != "/" && u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, failText(ErrInvalidProxy, "it has a path, a query or a fragment")
	}
	u = &url.URL{Scheme: scheme, Host: u.Host, User: user}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u, nil
}

// proxyPorts are the schemes of proxies and their default ports.
var proxyPorts = map[string]string{
	"http": "80", "https": "443", "socks4": "1080", "socks4a": "1080", "socks5": "1080", "socks5h": "1080",
}

// engineProxy describes u, the Proxy of [SendOptions], for the engine.
func engineProxy(u *url.URL, login Auth, p *PreparedRequest) (transport.Proxy, error) {
	v := transport.Proxy{Scheme: u.Scheme, Host: u.Host}
	port, ok := proxyPorts[u.Scheme]
	if !ok || u.Hostname() == "" {
		return transport.Proxy{}, failText(ErrInvalidProxy, "it is not scheme://host:port of a known scheme")
	}
	if u.Port() == "" {
		v.Host = net.JoinHostPort(u.Hostname(), port)
	}
	if u.User != nil {
		v.User, v.HasUser = u.User.Username(), true
		v.Password, v.HasPassword = u.User.Password()
	}
	if field := p.Header["Proxy-Authorization"]; len(field) > 0 && takesFields(u) {
		v.Authorization = field[0]
	} else if l, ok := login.method.(*proxyLogin); ok && takesFields(u) {
		return transport.Proxy{Scheme: v.Scheme, Host: v.Host, Login: l}, nil
	}
	return v, nil
}

// A ProxyError is the answer of a proxy that refused to connect to the target. It
// matches [ErrProxy].
type ProxyError struct {
	StatusCode int
	Status     string // "407 Proxy Authentication Required"
	Header     http.Header
	URL        string // of the proxy, without credentials
}

func (e *ProxyError) Error() string { return (*transport.Refusal)(e).Error() }

func (e *ProxyError) Unwrap() error { return ErrProxy }

// Format keeps every verb from printing the header, which may set cookies.
func (e *ProxyError) Format(s fmt.State, _ rune) { io.WriteString(s, e.Error()) }

// chooseRoute chooses what a call of a session without TLS of its own would have.
func (o *SendOptions) chooseRoute(u *url.URL) (err error) {
	if o.Proxy, o.environProxy, err = o.proxies.find(u); err != nil {
		return err
	}
	if (u.Scheme == "https" || o.Proxy != nil && o.Proxy.Scheme == "https") && !o.proxies.ignoreEnv {
		o.TLS = TLS{}.trusting()
		o.environTLS, o.environTrust = true, o.TLS.CABundle != ""
	}
	return nil
}
