package coding

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
)

// bomb returns what decodes to head and then to size zeros at least. One
// megabyte is encoded and repeated; the coded data has no end.
func bomb(t testing.TB, coding, head string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := newEncoder(t, coding, &b)
	io.WriteString(w, head)
	var flushed [3]int
	for i := range flushed {
		w.Write(make([]byte, 1<<20))
		w.Flush()
		flushed[i] = b.Len()
	}
	again := b.Bytes()[flushed[1]:flushed[2]]
	return join(b.Bytes(), bytes.Repeat(again, size>>20))
}

// peakHeap returns by how much the heap grew while f ran, at its highest when
// f called sample.
func peakHeap(f func(sample func())) uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, peak := stats.HeapAlloc, uint64(0)
	f(func() {
		runtime.ReadMemStats(&stats)
		peak = max(peak, stats.HeapAlloc-min(before, stats.HeapAlloc))
	})
	return peak
}

// TestBomb holds rows A191, A192 and B122: what grows beyond reason is given
// up, and until then costs no memory.
func TestBomb(t *testing.T) {
	const size = 100 << 20
	const skippable = "\x50\x2a\x4d\x18\x00\x00\x00\x7f" // a zstd frame of 2 GB that holds nothing
	for _, tt := range []struct {
		name    string
		codings []string
		data    []byte
		decoded int // at most, beside a buffer
	}{
		{name: "gzip", codings: []string{"gzip"}, data: bomb(t, "gzip", "", size), decoded: 32 << 20},
		{name: "deflate", codings: []string{"deflate"}, data: bomb(t, "deflate", "", size), decoded: 32 << 20},
		{name: "br", codings: []string{"br"}, data: bomb(t, "br", "", size), decoded: 32 << 20},
		{name: "zstd", codings: []string{"zstd"}, data: bomb(t, "zstd", "", size), decoded: 32 << 20},
		{name: "nested", codings: []string{"gzip", "gzip"},
			data: encode(t, "gzip", bomb(t, "gzip", "", size)), decoded: 32 << 20},
		{name: "in the middle", codings: []string{"zstd", "gzip"}, data: bomb(t, "gzip", skippable, size)},
	} {
		t.Run("B122 "+tt.name, func(t *testing.T) {
			r := mustReader(bytes.NewReader(tt.data), tt.codings...)
			buf := make([]byte, 32<<10)
			var n int
			var err error
			grown := peakHeap(func(sample func()) {
				for reads := 0; err == nil; reads++ {
					var m int
					m, err = r.Read(buf)
					n += m
					if reads%32 == 0 {
						sample()
					}
				}
			})
			wantError(t, err, ErrTooLarge)
			if n > tt.decoded+len(buf) {
				t.Errorf("%d bytes were decoded; want at most %d and a buffer", n, tt.decoded)
			}
			if grown > 20<<20 {
				t.Errorf("heap grew by %d MB; want at most 20", grown>>20)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	zeros := encode(t, "gzip", make([]byte, 1<<20)) // about 1000 to 1
	mixed := encode(t, "gzip", join([]byte(text), make([]byte, 100_000)))
	for _, tt := range []struct {
		name   string
		data   []byte
		limits Limits
		err    error
	}{
		{name: "below what is free", data: zeros},
		{name: "ratio", data: zeros, limits: Limits{Free: 1000}, err: ErrTooLarge},
		{name: "nothing free", data: zeros, limits: Limits{Free: -1}, err: ErrTooLarge},
		{name: "higher ratio", data: zeros, limits: Limits{Free: 1000, Ratio: 1100}},
		{name: "any ratio", data: zeros, limits: Limits{Free: -1, Ratio: -1}},
		{name: "lower ratio", data: mixed, limits: Limits{Free: 1, Ratio: 10}, err: ErrTooLarge},
		{name: "just within", data: encode(t, "gzip", text), limits: Limits{Free: -1, Ratio: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(tt.data), []string{"gzip"}, tt.limits)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, r)
			wantError(t, err, tt.err)
		})
	}
}

// TestLimitOfStack has two codings that are each within the ratio.
func TestLimitOfStack(t *testing.T) {
	data := encode(t, "gzip", encode(t, "gzip", make([]byte, 16<<20)))
	r, err := NewReader(bytes.NewReader(data), []string{"gzip", "gzip"}, Limits{Free: -1, Ratio: 1100})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	wantError(t, err, ErrTooLarge)
}

// TestRealRatio makes sure that text of much repetition passes the default ratio.
func TestRealRatio(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var plain bytes.Buffer
	for plain.Len() < 2<<20 {
		fmt.Fprintf(&plain, `{"id":%d,"name":"Ann","tags":["a","b"],"active":true,"balance":"1,234.56"}`+"\n", random.IntN(1e5))
	}
	data := encode(t, "gzip", plain.Bytes())
	t.Logf("%d to 1", plain.Len()/len(data))
	r, err := NewReader(bytes.NewReader(data), []string{"gzip"}, Limits{Free: -1})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); n != int64(plain.Len()) || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, plain.Len())
	}
}

