// Package oauth2 gets OAuth 2 tokens and sends them with requests. It stands on
// golang.org/x/oauth2, which knows the grants, and adds what a client of many
// goroutines needs:
//
//   - One refresh serves all that wait, under the context of a call and through
//     the proxies, TLS settings and retries of a session.
//   - A 401 with "invalid_token" gets a new token, and the request is sent again,
//     once.
//   - A token goes to the origin that the program names, or to those of
//     [Client.Origins] alone, and never across a redirect.
//   - A [Store] keeps tokens between runs.
//
// The module brings golang.org/x/oauth2 and nothing else:
//
//	go get github.com/go-requests/requests/auth/oauth2
//
//	client := &oauth2.Client{ID: id, Secret: secret, Endpoint: oauth2.Endpoint{TokenURL: tokenURL}}
//	s.Auth = client.ClientCredentials().Auth()
package oauth2
