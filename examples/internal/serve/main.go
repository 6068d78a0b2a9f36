// Serve runs the server of the examples until it is interrupted, to run an example
// more than once with it:
//
//	go run ./internal/serve
//	go run ./download -url http://127.0.0.1:8765 -to archive.bin
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/go-requests/requests/examples/internal/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8765", "address to listen on")
	flag.Parse()
	fmt.Println("Listening on http://" + *addr)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(*addr, server.Handler()))
	os.Exit(1)
}
