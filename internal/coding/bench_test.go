package coding

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// sample is a megabyte that compresses about as well as JSON.
func sample() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := bytes.Fields([]byte(text))
	var b bytes.Buffer
	for b.Len() < 1<<20 {
		b.WriteString(`{"word":"`)
		b.Write(words[random.IntN(len(words))])
		b.WriteString(`","n":`)
		b.WriteByte('0' + byte(random.IntN(10)))
		b.WriteString("}\n")
	}
	return b.Bytes()[:1<<20]
}

func BenchmarkReader(b *testing.B) {
	plain := sample()
	for _, coding := range all {
		data := encode(b, coding, plain)
		b.Run(coding, func(b *testing.B) { benchmark(b, plain, data, coding) })
		small := encode(b, coding, text)
		b.Run(coding+" small", func(b *testing.B) { benchmark(b, []byte(text), small, coding) })
	}
	b.Run("gzip,br", func(b *testing.B) {
		benchmark(b, plain, encode(b, "br", encode(b, "gzip", plain)), "gzip", "br")
	})
}

func benchmark(b *testing.B, plain, data []byte, codings ...string) {
	buf := make([]byte, 256<<10)
	body := bytes.NewReader(data)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(data)
		drain(b, mustReader(struct{ io.Reader }{body}, codings...), buf, len(plain))
	}
}

func drain(b *testing.B, r io.Reader, buf []byte, want int) {
	b.Helper()
	n := 0
	for {
		m, err := r.Read(buf)
		if n += m; err == io.EOF {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	if n != want {
		b.Fatalf("%d bytes; want %d", n, want)
	}
}

// BenchmarkGzipAlone is what BenchmarkReader/gzip can at best come to.
func BenchmarkGzipAlone(b *testing.B) {
	plain := sample()
	data := encode(b, "gzip", plain)
	buf := make([]byte, 256<<10)
	body := bytes.NewReader(data)
	var r gzip.Reader
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(data)
		if err := r.Reset(struct{ io.Reader }{body}); err != nil {
			b.Fatal(err)
		}
		drain(b, &r, buf, len(plain))
	}
}
