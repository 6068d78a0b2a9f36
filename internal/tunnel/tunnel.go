// Package tunnel asks an HTTP proxy for a tunnel with CONNECT (RFC 9110,
// section 9.3.6), over an existing connection to it.
//
// The caller dials, speaks TLS to the proxy, sets a deadline on the connection
// or closes it when a context ends, and closes it after an error.
package tunnel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	maxHeader = 64 << 10 // for everything before the tunnel, interim responses included
	maxBody   = 4 << 10  // of a refusal, the part that is kept
	maxRest   = 64 << 10 // of a refusal, the most that is read to reuse the connection
)

// Errors of [Connect], besides [*StatusError], [io.ErrUnexpectedEOF] for a
// proxy that closed the connection, and errors of the connection itself, such
// as [os.ErrDeadlineExceeded]. None names the target or repeats a header.
var (
	// ErrAddress reports a target that is not host:port. Nothing was sent.
	ErrAddress = errors.New("tunnel: target is not host:port")
	// ErrProtocol reports an answer that is not HTTP/1.
	ErrProtocol = errors.New("tunnel: malformed answer of the proxy")
	// ErrHeaderTooLarge reports an answer whose header does not end within 64 KiB.
	ErrHeaderTooLarge = errors.New("tunnel: header of the proxy's answer too large")
)

// A StatusError is the answer of a proxy that did not open the tunnel.
type StatusError struct {
	StatusCode int
	Status     string // code and reason, as in "407 Proxy Authentication Required"
	Header     http.Header
	Body       []byte // at most 4 KiB, as far as it arrived
	Again      bool   // the proxy accepts another CONNECT on the connection
}

// Error quotes the reason, in which the proxy may send anything.
func (e *StatusError) Error() string {
	return fmt.Sprintf("tunnel: proxy answered %.80q", e.Status)
}

// Connect asks the proxy at the other end of conn for a tunnel to target, a
// host:port with an IPv6 address in brackets. The request has Host and the
// fields of header, which only the proxy sees: User-Agent and
// Proxy-Authorization belong there, fields for the target do not
// (CVE-2015-3153). The caller has validated them. Any 2xx opens the tunnel.
//
// The returned connection is the tunnel. It is conn itself unless the proxy
// sent more than its header: such bytes come from the target, and are read
// first. The proxy may also have injected them. With TLS the handshake then
// fails; without TLS nobody can tell.
func Connect(conn net.Conn, target string, header http.Header) (net.Conn, error) {
	if !isAuthority(target) {
		return nil, ErrAddress
	}
	if err := request(conn, target, header); err != nil {
		return nil, fmt.Errorf("tunnel: sending: %w", err)
	}
	limited := &io.LimitedReader{R: conn, N: maxHeader}
	r := bufio.NewReader(limited)
	answer, err := readHeader(r)
	switch {
	case err != nil && limited.N <= 0:
		return nil, ErrHeaderTooLarge
	case err == io.EOF:
		return nil, fmt.Errorf("tunnel: receiving: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("tunnel: receiving: %w", err)
	case answer.StatusCode/100 != 2:
		limited.N = maxRest
		complete := false
		answer.Body, complete = readBody(r, answer.Header)
		answer.Again = answer.Again && complete && r.Buffered() == 0
		return nil, answer
	}
	// A Content-Length or Transfer-Encoding of a 2xx has no meaning (RFC 9110,
	// section 9.3.6).
	surplus, _ := r.Peek(r.Buffered())
	if len(surplus) == 0 {
		return conn, nil
	}
	return &surplusConn{Conn: conn, surplus: surplus}, nil
}

// request writes the CONNECT request in one piece.
func request(w io.Writer, target string, header http.Header) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n", target)
	exclude := make(map[string]bool)
	for name := range header {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding":
			// Exactly one Host (RFC 9112, section 3.2), and no framing, as
			// there is no content.
			exclude[name] = true
		}
	}
	header.WriteSubset(&b, exclude)
	b.WriteString("\r\n")
	_, err := w.Write(b.Bytes())
	return err
}

