// Package program is what the examples have in common: the flag -url, a server of
// their own if it is missing, an end when the user interrupts, a progress bar, and a
// folder for files.
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

// Bar shows progress in one line of the terminal. show is for
// [requests.OnProgress], and end completes the line.
func Bar(what string) (show func(done, total int64), end func()) {
	show = func(done, total int64) {
		line := fmt.Sprintf("%s: %.1f MB", what, float64(done)/1e6)
		if total > 0 {
			line = fmt.Sprintf("%s of %.1f MB, %d %%", strings.TrimSuffix(line, " MB"), float64(total)/1e6, 100*done/total)
		}
		fmt.Fprintf(os.Stderr, "\r%-60s", line)
	}
	return show, func() { fmt.Fprintln(os.Stderr) }
}

// Folder calls run with path or, if that is empty, with a temporary folder.
func Folder(path string, run func(path string) error) error {
	if path != "" {
		return run(path)
	}
	path, err := os.MkdirTemp("", "example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(path)
	return run(path)
}
