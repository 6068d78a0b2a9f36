// Apiclient is a client for an API like that of GitHub, in client.go: it logs in
// with a token, reads lists in pages, returns errors in the words of the API,
// retries, and waits when the API asks for it. In the folder examples:
//
//	go run ./apiclient
//	go run ./apiclient -url https://api.github.com -user golang -token "$TOKEN"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/go-requests/requests/examples/internal/program"
)

var (
	user  = flag.String("user", "ann", "whose repositories to list")
	token = flag.String("token", "s3cr3t", "token of the user who asks")
)

func main() { program.Main(list) }

func list(ctx context.Context, url string) error {
	repos, err := NewClient(url, *token).Repos(ctx, *user)
	if refused, ok := errors.AsType[*Error](err); ok && refused.Status == 404 {
		return fmt.Errorf("there is no user %q", *user)
	}
	if err != nil {
		return err
	}
	for _, repo := range repos {
		fmt.Println(repo.Name, repo.Stars)
	}
	return nil
}
