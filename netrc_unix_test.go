//go:build unix && !solaris && !aix

package requests_test

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestNetrcPipe has nobody write into the pipe that NETRC names.
func TestNetrcPipe(t *testing.T) {
	s, sent := scripted(t, replies(ok()))
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	t.Setenv("NETRC", path)
	if get(t, s, "http://a.test/"); sent.authorization(0) != "" {
		t.Errorf("sent %q", sent.authorization(0))
	}
}
