package fault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
)

// IsTLS reports whether an error of the standard library is about a handshake or
// a certificate. An alert of the server, such as one for a missing client
// certificate, arrives as a "remote error" with the first read (RFC 8446,
// section 4.4.2.4).
func IsTLS(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	return IsA[tls.RecordHeaderError](err) || IsA[*tls.CertificateVerificationError](err) ||
		IsA[tls.AlertError](err) || IsA[*tls.ECHRejectionError](err) ||
		IsA[x509.UnknownAuthorityError](err) || IsA[x509.HostnameError](err) ||
		IsA[x509.CertificateInvalidError](err) || IsA[x509.SystemRootsError](err)
}

// IsTimeout reports whether a limit of time has caused err.
func IsTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// IsLost reports whether err says that the connection ended, cleanly or not.
func IsLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) || IsA[*net.OpError](err)
}

// IsA reports whether err is, or wraps, an E.
func IsA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// A StreamReset is the premature end of an HTTP/2 stream (RFC 9113, section
// 6.4). errors.As fills it from an unexported type of net/http, so its fields are
// the same.
type StreamReset struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e StreamReset) Error() string { return "HTTP/2 stream reset" }
