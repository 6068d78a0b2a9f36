package coding

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzParse(f *testing.F) {
	f.Add("gzip, deflate\nbr")
	f.Add("x-gzip,identity,,foo")
	f.Fuzz(func(t *testing.T, lines string) {
		codings, err := Parse(strings.Split(lines, "\n"))
		if err != nil {
			if codings != nil || !errors.Is(err, ErrTooManyCodings) && !errors.Is(err, ErrUnknownCoding) {
				t.Errorf("Parse(%q) = %q, %v", lines, codings, err)
			}
			return
		}
		if len(codings) > maxCodings {
			t.Errorf("Parse(%q) = %q", lines, codings)
		}
		if _, err := NewReader(nil, codings, Limits{}); err != nil {
			t.Errorf("NewReader(%q): %v", codings, err)
		}
	})
}

func FuzzGzip(f *testing.F)    { fuzzCoding(f, "gzip") }
func FuzzDeflate(f *testing.F) { fuzzCoding(f, "deflate") }
func FuzzBrotli(f *testing.F)  { fuzzCoding(f, "br") }
func FuzzZstd(f *testing.F)    { fuzzCoding(f, "zstd") }

// fuzzCoding decodes data as it is, where it must end in an orderly way, and
// encoded, where it must come back, with anything after it.
func fuzzCoding(f *testing.F, coding string) {
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte(text), []byte("\x00\x00"))
	f.Add(encode(f, coding, text), encode(f, coding, ""))
	f.Add(encode(f, coding, strings.Repeat("a", 1000))[:20], []byte("garbage"))
	if coding == "deflate" {
		f.Add(encode(f, "raw", text), []byte("x"))
	}
	f.Fuzz(func(t *testing.T, data, tail []byte) {
		wantOrderlyEnd(t, data, coding)
		coded := encode(t, coding, data)
		if coding == "gzip" || coding == "zstd" {
			tail = append([]byte{0}, tail...) // no further member
		}
		got, err := decode(join(coded, tail), coding)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s of %q and %q = %q, %v", coding, data, tail, got, err)
		}
	})
}

func FuzzStack(f *testing.F) {
	f.Add([]byte(text), byte(0), byte(1), byte(2))
	f.Add(encode(f, "gzip", encode(f, "br", text)), byte(2), byte(0), byte(0))
	f.Add(encode(f, "zstd", encode(f, "deflate", encode(f, "gzip", text))), byte(0), byte(1), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, a, b, c byte) {
		codings := []string{all[a%4], all[b%4], all[c%4]}
		wantOrderlyEnd(t, data, codings...)
		coded := data
		for _, coding := range codings {
			coded = encode(t, coding, coded)
		}
		if got, err := decode(coded, codings...); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q of %q = %q, %v", codings, data, got, err)
		}
	})
}

// wantOrderlyEnd decodes data twice, in different steps, which must come to
// the same, and end with EOF or an error of this package.
func wantOrderlyEnd(t *testing.T, data []byte, codings ...string) {
	t.Helper()
	limits := Limits{Free: 1 << 20}
	first, _ := NewReader(bytes.NewReader(data), codings, limits)
	second, _ := NewReader(iotest.OneByteReader(bytes.NewReader(data)), codings, limits)
	got, err := io.ReadAll(first)
	again, err2 := io.ReadAll(second)
	if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrTooLarge) {
		t.Errorf("%q: error %v; want one of this package", codings, err)
	}
	if errors.Is(err, ErrTooLarge) || errors.Is(err2, ErrTooLarge) {
		return // the ratio depends on what was read ahead
	}
	if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, again) {
		t.Errorf("%q: %d bytes, %v; in single bytes %d, %v", codings, len(got), err, len(again), err2)
	}
}
