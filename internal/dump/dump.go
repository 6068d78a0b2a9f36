// Package dump shows HTTP messages to people, without their secrets: heads field by
// field, and bodies as they arrive, without their content codings.
//
// It knows the messages of the engine, but neither sessions nor the requests of the
// caller. internal/redact decides what is secret.
package dump

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
)

// A Log numbers exchanges, and keeps the lines of several apart.
type Log struct {
	mu   sync.Mutex
	last int
}

// A Tap shows the messages of one call. A nil Tap shows nothing.
type Tap struct {
	to      io.Writer
	maxBody int
	reason  func(error) string
	log     *Log
	used    atomic.Bool // see Used
}

// New returns a Tap that writes to a writer. It shows up to maxBody bytes of each
// body and counts the others. reason returns what may be shown of an error.
func New(to io.Writer, maxBody int, reason func(error) string, log *Log) *Tap {
	return &Tap{to: to, maxBody: maxBody, reason: reason, log: log}
}

// Used reports whether an exchange was requested. Otherwise nothing below shows the
// messages.
func (t *Tap) Used() bool { return t.used.Load() }

// Exchange returns what shows one attempt, or nil if nothing is wanted.
func (t *Tap) Exchange() *Exchange {
	if t == nil {
		return nil
	}
	t.used.Store(true)
	return &Exchange{tap: t}
}

// next returns the number of the next exchange.
func (t *Tap) next() int {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	t.log.last++
	return t.log.last
}

// write writes the lines of text, each with its number and sign, in one Write.
func (t *Tap) write(number int, sign, text string) {
	prefix := "#" + strconv.Itoa(number) + " " + sign
	var b bytes.Buffer
	for line := range strings.Lines(text) {
		b.WriteString(prefix)
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			b.WriteString(" " + line)
		}
		b.WriteString("\n")
	}
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	t.to.Write(b.Bytes())
}

// An Exchange is one attempt that is shown: a request and its response, or several
// if the transport answers a proxy itself. A nil Exchange shows nothing. The body
// of the request may be sent while another goroutine reads the response.
type Exchange struct {
	tap *Tap

	mu     sync.Mutex
	opened *upload // last: a body is also read for a login, without being sent
	sent   *upload // by the request that was sent last
	number int
	proto  string
	up     *shownBody
	down   *shownBody
	last   func() http.Header // what came behind the body of the response
}

// Sent implements [transport.Tap].
func (x *Exchange) Sent(head []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.number = x.tap.next()
	header := x.showRequest(head)
	x.up, x.sent = newShownBody(x, ">", header, true), x.opened
}

// showRequest shows the head of a request, and returns its fields.
func (x *Exchange) showRequest(head []byte) http.Header {
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
func (x *Exchange) Answered(res *transport.Response) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up.end()
	x.up = nil
	x.showResponse(res.Proto, res.Status, res.Header)
}

// Tunnel implements [transport.Tap].
func (x *Exchange) Tunnel(request, response []byte) {
	y := &Exchange{tap: x.tap, number: x.tap.next()}
	y.showRequest(request)
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

// showResponse shows the head of a response.
func (x *Exchange) showResponse(proto, status string, header http.Header) {
	if strings.HasPrefix(proto, "HTTP/2") { // HTTP/2 has no reason phrase
		status, _, _ = strings.Cut(status, " ")
	}
	x.tap.write(x.number, "<", redact.Visible(strings.TrimSpace(proto+" "+status))+"\n"+shownFields(header)+"\n")
}

// Informational shows an informational response.
func (x *Exchange) Informational(status int, header http.Header) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.showResponse(x.proto, strings.TrimSpace(strconv.Itoa(status)+" "+http.StatusText(status)), header)
}

// Attach makes the engine report the messages of c to x, except for informational
// ones.
func (x *Exchange) Attach(c *transport.Call) {
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
	if open := c.Body.Open; open != nil {
		c.Body.Open = func() (io.ReadCloser, error) {
			body, err := open()
			return x.Upload(body), err
		}
	}
}

// sending shows the next n bytes of a body in memory. It is called by
// [transport.Call].Up.
func (x *Exchange) sending(data []byte, at *int, n int) {
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

// UploadBytes shows the body of a request that is in memory.
func (x *Exchange) UploadBytes(data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up.add(data)
	x.up.end()
}

// Upload returns a body that x shows as it is read, if it is sent.
func (x *Exchange) Upload(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opened = &upload{body, x}
	return x.opened
}

// upload is the body of a request that is not in memory.
type upload struct {
	io.ReadCloser
	x *Exchange
}

func (u *upload) Read(b []byte) (int, error) {
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

// Remark shows a line about the exchange.
func (x *Exchange) Remark(text string) { x.tap.write(x.number, "*", text+"\n") }

// Response shows the head of a response.
func (x *Exchange) Response(proto, status string, header http.Header) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.showResponse(proto, status, header)
}

// Body begins to show the body of the response. h has its fields, and coded says
// whether it comes with its codings. trailer is called for the fields after it.
func (x *Exchange) Body(h http.Header, coded bool, trailer func() http.Header) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = newShownBody(x, "<", h, coded)
	x.last = trailer
}

// Read shows bytes of the body of the response, without its codings.
func (x *Exchange) Read(b []byte) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down.add(b)
}

// Raw says that the body of the response will be read with the codings in h.
func (x *Exchange) Raw(h http.Header) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = newShownBody(x, "<", h, true)
}

// End shows what is left of the bodies. If the body of the response was not read to
// its end, it shows why.
func (x *Exchange) End(err error) {
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
		x.tap.write(x.number, "*", redact.Visible(x.tap.reason(err))+"\n")
	case x.last != nil:
		if trailer := shownFields(x.last()); trailer != "" {
			x.tap.write(x.number, "<", trailer)
		}
	}
}

// Fail shows why there is no response.
func (x *Exchange) Fail(err error) {
	if x == nil {
		return
	}
	x.mu.Lock()
	if x.number == 0 { // nothing was sent
		x.number = x.tap.next()
	}
	x.mu.Unlock()
	x.End(err)
}

// shownTarget returns what may be shown of the target of a request. What looks like
// a path may be the end of a password, as in "http://user:1/2@a.test".
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

// shownFields returns the lines of h, sorted.
func shownFields(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			b.WriteString(shownField(name, v))
		}
	}
	return b.String()
}

// cors is the prefix of CORS fields, whose names sound like credentials although
// the values are none (Fetch Standard, section 3.3.3).
const cors = "Access-Control-"

// shownField returns the line of a field.
func shownField(name, value string) string {
	if len(name) > len(cors) && strings.EqualFold(name[:len(cors)], cors) {
		return redact.Visible(name+": "+redact.Value(value)) + "\n"
	}
	return redact.Visible(name+": "+redact.Field(name, value)) + "\n"
}
