package requests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
