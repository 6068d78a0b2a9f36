package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A guardedProxy is a proxy that knows its users as a guarded server does. It
// answers requests in absolute form itself, with the user and what the request
// has for the server.
type guardedProxy struct {
	*httptest.Server
	opened, number atomic.Int64
	targets        sync.Map // that CONNECT has named
	page           string
	chunked        bool
	closes         bool // the connection after each refusal
}

func newGuardedProxy(t testing.TB) *guardedProxy {
	g := &guardedProxy{page: strings.Repeat("log in ", 1000)}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		g.opened.Add(1)
		return context.WithValue(ctx, connectionKey{}, new(connectionOf))
	}
	g.Start()
	t.Cleanup(g.Close)
	return g
}

func (g *guardedProxy) serve(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connectionKey{}).(*connectionOf)
	body, _ := io.ReadAll(r.Body)
	switch words := strings.Fields(r.Header.Get("Proxy-Authorization")); {
	case len(words) == 3 && words[1] == "hello":
		c.pending, c.number = words[2], fmt.Sprint(g.number.Add(1))
		g.refuse(w, "Conn "+c.number)
		return
	case len(words) == 2 && words[1] == c.number:
		c.user, c.number = c.pending, ""
	case len(words) > 0 || c.user == "":
		g.refuse(w, "Conn")
		return
	}
	if r.Method != http.MethodConnect {
		fmt.Fprintf(w, "%s %s %s", c.user, r.Header.Get("Authorization"), body)
		return
	}
	g.targets.Store(r.Host, c.user)
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, _ := http.NewResponseController(w).Hijack()
	io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(up, down); up.Close() }()
	io.Copy(down, up)
	down.Close()
}

