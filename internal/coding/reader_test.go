package coding

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"weak"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

var all = []string{"gzip", "deflate", "br", "zstd"}

// newEncoder returns an encoder. "raw" is "deflate" without the zlib format.
func newEncoder(t testing.TB, coding string, w io.Writer) interface {
	io.WriteCloser
	Flush() error
} {
	t.Helper()
	switch coding {
	case "gzip":
		return gzip.NewWriter(w)
	case "deflate":
		return zlib.NewWriter(w)
	case "raw":
		raw, err := flate.NewWriter(w, flate.DefaultCompression)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	case "br":
		return brotli.NewWriter(w)
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	t.Fatalf("no encoder for %q", coding)
	return nil
}

func encode[T string | []byte](t testing.TB, coding string, data T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := newEncoder(t, coding, &b)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func mustReader(body io.Reader, codings ...string) *Reader {
	r, err := NewReader(body, codings, Limits{})
	if err != nil {
		panic(err)
	}
	return r
}

func decode(data []byte, codings ...string) ([]byte, error) {
	r := mustReader(bytes.NewReader(data), codings...)
	defer r.Release()
	return io.ReadAll(r)
}

func wantDecoded(t *testing.T, coding string, data, want []byte) {
	t.Helper()
	for name, body := range map[string]io.Reader{
		"at once":    bytes.NewReader(data),
		"by halves":  iotest.HalfReader(bytes.NewReader(data)),
		"by bytes":   iotest.OneByteReader(bytes.NewReader(data)),
		"with error": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		got, err := io.ReadAll(mustReader(body, coding))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %s: %d bytes, %v; want %d bytes", coding, name, len(got), err, len(want))
		}
	}
}

// wantFailure fails unless data is refused as coded data, for the same reason
// on a second Read.
func wantFailure(t *testing.T, coding string, data []byte) {
	t.Helper()
	r := mustReader(bytes.NewReader(data), coding)
	_, err := io.ReadAll(r)
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrTooLarge) {
		t.Errorf("%s: error %v; want one of this package", coding, err)
	}
	if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
		t.Errorf("%s: second Read = %d, %v; want 0, %v", coding, n, again, err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v; want %v", err, want)
	}
}

const text = "The quick brown fox jumps over the lazy dog. Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich."

