// Package ntlm logs in with NTLM, as requests-ntlm does for Python's Requests: at
// Windows servers without Kerberos, or if the program has no ticket.
//
//	s.Auth = ntlm.New(`DOMAIN\user`, password)
//
// The module depends on github.com/Azure/go-ntlmssp, which makes the NTLMv2 messages,
// and nothing else.
//
// NTLM logs in a connection, by three requests on it, with the body in each. So
// it is HTTP/1.1, over connections that serve this Auth alone: keep it, in a
// session or a variable, and later requests need no login. A server that offers
// Negotiate but not NTLM gets the same messages by that name, as Windows takes
// them. For Kerberos there is the package negotiate. At a proxy it is
// ntlm.New(…).ForProxy().
//
// NTLM is weak: whoever is on the path can relay it or guess the password, so use
// it over https. Channel bindings (Extended Protection) go-ntlmssp does not have.
package ntlm

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	ntlmssp "github.com/Azure/go-ntlmssp"

	"github.com/go-requests/requests"
)

// New makes an Auth for a user, as "DOMAIN\user", "user@domain" or "user", and a
// password. What cannot be sent is [requests.ErrInvalidOption], and a body that
// cannot be read three times [requests.ErrBodyNotReplayable], before anything is
// sent. A challenge that cannot be answered is [requests.ErrAuthentication], and a
// password that is not accepted a response of status 401. It may be used by any
// number of goroutines, and stays with the origin that the program names.
func New(username, password string) requests.Auth {
	return requests.NewAuth(&login{username, password})
}

type login struct{ username, password string }

// String returns the name of the scheme.
func (*login) String() string { return "NTLM" }

// Format keeps every verb from printing the password.
func (l *login) Format(s fmt.State, _ rune) { io.WriteString(s, l.String()) }

// PerConnection says that connections are logged in, not requests.
func (*login) PerConnection() bool { return true }

// Authenticate implements [requests.Authenticator]. The connection may be logged
// in, which its server knows.
func (l *login) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	if err := l.check(); err != nil {
		return err
	}
	if !p.Replayable() {
		return fmt.Errorf("%w: NTLM sends it three times", requests.ErrBodyNotReplayable)
	}
	if _, _, ours := sent(p); ours { // the message of an earlier request, after a redirect
		delete(p.Header, "Authorization")
	}
	return nil
}

// maxName bounds names and passwords, whose lengths have 16 bits in a message.
// Windows allows 256.
const maxName = 1024

func (l *login) check() error {
	switch {
	case l.username == "":
		return fmt.Errorf("%w: ntlm: there is no user name", requests.ErrInvalidOption)
	case len(l.username) > maxName || len(l.password) > maxName:
		return fmt.Errorf("%w: ntlm: the user name or the password is longer than %d bytes", requests.ErrInvalidOption, maxName)
	case !utf8.ValidString(l.username) || !utf8.ValidString(l.password):
		return fmt.Errorf("%w: ntlm: the user name or the password is not UTF-8", requests.ErrInvalidOption)
	}
	return nil
}

// The types of messages ([MS-NLMP], section 2.2.1).
const (
	negotiateMessage    = 1
	authenticateMessage = 3
)

// Challenge answers a server that asks for a login with the first message, and
// its challenge with the second one.
func (l *login) Challenge(_ context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if r.StatusCode != http.StatusUnauthorized {
		return nil, nil
	}
	scheme, message, ours := sent(r.Request)
	var next []byte
	var err error
	switch {
	case !ours:
		if scheme = offered(r.Header["Www-Authenticate"]); scheme == "" {
			return nil, nil
		}
		next, err = ntlmssp.NewNegotiateMessage("", "")
	case message == negotiateMessage:
		text, has := token(r.Header["Www-Authenticate"], scheme)
		if !has || text == "" {
			return nil, nil // it does not want to go on
		}
		next, err = l.answer(text)
	default:
		return nil, nil // the password was refused; to try again would lock the account
	}
	if err != nil {
		return nil, fmt.Errorf("%w: ntlm: the challenge of the server cannot be answered: %w", requests.ErrAuthentication, err)
	}
	p := r.Request.Clone()
	p.Header["Authorization"] = []string{scheme + " " + base64.StdEncoding.EncodeToString(next)}
	return p, nil
}

// answer makes the third message.
func (l *login) answer(challenge string) (message []byte, err error) {
	defer func() { // go-ntlmssp is not hardened against every input
		if recover() != nil {
			err = errors.New("it cannot be read")
		}
	}()
	b, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	return ntlmssp.NewAuthenticateMessage(b, l.username, l.password, nil)
}

// sent is the message that p has for its server, if it has one.
func sent(p *requests.PreparedRequest) (scheme string, kind uint32, ours bool) {
	scheme, text, _ := strings.Cut(p.Header.Get("Authorization"), " ")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < 12 || string(b[:8]) != "NTLMSSP\x00" {
		return "", 0, false
	}
	return scheme, binary.LittleEndian.Uint32(b[8:]), true
}

// offered is the scheme to use of those that a server offers, "" for none.
func offered(challenges []string) string {
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		if _, has := token(challenges, scheme); has {
			return scheme
		}
	}
	return ""
}

// token is what comes with a challenge of the scheme, if there is one.
func token(challenges []string, scheme string) (text string, has bool) {
	for _, field := range challenges {
		for part := range strings.SplitSeq(field, ",") {
			name, text, _ := strings.Cut(strings.TrimSpace(part), " ")
			if strings.EqualFold(name, scheme) {
				return strings.TrimSpace(text), true
			}
		}
	}
	return "", false
}
