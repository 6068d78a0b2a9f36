package requests

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/progress"
)

// large is longer than a block, and does not end with one.
var large = bytes.Repeat([]byte("0123456789abcdef"), 3<<14+1)

// answer lets a session get the answer of h, streamed and read.
func answers(t *testing.T, h http.HandlerFunc, test func(t *testing.T, get func(opts ...Option) *Response)) {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	for _, stream := range []Stream{false, true} {
		t.Run(fmt.Sprintf("stream=%t", stream), func(t *testing.T) {
			s := NewSession()
			t.Cleanup(func() { s.Close() })
			test(t, func(opts ...Option) *Response {
				r, err := s.Get(context.Background(), srv.URL+"/dir/from-url.bin?a=b", append(opts, stream)...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { r.Close() })
				return r
			})
		})
	}
}

func serveLarge(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(len(large)))
	w.Write(large)
}

// wantFiles holds dir to be the named files and nothing else.
func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("%s is left behind", e.Name())
		}
	}
	for name, content := range want {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("the file %s: %v", name, err)
		} else if string(data) != content {
			t.Errorf("%s holds %d bytes %.20q; want %d bytes %.20q", name, len(data), data, len(content), content)
		}
	}
}

func TestResponseSaveFile(t *testing.T) {
	sha := sha256.Sum256(large)
	md := md5.Sum(large)
	answers(t, serveLarge, func(t *testing.T, get func(...Option) *Response) {
		for _, tt := range []struct {
			name   string
			path   string // below the directory
			opts   []FileOption
			before string
		}{
			{name: "new", path: "x"},
			{name: "replaced", path: "x", before: "old"},
			{name: "asked to replace", path: "x", opts: []FileOption{Overwrite(true)}, before: "old"},
			{name: "not to replace", path: "x", opts: []FileOption{Overwrite(false)}},
			{name: "checked", path: "x", opts: []FileOption{Checksum{"sha256": hex.EncodeToString(sha[:]), "md5": strings.ToUpper(hex.EncodeToString(md[:]))}}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, tt.path)
				if tt.before != "" {
					os.WriteFile(path, []byte(tt.before), 0o644)
				}
				n, err := get().SaveFile(path, tt.opts...)
				if n != int64(len(large)) || err != nil {
					t.Errorf("SaveFile = %d, %v; want %d", n, err, len(large))
				}
				wantFiles(t, dir, map[string]string{tt.path: string(large)})
			})
		}
	})
}

func TestSaveFileRefuses(t *testing.T) {
	answers(t, serveLarge, func(t *testing.T, get func(...Option) *Response) {
		for _, tt := range []struct {
			name string
			path string
			make func(t *testing.T, path string)
			opts []FileOption
			want error // nil: an fs.PathError of any kind
			left map[string]string
		}{
			{name: "A261 exists", path: "x", make: writeOld, opts: []FileOption{Overwrite(false)}, want: fs.ErrExist, left: map[string]string{"x": "old"}},
			{name: "A266 symlink", path: "x", make: linkTo("y"), want: file.ErrNotRegular},
			{name: "A266 symlink, asked to replace", path: "x", make: linkTo("y"), opts: []FileOption{Overwrite(true)}, want: file.ErrNotRegular},
			{name: "no such directory", path: "y/x", want: fs.ErrNotExist},
			{name: "no such directory to choose a name in", path: "y/", want: fs.ErrNotExist},
			{name: "below a file", path: "y/x", make: func(t *testing.T, path string) { writeOld(t, filepath.Dir(path)) }, left: map[string]string{"y": "old"}},
			{name: "A263 checksum", path: "x", make: writeOld, opts: []FileOption{Checksum{"sha1": strings.Repeat("0", 40)}}, want: ErrChecksum, left: map[string]string{"x": "old"}},
			{name: "unknown checksum", path: "x", opts: []FileOption{Checksum{"crc": "00"}}, want: ErrInvalidOption},
			{name: "short checksum", path: "x", opts: []FileOption{Checksum{"sha256": "00"}}, want: ErrInvalidOption},
			{name: "B250 disk full", path: "x", make: writeOld, opts: []FileOption{failingDisk(300<<10, errNoSpace)}, want: errNoSpace, left: map[string]string{"x": "old"}},
			{name: "B250 disk broken", path: "x", opts: []FileOption{failingDisk(0, syscall.EIO)}, want: syscall.EIO},
			{name: "B250 short write", path: "x", opts: []FileOption{failingDisk(300<<10, nil)}, want: io.ErrShortWrite},
		} {
			t.Run(tt.name, func(t *testing.T) {
				dir := t.TempDir()
				path := dir + "/" + tt.path
				if tt.make != nil {
					tt.make(t, path)
				}
				n, err := get().SaveFile(path, tt.opts...)
				met := errors.Is(err, tt.want)
				if tt.want == nil {
					_, met = errors.AsType[*fs.PathError](err)
				}
				if e, ok := err.(*Error); n != 0 || !ok || e.Op != "read" || !met {
					t.Errorf("SaveFile = %d, %v; want 0 and an Error of %v", n, err, tt.want)
				}
				if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
					os.Remove(path)
				}
				wantFiles(t, dir, tt.left)
			})
		}
	})
}

