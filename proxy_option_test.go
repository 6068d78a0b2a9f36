package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
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
		require.Equal(t, "invalid", fmt.Sprint(auth))
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

// asked is an adapter that notes through which proxy it is to send.
type asked struct {
	sent  int
	proxy string // of the last request
}

func (a *asked) Send(_ context.Context, _ *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	a.sent++
	a.proxy = ""
	if opts.Proxy != nil {
		a.proxy = opts.Proxy.String()
	}
	return &requests.Response{StatusCode: 200, Body: http.NoBody}, nil
}

func asking(t *testing.T, opts ...requests.Option) (*requests.Session, *asked) {
	noEnvironment(t)
	s, a := requests.NewSession(opts...), new(asked)
	for _, prefix := range []string{"http://", "https://", "queue://"} {
		s.Mount(prefix, a)
	}
	t.Cleanup(func() { s.Close() })
	return s, a
}

// TestProxyKeys: a key by which no URL is looked up is an error that names it,
// wherever it is given, and nothing is sent directly.
func TestProxyKeys(t *testing.T) {
	for key, url := range map[string]string{
		"http": "http://h.test", "https": "https://h.test", "all": "http://h.test", "http://h.test": "http://h.test:8080/", "all://h.test": "https://h.test",
		"https://h.test": "https://h.test./", "http://127.0.0.1": "http://127.0.0.1:80", "http://::1": "http://[::1]:81/", "http://[::1]": "http://[::1]/",
		"http://xn--bcher-kva.test": "http://bücher.test/", "queue": "queue://h.test/", "queue://h.test": "queue://h.test/", "all://localhost": "http://localhost:8080",
	} {
		s, a := asking(t)
		if _, err := s.Get(t.Context(), url, requests.Proxies{key: "http://p.test:3128"}); err != nil || a.proxy != "http://p.test:3128" {
			t.Errorf("%q: %v; %s goes through %q", key, err, url, a.proxy)
		}
	}
	for _, key := range []string{"ftp", "no_proxy"} {
		s, _ := asking(t)
		if _, err := s.Get(t.Context(), "http://h.test", requests.Proxies{key: ""}); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{
		"HTTP", "Http", "HTTPS", "All", "ALL", "NO_PROXY", "no-proxy", "noproxy", "htps", "htttp", "http:", "http://", "https:// ", " http", "http ", "socks5", "",
		"http://h.test:80", "http://h.test:8080", "http://h.test:", "https://h.test:443", "all://h.test:1", "http://H.test", "HTTP://h.test", "http://[::1]:80",
		"http://h.test/", "http://h.test/path", "http://h.test?q", "http://h.test#f", "http://h.test.", "http://u@h.test", "http://bücher.test", "http://*.test", "*",
		"h.test", "h.test:80", "//h.test", "*.h.test", "https_proxy", "http_proxy", "all_proxy", "default", "ws", "file",
	} {
		for way, try := range map[string]func() (int, error){
			"call": func() (int, error) {
				s, a := asking(t)
				_, err := s.Get(t.Context(), "http://h.test", requests.Proxies{key: "http://p.test"})
				return a.sent, err
			},
			"NewSession": func() (int, error) {
				s, a := asking(t, requests.Proxies{key: "http://p.test"})
				_, err := s.Get(t.Context(), "http://h.test")
				return a.sent, err
			},
			"field": func() (int, error) {
				s, a := asking(t)
				s.Proxies = requests.Proxies{key: "http://p.test", "all": "http://q.test"}
				_, err := s.Get(t.Context(), "https://h.test")
				return a.sent, err
			},
			"With": func() (int, error) {
				s, a := asking(t)
				_, err := s.With(requests.Proxies{key: ""}).Get(t.Context(), "http://h.test")
				return a.sent, err
			},
		} {
			sent, err := try()
			if sent > 0 || !errors.Is(err, requests.ErrInvalidProxy) || !errors.Is(err, requests.ErrInvalidOption) || !strings.Contains(err.Error(), "key") {
				t.Errorf("%s, %q: sent %d, %v; want ErrInvalidProxy", way, key, sent, err)
			}
			if err != nil && key == "HTTP" && !strings.Contains(err.Error(), `"HTTP"`) {
				t.Errorf("%s: %v does not name the key", way, err)
			}
		}
	}
	s, _ := asking(t)
	if _, err := s.Get(t.Context(), "http://h.test", requests.Proxies{"http://u:" + secret + "/x@p.test": ""}); err == nil || strings.Contains(allTexts(err), secret) {
		t.Errorf("Get = %v", err)
	}
}

// TestNoProxyKey: no_proxy exempts from all proxies of its map, and in place of
// the variable from those of the environment.
func TestNoProxyKey(t *testing.T) {
	const p, q = "http://p.test:1", "http://q.test:2"
	all := requests.Proxies{"all": p}
	listed := requests.Proxies{"all": p, "no_proxy": "h.test, 127.0.0.0/8"}
	env := map[string]string{"http_proxy": q}
	envList := map[string]string{"http_proxy": q, "no_proxy": "h.test"}
	for _, tt := range []struct {
		name    string
		session requests.Proxies
		call    requests.Proxies
		env     map[string]string
		url     string
		want    string
	}{
		{"call, listed", nil, listed, nil, "http://h.test/", ""},
		{"call, below", nil, listed, nil, "https://x.h.test:8443/", ""},
		{"call, address", nil, listed, nil, "http://127.3.2.1/", ""},
		{"call, another", nil, listed, nil, "http://i.test/", p},
		{"session, listed", listed, nil, nil, "http://h.test/", ""},
		{"session, another", listed, nil, nil, "http://i.test/", p},
		{"scheme", nil, requests.Proxies{"http": p, "no_proxy": "h.test"}, nil, "http://h.test/", ""},
		{"host", nil, requests.Proxies{"http://h.test": p, "no_proxy": ".test"}, nil, "http://h.test/", ""},
		{"star", nil, requests.Proxies{"all": p, "no_proxy": "*"}, nil, "http://i.test/", ""},
		{"list of the session, proxy of the call", requests.Proxies{"no_proxy": "h.test"}, all, nil, "http://h.test/", ""},
		{"list of the call, proxy of the session", all, requests.Proxies{"no_proxy": "h.test"}, nil, "http://h.test/", ""},
		{"list of the call over that of the session", listed, requests.Proxies{"no_proxy": "i.test"}, nil, "http://h.test/", p},
		{"lifted", listed, requests.Proxies{"no_proxy": ""}, nil, "http://h.test/", p},
		{"list of the environment, proxy of the program", nil, all, envList, "http://h.test/", p},
		{"both of the environment", nil, nil, envList, "http://h.test/", ""},
		{"list of the program, proxy of the environment", nil, requests.Proxies{"no_proxy": "h.test"}, env, "http://h.test/", ""},
		{"list of the program in place of the variable", nil, requests.Proxies{"no_proxy": "i.test"}, envList, "http://h.test/", q},
		{"no list in place of the variable", nil, requests.Proxies{"no_proxy": ""}, envList, "http://h.test/", q},
		{"exempt of the program's, not sent to the environment's", nil, listed, env, "http://h.test/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, a := asking(t, tt.session)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			if _, err := s.Get(t.Context(), tt.url, tt.call); err != nil || a.proxy != tt.want {
				t.Errorf("%v; %s goes through %q, want %q", err, tt.url, a.proxy, tt.want)
			}
		})
	}
}

