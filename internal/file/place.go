// Package file makes files that are complete or not there. A [Place] gives a file
// its name once all of it is on the disk and its [Checksum] is right. A [Part]
// holds the bytes that have come so far, so that a later call can resume. [Pieces]
// divide a file among several requests. [Range] and [Validator] are the parts of
// HTTP that make resuming safe (RFC 9110, sections 13.1.5 and 14.4).
//
// The package sends nothing. It does not know what requests are, or where bytes
// come from.
package file

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Place is where a file is to be: a name in an open directory. Nothing is
// written elsewhere, even if the path to the directory changes meanwhile.
type Place struct {
	// Disk wraps the file that content is written to. It is for tests of disks
	// that fail, and nil otherwise.
	Disk func(io.Writer) io.Writer

	root    *os.Root
	name    string
	replace bool // a file that exists
}

// In opens the directory of a file that [Place.Name] will name. replace says
// whether a file that exists may be replaced.
func In(dir string, replace bool) (*Place, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Place{root: root, replace: replace}, nil
}

// Name chooses the name of the file. It fails if the name is taken by something
// that must not be replaced.
func (p *Place) Name(name string) error {
	p.name = name
	return p.check()
}

// Close closes the directory.
func (p *Place) Close() error { return p.root.Close() }

// Save creates the file from what write writes, and returns the number that
// write returned. If anything fails, or the content does not match sum, the
// place stays as it was.
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

// check refuses a name that is taken by something which must not be replaced. A
// link may lead anywhere (CVE-2025-8959), and a device cannot be made again.
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

// lstat describes the regular file of that name, nil if there is none. Anything
// else is an error.
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

// ErrNotRegular reports something that is not a regular file but should be.
var ErrNotRegular = errors.New("not a regular file")

func (p *Place) error(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: filepath.Join(p.root.Name(), name), Err: err}
}

// newMode is the mode of a file that replaces none, as [os.Create] has it. The
// system subtracts the umask.
const newMode = 0o666

// mode is the mode of the file while it is written. It is that of the file to be
// replaced, so that nobody can read more than before.
func (p *Place) mode() (fs.FileMode, error) {
	old, err := p.lstat(p.name)
	if err != nil || old == nil {
		return newMode, err
	}
	return old.Mode().Perm(), nil
}

// keepMode gives f the mode of the file to be replaced, if there is one. Anything
// else in its place is refused by take.
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

// create makes a file with a name that nobody can predict (CVE-2026-25645).
func (p *Place) create(mode fs.FileMode) (f *os.File, name string, err error) {
	name = ".requests-" + rand.Text() + ".tmp"
	f, err = p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return f, name, err
}

// take renames the closed file temp to the name of the place, in one step.
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

// claim is take where nothing may be replaced, not even a file that was created
// a moment ago.
func (p *Place) claim(temp string) error {
	err := p.root.Link(temp, p.name)
	if err == nil {
		p.root.Remove(temp)
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := p.root.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // the file system has no links
	if err != nil {
		return err
	}
	f.Close()
	if err = p.root.Rename(temp, p.name); err != nil {
		p.root.Remove(p.name)
	}
	return err
}

// sync makes the new name durable. Not every system can do that.
func (p *Place) sync() {
	if dir, err := p.root.Open("."); err == nil {
		dir.Sync()
		dir.Close()
	}
}

// settle gives f its mode, writes it to the disk and checks what is there.
func (p *Place) settle(f *os.File, sum Checksum) error {
	if err := p.keepMode(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return sum.Verify(io.NewSectionReader(f, 0, 1<<63-1))
}
