package requests

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-requests/requests/internal/file"
)

// TestDownloadIntoDirectory names the file by the response, as SaveFile does.
func TestDownloadIntoDirectory(t *testing.T) {
	content := noise(10000)
	for _, tt := range []struct {
		name        string
		url         string // "": http://example.com/file
		path        string // below the directory
		disposition string
		make        func(t *testing.T, dir string)
		opts        []Option
		asked       int
		want        error
		files       map[string]string
	}{
		{name: "that is there", path: "", asked: 1, files: map[string]string{"file": string(content)}},
		{name: "with a separator", path: "/", asked: 1, files: map[string]string{"file": string(content)}},
		{name: "by the field", path: "/", disposition: `attachment; filename="../b.txt"`, asked: 1, files: map[string]string{"b.txt": string(content)}},
		{name: "by the field, which names none", path: "/", disposition: `attachment; filename=".."`, asked: 1, files: map[string]string{"file": string(content)}},
		{name: "by the URL that was named, not by a redirect", url: "http://example.com/moved?to", asked: 2, files: map[string]string{"moved": string(content)}},
		{name: "without a name", url: "http://example.com/", asked: 1, want: ErrInvalidOption},
		{name: "that is not there", path: "/none/", want: fs.ErrNotExist},
		{name: "that is a file", path: "/x/", make: oldFile("x"), want: errNotDirectory, files: map[string]string{"x": "old"}},
		{name: "with such a file", make: oldFile("file"), asked: 1, want: fs.ErrExist, files: map[string]string{"file": "old"}},
		{name: "with such a file, to be replaced", make: oldFile("file"), opts: []Option{Overwrite(true)}, asked: 1, files: map[string]string{"file": string(content)}},
		{name: "with a link of that name", make: func(t *testing.T, dir string) {
			oldFile("x")(t, dir)
			linkTo("x")(t, filepath.Join(dir, "file"))
		}, opts: []Option{Overwrite(true)}, asked: 1, want: file.ErrNotRegular, files: map[string]string{"x": "old", "file": "old"}},
		{name: "with a part that is nobody's", make: oldFile("file.part"), asked: 1, want: fs.ErrExist, files: map[string]string{"file.part": "old"}},
		{name: "of what is not there", url: "http://example.com/gone", asked: 1, want: errStatus},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`}
			s, url, dir := d.start(t)
			s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/moved":
					d.requests()
					http.Redirect(w, r, "/.bashrc", http.StatusFound)
					d.asked = []string{"moved"}
				case "/gone":
					d.asked = []string{"gone"}
					http.NotFound(w, r)
				default:
					if tt.disposition != "" {
						w.Header().Set("Content-Disposition", tt.disposition)
					}
					d.ServeHTTP(w, r)
				}
			})))
			if tt.url != "" {
				url = tt.url
			}
			if tt.make != nil {
				tt.make(t, dir)
			}
			n, err := s.Download(t.Context(), url, dir+tt.path, tt.opts...)
			_, status := errors.AsType[*HTTPError](err)
			_, onPath := errors.AsType[*fs.PathError](err)
			switch {
			case errors.Is(err, tt.want) && (err != nil || n == int64(len(content))):
			case tt.want == errStatus && status, tt.want == errNotDirectory && onPath:
			default:
				t.Errorf("Download = %d, %v; want %v", n, err, tt.want)
			}
			if got := len(d.requests()); got != tt.asked {
				t.Errorf("it asked %d times; want %d", got, tt.asked)
			}
			wantFiles(t, dir, tt.files)
		})
	}
}

var errNotDirectory = errors.New("not a directory")

func oldFile(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { writeOld(t, filepath.Join(dir, name)) }
}

// TestDownloadIntoDirectoryLater goes on with a part whose name is known only
// when the first response is there.
func TestDownloadIntoDirectoryLater(t *testing.T) {
	content := noise(10000)
	d := &depot{content: content, tag: `"a"`, cuts: []int{6000}}
	s, url, dir := d.start(t)
	if n, err := s.Download(t.Context(), url, dir, Retry{}); n != 0 || !errors.Is(err, ErrIncompleteBody) {
		t.Fatalf("the first Download = %d, %v", n, err)
	}
	state := readFile(t, filepath.Join(dir, "file.part.json"))
	wantFiles(t, dir, map[string]string{"file.part": string(content[:6000]), "file.part.json": state})
	var told int64
	n, err := s.Download(t.Context(), url, dir+string(os.PathSeparator), sum(content), OnProgress(func(done, total int64) {
		if told == 0 && done > 0 {
			told = done
		}
	}))
	if n != int64(len(content)) || err != nil {
		t.Errorf("Download = %d, %v; want %d", n, err, len(content))
	}
	wantFiles(t, dir, map[string]string{"file": string(content)})
	if got, want := d.requests(), []string{"", "", `bytes=6000- if "a"`}; !slices.Equal(got, want) {
		t.Errorf("it asked for %q; want %q", got, want)
	}
	if told < 6000 {
		t.Errorf("the first progress is of %d bytes; want that of the part and more", told)
	}
}
