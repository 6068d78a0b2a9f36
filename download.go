package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/uri"
)

// resumption is how a download that was interrupted goes on, unless the call,
// the session or the adapter has a Retry.
var resumption = Retry{Total: 5, Backoff: 200 * time.Millisecond, BackoffMax: 5 * time.Second}

// errMaxBody ends a download of more than [MaxBody].
var errMaxBody = failText(ErrBodyTooLarge, "more than MaxBody")

// Download is [Session.Download] without a session.
func Download(ctx context.Context, url, path string, opts ...Option) (int64, error) {
	return shared.Download(ctx, url, path, opts...)
}

// Download fetches url into the file path and returns its length. The file gets
// its name only when it is complete, on the disk and as [Checksum] says. A file
// that is there is replaced then and keeps its mode, unless Overwrite(false) is
// given; what is not a regular file never is. A new one has the mode that
// [os.Create] gives.
//
// What has come so far is in path.part, and in path.part.json what it is of. If
// the transfer breaks off, it goes on from there, as often as the [Retry] of the
// call, the session or the [HTTPAdapter] allows for reading, five times without
// one; and so does a later call for the same url and path. Where the server has
// no strong validator, another version by now, or codes what it sends, all is
// fetched anew. Where it could not be gone on with, nothing is left behind. Two
// downloads to one path must not run at the same time.
//
// If path is a directory, or ends in a separator, the file is made there under
// the name that [Response.Filename] gives, and a file of that name is not
// replaced unless Overwrite(true) is given.
//
// The options are those of a call without a body, and [Checksum], [Overwrite]
// and [Parallel]. [OnProgress] is told of the whole file, and [MaxBody] limits it.
// Timeout.Total limits each request up to its headers: it is ctx that limits the
// whole. A status that brings no file is an [*HTTPError] or [ErrProtocol]; a
// server that answers with other bytes than those asked for is [ErrProtocol] too.
//
// A hook or an adapter may load a response, or put another Body in the place of
// its own: that is saved. One that only reads from the Body takes it away, which
// is [ErrStreamConsumed].
func (s *Session) Download(ctx context.Context, url, path string, opts ...Option) (int64, error) {
	s.setup()
	if ctx == nil {
		return 0, step{op: "prepare", raw: url}.error(errNilContext)
	}
	d, err := s.newDownload(url, path, opts)
	if err != nil {
		return 0, step{op: "prepare", raw: url}.error(err)
	}
	defer d.close()
	if err = d.run(ctx); err != nil {
		return 0, err
	}
	return d.part.Size(), nil
}

// A download is one call of Download.
type download struct {
	session  *Session
	rawURL   string
	url      *url.URL
	opts     []Option // of each request
	set      fileSettings
	ranges   int   // at once
	most     int64 // MaxBody, which holds for the whole file
	place    *file.Place
	part     *file.Part // nil until the file has a name
	meter    *meter
	begun    bool   // there was a response
	complete bool   // nothing is missing
	retry    *Retry // after an interruption

	mu    sync.Mutex
	spent spent // of retry
}

