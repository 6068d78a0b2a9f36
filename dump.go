package requests

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/dump"
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
func (d Dump) tap(log *dump.Log) *dump.Tap {
	if d.To == nil || values.IsNil(d.To) {
		return nil
	}
	if d.MaxBody == 0 {
		d.MaxBody = defaultDumpBody
	}
	return dump.New(d.To, d.MaxBody, kindsOf, log)
}

// dumping returns hooks with one behind them that shows in x what comes before a
// response.
func dumping(x *dump.Exchange, hooks []OnInformational) []OnInformational {
	if x == nil {
		return hooks
	}
	return append(slices.Clip(hooks), func(_ context.Context, status int, header http.Header) error {
		x.Informational(status, header)
		return nil
	})
}

// dumpCall has the engine tell x of the messages of c.
func dumpCall(ctx context.Context, x *dump.Exchange, c *transport.Call) {
	if x == nil {
		return
	}
	x.Attach(c)
	show, tell := informational(ctx, dumping(x, nil)), c.Interim
	c.Interim = func(status int, h http.Header) error {
		if err := show(status, h); err != nil || tell == nil {
			return err
		}
		return tell(status, h)
	}
}

// dumpTrip shows the head of what a RoundTripper is given, and has the body shown.
func dumpTrip(x *dump.Exchange, hr *http.Request, p *PreparedRequest) {
	if x == nil {
		return
	}
	if p.body.stream != nil {
		hr.Body = x.Upload(hr.Body)
	}
	x.Sent(headOf(p))
	if p.body.stream == nil {
		x.UploadBytes(p.body.data)
	}
}

// dumped shows the head of r, and has its body shown as it is read.
func (r *Response) dumped(x *dump.Exchange) {
	if x == nil {
		return
	}
	x.Response(r.Proto, strings.TrimSpace(strconv.Itoa(r.StatusCode)+" "+r.Reason), r.Header)
	if r.upgraded() { // the body is the connection
		return
	}
	x.Body(r.Header, len(r.wire.header["Content-Encoding"]) == 0, r.Trailer)
	r.wire.dump = x
}

// dumpOutside shows what an adapter of the caller's was given, and what it returned,
// unless it has sent by one of this package.
func dumpOutside(t *dump.Tap, p *PreparedRequest, r *Response, err error) {
	if t == nil || t.Used() {
		return
	}
	x := t.Exchange()
	x.Sent(headOf(p))
	switch {
	case p.body.stream == nil:
		x.UploadBytes(p.body.data)
	case p.body.length != 0:
		x.Remark("the body is a stream")
	}
	if err != nil {
		x.Fail(err)
		return
	}
	r.dumped(x)
	if r.loaded {
		x.Read(r.content)
		x.End(r.wire.err)
	}
}

// headOf is the head of p as HTTP/1.1 has it.
func headOf(p *PreparedRequest) []byte {
	m := p.message()
	return m.AppendHead(nil)
}
