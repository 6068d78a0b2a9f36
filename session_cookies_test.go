package requests_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

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
