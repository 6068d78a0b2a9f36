// Paginate reads a list that comes in pages, each of which names the next one
// in its Link field (RFC 8288), as those of GitHub do:
//
//	go run -C examples ./paginate
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

func main() { program.Main(paginate) }

func paginate(ctx context.Context, url string) error {
	s := requests.NewSession(requests.BaseURL(url))
	defer s.Close()
	for next := "/books"; next != ""; {
		r, err := s.Get(ctx, next)
		if err != nil {
			return err
		}
		books, err := requests.As[[]string](r, nil)
		if err != nil {
			return err
		}
		fmt.Println(r.URL.RequestURI(), books)
		next = nextPage(r)
	}
	return nil
}

// nextPage finds the link of the relation next, "" if this is the last page.
func nextPage(r *requests.Response) string {
	for link := range strings.SplitSeq(r.Header.Get("Link"), ",") {
		target, params, _ := strings.Cut(link, ";")
		if strings.TrimSpace(params) == `rel="next"` {
			return strings.Trim(strings.TrimSpace(target), "<>")
		}
	}
	return ""
}
