// Tail prints the events of a server while they come (server-sent events):
//
//	go run -C examples ./tail
package main

import (
	"context"
	"fmt"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

func main() { program.Main(tail) }

func tail(ctx context.Context, url string) error {
	r, err := requests.Get(ctx, url+"/sse",
		requests.Params{"count": 5, "duration": "500ms"},
		requests.Headers{"Accept": "text/event-stream"},
		requests.Stream(true),
		requests.RaiseForStatus(true))
	if err != nil {
		return err
	}
	defer r.Close()
	for event, err := range r.Events() {
		if err != nil {
			return err
		}
		fmt.Println(event.Data)
	}
	return nil
}
