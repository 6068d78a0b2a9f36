package coding

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

var (
	errGzipHeader = errors.New("malformed header")
	errGzipSum    = errors.New("the checksum or the length is another one")
)

// maxGzipHeader bounds the header of a member. RFC 1952 bounds neither the name
// nor the comment in it; packages that give each a fixed buffer refuse data
// that servers send.
const maxGzipHeader = 16 << 20

// Flags of section 2.3.1 of RFC 1952.
const (
	gzipCRC = 1 << (iota + 1)
	gzipExtra
	gzipName
	gzipComment
	gzipReserved = 0xe0
)

// A gzipDecoder reads a series of members (RFC 1952, section 2.2) up to
// anything else.
type gzipDecoder struct {
	in     *bufio.Reader
	data   io.ReadCloser // the DEFLATE data of a member, nil until needed
	sum    uint32        // of the decoded data: CRC-32
	length uint32        // modulo 2^32
	series
}

func newGzip(in *bufio.Reader) decoder { return &gzipDecoder{in: in} }

func (d *gzipDecoder) reset() { *d = gzipDecoder{in: d.in, data: d.data} }

func (d *gzipDecoder) Read(p []byte) (int, error) { return d.read(p, d) }

func (d *gzipDecoder) member(p []byte) (int, error) {
	n, err := d.data.Read(p)
	d.sum = crc32.Update(d.sum, crc32.IEEETable, p[:n])
	d.length += uint32(n)
	if err == io.EOF {
		err = d.trailer()
	}
	return n, err
}

// trailer ends a member, with io.EOF if checksum and size are right.
func (d *gzipDecoder) trailer() error {
	trailer, err := d.in.Peek(8)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(trailer) != d.sum || binary.LittleEndian.Uint32(trailer[4:]) != d.length {
		return errGzipSum
	}
	d.in.Discard(8)
	return io.EOF
}

func (d *gzipDecoder) next() error {
	const magic = "\x1f\x8b\x08" // ID1, ID2 and the only method there is
	head, err := d.in.Peek(len(magic))
	switch {
	case string(head) == magic:
	case len(head) > 0 && bytes.HasPrefix([]byte(magic), head):
		return io.ErrUnexpectedEOF
	case d.later:
		return io.EOF
	case err != nil && err != io.EOF:
		return err
	default:
		return errGzipHeader
	}
	h := gzipHead{in: d.in}
	if err := h.read(); err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if d.data == nil {
		d.data = flate.NewReader(d.in)
	} else if err := d.data.(flate.Resetter).Reset(d.in, nil); err != nil {
		return err
	}
	d.sum, d.length = 0, 0
	return nil
}

// A gzipHead reads the header of a member and keeps nothing of it.
type gzipHead struct {
	in   *bufio.Reader
	sum  uint32
	size int
}

// read reads the header in the order of section 2.3.
func (h *gzipHead) read() error {
	fixed, err := h.in.Peek(10)
	if err != nil {
		return err
	}
	flags := fixed[3]
	if flags&gzipReserved != 0 { // section 2.3.1.2 wants an error
		return errGzipHeader
	}
	h.pass(10)
	if flags&gzipExtra != 0 {
		length, err := h.in.Peek(2)
		if err != nil {
			return err
		}
		n := int(binary.LittleEndian.Uint16(length))
		h.pass(2)
		if err := h.skip(n); err != nil {
			return err
		}
	}
	for _, text := range []byte{gzipName, gzipComment} {
		if flags&text != 0 {
			if err := h.skipText(); err != nil {
				return err
			}
		}
	}
	if flags&gzipCRC == 0 {
		return nil
	}
	sum, err := h.in.Peek(2)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint16(sum) != uint16(h.sum) {
		return errGzipHeader
	}
	h.in.Discard(2)
	return nil
}

// pass skips n bytes of the buffer.
func (h *gzipHead) pass(n int) {
	b, _ := h.in.Peek(n)
	h.sum = crc32.Update(h.sum, crc32.IEEETable, b)
	h.size += n
	h.in.Discard(n)
}

// fill makes sure that the buffer is not empty, and returns how much it holds.
func (h *gzipHead) fill() (int, error) {
	if h.size > maxGzipHeader {
		return 0, errGzipHeader
	}
	_, err := h.in.Peek(1)
	return h.in.Buffered(), err
}

func (h *gzipHead) skip(n int) error {
	for n > 0 {
		have, err := h.fill()
		if err != nil {
			return err
		}
		have = min(have, n)
		h.pass(have)
		n -= have
	}
	return nil
}

// skipText skips a text and the NUL at its end.
func (h *gzipHead) skipText() error {
	for {
		have, err := h.fill()
		if err != nil {
			return err
		}
		b, _ := h.in.Peek(have)
		if end := bytes.IndexByte(b, 0); end >= 0 {
			h.pass(end + 1)
			return nil
		}
		h.pass(have)
	}
}
