package oauth2

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	xoauth2 "golang.org/x/oauth2"

	"github.com/go-requests/requests"
)

// early is how long before its expiry a token is renewed, so that it does not
// expire on its way.
const early = 10 * time.Second

// A Source returns tokens, and renews them when they have expired. It is safe for
// concurrent use: one goroutine renews, and the others wait.
type Source struct {
	client *Client
	fetch  fetcher

	turn    chan struct{} // held by the goroutine that renews; it guards the next two fields
	loaded  bool          // the Store was asked
	unsaved *Token        // the Store failed to save it

	mu    sync.Mutex
	token *Token
	round int // of renewing
	fault error
}

// A fetcher gets a token to replace an old one, which is nil at first.
type fetcher func(ctx context.Context, old *Token) (*Token, error)

// FromTokenSource makes a Source from a token source of golang.org/x/oauth2, such
// as that of a cloud library. ts may cache tokens; if a server refuses one, ts is
// asked again, once. ts knows no context, so a call that ends does not wait for it.
// Origins limits who gets the token, as [Client.Origins] does.
func FromTokenSource(ts xoauth2.TokenSource, origins ...string) *Source {
	return newSource(&Client{Origins: origins}, fromTokenSource(ts))
}

// fromTokenSource asks ts in a goroutine. A call that ends leaves the answer to the
// next one.
func fromTokenSource(ts xoauth2.TokenSource) fetcher {
	if ts == nil {
		return func(context.Context, *Token) (*Token, error) { return nil, invalid("FromTokenSource(nil)") }
	}
	type answer struct {
		token    *Token
		err      error
		panicked any
	}
	var asked chan answer // guarded by the turn of the Source
	return func(ctx context.Context, _ *Token) (*Token, error) {
		select {
		case <-asked: // the answer to a call that gave up, perhaps long ago
			asked = nil
		default:
		}
		if asked == nil {
			c := make(chan answer, 1)
			go func() {
				var a answer
				defer func() {
					a.panicked = recover() // which would end the program
					c <- a
				}()
				a.token, a.err = ts.Token()
			}()
			asked = c
		}
		select {
		case a := <-asked:
			asked = nil
			if a.panicked != nil {
				panic(a.panicked)
			}
			if a.err != nil {
				return nil, ofSource(a.err)
			}
			return a.token, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func newSource(c *Client, fetch fetcher) *Source {
	return &Source{client: c, fetch: fetch, turn: make(chan struct{}, 1)}
}

// Auth sends the token with requests (RFC 6750).
func (s *Source) Auth() requests.Auth { return requests.NewAuth(s) }

// String returns the name of the scheme.
func (s *Source) String() string { return "OAuth 2" }

// Format keeps every verb from printing the token.
func (s *Source) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// Token returns a token that has not expired.
func (s *Source) Token(ctx context.Context) (*Token, error) {
	t := s.current()
	if valid(t) {
		return t, nil
	}
	return s.renew(ctx, t)
}

func valid(t *Token) bool {
	return t != nil && t.AccessToken != "" && (t.Expiry.IsZero() || time.Until(t.Expiry) > early)
}

// current returns the token at hand, which may have expired, or nil.
func (s *Source) current() *Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// renew replaces old. If another goroutine is renewing, the caller waits for its
// result; if the context of that goroutine has ended, the next one takes over.
func (s *Source) renew(ctx context.Context, old *Token) (*Token, error) {
	round := s.rounds()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if t, err, over := s.outcome(round, old); over {
		return t, err
	}
	t, err := s.get(ctx, old)
	s.mu.Lock()
	if ctx.Err() == nil || err == nil { // otherwise the outcome does not concern the others
		s.round++
		s.fault = err
	}
	if err == nil {
		s.token = t
	}
	s.mu.Unlock()
	return t, err
}

func (s *Source) rounds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.round
}

// outcome reports whether old was replaced since round, or could not be.
func (s *Source) outcome(round int, old *Token) (*Token, error, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.round != round && s.fault != nil {
		return nil, s.fault, true
	}
	replaced := s.token != nil && (old == nil || s.token.AccessToken != old.AccessToken)
	if replaced && valid(s.token) {
		return s.token, nil, true
	}
	return nil, nil, false
}

// get returns a new token, or at first the one in the Store, and saves it. A token
// that the Store fails to save is kept for the next round: the server may have
// given it for a refresh token that cannot be used again.
func (s *Source) get(ctx context.Context, old *Token) (*Token, error) {
	store := s.client.Store
	if store != nil && old == nil && !s.loaded {
		t, err := store.Load(ctx)
		if err != nil {
			return nil, storeFailed(err)
		}
		if s.loaded = true; valid(t) {
			return t, nil
		}
		old = t
	}
	t := s.unsaved
	if !valid(t) {
		if t != nil {
			old = t
		}
		var err error
		if t, err = s.fresh(ctx, old); err != nil {
			return nil, err
		}
	}
	if store != nil {
		s.unsaved = t
		if err := store.Save(ctx, t); err != nil {
			return nil, storeFailed(err)
		}
		s.unsaved = nil
	}
	return t, nil
}

// fresh fetches a token.
func (s *Source) fresh(ctx context.Context, old *Token) (*Token, error) {
	t, err := s.fetch(ctx, old)
	if err != nil {
		if ended := context.Cause(ctx); ended != nil {
			return nil, ended
		}
		return nil, failed(err)
	}
	if t == nil || t.AccessToken == "" {
		return nil, refused("the authorization server gave no access token", nil)
	}
	if !t.Expiry.IsZero() && time.Until(t.Expiry) <= 0 {
		return nil, refused("the new token has expired already: check the clock of this machine", nil)
	}
	if old != nil && t.RefreshToken == "" { // it stays in force (RFC 6749, section 6)
		kept := *t
		kept.RefreshToken = old.RefreshToken
		t = &kept
	}
	return t, nil
}

// Authenticate implements [requests.Authenticator].
func (s *Source) Authenticate(ctx context.Context, p *requests.PreparedRequest) error {
	if err := s.client.checkOrigins(); err != nil {
		return err
	}
	if !s.client.trusts(p.URL) {
		return refused("the token is not for "+origin(p.URL)+": Client.Origins does not have it", nil)
	}
	t, err := s.Token(ctx)
	if err != nil {
		return err
	}
	p.Header["Authorization"] = []string{t.Type() + " " + t.AccessToken}
	return nil
}

// Challenge answers a 401 that says "invalid_token" (RFC 6750, section 3.1) with a
// new token, once for each request. A request that cannot be sent again keeps its
// 401, but the next request gets the new token.
func (s *Source) Challenge(ctx context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if r.StatusCode != http.StatusUnauthorized || !invalidToken(r.Header["Www-Authenticate"]) || s.answered(r) {
		return nil, nil
	}
	_, sent, _ := strings.Cut(r.Request.Header.Get("Authorization"), " ")
	if old := s.current(); old != nil && old.AccessToken == sent {
		if _, err := s.renew(ctx, old); err != nil {
			return nil, err
		}
	}
	if !r.Request.Replayable() {
		return nil, nil
	}
	p := r.Request.Clone()
	return p, s.Authenticate(ctx, p)
}

// answered reports whether the request is one that Challenge has made.
func (s *Source) answered(r *requests.Response) bool {
	if len(r.History) == 0 {
		return false
	}
	return r.History[len(r.History)-1].StatusCode == http.StatusUnauthorized
}

// invalidToken reports whether a Bearer challenge has that error. The code may be a
// token or a quoted string, and the name of the parameter may be in any case.
func invalidToken(challenges []string) bool {
	for _, c := range challenges {
		c = strings.ToLower(c)
		bearer := strings.Contains(c, "bearer")
		c = strings.NewReplacer(" ", "", "\t", "", `"`, "").Replace(c)
		if bearer && strings.Contains(c, "error=invalid_token") {
			return true
		}
	}
	return false
}

// checkOrigins refuses text that is not the origin of any URL, such as a bare host.
func (c *Client) checkOrigins() error {
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" {
			return invalid("Client.Origins has one that is not scheme://host, such as https://api.example.com")
		}
	}
	return nil
}

// trusts reports whether u may get the token.
func (c *Client) trusts(u *url.URL) bool {
	return len(c.Origins) == 0 || slices.ContainsFunc(c.Origins, func(o string) bool {
		v, err := url.Parse(o)
		return err == nil && origin(v) == origin(u)
	})
}

// origin returns the scheme, host and port of u (RFC 6454, section 4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
