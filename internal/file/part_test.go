package file

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

const source = "http://a.test/file?key=secret"

// part opens the part of x in dir.
func part(t *testing.T, dir string) *Part {
	t.Helper()
	p := in(t, dir, true)
	require.NoError(t, p.Name("x"))
	f, err := p.Part(source)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// fill writes a text behind what f has.
func fill(t *testing.T, f *Part, text string) {
	t.Helper()
	s := Span{At: f.Size(), End: -1}
	n, err := f.Writer(&s).Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
	f.Grow(s.At)
}

// TestPart has one process begin a file, and another one go on with it.
func TestPart(t *testing.T) {
	const tag = Validator(`"a"`)
	for _, tt := range []struct {
		name   string
		first  func(t *testing.T, f *Part)
		usable int64 // afterwards
		whole  int64
		v      Validator
		left   map[string]string // "x.part.json" is there if it is here
	}{
		{name: "nothing", first: func(t *testing.T, f *Part) {}, whole: -1, left: map[string]string{"x.part": "", "x.part.json": ""}},
		{name: "nothing, suspended", first: func(t *testing.T, f *Part) { f.Suspend() }, whole: -1, left: map[string]string{}},
		{name: "some", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			fill(t, f, "hello")
			f.Suspend()
		}, usable: 5, whole: 10, v: tag, left: map[string]string{"x.part": "hello", "x.part.json": ""}},
		{name: "some, of a process that has died", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			fill(t, f, "hello")
		}, usable: 5, whole: 10, v: tag, left: map[string]string{"x.part": "hello", "x.part.json": ""}},
		{name: "of an unknown size", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, -1))
			fill(t, f, "hello")
			f.Suspend()
		}, usable: 5, whole: -1, v: tag, left: map[string]string{"x.part": "hello", "x.part.json": ""}},
		{name: "without a validator", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart("", 10))
			fill(t, f, "hello")
			f.Suspend()
		}, whole: -1, left: map[string]string{}},
		{name: "distrusted", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			fill(t, f, "hello")
			require.True(t, f.Trusted())
			f.Distrust()
			require.False(t, f.Trusted())
			f.Suspend()
		}, whole: -1, left: map[string]string{}},
		{name: "begun anew", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			fill(t, f, "hello")
			require.NoError(t, f.Restart(`"b"`, 4))
			fill(t, f, "ab")
		}, usable: 2, whole: 4, v: `"b"`, left: map[string]string{"x.part": "ab", "x.part.json": ""}},
		{name: "beyond what is known to be good", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			fill(t, f, "hello")
			f.Grow(3)
			f.Suspend()
		}, usable: 3, whole: 10, v: tag, left: map[string]string{"x.part": "hel", "x.part.json": ""}},
		{name: "larger than the whole", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 4))
			fill(t, f, "hello")
		}, whole: 4, v: tag, left: map[string]string{"x.part": "hello", "x.part.json": ""}},
		{name: "scattered, of a process that has died", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			require.NoError(t, f.Scatter())
			fill(t, f, "hello")
		}, whole: -1, left: map[string]string{"x.part": "hello", "x.part.json": ""}},
		{name: "scattered and gathered", first: func(t *testing.T, f *Part) {
			require.NoError(t, f.Restart(tag, 10))
			require.NoError(t, f.Scatter())
			_, err := f.Writer(&Span{At: 5, End: 10}).Write([]byte("world"))
			require.NoError(t, err)
			_, err = f.Writer(&Span{At: 0, End: 5}).Write([]byte("hel"))
			require.NoError(t, err)
			require.NoError(t, f.Gather(3))
		}, usable: 3, whole: 10, v: tag, left: map[string]string{"x.part": "hel", "x.part.json": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			f := part(t, dir)
			tt.first(t, f)
			f.Close()
			left := files(t, dir)
			state := left["x.part.json"]
			require.NotContains(t, state, "secret")
			if _, ok := left["x.part.json"]; ok {
				left["x.part.json"] = ""
			}
			require.Equal(t, tt.left, left)

			again := part(t, dir)
			require.Equal(t, []any{tt.usable, tt.whole, tt.v}, []any{again.Usable(), again.Whole(), again.Validator()})
		})
	}
}

