package oauth2

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	xoauth2 "golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/go-requests/requests"
)

// Types of golang.org/x/oauth2 under the same names, so that programs need not import
// both packages.
type (
	// A Token is an access token and what came with it.
	Token = xoauth2.Token
	// An Endpoint holds the URLs of an authorization server: AuthURL, where the
	// user gives consent; TokenURL, which issues tokens; and DeviceAuthURL, where
	// the device flow begins. AuthStyle says how the client authenticates there;
	// zero finds out by trying. [Discover] returns the Endpoint that a server
	// publishes, and golang.org/x/oauth2/endpoints has those of many services.
	Endpoint = xoauth2.Endpoint
)

// A Client is a program that is registered with an authorization server. Its fields
// must not change once it is in use; from then on it is safe for concurrent use.
type Client struct {
	ID     string
	Secret string // empty for a public client, such as a program on a desktop

	Endpoint Endpoint
	Scopes   []string
	// RedirectURL is where the server sends the user after consent. [Client.Login]
	// sets its own.
	RedirectURL string
	// Params are sent to the token endpoint in addition to those of the grant, such
	// as "audience" or "resource" (RFC 8707).
	Params url.Values

	// Session sends the requests to the authorization server. Its proxies, TLS
	// settings, timeouts, retries and mounts apply. Its headers, cookies, params,
	// hooks and Auth do not: they are for another server. Nil stands for a plain
	// session.
	Session *requests.Session
	// Origins are the only ones that get the token, such as
	// "https://api.example.com". If empty, the rule of [requests.Auth] applies: it
	// goes to any origin that the caller names.
	Origins []string
	// Store keeps the token between runs. Nil keeps it in memory.
	Store Store
}

// String names the client without its secret.
func (c *Client) String() string { return "OAuth 2 client " + c.ID }

// Format keeps every verb from printing the secret.
func (c *Client) Format(s fmt.State, _ rune) { io.WriteString(s, c.String()) }

// ClientCredentials returns a Source of tokens for the program itself (RFC 6749,
// section 4.4).
func (c *Client) ClientCredentials() *Source {
	return newSource(c, c.carried(func(ctx context.Context, _ *Token) (*Token, error) {
		if err := c.identified(); err != nil {
			return nil, err
		}
		return c.credentials(nil).Token(ctx)
	}))
}

// Exchange trades the code of an authorization response for a token (RFC 6749,
// section 4.1.3). verifier is the one given to [Client.AuthCodeURL].
func (c *Client) Exchange(ctx context.Context, code, verifier string) (*Source, error) {
	switch {
	case code == "":
		return nil, invalid("code is empty: it comes with the authorization response")
	case hasControl(code):
		return nil, invalid("code has a control character")
	case verifier != "" && !isVerifier(verifier):
		return nil, invalid(notVerifier)
	}
	return c.first(ctx, func(ctx context.Context) (*Token, error) {
		opts := c.params()
		if verifier != "" {
			opts = append(opts, xoauth2.VerifierOption(verifier))
		}
		return c.config().Exchange(ctx, code, opts...)
	})
}

// AuthCodeURL returns the URL to send the user to for consent (RFC 6749, section
// 4.1.1). state comes back with the user, and must be a value that only this user's
// browser has. verifier, from [GenerateVerifier], proves to the server that
// Exchange is called by the same program (PKCE, RFC 7636). Both are required.
func (c *Client) AuthCodeURL(state, verifier string) (string, error) {
	if state == "" || verifier == "" {
		return "", invalid("AuthCodeURL needs a state and a verifier, or others can put their own login in place of the user's (RFC 9700, section 4.7)")
	}
	switch {
	case hasControl(state):
		return "", invalid("state has a control character")
	case !isVerifier(verifier):
		return "", invalid(notVerifier)
	}
	if err := checkURL("Endpoint.AuthURL", c.Endpoint.AuthURL); err != nil {
		return "", err
	}
	if err := c.check(); err != nil {
		return "", err
	}
	if err := c.identified(); err != nil {
		return "", err
	}
	return c.config().AuthCodeURL(state, xoauth2.S256ChallengeOption(verifier)), nil
}

