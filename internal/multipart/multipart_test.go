package multipart

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/suite"
)

// memory is a file of text, and of a length that it tells or not.
func memory(text string, f File) *File {
	f.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	if f.Length == 0 {
		f.Length = int64(len(text))
	}
	return &f
}

// whole closes the body, reads it twice and returns it.
func whole(t *testing.T, b *Body) string {
	t.Helper()
	require.NoError(t, b.Close())
	text, err := io.ReadAll(b.Open())
	require.NoError(t, err)
	if b.Length() >= 0 {
		require.EqualValues(t, len(text), b.Length())
	}
	require.NoError(t, iotest.TestReader(struct{ io.Reader }{b.Open()}, text))
	return string(text)
}

func TestBody(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  func(*Body) error
		want string // without the end
	}{
		{"nothing", func(*Body) error { return nil }, ""},
		{"a field", func(b *Body) error { return b.AddField("a", "1") }, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"},
		{"a field as it is", func(b *Body) error { return b.AddField("a", "\r\n--B\x00\xff") }, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--B\x00\xff\r\n"},
		{"a file", func(b *Body) error {
			return b.AddFile("f", memory("c", File{Filename: "n", ContentType: "text/plain"}))
		},
			"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\nContent-Type: text/plain\r\n\r\nc\r\n"},
		{"an empty filename", func(b *Body) error { return b.AddFile("f", memory("c", File{})) }, "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\nc\r\n"},
		{"no filename", func(b *Body) error { return b.AddFile("f", memory("", File{Unnamed: true})) }, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n\r\n"},
		{"fields of a part", func(b *Body) error {
			return b.AddFile("f", memory("c", File{Unnamed: true, ContentType: "a/b", Header: textproto.MIMEHeader{
				"x-b": {"2", "3"}, "X-A": {"1\t"}, "X-C": {""}, "content-type": {"c/d"}, "Content-Disposition": {"inline"}}}))
		}, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\nContent-Type: a/b\r\nX-A: 1\t\r\nX-B: 2\r\nX-B: 3\r\n\r\nc\r\n"},
		{"unknown length", func(b *Body) error {
			return errors.Join(b.AddFile("f", memory("c", File{Unnamed: true, Length: -1})), b.AddFile("g", memory("d", File{Unnamed: true})), b.AddField("a", "1"))
		}, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nc\r\n--B\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\nd\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := New("B")
			require.NoError(t, tt.add(b))
			require.Equal(t, tt.want+"--B--\r\n", whole(t, b))
		})
	}
}

func TestRefused(t *testing.T) {
	header := func(name, value string) *File {
		return memory("c", File{Header: textproto.MIMEHeader{name: {value}}})
	}
	for name, tt := range map[string]struct {
		add  func(*Body) error
		want error
	}{
		"no field name":               {func(b *Body) error { return b.AddField("", "1") }, fault.InvalidOption},
		"NUL in a field name":         {func(b *Body) error { return b.AddField("a\x00", "1") }, fault.InvalidOption},
		"DEL in the name of a file":   {func(b *Body) error { return b.AddFile("a\x7f", memory("c", File{})) }, fault.InvalidOption},
		"ESC in a filename":           {func(b *Body) error { return b.AddFile("f", memory("c", File{Filename: "a\x1b[2J"})) }, fault.InvalidOption},
		"CRLF in a type":              {func(b *Body) error { return b.AddFile("f", memory("c", File{ContentType: "a/b\r\nX: 1"})) }, fault.InvalidHeader},
		"forged part":                 {func(b *Body) error { return b.AddFile("f", header("X-A", "1\r\n\r\nforged")) }, fault.InvalidHeader},
		"CRLF in the name of a field": {func(b *Body) error { return b.AddFile("f", header("X-A: 1\r\nX-B", "1")) }, fault.InvalidHeader},
		"quote in the name":           {func(b *Body) error { return b.AddFile("f", header(`"`, "1")) }, fault.InvalidHeader},
		"colon in the name":           {func(b *Body) error { return b.AddFile("f", header("X:A", "1")) }, fault.InvalidHeader},
		"field without a name":        {func(b *Body) error { return b.AddFile("f", header("", "1")) }, fault.InvalidHeader},
		"lengths that overflow": {func(b *Body) error {
			return errors.Join(b.AddFile("f", &File{Length: 1<<63 - 1}), b.AddFile("g", &File{Length: 1}))
		}, fault.InvalidOption},
		"text that overflows": {func(b *Body) error { return errors.Join(b.AddFile("f", &File{Length: 1<<63 - 1}), b.Close()) }, fault.InvalidOption},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, tt.add(New("B")), tt.want) })
	}
}

