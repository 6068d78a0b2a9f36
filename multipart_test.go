package requests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// prepareUpload prepares a POST that is not sent.
func prepareUpload(t *testing.T, opts ...Option) *PreparedRequest {
	t.Helper()
	p, err := NewRequest("POST", "http://a.test/", opts...).Prepare(bg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// multipartText is the body of p with B for its boundary.
func multipartText(t *testing.T, p *PreparedRequest) string {
	t.Helper()
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	body := readBody(t, p)
	if n := p.ContentLength(); n >= 0 && n != int64(len(body)) {
		t.Errorf("ContentLength() = %d; want %d", n, len(body))
	}
	return strings.ReplaceAll(string(body), "--"+params["boundary"], "--B")
}

func readBody(t *testing.T, p *PreparedRequest) []byte {
	t.Helper()
	r, err := p.Body()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// writeFile makes a file of the test's own.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// namedReader has a Name, as files do.
type namedReader struct {
	io.Reader
	name string
}

func (n namedReader) Name() string { return n.name }

func TestFiles(t *testing.T) {
	path := writeFile(t, "n.txt", "from a path")
	onDisk, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer onDisk.Close()
	onDisk.Seek(5, io.SeekStart)
	part := func(disposition, rest string) string {
		return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n" + rest + "\r\n"
	}
	for _, tt := range []struct {
		name string
		opts []Option
		want string // without the end
	}{
		{"type", []Option{Files{{Field: "f", Name: "n.txt", Reader: strings.NewReader("c"), ContentType: "text/plain"}}},
			part(`name="f"; filename="n.txt"`, "Content-Type: text/plain\r\n\r\nc")},
		{"field as filename", []Option{Files{{Field: "f", Reader: strings.NewReader("c")}}}, part(`name="f"; filename="f"`, "\r\nc")},
		{"path", []Option{Files{{Field: "f", Path: path}}}, part(`name="f"; filename="n.txt"`, "\r\nfrom a path")},
		{"path with a name", []Option{Files{{Field: "f", Path: path, Name: "other"}}}, part(`name="f"; filename="other"`, "\r\nfrom a path")},
		{"open file from where it stands", []Option{Files{{Field: "f", Reader: onDisk}}}, part(`name="f"; filename="n.txt"`, "\r\na path")},
		{"name of a reader", []Option{Files{{Field: "f", Reader: namedReader{strings.NewReader("c"), "a/b.bin"}}}}, part(`name="f"; filename="b.bin"`, "\r\nc")},
		{"description for a name", []Option{Files{{Field: "f", Reader: namedReader{strings.NewReader("c"), "<stdin>"}}}}, part(`name="f"; filename="f"`, "\r\nc")},
		{"description, begun", []Option{Files{{Field: "f", Reader: namedReader{strings.NewReader("c"), "<fdopen"}}}}, part(`name="f"; filename="f"`, "\r\nc")},
		{"description, ended", []Option{Files{{Field: "f", Reader: namedReader{strings.NewReader("c"), "fdopen>"}}}}, part(`name="f"; filename="f"`, "\r\nc")},
		{"empty name of a reader", []Option{Files{{Field: "f", Reader: namedReader{strings.NewReader("c"), ""}}}}, part(`name="f"; filename="f"`, "\r\nc")},
		{"no name", []Option{Files{{Field: "f", Name: NoName, Reader: strings.NewReader("{}"), ContentType: "application/json"}}},
			part(`name="f"`, "Content-Type: application/json\r\n\r\n{}")},
		{"empty name", []Option{Files{{Field: "f", Name: EmptyName, Reader: strings.NewReader("")}}}, part(`name="f"; filename=""`, "\r\n")},
		{"no type is guessed", []Option{Files{{Field: "f", Name: "a.png", Reader: strings.NewReader("c")}}}, part(`name="f"; filename="a.png"`, "\r\nc")},
		{"part fields", []Option{Files{{Field: "f", Reader: strings.NewReader("c"), ContentType: "text/plain",
			Header: textproto.MIMEHeader{"x-b": {"2", "3"}, "X-A": {"1"}, "X-C": {""}, "Content-Type": {"text/x"}, "Content-Disposition": {"inline"}}}}},
			part(`name="f"; filename="f"`, "Content-Type: text/plain\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\nc")},
		{"type of the fields", []Option{Files{{Field: "f", Reader: strings.NewReader("c"), Header: textproto.MIMEHeader{"Content-Type": {"text/x"}}}}},
			part(`name="f"; filename="f"`, "Content-Type: text/x\r\n\r\nc")},
		{"text fields first", []Option{Files{{Field: "f", Reader: strings.NewReader("c")}}, Form{"z": true, "a": []any{1, nil, "x"}, "n": nil}, Form{"b": []byte("\xff\x00")}},
			part(`name="a"`, "\r\n1") + part(`name="a"`, "\r\nx") + part(`name="z"`, "\r\ntrue") + part(`name="b"`, "\r\n\xff\x00") + part(`name="f"; filename="f"`, "\r\nc")},
		{"text stays as it is", []Option{Files{{Field: "f", Reader: strings.NewReader("\r\nx\r\n")}}, Form{"t": "a\r\nb\n"}},
			part(`name="t"`, "\r\na\r\nb\n") + part(`name="f"; filename="f"`, "\r\n\r\nx\r\n")},
		{"several of a field, several options", []Option{Files{{Field: "f", Reader: strings.NewReader("1")}, {Field: "g", Reader: strings.NewReader("2")}}, Files{{Field: "f", Reader: strings.NewReader("3")}}},
			part(`name="f"; filename="f"`, "\r\n1") + part(`name="g"; filename="g"`, "\r\n2") + part(`name="f"; filename="f"`, "\r\n3")},
		{"looks like a boundary", []Option{Files{{Field: "f", Reader: strings.NewReader("--\r\n--abc\r\n\r\n--")}}}, part(`name="f"; filename="f"`, "\r\n--\r\n--abc\r\n\r\n--")},
		{"unknown length", []Option{Files{{Field: "f", Reader: iotest.OneByteReader(strings.NewReader("pipe"))}, {Field: "g", Path: path}}},
			part(`name="f"; filename="f"`, "\r\npipe") + part(`name="g"; filename="n.txt"`, "\r\nfrom a path")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := multipartText(t, prepareUpload(t, tt.opts...)), tt.want+"--B--\r\n"; got != want {
				t.Errorf("body = %q; want %q", got, want)
			}
		})
	}
}

func TestFilesWithoutElements(t *testing.T) {
	p := prepareUpload(t, Files{}, Form{"a": 1})
	if got, want := p.Header.Get("Content-Type"), "application/x-www-form-urlencoded"; got != want {
		t.Errorf("Content-Type = %q; want %q", got, want)
	}
	if got := string(readBody(t, p)); got != "a=1" {
		t.Errorf("body = %q; want %q", got, "a=1")
	}
}

// TestFilesRefused has what is found before anything is sent.
func TestFilesRefused(t *testing.T) {
	content := func() io.Reader { return strings.NewReader("c") }
	dir := t.TempDir()
	locked := writeFile(t, "locked", "x")
	os.Chmod(locked, 0)
	for _, tt := range []struct {
		name string
		opts []Option
		want error
	}{
		{"C083 NUL in the field", []Option{Files{{Field: "a\x00b", Reader: content()}}}, ErrInvalidOption},
		{"C083 NUL in the filename", []Option{Files{{Field: "f", Name: "a\x00b", Reader: content()}}}, ErrInvalidOption},
		{"C083 NUL alone", []Option{Files{{Field: "f", Name: "\x00", Reader: content()}}}, ErrInvalidOption},
		{"C083 ESC in the filename", []Option{Files{{Field: "f", Name: "a\x1b[2J", Reader: content()}}}, ErrInvalidOption},
		{"C083 DEL in the field", []Option{Files{{Field: "a\x7f", Reader: content()}}}, ErrInvalidOption},
		{"C083 control in the name of a reader", []Option{Files{{Field: "f", Reader: namedReader{content(), "a\x01"}}}}, ErrInvalidOption},
		{"C083 NUL in a text field", []Option{Files{{Field: "f", Reader: content()}}, Form{"a\x00": "b"}}, ErrInvalidOption},
		{"C086 empty field", []Option{Files{{Reader: content()}}}, ErrInvalidOption},
		{"C086 empty text field", []Option{Files{{Field: "f", Reader: content()}}, Form{"": "b"}}, ErrInvalidOption},
		{"C087 A131 CRLF in the type", []Option{Files{{Field: "f", Reader: content(), ContentType: "text/plain\r\nX-Evil: 1"}}}, ErrInvalidHeader},
		{"C087 LF in the type", []Option{Files{{Field: "f", Reader: content(), ContentType: "a\nb"}}}, ErrInvalidHeader},
		{"C087 NUL in the type", []Option{Files{{Field: "f", Reader: content(), ContentType: "a\x00b"}}}, ErrInvalidHeader},
		{"C087 A131 CRLF in a part field", []Option{Files{{Field: "f", Reader: content(), Header: textproto.MIMEHeader{"X-A": {"1\r\n\r\nforged"}}}}}, ErrInvalidHeader},
		{"C087 CRLF in the name of a part field", []Option{Files{{Field: "f", Reader: content(), Header: textproto.MIMEHeader{"X-A: 1\r\nX-B": {"1"}}}}}, ErrInvalidHeader},
		{"C087 empty name of a part field", []Option{Files{{Field: "f", Reader: content(), Header: textproto.MIMEHeader{"": {"1"}}}}}, ErrInvalidHeader},
		{"C087 framing of a part", []Option{Files{{Field: "f", Reader: content(), Header: textproto.MIMEHeader{"Content-Length": {"1"}}}}}, ErrInvalidHeader},
		{"C088 boundary with CRLF", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": "multipart/form-data; boundary=a\r\nb"}}, ErrInvalidHeader},
		{"C088 boundary with a quote", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": `multipart/form-data; boundary="a\"b"`}}, ErrInvalidOption},
		{"C088 empty boundary", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": `multipart/form-data; boundary=""`}}, ErrInvalidOption},
		{"C088 long boundary", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": "multipart/form-data; boundary=" + strings.Repeat("b", 71)}}, ErrInvalidOption},
		{"C088 trailing space", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": `multipart/form-data; boundary="b "`}}, ErrInvalidOption},
		{"another type", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": "text/plain"}}, ErrInvalidOption},
		{"two types", []Option{Files{{Field: "f", Reader: content()}}, Headers{"Content-Type": []string{"multipart/form-data", "multipart/form-data"}}}, ErrInvalidOption},
		{"C090 JSON and Files", []Option{JSON(1), Files{{Field: "f", Reader: content()}}}, ErrInvalidOption},
		{"C090 Files and Text", []Option{Files{{Field: "f", Reader: content()}}, Text("raw")}, ErrInvalidOption},
		{"C090 JSON, Form and Files", []Option{JSON(1), Form{"a": 1}, Files{{Field: "f", Reader: content()}}}, ErrInvalidOption},
		{"C090 neither Path nor Reader", []Option{Files{{Field: "f"}}}, ErrInvalidOption},
		{"C090 typed nil", []Option{Files{{Field: "f", Reader: (*os.File)(nil)}}}, ErrInvalidOption},
		{"both Path and Reader", []Option{Files{{Field: "f", Path: writeFile(t, "x", "c"), Reader: content()}}}, ErrInvalidOption},
		{"C091 nested value", []Option{Files{{Field: "f", Reader: content()}}, Form{"a": [][]string{{"b"}}}}, ErrInvalidOption},
		{"C093 missing", []Option{Files{{Field: "f", Path: filepath.Join(dir, "none")}}}, os.ErrNotExist},
		{"C093 folder", []Option{Files{{Field: "f", Path: dir}}}, ErrInvalidOption},
		{"C093 folder as a reader", []Option{Files{{Field: "f", Reader: openFile(t, dir)}}}, ErrInvalidOption},
		{"C093 device", []Option{Files{{Field: "f", Path: os.DevNull}}}, ErrInvalidOption},
		{"C093 unreadable", []Option{Files{{Field: "f", Path: locked}}}, os.ErrPermission},
		{"lengths that overflow", []Option{Files{{Field: "f", Reader: lengthOf(math.MaxInt)}, {Field: "g", Reader: lengthOf(1)}}}, ErrInvalidOption},
		{"text that overflows", []Option{Files{{Field: "f", Reader: lengthOf(math.MaxInt)}}}, ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.HasSuffix(tt.name, "overflow") || strings.HasSuffix(tt.name, "overflows") {
				if strconv.IntSize < 64 {
					t.Skip("what Len can say here does not overflow a length")
				}
			}
			if errors.Is(tt.want, os.ErrPermission) && os.Getuid() <= 0 {
				t.Skip("the superuser reads everything, and Windows has other permissions")
			}
			p, err := NewRequest("POST", "http://a.test/", tt.opts...).Prepare(bg)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Prepare() = %v, %v; want %v", p, err, tt.want)
			}
			if e, ok := errors.AsType[*Error](err); !ok || e.Op != "prepare" {
				t.Errorf("Prepare() = %#v; want an *Error of prepare", err)
			}
			if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Errorf("error %q has control characters", err)
			}
		})
	}
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// lengthOf announces a length and has nothing.
type lengthOf int

func (n lengthOf) Len() int               { return int(n) }
func (lengthOf) Read([]byte) (int, error) { return 0, io.EOF }

func TestFilesForSessions(t *testing.T) {
	files := Files{{Field: "f", Reader: strings.NewReader("c")}}
	s := NewSession(files)
	if _, err := s.Get(t.Context(), "http://a.test/"); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("NewSession(Files) and Get = %v; want %v", err, ErrInvalidOption)
	}
	if _, err := new(Session).Send(t.Context(), prepareUpload(t), files); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("Send(Files) = %v; want %v", err, ErrInvalidOption)
	}
}

// The last element of a path is the filename, whatever leads there.
func TestFilesNameOfAPath(t *testing.T) {
	path := writeFile(t, "passwd", "root")
	up := filepath.Join(filepath.Dir(path), "..", filepath.Base(filepath.Dir(path)), "passwd")
	if got, want := multipartText(t, prepareUpload(t, Files{{Field: "f", Path: up}})), `filename="passwd"`; !strings.Contains(got, want+"\r\n") {
		t.Errorf("C085 body = %q; want %s", got, want)
	}
}

// A Content-Type given by hand is completed, and its boundary kept.
func TestFilesType(t *testing.T) {
	for given, want := range map[string]string{
		"multipart/form-data; charset=utf-8": "multipart/form-data; charset=utf-8; boundary=*", "multipart/mixed; boundary=mine": "multipart/mixed; boundary=mine",
	} {
		p := prepareUpload(t, Headers{"content-type": given}, Files{{Field: "f", Reader: strings.NewReader("c")}})
		got := p.Header.Get("Content-Type")
		_, params, err := mime.ParseMediaType(got)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(want, "*", params["boundary"]); got != want {
			t.Errorf("Content-Type = %q; want %q", got, want)
		}
		if body := readBody(t, p); !bytes.HasPrefix(body, []byte("--"+params["boundary"]+"\r\n")) {
			t.Errorf("body = %q; want the boundary %q", body, params["boundary"])
		}
	}
}

// TestFilesLength has the rule: known if each file's is.
func TestFilesLength(t *testing.T) {
	known := File{Field: "f", Reader: strings.NewReader("c")}
	unknown := File{Field: "g", Reader: iotest.DataErrReader(strings.NewReader("c"))}
	for _, tt := range []struct {
		name       string
		files      Files
		known      bool
		replayable bool
	}{
		{"known", Files{known, {Field: "p", Path: writeFile(t, "a", "b")}}, true, true},
		{"unknown", Files{known, unknown}, false, false},
		{"unknown first", Files{unknown, known}, false, false},
		{"known once", Files{known, {Field: "b", Reader: bytes.NewBufferString("c")}}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := prepareUpload(t, tt.files)
			if got := p.ContentLength(); (got > 0) != tt.known || !tt.known && got != -1 {
				t.Errorf("ContentLength() = %d; want known %v", got, tt.known)
			}
			if got := p.Replayable(); got != tt.replayable {
				t.Errorf("Replayable() = %v; want %v", got, tt.replayable)
			}
			if _, ok := p.Bytes(); ok {
				t.Error("Bytes() has the body; want a stream")
			}
			first := readBody(t, p)
			if _, err := p.Body(); errors.Is(err, ErrBodyNotReplayable) == tt.replayable {
				t.Errorf("second Body() = %v; want replayable %v", err, tt.replayable)
			}
			if tt.replayable {
				if second := readBody(t, p); !bytes.Equal(first, second) {
					t.Errorf("second body = %q; want %q", second, first)
				}
			}
		})
	}
}

// TestFilesWire looks at what a server gets, twice by a redirect.
func TestFilesWire(t *testing.T) {
	path := writeFile(t, "a.txt", strings.Repeat("0123456789", 20_000))
	seeker := strings.NewReader("skipped, not skipped")
	seeker.Seek(9, io.SeekStart)
	files := Files{{Field: "a", Path: path}, {Field: "b", Reader: seeker}}
	w := newWire(t, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", answerOK)
	r, err := Post(t.Context(), w.url, Form{"kind": "avatar"}, files)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 200 || len(r.History) != 1 {
		t.Errorf("Post() = %d after %d redirects; want 200 after 1", r.StatusCode, len(r.History))
	}
	first, second := w.next(t), w.next(t)
	if !bytes.Equal(first.body, second.body) || second.path != "/next" || len(first.body) < 200_000 {
		t.Errorf("bodies of %d and %d bytes differ", len(first.body), len(second.body))
	}
	for _, got := range []received{first, second} {
		if got.err != nil || got.length != int64(len(got.body)) || got.header.Get("Transfer-Encoding") != "" {
			t.Errorf("length %d for %d bytes, error %v; want an exact length", got.length, len(got.body), got.err)
		}
	}
	if !bytes.Contains(second.body, []byte("\r\n\r\nnot skipped\r\n")) {
		t.Errorf("the second body lacks the reader")
	}
	if n := openCount(t, path); n != 0 {
		t.Errorf("%d descriptors of the file are open; want none", n)
	}
}

// openCount returns how many of the descriptors of this process are for path.
func openCount(t *testing.T, path string) (n int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); target == path {
			n++
		}
	}
	return n
}

// TestFilesLazy has a file open only while it is its turn.
func TestFilesLazy(t *testing.T) {
	a, b := writeFile(t, "a", "AAAA"), writeFile(t, "b", "BBBB")
	p := prepareUpload(t, Files{{Field: "a", Path: a}, {Field: "b", Path: b}})
	body, err := p.Body()
	if err != nil {
		t.Fatal(err)
	}
	var one [1]byte
	seen := map[string]bool{}
	for {
		_, err := body.Read(one[:])
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(openCount(t, a), openCount(t, b))] = true
		if one[0] == 'B' {
			break
		}
	}
	body.Close()
	body.Close()
	if n := openCount(t, a) + openCount(t, b); n != 0 {
		t.Errorf("%d files are open after Close; want none", n)
	}
	if !seen["0 0"] || !seen["1 0"] || !seen["0 1"] || seen["1 1"] {
		t.Errorf("open at the same time: %v; want one at a time", seen)
	}
	if _, err := body.Read(one[:]); err == nil || err == io.EOF {
		t.Errorf("Read after Close = %v; want an error", err)
	}
}

// TestFilesMemory sends far more than it allocates.
func TestFilesMemory(t *testing.T) {
	path := writeFile(t, "big", "")
	if err := os.Truncate(path, 64<<20); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := prepareUpload(t, Files{{Field: "f", Path: path}})
	body, err := p.Body()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	runtime.ReadMemStats(&after)
	if err != nil || n != p.ContentLength() {
		t.Fatalf("Copy() = %d, %v; want %d", n, err, p.ContentLength())
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated for 64 MiB; want less than 1 MiB", got)
	}
}

// http.Request is what servers take such a body apart with.
func TestFilesParsed(t *testing.T) {
	p := prepareUpload(t, Form{"a": []int{1, 2}}, Files{{Field: "f", Path: writeFile(t, "x.bin", "\x00\xff")}})
	hr := http.Request{Method: "POST", Header: p.Header, Body: io.NopCloser(bytes.NewReader(readBody(t, p)))}
	if err := hr.ParseMultipartForm(1 << 20); err != nil {
		t.Fatal(err)
	}
	if got := hr.MultipartForm.Value["a"]; !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("a = %q; want [1 2]", got)
	}
	if got := hr.MultipartForm.File["f"]; len(got) != 1 || got[0].Filename != "x.bin" || got[0].Size != 2 {
		t.Errorf("f = %v; want x.bin of 2 bytes", got)
	}
}
