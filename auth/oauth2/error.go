package oauth2

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	xoauth2 "golang.org/x/oauth2"

	"github.com/go-requests/requests"
)

// An Error is the answer of an authorization server that gave no token. It is
// [requests.ErrAuthentication]. If the status says nothing about the credentials
// (408, 429, and from 500 on), [errors.As] also finds a [*requests.HTTPError] with
// the response: the request may be made again later.
type Error struct {
	StatusCode  int    // of the response; 0 if the browser of the user brought the answer
	Code        string // such as "invalid_grant" (RFC 6749, section 5.2), if there is one
	Description string // in the words of the server

	passing *requests.HTTPError // nil if the answer is about the credentials
}

func (e *Error) Error() string {
	text := "oauth2: the authorization server gives no token"
	if e.StatusCode != 0 {
		text += ": status " + strconv.Itoa(e.StatusCode)
	}
	if e.Code != "" {
		text += ", " + strconv.QuoteToASCII(e.Code)
	}
	if e.Description != "" {
		text += " (" + strconv.QuoteToASCII(e.Description) + ")"
	}
	return text + advice[e.Code]
}

// Unwrap returns the kind, and the response of a server that was busy or out of order.
func (e *Error) Unwrap() []error {
	if e.passing == nil {
		return []error{requests.ErrAuthentication}
	}
	return []error{requests.ErrAuthentication, e.passing}
}

// passing reports whether a status is about the state of the server, and not
// about what it was asked (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4).
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// advice says what to do about an error code.
var advice = map[string]string{
	"invalid_grant":          ": log in again",
	"invalid_client":         ": check the client's ID and secret, and Endpoint.AuthStyle",
	"unauthorized_client":    ": the server does not allow this grant to the client",
	"unsupported_grant_type": ": the server does not know this grant",
	"invalid_scope":          ": check the scopes",
	"access_denied":          ": the user has not agreed",
	"expired_token":          ": the user was too slow; start again",
}

// maxDescription is how much of the text of a server is quoted.
const maxDescription = 200

// failed turns an error of x/oauth2, whose text may quote a whole response, into
// one of ours. Errors of a session keep their kinds.
func failed(err error) error {
	if _, ours := err.(*withheld); ours {
		return err
	}
	if e, ok := errors.AsType[*xoauth2.RetrieveError](err); ok {
		return newError(e)
	}
	if e, ok := errors.AsType[*url.Error](err); ok { // of an http.Client, whose text has the URL
		err = e.Err
	}
	switch {
	case errors.Is(err, requests.ErrAuthentication), ofProgram(err):
		return err
	case errors.Is(err, requests.ErrRequest):
		return refused("no token", err)
	}
	return &withheld{"the authorization server's answer has no token", []error{err}}
}

// newError is the Error of a response. A 404, say, gets no HTTPError: in the error of
// a call for something else it would be taken for the answer of that call.
func newError(e *xoauth2.RetrieveError) *Error {
	mine := &Error{Code: cut(e.ErrorCode), Description: cut(e.ErrorDescription)}
	if e.Response == nil {
		return mine
	}
	if mine.StatusCode = e.Response.StatusCode; passing(mine.StatusCode) {
		r := requests.NewResponse(mine.StatusCode, e.Response.Header, bytes.NewReader(e.Body))
		if e.Response.Request != nil {
			r.URL = e.Response.Request.URL
		}
		mine.passing = &requests.HTTPError{Response: r}
	}
	return mine
}

// ofProgram reports whether err is about what the program has said, and not about
// a token that cannot be had.
func ofProgram(err error) bool {
	for _, kind := range []error{requests.ErrInvalidOption, requests.ErrInvalidURL, requests.ErrInvalidHeader, requests.ErrInvalidProxy, requests.ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// ofSource is an error of a token source of somebody else, which has the kinds of
// this package only where its cause shows them.
func ofSource(err error) error {
	e := &withheld{"the token source has failed", []error{err}}
	if answer, ok := errors.AsType[*xoauth2.RetrieveError](err); ok && answer.Response != nil {
		e.causes = append(e.causes, newError(answer))
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		e.causes = append(e.causes, requests.ErrTimeout)
	}
	_, unknown := errors.AsType[*net.DNSError](err)
	_, broken := errors.AsType[*net.OpError](err)
	switch {
	case unknown:
		e.causes = append(e.causes, requests.ErrDNS)
	case broken:
		e.causes = append(e.causes, requests.ErrConnection)
	}
	return e
}

// A withheld error hides the text of its causes, which may quote a response.
type withheld struct {
	text   string
	causes []error
}

func (e *withheld) Error() string {
	return requests.ErrAuthentication.Error() + ": oauth2: " + e.text
}

// Unwrap gives the kind and the causes.
func (e *withheld) Unwrap() []error {
	return append([]error{requests.ErrAuthentication}, e.causes...)
}

func cut(s string) string {
	if len(s) > maxDescription {
		s = strings.ToValidUTF8(s[:maxDescription], "") + "…"
	}
	return s
}

// refused returns the error for a token that cannot be had.
func refused(text string, cause error) error {
	if cause != nil {
		return fmt.Errorf("%w: oauth2: %s: %w", requests.ErrAuthentication, text, cause)
	}
	return fmt.Errorf("%w: oauth2: %s", requests.ErrAuthentication, text)
}

func storeFailed(err error) error { return fmt.Errorf("oauth2: the store of tokens: %w", err) }

func invalid(text string) error {
	return fmt.Errorf("%w: oauth2: %s", requests.ErrInvalidOption, text)
}
