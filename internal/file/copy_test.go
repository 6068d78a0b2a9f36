package file

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestCopy(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		src  io.Reader
		dst  func(*bytes.Buffer) io.Writer
		n    int64
		want error
	}{
		{name: "empty", src: strings.NewReader("")},
		{name: "whole", src: strings.NewReader(content), n: int64(len(content))},
		{name: "in bytes", src: iotest.OneByteReader(strings.NewReader(content)), n: int64(len(content))},
		{name: "with its end", src: iotest.DataErrReader(strings.NewReader(content)), n: int64(len(content))},
		{name: "cut", src: io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), n: 3, want: broken},
		{name: "idle", src: idle{}, want: io.ErrNoProgress},
		{name: "full", src: strings.NewReader(content), n: 2, want: broken, dst: func(b *bytes.Buffer) io.Writer {
			return writerFunc(func(data []byte) (int, error) { n, _ := b.Write(data[:2]); return n, broken })
		}},
		{name: "taking less", src: strings.NewReader(content), n: 2, want: io.ErrShortWrite, dst: func(b *bytes.Buffer) io.Writer {
			return writerFunc(func(data []byte) (int, error) { return b.Write(data[:2]) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			var dst io.Writer = &b
			if tt.dst != nil {
				dst = tt.dst(&b)
			}
			n, err := Copy(dst, tt.src)
			require.Equal(t, []any{tt.n, tt.want}, []any{n, err})
			require.EqualValues(t, n, b.Len())
			require.True(t, strings.HasPrefix(content, b.String()) || b.String() == "abc")
		})
	}
}

// idle is a reader that gives nothing and no error, which io.Reader discourages.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestSame(t *testing.T) {
	broken := errors.New("broken")
	changed := content[:len(content)-1] + "x"
	for _, tt := range []struct {
		name      string
		want, src io.Reader
		same      bool
		err       error
		rest      string // of src
	}{
		{name: "nothing", want: strings.NewReader(""), src: strings.NewReader("abc"), same: true, rest: "abc"},
		{name: "the same", want: strings.NewReader(content), src: iotest.HalfReader(strings.NewReader(content + "abc")), same: true, rest: "abc"},
		{name: "another end", want: strings.NewReader(content), src: strings.NewReader(changed)},
		{name: "shorter", want: strings.NewReader(content), src: strings.NewReader(content[1:])},
		{name: "cut", want: strings.NewReader(content), src: io.MultiReader(strings.NewReader(content[:5]), iotest.ErrReader(broken)), err: broken},
		{name: "cut at its end", want: strings.NewReader("ab"), src: iotest.DataErrReader(strings.NewReader("ab")), same: true},
		{name: "a disk that fails", want: iotest.ErrReader(broken), src: strings.NewReader("abc"), err: broken, rest: "abc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := same(tt.want, tt.src)
			require.Equal(t, []any{tt.same, tt.err}, []any{got, err})
			if tt.same || tt.rest != "" {
				rest, err := io.ReadAll(tt.src)
				require.NoError(t, err)
				require.Equal(t, tt.rest, string(rest))
			}
		})
	}
}

// BenchmarkCopy brings a large body to a file, without what it takes to bring
// that to the disk.
func BenchmarkCopy(b *testing.B) {
	data := bytes.Repeat([]byte(content), 20)
	p, err := In(b.TempDir(), true)
	require.NoError(b, err)
	defer p.Close()
	require.NoError(b, p.Name("x"))
	f, err := p.Part(filepath.Base(b.Name()))
	require.NoError(b, err)
	defer f.Close()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Copy(f.Writer(&Span{}), bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
