package requests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/disposition"

	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/progress"
)

// resumption is the Retry of a download, unless the call, the session or the
// adapter has one.
var resumption = Retry{Total: 5, Backoff: 200 * time.Millisecond, BackoffMax: 5 * time.Second}

// errMaxBody ends a download of more than [MaxBody].
var errMaxBody = failText(ErrBodyTooLarge, "the file is longer than MaxBody")

// Download is [Session.Download] without a session.
func Download(ctx context.Context, url, path string, opts ...Option) (int64, error) {
	return shared.Download(ctx, url, path, opts...)
}

// Download fetches url into the file path and returns the length of the file. The
// file gets its name only when it is complete, is on the disk and matches its
// [Checksum]. A file that exists is then replaced and keeps its mode, unless
// Overwrite(false) is given; anything but a regular file is never replaced. A
// new file has the mode that [os.Create] gives.
//
// Until then the bytes are in path.part, and path.part.json says what they are
// part of. A transfer that breaks off resumes from there, as often as the [Retry]
// of the call, the session or the [HTTPAdapter] allows for reading, or five times
// if there is none. A later call with the same url and path resumes as well. The
// download starts again from the beginning if the server gives no strong
// validator, has another version by now, or sends the body with a content
// coding. Bytes from which no call could resume are removed. Two downloads to one
// path must not run at the same time.
//
// If path is a directory, or ends in a separator, the file is created there with
// the name that [Response.Filename] gives. A file that has this name already is
// replaced only if Overwrite(true) is given.
//
// The options are those of a call without a body, and [Checksum], [Overwrite]
// and [Parallel]. [OnProgress] reports on the whole file, and [MaxBody] limits it.
// Timeout.Total limits each request up to its headers; ctx limits the whole
// download. A status without a file is an [*HTTPError] or [ErrProtocol]. A server
// that sends other bytes than it was asked for is [ErrProtocol] too.
//
// If a hook or an adapter loads a response into memory, or replaces its Body, that
// is what is saved. If it only reads from the Body, the bytes are gone, and the
// error is [ErrStreamConsumed].
func (s *Session) Download(ctx context.Context, url, path string, opts ...Option) (int64, error) {
	s = s.setup()
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
	ranges   int   // how many to fetch at once
	most     int64 // MaxBody, for the whole file
	place    *file.Place
	part     *file.Part // nil until the file has a name
	meter    *progress.Meter
	begun    bool // a response has come
	complete bool // nothing is missing
	retry    *Retry

	mu    sync.Mutex // guards ranges and spent while several requests run
	spent spent      // of retry
}

