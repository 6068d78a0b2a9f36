package requests_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// credentialServer answers with the two fields of credentials that it was sent.
func credentialServer(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, name+": "+r.Header.Get("Authorization")+", "+r.Header.Get("Proxy-Authorization"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestProxyAuthIsForTheProxy gives ProxyAuth in each of the ways in which a
// session or a call takes an Auth.
func TestProxyAuthIsForTheProxy(t *testing.T) {
	noEnvironment(t)
	origin, proxy := credentialServer(t, "origin"), credentialServer(t, "proxy")
	auth, server := requests.ProxyAuth("user", "pass"), requests.BearerAuth("server")
	through := requests.Proxies{"http": proxy}
	for _, tt := range []struct {
		name            string
		session         func() *requests.Session
		call            []requests.Option
		direct, proxied string
	}{
		{"option", func() *requests.Session { return requests.NewSession(auth) }, nil, ", ", ", Basic dXNlcjpwYXNz"},
		{"field", func() *requests.Session {
			s := requests.NewSession()
			s.Auth = auth
			return s
		}, nil, ", ", ", Basic dXNlcjpwYXNz"},
		{"field over option", func() *requests.Session {
			s := requests.NewSession(requests.ProxyAuth("other", "pass"))
			s.Auth = auth
			return s
		}, nil, ", ", ", Basic dXNlcjpwYXNz"},
		{"literal", func() *requests.Session { return &requests.Session{Auth: auth} }, nil, ", ", ", Basic dXNlcjpwYXNz"},
		{"With", func() *requests.Session { return requests.NewSession(server).With(auth) }, nil, "Bearer server, ", "Bearer server, Basic dXNlcjpwYXNz"},
		{"With the server's over a field", func() *requests.Session { return (&requests.Session{Auth: auth}).With(server) }, nil, "Bearer server, ", "Bearer server, Basic dXNlcjpwYXNz"},
		{"With nothing over a field", func() *requests.Session { return (&requests.Session{Auth: auth}).With() }, nil, ", ", ", Basic dXNlcjpwYXNz"},
		{"call", func() *requests.Session { return requests.NewSession(server) }, []requests.Option{auth}, "Bearer server, ", "Bearer server, Basic dXNlcjpwYXNz"},
		{"the server's in the call", func() *requests.Session { return &requests.Session{Auth: auth} }, []requests.Option{server}, "Bearer server, ", "Bearer server, Basic dXNlcjpwYXNz"},
		{"none in the call", func() *requests.Session { return &requests.Session{Auth: auth} }, []requests.Option{requests.NoAuth()}, ", ", ", Basic dXNlcjpwYXNz"},
		{"zero in the call", func() *requests.Session { return &requests.Session{Auth: auth} }, []requests.Option{requests.Auth{}}, ", ", ", Basic dXNlcjpwYXNz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.session()
			defer s.Close()
			send := func(opts ...requests.Option) (by, prepared string) {
				opts = append(opts, tt.call...)
				r := get(t, s, origin, opts...)
				p, err := s.Prepare(t.Context(), requests.NewRequest("GET", origin, opts...))
				require.NoError(t, err)
				require.NotContains(t, p.Header, "Proxy-Authorization")
				sent, err := s.Send(t.Context(), p)
				require.NoError(t, err)
				return r.Text(), sent.Text()
			}
			called, prepared := send()
			require.Equal(t, "origin: "+tt.direct, called)
			require.Equal(t, "origin: "+tt.direct, prepared)
			called, prepared = send(through)
			require.Equal(t, "proxy: "+tt.proxied, called)
			require.Equal(t, "proxy: "+tt.proxied, prepared)
		})
	}
	p, err := requests.NewRequest("GET", origin, auth).Prepare(t.Context())
	require.NoError(t, err)
	require.Empty(t, p.Header)
}

// TestZeroAuth: the zero Auth leaves the choice to what was there, wherever it
// is given, and one made of nothing is refused.
func TestZeroAuth(t *testing.T) {
	basic := requests.BasicAuth("user", "pass")
	for name, do := range map[string]func(s *requests.Session) (*requests.Response, error){
		"call": func(s *requests.Session) (*requests.Response, error) {
			return s.Get(t.Context(), "http://a.test/", requests.Auth{})
		},
		"With": func(s *requests.Session) (*requests.Response, error) {
			return s.With(requests.Auth{}).Get(t.Context(), "http://a.test/")
		},
		"second": func(s *requests.Session) (*requests.Response, error) {
			return s.Get(t.Context(), "http://a.test/", basic, requests.Auth{})
		},
		"NoAuth gone": func(s *requests.Session) (*requests.Response, error) {
			return s.With(requests.NoAuth()).With(basic, requests.Auth{}).Get(t.Context(), "http://a.test/")
		},
	} {
		s, sent := scripted(t, replies(ok()), basic)
		_, err := do(s)
		require.NoError(t, err)
		require.Equal(t, "Basic dXNlcjpwYXNz", sent.authorization(0), name)
	}
	for name, auth := range map[string]requests.Auth{
		"NewAuth(nil)":      requests.NewAuth(nil),
		"NewAuth of a nil":  requests.NewAuth((*tokenAuth)(nil)),
		"AuthFunc(nil)":     requests.AuthFunc(nil),
		"NewAuth(nil func)": requests.NewAuth(contextAuth(nil)),
	} {
		s, sent := scripted(t, replies(ok()))
		field, _ := scripted(t, replies(ok()))
		field.Auth = auth
		for way, do := range map[string]func() error{
			"call":       func() error { _, err := s.Get(t.Context(), "http://a.test/", auth); return err },
			"NewSession": func() error { _, err := requests.NewSession(auth).Get(t.Context(), "http://a.test/"); return err },
			"With":       func() error { _, err := s.With(auth).Get(t.Context(), "http://a.test/"); return err },
			"field":      func() error { _, err := field.Get(t.Context(), "http://a.test/"); return err },
			"Prepare": func() error {
				_, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/", auth))
				return err
			},
			"request": func() error {
				_, err := requests.NewRequest("GET", "http://a.test/", auth).Prepare(t.Context())
				return err
			},
		} {
			require.ErrorIs(t, do(), requests.ErrInvalidOption, name+"/"+way)
		}
		require.Empty(t, sent.sent)
		require.Equal(t, "invalid", auth.String())
	}
}

// TestProxyField gives the field by hand. It is for the proxy alone, and where
// none carries the request, that is said and not passed over.
func TestProxyField(t *testing.T) {
	noEnvironment(t)
	origin, proxy := credentialServer(t, "origin"), credentialServer(t, "proxy")
	through, socks := requests.Proxies{"http": proxy}, requests.Proxies{"http": "socks5://127.0.0.1:1"}
	hand := requests.Headers{"Proxy-Authorization": "Basic hand"}
	hook := requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error {
		p.Header.Set("Proxy-Authorization", "Basic hand")
		return nil
	})
	spelled := requests.NewSession()
	spelled.Headers["proxy-authorization"] = []string{"Basic hand"}
	for _, tt := range []struct {
		name    string
		session *requests.Session
		opts    []requests.Option
		want    string // "" if it is refused
	}{
		{"of a call, proxied", new(requests.Session), []requests.Option{hand, through}, "proxy: , Basic hand"},
		{"of a call, direct", new(requests.Session), []requests.Option{hand}, ""},
		{"of a call, by SOCKS", new(requests.Session), []requests.Option{hand, socks}, ""},
		{"of a call, exempt", requests.NewSession(through), []requests.Option{hand, requests.Proxies{"http": ""}}, ""},
		{"of a hook, proxied", new(requests.Session), []requests.Option{hook, through}, "proxy: , Basic hand"},
		{"of a hook, direct", new(requests.Session), []requests.Option{hook}, ""},
		{"of a session, proxied", requests.NewSession(hand), []requests.Option{through}, "proxy: , Basic hand"},
		{"of a session, direct", requests.NewSession(hand), nil, "origin: , "},
		{"of a session, in other letters", spelled, nil, "origin: , "},
		{"of a session, and another of the call", requests.NewSession(hand), []requests.Option{requests.Headers{"Proxy-Authorization": "Basic call"}}, ""},
		{"taken back", requests.NewSession(hand), []requests.Option{requests.Headers{"Proxy-Authorization": nil}, through}, "proxy: , "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := tt.session.Get(t.Context(), origin, tt.opts...)
			if tt.want == "" {
				require.ErrorIs(t, err, requests.ErrInvalidHeader)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, r.Text())
			if tt.want == "origin: , " {
				require.NotContains(t, r.Request.Header, "Proxy-Authorization", "Request shows what was not sent")
			}
		})
	}
	t.Run("of an adapter", func(t *testing.T) {
		p, err := requests.NewRequest("GET", origin, hand).Prepare(t.Context())
		require.NoError(t, err)
		for name, a := range map[string]requests.Adapter{
			"HTTPAdapter": new(requests.HTTPAdapter), "RoundTripper": requests.RoundTripper(http.DefaultTransport), "Handler": requests.Handler(http.NotFoundHandler()),
		} {
			_, err = a.Send(t.Context(), p, requests.SendOptions{})
			require.ErrorIs(t, err, requests.ErrInvalidHeader, name)
		}
	})
}

// TestBearerRefusesNothing: an empty token is a variable that was not set.
func TestBearerRefusesNothing(t *testing.T) {
	for _, token := range []string{"", " ", "a b", "a\n"} {
		_, err := requests.NewRequest("GET", "http://a.test/", requests.BearerAuth(token)).Prepare(t.Context())
		require.ErrorIs(t, err, requests.ErrInvalidOption, token)
	}
}

// TestBasicRefusesColons: wherever in the name it is, the server would take what
// follows for the password.
func TestBasicRefusesColons(t *testing.T) {
	for _, name := range []string{":", ":user", "us:er", "user:"} {
		_, err := requests.NewRequest("GET", "http://a.test/", requests.BasicAuth(name, "pass")).Prepare(t.Context())
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
	}
	p, err := requests.NewRequest("GET", "http://a.test/", requests.BasicAuth("", ":")).Prepare(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Basic Ojo=", p.Header.Get("Authorization"))
}
