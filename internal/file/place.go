// Package file makes files that are complete or not there. A [Place] gives one
// its name when all of it is on the disk and its [Checksum] is right; a [Part]
// keeps what has come so far, for another process to go on with; [Pieces] divide
// it among those who fill it at once. [Range] and [Validator] are what HTTP has
// to go on with a file (RFC 9110, sections 13.1.5 and 14.4).
//
// It sends nothing, and knows neither requests nor where the bytes come from.
package file

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Place is where a file is to be: a name in an open directory, so that
// nothing is written elsewhere whatever happens to its path meanwhile.
type Place struct {
	// Disk is what writes of the content go through; nil but in tests of disks
	// that fail.
	Disk func(io.Writer) io.Writer

	root    *os.Root
	name    string
	replace bool // what is there already
}

// In opens the directory of a file that is to get a name by [Place.Name]. What
// has that name may be replaced, or not.
func In(dir string, replace bool) (*Place, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Place{root: root, replace: replace}, nil
}

// Name gives the file its name, unless that is taken.
func (p *Place) Name(name string) error {
	p.name = name
	return p.check()
}

// Close closes the directory.
func (p *Place) Close() error { return p.root.Close() }

// Save makes the file of what write writes, and returns the length that this
// has returned. Unless all goes well, and the content is as sum says, there is
// no file, or the one that was there before.
func (p *Place) Save(sum Checksum, write func(io.Writer) (int64, error)) (n int64, err error) {
	mode, err := p.mode()
	if err != nil {
		return 0, err
	}
	f, temp, err := p.create(mode)
	if err != nil {
		return 0, err
	}
	saved := false
	defer func() { // also if write panics
		if !saved {
			f.Close()
			p.root.Remove(temp)
		}
	}()
	if n, err = write(p.disk(f)); err != nil {
		return n, err
	}
	if err = p.settle(f, sum); err != nil {
		return n, err
	}
	if err = f.Close(); err != nil {
		return n, err
	}
	if err = p.take(temp); err != nil {
		return n, err
	}
	saved = true
	return n, nil
}

// disk is f as the content is written to it.
func (p *Place) disk(f io.Writer) io.Writer {
	if p.Disk != nil {
		return p.Disk(f)
	}
	return f
}

// check refuses a place that is taken by what must not be replaced: a link may
// be to anywhere (CVE-2025-8959), and a device is not made again.
func (p *Place) check() error {
	info, err := p.lstat(p.name)
	switch {
	case err != nil || info == nil:
		return err
	case !p.replace:
		return p.error("create", p.name, fs.ErrExist)
	}
	return nil
}

// lstat returns what is there, nil if nothing is, if that is a regular file.
func (p *Place) lstat(name string) (fs.FileInfo, error) {
	info, err := p.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, p.error("replace", name, ErrNotRegular)
	}
	return info, nil
}

// ErrNotRegular reports what is no regular file where one is to be.
var ErrNotRegular = errors.New("not a regular file")

func (p *Place) error(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: filepath.Join(p.root.Name(), name), Err: err}
}

// newMode is that of a file that replaces none: what [os.Create] gives, of which
// the system takes the umask.
const newMode = 0o666

// mode is that of the file until it is complete: that of the one to be
// replaced, so that nobody can read what they could not before.
func (p *Place) mode() (fs.FileMode, error) {
	old, err := p.lstat(p.name)
	if err != nil || old == nil {
		return newMode, err
	}
	return old.Mode().Perm(), nil
}

// keepMode gives f the mode of the file to be replaced, if there is one. What is
// no file is for take to refuse.
func (p *Place) keepMode(f *os.File) error {
	old, err := p.root.Lstat(p.name)
	if err != nil || !old.Mode().IsRegular() {
		return nil
	}
	now, err := f.Stat()
	if err != nil || now.Mode().Perm() == old.Mode().Perm() {
		return err
	}
	return f.Chmod(old.Mode().Perm())
}

// create makes a file of a name that nobody can foresee (CVE-2026-25645), to be
// filled and taken.
func (p *Place) create(mode fs.FileMode) (f *os.File, name string, err error) {
	name = ".requests-" + rand.Text() + ".tmp"
	f, err = p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return f, name, err
}

// take gives the file temp, which is closed, its name in one step.
func (p *Place) take(temp string) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.replace {
		if err := p.root.Rename(temp, p.name); err != nil {
			return err
		}
	} else if err := p.claim(temp); err != nil {
		return err
	}
	p.sync()
	return nil
}

// claim is take where nothing may be replaced, be it made a moment ago.
func (p *Place) claim(temp string) error {
	err := p.root.Link(temp, p.name)
	if err == nil {
		p.root.Remove(temp)
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := p.root.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // a file system without links
	if err != nil {
		return err
	}
	f.Close()
	if err = p.root.Rename(temp, p.name); err != nil {
		p.root.Remove(p.name)
	}
	return err
}

// sync makes the new name last. Not every system can do that to a directory.
func (p *Place) sync() {
	if dir, err := p.root.Open("."); err == nil {
		dir.Sync()
		dir.Close()
	}
}

// settle gives f its mode, brings it to the disk and checks what is there.
func (p *Place) settle(f *os.File, sum Checksum) error {
	if err := p.keepMode(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return sum.Verify(io.NewSectionReader(f, 0, 1<<63-1))
}
