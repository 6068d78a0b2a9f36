package requests

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/mediatype"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/values"
)

// Dump writes what goes over the wire to To, so that you see what was sent and what
// came back: the head and body of each request and response, including those of
// redirects, challenges, retries and proxies.
//
//	#1 > GET /orders?token=*** HTTP/1.1
//	#1 > Authorization: ***
//	#1 >
//	#1 < HTTP/1.1 200 OK
//
// The number is that of the exchange: a session and those derived from it by
// [Session.With] count together. ">" is sent, "<" is received, "*" is a remark. The
// fields of a response are sorted. Each Write has whole lines, and a session makes
// one Write at a time. A writer that several sessions share must be safe for use by
// many goroutines.
//
// Secrets are shown as ***, by the rules of [PreparedRequest.Curl]: credentials,
// cookies, and values whose names look like secrets, in URLs, fields, forms, JSON
// and single lines of other text. Nothing else of a body is hidden: not what only
// the elements of XML or HTML, the columns of a table, or a binary format tell.
//
// Bodies are shown as they are sent and read, without their content coding. Text
// comes line by line, JSON value by value, and control characters as \x1b. What is
// not UTF-8 is a hex dump. Forms are shown when they end, and so are bodies whose
// coding is not undone on the way, such as those of requests. What nobody reads is
// not shown.
//
// A later Dump replaces an earlier one, so a zero Dump silences a call. Errors of To
// do not matter to the call, but the call waits for To. A custom [Adapter] that does
// not send by an adapter of this package is seen from outside: the request that it
// was given and the response that it returned.
type Dump struct {
	// To is what is written to. Nil, also as a nil pointer, dumps nothing.
	To io.Writer
	// MaxBody is how many bytes of a body are shown; the others are counted. Zero
	// means 4 KiB, and a negative number shows none.
	MaxBody int
}

func (Dump) option() {}

const defaultDumpBody = 4 << 10

// tap returns what dumps the calls of an adapter, nil if nothing is wanted.
func (d Dump) tap(w *dumpWriter) *tap {
	if d.To == nil || values.IsNil(d.To) {
		return nil
	}
	if d.MaxBody == 0 {
		d.MaxBody = defaultDumpBody
	}
	return &tap{dump: d, writer: w}
}

// A dumpWriter numbers exchanges, and keeps the lines of several apart.
type dumpWriter struct {
	mu   sync.Mutex
	last int
}

// A tap dumps one call of an adapter. A nil tap dumps nothing.
type tap struct {
	dump   Dump
	writer *dumpWriter
	used   atomic.Bool // an adapter of this package shows the messages
}

// exchange returns what dumps one attempt, nil if nothing is wanted.
func (t *tap) exchange() *dumped {
	if t == nil {
		return nil
	}
	t.used.Store(true)
	return &dumped{tap: t}
}

// next returns the number of the next exchange.
func (t *tap) next() int {
	t.writer.mu.Lock()
	defer t.writer.mu.Unlock()
	t.writer.last++
	return t.writer.last
}

// write writes the lines of text, each with its number and sign, in one Write.
func (t *tap) write(number int, sign, text string) {
	prefix := "#" + strconv.Itoa(number) + " " + sign
	var b bytes.Buffer
	for line := range strings.Lines(text) {
		b.WriteString(prefix)
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			b.WriteString(" " + line)
		}
		b.WriteString("\n")
	}
	t.writer.mu.Lock()
	defer t.writer.mu.Unlock()
	t.dump.To.Write(b.Bytes())
}

// A dumped is one attempt that is dumped: a request and its response, or more of
// them where the transport answers a proxy by itself. A nil dumped does nothing.
// The body of the request may be sent by another goroutine than reads the response.
type dumped struct {
	tap *tap

	mu     sync.Mutex
	opened *dumpedUpload // last: a body is also read for a login, without being sent
	sent   *dumpedUpload // by the request that was sent last
	number int
	proto  string
	up     *dumpedBody
	down   *dumpedBody
	last   func() http.Header // what came behind the body of the response
}

// Sent implements [transport.Tap].
func (x *dumped) Sent(head []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.number = x.tap.next()
	header := x.head(head)
	x.up, x.sent = newDumpedBody(x, ">", header, true), x.opened
}

