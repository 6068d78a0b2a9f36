// Mirror copies a tree of files from a server that shows directories as pages of
// links. It copies several files at once, with one progress bar for all. In the
// folder examples:
//
//	go run ./mirror
//	go run ./mirror -url https://example.com -tree /pub/ -to copy
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/program"
)

var (
	tree = flag.String("tree", "/pub/", "path of the tree on the server")
	to   = flag.String("to", "", "where to save it (default: a temporary directory)")
)

func main() {
	program.Main(func(ctx context.Context, url string) error {
		return program.Folder(*to, func(dir string) error { return mirror(ctx, url+*tree, dir) })
	})
}

func mirror(ctx context.Context, root, dir string) error {
	s := requests.NewSession(requests.BaseURL(root), requests.RaiseForStatus(true), requests.Retry{Total: 3})
	defer s.Close()

	paths, err := list(ctx, s)
	if err != nil {
		return err
	}
	var files []*requests.Request
	for _, path := range paths {
		local := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(local), 0o777); err != nil {
			return err
		}
		files = append(files, requests.NewRequest("GET", escape(path), requests.SaveTo(local)))
	}
	show, end := program.Bar("mirror")
	var failed []error
	for file := range s.Many(ctx, slices.Values(files), requests.Concurrency{PerHost: 4}, requests.OnProgress(show)) {
		if file.Err != nil { // of this file alone
			failed = append(failed, file.Err)
		}
	}
	end()
	fmt.Println(len(files)-len(failed), "files")
	return errors.Join(failed...)
}

var href = regexp.MustCompile(`<a href="([^"?#]*)"`)

// list returns the paths of all files below the root, directory by directory.
func list(ctx context.Context, s *requests.Session) (files []string, err error) {
	for dirs := []string{""}; len(dirs) > 0; {
		var urls, below []string
		for _, dir := range dirs {
			urls = append(urls, escape(dir))
		}
		for page := range s.Many(ctx, requests.URLs(urls...), requests.Concurrency{InOrder: true}) {
			if page.Err != nil {
				return nil, page.Err // half a tree is of no use
			}
			for _, match := range href.FindAllStringSubmatch(page.Response.Text(), -1) {
				name, err := url.PathUnescape(match[1])
				path := dirs[page.Index] + name
				switch {
				case err != nil || !filepath.IsLocal(path): // the link leads out of the tree
				case strings.HasSuffix(name, "/"):
					below = append(below, path)
				default:
					files = append(files, path)
				}
			}
		}
		dirs = below
	}
	return files, nil
}

// escape makes a path of names with any characters.
func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }
