// Package suite lets tests read the test suites of other projects, which are
// kept beside a checkout and not in it.
//
// SHARED_DIR is the absolute path of the folder that holds them. Where it is
// set, a suite that is not there fails the test. Without it, a folder called
// "shared" beside the checkout is used; where that has no such suite either,
// the test is skipped.
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
	content, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Path returns where the file or folder name is.
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

// checkout returns the folder of go.mod. A test runs in the folder of its package.
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
