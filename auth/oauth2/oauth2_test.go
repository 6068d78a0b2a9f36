package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	xoauth2 "golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth2"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/tidwall/buntdb.(*DB).backgroundManager")) // of the test server, which cannot be closed
}

var bg = context.Background()

func newSession(t testing.TB, opts ...requests.Option) *requests.Session {
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

// plain is a token source of golang.org/x/oauth2, as others make it.
func plain(c *oauth2.Client) xoauth2.TokenSource {
	return (&clientcredentials.Config{ClientID: c.ID, ClientSecret: c.Secret, TokenURL: c.Endpoint.TokenURL}).TokenSource(bg)
}

func welcome(t testing.TB, s *requests.Session, a *authority, opts ...requests.Option) {
	t.Helper()
	r, err := s.Get(bg, a.URL+"/api", opts...)
	require.NoError(t, err)
	require.Equal(t, "welcome", r.Text())
}

func TestClientCredentials(t *testing.T) {
	a := newAuthority(t, time.Hour)
	s := newSession(t)
	s.Auth = a.client().ClientCredentials().Auth()
	for range 3 {
		welcome(t, s, a)
	}
	require.EqualValues(t, 1, a.tokens.Load(), "requests to the token endpoint")
}

func TestAuthorizationCode(t *testing.T) {
	a := newAuthority(t, time.Hour)
	c := a.client()
	verifier := oauth2.GenerateVerifier()
	target, err := c.AuthCodeURL("state", verifier)
	require.NoError(t, err)
	back := consent(t, target, false)
	require.Equal(t, "state", back.Get("state"))
	_, err = c.Exchange(bg, back.Get("code"), oauth2.GenerateVerifier())
	require.ErrorIs(t, err, requests.ErrAuthentication, "the verifier of somebody else")
	back = consent(t, target, false)
	source, err := c.Exchange(bg, back.Get("code"), verifier)
	require.NoError(t, err)
	welcome(t, newSession(t), a, source.Auth())
}

func TestLogin(t *testing.T) {
	a := newAuthority(t, time.Hour)
	done := make(chan url.Values, 1)
	source, err := a.client().Login(bg, func(target string) error {
		go func() { done <- consent(t, target, true) }()
		return nil
	})
	require.NoError(t, err)
	<-done
	welcome(t, newSession(t), a, source.Auth())
}

// TestLoginOfOthers has pages that try the port with codes of their own.
func TestLoginOfOthers(t *testing.T) {
	a := newAuthority(t, time.Hour)
	ctx, cancel := context.WithCancelCause(bg)
	stopped := errors.New("the user has closed the window")
	_, err := a.client().Login(ctx, func(target string) error {
		u, err := url.Parse(target)
		require.NoError(t, err)
		here := u.Query().Get("redirect_uri")
		for _, query := range []string{"?code=evil", "?code=evil&state=guess", "?error=access_denied&state="} {
			r, err := http.Get(here + query)
			require.NoError(t, err)
			r.Body.Close()
			require.Equal(t, http.StatusNotFound, r.StatusCode)
		}
		http.DefaultClient.CloseIdleConnections()
		cancel(stopped)
		return nil
	})
	require.ErrorIs(t, err, stopped)
	require.Zero(t, a.tokens.Load())
}

func TestLoginDenied(t *testing.T) {
	a := newAuthority(t, time.Hour)
	_, err := a.client().Login(bg, func(target string) error {
		u, err := url.Parse(target)
		require.NoError(t, err)
		r, err := http.Get(u.Query().Get("redirect_uri") + "?error=access_denied&state=" + u.Query().Get("state"))
		require.NoError(t, err)
		r.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		return nil
	})
	var refusal *oauth2.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "access_denied", refusal.Code)
	require.ErrorIs(t, err, requests.ErrAuthentication)
}

func TestDevice(t *testing.T) {
	a := newAuthority(t, time.Hour)
	var shown string
	source, err := a.client().Device(bg, func(where, code string) { shown = where + " " + code })
	require.NoError(t, err)
	require.Equal(t, "https://example.com/device AB-CD", shown)
	welcome(t, newSession(t), a, source.Auth())
}

func TestTokenExchange(t *testing.T) {
	a := newAuthority(t, time.Hour)
	source := a.client().TokenExchange(func(context.Context) (string, error) { return "subject", nil }, "")
	token, err := source.Token(bg)
	require.NoError(t, err)
	require.Equal(t, "extension-subject", token.AccessToken)
	welcome(t, newSession(t), a, source.Auth())
}

