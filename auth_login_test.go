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

// A guarded server knows its users by their connections: the scheme Conn has
// them say who they are, gives them a number, and wants it back on the
// connection that it was given on.
type guarded struct {
	*httptest.Server
	number  atomic.Int64
	opened  atomic.Int64
	foreign atomic.Pointer[string] // a login on a connection of another user
	page    string                 // of a refusal
}

// A client is one connection.
type connectionOf struct{ user, pending, number string }

type connectionKey struct{}

func newGuarded(t testing.TB, edit func(*httptest.Server)) *guarded {
	g := &guarded{page: "who are you?"}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	g.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		g.opened.Add(1)
		return context.WithValue(ctx, connectionKey{}, new(connectionOf))
	}
	if edit != nil {
		edit(g.Server)
	} else {
		g.Start()
	}
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) serve(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connectionKey{}).(*connectionOf)
	body, _ := io.ReadAll(r.Body)
	switch words := strings.Fields(r.Header.Get("Authorization")); {
	case len(words) == 3 && words[1] == "hello":
		if c.user != "" && c.user != words[2] {
			g.foreign.Store(&words[2])
		}
		c.pending, c.number = words[2], fmt.Sprint(g.number.Add(1))
		w.Header().Set("WWW-Authenticate", "Conn "+c.number)
		g.refuse(w)
		return
	case len(words) == 2 && words[1] == c.number:
		c.user, c.number = c.pending, ""
	case len(words) > 0 || c.user == "":
		w.Header().Set("WWW-Authenticate", "Conn")
		g.refuse(w)
		return
	}
	switch r.URL.Path {
	case "/redirect":
		http.Redirect(w, r, "/", http.StatusFound)
	case "/away":
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	}
	fmt.Fprintf(w, "%s %s", c.user, body)
}

func (g *guarded) refuse(w http.ResponseWriter) {
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, g.page)
}

// A loginOf is the other side of it.
type loginOf struct{ user string }

func (l *loginOf) PerConnection() bool { return true }

func (l *loginOf) Authenticate(_ context.Context, p *PreparedRequest) error {
	delete(p.Header, "Authorization")
	return nil
}

func (l *loginOf) Challenge(_ context.Context, r *Response) (*PreparedRequest, error) {
	p := r.Request.Clone()
	_, number, _ := strings.Cut(r.Header.Get("WWW-Authenticate"), " ")
	switch {
	case number != "":
		p.Header["Authorization"] = []string{"Conn " + number}
	case l.user == "nobody":
		return nil, nil
	default:
		p.Header["Authorization"] = []string{"Conn hello " + l.user}
	}
	return p, nil
}

