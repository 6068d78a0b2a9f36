package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

// content is longer than a block, and does not end with one.
var content = strings.Repeat("0123456789abcdef", 3<<14+1)

// give writes a text.
func give(text string) func(io.Writer) (int64, error) {
	return func(w io.Writer) (int64, error) { return Copy(w, strings.NewReader(text)) }
}

// in opens the place of x in dir.
func in(t *testing.T, dir string, replace bool) *Place {
	t.Helper()
	p, err := In(dir, replace)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// files are what is in dir, links not followed.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := map[string]string{}
	for _, e := range entries {
		switch path := filepath.Join(dir, e.Name()); {
		case e.IsDir():
			got[e.Name()] = "directory"
		case !e.Type().IsRegular():
			got[e.Name()] = e.Type().String()
		default:
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			got[e.Name()] = string(data)
		}
	}
	return got
}

// makes are what may be at x before, or come there meanwhile.
var makes = map[string]func(t *testing.T, dir string){
	"nothing": func(*testing.T, string) {},
	"file":    func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x"), "old") },
	"directory": func(t *testing.T, dir string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "x"), 0o700))
	},
	"link": func(t *testing.T, dir string) {
		if err := os.Symlink("mine", filepath.Join(dir, "x")); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Skip(err)
		}
	},
}

func write(t *testing.T, path, text string) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// TestSave has something be in the place of the file already, or come there
// while it is written.
func TestSave(t *testing.T) {
	const link = "L---------"
	for _, tt := range []struct {
		name          string
		before, later string // "": nothing
		replace       bool
		named, saved  error
		want          string // at x
	}{
		{name: "new", want: content},
		{name: "new, may replace", replace: true, want: content},
		{name: "exists", before: "file", named: fs.ErrExist, want: "old"},
		{name: "replaced", before: "file", replace: true, want: content},
		{name: "link", before: "link", named: ErrNotRegular, want: link},
		{name: "link, may replace", before: "link", replace: true, named: ErrNotRegular, want: link},
		{name: "directory, may replace", before: "directory", replace: true, named: ErrNotRegular, want: "directory"},
		{name: "a file comes", later: "file", saved: fs.ErrExist, want: "old"},
		{name: "a file comes, may replace", later: "file", replace: true, want: content},
		{name: "a link comes", later: "link", saved: ErrNotRegular, want: link},
		{name: "a link comes, may replace", later: "link", replace: true, saved: ErrNotRegular, want: link},
		{name: "a directory comes, may replace", later: "directory", replace: true, saved: ErrNotRegular, want: "directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "mine"), "mine")
			if tt.before != "" {
				makes[tt.before](t, dir)
			}
			p := in(t, dir, tt.replace)
			err := p.Name("x")
			require.ErrorIs(t, err, tt.named)
			if err == nil {
				n, err := p.Save(nil, func(w io.Writer) (int64, error) {
					if tt.later != "" {
						makes[tt.later](t, dir)
					}
					return give(content)(w)
				})
				require.ErrorIs(t, err, tt.saved)
				require.EqualValues(t, len(content), n)
			}
			require.Equal(t, map[string]string{"mine": "mine", "x": tt.want}, files(t, dir))
		})
	}
}

// TestSaveFails leaves what was there, and nothing else.
func TestSaveFails(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name  string
		sum   Checksum
		write func(io.Writer) (int64, error)
		want  error
	}{
		{name: "half of it", want: broken, write: func(w io.Writer) (int64, error) {
			n, _ := io.WriteString(w, "half")
			return int64(n), broken
		}},
		{name: "nothing of it", want: broken, write: func(io.Writer) (int64, error) { return 0, broken }},
		{name: "another file", sum: Checksum{"md5": strings.Repeat("0", 32)}, write: give(content), want: fault.Checksum},
		{name: "a panic", write: func(io.Writer) (int64, error) { panic(broken) }, want: broken},
		{name: "an exit", write: func(io.Writer) (int64, error) { runtime.Goexit(); return 0, nil }, want: broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "x"), "old")
			p := in(t, dir, true)
			require.NoError(t, p.Name("x"))
			err := broken // of an exit
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() {
					if p := recover(); p != nil {
						err = p.(error)
					}
				}()
				_, err2 := p.Save(tt.sum, tt.write)
				err = err2
			}()
			<-done
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, map[string]string{"x": "old"}, files(t, dir))
		})
	}
}

// TestSaveDisk writes by way of the disk of a test, under a name that is another
// each time and touches no other file (A265), with the mode of the file to be
// replaced, and removes that after a failure (A262).
func TestSaveDisk(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine.tmp"), "mine")
	write(t, filepath.Join(dir, "x"), "old")
	there := files(t, dir)
	full := errors.New("full")
	p := in(t, dir, true)
	require.NoError(t, p.Name("x"))
	names := map[string]string{}
	p.Disk = func(w io.Writer) io.Writer {
		return writerFunc(func(b []byte) (int, error) {
			for name := range files(t, dir) {
				if there[name] != "" {
					continue
				}
				names[name] = ""
				if info, err := os.Stat(filepath.Join(dir, name)); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
					t.Errorf("%s: %v, %v; want the mode of x, 0600", name, info.Mode(), err)
				}
			}
			return 0, full
		})
	}
	for range 3 {
		_, err := p.Save(nil, give("text"))
		require.ErrorIs(t, err, full)
	}
	require.Len(t, names, 3)
	require.Equal(t, there, files(t, dir))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestInNowhere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x"), "old")
	for name, want := range map[string]error{"none": fs.ErrNotExist, "x": nil} {
		_, err := In(filepath.Join(dir, name), true)
		require.Error(t, err)
		if want != nil {
			require.ErrorIs(t, err, want)
		}
	}
}