// Names are escaped as browsers do it, or sent as they are.
func TestNames(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"C080 quote", `a"b`, `a%22b`},
		{"C081 CR and LF", "a\rb\nc\r\nd", "a%0Db%0Ac%0D%0Ad"},
		{"C082 backslash", `a\b\`, `a\b\`},
		{"C084 not ASCII", "é日本😀", "é日本😀"},
		{"C085 path given by hand", "../../etc/passwd", "../../etc/passwd"},
		{"C085 path of Windows", `C:\x\y`, `C:\x\y`},
		{"A132 forged parameters", `x"; name="y`, `x%22; name=%22y`},
		{"A132 backslash and quote", `x\"; name="y`, `x\%22; name=%22y`},
		{"percent stays", "100%22", "100%22"},
		{"forged part", "a\r\nContent-Type: evil\r\n\r\nb", "a%0D%0AContent-Type: evil%0D%0A%0D%0Ab"},
		{"not UTF-8", "a\xffb", "a\xffb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := New("B")
			require.NoError(t, b.AddField(tt.in, "v"))
			require.NoError(t, b.AddFile(tt.in, memory("c", File{Filename: tt.in})))
			require.Equal(t, "--B\r\nContent-Disposition: form-data; name=\""+tt.want+"\"\r\n\r\nv\r\n"+
				"--B\r\nContent-Disposition: form-data; name=\""+tt.want+"\"; filename=\""+tt.want+"\"\r\n\r\nc\r\n--B--\r\n", whole(t, b))
		})
	}
}

// The boundary cannot be foretold, and is new for each body.
func TestType(t *testing.T) {
	t.Run("A133 C089 random", func(t *testing.T) {
		seen := map[string]bool{}
		for range 100 {
			b, contentType, err := Type(nil)
			require.NoError(t, err)
			require.Equal(t, "multipart/form-data; boundary="+b, contentType)
			require.Regexp(t, "^[0-9a-f]{32}$", b)
			require.False(t, seen[b])
			seen[b] = true
		}
	})
	for _, tt := range []struct{ name, given, boundary, want string }{
		{"none", "multipart/form-data", "*", "multipart/form-data; boundary=*"},
		{"none, but more", "Multipart/Form-Data; charset=utf-8;", "*", "Multipart/Form-Data; charset=utf-8; boundary=*"},
		{"given", "multipart/form-data; boundary=mine", "mine", "multipart/form-data; boundary=mine"},
		{"quoted", `multipart/mixed; boundary="my own"`, "my own", `multipart/mixed; boundary="my own"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, contentType, err := Type([]string{tt.given})
			require.NoError(t, err)
			require.Equal(t, strings.ReplaceAll(tt.boundary, "*", b), b)
			require.Equal(t, strings.ReplaceAll(tt.want, "*", b), contentType)
		})
	}
	for _, given := range [][]string{
		{"text/plain"}, {"multipart"}, {"multipart/form-data", "multipart/form-data"}, {`multipart/form-data; boundary="a\"b"`}, {`multipart/form-data; boundary=""`},
		{"multipart/form-data; boundary=" + strings.Repeat("b", 71)}, {`multipart/form-data; boundary="b "`}, {"multipart/form-data; boundary=a\r\nb"},
	} {
		_, _, err := Type(given)
		require.ErrorIs(t, err, fault.InvalidOption, "%q", given)
	}
}

// A tracked file counts how often it is opened and closed.
type tracked struct {
	io.Reader
	open, opened *int
}

func (f tracked) Close() error { *f.open--; return nil }

// A file is open only while it is its turn, and again for each reading.
func TestOneFileAtATime(t *testing.T) {
	var open, opened int
	b := New("B")
	for _, text := range []string{"AAAA", "BBBB", ""} {
		require.NoError(t, b.AddFile("f", &File{Length: int64(len(text)), Open: func() (io.ReadCloser, error) {
			open++
			opened++
			require.Equal(t, 1, open)
			return tracked{strings.NewReader(text), &open, &opened}, nil
		}}))
	}
	require.NoError(t, b.Close())
	require.Zero(t, opened)
	for range 2 {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{b.Open()})
		require.NoError(t, err)
		require.Zero(t, open)
	}
	require.Equal(t, 6, opened)
	r := b.Open()
	for one := []byte{0}; one[0] != 'A'; {
		_, err := r.Read(one)
		require.NoError(t, err)
	}
	require.Equal(t, 1, open)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	require.Zero(t, open)
}

// What fails while it is opened or read fails the body, with its error as it was.
func TestFailingFile(t *testing.T) {
	broken := errors.New("broken")
	for name, open := range map[string]func() (io.ReadCloser, error){
		"Open": func() (io.ReadCloser, error) { return nil, broken },
		"Read": func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(broken)), nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := New("B")
			require.NoError(t, b.AddFile("f", &File{Open: open, Length: 4}))
			require.NoError(t, b.Close())
			text, err := io.ReadAll(b.Open())
			require.Equal(t, broken, err)
			require.NotContains(t, string(text), "--B--")
		})
	}
}

// What there is goes out before a read that may block.
func TestBlocks(t *testing.T) {
	pr, pw := io.Pipe()
	b := New("B")
	require.NoError(t, b.AddFile("f", &File{Open: func() (io.ReadCloser, error) { return pr, nil }, Length: -1, Blocks: true}))
	require.NoError(t, b.Close())
	body := b.Open()
	buf := make([]byte, 1<<10)
	n, err := body.Read(buf)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(buf[:n]), "\r\n\r\n"))
	go pw.Write([]byte("now"))
	n, err = body.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "now", string(buf[:n]))
	pw.Close()
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "\r\n--B--\r\n", string(rest))
}

