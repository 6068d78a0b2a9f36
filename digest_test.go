package requests_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// A digestServer checks Digest answers with arithmetic of its own.
type digestServer struct {
	algorithm, qop string
	nonce          func(requests int) string // of the challenge to the nth request
	next           func(requests int) string // nextnonce, if there is one
	stale          bool
	good           func(nonce string) bool // nil: any nonce is

	mu     sync.Mutex
	log    []digestRequest
	counts map[string]bool
}

// A digestRequest is one that came.
type digestRequest struct {
	remote, method, target, answer, body, cookie string
	fields                                       map[string]string
}

var digestField = regexp.MustCompile(`([a-z*]+)=(?:"([^"]*)"|([^ ,"]+))`)

func digestFields(value string) map[string]string {
	fields := map[string]string{}
	for _, m := range digestField.FindAllStringSubmatch(value, -1) {
		fields[m[1]] = m[2] + m[3]
	}
	return fields
}

var digestHashes = map[string]func() hash.Hash{
	"": md5.New, "MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256,
}

// valid checks an answer for the account user, pass.
func (s *digestServer) valid(r digestRequest) bool {
	f := r.fields
	newHash := digestHashes[strings.TrimSuffix(f["algorithm"], "-sess")]
	if newHash == nil || f["algorithm"] != s.algorithm || f["uri"] != r.target || s.good != nil && !s.good(f["nonce"]) {
		return false
	}
	h := func(parts ...string) string {
		hash := newHash()
		io.WriteString(hash, strings.Join(parts, ":"))
		return fmt.Sprintf("%x", hash.Sum(nil))
	}
	a1 := h("user", "r", "pass")
	if strings.HasSuffix(f["algorithm"], "-sess") {
		a1 = h(a1, f["nonce"], f["cnonce"])
	}
	a2 := h(r.method, r.target)
	if f["qop"] == "auth-int" {
		a2 = h(r.method, r.target, h(r.body))
	}
	if f["qop"] == "" {
		return f["response"] == h(a1, f["nonce"], a2)
	}
	use := f["nonce"] + f["nc"]
	if s.counts == nil {
		s.counts = map[string]bool{}
	}
	if s.counts[use] { // a replay
		return false
	}
	s.counts[use] = true
	return f["response"] == h(a1, f["nonce"], f["nc"], f["cnonce"], f["qop"], a2)
}

func (s *digestServer) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	body, _ := io.ReadAll(hr.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := digestRequest{hr.RemoteAddr, hr.Method, hr.RequestURI, hr.Header.Get("Authorization"), string(body), hr.Header.Get("Cookie"), nil}
	r.fields = digestFields(r.answer)
	s.log = append(s.log, r)
	if r.answer != "" && s.valid(r) {
		if s.next != nil {
			w.Header().Set("Authentication-Info", fmt.Sprintf(`nextnonce=%q`, s.next(len(s.log))))
		}
		io.WriteString(w, "ok")
		return
	}
	nonce := "n"
	if s.nonce != nil {
		nonce = s.nonce(len(s.log))
	}
	challenge := fmt.Sprintf(`Digest realm="r", nonce=%q`, nonce)
	if s.algorithm != "" {
		challenge += ", algorithm=" + s.algorithm
	}
	if s.qop != "" {
		challenge += fmt.Sprintf(`, qop=%q`, s.qop)
	}
	if s.stale && r.answer != "" {
		challenge += ", stale=true"
	}
	w.Header().Add("WWW-Authenticate", "Basic realm=b")
	w.Header().Add("WWW-Authenticate", challenge)
	w.Header().Set("Set-Cookie", "met=1")
	w.WriteHeader(401)
	io.WriteString(w, "denied")
}