// TestPartOfOthers finds what is no part of this file.
func TestPartOfOthers(t *testing.T) {
	state := func(change func(map[string]any)) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			f := part(t, dir)
			require.NoError(t, f.Restart(`"a"`, 10))
			fill(t, f, "hello")
			f.Close()
			path := filepath.Join(dir, "x.part.json")
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			m := map[string]any{}
			require.NoError(t, json.Unmarshal(data, &m))
			change(m)
			data, err = json.Marshal(m)
			require.NoError(t, err)
			write(t, path, string(data))
		}
	}
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
		want error
	}{
		{"without a state", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x.part"), "mine") }, fs.ErrExist},
		{"a link", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "mine"), "mine")
			require.NoError(t, os.Symlink("mine", filepath.Join(dir, "x.part")))
		}, ErrNotRegular},
		{"a state that is a link", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "mine"), "{}")
			require.NoError(t, os.Symlink("mine", filepath.Join(dir, "x.part.json")))
		}, ErrNotRegular},
		{"a directory", func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(filepath.Join(dir, "x.part"), 0o700)) }, ErrNotRegular},
		{"a torn state", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x.part.json"), `{"url_sha256":"`) }, nil},
		{"an endless state", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "x.part.json"), `{"validator":"\"a\"","x":"`+strings.Repeat("x", maxState)+`"}`)
		}, nil},
		{"of another source", state(func(m map[string]any) { m["url_sha256"] = "x" }), nil},
		{"a weak validator", state(func(m map[string]any) { m["validator"] = `W/"a"` }), nil},
		{"a validator with a field in it", state(func(m map[string]any) { m["validator"] = "\"a\"\r\nX: y" }), nil},
		{"no validator", state(func(m map[string]any) { delete(m, "validator") }), nil},
		{"no whole", state(func(m map[string]any) { delete(m, "size") }), nil},
		{"another type", state(func(m map[string]any) { m["size"] = "10" }), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			before := files(t, dir)
			p := in(t, dir, true)
			require.NoError(t, p.Name("x"))
			f, err := p.Part(source)
			require.ErrorIs(t, err, tt.want)
			if err != nil {
				require.Equal(t, before, files(t, dir))
				return
			}
			defer f.Close()
			require.Zero(t, f.Usable())
		})
	}
}

// TestPartFinish makes a part the file, or keeps it if only the name is missing.
func TestPartFinish(t *testing.T) {
	kept := map[string]string{"x.part": content, "x.part.json": ""}
	for _, tt := range []struct {
		name  string
		v     Validator
		later string
		sum   Checksum
		want  error
		files map[string]string
	}{
		{name: "complete", v: `"a"`, files: map[string]string{"x": content}},
		{name: "over a file", v: `"a"`, later: "file", files: map[string]string{"x": content}},
		{name: "another file", v: `"a"`, sum: Checksum{"md5": strings.Repeat("0", 32)}, want: fault.Checksum, files: map[string]string{}},
		{name: "over a directory", v: `"a"`, later: "directory", want: ErrNotRegular, files: kept},
		{name: "over a directory, and not to be gone on with", later: "directory", want: ErrNotRegular, files: map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			f := part(t, dir)
			require.NoError(t, f.Restart(tt.v, int64(len(content))))
			fill(t, f, content)
			if tt.later != "" {
				makes[tt.later](t, dir)
			}
			require.ErrorIs(t, f.Finish(tt.sum), tt.want)
			got := files(t, dir)
			if tt.want == ErrNotRegular {
				delete(got, "x")
			}
			if _, ok := got["x.part.json"]; ok {
				got["x.part.json"] = ""
			}
			require.Equal(t, tt.files, got)
		})
	}
}

// TestPartDisk has the disk fail: what was written before counts, unless the
// disk itself is broken.
func TestPartDisk(t *testing.T) {
	for _, tt := range []struct {
		err     error
		trusted bool
	}{
		{errNoSpace, true},
		{&fs.PathError{Op: "write", Err: errQuota}, true},
		{nil, true},
		{syscall.EIO, false},
		{&fs.PathError{Op: "write", Err: syscall.EIO}, false},
	} {
		f := part(t, t.TempDir())
		f.place.Disk = func(w io.Writer) io.Writer {
			return writerFunc(func(b []byte) (int, error) {
				n, err := w.Write(b[:3])
				return n, errors.Join(err, tt.err)
			})
		}
		s := Span{At: 0, End: 10}
		n, err := f.Writer(&s).Write([]byte("hello"))
		if tt.err == nil {
			tt.err = io.ErrShortWrite
		}
		require.ErrorIs(t, err, tt.err)
		require.Equal(t, []any{3, int64(3), tt.trusted}, []any{n, s.At, f.Trusted()})
	}
}

// FuzzState proves that a state which somebody has written gives no validator
// that could not go into a field.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"url_sha256":"x","validator":"\"a\"","size":10}`))
	f.Add([]byte(`{"validator":"Mon, 02 Jan 2006 15:04:05 GMT"}`))
	f.Add([]byte(`{"validator":"\"a\"\r\nX: y"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := string(parseState(data).Validator)
		if strings.ContainsAny(v, "\r\n\x00") || v != "" && v[0] != '"' && !isHTTPDate(v) {
			t.Errorf("the state %q has the validator %q", data, v)
		}
	})
}
