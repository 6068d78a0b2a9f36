package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth2"
	"github.com/go-requests/requests/examples/internal/programtest"
	"github.com/go-requests/requests/examples/internal/server"
)

// run logs in with a handler in place of GitHub, in virtual time.
func run(t *testing.T, id string) (printed string, err error) {
	return programtest.Output(t, func(context.Context, string) (err error) {
		synctest.Test(t, func(t *testing.T) {
			s := requests.NewSession(requests.RaiseForStatus(true), requests.TrustEnv(false))
			defer s.Close()
			s.Mount("https://", requests.Handler(server.Handler()))
			err = whoami(t.Context(), s, &oauth2.Client{
				ID: id, Session: s, Origins: []string{"https://api.github.com"},
				Endpoint: oauth2.Endpoint{DeviceAuthURL: "https://github.com/login/device/code", TokenURL: "https://github.com/login/oauth/access_token"},
			}, "https://api.github.com")
		})
		return err
	})
}

func TestLogin(t *testing.T) {
	printed, err := run(t, "example")
	if want := "Open https://github.com/login/device and enter WDJB-MJHT\nHello, octocat\n"; err != nil || printed != want {
		t.Errorf("it printed %q with the error %v; want %q", printed, err, want)
	}
}

func TestRefusal(t *testing.T) {
	printed, err := run(t, "stranger")
	if !errors.Is(err, requests.ErrAuthentication) || strings.Contains(printed, "Hello") {
		t.Errorf("it printed %q with the error %v; want %v", printed, err, requests.ErrAuthentication)
	}
}
