package oauth2

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/go-requests/requests"
)

// metadata is the part of the metadata of an authorization server (RFC 8414,
// section 2) that is needed.
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
}

// Discover asks the authorization server with the URL issuer for its endpoints (RFC
// 8414, or OpenID Connect Discovery for servers without it). s sends the request as
// [Client.Session] does. Metadata that names another issuer is refused (RFC 8414,
// section 3.3).
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
	var why error
	for _, where := range []string{
		base + "/.well-known/oauth-authorization-server" + path,
		base + "/.well-known/openid-configuration" + path,
		base + path + "/.well-known/openid-configuration", // OpenID Connect Discovery, section 4
	} {
		m, err := requests.As[metadata](bare.Get(ctx, where, requests.MaxBody(1<<20)))
		if err == nil {
			return m.endpoint(issuer)
		}
		status, none := errors.AsType[*requests.HTTPError](err)
		if !none && !errors.Is(err, requests.ErrInvalidJSON) { // some servers answer unknown paths with a page
			return Endpoint{}, unreached(ctx, err)
		}
		if why == nil || none && passing(status.Response.StatusCode) { // which may have hidden what is there
			why = err
		}
	}
	return Endpoint{}, refused("the issuer describes no endpoints", why)
}

// unreached is the error of a request that got no response.
func unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return failed(err)
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
