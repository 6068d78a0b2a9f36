// Package socks asks a SOCKS proxy for a connection, over one already made to it.
//
// Each function is one handshake: SOCKS4 (Lee, "SOCKS: A protocol for TCP proxy
// across firewalls"), SOCKS4a (its extension for names) and SOCKS5 (RFC 1928
// with the user and password of RFC 1929). Everything else is up to the caller:
// to dial, to set a deadline on the connection or close it when a context ends,
// to resolve names for SOCKS4, and to close the connection after an error,
// since a failed handshake cannot be resumed.
//
// After success the connection is the stream to the target: no byte after the
// reply has been read. No error names the target or the credentials.
//
// It is written by hand because golang.org/x/net/proxy supports only SOCKS5.
package socks

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors found before anything is sent.
var (
	// ErrAddress reports a target that the protocol cannot express: a name that
	// is empty, longer than 255 bytes or contains a zero byte, an IPv6 zone, or
	// an IPv6 address for SOCKS4. A long name is never resolved locally
	// instead: that would tell the local resolver a name meant for the proxy,
	// and it is how CVE-2023-38545 overran a buffer.
	ErrAddress = errors.New("socks: target cannot be expressed in the protocol")
	// ErrCredentials reports a user or a password that the protocol cannot express.
	ErrCredentials = errors.New("socks: credentials cannot be expressed in the protocol")
)

// Errors of the proxy. A handshake may also fail with [*ReplyError], with
// [io.ErrUnexpectedEOF] if the proxy closed the connection, and with errors of
// the connection itself, such as [os.ErrDeadlineExceeded].
var (
	// ErrNoMethod reports a SOCKS5 proxy that accepts none of the authentication
	// methods offered, such as one that wants a password when none was given.
	ErrNoMethod = errors.New("socks: proxy accepts no authentication method offered")
	// ErrAuth reports a SOCKS5 proxy that rejected user and password.
	ErrAuth = errors.New("socks: proxy rejected user and password")
	// ErrProtocol reports an answer that violates the protocol.
	ErrProtocol = errors.New("socks: malformed answer of the proxy")
)

// A ReplyError is the refusal of a proxy to connect to the target.
type ReplyError struct {
	Version int  // 4 or 5
	Code    byte // as in the reply: the two versions number their reasons differently
}

func (e *ReplyError) Error() string {
	return fmt.Sprintf("socks: proxy refused: %s (code %d)", e.Text(), e.Code)
}

// Text gives the meaning of the code, "unassigned code" for one without.
func (e *ReplyError) Text() string {
	if e.Version == version4 {
		switch e.Code {
		case 91:
			return "request rejected or failed"
		case 92:
			return "identd on the client cannot be reached"
		case 93:
			return "identd reports another user"
		}
		return "unassigned code"
	}
	switch e.Code { // RFC 1928, section 6
	case 1:
		return "general server failure"
	case 2:
		return "connection not allowed by ruleset"
	case 3:
		return "network unreachable"
	case 4:
		return "host unreachable"
	case 5:
		return "connection refused"
	case 6:
		return "TTL expired"
	case 7:
		return "command not supported"
	case 8:
		return "address type not supported"
	}
	return "unassigned code"
}

const (
	commandConnect = 1   // of SOCKS4 and SOCKS5
	maxField       = 255 // the maximum of a length in one byte
)

// checkName reports whether the name can be sent to a proxy. SOCKS4a ends it
// with a zero byte, so a zero byte inside would let the name forge another
// field.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: empty name", ErrAddress)
	case len(name) > maxField:
		return fmt.Errorf("%w: name of %d bytes, %d at most", ErrAddress, len(name), maxField)
	case strings.Contains(name, "\x00"):
		return fmt.Errorf("%w: zero byte in the name", ErrAddress)
	}
	return nil
}

// exchange sends a message and fills answer. It never reads more than that: the
// next bytes may come from the target.
func exchange(conn io.ReadWriter, message, answer []byte) error {
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("socks: sending: %w", err)
	}
	return read(conn, answer)
}

func read(conn io.Reader, answer []byte) error {
	_, err := io.ReadFull(conn, answer)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("socks: receiving: %w", err)
	}
	return nil
}
