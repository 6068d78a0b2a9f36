//go:build unix

package requests

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestFileModes has files saved and downloaded over others, and where there are
// none. Until they are complete, nobody can read more of them than afterwards.
func TestFileModes(t *testing.T) {
	content := noise(3 << 20)
	modeOf := func(t *testing.T, path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	type call func(t *testing.T, s *Session, url, path string)
	download := func(opts ...Option) call {
		return func(t *testing.T, s *Session, url, path string) {
			if n, err := s.Download(t.Context(), url, path, opts...); n != int64(len(content)) || err != nil {
				t.Errorf("Download = %d, %v", n, err)
			}
		}
	}
	for _, how := range []struct {
		name string
		cut  bool
		call call
	}{
		{"SaveFile", false, func(t *testing.T, s *Session, url, path string) {
			r, err := s.Get(t.Context(), url, Stream(true))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.SaveFile(path); n != int64(len(content)) || err != nil {
				t.Errorf("SaveFile = %d, %v", n, err)
			}
		}},
		{"Download", false, download()},
		{"Download in parallel", false, download(Parallel(3))},
		{"Download later", true, func(t *testing.T, s *Session, url, path string) {
			if _, err := s.Download(t.Context(), url, path, Retry{}); err == nil {
				t.Error("the first Download is complete")
			}
			download()(t, s, url, path)
		}},
	} {
		for _, old := range []fs.FileMode{0, 0o600, 0o640, 0o644, 0o666, 0o777, 0o444, 0o400, 0o200} { // 0 is no file
			bubble(t, how.name+" "+old.String(), func(t *testing.T) {
				d := &depot{content: content, tag: `"a"`}
				if how.cut {
					d.cuts = []int{1000}
				}
				s, url, dir := d.start(t)
				path := filepath.Join(dir, "x")
				want := old
				if old == 0 {
					f, err := os.Create(filepath.Join(t.TempDir(), "like"))
					if err != nil {
						t.Fatal(err)
					}
					f.Close()
					want = modeOf(t, f.Name())
				} else {
					writeOld(t, path)
					if err := os.Chmod(path, old); err != nil {
						t.Fatal(err)
					}
				}
				s.Hooks.Progress = []OnProgress{func(done, total int64) {
					entries, err := os.ReadDir(dir)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range entries {
						if mode := modeOf(t, filepath.Join(dir, e.Name())); mode&^(want|0o600) != 0 {
							t.Errorf("%s has the mode %v, before it has its name; want no more than %v", e.Name(), mode, want)
						}
					}
				}}
				how.call(t, s, url, path)
				if got := modeOf(t, path); got != want {
					t.Errorf("the mode is %v; want %v", got, want)
				}
			})
		}
	}
}
