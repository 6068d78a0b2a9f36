package requests

import (
	"net/http"
	"strings"

	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/transport"
	"github.com/go-requests/requests/internal/uri"
)

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