func (g *guardedProxy) refuse(w http.ResponseWriter, challenge string) {
	w.Header().Set("Proxy-Authenticate", challenge)
	if !g.chunked {
		w.Header().Set("Content-Length", fmt.Sprint(len(g.page)))
	}
	if g.closes {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(http.StatusProxyAuthRequired)
	io.WriteString(w, g.page)
}

// The legs of a login at a proxy take one connection, through which the requests
// then go.
func TestForProxy(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	for _, chunked := range []bool{false, true} {
		g := newGuardedProxy(t)
		g.chunked = chunked
		s := over(t, new(HTTPAdapter), TrustEnv(false), TLS{CABundle: ca.bundle(t)}, Proxies{"all": g.URL})
		kate := NewAuth(&loginOf{"kate"}).ForProxy()
		for range 3 {
			r, err := s.Get(bg, origin.https(), kate, BearerAuth("t0ken"))
			require.NoError(t, err)
			require.Equal(t, "ok", r.Text())
			require.Empty(t, r.History, "the login at the proxy is the adapter's")
		}
		user, _ := g.targets.Load(origin.addr)
		require.Equal(t, "kate", user)
		require.EqualValues(t, 1, g.opened.Load(), "connections for CONNECT")
		for range 3 {
			r, err := s.Post(bg, "http://a.test/", kate, BearerAuth("t0ken"), Text("body"))
			require.NoError(t, err)
			require.Equal(t, "kate Bearer t0ken body", r.Text())
		}
		require.EqualValues(t, 2, g.opened.Load(), "connections with those for absolute form")
	}
}

// Users of one session do not get each other's connections.
func TestForProxyUsers(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	g := newGuardedProxy(t)
	s := over(t, new(HTTPAdapter), TrustEnv(false), TLS{CABundle: ca.bundle(t)}, Proxies{"all": g.URL})
	names := []string{"kate", "john", ""}
	users := []Auth{NewAuth(&loginOf{"kate"}).ForProxy(), NewAuth(&loginOf{"john"}).ForProxy(), {}}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			name, user := names[i%3], users[i%3]
			for range 3 {
				r, err := s.Get(bg, "http://a.test/", user)
				if name == "" {
					if err != nil || r.StatusCode != http.StatusProxyAuthRequired {
						t.Errorf("without a user: %v, %v", r, err)
					}
				} else if err != nil || r.Text() != name+"  " {
					t.Errorf("%s: %v, %v", name, r, err)
				}
				_, err = s.Get(bg, origin.https(), user)
				if refusal := (*ProxyError)(nil); name == "" && (!errors.As(err, &refusal) || refusal.StatusCode != http.StatusProxyAuthRequired) || name != "" && err != nil {
					t.Errorf("%s by CONNECT: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, g.number.Load(), g.opened.Load(), "logins, of which each connection needs one")
}

// Nobody else gets the connection between two legs.
func TestForProxyInterrupted(t *testing.T) {
	g := newGuardedProxy(t)
	s := over(t, new(HTTPAdapter), TrustEnv(false), Proxies{"all": g.URL})
	kate := NewAuth(&loginOf{"kate"}).ForProxy()
	var once sync.Once
	ctx := httptrace.WithClientTrace(bg, &httptrace.ClientTrace{PutIdleConn: func(error) {
		once.Do(func() { // after the first leg
			r, err := s.Get(bg, "http://b.test/", kate)
			require.NoError(t, err)
			require.Equal(t, "kate  ", r.Text())
		})
	}})
	r, err := s.Get(ctx, "http://a.test/", kate)
	require.NoError(t, err)
	require.Equal(t, "kate  ", r.Text())
	require.EqualValues(t, 2, g.opened.Load())
	require.EqualValues(t, 2, g.number.Load())
}

// A proxy that ends the connection after each leg cannot be logged in at; that
// has an end.
func TestForProxyRefused(t *testing.T) {
	g := newGuardedProxy(t)
	g.closes = true
	s := over(t, new(HTTPAdapter), TrustEnv(false), Proxies{"all": g.URL}, NewAuth(&loginOf{"kate"}).ForProxy(), Retry{Total: 2})
	r, err := s.Get(bg, "http://a.test/")
	require.NoError(t, err)
	require.Equal(t, http.StatusProxyAuthRequired, r.StatusCode)
	_, err = s.Get(bg, "https://a.test/")
	refusal := new(ProxyError)
	require.ErrorAs(t, err, &refusal)
	require.LessOrEqual(t, g.opened.Load(), int64(2*7))
}

// Schemes of one leg work as well, and what is wrong is said.
func TestForProxySchemes(t *testing.T) {
	var got http.Header
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		if strings.HasPrefix(r.URL.Host, "digest") && got["Proxy-Authorization"] == nil {
			w.Header().Set("Proxy-Authenticate", `Digest realm="p", nonce="n", qop="auth"`)
			w.WriteHeader(http.StatusProxyAuthRequired)
		}
	}))
	defer proxy.Close()
	s := over(t, new(HTTPAdapter), TrustEnv(false), Proxies{"all": proxy.URL})
	var asked *PreparedRequest
	for _, tt := range []struct {
		url, want string
		auth      Auth
	}{
		{"http://a.test/", "Bearer t0ken", BearerAuth("t0ken").ForProxy()},
		{"http://a.test/", "Basic dTpw", BasicAuth("u", "p").ForProxy()},
		{"http://a.test/", "Basic dTpw", BasicAuth("u", "p").ForProxy().ForProxy()},
		{"http://digest.test/x?y", `uri="http://digest.test/x?y"`, DigestAuth("u", "p").ForProxy()},
		{"http://a.test/", "", NoAuth().ForProxy()},
		{"http://a.test/", "", Auth{}.ForProxy()},
		{"http://a.test/x", "Mine", AuthFunc(func(_ context.Context, p *PreparedRequest) error {
			p.Header.Set("Authorization", "Mine")
			asked = p
			return nil
		}).ForProxy()},
	} {
		r, err := s.Get(bg, tt.url, tt.auth)
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode)
		require.Contains(t, got.Get("Proxy-Authorization"), tt.want)
		require.Equal(t, tt.want == "", got["Proxy-Authorization"] == nil)
		require.Empty(t, got["Authorization"])
	}
	require.Equal(t, "GET http://a.test/x "+strings.TrimPrefix(proxy.URL, "http://"), asked.Method+" "+asked.URL.RequestURI()+" "+asked.URL.Host)

	tries := 0
	s = s.With(Retry{Total: 3}, OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
	failing := func(err error) Auth {
		return AuthFunc(func(context.Context, *PreparedRequest) error { return err }).ForProxy()
	}
	for name, tt := range map[string]struct {
		auth Auth
		want []error
	}{
		"credentials": {failing(fmt.Errorf("%w: run kinit token=s3cret", ErrAuthentication)), []error{ErrAuthentication, ErrProxy}},
		"another":     {failing(fmt.Errorf("token=s3cret: %w", io.ErrNoProgress)), []error{io.ErrNoProgress, ErrProxy}},
		"no function": {AuthFunc(nil).ForProxy(), []error{ErrInvalidOption}},
		"two lines": {AuthFunc(func(_ context.Context, p *PreparedRequest) error {
			p.Header["Authorization"] = []string{"a\r\nb: c"}
			return nil
		}).ForProxy(), []error{ErrInvalidHeader}},
		"bad user":     {BasicAuth("a:b", "s3cret").ForProxy(), []error{ErrInvalidProxy}},
		"bad bearer":   {BearerAuth("s3cret s3cret").ForProxy(), []error{ErrInvalidOption}},
		"wrong format": {NewAuth(nil).ForProxy(), []error{ErrInvalidOption}},
	} {
		for _, url := range []string{"http://a.test/", "https://a.test/"} {
			tries = 0
			_, err := s.Get(bg, url, tt.auth)
			isAll(t, err, tt.want...)
			require.NotContains(t, err.Error(), "s3cret", name)
			if name == "credentials" {
				require.ErrorContains(t, err, ": proxy failed: authentication failed: run kinit token=***")
			}
			if name != "another" {
				require.Zero(t, tries, "retries of %s", name)
			}
		}
	}
	_, err := s.Get(bg, "http://a.test/", BearerAuth("t0ken").ForProxy(), Proxies{"all": "socks5://" + strings.TrimPrefix(proxy.URL, "http://")})
	isAll(t, err, ErrInvalidOption)
	require.Equal(t, "Bearer", fmt.Sprint(BearerAuth("t0ken").ForProxy()))
	require.NotContains(t, fmt.Sprintf("%+v %#v", BearerAuth("t0ken").ForProxy(), BearerAuth("t0ken").ForProxy()), "t0ken")
}
