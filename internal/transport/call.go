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
	// Request is the message. Its Target is the one for the server itself, from
	// which the engine makes the absolute form for a proxy. A
	// Proxy-Authorization field does not belong there: see [Proxy].
	message.Request

	// URL says where to connect: its scheme, http or https, and its host.
	URL   *url.URL
	Route Route
	Body  Source

	// Connect limits name resolution, proxy, TCP and TLS together, and Read the
	// silence of the server: from the sent request to the complete head of the
	// response, then between two reads of the body, and, in an upload, the time
	// in which the server takes nothing at all. Zero is no limit.
	Connect, Read time.Duration

	// Times, if it is not nil, is filled in until the body has ended.
	Times *Times
	// Interim is called with each response of the class 1xx but 101, on the
	// goroutine of Do or, over HTTP/2, on one that Do waits for. Its error ends
	// the call and is returned as it is. It may be nil.
	Interim func(status int, header http.Header) error
	// Up is told of the request's body: 0 at its beginning, each time that it
	// is sent, then the length of each block, and -1 at its end, even after an
	// error. Whoever reads the source calls it, and its error counts as an
	// error of the source. It may be nil.
	Up func(n int) error

	// Tap is told of the heads of messages as they go by. It may be nil.
	Tap Tap

	// Pin, if it is not nil, holds the connection to use, and keeps it
	// afterwards.
	Pin *Pin

	// Start is when the call began, for Times. Zero means when Do is called.
	Start time.Time
	// Into, if it is not nil, is what Do fills in and returns, so that the
	// caller can allocate it.
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

// A Tap is told of messages whose heads go over the wire for a call. What it is
// given it may not keep. Its methods are called by the goroutine of Do, but for
// Tunnel: a connection may be made beside the call that it was begun for.
type Tap interface {
	// Sent is told of a request each time that it goes out. That of HTTP/2 is
	// given in lines, too, with its pseudo-fields among the fields.
	Sent(head []byte)
	// Answered is told of a response that is not the one of Do, as it was of a
	// proxy that wants a login.
	Answered(res *Response)
	// Tunnel is told of the CONNECT request to a proxy, and of what came.
	Tunnel(request, response []byte)
}

// tapKey is the key of the Tap of the call that a connection is made for.
type tapKey struct{}

// A Source is the body of a request. The zero Source is no body. Its length is
// in the message.
type Source struct {
	// Bytes is a body in memory.
	Bytes []byte
	// Open returns the body from its beginning, if it is not in memory. It is
	// called once each time that the body is sent.
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
// the same requests: with another verification, certificate or proxy they must
// not (CVE-2024-35195, CVE-2016-5420, CVE-2026-3784).
type Route struct {
	TLS       TLS
	Proxy     Proxy
	HTTP1Only bool // HTTP/1.1 only, for requests that servers accept by no other version
}

// A Proxy is the proxy of a [Route]; the zero Proxy is none.
type Proxy struct {
	Scheme string // http, https, socks4, socks4a, socks5 or socks5h
	Host   string // with its port

	User, Password       string
	HasUser, HasPassword bool
	// Authorization is the value of a Proxy-Authorization field given by hand,
	// which replaces User and Password.
	Authorization string
	// Login takes the place of all of these, unless it is nil. It must be
	// comparable.
	Login Login
}

// A Login is a scheme of authentication at HTTP proxies.
type Login interface {
	// Begin begins to log in for a request of the method for target at the proxy.
	Begin(ctx context.Context, p *Proxy, method, target string) Legs
}

// Legs are the steps of one login, which go over one connection.
type Legs interface {
	// Next returns the Proxy-Authorization field to send next, "" for none: with
	// the first request, for which status is 0, then after the answer to each
	// one, which stands if there is no field.
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

	// Foreign is what a RoundTripper of the program's own has returned; nil for
	// the engine.
	Foreign *http.Response

	// Body is never nil, and must be read to io.EOF or closed. Once it has
	// ended, nobody reads the source of the request any more, as Do promises.
	// After a 101 it is an [io.ReadWriteCloser], which is the connection: the
	// limits of the call no longer apply, and the end of its context does not
	// close it. It may have a method CloseWrite.
	Body io.ReadCloser
	// TLS is the state of the connection with the server, nil if it is in the clear.
	TLS *tls.ConnectionState

	responseBody
}
