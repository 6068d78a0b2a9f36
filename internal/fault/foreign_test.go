package fault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestForeign tells errors of the standard library apart, bare and wrapped.
func TestForeign(t *testing.T) {
	for _, tt := range []struct {
		name               string
		err                error
		tls, timeout, lost bool
	}{
		{"an alert of the server", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}, true, false, true},
		{"a certificate", &tls.CertificateVerificationError{Err: x509.HostnameError{}}, true, false, false},
		{"no TLS", tls.RecordHeaderError{}, true, false, false},
		{"a deadline", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, false, true, true},
		{"a deadline of a pipe", os.ErrDeadlineExceeded, false, true, false},
		{"the end", io.EOF, false, false, true},
		{"an early end", io.ErrUnexpectedEOF, false, false, true},
		{"a closed pipe", io.ErrClosedPipe, false, false, true},
		{"a closed connection", net.ErrClosed, false, false, true},
		{"a reset", &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, false, false, true},
		{"another error", errors.New("other"), false, false, false},
	} {
		for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err)} {
			require.Equal(t, tt.tls, IsTLS(err), "IsTLS of %s: %v", tt.name, err)
			require.Equal(t, tt.timeout, IsTimeout(err), "IsTimeout of %s: %v", tt.name, err)
			require.Equal(t, tt.lost, IsLost(err), "IsLost of %s: %v", tt.name, err)
		}
	}
	require.True(t, IsA[StreamReset](fmt.Errorf("wrapped: %w", StreamReset{StreamID: 1})))
	require.False(t, IsA[StreamReset](io.EOF))
}
