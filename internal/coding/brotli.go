package coding

import (
	"bufio"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// A brotliDecoder reads one stream. Its window is at most 16 MiB, the maximum
// of RFC 7932: the decoder does not accept large-window streams.
type brotliDecoder struct {
	in     *bufio.Reader
	stream *brotli.Reader
}

func newBrotli(in *bufio.Reader) decoder {
	return &brotliDecoder{in, brotli.NewReader(in)}
}

func (d *brotliDecoder) reset() { d.stream.Reset(d.in) }

func (d *brotliDecoder) Read(p []byte) (int, error) {
	n, err := d.stream.Read(p)
	if err != nil && err == excessInput() {
		err = io.EOF
	}
	return n, err
}

// excessInput returns the error that means bytes after the end of the stream.
// The package does not export it, so it is provoked once: 0x06 is the empty
// stream.
var excessInput = sync.OnceValue(func() error {
	_, err := brotli.NewReader(strings.NewReader("\x06\x06")).Read(make([]byte, 1))
	return err
})
