// Download fetches a large file over a connection that breaks every 2 MB. It
// continues where it stopped each time, and checks the file in the end. In the folder
// examples:
//
//	go run ./download
//
// It also continues after an interruption with Ctrl-C, if it is run again with the
// same URL and file. Its own server ends with the program, so start another one first:
//
//	go run ./internal/serve
//	go run ./download -url http://127.0.0.1:8765 -to archive.bin
package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	file = flag.String("file", "/archive.bin", "path of the file on the server")
	sum  = flag.String("sha256", "", "checksum of the file, in hexadecimal (default: not checked)")
	to   = flag.String("to", "", "where to save it (default: a temporary directory)")
)

func main() {
	program.Main(func(ctx context.Context, url string) error {
		if *to != "" {
			return download(ctx, url+*file, *to)
		}
		return program.Folder("", func(dir string) error {
			return download(ctx, url+*file, filepath.Join(dir, filepath.Base(*file)))
		})
	})
}

func download(ctx context.Context, url, path string) error {
	show, end := program.Bar(filepath.Base(path))
	opts := []requests.Option{
		requests.Retry{Read: 20, Backoff: 50 * time.Millisecond, BackoffMax: time.Second},
		requests.OnProgress(show),
	}
	if *sum != "" {
		opts = append(opts, requests.Checksum{"sha256": *sum})
	}
	n, err := requests.Download(ctx, url, path, opts...)
	end()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", filepath.Base(path), n)
	return nil
}
