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
)

// A CookieFileOption says what [CookieJar.Save] writes: a [CookieFormat] or
// [SessionCookies].
type CookieFileOption interface{ cookieFile(*cookieFile) }

// CookieFormat is a form in which cookies are written down.
type CookieFormat uint8

const (
	// CookiesTXT is the cookies.txt of Netscape, which curl, wget and Python
	// read and write. It has no place for SameSite, the times of creation and
	// access, and cookies without a domain or with a TAB in them, which only
	// CookiesJSON keeps. It is the default.
	CookiesTXT CookieFormat = iota
	// CookiesJSON holds everything that a jar knows.
	CookiesJSON
)

// SessionCookies makes Save write cookies that end with the session, too.
type SessionCookies bool

type cookieFile struct {
	format   CookieFormat
	sessions bool
}

func (f CookieFormat) cookieFile(c *cookieFile)   { c.format = f }
func (s SessionCookies) cookieFile(c *cookieFile) { c.sessions = bool(s) }

// A CookieFileError says which line of a file of cookies cannot be read, and
// why. It repeats nothing of that line.
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

// Save writes the cookies that have not expired in order of creation; those that
// end with the session only if [SessionCookies] asks for them. What is written is
// secret.
//
// A cookie for which the format has no place, as any server may set one, is left
// out of it. Once all others are written, the error is [ErrInvalidOption] and
// names it.
func (j *CookieJar) Save(w io.Writer, opts ...CookieFileOption) error {
	data, left, err := j.encode(opts)
	if err != nil {
		return err
	}
	if isNil(w) {
		return failText(ErrInvalidOption, "Save(nil)")
	}
	if _, err = w.Write(data); err != nil {
		return jarError(err)
	}
	return left
}

// SaveFile is [CookieJar.Save] to a file that only its owner may read. The file is
// put in the place of an old one in one step, so that nobody ever sees a part and
// a failure leaves the old one as it was. A symbolic link is replaced, not followed.
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

// Load adds the cookies of a file in either format, which it finds out by itself.
// They replace those of the same name, domain and path; expired ones are left
// out.
//
// A line or a cookie of the file that is not as it should be is passed over. The
// error then says so, after the others were loaded: it is a [*CookieFileError], or
// wraps one for each such line. Of a file that is too large, or has too many
// cookies or ones of a newer form, nothing is loaded.
func (j *CookieJar) Load(r io.Reader) error { return j.load(r, "") }

func (j *CookieJar) load(r io.Reader, path string) error {
	if isNil(r) {
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

// LoadFile is [CookieJar.Load] from a file. The error is [io/fs.ErrNotExist] if
// there is none.
func (j *CookieJar) LoadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return jarError(err)
	}
	defer f.Close()
	return j.load(f, path)
}
