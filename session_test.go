package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestCallsDoNotStick sends a call full of settings, and then a plain one, which
// must be that of a fresh session. A021, A235
func TestCallsDoNotStick(t *testing.T) {
	defaults := []requests.Option{requests.Headers{"X-S": "1"}, requests.Params{"s": 1}, requests.BasicAuth("s", "p"), requests.Cookies{"s": "1"}}
	fresh, want := scripted(t, replies(ok()), defaults...)
	get(t, fresh, "http://a.test/")
	for _, tt := range []struct {
		name string
		opt  requests.Option
	}{
		{"A021 Referer", requests.Headers{"Referer": "http://x.test/"}},
		{"A235 Headers", requests.Headers{"X-S": "2", "X-C": "1", "User-Agent": nil}},
		{"A235 Params", requests.Params{"s": nil, "c": 2}},
		{"A235 Cookies", requests.Cookies{"s": "2", "c": "1"}},
		{"A235 Auth", requests.BearerAuth("t")},
		{"A235 NoAuth", requests.NoAuth()},
		{"A235 body", requests.JSON(1)},
		{"A235 Stream", requests.Stream(true)},
		{"A235 AllowRedirects", requests.AllowRedirects(false)},
		{"A235 RaiseForStatus", requests.RaiseForStatus(true)},
		{"A235 hook", requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { p.Header.Set("X-Hook", "1"); return nil })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok(), redirectTo("/2"), reply{status: 404, body: "no"}), defaults...)
			r, err := s.Get(t.Context(), "http://a.test/", tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			r = get(t, s, "http://a.test/")
			if got := sent.sent[1]; !reflect.DeepEqual(got, want.sent[0]) {
				t.Errorf("sent %+v; want %+v", got, want.sent[0])
			}
			if r.StatusCode != 404 || r.Text() != "no" || len(r.History) != 1 {
				t.Errorf("Get = %v after %d redirects; want 404 after one, read", r, len(r.History))
			}
		})
	}
}

// TestWithDerives: what With copies, and what it shares.
func TestWithDerives(t *testing.T) {
	s, sent := scripted(t, replies(reply{status: 200, header: http.Header{"Set-Cookie": {"c=1"}}}, ok()),
		requests.Headers{"X-A": "s"}, requests.Params{"a": "s"}, requests.BasicAuth("s", "p"))
	d := s.With(requests.Headers{"X-A": "d", "X-B": "d"}, requests.Params{"b": "d"}, requests.BearerAuth("d"), requests.MaxRedirects(1))
	get(t, s, "http://a.test/")
	get(t, d, "http://a.test/")
	get(t, s, "http://a.test/")
	a, b, again := sent.sent[0], sent.sent[1], sent.sent[2]
	if a.url != "http://a.test/?a=s" || a.header.Get("X-A") != "s" || a.header.Get("X-B") != "" || a.header.Get("Authorization") != "Basic czpw" {
		t.Errorf("the session sent %+v", a)
	}
	if b.url != "http://a.test/?a=s&b=d" || b.header.Get("X-A") != "d" || b.header.Get("X-B") != "d" || b.header.Get("Authorization") != "Bearer d" {
		t.Errorf("the derived one sent %+v", b)
	}
	if b.header.Get("Cookie") != "c=1" {
		t.Error("the derived one has not the cookies")
	}
	if again.header.Get("Cookie") != "c=1" || again.header.Get("X-A") != "s" || again.url != a.url {
		t.Errorf("then the session sent %+v", again)
	}
	if d.MaxRedirects != 1 || s.MaxRedirects != 0 {
		t.Errorf("MaxRedirects %d and %d; want 1 and 0", d.MaxRedirects, s.MaxRedirects)
	}
}