// head shows the head of a request, and returns its fields.
func (x *dumped) head(head []byte) http.Header {
	lines := strings.Split(strings.TrimRight(string(head), "\r\n"), "\r\n")
	header := make(http.Header)
	var fields strings.Builder
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
		fields.WriteString(shownField(name, value))
	}
	method, rest, _ := strings.Cut(lines[0], " ")
	target, proto, _ := strings.Cut(rest, " ")
	x.proto = proto
	host := header.Get("Host") + header.Get(":authority")
	x.tap.write(x.number, ">", redact.Visible(method+" "+shownTarget(host, target)+" "+proto)+"\n"+fields.String()+"\n")
	return header
}

// Answered implements [transport.Tap].
func (x *dumped) Answered(res *transport.Response) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up.end()
	x.up = nil
	x.answer(res.Proto, res.Status, res.Header)
}

// Tunnel implements [transport.Tap].
func (x *dumped) Tunnel(request, response []byte) {
	y := &dumped{tap: x.tap, number: x.tap.next()}
	y.head(request)
	if len(response) == 0 {
		y.tap.write(y.number, "*", "the proxy has not answered\n")
		return
	}
	status, fields, _ := strings.Cut(strings.TrimRight(string(response), "\r\n"), "\r\n")
	text := redact.Visible(status) + "\n"
	for line := range strings.SplitSeq(fields, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			text += shownField(name, strings.TrimSpace(value))
		}
	}
	y.tap.write(y.number, "<", text+"\n")
}

// answer shows the head of a response.
func (x *dumped) answer(proto, status string, header http.Header) {
	if strings.HasPrefix(proto, "HTTP/2") { // which has no reason phrase
		status, _, _ = strings.Cut(status, " ")
	}
	x.tap.write(x.number, "<", redact.Visible(strings.TrimSpace(proto+" "+status))+"\n"+shownFields(header)+"\n")
}

// informational is an [OnInformational] that shows what comes before a response.
func (x *dumped) informational(_ context.Context, status int, header http.Header) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer(x.proto, strings.TrimSpace(strconv.Itoa(status)+" "+http.StatusText(status)), header)
	return nil
}

// hear returns hooks with that of x behind them.
func (x *dumped) hear(hooks []OnInformational) []OnInformational {
	if x == nil {
		return hooks
	}
	return append(slices.Clip(hooks), x.informational)
}

// tapCall has the engine tell x of the messages of c.
func (x *dumped) tapCall(ctx context.Context, c *transport.Call) {
	if x == nil {
		return
	}
	c.Tap = x
	if data, up := c.Body.Bytes, c.Up; len(data) > 0 {
		at := 0
		c.Up = func(n int) error {
			x.sending(data, &at, n)
			if up == nil {
				return nil
			}
			return up(n)
		}
	}
	show, tell := informational(ctx, x.hear(nil)), c.Interim
	c.Interim = func(status int, h http.Header) error {
		if err := show(status, h); err != nil || tell == nil {
			return err
		}
		return tell(status, h)
	}
	if open := c.Body.Open; open != nil {
		c.Body.Open = func() (io.ReadCloser, error) {
			body, err := open()
			return x.open(body), err
		}
	}
}

// sending shows the next n bytes of a body in memory, as [transport.Call].Up is
// told of them.
func (x *dumped) sending(data []byte, at *int, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case n == 0:
		*at = 0
	case n < 0:
		x.up.end()
	default:
		end := min(*at+n, len(data))
		x.up.add(data[*at:end])
		*at = end
	}
}

// tapTrip shows the head of what a RoundTripper is given, and has the body shown.
func (x *dumped) tapTrip(hr *http.Request, p *PreparedRequest) {
	if x == nil {
		return
	}
	if p.body.stream != nil {
		hr.Body = x.open(hr.Body)
	}
	x.Sent(headOf(p))
	if p.body.stream == nil {
		x.whole(p.body.data)
	}
}

// whole shows the body of a request that is in memory.
func (x *dumped) whole(data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up.add(data)
	x.up.end()
}

// open returns body so that x shows what is read of it, if it is sent.
func (x *dumped) open(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opened = &dumpedUpload{body, x}
	return x.opened
}

// dumpedUpload is the body of a request that is not in memory.
type dumpedUpload struct {
	io.ReadCloser
	x *dumped
}

func (u *dumpedUpload) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	if u != u.x.sent {
		return n, err
	}
	u.x.up.add(b[:max(0, min(n, len(b)))])
	if err == io.EOF {
		u.x.up.end()
	}
	return n, err
}

// answered shows the head of r, and has its body shown as it is read.
func (x *dumped) answered(r *Response) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	status := strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + r.Reason)
	x.answer(r.Proto, status, r.Header)
	if r.upgraded() { // the body is the connection
		return
	}
	x.down = newDumpedBody(x, "<", r.Header, len(r.wire.header["Content-Encoding"]) == 0)
	x.last = r.Trailer
	r.wire.dump = x
}

