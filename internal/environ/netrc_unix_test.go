//go:build unix && !solaris && !aix

package environ

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNetrcPipe has nobody write into the pipe that NETRC names.
func TestNetrcPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	set(t, map[string]string{"NETRC": path})
	_, ok, err := new(Netrc).Lookup("a.test", "")
	require.Error(t, err)
	require.False(t, ok)
}