// isVerifier reports whether v is a code_verifier of RFC 7636, section 4.1.
func isVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && !strings.ContainsFunc(v, func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

const notVerifier = "verifier has to be 43 to 128 letters, digits and -._~, as GenerateVerifier makes it"

// GenerateVerifier makes a verifier for [Client.AuthCodeURL] and [Client.Exchange].
func GenerateVerifier() string { return xoauth2.GenerateVerifier() }

// Resume continues with the token of an earlier run. It is refreshed when it has
// expired (RFC 6749, section 6). A nil token stands for the one in the Store.
func (c *Client) Resume(t *Token) *Source {
	s := newSource(c, c.carried(c.refresh))
	s.token = t
	return s
}

// Device logs in on a device without a browser (RFC 8628). show tells the user
// which URL to open and which code to enter; it must return at once. Device returns
// when the user has agreed or refused, or when ctx ends.
func (c *Client) Device(ctx context.Context, show func(verificationURL, userCode string)) (*Source, error) {
	if show == nil {
		return nil, invalid("Device(nil): nobody would see the code")
	}
	if err := checkURL("Endpoint.DeviceAuthURL", c.Endpoint.DeviceAuthURL); err != nil {
		return nil, err
	}
	return c.first(ctx, func(ctx context.Context) (*Token, error) {
		answer, err := c.config().DeviceAuth(ctx, c.params()...)
		if err != nil {
			return nil, err
		}
		show(answer.VerificationURI, answer.UserCode)
		return c.config().DeviceAccessToken(ctx, answer, c.params()...)
	})
}

// TokenExchange trades a token of somebody else for one that this client may use
// (RFC 8693). subject is called for each exchange and returns that token. tokenType
// is its type; if empty, "urn:ietf:params:oauth:token-type:access_token".
func (c *Client) TokenExchange(subject func(context.Context) (string, error), tokenType string) *Source {
	if tokenType == "" {
		tokenType = "urn:ietf:params:oauth:token-type:access_token"
	}
	return newSource(c, c.carried(func(ctx context.Context, _ *Token) (*Token, error) {
		if subject == nil {
			return nil, invalid("TokenExchange(nil): there is no token to exchange")
		}
		if u, err := url.Parse(tokenType); err != nil || u.Scheme == "" { // RFC 8693, section 3
			return nil, invalid("tokenType has to be a URI, such as urn:ietf:params:oauth:token-type:access_token")
		}
		token, err := subject(ctx)
		if err != nil {
			return nil, refused("there is no token to exchange", err)
		}
		if token == "" {
			return nil, refused("the token to exchange is empty", nil)
		}
		return c.credentials(url.Values{
			"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token":      {token},
			"subject_token_type": {tokenType},
		}).Token(ctx)
	}))
}

// refresh gets a new token for an old one.
func (c *Client) refresh(ctx context.Context, old *Token) (*Token, error) {
	if old == nil {
		return nil, refused("there is no token yet: log in first", nil)
	}
	if old.RefreshToken == "" {
		return nil, refused("the token has expired and there is no refresh token: log in again", nil)
	}
	if err := c.identified(); err != nil {
		return nil, err
	}
	expired := *old
	expired.AccessToken = "" // or x/oauth2 would return it again
	return c.config().TokenSource(ctx, &expired).Token()
}

func (c *Client) config() *xoauth2.Config {
	return &xoauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, Endpoint: c.Endpoint, RedirectURL: c.RedirectURL, Scopes: c.Scopes}
}

func (c *Client) credentials(params url.Values) *clientcredentials.Config {
	all := make(url.Values)
	for _, from := range []url.Values{c.Params, params} {
		for name, values := range from {
			all[name] = values
		}
	}
	return &clientcredentials.Config{
		ClientID: c.ID, ClientSecret: c.Secret, TokenURL: c.Endpoint.TokenURL, Scopes: c.Scopes, EndpointParams: all, AuthStyle: c.Endpoint.AuthStyle,
	}
}