func (s *Session) newDownload(rawURL, path string, opts []Option) (*download, error) {
	d := &download{session: s, rawURL: rawURL, ranges: 1}
	d.opts = []Option{Headers{"Accept-Encoding": "identity"}} // so that ranges are of the file itself
	for _, o := range opts {
		switch o := o.(type) {
		case FileOption:
			o.file(&d.set)
		case Parallel:
			if o < 0 {
				return nil, failText(ErrInvalidOption, "Parallel is negative")
			}
			d.ranges = min(max(int(o), 1), maxParallel)
		default:
			d.opts = append(d.opts, o)
		}
	}
	if err := d.set.checksum.Check(); err != nil {
		return nil, err
	}
	var set settings
	err := s.merge(&set, d.opts)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(&set); err != nil {
		return nil, err
	}
	d.opts = append(d.opts, Stream(true), RaiseForStatus(false), OnProgress(nil))
	dir, name, replace := filepath.Dir(path), filepath.Base(path), d.set.overwrite || !d.set.decided
	if isDirectory(path) {
		dir, name, replace = path, "", d.set.overwrite
	}
	if d.place, err = file.In(dir, replace); err != nil {
		return nil, err
	}
	d.place.Disk = d.set.disk
	if name == "" { // the first response has one
		return d, nil
	}
	if err = d.open(name); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// open opens the part of the file that gets the name.
func (d *download) open(name string) (err error) {
	if err = d.place.Name(name); err == nil {
		d.part, err = d.place.Part(d.url.String())
	}
	return err
}

func (d *download) close() {
	if d.part != nil {
		d.part.Close()
	}
	d.place.Close()
}

// usable is how much of the file is there to go on with.
func (d *download) usable() int64 {
	if d.part == nil {
		return 0
	}
	return d.part.Usable()
}

// prepare looks at the settings of the requests before anything is made.
func (d *download) prepare(set *settings) (err error) {
	if d.url, _, err = uri.Join(set.merged.BaseURL, d.rawURL); err != nil {
		return err
	}
	if err = addQuery(d.url, set); err != nil {
		return err
	}
	body, err := set.prepareContent(nil)
	if err != nil {
		return err
	}
	if body.present {
		return failText(ErrInvalidOption, "a download has no body")
	}
	if callNames(set.headers, "Range") || callNames(set.headers, "If-Range") {
		return failText(ErrInvalidOption, "the ranges of a download are the library's")
	}
	d.most = set.merged.MaxBody
	d.meter = waiting(set.merged.Hooks.Progress)
	if d.retry = set.merged.Retry; d.retry == nil {
		d.retry = d.adapterRetry()
	}
	return nil
}

// adapterRetry is that of the adapter that the first request goes to, if that
// says anything.
func (d *download) adapterRetry() *Retry {
	if a, err := d.session.adapter(d.url); err == nil {
		if h, ok := a.(*HTTPAdapter); ok && !h.Retry.unset() {
			return &h.Retry
		}
	}
	return &resumption
}

// run fetches until the file is complete or nothing more can be done.
func (d *download) run(ctx context.Context) error {
	defer func() { // also if a function of the caller panics
		if !d.complete && d.part != nil {
			d.part.Suspend()
		}
	}()
	for !d.complete {
		if err := d.fetch(ctx); err != nil && !d.goesOn(ctx, err) {
			d.meter.end()
			return err
		}
	}
	err := d.part.Finish(d.set.checksum)
	d.meter.end()
	if err != nil {
		return readError(d.url, err)
	}
	return nil
}

// goesOn reports whether err is an interruption after which it is worth to go
// on, and waits until then. Failures to reach the server in the first place are
// for the adapter to retry.
func (d *download) goesOn(ctx context.Context, err error) bool {
	return d.begun && d.part != nil && d.part.Trusted() && interrupted(err) && d.mayRetry(ctx)
}

// mayRetry reports whether a retry is left, and waits until its time.
func (d *download) mayRetry(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	d.mu.Lock()
	allowed := d.retry.allows(readFailed, &d.spent)
	d.spent[readFailed]++
	n := d.spent.total()
	d.mu.Unlock()
	return allowed && pause(ctx, d.retry.backoff(n)) == nil
}

func interrupted(err error) bool {
	if errors.Is(err, ErrTLS) || errors.Is(err, ErrTotalTimeout) {
		return false
	}
	return errors.Is(err, ErrIncompleteBody) || errors.Is(err, ErrReadTimeout) || errors.Is(err, ErrConnection)
}

// fetch asks once for all that is missing and writes what comes, which may be less.
func (d *download) fetch(ctx context.Context) error {
	from := d.usable()
	r, err := d.request(ctx, file.Span{At: from, End: -1})
	if err != nil {
		return err
	}
	defer r.end()
	d.begun = true
	switch {
	case r.StatusCode == http.StatusPartialContent && from > 0:
		return d.goOn(ctx, r)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && from > 0:
		if !d.lacksNothing(r) {
			return d.anew(ctx, r)
		}
		d.complete = true
		d.meter.set(from, from)
		return nil
	case r.StatusCode >= http.StatusBadRequest:
		r.Load() // readable from the error
		return r.RaiseForStatus()
	case r.StatusCode == http.StatusOK, r.StatusCode == http.StatusNonAuthoritativeInfo:
		return d.begin(ctx, r)
	}
	return readError(r.URL, failText(ErrProtocol, fmt.Sprintf("status %d brings no file", r.StatusCode)))
}

// begin takes the whole file from r. A server that knows no ranges sends it in
// answer to one, too: what the part has of the same version is then passed over.
func (d *download) begin(ctx context.Context, r *Response) error {
	body, err := r.unread()
	if err != nil {
		return readError(r.URL, err)
	}
	if d.part == nil {
		if err := d.nameBy(r); err != nil {
			return readError(r.URL, err)
		}
		if d.usable() > 0 { // an earlier call has left something
			r.end()
			return d.fetch(ctx)
		}
	}
	v, size := file.ValidatorOf(r.Header), r.wire.length
	if r.replaced() || isCoded(r.Header) { // offsets and length would be those of other bytes
		v, size = "", -1
	}
	a := &arrival{response: r, body: body, end: size}
	if d.part.Usable() > 0 && v == d.part.Validator() && (size < 0 || d.part.Whole() < 0 || size == d.part.Whole()) {
		return d.fill(ctx, a)
	}
	if err := d.part.Restart(v, size); err != nil {
		return readError(r.URL, err)
	}
	return d.fill(ctx, a)
}

// nameBy gives the file in a directory the name that the response has for it.
func (d *download) nameBy(r *Response) error {
	name, ok := r.Filename()
	if !ok {
		return failText(ErrInvalidOption, "the path is a directory, and neither the server nor the URL names a file")
	}
	return d.open(name)
}

// goOn takes a range from r, which need not be all that was asked for (RFC 9110,
// section 15.3.7). What may be of another version or is coded, and so would not
// fit what is there, is not taken.
func (d *download) goOn(ctx context.Context, r *Response) error {
	if isCoded(r.Header) || !d.part.Validator().Continues(r.Header) {
		return d.anew(ctx, r)
	}
	c, problem := d.rangeOf(r, d.part.Size())
	if problem != "" {
		return d.mixed(r, "not the range that was asked for: "+problem)
	}
	body, err := r.unread()
	if err != nil {
		return readError(r.URL, err)
	}
	d.part.Learn(c.Size)
	return d.fill(ctx, &arrival{response: r, body: body, at: c.First, end: c.Last + 1})
}

// anew gives up what there is, in favour of another version.
func (d *download) anew(ctx context.Context, r *Response) error {
	r.end()
	if err := d.part.Restart("", -1); err != nil {
		return readError(r.URL, err)
	}
	return d.fetch(ctx) // not again from here: nothing is there to go on with
}

// request asks for s, as a range if s does not begin the file or has an end.
func (d *download) request(ctx context.Context, s file.Span) (*Response, error) {
	opts := d.opts[:len(d.opts):len(d.opts)]
	if s.At > 0 || s.End >= 0 {
		end := ""
		if s.End >= 0 {
			end = fmt.Sprint(s.End - 1)
		}
		opts = append(opts, Headers{"Range": fmt.Sprintf("bytes=%d-%s", s.At, end), "If-Range": string(d.part.Validator())})
	}
	return d.session.Do(ctx, http.MethodGet, d.rawURL, opts...)
}

// rangeOf returns which bytes r brings, and the problem if they are not some of
// the file that is there, from offset or before it on.
func (d *download) rangeOf(r *Response, offset int64) (c file.Range, problem string) {
	c, ok := file.RangeOf(r.Header)
	size := d.part.Whole()
	switch {
	case !ok:
		problem = "it says not which"
	case c.First < 0 || c.First > offset:
		problem = "it begins elsewhere"
	case c.Last < offset:
		problem = "it ends elsewhere"
	case size >= 0 && (c.Last >= size || c.Size >= 0 && c.Size != size):
		problem = "the file has another length"
	case r.wire.length >= 0 && r.wire.length != c.Last-c.First+1:
		problem = "its length is another"
	}
	return c, problem
}

// mixed gives up on bytes that may not belong together.
func (d *download) mixed(r *Response, problem string) error {
	d.part.Distrust()
	return readError(r.URL, failText(ErrProtocol, problem))
}

// lacksNothing reports whether a 416 says that the part is the whole file: by
// its length or, as If-Range lets no other version come so far, by the validator.
func (d *download) lacksNothing(r *Response) bool {
	p := d.part
	if c, ok := file.RangeOf(r.Header); ok {
		return c.First < 0 && c.Size == p.Size() && (p.Whole() < 0 || p.Whole() == c.Size) && !p.Validator().Contradicts(r.Header)
	}
	return (p.Whole() < 0 || p.Whole() == p.Size()) && p.Validator().Matches(r.Header)
}

// isCoded reports whether h names a content coding, known or not, so that
// the offsets of a range would not be those of the file.
func isCoded(h http.Header) bool {
	for _, value := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "identity") {
				return true
			}
		}
	}
	return false
}

// unread returns a reader of the whole body of r: from memory if a hook or an
// adapter has loaded it, else of the Body, which they may have replaced.
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

// end closes r, and the Body that a hook or an adapter has put in.
func (r *Response) end() {
	if r.replaced() && r.Body != nil {
		r.Body.Close()
	}
	r.Close()
}

// replaced reports whether a hook or an adapter has put another Body in the
// place of that from the wire.
func (r *Response) replaced() bool { return !r.loaded && r.Body != io.ReadCloser(&r.wire) }

// An arrival is a body on its way into the part, or what is left of it.
type arrival struct {
	response *Response
	body     io.Reader
	at       int64 // which offset of the file comes next
	end      int64 // where it ends; -1 if unknown, and then with the file
}

// fill writes what a brings to the part; or the first piece of it, while others
// fetch the rest.
func (d *download) fill(ctx context.Context, a *arrival) error {
	if d.most > 0 && max(a.end, d.part.Whole()) > d.most {
		return readError(a.response.URL, errMaxBody)
	}
	d.meter.set(d.part.Size(), d.part.Whole())
	same, err := d.passOver(a, d.part.Size())
	if err != nil {
		return err
	}
	if !same {
		return d.anew(ctx, a.response)
	}
	if n := d.pieces(a); n > 1 {
		return d.fillAtOnce(ctx, a, n)
	}
	s := file.Span{At: d.part.Size(), End: a.end}
	defer func() { d.part.Grow(s.At) }() // also if a function of the caller panics
	err = d.take(a, &s)
	d.complete = err == nil && (a.end < 0 || s.At == d.part.Whole())
	return err
}

