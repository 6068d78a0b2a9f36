package charset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared returns the path of a file or folder of the suites of other projects,
// which are kept beside a checkout: in SHARED_DIR, or in the first folder
// called "shared" above the working directory.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("SHARED_DIR")
	for up, n := "..", 0; dir == "" && n < 8; up, n = up+"/..", n+1 {
		if _, err := os.Stat(up + "/shared"); err == nil {
			dir = up + "/shared"
		}
	}
	switch {
	case dir != "":
		return filepath.Join(dir, name)
	case os.Getenv("CI") == "true":
		t.Fatal("no shared folder: set SHARED_DIR")
	}
	t.Skip("no shared folder: set SHARED_DIR")
	return ""
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLabelSuite reads the labels of wpt/encoding.
func TestLabelSuite(t *testing.T) {
	var rows []struct{ Label, Name string }
	if err := json.Unmarshal(readFile(t, shared(t, "external/wpt-encoding/labels.json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 228 {
		t.Errorf("%d rows; want 228", len(rows))
	}
	for _, row := range rows {
		for _, label := range []string{row.Label, strings.ToUpper(row.Label), " " + row.Label + "\t\r\n"} {
			if got, ok := Lookup(label); got != strings.ToLower(row.Name) || !ok {
				t.Errorf("Lookup(%q) = %q, %v; want %q", label, got, ok, row.Name)
			}
		}
	}
}
