package main

import (
	"context"
	"errors"
	"fmt"
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
		requests.Retry{Total: 4, Backoff: time.Second, StatusCodes: []int{502, 503, 504},
			MaxRetryAfter: time.Hour}, // the API may ask for this long when nothing is left of the quota
		requests.RaiseForStatus(true))}
}

// Repo is a repository, as the API describes it.
type Repo struct {
	Name  string `json:"name"`
	Stars int    `json:"stars"`
}

// Repos returns the repositories of a user, from all pages of the list.
func (c *Client) Repos(ctx context.Context, user string) (all []Repo, err error) {
	opts := []requests.Option{requests.PathParams{"user": user}, requests.Params{"per_page": 100}}
	for page, err := range c.session.Pages(ctx, "users/{user}/repos", opts...) {
		repos, err := requests.As[[]Repo](page, err)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, repos...)
	}
	return all, nil
}

// Error is the answer of the API to a request that it refuses.
type Error struct {
	Status  int
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("the API answered %d: %s", e.Status, e.Message) }

func explain(err error) error {
	if refused, ok := errors.AsType[*requests.HTTPError](err); ok {
		e := &Error{Status: refused.Response.StatusCode}
		return errors.Join(e, refused.JSON(e)) // the second is nil if the answer had a message
	}
	return err
}
