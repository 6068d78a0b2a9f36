package message

import (
	"net/http"
	"strconv"

	"github.com/go-requests/requests/internal/fault"
)

// Framing is how a reader finds the end of a body (RFC 9112, section 6.3).
type Framing uint8

const (
	NoBody     Framing = iota // there is none
	Sized                     // by its length
	Chunked                   // by its last chunk
	UntilClose                // by the end of the connection
	Tunnel                    // there is no body: HTTP is over, and what follows belongs to another protocol
)

// frame decides where the response to req ends, by the rules of RFC 9112,
// section 6.3. A contradiction is an error even without a body: a sender that
// contradicts itself cannot be trusted with the next response, either.
func (r *Response) frame(req *Request) error {
	chunked, err := r.isChunked()
	if err != nil {
		return err
	}
	length, err := contentLength(r.Header["Content-Length"])
	if err != nil {
		return err
	}
	if chunked {
		if err := checkAnnounced(r.Header["Trailer"]); err != nil {
			return err
		}
	}
	_, coded := r.Header["Transfer-Encoding"]
	r.Close = r.closes() || coded && (length >= 0 || r.Minor == 0)
	switch {
	case r.StatusCode == http.StatusSwitchingProtocols,
		req.Method == http.MethodConnect && r.StatusCode/100 == 2:
		r.Framing, r.Length, r.Close = Tunnel, -1, true
	case r.StatusCode/100 == 1, req.Method == http.MethodHead, r.StatusCode == http.StatusNotModified:
		r.Framing, r.Length = NoBody, 0
	case r.StatusCode == http.StatusNoContent:
		r.Framing, r.Length = NoBody, 0
		r.Close = r.Close || coded || length > 0 // the server may send a body all the same
	case chunked:
		r.Framing, r.Length = Chunked, -1
	case length > 0:
		r.Framing, r.Length = Sized, length
	case length == 0:
		r.Framing, r.Length = NoBody, 0
	default:
		r.Framing, r.Length, r.Close = UntilClose, -1, true
	}
	return nil
}

// isChunked reports whether the body is chunked. Other codings are refused, as
// none was requested. HTTP/1.0 has no codings: see [Response.checkCoding].
func (r *Response) isChunked() (bool, error) {
	codings, coded := r.Header["Transfer-Encoding"]
	switch {
	case !coded || r.Minor == 0:
		return false, nil
	case len(codings) > 1:
		return false, fault.Text(fault.Protocol, "several Transfer-Encoding fields")
	case !equalFold(codings[0], "chunked"):
		return false, fault.Text(fault.Protocol, "the Transfer-Encoding is not chunked")
	}
	return true, nil
}

// checkCoding refuses a body whose end is ambiguous: one with a
// Transfer-Encoding in HTTP/1.0 (RFC 9112, section 6.1), which some recipients
// obey and others ignore.
func (r *Response) checkCoding() error {
	if _, coded := r.Header["Transfer-Encoding"]; coded && r.Minor == 0 {
		return fault.Text(fault.Protocol, "a Transfer-Encoding in a response of HTTP/1.0")
	}
	return nil
}

// contentLength returns the length in the fields, or -1 if there are none.
// Repeated fields must be identical, byte for byte, and lists are refused. (RFC
// 9112, section 6.3, leaves both to the recipient.)
func contentLength(values []string) (int64, error) {
	if len(values) == 0 {
		return -1, nil
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return 0, fault.Text(fault.Protocol, "several Content-Length fields that differ")
		}
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil {
		return 0, fault.Text(fault.Protocol, "the Content-Length is not a length")
	}
	return int64(n), nil
}

// checkAnnounced refuses a trailer that would change the framing of its own
// message (RFC 9110, section 6.5.1).
func checkAnnounced(values []string) (err error) {
	elements(values, func(e string) bool {
		if isFraming(e) {
			err = fault.Text(fault.Protocol, "a Trailer field that names a field of the framing")
		}
		return err == nil
	})
	return err
}

// closes reports whether the response says that it is the last one (RFC 9112,
// section 9.3).
func (r *Response) closes() bool {
	connection := r.Header["Connection"]
	return hasToken(connection, "close") || r.Minor == 0 && !hasToken(connection, "keep-alive")
}