// passOver reads what a has of the part already, which goes up to the offset,
// and reports whether it is the same there.
func (d *download) passOver(a *arrival, offset int64) (bool, error) {
	if a.at == offset {
		return true, nil
	}
	same, err := d.part.Same(a.body, a.at, offset)
	if err != nil {
		return false, readError(a.response.URL, err)
	}
	a.at = offset
	return same, nil
}

// take writes what a has of s. Where a ends, its body must end, too.
func (d *download) take(a *arrival, s *file.Span) error {
	var src io.Reader = &tally{a.body, d.meter}
	end := a.end
	if s.End >= 0 && (end < 0 || s.End < end) {
		end = s.End
	}
	switch {
	case end >= 0:
		src = io.LimitReader(src, end-a.at)
	case d.most > 0:
		src = io.LimitReader(src, d.most-a.at+1)
	}
	n, err := file.Copy(d.part.Writer(s), src)
	a.at += n
	switch {
	case err != nil:
		return readError(a.response.URL, err)
	case end < 0 && d.most > 0 && a.at > d.most:
		return readError(a.response.URL, errMaxBody)
	case end < 0:
		return nil
	case a.at < end:
		return readError(a.response.URL, ErrIncompleteBody)
	case end != a.end:
		return nil
	}
	var one [1]byte
	switch n, err := file.Fill(a.body, one[:]); {
	case n > 0:
		return d.mixed(a.response, "the body is longer than it should be")
	case err != io.EOF:
		return readError(a.response.URL, err)
	}
	return nil
}

// tally counts what is read of a body that is a part of the whole.
type tally struct {
	io.Reader
	meter *meter
}

func (t *tally) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	t.meter.add(n)
	return n, err
}
