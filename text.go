package requests

import (
	"bytes"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/go-requests/requests/internal/charset"
	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/mediatype"
)

// IterLines returns the lines of the body as text, without their ends. LF, CRLF
// and CR end a line, wherever the chunks of the body split. The last line may have
// no end. Lines come as they arrive, and may be as long as [MaxBody] allows. Text
// is decoded as by Text; but a streamed body without an Encoding is UTF-8, unless
// it begins with a byte order mark. The iterator streams, ends and fails like that
// of IterContent.
//
// Range with both variables. An error comes last, with an empty line. A loop with
// one variable does not see it, and takes a body that was cut short for a whole
// one, unless it asks Err afterwards.
//
// Lines that arrive together share memory, up to 16 KB. To keep a few lines of a
// long body, keep a [strings.Clone] of each.
func (r *Response) IterLines() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for lines, err := range r.iterWholeLines() {
			if err != nil {
				yield("", err)
				return
			}
			for len(lines) > 0 {
				n := cutWindow(lines)
				if !eachLine(validText(lines[:n]), strings.IndexByte, yield) {
					return
				}
				lines = lines[n:]
			}
		}
	}
}

// IterLineBytes is IterLines without copying: a line is valid until the next one
// comes. Bytes that are not UTF-8 stay as they are.
func (r *Response) IterLineBytes() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		clipped := func(line []byte, err error) bool {
			return yield(slices.Clip(line), err) // what is appended to it must not run into the next
		}
		for lines, err := range r.iterWholeLines() {
			if err != nil {
				yield(nil, err)
				return
			}
			if !eachLine(lines, bytes.IndexByte, clipped) {
				return
			}
		}
	}
}

// iterWholeLines returns the lines of the body with their ends, all that have
// arrived at a time.
func (r *Response) iterWholeLines() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		t, err := r.text()
		if err != nil {
			yield(nil, err)
			return
		}
		ended := false
		defer r.leave(&ended)
		defer t.release()
		for {
			lines, err := t.lines()
			ended = err == io.EOF
			if ended || !yield(lines, err) || err != nil {
				return
			}
		}
	}
}

// IterSplit returns the parts of the body between the separators, as text, as
// [strings.SplitSeq] does: a body that ends in a separator has an empty last
// part. An empty body has no part at all, and an empty separator is
// [ErrInvalidOption]. Otherwise it behaves like IterLines.
func (r *Response) IterSplit(separator string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if separator == "" {
			yield("", readError(r.URL, failText(ErrInvalidOption, "IterSplit of an empty separator")))
			return
		}
		t, err := r.text()
		if err != nil {
			yield("", err)
			return
		}
		ended := false
		defer r.leave(&ended)
		defer t.release()
		sep := []byte(separator)
		for {
			part, err := t.part(sep)
			if err != nil {
				if ended = err == io.EOF; !ended {
					yield("", err)
				}
				return
			}
			if !yield(validText(part), nil) {
				return
			}
		}
	}
}

// IterText returns the body as text, in pieces that n bytes of it decode to, or, if
// n is zero or less, in pieces as they arrive. No piece ends within a character.
// Otherwise it behaves like IterLines.
func (r *Response) IterText(n int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		src, err := r.reader()
		if err != nil {
			yield("", err)
			return
		}
		ended := false
		defer r.leave(&ended)
		text := charset.NewReader(chunkReader{src, n}, r.charset())
		buf := make([]byte, textBlock)
		for {
			m, err := text.Read(buf)
			if m > 0 && !yield(string(buf[:m]), nil) {
				return
			}
			if err != nil {
				if ended = err == io.EOF; !ended {
					yield("", err)
				}
				return
			}
		}
	}
}

// textBlock is larger than what a decoder returns at a time.
const textBlock = 16 << 10

// A chunkReader reads n bytes at a time, any number for n of zero or less.
type chunkReader struct {
	src io.Reader
	n   int
}

func (p chunkReader) Read(b []byte) (int, error) {
	if p.n > 0 && p.n < len(b) {
		b = b[:p.n]
	}
	return p.src.Read(b)
}

// reader claims the body for one reading.
func (r *Response) reader() (io.Reader, error) {
	if !r.loaded {
		return &r.wire, r.claimRest()
	}
	return bytes.NewReader(r.content), r.wire.err
}

