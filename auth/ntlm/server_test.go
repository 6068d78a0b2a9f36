package ntlm_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf16"
)

// hashes are the passwords of the users as a Windows server stores them: MD4 of
// the UTF-16. The passwords are those of [MS-NLMP], section 4.2, and of the
// description at davenport.sourceforge.net: "Password" and "SecREt01".
var hashes = map[string]string{
	`DOMAIN\kate`: "a4f49c406510bdcab6824ee7c30fd852",
	`DOMAIN\john`: "cd06ca7c7e10c99b1d33b7485a2ed808",
}

// A server knows its users by their connections. It implements NTLMv2 with code of
// its own.
type server struct {
	*httptest.Server
	schemes   []string            // offered
	proxy     bool                // it is a proxy, which answers what it is asked in absolute form
	challenge func([]byte) []byte // changes what is sent
	opened    atomic.Int64
	open      bool        // it lets everybody in, and needs no login
	empty     int         // the status of an empty body then
	protected bool        // it wants logins to be bound (Extended Protection)
	other     bool        // to something else than this server
	crossed   atomic.Bool // somebody logged in on a connection of somebody else

	mu          sync.Mutex
	lengths     []int  // of the bodies of requests
	contentType string // of the last one
}

type connection struct {
	challenge []byte // sent on it and not answered
	user      string
}

type connectionKey struct{}

func newServer(schemes ...string) *server {
	s := &server{schemes: schemes}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s.opened.Add(1)
		return context.WithValue(ctx, connectionKey{}, new(connection))
	}
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.lengths = append(s.lengths, len(body))
	s.contentType = r.Header.Get("Content-Type")
	s.mu.Unlock()
	if s.open {
		if len(body) == 0 {
			w.WriteHeader(s.empty)
		}
		fmt.Fprintf(w, "%s %s", "anybody", body)
		return
	}
	c := r.Context().Value(connectionKey{}).(*connection)
	authorization, authenticate, status := s.names()
	scheme, text, _ := strings.Cut(r.Header.Get(authorization), " ")
	message, _ := base64.StdEncoding.DecodeString(text)
	if !strings.Contains(strings.ToLower(strings.Join(s.schemes, ",")), strings.ToLower(scheme)) {
		message = nil
	}
	switch {
	case len(message) > 11 && message[8] == 1:
		c.challenge = newChallenge()
		sent := c.challenge
		if s.challenge != nil {
			sent = s.challenge(sent)
		}
		w.Header().Set(authenticate, scheme+" "+base64.StdEncoding.EncodeToString(sent))
		w.WriteHeader(status)
		return
	case len(message) > 11 && message[8] == 3:
		user, err := verify(message, c.challenge)
		if err == nil && s.protected {
			err = s.bound(message, r)
		}
		c.challenge = nil
		if err != nil {
			s.ask(w)
			return
		}
		if c.user != "" && c.user != user {
			s.crossed.Store(true)
		}
		c.user = user
	case c.user == "":
		s.ask(w)
		return
	}
	switch r.URL.Path {
	case "/redirect":
		http.Redirect(w, r, "/"+r.URL.RawQuery, http.StatusFound)
	case "/away":
		http.Redirect(w, r, r.URL.RawQuery, http.StatusTemporaryRedirect)
	default:
		fmt.Fprintf(w, "%s %s", c.user, body)
	}
}

// names are those of the fields, and the status of a challenge.
func (s *server) names() (authorization, authenticate string, status int) {
	if s.proxy {
		return "Proxy-Authorization", "Proxy-Authenticate", http.StatusProxyAuthRequired
	}
	return "Authorization", "WWW-Authenticate", http.StatusUnauthorized
}

func (s *server) ask(w http.ResponseWriter) {
	_, authenticate, status := s.names()
	w.Header()[authenticate] = s.schemes
	w.WriteHeader(status)
	io.WriteString(w, "who are you?")
}