func TestFromTokenSource(t *testing.T) {
	a := newAuthority(t, time.Hour)
	source := oauth2.FromTokenSource(xoauth2.StaticTokenSource(&oauth2.Token{AccessToken: "extension"}))
	welcome(t, newSession(t), a, source.Auth())
}

// TestRefresh has tokens that expire by the clock, or because the server says so.
func TestRefresh(t *testing.T) {
	a := newAuthority(t, time.Hour)
	c := a.client()
	verifier := oauth2.GenerateVerifier()
	target, err := c.AuthCodeURL("state", verifier)
	require.NoError(t, err)
	source, err := c.Exchange(bg, consent(t, target, false).Get("code"), verifier)
	require.NoError(t, err)
	s := newSession(t)
	s.Auth = source.Auth()
	first, err := source.Token(bg)
	require.NoError(t, err)

	t.Run("401 invalid_token", func(t *testing.T) {
		require.NoError(t, a.manager.RemoveAccessToken(bg, first.AccessToken))
		before := a.tokens.Load()
		r, err := s.Post(bg, a.URL+"/api", requests.Text("again, "))
		require.NoError(t, err)
		require.Equal(t, "again, welcome", r.Text())
		require.Len(t, r.History, 1)
		require.EqualValues(t, before+1, a.tokens.Load())
	})
	t.Run("a body that cannot be sent again", func(t *testing.T) {
		token, err := source.Token(bg)
		require.NoError(t, err)
		require.NoError(t, a.manager.RemoveAccessToken(bg, token.AccessToken))
		r, err := s.Post(bg, a.URL+"/api", requests.Reader(io.MultiReader(strings.NewReader("x"))))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode)
		require.Empty(t, r.History)
		r, err = s.Post(bg, a.URL+"/api", requests.Reader(io.MultiReader(strings.NewReader("next, "))))
		require.NoError(t, err)
		require.Equal(t, "next, welcome", r.Text())
	})
	t.Run("the new one is not taken either", func(t *testing.T) {
		refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer error=invalid_token`)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		defer refuses.Close()
		before := a.tokens.Load()
		r, err := s.Get(bg, refuses.URL)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode)
		require.EqualValues(t, before+1, a.tokens.Load())
	})
	t.Run("401 for another reason", func(t *testing.T) {
		refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		defer refuses.Close()
		before := a.tokens.Load()
		_, err := s.Get(bg, refuses.URL)
		require.NoError(t, err)
		require.Equal(t, before, a.tokens.Load())
	})
	t.Run("expired", func(t *testing.T) {
		token, err := source.Token(bg)
		require.NoError(t, err)
		old := *token
		old.Expiry = time.Now().Add(-time.Minute)
		welcome(t, newSession(t), a, c.Resume(&old).Auth())
	})
	t.Run("expired, without a refresh token", func(t *testing.T) {
		old := &oauth2.Token{AccessToken: "ACCESS-SECRET", Expiry: time.Now().Add(-time.Minute)}
		_, err := s.Get(bg, a.URL+"/api", c.Resume(old).Auth(), requests.Retry{Total: 3})
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.ErrorContains(t, err, "log in again")
	})
	t.Run("a refresh token that is used up", func(t *testing.T) {
		_, err := c.Resume(&oauth2.Token{RefreshToken: "REFRESH-SECRET"}).Token(bg)
		var refusal *oauth2.Error
		require.ErrorAs(t, err, &refusal)
		require.NotContains(t, err.Error(), "SECRET")
	})
	t.Run("a clock that is off", func(t *testing.T) {
		late := oauth2.FromTokenSource(xoauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x", Expiry: time.Now().Add(-time.Hour)}))
		_, err := late.Token(bg)
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.ErrorContains(t, err, "clock")
	})
}

// TestOneRefreshForMany has 100 goroutines that begin without a token, and 100
// whose token was revoked.
func TestOneRefreshForMany(t *testing.T) {
	a := newAuthority(t, time.Hour)
	source := a.client().ClientCredentials()
	s := newSession(t)
	s.Auth = source.Auth()
	a.holdFor.Store(int64(20 * time.Millisecond))
	for round := range 2 {
		before := a.tokens.Load()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				r, err := s.Get(bg, a.URL+"/api")
				if err != nil || r.StatusCode != http.StatusOK {
					t.Errorf("Get = %v, %v", r, err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, before+1, a.tokens.Load(), "round %d", round)
		token, err := source.Token(bg)
		require.NoError(t, err)
		require.NoError(t, a.manager.RemoveAccessToken(bg, token.AccessToken))
	}
}

// TestOneRefusalForMany has goroutines wait for a token that cannot be had.
func TestOneRefusalForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		s := newSession(t)
		s.Mount("https://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			time.Sleep(time.Second)
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		})))
		c := &oauth2.Client{ID: clientID, Secret: clientSecret, Session: s,
			Endpoint: oauth2.Endpoint{TokenURL: "https://auth.test/token", AuthStyle: xoauth2.AuthStyleInHeader}}
		source := c.Resume(&oauth2.Token{RefreshToken: "gone"})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := source.Token(bg); !errors.Is(err, requests.ErrAuthentication) {
					t.Errorf("Token = %v; want ErrAuthentication", err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, asked.Load(), "requests for one refusal")
	})
}

// TestCancelledRefresh has a caller give up while others wait.
func TestCancelledRefresh(t *testing.T) {
	a := newAuthority(t, time.Hour)
	source := a.client().ClientCredentials()
	a.holdFor.Store(int64(time.Minute))
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := source.Token(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Token = %v; want context.Canceled", err)
		}
	})
	wg.Go(func() {
		for a.tokens.Load() == 0 { // the first one is under way
			time.Sleep(time.Millisecond)
		}
		a.holdFor.Store(0)
		cancel()
		if _, err := source.Token(bg); err != nil {
			t.Errorf("Token = %v; want the one who waited to take over", err)
		}
	})
	wg.Wait()
}

// TestSessionOfTheAuthorizationServer looks at what is taken from the session.
func TestSessionOfTheAuthorizationServer(t *testing.T) {
	a := newAuthority(t, time.Hour)
	s := newSession(t, requests.Headers{"X-Api-Key": "API-SECRET"}, requests.Cookies{"sid": "COOKIE-SECRET"}, requests.BearerAuth("OTHER"), requests.Params{"key": "PARAM-SECRET"})
	c := a.client()
	c.Session = s
	_, err := c.ClientCredentials().Token(bg)
	require.NoError(t, err)
	for _, name := range []string{"X-Api-Key", "Cookie"} {
		_, leaked := a.seen.Load(name)
		require.False(t, leaked, name)
	}
	authorization, _ := a.seen.Load("Authorization")
	require.NotContains(t, authorization, "OTHER")

	source := c.ClientCredentials()
	s = newSession(t, source.Auth())
	c.Session = s // its Auth needs a token, too
	welcome(t, s, a)
}

// TestAnotherOriginGetsNothing looks at redirects, Origins, errors and the log.
func TestAnotherOriginGetsNothing(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer srv.Close()
	static := xoauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ACCESS-SECRET"})
	source := oauth2.FromTokenSource(static)
	var log strings.Builder
	s := newSession(t)
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Dump = requests.Dump{To: &log}
	_, err := s.Get(bg, srv.URL, source.Auth())
	require.NoError(t, err)
	require.NotNil(t, seen)
	require.Empty(t, seen["Authorization"])

	_, err = s.Get(bg, other.URL, oauth2.FromTokenSource(static, srv.URL).Auth())
	require.ErrorIs(t, err, requests.ErrAuthentication)
	request, prepareErr := s.Prepare(bg, requests.NewRequest("GET", srv.URL, source.Auth()))
	require.NoError(t, prepareErr)
	c := &oauth2.Client{ID: "id", Secret: clientSecret}
	for _, text := range []string{log.String(), err.Error(), request.Curl(), fmt.Sprintf("%v %+v %#v %v %+v %#v %v", source, source, source, c, c, c, source.Auth())} {
		require.NotContains(t, text, "SECRET")
	}
}

// TestDump looks at the messages to the authorization server, too.
func TestDump(t *testing.T) {
	a := newAuthority(t, time.Hour)
	var dump strings.Builder
	s := newSession(t, requests.Dump{To: &dump})
	c := a.client()
	c.Session = s
	source, err := c.Device(bg, func(string, string) {})
	require.NoError(t, err)
	welcome(t, s, a, source.Auth())
	welcome(t, s, a, c.ClientCredentials().Auth())
	require.Contains(t, dump.String(), "/api")
	require.NotContains(t, dump.String(), "SECRET")
	token, err := source.Token(bg)
	require.NoError(t, err)
	require.NotContains(t, dump.String(), token.AccessToken)
}

func TestStore(t *testing.T) {
	a := newAuthority(t, time.Hour)
	name := filepath.Join(t.TempDir(), "token.json")
	c := a.client()
	c.Store = oauth2.FileStore(name)
	first, err := c.ClientCredentials().Token(bg)
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	second, err := c.ClientCredentials().Token(bg) // another run
	require.NoError(t, err)
	require.Equal(t, first.AccessToken, second.AccessToken)
	require.EqualValues(t, 1, a.tokens.Load())

	require.NoError(t, os.WriteFile(name, []byte(`{"access_token": "SECRET"`), 0o600))
	_, err = c.ClientCredentials().Token(bg)
	require.ErrorContains(t, err, name)
	require.NotContains(t, err.Error(), "SECRET")
	left, err := filepath.Glob(name + ".*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDiscover(t *testing.T) {
	a := newAuthority(t, time.Hour)
	endpoint, err := oauth2.Discover(bg, newSession(t), a.URL)
	require.NoError(t, err)
	require.Equal(t, oauth2.Endpoint{AuthURL: a.URL + "/authorize", TokenURL: a.URL + "/token", DeviceAuthURL: a.URL + "/device"}, endpoint)

	var asked []string
	openID := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Path != "/realms/a/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"issuer": "http://%s/realms/a", "token_endpoint": "https://example.com/token"}`, r.Host)
	}))
	defer openID.Close()
	endpoint, err = oauth2.Discover(bg, nil, openID.URL+"/realms/a")
	require.NoError(t, err)
	require.Equal(t, "https://example.com/token", endpoint.TokenURL)
	require.Equal(t, []string{"/.well-known/oauth-authorization-server/realms/a", "/.well-known/openid-configuration/realms/a", "/realms/a/.well-known/openid-configuration"}, asked)
	for _, issuer := range []string{openID.URL, "http://example.com", "https://example.com?x=1", "example.com", "://"} {
		_, err := oauth2.Discover(bg, nil, issuer)
		require.Error(t, err, issuer)
	}
}

