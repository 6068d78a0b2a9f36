// Github-device logs a user in on a device without a browser, by the device flow
// of OAuth 2 (RFC 8628), as the command line of GitHub does:
//
//	go run ./github-device
//
// To log in at GitHub itself, use -url https://github.com, and -id with the ID of an
// app of yours that may use the device flow.
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth2"
	"github.com/go-requests/requests/examples/internal/program"
)

var id = flag.String("id", "example", "ID of the app")

func main() { program.Main(login) }

func login(ctx context.Context, url string) error {
	api := strings.Replace(url, "://github.com", "://api.github.com", 1)
	s := requests.NewSession(requests.RaiseForStatus(true), requests.Headers{"Accept": "application/json"})
	defer s.Close()
	return whoami(ctx, s, &oauth2.Client{
		ID: *id, Scopes: []string{"read:user"}, Session: s, Origins: []string{api}, // only it gets the token
		Endpoint: oauth2.Endpoint{DeviceAuthURL: url + "/login/device/code", TokenURL: url + "/login/oauth/access_token"},
	}, api)
}

// whoami logs in and returns the name of the user.
func whoami(ctx context.Context, s *requests.Session, client *oauth2.Client, api string) error {
	token, err := client.Device(ctx, func(where, code string) {
		fmt.Println("Open", where, "and enter", code)
	})
	if err != nil {
		return err
	}
	user, err := requests.As[struct{ Login string }](s.Get(ctx, api+"/user", token.Auth()))
	if err != nil {
		return err
	}
	fmt.Println("Hello,", user.Login)
	return nil
}
