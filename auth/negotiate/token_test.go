package negotiate

import (
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	gofork "github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/service"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-requests/requests"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // except what servers of gokrb5 leave behind, as named with and without inlining
		goleak.IgnoreAnyFunction("github.com/jcmturner/gokrb5/v8/service.VerifyAPREQ.GetReplayCache.func1.1"),
		goleak.IgnoreAnyFunction("github.com/jcmturner/gokrb5/v8/service.GetReplayCache.func1.1"))
}

const realm = "EXAMPLE.TEST"

// An acceptor is a service with its key, as a server has it.
type acceptor struct {
	keys   *keytab.Keytab
	ticket messages.Ticket
	key    types.EncryptionKey
}

func newAcceptor(t *testing.T) *acceptor {
	a := &acceptor{keys: keytab.New()}
	require.NoError(t, a.keys.AddEntry("HTTP/www.example.test", realm, "key of the service", time.Now(), 1, etypeID.AES256_CTS_HMAC_SHA1_96))
	now := time.Now().UTC()
	var err error
	a.ticket, a.key, err = messages.NewTicket(
		types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, "jane"), realm, types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "HTTP/www.example.test"), realm,
		types.NewKrbFlags(), a.keys, etypeID.AES256_CTS_HMAC_SHA1_96, 1, now, now, now.Add(time.Hour), now.Add(time.Hour))
	require.NoError(t, err)
	return a
}

func (a *acceptor) token(t *testing.T) ([]byte, *proof) {
	token, proof, err := newToken(realm, types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, "jane"), a.ticket, a.key)
	require.NoError(t, err)
	return token, proof
}

func TestTokenIsAccepted(t *testing.T) {
	a := newAcceptor(t)
	token, _ := a.token(t)
	var got spnego.SPNEGOToken
	require.NoError(t, got.Unmarshal(token))
	require.True(t, got.Init)
	var inner spnego.KRB5Token
	require.NoError(t, inner.Unmarshal(got.NegTokenInit.MechTokenBytes))
	require.True(t, inner.IsAPReq())
	require.True(t, types.IsFlagSet(&inner.APReq.APOptions, flags.APOptionMutualRequired))
	ok, credentials, err := service.VerifyAPREQ(&inner.APReq, service.NewSettings(a.keys, service.DecodePAC(false)))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "jane", credentials.UserName())
}

// reply returns the token with which a server answers: the time, encrypted with
// key.
func reply(t *testing.T, key types.EncryptionKey, at time.Time, micro int, state spnego.NegState) []byte {
	part, err := gofork.Marshal(messages.EncAPRepPart{CTime: at, Cusec: micro})
	require.NoError(t, err)
	part = asn1tools.AddASNAppTag(part, 27)
	encrypted, err := crypto.GetEncryptedData(part, key, keyusage.AP_REP_ENCPART, 0)
	require.NoError(t, err)
	inner, err := gofork.Marshal(messages.APRep{PVNO: 5, MsgType: 15, EncPart: encrypted})
	require.NoError(t, err)
	oid, err := asn1.Marshal(asn1.ObjectIdentifier(gssapi.OIDKRB5.OID()))
	require.NoError(t, err)
	inner = asn1tools.AddASNAppTag(append(append(oid, 2, 0), asn1tools.AddASNAppTag(inner, 15)...), 0)
	token := spnego.NegTokenResp{NegState: gofork.Enumerated(state), SupportedMech: gssapi.OIDKRB5.OID(), ResponseToken: inner}
	b, err := token.Marshal()
	require.NoError(t, err)
	return b
}

func TestProof(t *testing.T) {
	a := newAcceptor(t)
	sent, proof := a.token(t)
	other := newAcceptor(t)
	for name, tt := range map[string]struct {
		token []byte
		ok    bool
	}{
		"right":               {reply(t, a.key, proof.time, proof.micro, spnego.NegStateAcceptCompleted), true},
		"another key":         {reply(t, other.key, proof.time, proof.micro, spnego.NegStateAcceptCompleted), false},
		"another time":        {reply(t, a.key, proof.time.Add(time.Second), proof.micro, spnego.NegStateAcceptCompleted), false},
		"another microsecond": {reply(t, a.key, proof.time, proof.micro+1, spnego.NegStateAcceptCompleted), false},
		"not complete":        {reply(t, a.key, proof.time, proof.micro, spnego.NegStateReject), false},
		"our own token":       {sent, false},
		"nothing":             {nil, false},
		"junk":                {[]byte("\xa1\x82\xff\xff junk"), false},
	} {
		t.Run(name, func(t *testing.T) {
			switch err := proof.check(tt.token); {
			case tt.ok:
				require.NoError(t, err)
			case !errors.Is(err, requests.ErrAuthentication):
				t.Errorf("check = %v; want ErrAuthentication", err)
			}
		})
	}
}

