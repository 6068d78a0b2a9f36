package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-requests/requests"
)

// A Client talks to an API like that of GitHub. It is safe for many goroutines.
type Client struct{ session *requests.Session }

// NewClient returns a client of the API at base, for the user who has the token.
func NewClient(base, token string) *Client {
	return &Client{requests.NewSession(
		requests.BaseURL(base),
		requests.BearerAuth(token),
		requests.Headers{"Accept": "application/vnd.github+json"},
		requests.Timeout{Total: 10 * time.Minute},
		requests.Retry{Total: 4, Backoff: time.Second, StatusCodes: []int{429, 502, 503, 504}}, // waits as Retry-After says
		requests.RaiseForStatus(true))}
}

// Repo is what the API says of a repository.
type Repo struct {
	Name  string `json:"name"`
	Stars int    `json:"stars"`
}

// Repos returns the repositories of a user, from all pages of the list.
func (c *Client) Repos(ctx context.Context, user string) (all []Repo, err error) {
	path := "users/" + url.PathEscape(user) + "/repos"
	for page, err := range c.session.Pages(ctx, path, requests.Params{"per_page": 100}) {
		repos, err := requests.As[[]Repo](page, err)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, repos...)
	}
	return all, nil
}

// Error is what the API says of a request that it refuses.
type Error struct {
	Status  int
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("the API answered %d: %s", e.Status, e.Message) }

func explain(err error) error {
	if refused, ok := errors.AsType[*requests.HTTPError](err); ok {
		e := &Error{Status: refused.Response.StatusCode}
		return errors.Join(e, refused.Response.JSON(e)) // the second is nil if there was a message
	}
	return err
}
