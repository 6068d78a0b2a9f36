// Upload streams a file to a server as part of a form, with a progress bar. In the
// folder examples:
//
//	go run ./upload
//	go run ./upload -file large.iso -url https://example.com -to /upload -field image
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	file  = flag.String("file", "", "file to send (default: some bytes)")
	to    = flag.String("to", "/upload", "path on the server")
	field = flag.String("field", "file", "name of the field in the form")
)

func main() { program.Main(upload) }

func upload(ctx context.Context, url string) error {
	source := requests.File{Field: *field, Path: *file}
	if *file == "" {
		source = requests.File{Field: *field, Name: "zeros.bin", Reader: bytes.NewReader(make([]byte, 12<<20))}
	}
	show, end := program.Bar("upload")
	r, err := requests.Post(ctx, url+*to,
		requests.Files{source},
		requests.RaiseForStatus(true),
		requests.OnProgress(show))
	end()
	if err != nil {
		return err
	}
	fmt.Println(r.StatusCode, r.Reason, r.Text())
	return nil
}
