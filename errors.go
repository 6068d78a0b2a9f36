package requests

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/textproto"
	"net/url"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/transport"
)

// ErrRequest matches every error of this package: every [*Error] and [*HTTPError],
// and the errors of a [CookieJar]. It is the RequestException of Requests. Errors
// that hooks have returned do not match.
var ErrRequest error = fault.Request

// Errors of input, found before anything is sent.
var (
	// ErrInvalidURL reports a URL that cannot be requested.
	ErrInvalidURL error = fault.InvalidURL
	// ErrMissingScheme reports a URL without a scheme, such as "example.com" or "localhost:8080".
	ErrMissingScheme error = fault.MissingScheme
	// ErrInvalidScheme reports a URL whose scheme no mounted adapter serves.
	ErrInvalidScheme error = fault.InvalidScheme
	// ErrInvalidHeader reports a header field whose name or value may not be sent (RFC 9110, section 5).
	ErrInvalidHeader error = fault.InvalidHeader
	// ErrInvalidOption reports an option that cannot be used: two bodies, a value that cannot be encoded, a negative limit.
	ErrInvalidOption error = fault.InvalidOption
	// ErrInvalidProxy reports a proxy URL that cannot be used. A request is never sent directly instead.
	ErrInvalidProxy error = fault.InvalidProxy
)

// Errors of the connection.
var (
	// ErrConnection reports that no connection could be made or that it broke.
	ErrConnection error = fault.Connection
	// ErrDNS reports a host name that could not be resolved.
	ErrDNS error = fault.DNS
	// ErrAddress reports an address that [HTTPAdapter].Allow has refused. It wraps the error of Allow.
	ErrAddress error = fault.Address
	// ErrProxy reports that a proxy refused, failed or could not be reached.
	ErrProxy error = fault.Proxy
	// ErrTLS reports a failed handshake or a certificate that was not accepted.
	ErrTLS error = fault.TLS
	// ErrConnectionLost reports a connection that ended before a response was complete in its headers.
	ErrConnectionLost error = fault.ConnectionLost
	// ErrAdapter reports an error of an [Adapter] or [http.RoundTripper] of your own that is not one of the network. It
	// wraps that error. It is not retried unless [Retry].If says so.
	ErrAdapter error = fault.Adapter
)

// Errors of time. All are [ErrTimeout].
var (
	// ErrTimeout reports that time ran out: a limit of [Timeout] or the deadline of the caller's context.
	ErrTimeout error = fault.Timeout
	// ErrConnectTimeout reports that Timeout.Connect ran out. It is [ErrConnection] too.
	ErrConnectTimeout error = fault.ConnectTimeout
	// ErrReadTimeout reports that Timeout.Read ran out while the server was silent.
	ErrReadTimeout error = fault.ReadTimeout
	// ErrTotalTimeout reports that Timeout.Total ran out.
	ErrTotalTimeout error = fault.TotalTimeout
)

// Errors of the response.
var (
	// ErrProtocol reports a response that is not HTTP as RFC 9112 and RFC 9113 define it.
	ErrProtocol error = fault.Protocol
	// ErrIncompleteBody reports a body shorter than its framing announced.
	ErrIncompleteBody error = fault.IncompleteBody
	// ErrContentDecoding reports a body that its Content-Encoding does not describe.
	ErrContentDecoding error = fault.ContentDecoding
	// ErrBodyTooLarge reports a body above [MaxBody], or one that decompresses beyond reason.
	ErrBodyTooLarge error = fault.BodyTooLarge
	// ErrChecksum reports a file that does not have its [Checksum].
	ErrChecksum error = fault.Checksum
	// ErrInvalidJSON reports a body that is not exactly one JSON value, or not one of the wanted type.
	ErrInvalidJSON error = fault.InvalidJSON
)

// ErrAuthentication reports credentials that cannot be had, or that a server does
// not accept: a token that has expired and cannot be renewed, or a login that was
// refused. The packages below auth return it. It is never retried.
//
// If the one that gives the credentials was away, the error is also [ErrConnection] or
// [ErrTimeout]. If it was busy or out of order, [errors.As] finds an [*HTTPError] with
// its status: 408, 429, or from 500 on. Then the credentials may be right, and a later
// call may succeed.
var ErrAuthentication error = fault.Authentication

