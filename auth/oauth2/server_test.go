package oauth2_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xserver "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/auth/oauth2"
)

const clientID, clientSecret = "client", "CLIENT-SECRET"

// An authority is an authorization server and a resource server in one.
type authority struct {
	*httptest.Server
	mux     *http.ServeMux
	manager *manage.Manager

	tokens  atomic.Int32 // requests to the token endpoint
	served  atomic.Int32 // requests to the resource that were let in
	seen    sync.Map     // fields of requests to the token endpoint, by name
	agreed  atomic.Bool  // the user of the device has
	holdFor atomic.Int64 // how long the token endpoint takes
}

func newAuthority(t testing.TB, life time.Duration) *authority {
	m := manage.NewDefaultManager()
	m.SetClientTokenCfg(&manage.Config{AccessTokenExp: life})
	m.SetAuthorizeCodeTokenCfg(&manage.Config{AccessTokenExp: life, RefreshTokenExp: time.Hour, IsGenerateRefresh: true})
	m.SetRefreshTokenCfg(&manage.RefreshingConfig{IsGenerateRefresh: true, AccessTokenExp: life, RefreshTokenExp: time.Hour, IsRemoveAccess: true, IsRemoveRefreshing: true})
	m.MustTokenStorage(store.NewMemoryTokenStore())
	clients := store.NewClientStore()
	require.NoError(t, clients.Set(clientID, &models.Client{ID: clientID, Secret: clientSecret, Domain: "http://127.0.0.1"}))
	m.MapClientStorage(clients)
	m.SetValidateURIHandler(func(base, redirect string) error { // a loopback redirect has any port (RFC 8252, section 7.3)
		if u, err := url.Parse(redirect); err != nil || "http://"+u.Hostname() != base {
			return errors.ErrInvalidRedirectURI
		}
		return nil
	})

	a := &authority{mux: http.NewServeMux(), manager: m}
	srv := server.NewDefaultServer(m)
	srv.SetClientInfoHandler(func(r *http.Request) (string, string, error) {
		if id, secret, ok := r.BasicAuth(); ok {
			return id, secret, nil
		}
		return server.ClientFormHandler(r)
	})
	srv.SetAllowedGrantType(xserver.AuthorizationCode, xserver.ClientCredentials, xserver.Refreshing)
	srv.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "jane", nil })
	srv.SetInternalErrorHandler(func(err error) *errors.Response {
		return errors.NewResponse(errors.ErrInvalidGrant, http.StatusBadRequest)
	})
	a.mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		if err := srv.HandleAuthorizeRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	a.mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		a.tokens.Add(1)
		for name := range r.Header {
			a.seen.Store(name, r.Header.Get(name))
		}
		r.ParseForm() // net/http notices the end of a client only after the body was read
		select {
		case <-time.After(time.Duration(a.holdFor.Load())):
		case <-r.Context().Done():
		}
		switch r.FormValue("grant_type") {
		case "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange":
			a.extension(w, r)
			return
		}
		srv.HandleTokenRequest(w, r)
	})
	a.mux.HandleFunc("/device", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]any{"device_code": "DEVICE-SECRET", "user_code": "AB-CD", "verification_uri": "https://example.com/device", "expires_in": 60, "interval": 1})
	})
	a.mux.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := m.LoadAccessToken(r.Context(), token); err != nil && !strings.HasPrefix(token, "extension") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="api", error="invalid_token", error_description="expired"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.served.Add(1)
		io.Copy(w, r.Body)
		io.WriteString(w, "welcome")
	})
	a.Server = httptest.NewServer(a.mux)
	t.Cleanup(a.Close)
	a.mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"issuer": a.URL, "authorization_endpoint": a.URL + "/authorize", "token_endpoint": a.URL + "/token", "device_authorization_endpoint": a.URL + "/device"})
	})
	return a
}

// extension answers the grants that the server below does not implement.
func (a *authority) extension(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") == "urn:ietf:params:oauth:grant-type:device_code" && !a.agreed.Swap(true) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "authorization_pending"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": "extension-" + r.FormValue("subject_token") + r.FormValue("device_code"), "token_type": "Bearer", "expires_in": 60})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (a *authority) client() *oauth2.Client {
	return &oauth2.Client{ID: clientID, Secret: clientSecret, RedirectURL: "http://127.0.0.1/cb", Endpoint: oauth2.Endpoint{
		AuthURL: a.URL + "/authorize", TokenURL: a.URL + "/token", DeviceAuthURL: a.URL + "/device",
	}}
}

// consent does what a browser does with the URL of the authorization endpoint.
func consent(t testing.TB, target string, follow bool) url.Values {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	r, err := c.Get(target)
	require.NoError(t, err)
	r.Body.Close()
	location, err := r.Location()
	require.NoError(t, err)
	if follow {
		r, err := c.Get(location.String())
		require.NoError(t, err)
		r.Body.Close()
	}
	return location.Query()
}