// text claims the body for one reading as text.
func (r *Response) text() (*textScanner, error) {
	src, err := r.reader()
	if err != nil {
		return nil, err
	}
	t := &textScanner{src: src, block: blocks.Get().(*[blockSize]byte)}
	t.buf = t.block[:]
	label := r.charset()
	if name, ok := charset.Lookup(label); ok && name != "utf-8" {
		t.src, t.decoded = charset.NewReader(src, label), true
	}
	return t, nil
}

// A textScanner gathers a body until it has what its caller looks for.
type textScanner struct {
	src     io.Reader
	decoded bool // src is a decoder: it gives UTF-8 without a byte order mark
	block   *[blockSize]byte
	buf     []byte // block, or a longer one if that is too short
	lo, hi  int    // buf[lo:hi] has not been returned yet
	seen    int    // buf[lo:seen] was searched without result
	afterCR bool   // an LF that comes next belongs to the line end before it
	started bool   // the body is not empty
	err     error  // that src ended with
}

// release returns the block to its pool. Nobody else holds a part of it.
func (t *textScanner) release() { blocks.Put(t.block) }

// lines returns the whole lines that have arrived and, at the end of the body,
// one without an end. It is valid until the next call.
func (t *textScanner) lines() ([]byte, error) {
	for {
		if t.afterCR && t.lo < t.hi {
			t.afterCR = false
			if t.buf[t.lo] == '\n' {
				t.lo++
				t.seen = t.lo
			}
		}
		if i := lastLineEnd(t.buf[t.seen:t.hi]); i >= 0 {
			lines := t.buf[t.lo : t.seen+i+1]
			t.lo = t.seen + i + 1
			t.seen = t.lo
			t.afterCR = lines[len(lines)-1] == '\r'
			return lines, nil
		}
		t.seen = t.hi
		if !t.fill() {
			rest := t.buf[t.lo:t.hi]
			t.lo, t.seen = t.hi, t.hi
			if len(rest) > 0 && t.err == io.EOF {
				return rest, nil
			}
			return nil, t.err
		}
	}
}

// part returns the text before the next separator or, once, the rest of the
// body. It is valid until the next call.
func (t *textScanner) part(sep []byte) ([]byte, error) {
	for {
		if i := bytes.Index(t.buf[t.seen:t.hi], sep); i >= 0 {
			part := t.buf[t.lo : t.seen+i]
			t.lo = t.seen + i + len(sep)
			t.seen = t.lo
			return part, nil
		}
		t.seen = max(t.lo, t.hi-len(sep)+1)
		if !t.fill() {
			if !t.started || t.err != io.EOF {
				return nil, t.err
			}
			t.started = false
			return t.buf[t.lo:t.hi], nil
		}
	}
}

// fill appends what it reads to the buffer. It reports false at the end.
func (t *textScanner) fill() bool {
	for range 100 { // the limit of bufio for empty reads
		if t.err != nil {
			return false
		}
		t.makeRoom()
		n, err := t.src.Read(t.buf[t.hi:])
		t.hi += n
		t.err = err
		if t.hi == t.lo {
			continue
		}
		if !t.started && !t.skipMark() {
			continue
		}
		if n > 0 {
			return true
		}
	}
	if t.err == nil {
		t.err = io.ErrNoProgress
	}
	return false
}

// makeRoom makes sure that the buffer is not full.
func (t *textScanner) makeRoom() {
	switch {
	case t.lo == t.hi:
		t.lo, t.hi, t.seen = 0, 0, 0
	case t.hi < len(t.buf):
	case t.lo > 0:
		copy(t.buf, t.buf[t.lo:t.hi])
		t.hi -= t.lo
		t.seen -= t.lo
		t.lo = 0
	default:
		buf := make([]byte, 2*len(t.buf))
		copy(buf, t.buf)
		t.buf = buf
	}
}

// skipMark skips the byte order mark of UTF-8, and inserts a decoder for a body
// that begins with that of UTF-16. It reports false if it needs more bytes to tell.
func (t *textScanner) skipMark() bool {
	first := t.buf[t.lo:t.hi]
	if t.decoded {
		t.started = true
		return true
	}
	for _, mark := range [...]string{"\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"} {
		switch {
		case len(first) < len(mark) && strings.HasPrefix(mark, string(first)) && t.err == nil:
			return false
		case !bytes.HasPrefix(first, []byte(mark)):
			continue
		}
		if len(mark) == 3 {
			t.started = true
			t.lo += len(mark)
			t.seen = t.lo
			return t.lo < t.hi
		}
		t.src = charset.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(first)), ended{t.src, t.err}), "utf-8")
		t.decoded, t.err = true, nil
		t.hi = t.lo
		return false
	}
	t.started = true
	return true
}

