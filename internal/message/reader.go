package message

import (
	"io"
	"net/http"
)

// A Reader reads the responses that come on one connection, one after the
// other: Head, until it gives one that is not interim, then Read to io.EOF. It
// is for one goroutine at a time. The zero Reader needs a Reset.
//
// An error of the source is returned as it is, and does no harm to the Reader:
// after a timeout, the same call goes on where it has stopped. An io.EOF within
// a message is [io.ErrUnexpectedEOF]. A [fault.Protocol] is final.
type Reader struct {
	src io.Reader
}

// NewReader returns a Reader of what src gives.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset forgets all that was read, and has r read from src.
func (r *Reader) Reset(src io.Reader) { *r = Reader{src: src} }

// Head reads the head of the next response to req, which may be an interim one;
// the next call then reads the one behind it. All heads of one response together
// may have 1 MiB, and each of them 1000 fields.
//
// It returns io.EOF if the source ended before the first byte of any of them,
// and [io.ErrUnexpectedEOF] if later. A 101 that req has not asked for is
// [fault.Protocol].
func (r *Reader) Head(req *Request) (Response, error) { return Response{}, io.EOF }

// Read reads the body of the response whose head was read last, and returns
// io.EOF at its end, as a rule along with the last bytes.
//
// Where Framing is UntilClose, io.EOF is only what the source said. Whether that
// is the end of the body or a connection that broke is for its owner to decide:
// without a close_notify of TLS, or after a write that failed, it is no end (RFC
// 9112, section 9.8).
//
// Where Framing is Tunnel, Read gives what follows the head, without end.
//
// Large reads go past the buffer into p.
func (r *Reader) Read(p []byte) (int, error) { return 0, io.EOF }

// Trailer returns the fields that came behind a chunked body, with names in
// canonical form, when Read has returned io.EOF. Those of the framing are left
// out (RFC 9110, section 6.5.1). It is nil if there were none.
func (r *Reader) Trailer() http.Header { return nil }

// Complete reports whether the response was read to its end, be it that it has no body.
func (r *Reader) Complete() bool { return false }

// Buffered is the number of bytes that the source has given and nobody has
// read. When the response is complete, they are what the server has sent beyond
// it, and must not be taken for the next response (CVE-2026-48931).
func (r *Reader) Buffered() int { return 0 }

// Reusable reports whether another request may be sent on the connection, as
// far as the messages tell: the response is complete, neither it nor the request
// ends the connection, and nothing was read behind it.
func (r *Reader) Reusable() bool { return false }

// Release gives the buffer back, if there is nothing in it. Read and Head do so
// by themselves at the end of a response; it is for the owner of a Reader that
// is given up before that.
func (r *Reader) Release() {}
