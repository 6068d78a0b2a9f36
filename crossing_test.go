package requests

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A crossing is servers of two origins, and a proxy, which all write down what
// they get. The way leads from a to a, to b and back to a.
type crossing struct {
	a, b, proxy string

	mu   sync.Mutex
	seen []string
}

// note writes down a request as its receiver, its path and the value of what the
// test is about.
func (c *crossing) note(receiver string, r *http.Request, what string) {
	value := ""
	switch what {
	case "query":
		value = r.URL.RawQuery
	case "certificate":
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			value = r.TLS.PeerCertificates[0].Subject.CommonName
		}
	default:
		value = r.Header.Get(what)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, strings.TrimSpace(receiver+r.URL.Path+" "+value))
}

// newCrossing starts the servers, with TLS if config gives a configuration.
func newCrossing(t *testing.T, what string, config func(name string) *tls.Config) *crossing {
	c := new(crossing)
	serve := func(name string, next func(path string) string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.note(name, r, what)
			if to := next(r.URL.Path); to != "" {
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusTemporaryRedirect)
			}
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		if config == nil {
			s.Start()
		} else {
			s.TLS = config(name)
			s.StartTLS()
		}
		t.Cleanup(s.Close)
		return s.URL
	}
	c.a = serve("a", func(path string) string {
		return map[string]string{"/1": "/2", "/2": c.b + "/3"}[path]
	})
	c.b = serve("b", func(string) string { return c.a + "/4" })
	through := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note("proxy", r, what)
		out, _ := http.NewRequest(r.Method, r.URL.String(), nil)
		out.Header = r.Header.Clone()
		out.Header.Del("Proxy-Authorization")
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.Header().Set("Location", res.Header.Get("Location"))
		if w.Header().Get("Location") == "" {
			w.Header().Del("Location")
		}
		w.WriteHeader(res.StatusCode)
	}))
	t.Cleanup(through.Close)
	c.proxy = through.URL
	return c
}

// TestCrossing: what goes along to the same origin, to another one and back, on
// the wire of each, directly and through a proxy.
func TestCrossing(t *testing.T) {
	const basic = "Basic dXNlcjpwYXNz"
	for _, tt := range []struct {
		name string
		opts []Option
		what string // a field, or the query
		want [4]string
		kept [4]string // by the proxy, if that is told otherwise
	}{
		{name: "Auth", opts: []Option{BasicAuth("user", "pass")}, what: "Authorization", want: [4]string{basic, basic, "", ""}},
		{name: "ProxyAuth", opts: []Option{ProxyAuth("user", "pass")}, what: "Proxy-Authorization", kept: [4]string{basic, basic, basic, basic}},
		{name: "Cookies", opts: []Option{Cookies{"a": "1"}}, what: "Cookie", want: [4]string{"a=1", "a=1", "", ""}},
		{name: "a Cookie field", opts: []Option{Headers{"Cookie": "a=1"}}, what: "Cookie", want: [4]string{"a=1", "a=1", "", ""}},
		{name: "an Authorization field", opts: []Option{Headers{"Authorization": "mine"}}, what: "Authorization", want: [4]string{"mine", "mine", "", ""}},
		{name: "a field like a secret", opts: []Option{Headers{"X-Api-Key": "mine"}}, what: "X-Api-Key", want: [4]string{"mine", "mine", "", ""}},
		{name: "a field", opts: []Option{Headers{"X-Plain": "mine"}}, what: "X-Plain", want: [4]string{"mine", "mine", "mine", "mine"}},
		{name: "Params", opts: []Option{Params{"a": 1}}, what: "query", want: [4]string{"a=1", "", "", ""}},
		{name: "RawQuery", opts: []Option{RawQuery("a=1")}, what: "query", want: [4]string{"a=1", "", "", ""}},
	} {
		ways := map[string]func(c *crossing) (*Session, []Option){
			"call": func(*crossing) (*Session, []Option) { return NewSession(), tt.opts },
			"call, proxied": func(c *crossing) (*Session, []Option) {
				return NewSession(Proxies{"http": c.proxy}), tt.opts
			},
		}
		if _, isRaw := tt.opts[0].(RawQuery); !isRaw && tt.name != "Cookies" { // those of a session are another thing
			ways["session"] = func(*crossing) (*Session, []Option) { return NewSession(tt.opts...), nil }
			ways["session, proxied"] = func(c *crossing) (*Session, []Option) {
				return NewSession(append(tt.opts, Proxies{"http": c.proxy})...), nil
			}
		}
		for way, make := range ways {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				c := newCrossing(t, tt.what, nil)
				s, opts := make(c)
				defer s.Close()
				r, err := s.Get(bg, c.a+"/1", opts...)
				require.NoError(t, err)
				require.Equal(t, 200, r.StatusCode)
				var want []string
				for i, server := range []string{"a/1", "a/2", "b/3", "a/4"} {
					if strings.HasSuffix(way, "proxied") {
						told := tt.want[i]
						if tt.kept != [4]string{} {
							told = tt.kept[i]
						}
						want = append(want, strings.TrimSpace("proxy"+server[1:]+" "+told))
					}
					want = append(want, strings.TrimSpace(server+" "+tt.want[i]))
				}
				require.Equal(t, want, c.seen)
			})
		}
	}
}

// TestCrossingTLS: every hop is verified by the settings of the call, and shows
// the certificate that they name.
func TestCrossingTLS(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	client := pairFile(t, ca.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = "client" }))
	for name, tt := range map[string]struct {
		b    *issuer
		opts TLS
		want []string
		err  error
	}{
		"trusted":    {ca, TLS{CABundle: ca.bundle(t), CertFile: client}, []string{"a/1 client", "a/2 client", "b/3 client", "a/4 client"}, nil},
		"no longer":  {other, TLS{CABundle: ca.bundle(t), CertFile: client}, []string{"a/1 client", "a/2 client"}, ErrTLS},
		"SkipVerify": {other, TLS{SkipVerify: true}, []string{"a/1", "a/2", "b/3", "a/4"}, nil},
	} {
		for way, make := range map[string]func() (*Session, []Option){
			"call":    func() (*Session, []Option) { return NewSession(), []Option{tt.opts} },
			"session": func() (*Session, []Option) { return NewSession(tt.opts), nil },
			"both": func() (*Session, []Option) {
				rest := tt.opts
				rest.CertFile = ""
				return NewSession(rest), []Option{TLS{CertFile: tt.opts.CertFile}}
			},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				c := newCrossing(t, "certificate", func(server string) *tls.Config {
					by := ca
					if server == "b" {
						by = tt.b
					}
					return &tls.Config{Certificates: []tls.Certificate{by.issue(t, nil)}, ClientAuth: tls.RequestClientCert}
				})
				s, opts := make()
				defer s.Close()
				_, err := s.Get(bg, c.a+"/1", opts...)
				require.ErrorIs(t, err, tt.err)
				require.Equal(t, tt.want, c.seen)
			})
		}
	}
}