// read shows bytes of the body of the response, from which its codings are undone.
func (x *dumped) read(b []byte) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down.add(b)
}

// raw says that the body of the response will be read with its codings, which h
// names.
func (x *dumped) raw(h http.Header) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = newDumpedBody(x, "<", h, true)
}

// ended shows what is left of the bodies, and why that of the response has ended
// if it is not at its end.
func (x *dumped) ended(err error) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up.end()
	x.down.end()
	x.up, x.down = nil, nil
	switch {
	case err != nil:
		x.tap.write(x.number, "*", redact.Visible(kindsOf(err))+"\n")
	case x.last != nil:
		if trailer := shownFields(x.last()); trailer != "" {
			x.tap.write(x.number, "<", trailer)
		}
	}
}

// surface shows what an adapter of the caller's was given, and what it returned,
// unless it has sent by one of this package.
func (t *tap) surface(p *PreparedRequest, r *Response, err error) {
	if t == nil || t.used.Load() {
		return
	}
	x := t.exchange()
	x.Sent(headOf(p))
	switch {
	case p.body.stream == nil:
		x.whole(p.body.data)
	case p.body.length != 0:
		t.write(x.number, "*", "the body is a stream\n")
	}
	if err != nil {
		x.failed(err)
		return
	}
	x.answered(r)
	if r.loaded {
		x.read(r.content)
		x.ended(r.wire.err)
	}
}

// headOf is the head of p as HTTP/1.1 has it.
func headOf(p *PreparedRequest) []byte {
	m := p.message()
	return m.AppendHead(nil)
}

// failed shows why there is no response.
func (x *dumped) failed(err error) {
	if x == nil {
		return
	}
	x.mu.Lock()
	if x.number == 0 { // nothing was sent
		x.number = x.tap.next()
	}
	x.mu.Unlock()
	x.ended(err)
}

// shownTarget is what of the target of a request may be shown. What looks like a
// path may be the end of a password, as in "http://user:1/2@a.test".
func shownTarget(host, target string) string {
	origin := "http://" + host
	switch {
	case !strings.HasPrefix(target, "/"):
		return redact.RawURL(target)
	case strings.Contains(target, "@") && !strings.HasPrefix(redact.RawURL(origin+target), origin):
		return "/" + redact.Mask
	}
	path, query, has := strings.Cut(target, "?")
	if target = redact.Path(path); has {
		target += "?" + redact.Query(query)
	}
	return target
}

// shownFields are the lines of h, sorted.
func shownFields(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			b.WriteString(shownField(name, v))
		}
	}
	return b.String()
}

// cors begins the fields of CORS, which have names of credentials and no credentials
// (Fetch Standard, section 3.3.3).
const cors = "Access-Control-"

// shownField is the line of a field.
func shownField(name, value string) string {
	if len(name) > len(cors) && strings.EqualFold(name[:len(cors)], cors) {
		return redact.Visible(name+": "+redact.Value(value)) + "\n"
	}
	return redact.Visible(name+": "+redact.Field(name, value)) + "\n"
}

// A dumpedBody shows the beginning of a body. A nil one shows nothing.
type dumpedBody struct {
	x    *dumped
	sign string

	contentType string
	form        bool     // secrets are found when all of it is there
	json        bool     // secrets are found in complete values
	guessed     bool     // it is JSON only by its looks
	coded       bool     // with codings
	codings     []string // none: they are not known

	total   int64
	taken   int    // bytes that are shown or held
	held    []byte // bytes that cannot be shown yet
	depth   redact.Depth
	checked int       // how many of the bytes that are held are UTF-8
	began   bool      // something was shown
	hex     io.Writer // nil for text
	hexed   bytes.Buffer
}

// newDumpedBody returns what shows a body with the fields of h. If it is coded,
// it comes with the codings that h names.
func newDumpedBody(x *dumped, sign string, h http.Header, coded bool) *dumpedBody {
	b := &dumpedBody{x: x, sign: sign, contentType: strings.Join(h["Content-Type"], ",")}
	switch t, _ := mediatype.Extract(h["Content-Type"]...); {
	case t.Essence == "application/x-www-form-urlencoded", t.Essence == "multipart/form-data":
		b.form = true
	case strings.HasSuffix(t.Essence, "/json"), strings.HasSuffix(t.Essence, "+json"):
		b.json = true
	case t.Essence == "", t.Essence == "text/plain":
		b.guessed = true
	}
	if coded {
		names, err := coding.Parse(h["Content-Encoding"])
		b.codings, b.coded = names, err != nil || len(names) > 0
	}
	return b
}

