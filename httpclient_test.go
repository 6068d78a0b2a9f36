package requests_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// doClient sends a GET for each URL by c.
func doClient(t *testing.T, c *http.Client, urls ...string) {
	t.Helper()
	for _, u := range urls {
		r, err := c.Get(u)
		require.NoError(t, err, u)
		r.Body.Close()
	}
}

// TestClientEntrusts is about where the credentials of a session go that an SDK
// has been given.
func TestClientEntrusts(t *testing.T) {
	const credential = "s3cr3t"
	credentials := []requests.Option{
		requests.BearerAuth(credential), requests.Headers{"X-Api-Key": credential, "X-Plain": "1"}, requests.Cookies{"sid": credential},
	}
	// got says who got the credentials.
	got := func(t *testing.T, sent *script) string {
		t.Helper()
		var hosts []string
		for _, hop := range sent.sent {
			require.Equal(t, "1", hop.header.Get("X-Plain"), hop.url)
			if n := strings.Count(fmt.Sprint(hop.header), credential); n == 3 {
				u, _ := url.Parse(hop.url)
				hosts = append(hosts, u.Host+u.Path)
			} else {
				require.Zero(t, n, hop.url)
			}
		}
		return strings.Join(hosts, " ")
	}
	all := []string{"http://a.test/1", "http://a.test:81/2", "https://a.test/3", "http://x.a.test/4", "http://b.test/v1/5", "http://b.test/v2/6"}

	t.Run("every host that is named", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), credentials...)
		doClient(t, s.Client(), all...)
		require.Equal(t, "a.test/1 a.test:81/2 a.test/3 x.a.test/4 b.test/v1/5 b.test/v2/6", got(t, sent))
	})
	t.Run("BaseURL", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), append(credentials, requests.BaseURL("http://a.test/v1/"))...)
		doClient(t, s.Client(), all...)
		require.Equal(t, "a.test/1 a.test/3", got(t, sent)) // the step to https keeps the origin
	})
	t.Run("mounts", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), credentials...)
		s.Mount("http://b.test/v1", sent)
		doClient(t, s.Client(), all...)
		require.Equal(t, "b.test/v1/5 b.test/v2/6", got(t, sent))
	})
	t.Run("BaseURL and mounts", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), append(credentials, requests.BaseURL("http://x.a.test"))...)
		s.Mount("http://b.test/", sent)
		doClient(t, s.Client(), all...)
		require.Equal(t, "x.a.test/4 b.test/v1/5 b.test/v2/6", got(t, sent))
	})
	t.Run("no redirect to another origin", func(t *testing.T) {
		s, sent := scripted(t, func(_ int, p *requests.PreparedRequest) reply {
			switch p.URL.Host + p.URL.Path {
			case "a.test/1":
				return redirectTo("http://a.test/2")
			case "a.test/2":
				return redirectTo("http://x.a.test/3") // net/http takes it for the same
			case "x.a.test/3":
				return redirectTo("http://a.test/4")
			}
			return ok()
		}, credentials...)
		doClient(t, s.Client(), "http://a.test/1")
		require.Len(t, sent.sent, 4)
		require.Equal(t, "a.test/1 a.test/2", got(t, sent))
	})
	t.Run("Auth is not asked for another origin", func(t *testing.T) {
		var asked []string
		s, _ := scripted(t, replies(redirectTo("/2"), redirectTo("http://b.test/3"), ok()),
			requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
				asked = append(asked, p.URL.Host+p.URL.Path)
				return nil
			}))
		doClient(t, s.Client(), "http://a.test/1")
		require.Equal(t, []string{"a.test/1", "a.test/2"}, asked)
	})
	t.Run("what the request has stays", func(t *testing.T) {
		s, sent := scripted(t, replies(redirectTo("http://a.test:81/"), ok()), credentials...)
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://a.test/", nil)
		require.NoError(t, err)
		r.Header = http.Header{"Authorization": {"own"}, "X-Api-Key": {"own"}, "X-Vault-Token": {"own"}, "X-Plain": {"2"}, "Cookie": {"sid=own; a=b"}}
		res, err := s.Client().Do(r)
		require.NoError(t, err)
		res.Body.Close()
		require.Len(t, sent.sent, 2)
		for i, hop := range sent.sent {
			require.NotContains(t, fmt.Sprint(hop.header), credential)
			require.Equal(t, []string{"own", "own", "2"}, []string{hop.header.Get("X-Api-Key"), hop.header.Get("X-Vault-Token"), hop.header.Get("X-Plain")}, i)
		}
		require.Equal(t, "sid=own; a=b", sent.sent[0].header.Get("Cookie"))
	})
}