// Two users and somebody without a name share a session, and nobody is ever
// taken for another.
func TestPerConnection(t *testing.T) {
	g := newGuarded(t, nil)
	g.page = strings.Repeat("who are you? ", 6000) // has to be read for the next leg
	other := newFaulty(t, func(f *faulty, c net.Conn) {
		answering(okAnswer)(f, c)
	})
	users := []Auth{NewAuth(&loginOf{"kate"}), NewAuth(&loginOf{"john"}), NoAuth()}
	names := []string{"kate", "john", ""}
	s := over(t, new(HTTPAdapter), TrustEnv(false))
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			user, name := users[i%3], names[i%3]
			for j := range 6 {
				var r *Response
				var err error
				switch (i + j) % 4 {
				case 0:
					r, err = s.Get(bg, g.URL, user)
				case 1:
					r, err = s.Post(bg, g.URL, user, Text("body"))
				case 2:
					r, err = s.Get(bg, g.URL+"/redirect", user)
				case 3:
					if r, err = s.Get(bg, g.URL, user, Stream(true)); err == nil {
						err = r.Load()
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				if name == "" {
					if r.StatusCode != http.StatusUnauthorized {
						t.Errorf("without a user: %d %q", r.StatusCode, r.Text())
					}
				} else if got, _, _ := strings.Cut(r.Text(), " "); got != name {
					t.Errorf("%s was taken for %q", name, got)
				}
			}
			if r, err := s.Get(bg, g.URL+"/away", Params{"to": other.url()}, user); err != nil || name != "" && r.Request.Header["Authorization"] != nil {
				t.Errorf("a redirect to another origin: %v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if name := g.foreign.Load(); name != nil {
		t.Errorf("%s logged in on a connection of somebody else", *name)
	}
}

// The legs take one connection, which stays with the Auth.
func TestPerConnectionStays(t *testing.T) {
	g := newGuarded(t, nil)
	a := new(HTTPAdapter)
	s := over(t, a, TrustEnv(false))
	kate := NewAuth(&loginOf{"kate"})
	for i := range 3 {
		r, err := s.Get(bg, g.URL, kate)
		require.NoError(t, err)
		require.Equal(t, "kate ", r.Text())
		require.Len(t, r.History, []int{2, 0, 0}[i], "legs of call %d", i)
	}
	require.EqualValues(t, 1, g.opened.Load())
	for range 2 {
		r, err := s.Get(bg, g.URL)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode, "the connection of kate served somebody else")
	}
	r, err := s.Get(bg, g.URL, NewAuth(&loginOf{"kate"})) // another value, another login
	require.NoError(t, err)
	require.Len(t, r.History, 2)
	require.EqualValues(t, 3, g.opened.Load())
	require.Equal(t, 3, a.Stats().Idle)

	_, err = s.Get(bg, g.URL, NewAuth(&loginOf{"nobody"}))
	require.NoError(t, err)
	rejected := newFaulty(t, answering("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Conn\r\nContent-Length: 0\r\n\r\n"))
	r, err = s.Get(bg, rejected.url(), kate)
	require.NoError(t, err)
	require.Len(t, r.History, maxLegs, "answers to a server that takes none")
}

// TestLongLegs reads refusals of any length off the connection of a login, and shows
// them as they are.
func TestLongLegs(t *testing.T) {
	g := newGuarded(t, nil)
	for _, lines := range []int{1 << 10, 4 << 10, 5 << 10, 30 << 10} { // of 16 bytes: up to 480 KiB
		g.page = strings.Repeat("who on earth...\n", lines)
		var shown strings.Builder
		s := over(t, new(HTTPAdapter), TrustEnv(false))
		r, err := s.Get(bg, g.URL, NewAuth(&loginOf{"kate"}), Stream(true), Dump{To: &shown, MaxBody: 1 << 20})
		require.NoError(t, err)
		require.NoError(t, r.Load())
		require.Equal(t, "kate ", r.Text())
		require.Equal(t, 2*lines, strings.Count(shown.String(), " < who on earth...\n"), "%d lines", lines)
	}
}

// A connection of HTTP/2 is of many, so HTTP/1.1 it is.
func TestPerConnectionByHTTP1(t *testing.T) {
	ca := newIssuer(t, "ca")
	g := newGuarded(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
		s.StartTLS()
	})
	s := over(t, new(HTTPAdapter), TrustEnv(false), TLS{CABundle: ca.bundle(t)})
	r, err := s.Get(bg, g.URL)
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", r.Proto)
	r, err = s.Get(bg, g.URL, NewAuth(&loginOf{"kate"}))
	require.NoError(t, err)
	require.Equal(t, "kate  HTTP/1.1", r.Text()+" "+r.Proto)
}

// An adapter in between may call with options of its own.
func TestPerConnectionBehindAdapter(t *testing.T) {
	g := newGuarded(t, nil)
	s := NewSession(TrustEnv(false))
	defer s.Close()
	s.Mount("http://", optionless{new(HTTPAdapter)})
	r, err := s.Get(bg, g.URL, NewAuth(&loginOf{"kate"}))
	require.NoError(t, err)
	require.Equal(t, "kate ", r.Text())
	r, err = s.Get(bg, g.URL, NewAuth(&loginOf{"nobody"}))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
}

type optionless struct{ *HTTPAdapter }

func (a optionless) Send(ctx context.Context, p *PreparedRequest, _ SendOptions) (*Response, error) {
	return a.HTTPAdapter.Send(ctx, p, SendOptions{})
}

type incomparable struct{ _ []string }

func (incomparable) PerConnection() bool                                  { return true }
func (incomparable) Authenticate(context.Context, *PreparedRequest) error { return nil }

func TestPerConnectionRefused(t *testing.T) {
	_, err := Get(bg, "http://127.0.0.1:1/", NewAuth(incomparable{}))
	isAll(t, err, ErrInvalidOption)
	s := NewSession(TrustEnv(false))
	defer s.Close()
	s.Mount("http://", RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("called") })))
	_, err = s.Get(bg, "http://127.0.0.1:1/", NewAuth(&loginOf{"kate"}))
	isAll(t, err, ErrInvalidOption)
}