// TestSessionIsForManyGoroutines lets 100 of them do all that touches what they share.
func TestSessionIsForManyGoroutines(t *testing.T) {
	noEnvironment(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c" + r.URL.Query().Get("n"), Value: "1"})
		io.WriteString(w, "got"+r.URL.Query().Get("n"))
	})
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.Handle("/redirect", http.RedirectHandler("/post", http.StatusTemporaryRedirect))
	mux.Handle("/digest", &digestServer{algorithm: "SHA-256", qop: "auth"})
	server := httptest.NewServer(mux)
	defer server.Close()
	s := requests.NewSession(requests.BaseURL(server.URL), requests.Headers{"X-S": "1"}, requests.Params{"s": 1})
	defer s.Close()
	digest := requests.DigestAuth("user", "pass")
	var calls sync.WaitGroup
	for n := range 100 {
		calls.Go(func() {
			text := fmt.Sprint(n)
			check := func(what, want string, r *requests.Response, err error) {
				if err != nil || r.StatusCode != 200 || r.Text() != want {
					t.Errorf("%d: %s = %v, %v; want %q", n, what, r, err, want)
				}
			}
			r, err := s.Get(t.Context(), "get", requests.Params{"n": n}, requests.Cookies{"own": text})
			check("Get", "got"+text, r, err)
			r, err = s.Post(t.Context(), "post", requests.Text(text), requests.Headers{"X-N": n})
			check("Post", text, r, err)
			r, err = s.Post(t.Context(), "redirect", requests.Reader(strings.NewReader(text)))
			check("redirected Post", text, r, err)
			r, err = s.With(requests.Params{"d": n}).Get(t.Context(), "digest", digest)
			check("Digest", "ok", r, err)
		})
	}
	calls.Wait()
}

// cookiesOf lists the Cookie fields that were sent, one for each request.
func cookiesOf(sent *script) (fields []string) {
	for _, s := range sent.sent {
		fields = append(fields, s.header.Get("Cookie"))
	}
	return fields
}

// setCookie is a response that sets a cookie.
func setCookie(r reply, cookie string) reply {
	h := http.Header{"Set-Cookie": {cookie}}
	for name, v := range r.header {
		h[name] = v
	}
	r.header = h
	return r
}