// startDigest serves s, for a session that has the account.
func startDigest(t testing.TB, s *digestServer) (string, *requests.Session) {
	t.Helper()
	noEnvironment(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	session := requests.NewSession(requests.DigestAuth("user", "pass"))
	t.Cleanup(func() { session.Close() })
	return server.URL, session
}

func statuses(list []*requests.Response) (all []int) {
	for _, r := range list {
		all = append(all, r.StatusCode)
	}
	return all
}

func TestDigestAuth(t *testing.T) {
	for _, tt := range []struct{ name, algorithm, qop string }{
		{"RFC 2069", "", ""},
		{"MD5", "MD5", "auth"},
		{"MD5 without qop", "MD5", ""},
		{"MD5-sess", "MD5-sess", "auth"},
		{"SHA-256", "SHA-256", "auth"},
		{"SHA-256-sess", "SHA-256-sess", "auth,auth-int"},
		{"SHA-512-256", "SHA-512-256", "auth"},
		{"SHA-512-256-sess", "SHA-512-256-sess", "auth"},
		{"auth-int", "SHA-256", "auth-int"},
		{"auth-int with MD5-sess", "MD5-sess", "auth-int"},
	} {
		for _, stream := range []requests.Stream{false, true} {
			t.Run(fmt.Sprintf("%s/stream %v", tt.name, stream), func(t *testing.T) {
				server := &digestServer{algorithm: tt.algorithm, qop: tt.qop}
				url, s := startDigest(t, server)
				for i, body := range []requests.Option{
					nil, requests.Text("text"), requests.Form{"k": "v w"}, requests.Reader(bytes.NewReader([]byte("stream"))), requests.Bytes(nil),
				} {
					r, err := s.Post(t.Context(), url+"/dir;p=1/a%20b?q=1&r=%2F", body, stream)
					if err != nil {
						t.Fatalf("Post %d = %v", i, err)
					}
					if got := r.Text(); r.StatusCode != 200 || got != "ok" {
						t.Fatalf("Post %d = %d %q; want 200 ok", i, r.StatusCode, got)
					}
					r.Close()
					if i > 0 && len(r.History) > 0 {
						t.Errorf("Post %d met challenge again: %v", i, statuses(r.History))
					}
					if i == 0 && (len(r.History) != 1 || r.History[0].Text() != "denied" || len(r.History[0].History) > 0) {
						t.Errorf("history %v; want the 401, readable", r.History)
					}
				}
				first := server.log[0]
				for i, r := range server.log {
					if r.remote != first.remote {
						t.Errorf("request %d came on another connection", i)
					}
				}
				if bodies := []string{server.log[2].body, server.log[3].body, server.log[4].body}; fmt.Sprint(bodies) != "[text k=v+w stream]" {
					t.Errorf("bodies %q", bodies)
				}
			})
		}
	}
}

func TestDigestCountsFromThreadToThread(t *testing.T) {
	server := &digestServer{algorithm: "SHA-256", qop: "auth"}
	url, s := startDigest(t, server)
	get(t, s, url)
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if r, err := s.Get(t.Context(), url); err != nil || r.StatusCode != 200 || len(r.History) > 0 {
				t.Errorf("Get = %v, %v; want 200 at once", r, err)
			}
		})
	}
	calls.Wait()
	if len(server.log) != 52 {
		t.Errorf("%d requests; want 52", len(server.log))
	}
	if last := server.log[1].fields; last["nc"] != "00000001" {
		t.Errorf("nc %s; want 00000001", last["nc"])
	}
}

func TestDigestSendsCookiesOfTheChallenge(t *testing.T) {
	server := &digestServer{qop: "auth"}
	url, s := startDigest(t, server)
	get(t, s, url, requests.Cookies{"own": "2"})
	if got := server.log[1].cookie; !strings.Contains(got, "met=1") || !strings.Contains(got, "own=2") {
		t.Errorf("Cookie %q; want that of the 401 and that of the call", got)
	}
}

func TestDigestWrongPassword(t *testing.T) {
	server := &digestServer{qop: "auth"}
	url, s := startDigest(t, server)
	r := get(t, s, url, requests.DigestAuth("user", "wrong"))
	if r.StatusCode != 401 || r.Text() != "denied" || len(server.log) != 2 || len(r.History) != 1 {
		t.Errorf("Get = %v %q, %d requests, history %v; want 401 denied, 2, one", r, r.Text(), len(server.log), r.History)
	}
}