func (c *Client) params() []xoauth2.AuthCodeOption {
	var opts []xoauth2.AuthCodeOption
	for name, values := range c.Params {
		for _, v := range values {
			opts = append(opts, xoauth2.SetAuthURLParam(name, v))
		}
	}
	return opts
}

// first makes a Source that begins with a login, and is refreshed from then on.
func (c *Client) first(ctx context.Context, login func(context.Context) (*Token, error)) (*Source, error) {
	s := newSource(c, c.carried(func(ctx context.Context, _ *Token) (*Token, error) {
		if err := c.identified(); err != nil {
			return nil, err
		}
		return login(ctx)
	}))
	s.loaded = true // the Store may have the token of another login
	if _, err := s.renew(ctx, nil); err != nil {
		return nil, err
	}
	s.fetch = c.carried(c.refresh)
	return s, nil
}

// carried makes fetch use the session of c, by its context.
func (c *Client) carried(fetch fetcher) fetcher {
	return func(ctx context.Context, old *Token) (*Token, error) {
		if err := checkURL("Endpoint.TokenURL", c.Endpoint.TokenURL); err != nil {
			return nil, err
		}
		if err := c.check(); err != nil {
			return nil, err
		}
		s, done := bare(c.Session)
		defer done()
		client := s.Client()
		client.CheckRedirect = withinOrigin
		return fetch(context.WithValue(ctx, xoauth2.HTTPClient, client), old)
	}
}

// withinOrigin keeps a redirect from sending the secrets in a body to another
// server.
func withinOrigin(next *http.Request, via []*http.Request) error {
	switch {
	case origin(next.URL) != origin(via[0].URL):
		return refused("the token endpoint redirects to another server", nil)
	case len(via) == 10: // the limit of net/http without a CheckRedirect
		return refused("the token endpoint redirects for ever", nil)
	}
	return nil
}

// silence is how long an authorization server may take to answer, as in the calls
// of a session. The http.Client of a session has no such limit.
const silence = 30 * time.Second

// bare derives a session that has the connections of s and nothing else: what s
// sends to its own server is not for another one.
func bare(s *requests.Session) (*requests.Session, func()) {
	if s == nil {
		s = requests.NewSession(requests.Timeout{Read: silence})
		return s, func() { s.Close() }
	}
	d := s.With(requests.NoAuth(), requests.RaiseForStatus(false), requests.Stream(false))
	d.BaseURL, d.Headers, d.Params, d.Cookies, d.NoCookies = "", nil, nil, nil, true
	if d.Timeout.Read == 0 {
		d.Timeout.Read = silence
	}
	d.Hooks = requests.Hooks{Request: []requests.OnRequest{withoutCookies}}
	return d, func() {}
}

// withoutCookies removes the cookies that a session has besides its jar.
func withoutCookies(_ context.Context, p *requests.PreparedRequest) error {
	p.Header.Del("Cookie")
	return nil
}

// identified refuses a client without an ID. Token exchange alone may do without
// (RFC 8693, section 2.1).
func (c *Client) identified() error {
	if c.ID == "" {
		return invalid("Client.ID is empty")
	}
	return nil
}

// check refuses fields that no server accepts.
func (c *Client) check() error {
	switch {
	case hasControl(c.ID):
		return invalid("Client.ID has a control character")
	case hasControl(c.Secret):
		return invalid("Client.Secret has a control character, such as the end of its line in a file")
	}
	if u, err := url.Parse(c.RedirectURL); c.RedirectURL != "" && (err != nil || u.Scheme == "" || u.Fragment != "") { // RFC 6749, section 3.1.2
		return invalid("Client.RedirectURL has to be an absolute URL without a fragment")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) { // section 3.3
			return invalid("Client.Scopes has one that no server knows: it is empty, or has other characters than a scope")
		}
	}
	return nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// checkURL refuses URLs by which tokens and secrets would leave the machine in the
// clear.
func checkURL(name, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return invalid(name + " is not a URL")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return invalid(name + " has to be an https URL (RFC 6749, section 3.2)")
}

func loopback(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
}