// TestSessionCookies: what a session is given as Cookies goes out with its calls
// and into no jar, least of all one that it shares.
func TestSessionCookies(t *testing.T) {
	t.Run("tenants", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()))
		s.Cookies.Set("common", "1")
		a, b := s.With(requests.Cookies{"tenant": "a"}), s.With(requests.Cookies{"tenant": "b"})
		get(t, a, "http://a.test/")
		get(t, b, "http://a.test/")
		get(t, s, "http://a.test/")
		get(t, a.With(requests.Cookies{"more": "1"}), "http://a.test/")
		get(t, a, "http://a.test/")
		require.Equal(t, []string{"common=1; tenant=a", "common=1; tenant=b", "common=1", "common=1; more=1; tenant=a", "common=1; tenant=a"}, cookiesOf(sent))
		require.Equal(t, 1, s.Cookies.Len())
	})
	t.Run("a jar of the caller's", func(t *testing.T) {
		jar := new(requests.CookieJar)
		for _, opts := range [][]requests.Option{{jar, requests.Cookies{"a": "1"}}, {requests.Cookies{"a": "1"}, jar}} {
			s, sent := scripted(t, replies(setCookie(ok(), "b=2"), ok()), opts...)
			require.Same(t, jar, s.Cookies)
			get(t, s, "http://a.test/")
			get(t, s, "http://a.test/")
			require.Equal(t, []string{"a=1", "b=2; a=1"}, cookiesOf(sent))
			require.Equal(t, map[string]string{"b": "2"}, jar.Map())
			jar.Clear()
		}
	})
	t.Run("those of the call", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.Cookies{"a": "session", "b": "session"}, requests.Cookies{"c": "session"})
		get(t, s, "http://a.test/", requests.Cookies{"a": "call"})
		get(t, s, "http://a.test/")
		require.Equal(t, []string{"a=call; b=session; c=session", "a=session; b=session; c=session"}, cookiesOf(sent))
	})
	t.Run("those of the jar", func(t *testing.T) { // as for a call: those without a domain are replaced, and those of servers stay
		s, sent := scripted(t, replies(setCookie(ok(), "b=server"), ok()))
		s.Cookies.Set("a", "jar")
		d := s.With(requests.Cookies{"a": "session", "b": "session"})
		get(t, d, "http://a.test/")
		get(t, d, "http://a.test/")
		require.Equal(t, []string{"a=session; b=session", "b=server; a=session; b=session"}, cookiesOf(sent))
	})
	t.Run("redirects", func(t *testing.T) { // to every host that the caller names, and to no other
		chain := replies(redirectTo("http://b.test/"), redirectTo("http://a.test:81/"), redirectTo("https://a.test/"), ok())
		s, sent := scripted(t, chain, requests.Cookies{"a": "1"})
		get(t, s, "http://a.test/", requests.Cookies{"call": "1"})
		require.Equal(t, []string{"a=1; call=1", "", "a=1", "a=1"}, cookiesOf(sent))
	})
	t.Run("by every way", func(t *testing.T) {
		list := reply{status: 200, header: http.Header{"Link": {`</2>; rel="next"`}}}
		s, sent := scripted(t, replies(list, ok()), requests.Cookies{"a": "1"})
		for _, err := range s.Pages(t.Context(), "http://a.test/1") {
			require.NoError(t, err)
		}
		r, err := s.Client().Get("http://a.test/client")
		require.NoError(t, err)
		r.Body.Close()
		p, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/prepared"))
		require.NoError(t, err)
		_, err = s.Send(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, []string{"a=1", "a=1", "a=1", "a=1"}, cookiesOf(sent))
		s, sent = scripted(t, replies(redirectTo("/2"), ok()), requests.Cookies{"a": "1"})
		next, err := get(t, s, "http://a.test/", requests.AllowRedirects(false)).Next()
		require.NoError(t, err)
		_, err = s.Send(t.Context(), next)
		require.NoError(t, err)
		require.Equal(t, []string{"a=1", "a=1"}, cookiesOf(sent))
	})
	t.Run("after Next", func(t *testing.T) { // the caller has named the first host, and no other
		s, sent := scripted(t, replies(redirectTo("http://b.test/"), redirectTo("/2"), redirectTo("http://a.test/3"), ok()), requests.Cookies{"a": "1"})
		s.Cookies.Set("b", "2")
		next, err := get(t, s, "http://a.test/", requests.AllowRedirects(false)).Next()
		require.NoError(t, err)
		_, err = s.Send(t.Context(), next)
		require.NoError(t, err)
		require.Equal(t, []string{"b=2; a=1", "", "", "b=2; a=1"}, cookiesOf(sent))
	})
	t.Run("a Cookie field by hand", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.Cookies{"a": "1"})
		get(t, s, "http://a.test/", requests.Headers{"Cookie": "mine=1"})
		require.Equal(t, []string{"mine=1"}, cookiesOf(sent))

		s, sent = scripted(t, replies(redirectTo("/2"), redirectTo("http://b.test/"), ok())) // which has cookies of its own
		require.NoError(t, s.Cookies.Set("b", "2", requests.CookieDomain("b.test")))
		get(t, s, "http://a.test/", requests.Headers{"Cookie": "mine=1"})
		require.Equal(t, []string{"mine=1", "mine=1", "b=2"}, cookiesOf(sent))
	})
	t.Run("one that cannot be sent", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.Cookies{"a": "1;2"})
		_, err := s.Get(t.Context(), "http://a.test/")
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		require.Empty(t, sent.sent)
	})
}