// The vectors of the Web Platform Tests for forms. Browsers turn every line end of
// names and values into CRLF before (HTML, section 4.10.21.4, "constructing the
// entry list"), which Requests does not.
func TestWebPlatform(t *testing.T) {
	var cases []struct {
		Encoding, Name, Description, Expected string
		Value                                 json.RawMessage
	}
	suite.Read(t, "external/wpt-multipart/multipart-formdata.json", &cases)
	for _, tt := range cases {
		t.Run(tt.Description, func(t *testing.T) {
			if tt.Encoding != "utf-8" {
				t.Skip("names are UTF-8")
			}
			var text string
			var file struct{ Body, Filename, Type string }
			b := New("BOUNDARY")
			var err error
			if json.Unmarshal(tt.Value, &text) == nil {
				err = b.AddField(tt.Name, text)
			} else {
				require.NoError(t, json.Unmarshal(tt.Value, &file))
				err = b.AddFile(tt.Name, memory(file.Body, File{Filename: file.Filename, ContentType: file.Type}))
			}
			if strings.Contains(tt.Name+file.Filename, "\x00") {
				require.ErrorIs(t, err, fault.InvalidOption)
				return
			}
			require.NoError(t, err)
			got := whole(t, b)
			if strings.ContainsAny(tt.Name+text, "\r\n") {
				require.Equal(t, "--BOUNDARY\r\nContent-Disposition: form-data; name=\""+strings.NewReplacer("\r", "%0D", "\n", "%0A").Replace(tt.Name)+"\"\r\n\r\n"+text+"\r\n--BOUNDARY--\r\n", got)
				return
			}
			var want []byte
			for _, r := range tt.Expected { // each character stands for a byte
				want = append(want, byte(r))
			}
			require.Equal(t, string(want), got)
		})
	}
}

// Whatever the names and fields are, mime/multipart reads the parts that were added.
func FuzzBody(f *testing.F) {
	f.Add("field", "name.txt", "text/plain", "X-Part", "1", "content", "text")
	f.Add(`a"b`, "a\r\nb", "", "", "", "--\r\n--", "\r\n")
	f.Add("é", `C:\x\y`, "a/b; c=\"d\"", "content-type", "x", "\x00", "")
	f.Add("a\x00", "", "a\r\nb", "Content-Disposition", "a\nb", "", "\n")
	f.Fuzz(func(t *testing.T, field, name, contentType, key, value, data, text string) {
		boundary, contentTypeOfAll, err := Type(nil)
		require.NoError(t, err)
		_, params, err := mime.ParseMediaType(contentTypeOfAll)
		require.NoError(t, err)
		require.Equal(t, boundary, params["boundary"])
		b := New(boundary)
		err = errors.Join(b.AddField(field, text),
			b.AddFile(field, memory(data, File{Filename: name, ContentType: contentType, Header: textproto.MIMEHeader{key: {value}}})),
			b.AddFile("last", memory(data, File{Unnamed: true, Length: -1})), b.Close())
		if err != nil {
			return
		}
		escape := func(s string) string {
			s = strings.ReplaceAll(strings.ReplaceAll(s, "\r", "%0D"), "\n", "%0A")
			return `"` + strings.ReplaceAll(s, `"`, "%22") + `"`
		}
		want := []struct{ disposition, data string }{
			{"form-data; name=" + escape(field), text},
			{"form-data; name=" + escape(field) + "; filename=" + escape(name), data},
			{`form-data; name="last"`, data},
		}
		text2, err := io.ReadAll(b.Open())
		require.NoError(t, err)
		r := multipart.NewReader(bytes.NewReader(text2), boundary)
		for i, w := range want {
			part, err := r.NextRawPart()
			if err != nil {
				t.Fatalf("part %d: %v", i, err)
			}
			got, err := io.ReadAll(part)
			if err != nil || string(got) != w.data {
				t.Errorf("part %d = %q, %v; want %q", i, got, err, w.data)
			}
			if got := part.Header["Content-Disposition"]; !slices.Equal(got, []string{w.disposition}) {
				t.Errorf("part %d has the disposition %q; want %q", i, got, w.disposition)
			}
			if n := len(part.Header); n > 3 {
				t.Errorf("part %d has %d fields: %v", i, n, part.Header)
			}
		}
		if _, err := r.NextRawPart(); err != io.EOF {
			t.Errorf("after the last part: %v; want %v", err, io.EOF)
		}
	})
}

// A large file goes through without being held.
func BenchmarkBody(b *testing.B) {
	const size = 64 << 20
	body := New("B")
	for range 4 {
		body.AddField("a", "value")
		body.AddFile("f", &File{Filename: "n", Length: size / 4, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(zeros{}, size/4)), nil
		}})
	}
	body.Close()
	buf := make([]byte, 128<<10)
	b.SetBytes(body.Length())
	b.ReportAllocs()
	for b.Loop() {
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body.Open()}, buf)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
