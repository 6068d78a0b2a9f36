package requests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/cookie"
	"github.com/go-requests/requests/internal/values"
)

// A CookieFileOption says what [CookieJar.Save] writes: a [CookieFormat] or
// [SessionCookies].
type CookieFileOption interface{ cookieFile(*cookieFile) }

// CookieFormat is the format of a file of cookies.
type CookieFormat uint8

const (
	// CookiesTXT is the cookies.txt of Netscape, which curl, wget and Python
	// read and write. It is the default. It cannot hold SameSite, the times of
	// creation and access, or cookies without a domain or with a TAB in them.
	CookiesTXT CookieFormat = iota
	// CookiesJSON holds everything that a jar knows.
	CookiesJSON
)

// SessionCookies makes [CookieJar.Save] write cookies that end with the session, too.
type SessionCookies bool

type cookieFile struct {
	format   CookieFormat
	sessions bool
}

func (f CookieFormat) cookieFile(c *cookieFile)   { c.format = f }
func (s SessionCookies) cookieFile(c *cookieFile) { c.sessions = bool(s) }

// A CookieFileError says which line of a file of cookies cannot be read, and why. It
// shows nothing of that line.
type CookieFileError struct {
	Path   string // "" for what was read from a reader
	Line   int    // counted from 1; 0 if the file as a whole is meant
	Reason string
}

func (e *CookieFileError) Error() string {
	s := "cookie file"
	if e.Path != "" {
		s += " " + strconv.Quote(e.Path)
	}
	if e.Line > 0 {
		s += ", line " + strconv.Itoa(e.Line)
	}
	return s + ": " + e.Reason
}

// Is reports whether target is [ErrRequest].
func (e *CookieFileError) Is(target error) bool { return target == ErrRequest }

// Limits of what is read, far above what browsers keep. The number is limited
// because the cookies of one domain are searched linearly.
const (
	maxCookieFile  = 16 << 20 // bytes
	maxFileCookies = 20_000
)

// Save writes the cookies that have not expired, in the order in which they were
// created. Those that end with the session are written only if [SessionCookies] asks
// for them. What Save writes is secret.
//
// Any server may set a cookie that the format cannot hold. Such a cookie is left out.
// Once all others are written, the error is [ErrInvalidOption] and names it.
func (j *CookieJar) Save(w io.Writer, opts ...CookieFileOption) error {
	data, left, err := j.encode(opts)
	if err != nil {
		return err
	}
	if values.IsNil(w) {
		return failText(ErrInvalidOption, "Save(nil)")
	}
	if _, err = w.Write(data); err != nil {
		return jarError(err)
	}
	return left
}

// SaveFile is [CookieJar.Save] to a file that only its owner may read. It replaces an
// old file in one step: nobody ever sees a part of the new one, and after a failure
// the old one is as it was. A symbolic link is replaced, not followed.
func (j *CookieJar) SaveFile(path string, opts ...CookieFileOption) error {
	data, left, err := j.encode(opts)
	if err != nil {
		return err
	}
	if err := replaceCookieFile(path, data); err != nil {
		return jarError(err)
	}
	return left
}

func replaceCookieFile(path string, data []byte) (err error) {
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

// encode returns the text of a file, and an error that names the cookies left out.
func (j *CookieJar) encode(opts []CookieFileOption) (data []byte, left, err error) {
	var config cookieFile
	for _, o := range opts {
		if o != nil {
			o.cookieFile(&config)
		}
	}
	cookies := j.filter(func(c *cookie.Cookie) bool { return config.sessions || !c.Expires.IsZero() })
	var missing []error
	switch config.format {
	case CookiesTXT:
		data, missing = cookie.AppendNetscape(nil, cookies)
	case CookiesJSON:
		data, missing = cookie.AppendJSON(nil, cookies)
	default:
		return nil, nil, failText(ErrInvalidOption, fmt.Sprintf("unknown cookie format %d", config.format))
	}
	if len(missing) > 0 {
		left = fail(ErrInvalidOption, enumerated(missing))
	}
	return data, left, nil
}

// enumerated is several errors on one line.
type enumerated []error

func (e enumerated) Error() string {
	const most = 20
	texts := make([]string, 0, most+1)
	for i, err := range e {
		if i == most {
			texts = append(texts, strconv.Itoa(len(e)-most)+" more")
			break
		}
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (e enumerated) Unwrap() []error { return e }

// Load adds the cookies of a file, whose format it recognizes. They replace those
// with the same name, domain and path. Expired cookies are left out.
//
// Load skips a line or a cookie that it cannot read, and loads the others. The error
// is then a [*CookieFileError], or wraps one for each such line. From a file that is
// too large, has too many cookies, or is of a newer version, nothing is loaded.
func (j *CookieJar) Load(r io.Reader) error { return j.load(r, "") }

func (j *CookieJar) load(r io.Reader, path string) error {
	if values.IsNil(r) {
		return failText(ErrInvalidOption, "Load(nil)")
	}
	data, err := io.ReadAll(io.LimitReader(r, maxCookieFile+1))
	if err != nil {
		return jarError(err)
	}
	if len(data) > maxCookieFile {
		return &CookieFileError{Path: path, Reason: "larger than " + strconv.Itoa(maxCookieFile) + " bytes"}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // added by editors on Windows
	parse := cookie.ParseNetscape
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) { // no line of cookies.txt begins with "{"
		parse = cookie.ParseJSON
	}
	cookies, bad := parse(data)
	if len(cookies) > maxFileCookies {
		return &CookieFileError{Path: path, Reason: "more than " + strconv.Itoa(maxFileCookies) + " cookies"}
	}
	j.put(cookies)
	var errs enumerated
	for _, b := range bad {
		errs = append(errs, &CookieFileError{Path: path, Line: b.Line, Reason: b.Reason})
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return errs
}

// LoadFile is [CookieJar.Load] from a file. If there is no such file, the error is
// [io/fs.ErrNotExist].
func (j *CookieJar) LoadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return jarError(err)
	}
	defer f.Close()
	return j.load(f, path)
}
