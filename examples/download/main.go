// Download fetches a large file in several ranges at once, with a progress bar.
// Interrupted with Ctrl-C and started again, it goes on where it was:
//
//	go run -C examples ./download
//	go run -C examples ./download -url https://example.com -file /large.iso -to large.iso
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	file = flag.String("file", "/archive.bin", "path of the file on the server")
	to   = flag.String("to", "", "where to save it (default: a temporary directory)")
)

func main() { program.Main(download) }

func download(ctx context.Context, url string) error {
	path := *to
	if path == "" {
		dir, err := os.MkdirTemp("", "download-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, filepath.Base(*file))
	}
	bar := progressbar.DefaultBytes(-1, filepath.Base(path))
	n, err := requests.Download(ctx, url+*file, path,
		requests.Parallel(4),
		requests.OnProgress(func(done, total int64) {
			bar.ChangeMax64(total)
			bar.Set64(done)
		}))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", path, n)
	return nil
}
