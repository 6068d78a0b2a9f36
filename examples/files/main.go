// Files downloads the files in a list of checksums, several at once and with one
// progress bar, and checks each of them. In the folder examples: go run ./files
package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

func main() {
	program.Main(func(ctx context.Context, url string) error {
		s := requests.NewSession(requests.BaseURL(url+"/release"), requests.RaiseForStatus(true), requests.Retry{Total: 3})
		return program.Folder("", func(dir string) error { return fetch(ctx, s, dir) })
	})
}

func fetch(ctx context.Context, s *requests.Session, dir string) error {
	sums, err := s.Get(ctx, "SHA256SUMS")
	if err != nil {
		return err
	}
	var files []*requests.Request
	for line := range strings.Lines(sums.Text()) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		files = append(files, requests.NewRequest("GET", name, requests.Checksum{"sha256": sum}))
	}
	show, end := program.Bar("files")
	var failed []error
	for file := range s.Many(ctx, slices.Values(files), requests.SaveTo(dir), requests.OnProgress(show)) {
		failed = append(failed, file.Err) // of this file alone, or nil
	}
	end()
	return errors.Join(failed...)
}
