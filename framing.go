package requests

import (
	"io"
	"net/http"
	"strconv"

	"github.com/go-requests/requests/internal/transport"
)

// What net/http lets through of responses that are not HTTP, or not what was
// asked for.

// maxHeaderFields bounds the fields of a response, where net/http has a bound in
// bytes alone, which 200 000 short fields keep (CVE-2023-38039).
const maxHeaderFields = 1000

// checkFraming refuses a response that must not be taken for one.
func checkFraming(res *transport.Response, p *PreparedRequest) error {
	switch {
	case res.StatusCode < 100: // net/http takes "HTTP/1.1 000"
		return failText(ErrProtocol, "status "+strconv.Itoa(res.StatusCode))
	case res.StatusCode == http.StatusSwitchingProtocols && !asksUpgrade(p.Header):
		return failText(ErrProtocol, "the server switched protocols unasked")
	case res.Proto != "" && (res.Major < 1 || res.Major > 3):
		return failText(ErrProtocol, "version "+res.Proto)
	}
	n := 0
	for _, values := range res.Header {
		if n += len(values); n > maxHeaderFields {
			return failText(ErrProtocol, "more than "+strconv.Itoa(maxHeaderFields)+" header fields")
		}
	}
	return nil
}

// isBare reports whether hr is of HTTP/1.0 and has its end where the connection
// has. A Transfer-Encoding in such a response means that its framing is faulty
// (RFC 9112, section 6.1), but net/http drops the field without a word.
func isBare(hr *http.Response) bool {
	return hr.Proto == "HTTP/1.0" && hr.ContentLength < 0 && hr.Body != nil
}

// A bareBody is the body of a response of HTTP/1.0. It fails where it turns out
// to be chunked: by a whole chunk, and the size of another one behind it.
type bareBody struct {
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

func (b *bareBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.isChunked(p[:n]) {
		return 0, failText(ErrProtocol, "a chunked body in a response of HTTP/1.0")
	}
	return n, err
}

// isChunked goes on with the next bytes of the body, and reports whether they
// leave no doubt.
func (b *bareBody) isChunked(p []byte) bool {
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
		if b.at == inData && b.left == 0 { // the last chunk, or a size of zero at once
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

// next is where c leads to from anywhere but inData.
func (b *bareBody) next(c byte) chunkPart {
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
