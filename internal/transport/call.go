package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-requests/requests/internal/message"
)

// A Call is one request and how to send it. It must not change until
// [Engine.Do] has returned; the message must not change until the body of the
// response has ended.
type Call struct {
	// Request is the message. Its Target is the one for the server itself; the
	// engine makes the absolute form for a proxy from it. A Proxy-Authorization
	// field does not belong there: see [Proxy].
	message.Request

	// URL says where to connect: its scheme, http or https, and its host.
	URL   *url.URL
	Route Route
	Body  Source

	// Connect limits name resolution, proxy, TCP and TLS together. Read limits
	// the silence of the server: from the sent request to the complete head of
	// the response, then between two reads of the body. During an upload it
	// limits the time in which the server takes no bytes at all. Zero is no
	// limit.
	Connect, Read time.Duration

	// Times, if not nil, is filled in until the body has ended.
	Times *Times
	// Interim is called with each 1xx response except 101, on the goroutine of
	// Do or, over HTTP/2, on one that Do waits for. Its error ends the call and
	// is returned unchanged. It may be nil.
	Interim func(status int, header http.Header) error
	// Up is called as the body of the request is sent: with 0 at its beginning,
	// each time that it is sent, then with the length of each block, and with
	// -1 at its end, even after an error. Whoever reads the source calls it,
	// and its error counts as an error of the source. It may be nil.
	Up func(n int) error

	// Tap is called with the heads of messages as they are sent and received.
	// It may be nil.
	Tap Tap

	// Pin, if not nil, has the connection to use, and keeps it afterwards.
	Pin *Pin

	// Start is when the call began, for Times. Zero stands for the start of Do.
	Start time.Time
	// Into, if not nil, is filled in and returned by Do, so that the caller can
	// allocate it.
	Into *Response
}

// response returns the Response to fill in.
func (c *Call) response() *Response {
	if c.Into == nil {
		return new(Response)
	}
	*c.Into = Response{}
	return c.Into
}

// A Tap observes the heads of messages that are sent and received for a call.
// It may not keep what it is given. The goroutine of Do calls its methods,
// except for Tunnel: a connection may be made while the call that it was begun
// for does something else.
type Tap interface {
	// Sent is called each time that a request is sent. For HTTP/2 the head is
	// given as lines, too, with the pseudo-fields among the fields.
	Sent(head []byte)
	// Answered is called with a response that Do does not return, such as that
	// of a proxy that asks for a login.
	Answered(res *Response)
	// Tunnel is called with the CONNECT request to a proxy and its response.
	Tunnel(request, response []byte)
}

// tapKey is the context key of the Tap of the call that a connection is made
// for.
type tapKey struct{}

// A Source is the body of a request. The zero Source is no body. The message
// has its length.
type Source struct {
	// Bytes is a body in memory.
	Bytes []byte
	// Open returns the body from its beginning, if it is not in memory. It is
	// called each time that the body is sent.
	Open func() (io.ReadCloser, error)
	// Again says that Open can be called more than once.
	Again bool
	// Blocks says that a Read may block indefinitely. If the call ends first,
	// such a Read is left behind; for any other source Do waits.
	Blocks bool
}

// present reports whether there is a body.
func (s *Source) present() bool { return len(s.Bytes) > 0 || s.Open != nil }

// repeatable reports whether the body can be sent more than once.
func (s *Source) repeatable() bool { return s.Open == nil || s.Again }

// A Route is what connections must have in common, besides the host, to serve
// the same requests. A connection with another verification, certificate or
// proxy must not be used (CVE-2024-35195, CVE-2016-5420, CVE-2026-3784).
type Route struct {
	TLS       TLS
	Proxy     Proxy
	HTTP1Only bool // for requests that servers accept only over HTTP/1.1
}

// A Proxy is the proxy of a [Route]; the zero Proxy is none.
type Proxy struct {
	Scheme string // http, https, socks4, socks4a, socks5 or socks5h
	Host   string // with its port

	User, Password       string
	HasUser, HasPassword bool
	// Authorization is the value of a Proxy-Authorization field given by the
	// caller. It replaces User and Password.
	Authorization string
	// Login, if not nil, replaces all of these. It must be comparable.
	Login Login
}

// A Login is an authentication scheme for HTTP proxies.
type Login interface {
	// Begin begins to log in for a request with the method and the target at
	// the proxy.
	Begin(ctx context.Context, p *Proxy, method, target string) Legs
}

// Legs are the steps of one login, all over one connection.
type Legs interface {
	// Next returns the Proxy-Authorization field to send next, or "". It is
	// called for the first request, with status 0, and then after each answer.
	// If it returns "", that answer stands.
	Next(status int, header http.Header) (string, error)
}

// A Response is the response to a [Call].
type Response struct {
	StatusCode   int
	Status       string // "200 OK"
	Proto        string // "HTTP/1.1"
	Major, Minor int    // of Proto
	Header       http.Header
	Trailer      http.Header // the fields after the body, once it has ended
	Length       int64       // of the body, -1 if unknown
	Close        bool        // the server ends the connection

	// Foreign is the response of a RoundTripper of the caller's; nil for the
	// engine.
	Foreign *http.Response

	// Body is never nil, and must be read to io.EOF or closed. Once it has
	// ended, nobody reads the source of the request any more, as Do promises.
	// After a 101 it is an [io.ReadWriteCloser], the connection itself: the
	// limits of the call no longer apply, and the end of its context does not
	// close it. It may have a method CloseWrite.
	Body io.ReadCloser
	// TLS is the state of the TLS connection to the server, nil without TLS.
	TLS *tls.ConnectionState

	responseBody
}
