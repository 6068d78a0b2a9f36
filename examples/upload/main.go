// Upload streams a file to a server, with a progress bar:
//
//	go run -C examples ./upload
//	go run -C examples ./upload -file large.iso -url https://example.com -to /upload
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	file = flag.String("file", "", "file to send (default: some bytes)")
	to   = flag.String("to", "/archive.bin", "path on the server")
)

func main() { program.Main(upload) }

func upload(ctx context.Context, url string) error {
	var body io.Reader = bytes.NewReader(make([]byte, 12<<20))
	if *file != "" {
		f, err := os.Open(*file)
		if err != nil {
			return err
		}
		defer f.Close()
		body = f
	}
	bar := progressbar.DefaultBytes(-1, "upload")
	r, err := requests.Put(ctx, url+*to, requests.Reader(body),
		requests.RaiseForStatus(true),
		requests.OnProgress(func(done, total int64) {
			bar.ChangeMax64(total)
			bar.Set64(done)
		}))
	if err != nil {
		return err
	}
	fmt.Println(r.StatusCode, r.Reason, r.Text())
	return nil
}
