package oauth2

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/go-requests/requests"
)

// metadata is what is wanted of an authorization server's (RFC 8414, section 2).
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
}

// Discover asks the authorization server with the URL issuer for its endpoints
// (RFC 8414, and OpenID Connect Discovery for those that know only that). s
// carries the request as [Client.Session] does. A server that calls itself by
// another name is not believed (RFC 8414, section 3.3).
func Discover(ctx context.Context, s *requests.Session, issuer string) (Endpoint, error) {
	if err := checkURL("the issuer", issuer); err != nil {
		return Endpoint{}, err
	}
	u, err := url.Parse(issuer)
	if err != nil || u.RawQuery != "" || u.Fragment != "" {
		return Endpoint{}, invalid("the issuer is a URL without query and fragment (RFC 8414, section 2)")
	}
	bare, done := bare(s)
	defer done()
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	base := u.Scheme + "://" + u.Host
	var last error
	for _, where := range []string{
		base + "/.well-known/oauth-authorization-server" + path,
		base + "/.well-known/openid-configuration" + path,
		base + path + "/.well-known/openid-configuration", // OpenID Connect Discovery, section 4
	} {
		m, err := requests.As[metadata](bare.Get(ctx, where, requests.MaxBody(1<<20)))
		if err == nil {
			return m.endpoint(issuer)
		}
		_, none := errors.AsType[*requests.HTTPError](err)
		if !none && !errors.Is(err, requests.ErrInvalidJSON) { // a page for whatever the server does not know
			return Endpoint{}, err
		}
		last = err
	}
	return Endpoint{}, refused("the issuer describes no endpoints", last)
}

func (m metadata) endpoint(issuer string) (Endpoint, error) {
	if strings.TrimSuffix(m.Issuer, "/") != strings.TrimSuffix(issuer, "/") {
		return Endpoint{}, refused("the server describes another issuer", nil)
	}
	for name, raw := range map[string]string{"token_endpoint": m.Token, "authorization_endpoint": m.Authorization, "device_authorization_endpoint": m.Device} {
		if raw == "" && name != "token_endpoint" {
			continue
		}
		if err := checkURL(name, raw); err != nil {
			return Endpoint{}, refused("the metadata of the issuer", err)
		}
	}
	return Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, DeviceAuthURL: m.Device}, nil
}
