package requests

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/uri"
)

// request makes what net/http is to send for p. The map of the header is
// shared: neither Transport nor a RoundTripper that keeps its contract writes to it.
func (e *exchange) request(p *PreparedRequest, authorization string) (*http.Request, error) {
	hr := http.Request{
		Method: p.Method, URL: p.URL, Host: hostField(p), Header: p.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	_, agent := p.Header["User-Agent"]
	_, forProxy := p.Header["Proxy-Authorization"]
	forward := e.pool != nil && e.pool.forward != nil
	if !agent || forProxy || authorization != "" {
		hr.Header = p.Header.Clone()
		delete(hr.Header, "Proxy-Authorization") // no server gets to see it (CVE-2023-32681)
		if !agent {                              // net/http would send its own
			hr.Header["User-Agent"] = []string{""}
		}
		if authorization != "" {
			hr.Header["Proxy-Authorization"] = []string{authorization}
		}
	}
	if forward {
		// net/http would make the target of the Host field, which decides
		// nothing. The Host that goes with an absolute form is that of its
		// authority (RFC 9112, section 3.2.2).
		u := *p.URL
		u.Opaque = "//" + u.Host + u.EscapedPath()
		hr.URL = &u
		if len(p.Header["Host"]) == 0 {
			hr.Host = u.Host
		}
	}
	hr.Close = closes(p.Header) // else net/http keeps a connection that the server has not closed
	e.sent.Store(true)
	if err := e.body(&hr, p); err != nil {
		return nil, err
	}
	return hr.WithContext(e), nil
}

// checkMessage holds that p can be written as one message: a line end in its
// method, Host or fields would make two of it (RFC 9112, section 11.1).
func checkMessage(p *PreparedRequest) error {
	if p == nil {
		return failText(ErrInvalidOption, "the request is nil")
	}
	if p.URL == nil || p.URL.Host == "" && p.URL.Opaque == "" {
		return failText(ErrInvalidURL, "no host supplied")
	}
	if !message.IsToken(p.Method) || p.Method == http.MethodConnect {
		return failText(ErrInvalidOption, "the method is not one of a request")
	}
	return checkHeader(p.Header)
}

// toCall makes of p what the engine is to send.
func (p *PreparedRequest) toCall(c *transport.Call, opts *SendOptions, route transport.Route) {
	c.Request = message.Request{Method: p.Method, Target: p.URL.RequestURI(), Host: hostField(p), Header: p.Header, Length: p.body.length}
	c.URL, c.Route, c.Connect, c.Read = p.URL, route, opts.Timeout.Connect, opts.Timeout.Read
	if s := route.Proxy.Scheme; p.URL.Scheme == "http" && (s == "http" || s == "https") && len(p.Header["Host"]) == 0 {
		c.Host = uri.Authority(p.URL) // of the absolute form, as it is (RFC 9112, section 3.2.2)
	}
	if _, forProxy := p.Header["Proxy-Authorization"]; forProxy {
		c.Header = p.Header.Clone()
		delete(c.Header, "Proxy-Authorization") // no server gets to see it (CVE-2023-32681)
	}
	if len(opts.OnProgress) > 0 && p.uploads() {
		c.Up = progress(opts.OnProgress, p.body.length)
	}
	switch b := &p.body; {
	case b.stream == nil:
		c.Body.Bytes = b.data
	case b.length != 0:
		c.Body = transport.Source{Open: b.open, Again: b.replayable(), Blocks: b.stream.waits}
	}
}

// toProxy describes p, which is sent in absolute form, for the login at the proxy.
func toProxy(p *PreparedRequest) digest.Request {
	target := p.URL.Scheme + "://" + p.URL.Host + p.URL.EscapedPath()
	if p.URL.ForceQuery || p.URL.RawQuery != "" {
		target += "?" + p.URL.RawQuery
	}
	return digest.Request{Method: p.Method, URI: target, Body: func(w io.Writer) error {
		body, err := p.Body()
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(w, body)
		return err
	}}
}

// declareEmpty lets hr go out with Content-Length: 0, as from Requests. Some
// servers want one of every method that may have a body, and answer 411 without
// (RFC 9110, section 8.6). net/http sends it with POST, PUT and PATCH, and with
// other methods only where the body is said to be as it is.
func (e *exchange) declareEmpty(hr *http.Request) {
	if e.pool != nil && hr.Method != http.MethodGet && hr.Method != http.MethodHead {
		hr.Body, hr.TransferEncoding = http.NoBody, identity
	}
}

var identity = []string{"identity"}

// body gives hr the body of p, if there is one, and a way to have it again for
// a connection that turns out to be dead before anything was written.
func (e *exchange) body(hr *http.Request, p *PreparedRequest) error {
	switch {
	case !p.body.present:
		e.declareEmpty(hr)
		return nil
	case p.body.length == 0:
		hr.Body = http.NoBody
		e.declareEmpty(hr)
		return p.body.confirmEmpty()
	}
	body, err := p.body.open()
	if err != nil {
		return err
	}
	hr.Body, hr.ContentLength = body, p.body.length
	// The clock of a body that may take long must not run while it is sent. A
	// connection of HTTP/1.1 gives each write a limit of its own.
	long := e.done != nil && p.body.length > maxDirect
	if s := p.body.stream; s != nil || long {
		hr.Body = newUpload(e, body, s != nil && s.waits)
	}
	if p.body.replayable() {
		hr.GetBody = func() (io.ReadCloser, error) {
			body, err := p.body.open()
			if s := p.body.stream; (s != nil || long) && err == nil {
				body = newUpload(e, body, s != nil && s.waits)
			}
			return body, err
		}
	}
	return nil
}

// closes reports whether h says that no other request follows.
func closes(h http.Header) bool {
	for _, v := range h["Connection"] {
		if strings.EqualFold(v, "close") {
			return true
		}
	}
	return false
}

// hostField is the value of the Host field: the one given by hand, or that for the
// URL.
func hostField(p *PreparedRequest) string {
	if h := p.Header["Host"]; len(h) > 0 {
		return h[0]
	}
	return uri.HostField(p.URL)
}