// Flags of [MS-NLMP], section 2.2.2.5.
const (
	unicodeFlag    = 0x1
	lmKeyFlag      = 0x80
	ntlmFlag       = 0x200
	extendedFlag   = 0x80000
	targetInfoFlag = 0x800000
	keyExchange    = 0x40000000
)

// newChallenge is a CHALLENGE_MESSAGE ([MS-NLMP], section 2.2.1.2).
func newChallenge() []byte {
	name := utf16le("DOMAIN")
	info := append([]byte{2, 0, byte(len(name)), 0}, name...) // MsvAvNbDomainName
	info = append(info, 0, 0, 0, 0)
	b := make([]byte, 48, 128)
	copy(b, "NTLMSSP\x00\x02\x00\x00\x00")
	field(b[12:], len(name), 48)
	binary.LittleEndian.PutUint32(b[20:], unicodeFlag|ntlmFlag|extendedFlag|targetInfoFlag)
	rand.Read(b[24:32])
	field(b[40:], len(info), 48+len(name))
	return append(append(b, name...), info...)
}

func field(b []byte, length, offset int) {
	binary.LittleEndian.PutUint16(b, uint16(length))
	binary.LittleEndian.PutUint16(b[2:], uint16(length))
	binary.LittleEndian.PutUint32(b[4:], uint32(offset))
}

// verify checks an AUTHENTICATE_MESSAGE by NTLMv2 ([MS-NLMP], section 3.3.2).
func verify(message, challenge []byte) (user string, err error) {
	if challenge == nil {
		return "", errors.New("no challenge was sent on this connection")
	}
	var fields [5][]byte
	for i := range fields { // LM response, NT response, domain, user, workstation
		at := message[12+8*i:]
		length, offset := int(binary.LittleEndian.Uint16(at)), int(binary.LittleEndian.Uint32(at[4:]))
		if offset+length > len(message) {
			return "", errors.New("a field beyond the message")
		}
		fields[i] = message[offset : offset+length]
	}
	response, domain, name := fields[1], fields[2], fields[3]
	user = text(domain) + `\` + text(name)
	hash, known := hashes[user]
	if !known || len(response) < 44 {
		return "", errors.New("unknown user")
	}
	key, _ := hex.DecodeString(hash)
	key = sum(key, append(utf16le(strings.ToUpper(text(name))), domain...))
	proof := sum(key, append(append([]byte(nil), challenge[24:32]...), response[16:]...))
	if !hmac.Equal(proof, response[:16]) {
		return "", errors.New("wrong password")
	}
	return user, nil
}

// bound checks that a login is meant for this connection and this server ([MS-NLMP],
// section 3.2.5.1.2; RFC 5929, section 4).
func (s *server) bound(message []byte, r *http.Request) error {
	at := message[20:]
	length, offset := int(binary.LittleEndian.Uint16(at)), int(binary.LittleEndian.Uint32(at[4:]))
	info := message[offset+16+28 : offset+length] // NTProofStr, and the head of the NTLMv2_CLIENT_CHALLENGE
	pairs := make(map[uint16][]byte)
	for len(info) >= 4 {
		id, n := binary.LittleEndian.Uint16(info), int(binary.LittleEndian.Uint16(info[2:]))
		if id == 0 {
			break
		}
		pairs[id] = info[4 : 4+n]
		info = info[4+n:]
	}
	name := "HTTP/127.0.0.1"
	if s.other {
		name = "HTTP/other.test"
	}
	if string(pairs[9]) != string(utf16le(name)) {
		return fmt.Errorf("the login is for %q", text(pairs[9]))
	}
	if r.TLS == nil {
		if pairs[10] != nil {
			return errors.New("the login is bound to a certificate")
		}
		return nil
	}
	hash := sha256.Sum256(s.Certificate().Raw)
	struc := append(make([]byte, 16), 53, 0, 0, 0)
	want := md5.Sum(append(append(struc, "tls-server-end-point:"...), hash[:]...))
	if string(pairs[10]) != string(want[:]) {
		return errors.New("the login is bound to another certificate")
	}
	return nil
}

func sum(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}

func utf16le(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func text(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}