func writeOld(t *testing.T, path string) {
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func linkTo(target string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := os.Symlink(target, path); err != nil {
			t.Skip(err)
		}
	}
}

// A faultyDisk is an option by which writes go through a disk that fails.
type faultyDisk struct {
	room int
	err  error // nil: it takes less than it is given
}

func failingDisk(room int, err error) *faultyDisk { return &faultyDisk{room, err} }

func (*faultyDisk) option() {}
func (d *faultyDisk) file(set *fileSettings) {
	set.disk = func(w io.Writer) io.Writer { return &faultyWriter{*d, w} }
}

type faultyWriter struct {
	faultyDisk
	w io.Writer
}

func (d *faultyWriter) Write(b []byte) (int, error) {
	if len(b) <= d.room {
		d.room -= len(b)
		return d.w.Write(b)
	}
	n, err := d.w.Write(b[:d.room])
	d.room = 0
	if err == nil {
		err = d.err
	}
	return n, err
}

// TestSaveFileCut cuts bodies that would otherwise look complete to a reader of the file.
func TestSaveFileCut(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(large)))
		w.Write(large[:len(large)/2])
		w.(http.Flusher).Flush()
		if r.URL.Path == "/stall" {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	s := NewSession(Stream(true))
	defer s.Close()
	for _, tt := range []struct {
		name, path string
		want       error
	}{
		{"B255 cut", "/cut", ErrIncompleteBody},
		{"B258 cancelled", "/stall", context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r, err := s.Get(ctx, srv.URL+tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			writeOld(t, path)
			// The body is cancelled when the first block is on its way to the disk.
			disk := diskHook(func(int) {})
			if tt.want == context.Canceled {
				r.wire.src = &progress.Body{ReadCloser: r.wire.src, Meter: progress.New(func(done, _ int64) {
					if done > 0 {
						cancel()
					}
				}, -1)}
			}
			n, err := r.SaveFile(path, disk)
			if n != 0 || !errors.Is(err, tt.want) {
				t.Errorf("SaveFile = %d, %v; want 0, %v", n, err, tt.want)
			}
			wantFiles(t, dir, map[string]string{"x": "old"})
			if _, err := r.SaveFile(path); !errors.Is(err, tt.want) {
				t.Errorf("a second SaveFile = %v; want the error of the first", err)
			}
			wantFiles(t, dir, map[string]string{"x": "old"})
		})
	}
}

// diskHook is told of each write.
type diskHook func(n int)

func (diskHook) option() {}
func (h diskHook) file(set *fileSettings) {
	set.disk = func(w io.Writer) io.Writer {
		return writerFunc(func(b []byte) (int, error) {
			h(len(b))
			return w.Write(b)
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestSaveFileTwice(t *testing.T) {
	answers(t, serveLarge, func(t *testing.T, get func(...Option) *Response) {
		dir := t.TempDir()
		r := get()
		streamed := !r.loaded
		if _, err := r.SaveFile(filepath.Join(dir, "none", "x")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("SaveFile = %v; want %v", err, fs.ErrNotExist)
		}
		if _, err := r.SaveFile(filepath.Join(dir, "x")); err != nil {
			t.Errorf("SaveFile after one that touched nothing = %v", err)
		}
		_, err := r.SaveFile(filepath.Join(dir, "y"))
		want := map[string]string{"x": string(large), "y": string(large)}
		if streamed {
			delete(want, "y")
			if !errors.Is(err, ErrStreamConsumed) {
				t.Errorf("a second SaveFile = %v; want %v", err, ErrStreamConsumed)
			}
		} else if err != nil {
			t.Errorf("a second SaveFile = %v", err)
		}
		wantFiles(t, dir, want)
	})
}

// fileNames are what a server and a URL suggest, and what a file may be called.
var fileNames = []struct {
	name        string
	disposition string
	path        string
	want        string // "": none
}{
	{name: "from the header", disposition: `attachment; filename="a.txt"`, path: "/b", want: "a.txt"},
	{name: "from the URL", path: "/x/b.txt", want: "b.txt"},
	{name: "from the URL, escaped", path: "/x/b%20%C3%A4.txt", want: "b ä.txt"},
	{name: "no name in the header", disposition: `attachment`, path: "/b", want: "b"},
	{name: "neither", path: "/"},
	{name: "directory in the URL", path: "/x/"},
	{name: "dots in the URL", path: "/x/%2e%2e"},
	{name: "slash in the URL", path: "/x/%2Fetc%2fpasswd", want: "passwd"},
	{name: "NUL in the URL", path: "/x/a%00b"},
	{name: "B257 A260 path", disposition: `attachment; filename="../../etc/passwd"`, path: "/b", want: "passwd"},
	{name: "B257 A260 backslashes", disposition: `attachment; filename="..\\..\\x.bat"`, path: "/b", want: "x.bat"},
	{name: "B257 A260 extended", disposition: `attachment; filename*=UTF-8''%2e%2e%2fpasswd`, path: "/b", want: "passwd"},
	{name: "B257 A260 drive", disposition: `attachment; filename="C:x"`, path: "/b", want: "b"},
	{name: "B257 A260 stream", disposition: `attachment; filename="a:stream"`, path: "/b", want: "b"},
	{name: "B257 A260 NUL", disposition: `attachment; filename*=UTF-8''a%00b`, path: "/b", want: "b"},
	{name: "B257 A260 dots", disposition: `attachment; filename=".."`, path: "/b", want: "b"},
	{name: "B257 A260 device", disposition: `attachment; filename="NUL.txt"`, path: "/COM1"},
	{name: "B257 A260 hidden", disposition: `attachment; filename=".bashrc"`, path: "/b", want: "bashrc"},
}

func TestFilename(t *testing.T) {
	for _, tt := range fileNames {
		t.Run(tt.name, func(t *testing.T) {
			u, err := url.Parse("http://example.com" + tt.path)
			if err != nil {
				t.Fatal(err)
			}
			r := &Response{Header: http.Header{"Content-Disposition": {tt.disposition}}, URL: u}
			if got, ok := r.Filename(); got != tt.want || ok != (tt.want != "") {
				t.Errorf("Filename() = %q, %t; want %q", got, ok, tt.want)
			}
		})
	}
}

// FuzzFilename proves that no name leads out of the directory.
func FuzzFilename(f *testing.F) {
	for _, tt := range fileNames {
		f.Add(tt.disposition, tt.path)
	}
	f.Fuzz(func(t *testing.T, field, path string) {
		u, err := url.Parse("http://example.com" + path)
		if err != nil {
			return
		}
		r := &Response{Header: http.Header{"Content-Disposition": {field}}, URL: u}
		name, ok := r.Filename()
		if !ok {
			return
		}
		if name != filepath.Base(name) || name == "." || name == ".." || !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\:\x00") {
			t.Errorf("Filename of %q and %q = %q", field, path, name)
		}
	})
}

func TestSaveFileInDirectory(t *testing.T) {
	disposition := ""
	answers(t, func(w http.ResponseWriter, r *http.Request) {
		if disposition != "" {
			w.Header().Set("Content-Disposition", disposition)
		}
		if _, redirected := r.URL.Query()["hop"]; disposition == "" && !redirected {
			http.Redirect(w, r, "/.bashrc?hop", http.StatusFound)
			return
		}
		io.WriteString(w, "new")
	}, func(t *testing.T, get func(...Option) *Response) {
		t.Run("A057 A264 not of the redirect", func(t *testing.T) {
			disposition = ""
			dir := t.TempDir()
			n, err := get().SaveFile(dir)
			if n != 3 || err != nil {
				t.Errorf("SaveFile = %d, %v", n, err)
			}
			wantFiles(t, dir, map[string]string{"from-url.bin": "new"})
		})
		t.Run("of the header", func(t *testing.T) {
			disposition = `attachment; filename="../evil"`
			dir := filepath.Join(t.TempDir(), "dir")
			os.Mkdir(dir, 0o700)
			if _, err := get().SaveFile(dir + "/"); err != nil {
				t.Errorf("SaveFile = %v", err)
			}
			wantFiles(t, dir, map[string]string{"evil": "new"})
			if _, err := get().SaveFile(dir); !errors.Is(err, fs.ErrExist) {
				t.Errorf("SaveFile onto a file = %v; want %v", err, fs.ErrExist)
			}
			writeOld(t, filepath.Join(dir, "evil"))
			if _, err := get().SaveFile(dir, Overwrite(true)); err != nil {
				t.Errorf("SaveFile with Overwrite = %v", err)
			}
			wantFiles(t, dir, map[string]string{"evil": "new"})
		})
		t.Run("A266 symlink", func(t *testing.T) {
			disposition = `attachment; filename="link"`
			dir := t.TempDir()
			linkTo("../outside")(t, filepath.Join(dir, "link"))
			if _, err := get().SaveFile(dir, Overwrite(true)); !errors.Is(err, file.ErrNotRegular) {
				t.Errorf("SaveFile = %v; want %v", err, file.ErrNotRegular)
			}
		})
		t.Run("no name", func(t *testing.T) {
			disposition = `attachment; filename=".."`
			r := get()
			r.URL = &url.URL{Path: "/"}
			if _, err := r.SaveFile(t.TempDir()); !errors.Is(err, ErrInvalidOption) {
				t.Errorf("SaveFile = %v; want %v", err, ErrInvalidOption)
			}
		})
	})
}

// TestPlaceTakenMeanwhile has what must not be replaced come while the body does.
func TestPlaceTakenMeanwhile(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"directory": func(t *testing.T, path string) {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"link": func(t *testing.T, path string) { os.Symlink("mine", path) },
	} {
		t.Run(name, func(t *testing.T) {
			d := &depot{content: noise(1 << 20), tag: `"a"`}
			s, url, dir := d.start(t)
			path := filepath.Join(dir, "x")
			late := diskHook(func(int) { make(t, path) })
			writeOld(t, filepath.Join(dir, "mine"))
			if _, err := s.Download(t.Context(), url, path, late); !errors.Is(err, file.ErrNotRegular) {
				t.Errorf("Download = %v; want %v", err, file.ErrNotRegular)
			}
			os.Remove(path)
			want := map[string]string{"mine": "old", "x.part": string(d.content), "x.part.json": readFile(t, path+".part.json")}
			wantFiles(t, dir, want)
			d.requests()
			if _, err := s.Download(t.Context(), url, path); err != nil {
				t.Errorf("Download to the name that is free again = %v", err)
			}
			if got, want := d.requests(), []string{`bytes=1048576- if "a"`}; !slices.Equal(got, want) {
				t.Errorf("it asked for %q; want %q", got, want)
			}
		})
	}
}

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