// TestDigestStale lets the server refuse a nonce for its age.
func TestDigestStale(t *testing.T) {
	now := "n1"
	server := &digestServer{qop: "auth", stale: true}
	server.nonce = func(int) string { return now }
	server.good = func(nonce string) bool { return nonce == now }
	url, s := startDigest(t, server)
	get(t, s, url)
	now = "n2"
	if r := get(t, s, url); r.StatusCode != 200 || len(r.History) != 1 {
		t.Errorf("Get with an old nonce = %v after %v; want 200 after one 401", r, r.History)
	}
	t.Run("on the way", func(t *testing.T) { // the first answer comes too late, the second in time
		server := &digestServer{qop: "auth", stale: true}
		server.nonce = func(n int) string { return fmt.Sprint("n", n) }
		server.good = func(nonce string) bool { return nonce == "n2" }
		url, s := startDigest(t, server)
		if r := get(t, s, url); r.StatusCode != 200 || len(r.History) != 2 {
			t.Errorf("Get = %v after %v; want 200 after two 401", r, r.History)
		}
	})
	t.Run("B151", func(t *testing.T) { // it never ends
		server := &digestServer{qop: "auth", stale: true}
		server.nonce = func(n int) string { return fmt.Sprint("n", n) }
		server.good = func(string) bool { return false }
		url, s := startDigest(t, server)
		if r := get(t, s, url); r.StatusCode != 401 || len(server.log) != 3 || len(r.History) != 2 {
			t.Errorf("Get = %v, %d requests; want 401, 3", r, len(server.log))
		}
	})
}

func TestDigestNextNonce(t *testing.T) {
	server := &digestServer{qop: "auth", algorithm: "SHA-256"}
	server.next = func(n int) string { return fmt.Sprint("next", n) }
	url, s := startDigest(t, server)
	get(t, s, url)
	get(t, s, url)
	get(t, s, url)
	if a, b := server.log[2].fields["nonce"], server.log[3].fields["nonce"]; a != "next2" || b != "next3" {
		t.Errorf("nonces %q, %q; want those that the server gave in exchange", a, b)
	}
}

// once is a body that can be read once.
func once(text string) requests.Option {
	return requests.Reader(io.MultiReader(strings.NewReader(text)))
}

func TestDigestBodyThatCannotBeSentAgain(t *testing.T) {
	t.Run("A247", func(t *testing.T) { // a server that nothing is known of
		server := &digestServer{qop: "auth"}
		url, s := startDigest(t, server)
		if _, err := s.Post(t.Context(), url, once("b")); !errors.Is(err, requests.ErrBodyNotReplayable) || len(server.log) > 0 {
			t.Errorf("Post = %v after %d requests; want ErrBodyNotReplayable, 0", err, len(server.log))
		}
		get(t, s, url)
		if r, err := s.Post(t.Context(), url, once("b")); err != nil || r.StatusCode != 200 || server.log[2].body != "b" {
			t.Errorf("Post with a known nonce = %v, %v; want 200", r, err)
		}
	})
	t.Run("old nonce", func(t *testing.T) {
		now := "n1"
		server := &digestServer{qop: "auth", stale: true}
		server.nonce = func(int) string { return now }
		server.good = func(nonce string) bool { return nonce == now }
		url, s := startDigest(t, server)
		get(t, s, url)
		now = "n2"
		if _, err := s.Post(t.Context(), url, once("b")); !errors.Is(err, requests.ErrBodyNotReplayable) {
			t.Errorf("Post = %v; want ErrBodyNotReplayable", err)
		}
	})
	t.Run("B153", func(t *testing.T) { // auth-int needs the body before it is sent
		server := &digestServer{qop: "auth-int"}
		url, s := startDigest(t, server)
		get(t, s, url)
		if _, err := s.Post(t.Context(), url, once("b")); !errors.Is(err, requests.ErrBodyNotReplayable) || len(server.log) != 2 {
			t.Errorf("Post = %v after %d requests; want ErrBodyNotReplayable, 2", err, len(server.log))
		}
	})
}

