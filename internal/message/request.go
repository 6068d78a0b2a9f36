package message

import (
	"net/http"
	"slices"
	"strconv"
)

// A Request is the head of a request. Its maps are only read, so that requests
// may share them.
type Request struct {
	Method string // a token (RFC 9110, section 9.1), sent as it is
	Target string // the request target, in any of the forms of RFC 9112, section 3.2
	Host   string // the Host field, which may be empty; of an IPv6 address without its zone

	// Header is sent with names as they are spelled, and one line for each
	// value. Host and the fields of the framing need not be in it; if they are,
	// they must agree with the rest of the Request. An empty User-Agent is not
	// sent.
	Header http.Header

	// Trailer has the fields to send after the body, if Length is negative:
	// HTTP/1.1 has no place for them otherwise. The head announces their names;
	// the values may be set until the body has ended.
	Trailer http.Header

	// Length is the length of the body in bytes. If negative, the length is
	// unknown and the body is sent chunked.
	Length int64

	// Close announces in the head that no other request will follow on the
	// connection.
	Close bool

	// Sparing announces the length of a missing body only for POST, PUT and
	// PATCH, as net/http does.
	Sparing bool
}

// ExpectsClose reports whether the request announces that no other one follows
// on its connection, by Close or by a Connection field (RFC 9112, section 9.6).
func (r *Request) ExpectsClose() bool {
	return r.Close || hasToken(r.Header["Connection"], "close")
}

// AsksUpgrade reports whether the request asks for another protocol, by
// Connection and Upgrade fields (RFC 9110, section 7.8). Only then may the
// response be a 101.
func (r *Request) AsksUpgrade() bool {
	return len(r.Header["Upgrade"]) > 0 && hasToken(r.Header["Connection"], "upgrade")
}

// announcesNone reports whether a request without a body announces a length of
// zero. GET and HEAD usually have no body, and CONNECT cannot have one; for
// other methods servers may answer 411 (RFC 9110, section 8.6). Requests does
// the same.
func (r *Request) announcesNone() bool {
	if r.Sparing {
		return r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch
	}
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodConnect ||
		len(r.Header["Content-Length"]) > 0
}

// AppendHead appends the head of the request to b, with the empty line that
// ends it. The request must have passed Check. The order is Host, User-Agent,
// the fields of the framing, and the others sorted by name.
//
// Without a body it announces a length of zero, as Requests does, unless the
// method is GET, HEAD or CONNECT.
func (r *Request) AppendHead(b []byte) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendLine(b, "Host", r.Host)
	if agent := r.Header["User-Agent"]; len(agent) != 1 || trim(agent[0]) != "" {
		b = appendField(b, "User-Agent", agent)
	}
	if r.Close && !hasToken(r.Header["Connection"], "close") {
		b = append(b, "Connection: close\r\n"...)
	}
	switch {
	case r.Length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.Length > 0 || r.announcesNone():
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.Length, 10)
		b = append(b, "\r\n"...)
	}
	if len(r.Trailer) > 0 && r.Length < 0 {
		b = r.appendAnnouncement(b)
	}
	b = appendFields(b, r.Header, isOwn)
	return append(b, "\r\n"...)
}

// isOwn reports whether AppendHead writes the field itself.
func isOwn(name string) bool {
	return name == "User-Agent" || isFraming(name) || equalFold(name, "Host")
}

// isFraming reports whether the field name decides where a message ends, and so
// must not be in a trailer either (RFC 9110, section 6.5.1).
func isFraming(name string) bool {
	switch len(name) {
	case len("Trailer"):
		return equalFold(name, "Trailer")
	case len("Content-Length"):
		return equalFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return equalFold(name, "Transfer-Encoding")
	}
	return false
}

func (r *Request) appendAnnouncement(b []byte) []byte {
	b = append(b, "Trailer: "...)
	var buf [8]string
	for i, name := range sortedNames(buf[:0], r.Trailer, nil) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, http.CanonicalHeaderKey(name)...)
	}
	return append(b, "\r\n"...)
}

// sortedNames appends the names of h to names, without those for which skip is true.
func sortedNames(names []string, h http.Header, skip func(string) bool) []string {
	for name := range h {
		if skip == nil || !skip(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// appendFields appends the lines of h, sorted by name.
func appendFields(b []byte, h http.Header, skip func(string) bool) []byte {
	var buf [24]string // enough for most requests, to stay on the stack
	for _, name := range sortedNames(buf[:0], h, skip) {
		b = appendField(b, name, h[name])
	}
	return b
}

func appendField(b []byte, name string, values []string) []byte {
	for _, v := range values {
		b = appendLine(b, name, trim(v))
	}
	return b
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
