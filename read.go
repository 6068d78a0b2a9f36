package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/dump"
	"github.com/go-requests/requests/internal/file"
)

// Stream leaves the body of the response for the caller to read. The caller must
// close the [Response].
type Stream bool

func (Stream) option() {}

// MaxBody limits the body of a response to that many bytes after decoding,
// however it is read. A longer body is [ErrBodyTooLarge]. The default is zero: no
// limit, except the guard against decompression bombs.
type MaxBody int64

func (MaxBody) option() {}

func (n MaxBody) check() error {
	if n < 0 {
		return failText(ErrInvalidOption, "MaxBody is negative")
	}
	return nil
}

// wireBody is the body of a response on the wire: read from the transport under
// the Read limit, decoded, and held to MaxBody. It remembers how it ended, so
// that a second read does not mistake a failed body for an empty one.
type wireBody struct {
	src     io.ReadCloser
	length  int64 // from Content-Length, -1 if unknown
	limit   int64 // MaxBody, 0 for none
	header  http.Header
	url     *url.URL
	e       *bridge.Exchange // nil if the adapter has none
	hurry   hurrier          // e or the exchange of the engine; nil for a body by hand
	ctx     context.Context  // of the call
	life    *lifetime        // ends with the body
	decoder *coding.Reader   // made by the first read, if there are codings
	byHand  bool             // the program made the response
	dump    *dump.Exchange   // nil if nobody wants a dump

	claimed bool // by an iterator, or by a reader of the whole body
	started bool // part of it was read
	n       int64
	err     error // what every further read returns, io.EOF if nil
	done    bool  // nothing more comes: the body ended, failed or was released
}

// Read implements io.Reader.
func (w *wireBody) Read(b []byte) (int, error) {
	if w.done {
		return 0, w.ended()
	}
	if !w.started {
		w.started = true
		if err := w.begin(); err != nil {
			return 0, w.fail(err)
		}
	}
	n, err := w.read(b)
	w.n += int64(n)
	w.dump.Read(b[:max(n, 0)])
	if w.limit > 0 && w.n > w.limit {
		return 0, w.fail(failText(ErrBodyTooLarge, fmt.Sprintf("it has more than %d bytes, which is MaxBody", w.limit)))
	}
	switch {
	case err == io.EOF:
		w.release()
	case err != nil:
		w.fail(err)
		err = w.err
	}
	return n, err
}

