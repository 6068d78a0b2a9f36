package coding

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
)

// A deflateDecoder reads the zlib format, which "deflate" means (RFC 9110,
// section 8.4.1.2), or the bare DEFLATE data that servers have long sent under
// that name.
type deflateDecoder struct {
	in   *bufio.Reader
	zlib io.ReadCloser // nil until needed, as is raw
	raw  io.ReadCloser
	now  io.Reader // one of the two, nil before the first Read
}

func newDeflate(in *bufio.Reader) decoder { return &deflateDecoder{in: in} }

func (d *deflateDecoder) reset() { d.now = nil }

func (d *deflateDecoder) Read(p []byte) (int, error) {
	if d.now == nil {
		if err := d.start(); err != nil {
			return 0, err
		}
	}
	return d.now.Read(p)
}

func (d *deflateDecoder) start() error {
	head, err := d.in.Peek(2)
	if err == io.EOF {
		return io.ErrUnexpectedEOF // neither format fits into one byte
	}
	if err != nil {
		return err
	}
	if isZlib(head[0], head[1]) {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(d.in)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(d.in, nil)
		}
		d.now = d.zlib
		return err
	}
	if d.raw == nil {
		d.raw = flate.NewReader(d.in)
	} else {
		err = d.raw.(flate.Resetter).Reset(d.in, nil)
	}
	d.now = d.raw
	return err
}

// isZlib reports whether a body begins with CMF and FLG (RFC 1950, section
// 2.2). No encoder begins bare DEFLATE data this way: it would be a stored
// block whose padding is not zero.
func isZlib(cmf, flg byte) bool {
	return cmf&0x0f == 8 && cmf>>4 <= 7 && (uint(cmf)<<8|uint(flg))%31 == 0
}
