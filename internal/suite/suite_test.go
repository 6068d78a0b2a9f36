package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A recorder takes the place of a test, and records how it ended.
type recorder struct {
	testing.TB
	end string
}

func (*recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.end = "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.end = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestPath(t *testing.T) {
	write := func(t *testing.T, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(`"text"`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name     string
		variable string // below the folder of the checkout
		files    []string
		want     string // the file found, or the end of the test
	}{
		{name: "named folder", variable: "suites", files: []string{"suites/a/b.json", "shared/a/b.json"}, want: "suites/a/b.json"},
		{name: "named folder without the suite", variable: "suites", files: []string{"shared/a/b.json"}, want: "fatal: SHARED_DIR"},
		{name: "folder beside the checkout", files: []string{"shared/a/b.json"}, want: "shared/a/b.json"},
		{name: "folder inside the checkout", files: []string{"checkout/shared/a/b.json"}, want: "skip: "},
		{name: "unrelated folder beside the checkout", files: []string{"shared/other"}, want: "skip: "},
		{name: "no folder", want: "skip: no suite a/b.json: set SHARED_DIR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "checkout", "go.mod"))
			write(t, filepath.Join(dir, "checkout", "internal", "room", "room_test.go"))
			for _, name := range tt.files {
				write(t, filepath.Join(dir, name))
			}
			t.Chdir(filepath.Join(dir, "checkout", "internal", "room"))
			t.Setenv("CI", "true") // a public CI has no suites either
			t.Setenv("SHARED_DIR", "")
			if tt.variable != "" {
				t.Setenv("SHARED_DIR", filepath.Join(dir, tt.variable))
			}
			r := &recorder{TB: t}
			var path string
			done := make(chan struct{})
			go func() {
				defer close(done)
				path = Path(r, "a/b.json")
			}()
			<-done
			if path != "" {
				if got, err := filepath.Rel(dir, path); err != nil || filepath.ToSlash(got) != tt.want {
					t.Errorf("found %q, error %v; want %q", got, err, tt.want)
				}
			} else if !strings.HasPrefix(r.end, tt.want) || tt.want == "" {
				t.Errorf("the test ended with %q; want %q", r.end, tt.want)
			}
		})
	}
}
