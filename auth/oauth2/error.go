package oauth2

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	xoauth2 "golang.org/x/oauth2"

	"github.com/go-requests/requests"
)

// An Error is the answer of an authorization server that gave no token. It is
// [requests.ErrAuthentication].
type Error struct {
	StatusCode  int    // of the response; 0 if the browser of the user brought the answer
	Code        string // such as "invalid_grant" (RFC 6749, section 5.2), if there is one
	Description string // in the words of the server
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

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return requests.ErrAuthentication }

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
// one of ours. Errors of a session or a context stay as they are.
func failed(err error) error {
	if e, ok := errors.AsType[*xoauth2.RetrieveError](err); ok {
		mine := &Error{Code: cut(e.ErrorCode), Description: cut(e.ErrorDescription)}
		if e.Response != nil {
			mine.StatusCode = e.Response.StatusCode
		}
		return mine
	}
	if e, ok := errors.AsType[*url.Error](err); ok { // of an http.Client, whose text has the URL
		err = e.Err
	}
	if errors.Is(err, requests.ErrRequest) && !known(err) {
		return fmt.Errorf("oauth2: no token: %w", err)
	}
	if known(err) {
		return err
	}
	return &withheld{"the authorization server's answer has no token", err}
}

// known reports whether the kind of err says that its text is safe.
func known(err error) bool {
	return errors.Is(err, requests.ErrAuthentication) || errors.Is(err, requests.ErrInvalidOption)
}

// A withheld error hides the text of its cause, which may quote a response.
type withheld struct {
	text  string
	cause error
}

func (e *withheld) Error() string {
	return requests.ErrAuthentication.Error() + ": oauth2: " + e.text
}
func (e *withheld) Unwrap() []error { return []error{requests.ErrAuthentication, e.cause} }

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
