package coding

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

// TestBrotliSuite reads google/brotli's pairs X and X.compressed[.NN].
func TestBrotliSuite(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(suite.Path(t, "external/compression/brotli/tests/testdata"), "*.compressed*"))
	if len(files) != 40 {
		t.Errorf("%d files; want 40", len(files))
	}
	suffix := regexp.MustCompile(`\.compressed(\.\d+)?$`)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want := suite.File(t, suffix.ReplaceAllString(name, ""))
			wantDecoded(t, "br", suite.File(t, name), want)
		})
	}
}

// TestZstdSuite reads facebook/zstd's golden files, whose decoded form is not
// given, so that their checksums speak for them.
func TestZstdSuite(t *testing.T) {
	dir := suite.Path(t, "external/compression/zstd/tests")
	for name, size := range map[string]int{
		"block-128k.zst": 131068, "empty-block.zst": 0, "rle-first-block.zst": 1 << 20, "zeroSeq_2B.zst": 13,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decode(suite.File(t, filepath.Join(dir, "golden-decompression", name)), "zstd")
			if len(got) != size || err != nil {
				t.Errorf("%d bytes, %v; want %d", len(got), err, size)
			}
		})
	}
	files, _ := filepath.Glob(filepath.Join(dir, "golden-decompression-errors/*.zst"))
	if len(files) != 3 {
		t.Errorf("%d files that must fail; want 3", len(files))
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if filepath.Base(name) == "off0.bin.zst" {
				t.Skip("klauspost/compress reads the offset 0 as 1, as zstd did before 1.5.6")
			}
			wantFailure(t, "zstd", suite.File(t, name))
		})
	}
}

// TestKlauspostSuite reads klauspost/compress' archives: frames with what they
// decode to beside them, and frames that must fail.
func TestKlauspostSuite(t *testing.T) {
	dir := suite.Path(t, "external/compression/klauspost/zstd/testdata")
	for _, tt := range []struct {
		archive string
		bad     bool
		frames  int
	}{
		{archive: "good.zip", frames: 12},
		{archive: "large.zip", frames: 2},
		{archive: "bad.zip", bad: true, frames: 32},
	} {
		files := unzip(t, filepath.Join(dir, tt.archive))
		frames := 0
		for name, data := range files {
			plain, ok := strings.CutSuffix(name, ".zst")
			if !ok {
				continue
			}
			frames++
			t.Run(tt.archive+"/"+name, func(t *testing.T) {
				switch want, paired := files[plain]; {
				case tt.bad:
					wantFailure(t, "zstd", data)
				case paired:
					wantDecoded(t, "zstd", data, want)
				default:
					if _, err := decode(data, "zstd"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		if frames != tt.frames {
			t.Errorf("%s: %d frames; want %d", tt.archive, frames, tt.frames)
		}
	}
}

func unzip(t testing.TB, name string) map[string][]byte {
	t.Helper()
	archive, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	files := make(map[string][]byte)
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestGunzipMembers has the shapes of input that compress/gzip's own tests name.
func TestGunzipMembers(t *testing.T) {
	hello, world := encode(t, "gzip", "hello "), encode(t, "gzip", "world")
	named := []byte("\x1f\x8b\x08\x1c\x00\x00\x00\x00\x00\xff\x02\x00ab" + "f\xe9.txt\x00" + "comment\x00")
	named = append(named, hello[10:]...)
	for _, tt := range []struct {
		name string
		data []byte
		want string
		err  error
	}{
		{name: "one", data: hello, want: "hello "},
		{name: "two", data: join(hello, world), want: "hello world"},
		{name: "empty between", data: join(hello, encode(t, "gzip", ""), world), want: "hello world"},
		{name: "extra, name and comment", data: named, want: "hello "},
		{name: "cut in the name", data: named[:18], err: ErrTruncated},
		{name: "cut in the extra field", data: named[:13], err: ErrTruncated},
		{name: "reserved flag", data: join([]byte("\x1f\x8b\x08\x20"), hello[4:]), err: ErrCorrupt},
		{name: "other method", data: join([]byte("\x1f\x8b\x07"), hello[3:]), err: ErrCorrupt},
		{name: "cut in the second header", data: join(hello, world[:5]), want: "hello ", err: ErrTruncated},
		{name: "cut in the second magic", data: join(hello, world[:1]), want: "hello ", err: ErrTruncated},
		{name: "cut in the second data", data: join(hello, world[:14]), want: "hello wor", err: ErrTruncated},
		{name: "cut in the second trailer", data: join(hello, world[:len(world)-1]), want: "hello world", err: ErrTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decode(tt.data, "gzip")
			if !bytes.HasPrefix([]byte(tt.want), got) || tt.err == nil && string(got) != tt.want {
				t.Errorf("decoded %q; want %q", got, tt.want)
			}
			wantError(t, err, tt.err)
		})
	}
}
