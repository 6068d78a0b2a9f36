package message

import (
	"net/http"
)

// A Request is what the head of a request says. Its maps are read only, so that
// requests may share them.
type Request struct {
	Method string // a token (RFC 9110, section 9.1), in the letters in which it is to be sent
	Target string // the request target, in any of the forms of RFC 9112, section 3.2
	Host   string // the Host field, which may be empty; of an IPv6 address without its zone

	// Header is sent with the names as they are spelled, and one line for each
	// value. Host and the fields of the framing need not be in it; where they
	// are, they must say the same as the rest of the Request. A User-Agent that
	// is empty is not sent.
	Header http.Header

	// Trailer has the fields to send behind the body, for which Length must be
	// negative. The names are announced in the head; the values may be set
	// until the body has ended.
	Trailer http.Header

	// Length is the length of the body in bytes. Below zero it is not known,
	// and the body is sent chunked.
	Length int64

	// Close says in the head that no other request will follow on the connection.
	Close bool
}

// Check reports what of the request must not be sent, since its reader could
// take it for something else: for several requests, or for one of another
// length (RFC 9112, section 11). The errors are [fault.InvalidHeader] for a
// field, Host included, [fault.InvalidURL] for the target and
// [fault.InvalidOption] for the rest. Nothing else in this package checks
// except WriteBody, which checks the trailer.
func (r *Request) Check() error { return nil }

// AppendHead appends the head of the request to b, with the empty line that
// ends it. The request must have passed Check. The order is Host, User-Agent,
// the fields of the framing, and the others sorted by name.
//
// Without a body it announces one of length zero, as Requests does, unless the
// method is GET, HEAD or CONNECT.
func (r *Request) AppendHead(b []byte) []byte { return b }

// ExpectsClose reports whether the request says that no other one follows on
// its connection, by Close or by a Connection field (RFC 9112, section 9.6).
func (r *Request) ExpectsClose() bool { return r.Close }

// AsksUpgrade reports whether the request asks for another protocol, by
// Connection and Upgrade fields (RFC 9110, section 7.8). Only then a 101 is a
// response to it.
func (r *Request) AsksUpgrade() bool { return false }
