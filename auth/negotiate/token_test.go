package negotiate

import (
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	"github.com/jcmturner/gokrb5/v8/krberror"
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
	login := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", config.New()), config.New())
	defer login.Close()
	for name, c := range map[string]*Client{
		"no login": {Preemptive: true}, "a Login made by hand": {login: new(Login)}, "delegation": {login: login, Delegate: true},
		"an address": {login: login, Preemptive: true}, "a service of GSS": {login: login, ServicePrincipal: "HTTP@www.example.test"},
		"a service with a realm": {login: login, ServicePrincipal: "HTTP/www.example.test@" + realm}, "no host": {login: login, ServicePrincipal: "HTTP/"},
		"a service of two lines": {login: login, ServicePrincipal: "HTTP/www\nx"}, "a host": {login: login, ServicePrincipal: "www.example.test"},
	} {
		_, err := s.Get(t.Context(), "http://127.0.0.1:1/", c.Auth())
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
		require.NotErrorIs(t, err, requests.ErrConnection, name)
	}
	require.NoError(t, new(Login).Close())
	require.NoError(t, (*Login)(nil).Close())
}

// configured writes a configuration whose realm has a KDC at kdc.
func configured(t *testing.T, kdc string) string {
	path := filepath.Join(t.TempDir(), "krb5.conf")
	require.NoError(t, os.WriteFile(path, []byte("[libdefaults]\n\tdefault_realm = "+realm+"\n\tudp_preference_limit = 1\n[realms]\n\t"+
		realm+" = {\n\t\tkdc = "+kdc+"\n\t}\n\tEMPTY.TEST = {\n\t}\n[domain_realm]\n\tempty.test = EMPTY.TEST\n"), 0o600))
	return path
}

// TestInvalidLogin holds that what is wrong with an argument is said at once, and
// which argument it is.
func TestInvalidLogin(t *testing.T) {
	t.Setenv("KRB5CCNAME", "KEYRING:persistent")
	conf := configured(t, "127.0.0.1:1")
	garbage := filepath.Join(t.TempDir(), "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte("\x05\x04\xff"), 0o600))
	keys := filepath.Join(t.TempDir(), "keytab")
	b, err := newAcceptor(t).keys.Marshal()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keys, b, 0o600))
	password := func(principal, password string) func() (*Login, error) {
		return func() (*Login, error) { return FromPassword(principal, password, conf) }
	}
	for name, tt := range map[string]struct {
		from  func() (*Login, error)
		kind  error
		names string
	}{
		"no realm":              {password("norealm", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"an empty realm":        {password("jane@", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"no name":               {password("@"+realm, "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"nothing":               {password("", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"an empty component":    {password("HTTP/@"+realm, "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"two realms":            {password("jane@example.test@"+realm, "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"a domain of Windows":   {password(`EXAMPLE\jane@`+realm, "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"a principal and a NUL": {password("jane\x00@"+realm, "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"a principal's line":    {password("jane@"+realm+"\n", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"an unknown realm":      {password("jane@NOWHERE.TEST", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"a realm without a KDC": {password("jane@EMPTY.TEST", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"a realm in lower case": {password("jane@example.test", "PASS-SECRET"), requests.ErrInvalidOption, "principal"},
		"no password":           {password("jane@"+realm, ""), requests.ErrInvalidOption, "password"},
		"a password's line":     {password("jane@"+realm, "PASS-SECRET\n"), requests.ErrInvalidOption, "password"},
		"no keytab":             {func() (*Login, error) { return FromKeytab("", "jane@"+realm, conf) }, requests.ErrInvalidOption, "path"},
		"a keytab and a NUL":    {func() (*Login, error) { return FromKeytab("x\x00", "jane@"+realm, conf) }, requests.ErrInvalidOption, "path"},
		"a keytab, no realm":    {func() (*Login, error) { return FromKeytab(keys, "jane", conf) }, requests.ErrInvalidOption, "principal"},
		"another file":          {func() (*Login, error) { return FromKeytab(garbage, "jane@"+realm, conf) }, requests.ErrAuthentication, "keytab"},
		"a type of cache":       {func() (*Login, error) { return FromCache("KCM:0", conf) }, requests.ErrInvalidOption, "cache"},
		"a type of KRB5CCNAME":  {func() (*Login, error) { return FromCache("", conf) }, requests.ErrInvalidOption, "KRB5CCNAME"},
		"no file":               {func() (*Login, error) { return FromCache("FILE:", conf) }, requests.ErrInvalidOption, "cache"},
		"a cache and a NUL":     {func() (*Login, error) { return FromCache("x\x00", conf) }, requests.ErrInvalidOption, "cache"},
		"another cache":         {func() (*Login, error) { return FromCache(garbage, conf) }, requests.ErrAuthentication, ""},
		"a configuration's NUL": {func() (*Login, error) { return FromCache(garbage, "x\x00") }, requests.ErrInvalidOption, "configuration"},
		"no configuration":      {func() (*Login, error) { return FromPassword("jane@"+realm, "PASS-SECRET", garbage+"x") }, requests.ErrAuthentication, "(configuration)"},
	} {
		l, err := tt.from()
		require.Nil(t, l, name)
		require.ErrorIs(t, err, tt.kind, name)
		require.ErrorContains(t, err, tt.names, name)
		require.NotContains(t, err.Error(), "SECRET", name)
	}
	l, err := FromKeytab(keys, "jane@"+realm, conf)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// TestKDCThatIsAway tells a KDC that cannot be asked from credentials that it
// refuses.
func TestKDCThatIsAway(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone.Close()
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		for {
			conn, err := hangsUp.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	defer hangsUp.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	for _, kdc := range []net.Listener{gone, hangsUp} {
		l, err := FromPassword("jane@"+realm, "PASS-SECRET", configured(t, kdc.Addr().String()))
		require.NoError(t, err)
		defer l.Close()
		c := New(l)
		c.ServicePrincipal = "HTTP/www.example.test"
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		for range 2 {
			_, err = s.Get(t.Context(), server.URL, c.Auth())
			require.ErrorIs(t, err, requests.ErrAuthentication)
			require.ErrorIs(t, err, requests.ErrConnection)
			require.NotContains(t, err.Error(), "SECRET")
		}
	}
}

// TestWhoseErrorOfAKDC is about what a KDC answers, and about a realm that has none.
func TestWhoseErrorOfAKDC(t *testing.T) {
	conf, err := load(configured(t, "127.0.0.1:1"))
	require.NoError(t, err)
	l := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", conf), conf)
	defer l.Close()
	for _, tt := range []struct {
		service string
		err     error
		network bool
	}{
		{"", krberror.New(krberror.NetworkingError, "x"), true},
		{"HTTP/www.example.test", krberror.New(krberror.NetworkingError, "x"), true},
		{"HTTP/empty.test", krberror.New(krberror.NetworkingError, "x"), false},
		{"", krberror.New(krberror.KDCError, "x"), false},
		{"", errors.New("x"), false},
	} {
		err := l.noTicket("no ticket", tt.service, tt.err)
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.Equal(t, tt.network, errors.Is(err, requests.ErrConnection), "%s %v", tt.service, tt.err)
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
	l := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", config.New()), config.New())
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
	l := newLogin(client.NewWithPassword("jane", realm, "PASS-SECRET", config.New()), config.New())
	defer l.Close()
	c := New(l)
	for _, v := range []any{l, c, c.Auth(), c.Auth().ForProxy()} {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v), "SECRET")
	}
}
