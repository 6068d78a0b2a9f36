// Package negotiate authenticates with Kerberos: it implements the scheme Negotiate
// (RFC 4559) with SPNEGO tokens (RFC 4178), as requests-kerberos does for Python's
// Requests.
//
//	login, err := negotiate.FromCache("", "")
//	…
//	defer login.Close()
//	s.Auth = negotiate.New(login).Auth()
//
// The module depends on github.com/jcmturner/gokrb5, which talks to the KDC and does
// the cryptography.
//
// To authenticate at a proxy, use
//
//	s := requests.NewSession(requests.Proxies{"all": proxy}, negotiate.New(login).Auth().ForProxy())
//
// The proxy then has a service name of its own: "HTTP/" and its host.
//
// If there is no ticket, the error is [requests.ErrAuthentication]. If the reason is
// that the KDC could not be reached, it is [requests.ErrConnection] too.
//
// A server proves its identity in its answer, and the proof is checked (mutual
// authentication). A proxy does not. gokrb5 supports neither delegation of the user's
// ticket nor channel bindings; asking for delegation is an error.
package negotiate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-requests/requests"
)

// scheme is the name of the authentication scheme.
const scheme = "Negotiate"

// A Client authenticates requests with the tickets of a [Login]. Make one with
// [New]. Its fields must not change once it is in use; from then on it is safe for
// concurrent use.
type Client struct {
	// ServicePrincipal is the Kerberos name of the service, such as
	// "HTTP/www.example.com", without a realm. If empty, it is "HTTP/" followed by
	// the host of the URL.
	ServicePrincipal string
	// Preemptive sends a token with every request, without waiting for a challenge.
	// A body is then sent only once.
	Preemptive bool
	// NoMutual accepts responses in which the server does not prove its identity.
	NoMutual bool
	// Delegate asks to let the server act for the user. gokrb5 cannot forward
	// tickets, so setting it is [requests.ErrInvalidOption].
	Delegate bool

	login *Login

	mu   sync.Mutex
	sent []sent // without a response yet, oldest first
}

// A sent is a token that was sent, and the proof that its response must contain.
type sent struct {
	token [sha256.Size]byte // its hash, as tokens are long
	proof *proof
}

// New makes a client that authenticates as login.
func New(login *Login) *Client { return &Client{login: login} }

// Auth authenticates requests with c. Like any Auth, it is bound to the origin that
// the caller names.
func (c *Client) Auth() requests.Auth { return requests.NewAuth(c) }

// String returns the name of the scheme.
func (c *Client) String() string { return scheme }

// Format keeps every verb from printing what the client holds.
func (c *Client) Format(s fmt.State, _ rune) { io.WriteString(s, scheme) }

// Authenticate implements [requests.Authenticator].
func (c *Client) Authenticate(ctx context.Context, p *requests.PreparedRequest) error {
	switch {
	case c.login == nil || c.login.kerberos == nil:
		return invalid("there is no login: use New, with a Login of FromCache, FromKeytab or FromPassword")
	case c.Delegate:
		return invalid("Client.Delegate: a ticket cannot be delegated")
	case c.ServicePrincipal != "" && !isService(c.ServicePrincipal):
		return invalid("Client.ServicePrincipal has to be of the form HTTP/host")
	case c.Preemptive:
		return c.authorize(ctx, p)
	}
	if _, negotiates := sum(p); negotiates { // the token of an earlier request, after a redirect
		delete(p.Header, "Authorization")
	}
	return nil
}

// isService reports whether name consists of a service and a host. The host
// determines the realm.
func isService(name string) bool {
	service, host, _ := strings.Cut(name, "/")
	return service != "" && host != "" && !strings.ContainsAny(name, `@\ `) && !hasControl(name)
}

// Challenge answers a server that asks for Negotiate, once. A token that comes
// along when the server refuses the answer is of no use.
func (c *Client) Challenge(ctx context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if r.StatusCode != http.StatusUnauthorized || !asks(r.Header["Www-Authenticate"]) {
		return nil, nil
	}
	if _, answered := c.take(r.Request); answered {
		return nil, nil
	}
	p := r.Request.Clone()
	return p, c.authorize(ctx, p)
}

// asks reports whether one of the challenges is for Negotiate.
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
			return invalid("Kerberos knows hosts by name and not by address: set Client.ServicePrincipal")
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
		c.remember(p, proof)
	}
	return nil
}

// maxSent is how many tokens without a response are remembered. Those of failed
// calls never get one.
const maxSent = 4096

func (c *Client) remember(p *requests.PreparedRequest, proof *proof) {
	token, _ := sum(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent = append(c.sent, sent{token, proof}); len(c.sent) > maxSent {
		c.sent = slices.Delete(c.sent, 0, len(c.sent)-maxSent)
	}
}

// take returns the proof that the response to p must contain. It is nil if p has no
// token or the token was forgotten.
func (c *Client) take(p *requests.PreparedRequest) (_ *proof, negotiates bool) {
	token, negotiates := sum(p)
	if !negotiates {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range slices.Backward(c.sent) { // responses mostly arrive for the newest
		if s.token == token {
			c.sent = slices.Delete(c.sent, i, i+1)
			return s.proof, true
		}
	}
	return nil, true
}

// sum returns the hash of the token in p, if there is one.
func sum(p *requests.PreparedRequest) (_ [sha256.Size]byte, negotiates bool) {
	token, negotiates := strings.CutPrefix(p.Header.Get("Authorization"), scheme+" ")
	return sha256.Sum256([]byte(token)), negotiates
}

// Verify checks that the server of a response is the one that Kerberos knows (RFC
// 4559, section 5). A response with a status of 400 or above needs no proof.
func (c *Client) Verify(_ context.Context, r *requests.Response) error {
	proof, negotiates := c.take(r.Request)
	switch {
	case !negotiates, c.NoMutual, r.StatusCode >= http.StatusBadRequest:
		return nil
	case proof == nil:
		return unproven("its token was for an earlier call: prepare the request anew for each")
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
