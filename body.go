package requests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-requests/requests/internal/fault"
)

// A Body is what a request carries: made by [JSON], [Bytes], [Text] or
// [Reader]. A call takes one; [Form] and [Files] are the other ways to have one.
// The zero Body is none.
type Body struct {
	// load gives the content at the time of preparing, when errors can be returned.
	load func() (content, error)
}

func (Body) option() {}

// JSON is v as JSON, with the type application/json. The bytes are those of
// [encoding/json] without its escaping of "<", ">" and "&". A value that cannot
// be encoded is [ErrInvalidOption].
func JSON(v any) Body {
	return Body{func() (content, error) {
		data, err := marshalJSON(v)
		if err != nil {
			return content{}, fail(ErrInvalidOption, fmt.Errorf("the JSON body cannot be encoded: %w", err))
		}
		return inMemory(data, "application/json"), nil
	}}
}

// Bytes is b as it is, without a type. b must not change until the call has returned.
func Bytes(b []byte) Body {
	return Body{func() (content, error) { return inMemory(b, ""), nil }}
}

// Text is s as it is, in UTF-8 and without a type.
func Text(s string) Body {
	return Body{func() (content, error) { return inMemory([]byte(s), ""), nil }}
}

// Reader streams r from where it stands. Its length is known if r has a Len or
// Stat method or can seek, and the request is chunked otherwise. It can be sent
// again, for a redirect or a retry, if r can seek; [ErrBodyNotReplayable] says
// that it could not. r is not closed, and must not be used until the call has
// returned. A call that ends while r keeps it waiting leaves that read behind.
func Reader(r io.Reader) Body {
	return Body{func() (content, error) {
		if isNil(r) {
			return content{}, failText(ErrInvalidOption, "Reader(nil)")
		}
		s, err := streamOf(r, "the request body")
		if err != nil {
			return content{}, err
		}
		return streamed(s, ""), nil
	}}
}

// content is a body ready to be sent: in memory or as a stream.
type content struct {
	data        []byte
	stream      *stream // nil if the body is data
	length      int64   // -1 if unknown
	contentType string
	present     bool // false: no body was asked for
}

func inMemory(data []byte, contentType string) content {
	return content{data: data, length: int64(len(data)), contentType: contentType, present: true}
}

func streamed(s *stream, contentType string) content {
	return content{stream: s, length: s.length, contentType: contentType, present: true}
}

// open returns a fresh reader of the whole body. For one in memory it is of a
// type that [http.Transport] knows, and so goes out in one write with the head.
func (c *content) open() (io.ReadCloser, error) {
	if c.stream != nil {
		return c.stream.open()
	}
	return io.NopCloser(bytes.NewReader(c.data)), nil
}

func (c *content) replayable() bool { return c.stream == nil || c.stream.reopen != nil }

// confirmEmpty checks a body that is sent as none since its length is zero.
// Sources do announce that and have bytes all the same: a file that has grown,
// and those below /proc.
func (c *content) confirmEmpty() error {
	if c.stream == nil {
		return nil
	}
	r, err := c.stream.open()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err = r.Read(nil); err == nil || err == io.EOF {
		return nil
	}
	if known, ok := fault.Of(err); ok {
		return known
	}
	return err
}

// A stream hands out readers of a body that is not in memory, one at a time:
// opening the next one ends the one before, which the transport may still hold.
type stream struct {
	what   string                    // it is, for errors
	first  io.Reader                 // for the first sending, if it is not made by reopen
	reopen func() (io.Reader, error) // nil if the body can be sent only once
	length int64
	waits  bool // a read may take any time

	mu   sync.Mutex
	used bool
	last *streamReader
}

func (s *stream) open() (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first
	anew := s.used || r == nil
	if anew && s.reopen == nil { // which leaves a sending that is under way alone
		return nil, ErrBodyNotReplayable
	}
	if s.last != nil {
		s.last.end()
	}
	if anew {
		var err error
		if r, err = s.reopen(); err != nil {
			if s.used {
				err = fail(ErrBodyNotReplayable, err)
			}
			return nil, err
		}
	}
	s.used = true
	s.last = &streamReader{r: r, what: s.what, left: s.length, waits: s.waits}
	return s.last, nil
}

// streamReader reads a body, or a part of one, once. It holds it to its length:
// the last bytes are given only when the source has ended with them, so that
// the server never sees a complete request from a source that lied about its
// length or failed.
type streamReader struct {
	what   string
	waits  bool
	closed atomic.Bool

	mu   sync.Mutex // held while the source is in use
	r    io.Reader  // nil once it was let go
	left int64      // still due, -1 if the length is unknown
	idle int        // reads in a row that gave nothing
	err  error      // sticky
}

func (s *streamReader) Read(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.closed.Load() {
		return 0, errBodyClosed
	}
	defer func() { // it runs in a goroutine of the transport, where a panic would end the program
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("panic in the request body: %v", p)
		}
		if _, ours := err.(interface{ Classified() error }); err != nil && err != io.EOF && !ours {
			err = &sourceError{err}
		}
		s.err = err
	}()
	if s.left < 0 {
		return s.take(b)
	}
	if int64(len(b)) > s.left {
		b = b[:s.left]
	}
	if len(b) > 0 {
		n, err = s.take(b)
		s.left -= int64(n)
	}
	switch {
	case err == io.EOF && s.left > 0:
		return 0, failText(ErrInvalidOption, s.what+" is shorter than its length")
	case err == io.EOF:
		return n, err
	case err != nil:
		return 0, err
	case s.left > 0:
		return n, nil
	}
	return s.finish(n)
}