// TestJarOption: a jar is that of a session or of one call alone.
func TestJarOption(t *testing.T) {
	t.Run("of a call", func(t *testing.T) {
		s, sent := scripted(t, replies(setCookie(redirectTo("/2"), "set=1"), ok()), requests.Cookies{"beside": "1"})
		s.Cookies.Set("session", "1")
		other, jar := new(requests.CookieJar), new(requests.CookieJar)
		jar.Set("own", "1")
		get(t, s, "http://a.test/", other, jar)
		get(t, s, "http://a.test/")
		require.Equal(t, []string{"own=1; beside=1", "own=1; set=1; beside=1", "session=1; beside=1"}, cookiesOf(sent))
		require.Equal(t, 1, s.Cookies.Len())
		require.Equal(t, 2, jar.Len())
		require.Zero(t, other.Len())
	})
	t.Run("of a session", func(t *testing.T) {
		jar, another := new(requests.CookieJar), new(requests.CookieJar)
		s, sent := scripted(t, replies(setCookie(ok(), "set=1"), ok()), jar)
		d := s.With(another)
		require.Same(t, another, d.Cookies)
		require.Same(t, jar, s.Cookies)
		get(t, s, "http://a.test/")
		get(t, d, "http://a.test/")
		get(t, s.With(), "http://a.test/")
		require.Equal(t, []string{"", "", "set=1"}, cookiesOf(sent))
		require.Zero(t, another.Len())
	})
	t.Run("of a prepared request", func(t *testing.T) {
		jar := new(requests.CookieJar)
		jar.Set("own", "1")
		s, sent := scripted(t, replies(setCookie(redirectTo("/2"), "set=1"), ok()))
		p, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/", jar))
		require.NoError(t, err)
		_, err = s.Send(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, []string{"own=1", "own=1; set=1"}, cookiesOf(sent))
		require.Zero(t, s.Cookies.Len())
		p, err = requests.NewRequest("GET", "http://a.test/", jar).Prepare(t.Context())
		require.NoError(t, err)
		require.Equal(t, "own=1; set=1", p.Header.Get("Cookie"))

		jar = new(requests.CookieJar) // for what comes
		s, _ = scripted(t, replies(setCookie(ok(), "set=1")))
		_, err = s.Send(t.Context(), p, jar)
		require.NoError(t, err)
		require.Equal(t, 1, jar.Len())
		require.Zero(t, s.Cookies.Len())
	})
	t.Run("nil", func(t *testing.T) {
		var none *requests.CookieJar
		s, sent := scripted(t, replies(ok()))
		for _, do := range []func() error{
			func() error { _, err := s.Get(t.Context(), "http://a.test/", none); return err },
			func() error { _, err := s.With(none).Get(t.Context(), "http://a.test/"); return err },
			func() error { _, err := requests.NewSession(none).Get(t.Context(), "http://a.test/"); return err },
			func() error { _, err := requests.Get(t.Context(), "http://a.test/", none); return err },
		} {
			require.ErrorIs(t, do(), requests.ErrInvalidOption)
		}
		require.Empty(t, sent.sent)
	})
}