// TestDigestMalformedChallenges are left as they are. B152
func TestDigestMalformedChallenges(t *testing.T) {
	for _, tt := range []struct{ name, challenge string }{
		{"none", ""},
		{"no nonce", `Digest realm="r", qop="auth"`},
		{"no realm", `Digest nonce="n", qop="auth"`},
		{"no parameters", `Digest`},
		{"unterminated quote", `Digest realm="r, nonce="n`},
		{"unknown qop", `Digest realm="r", nonce="n", qop="auth-conf"`},
		{"unknown algorithm", `Digest realm="r", nonce="n", algorithm=SHA-3`},
		{"token", `Digest realm="r", nonce="n", algorithm=token`},
		{"parameter twice", `Digest realm="r", nonce="n", nonce="m"`},
		{"NUL", "Digest realm=\"r\x00\", nonce=\"n\""},
		{"non-ASCII realm", `Digest realm="r` + "\xe9" + `", nonce="n"`},
		{"A245 long", "Digest realm=\"r\", nonce=\"n\", x=\"" + strings.Repeat(`\"`, 1<<19) + `"`},
		{"A245 many", strings.Repeat("x,", 1<<19)},
		{"A248 NTLM", "NTLM TlRMTVNTUAACAAAA"},
		{"Basic", `Basic realm="r"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(reply{status: 401, header: http.Header{"Www-Authenticate": {tt.challenge}}, body: "denied"}),
				requests.DigestAuth("user", secret))
			r := get(t, s, "http://a.test/")
			if r.StatusCode != 401 || r.Text() != "denied" || len(sent.sent) != 1 || sent.sent[0].header.Get("Authorization") != "" {
				t.Errorf("Get = %v after %d requests; want 401 after one without credentials", r, len(sent.sent))
			}
		})
	}
}

// digestChallenge is a reply that asks for an answer.
func digestChallenge(nonce string) reply {
	return reply{status: 401, header: http.Header{"Www-Authenticate": {fmt.Sprintf(`Digest realm="r", nonce=%q, qop="auth"`, nonce)}}, body: "denied"}
}

// TestDigestOrigins lets no server have an answer that was meant for another.
func TestDigestOrigins(t *testing.T) {
	t.Run("B154", func(t *testing.T) { // a challenge where a redirect led
		s, sent := scripted(t, func(_ int, p *requests.PreparedRequest) reply {
			if p.URL.Host == "a.test" {
				return redirectTo("http://b.test/")
			}
			return digestChallenge("n")
		}, requests.DigestAuth("user", secret))
		if r := get(t, s, "http://a.test/"); r.StatusCode != 401 || len(sent.sent) != 2 || sent.sent[1].header.Get("Authorization") != "" {
			t.Errorf("Get = %v after %d requests; want 401 after 2", r, len(sent.sent))
		}
	})
	t.Run("A244", func(t *testing.T) { // an answer where a redirect led, and a nonce of elsewhere
		s, sent := scripted(t, replies(digestChallenge("n"), redirectTo("http://b.test/"), ok()), requests.DigestAuth("user", secret))
		get(t, s, "http://a.test/")
		if got := sent.sent[2].header.Get("Authorization"); got != "" {
			t.Errorf("the redirect got %q", got)
		}
		get(t, s, "http://b.test/")
		if got := sent.sent[3].header.Get("Authorization"); got != "" {
			t.Errorf("another origin got an answer unasked: %q", got)
		}
		get(t, s, "http://a.test:80/")
		if got := digestFields(sent.sent[4].header.Get("Authorization")); got["nonce"] != "n" || got["nc"] != "00000002" {
			t.Errorf("the same origin got %v; want the nonce again", got)
		}
	})
	t.Run("within the origin", func(t *testing.T) { // the answer is made for the new URL
		s, sent := scripted(t, replies(digestChallenge("n"), redirectTo("/two?x"), ok()), requests.DigestAuth("user", "pass"))
		get(t, s, "http://a.test/one")
		got := digestFields(sent.sent[2].header.Get("Authorization"))
		if got["uri"] != "/two?x" || got["nc"] != "00000002" {
			t.Errorf("the redirect got %v; want an answer for /two?x", got)
		}
	})
	t.Run("after a redirect", func(t *testing.T) { // the rounds start anew
		stale := digestChallenge("m")
		stale.header.Set("Www-Authenticate", stale.header.Get("Www-Authenticate")+", stale=true")
		s, sent := scripted(t, replies(digestChallenge("n"), stale, redirectTo("/two"), digestChallenge("o"), ok()), requests.DigestAuth("user", "pass"))
		r := get(t, s, "http://a.test/one")
		if r.StatusCode != 200 || len(sent.sent) != 5 || fmt.Sprint(statuses(r.History)) != "[401 401 302 401]" {
			t.Errorf("Get = %v after %v", r, statuses(r.History))
		}
	})
	for _, status := range []int{200, 400, 403, 407, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) { // only 401 asks
			c := digestChallenge("n")
			c.status = status
			c.header.Set("Proxy-Authenticate", c.header.Get("Www-Authenticate"))
			s, sent := scripted(t, replies(c), requests.DigestAuth("user", "pass"), requests.ProxyAuth("user", "pass"))
			if r := get(t, s, "http://a.test/"); r.StatusCode != status || len(sent.sent) != 1 {
				t.Errorf("Get = %v after %d requests; want %d at once", r, len(sent.sent), status)
			}
		})
	}
}

func TestDigestOnlyIfNoneElse(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []requests.Option
		want string
	}{
		{"call field over session Auth", []requests.Option{requests.Headers{"Authorization": "Token t"}}, "Token t"},
		{"call Auth over call field", []requests.Option{requests.Headers{"Authorization": "Token t"}, requests.BearerAuth("b")}, "Bearer b"},
		{"call Auth over session Auth", []requests.Option{requests.BasicAuth("u", "p")}, "Basic dTpw"},
		{"NoAuth", []requests.Option{requests.NoAuth()}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(digestChallenge("n")), requests.DigestAuth("user", "pass"))
			get(t, s, "http://a.test/", tt.opts...)
			if got := sent.sent[0].header.Get("Authorization"); got != tt.want || len(sent.sent) != 1 {
				t.Errorf("Authorization %q in the first of %d; want %q in one", got, len(sent.sent), tt.want)
			}
		})
	}
}

// TestDigestTakesTheFieldOver: what the session's header has is not sent beside a challenge to come.
func TestDigestTakesTheFieldOver(t *testing.T) {
	s, sent := scripted(t, replies(ok()), requests.DigestAuth("user", "pass"), requests.Headers{"Authorization": "Token t"})
	if get(t, s, "http://a.test/"); sent.authorization(0) != "" {
		t.Errorf("Authorization %q; want none", sent.authorization(0))
	}
}

func TestDigestCredentialsWithControl(t *testing.T) {
	s, _ := scripted(t, replies(digestChallenge("n")), requests.DigestAuth("us\ner", secret))
	_, err := s.Get(t.Context(), "http://a.test/")
	if !errors.Is(err, requests.ErrInvalidOption) || strings.Contains(err.Error(), secret) {
		t.Errorf("Get = %v; want ErrInvalidOption", err)
	}
}

// TestDigestProof is RFC 7616, section 3.5: the server's own proof is optional,
// and has to be right if it is there.
func TestDigestProof(t *testing.T) {
	for proof, want := range map[string]error{
		"":      nil,
		"right": nil,
		"wrong": requests.ErrAuthentication,
	} {
		t.Run(proof, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f := digestFields(r.Header.Get("Authorization"))
				if f["nonce"] == "" {
					w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
				rspauth := map[string]string{
					"right": h(h("user:r:pass") + ":n:" + f["nc"] + ":" + f["cnonce"] + ":auth:" + h(":"+r.RequestURI)),
					"wrong": h("anything"),
				}[proof]
				w.Header().Set("Authentication-Info", fmt.Sprintf(`rspauth=%q, qop=auth, nc=%s, cnonce=%q`, rspauth, f["nc"], f["cnonce"]))
				io.WriteString(w, "ok")
			}))
			defer srv.Close()
			s := requests.NewSession(requests.TrustEnv(false), requests.DigestAuth("user", "pass"))
			defer s.Close()
			for range 2 { // the second one does not wait for a challenge
				_, err := s.Get(t.Context(), srv.URL+"/a?b")
				require.ErrorIs(t, err, want)
			}
		})
	}
}
