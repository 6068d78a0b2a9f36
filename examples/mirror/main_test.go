package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestMirror(t *testing.T) {
	dir := t.TempDir()
	programtest.Prints(t, func(ctx context.Context, url string) error { return mirror(ctx, url+*tree, dir) }, "5 files\n")
	var got []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(name))
		}
		return err
	})
	if want := []string{"README", "music/old/sol.txt", "music/one.txt", "music/two.txt", "words/a & b.txt"}; !slices.Equal(got, want) {
		t.Errorf("the files are %q; want %q", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "words", "a & b.txt")); string(text) != "a and b\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
