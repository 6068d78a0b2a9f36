package requests

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Files is a body of the type multipart/form-data (RFC 7578): the values of
// [Form], if there are any, as text fields, and after them the files in the
// order given. Files without an element are as if they were not there.
//
// The files are read while they are sent, and never held in memory. The length
// of the body is known if that of every file is, and the request is chunked
// otherwise. It can be sent again, for a redirect or a retry, if every Reader
// in it can seek.
//
// A Content-Type among the [Headers] must be a multipart one. Its boundary is
// kept, and one of 128 random bits added if it has none.
//
// The same Files may be given to several calls, each of which sends the files
// from their beginning, as it is said of the function [Reader].
type Files []File

func (Files) option() {}

// A File is a part of [Files]. It has a Field, and either a Path or a Reader.
// What cannot be sent is [ErrInvalidOption] or [ErrInvalidHeader] before
// anything is.
type File struct {
	// Field is the name of the form field. Several files may share it.
	Field string
	// Path names a regular file. It is opened when its turn comes, anew for
	// each sending, and must keep its size until then. The size of one whose
	// size says nothing, as below /proc, counts as unknown.
	Path string
	// Name is the filename that the server is told. By default it is the last
	// element of Path, or of what Reader's Name method returns, as that of an
	// [os.File] does, and for other readers the Field. [NoName] and [EmptyName]
	// stand for none and for an empty one.
	Name string
	// Reader is sent from where it stands, as by the function [Reader].
	Reader io.Reader
	// ContentType is the type of the part. It is not guessed: "" sends none.
	ContentType string
	// Header holds more fields of the part. Content-Disposition is set by the
	// library, and so is Content-Type if the field ContentType is not empty.
	// Fields without a value, or with an empty one, are left out.
	Header textproto.MIMEHeader

	loan *loan // of Reader, since the first call with the Files
}

// What [File].Name can be beside a name. Both have a control character, which
// no name may have.
const (
	// NoName sends a part without a filename, as text fields are: for one that
	// needs a Content-Type, or when there are text fields alone.
	NoName = "\x00no name"
	// EmptyName sends an empty filename, as browsers do where no file was chosen.
	EmptyName = "\x00empty name"
)

// multipartContent describes the body; nothing is read for it yet. given are
// the values of a Content-Type field that the caller has set.
func multipartContent(forms []Form, files []File, given []string) (content, error) {
	boundary, contentType, err := multipartType(given)
	if err != nil {
		return content{}, err
	}
	m := &multipartBody{boundary: boundary, replayable: true}
	for _, f := range forms {
		if err := m.addForm(f); err != nil {
			return content{}, err
		}
	}
	for i := range files {
		if err := m.addFile(&files[i]); err != nil {
			return content{}, err
		}
	}
	s, length, err := m.finish()
	if err != nil {
		return content{}, err
	}
	return streamed(s, length, contentType), nil
}

// multipartType returns the boundary and the Content-Type of a body. Requests
// keeps a type that was given, and so sends bodies that no server can take apart.
func multipartType(given []string) (boundary, contentType string, err error) {
	if len(given) > 0 {
		contentType = strings.TrimRight(given[0], "; \t")
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil || len(given) > 1 || !strings.HasPrefix(kind, "multipart/") {
			return "", "", failText(ErrInvalidOption, "Files need a Content-Type of multipart/form-data, or none")
		}
		if boundary, ok := params["boundary"]; ok {
			if err := multipart.NewWriter(io.Discard).SetBoundary(boundary); err != nil { // RFC 2046, section 5.1.1
				return "", "", failText(ErrInvalidOption, "the boundary in the Content-Type is not one of RFC 2046")
			}
			return boundary, contentType, nil
		}
	} else {
		contentType = "multipart/form-data"
	}
	var random [16]byte
	rand.Read(random[:]) // never fails; a boundary that can be foretold lets a file forge parts (CVE-2025-7783)
	boundary = hex.EncodeToString(random[:])
	return boundary, contentType + "; boundary=" + boundary, nil
}

// A multipartBody gathers the parts of a body.
type multipartBody struct {
	boundary   string
	pieces     []piece
	readers    []io.Reader
	text       []byte // that goes before the next file
	length     int64  // of the files so far, -1 if unknown
	replayable bool
	waits      bool // for a file, perhaps
}

// A piece is a file with the text that goes before it: its header, the end of
// the part before, and the text fields in between. The last piece has no file.
type piece struct {
	text   []byte
	file   *stream
	length int64 // of the file, -1 if unknown
}