// TestKeepCookies does without the jar, in a call or a session.
func TestKeepCookies(t *testing.T) {
	off, on := requests.KeepCookies(false), requests.KeepCookies(true)
	t.Run("of a call", func(t *testing.T) {
		s, sent := scripted(t, replies(setCookie(redirectTo("/2"), "set=1"), ok()), requests.Cookies{"beside": "1"})
		s.Cookies.Set("session", "1")
		get(t, s, "http://a.test/", off, requests.Cookies{"call": "1"})
		get(t, s, "http://a.test/")
		require.Equal(t, []string{"beside=1; call=1", "set=1; beside=1; call=1", "session=1; beside=1"}, cookiesOf(sent))
		require.Equal(t, 1, s.Cookies.Len())
	})
	t.Run("of a session", func(t *testing.T) {
		field, sentByField := scripted(t, replies(setCookie(ok(), "set=1")))
		field.NoCookies = true
		for name, tt := range map[string]struct {
			s    *requests.Session
			sent *script
		}{
			"field": {field, sentByField},
			"option": func() (tt struct {
				s    *requests.Session
				sent *script
			}) {
				tt.s, tt.sent = scripted(t, replies(setCookie(ok(), "set=1")), off)
				return tt
			}(),
			"With": func() (tt struct {
				s    *requests.Session
				sent *script
			}) {
				tt.s, tt.sent = scripted(t, replies(setCookie(ok(), "set=1")))
				tt.s = tt.s.With(off).With()
				return tt
			}(),
		} {
			for range 3 {
				r := get(t, tt.s, "http://a.test/")
				require.Len(t, r.Cookies(), 1)
			}
			require.Equal(t, []string{"", "", ""}, cookiesOf(tt.sent), name)
			require.Zero(t, tt.s.Cookies.Len(), name)

			get(t, tt.s, "http://a.test/", on)
			get(t, tt.s, "http://a.test/")
			get(t, tt.s.With(on), "http://a.test/")
			require.Equal(t, []string{"", "", "set=1"}, cookiesOf(tt.sent)[3:], name)

			jar := new(requests.CookieJar)
			get(t, tt.s, "http://a.test/", jar)
			require.Equal(t, 1, jar.Len(), name)
			get(t, tt.s, "http://a.test/", jar, off)
			require.Equal(t, []string{"", ""}, cookiesOf(tt.sent)[6:], name)
		}
	})
	t.Run("of a zero session", func(t *testing.T) {
		s := &requests.Session{NoCookies: true}
		defer s.Close()
		a := &script{answer: replies(setCookie(ok(), "set=1"))}
		s.Mount("http://", a)
		get(t, s, "http://a.test/")
		get(t, s, "http://a.test/", on)
		get(t, s, "http://a.test/", on)
		require.Equal(t, []string{"", "", "set=1"}, cookiesOf(a))
	})
	t.Run("of the package", func(t *testing.T) { // whose calls stand alone
		for range 2 {
			r, err := requests.Get(t.Context(), httpbin+"/cookies", on)
			require.NoError(t, err)
			require.NotContains(t, r.Text(), "set")
			_, err = requests.Get(t.Context(), httpbin+"/cookies/set", requests.Params{"set": 1}, on)
			require.NoError(t, err)
		}
	})
}

// The calls of a nil Session are errors that say so, whatever is called.
func TestNilSession(t *testing.T) {
	var s *requests.Session
	p, err := requests.NewRequest("GET", "http://127.0.0.1:1/").Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Mount("mock://", requests.Handler(http.NotFoundHandler()))
	s.CloseIdleConnections()
	for name, call := range map[string]func() error{
		"Get": func() error { _, err := s.Get(t.Context(), "http://127.0.0.1:1/"); return err },
		"Do":  func() error { _, err := s.Do(t.Context(), "GET", "http://127.0.0.1:1/"); return err },
		"Prepare": func() error {
			_, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://127.0.0.1:1/"))
			return err
		},
		"Send":     func() error { _, err := s.Send(t.Context(), p); return err },
		"With":     func() error { _, err := s.With(requests.Timeout{}).Get(t.Context(), "http://127.0.0.1:1/"); return err },
		"Client":   func() error { _, err := s.Client().Get("http://127.0.0.1:1/"); return err },
		"Adapter":  func() error { _, err := s.Adapter("http://127.0.0.1:1/"); return err },
		"Download": func() error { _, err := s.Download(t.Context(), "http://127.0.0.1:1/x", t.TempDir()); return err },
		"Pages":    func() error { return errorOf(s.Pages(t.Context(), "http://127.0.0.1:1/")) },
		"Events":   func() error { return errorOf(s.Events(t.Context(), "http://127.0.0.1:1/")) },
		"Many": func() (err error) {
			for r := range s.Many(t.Context(), requests.URLs("http://127.0.0.1:1/")) {
				err = r.Err
			}
			return err
		},
	} {
		if err := call(); !errors.Is(err, requests.ErrInvalidOption) || errors.Is(err, requests.ErrConnection) || !strings.Contains(err.Error(), "Session is nil") {
			t.Errorf("%s of a nil Session = %v; want ErrInvalidOption", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// errorOf is the last error of what is ranged over.
func errorOf[V any](seq iter.Seq2[V, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}