func FuzzProof(f *testing.F) {
	f.Add([]byte("\xa1\x14\x30\x12\xa0\x03\x0a\x01\x00"))
	f.Fuzz(func(t *testing.T, token []byte) {
		if (&proof{time: time.Now()}).check(token) == nil {
			t.Errorf("%q proves something", token)
		}
	})
}

func TestAsks(t *testing.T) {
	for field, want := range map[string]bool{
		"Negotiate": true, "negotiate": true, "Basic realm=x, Negotiate": true, "NTLM": false, "Negotiated": false, `Basic realm="Negotiate"`: false, "Negotiate abc=": true,
	} {
		if got := asks([]string{field}); got != want {
			t.Errorf("asks(%q) = %t; want %t", field, got, want)
		}
	}
}

func TestInvalid(t *testing.T) {
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()
	for name, c := range map[string]*Client{
		"no login": {Preemptive: true}, "delegation": {login: new(Login), Delegate: true}, "an address": {login: new(Login), Preemptive: true},
	} {
		_, err := s.Get(t.Context(), "http://127.0.0.1:1/", c.Auth())
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
	}
	for _, principal := range []string{"", "@REALM"} {
		_, _, err := parse(principal, config.New())
		require.ErrorIs(t, err, requests.ErrInvalidOption)
	}
}

// TestEachTokenOnce holds that every response needs its proof, even if a request is
// sent twice with the same token.
func TestEachTokenOnce(t *testing.T) {
	a := newAcceptor(t)
	token, proof := a.token(t)
	p, err := requests.NewRequest("GET", "http://www.example.test/").Prepare(t.Context())
	require.NoError(t, err)
	p.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	c := New(nil)
	c.remember(p, proof)
	answer := "Negotiate " + base64.StdEncoding.EncodeToString(reply(t, a.key, proof.time, proof.micro, spnego.NegStateAcceptCompleted))
	proven := &requests.Response{Request: p, StatusCode: 200, Header: http.Header{"Www-Authenticate": {answer}}}
	require.NoError(t, c.Verify(t.Context(), proven))
	require.Empty(t, c.sent)
	other := &requests.Response{Request: p, StatusCode: 200}
	require.ErrorIs(t, c.Verify(t.Context(), other), requests.ErrAuthentication)
	c.NoMutual = true
	require.NoError(t, c.Verify(t.Context(), other))
}

// TestManySent makes calls that fail, so that their responses never come.
func TestManySent(t *testing.T) {
	c := New(nil)
	p := &requests.PreparedRequest{Header: make(http.Header)}
	for i := range maxSent + 10 {
		p.Header.Set("Authorization", fmt.Sprint("Negotiate ", i))
		c.remember(p, new(proof))
	}
	require.Len(t, c.sent, maxSent)
	got, _ := c.take(p)
	require.NotNil(t, got)
}

// TestCloseWhileATokenIsMade holds that the goroutine that makes the token then
// discards the keys.
func TestCloseWhileATokenIsMade(t *testing.T) {
	l := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", config.New()))
	l.turn <- struct{}{}
	require.NoError(t, l.Close())
	require.True(t, l.kerberos.Credentials.HasPassword(), "in use")
	l.release()
	require.False(t, l.kerberos.Credentials.HasPassword())
	_, _, err := l.token(t.Context(), "HTTP/www.example.test")
	require.ErrorIs(t, err, requests.ErrClosed)
}

// TestCause holds that the words of a KDC cannot control a terminal or forge lines
// of a log.
func TestCause(t *testing.T) {
	err := failed("no ticket", errors.New("KDC\n\x1b[31m\u202e\u0085"+strings.Repeat("x", 1000)))
	require.True(t, strings.HasPrefix(err.Error(), requests.ErrAuthentication.Error()+": negotiate: no ticket: KDC  [31m  xx"), err)
	require.Less(t, len(err.Error()), 500)
}

// TestPrintedSecrets looks for the password in what a program may print.
func TestPrintedSecrets(t *testing.T) {
	l := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", config.New()))
	defer l.Close()
	c := New(l)
	for _, v := range []any{l, c, c.Auth(), c.Auth().ForProxy()} {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v), "SECRET")
	}
}
