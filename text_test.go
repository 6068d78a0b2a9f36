package requests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding/unicode"
)

// unread is a response whose body is still to be read from src.
func unread(src io.Reader, encoding string, limit int64) *Response {
	r := &Response{Body: io.NopCloser(src), Header: http.Header{}, Encoding: encoding}
	p := &PreparedRequest{URL: &url.URL{Scheme: "http", Host: "a.test", Path: "/"}, Method: "GET"}
	r.complete(p, limit)
	return r
}

// all collects what an iterator over the body gives.
func all[T string | []byte](seq func(func(T, error) bool)) (list []string, err error) {
	for piece, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, string(piece))
	}
	return list, nil
}

var lineCases = []struct {
	name, body string
	want       []string
}{
	{"empty body", "", nil},
	{"no end", "one", []string{"one"}},
	{"LF", "one\ntwo\n", []string{"one", "two"}},
	{"CRLF", "one\r\ntwo\r\n", []string{"one", "two"}},
	{"CR", "one\rtwo\r", []string{"one", "two"}},
	{"mixed", "a\nb\r\nc\rd", []string{"a", "b", "c", "d"}},
	{"empty lines", "\n\r\n\r\r\n\na", []string{"", "", "", "", "", "a"}},
	{"LF CR is two", "a\n\rb", []string{"a", "", "b"}},
	{"other separators stay", "a\vb\fc\u0085d\u2028e\n", []string{"a\vb\fc\u0085d\u2028e"}},
	{"byte order mark", "\ufeffone\n\ufefftwo\n", []string{"one", "\ufefftwo"}},
	{"only a byte order mark", "\ufeff", nil},
	{"part of a byte order mark", "\xef\xbb", []string{"\ufffd"}},
	{"no UTF-8", "a\xff\xe2\x82\nb\xed\xa0\x80", []string{"a\ufffd\ufffd", "b\ufffd\ufffd\ufffd"}},
	{"cut character", "caf\xc3", []string{"caf\ufffd"}},
	{"long lines", strings.Repeat("x", 20<<10) + "\r\n" + strings.Repeat("y", 300<<10) + "\nz", []string{strings.Repeat("x", 20<<10), strings.Repeat("y", 300<<10), "z"}},
	{"windows of CRLF", strings.Repeat("0123456789012\r\n", 4000), slices.Repeat([]string{"0123456789012"}, 4000)},
}

func TestIterLines(t *testing.T) {
	for _, tt := range lineCases {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range chunkings(tt.body) {
				got, err := all(unread(src, "", 0).IterLines())
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("%s: IterLines() of %.60q = %.200q, error %v; want %.200q", name, tt.body, got, err, tt.want)
				}
			}
			r := unread(strings.NewReader(tt.body), "utf-8", 0)
			r.Load()
			for range 2 { // from memory as often as one likes
				got, err := all(r.IterLines())
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("in memory: IterLines() of %.60q = %.200q, error %v; want %.200q", tt.body, got, err, tt.want)
				}
			}
		})
	}
}

// chunkings gives a body in ways that it may arrive in.
func chunkings(body string) map[string]io.Reader {
	return map[string]io.Reader{
		"at once":             strings.NewReader(body),
		"by bytes":            iotest.OneByteReader(strings.NewReader(body)),
		"by halves":           iotest.HalfReader(strings.NewReader(body)),
		"with its end":        iotest.DataErrReader(strings.NewReader(body)),
		"by bytes, with ends": iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(body))),
	}
}

func TestIterLinesDecodes(t *testing.T) {
	const text = "h\u00e9\u4e00\n\u0a0d\U0001f600\r\nend" // U+0A0D has the bytes of CR and LF in UTF-16
	want := []string{"h\u00e9\u4e00", "\u0a0d\U0001f600", "end"}
	for _, tt := range []struct {
		name, encoding string
		wide           *unicode.Endianness
		mark           unicode.BOMPolicy
	}{
		{name: "UTF-8", encoding: "utf-8"},
		{name: "unknown", encoding: "nonsense"},
		{name: "UTF-16 by label", encoding: "utf-16le", wide: new(unicode.LittleEndian), mark: unicode.IgnoreBOM},
		{name: "UTF-16 by mark", wide: new(unicode.BigEndian), mark: unicode.UseBOM},
		{name: "UTF-16 by mark, against the label", encoding: "utf-8", wide: new(unicode.LittleEndian), mark: unicode.UseBOM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := text
			if tt.wide != nil {
				body, _ = unicode.UTF16(*tt.wide, tt.mark).NewEncoder().String(text)
			}
			for name, src := range chunkings(body) {
				got, err := all(unread(src, tt.encoding, 0).IterLines())
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s: IterLines() = %q, error %v; want %q", name, got, err, want)
				}
			}
		})
	}
}