// TestWindow holds row B122 for windows: RFC 9659 allows zstd 8 MiB, RFC 7932
// allows br 16 MiB and knows no larger one.
func TestWindow(t *testing.T) {
	frame := func(window byte) []byte { return []byte("\x28\xb5\x2f\xfd\x00" + string(window) + "\x19\x00\x00abc") }
	for _, tt := range []struct {
		name   string
		coding string
		data   []byte
		err    error
	}{
		{name: "zstd 8 MiB", coding: "zstd", data: frame(13 << 3)},
		{name: "zstd 9 MiB", coding: "zstd", data: frame(13<<3 | 1), err: ErrTooLarge},
		{name: "zstd 1 GiB", coding: "zstd", data: frame(20 << 3), err: ErrTooLarge},
		{name: "zstd 3.75 TB", coding: "zstd", data: []byte("\x28\xb5\x2f\xfd\x00\xff\x19\x00\x00abc"), err: ErrTooLarge},
		{name: "zstd content of 1 GiB in one segment", coding: "zstd",
			data: []byte("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x40\x19\x00\x00abc"), err: ErrTooLarge},
		{name: "br large window", coding: "br", data: []byte("\x11\x1e\x00\x00\x00"), err: ErrCorrupt},
	} {
		t.Run("B122 "+tt.name, func(t *testing.T) {
			grown := peakHeap(func(sample func()) {
				_, err := decode(tt.data, tt.coding)
				sample()
				wantError(t, err, tt.err)
			})
			if tt.err != nil && grown > 1<<20 {
				t.Errorf("heap grew by %d bytes for a frame that is refused", grown)
			}
		})
	}
	large := bytes.Repeat([]byte(text), 150_000)
	var b bytes.Buffer
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 1, LGWin: 24})
	w.Write(large)
	w.Close()
	if got, err := decode(b.Bytes(), "br"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("br with 16 MiB: %d bytes, %v; want %d", len(got), err, len(large))
	}
}

// TestManyMembers holds rows A193 and B123.
func TestManyMembers(t *testing.T) {
	skippable := "\x50\x2a\x4d\x18\x00\x00\x00\x00"
	for coding, empty := range map[string]string{
		"gzip": string(encode(t, "gzip", "")), "zstd": string(encode(t, "zstd", "")), "zstd skippable": skippable,
	} {
		name, _, _ := strings.Cut(coding, " ")
		full := encode(t, name, text)
		t.Run("B123 "+coding, func(t *testing.T) {
			million := []byte(strings.Repeat(empty, 1_000_000))
			_, err := decode(million, name)
			wantError(t, err, ErrCorrupt)
			wantDecoded(t, name, []byte(strings.Repeat(empty, maxEmpty)), nil)
			some := join([]byte(strings.Repeat(empty, maxEmpty-1)), full)
			wantDecoded(t, name, join(some, some), []byte(text+text))
		})
	}
	t.Run("A193 small members", func(t *testing.T) {
		many := bytes.Repeat(encode(t, "gzip", "x"), 20_000)
		got, err := decode(many, "gzip")
		if len(got) != 20_000 || err != nil {
			t.Errorf("%d bytes, %v; want 20000", len(got), err)
		}
	})
}

