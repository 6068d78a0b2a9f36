package message

import (
	"bytes"
	"math"
	"net/http"

	"github.com/go-requests/requests/internal/fault"
)

// Bounds on everything but the data of a chunked body, as in net/http.
const (
	maxChunkLine = 4 << 10  // of the line with the size of a chunk
	maxTrailer   = 4 << 10  // of all trailer fields
	maxExcess    = 16 << 10 // see [Reader.count]
)

// readChunked reads a chunked body (RFC 9112, section 7.1). It does not wait
// for more if it has something to return.
func (r *Reader) readChunked(p []byte) (n int, err error) {
	for {
		if n, err = r.decode(p); n > 0 || err != nil || r.phase == atEnd {
			return n, err
		}
		if r.r == r.w && len(p) >= minInPlace {
			n, err = r.decodeInPlace(p)
		} else {
			err = r.fill()
		}
		if n > 0 || err != nil || r.phase == atEnd {
			return n, unexpected(err)
		}
	}
}

// decode moves data from the buffer to p. p may be the buffer itself, since
// removing the bytes between chunks only moves data towards the front.
func (r *Reader) decode(p []byte) (n int, err error) {
	for r.phase != atEnd {
		if r.phase != atChunkData {
			if done, err := r.readBetween(); err != nil {
				return n, r.fail(err)
			} else if !done {
				return n, nil
			}
			continue
		}
		b := r.buf[r.r:r.w]
		m := copy(p[n:], b[:min(int64(len(b)), r.left)])
		if m == 0 {
			return n, nil
		}
		n += m
		r.r += m
		if r.left -= int64(m); r.left == 0 {
			r.phase = atChunkEnd
		}
	}
	return n, nil
}

// minInPlace is the least room in p that makes it worth reading chunks into it.
// One read then does the work of many through the buffer.
const minInPlace = 4 * bufferSize

// decodeInPlace reads from the source into p, and removes everything but the
// data. An incomplete chunk size at the end goes into the buffer, which is
// empty.
func (r *Reader) decodeInPlace(p []byte) (n int, err error) {
	r.drop()
	m, err := r.ask(p)
	if err != nil {
		return 0, err
	}
	r.buf, r.w = p, m
	n, err = r.decode(p)
	rest := r.buf[r.r:r.w]
	r.buf, r.r, r.w = nil, 0, 0
	r.keep(rest)
	return n, err
}

// readBetween reads the next piece between data, and reports whether it was
// complete.
func (r *Reader) readBetween() (bool, error) {
	b := r.buf[r.r:r.w]
	switch r.phase {
	case atChunkSize:
		return r.readSize(b)
	case atChunkEnd:
		if len(b) < 2 {
			return false, nil
		}
		if string(b[:2]) != "\r\n" {
			return false, fault.Text(fault.Protocol, "a chunk is longer than its size")
		}
		r.consume(2, atChunkSize)
		return true, nil
	default:
		return r.readTrailer(b)
	}
}

// consume skips the next n bytes.
func (r *Reader) consume(n int, next phase) {
	r.r += n
	r.seen = 0
	r.phase = next
}

// readSize reads a line with the size of a chunk. It must end in CRLF and
// contain no other CR: a reader that accepts a bare LF sees other chunks (RFC
// 9112, section 7.1.1; CVE-2025-22871).
func (r *Reader) readSize(b []byte) (bool, error) {
	i := bytes.IndexByte(b[r.seen:], '\n')
	if i < 0 {
		r.seen = len(b)
		if len(b) >= maxChunkLine {
			return false, errChunkLine
		}
		return false, nil
	}
	line := b[:r.seen+i+1]
	if len(line) > maxChunkLine {
		return false, errChunkLine
	}
	if end := bytes.IndexByte(line, '\r'); end < 0 || end != len(line)-2 {
		return false, fault.Text(fault.Protocol, "the size of a chunk does not end in CRLF")
	}
	size, err := chunkSize(line[:len(line)-2])
	if err != nil {
		return false, err
	}
	if err := r.count(len(line), size); err != nil {
		return false, err
	}
	r.left = size
	if size == 0 {
		r.consume(len(line), atTrailer)
	} else {
		r.consume(len(line), atChunkData)
	}
	return true, nil
}

var errChunkLine = fault.Text(fault.Protocol, "the line with the size of a chunk is too long")

// chunkSize returns the size at the beginning of line. Extensions are ignored
// (RFC 9112, section 7.1.1). A size above the largest int64 becomes that:
// nobody sends so much.
func chunkSize(line []byte) (int64, error) {
	line = line[:trimEnd(line, 0, len(line))]
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	if len(line) == 0 || len(line) > 16 {
		return 0, errChunkSize
	}
	var size uint64
	for _, c := range line {
		digit, ok := unhex(c)
		if !ok {
			return 0, errChunkSize
		}
		size = size<<4 | uint64(digit)
	}
	return int64(min(size, math.MaxInt64)), nil
}

var errChunkSize = fault.Text(fault.Protocol, "the size of a chunk is not a number of at most 16 hexadecimal digits")

func unhex(c byte) (digit byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// count bounds the bytes besides data (CVE-2023-39326). Each chunk has an
// allowance of 16 bytes plus twice its size: sending one byte at a time is
// legitimate, and a long extension with each byte is not.
func (r *Reader) count(line int, size int64) error {
	r.excess += int64(line) - 16 - 2*min(size, math.MaxInt32)
	if r.excess = max(r.excess, 0); r.excess > maxExcess {
		return fault.Text(fault.Protocol, "the chunks have more extensions than data")
	}
	return nil
}

// readTrailer reads the trailer section (RFC 9112, section 7.1.2), which is
// usually empty.
func (r *Reader) readTrailer(b []byte) (bool, error) {
	if len(b) < 2 {
		return false, nil
	}
	if string(b[:2]) == "\r\n" {
		r.consume(2, atEnd)
		return true, nil
	}
	i := bytes.Index(b[r.seen:], []byte("\r\n\r\n"))
	size := r.seen + i + 4
	switch {
	case i < 0 && len(b) < maxTrailer:
		r.seen = max(len(b)-3, 0) // the end may have begun there
		return false, nil
	case i < 0 || size > maxTrailer:
		return false, fault.Text(fault.Protocol, "the trailer is too long")
	}
	trailer, err := parseTrailer(b[:size])
	if err != nil {
		return false, err
	}
	r.trailer = trailer
	r.consume(size, atEnd)
	return true, nil
}

func parseTrailer(b []byte) (http.Header, error) {
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			return nil, fault.Text(fault.Protocol, "a bare LF in the trailer")
		}
	}
	trailer, _, err := parseFields(b, 0)
	if err != nil {
		return nil, err
	}
	for name := range trailer {
		if isFraming(name) {
			delete(trailer, name)
		}
	}
	if len(trailer) == 0 {
		return nil, nil
	}
	return trailer, nil
}
