// Crawl fetches many pages at once, but not more than a few at any time, and
// goes on where one fails:
//
//	go run -C examples ./crawl
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

// atOnce is how many requests there are at any time.
const atOnce = 8

func main() { program.Main(crawl) }

func crawl(ctx context.Context, url string) error {
	s := requests.NewSession(
		requests.BaseURL(url),
		requests.RaiseForStatus(true),
		requests.Timeout{Total: 10 * time.Second})
	defer s.Close()

	paths := []string{"/status/500"}
	for i := range 50 {
		paths = append(paths, fmt.Sprintf("/bytes/%d", 1000*i))
	}

	type page struct {
		size int
		err  error
	}
	pages := make([]page, len(paths))
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	start := time.Now()
	for i, path := range paths {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			r, err := s.Get(ctx, path) // one session serves them all
			if err != nil {
				pages[i].err = err
				return
			}
			pages[i].size = len(r.Content())
		})
	}
	wg.Wait()

	total, failed := 0, 0
	for i, p := range pages {
		if p.err != nil {
			failed++
			fmt.Println(paths[i], "failed:", p.err)
		}
		total += p.size
	}
	fmt.Printf("%d pages, %d bytes, %d failed, in %v\n", len(pages)-failed, total, failed, time.Since(start).Round(time.Millisecond))
	return ctx.Err()
}
