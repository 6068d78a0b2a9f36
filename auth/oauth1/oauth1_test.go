package oauth1_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

const consumerSecret, accessSecret = "CONSUMER-SECRET", "ACCESS-SECRET"

// A provider is an OAuth 1.0 server with its own code to verify signatures.
type provider struct {
	*httptest.Server
	mux *http.ServeMux

	mu     sync.Mutex
	nonces map[string]bool
}

func newProvider(t testing.TB) *provider {
	p := &provider{mux: http.NewServeMux(), nonces: make(map[string]bool)}
	p.Server = httptest.NewServer(p.mux)
	t.Cleanup(p.Close)
	leg := func(path, secret, answer string, needs ...string) {
		p.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			params, err := p.verify(r, secret)
			for _, name := range needs {
				if err == nil && params.Get(name) == "" {
					err = fmt.Errorf("no %s", name)
				}
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			io.WriteString(w, answer)
		})
	}
	leg("/initiate", "", "oauth_token=temp&oauth_token_secret=TEMP-SECRET&oauth_callback_confirmed=true", "oauth_callback")
	leg("/token", "TEMP-SECRET", "oauth_token=access&oauth_token_secret="+accessSecret+"&screen_name=jane%20d", "oauth_verifier")
	leg("/resource", accessSecret, "for you alone", "oauth_token")
	p.mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/resource?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	})
	return p
}

// verify computes the signature of a request and returns all parameters.
func (p *provider) verify(r *http.Request, tokenSecret string) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	isForm := r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
	if isForm {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		for name, values := range form {
			params[name] = append(params[name], values...)
		}
	}
	if field, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth "); ok {
		for part := range strings.SplitSeq(field, ", ") {
			name, value, _ := strings.Cut(part, "=")
			if name != "realm" {
				value, err = url.PathUnescape(strings.Trim(value, `"`))
				params.Add(name, value)
			}
		}
	}
	method := params.Get("oauth_signature_method")
	newHash := map[string]func() hash.Hash{"HMAC-SHA1": sha1.New, "HMAC-SHA256": sha256.New}[method]
	if newHash == nil {
		return nil, fmt.Errorf("the method %q", method)
	}
	if sum := params.Get("oauth_body_hash"); (sum != "") != (len(body) > 0 && !isForm) {
		return nil, fmt.Errorf("oauth_body_hash=%q with a body of %d bytes", sum, len(body))
	} else if sum != "" {
		h := newHash()
		h.Write(body)
		if sum != base64.StdEncoding.EncodeToString(h.Sum(nil)) {
			return nil, errors.New("the body has another hash")
		}
	}
	if !p.fresh(params.Get("oauth_timestamp") + params.Get("oauth_nonce")) {
		return nil, errors.New("a nonce was used before")
	}
	var pairs []string
	for name, values := range params {
		for _, v := range values {
			if name != "oauth_signature" {
				pairs = append(pairs, encode(name)+"="+encode(v))
			}
		}
	}
	slices.Sort(pairs)
	base := r.Method + "&" + encode("http://"+r.Host+r.URL.EscapedPath()) + "&" + encode(strings.Join(pairs, "&"))
	mac := hmac.New(newHash, []byte(encode(consumerSecret)+"&"+encode(tokenSecret)))
	io.WriteString(mac, base)
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); params.Get("oauth_signature") != want {
		return nil, fmt.Errorf("the signature is wrong; base string %q", base)
	}
	return params, err
}

func (p *provider) fresh(nonce string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	used := p.nonces[nonce]
	p.nonces[nonce] = true
	return !used
}

func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func newClient() *oauth1.Client { return &oauth1.Client{Key: "key", Secret: consumerSecret} }

var access = oauth1.Token{Value: "access", Secret: accessSecret}