// readHeader reads up to the end of the first header that is not interim. The
// limit of the reader bounds the loop.
func readHeader(r *bufio.Reader) (*StatusError, error) {
	text := textproto.NewReader(r)
	for {
		line, err := text.ReadLine()
		if err != nil {
			return nil, err
		}
		code, ok := parseStatusLine(line)
		if !ok {
			return nil, ErrProtocol
		}
		header, err := text.ReadMIMEHeader()
		if _, malformed := errors.AsType[textproto.ProtocolError](err); malformed {
			return nil, ErrProtocol
		}
		if err != nil {
			return nil, err
		}
		// After an unrequested 101, no other response would come.
		if code/100 == 1 && code != http.StatusSwitchingProtocols {
			continue
		}
		_, status, _ := strings.Cut(line, " ")
		return &StatusError{StatusCode: code, Status: status, Header: http.Header(header), Again: persists(line, header)}, nil
	}
}

// parseStatusLine gives the code of a status-line of HTTP/1 (RFC 9112, section 4).
// The reason, and the space before it, may be missing: some proxies leave it out.
func parseStatusLine(line string) (code int, ok bool) {
	rest, ok := strings.CutPrefix(line, "HTTP/1.")
	if !ok || len(rest) < len("1 200") || rest[0] < '0' || rest[0] > '9' || rest[1] != ' ' {
		return 0, false
	}
	digits, reason := rest[2:5], rest[5:]
	if reason != "" && reason[0] != ' ' {
		return 0, false
	}
	code, err := strconv.Atoi(digits)
	return code, err == nil && code >= 100
}

// persists reports whether the connection stays open after an answer (RFC 9112,
// section 9.3).
func persists(line string, header textproto.MIMEHeader) bool {
	if strings.HasPrefix(line, "HTTP/1.0") {
		return false
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection"} {
		for _, field := range header[name] {
			for token := range strings.SplitSeq(field, ",") {
				if strings.EqualFold(strings.TrimSpace(token), "close") {
					return false
				}
			}
		}
	}
	return true
}

// readBody reads the start of a refusal, as much as comes without an error, and
// reports whether that is all of it. If nothing says where the body ends, it
// reads only what came along with the header: waiting for a proxy that itself
// waits for another request would take for ever.
func readBody(r *bufio.Reader, header http.Header) (start []byte, complete bool) {
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	switch {
	case strings.EqualFold(header.Get("Transfer-Encoding"), "chunked"):
		body := httputil.NewChunkedReader(r)
		start, _ = io.ReadAll(io.LimitReader(body, maxBody)) // the status is what matters
		_, err := io.Copy(io.Discard, body)
		return start, err == nil && skipTrailer(r)
	case err == nil && length >= 0:
		start, _ = io.ReadAll(io.LimitReader(r, min(length, maxBody)))
		if length > maxRest {
			return start, false
		}
		rest, err := io.CopyN(io.Discard, r, length-int64(len(start)))
		return start, err == nil && int64(len(start))+rest == length
	case !strings.EqualFold(header.Get("Connection"), "close"):
		start, _ = io.ReadAll(io.LimitReader(r, min(int64(r.Buffered()), maxBody)))
	default:
		start, _ = io.ReadAll(io.LimitReader(r, maxBody))
	}
	return start, false
}

// skipTrailer reads to the empty line behind the last chunk.
func skipTrailer(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return true
		}
	}
}

// isAuthority tells whether s is host:port in bytes that can stand in a request
// line (RFC 9112, section 3.2.3). A zone would name an interface of this
// machine.
func isAuthority(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || net.JoinHostPort(host, port) != s {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	return strings.IndexFunc(host, func(r rune) bool { return !isHostByte(r) }) < 0
}

// isHostByte covers reg-name without its escapes, and the colon of IPv6 (RFC 3986, section 3.2.2).
func isHostByte(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune("-._~!$&'()*+,;=:", r)
}

// A surplusConn first returns the bytes that were read beyond the header. Like
// the connection below, it allows one reader at a time.
type surplusConn struct {
	net.Conn
	surplus []byte
}

func (c *surplusConn) Read(b []byte) (int, error) {
	if len(c.surplus) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.surplus)
	c.surplus = c.surplus[n:]
	return n, nil
}
