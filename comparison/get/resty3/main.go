// Resty3 gets a URL.
package main

import (
	"fmt"
	"os"

	"resty.dev/v3"
)

func main() {
	c := resty.New()
	defer c.Close()
	r, err := c.R().Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Print(r.String())
}