func newSession(t testing.TB, opts ...requests.Option) *requests.Session {
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestThreeLegs(t *testing.T) {
	p, s, c := newProvider(t), newSession(t), newClient()
	temporary, err := c.RequestToken(bg, s, p.URL+"/initiate", "http://127.0.0.1/ready?x=a b")
	require.NoError(t, err)
	where, err := c.AuthorizeURL(p.URL+"/authorize?lang=en", temporary)
	require.NoError(t, err)
	require.Equal(t, p.URL+"/authorize?lang=en&oauth_token=temp", where)
	token, err := c.AccessToken(bg, s, p.URL+"/token", temporary, "verifier")
	require.NoError(t, err)
	require.Equal(t, "jane d", token.Params["screen_name"])
	r, err := s.Get(bg, p.URL+"/resource", c.Auth(token))
	require.NoError(t, err)
	require.Equal(t, "for you alone", r.Text())
}

// TestSigned sends requests of every kind, with the parameters in every place.
func TestSigned(t *testing.T) {
	p := newProvider(t)
	for _, placement := range []oauth1.Placement{"", oauth1.InHeader, oauth1.InQuery, oauth1.InBody} {
		for _, method := range []oauth1.SignatureMethod{"", oauth1.HMACSHA1, oauth1.HMACSHA256} {
			for name, opts := range map[string][]requests.Option{
				"query":           {requests.Params{"a": "x y+z", "b": []string{"2", "1"}, "é": "%&="}},
				"form":            {requests.Form{"a": "x y+z", "c": "☃"}},
				"form and query":  {requests.Params{"a": "1"}, requests.Form{"a": "0"}},
				"JSON":            {requests.JSON(map[string]int{"a": 1})},
				"nothing":         nil,
				"file":            {requests.Reader(strings.NewReader("seekable"))},
				"empty form":      {requests.Form{"a": ""}},
				"a query by hand": {requests.RawQuery("x=1&y=a%20b&&z")},
			} {
				_, isForm := map[string]bool{"form": true, "form and query": true, "empty form": true}[name]
				if placement == oauth1.InBody && !isForm {
					continue
				}
				t.Run(fmt.Sprint(placement, "/", method, "/", name), func(t *testing.T) {
					c := newClient()
					c.Placement, c.Signature, c.Realm = placement, method, `a "realm"`
					if name == "file" {
						opts = []requests.Option{requests.Reader(strings.NewReader("seekable"))}
					}
					for _, path := range []string{"/resource", "/moved"} {
						r, err := newSession(t).Post(bg, p.URL+path, append(opts, c.Auth(access))...)
						require.NoError(t, err)
						require.Equal(t, "for you alone", r.Text())
					}
				})
			}
		}
	}
}

// TestFormOfAnSDK signs a form from an http.Client, which is a stream, as long as
// it can be read again.
func TestFormOfAnSDK(t *testing.T) {
	p := newProvider(t)
	s := newSession(t)
	s.Auth = newClient().Auth(access)
	res, err := s.Client().PostForm(p.URL+"/resource", url.Values{"a": {"x y"}, "b": {"1", "2"}})
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "for you alone", string(body))

	form := requests.Headers{"Content-Type": "application/x-www-form-urlencoded"}
	_, err = s.Post(bg, p.URL+"/resource", form, requests.Reader(io.MultiReader(strings.NewReader("a=b"))))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = s.Post(bg, p.URL+"/resource", form, requests.Reader(strings.NewReader(strings.Repeat("a=b&", 3<<20))))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

func TestPlaintext(t *testing.T) {
	var got string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer srv.Close()
	c := newClient()
	c.Signature = oauth1.Plaintext
	_, err := newSession(t).Get(bg, srv.URL, c.Auth(access), requests.TLS{SkipVerify: true})
	require.NoError(t, err)
	require.Contains(t, got, `oauth_signature="CONSUMER-SECRET%26ACCESS-SECRET"`)
	_, err = newSession(t).Get(bg, "http://127.0.0.1:1/", c.Auth(access))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

// TestBodyAtAnotherOrigin holds that the parameters in a body, which are the
// secrets themselves for PLAINTEXT, stay within their origin.
func TestBodyAtAnotherOrigin(t *testing.T) {
	var got string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = r.Header.Get("Content-Type") + " " + string(b)
	}))
	defer other.Close()
	mux := http.NewServeMux()
	mux.Handle("/", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	mux.Handle("/near", http.RedirectHandler("/", http.StatusTemporaryRedirect))
	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	c := newClient()
	c.Placement, c.Signature = oauth1.InBody, oauth1.Plaintext
	for _, path := range []string{"/", "/near"} {
		_, err := newSession(t).Post(bg, srv.URL+path, requests.Form{"a": 1}, c.Auth(access), requests.TLS{SkipVerify: true})
		require.NoError(t, err)
		require.Equal(t, "application/x-www-form-urlencoded a=1", got, path)
	}
}

// TestBodyThatARedirectDrops sends a POST that is redirected as a GET.
func TestBodyThatARedirectDrops(t *testing.T) {
	p := newProvider(t)
	p.mux.Handle("/posted", http.RedirectHandler("/resource", http.StatusSeeOther))
	c := newClient()
	c.Placement = oauth1.InBody
	r, err := newSession(t).Post(bg, p.URL+"/posted", requests.Form{"a": 1}, c.Auth(access))
	require.NoError(t, err)
	require.Equal(t, "for you alone", r.Text())
}