// TestBody holds rows B110 to B121 of the faults a server can answer with.
func TestBody(t *testing.T) {
	gz := encode(t, "gzip", text)
	badCRC, badSize := bytes.Clone(gz), bytes.Clone(gz)
	badCRC[len(gz)-8]++
	badSize[len(gz)-4]++
	nested := encode(t, "gzip", gz)
	for _, tt := range []struct {
		name   string
		header []string
		data   []byte
		want   string // what is decoded, if the error allows for any of it
		err    error
	}{
		{name: "B110 gzip", header: []string{"gzip"}, data: gz, want: text},
		{name: "B110 GZIP", header: []string{"GZIP"}, data: gz, want: text},
		{name: "B110 x-gzip", header: []string{"x-gzip"}, data: gz, want: text},
		{name: "B111 deflate as zlib", header: []string{"deflate"}, data: encode(t, "deflate", text), want: text},
		{name: "B111 deflate as raw", header: []string{"deflate"}, data: encode(t, "raw", text), want: text},
		{name: "B111 deflate of nothing, raw", header: []string{"deflate"}, data: encode(t, "raw", "")},
		{name: "B111 deflate, bad Adler-32", header: []string{"deflate"},
			data: join(encode(t, "deflate", text)[:9], make([]byte, 9)), err: ErrCorrupt},
		{name: "B112 br", header: []string{"br"}, data: encode(t, "br", text), want: text},
		{name: "B112 zstd", header: []string{"zstd"}, data: encode(t, "zstd", text), want: text},
		{name: "B113 plain as gzip", header: []string{"gzip"}, data: []byte(text), err: ErrCorrupt},
		{name: "B113 one byte as gzip", header: []string{"gzip"}, data: []byte("x"), err: ErrCorrupt},
		{name: "B113 plain as deflate", header: []string{"deflate"}, data: []byte(text), err: ErrCorrupt},
		{name: "B113 plain as br", header: []string{"br"}, data: []byte(text), err: ErrCorrupt},
		{name: "B113 plain as zstd", header: []string{"zstd"}, data: []byte(text), err: ErrCorrupt},
		{name: "B113 one byte as zstd", header: []string{"zstd"}, data: []byte("P"), err: ErrCorrupt},
		{name: "B114 truncated gzip", header: []string{"gzip"}, data: gz[:len(gz)-9], err: ErrTruncated},
		{name: "B114 without trailer", header: []string{"gzip"}, data: gz[:len(gz)-8], want: text, err: ErrTruncated},
		{name: "B114 half a trailer", header: []string{"gzip"}, data: gz[:len(gz)-4], want: text, err: ErrTruncated},
		{name: "B114 header only", header: []string{"gzip"}, data: gz[:10], err: ErrTruncated},
		{name: "B114 half a header", header: []string{"gzip"}, data: gz[:5], err: ErrTruncated},
		{name: "B114 first byte", header: []string{"gzip"}, data: gz[:1], err: ErrTruncated},
		{name: "B114 deflate's first byte", header: []string{"deflate"}, data: []byte{0x78}, err: ErrTruncated},
		{name: "B115 bad CRC", header: []string{"gzip"}, data: badCRC, want: text, err: ErrCorrupt},
		{name: "B115 bad ISIZE", header: []string{"gzip"}, data: badSize, want: text, err: ErrCorrupt},
		{name: "B117 several members", header: []string{"gzip"}, data: join(gz, gz, gz), want: text + text + text},
		{name: "B117 several frames", header: []string{"zstd"},
			data: join(encode(t, "zstd", text), encode(t, "zstd", text)), want: text + text},
		{name: "B118 gzip, gzip", header: []string{"gzip, gzip"}, data: nested, want: text},
		{name: "B118 two lines", header: []string{"gzip", "gzip"}, data: nested, want: text},
		{name: "B118 the last is undone first", header: []string{"deflate", "br, gzip"},
			data: encode(t, "gzip", encode(t, "br", encode(t, "deflate", text))), want: text},
		{name: "B118 inner truncated", header: []string{"gzip, gzip"},
			data: encode(t, "gzip", gz[:20]), err: ErrTruncated},
		{name: "B118 outer truncated", header: []string{"br, gzip"}, data: nested[:20], err: ErrTruncated},
		{name: "B118 outer bad CRC behind the end of the inner", header: []string{"gzip, gzip"},
			data: join(nested[:len(nested)-8], make([]byte, 8)), want: text, err: ErrCorrupt},
		{name: "B118 five", header: []string{"gzip, deflate, br", "zstd, gzip"}, data: encode(t, "gzip", encode(t, "zstd",
			encode(t, "br", encode(t, "deflate", gz)))), want: text},
		{name: "B120 unknown", header: []string{"foo"}, data: gz, want: string(gz)},
		{name: "B120 unknown beside identity", header: []string{"identity, foo"}, data: gz, want: string(gz)},
		{name: "B120 identity", header: []string{"identity"}, data: []byte(text), want: text},
		{name: "B120 none", data: []byte(text), want: text},
	} {
		t.Run(tt.name, func(t *testing.T) {
			codings, err := Parse(tt.header)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(tt.data, codings...)
			if tt.err == nil && string(got) != tt.want || tt.want != "" && !strings.HasPrefix(tt.want, string(got)) {
				t.Errorf("decoded %q; want %q", got, tt.want)
			}
			wantError(t, err, tt.err)
			if tt.err != nil {
				wantError(t, err, tt.err)
				if errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%v is io.ErrUnexpectedEOF, which means a cut body", err)
				}
			}
		})
	}
}

