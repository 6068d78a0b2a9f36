package requests

import (
	"fmt"
	"io"
	"net/textproto"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/multipart"
	"github.com/go-requests/requests/internal/values"
)

// Files is a body of the type multipart/form-data (RFC 7578): the values of
// [Form], if there are any, as text fields, and after them the files in the
// order given. Files without an element are ignored.
//
// The files are read while they are sent, and never held in memory. The length of
// the body is known if that of every file is known; otherwise the request is
// chunked. The body can be sent again, for a redirect or a retry, if every Reader
// in it can seek. Several calls may share Files: each sends the files from their
// beginning, by the rules of the function [Reader].
//
// A Content-Type among the [Headers] must be a multipart one. It keeps its
// boundary, or gets one of 128 random bits.
type Files []File

func (Files) option() {}

// A File is a part of [Files]. It has a Field, and either a Path or a Reader. One
// that cannot be sent is [ErrInvalidOption] or [ErrInvalidHeader] before anything
// is sent.
type File struct {
	// Field is the name of the form field. Several files may share it.
	Field string
	// Path names a regular file. It is opened each time it is sent, and must
	// keep its size until then. The size of a file below /proc, where sizes say
	// nothing, counts as unknown.
	Path string
	// Name is the filename that the server is told. The default is the last
	// element of Path, or of the name of a Reader that has a method Name, as
	// [os.File] has, or else Field. [NoName] sends no filename, and [EmptyName]
	// an empty one.
	Name string
	// Reader is sent from where it stands, as by the function [Reader].
	Reader io.Reader
	// ContentType is the type of the part. It is never guessed: "" sends none.
	ContentType string
	// Header holds further fields of the part. The library sets
	// Content-Disposition and, if ContentType is not empty, Content-Type. Fields
	// without a value, or with an empty one, are left out.
	Header textproto.MIMEHeader

	shared *sharedStream // of Reader, made by the first call with the Files
}

// Values of [File].Name that are no names. Both have a control character, which no
// name may have.
const (
	// NoName sends a part without a filename, as text fields are: for one that
	// needs a Content-Type, or when there are text fields alone.
	NoName = "\x00no name"
	// EmptyName sends an empty filename, as browsers do where no file was chosen.
	EmptyName = "\x00empty name"
)

// multipartContent describes the body without reading any file. given holds the
// values of a Content-Type field that the caller has set.
func multipartContent(forms []Form, files []File, given []string) (content, error) {
	boundary, contentType, err := multipart.Type(given)
	if err != nil {
		return content{}, err
	}
	m := &multipartBody{Body: multipart.New(boundary), replayable: true}
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
	if err := m.Close(); err != nil {
		return content{}, err
	}
	s := &stream{what: "the request body", from: m.open, again: m.replayable, waits: m.waits}
	return streamed(s, m.Length(), contentType), nil
}

// A multipartBody is a body and what is known of its files.
type multipartBody struct {
	*multipart.Body
	streams    []*stream
	readers    []io.Reader
	replayable bool
	waits      bool // a read of a file may block
}

