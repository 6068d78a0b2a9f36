// Service is a server that asks another one on behalf of its users, with a timeout,
// retries within a budget, and a log. Every second, a line in the terminal shows what
// its connections are doing. In the folder examples:
//
//	go run ./service
//	go run ./service -url https://example.com -path / -for 1m
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	path  = flag.String("path", "/quote", "path to ask for")
	users = flag.Int("users", 8, "how many users there are")
	long  = flag.Duration("for", 3*time.Second, "how long the users come")
	debug = flag.Bool("debug", false, "log each request and retry")
)

func main() { program.Main(serve) }

func serve(ctx context.Context, upstream string) error {
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug // the level at which requests are logged
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	adapter := &requests.HTTPAdapter{
		Retry:       requests.Retry{Total: 2, StatusCodes: []int{502, 503, 504}, Backoff: 10 * time.Millisecond, Jitter: 10 * time.Millisecond},
		RetryBudget: 0.2, // of all requests at most
	}
	s := requests.NewSession(
		requests.BaseURL(upstream),
		requests.Timeout{Total: 2 * time.Second},
		requests.RaiseForStatus(true),
		requests.Logger{To: log})
	s.Mount(upstream, adapter)
	defer s.Close()

	server := httptest.NewServer(handler(s, log)) // an http.Server in a program of your own
	defer server.Close()
	ctx, stop := context.WithTimeout(ctx, *long)
	defer stop()
	var all sync.WaitGroup
	for range *users {
		all.Go(func() { visit(ctx, server.URL) })
	}
	show(ctx, adapter)
	all.Wait()
	return nil
}

// handler passes on the answer of the other server.
func handler(s *requests.Session, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.Get(r.Context(), *path)
		switch {
		case err == nil:
			w.Write(answer.Content())
		case errors.Is(err, context.Canceled): // the user has gone
		case errors.Is(err, requests.ErrTimeout):
			http.Error(w, "try again later", http.StatusGatewayTimeout)
		default:
			log.Warn("no answer", "err", err)
			http.Error(w, "try again later", http.StatusBadGateway)
		}
	})
}

// show writes a line each second until ctx ends.
func show(ctx context.Context, adapter *requests.HTTPAdapter) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n := adapter.Stats()
			fmt.Printf("connections: %d open, %d idle, %d dialled; requests: %d waiting, %d on a connection used before\n",
				n.Open, n.Idle, n.Dialed, n.Waiting, n.Reused)
		}
	}
}

// visit is a user who keeps coming back.
func visit(ctx context.Context, url string) {
	for ctx.Err() == nil {
		requests.Get(ctx, url)
	}
}
