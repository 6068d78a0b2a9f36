package file

import (
	"errors"
	"os"
	"path/filepath"
)

// ReplacePrivate writes a file that only its owner may read. It replaces an old file,
// or a symbolic link, in one step.
func ReplacePrivate(path string, data []byte) (err error) {
	// In the same folder, to be on the same file system; made with mode 0600,
	// which the new file keeps whatever the old one had (CVE-2022-32207).
	f, err := os.CreateTemp(filepath.Dir(path), ".cookies-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync() // otherwise a crash could leave an empty file under the new name
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
