// Package negotiate authenticates by Kerberos: the scheme Negotiate of RFC 4559,
// with SPNEGO tokens (RFC 4178), as requests-kerberos does for Python's Requests.
//
//	login, err := negotiate.FromCache("", "")
//	…
//	defer login.Close()
//	s.Auth = negotiate.New(login).Auth()
//
// The module brings github.com/jcmturner/gokrb5, which speaks to the KDC and does
// the cryptography.
//
// A server proves who it is with its answer, which is checked (mutual
// authentication). What gokrb5 cannot do is refused and not ignored: delegation
// of the user's ticket, and channel bindings.
package negotiate

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/go-requests/requests"
)

// Scheme is the authentication scheme in the fields of HTTP.
const scheme = "Negotiate"

// A Client authenticates requests with the tickets of a [Login]. Make one with
// [New]; its fields must not change once it is in use, from then on by any
// number of goroutines.
type Client struct {
	// ServicePrincipal is the name of the service in Kerberos, such as
	// "HTTP/www.example.com". Empty makes it of "HTTP/" and the host of the URL.
	ServicePrincipal string
	// Preemptive sends a token with every request, without waiting to be asked.
	// A body is then sent once.
	Preemptive bool
	// NoMutual accepts responses in which the server does not prove who it is.
	NoMutual bool
	// Delegate asks to let the server act for the user. gokrb5 cannot forward a
	// ticket, so that it is [requests.ErrInvalidOption].
	Delegate bool

	login *Login

	mu   sync.Mutex
	sent map[string]*proof // by the token that was sent
	age  []string          // the tokens in sent, oldest first
}

// New makes a client that authenticates as login.
func New(login *Login) *Client { return &Client{login: login} }

// Auth authenticates requests with c. As any Auth it stays with the origin that
// the program names.
func (c *Client) Auth() requests.Auth { return requests.NewAuth(c) }

// String names the scheme.
func (c *Client) String() string { return scheme }

// Format keeps every verb from printing what the client holds.
func (c *Client) Format(s fmt.State, _ rune) { io.WriteString(s, scheme) }

// Authenticate implements [requests.Authenticator].
func (c *Client) Authenticate(ctx context.Context, p *requests.PreparedRequest) error {
	switch {
	case c.login == nil:
		return fmt.Errorf("%w: negotiate: there is no login: use New", requests.ErrInvalidOption)
	case c.Delegate:
		return fmt.Errorf("%w: negotiate: a ticket cannot be delegated", requests.ErrInvalidOption)
	case !c.Preemptive:
		return nil
	}
	return c.authorize(ctx, p)
}

// Challenge answers a server that asks for Negotiate, once. What it sends with
// a refusal of the answer says no more.
func (c *Client) Challenge(ctx context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if r.StatusCode != http.StatusUnauthorized || !asks(r.Header["Www-Authenticate"]) {
		return nil, nil
	}
	if strings.HasPrefix(r.Request.Header.Get("Authorization"), scheme+" ") {
		c.take(r.Request)
		return nil, nil
	}
	p := r.Request.Clone()
	return p, c.authorize(ctx, p)
}

// asks reports whether one of the challenges is of the scheme.
func asks(challenges []string) bool {
	for _, field := range challenges {
		for part := range strings.SplitSeq(field, ",") {
			if name, _, _ := strings.Cut(strings.TrimSpace(part), " "); strings.EqualFold(name, scheme) {
				return true
			}
		}
	}
	return false
}

// authorize gives p a token for its host.
func (c *Client) authorize(ctx context.Context, p *requests.PreparedRequest) error {
	name := c.ServicePrincipal
	if name == "" {
		host := strings.ToLower(strings.TrimSuffix(p.URL.Hostname(), "."))
		if net.ParseIP(host) != nil {
			return fmt.Errorf("%w: negotiate: Kerberos knows hosts by name and not by address: set Client.ServicePrincipal", requests.ErrInvalidOption)
		}
		name = "HTTP/" + host
	}
	token, proof, err := c.login.token(ctx, name)
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(token)
	p.Header["Authorization"] = []string{scheme + " " + text}
	if !c.NoMutual {
		c.remember(text, proof)
	}
	return nil
}

// maxSent bounds the tokens whose responses are waited for. Those of calls that
// failed are never asked for.
const maxSent = 4096

func (c *Client) remember(token string, p *proof) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = make(map[string]*proof)
	}
	c.sent[token] = p
	if c.age = append(c.age, token); len(c.age) > maxSent {
		delete(c.sent, c.age[0])
		c.age = c.age[1:]
	}
}

// take returns what the response to p has to prove, nil if it need not.
func (c *Client) take(p *requests.PreparedRequest) *proof {
	token, ok := strings.CutPrefix(p.Header.Get("Authorization"), scheme+" ")
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	proof := c.sent[token]
	delete(c.sent, token)
	return proof
}

// Verify checks that the server of a response is the one that Kerberos knows
// (RFC 4559, section 5). An error of the server, from 400 on, needs no proof.
func (c *Client) Verify(_ context.Context, r *requests.Response) error {
	proof := c.take(r.Request)
	if proof == nil || r.StatusCode >= http.StatusBadRequest {
		return nil
	}
	for _, field := range r.Header["Www-Authenticate"] {
		name, text, _ := strings.Cut(strings.TrimSpace(field), " ")
		if !strings.EqualFold(name, scheme) {
			continue
		}
		token, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return unproven("its token is not base64")
		}
		return proof.check(token)
	}
	return unproven("its response has no token: set NoMutual if it never has")
}

func unproven(why string) error {
	return fmt.Errorf("%w: negotiate: the server does not prove who it is: %s", requests.ErrAuthentication, why)
}
