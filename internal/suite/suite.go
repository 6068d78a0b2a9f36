// Package suite gives tests access to the test suites of other projects, which
// are not part of the repository.
//
// SHARED_DIR is the absolute path of the folder that holds them. If it is set,
// a missing suite fails the test. Otherwise the folder "shared" beside the
// checkout is used, and a test whose suite is missing there is skipped.
package suite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// variable is the environment variable that names the folder of the suites.
const variable = "SHARED_DIR"

// Read decodes the JSON file name, a slash-separated path in the folder of the
// suites, into v.
func Read(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(Bytes(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Bytes returns the content of the file name.
func Bytes(t testing.TB, name string) []byte {
	t.Helper()
	return File(t, Path(t, name))
}

// File returns the content of the file at a path of [Path], or below one.
func File(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Path returns the path of the file or folder name.
func Path(t testing.TB, name string) string {
	t.Helper()
	if folder := os.Getenv(variable); folder != "" {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s has no suite %s: %v", variable, name, err)
		}
		return path
	}
	path := filepath.Join(checkout(t), "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no suite %s: set %s to the folder of the suites", name, variable)
	}
	return path
}

// checkout returns the folder of go.mod. Tests run in the folder of their
// package.
func checkout(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