// TestAnotherOriginGetsNothing looks at a redirect, the errors and the log.
func TestAnotherOriginGetsNothing(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer srv.Close()
	var log strings.Builder
	s := newSession(t)
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Dump = requests.Dump{To: &log}
	c := newClient()
	_, err := s.Get(bg, srv.URL, c.Auth(access))
	require.NoError(t, err)
	require.NotNil(t, seen)
	require.Empty(t, seen["Authorization"])
	request, err := s.Prepare(bg, requests.NewRequest("GET", srv.URL, c.Auth(access)))
	require.NoError(t, err)
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s", c, c, c, c.Auth(access)), fmt.Sprintf("%v %+v %#v", access, access, access), request.Curl()} {
		require.NotContains(t, text, "SECRET")
		require.NotContains(t, text, "oauth_signature=")
	}
}

// TestDump looks at the messages of the legs, which contain all secrets.
func TestDump(t *testing.T) {
	p, c := newProvider(t), newClient()
	var dump strings.Builder
	s := newSession(t, requests.Dump{To: &dump})
	temporary, err := c.RequestToken(bg, s, p.URL+"/initiate", "http://127.0.0.1/ready")
	require.NoError(t, err)
	token, err := c.AccessToken(bg, s, p.URL+"/token", temporary, "verifier")
	require.NoError(t, err)
	_, err = s.Get(bg, p.URL+"/resource", c.Auth(token))
	require.NoError(t, err)
	require.Contains(t, dump.String(), "/resource")
	require.NotContains(t, dump.String(), "SECRET")
	require.NotContains(t, dump.String(), "oauth_signature=")
}

func TestInvalid(t *testing.T) {
	s := newSession(t)
	get := func(c *oauth1.Client, token oauth1.Token) func() error {
		return func() error { _, err := s.Get(bg, "http://127.0.0.1:1/", c.Auth(token)); return err }
	}
	first := func(callback string) func() error {
		return func() error {
			_, err := newClient().RequestToken(bg, s, "http://127.0.0.1:1/", callback)
			return err
		}
	}
	last := func(token oauth1.Token, verifier string) func() error {
		return func() error {
			_, err := newClient().AccessToken(bg, s, "http://127.0.0.1:1/", token, verifier)
			return err
		}
	}
	for _, tt := range []struct {
		name  string
		names string // of the argument
		call  func() error
	}{
		{"no client", "Client", get(nil, access)},
		{"no key", "Client.Key", get(&oauth1.Client{}, access)},
		{"a key's line", "Client.Key", get(&oauth1.Client{Key: "k\n"}, access)},
		{"a secret's line", "Client.Secret", get(&oauth1.Client{Key: "k", Secret: consumerSecret + "\n"}, access)},
		{"a realm of two lines", "Client.Realm", get(&oauth1.Client{Key: "k", Realm: "a\r\nX-Evil: 1"}, access)},
		{"a token's line", "Token.Value", get(newClient(), oauth1.Token{Value: "access\n", Secret: accessSecret})},
		{"a token secret's line", "Token.Secret", get(newClient(), oauth1.Token{Value: "access", Secret: accessSecret + "\n"})},
		{"a secret without a token", "Token.Value", get(newClient(), oauth1.Token{Secret: accessSecret})},
		{"unknown placement", "Client.Placement", get(&oauth1.Client{Key: "k", Placement: "cookie"}, access)},
		{"unknown method", "Client.Signature", get(&oauth1.Client{Key: "k", Signature: "HMAC-MD5"}, access)},
		{"no private key", "Client.PrivateKey", get(&oauth1.Client{Key: "k", Signature: oauth1.RSASHA1}, access)},
		{"in a body that is no form", "body", func() error {
			_, err := s.Post(bg, "http://127.0.0.1:1/", requests.JSON(1), (&oauth1.Client{Key: "k", Placement: oauth1.InBody}).Auth(access))
			return err
		}},
		{"a query that escapes nothing", "parameter", func() error {
			_, err := s.Get(bg, "http://127.0.0.1:1/", requests.Headers{"Content-Type": "application/x-www-form-urlencoded"}, requests.Text("SECRET=%zz"), newClient().Auth(access))
			return err
		}},
		{"no callback", "callback", first("")},
		{"a callback without a scheme", "callback", first("/ready")},
		{"a callback of two lines", "callback", first("http://127.0.0.1/\n")},
		{"no verifier", "verifier", last(access, "")},
		{"a verifier's line", "verifier", last(access, "v\n")},
		{"no temporary credentials", "Token.Value", last(oauth1.Token{}, "v")},
		{"nobody to authorize", "Token.Value", func() error { _, err := newClient().AuthorizeURL("https://example.com/", oauth1.Token{}); return err }},
	} {
		err := tt.call()
		require.ErrorIs(t, err, requests.ErrInvalidOption, tt.name)
		require.NotErrorIs(t, err, requests.ErrConnection, tt.name)
		require.ErrorContains(t, err, tt.names, tt.name)
		require.NotContains(t, err.Error(), "SECRET", tt.name)
	}
	for _, base := range []string{"", "/authorize", "javascript://x/%0aalert(1)"} {
		_, err := newClient().AuthorizeURL(base, access)
		require.ErrorIs(t, err, requests.ErrInvalidURL)
		require.ErrorContains(t, err, "base")
	}
	_, err := newClient().RequestToken(bg, s, "nowhere", "oob")
	require.ErrorIs(t, err, requests.ErrMissingScheme)
	require.NotErrorIs(t, err, requests.ErrAuthentication)
}

