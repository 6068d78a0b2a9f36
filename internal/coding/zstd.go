package coding

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the most memory that a frame may ask for: RFC 9659 forbids
// more in a content coding.
const maxZstdWindow = 8 << 20

// A zstdDecoder reads a series of frames (RFC 8878, section 3) up to anything
// else.
type zstdDecoder struct {
	in    *bufio.Reader
	frame zstdFrame
	data  *zstd.Decoder
	series
}

func newZstd(in *bufio.Reader) decoder {
	// These options cannot fail. With one decoder at work there is no goroutine.
	data, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	return &zstdDecoder{in: in, data: data}
}

func (d *zstdDecoder) reset() { *d = zstdDecoder{in: d.in, data: d.data} }

func (d *zstdDecoder) Read(p []byte) (int, error) { return d.read(p, d) }

func (d *zstdDecoder) member(p []byte) (int, error) {
	n, err := d.data.Read(p)
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		err = fmt.Errorf("window above %d bytes: %w", maxZstdWindow, ErrTooLarge)
	case err == io.EOF && !d.frame.over(): // the decoder does not see a frame that is cut in its magic number
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next skips frames that hold no data.
func (d *zstdDecoder) next() error {
	const magic = "\x28\xb5\x2f\xfd"
	for {
		head, err := d.in.Peek(len(magic))
		switch {
		case string(head) == magic:
			d.frame = zstdFrame{in: d.in, next: (*zstdFrame).header}
			return d.data.Reset(&d.frame)
		case isSkippable(head):
			if err := d.skip(); err != nil {
				return err
			}
		case len(head) > 0 && strings.HasPrefix(magic, string(head)):
			return io.ErrUnexpectedEOF
		case d.later:
			return io.EOF
		case err != nil && err != io.EOF:
			return err
		default:
			return zstd.ErrMagicMismatch
		}
	}
}

// isSkippable reports a frame of RFC 8878, section 3.1.2.
func isSkippable(magic []byte) bool {
	return len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18"
}

func (d *zstdDecoder) skip() error {
	head, err := d.in.Peek(8)
	if err == nil {
		_, err = io.CopyN(io.Discard, d.in, 8+int64(binary.LittleEndian.Uint32(head[4:])))
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	d.held = false
	return d.ended()
}

// A zstdFrame reads one frame (RFC 8878, section 3.1.1) and not a byte more. On
// its own, the decoder would treat bytes after the last frame as a broken
// frame.
type zstdFrame struct {
	in       *bufio.Reader
	left     int64                  // of the part that is being read
	next     func(*zstdFrame) error // begins the part after it, nil after the last
	checksum bool
}

func (f *zstdFrame) over() bool { return f.left == 0 && f.next == nil }

func (f *zstdFrame) Read(p []byte) (int, error) {
	for f.left == 0 {
		if f.next == nil {
			return 0, io.EOF
		}
		if err := f.next(f); err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > f.left {
		p = p[:f.left]
	}
	n, err := f.in.Read(p)
	f.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// header begins with the magic number and the descriptor of section 3.1.1.1.1.
func (f *zstdFrame) header() error {
	head, err := f.in.Peek(5)
	if err != nil {
		return err
	}
	descriptor := head[4]
	singleSegment := descriptor&(1<<5) != 0
	f.checksum = descriptor&(1<<2) != 0
	f.left = 5
	if !singleSegment {
		f.left++ // Window_Descriptor
	}
	f.left += [...]int64{0, 1, 2, 4}[descriptor&3] // Dictionary_ID
	switch contentSize := descriptor >> 6; {
	case contentSize > 0:
		f.left += 1 << contentSize
	case singleSegment:
		f.left++
	}
	f.next = (*zstdFrame).block
	return nil
}

// block begins with the Block_Header of section 3.1.1.2.
func (f *zstdFrame) block() error {
	head, err := f.in.Peek(3)
	if err != nil {
		return err
	}
	bits := uint32(head[0]) | uint32(head[1])<<8 | uint32(head[2])<<16
	f.left = 3 + int64(bits>>3)
	if bits>>1&3 == 1 { // RLE_Block: the size is the decoded one
		f.left = 3 + 1
	}
	switch last := bits&1 != 0; {
	case last && f.checksum:
		f.next = (*zstdFrame).trailer
	case last:
		f.next = nil
	}
	return nil
}

// trailer is Content_Checksum.
func (f *zstdFrame) trailer() error {
	f.left, f.next = 4, nil
	return nil
}
