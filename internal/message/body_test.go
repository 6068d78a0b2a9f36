package message

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-requests/requests/internal/fault"
)

// A sink records each Write.
type sink struct {
	writes []string
	err    error // of the second Write
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil && len(s.writes) == 1 {
		return 0, s.err
	}
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func (s *sink) String() string { return strings.Join(s.writes, "") }

func TestWriteBody(t *testing.T) {
	large := strings.Repeat("0123456789", 10_000)
	for _, tt := range []struct {
		name   string
		length int64
		body   io.Reader
		want   string
	}{
		{"none", 0, nil, ""},
		{"none, of a source", 0, strings.NewReader(""), ""},
		{"sized", 5, strings.NewReader("hello"), "hello"},
		{"sized, with the end", 5, iotest.DataErrReader(strings.NewReader("hello")), "hello"},
		{"sized, byte for byte", 5, iotest.OneByteReader(strings.NewReader("hello")), "hello"},
		{"sized, large", int64(len(large)), strings.NewReader(large), large},
		{"chunked", -1, strings.NewReader("hello"), "5\r\nhello\r\n0\r\n\r\n"},
		{"chunked, with the end", -1, iotest.DataErrReader(strings.NewReader("hello")), "5\r\nhello\r\n0\r\n\r\n"},
		{"chunked, in two", -1, io.MultiReader(strings.NewReader("hello"), strings.NewReader(strings.Repeat("x", 16))), "5\r\nhello\r\n10\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n"},
		{"chunked, empty", -1, strings.NewReader(""), "0\r\n\r\n"},
		{"chunked, of nothing", -1, nil, "0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent sink
			req := &Request{Length: tt.length}
			if err := req.WriteBody(&sent, tt.body); err != nil || sent.String() != tt.want {
				t.Errorf("sent %.100q, error %v; want %.100q", sent.String(), err, tt.want)
			}
		})
	}

	var sent sink
	req := &Request{Length: -1}
	if err := req.WriteBody(&sent, strings.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(sent.String())))
	if err != nil || string(got) != large {
		t.Errorf("net/http reads %d bytes, error %v; want %d", len(got), err, len(large))
	}
	for i, w := range sent.writes {
		if last := i == len(sent.writes)-1; last != (w == "0\r\n\r\n") || !strings.HasSuffix(w, "\r\n") {
			t.Errorf("write %d begins with %.10q and ends with %q; want a whole chunk", i, w, w[len(w)-2:])
		}
	}
}

// A source that is too long or too short is detected before the request is
// complete.
func TestWriteBodyOfAnotherLength(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		length int64
		body   io.Reader
		says   string
	}{
		{"shorter", 6, strings.NewReader("hello"), "shorter"},
		{"shorter, with the end", 6, iotest.DataErrReader(strings.NewReader("hello")), "shorter"},
		{"shorter, large", 100_001, strings.NewReader(large), "shorter"},
		{"longer", 4, strings.NewReader("hello"), "longer"},
		{"longer, byte for byte", 4, iotest.OneByteReader(strings.NewReader("hello")), "longer"},
		{"longer, large", 99_999, strings.NewReader(large), "longer"},
		{"longer, by a read of its own", 5, io.MultiReader(strings.NewReader("hello"), strings.NewReader("x")), "longer"},
		{"longer than nothing", 0, strings.NewReader("x"), "longer"},
		{"nothing", 5, nil, "shorter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent sink
			req := &Request{Length: tt.length}
			err := req.WriteBody(&sent, tt.body)
			if !errors.Is(err, fault.InvalidOption) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v; want %v that says %q", err, fault.InvalidOption, tt.says)
			}
			if n := int64(len(sent.String())); n > 0 && n >= tt.length {
				t.Errorf("%d bytes of %d were sent", n, tt.length)
			}
		})
	}
}

func TestWriteBodyErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, length := range []int64{11, -1} {
		req := &Request{Length: length}
		var sent sink
		err := req.WriteBody(&sent, io.MultiReader(strings.NewReader("hello"), errReader{broken}))
		var source *SourceError
		if !errors.As(err, &source) || source.Err != broken || err.Error() != "broken" {
			t.Errorf("length %d: the error is %#v; want a SourceError", length, err)
		}
		if strings.Contains(sent.String(), "0\r\n\r\n") {
			t.Errorf("length %d: the body is ended: %q", length, sent.String())
		}

		lost := errors.New("lost")
		err = req.WriteBody(&sink{err: lost}, io.MultiReader(strings.NewReader("hello"), strings.NewReader(" world")))
		if err != lost {
			t.Errorf("length %d: the error is %#v; want that of the connection", length, err)
		}
		if err = req.WriteBody(shortWriter{}, strings.NewReader("hello world")); err != io.ErrShortWrite {
			t.Errorf("length %d: the error of a short write is %v", length, err)
		}
		for name, f := range map[string]readFunc{
			"negative":    func([]byte) (int, error) { return -1, nil },
			"too many":    func(p []byte) (int, error) { return len(p) + 1, nil },
			"no progress": func([]byte) (int, error) { return 0, nil },
		} {
			if err := req.WriteBody(new(sink), f); err == nil {
				t.Errorf("length %d, %s: no error", length, name)
			}
		}
	}
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

// The values of a trailer may be set while the body is read, and are checked then.
func TestWriteTrailer(t *testing.T) {
	req := &Request{Method: "POST", Target: "/", Host: "h", Length: -1, Trailer: http.Header{"X-Sum": nil, "X-A": {"1", " 2"}}}
	var sent bytes.Buffer
	sent.Write(req.AppendHead(nil))
	err := req.WriteBody(&sent, io.MultiReader(strings.NewReader("hello"), readFunc(func([]byte) (int, error) {
		req.Trailer.Set("X-Sum", "abc")
		return 0, io.EOF
	})))
	want := "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-A,X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\nX-A: 2\r\nX-Sum: abc\r\n\r\n"
	if err != nil || sent.String() != want {
		t.Errorf("sent\n%q, error %v; want\n%q", sent.String(), err, want)
	}
	for name, trailer := range map[string]http.Header{
		"a control character": {"X-Sum": {"a\r\nb"}},
		"a name of its own":   {"X-Sum": {"a"}, "Transfer-Encoding": {"x"}},
	} {
		var sent bytes.Buffer
		req := &Request{Length: -1, Trailer: trailer}
		if err := req.WriteBody(&sent, strings.NewReader("hello")); !errors.Is(err, fault.InvalidHeader) || strings.Contains(sent.String(), "\r\n0\r\n") {
			t.Errorf("%s: sent %q, error %v; want %v and no end", name, sent.String(), err, fault.InvalidHeader)
		}
	}
}