// Middleware does not come between an Auth and its connection.
func TestPerConnectionWithMiddleware(t *testing.T) {
	g := newGuarded(t, nil)
	var lose bool
	s := over(t, &HTTPAdapter{Wrap: func(rt http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if lose {
				r = r.WithContext(context.Background())
			}
			return rt.RoundTrip(r)
		})
	}})
	for range 2 {
		r, err := s.Get(bg, g.URL, NewAuth(&loginOf{"kate"}))
		require.NoError(t, err)
		require.Equal(t, "kate ", r.Text())
	}
	require.EqualValues(t, 2, g.opened.Load())
	r, err := s.Get(bg, g.URL, NewAuth(&loginOf{"nobody"}))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	lose = true
	_, err = s.Get(bg, g.URL, NewAuth(&loginOf{"kate"}))
	isAll(t, err, ErrInvalidOption)
}

// A reserved Authenticator logs in before it sends a body, and knows no server that
// lets it in without.
type reserved struct{}

func (*reserved) PerConnection() bool { return true }

func (*reserved) Authenticate(_ context.Context, p *PreparedRequest) error {
	p.Header["Authorization"] = []string{"Conn first"}
	return p.SetBody(Body{})
}

func (*reserved) Challenge(_ context.Context, r *Response) (*PreparedRequest, error) {
	if r.StatusCode != http.StatusUnauthorized {
		return nil, nil
	}
	p := r.Request.Clone()
	p.Header["Authorization"] = []string{"Conn second"}
	return p, nil
}

// TestBodyAfterLogin keeps a body back until a login is complete, and what describes
// it too.
func TestBodyAfterLogin(t *testing.T) {
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen = append(seen, fmt.Sprintf("%s %s %d%s%s%s %s", r.Method, r.Header.Get("Authorization"), r.ContentLength, r.Header["Content-Type"], r.Header["Content-Language"], r.Header["Expect"], b))
		switch {
		case r.URL.Path == "/open":
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case r.URL.Path == "/seen":
			http.Redirect(w, r, "/", http.StatusSeeOther)
		case r.Header.Get("Authorization") == "Conn first":
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	const first, second = "POST Conn first 0[][][] ", "POST Conn second 4[text/x-own][de][100-continue] once"
	for _, tt := range []struct {
		path string
		want []string
		err  error
	}{
		{"/", []string{first, second}, nil},
		{"/moved", []string{first, first, second}, nil},
		{"/seen", []string{first, "GET Conn first 0[][][] ", "GET Conn second 0[][][] "}, nil},
		{"/open", []string{first}, ErrAuthentication},
	} {
		for name, body := range map[string]Body{"again": Text("once"), "once": Reader(&onlyReader{strings.NewReader("once")})} {
			seen = nil
			s := NewSession(NewAuth(new(reserved)), TrustEnv(false))
			r, err := s.Post(t.Context(), srv.URL+tt.path, body, Headers{"Content-Type": "text/x-own", "Content-Language": "de", "Expect": "100-continue"})
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
			} else {
				require.NoError(t, err, "%s %s", tt.path, name)
				require.Equal(t, 200, r.StatusCode)
			}
			if name == "once" { // whose length is not known
				for i := range seen {
					seen[i] = strings.Replace(seen[i], " -1[", " 4[", 1)
				}
			}
			require.Equal(t, tt.want, seen, "%s %s", tt.path, name)
			s.Close()
		}
	}
}

// onlyReader hides what else a Reader can do.
type onlyReader struct{ io.Reader }