func (s *Session) newDownload(rawURL, path string, opts []Option) (*download, error) {
	if path == "" {
		return nil, errNoPath
	}
	d := &download{session: s, rawURL: rawURL, ranges: 1}
	d.opts = []Option{Headers{"Accept-Encoding": "identity"}} // so that ranges are of the file itself
	for _, o := range opts {
		switch o := o.(type) {
		case FileOption:
			if !absent(o) {
				o.file(&d.set)
			}
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
	err := set.merge(s, d.opts)
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
	if name == "" { // the first response names the file
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

// usable returns how many bytes there are to resume from.
func (d *download) usable() int64 {
	if d.part == nil {
		return 0
	}
	return d.part.Usable()
}

// prepare checks the settings of the requests before any file is created.
func (d *download) prepare(set *settings) (err error) {
	if d.url, _, err = set.target(d.rawURL); err != nil {
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
	d.meter = progress.Waiting(reporting(set.merged.Hooks.Progress), -1)
	if d.retry = set.merged.Retry; d.retry == nil {
		d.retry = d.adapterRetry()
	}
	return nil
}

// adapterRetry is the Retry of the adapter for the first request, if it has one.
func (d *download) adapterRetry() *Retry {
	if a, err := d.session.adapter(d.url); err == nil {
		if h, ok := a.(*HTTPAdapter); ok && !h.Retry.unset() {
			return &h.Retry
		}
	}
	return &resumption
}

// run fetches until the file is complete, or until an error is final.
func (d *download) run(ctx context.Context) error {
	defer func() { // also if a function of the caller panics
		if !d.complete && d.part != nil {
			d.part.Suspend()
		}
	}()
	for !d.complete {
		if err := d.fetch(ctx); err != nil && !d.waitToResume(ctx, err) {
			d.meter.End()
			return err
		}
	}
	err := d.part.Finish(d.set.checksum)
	d.meter.End()
	if err != nil {
		return readError(d.url, err)
	}
	return nil
}

// waitToResume reports whether to resume after err, and waits until it is time. If
// no response has come yet, retrying is up to the adapter.
func (d *download) waitToResume(ctx context.Context, err error) bool {
	return d.begun && d.part != nil && d.part.Trusted() && interrupted(err) && d.mayRetry(ctx)
}

// mayRetry reports whether a retry is left, and waits until it is due.
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

// interrupted reports whether err is a broken connection, which a new one may mend.
func interrupted(err error) bool {
	if errors.Is(err, ErrTLS) || errors.Is(err, ErrTotalTimeout) {
		return false
	}
	return errors.Is(err, ErrIncompleteBody) || errors.Is(err, ErrReadTimeout) || errors.Is(err, ErrConnection)
}

// fetch asks once for everything that is missing and writes what comes, which
// may be less.
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
		return d.resume(ctx, r)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && from > 0:
		if !d.isComplete(r) {
			return d.startOver(ctx, r)
		}
		d.complete = true
		d.meter.Set(from, from)
		return nil
	case r.StatusCode >= http.StatusBadRequest:
		r.Load() // readable from the error
		return r.RaiseForStatus()
	case r.StatusCode == http.StatusOK, r.StatusCode == http.StatusNonAuthoritativeInfo:
		return d.begin(ctx, r)
	}
	return readError(r.URL, failText(ErrProtocol, fmt.Sprintf("status %d brings no file", r.StatusCode)))
}

// begin takes the whole file from r. A server without ranges sends the whole file
// even if asked for a range. If it is still the same version, the bytes that the
// part has are skipped.
func (d *download) begin(ctx context.Context, r *Response) error {
	body, err := r.unread()
	if err != nil {
		return readError(r.URL, err)
	}
	if d.part == nil {
		if err := d.nameBy(r); err != nil {
			return readError(r.URL, err)
		}
		if d.usable() > 0 { // left by an earlier call
			r.end()
			return d.fetch(ctx)
		}
	}
	v, size := file.ValidatorOf(r.Header), r.wire.length
	if r.replaced() || coding.Named(r.Header["Content-Encoding"]) { // length and offsets are those of other bytes
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

// nameBy names the file in a directory after the response.
func (d *download) nameBy(r *Response) error {
	name, ok := r.Filename()
	if !ok {
		return failText(ErrInvalidOption, "the path is a directory, and neither the server nor the URL names a file")
	}
	return d.open(name)
}

// resume takes a range from r, which may be less than the one requested (RFC 9110,
// section 15.3.7). A range that is coded, or that may come from another version,
// does not fit the bytes in the part.
func (d *download) resume(ctx context.Context, r *Response) error {
	if coding.Named(r.Header["Content-Encoding"]) || !d.part.Validator().Continues(r.Header) {
		return d.startOver(ctx, r)
	}
	c, problem := d.rangeOf(r, d.part.Size())
	if problem != "" {
		return d.mixedError(r, "not the range that was asked for: "+problem)
	}
	body, err := r.unread()
	if err != nil {
		return readError(r.URL, err)
	}
	d.part.Learn(c.Size)
	return d.fill(ctx, &arrival{response: r, body: body, at: c.First, end: c.Last + 1})
}

// startOver drops the bytes in the part and fetches the whole file.
func (d *download) startOver(ctx context.Context, r *Response) error {
	r.end()
	if err := d.part.Restart("", -1); err != nil {
		return readError(r.URL, err)
	}
	return d.fetch(ctx) // asks for no range, and so does not end here again
}

// request asks for s: for the whole file if s is all of it, else for a range.
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

// rangeOf returns which bytes r brings. They must belong to the file and include
// the one at offset; if not, problem says why.
func (d *download) rangeOf(r *Response, offset int64) (c file.Range, problem string) {
	c, ok := file.RangeOf(r.Header)
	if !ok {
		return c, "it says not which"
	}
	return c, c.Unfit(offset, d.part.Whole(), r.wire.length)
}

// mixedError ends a download whose bytes may not belong together.
func (d *download) mixedError(r *Response, problem string) error {
	d.part.Distrust()
	return readError(r.URL, failText(ErrProtocol, problem))
}

// isComplete reports whether a 416 means that the part is the whole file. The
// length says so. Without a length, the validator does: for another version,
// If-Range would have led to a 200.
func (d *download) isComplete(r *Response) bool {
	p := d.part
	if c, ok := file.RangeOf(r.Header); ok {
		return c.First < 0 && c.Size == p.Size() && (p.Whole() < 0 || p.Whole() == c.Size) && !p.Validator().Contradicts(r.Header)
	}
	return (p.Whole() < 0 || p.Whole() == p.Size()) && p.Validator().Matches(r.Header)
}

// An arrival is a response body that is being written to the part.
type arrival struct {
	response *Response
	body     io.Reader
	at       int64 // offset in the file of its next byte
	end      int64 // offset at which it ends; -1 if unknown: at the end of the file
}

// fill writes a to the part. If several requests may run at once, others fetch
// what a need not bring.
func (d *download) fill(ctx context.Context, a *arrival) error {
	if d.most > 0 && max(a.end, d.part.Whole()) > d.most { // each response is held to it anyway
		return readError(a.response.URL, errMaxBody)
	}
	d.meter.Set(d.part.Size(), d.part.Whole())
	same, err := d.skip(a, d.part.Size())
	if err != nil {
		return err
	}
	if !same {
		return d.startOver(ctx, a.response)
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

// skip skips the bytes of a up to offset, which the part has already, and
// reports whether they are the same in both.
func (d *download) skip(a *arrival, offset int64) (bool, error) {
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

// take writes the bytes of a that belong to s. The body must end where a does.
func (d *download) take(a *arrival, s *file.Span) error {
	var src io.Reader = &progress.Reader{Reader: a.body, Meter: d.meter}
	end := a.end
	if s.End >= 0 && (end < 0 || s.End < end) {
		end = s.End
	}
	if end >= 0 {
		src = io.LimitReader(src, end-a.at)
	}
	n, err := file.Copy(d.part.Writer(s), src)
	a.at += n
	switch {
	case err != nil:
		return readError(a.response.URL, err)
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
		return d.mixedError(a.response, "the body is longer than it should be")
	case err != io.EOF:
		return readError(a.response.URL, err)
	}
	return nil
}

// A FileOption is an option of [Response.SaveFile]: [Overwrite] or [Checksum].
type FileOption interface{ file(*fileSettings) }

// Overwrite says whether a file that exists may be replaced. The default is yes if
// the caller chose its name, and no if the server did. Only regular files are ever
// replaced, never a symbolic link or a device.
type Overwrite bool

func (Overwrite) option()                  {}
func (Overwrite) of() string               { return ofFiles }
func (o Overwrite) file(set *fileSettings) { set.overwrite, set.decided = bool(o), true }

// Checksum holds the checksums that a file must have, by the name of the algorithm
// in lower case: "sha256", "sha384", "sha512", and "sha1" and "md5", which find
// accidents but no forgeries. The values are hexadecimal, in either case. All must
// match before the file gets its name; otherwise the error is [ErrChecksum]. An
// empty or nil Checksum verifies nothing.
//
//	requests.Checksum{"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
type Checksum map[string]string

func (Checksum) option()                  {}
func (Checksum) of() string               { return ofFiles }
func (c Checksum) file(set *fileSettings) { set.checksum = file.Checksum(c) }

// ofFiles says what the options of a file are for.
const ofFiles = "Download and SaveFile, and of Many with SaveTo"

// fileSettings are the options of a file.
type fileSettings struct {
	overwrite, decided bool // decided: the caller has given Overwrite
	checksum           file.Checksum
	disk               func(io.Writer) io.Writer // see file.Place; for tests
}

// SaveFile writes the body to a file and returns its length. The file gets its name
// only when the whole body is on the disk. If anything fails before, there is no
// new file, and an old one is unchanged. A new file has the mode that [os.Create]
// gives, and a file that is replaced keeps its mode. The memory needed does not
// depend on the length.
//
// If path is a directory, or ends in a separator, the file is created there with
// the name that [Response.Filename] gives. A file that has this name already is
// replaced only if [Overwrite] allows it. Nothing is written through a symbolic
// link.
//
// The error is an [*Error] that wraps the error of the system, such as
// [fs.ErrExist], or the one that kept the body from being read. A streamed response
// is closed, unless the error came before anything of the body was read.
func (r *Response) SaveFile(path string, opts ...FileOption) (int64, error) {
	var set fileSettings
	for _, o := range opts {
		if !absent(o) {
			o.file(&set)
		}
	}
	n, err := r.saveFile(path, &set)
	if err != nil {
		return 0, readError(r.URL, err)
	}
	return n, nil
}

func (r *Response) saveFile(path string, set *fileSettings) (int64, error) {
	if err := set.checksum.Check(); err != nil {
		return 0, err
	}
	if path == "" {
		return 0, errNoPath
	}
	p, err := r.place(path, set)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	return p.Save(set.checksum, r.writeBody)
}

// errNoPath is the error of a file without a name.
var errNoPath = failText(ErrInvalidOption, "the path of the file is empty")

// writeBody writes the whole body to dst.
func (r *Response) writeBody(dst io.Writer) (int64, error) {
	if r.loaded {
		if err := r.Err(); err != nil {
			return 0, err
		}
		n, err := file.Write(dst, r.content)
		return int64(n), err
	}
	if err := r.claimAll(); err != nil {
		return 0, err
	}
	defer r.Close()
	return file.Copy(dst, &r.wire)
}

// Filename returns a name for a file with the body: the one that the server suggests
// in Content-Disposition (RFC 6266), or else the last part of the path of the URL
// that the caller named, as a redirect could name anything (CVE-2016-4971). The name
// is safe on every system: it is not a path, not hidden and not a device. Filename
// reports false if there is no such name.
func (r *Response) Filename() (string, bool) {
	if suggested, ok := disposition.Filename(r.Header.Get("Content-Disposition")); ok {
		if name, ok := disposition.Sanitise(suggested); ok {
			return name, true
		}
	}
	u := r.URL
	if len(r.History) > 0 {
		u = r.History[0].URL
	}
	if u == nil {
		return "", false
	}
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	if err != nil {
		return "", false
	}
	return disposition.Sanitise(name)
}

// place opens the place of the file. The caller closes it.
func (r *Response) place(path string, set *fileSettings) (*file.Place, error) {
	dir, name, replace := filepath.Dir(path), filepath.Base(path), set.overwrite || !set.decided
	if isDirectory(path) {
		dir, replace = path, set.overwrite
		var ok bool
		if name, ok = r.Filename(); !ok {
			return nil, failText(ErrInvalidOption, "SaveFile: the path is a directory, and neither the server nor the URL names a file")
		}
	}
	p, err := file.In(dir, replace)
	if err != nil {
		return nil, err
	}
	p.Disk = set.disk
	if err := p.Name(name); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func isDirectory(path string) bool {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
