// Package ntlm logs in with NTLM, as requests-ntlm does for Python's Requests: at
// Windows servers without Kerberos, or if the program has no ticket.
//
//	s.Auth = ntlm.New(`DOMAIN\user`, password)
//
// The module depends on github.com/Azure/go-ntlmssp, which makes the NTLMv2 messages,
// and nothing else.
//
// NTLM logs in a connection, with three requests: a plain one, which the server
// refuses, one that begins the login, without a body, and the one that completes it.
// A body is therefore sent twice. One that can be read only once is sent once: then
// the login comes first, even on a connection that is logged in, and a server that
// needs no login gets the request first without its body and then with it.
//
// The requests go over HTTP/1.1 and over connections that serve this Auth alone. Keep
// the Auth, in a session or a variable, and later requests need no login. A server that
// offers Negotiate but not NTLM gets the same messages under that name, which Windows
// accepts. For Kerberos there is the package negotiate. At a proxy, use
// ntlm.New(…).ForProxy(); there the body goes with each request.
//
// NTLM is weak: whoever is on the path can relay it or guess the password, so use
// it over https. Over https the login is bound to the certificate of the server and to
// its name (channel and service binding: RFC 5929, tls-server-end-point; [MS-NLMP],
// section 3.1.5.1.2), as servers with Extended Protection require; at a proxy it is
// not. go-ntlmssp makes no MIC: a server that insists on one refuses the login.
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
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	ntlmssp "github.com/Azure/go-ntlmssp"

	"github.com/go-requests/requests"
)

// New makes an Auth for a user, as "DOMAIN\user", "user@domain" or "user", and a
// password. What cannot be sent is [requests.ErrInvalidOption], before anything is
// sent. A challenge that cannot be answered is [requests.ErrAuthentication], and a
// password that is not accepted a response of status 401. It may be used by any
// number of goroutines, and stays with the origin that the program names.
func New(username, password string) requests.Auth {
	return requests.NewAuth(&login{username: username, password: password})
}

type login struct {
	username, password string

	scheme atomic.Pointer[string] // that a server has offered; nil before
}

// String returns the name of the scheme.
func (*login) String() string { return "NTLM" }

// Format keeps every verb from printing the password.
func (l *login) Format(s fmt.State, _ rune) { io.WriteString(s, l.String()) }

// PerConnection says that connections are logged in, not requests.
func (*login) PerConnection() bool { return true }

// Authenticate implements [requests.Authenticator]. The connection may be logged
// in, which its server knows. A body that can be sent only once must not go to a
// server that may refuse it.
func (l *login) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	if err := l.check(); err != nil {
		return err
	}
	if _, _, ours := sent(p); ours { // the message of an earlier request, after a redirect
		delete(p.Header, "Authorization")
	}
	if p.Replayable() {
		return nil
	}
	scheme := schemes[0]
	if offered := l.scheme.Load(); offered != nil {
		scheme = *offered
	}
	return begin(p, scheme)
}

// begin makes p the request that begins a login, without its body.
func begin(p *requests.PreparedRequest, scheme string) error {
	message, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return err
	}
	if p.ContentLength() != 0 {
		if err := p.SetBody(requests.Body{}); err != nil {
			return err
		}
	}
	authorize(p, scheme, message)
	return nil
}

func authorize(p *requests.PreparedRequest, scheme string, message []byte) {
	p.Header["Authorization"] = []string{scheme + " " + base64.StdEncoding.EncodeToString(message)}
}

// maxName bounds names and passwords, whose lengths have 16 bits in a message.
// Windows allows 256.
const maxName = 1024

func (l *login) check() error {
	_, name, inDomain := strings.Cut(l.username, `\`)
	switch {
	case l.username == "":
		return invalid("username is empty")
	case inDomain && (name == "" || strings.Contains(name, `\`)):
		return invalid(`username has to be of the form DOMAIN\user`)
	case l.password == "":
		return invalid("password is empty")
	case strings.ContainsFunc(l.username, unicode.IsControl):
		return invalid("username has a control character")
	case strings.ContainsFunc(l.password, unicode.IsControl):
		return invalid("password has a control character, such as the end of its line in a file")
	case len(l.username) > maxName || len(l.password) > maxName:
		return invalid(fmt.Sprintf("username or password is longer than %d bytes", maxName))
	case !utf8.ValidString(l.username) || !utf8.ValidString(l.password):
		return invalid("username or password is not UTF-8")
	}
	return nil
}

func invalid(text string) error {
	return fmt.Errorf("%w: ntlm: %s", requests.ErrInvalidOption, text)
}

// The types of messages ([MS-NLMP], section 2.2.1).
const (
	negotiateMessage    = 1
	authenticateMessage = 3
)

// Challenge answers a server that asks for a login with the first message, and
// its challenge with the second one. It gives the body back to a server that has
// not asked.
func (l *login) Challenge(_ context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	scheme, message, ours := sent(r.Request)
	asked := r.StatusCode == http.StatusUnauthorized
	p := r.Request.Clone()
	switch {
	case asked && !ours:
		if scheme = l.offered(r); scheme == "" {
			return nil, nil
		}
		return p, begin(p, scheme)
	case asked && message == negotiateMessage:
		text, has := token(r.Header["Www-Authenticate"], scheme)
		if other := l.offered(r); !has && other != "" { // Authenticate did not know
			return p, begin(p, other)
		}
		if text == "" {
			return nil, nil // it does not want to go on
		}
		next, err := l.answer(text, r)
		if err != nil {
			return nil, fmt.Errorf("%w: ntlm: the challenge of the server cannot be answered: %w", requests.ErrAuthentication, err)
		}
		authorize(p, scheme, next)
		return p, nil
	case message == negotiateMessage && !asked && !busy(r.StatusCode) && r.StatusCode/100 != 3: // about an empty body, so that an error says nothing
		delete(p.Header, "Authorization")
		return p, nil
	}
	return nil, nil // such as a refused password; to try again would lock the account
}

// busy reports whether a server answers with the status whatever the body: a body that
// can be sent once is then left for a later call.
func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// answer makes the third message.
func (l *login) answer(challenge string, r *requests.Response) (message []byte, err error) {
	defer func() { // go-ntlmssp is not hardened against every input
		if recover() != nil {
			err = errors.New("it cannot be read")
		}
	}()
	b, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	if b, err = bind(b, r); err != nil {
		return nil, err
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

// schemes are the names of the scheme, the better one first.
var schemes = [...]string{"NTLM", "Negotiate"}

// offered is the scheme to use of those that a server offers, "" for none.
func (l *login) offered(r *requests.Response) string {
	for _, scheme := range schemes {
		if _, has := token(r.Header["Www-Authenticate"], scheme); has {
			l.scheme.Store(&scheme)
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