// begin writes the head of a part up to the name of its field.
func (m *multipartBody) begin(field string) error {
	if field == "" {
		return failText(ErrInvalidOption, "a field of a multipart body has no name")
	}
	quoted, ok := quoteName(field)
	if !ok {
		return failText(ErrInvalidOption, fmt.Sprintf("the name of the field %.40q has a control character", field))
	}
	m.text = append(m.text, "--"+m.boundary+"\r\nContent-Disposition: form-data; name="+quoted...)
	return nil
}

// nameEscapes are those of browsers, which RFC 7578 does not have: HTML,
// section 4.10.21.8, "multipart/form-data encoding algorithm". A backslash
// stays, since servers differ in whether it escapes (CVE-2024-22049).
var nameEscapes = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

// quoteName quotes a name or filename. It is false for one that cannot be sent.
func quoteName(s string) (quoted string, ok bool) {
	s = nameEscapes.Replace(s)
	return `"` + s + `"`, !hasControl(s)
}

// addForm adds a text field for each value, sorted by their names.
func (m *multipartBody) addForm(f Form) error {
	var keyBuf, valueBuf [8]string
	for _, field := range sortedKeys(f, keyBuf[:0]) {
		vals, err := values(valueBuf[:0], f[field], time.RFC3339Nano)
		if err != nil {
			return fail(ErrInvalidOption, fmt.Errorf("form field %q: %w", field, err))
		}
		for _, v := range vals {
			if err := m.begin(field); err != nil {
				return err
			}
			m.text = append(append(append(m.text, "\r\n\r\n"...), v...), "\r\n"...)
		}
	}
	return nil
}

func (m *multipartBody) addFile(f *File) error {
	if err := m.begin(f.Field); err != nil {
		return err
	}
	if f.Name != NoName {
		quoted, ok := quoteName(f.filename())
		if !ok {
			return failText(ErrInvalidOption, fmt.Sprintf("the filename of the field %q has a control character", f.Field))
		}
		m.text = append(m.text, "; filename="+quoted...)
	}
	m.text = append(m.text, "\r\n"...)
	if err := m.addHeader(f); err != nil {
		return err
	}
	m.text = append(m.text, "\r\n"...)
	s, length, err := f.open()
	if err != nil {
		return err
	}
	if !s.again && slices.ContainsFunc(m.readers, func(other io.Reader) bool { return isSame(other, f.Reader) }) {
		return failText(ErrInvalidOption, fmt.Sprintf("the file of the field %q has the Reader of another one, and it cannot seek", f.Field))
	}
	m.readers = append(m.readers, f.Reader)
	m.pieces = append(m.pieces, piece{m.text, s, length})
	m.text = []byte("\r\n")
	m.replayable = m.replayable && s.again
	m.waits = m.waits || s.waits
	switch {
	case m.length < 0 || length < 0:
		m.length = -1
	case m.length+length < m.length:
		return failText(ErrInvalidOption, "the files are too long together")
	default:
		m.length += length
	}
	return nil
}

// filename is what the server is told, if it is told one.
func (f *File) filename() string {
	switch f.Name {
	case "":
	case EmptyName:
		return ""
	default:
		return f.Name
	}
	if f.Path != "" {
		return filepath.Base(f.Path)
	}
	if n, ok := f.Reader.(interface{ Name() string }); ok && !isNil(f.Reader) {
		name := n.Name()
		if name != "" && name[0] != '<' && name[len(name)-1] != '>' { // "<stdin>" is a description
			return filepath.Base(name)
		}
	}
	return f.Field
}