func TestIterSplit(t *testing.T) {
	for _, tt := range []struct {
		name, body, separator string
		want                  []string
	}{
		{"commas", "a,b,c", ",", []string{"a", "b", "c"}},
		{"at the end", "a,b,", ",", []string{"a", "b", ""}},
		{"at the start", ",a", ",", []string{"", "a"}},
		{"nothing else", ",", ",", []string{"", ""}},
		{"none", "abc", ",", []string{"abc"}},
		{"empty body", "", ",", nil},
		{"two characters", "a||b|c", "||", []string{"a", "b|c"}},
		{"overlapping", "aaaaa", "aa", []string{"", "", "a"}},
		{"line ends stay", "a\r\nb\x00c\n", "\x00", []string{"a\r\nb", "c\n"}},
		{"CRLF alone", "a\r\nb\nc\r\n", "\r\n", []string{"a", "b\nc", ""}},
		{"byte order mark", "\ufeffa,b", ",", []string{"a", "b"}},
		{"long parts", strings.Repeat("x", 300<<10) + "--" + strings.Repeat("y", 300<<10), "--", []string{strings.Repeat("x", 300<<10), strings.Repeat("y", 300<<10)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range chunkings(tt.body) {
				got, err := all(unread(src, "", 0).IterSplit(tt.separator))
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("%s: IterSplit(%q) of %.60q = %.60q, error %v; want %.60q", name, tt.separator, tt.body, got, err, tt.want)
				}
			}
		})
	}
	if _, err := all(unread(strings.NewReader("abc"), "", 0).IterSplit("")); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("IterSplit(%q): error %v; want %v", "", err, ErrInvalidOption)
	}
}

func TestIterText(t *testing.T) {
	const text = "a\u00e9\u65e5\U0001f600z"
	for _, tt := range []struct {
		name string
		n    int
		want []string
	}{
		{"by bytes", 1, []string{"a", "\u00e9", "\u65e5", "\U0001f600", "z"}},
		{"by two", 2, []string{"a", "\u00e9", "\u65e5", "\U0001f600", "z"}},
		{"by five", 5, []string{"a\u00e9", "\u65e5\U0001f600", "z"}},
		{"as received", 0, []string{text}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := all(unread(strings.NewReader(text), "utf-8", 0).IterText(tt.n))
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("IterText(%d) of %q = %q, error %v; want %q", tt.n, text, got, err, tt.want)
			}
		})
	}
}

// A line is there as soon as its end is, though the body goes on.
func TestIterLinesDoesNotWait(t *testing.T) {
	for _, first := range []string{"a\n", "a\r", "a\r\n", "\xef\xbb\xbfa\n"} {
		body, server := io.Pipe()
		r := unread(body, "", 0)
		go io.WriteString(server, first) // and nothing more
		for line, err := range r.IterLines() {
			if line != "a" || err != nil {
				t.Errorf("after %q: %q, %v; want the line", first, line, err)
			}
			break
		}
		server.Close()
	}
}

// A line that is kept stays as it is, and what is appended to one runs into no other.
func TestLinesDoNotShare(t *testing.T) {
	var kept []string
	for line, err := range unread(strings.NewReader(strings.Repeat("abc\n", 100_000)), "", 0).IterLines() {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, line)
	}
	for i, line := range kept {
		if line != "abc" {
			t.Fatalf("line %d has become %q", i, line)
		}
	}
	n := 0
	for line, err := range unread(strings.NewReader("abc\ndef\nghi"), "", 0).IterLineBytes() {
		if want := "abcdefghi"[3*n : 3*n+3]; err != nil || string(line) != want {
			t.Fatalf("line %d = %q, error %v; want %q", n, line, err, want)
		}
		_ = append(line, "XXXX"...)
		n++
	}
}

