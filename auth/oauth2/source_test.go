package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth2"
)

// A memory is a Store that can fail.
type memory struct {
	load, save func(ctx context.Context) error
	token      *oauth2.Token
}

func (m *memory) Load(ctx context.Context) (*oauth2.Token, error) {
	if m.load != nil {
		if err := m.load(ctx); err != nil {
			return nil, err
		}
	}
	return m.token, nil
}

func (m *memory) Save(ctx context.Context, t *oauth2.Token) error {
	if m.save != nil {
		if err := m.save(ctx); err != nil {
			return err
		}
	}
	m.token = t
	return nil
}

// TestStoreThatIsFull holds that a token is not lost if its refresh token is used
// up.
func TestStoreThatIsFull(t *testing.T) {
	a := newAuthority(t, time.Hour)
	c := a.client()
	verifier := oauth2.GenerateVerifier()
	target, err := c.AuthCodeURL("state", verifier)
	require.NoError(t, err)
	source, err := c.Exchange(bg, consent(t, target, false).Get("code"), verifier)
	require.NoError(t, err)
	first, err := source.Token(bg)
	require.NoError(t, err)

	expired := *first
	expired.Expiry = time.Now().Add(-time.Minute)
	full := errors.New("no space left")
	store := &memory{save: func(context.Context) error { return full }}
	c.Store = store
	source = c.Resume(&expired)
	before := a.tokens.Load()
	for range 3 {
		_, err = source.Token(bg)
		require.ErrorIs(t, err, full)
	}
	store.save = nil
	token, err := source.Token(bg)
	require.NoError(t, err)
	require.Equal(t, before+1, a.tokens.Load(), "requests to the token endpoint")
	require.Same(t, token, store.token)
	welcome(t, newSession(t), a, source.Auth())
}

// TestStoreOfAnotherLogin holds that a login does not return the token of an older
// one.
func TestStoreOfAnotherLogin(t *testing.T) {
	a := newAuthority(t, time.Hour)
	c := a.client()
	c.Store = &memory{token: &oauth2.Token{AccessToken: "older"}}
	verifier := oauth2.GenerateVerifier()
	target, err := c.AuthCodeURL("state", verifier)
	require.NoError(t, err)
	source, err := c.Exchange(bg, consent(t, target, false).Get("code"), verifier)
	require.NoError(t, err)
	welcome(t, newSession(t), a, source.Auth())
}

// TestStoreThatIsSlow holds that a call that ends does not wait for a store that
// another call has asked.
func TestStoreThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &oauth2.Client{Store: &memory{load: func(context.Context) error { time.Sleep(time.Hour); return nil }, token: &oauth2.Token{AccessToken: "kept"}}}
		source := c.Resume(nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := source.Token(bg); err != nil || got.AccessToken != "kept" {
				t.Errorf("Token = %v, %v; want the token of the store", got, err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		begin := time.Now()
		_, err := source.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(begin))
		wg.Wait()
	})
}

type tokenSource func() (*oauth2.Token, error)

func (f tokenSource) Token() (*oauth2.Token, error) { return f() }

// TestTokenSourceThatIsSlow holds that a call that ends does not wait for a source
// without a context, and that only one call at a time asks the source.
func TestTokenSourceThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		source := oauth2.FromTokenSource(tokenSource(func() (*oauth2.Token, error) {
			asked.Add(1)
			time.Sleep(time.Hour)
			return &oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(2 * time.Hour)}, nil
		}))
		for range 3 {
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			begin := time.Now()
			_, err := source.Token(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Minute, time.Since(begin))
			cancel()
		}
		require.EqualValues(t, 1, asked.Load())
		time.Sleep(10 * time.Hour) // what came meanwhile has expired
		got, err := source.Token(bg)
		require.NoError(t, err)
		require.Equal(t, "token", got.AccessToken)
		require.EqualValues(t, 2, asked.Load())
	})
}

// TestTokenSourceThatPanics gives the caller the panic, and the turn to the next one.
func TestTokenSourceThatPanics(t *testing.T) {
	broken := true
	s := oauth2.FromTokenSource(tokenSource(func() (*oauth2.Token, error) {
		if broken {
			panic("mine")
		}
		return &oauth2.Token{AccessToken: "token"}, nil
	}))
	require.PanicsWithValue(t, "mine", func() { s.Token(bg) })
	broken = false
	got, err := s.Token(bg)
	require.NoError(t, err)
	require.Equal(t, "token", got.AccessToken)
}

// TestWhoseErrorItIs holds that an error says who gave no token, and quotes no
// source.
func TestWhoseErrorItIs(t *testing.T) {
	fault := errors.New("no SECRET here")
	_, err := oauth2.FromTokenSource(tokenSource(func() (*oauth2.Token, error) { return nil, fault })).Token(bg)
	require.ErrorIs(t, err, requests.ErrAuthentication)
	require.ErrorIs(t, err, fault)
	require.NotContains(t, err.Error(), "SECRET")
	require.NotContains(t, err.Error(), "authorization server")

	a := newAuthority(t, time.Hour)
	fault = errors.New("the vault is sealed")
	_, err = a.client().TokenExchange(func(context.Context) (string, error) { return "", fault }, "").Token(bg)
	require.ErrorIs(t, err, requests.ErrAuthentication)
	require.ErrorIs(t, err, fault)
	require.ErrorContains(t, err, fault.Error())

	_, err = new(oauth2.Client).ClientCredentials().Token(bg)
	require.ErrorIs(t, err, requests.ErrInvalidOption, "a client without anything")
}

// TestTokenEndpointThatMoved holds that the secret in a body stays with its server.
func TestTokenEndpointThatMoved(t *testing.T) {
	var seen url.Values
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		seen = r.PostForm
	}))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	c := &oauth2.Client{ID: "id", Secret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: srv.URL, AuthStyle: xoauth2.AuthStyleInParams}}
	_, err := c.ClientCredentials().Token(bg)
	require.ErrorIs(t, err, requests.ErrAuthentication)
	require.Nil(t, seen)
}

// TestTokenEndpointThatRedirects follows redirects within the server, up to a
// limit.
func TestTokenEndpointThatRedirects(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/token", http.RedirectHandler("/moved", http.StatusTemporaryRedirect))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusTemporaryRedirect))
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]any{"access_token": r.FormValue("client_id"), "token_type": "Bearer"})
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	c := &oauth2.Client{ID: "id", Secret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: srv.URL + "/token", AuthStyle: xoauth2.AuthStyleInParams}}
	token, err := c.ClientCredentials().Token(bg)
	require.NoError(t, err)
	require.Equal(t, "id", token.AccessToken)
	c.Endpoint.TokenURL = srv.URL + "/loop"
	_, err = c.ClientCredentials().Token(bg)
	require.ErrorIs(t, err, requests.ErrAuthentication)
	require.NotContains(t, err.Error(), "SECRET")
}

// TestTokenEndpointThatIsSilent ends although the program sets no limit.
func TestTokenEndpointThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		s.Mount("https://", requests.RoundTripper(silent{}))
		c := &oauth2.Client{ID: "id", Session: s, Endpoint: oauth2.Endpoint{TokenURL: "https://example.com/token"}}
		_, err := c.ClientCredentials().Token(bg)
		require.ErrorIs(t, err, requests.ErrReadTimeout)
	})
}

type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