// add shows as much of the next bytes as can be, and holds what may follow it.
func (b *dumpedBody) add(p []byte) {
	if b == nil || len(p) == 0 {
		return
	}
	b.total += int64(len(p))
	taken := p[:min(len(p), max(b.x.tap.dump.MaxBody-b.taken, 0))]
	b.taken += len(taken)
	b.held = append(b.held, taken...)
	n := b.ready(taken)
	if len(taken) < len(p) {
		n = len(b.held)
	}
	b.show(n)
}

// ready returns how many of the bytes that are held can be shown, of which p came
// last.
func (b *dumpedBody) ready(p []byte) int {
	if b.guessed && !b.json {
		text := bytes.TrimLeft(p, " \t\r\n\ufeff")
		b.json = len(text) > 0 && (text[0] == '{' || text[0] == '[')
		b.guessed = b.json || len(text) == 0
	}
	switch {
	case b.coded, b.form:
		return 0
	case b.json:
		b.depth.Read(p, len(b.held)-len(p))
		return b.depth.Line
	case b.hex != nil || !b.began && b.binary():
		return len(b.held)
	}
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		return len(b.held) - len(p) + i + 1
	}
	return 0
}

// binary reports whether what is held is no text. It looks at each byte once.
func (b *dumpedBody) binary() bool {
	n, ok := redact.TextLength(b.held[b.checked:])
	b.checked += n
	return !ok
}

// end shows what is left.
func (b *dumpedBody) end() {
	if b == nil {
		return
	}
	b.show(len(b.held))
	if c, ok := b.hex.(io.Closer); ok {
		c.Close()
		b.write(b.hexed.String())
		b.hexed.Reset()
	}
	if more := b.total - int64(b.taken); more > 0 {
		b.x.tap.write(b.x.number, "*", strconv.FormatInt(more, 10)+" more bytes\n")
	}
	b.total = 0
}

// show shows n bytes of what is held.
func (b *dumpedBody) show(n int) {
	if n == 0 {
		return
	}
	text := string(b.held[:n])
	b.held = append(b.held[:0], b.held[n:]...)
	b.depth.Line, b.checked = 0, 0
	if b.coded {
		text = b.decoded(text)
	}
	text = b.redacted(text)
	if _, ok := redact.TextLength([]byte(text)); !b.began && !ok {
		b.hex = hex.Dumper(&b.hexed)
	}
	b.began = true
	if b.hex == nil {
		b.write(text)
		return
	}
	io.WriteString(b.hex, text)
	lines := bytes.LastIndexByte(b.hexed.Bytes(), '\n') + 1
	b.write(string(b.hexed.Next(lines)))
}

func (b *dumpedBody) write(text string) {
	var shown strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		shown.WriteString(redact.Visible(line) + "\n")
	}
	if shown.Len() > 0 {
		b.x.tap.write(b.x.number, b.sign, shown.String())
	}
}

// decoded undoes the codings of the beginning of a body.
func (b *dumpedBody) decoded(text string) string {
	if len(b.codings) > 0 {
		if r, err := coding.NewReader(strings.NewReader(text), b.codings, coding.Limits{}); err == nil {
			data, _ := io.ReadAll(io.LimitReader(r, int64(b.x.tap.dump.MaxBody))) // as far as it goes
			r.Release()
			if len(data) > 0 {
				return string(data)
			}
		}
	}
	return "a body whose coding cannot be undone\n"
}

// isNoJSON reports whether text does not begin as JSON with a name in it does.
func isNoJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n\ufeff")
	return text != "" && !strings.ContainsRune("{[\"", rune(text[0]))
}

// redacted is text without its secrets.
func (b *dumpedBody) redacted(text string) string {
	switch {
	case b.json && !b.guessed && isNoJSON(text): // an error page, as a rule
	case b.json && b.guessed:
		shown, err := redact.JSON(text)
		if err == nil {
			return shown
		}
		if errors.Is(err, io.ErrUnexpectedEOF) { // it is cut off
			return shown + redact.Mask
		}
	case b.json, b.form:
		return redact.Start(text, b.contentType)
	}
	var shown strings.Builder
	for line := range strings.Lines(text) {
		content := strings.TrimRight(line, "\r\n")
		shown.WriteString(redact.Line(content) + line[len(content):])
	}
	return shown.String()
}
