// Resty2 gets a URL.
package main

import (
	"fmt"
	"os"

	"github.com/go-resty/resty/v2"
)

func main() {
	r, err := resty.New().R().Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(r.String())
}