// addForm adds a text field for each value, sorted by their names.
func (m *multipartBody) addForm(f Form) error {
	var keyBuf, valueBuf [8]string
	for _, field := range values.SortedKeys(f, keyBuf[:0]) {
		vals, err := values.Append(valueBuf[:0], f[field], time.RFC3339Nano)
		if err != nil {
			return fail(ErrInvalidOption, fmt.Errorf("form field %q: %w", field, err))
		}
		for _, v := range vals {
			if err := m.AddField(field, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *multipartBody) addFile(f *File) error {
	s, length, err := f.open()
	if err != nil {
		return err
	}
	if !s.again && slices.ContainsFunc(m.readers, func(other io.Reader) bool { return isSame(other, f.Reader) }) {
		return failText(ErrInvalidOption, fmt.Sprintf("the file of the field %q has the Reader of another one, and it cannot seek", f.Field))
	}
	if err := f.checkHeader(); err != nil {
		return err
	}
	m.streams, m.readers = append(m.streams, s), append(m.readers, f.Reader)
	m.replayable = m.replayable && s.again
	m.waits = m.waits || s.waits
	return m.AddFile(f.Field, &multipart.File{
		Filename: f.filename(), Unnamed: f.Name == NoName, ContentType: f.ContentType, Header: f.Header,
		Open: func() (io.ReadCloser, error) { return s.open(length) }, Length: length, Blocks: s.waits,
	})
}

// open opens the body. It fails, before anything is sent, if a file cannot be
// sent again.
func (m *multipartBody) open() (io.Reader, error) {
	for _, s := range m.streams {
		if err := s.takeBack(); err != nil {
			return nil, err
		}
	}
	return m.Open(), nil
}

// checkHeader refuses the fields that no message may have.
func (f *File) checkHeader() error {
	if f.ContentType != "" {
		if err := fields.CheckValue("Content-Type", f.ContentType); err != nil {
			return err
		}
	}
	for name, vals := range f.Header {
		key, err := fields.Canonical(name)
		if err != nil {
			return err
		}
		if key == "Content-Disposition" || key == "Content-Type" && f.ContentType != "" {
			continue // the library sets it
		}
		for _, v := range vals {
			if v == "" {
				continue // left out, as Header says
			}
			if err := fields.CheckValue(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// filename returns the filename to send; it may be empty, or [NoName].
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
	if n, ok := f.Reader.(interface{ Name() string }); ok && !values.IsNil(f.Reader) {
		name := n.Name()
		if name != "" && name[0] != '<' && name[len(name)-1] != '>' { // "<stdin>" is a description
			return filepath.Base(name)
		}
	}
	return f.Field
}

// open returns the content of f, not read yet, and its length.
func (f *File) open() (*stream, int64, error) {
	what := fmt.Sprintf("the file of the field %q", f.Field)
	switch {
	case f.Path != "" && f.Reader != nil:
		return nil, 0, failText(ErrInvalidOption, what+" has both a Path and a Reader")
	case f.Path != "":
		return fileStream(f.Path, what)
	case values.IsNil(f.Reader):
		return nil, 0, failText(ErrInvalidOption, what+" has neither a Path nor a Reader")
	}
	if f.shared == nil {
		return nil, 0, failText(ErrBodyNotReplayable, what+" may have been sent before: a Reader of its type cannot be told from another one")
	}
	return f.shared.stream(what)
}

// sharing guards File.shared in the Files of the caller.
var sharing sync.Mutex

// appendTo appends the files to those of a call. The sharedStreams of their readers
// stay in f for the next call with it. A File whose Reader was replaced, or cannot
// be compared, gets a new one.
func (f Files) appendTo(files []File) []File {
	sharing.Lock()
	defer sharing.Unlock()
	for i, file := range f {
		if r, known := file.Reader, file.shared; r != nil {
			switch {
			case known != nil && isSame(known.r, r):
			case known != nil && reflect.TypeOf(known.r) == reflect.TypeOf(r) && !reflect.ValueOf(r).Comparable():
				file.shared = nil
			default:
				file.shared = &sharedStream{r: r}
				f[i].shared = file.shared
			}
		}
		files = append(files, file)
	}
	return files
}

// isSame reports whether a and b are known to be one reader. Functions, and
// structs with a slice in them, cannot be compared.
func isSame(a, b io.Reader) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// fileStream is the stream of a file that is opened each time it is sent. It is
// opened here too, so that a file that cannot be read fails before a dial.
func fileStream(path, what string) (*stream, int64, error) {
	f, err := environ.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	length, err := lengthOfFile(f, what, 0, true)
	if err != nil {
		return nil, 0, err
	}
	return &stream{what: what, again: true, waits: length < 0, from: func() (io.Reader, error) { return environ.Open(path) }}, length, nil
}
