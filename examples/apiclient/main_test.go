package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestProgram(t *testing.T) {
	programtest.Prints(t, list, `
repo-1 7
repo-2 0
repo-3 14
repo-4 0
`)
}

// client returns a client whose requests go to h, without a network.
func client(h http.HandlerFunc) *Client {
	c := NewClient("https://api.example.com", "s3cr3t")
	c.session.Mount("https://", requests.Handler(h))
	return c
}

func TestLogin(t *testing.T) {
	c := client(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer s3cr3t" || r.URL.Path != "/users/a%2Fb/repos" && r.URL.Path != "/users/a/b/repos" {
			t.Errorf("%s with Authorization %q", r.URL.Path, got)
		}
		fmt.Fprint(w, "[]")
	})
	if _, err := c.Repos(t.Context(), "a/b"); err != nil {
		t.Error(err)
	}
}

func TestRefusal(t *testing.T) {
	c := client(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message": "Bad credentials"}`)
	})
	_, err := c.Repos(t.Context(), "ann")
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Status != 401 || err.Error() != "the API answered 401: Bad credentials" {
		t.Errorf("the error is %v", err)
	}
}

// TestRateLimit waits for more than an hour, which takes no time in a synctest
// bubble.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := client(func(w http.ResponseWriter, r *http.Request) {
			switch asked++; asked {
			case 1:
				w.Header().Set("X-RateLimit-Remaining", "0")
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(50*time.Minute).Unix(), 10))
				w.WriteHeader(http.StatusForbidden)
			case 2:
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
			case 3:
				w.WriteHeader(http.StatusBadGateway)
			default:
				fmt.Fprint(w, `[{"name": "repo", "stars": 7}]`)
			}
		})
		start := time.Now()
		repos, err := c.Repos(context.Background(), "ann")
		if err != nil || len(repos) != 1 || repos[0] != (Repo{"repo", 7}) {
			t.Errorf("Repos = %v, %v", repos, err)
		}
		if waited := time.Since(start); waited != 51*time.Minute+4*time.Second || asked != 4 {
			t.Errorf("it asked %d times in %v; want 4 times: after 50 minutes and a minute, as it was told, and four seconds", asked, waited)
		}
	})
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := client(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.Repos(ctx, "ann"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v; want context.Canceled", err)
	}
}
