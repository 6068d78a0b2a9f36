package requests

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/go-requests/requests/internal/values"
)

// Handler makes an adapter that lets h answer, without a network: for tests, and for
// services within one program. It behaves like the server of net/http: h gets the
// same request, and the response has the same status, fields, body and trailer. If
// h panics, or ends its goroutine, the response is cut short. When the context of
// the call ends, so does the response; h goes on if it does not watch the context of
// its request.
//
// There is no connection that h could have. Hijack and the deadlines of an
// [http.ResponseController] are [http.ErrNotSupported], and a 101 is [ErrProtocol].
func Handler(h http.Handler) Adapter { return &HTTPAdapter{Transport: handlerTripper{h}, local: true} }

type handlerTripper struct{ h http.Handler }

func (t handlerTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	if values.IsNil(t.h) {
		if hr.Body != nil {
			hr.Body.Close()
		}
		return nil, failText(ErrInvalidOption, "Handler(nil)")
	}
	in := incoming(hr)
	body, pipe := io.Pipe()
	w := &handlerWriter{
		header: http.Header{}, pipe: pipe, request: hr, secure: in.TLS, body: body,
		answered: make(chan *http.Response, 1), refused: make(chan error, 1),
	}
	go w.serve(t.h, in)
	select {
	case res := <-w.answered:
		return res, nil
	case err := <-w.refused:
		return nil, err
	case <-hr.Context().Done():
		return nil, hr.Context().Err()
	}
}

// incoming is hr as a server receives it.
func incoming(hr *http.Request) *http.Request {
	in := hr.Clone(hr.Context())
	in.RequestURI = hr.URL.RequestURI()
	if u, err := url.ParseRequestURI(in.RequestURI); err == nil {
		in.URL = u
	}
	if in.Host == "" {
		in.Host = hr.URL.Host
	}
	in.RemoteAddr = "127.0.0.1:0"
	in.Header.Del("Host")
	if agent := in.Header["User-Agent"]; len(agent) == 1 && agent[0] == "" {
		in.Header.Del("User-Agent") // an empty one tells net/http to send none
	}
	switch {
	case in.Body == nil || in.Body == http.NoBody:
		if in.Body, in.ContentLength = http.NoBody, 0; in.Method != http.MethodGet && in.Method != http.MethodHead && in.Method != http.MethodTrace {
			in.Header.Set("Content-Length", "0")
		}
	case in.ContentLength > 0:
		in.Header.Set("Content-Length", strconv.FormatInt(in.ContentLength, 10))
	default:
		in.ContentLength, in.TransferEncoding = -1, []string{"chunked"}
	}
	in.GetBody, in.Response = nil, nil
	if hr.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: hr.URL.Hostname()}
	}
	return in
}

// panicError says how a handler ended; there is no server to log it.
func panicError(panicked any) error {
	switch panicked {
	case http.ErrAbortHandler:
		return io.ErrUnexpectedEOF
	case nil:
		return fmt.Errorf("the handler ended its goroutine: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the handler panicked: %v: %w", panicked, io.ErrUnexpectedEOF)
}

// serve calls h, and cuts off the body when the context ends, which h may ignore.
func (w *handlerWriter) serve(h http.Handler, in *http.Request) {
	ctx := in.Context()
	defer context.AfterFunc(ctx, func() { w.pipe.CloseWithError(ctx.Err()) })()
	defer in.Body.Close()
	returned := false
	defer func() {
		if !returned { // a panic or Goexit, after which net/http's server closes the connection
			w.abort(panicError(recover()))
			return
		}
		w.finish()
	}()
	h.ServeHTTP(w, in)
	returned = true
}

// handlerBuffer is how much of a body net/http's server buffers, unless the
// handler flushes. A body that fits gets a Content-Length.
const handlerBuffer = 2048

// handlerWriter is the [http.ResponseWriter] of a handler that answers without
// a network. It is used by the goroutine of the handler alone.
type handlerWriter struct {
	header   http.Header
	pipe     *io.PipeWriter
	answered chan *http.Response
	refused  chan error // the error of an OnInformational hook
	request  *http.Request
	secure   *tls.ConnectionState
	body     io.ReadCloser

	status  int         // 0 before WriteHeader
	fixed   http.Header // the header at that time
	buf     []byte      // of the body, until the response is made
	length  int64       // declared by the handler, -1 if it has not
	invalid bool        // the declared length is malformed
	written int64
	trailer http.Header    // once the handler has returned
	res     *http.Response // nil until it is made
	over    bool
}

// Header implements [http.ResponseWriter].
func (w *handlerWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *handlerWriter) WriteHeader(status int) {
	switch {
	case w.status != 0 || w.over:
		return
	case status < 100 || status > 999:
		w.abort(fmt.Errorf("the handler has given the status %d: %w", status, io.ErrUnexpectedEOF)) // where net/http panics
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
		return
	}
	w.status, w.fixed, w.length = status, w.header.Clone(), -1
	if text := w.fixed.Get("Content-Length"); text != "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			w.length = n
		} else {
			w.fixed.Del("Content-Length")
			w.invalid = true
		}
	}
}

