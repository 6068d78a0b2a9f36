// Package suite lets tests read the test suites of other projects, which are
// kept beside a checkout and not in it.
package suite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// maxUp is how many folders above a test's own the suites may lie.
const maxUp = 8

// Read decodes the JSON file name, a slash-separated path below the shared
// folder, into v. The shared folder is the one that SHARED_DIR names, else the
// first called "shared" beside the working directory or beside one above it.
// Without that folder the test is skipped, and under CI=true it fails.
func Read(t testing.TB, name string, v any) {
	t.Helper()
	dir, ok := folder(t)
	if !ok {
		const missing = "no shared folder: set SHARED_DIR"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func folder(t testing.TB) (string, bool) {
	t.Helper()
	if dir := os.Getenv("SHARED_DIR"); dir != "" {
		return dir, true
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for range maxUp {
		dir = filepath.Dir(dir)
		if found := filepath.Join(dir, "shared"); isDir(found) {
			return found, true
		}
	}
	return "", false
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
