package requests

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-requests/requests/internal/disposition"
)

// A FileOption says how [Response.SaveFile] makes a file: [Overwrite] or
// [Checksum].
type FileOption interface{ file(*fileSettings) }

// Overwrite says whether a file that is there already may be replaced. The
// default is yes if the caller chose its name, and no if the server did. What
// is not a regular file, such as a symbolic link or a device, never is.
type Overwrite bool

func (Overwrite) option()                  {}
func (o Overwrite) file(set *fileSettings) { set.overwrite, set.decided = bool(o), true }

// fileSettings are what a file is made by.
type fileSettings struct {
	overwrite, decided bool // decided: by the caller
	checksum           Checksum
	disk               func(io.Writer) io.Writer // writes go through it; nil but in tests of disks that fail
}

// writer is f as the body is written to it.
func (set *fileSettings) writer(f io.Writer) io.Writer {
	if set.disk != nil {
		return set.disk(f)
	}
	return f
}

// SaveFile writes the body to a file and returns its length. The file gets its
// name only when the body has come in full and is on the disk: whatever fails
// before leaves no file, and one that was there as it was. A new file has the
// mode that [os.Create] gives, one that is replaced keeps its own. The memory
// needed does not depend on the length.
//
// If path is a directory, or ends in a separator, the file is made there under
// the name that [Response.Filename] gives. A file of that name is not replaced,
// unless [Overwrite] allows it, and nothing is written through a symbolic link.
//
// An error is an [*Error] with what the system said, such as [fs.ErrExist], or
// with what kept the body from being read. A streamed response is closed, but
// for an error that came before its body was touched.
func (r *Response) SaveFile(path string, opts ...FileOption) (int64, error) {
	var set fileSettings
	for _, o := range opts {
		if o != nil {
			o.file(&set)
		}
	}
	n, err := r.saveFile(path, &set)
	if err != nil {
		return 0, readError(r.URL, err)
	}
	return n, nil
}

func (r *Response) saveFile(path string, set *fileSettings) (int64, error) {
	if err := set.checksum.check(); err != nil {
		return 0, err
	}
	p, err := r.place(path, set)
	if err != nil {
		return 0, err
	}
	defer p.root.Close()
	mode, err := p.mode()
	if err != nil {
		return 0, err
	}
	f, temp, err := p.create(mode)
	if err != nil {
		return 0, err
	}
	n, err := r.writeBody(set.writer(f))
	if err == nil {
		err = p.settle(f, set.checksum)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = p.take(temp)
	}
	if err != nil {
		p.root.Remove(temp)
	}
	return n, err
}