// inform passes on an informational response as a transport does.
func (w *handlerWriter) inform(status int) {
	trace := httptrace.ContextClientTrace(w.request.Context())
	if trace == nil || trace.Got1xxResponse == nil {
		return
	}
	if err := trace.Got1xxResponse(status, textproto.MIMEHeader(withValues(w.header))); err != nil {
		w.over = true
		w.refused <- err
		w.pipe.CloseWithError(err)
	}
}

// withValues is a copy of h without the fields that have no value.
func withValues(h http.Header) http.Header {
	h = h.Clone()
	maps.DeleteFunc(h, func(_ string, values []string) bool { return values == nil })
	return h
}

// bodyAllowed reports whether the status may have a body (RFC 9110, section 6.4.1).
func (w *handlerWriter) bodyAllowed() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// Write implements [http.ResponseWriter].
func (w *handlerWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.over:
		return 0, io.ErrClosedPipe
	case !w.bodyAllowed():
		return 0, http.ErrBodyNotAllowed
	}
	n := len(b)
	if w.length >= 0 && w.written+int64(n) > w.length {
		return 0, http.ErrContentLength
	}
	w.written += int64(n)
	if w.res == nil {
		if w.buf = append(w.buf, b...); len(w.buf) <= handlerBuffer {
			return n, nil
		}
		w.answer(false)
		b, w.buf = w.buf, nil
	}
	return n, w.send(b)
}

// WriteString implements [io.StringWriter].
func (w *handlerWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w *handlerWriter) send(b []byte) error {
	if len(b) == 0 || w.request.Method == http.MethodHead {
		return nil
	}
	_, err := w.pipe.Write(b)
	return err
}

// Flush implements [http.Flusher].
func (w *handlerWriter) Flush() { w.FlushError() }

// FlushError is what [http.ResponseController] looks for.
func (w *handlerWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	if w.over {
		return io.ErrClosedPipe
	}
	if w.res == nil {
		w.answer(false)
	}
	b := w.buf
	w.buf = nil
	return w.send(b)
}

// EnableFullDuplex implements what [http.ResponseController] asks for: a handler
// can always read and write at once here.
func (w *handlerWriter) EnableFullDuplex() error { return nil }