// TestByteByByte holds row B126: who reads little makes little be decoded.
func TestByteByByte(t *testing.T) {
	for _, coding := range all {
		t.Run("B126 "+coding, func(t *testing.T) {
			data := bomb(t, coding, "", 64<<20)
			body := bytes.NewReader(data)
			r := mustReader(iotest.HalfReader(body), coding)
			defer r.Release()
			one := make([]byte, 1)
			grown := peakHeap(func(sample func()) {
				for range 1000 {
					if n, err := r.Read(one); n != 1 || err != nil {
						t.Fatalf("Read = %d, %v; want 1", n, err)
					}
				}
				sample()
			})
			if grown > 20<<20 {
				t.Errorf("heap grew by %d MB for 1000 bytes", grown>>20)
			}
		})
	}
}

// TestReleaseOfBomb has row B127: to let go of a body decodes nothing of it.
func TestReleaseOfBomb(t *testing.T) {
	for _, coding := range all {
		t.Run("B127 "+coding, func(t *testing.T) {
			body := &countingReader{r: bytes.NewReader(bomb(t, coding, "", 32<<20))}
			r := mustReader(body, coding)
			r.Read(make([]byte, 10))
			before := body.n
			r.Release()
			if body.n != before {
				t.Errorf("Release read %d bytes", body.n-before)
			}
		})
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestHostileInput holds row A192: malformed headers are errors, not panics.
func TestHostileInput(t *testing.T) {
	for name, tt := range map[string]struct{ coding, data string }{
		"gzip, extra field longer than the body": {"gzip", "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\xff\xff"},
		"gzip, endless name":                     {"gzip", "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff" + strings.Repeat("a", 1<<20)},
		"gzip, reserved block type":              {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff"},
		"gzip, every flag":                       {"gzip", "\x1f\x8b\x08\xff" + strings.Repeat("\xff", 100)},
		"deflate, preset dictionary":             {"deflate", "\x78\xbb\x00\x00\x00\x00" + strings.Repeat("\x00", 10)},
		"deflate, distance too far back":         {"deflate", "\x03\xff\xff\xff"},
		"br, reserved bit":                       {"br", "\xff\xff\xff\xff\xff\xff"},
		"zstd, unknown dictionary":               {"zstd", "\x28\xb5\x2f\xfd\x21\x05\x03\x01\x00\x00"},
		"zstd, reserved block type":              {"zstd", "\x28\xb5\x2f\xfd\x20\x03\x07\x00\x00abc"},
		"zstd, content shorter than announced":   {"zstd", "\x28\xb5\x2f\xfd\x20\x09\x19\x00\x00abc"},
		"zstd, skippable frame without an end":   {"zstd", "\x50\x2a\x4d\x18\xff\xff\xff\xffabc"},
	} {
		t.Run("A192 "+name, func(t *testing.T) { wantFailure(t, tt.coding, []byte(tt.data)) })
	}
}

// TestExcessInput fails if the brotli package no longer tells excess input
// from corruption, on which the end of a brotli body depends.
func TestExcessInput(t *testing.T) {
	err := excessInput()
	_, corrupt := brotli.NewReader(strings.NewReader("\xff\xff\xff\xff")).Read(make([]byte, 1))
	if err == nil || err == io.EOF || errors.Is(err, corrupt) {
		t.Errorf("excessInput() = %v, and corruption is %v", err, corrupt)
	}
}

// TestNoGoroutines reads a little of much: what would work ahead is at work then.
func TestNoGoroutines(t *testing.T) {
	for _, coding := range all {
		data := bomb(t, coding, "", 64<<20)
		before := runtime.NumGoroutine()
		r := mustReader(bytes.NewReader(data), coding)
		r.Read(make([]byte, 1))
		if n := runtime.NumGoroutine(); n != before {
			t.Errorf("%s: %d goroutines; want %d", coding, n, before)
		}
		r.Release()
	}
}