// TestDiscoverBehindAPage has servers that answer unknown paths with a page.
func TestDiscoverBehindAPage(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			io.WriteString(w, "<!doctype html><title>Welcome</title>")
			return
		}
		fmt.Fprintf(w, `{"issuer": "http://%s", "token_endpoint": "https://example.com/token"}`, r.Host)
	}))
	defer srv.Close()
	endpoint, err := oauth2.Discover(bg, nil, srv.URL)
	require.NoError(t, err)
	require.Equal(t, "https://example.com/token", endpoint.TokenURL)
	_, err = oauth2.Discover(bg, nil, srv.URL+"/other")
	require.ErrorIs(t, err, requests.ErrAuthentication)
}

func TestInvalid(t *testing.T) {
	client := func(change func(*oauth2.Client)) *oauth2.Client {
		c := &oauth2.Client{ID: "id", Secret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: "http://127.0.0.1:1", AuthURL: "https://example.com/", DeviceAuthURL: "http://127.0.0.1:1/"}}
		if change != nil {
			change(c)
		}
		return c
	}
	verifier := oauth2.GenerateVerifier()
	// every way to a token of a client, which all say what is wrong with it
	ways := func(c *oauth2.Client) map[string]func() error {
		return map[string]func() error{
			"ClientCredentials": func() error { _, err := c.ClientCredentials().Token(bg); return err },
			"Exchange":          func() error { _, err := c.Exchange(bg, "code", verifier); return err },
			"AuthCodeURL":       func() error { _, err := c.AuthCodeURL("state", verifier); return err },
			"Resume":            func() error { _, err := c.Resume(&oauth2.Token{RefreshToken: "x"}).Token(bg); return err },
			"Device":            func() error { _, err := c.Device(bg, func(string, string) {}); return err },
			"Login": func() error {
				_, err := c.Login(bg, func(string) error { return errors.New("nobody may be asked") })
				return err
			},
		}
	}
	refused := func(name, names string, err error) {
		t.Helper()
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
		require.NotErrorIs(t, err, requests.ErrAuthentication, name)
		require.ErrorContains(t, err, names, name)
		require.NotContains(t, err.Error(), "SECRET", name)
	}
	for name, change := range map[string]func(*oauth2.Client){
		"Client.ID":          func(c *oauth2.Client) { c.ID = "" },
		"Client.ID has":      func(c *oauth2.Client) { c.ID = "id\n" },
		"Client.Secret":      func(c *oauth2.Client) { c.Secret += "\n" },
		"Client.Scopes":      func(c *oauth2.Client) { c.Scopes = []string{"read", ""} },
		"Client.Scopes has":  func(c *oauth2.Client) { c.Scopes = []string{"re\\ad"} },
		"Client.Scopes has ": func(c *oauth2.Client) { c.Scopes = []string{"re\x00ad"} },
	} {
		for way, call := range ways(client(change)) {
			refused(way, strings.TrimSpace(name), call())
		}
	}
	for _, redirect := range []string{"/cb", "http://x/#f", "http://x/\n"} {
		_, err := client(func(c *oauth2.Client) { c.RedirectURL = redirect }).AuthCodeURL("state", verifier)
		refused(redirect, "Client.RedirectURL", err)
	}
	for name, tt := range map[string]struct {
		names string
		call  func() error
	}{
		"token endpoint without TLS": {"Endpoint.TokenURL", func() error {
			_, err := client(func(c *oauth2.Client) { c.Endpoint.TokenURL = "http://example.com/token" }).ClientCredentials().Token(bg)
			return err
		}},
		"no token endpoint":  {"Endpoint.TokenURL", func() error { _, err := (&oauth2.Client{ID: "id"}).ClientCredentials().Token(bg); return err }},
		"no state":           {"state", func() error { _, err := client(nil).AuthCodeURL("", verifier); return err }},
		"no verifier":        {"verifier", func() error { _, err := client(nil).AuthCodeURL("state", ""); return err }},
		"a short verifier":   {"verifier", func() error { _, err := client(nil).AuthCodeURL("state", "verifier"); return err }},
		"a state's line":     {"state", func() error { _, err := client(nil).AuthCodeURL("state\n", verifier); return err }},
		"no code":            {"code", func() error { _, err := client(nil).Exchange(bg, "", ""); return err }},
		"a code's line":      {"code", func() error { _, err := client(nil).Exchange(bg, "code\n", verifier); return err }},
		"a verifier's line":  {"verifier", func() error { _, err := client(nil).Exchange(bg, "code", verifier+"\n"); return err }},
		"Login(nil)":         {"Login(nil)", func() error { _, err := client(nil).Login(bg, nil); return err }},
		"Device(nil)":        {"Device(nil)", func() error { _, err := client(nil).Device(bg, nil); return err }},
		"TokenExchange(nil)": {"TokenExchange(nil)", func() error { _, err := client(nil).TokenExchange(nil, "").Token(bg); return err }},
		"a token type": {"tokenType", func() error {
			_, err := client(nil).TokenExchange(func(context.Context) (string, error) { return "x", nil }, "access_token").Token(bg)
			return err
		}},
		"an origin without a scheme": {"Client.Origins", func() error {
			source := oauth2.FromTokenSource(xoauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"}), "api.example.com")
			_, err := requests.NewRequest("GET", "https://api.example.com/", source.Auth()).Prepare(bg)
			return err
		}},
		"FromTokenSource(nil)": {"FromTokenSource(nil)", func() error { _, err := oauth2.FromTokenSource(nil).Token(bg); return err }},
		"a store without a name": {"FileStore", func() error {
			_, err := client(func(c *oauth2.Client) { c.Store = oauth2.FileStore("") }).ClientCredentials().Token(bg)
			return err
		}},
		"an issuer's line": {"issuer", func() error { _, err := oauth2.Discover(bg, nil, "https://example.com\n"); return err }},
		"no issuer":        {"issuer", func() error { _, err := oauth2.Discover(bg, nil, ""); return err }},
	} {
		refused(name, tt.names, tt.call())
	}
	_, err := client(nil).TokenExchange(func(context.Context) (string, error) { return "", nil }, "").Token(bg)
	require.ErrorIs(t, err, requests.ErrAuthentication, "an empty subject")
	require.NotErrorIs(t, err, requests.ErrConnection)
}

