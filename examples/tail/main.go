// Tail prints the events of a server as they arrive (server-sent events). When the
// connection ends, it connects again, and the feed continues after the last event. In
// the folder examples:
//
//	go run ./tail
//	go run ./tail -url https://example.com -feed /events
package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var feed = flag.String("feed", "/ticks", "path of the feed on the server")

func main() { program.Main(tail) }

func tail(ctx context.Context, url string) error {
	s := requests.NewSession(requests.BaseURL(url))
	defer s.Close()
	for event, err := range s.Events(ctx, *feed) {
		if err != nil {
			return err
		}
		fmt.Println(event.ID, event.Data)
	}
	return nil
}
