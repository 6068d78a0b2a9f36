package message

import (
	"net/http"
	"strings"
)

// A Response is the head of a response.
type Response struct {
	StatusCode int    // 100 to 999
	Status     string // the code and the reason, as in "200 OK"; the reason may be missing
	Minor      int    // of the version: 0 for HTTP/1.0, 1 for HTTP/1.1

	// Header has all fields as they were sent, including repeated ones and
	// those of the framing. Names are in canonical form.
	Header http.Header

	// Framing says how the body ends, and Length how long it is, or -1 if only
	// its end will tell.
	Framing Framing
	Length  int64

	// Close says that the connection ends with this response: because the
	// response or its version says so, because the body ends with the
	// connection, or because the framing cannot be trusted.
	Close bool
}

// Interim reports whether another response to the same request follows (RFC
// 9110, section 15.2). A 101 is the last HTTP response on its connection.
func (r *Response) Interim() bool {
	return r.StatusCode < 200 && r.StatusCode != http.StatusSwitchingProtocols
}

// Reason returns the reason phrase, which is "" if none was sent.
func (r *Response) Reason() string {
	_, reason, _ := strings.Cut(r.Status, " ")
	return strings.TrimLeft(reason, " ")
}
