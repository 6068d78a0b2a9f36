// Ours gets a URL.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-requests/requests"
)

func main() {
	r, err := requests.Get(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(r.Text())
}
