package oauth1

import (
	"context"
	"fmt"
	"net/url"

	"github.com/go-requests/requests"
)

// RequestToken is the first leg (RFC 5849, section 2.1): it gets temporary
// credentials from url. The server will send the user to callback; "oob" means that
// the user copies a code instead. s sends the request; nil stands for the package
// functions.
func (c *Client) RequestToken(ctx context.Context, s *requests.Session, url, callback string, opts ...requests.Option) (Token, error) {
	if callback == "" {
		return Token{}, fmt.Errorf("%w: oauth1: RequestToken needs a callback, or \"oob\"", requests.ErrInvalidOption)
	}
	t, err := c.token(ctx, s, url, &signer{client: c, callback: callback}, opts)
	if err != nil {
		return Token{}, err
	}
	if t.Params["oauth_callback_confirmed"] != "true" { // OAuth 1.0 before revision A, which allows session fixation
		return Token{}, fmt.Errorf("%w: oauth1: the server does not confirm the callback", requests.ErrAuthentication)
	}
	return t, nil
}

// AuthorizeURL is the second leg (section 2.2): it returns the URL to send the user
// to, with the temporary credentials t.
func (c *Client) AuthorizeURL(base string, t Token) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%w: oauth1: the URL to authorize at", requests.ErrInvalidURL)
	}
	query := "oauth_token=" + escape(t.Value)
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	return u.String(), nil
}

// AccessToken is the third leg (section 2.3): it trades the temporary credentials
// t, and the verifier that the user brought back, for an access token.
func (c *Client) AccessToken(ctx context.Context, s *requests.Session, url string, t Token, verifier string, opts ...requests.Option) (Token, error) {
	if verifier == "" {
		return Token{}, fmt.Errorf("%w: oauth1: AccessToken needs the verifier", requests.ErrInvalidOption)
	}
	return c.token(ctx, s, url, &signer{client: c, token: t, verifier: verifier}, opts)
}

// token sends the request of one leg and reads the token in its response. The
// signer comes last, so that no Auth of the caller replaces it.
func (c *Client) token(ctx context.Context, s *requests.Session, url string, leg *signer, opts []requests.Option) (Token, error) {
	opts = append(opts[:len(opts):len(opts)], requests.NewAuth(leg), requests.Stream(false), requests.RaiseForStatus(false))
	post := requests.Post
	if s != nil {
		post = s.Post
	}
	r, err := post(ctx, url, opts...)
	if err != nil {
		return Token{}, err
	}
	if !r.OK() {
		return Token{}, fmt.Errorf("%w: oauth1: the server refuses a token, check key, secret, clock and callback: %w", requests.ErrAuthentication, r.RaiseForStatus())
	}
	return parseToken(r.Text())
}

// parseToken reads the form in the response of a server (section 2.1).
func parseToken(form string) (Token, error) {
	params, err := parseForm(form)
	t := Token{Params: make(map[string]string)}
	for _, p := range params {
		switch p.name {
		case "oauth_token":
			t.Value = p.value
		case "oauth_token_secret":
			t.Secret = p.value
		default:
			t.Params[p.name] = p.value
		}
	}
	if err != nil || t.Value == "" {
		return Token{}, fmt.Errorf("%w: oauth1: the response of the server has no oauth_token", requests.ErrAuthentication)
	}
	return t, nil
}
