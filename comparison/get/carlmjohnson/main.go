// Carlmjohnson gets a URL.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/carlmjohnson/requests"
)

func main() {
	var text string
	if err := requests.URL(os.Args[1]).ToString(&text).Fetch(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}