// finish looks for the end of a source that has given all it announced.
func (s *streamReader) finish(n int) (int, error) {
	var one [1]byte
	for {
		m, err := s.take(one[:])
		switch {
		case m > 0:
			return 0, failText(ErrInvalidOption, s.what+" is longer than its length")
		case err == io.EOF:
			return n, err
		case err != nil:
			return 0, err
		}
	}
}

// take reads from the source and holds it to the contract of [io.Reader], on
// which the transport relies: a wrong count would make it panic.
func (s *streamReader) take(b []byte) (int, error) {
	n, err := s.r.Read(b)
	switch {
	case n < 0 || n > len(b):
		return 0, failText(ErrInvalidOption, s.what+" has a Read that returns an impossible count")
	case n > 0 || err != nil || len(b) == 0:
		s.idle = 0
	case s.idle == 100: // as in bufio
		return 0, io.ErrNoProgress
	default:
		s.idle++
	}
	return n, err
}

// unlock ends a use of the source, and closes it if Close could not.
func (s *streamReader) unlock() {
	s.mu.Unlock()
	if s.closed.Load() {
		s.Close()
	}
}

// Close waits for a read that is under way, so that the source is free then,
// unless that may take any time: such a read closes the source when it returns.
func (s *streamReader) Close() error {
	s.closed.Store(true)
	if !s.waits {
		s.mu.Lock()
	} else if !s.mu.TryLock() {
		return nil
	}
	defer s.mu.Unlock()
	return s.release()
}

// end is Close for a source that is to be used anew, and so always waits.
func (s *streamReader) end() {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

func (s *streamReader) release() error {
	c, ok := s.r.(io.Closer)
	s.r = nil
	if !ok {
		return nil
	}
	return c.Close()
}

var errBodyClosed = errors.New("read of a closed request body")

// borrowed hides the Close of a reader that belongs to the caller.
type borrowed struct{ io.Reader }

// streamOf describes r, which errors call what, from where it stands.
func streamOf(r io.Reader, what string) (*stream, error) {
	s := &stream{what: what, first: borrowed{r}, length: -1}
	seeker, canSeek := r.(io.Seeker)
	var start int64
	if canSeek {
		at, err := seeker.Seek(0, io.SeekCurrent)
		canSeek, start = err == nil, at // a pipe is a file that cannot
	}
	switch l := r.(type) {
	case interface{ Len() int }: // bytes.Buffer, bytes.Reader, strings.Reader: what is left
		s.length = max(int64(l.Len()), -1)
	case interface{ Stat() (os.FileInfo, error) }:
		info, err := l.Stat()
		if err != nil {
			return nil, fail(ErrInvalidOption, fmt.Errorf("%s: %w", what, err))
		}
		if info.IsDir() {
			return nil, failText(ErrInvalidOption, what+" is a directory")
		}
		if info.Mode().IsRegular() && canSeek {
			s.length = max(info.Size()-start, 0)
		}
	default:
		if canSeek {
			end, err := seeker.Seek(0, io.SeekEnd)
			if err == nil {
				_, err = seeker.Seek(start, io.SeekStart)
			}
			if err != nil {
				return nil, fail(ErrInvalidOption, fmt.Errorf("the length of %s cannot be found: %w", what, err))
			}
			s.length = max(end-start, 0)
		}
	}
	switch r.(type) {
	case *bytes.Buffer, *bytes.Reader, *strings.Reader:
	case *os.File:
		s.waits = s.length < 0
	default:
		s.waits = true
	}
	if canSeek {
		s.reopen = func() (io.Reader, error) {
			_, err := seeker.Seek(start, io.SeekStart)
			return borrowed{r}, err
		}
	}
	return s, nil
}

// jsonEncoders are kept with their buffers, as each body needs one for a moment only.
var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

type jsonEncoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

func marshalJSON(v any) ([]byte, error) {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.buf.Reset()
	err := e.enc.Encode(v)
	data := bytes.Clone(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")))
	if e.buf.Cap() <= 64<<10 { // one large body must not be held for ever
		jsonEncoders.Put(e)
	}
	return data, err
}

// Form is a body of the type application/x-www-form-urlencoded, or with [Files]
// the text fields of a multipart/form-data body. Values are as in [Params].
// Keys go out sorted; several Forms go out in the order given.
type Form map[string]any

func (Form) option() {}

// formContent encodes the forms of a call, each with its keys sorted.
func formContent(forms []Form) (content, error) {
	var b strings.Builder
	entries := 0
	for _, f := range forms {
		entries += len(f)
		if err := appendQuery(&b, f, nil, "form field"); err != nil {
			return content{}, err
		}
	}
	if entries == 0 {
		return content{}, nil
	}
	return inMemory([]byte(b.String()), "application/x-www-form-urlencoded"), nil
}