// settle gives f its mode, brings it to the disk and checks what is there.
func (p *place) settle(f *os.File, sum Checksum) error {
	if err := p.keepMode(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return sum.verify(io.NewSectionReader(f, 0, 1<<63-1))
}

// writeBody writes the whole body to dst.
func (r *Response) writeBody(dst io.Writer) (int64, error) {
	if r.loaded {
		if err := r.Err(); err != nil {
			return 0, err
		}
		n, err := writeFull(dst, r.content)
		return int64(n), err
	}
	if err := r.stream(); err != nil {
		return 0, err
	}
	defer r.Close()
	return copyBlocks(dst, &r.wire)
}

// copyBlocks copies by way of a large buffer, filled before each write. It
// passes by the ReadFrom of a file, which would read 32 KiB at a time: with
// 256 KiB a download takes a fifth less time, and with more than that no less.
func copyBlocks(dst io.Writer, src io.Reader) (int64, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	var total int64
	for {
		n, readErr := fillBlock(src, block[:])
		m, err := writeFull(dst, block[:n])
		total += int64(m)
		if err != nil {
			return total, err
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// sameBytes reads as much of src as want has, and reports whether it is the same.
func sameBytes(want, src io.Reader) (bool, error) {
	mine, theirs := blocks.Get().(*[blockSize]byte), blocks.Get().(*[blockSize]byte)
	defer blocks.Put(mine)
	defer blocks.Put(theirs)
	for {
		n, err := fillBlock(want, mine[:])
		if err != nil && err != io.EOF {
			return false, err
		}
		m, failed := fillBlock(src, theirs[:n])
		if m < n {
			if failed == io.EOF {
				return false, nil
			}
			return false, failed
		}
		if !bytes.Equal(mine[:n], theirs[:n]) {
			return false, nil
		}
		if err == io.EOF {
			return true, nil
		}
	}
}

// fillBlock reads until b is full or src has ended or failed, which is returned
// as it is.
func fillBlock(src io.Reader, b []byte) (n int, err error) {
	for idle := 0; n < len(b) && err == nil; idle++ {
		var m int
		if m, err = src.Read(b[n:]); m > 0 {
			idle = 0
		}
		if n += m; idle == 100 { // as in bufio
			return n, io.ErrNoProgress
		}
	}
	return n, err
}

func writeFull(dst io.Writer, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := dst.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Filename returns the name for the body as a file: the one that the server
// suggests in Content-Disposition (RFC 6266), else the last part of the path of
// the URL that the caller named; that of a redirect could be anything
// (CVE-2016-4971). It is safe to be created on every system: not a path, not
// hidden, not a device. It reports false if neither gives one.
func (r *Response) Filename() (string, bool) {
	if suggested, ok := disposition.Filename(r.Header.Get("Content-Disposition")); ok {
		if name, ok := disposition.Sanitise(suggested); ok {
			return name, true
		}
	}
	u := r.URL
	if len(r.History) > 0 {
		u = r.History[0].URL
	}
	if u == nil {
		return "", false
	}
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	if err != nil {
		return "", false
	}
	return disposition.Sanitise(name)
}

// A place is where a file is to be: a name in an open directory, so that
// nothing is written elsewhere whatever happens to its path meanwhile.
type place struct {
	root    *os.Root
	name    string
	replace bool // what is there already
}

// place finds where the body is to go. The caller closes its root.
func (r *Response) place(path string, set *fileSettings) (*place, error) {
	if !isDirectory(path) {
		return newPlace(filepath.Dir(path), filepath.Base(path), set.overwrite || !set.decided)
	}
	name, ok := r.Filename()
	if !ok {
		return nil, failText(ErrInvalidOption, "SaveFile: the path is a directory, and neither the server nor the URL names a file")
	}
	return newPlace(path, name, set.overwrite)
}

func isDirectory(path string) bool {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func newPlace(dir, name string, replace bool) (*place, error) {
	p, err := openPlace(dir, replace)
	if err != nil {
		return nil, err
	}
	if err := p.choose(name); err != nil {
		p.root.Close()
		return nil, err
	}
	return p, nil
}

// openPlace opens the directory of a file whose name is not known yet.
func openPlace(dir string, replace bool) (*place, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &place{root: root, replace: replace}, nil
}

// choose gives the file its name, unless it is taken.
func (p *place) choose(name string) error {
	p.name = name
	return p.check()
}

// check refuses a place that is taken by what must not be replaced: a link may
// be to anywhere (CVE-2025-8959), and a device is not made again.
func (p *place) check() error {
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
func (p *place) lstat(name string) (fs.FileInfo, error) {
	info, err := p.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, p.error("replace", name, errNotRegular)
	}
	return info, nil
}

func (p *place) error(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: filepath.Join(p.root.Name(), name), Err: err}
}

// newMode is that of a file that replaces none: what [os.Create] gives, of which
// the system takes the umask.
const newMode = 0o666

// mode is that of the file until it is complete: that of the one to be
// replaced, so that nobody can read what they could not before.
func (p *place) mode() (fs.FileMode, error) {
	old, err := p.lstat(p.name)
	if err != nil || old == nil {
		return newMode, err
	}
	return old.Mode().Perm(), nil
}

// keepMode gives f the mode of the file to be replaced, if there is one. What is
// no file is for take to refuse.
func (p *place) keepMode(f *os.File) error {
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
func (p *place) create(mode fs.FileMode) (f *os.File, name string, err error) {
	name = ".requests-" + rand.Text() + ".tmp"
	f, err = p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return f, name, err
}

// take gives the file temp, which is closed, its name in one step.
func (p *place) take(temp string) error {
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
func (p *place) claim(temp string) error {
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
func (p *place) sync() {
	if dir, err := p.root.Open("."); err == nil {
		dir.Sync()
		dir.Close()
	}
}
