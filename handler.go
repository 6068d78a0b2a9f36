package requests

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
)

// Handler makes an adapter that lets h answer, without a network: for tests,
// and for services within one program. The response ends with the context of
// the call, though h goes on if it does not look at that of its request.
func Handler(h http.Handler) Adapter { return &roundTripper{rt: handlerTripper{h}, local: true} }

type handlerTripper struct{ h http.Handler }

func (t handlerTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	in := hr.Clone(hr.Context())
	in.RequestURI = hr.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, pipe := io.Pipe()
	w := &handlerWriter{
		header: http.Header{}, pipe: pipe, request: hr, body: body,
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

// handlerWriter is the [http.ResponseWriter] of a handler that answers
// without a network. The response is there with the first byte of its body.
type handlerWriter struct {
	header   http.Header
	pipe     *io.PipeWriter
	answered chan *http.Response
	refused  chan error // by a hook that was told of an informational response
	request  *http.Request
	body     io.ReadCloser
	wrote    bool
}

// serve lets h answer, and cuts the body off at the end of the context, which h
// may not look at.
func (w *handlerWriter) serve(h http.Handler, in *http.Request) {
	ctx := in.Context()
	defer context.AfterFunc(ctx, func() { w.pipe.CloseWithError(ctx.Err()) })()
	defer in.Body.Close()
	defer func() {
		if recover() != nil { // as net/http's server does: the connection breaks
			w.WriteHeader(http.StatusInternalServerError)
			w.pipe.CloseWithError(io.ErrUnexpectedEOF)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.pipe.Close()
	}()
	h.ServeHTTP(w, in)
}

func (w *handlerWriter) Header() http.Header { return w.header }

func (w *handlerWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	if status < 200 {
		w.inform(status)
		return
	}
	w.wrote = true
	length, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	w.answered <- &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), Body: w.body, ContentLength: length, Request: w.request,
	}
}

// inform passes an informational response on as a transport does.
func (w *handlerWriter) inform(status int) {
	trace := httptrace.ContextClientTrace(w.request.Context())
	if status == http.StatusSwitchingProtocols || trace == nil || trace.Got1xxResponse == nil {
		return
	}
	if err := trace.Got1xxResponse(status, textproto.MIMEHeader(w.header.Clone())); err != nil {
		w.wrote = true
		w.refused <- err
		w.pipe.CloseWithError(err)
	}
}

func (w *handlerWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.request.Method == http.MethodHead {
		return len(b), nil
	}
	return w.pipe.Write(b)
}

// Flush implements [http.Flusher]: every write is there at once.
func (w *handlerWriter) Flush() { w.WriteHeader(http.StatusOK) }