// answer makes the response from what the handler has written. complete says
// that the handler has returned.
func (w *handlerWriter) answer(complete bool) {
	h := w.fixed
	switch {
	case !w.bodyAllowed():
		h.Del("Content-Length")
		if w.length = -1; w.status == http.StatusNotModified {
			h.Del("Content-Type")
		}
	case complete && w.length < 0 && !w.invalid && !w.hasTrailer() && (w.request.Method != http.MethodHead || len(w.buf) > 0):
		w.length = int64(len(w.buf))
		h.Set("Content-Length", strconv.Itoa(len(w.buf)))
	}
	if _, has := h["Content-Type"]; !has && w.bodyAllowed() && len(w.buf) > 0 && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(w.buf))
	}
	if _, has := h["Date"]; !has {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	w.fixed = sendable(h)
	h = w.fixed
	reason := http.StatusText(w.status)
	if reason == "" {
		reason = "status code " + strconv.Itoa(w.status)
	}
	w.res = &http.Response{
		StatusCode: w.status, Status: strconv.Itoa(w.status) + " " + reason,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: &handlerBody{w.body, w}, ContentLength: w.length, Request: w.request, TLS: w.secure, Trailer: w.announced(),
		Close: w.request.Close || closes(h),
	}
	if bare := !w.bodyAllowed() || w.request.Method == http.MethodHead || w.length == 0; bare {
		w.res.Trailer = nil
		if w.res.Body = http.NoBody; !w.bodyAllowed() {
			w.res.ContentLength = 0
		}
		w.pipe.Close()
	} else if w.length < 0 {
		w.res.TransferEncoding = []string{"chunked"}
	}
	w.answered <- w.res
}

// hasTrailer reports whether fields follow the body.
func (w *handlerWriter) hasTrailer() bool {
	if len(w.fixed["Trailer"]) > 0 {
		return true
	}
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// announced returns the names in the Trailer field without values, as net/http's
// client does before the body has ended.
func (w *handlerWriter) announced() http.Header {
	var t http.Header
	for _, field := range w.fixed["Trailer"] {
		for name := range strings.SplitSeq(field, ",") {
			switch name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name {
			case "", "Transfer-Encoding", "Content-Length", "Trailer": // RFC 9110, section 6.5.1
			default:
				if t == nil {
					t = make(http.Header)
				}
				t[name] = nil
			}
		}
	}
	return t
}

// finish ends the response of a handler that has returned.
func (w *handlerWriter) finish() {
	w.WriteHeader(http.StatusOK)
	if w.over {
		return
	}
	if w.res == nil {
		w.answer(true)
	}
	if w.send(bytes.Clone(w.buf)) != nil {
		return
	}
	w.over = true
	if w.length > w.written && w.request.Method != http.MethodHead && w.bodyAllowed() {
		w.pipe.CloseWithError(io.ErrUnexpectedEOF) // shorter than declared
		return
	}
	if w.res.Body != http.NoBody {
		w.trailer = w.sentTrailer() // for the reader, once the pipe is closed
	}
	if err := w.request.Context().Err(); err != nil { // a handler that has returned for that is not complete
		w.pipe.CloseWithError(err)
		return
	}
	w.pipe.Close()
}

// sentTrailer has the fields behind the body: those that were announced, and those
// that the handler marks as such.
func (w *handlerWriter) sentTrailer() http.Header {
	t := make(http.Header)
	for name, v := range w.header {
		name, late := strings.CutPrefix(name, http.TrailerPrefix)
		if _, announced := w.res.Trailer[name]; announced || late {
			t[name] = v
		}
	}
	return sendable(t)
}

// oneLine keeps a value from beginning another field, as net/http does.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// sendable returns the fields of h that net/http's server sends, as a client reads
// them.
func sendable(h http.Header) http.Header {
	sent := make(http.Header, len(h))
	for name, values := range h {
		if len(values) == 0 || strings.HasPrefix(name, http.TrailerPrefix) || !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		key := http.CanonicalHeaderKey(name)
		for _, v := range values {
			sent[key] = append(sent[key], textproto.TrimString(oneLine.Replace(v)))
		}
	}
	return sent
}

// A handlerBody is the body of a response, behind which the trailer is.
type handlerBody struct {
	io.ReadCloser
	w *handlerWriter
}

func (b *handlerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.w.res.Trailer = b.w.trailer
	}
	return n, err
}

// abort ends the response with err, as a broken connection would.
func (w *handlerWriter) abort(why error) {
	if w.over {
		return
	}
	if w.over = true; w.res == nil {
		w.refused <- why
	}
	w.pipe.CloseWithError(why)
}
