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
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/values"
)

// A Body is what a request carries. [JSON], [Bytes], [Text], [Reader] and [Writer]
// make one, and a call takes one. [Form] and [Files] are the other ways to send a
// body. The zero Body is none.
type Body struct {
	// load returns the content. It runs while the request is prepared, when errors can be returned.
	load func() (content, error)
}

func (Body) option() {}

// JSON is v as JSON, with the Content-Type application/json. [encoding/json]
// encodes it, without escaping "<", ">" and "&". A value that cannot be encoded is
// [ErrInvalidOption].
func JSON(v any) Body {
	return Body{func() (content, error) {
		data, err := marshalJSON(v)
		if err != nil {
			return content{}, fail(ErrInvalidOption, fmt.Errorf("the JSON body cannot be encoded: %w", err))
		}
		return inMemory(data, "application/json"), nil
	}}
}

// Bytes is b as it is, without a Content-Type. b must not change until the call
// has returned.
func Bytes(b []byte) Body {
	return Body{func() (content, error) { return inMemory(b, ""), nil }}
}

// Text is s as it is, in UTF-8 and without a Content-Type.
func Text(s string) Body {
	return Body{func() (content, error) { return inMemory([]byte(s), ""), nil }}
}

// Reader streams r, from where it stands when the first request with the Body is
// prepared. The length of the body is known if r has a method Len or Stat, or can
// seek. Otherwise the request is chunked; so is that of a file whose size says
// nothing, as below /proc. A file that changes its size while it is sent is
// [ErrInvalidOption], and the server gets no complete request.
//
// If r can seek, it can be sent again: after a redirect, by a retry, and by
// further calls with the same Body. Otherwise a second sending is
// [ErrBodyNotReplayable], unless nothing of r was read. If two calls send the Body
// at the same time, one of them fails with that error.
//
// r is not closed. It must not be used until the call has returned. If a call ends
// while it waits for r, that one Read is left behind.
func Reader(r io.Reader) Body {
	shared := &sharedStream{r: r}
	return Body{func() (content, error) {
		if values.IsNil(r) {
			return content{}, failText(ErrInvalidOption, "Reader(nil)")
		}
		s, length, err := shared.stream("the request body")
		if err != nil {
			return content{}, err
		}
		return streamed(s, length, ""), nil
	}}
}

