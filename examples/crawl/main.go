// Crawl follows the links of a site. It reads each page once, and several at the same
// time, but only a few from each host. In the folder examples:
//
//	go run ./crawl
//	go run ./crawl -url https://example.com -start /
package main

import (
	"context"
	"flag"
	"fmt"
	"regexp"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	start = flag.String("start", "/site/", "path of the first page")
	depth = flag.Int("depth", 4, "how many links to follow in a row")
)

func main() { program.Main(crawl) }

func crawl(ctx context.Context, url string) error {
	s := requests.NewSession(
		requests.RaiseForStatus(true),
		requests.MaxBody(1<<20)) // of each page
	defer s.Close()

	seen := map[string]bool{url + *start: true}
	level := []string{url + *start}
	for range *depth {
		var next []string
		for page := range s.Many(ctx, requests.URLs(level...), requests.Concurrency{Limit: 16, PerHost: 4, InOrder: true}) {
			if page.Err != nil { // of this page alone
				fmt.Println(page.Err)
				continue
			}
			fmt.Println(page.Response.StatusCode, page.Response.URL.Path)
			for _, link := range links(page.Response) {
				if !seen[link] {
					seen[link] = true
					next = append(next, link)
				}
			}
		}
		level = next
	}
	return ctx.Err()
}

var href = regexp.MustCompile(`<a [^>]*href="([^"#]*)`)

// links returns the links of a page to other pages of its site.
func links(page *requests.Response) (urls []string) {
	for _, match := range href.FindAllStringSubmatch(page.Text(), -1) {
		if u, err := page.URL.Parse(match[1]); err == nil && u.Host == page.URL.Host {
			urls = append(urls, u.String())
		}
	}
	return urls
}
