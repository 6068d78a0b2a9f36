package ntlm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/ntlm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "SecREt01"

func started(t testing.TB, schemes ...string) *server {
	s := newServer(schemes...)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func newSession(t testing.TB, opts ...requests.Option) *requests.Session {
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestLogin(t *testing.T) {
	for _, tt := range []struct {
		name    string
		schemes []string
		legs    int
	}{
		{"NTLM", []string{"NTLM"}, 2},
		{"Negotiate", []string{"Negotiate"}, 2},
		{"both", []string{"Negotiate", "NTLM"}, 2},
		{"both in one field", []string{`Basic realm="x, NTLM y", Negotiate, ntlm`}, 2},
		{"another", []string{"Basic realm=x"}, 0},
		{"none", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := started(t, tt.schemes...)
			s := newSession(t, ntlm.New(`DOMAIN\john`, password))
			r, err := s.Post(t.Context(), server.URL, requests.Text("body"))
			require.NoError(t, err)
			require.Len(t, r.History, tt.legs)
			if tt.legs == 0 {
				require.Equal(t, http.StatusUnauthorized, r.StatusCode)
				return
			}
			require.Equal(t, `DOMAIN\john body`, r.Text())
			if scheme, _, _ := strings.Cut(r.Request.Header.Get("Authorization"), " "); tt.name == "both" && scheme != "NTLM" {
				t.Errorf("by %s; want NTLM", scheme)
			}
			for range 3 { // the connection is logged in
				r, err = s.Post(t.Context(), server.URL+"/redirect?to", requests.Text("again"))
				require.NoError(t, err)
				require.Equal(t, `DOMAIN\john `, r.Text())
				require.Len(t, r.History, 1)
				require.Empty(t, r.Request.Header["Authorization"])
			}
			require.EqualValues(t, 1, server.opened.Load(), "connections")
		})
	}
}

func TestAtProxy(t *testing.T) {
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		proxy := newServer(scheme)
		proxy.proxy = true
		proxy.Start()
		t.Cleanup(proxy.Close)
		s := newSession(t, requests.Proxies{"all": proxy.URL}, ntlm.New(`DOMAIN\john`, password).ForProxy())
		for range 3 {
			r, err := s.Post(t.Context(), "http://example.test/", requests.Text("body"))
			require.NoError(t, err)
			require.Equal(t, `DOMAIN\john body`, r.Text())
		}
		require.EqualValues(t, 1, proxy.opened.Load(), "connections")
		r, err := s.Get(t.Context(), "http://example.test/", ntlm.New(`DOMAIN\john`, "wrong").ForProxy())
		require.NoError(t, err)
		require.Equal(t, http.StatusProxyAuthRequired, r.StatusCode)
	}
}

func TestRefused(t *testing.T) {
	server := started(t, "NTLM")
	for user, pw := range map[string]string{`DOMAIN\john`: "wrong", `DOMAIN\nobody`: password, "john": password, `OTHER\john`: password} {
		r, err := newSession(t).Get(t.Context(), server.URL, ntlm.New(user, pw))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode, user)
		require.Len(t, r.History, 2, "a password is tried once")
	}
	_, err := newSession(t, requests.RaiseForStatus(true)).Get(t.Context(), server.URL, ntlm.New("john", password))
	var status *requests.HTTPError
	require.ErrorAs(t, err, &status)
}

// Invalid arguments are errors before anything is sent.
func TestInvalid(t *testing.T) {
	server := started(t, "NTLM")
	long := strings.Repeat("x", 2000)
	for name, auth := range map[string]requests.Auth{
		"no user": ntlm.New("", password), "long user": ntlm.New(long, password), "long password": ntlm.New("john", long),
		"user not UTF-8": ntlm.New("caf\xe9", password), "password not UTF-8": ntlm.New("john", "caf\xe9"),
	} {
		_, err := newSession(t).Get(t.Context(), server.URL, auth)
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
		require.NotContains(t, err.Error(), password)
	}
	once := requests.Reader(io.MultiReader(strings.NewReader("cannot be read twice")))
	_, err := newSession(t).Post(t.Context(), server.URL, once, ntlm.New(`DOMAIN\john`, password))
	require.ErrorIs(t, err, requests.ErrBodyNotReplayable)
	require.Zero(t, server.opened.Load())
}

