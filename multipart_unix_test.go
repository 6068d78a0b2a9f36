//go:build unix && !solaris && !aix

package requests

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-requests/requests/internal/file"
)

// C093: to open a named pipe without a writer would wait for ever.
func TestFilesNamedPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewRequest("POST", "http://a.test/", Files{{Field: "f", Path: fifo}}).Prepare(bg)
	if !errors.Is(err, ErrInvalidOption) || !errors.Is(err, file.ErrNotRegular) {
		t.Errorf("Prepare() = %v; want %v", err, file.ErrNotRegular)
	}
}
