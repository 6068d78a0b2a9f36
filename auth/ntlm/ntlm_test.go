package ntlm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
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
	for name, tt := range map[string]struct{ user, password, names string }{
		"no user":                  {"", password, "username"},
		"no name in the domain":    {`DOMAIN\`, password, "username"},
		"two domains":              {`A\B\john`, password, "username"},
		"a user of two lines":      {"john\n", password, "username"},
		"no password":              {"john", "", "password"},
		"the line of a password":   {"john", password + "\n", "password"},
		"a NUL in a password":      {"john", password + "\x00", "password"},
		"a long user":              {long, password, "username"},
		"a long password":          {"john", long, "password"},
		"a user that is not UTF-8": {"caf\xe9", password, "username"},
		"such a password":          {"john", "caf\xe9", "password"},
	} {
		for _, body := range []requests.Option{requests.Text("x"), requests.Reader(io.MultiReader(strings.NewReader("once")))} {
			_, err := newSession(t).Post(t.Context(), server.URL, body, ntlm.New(tt.user, tt.password))
			require.ErrorIs(t, err, requests.ErrInvalidOption, name)
			require.ErrorContains(t, err, tt.names, name)
			require.NotContains(t, err.Error(), password)
		}
	}
	require.Zero(t, server.opened.Load())
}

// TestBodies counts how often a body is sent, and with which message.
func TestBodies(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	once := func() requests.Body { return requests.Reader(io.MultiReader(strings.NewReader(large))) }
	again := func() requests.Body { return requests.Text(large) }
	const size = 1 << 20
	for _, tt := range []struct {
		name    string
		schemes []string
		body    func() requests.Body
		sent    []int // bytes of the requests of the first call
		later   []int // and of the second one
		empty   int   // the status of an empty body
	}{
		{"again", []string{"NTLM"}, again, []int{size, 0, size}, []int{size}, http.StatusOK},
		{"once", []string{"NTLM"}, once, []int{0, size}, []int{0, size}, http.StatusOK},
		{"once, by the other name", []string{"Negotiate"}, once, []int{0, 0, size}, []int{0, size}, http.StatusOK},
		{"once, without a login", []string{}, once, []int{0, size}, []int{0, size}, http.StatusOK},
		{"once, without a login, which is an error", []string{}, once, []int{0, size}, []int{0, size}, http.StatusUnprocessableEntity},
		{"again, without a login", []string{}, again, []int{size}, []int{size}, http.StatusOK},
	} {
		for _, bridge := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, by a client %t", tt.name, bridge), func(t *testing.T) {
				server := started(t, tt.schemes...)
				server.open, server.empty = len(tt.schemes) == 0, tt.empty
				s := newSession(t, ntlm.New(`DOMAIN\john`, password))
				for _, want := range [][]int{tt.sent, tt.later} {
					server.lengths = nil
					var got string
					if bridge {
						body := io.Reader(strings.NewReader(large))
						if strings.HasPrefix(tt.name, "once") {
							body = io.MultiReader(body)
						}
						hr, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, body)
						require.NoError(t, err)
						hr.Header.Set("Content-Type", "text/x-large")
						hr.Header.Set("Expect", "100-continue")
						hr.Trailer = http.Header{"X-Sum": {"1"}}
						res, err := s.Client().Do(hr)
						require.NoError(t, err)
						b, err := io.ReadAll(res.Body)
						require.NoError(t, err)
						res.Body.Close()
						got = string(b)
					} else {
						r, err := s.Post(t.Context(), server.URL, tt.body(), requests.Headers{"Content-Type": "text/x-large"})
						require.NoError(t, err)
						require.Len(t, r.History, len(want)-1)
						got = r.Text()
					}
					require.Equal(t, want, server.lengths)
					require.True(t, strings.HasSuffix(got, " "+large), "the body has come")
					require.Equal(t, "text/x-large", server.contentType)
				}
				require.EqualValues(t, 1, server.opened.Load(), "connections")
			})
		}
	}
}

// TestBodyAndRedirect sends a body that can be read once to where a server redirects
// before it asks for a login.
func TestBodyAndRedirect(t *testing.T) {
	var seen []string
	server := started(t, "NTLM")
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen = append(seen, string(b))
		http.Redirect(w, r, server.URL, http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	once := requests.Reader(io.MultiReader(strings.NewReader("once")))
	r, err := newSession(t).Post(t.Context(), front.URL, once, ntlm.New(`DOMAIN\john`, password))
	require.NoError(t, err)
	require.Equal(t, []string{""}, seen)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode, "the Auth does not go to another origin")
	require.Equal(t, []int{4}, server.lengths)
}

// TestPrepared changes the body of a prepared request and sends it twice.
func TestPrepared(t *testing.T) {
	server := started(t, "NTLM")
	s := newSession(t, ntlm.New(`DOMAIN\john`, password))
	once := func(text string) requests.Body { return requests.Reader(io.MultiReader(strings.NewReader(text))) }
	p, err := s.Prepare(t.Context(), requests.NewRequest("POST", server.URL, once("old")))
	require.NoError(t, err)
	for _, text := range []string{"first", "second"} {
		require.NoError(t, p.SetBody(once(text)))
		server.lengths = nil
		r, err := s.Send(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, `DOMAIN\john `+text, r.Text())
		require.Equal(t, []int{0, len(text)}, server.lengths)
	}
}

// TestBusy keeps a body that can be sent once from a server that is busy or away, so
// that a later call can send it.
func TestBusy(t *testing.T) {
	server := started(t)
	server.open = true
	s := newSession(t, ntlm.New(`DOMAIN\john`, password))
	for _, status := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		once := requests.Reader(io.MultiReader(strings.NewReader("once")))
		server.empty, server.lengths = status, nil
		r, err := s.Post(t.Context(), server.URL, once)
		require.NoError(t, err)
		require.Equal(t, status, r.StatusCode)
		require.Equal(t, []int{0}, server.lengths)
		server.empty = http.StatusOK
		r, err = s.Post(t.Context(), server.URL, once)
		require.NoError(t, err)
		require.Equal(t, "anybody once", r.Text())
	}
}

// TestRefusedOnce returns the refusal of a login for a body that can be sent once.
func TestRefusedOnce(t *testing.T) {
	for _, schemes := range [][]string{{"NTLM"}, {"Basic realm=x"}, nil} {
		server := started(t, schemes...)
		once := requests.Reader(io.MultiReader(strings.NewReader("once")))
		r, err := newSession(t).Post(t.Context(), server.URL, once, ntlm.New(`DOMAIN\john`, "wrong"))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	}
}

// TestExtendedProtection logs in at a server that wants to know for which connection
// and for which name the login is meant.
func TestExtendedProtection(t *testing.T) {
	for _, encrypted := range []bool{true, false} {
		server := newServer("NTLM")
		server.protected = true
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if encrypted {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		s := newSession(t, requests.TLS{SkipVerify: true})
		s.Mount("https://", &requests.HTTPAdapter{DisableHTTP2: true})
		r, err := s.Post(t.Context(), server.URL, requests.Text("body"), ntlm.New(`DOMAIN\john`, password))
		require.NoError(t, err)
		require.Equal(t, `DOMAIN\john body`, r.Text())
		server.other = true // as if somebody in between had another certificate, and another name
		r, err = s.Post(t.Context(), server.URL, requests.Text("body"), ntlm.New(`DOMAIN\john`, password))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, r.StatusCode, "the login is not bound")
	}
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