// TestClientJar is about who keeps cookies.
func TestClientJar(t *testing.T) {
	login := reply{status: 302, header: http.Header{"Location": {"/"}, "Set-Cookie": {"user=1"}}}
	t.Run("of the session", func(t *testing.T) {
		s, sent := scripted(t, replies(login, ok()))
		doClient(t, s.Client(), "http://a.test/login")
		require.Equal(t, []string{"", "user=1"}, cookiesOf(sent))
		require.Equal(t, map[string]string{"user": "1"}, s.Cookies.Map())
	})
	t.Run("of the client", func(t *testing.T) {
		s, sent := scripted(t, replies(login, ok()))
		jar := new(requests.CookieJar)
		c := s.Client()
		c.Jar = jar
		doClient(t, c, "http://a.test/login")
		require.Equal(t, []string{"", "user=1"}, cookiesOf(sent))
		require.Equal(t, map[string]string{"user": "1"}, jar.Map())
		require.Zero(t, s.Cookies.Len())
	})
	t.Run("none by the Transport alone", func(t *testing.T) {
		s, sent := scripted(t, replies(login, ok()))
		doClient(t, &http.Client{Transport: s.Client().Transport}, "http://a.test/login")
		require.Equal(t, []string{"", ""}, cookiesOf(sent))
		require.Zero(t, s.Cookies.Len())
	})
	t.Run("none with KeepCookies(false)", func(t *testing.T) {
		s, sent := scripted(t, replies(login, ok()), requests.KeepCookies(false))
		doClient(t, s.Client(), "http://a.test/login")
		require.Equal(t, []string{"", ""}, cookiesOf(sent))
	})
	t.Run("cookies of the session beside it", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.Cookies{"b": "2", "user": "own"})
		require.NoError(t, s.Cookies.Set("user", "1", requests.CookieDomain("a.test")))
		doClient(t, s.Client(), "http://a.test/")
		require.Equal(t, []string{"user=1; b=2"}, cookiesOf(sent))
	})
}

// TestClientOtherCodings: a coding that the library has not asked for, alone or
// in a list, leaves the body and its fields as they came.
func TestClientOtherCodings(t *testing.T) {
	for _, codings := range []string{"aws-chunked", "aws-chunked, gzip", "gzip, aws-chunked", "identity", "identity, identity", "utf-8", ""} {
		t.Run(codings, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", codings)
				io.WriteString(w, "as it is")
			}))
			defer srv.Close()
			s := requests.NewSession(requests.TrustEnv(false))
			defer s.Close()
			res, err := s.Client().Get(srv.URL)
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, "as it is", string(body))
			require.EqualValues(t, len(body), res.ContentLength)
			require.Equal(t, []string{codings}, res.Header["Content-Encoding"])
			require.False(t, res.Uncompressed)
		})
	}
}

// TestClientUpgradeLength: a reverse proxy writes the response to an upgrade again,
// and adds Connection: close to one of unknown length.
func TestClientUpgradeLength(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n")
			c.Close()
		}
	}))
	defer srv.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()
	hr, _ := http.NewRequest("GET", srv.URL, nil)
	hr.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"own"}}
	res, err := s.Client().Do(hr)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	require.Zero(t, res.ContentLength)
	require.False(t, res.Close)
	require.Equal(t, "Upgrade", res.Header.Get("Connection"))
}