// Writer is what f writes: a body that is made while it is sent, chunked and
// without a Content-Type. An error of f ends the request, so that the server does
// not take it for complete, and [errors.Is] finds it in the error of the call.
//
// f is called each time the body is sent: first, after a redirect, by a retry, for
// a challenge, and by every call with the Body, perhaps at the same time. It runs
// in a goroutine of its own, and the caller gets its panic. Nothing calls f after
// the call has returned or, for a streamed response, after its Close.
//
// Once the body is not needed any more, as the server has answered or the call has
// ended, Write fails with [io.ErrClosedPipe]. The call then waits for f to return,
// but no longer than a second.
func Writer(f func(w io.Writer) error) Body {
	return Body{func() (content, error) {
		if f == nil {
			return content{}, failText(ErrInvalidOption, "Writer(nil)")
		}
		g := &generator{f: f}
		return streamed(&stream{what: "the request body", again: true, waits: true, from: g.open, made: g}, -1, ""), nil
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

func streamed(s *stream, length int64, contentType string) content {
	return content{stream: s, length: length, contentType: contentType, present: true}
}

// open returns a fresh reader of the whole body. A body in memory gets a type
// that [http.Transport] knows, so that it goes out in one write with the header.
func (c *content) open() (io.ReadCloser, error) {
	if c.stream != nil {
		return c.stream.open(c.length)
	}
	return io.NopCloser(bytes.NewReader(c.data)), nil
}

func (c *content) replayable() bool { return c.stream == nil || c.stream.again }

// confirmEmpty checks that a body of length zero has no bytes. A file that has
// grown since, or one below /proc, can announce zero and still have some.
func (c *content) confirmEmpty() error {
	if c.stream == nil {
		return nil
	}
	r, err := c.open()
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

// A stream hands out readers of a body that is not in memory, one at a time.
// Opening the next one ends the one before, which the transport or another call
// with the same option may still hold.
type stream struct {
	what   string                    // names the source in errors
	from   func() (io.Reader, error) // opens the source at its beginning
	again  bool                      // from works again after the source was read
	waits  bool                      // a read may block indefinitely
	length func() (int64, error)     // of the body, -1 if unknown
	made   *generator                // by a function of the caller's, if not nil

	mu   sync.Mutex
	last *streamReader
}

// open returns a reader of the source that holds it to length.
func (s *stream) open(length int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.rewind(); err != nil {
		return nil, err
	}
	r, err := s.from()
	if err != nil {
		if s.last != nil {
			err = fail(ErrBodyNotReplayable, err)
		}
		return nil, err
	}
	s.last = &streamReader{r: r, what: s.what, left: length, waits: s.waits}
	return s.last, nil
}

// takeBack ends the reader in use, so that the next open does not fail because of
// it.
func (s *stream) takeBack() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rewind()
}

// rewind makes the source readable from its beginning. If that is impossible, a
// transfer in progress continues.
func (s *stream) rewind() error {
	switch {
	case s.last == nil:
		return nil
	case !s.again && s.last.spent.Load():
		return failText(ErrBodyNotReplayable, s.what+" was read before and cannot seek")
	case !s.endLast():
		return failText(ErrBodyNotReplayable, s.what+" is still being read for an earlier request")
	case !s.again && s.last.spent.Load(): // read since the check above
		return failText(ErrBodyNotReplayable, s.what+" is being sent by another call")
	}
	return nil
}

// endLast ends the last sending, and reports whether the source is free.
func (s *stream) endLast() bool {
	if s.made != nil {
		s.made.stop()
	}
	return s.last.end()
}

// A sharedStream is the stream over a reader of the caller's. All requests made
// with the same option share it.
type sharedStream struct {
	r io.Reader

	mu sync.Mutex
	s  *stream // nil before the first request
}

// stream returns the stream over the reader and its length. It fails if the
// reader was sent before and cannot be sent again.
func (l *sharedStream) stream(what string) (*stream, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s == nil {
		s, err := streamOf(l.r, what)
		if err != nil {
			return nil, 0, err
		}
		l.s = s
	} else if !l.s.again && l.s.spent() {
		return nil, 0, failText(ErrBodyNotReplayable, what+" was read before and cannot seek")
	}
	length, err := l.s.length()
	return l.s, length, err
}

// spent reports whether any of the source was read.
func (s *stream) spent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last != nil && s.last.spent.Load()
}

// A generator makes a body anew each time that it is sent.
type generator struct {
	f func(io.Writer) error

	mu   sync.Mutex
	last *generated
}

func (g *generator) open() (io.Reader, error) {
	r, w := io.Pipe()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = &generated{PipeReader: r, w: w, f: g.f, done: make(chan struct{})}
	return g.last, nil
}

// stop ends the sending that is out, nil if there is none.
func (g *generator) stop() *generated {
	g.mu.Lock()
	last := g.last
	g.mu.Unlock()
	if last != nil {
		last.Close()
	}
	return last
}

// end is stop, and passes a panic or Goexit of f on to the caller. It returns the
// error of f, unless that is one of Write.
func (g *generator) end() error {
	last := g.stop()
	if last == nil || !last.ended() {
		return nil
	}
	last.abort.repeat()
	return last.err
}

// A generated is one sending of what a function writes. The function has a
// goroutine, where [iter.Pull] could do without: that ends the program if one side
// has locked its thread and the other has not, and a body is read and closed by
// different goroutines.
type generated struct {
	*io.PipeReader
	w     *io.PipeWriter
	f     func(io.Writer) error
	begin sync.Once
	done  chan struct{} // closed when f has returned, or will not be called

	// What f has done, once done is closed.
	err   error
	abort abort
}

func (g *generated) Read(b []byte) (int, error) {
	g.begin.Do(func() { go g.run() })
	return g.PipeReader.Read(b)
}

func (g *generated) run() {
	var err error = errAborted
	defer func() {
		if err != nil {
			err = &sourceError{err} // io.EOF would be the end
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			g.err = err
		}
		g.w.CloseWithError(err)
		close(g.done)
	}()
	g.abort.catch(func() { err = g.f(g.w) })
}

// errAborted is the error of a body whose function did not return.
var errAborted = errors.New("the function of the request body has panicked or ended its goroutine")

// Close waits for f, whose writes fail from now on.
func (g *generated) Close() error {
	g.PipeReader.Close()
	g.begin.Do(func() { close(g.done) })
	timer := time.NewTimer(takeOverTime)
	defer timer.Stop()
	select {
	case <-g.done:
	case <-timer.C:
	}
	return nil
}

// ended reports whether f does not run any more.
func (g *generated) ended() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// streamReader reads a body, or a part of one, once, and enforces its length.
// It holds back the last bytes until the source has ended with them, so that a
// source that fails or has another length never makes a complete request.
type streamReader struct {
	what   string
	waits  bool
	closed atomic.Bool
	taken  atomic.Bool // ended because another reader has taken the source
	spent  atomic.Bool // the source has moved, or may have

	mu   sync.Mutex // held while the source is in use
	r    io.Reader  // nil once released
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
	if s.taken.Load() {
		return 0, failText(ErrBodyNotReplayable, s.what+" is being sent by another call")
	}
	if s.closed.Load() {
		return 0, errBodyClosed
	}
	defer func() { // a panic on a goroutine of the transport would end the program
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

// finish checks that a source which has given its length has ended.
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

// take reads from the source and enforces the contract of [io.Reader]: a wrong
// count would make the transport panic.
func (s *streamReader) take(b []byte) (int, error) {
	spent := s.spent.Swap(true)
	n, err := s.r.Read(b)
	if n == 0 && (err == nil || err == io.EOF) {
		s.spent.Store(spent)
	}
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

// unlock ends a use of the source, and closes it if Close came meanwhile.
func (s *streamReader) unlock() {
	s.mu.Unlock()
	if s.closed.Load() {
		s.Close()
	}
}

// Close waits for a read in progress, so that the source is free afterwards. It
// does not wait for a read that may block: that one closes the source itself
// when it returns.
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

// takeOverTime is how long to wait for an earlier transfer to stop reading the
// source. A read that has not returned by then is taken to block.
const takeOverTime = time.Second

// end is Close for a source that is about to be read again. It reports whether
// the source is free.
func (s *streamReader) end() bool {
	s.taken.Store(true)
	s.closed.Store(true)
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		s.release()
		return true
	}
	free := make(chan struct{})
	go func() {
		defer close(free)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.release()
	}()
	timer := time.NewTimer(takeOverTime)
	defer timer.Stop()
	select {
	case <-free:
		return true
	case <-timer.C:
		return false
	}
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

// streamOf describes the rest of r. Errors call it what.
func streamOf(r io.Reader, what string) (*stream, error) {
	s := &stream{what: what, from: func() (io.Reader, error) { return borrowed{r}, nil }}
	seeker, canSeek := r.(io.Seeker)
	var start int64
	if canSeek {
		at, err := seeker.Seek(0, io.SeekCurrent)
		canSeek, start = err == nil, at // a pipe is an os.File but cannot seek
	}
	if canSeek {
		s.again = true
		s.from = func() (io.Reader, error) {
			_, err := seeker.Seek(start, io.SeekStart)
			return borrowed{r}, err
		}
	}
	length := int64(-1)
	switch l := r.(type) {
	case interface{ Len() int }: // what is left of a bytes.Buffer, bytes.Reader, strings.Reader
		length = max(int64(l.Len()), -1)
	case interface{ Stat() (os.FileInfo, error) }:
		s.length = func() (int64, error) { return lengthOfFile(l, what, start, canSeek) }
		var err error
		if length, err = s.length(); err != nil {
			return nil, err
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
			length = max(end-start, 0)
		}
	}
	if s.length == nil {
		s.length = func() (int64, error) { return length, nil }
	}
	switch r.(type) {
	case *bytes.Buffer, *bytes.Reader, *strings.Reader:
	case *os.File:
		s.waits = length < 0
	default:
		s.waits = true
	}
	return s, nil
}

// lengthOfFile is the number of bytes of f after start.
func lengthOfFile(f interface{ Stat() (os.FileInfo, error) }, what string, start int64, canSeek bool) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fail(ErrInvalidOption, fmt.Errorf("%s: %w", what, err))
	}
	if info.IsDir() {
		return 0, failText(ErrInvalidOption, what+" is a directory")
	}
	if !info.Mode().IsRegular() || !canSeek {
		return -1, nil
	}
	if at, ok := f.(io.ReaderAt); ok && !endsAt(at, info.Size()) {
		return -1, nil
	}
	return max(info.Size()-start, 0), nil
}

// endsAt reports whether f ends where its size says. Files below /proc and /sys
// have a size of 0 or of a page, whatever they hold.
func endsAt(f io.ReaderAt, size int64) bool {
	var last [2]byte
	n, err := f.ReadAt(last[:min(size, 1)+1], max(size-1, 0))
	return err == io.EOF && int64(n) == min(size, 1)
}

// jsonEncoders are pooled with their buffers.
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
	if e.buf.Cap() <= 64<<10 { // do not keep the buffer of a large body
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
		if err := values.AppendQuery(&b, f, nil, "form field"); err != nil {
			return content{}, err
		}
	}
	if entries == 0 {
		return content{}, nil
	}
	return inMemory([]byte(b.String()), "application/x-www-form-urlencoded"), nil
}
