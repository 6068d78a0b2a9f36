package bridge

import (
	"io"
	"net/http"

	"github.com/go-requests/requests/internal/fault"
)

// IsUnframed reports whether hr is an HTTP/1.0 response whose body ends with
// the connection. A Transfer-Encoding in such a response means that its framing
// is faulty (RFC 9112, section 6.1), but net/http silently drops the field.
func IsUnframed(hr *http.Response) bool {
	return hr.Proto == "HTTP/1.0" && hr.ContentLength < 0 && hr.Body != nil
}

// An UnframedBody is the body of an HTTP/1.0 response without a length. Reading
// fails if the body turns out to be chunked: if it begins with a complete chunk
// and the size of another one.
type UnframedBody struct {
	io.ReadCloser
	at   chunkPart
	left uint64 // of the chunk
	size int    // digits of its size
	seen int    // chunks before it
}

// A chunkPart is a part of the grammar of RFC 9112, section 7.1.
type chunkPart int

const (
	inSize chunkPart = iota
	inExtension
	afterSizeCR
	inData
	afterData
	afterDataCR
	notChunked
)

func (b *UnframedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.isChunked(p[:n]) {
		return 0, fault.Text(fault.Protocol, "a chunked body in a response of HTTP/1.0")
	}
	return n, err
}

// isChunked processes the next bytes of the body, and reports whether it is
// certain by now that the body is chunked.
func (b *UnframedBody) isChunked(p []byte) bool {
	for len(p) > 0 && b.at != notChunked {
		if b.at == inData {
			n := min(uint64(len(p)), b.left)
			b.left -= n
			p = p[n:]
			if b.left == 0 {
				b.at = afterData
			}
			continue
		}
		b.at = b.next(p[0])
		p = p[1:]
		if b.at == inData && b.left == 0 { // the last chunk, or one that begins the body
			b.at = notChunked
			return b.seen > 0
		}
		if b.at == inData && b.seen > 0 {
			b.at = notChunked
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// next returns the part that follows after c, in any state but inData.
func (b *UnframedBody) next(c byte) chunkPart {
	switch b.at {
	case inSize:
		if isHex(c) && b.size < 16 {
			b.size++
			b.left = b.left<<4 | uint64(unhex(c))
			return inSize
		}
		if b.size == 0 {
			return notChunked
		}
		if c == '\r' {
			return afterSizeCR
		}
		if c == ';' {
			return inExtension
		}
	case inExtension:
		if c == '\r' {
			return afterSizeCR
		}
		if c != '\n' {
			return inExtension
		}
	case afterSizeCR:
		if c == '\n' {
			return inData
		}
	case afterData:
		if c == '\r' {
			return afterDataCR
		}
	case afterDataCR:
		if c == '\n' {
			b.seen++
			b.left, b.size = 0, 0
			return inSize
		}
	}
	return notChunked
}