// readings are all ways to read a body. Each returns what it has read.
var readings = map[string]func(*Response) (string, error){
	"Content": func(r *Response) (string, error) { return string(r.Content()), r.Err() },
	"Text":    func(r *Response) (string, error) { return r.Text(), r.Err() },
	"JSON":    func(r *Response) (string, error) { var v json.RawMessage; err := r.JSON(&v); return string(v), err },
	"Body":    func(r *Response) (string, error) { b, err := io.ReadAll(r.Body); return string(b), err },
	"Copy": func(r *Response) (string, error) {
		var b strings.Builder
		_, err := io.Copy(&b, r.Body)
		return b.String(), err
	},
	"WriteTo": func(r *Response) (string, error) {
		var b strings.Builder
		_, err := r.WriteTo(&b)
		return b.String(), err
	},
	"IterContent": func(r *Response) (string, error) {
		list, err := all(r.IterContent(0))
		return strings.Join(list, ""), err
	},
	"IterLines": func(r *Response) (string, error) {
		list, err := all(r.IterLines())
		return strings.Join(list, "\n"), err
	},
	"IterLineBytes": func(r *Response) (string, error) {
		list, err := all(r.IterLineBytes())
		return strings.Join(list, "\n"), err
	},
	"IterSplit": func(r *Response) (string, error) {
		list, err := all(r.IterSplit(","))
		return strings.Join(list, ","), err
	},
	"IterText": func(r *Response) (string, error) { list, err := all(r.IterText(7)); return strings.Join(list, ""), err },
	"Raw": func(r *Response) (string, error) {
		raw, err := r.Raw()
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(raw)
		return string(b), err
	},
	"IterJSON": func(r *Response) (string, error) {
		var b strings.Builder
		for v, err := range IterJSON[json.RawMessage](r) {
			if err != nil {
				return b.String(), err
			}
			b.Write(v)
		}
		return b.String(), nil
	},
}

