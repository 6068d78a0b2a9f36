package requests

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Handler makes an adapter that lets h answer, without a network: for tests,
// and for services within one program. It behaves as the server of net/http
// does: h finds the same in its request, and the response has the same status,
// fields, body and trailer. A handler that panics, or ends its goroutine, leaves
// a response that is cut. The response ends with the context of the call, though
// h goes on if it does not look at that of its request.
func Handler(h http.Handler) Adapter { return &roundTripper{rt: handlerTripper{h}, local: true} }

type handlerTripper struct{ h http.Handler }

func (t handlerTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	if isNil(t.h) {
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

// incoming is hr as a server reads it.
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
		in.Header.Del("User-Agent") // which is how net/http is told to send none
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

// broken says what ended a handler, which no log of a server does here.
func broken(panicked any) error {
	switch panicked {
	case http.ErrAbortHandler:
		return io.ErrUnexpectedEOF
	case nil:
		return fmt.Errorf("the handler ended its goroutine: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the handler panicked: %v: %w", panicked, io.ErrUnexpectedEOF)
}

// serve lets h answer, and cuts the body off at the end of the context, which h
// may not look at.
func (w *handlerWriter) serve(h http.Handler, in *http.Request) {
	ctx := in.Context()
	defer context.AfterFunc(ctx, func() { w.pipe.CloseWithError(ctx.Err()) })()
	defer in.Body.Close()
	returned := false
	defer func() {
		if !returned { // by a panic or a Goexit, at which net/http's server breaks the connection
			w.abort(broken(recover()))
			return
		}
		w.finish()
	}()
	h.ServeHTTP(w, in)
	returned = true
}