// Errors of use.
var (
	// ErrTooManyRedirects reports more redirects than [MaxRedirects] allows.
	ErrTooManyRedirects error = fault.TooManyRedirects
	// ErrBodyNotReplayable reports a request body that would have to be sent again and cannot be.
	ErrBodyNotReplayable error = fault.BodyNotReplayable
	// ErrRetriesExhausted reports that every attempt that [Retry] allows has failed.
	ErrRetriesExhausted error = fault.RetriesExhausted
	// ErrStreamConsumed reports a streamed body that has been read already.
	ErrStreamConsumed error = fault.StreamConsumed
	// ErrCookieConflict reports a name that several cookies share, under different domains or paths.
	ErrCookieConflict error = fault.CookieConflict
	// ErrClosed reports the use of a session, an adapter or a response after its Close.
	ErrClosed error = fault.Closed
)

// An Error reports a request that could not be completed. Calls return an *Error,
// except for the [*HTTPError] of RaiseForStatus and for errors of hooks, which are
// returned as they are. [errors.AsType] finds it, and [errors.Is] tests its cause.
type Error struct {
	Op  string // step that failed: "prepare", "send", "redirect" or "read"
	URL string // what was being fetched, without its password
	Err error  // the cause; never nil
}

func (e *Error) Error() string {
	s := "requests: " + e.Op
	if e.URL != "" {
		s += " " + e.URL
	}
	return s + ": " + causeText(e.Err)
}