// A challenge that cannot be answered is an error, and not tried again.
func TestBadChallenge(t *testing.T) {
	flag := func(f uint32) func([]byte) []byte {
		return func(b []byte) []byte {
			b = bytes.Clone(b)
			binary.LittleEndian.PutUint32(b[20:], binary.LittleEndian.Uint32(b[20:])|f)
			return b
		}
	}
	for name, challenge := range map[string]func([]byte) []byte{
		"cut short":        func(b []byte) []byte { return b[:20] },
		"not NTLM":         func(b []byte) []byte { return []byte(strings.Repeat("\x1b[31mx", 20)) },
		"another message":  func(b []byte) []byte { return append([]byte("NTLMSSP\x00\x03"), b[9:]...) },
		"a field too long": func(b []byte) []byte { b = bytes.Clone(b); b[40] = 0xff; return b },
		"NTLMv1":           flag(lmKeyFlag),
		"key exchange":     flag(keyExchange),
	} {
		t.Run(name, func(t *testing.T) {
			server := started(t, "NTLM")
			server.challenge = challenge
			tries := 0
			_, err := newSession(t, requests.Retry{Total: 3}).Get(t.Context(), server.URL, ntlm.New(`DOMAIN\john`, password),
				requests.OnRetry(func(context.Context, requests.Attempt) error { tries++; return nil }))
			require.ErrorIs(t, err, requests.ErrAuthentication)
			require.NotContains(t, err.Error(), password)
			require.NotContains(t, err.Error(), "\x1b")
			require.Zero(t, tries)
		})
	}
}

// Two users share a session, and neither is taken for the other.
func TestManyGoroutines(t *testing.T) {
	server := started(t, "Negotiate", "NTLM")
	s := newSession(t)
	users := map[string]requests.Auth{`DOMAIN\kate`: ntlm.New(`DOMAIN\kate`, "Password"), `DOMAIN\john`: ntlm.New(`DOMAIN\john`, password)}
	var wg sync.WaitGroup
	for i := range 50 {
		for name, auth := range users {
			wg.Go(func() {
				for j := range 4 {
					url := server.URL
					if (i+j)%2 == 0 {
						url += "/redirect?to"
					}
					if r, err := s.Get(t.Context(), url, auth); err != nil || r.Text() != name+" " {
						t.Errorf("%s: %v, %v", name, r, err)
					}
				}
			})
		}
		wg.Go(func() {
			if r, err := s.Get(t.Context(), server.URL); err != nil || r.StatusCode != http.StatusUnauthorized {
				t.Errorf("without a user: %v, %v", r, err)
			}
		})
	}
	wg.Wait()
	require.False(t, server.crossed.Load(), "a login on a connection of somebody else")
}

func TestAnotherOriginGetsNothing(t *testing.T) {
	var got []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		w.Header().Set("WWW-Authenticate", "NTLM")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	server := started(t, "NTLM")
	r, err := newSession(t).Get(t.Context(), server.URL+"/away?"+other.URL, ntlm.New(`DOMAIN\john`, password))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	require.Len(t, got, 1, "the challenge of another origin was answered")
	require.Empty(t, got[0]["Authorization"])
}

// Nothing that the program prints has the password or a message made of it.
func TestSecrets(t *testing.T) {
	server := started(t, "NTLM")
	var shown bytes.Buffer
	s := newSession(t)
	s.Logger = slog.New(slog.NewJSONHandler(&shown, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Dump = requests.Dump{To: &shown}
	auth := ntlm.New(`DOMAIN\john`, password)
	r, err := s.Get(t.Context(), server.URL, auth)
	require.NoError(t, err)
	require.Equal(t, `DOMAIN\john `, r.Text())
	_, message, _ := strings.Cut(r.Request.Header.Get("Authorization"), " ")
	require.NotEmpty(t, message)
	for _, v := range []any{auth, &auth, r, r.Request, r.History, s} {
		fmt.Fprintf(&shown, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
	}
	for _, p := range append(r.History, r) {
		fmt.Fprintln(&shown, p.Request.Curl())
	}
	_, err = s.Get(t.Context(), "http://127.0.0.1:1/", auth)
	fmt.Fprintf(&shown, "%v %+v %#v", err, err, err)
	for _, secret := range []string{password, message, fmt.Sprintf("%x", password)} {
		require.NotContains(t, shown.String(), secret)
	}
	require.Contains(t, shown.String(), "NTLM")
}

// No challenge causes a panic.
func FuzzChallenge(f *testing.F) {
	f.Add(newChallenge())
	f.Add([]byte("NTLMSSP\x00\x02"))
	handler := func(challenge []byte) *server {
		s := newServer("NTLM")
		s.challenge = func([]byte) []byte { return challenge }
		return s
	}
	f.Fuzz(func(t *testing.T, challenge []byte) {
		s := requests.NewSession(requests.TrustEnv(false), ntlm.New("john", password))
		defer s.Close()
		h := handler(challenge)
		c := new(connection)
		s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.serve(w, r.WithContext(context.WithValue(r.Context(), connectionKey{}, c)))
		})))
		r, err := s.Get(t.Context(), "mock://a.test/")
		if err == nil && r.StatusCode == http.StatusOK {
			t.Errorf("%q logs in", challenge)
		}
	})
}