// TestServerThatIsAway tells a server that cannot be asked from one that refuses,
// and a busy one by its status.
func TestServerThatIsAway(t *testing.T) {
	status := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	legs := map[string]func(*requests.Session) error{
		"RequestToken": func(s *requests.Session) error { _, err := newClient().RequestToken(bg, s, srv.URL, "oob"); return err },
		"AccessToken": func(s *requests.Session) error {
			_, err := newClient().AccessToken(bg, s, srv.URL, access, "v")
			return err
		},
	}
	again := requests.Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"*"}}
	for name, leg := range legs {
		for _, status = range []int{401, 429, 502, 503} {
			for _, s := range []*requests.Session{newSession(t), newSession(t, again)} {
				err := leg(s)
				require.ErrorIs(t, err, requests.ErrAuthentication, name)
				require.NotErrorIs(t, err, requests.ErrConnection, name)
				answer, ok := errors.AsType[*requests.HTTPError](err)
				require.True(t, ok, "%s: %v", name, err)
				require.Equal(t, status, answer.Response.StatusCode)
				require.Equal(t, status == 401, strings.Contains(err.Error(), "check key"), err)
			}
		}
	}
	srv.Close()
	for name, leg := range legs {
		err := leg(newSession(t))
		require.ErrorIs(t, err, requests.ErrAuthentication, name)
		require.ErrorIs(t, err, requests.ErrConnection, name)
		require.NotContains(t, err.Error(), "SECRET", name)
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	_, err := newClient().RequestToken(ctx, newSession(t), srv.URL, "oob")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, requests.ErrAuthentication)
}

// TestRefused has servers that give no token: the error has one kind, and nothing
// is tried again.
func TestRefused(t *testing.T) {
	calls := 0
	answer := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		if answer == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		io.WriteString(w, answer)
	}))
	defer srv.Close()
	s := newSession(t, requests.Retry{Total: 3})
	for _, answer = range []string{"", "nothing of use", "oauth_token=t&oauth_token_secret=SECRET"} {
		calls = 0
		_, err := newClient().RequestToken(bg, s, srv.URL, "oob")
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.NotContains(t, err.Error(), "SECRET")
		require.Equal(t, 1, calls)
	}
}

// TestManyGoroutines has goroutines share a client and a session. No two requests
// have the same nonce.
func TestManyGoroutines(t *testing.T) {
	p, s := newProvider(t), newSession(t)
	s.Auth = newClient().Auth(access)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			r, err := s.Post(bg, p.URL+"/resource", requests.Form{"n": i})
			if err != nil || r.StatusCode != http.StatusOK {
				t.Errorf("POST %d = %v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

func ExampleClient() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.HasPrefix(r.Header.Get("Authorization"), "OAuth oauth_consumer_key="))
	}))
	defer server.Close()

	client := &oauth1.Client{Key: "consumer key", Secret: "consumer secret"}
	s := requests.NewSession(client.Auth(oauth1.Token{Value: "token", Secret: "token secret"}))
	defer s.Close()
	r, err := s.Post(context.Background(), server.URL, requests.Form{"status": "Hello"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed:", r.Text())
	// Output: signed: true
}

// The three legs: a temporary token, the user's consent, and the access token.
func ExampleClient_RequestToken() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/request" {
			io.WriteString(w, "oauth_token=temporary&oauth_token_secret=s1&oauth_callback_confirmed=true")
			return
		}
		io.WriteString(w, "oauth_token=access&oauth_token_secret=s2&screen_name=jane")
	}))
	defer server.Close()

	ctx := context.Background()
	client := &oauth1.Client{Key: "consumer key", Secret: "consumer secret", Now: time.Now}
	temporary, err := client.RequestToken(ctx, nil, server.URL+"/request", "oob")
	if err != nil {
		fmt.Println(err)
		return
	}
	consent, err := client.AuthorizeURL("https://example.com/authorize", temporary)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("open", consent)
	token, err := client.AccessToken(ctx, nil, server.URL+"/access", temporary, "the code that the user has copied")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("welcome,", token.Params["screen_name"])
	// Output:
	// open https://example.com/authorize?oauth_token=temporary
	// welcome, jane
}
