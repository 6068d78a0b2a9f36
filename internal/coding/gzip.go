package coding

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

var errEmptyMembers = errors.New("too many empty members in a row")

// A gzipDecoder reads a series of members (RFC 1952, section 2.2) up to
// anything that is none.
type gzipDecoder struct {
	in      *bufio.Reader
	member  gzip.Reader
	open    bool // inside a member
	later   bool // after the first member
	decoded bool // this member held something
	empty   int  // members in a row that did not
}

func newGzip(in *bufio.Reader) decoder { return &gzipDecoder{in: in} }

func (d *gzipDecoder) reset() {
	d.member.Header = gzip.Header{}
	*d = gzipDecoder{in: d.in, member: d.member}
}

func (d *gzipDecoder) Read(p []byte) (int, error) {
	for {
		if !d.open {
			if err := d.next(); err != nil {
				return 0, err
			}
		}
		n, err := d.member.Read(p)
		d.decoded = d.decoded || n > 0
		if err != io.EOF {
			return n, err
		}
		d.open, d.later = false, true
		if d.decoded {
			d.empty = 0
		} else if d.empty++; d.empty > maxEmpty {
			return 0, errEmptyMembers
		}
		if n > 0 {
			return n, nil
		}
	}
}

// next opens the next member. It returns io.EOF if none follows, which counts
// only after the first.
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
		return gzip.ErrHeader
	}
	if err := d.member.Reset(d.in); err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	d.member.Multistream(false)
	d.open, d.decoded = true, false
	return nil
}
