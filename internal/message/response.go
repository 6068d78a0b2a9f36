package message

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// A Response is the head of a response.
type Response struct {
	StatusCode int    // 100 to 999
	Status     string // the code and the reason, as in "200 OK"; the reason may be missing
	Minor      int    // of the version: 0 for HTTP/1.0, 1 for HTTP/1.1

	// Header has all fields as they were sent, including repeated ones and
	// those of the framing. Names are in canonical form.
	Header http.Header

	// Framing says how the body ends. Length is its length, or -1 if only its
	// end will tell.
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

// maxHeads bounds all heads of one response together, in bytes.
const maxHeads = 1 << 20

// Head reads the head of the next response to req. If that is an interim one,
// the next call reads the head after it. All heads of one response together may
// have 1 MiB, and each may have 1000 fields.
//
// It returns io.EOF if the source ended before the first byte, and
// [io.ErrUnexpectedEOF] if it ended later. A 101 that req has not asked for is
// [fault.Protocol].
func (r *Reader) Head(req *Request) (Response, error) {
	switch {
	case r.err != nil:
		return Response{}, r.err
	case r.phase == atEnd:
		r.phase, r.trailer = atHead, nil
	case r.phase != atHead:
		return Response{}, errUnread
	}
	size, err := r.findHead()
	if err != nil {
		return Response{}, err
	}
	res, err := parseHead(r.buf[r.r:r.r+size], req)
	if err != nil {
		return Response{}, r.fail(err)
	}
	r.r += size
	r.heads += size
	r.seen, r.started = 0, false
	if !res.Interim() {
		r.begin(&res, req)
	}
	if r.r == r.w && (r.phase == atHead || r.phase == atEnd) { // the connection may stay idle for long
		r.drop()
	}
	return res, nil
}

// begin continues with the body of res.
func (r *Reader) begin(res *Response, req *Request) {
	r.heads = 0
	r.closes = res.Close || req.ExpectsClose()
	switch res.Framing {
	case NoBody:
		r.phase = atEnd
		return
	case Sized:
		r.phase, r.left = atSized, res.Length
	case Chunked:
		r.phase, r.excess = atChunkSize, 0
	case UntilClose:
		r.phase = untilEOF
	case Tunnel:
		r.phase = atTunnel
	}
	r.err = res.checkCoding()
}

// findHead reads until the buffer has a complete head, and returns its size.
func (r *Reader) findHead() (int, error) {
	for {
		size, err := r.searchHead()
		if err != nil {
			return 0, r.fail(err)
		}
		if most := maxHeads - r.heads; size > most || size == 0 && r.w-r.r >= most {
			return 0, r.fail(fault.Text(fault.Protocol, "the header is longer than a MiB"))
		}
		if size > 0 {
			return size, nil
		}
		if err := r.fill(); err != nil {
			if r.r < r.w || r.heads > 0 {
				err = unexpected(err)
			}
			return 0, err
		}
	}
}

// searchHead returns the size of the head in the buffer, or 0 if the empty line
// at its end (RFC 9112, section 2.1) has not come yet. It refuses anything but
// HTTP as soon as possible, because the end may never come.
func (r *Reader) searchHead() (int, error) {
	b := r.buf[r.r:r.w]
	for {
		i := bytes.IndexByte(b[r.seen:], '\n')
		if i < 0 {
			r.seen = len(b)
			if r.started {
				return 0, nil
			}
			return 0, checkStart(b)
		}
		next := r.seen + i + 1
		if !r.started {
			line, _ := cutLine(b, 0)
			if _, err := parseStatusLine(line); err != nil {
				return 0, err
			}
			r.started = true
		}
		switch rest := b[next:]; {
		case len(rest) == 0, len(rest) == 1 && rest[0] == '\r':
			return 0, nil // look at the line end again when there is more
		case rest[0] == '\n':
			return next + 1, nil
		case rest[0] == '\r' && rest[1] == '\n':
			return next + 2, nil
		}
		r.seen = next
	}
}

// parseHead parses the head of a response to req, and overwrites parts of it.
func parseHead(head []byte, req *Request) (Response, error) {
	line, next := cutLine(head, 0)
	status, err := parseStatusLine(line)
	if err != nil {
		return Response{}, err
	}
	header, text, err := parseFields(head, next)
	if err != nil {
		return Response{}, err
	}
	res := Response{StatusCode: status.code, Status: text[status.at:len(line)], Minor: status.minor, Header: header}
	if res.StatusCode == http.StatusSwitchingProtocols && !req.AsksUpgrade() {
		return Response{}, fault.Text(fault.Protocol, "the server switched protocols unasked")
	}
	return res, res.frame(req)
}

// A statusLine is a parsed status line (RFC 9112, section 4).
type statusLine struct {
	minor, code int
	at          int // where the code and the reason begin
}

const version = "HTTP/1.1"

// parseStatusLine is strict about the version and the code. Like net/http it
// accepts more than one space before the code. In the reason, which nobody
// parses, it accepts control characters except NUL, and CR, which could hide
// the end of the line.
func parseStatusLine(line []byte) (s statusLine, err error) {
	if err := checkStart(line); err != nil {
		return s, err
	}
	if len(line) <= len(version) || line[len(version)] != ' ' {
		return s, errStatusLine
	}
	s.minor = int(line[len(version)-1] - '0')
	s.at = len(version)
	for s.at < len(line) && line[s.at] == ' ' {
		s.at++
	}
	rest := line[s.at:]
	if len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return s, errStatusLine
	}
	for _, c := range rest[:3] {
		if !isDigit(c) {
			return s, errStatusLine
		}
		s.code = s.code*10 + int(c-'0')
	}
	if s.code < 100 {
		return s, fault.Text(fault.Protocol, "status "+strconv.Itoa(s.code))
	}
	if bytes.IndexByte(rest, '\r') >= 0 || bytes.IndexByte(rest, 0) >= 0 {
		return s, errStatusLine
	}
	return s, nil
}

var errStatusLine = fault.Text(fault.Protocol, "the status line is malformed")

// checkStart refuses what cannot be the beginning of an HTTP/1 response. Fewer
// bytes than a version get the benefit of the doubt. For other protocols the
// error shows the first five bytes, which may tell which one it is.
func checkStart(b []byte) error {
	switch {
	case isTLSRecord(b):
		return fault.Text(fault.Protocol, "the server speaks TLS: perhaps its URL begins with https://")
	case len(b) < len(version):
		if bytes.IndexByte(b, '\n') >= 0 {
			return errStatusLine
		}
		return nil
	case string(b[:5]) != "HTTP/" || !isDigit(b[5]) || b[6] != '.' || !isDigit(b[7]):
		return fault.Text(fault.Protocol, "the response begins with "+strconv.Quote(string(b[:5]))+" and not with a version of HTTP")
	case b[5] != '1':
		return fault.Text(fault.Protocol, "version "+string(b[:len(version)]))
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isTLSRecord reports whether b begins like an alert or a handshake message of
// TLS (RFC 8446, section 5.1), with which an https port answers a request in
// the clear.
func isTLSRecord(b []byte) bool {
	return len(b) >= 2 && (b[0] == 21 || b[0] == 22) && b[1] == 3
}