// TestTrailing holds row B116: what follows the coded data is ignored.
func TestTrailing(t *testing.T) {
	for _, coding := range append(all, "raw") {
		name := strings.Replace(coding, "raw", "deflate", 1)
		for what, tail := range map[string]string{
			"a zero": "\x00", "zeros": strings.Repeat("\x00", 1000), "garbage": "garbage", "a line end": "\r\n", "three": "abc",
			"a lot": strings.Repeat("abc ", 50_000), "more than is read": strings.Repeat("abc ", 500_000),
		} {
			t.Run("B116 "+coding+" "+what, func(t *testing.T) {
				wantDecoded(t, name, join(encode(t, coding, text), []byte(tail)), []byte(text))
			})
		}
	}
}

// TestCutAnywhere cuts a body at every offset: truncation is never silent, and
// never taken for corruption.
func TestCutAnywhere(t *testing.T) {
	for _, coding := range append(all, "raw") {
		name := strings.Replace(coding, "raw", "deflate", 1)
		data := encode(t, coding, text)
		for n := 1; n < len(data); n++ {
			if _, err := decode(data[:n], name); !errors.Is(err, ErrTruncated) {
				t.Errorf("%s: first %d bytes of %d: error %v; want %v", coding, n, len(data), err, ErrTruncated)
			}
		}
	}
}

// TestBodyError holds row B121: an error of the body is returned as it is, be
// it before, in or after the coded data, and wins over what it leads to.
func TestBodyError(t *testing.T) {
	for _, codings := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "zstd"}, {"br", "deflate", "gzip"}} {
		data := []byte(text)
		for _, coding := range codings {
			data = encode(t, coding, data)
		}
		for name, sent := range map[string][]byte{
			"before":             nil,
			"in the first bytes": data[:2],
			"in the data":        data[:len(data)/2],
			"in the last byte":   data[:len(data)-1],
			"after":              data,
			"after garbage":      join(data, []byte("garbage")),
		} {
			t.Run("B121 "+strings.Join(codings, ",")+" "+name, func(t *testing.T) {
				for _, cause := range []error{io.ErrUnexpectedEOF, errors.New("connection reset")} {
					body := io.MultiReader(bytes.NewReader(sent), iotest.ErrReader(cause))
					if _, err := io.ReadAll(mustReader(body, codings...)); err != cause {
						t.Errorf("error %v; want %v itself", err, cause)
					}
				}
			})
		}
	}
}

func TestBodyIsReadToItsEnd(t *testing.T) {
	for _, coding := range all {
		body := strings.NewReader(string(encode(t, coding, text)) + strings.Repeat("x", 100_000))
		if _, err := io.ReadAll(mustReader(body, coding)); err != nil {
			t.Error(err)
		}
		if body.Len() != 0 {
			t.Errorf("%s: %d bytes not read", coding, body.Len())
		}
	}
}

func TestEmptyBody(t *testing.T) {
	for _, codings := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "zstd", "deflate"}} {
		if got, err := decode(nil, codings...); len(got) != 0 || err != nil {
			t.Errorf("decode(nothing, %q) = %q, %v; want nothing", codings, got, err)
		}
	}
	for _, inner := range all { // an empty layer in a layer
		if got, err := decode(encode(t, "gzip", ""), inner, "gzip"); len(got) != 0 || err != nil {
			t.Errorf("decode(gzip of nothing, %s, gzip) = %q, %v; want nothing", inner, got, err)
		}
	}
}

// TestStreaming checks that what was flushed arrives before more is sent, and
// that nothing is read before it is asked for.
func TestStreaming(t *testing.T) {
	for _, coding := range append(all, "raw") {
		pr, pw := io.Pipe()
		r := mustReader(pr, strings.Replace(coding, "raw", "deflate", 1))
		next := make(chan string)
		go func() {
			sent := bufio.NewWriter(pw) // a pipe has no buffer, and some encoders flush in parts
			w := newEncoder(t, coding, sent)
			for line := range next {
				io.WriteString(w, line)
				w.Flush()
				sent.Flush()
			}
			w.Close()
			sent.Flush()
			pw.Close()
		}()
		buf := make([]byte, 64<<10)
		for _, line := range []string{"data: one\n\n", "data: two\n\n", "data: three\n\n"} {
			next <- line
			if n, err := r.Read(buf); string(buf[:n]) != line || err != nil {
				t.Errorf("%s: Read = %q, %v; want %q", coding, buf[:n], err, line)
			}
		}
		close(next)
		if n, err := r.Read(buf); n != 0 || err != io.EOF {
			t.Errorf("%s: last Read = %d, %v; want EOF", coding, n, err)
		}
	}
}

