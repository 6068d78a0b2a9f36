package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

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
