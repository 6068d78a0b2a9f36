// Paginate reads a list that is split into pages. Each page names the next one in
// its Link field (RFC 8288), as at GitHub:
//
//	go run ./paginate
package main

import (
	"context"
	"fmt"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

func main() { program.Main(paginate) }

func paginate(ctx context.Context, url string) error {
	s := requests.NewSession(requests.BaseURL(url))
	defer s.Close()
	for page, err := range s.Pages(ctx, "/books") {
		books, err := requests.As[[]string](page, err)
		if err != nil {
			return err
		}
		fmt.Println(page.URL.RequestURI(), books)
	}
	return nil
}
