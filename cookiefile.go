package requests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

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
	// access, and cookies without a domain or with a TAB in them. It is the default.
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

// What is read is bounded, far above what browsers keep. The number is, because
// cookies of one domain are searched one by one.
const (
	maxCookieFile  = 16 << 20 // bytes
	maxFileCookies = 20_000
)

// Save writes the cookies that have not expired in order of creation; those that
// end with the session only if [SessionCookies] asks for them. What is written is
// secret. The error is [ErrInvalidOption] if the format has no place for a
// cookie; nothing is written then.
func (j *CookieJar) Save(w io.Writer, opts ...CookieFileOption) error {
	data, err := j.encode(opts)
	if err != nil {
		return err
	}
	if isNil(w) {
		return failText(ErrInvalidOption, "Save(nil)")
	}
	_, err = w.Write(data)
	return err
}

// SaveFile is [CookieJar.Save] to a file that only its owner may read. The file is
// put in the place of an old one in one step, so that nobody ever sees a part and
// a failure leaves the old one as it was. A symbolic link is replaced, not followed.
func (j *CookieJar) SaveFile(path string, opts ...CookieFileOption) (err error) {
	data, err := j.encode(opts)
	if err != nil {
		return err
	}
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
		err = f.Sync() // or a crash could leave an empty file under the new name
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (j *CookieJar) encode(opts []CookieFileOption) ([]byte, error) {
	var config cookieFile
	for _, o := range opts {
		if o != nil {
			o.cookieFile(&config)
		}
	}
	cookies := j.filter(func(c *cookie.Cookie) bool { return config.sessions || !c.Expires.IsZero() })
	var data []byte
	var err error
	switch config.format {
	case CookiesTXT:
		data, err = cookie.AppendNetscape(nil, cookies)
	case CookiesJSON:
		data, err = cookie.AppendJSON(nil, cookies)
	default:
		err = fmt.Errorf("unknown cookie format %d", config.format)
	}
	if err != nil {
		return nil, fail(ErrInvalidOption, err)
	}
	return data, nil
}

// Load adds the cookies of a file in either format, which it finds out by itself.
// They replace those of the same name, domain and path; expired ones are left
// out. The error is a [*CookieFileError] if anything in the file is not as it
// should be, and then nothing is loaded.
func (j *CookieJar) Load(r io.Reader) error {
	if isNil(r) {
		return failText(ErrInvalidOption, "Load(nil)")
	}
	data, err := io.ReadAll(io.LimitReader(r, maxCookieFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxCookieFile {
		return &CookieFileError{Reason: "larger than " + strconv.Itoa(maxCookieFile) + " bytes"}
	}
	parse := cookie.ParseNetscape
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) { // which no domain begins with
		parse = cookie.ParseJSON
	}
	cookies, bad := parse(data)
	if bad != nil {
		return &CookieFileError{Line: bad.Line, Reason: bad.Reason}
	}
	if len(cookies) > maxFileCookies {
		return &CookieFileError{Reason: "more than " + strconv.Itoa(maxFileCookies) + " cookies"}
	}
	j.put(cookies)
	return nil
}

// LoadFile is [CookieJar.Load] from a file. The error is [io/fs.ErrNotExist] if
// there is none.
func (j *CookieJar) LoadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = j.Load(f)
	if bad, ok := errors.AsType[*CookieFileError](err); ok {
		bad.Path = path
	}
	return err
}