// ended is a reader that may have ended already.
type ended struct {
	src io.Reader
	err error
}

func (e ended) Read(b []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return e.src.Read(b)
}

// lastLineEnd finds the last LF or CR.
func lastLineEnd(b []byte) int {
	lf := bytes.LastIndexByte(b, '\n')
	if cr := bytes.LastIndexByte(b[lf+1:], '\r'); cr >= 0 {
		return lf + 1 + cr
	}
	return lf
}

// lineWindow is how much memory lines share at most; a longer line has its own.
const lineWindow = 16 << 10

// cutWindow returns how many bytes of lines to convert to text together: whole
// lines, and at least one.
func cutWindow(lines []byte) int {
	if len(lines) <= lineWindow {
		return len(lines)
	}
	end := lastLineEnd(lines[:lineWindow])
	if end < 0 {
		if end = bytes.IndexAny(lines[lineWindow:], "\r\n"); end < 0 {
			return len(lines)
		}
		end += lineWindow
	}
	if lines[end] == '\r' && end+1 < len(lines) && lines[end+1] == '\n' {
		end++
	}
	return end + 1
}

// eachLine yields the lines of text; the last one may have no end. index is
// strings.IndexByte or bytes.IndexByte.
func eachLine[T string | []byte](text T, index func(T, byte) int, yield func(T, error) bool) bool {
	hasCR := index(text, '\r') >= 0
	lf := 0 // where the next LF is, or the end of text
	for find := true; len(text) > 0; {
		if find {
			if lf = index(text, '\n'); lf < 0 {
				lf = len(text)
			}
		}
		end := lf
		if hasCR {
			if cr := index(text[:lf], '\r'); cr >= 0 {
				end = cr
			}
		}
		next := min(end+1, len(text))
		if end < lf && next == lf { // CRLF, or CR at the end
			next = min(lf+1, len(text))
		}
		if !yield(text[:end], nil) {
			return false
		}
		text = text[next:]
		if find = next > lf; !find {
			lf -= next
		}
	}
	return true
}

// validText is b as text. What is not UTF-8 becomes U+FFFD, one for each maximal
// subpart of a sequence (Encoding Standard).
func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	text, err := unicode.UTF8.NewDecoder().Bytes(b)
	if err != nil { // cannot happen: the decoder has no errors
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(text)
}

// acceptEncoding announces all that the library decodes.
const acceptEncoding = coding.Accept

// Text returns the body as text, decoded from Encoding or, if that is empty, from
// ApparentEncoding. A byte order mark counts before either, and is not part of the
// text (Encoding Standard, section 6). An unknown Encoding counts as UTF-8. Bytes
// that cannot be decoded become U+FFFD.
func (r *Response) Text() string {
	r.Load()
	if len(r.content) == 0 {
		return ""
	}
	return charset.Decode(r.content, r.charset())
}

// ApparentEncoding returns the charset that the body itself shows, in lower case
// and whatever Encoding is. It goes by a byte order mark; else by a declaration in
// HTML or XML; else it is UTF-8 if the body is valid UTF-8; else it is a guess from
// the letters, which is the worse the shorter the text. For an empty body it is "".
// A streamed body is read first, as by Content.
func (r *Response) ApparentEncoding() string {
	r.Load()
	if len(r.content) == 0 {
		return ""
	}
	return charset.Detect(r.content, strings.Join(r.Header["Content-Type"], ", "))
}

// charset is what text is decoded from. It does not look at a body that is not
// in memory, whose text is wanted as it arrives.
func (r *Response) charset() string {
	switch {
	case r.Encoding != "":
		return r.Encoding
	case r.loaded:
		return r.ApparentEncoding()
	}
	return "utf-8"
}

// headerCharset is the charset that Content-Type names. JSON without one is
// UTF-8 (RFC 8259, section 8.1). Other types no longer have a default (RFC 9110,
// section 8.3.2): the body has to tell.
func headerCharset(h http.Header) string {
	values := h["Content-Type"]
	switch {
	case len(values) == 0:
		return ""
	case len(values) == 1 && values[0] == "application/json": // the usual answer of an API
		return "utf-8"
	}
	t, _ := mediatype.Extract(values...)
	if label, ok := t.Param("charset"); ok {
		return strings.Trim(label, `'"`) // charset='utf-8', as Requests reads it; no name has quotes
	}
	if t.Essence == "application/json" {
		return "utf-8"
	}
	return ""
}
