// Package oauth2 gets OAuth 2 tokens and sends them with requests. It builds on
// golang.org/x/oauth2, which implements the grants, and adds what a client of many
// goroutines needs:
//
//   - One refresh serves all calls that wait for it. It obeys the context of a call,
//     and uses the proxies, TLS settings and retries of a session.
//   - After a 401 with "invalid_token", the request is sent again with a new token,
//     once.
//   - A token goes only to the origin that the caller names, or to those in
//     [Client.Origins], and never to another origin by a redirect.
//   - A [Store] keeps tokens between runs.
//
// If there is no token, the error is [requests.ErrAuthentication]. If the server could
// not be reached, the error also has that kind, such as [requests.ErrConnection] or
// [requests.ErrTimeout]. If the server was busy or failed, [errors.As] finds a
// [*requests.HTTPError]. In both cases the credentials may be right, and a later call
// may succeed. An invalid argument or field is [requests.ErrInvalidOption], before
// anything is sent.
//
// The module depends on golang.org/x/oauth2 and nothing else:
//
//	go get github.com/go-requests/requests/auth/oauth2
//
//	client := &oauth2.Client{ID: id, Secret: secret, Endpoint: oauth2.Endpoint{TokenURL: tokenURL}}
//	s.Auth = client.ClientCredentials().Auth()
package oauth2
