// Package sse reads event streams (server-sent events) by the parsing rules of
// the HTML standard, sections 9.2.5 and 9.2.6.
package sse

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrTooLarge reports a line, or the data of an event, beyond the limit of a
// [Reader].
var ErrTooLarge = errors.New("event too large")

// An Event is an event of a stream. Its text is UTF-8: invalid bytes have
// become U+FFFD.
type Event struct {
	// ID is the last event ID that the stream has given, with this event or
	// before it; a client sends it back as Last-Event-ID. It contains no NUL,
	// CR or LF, but may contain other control characters, which a header must
	// not.
	ID string
	// Type is the name of the event, "message" if the stream gave none.
	Type string
	// Data is the data lines of the event, joined by line feeds.
	Data string
	// Retry is the reconnection time the stream has asked for, with this event
	// or before it; or 0 if there was none. [Reader.Retry] tells a time of 0
	// from none.
	Retry time.Duration
}

// A Reader reads the events of a stream. It is for one goroutine at a time.
type Reader struct {
	src   io.Reader
	limit int
	buf   []byte
	rest  []byte // the part of buf that is still to be parsed
	err   error  // the error of src or of the limit that ended the stream

	line    []byte // the start of a line whose end has not come yet
	started bool   // the first line, which may have a byte order mark, is over
	afterCR bool   // a line feed that comes next belongs to the carriage return before it

	data  []byte // of the event that is being read, a line feed after each line
	kind  string // its type
	id    string // the last event ID once it is complete
	named bool   // it has an id field

	lastID   string
	hasID    bool // the stream has given lastID
	retry    time.Duration
	hasRetry bool
}

const (
	bufferSize    = 16 << 10
	maxEmptyReads = 100 // as bufio has it
)

// NewReader returns a Reader of the stream src. A line, and the data of an
// event, may be up to limit bytes long; 0 means no limit.
func NewReader(src io.Reader, limit int) *Reader {
	return &Reader{src: src, limit: limit}
}

// Reset makes r read src, the same stream after a reconnection. It drops an
// incomplete event, and keeps the last event ID and the reconnection time.
func (r *Reader) Reset(src io.Reader) {
	*r = Reader{
		src: src, limit: r.limit, buf: r.buf, line: r.line[:0], data: r.data[:0],
		id: r.lastID, lastID: r.lastID, hasID: r.hasID, retry: r.retry, hasRetry: r.hasRetry,
	}
}

// Next returns the next event as soon as src has returned the end of the blank
// line after it. It fails with [io.EOF] at the end of src, with the error of
// src, or with [ErrTooLarge] beyond the limit; later calls fail in the same
// way. An event that the end cuts short is dropped, as the standard demands,
// since nobody can tell what is missing.
func (r *Reader) Next() (Event, error) {
	for {
		line, err := r.readLine()
		if err != nil {
			return Event{}, err
		}
		if len(line) > 0 {
			if err := r.field(line); err != nil {
				return Event{}, err
			}
			continue
		}
		if event, ok := r.dispatch(); ok {
			return event, nil
		}
	}
}

// LastEventID returns what a client that reconnects sends as Last-Event-ID, ""
// for no such field, and whether the stream has given it. A block with an ID
// but no data is not an event, but its ID counts.
func (r *Reader) LastEventID() (string, bool) { return r.lastID, r.hasID }

// Retry returns the reconnection time the stream has asked for, and whether it
// has. The stream may ask for none, or for centuries.
func (r *Reader) Retry() (time.Duration, bool) { return r.retry, r.hasRetry }

// readLine returns the next line without its end. It is valid until the next
// call.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		line, ended := r.cut()
		if r.limit > 0 && len(r.line)+len(line) > r.limit {
			return nil, r.fail(ErrTooLarge)
		}
		if len(r.line) > 0 || !ended {
			r.line = append(r.line, line...)
			line = r.line
		}
		if ended {
			return r.withoutMark(line), nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// cut takes as much of a line as the buffer has, and reports whether the end of
// the line was there: LF, CR LF or CR. A CR ends the line at once, because
// waiting for an LF could hold an event back for hours.
func (r *Reader) cut() (line []byte, ended bool) {
	if r.afterCR && len(r.rest) > 0 {
		r.rest = bytes.TrimPrefix(r.rest, []byte("\n"))
		r.afterCR = false
	}
	end := bytes.IndexAny(r.rest, "\r\n")
	if end < 0 {
		line, r.rest = r.rest, nil
		return line, false
	}
	line, r.afterCR = r.rest[:end], r.rest[end] == '\r'
	r.rest = r.rest[end+1:]
	return line, true
}

// withoutMark takes the byte order mark off the first line.
func (r *Reader) withoutMark(line []byte) []byte {
	if r.started {
		return line
	}
	r.started = true
	return bytes.TrimPrefix(line, []byte("\ufeff"))
}

// fill reads more, once the buffer is used up.
func (r *Reader) fill() error {
	if r.buf == nil {
		r.buf = make([]byte, bufferSize)
	}
	for range maxEmptyReads {
		if r.err != nil {
			return r.err
		}
		var n int
		n, r.err = r.src.Read(r.buf)
		if r.rest = r.buf[:n]; n > 0 {
			return nil // even with an error, which is returned the next time
		}
	}
	return r.fail(io.ErrNoProgress)
}

// fail ends the stream with err.
func (r *Reader) fail(err error) error {
	r.rest, r.err = nil, err
	return err
}

// field processes a line that is not blank. A comment, which begins with a
// colon, has the field name "", and is ignored like any unknown name.
func (r *Reader) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		r.kind = text(value)
	case "data":
		if r.limit > 0 && len(r.data)+len(value) > r.limit {
			return r.fail(ErrTooLarge)
		}
		r.data = append(append(r.data, value...), '\n')
	case "id":
		if !bytes.ContainsRune(value, 0) {
			r.id, r.named = text(value), true
		}
	case "retry":
		if retry, ok := milliseconds(string(value)); ok {
			r.retry, r.hasRetry = retry, true
		}
	}
	return nil
}

// dispatch ends a block of lines. If it had data, it is an event.
func (r *Reader) dispatch() (Event, bool) {
	r.lastID, r.hasID, r.named = r.id, r.hasID || r.named, false
	kind, data := r.kind, r.data
	r.kind, r.data = "", r.data[:0]
	if len(data) == 0 {
		return Event{}, false
	}
	if kind == "" {
		kind = "message"
	}
	return Event{ID: r.id, Type: kind, Data: text(data[:len(data)-1]), Retry: r.retry}, true
}

// milliseconds returns the time for a text of ASCII digits only, or the longest
// Duration if it is longer than that.
func milliseconds(digits string) (time.Duration, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	const longest = math.MaxInt64 / int64(time.Millisecond)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > longest { // the only error left is one of range
		n = longest
	}
	return time.Duration(n) * time.Millisecond, true
}

// text decodes UTF-8 as the Encoding standard does: each maximal part that
// begins a character but does not complete it becomes one U+FFFD.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b))
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			for n < len(b) && !utf8.FullRune(b[:n+1]) {
				n++
			}
		}
		s.WriteRune(c)
		b = b[n:]
	}
	return s.String()
}