// TestProxiesAreCopied: a session keeps no map of the caller's.
func TestProxiesAreCopied(t *testing.T) {
	mine := requests.Proxies{"http": "http://p.test:1"}
	s, a := asking(t, mine)
	d := s.With(mine)
	mine["http"] = "http://other.test"
	mine["http://h.test"] = "http://other.test"
	for _, s := range []*requests.Session{s, d} {
		if get(t, s, "http://h.test"); a.proxy != "http://p.test:1" {
			t.Errorf("the session goes through %s", a.proxy)
		}
	}
	given := maps.Clone(mine)
	get(t, s, "http://h.test", mine, requests.Proxies{"all": ""})
	if !maps.Equal(mine, given) {
		t.Errorf("the map of the call is %v; want %v", mine, given)
	}
}

// TestProxyVariables reads both spellings for each scheme, but no HTTP_PROXY that a CGI program may have from a request.
func TestProxyVariables(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		url  string
		want string
	}{
		{"lower", map[string]string{"queue_proxy": "http://l:1"}, "queue://h.test/", "http://l:1"},
		{"upper", map[string]string{"QUEUE_PROXY": "http://u:1"}, "queue://h.test/", "http://u:1"},
		{"both", map[string]string{"queue_proxy": "http://l:1", "QUEUE_PROXY": "http://u:1"}, "queue://h.test/", "http://l:1"},
		{"lower empty", map[string]string{"queue_proxy": "", "QUEUE_PROXY": "http://u:1"}, "queue://h.test/", ""},
		{"HTTPS upper", map[string]string{"HTTPS_PROXY": "http://u:1"}, "https://h.test/", "http://u:1"},
		{"HTTP upper", map[string]string{"HTTP_PROXY": "http://u:1"}, "http://h.test/", "http://u:1"},
		{"ALL upper", map[string]string{"ALL_PROXY": "http://u:1"}, "queue://h.test/", "http://u:1"},
		{"CGI", map[string]string{"HTTP_PROXY": "http://u:1", "REQUEST_METHOD": "GET"}, "http://h.test/", ""},
		{"CGI, another scheme", map[string]string{"QUEUE_PROXY": "http://u:1", "REQUEST_METHOD": "GET"}, "queue://h.test/", "http://u:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, a := asking(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			if get(t, s, tt.url); a.proxy != tt.want {
				t.Errorf("goes through %q; want %q", a.proxy, tt.want)
			}
		})
	}
}
