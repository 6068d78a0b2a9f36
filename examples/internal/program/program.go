// Package program is what the examples have in common: a flag -url, a server of
// their own without it, and an end when the user interrupts.
package program

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/go-requests/requests/examples/internal/server"
)

// Main calls run with the URL of a server, and ends the program if it fails.
func Main(run func(ctx context.Context, url string) error) {
	url := flag.String("url", "", "URL of the server to talk to (default: one of its own)")
	flag.Parse()
	if err := start(*url, run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func start(url string, run func(ctx context.Context, url string) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if url == "" {
		own, end, err := server.Start()
		if err != nil {
			return err
		}
		defer end()
		url = own
	}
	return run(ctx, strings.TrimSuffix(url, "/"))
}
