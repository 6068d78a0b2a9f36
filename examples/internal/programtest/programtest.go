// Package programtest runs the examples in their tests.
package programtest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-requests/requests/examples/internal/server"
)

// Output runs a program with a server of its own and returns what it prints, with
// "URL" in place of the URL of the server.
func Output(t *testing.T, run func(ctx context.Context, url string) error) (string, error) {
	t.Helper()
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stdout := os.Stdout
	os.Stdout = out
	defer func() { os.Stdout = stdout }()
	failed := run(t.Context(), url)
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), url, "URL"), failed
}

// Prints checks that the program succeeds and prints want.
func Prints(t *testing.T, run func(ctx context.Context, url string) error, want string) {
	t.Helper()
	got, err := Output(t, run)
	if err != nil || got != strings.TrimLeft(want, "\n") {
		t.Errorf("it printed\n%s\nwith the error %v; want\n%s", got, err, want)
	}
}