func TestNothingIsReadEarly(t *testing.T) {
	body := strings.NewReader(string(encode(t, "gzip", text)))
	before := body.Len()
	r := mustReader(body, "gzip", "gzip")
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v; want 0, nil", n, err)
	}
	r.Release()
	if body.Len() != before {
		t.Errorf("%d bytes were read; want none", before-body.Len())
	}
}

func TestRelease(t *testing.T) {
	for _, coding := range all {
		r := mustReader(bytes.NewReader(encode(t, coding, text)), coding)
		buf := make([]byte, 10)
		if _, err := io.ReadFull(r, buf); string(buf) != text[:10] || err != nil {
			t.Errorf("%s: read %q, %v; want %q", coding, buf, err, text[:10])
		}
		r.Release()
		r.Release()
		if n, err := r.Read(buf); n != 0 || err != errReleased {
			t.Errorf("%s: Read after Release = %d, %v; want 0, %v", coding, n, err, errReleased)
		}
		wantDecoded(t, coding, encode(t, coding, text), []byte(text)) // with the decoder given back
	}
}

// TestReleaseInRead has the reader released while it reads the body: the Read
// ends as it would have, and then the decoder goes back.
func TestReleaseInRead(t *testing.T) {
	for _, coding := range all {
		var r *Reader
		body := bytes.NewReader(encode(t, coding, text))
		r = mustReader(readerFunc(func(p []byte) (int, error) {
			r.Release()
			return body.Read(p)
		}), coding)
		buf := make([]byte, len(text))
		if n, err := r.Read(buf); n == 0 || err != nil {
			t.Errorf("%s: Read = %d, %v; want text", coding, n, err)
		}
		if r.stages[0].unit != nil {
			t.Errorf("%s: the decoder was not given back", coding)
		}
		if n, err := r.Read(buf); n != 0 || err != errReleased {
			t.Errorf("%s: Read after Release = %d, %v; want 0, %v", coding, n, err, errReleased)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestReleaseWhileReading makes sure that no decoder goes to another body
// while it is at work: the detector of races sees the two.
func TestReleaseWhileReading(t *testing.T) {
	noise := make([]byte, 200_000)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	for _, coding := range all {
		data := encode(t, coding, noise)
		var wg sync.WaitGroup
		for range 50 {
			r := mustReader(iotest.HalfReader(bytes.NewReader(data)), coding)
			wg.Go(func() { io.Copy(io.Discard, r) })
			wg.Go(r.Release)
			wg.Go(func() {
				if got, err := decode(data, coding); err != nil || !bytes.Equal(got, noise) {
					t.Errorf("%s: %d bytes, %v; want %d", coding, len(got), err, len(noise))
				}
			})
		}
		wg.Wait()
	}
}

// TestNothingIsRetained checks that pooled decoders do not hold on to bodies.
func TestNothingIsRetained(t *testing.T) {
	for _, coding := range all {
		for name, read := range map[string]int64{"to the end": 1 << 20, "and left": 10} {
			body := bytes.NewReader(encode(t, coding, text))
			kept := weak.Make(body)
			r := mustReader(body, coding)
			io.CopyN(io.Discard, r, read)
			r.Release()
			unit := poolOf(coding).Get() // in use, so that no collection empties the pool of it
			body, r = nil, nil
			runtime.GC()
			if kept.Value() != nil {
				t.Errorf("%s: the body is kept when read %s", coding, name)
			}
			poolOf(coding).Put(unit)
		}
	}
}

func TestNoProgress(t *testing.T) {
	for _, coding := range all {
		_, err := io.ReadAll(mustReader(idleReader{}, coding))
		wantError(t, err, io.ErrNoProgress)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }
