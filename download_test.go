package requests

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests/internal/file"
)

// A depot serves one file, and breaks off or lies where it is told to.
type depot struct {
	content []byte
	tag     string // the ETag; "" is none
	date    bool   // it has a Last-Modified
	noRange bool   // knows no ranges
	chunked bool   // says of no response how long it is
	coding  string // the Content-Encoding that it names

	mu    sync.Mutex
	cuts  []int                                                        // after how many bytes each of the first responses breaks off
	lie   func(w http.ResponseWriter, r *http.Request, first int) bool // for requests of a range; true: it has answered
	asked []string                                                     // the Range of each request, with If-Range
}

func (d *depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	asked, cut := r.Header.Get("Range"), -1
	if v := r.Header.Get("If-Range"); v != "" {
		asked += " if " + v
	}
	d.asked = append(d.asked, asked)
	if len(d.cuts) > 0 {
		cut, d.cuts = d.cuts[0], d.cuts[1:]
	}
	content, tag, lie := d.content, d.tag, d.lie
	d.mu.Unlock()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	modified := time.Time{}
	if d.date {
		modified = time.Date(1999, 1, 2, 15, 4, 5, 0, time.UTC) // the clock of synctest begins in 2000
	}
	if d.noRange {
		r.Header.Del("Range")
	}
	if rest, ok := strings.CutPrefix(asked, "bytes="); ok && lie != nil {
		number, _, _ := strings.Cut(rest, "-")
		first, _ := strconv.Atoi(number)
		if lie(w, r, first) {
			return
		}
	}
	if cut >= 0 {
		w = &cutter{w, cut}
	}
	if d.chunked {
		w = &chunker{w}
	}
	if d.coding != "" {
		w.Header().Set("Content-Encoding", d.coding)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", modified, bytes.NewReader(content))
}

// cutter breaks the connection after so many bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.ResponseWriter.Write(b)
	}
	c.ResponseWriter.Write(b[:c.left])
	c.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// chunker leaves the length out.
type chunker struct{ http.ResponseWriter }

func (c *chunker) WriteHeader(status int) {
	c.Header().Del("Content-Length")
	c.ResponseWriter.WriteHeader(status)
}

// staller writes no more after so many bytes, until the client has gone.
type staller struct {
	http.ResponseWriter
	r    *http.Request
	left int
}

func (s *staller) Write(b []byte) (int, error) {
	if len(b) <= s.left {
		s.left -= len(b)
		return s.ResponseWriter.Write(b)
	}
	s.ResponseWriter.Write(b[:s.left])
	s.ResponseWriter.(http.Flusher).Flush()
	<-s.r.Context().Done()
	return 0, s.r.Context().Err()
}

// requests returns what was asked since the last call.
func (d *depot) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

func (d *depot) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// start serves d, and returns how to download from it into a directory.
func (d *depot) start(t *testing.T) (s *Session, url, dir string) {
	s = NewSession()
	s.Mount("http://", Handler(d))
	t.Cleanup(func() { s.Close() })
	return s, "http://example.com/file", t.TempDir()
}

// bubble runs a test in which waiting takes no time.
func bubble(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// noise is content of which no two parts are alike.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

func sum(b []byte) Checksum {
	s := sha256.Sum256(b)
	return Checksum{"sha256": hex.EncodeToString(s[:])}
}

func TestDownload(t *testing.T) {
	content := noise(1 << 20)
	const date = "Sat, 02 Jan 1999 15:04:05 GMT"
	for _, tt := range []struct {
		name  string
		depot *depot
		opts  []Option
		asked []string
	}{
		{name: "at once", depot: &depot{tag: `"a"`}, asked: []string{""}},
		{name: "empty", depot: &depot{content: []byte{}}, asked: []string{""}},
		{name: "goes on by tag", depot: &depot{tag: `"a"`, cuts: []int{1000, 500000}}, asked: []string{"", `bytes=1000- if "a"`, `bytes=501000- if "a"`}},
		{name: "goes on by date", depot: &depot{date: true, cuts: []int{1000}}, asked: []string{"", "bytes=1000- if " + date}},
		{name: "cut before the first byte", depot: &depot{tag: `"a"`, cuts: []int{0}}, asked: []string{"", ""}},
		{name: "weak tag", depot: &depot{tag: `W/"a"`, date: true, cuts: []int{1000}}, asked: []string{"", ""}},
		{name: "no validator", depot: &depot{cuts: []int{1000}}, asked: []string{"", ""}},
		{name: "as often as the retries allow", depot: &depot{tag: `"a"`, cuts: slices.Repeat([]int{1000}, 7)}, opts: []Option{Retry{Read: 7}},
			asked: []string{"", `bytes=1000- if "a"`, `bytes=2000- if "a"`, `bytes=3000- if "a"`, `bytes=4000- if "a"`, `bytes=5000- if "a"`, `bytes=6000- if "a"`, `bytes=7000- if "a"`}},
		{name: "B251 range ignored", depot: &depot{tag: `"a"`, noRange: true, cuts: []int{1000}}, asked: []string{"", `bytes=1000- if "a"`}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := tt.depot
			if d.content == nil {
				d.content = content
			}
			s, url, dir := d.start(t)
			path := filepath.Join(dir, "x")
			writeOld(t, path)
			n, err := s.Download(context.Background(), url, path, append(tt.opts, sum(d.content))...)
			if n != int64(len(d.content)) || err != nil {
				t.Errorf("Download = %d, %v; want %d", n, err, len(d.content))
			}
			wantFiles(t, dir, map[string]string{"x": string(d.content)})
			if got := d.requests(); !slices.Equal(got, tt.asked) {
				t.Errorf("it asked for %q; want %q", got, tt.asked)
			}
		})
	}
}

// TestDownloadLater goes on with what an earlier call left behind.
func TestDownloadLater(t *testing.T) {
	content, other := noise(1<<20), bytes.Repeat([]byte("other"), 1<<17)
	const cut = 600000
	whole := map[string]string{"x": string(content)}
	for _, tt := range []struct {
		name   string
		before func(d *depot, part string) // the second call
		asked  []string
		want   error // of it
		files  map[string]string
	}{
		{name: "B255 goes on", asked: []string{`bytes=600000- if "a"`}, files: whole},
		{name: "B254 another version", before: func(d *depot, part string) { d.content, d.tag = other, `"b"` },
			asked: []string{`bytes=600000- if "a"`}, files: map[string]string{"x": string(other)}},
		{name: "B254 another version, If-Range ignored", before: func(d *depot, part string) {
			d.content, d.tag = other, `"b"`
			d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool { r.Header.Del("If-Range"); return false }
		}, asked: []string{`bytes=600000- if "a"`, ""}, files: map[string]string{"x": string(other)}},
		{name: "A219 no validator in the 206", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) { h.Del("ETag") })
		}, asked: []string{`bytes=600000- if "a"`, ""}, files: whole},
		{name: "B252 other start", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first-1, len(content)-1, len(content)))
			})
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "B252 other total", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(content), len(content)+1))
			})
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "B252 unknown total", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", first, len(content)-1))
			})
		}, asked: []string{`bytes=600000- if "a"`}, files: whole},
		{name: "B252 other end", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(content)-2, len(content)))
			})
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "B252 no Content-Range", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) { h.Del("Content-Range") })
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "B252 multipart/byteranges", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) { h.Set("Content-Type", "multipart/byteranges; boundary=x") })
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "A219 Content-Length beside the range", before: func(d *depot, part string) {
			d.lie = rangeLie(func(h http.Header, first int) { h.Set("Content-Length", strconv.Itoa(len(content)-first-1)) })
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "A219 body longer than the range", before: func(d *depot, part string) {
			d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(content)-1, len(content)))
				w.WriteHeader(http.StatusPartialContent)
				w.(http.Flusher).Flush()
				w.Write(content[first:])
				w.Write([]byte("more"))
				return true
			}
		}, asked: []string{`bytes=600000- if "a"`}, want: ErrProtocol},
		{name: "B253 complete", before: func(d *depot, part string) { os.WriteFile(part, content, 0o600) },
			asked: []string{`bytes=1048576- if "a"`}, files: whole},
		{name: "B253 larger", before: func(d *depot, part string) { os.WriteFile(part, append(content[:1<<20:1<<20], 'x'), 0o600) },
			asked: []string{""}, files: whole},
		{name: "B253 complete, and another version by now", before: func(d *depot, part string) {
			os.WriteFile(part, content, 0o600)
			d.content, d.tag = other, `"b"`
			d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool { r.Header.Del("If-Range"); return false }
		}, asked: []string{`bytes=1048576- if "a"`, ""}, files: map[string]string{"x": string(other)}},
		{name: "part without its state", before: func(d *depot, part string) { os.Remove(part + ".json") },
			want: fs.ErrExist, files: map[string]string{"x.part": string(content[:cut])}},
		{name: "state torn", before: func(d *depot, part string) { os.WriteFile(part+".json", []byte(`{"url_sha256":"`), 0o600) },
			asked: []string{""}, files: whole},
		{name: "state with a header in it", before: func(d *depot, part string) {
			changeState(part, "validator", "\"a\"\r\nX: y")
		}, asked: []string{""}, files: whole},
		{name: "state of another URL", before: func(d *depot, part string) { changeState(part, "url_sha256", "x") },
			asked: []string{""}, files: whole},
		{name: "not there any more", before: func(d *depot, part string) {
			d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool { http.NotFound(w, r); return true }
		}, asked: []string{`bytes=600000- if "a"`}, want: errStatus, files: map[string]string{"x.part": string(content[:cut]), "x.part.json": ""}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`, cuts: []int{cut}}
			s, url, dir := d.start(t)
			path := filepath.Join(dir, "x")
			broken := s.With()
			broken.Hooks.Request = []OnRequest{allow(1)}
			if n, err := broken.Download(context.Background(), url, path); n != 0 || err != errNoMore {
				t.Fatalf("the first Download = %d, %v; want %v", n, err, errNoMore)
			}
			wantFiles(t, dir, map[string]string{"x.part": string(content[:cut]), "x.part.json": readFile(t, path+".part.json")})
			d.requests()
			d.cuts = nil
			if tt.before != nil {
				tt.before(d, path+".part")
			}
			_, err := s.Download(context.Background(), url, path)
			if _, status := err.(*HTTPError); !errors.Is(err, tt.want) && !(status && tt.want == errStatus) {
				t.Errorf("Download = %v; want %v", err, tt.want)
			}
			if got := d.requests(); !slices.Equal(got, tt.asked) {
				t.Errorf("it asked for %q; want %q", got, tt.asked)
			}
			if _, ok := tt.files["x.part.json"]; ok {
				tt.files["x.part.json"] = readFile(t, path+".part.json")
			}
			wantFiles(t, dir, tt.files)
		})
	}
}

var (
	errNoMore = errors.New("no more requests")
	errStatus = errors.New("a bad status")
)

// allow lets n requests be sent.
func allow(n int) OnRequest {
	return func(context.Context, *PreparedRequest) error {
		if n--; n < 0 {
			return errNoMore
		}
		return nil
	}
}

// rangeLie changes the header of what is otherwise a right answer.
func rangeLie(f func(h http.Header, first int)) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, first int) bool {
		rec := httptest.NewRecorder()
		rec.Header().Set("ETag", w.Header().Get("ETag"))
		http.ServeContent(rec, r, "", time.Time{}, bytes.NewReader(noise(1<<20)))
		for name, v := range rec.Header() {
			w.Header()[name] = v
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		f(w.Header(), first)
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
		return true
	}
}

func changeState(part, name, value string) {
	data, _ := os.ReadFile(part + ".json")
	state := map[string]any{}
	json.Unmarshal(data, &state)
	state[name] = value
	data, _ = json.Marshal(state)
	os.WriteFile(part+".json", data, 0o600)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDownloadFails counts what is left behind.
func TestDownloadFails(t *testing.T) {
	content := noise(1 << 20)
	cuts := slices.Repeat([]int{1000}, 20)
	for _, tt := range []struct {
		name   string
		depot  *depot
		opts   []Option
		path   string
		make   func(t *testing.T, path string)
		want   error // nil: an fs.PathError of any kind
		op     string
		asked  int
		files  map[string]string
		status int
	}{
		{name: "B255 cut, and nothing to go on with", depot: &depot{cuts: cuts}, want: ErrIncompleteBody, op: "read", asked: 1 + resumption.Total, files: map[string]string{"x": "old"}},
		{name: "B255 cut again and again", depot: &depot{tag: `"a"`, cuts: cuts}, want: ErrIncompleteBody, op: "read", asked: 1 + resumption.Total,
			files: map[string]string{"x": "old", "x.part": string(content[:6000]), "x.part.json": ""}},
		{name: "no retries", depot: &depot{cuts: cuts}, opts: []Option{Retry{}}, want: ErrIncompleteBody, op: "read", asked: 1, files: map[string]string{"x": "old"}},
		{name: "A263 checksum", depot: &depot{tag: `"a"`}, opts: []Option{Checksum{"md5": strings.Repeat("0", 32)}}, want: ErrChecksum, op: "read", asked: 1, files: map[string]string{"x": "old"}},
		{name: "B250 disk full", depot: &depot{tag: `"a"`}, opts: []Option{failingDisk(300<<10, errNoSpace)}, want: errNoSpace, op: "read", asked: 1,
			files: map[string]string{"x": "old", "x.part": string(content[:300<<10]), "x.part.json": ""}},
		{name: "B250 disk full at once", depot: &depot{tag: `"a"`}, opts: []Option{failingDisk(0, errNoSpace)}, want: errNoSpace, op: "read", asked: 1, files: map[string]string{"x": "old"}},
		{name: "B250 disk full, and nothing to go on with", depot: &depot{}, opts: []Option{failingDisk(300<<10, errNoSpace)}, want: errNoSpace, op: "read", asked: 1, files: map[string]string{"x": "old"}},
		{name: "B250 disk broken", depot: &depot{tag: `"a"`}, opts: []Option{failingDisk(300<<10, syscall.EIO)}, want: syscall.EIO, op: "read", asked: 1, files: map[string]string{"x": "old"}},
		{name: "B250 short write", depot: &depot{tag: `"a"`}, opts: []Option{failingDisk(300<<10, nil)}, op: "read", want: io.ErrShortWrite, asked: 1,
			files: map[string]string{"x": "old", "x.part": string(content[:300<<10]), "x.part.json": ""}},
		{name: "B256 symlink", path: "l", make: linkTo("x"), want: file.ErrNotRegular, op: "prepare", files: map[string]string{"x": "old", "l": "old"}},
		{name: "B256 partial file is a symlink", path: "y", make: func(t *testing.T, path string) { linkTo("x")(t, path+".part") }, want: file.ErrNotRegular, op: "prepare", files: map[string]string{"x": "old", "y.part": "old"}},
		{name: "B256 state is a symlink", path: "y", make: func(t *testing.T, path string) { linkTo("x")(t, path+".part.json") }, want: file.ErrNotRegular, op: "prepare", files: map[string]string{"x": "old", "y.part.json": "old"}},
		{name: "B256 exists", opts: []Option{Overwrite(false)}, want: fs.ErrExist, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "B256 no such directory", path: "y/x", want: fs.ErrNotExist, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "B256 below a file", path: "x/y", op: "prepare", files: map[string]string{"x": "old"}},
		{name: "B256 read-only", path: "y", make: func(t *testing.T, path string) { readOnly(t, filepath.Dir(path)) }, want: fs.ErrPermission, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "body", opts: []Option{Text("x")}, want: ErrInvalidOption, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "range", opts: []Option{Headers{"range": "bytes=0-1"}}, want: ErrInvalidOption, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "parallel", opts: []Option{Parallel(-1)}, want: ErrInvalidOption, op: "prepare", files: map[string]string{"x": "old"}},
		{name: "checksum", opts: []Option{Checksum{"sha256": "x"}}, want: ErrInvalidOption, op: "prepare", files: map[string]string{"x": "old"}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := tt.depot
			if d == nil {
				d = new(depot)
			}
			d.content = content
			s, url, dir := d.start(t)
			writeOld(t, filepath.Join(dir, "x"))
			if tt.path == "" {
				tt.path = "x"
			}
			path := filepath.Join(dir, tt.path)
			if tt.make != nil {
				tt.make(t, path)
			}
			n, err := s.Download(context.Background(), url, path, tt.opts...)
			met := errors.Is(err, tt.want)
			if tt.want == nil {
				_, met = errors.AsType[*fs.PathError](err)
			}
			if e, ok := err.(*Error); n != 0 || !ok || e.Op != tt.op || !met {
				t.Errorf("Download = %d, %v; want an Error of %q, %v", n, err, tt.op, tt.want)
			}
			if got := d.requests(); len(got) != tt.asked {
				t.Errorf("it asked for %q; want %d requests", got, tt.asked)
			}
			if _, ok := tt.files["x.part.json"]; ok {
				tt.files["x.part.json"] = readFile(t, path+".part.json")
			}
			wantFiles(t, dir, tt.files)
		})
	}
}

// TestDownloadRetries goes by the Retry of the call, the session, the adapter.
func TestDownloadRetries(t *testing.T) {
	for _, tt := range []struct {
		name          string
		adapter       Retry
		session, call []Option
		asked         int
	}{
		{name: "adapter", adapter: Retry{Read: 2}, asked: 3},
		{name: "adapter, more than without one", adapter: Retry{Total: 7}, asked: 8},
		{name: "adapter that forbids it", adapter: Retry{Connect: 3, Read: -1}, asked: 1},
		{name: "session before adapter", adapter: Retry{Read: 2}, session: []Option{Retry{Read: 1}}, asked: 2},
		{name: "call before session", adapter: Retry{Read: 2}, session: []Option{Retry{Read: 1}}, call: []Option{Retry{}}, asked: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &depot{content: noise(100000), tag: `"a"`, cuts: slices.Repeat([]int{1000}, 20)}
			srv := httptest.NewServer(d)
			defer srv.Close()
			s := over(t, &HTTPAdapter{Retry: tt.adapter}, tt.session...)
			_, err := s.Download(bg, srv.URL, filepath.Join(t.TempDir(), "x"), tt.call...)
			isAll(t, err, ErrIncompleteBody)
			if n := len(d.requests()); n != tt.asked {
				t.Errorf("it asked %d times; want %d", n, tt.asked)
			}
		})
	}
	t.Run("none says anything", func(t *testing.T) {
		d, err := over(t, &HTTPAdapter{Retry: Retry{Backoff: time.Hour}}).newDownload("http://a.test/", filepath.Join(t.TempDir(), "x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		if d.retry != &resumption {
			t.Errorf("it goes by %+v; want %+v", d.retry, resumption)
		}
	})
}

func readOnly(t *testing.T, dir string) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("permissions do not bind this user")
	}
	os.Chmod(dir, 0o500)
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
}

func TestDownloadStatus(t *testing.T) {
	for _, status := range []int{204, 206, 304, 404, 416, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
			defer srv.Close()
			for _, s := range []*Session{NewSession(), NewSession(RaiseForStatus(true))} {
				defer s.Close()
				dir := t.TempDir()
				_, err := s.Download(context.Background(), srv.URL, filepath.Join(dir, "x"))
				if e, ok := err.(*HTTPError); status >= 400 && !(ok && e.Response.StatusCode == status) || status < 400 && !errors.Is(err, ErrProtocol) {
					t.Errorf("Download of a %d = %v", status, err)
				}
				wantFiles(t, dir, nil)
			}
		})
	}
}

// TestDownloadCoded has a server that codes what it was asked to send as it is.
func TestDownloadCoded(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding: %s; want identity", got)
		}
		if got := r.Header.Get("Range"); got != "" {
			t.Errorf("Range: %s of a coded file", got)
		}
		data := gzipped(t, large)
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		if calls == 1 {
			w.Write(data[:len(data)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Write(data)
	}))
	defer srv.Close()
	dir := t.TempDir()
	n, err := Download(context.Background(), srv.URL, filepath.Join(dir, "x"))
	if n != int64(len(large)) || err != nil || calls != 2 {
		t.Errorf("Download = %d, %v after %d requests; want %d after 2", n, err, calls, len(large))
	}
	wantFiles(t, dir, map[string]string{"x": string(large)})
}

func TestDownloadCancelled(t *testing.T) {
	content := noise(1 << 20)
	for _, ranges := range []Parallel{1, 3} {
		t.Run(fmt.Sprintf("B258 parallel %d", ranges), func(t *testing.T) {
			d := &depot{content: slices.Repeat(content, 4), tag: `"a"`}
			var cancelled atomic.Bool
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !cancelled.Load() {
					w = &staller{w, r, 500000}
				}
				d.ServeHTTP(w, r)
			}))
			defer srv.Close()
			s, dir, url := NewSession(), t.TempDir(), srv.URL
			defer s.Close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			path := filepath.Join(dir, "x")
			n, err := s.Download(ctx, url, path, ranges, OnProgress(func(done, total int64) {
				if done > 0 {
					cancelled.Store(true)
					cancel()
				}
			}))
			if n != 0 || !errors.Is(err, context.Canceled) {
				t.Errorf("Download = %d, %v; want %v", n, err, context.Canceled)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("the file has its name")
			}
			n, err = s.Download(context.Background(), url, path, sum(d.content))
			if n != int64(len(d.content)) || err != nil {
				t.Errorf("Download afterwards = %d, %v; want %d", n, err, len(d.content))
			}
			wantFiles(t, dir, map[string]string{"x": string(d.content)})
		})
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
