package transport

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}
