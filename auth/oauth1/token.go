package oauth1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	urlpkg "net/url"

	"github.com/go-requests/requests"
)

// RequestToken is the first leg (RFC 5849, section 2.1): it gets temporary
// credentials from url. The server will send the user to callback; "oob" means that
// the user copies a code instead. s sends the request; nil stands for the package
// functions.
func (c *Client) RequestToken(ctx context.Context, s *requests.Session, url, callback string, opts ...requests.Option) (Token, error) {
	if u, err := urlpkg.Parse(callback); callback != "oob" && (err != nil || u.Scheme == "" || u.Host+u.Opaque == "") {
		return Token{}, invalid("callback has to be an absolute URL, or \"oob\"") // section 2.1
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
	u, err := urlpkg.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%w: oauth1: base, where to authorize", requests.ErrInvalidURL)
	}
	if t.Value == "" {
		return "", invalid("Token.Value is empty: get temporary credentials by RequestToken")
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
	switch {
	case verifier == "":
		return Token{}, invalid("verifier is empty: it comes with the user, from AuthorizeURL")
	case hasControl(verifier):
		return Token{}, invalid("verifier has a control character")
	case t.Value == "":
		return Token{}, invalid("Token.Value is empty: get temporary credentials by RequestToken")
	}
	return c.token(ctx, s, url, &signer{client: c, token: t, verifier: verifier}, opts)
}

// token sends the request of one leg and reads the token in its response. The
// signer comes last, so that no Auth of the caller replaces it.
func (c *Client) token(ctx context.Context, s *requests.Session, url string, leg *signer, opts []requests.Option) (Token, error) {
	opts = append(opts[:len(opts):len(opts)], requests.NewAuth(leg), requests.Stream(false), requests.RaiseForStatus(true))
	post := requests.Post
	if s != nil {
		post = s.Post
	}
	r, err := post(ctx, url, opts...)
	if err != nil {
		return Token{}, refused(ctx, err)
	}
	return parseToken(r.Text())
}

// refused gives the error of a leg its kind. Errors of the program itself, and the
// end of its context, stay as they are.
func refused(ctx context.Context, err error) error {
	for _, kind := range []error{requests.ErrInvalidOption, requests.ErrInvalidURL, requests.ErrInvalidHeader, requests.ErrInvalidProxy, requests.ErrClosed} {
		if errors.Is(err, kind) {
			return err
		}
	}
	if ctx.Err() != nil || !errors.Is(err, requests.ErrRequest) {
		return err
	}
	what := "the server gives no token"
	if answer, ok := errors.AsType[*requests.HTTPError](err); ok && !passing(answer.Response.StatusCode) {
		what = "the server refuses a token, check key, secret, clock and callback"
	}
	return fmt.Errorf("%w: oauth1: %s: %w", requests.ErrAuthentication, what, err)
}

// passing reports whether a status is about the state of the server and not about
// the request (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4).
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
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