// TestServerThatIsAway tells a server that cannot be asked from credentials that it
// refuses.
func TestServerThatIsAway(t *testing.T) {
	a := newAuthority(t, time.Hour)
	c := a.client()
	a.Close()
	subject := func(context.Context) (string, error) { return "subject", nil }
	foreign := oauth2.FromTokenSource(plain(c))
	for name, call := range map[string]func() error{
		"ClientCredentials": func() error { _, err := c.ClientCredentials().Token(bg); return err },
		"Auth":              func() error { _, err := newSession(t).Get(bg, a.URL, c.ClientCredentials().Auth()); return err },
		"Exchange":          func() error { _, err := c.Exchange(bg, "code", oauth2.GenerateVerifier()); return err },
		"Device":            func() error { _, err := c.Device(bg, func(string, string) {}); return err },
		"TokenExchange":     func() error { _, err := c.TokenExchange(subject, "").Token(bg); return err },
		"Resume":            func() error { _, err := c.Resume(&oauth2.Token{RefreshToken: "x"}).Token(bg); return err },
		"Discover":          func() error { _, err := oauth2.Discover(bg, nil, a.URL); return err },
		"FromTokenSource":   func() error { _, err := foreign.Token(bg); return err },
	} {
		err := call()
		require.ErrorIs(t, err, requests.ErrAuthentication, name)
		require.ErrorIs(t, err, requests.ErrConnection, name)
		require.NotContains(t, err.Error(), "SECRET", name)
	}
}