// addHeader writes the fields of a part after its Content-Disposition.
func (m *multipartBody) addHeader(f *File) error {
	if f.ContentType != "" {
		if err := m.addField("Content-Type", f.ContentType); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(f.Header))
	for name := range f.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		key, err := canonicalName(name)
		if err != nil {
			return err
		}
		if key == "Content-Disposition" || key == "Content-Type" && f.ContentType != "" {
			continue
		}
		for _, v := range f.Header[name] {
			if v == "" {
				continue
			}
			if err := m.addField(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// addField writes a field, whose value could otherwise bring fields and parts
// of its own along (CVE-2026-42037); mime/multipart writes what it is given.
func (m *multipartBody) addField(name, value string) error {
	if err := checkField(name, value); err != nil {
		return err
	}
	m.text = append(m.text, name+": "+value+"\r\n"...)
	return nil
}

// open describes the content of f, which is not read yet, and its length.
func (f *File) open() (*stream, int64, error) {
	what := fmt.Sprintf("the file of the field %q", f.Field)
	switch {
	case f.Path != "" && f.Reader != nil:
		return nil, 0, failText(ErrInvalidOption, what+" has both a Path and a Reader")
	case f.Path != "":
		return fileStream(f.Path, what)
	case isNil(f.Reader):
		return nil, 0, failText(ErrInvalidOption, what+" has neither a Path nor a Reader")
	}
	if f.loan == nil {
		return nil, 0, failText(ErrBodyNotReplayable, what+" may have been sent before: a Reader of its type cannot be told from another one")
	}
	return f.loan.stream(what)
}

// lending guards the loans in the Files of the caller.
var lending sync.Mutex

// appendTo appends the files to those of a call. The loans of their readers stay
// in f, for the next call with it. A file has none whose Reader is perhaps that
// of the last call, and perhaps not.
func (f Files) appendTo(files []File) []File {
	lending.Lock()
	defer lending.Unlock()
	for i, file := range f {
		if r, known := file.Reader, file.loan; r != nil {
			switch {
			case known != nil && isSame(known.r, r):
			case known != nil && reflect.TypeOf(known.r) == reflect.TypeOf(r) && !reflect.ValueOf(r).Comparable():
				file.loan = nil
			default:
				file.loan = &loan{r: r}
				f[i].loan = file.loan
			}
		}
		files = append(files, file)
	}
	return files
}

// isSame reports whether a and b are one reader for sure. Functions, and structs
// with a slice in them, cannot be compared.
func isSame(a, b io.Reader) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// fileStream is the stream of a file that is opened for each sending. It is
// opened here too, so that one that cannot be read is known before a dial.
func fileStream(path, what string) (*stream, int64, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	length, err := lengthOfFile(f, what, 0, true)
	if err != nil {
		return nil, 0, err
	}
	return &stream{what: what, again: true, waits: length < 0, from: func() (io.Reader, error) { return openRegular(path) }}, length, nil
}

// finish writes the last boundary and returns the stream of it all.
func (m *multipartBody) finish() (*stream, int64, error) {
	m.pieces = append(m.pieces, piece{text: append(m.text, "--"+m.boundary+"--\r\n"...)})
	length := m.length
	for _, p := range m.pieces {
		if length >= 0 {
			length += int64(len(p.text))
		}
	}
	if m.length >= 0 && length < m.length {
		return nil, 0, failText(ErrInvalidOption, "the files are too long together")
	}
	return &stream{what: "the request body", from: m.read, again: m.replayable, waits: m.waits}, length, nil
}

// read opens the body. A file that cannot be sent again fails it here, before
// anything is sent.
func (m *multipartBody) read() (io.Reader, error) {
	for _, p := range m.pieces {
		if p.file == nil {
			continue
		}
		if err := p.file.claim(); err != nil {
			return nil, err
		}
	}
	return &multipartReader{pieces: m.pieces}, nil
}

// multipartReader reads a body once. It opens each file in its turn.
type multipartReader struct {
	pieces []piece // from the current one on
	read   int     // of the text of the current one
	file   io.ReadCloser
}

// Read gives as much as there is room for, so that small files share a write,
// but what it has before it reads from a file that may wait, as a pipe.
func (r *multipartReader) Read(b []byte) (n int, err error) {
	for n < len(b) && len(r.pieces) > 0 {
		p := &r.pieces[0]
		if r.read < len(p.text) {
			m := copy(b[n:], p.text[r.read:])
			r.read += m
			n += m
			continue
		}
		if p.file != nil && p.file.waits && n > 0 {
			return n, nil
		}
		m, err := r.readFile(p, b[n:])
		n += m
		if err != io.EOF {
			return n, err
		}
		r.pieces, r.read = r.pieces[1:], 0
	}
	if len(r.pieces) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// readFile reads the current file, and closes it at its end. No file is an empty one.
func (r *multipartReader) readFile(p *piece, b []byte) (n int, err error) {
	if p.file == nil {
		return 0, io.EOF
	}
	if r.file == nil {
		if r.file, err = p.file.open(p.length); err != nil {
			return 0, err
		}
	}
	if n, err = r.file.Read(b); err == io.EOF {
		r.Close()
	}
	return n, err
}

// Close closes the file that is being read, if there is one.
func (r *multipartReader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