// TestPreparedBodyAfterLogin changes a request whose login is to come before its body:
// what is sent is what the request shows.
func TestPreparedBodyAfterLogin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*PreparedRequest)
		want   string
	}{
		{"as it is", func(*PreparedRequest) {}, "[] old"},
		{"a field", func(p *PreparedRequest) { p.Header.Set("Content-Type", "text/x-new") }, "[text/x-new] old"},
		{"another body", func(p *PreparedRequest) { p.SetBody(JSON(1)) }, "[application/json] 1"},
		{"one to be read once", func(p *PreparedRequest) { p.SetBody(Reader(&onlyReader{strings.NewReader("once")})) }, "[] once"},
		{"an empty body", func(p *PreparedRequest) { p.SetBody(Text("")) }, "[] "},
		{"none", func(p *PreparedRequest) { p.SetBody(Body{}) }, "[] "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newReserving(t)
			s := NewSession(TrustEnv(false))
			defer s.Close()
			r := NewRequest("POST", f.URL, Text("old"), NewAuth(new(reserved)))
			for _, prepare := range []func() (*PreparedRequest, error){
				func() (*PreparedRequest, error) { return s.Prepare(bg, r) },
				func() (*PreparedRequest, error) { return r.Prepare(bg) },
			} {
				f.seen = nil
				p, err := prepare()
				require.NoError(t, err)
				require.EqualValues(t, 3, p.ContentLength())
				tt.change(p)
				_, err = s.Send(bg, p)
				require.NoError(t, err)
				require.Equal(t, []string{"Conn first [] ", "Conn second " + tt.want}, f.seen)
			}
		})
	}
}

// TestHookDuringLogin has hooks replace a body that is held back.
func TestHookDuringLogin(t *testing.T) {
	once := func(p *PreparedRequest) error { return p.SetBody(Reader(&onlyReader{strings.NewReader("new")})) }
	f := newReserving(t)
	for name, hook := range map[string]Option{
		"OnRequest":  OnRequest(func(_ context.Context, p *PreparedRequest) error { return once(p) }),
		"OnRedirect": OnRedirect(func(_ context.Context, _ *Response, p *PreparedRequest) error { return once(p) }),
	} {
		f.seen = nil
		s := NewSession(NewAuth(new(reserved)), TrustEnv(false))
		_, err := s.Post(bg, f.URL+"/moved", Text("old"), hook)
		require.NoError(t, err, name)
		require.Equal(t, []string{"Conn first [] ", "Conn first [] ", "Conn second [] new"}, f.seen, name)
		s.Close()
	}
}

// A reserving server wants a login for which no body is sent.
type reserving struct {
	*httptest.Server
	seen []string
}

func newReserving(t *testing.T) *reserving {
	f := new(reserving)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		f.seen = append(f.seen, fmt.Sprintf("%s %s %s", r.Header.Get("Authorization"), r.Header["Content-Type"], b))
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case r.Header.Get("Authorization") == "Conn first":
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, strings.Repeat("who are you? ", 1000))
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// TestProgressOfLogin reports on the body that is held back, and not on what refuses
// the request that has none.
func TestProgressOfLogin(t *testing.T) {
	f := newReserving(t)
	s := NewSession(NewAuth(new(reserved)), TrustEnv(false))
	defer s.Close()
	for _, body := range []Body{Text("body"), Reader(&onlyReader{strings.NewReader("body")})} {
		var most int64
		_, err := s.Post(bg, f.URL, body, OnProgress(func(done, _ int64) { most = max(most, done) }))
		require.NoError(t, err)
		require.EqualValues(t, 4, most)
	}
}

// An unending Authenticator holds a body back and never sends it.
type unending struct{ reserved }

func (*unending) Challenge(_ context.Context, r *Response) (*PreparedRequest, error) {
	p := r.Request.Clone()
	return p, p.SetBody(Body{})
}

// A bodiless Authenticator wants no body, and has nothing to send it with later.
type bodiless struct{}

func (*bodiless) PerConnection() bool { return true }

func (*bodiless) Authenticate(_ context.Context, p *PreparedRequest) error { return p.SetBody(Body{}) }

// TestBodyThatNoLoginSends takes no answer to a request without its body for the
// answer to the call, unless the Authenticator wanted it so.
func TestBodyThatNoLoginSends(t *testing.T) {
	f := newReserving(t)
	s := NewSession(TrustEnv(false))
	defer s.Close()
	_, err := s.Post(bg, f.URL, Text("body"), NewAuth(new(unending)))
	require.NoError(t, err, "the refusal") // a 401 speaks for itself
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer open.Close()
	_, err = s.Post(bg, open.URL, Text("body"), NewAuth(new(unending)))
	require.ErrorIs(t, err, ErrAuthentication)
	r, err := s.Post(bg, open.URL, Text("body"), NewAuth(new(bodiless)))
	require.NoError(t, err)
	require.Zero(t, r.Request.ContentLength())
	require.Zero(t, r.Request.Clone().ContentLength())
}
