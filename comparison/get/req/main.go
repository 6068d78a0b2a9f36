// Req gets a URL.
package main

import (
	"fmt"
	"os"

	"github.com/imroc/req/v3"
)

func main() {
	r, err := req.R().Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(r.String())
}