// WriteTo implements [io.WriterTo], so that [io.Copy] does not use its own buffer:
// copying to a file by 32 KB takes a quarter longer than by 256 KB.
func (w *wireBody) WriteTo(dst io.Writer) (n int64, err error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	for {
		m, err := w.Read(block[:])
		written, failed := file.Write(dst, block[:m])
		n += int64(written)
		switch {
		case failed != nil:
			return n, failed
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

func (w *wireBody) ended() error {
	if w.err != nil {
		return w.err
	}
	return io.EOF
}

// begin sets up the decoder. A body without bytes has no coding.
func (w *wireBody) begin() error {
	codings := w.header["Content-Encoding"]
	if w.length == 0 || len(codings) == 0 {
		return nil
	}
	names, err := coding.Parse(codings)
	if err != nil {
		return fail(ErrContentDecoding, err)
	}
	if len(names) > 0 {
		w.decoder, err = coding.NewReader(rawBody{w}, names, coding.Limits{})
	}
	return err
}

func (w *wireBody) read(b []byte) (int, error) {
	if w.decoder == nil {
		return w.readRaw(b)
	}
	n, err := w.decoder.Read(b)
	switch {
	case errors.Is(err, coding.ErrTooLarge):
		err = fail(ErrBodyTooLarge, err)
	case errors.Is(err, coding.ErrCorrupt), errors.Is(err, coding.ErrTruncated):
		err = fail(ErrContentDecoding, err)
	}
	return n, err
}

// rawBody is the undecoded body, which the decoder reads.
type rawBody struct{ w *wireBody }

func (r rawBody) Read(b []byte) (int, error) { return r.w.readRaw(b) }

// readRaw reads undecoded bytes while the clock of the exchange runs.
func (w *wireBody) readRaw(b []byte) (int, error) {
	if w.src == nil {
		return 0, io.EOF
	}
	if w.e != nil {
		w.e.StartClock()
	}
	n, err := w.src.Read(b)
	if w.e != nil {
		w.e.StopClock()
	}
	if err != nil && err != io.EOF {
		err = bodyError(w.ctx, w.e, err)
	}
	return n, err
}

// fail ends the body with err for good. A body that was read to its end can
// still fail when it is read a second time.
func (w *wireBody) fail(err error) error {
	if w.err != nil {
		return w.err
	}
	w.err = readError(w.url, err)
	if !w.done {
		w.release()
	}
	return w.err
}

// release returns the connection to its pool, or closes it if the body has not ended.
func (w *wireBody) release() {
	w.done = true
	if w.decoder != nil {
		w.decoder.Release()
	}
	if w.src != nil {
		w.src.Close()
	}
	if w.e != nil {
		w.e.Finish()
	}
	if w.length == 0 {
		w.dump.End(nil) // there was nothing to read
	} else {
		w.dump.End(w.err)
	}
	w.life.end()
}

// Close implements io.Closer. The rest of the body is neither read nor decoded.
func (w *wireBody) Close() error {
	if !w.done {
		w.err = readError(w.url, errResponseClosed)
		w.release()
	}
	return nil
}

// abandon is Close for a loop that was left before its end. A short body may
// have been read completely by then, although the loop has not seen all of it.
func (w *wireBody) abandon() {
	if w.err == nil {
		w.err = readError(w.url, errResponseClosed)
	}
	if !w.done {
		w.release()
	}
}

// coded reports whether the body has a content coding to undo.
func (w *wireBody) coded() bool {
	codings := w.header["Content-Encoding"]
	if w.length == 0 || len(codings) == 0 {
		return false
	}
	names, err := coding.Parse(codings)
	return err != nil || len(names) > 0
}

// drainLimit and drainTime bound how much of an unwanted body is read so that
// its connection can serve the next request.
const (
	drainLimit = 64 << 10
	drainTime  = 50 * time.Millisecond
	legLimit   = 1 << 20 // where only this connection will do
)

// A hurrier can lower the Read limit of a body that is only being drained.
type hurrier interface{ Hurry(limit time.Duration) }

// discard ends a response whose body is not wanted, such as a redirect. The
// body is not decoded. A short one is kept for readers of History.
func (r *Response) discard() {
	if r.wire.hurry != nil && !r.loaded && !r.kept {
		r.wire.hurry.Hurry(drainTime)
	}
	end := time.Now().Add(drainTime) // bounds all reads together
	r.drain(drainLimit, func() bool { return time.Now().After(end) })
}

// drain is discard for no more than limit bytes and until over.
func (r *Response) drain(limit int, over func() bool) {
	if r.loaded || r.kept {
		return
	}
	if r.wire.length == 0 || r.wire.src == nil {
		r.keep(nil)
		return
	}
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	n := 0
	for err := error(nil); err == nil && n < limit && !over(); {
		piece := block[drainLimit:] // of a body that is too long to be kept
		if n < drainLimit {
			piece = block[n:drainLimit]
		}
		var m int
		m, err = r.wire.readRaw(piece)
		if m > 0 && n >= drainLimit {
			if n == drainLimit {
				r.showDrained(block[:n])
			}
			r.wire.dump.Read(piece[:m])
		}
		if n += m; err == io.EOF && n <= drainLimit {
			r.keep(block[:n])
		}
	}
	if !r.kept && n <= drainLimit {
		r.showDrained(block[:n])
	}
	r.Close()
}

// showDrained shows the beginning of a body that is not kept.
func (r *Response) showDrained(raw []byte) {
	r.wire.dump.Raw(r.wire.header)
	r.wire.dump.Read(raw)
}

// keep makes raw, the whole undecoded body, what the response is read from.
func (r *Response) keep(raw []byte) {
	if r.wire.src != nil {
		r.wire.src.Close()
	}
	if r.wire.e != nil {
		r.wire.e.Finish()
		r.wire.e = nil
	}
	r.wire.dump.Raw(r.wire.header)
	r.wire.dump.Read(raw)
	r.wire.dump.End(nil)
	r.wire.dump = nil
	r.wire.src, r.wire.length = http.NoBody, int64(len(raw))
	if len(raw) > 0 {
		r.wire.src = &keptBody{*bytes.NewReader(bytes.Clone(raw))}
	}
	r.kept = true
}

// keptBody is a short body that was drained.
type keptBody struct{ bytes.Reader }

func (*keptBody) Close() error { return nil }

const (
	// maxExact is the largest Content-Length for which memory is allocated
	// before any byte has arrived (CVE-2025-13836).
	maxExact = 4 << 20
	// blockSize is the size of the blocks that gather a body of unknown length.
	blockSize = 256 << 10
)

var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

// readAll reads the body into a slice of its exact size. It returns nil after an error.
func (w *wireBody) readAll() []byte {
	if w.length == 0 || w.src == nil {
		w.started = true
		w.release()
		return []byte{}
	}
	if w.length > 0 && w.length <= maxExact && (w.limit <= 0 || w.length <= w.limit) && len(w.header["Content-Encoding"]) == 0 {
		return w.readExact()
	}
	return w.gather()
}

// readExact reads the rest of a body whose length is known. The transport
// reports a shorter one.
func (w *wireBody) readExact() []byte {
	b := make([]byte, max(w.length-w.n, 0))
	n := 0
	for n < len(b) {
		m, err := w.Read(b[n:])
		n += m
		if err == io.EOF && n == len(b) {
			return b
		}
		if err == io.EOF { // a RoundTripper has announced more than it gave
			w.done, w.err = true, readError(w.url, ErrIncompleteBody)
			return nil
		}
		if err != nil {
			return nil
		}
	}
	var one [1]byte
	for range 100 {
		m, err := w.Read(one[:])
		switch {
		case m > 0:
			w.fail(failText(ErrProtocol, "the body is longer than its Content-Length"))
			return nil
		case err == io.EOF:
			return b
		case err != nil:
			return nil
		}
	}
	w.fail(io.ErrNoProgress)
	return nil
}

// gather reads a body of unknown length in pooled blocks and copies it once into
// a slice of its exact size, which [bytes.Join] does not fill with zeros before.
func (w *wireBody) gather() []byte {
	var few [16][]byte
	full := few[:0]
	block := blocks.Get().(*[blockSize]byte)
	n := 0
	defer func() {
		blocks.Put(block)
		for _, b := range full {
			blocks.Put((*[blockSize]byte)(b))
		}
	}()
	for {
		m, err := w.Read(block[n:])
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil
		}
		if n == blockSize {
			full = append(full, block[:])
			block, n = blocks.Get().(*[blockSize]byte), 0
		}
	}
	if len(full) == 0 {
		return append(make([]byte, 0, n), block[:n]...)
	}
	return bytes.Join(append(full, block[:n]), nil)
}

// IterContent returns the body in chunks of n bytes; the last one may be shorter.
// If the server does not say how long the body is, as in a feed, chunks come as
// they arrive, of at most n bytes. If n is zero or less, all chunks come as they
// arrive. A chunk is valid until the next one comes.
//
// A streamed response can be ranged over once, from where Body stands, and leaving
// the loop closes it. A response in memory starts anew each time.
//
// An error comes last, with an empty chunk. A loop with one variable does not see
// it, and takes a body that was cut short for a whole one, unless it asks Err
// afterwards.
func (r *Response) IterContent(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if r.loaded {
			r.iterMemory(n, yield)
			return
		}
		if err := r.claimRest(); err != nil {
			yield(nil, err)
			return
		}
		ended := false
		defer r.leave(&ended)
		block := blocks.Get().(*[blockSize]byte)
		defer blocks.Put(block)
		buf := block[:]
		if n > 0 && n < len(buf) {
			buf = buf[:n]
		}
		for {
			chunk, err := r.wire.readChunk(buf, n)
			if len(chunk) > len(buf) {
				buf = chunk[:cap(chunk)]
			}
			if len(chunk) > 0 && !yield(chunk, nil) {
				return
			}
			ended = err == io.EOF
			if ended {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// readChunk reads n bytes or, if the length of the body is unknown, what has
// arrived. It reads into b, or into a larger buffer that grows as bytes come.
func (w *wireBody) readChunk(b []byte, n int) ([]byte, error) {
	if n <= 0 || w.length < 0 {
		m, err := w.Read(b)
		return b[:m], err
	}
	have := 0
	for {
		m, err := io.ReadFull(w, b[have:min(n, len(b))])
		have += m
		if err == io.ErrUnexpectedEOF { // from ReadFull: the body ended within b. The error of a truncated body is wrapped.
			err = io.EOF
		}
		if err != nil || have == n {
			return b[:have], err
		}
		grown := make([]byte, min(2*len(b), n))
		copy(grown, b)
		b = grown
	}
}

func (r *Response) iterMemory(n int, yield func([]byte, error) bool) {
	if err := r.wire.err; err != nil {
		yield(nil, err)
		return
	}
	rest := r.content
	if n <= 0 {
		n = len(rest)
	}
	for len(rest) > 0 {
		m := min(n, len(rest))
		if !yield(rest[:m:m], nil) {
			return
		}
		rest = rest[m:]
	}
}

// claimRest claims what is left of the body for one reading.
func (r *Response) claimRest() error {
	r.adopt()
	w := &r.wire
	switch {
	case w.err != nil && !(w.claimed && errors.Is(w.err, ErrClosed)):
		return w.err
	case w.claimed, w.done:
		return readError(r.URL, ErrStreamConsumed)
	}
	w.claimed = true
	return nil
}

// claimAll claims the whole body for one reading.
func (r *Response) claimAll() error {
	if r.wire.started && r.wire.err == nil {
		return readError(r.URL, ErrStreamConsumed)
	}
	return r.claimRest()
}

// leave ends the reading of an iterator. It is deferred because a panic may
// leave the loop.
func (r *Response) leave(ended *bool) {
	if r.loaded {
		return
	}
	if !*ended {
		r.wire.abandon()
	}
	r.Close()
}

// errResponseClosed is what reading a response gives after its Close.
var errResponseClosed = failText(ErrClosed, "the response")

// unread returns a reader of the whole body of r. A hook or an adapter may have
// loaded the body into memory or replaced it.
func (r *Response) unread() (io.Reader, error) {
	switch {
	case r.loaded && r.wire.n <= int64(len(r.content)):
		return bytes.NewReader(r.content), r.Err()
	case r.loaded && r.Err() != nil:
		return nil, r.Err()
	case r.replaced() && r.Body != nil:
		return r.Body, nil
	case r.replaced() || r.wire.started:
		return nil, failText(ErrStreamConsumed, "a hook or an adapter has read from the Body")
	case r.wire.done:
		return nil, r.Err()
	}
	return &r.wire, nil
}

// end closes r, and its Body if a hook or an adapter has replaced it.
func (r *Response) end() {
	if r.replaced() && r.Body != nil {
		r.Body.Close()
	}
	r.Close()
}

// replaced reports whether Body is no longer the one from the wire.
func (r *Response) replaced() bool { return !r.loaded && r.Body != io.ReadCloser(&r.wire) }