func drain(r io.Reader) error {
	if r == nil {
		return nil
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// A198: MaxBody holds for every way of reading, and so does a failure of the
// connection; a body is read once, and each later reading says so.
func TestEveryWayOfReading(t *testing.T) {
	const body = "\"0123456789012345678901234567890123456789\"\n"
	broken := errors.New("broken")
	readings := maps.Clone(readings)
	readings["Events"] = func(r *Response) (string, error) {
		for _, err := range r.Events() {
			if err != nil {
				return "", err
			}
		}
		return "", nil
	}
	for name, read := range readings {
		t.Run(name, func(t *testing.T) {
			if _, err := read(unread(strings.NewReader(body), "", int64(len(body)))); err != nil {
				t.Errorf("within MaxBody: %v", err)
			}
			if _, err := read(unread(strings.NewReader(body), "", int64(len(body)-1))); !errors.Is(err, ErrBodyTooLarge) {
				t.Errorf("beyond MaxBody: error %v; want %v", err, ErrBodyTooLarge)
			}
			r := unread(io.MultiReader(strings.NewReader(body[:20]), iotest.ErrReader(broken)), "", 0)
			if _, err := read(r); !errors.Is(err, broken) {
				t.Errorf("cut: error %v; want it to be %v", err, broken)
			}
			if _, err := read(r); !errors.Is(err, broken) {
				t.Errorf("cut, again: error %v; want it to be %v", err, broken)
			}
			for other, again := range readings {
				r := unread(strings.NewReader(body), "", 0)
				if _, err := read(r); err != nil {
					t.Fatal(err)
				}
				_, err := again(r)
				switch {
				case r.Err() == nil && (name == "Content" || name == "Text" || name == "JSON"): // it is in memory
					if err != nil && other != "IterSplit" {
						t.Errorf("then %s: error %v; want none", other, err)
					}
				case (other == "Body" || other == "Copy" || other == "Raw") && err == nil: // a Reader that is at its end
				case !errors.Is(err, ErrStreamConsumed):
					t.Errorf("then %s: error %v; want %v", other, err, ErrStreamConsumed)
				}
			}
		})
	}
}

// Stopping early closes the response, and a second iteration says what is wrong.
func TestStoppingEarlyCloses(t *testing.T) {
	const body = "{\"a\":1}\n{\"a\":2}\n\ndata: x\n\n"
	stop := map[string]func(*Response) error{
		"IterContent":   func(r *Response) error { return firstOf(r.IterContent(1)) },
		"IterLines":     func(r *Response) error { return firstOf(r.IterLines()) },
		"IterLineBytes": func(r *Response) error { return firstOf(r.IterLineBytes()) },
		"IterSplit":     func(r *Response) error { return firstOf(r.IterSplit(",")) },
		"IterText":      func(r *Response) error { return firstOf(r.IterText(1)) },
		"IterJSON":      func(r *Response) error { return firstOf(IterJSON[any](r)) },
		"Events":        func(r *Response) error { return firstOf(r.Events()) },
	}
	for name, read := range stop {
		t.Run(name, func(t *testing.T) {
			src := &closing{Reader: strings.NewReader(body)}
			r := unread(src, "", 0)
			r.wire.src = src
			if err := read(r); err != nil {
				t.Fatal(err)
			}
			if src.closed != 1 {
				t.Errorf("the body was closed %d times; want once", src.closed)
			}
			if err := read(r); !errors.Is(err, ErrStreamConsumed) {
				t.Errorf("again: error %v; want %v", err, ErrStreamConsumed)
			}
		})
	}
}

// firstOf takes one piece, and returns the error if that is what comes.
func firstOf[T any](seq func(func(T, error) bool)) error {
	for _, err := range seq {
		return err
	}
	return errors.New("there was no piece")
}

type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func TestWriteTo(t *testing.T) {
	body := strings.Repeat("0123456789", 100_000)
	var out bytes.Buffer
	n, err := unread(strings.NewReader(body), "", 0).WriteTo(&out)
	if n != int64(len(body)) || err != nil || out.String() != body {
		t.Errorf("WriteTo = %d, error %v; want %d", n, err, len(body))
	}
	full := errors.New("disk full")
	r := unread(strings.NewReader(body), "", 0)
	if n, err = r.WriteTo(failingWriter{full}); n != 3 || !errors.Is(err, full) {
		t.Errorf("WriteTo a full disk = %d, error %v; want 3, %v", n, err, full)
	}
	r = unread(strings.NewReader(body), "", 0)
	if n, err = io.Copy(failingWriter{}, r.Body); n != 3 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Copy to a short writer = %d, error %v; want 3, %v", n, err, io.ErrShortWrite)
	}
	r = unread(strings.NewReader(body), "", 0)
	r.Load()
	for range 2 {
		if n, err = r.WriteTo(io.Discard); n != int64(len(body)) || err != nil {
			t.Errorf("WriteTo from memory = %d, error %v; want %d", n, err, len(body))
		}
	}
	for name, write := range map[string]func() (int64, error){
		"WriteTo": func() (int64, error) { return r.WriteTo(failingWriter{}) },
		"Copy":    func() (int64, error) { return io.Copy(failingWriter{}, r.Body) },
	} {
		if n, err := write(); n != 3 || !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s from memory to a short writer = %d, error %v; want 3, %v", name, n, err, io.ErrShortWrite)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 3, w.err }

// FuzzIterLines proves that no chunking changes the lines, and that they are
// those which a simple reading of the whole text gives.
func FuzzIterLines(f *testing.F) {
	for _, tt := range lineCases {
		f.Add(tt.body, uint8(1), ",")
		f.Add(tt.body, uint8(3), "\r\n")
	}
	f.Fuzz(func(t *testing.T, body string, size uint8, separator string) {
		if strings.HasPrefix(body, "\xff\xfe") || strings.HasPrefix(body, "\xfe\xff") {
			return // UTF-16, for another test
		}
		text := strings.TrimPrefix(body, "\ufeff")
		parts := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
		if parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
		chunks := chunkReader{strings.NewReader(body), int(size) + 1}
		got, err := all(unread(chunks, "", 0).IterLines())
		if err != nil || !slices.Equal(got, valid(parts)) {
			t.Errorf("IterLines() of %q = %q, error %v; want %q", body, got, err, valid(parts))
		}
		if separator == "" || body == "" {
			return
		}
		chunks = chunkReader{strings.NewReader(body), int(size) + 1}
		want := valid(strings.Split(text, separator))
		if got, err = all(unread(chunks, "", 0).IterSplit(separator)); err != nil || !slices.Equal(got, want) {
			t.Errorf("IterSplit(%q) of %q = %q, error %v; want %q", separator, body, got, err, want)
		}
	})
}

func valid(parts []string) []string {
	for i, p := range parts {
		parts[i] = validText([]byte(p))
	}
	return parts
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body string
		encoding, apparent      string
		want                    string
	}{
		{name: "header", contentType: "text/plain; charset=windows-1251", body: "\xcf\xf0\xe8", encoding: "windows-1251", want: "\u041f\u0440\u0438"},
		{name: "mark over header", contentType: "text/plain; charset=latin-1", body: "\xef\xbb\xbf\xc3\xa9", encoding: "latin-1", apparent: "utf-8", want: "\u00e9"},
		{name: "mark", contentType: "text/plain", body: "\xff\xfeh\x00\xe9\x00", apparent: "utf-16le", want: "h\u00e9"},
		{name: "meta", contentType: "text/html", body: "<meta charset=iso-8859-2>\xb3", apparent: "iso-8859-2", want: "<meta charset=iso-8859-2>\u0142"},
		{name: "header over meta", contentType: "text/html; charset=utf-8", body: "<meta charset=iso-8859-2>\u0142", encoding: "utf-8", apparent: "iso-8859-2", want: "<meta charset=iso-8859-2>\u0142"},
		{name: "XML declaration", contentType: "application/atom+xml", body: "<?xml version='1.0' encoding='iso-8859-2'?>\xb3", apparent: "iso-8859-2", want: "<?xml version='1.0' encoding='iso-8859-2'?>\u0142"},
		{name: "UTF-8", contentType: "text/plain", body: "caf\u00e9", apparent: "utf-8", want: "caf\u00e9"},
		{name: "JSON has a default", contentType: "application/json", body: "\"\u00e9\"", encoding: "utf-8", apparent: "utf-8", want: "\"\u00e9\""},
		{name: "JSON with parameters", contentType: "Application/JSON; profile=x", body: "\"\u00e9\"", encoding: "utf-8", apparent: "utf-8", want: "\"\u00e9\""},
		{name: "detected", contentType: "text/plain", body: "D\xe9j\xe0 vu, d\xe9tect\xe9 \xe0 la fran\xe7aise, et m\xeame tr\xe8s s\xfbrement", apparent: "windows-1252", want: "D\u00e9j\u00e0 vu, d\u00e9tect\u00e9 \u00e0 la fran\u00e7aise, et m\u00eame tr\u00e8s s\u00fbrement"},
		{name: "B170 bogus charset", contentType: "text/plain; charset=bogus", body: "caf\u00e9 \xff", encoding: "bogus", want: "caf\u00e9 \ufffd"},
		{name: "B170 duplicate charset", contentType: "text/plain; charset=utf-8; charset=latin-1", body: "\u00e9", encoding: "utf-8", apparent: "utf-8", want: "\u00e9"},
		{name: "B170 empty charset", contentType: "text/plain; charset=", body: "\u00e9", apparent: "utf-8", want: "\u00e9"},
		{name: "single quotes", contentType: "text/plain; charset='iso-8859-1'", body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "both quotes", contentType: `text/plain; charset="'iso-8859-1'"`, body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "one quote", contentType: "text/plain; charset=iso-8859-1'", body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "quotes alone", contentType: "text/plain; charset=''", body: "caf\u00e9", apparent: "utf-8", want: "caf\u00e9"},
		{name: "quotes alone, JSON", contentType: "application/json; charset='utf-8'", body: "\"\u00e9\"", encoding: "utf-8", want: "\"\u00e9\""},
		{name: "B170 only separators", contentType: ";;;", body: "\u00e9", apparent: "utf-8", want: "\u00e9"},
		{name: "B171 UTF-7 is not known", contentType: "text/html; charset=utf-7", body: "+ADw-script+AD4-", encoding: "utf-7", apparent: "utf-8", want: "+ADw-script+AD4-"},
		{name: "B171 one byte of UTF-16", contentType: "text/plain; charset=utf-16", body: "h", encoding: "utf-16", want: "\ufffd"},
		{name: "empty", contentType: "text/html", body: "", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := unread(strings.NewReader(tt.body), "", 0)
			r.Header = http.Header{"Content-Type": {tt.contentType}}
			r.Encoding = headerCharset(r.Header)
			if r.Encoding != tt.encoding {
				t.Errorf("the Encoding by %q is %q; want %q", tt.contentType, r.Encoding, tt.encoding)
			}
			if got := r.Text(); got != tt.want {
				t.Errorf("Text() of %q = %q; want %q", tt.body, got, tt.want)
			}
			if got := r.ApparentEncoding(); tt.apparent != "" && got != tt.apparent {
				t.Errorf("ApparentEncoding() of %q = %q; want %q", tt.body, got, tt.apparent)
			}
		})
	}
}

// Text of UTF-8 costs the one string that it is.
func TestTextCopiesOnce(t *testing.T) {
	r := unread(strings.NewReader(strings.Repeat("na\u00efve ", 100_000)), "utf-8", 0)
	r.Load()
	var text string
	n := 0.0
	for range 5 { // what goroutines of other tests allocate at their end is counted, too
		if n = testing.AllocsPerRun(10, func() { text = r.Text() }); n <= 1 {
			break
		}
	}
	if n > 1 {
		t.Errorf("Text() allocates %v times; want once", n)
	}
	if len(text) != len(r.Content()) {
		t.Errorf("Text() is of %d bytes; want %d", len(text), len(r.Content()))
	}
}