// TestServerThatIsBusy gives the response of one that says nothing of the credentials.
func TestServerThatIsBusy(t *testing.T) {
	for status, again := range map[int]bool{
		http.StatusBadRequest: false, http.StatusUnauthorized: false, http.StatusNotFound: false, http.StatusRequestTimeout: true,
		http.StatusTooManyRequests: true, http.StatusInternalServerError: true, http.StatusBadGateway: true, http.StatusServiceUnavailable: true,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			io.WriteString(w, "of the server")
		}))
		c := &oauth2.Client{ID: clientID, Secret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: srv.URL, DeviceAuthURL: srv.URL}}
		for name, call := range map[string]func() error{
			"ClientCredentials": func() error { _, err := c.ClientCredentials().Token(bg); return err },
			"Auth":              func() error { _, err := newSession(t).Get(bg, srv.URL, c.ClientCredentials().Auth()); return err },
			"Device":            func() error { _, err := c.Device(bg, func(string, string) {}); return err },
			"FromTokenSource":   func() error { _, err := oauth2.FromTokenSource(plain(c)).Token(bg); return err },
		} {
			err := call()
			require.ErrorIs(t, err, requests.ErrAuthentication, name)
			require.NotErrorIs(t, err, requests.ErrConnection, name)
			busy, is := errors.AsType[*requests.HTTPError](err)
			require.Equal(t, again, is, "%s: an HTTPError for %d: %v", name, status, err)
			if is {
				require.Equal(t, status, busy.Response.StatusCode)
				require.Equal(t, "7", busy.Response.Header.Get("Retry-After"))
				require.Equal(t, "of the server", busy.Response.Text())
				require.NotContains(t, busy.Error(), "SECRET")
			}
			if name != "FromTokenSource" {
				mine, is := errors.AsType[*oauth2.Error](err)
				require.True(t, is, name)
				require.Equal(t, status, mine.StatusCode)
			}
		}
		_, err := oauth2.Discover(bg, nil, srv.URL)
		found, is := errors.AsType[*requests.HTTPError](err)
		require.True(t, is)
		require.Equal(t, status, found.Response.StatusCode)
		srv.Close()
	}
}

// TestDiscoverABusyServer says that the server was busy, though it answered later.
func TestDiscoverABusyServer(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.NotFound(w, r)
	}))
	defer srv.Close()
	_, err := oauth2.Discover(bg, nil, srv.URL)
	require.ErrorIs(t, err, requests.ErrAuthentication)
	busy, _ := errors.AsType[*requests.HTTPError](err)
	require.Equal(t, http.StatusServiceUnavailable, busy.Response.StatusCode)
}

// TestAnswerThatIsNoToken holds that an error does not quote the response.
func TestAnswerThatIsNoToken(t *testing.T) {
	for _, body := range []string{"SECRET", `{"access_token": 1, "x": "SECRET"}`, `{"error": "invalid_client", "error_description": "` + strings.Repeat("x", 10_000) + `\n\u001b"}`} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		}))
		c := &oauth2.Client{ID: "id", Endpoint: oauth2.Endpoint{TokenURL: srv.URL}}
		_, err := c.ClientCredentials().Token(bg)
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.NotContains(t, err.Error(), "SECRET")
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 1000)
		srv.Close()
	}
}
