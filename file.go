package requests

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-requests/requests/internal/disposition"
	"github.com/go-requests/requests/internal/file"
)

// A FileOption is an option of [Response.SaveFile]: [Overwrite] or [Checksum].
type FileOption interface{ file(*fileSettings) }

// Overwrite says whether a file that exists may be replaced. The default is yes if
// the caller chose its name, and no if the server did. Only regular files are ever
// replaced, never a symbolic link or a device.
type Overwrite bool

func (Overwrite) option()                  {}
func (Overwrite) of() string               { return ofFiles }
func (o Overwrite) file(set *fileSettings) { set.overwrite, set.decided = bool(o), true }

// Checksum holds the checksums that a file must have, by the name of the algorithm
// in lower case: "sha256", "sha384", "sha512", and "sha1" and "md5", which find
// accidents but no forgeries. The values are hexadecimal, in either case. All must
// match before the file gets its name; otherwise the error is [ErrChecksum]. An
// empty or nil Checksum verifies nothing.
//
//	requests.Checksum{"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
type Checksum map[string]string

func (Checksum) option()                  {}
func (Checksum) of() string               { return ofFiles }
func (c Checksum) file(set *fileSettings) { set.checksum = file.Checksum(c) }

// ofFiles says what the options of a file are for.
const ofFiles = "Download and SaveFile, and of Many with SaveTo"

// fileSettings are the options of a file.
type fileSettings struct {
	overwrite, decided bool // decided: the caller has given Overwrite
	checksum           file.Checksum
	disk               func(io.Writer) io.Writer // see file.Place; for tests
}

// SaveFile writes the body to a file and returns its length. The file gets its name
// only when the whole body is on the disk. If anything fails before, there is no
// new file, and an old one is unchanged. A new file has the mode that [os.Create]
// gives, and a file that is replaced keeps its mode. The memory needed does not
// depend on the length.
//
// If path is a directory, or ends in a separator, the file is created there with
// the name that [Response.Filename] gives. A file that has this name already is
// replaced only if [Overwrite] allows it. Nothing is written through a symbolic
// link.
//
// The error is an [*Error] that wraps the error of the system, such as
// [fs.ErrExist], or the one that kept the body from being read. A streamed response
// is closed, unless the error came before anything of the body was read.
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
	if err := set.checksum.Check(); err != nil {
		return 0, err
	}
	if path == "" {
		return 0, errNoPath
	}
	p, err := r.place(path, set)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	return p.Save(set.checksum, r.writeBody)
}

// errNoPath is the error of a file without a name.
var errNoPath = failText(ErrInvalidOption, "the path of the file is empty")

// writeBody writes the whole body to dst.
func (r *Response) writeBody(dst io.Writer) (int64, error) {
	if r.loaded {
		if err := r.Err(); err != nil {
			return 0, err
		}
		n, err := file.Write(dst, r.content)
		return int64(n), err
	}
	if err := r.claimAll(); err != nil {
		return 0, err
	}
	defer r.Close()
	return file.Copy(dst, &r.wire)
}

// Filename returns a name for a file with the body: the one that the server suggests
// in Content-Disposition (RFC 6266), or else the last part of the path of the URL
// that the caller named, as a redirect could name anything (CVE-2016-4971). The name
// is safe on every system: it is not a path, not hidden and not a device. Filename
// reports false if there is no such name.
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

// place opens the place of the file. The caller closes it.
func (r *Response) place(path string, set *fileSettings) (*file.Place, error) {
	dir, name, replace := filepath.Dir(path), filepath.Base(path), set.overwrite || !set.decided
	if isDirectory(path) {
		dir, replace = path, set.overwrite
		var ok bool
		if name, ok = r.Filename(); !ok {
			return nil, failText(ErrInvalidOption, "SaveFile: the path is a directory, and neither the server nor the URL names a file")
		}
	}
	p, err := file.In(dir, replace)
	if err != nil {
		return nil, err
	}
	p.Disk = set.disk
	if err := p.Name(name); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func isDirectory(path string) bool {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
