package file

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// A107: the file is for its owner alone, whatever was there before, is replaced in
// one step, and nothing is left behind.
func TestReplacePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	before, err := os.Open(path)
	require.NoError(t, err)
	defer before.Close()

	require.NoError(t, ReplacePrivate(path, []byte("new")))
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(now))
	if info, err := os.Stat(path); runtime.GOOS != "windows" {
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	}
	old, err := io.ReadAll(before)
	require.NoError(t, err)
	require.Equal(t, "old", string(old), "who had the old file open has it whole")

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "folder", "in it"), 0o700))
	require.Error(t, ReplacePrivate(filepath.Join(dir, "folder"), nil))
	require.ErrorIs(t, ReplacePrivate(filepath.Join(dir, "none", "x"), nil), fs.ErrNotExist)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing is left in the folder")
}

func TestReplacePrivateReplacesALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	require.NoError(t, ReplacePrivate(link, []byte("new")))
	old, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "old", string(old))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
}