// causeText is the text of err without the step and the URL of an [Error]. Text
// from a function of the caller or from the system may hold secrets.
func causeText(err error) string {
	switch e := err.(type) {
	case *Error:
		return causeText(e.Err)
	case interface{ Classified() error }, *RetryError, *RedirectError:
		return err.Error()
	}
	return fault.Printable(redact.Text(err.Error()))
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is [ErrRequest]. [errors.Is] finds the kinds of the
// cause through Unwrap.
func (e *Error) Is(target error) bool { return target == ErrRequest }

// Timeout reports whether time ran out, be it a limit of [Timeout] or the
// deadline of the caller's context.
func (e *Error) Timeout() bool {
	return errors.Is(e.Err, ErrTimeout) || errors.Is(e.Err, context.DeadlineExceeded)
}

// A step is where a call is. It becomes the Op and the URL of an [Error] where
// an error leaves: at the end of an attempt, in the readers of a body and in the
// functions that take a URL or a request.
type step struct {
	op  string
	url *url.URL
	raw string // the URL before it is parsed
}

// wrap puts an Error around *err, if there is one. It is deferred.
func (s *step) wrap(err *error) { *err = s.error(*err) }

// error wraps err in an Error, unless s is empty or err is one already. Errors
// of hooks, and those raised for a status, stay as they are.
func (s step) error(err error) error {
	if s.op == "" {
		return err
	}
	switch e := err.(type) {
	case nil, *Error, *HTTPError:
		return err
	case *hookError:
		return e.err
	case *sourceError:
		err = e.err
	}
	if s.url == nil {
		return &Error{Op: s.op, URL: redact.RawURL(s.raw), Err: err}
	}
	return &Error{Op: s.op, URL: redact.URL(s.url), Err: err}
}

// jarError is err as the methods of a jar return it.
func jarError(err error) error {
	if err == nil || errors.Is(err, ErrRequest) {
		return err
	}
	return fault.Mark(ErrRequest, err)
}

// readError is err as the readers of a body return it.
func readError(u *url.URL, err error) error { return step{op: "read", url: u}.error(err) }

// fail wraps cause in one of the kinds.
func fail(kind, cause error) error { return fault.New(kind, cause) }

// failForeign is fail for an error of another library or of the caller, whose
// text may quote a URL with all its secrets.
func failForeign(kind, cause error) error {
	return fault.Reword(kind, cause, redact.Text(cause.Error()))
}

// failText is fail for a cause that is only text.
func failText(kind error, text string) error { return fault.Text(kind, text) }

// A sourceError is an error of the caller's reader for a request body. It is
// returned unchanged.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// A hookError is an error of a function of the caller that an adapter has called.
// It is returned unchanged.
type hookError struct{ err error }

func (e *hookError) Error() string { return e.err.Error() }
func (e *hookError) Unwrap() error { return e.err }

// A callerError is the cancel cause of a derived context that ended because the
// caller's context did. It holds the contextError of that one.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }
func (e *callerError) Unwrap() error { return e.err }

// contextError is [fault.Ended], but unwraps a callerError.
func contextError(ctx context.Context) error {
	if c, ok := context.Cause(ctx).(*callerError); ok {
		return c.err
	}
	return fault.Ended(ctx)
}

// classified returns err if it has a kind already. Code of the caller may have
// returned one of the public kinds.
func classified(err error) (error, bool) {
	if known, ok := fault.Of(err); ok {
		return known, true
	}
	kind, ok := errors.AsType[*fault.Kind](err)
	if !ok || err == error(kind) {
		return err, ok
	}
	return failForeign(kind, err), true
}

// dialError gives a failure to connect its kind.
func dialError(ctx context.Context, err error) error {
	if e := contextError(ctx); e != nil {
		return e
	}
	if known, ok := classified(err); ok {
		return known
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return failForeign(ErrDNS, err)
	}
	if fault.IsTLS(err) {
		return failForeign(ErrTLS, err)
	}
	if fault.IsTimeout(err) {
		return failForeign(ErrConnectTimeout, err)
	}
	return failForeign(ErrConnection, err)
}

// engineError is an error of the engine, which has its kind. One without a kind
// comes from a source or a function of the caller and stays as it is.
func engineError(err error) error {
	if r, ok := errors.AsType[*transport.Refusal](err); ok {
		return fault.Mark(ErrProxy, &ProxyError{StatusCode: r.StatusCode, Status: r.Status, Header: r.Header, URL: r.URL})
	}
	if known, ok := fault.Of(err); ok {
		return known
	}
	if !transport.Sent(err) {
		err = errors.Unwrap(err) // which says no more than that
	}
	return &sourceError{err}
}

// sendError gives an error of a RoundTripper or an adapter its kind. e is nil
// for an adapter of the caller.
func sendError(ctx context.Context, e *bridge.Exchange, err error) error {
	if e != nil {
		if expired := e.Expired(); expired != nil {
			return expired
		}
		ctx = e.Context
	}
	if known, ok := classified(err); ok {
		return known
	}
	if ended := contextError(ctx); ended != nil {
		return ended
	}
	switch {
	case fault.IsTLS(err):
		return failForeign(ErrTLS, err)
	case isDial(err):
		return dialError(ctx, err)
	case fault.IsTimeout(err):
		return failForeign(ErrTimeout, err)
	case isLost(err):
		return failForeign(ErrConnectionLost, err)
	}
	return responseError(err)
}

// bodyError gives a failure to read the body of a response its kind.
func bodyError(ctx context.Context, e *bridge.Exchange, err error) error {
	if e != nil {
		if expired := e.Expired(); expired != nil {
			return expired
		}
		ctx = e.Context
	}
	if known, ok := classified(err); ok {
		return known
	}
	if ctx != nil {
		if ended := contextError(ctx); ended != nil {
			return ended
		}
	}
	switch {
	case errors.Is(err, http.ErrBodyReadAfterClose):
		return failForeign(ErrClosed, err)
	case fault.IsTimeout(err):
		return failForeign(ErrTimeout, err)
	case isLost(err):
		return failForeign(ErrIncompleteBody, err)
	}
	return responseError(err)
}

// responseError gives a kind to an err that is not about the connection: the
// response is malformed or, from an adapter of the caller, it means whatever the
// adapter meant. net/http and net/textproto quote what is malformed, which may be
// a cookie, so that their text is dropped.
func responseError(err error) error {
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return failText(ErrProtocol, "a line of its header or trailer is malformed")
	}
	return failForeign(ErrAdapter, err)
}

// Errors that get their kind where they arise. See [fault.Of].

func (e *sourceError) Classified() error { return e }
func (e *hookError) Classified() error   { return e }

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" || fault.IsA[*net.DNSError](err)
}

// isLost reports whether the connection ended, or the server ended the stream for
// any reason but a violation of the protocol.
func isLost(err error) bool {
	const protocolError = 1
	e, ok := errors.AsType[fault.StreamReset](err)
	return fault.IsLost(err) || ok && e.Code != protocolError
}
