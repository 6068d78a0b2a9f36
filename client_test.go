package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// TestClientUploads is about servers that answer before they have read the body.
func TestClientUploads(t *testing.T) {
	noEnvironment(t)
	for major := 1; major <= 2; major++ {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
			b := make([]byte, 1<<20)
			n := 0
			for {
				m, err := r.Body.Read(b)
				n += m
				if r.Header.Get("X-Echo") != "" {
					w.Write(b[:m])
					w.(http.Flusher).Flush()
				}
				if err != nil {
					break
				}
			}
			fmt.Fprint(w, n)
		}))
		srv.EnableHTTP2 = major == 2
		srv.StartTLS()
		defer srv.Close()
		s := requests.NewSession(requests.TLS{SkipVerify: true})
		defer s.Close()
		client := s.Client()
		send := func(t *testing.T, body io.Reader, header http.Header) (*http.Response, *observedBody) {
			t.Helper()
			observed := &observedBody{ReadCloser: io.NopCloser(body)}
			r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, observed)
			require.NoError(t, err)
			r.Header = header
			res, err := client.Do(r)
			require.NoError(t, err)
			require.Equal(t, major, res.ProtoMajor)
			return res, observed
		}
		t.Run(fmt.Sprint("HTTP ", major, " stored"), func(t *testing.T) {
			const size = 8 << 20
			res, body := send(t, io.LimitReader(zeros{}, size), http.Header{})
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(size), string(b))
			res.Body.Close()
			require.Equal(t, 1, body.count())
		})
		t.Run(fmt.Sprint("HTTP ", major, " both ways at once"), func(t *testing.T) {
			pr, pw := io.Pipe()
			res, body := send(t, pr, http.Header{"X-Echo": {"1"}})
			for _, word := range []string{"one", "two", "three"} {
				_, err := io.WriteString(pw, word)
				require.NoError(t, err)
				b := make([]byte, len(word))
				_, err = io.ReadFull(res.Body, b)
				require.NoError(t, err)
				require.Equal(t, word, string(b))
			}
			pw.Close()
			rest, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, "11", string(rest))
			res.Body.Close()
			require.Equal(t, 1, body.count())
		})
		t.Run(fmt.Sprint("HTTP ", major, " given up"), func(t *testing.T) {
			pr, pw := io.Pipe()
			res, body := send(t, pr, http.Header{})
			read := make(chan error, 1)
			go func() { // while another goroutine closes it
				_, err := io.ReadAll(res.Body)
				read <- err
			}()
			_, err := io.WriteString(pw, "some")
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Error(t, <-read)
			pw.Close()
			require.Eventually(t, func() bool { return body.count() == 1 }, 5*time.Second, time.Millisecond)
		})
	}
}

// TestClientWaits is about the Read limit, which only the program sets.
func TestClientWaits(t *testing.T) {
	noEnvironment(t)
	quiet := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			select {
			case <-time.After(5 * time.Minute):
			case <-r.Context().Done():
				return
			}
			io.WriteString(w, "event\n")
			w.(http.Flusher).Flush()
		}
	})
	get := func(t *testing.T, opts ...requests.Option) (string, error) {
		s := requests.NewSession(opts...)
		defer s.Close()
		s.Mount("http://", requests.Handler(quiet))
		res, err := s.Client().Get("http://a.test/watch")
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	synctest.Test(t, func(t *testing.T) {
		got, err := get(t)
		require.NoError(t, err)
		require.Equal(t, "event\nevent\n", got)
	})
	synctest.Test(t, func(t *testing.T) {
		_, err := get(t, requests.Timeout{Read: time.Minute})
		require.ErrorIs(t, err, requests.ErrReadTimeout)
		e, ok := errors.AsType[*url.Error](err)
		require.True(t, ok)
		require.True(t, e.Timeout())
	})
	synctest.Test(t, func(t *testing.T) {
		_, err := get(t, requests.Timeout{Read: 6 * time.Minute})
		require.NoError(t, err)
	})
}

// TestClientSocket is about hosts that are no hosts, with a DialContext.
func TestClientSocket(t *testing.T) {
	noEnvironment(t)
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Host, r.RequestURI) }))
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", &requests.HTTPAdapter{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}})
	for host, want := range map[string]string{"%2Ftmp%2Fd.sock": "%2Ftmp%2Fd.sock", "/tmp/d.sock": "", "api.moby.localhost": "api.moby.localhost"} {
		r := (&http.Request{URL: &url.URL{Scheme: "http", Host: host, Path: "/v1/info"}, Header: http.Header{}}).WithContext(t.Context())
		res, err := s.Client().Do(r)
		require.NoError(t, err, host)
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, want+" /v1/info", string(b))
	}
}

// TestClientOneHop is about what the session does within a hop.
func TestClientOneHop(t *testing.T) {
	t.Run("a challenge is answered", func(t *testing.T) {
		noEnvironment(t)
		s := requests.NewSession(requests.DigestAuth("user", "pass"))
		defer s.Close()
		res, err := s.Client().Get(httpbin + "/digest-auth/auth/user/pass")
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, 200, res.StatusCode)
	})
	t.Run("Retry returns the last response", func(t *testing.T) {
		s, sent := scriptedHTTP(t, func(n int) int { return 503 }, requests.Retry{Total: 2, StatusCodes: []int{503}})
		res, err := s.Client().Post("http://a.test/", "text/plain", strings.NewReader("b"))
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, []int{503, 1}, []int{res.StatusCode, *sent}) // POST is not repeated
		r, err := http.NewRequestWithContext(t.Context(), "PUT", "http://a.test/", strings.NewReader("b"))
		require.NoError(t, err)
		res, err = s.Client().Do(r)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, []int{503, 4}, []int{res.StatusCode, *sent})
	})
	t.Run("RaiseForStatus is not asked for", func(t *testing.T) {
		s, _ := scripted(t, replies(reply{status: 404}), requests.RaiseForStatus(true), requests.BaseURL("http://a.test/v1/"), requests.Params{"key": "1"})
		res, err := s.Client().Get("http://a.test/other")
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, 404, res.StatusCode)
	})
	t.Run("hooks run", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error {
			p.Header.Set("X-Request-Id", "1")
			return nil
		}))
		doClient(t, s.Client(), "http://a.test/%7e/..?")
		require.Equal(t, "1", sent.sent[0].header.Get("X-Request-Id"))
		require.Equal(t, "http://a.test/%7e/..?", sent.sent[0].url)
		s, _ = scripted(t, replies(ok()), requests.OnRequest(func(context.Context, *requests.PreparedRequest) error { return errOwn }))
		_, err := s.Client().Get("http://a.test/")
		require.ErrorIs(t, err, errOwn)
	})
	t.Run("errors read well", func(t *testing.T) {
		noEnvironment(t)
		s := requests.NewSession()
		defer s.Close()
		_, err := s.Client().Get("http://127.0.0.1:1/")
		require.ErrorIs(t, err, requests.ErrConnection)
		require.ErrorIs(t, err, requests.ErrRequest)
		require.True(t, strings.HasPrefix(err.Error(), `Get "http://127.0.0.1:1/": connection failed: `), err)
		require.NotContains(t, err.Error(), "requests: ")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", httpbin, nil)
		require.NoError(t, err)
		_, err = s.Client().Do(r)
		e, ok := errors.AsType[*url.Error](err)
		require.True(t, ok)
		require.Equal(t, context.Canceled, e.Err)
	})
	t.Run("a Cancel of old", func(t *testing.T) {
		noEnvironment(t)
		s := requests.NewSession()
		defer s.Close()
		end := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
		defer srv.Close()
		defer close(end)
		r, err := http.NewRequest("GET", srv.URL, nil)
		require.NoError(t, err)
		gone := make(chan struct{})
		r.Cancel = gone //lint:ignore SA1019 old code does
		time.AfterFunc(20*time.Millisecond, func() { close(gone) })
		_, err = s.Client().Do(r)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// scriptedHTTP is a session whose RoundTripper answers with the status for the
// n-th request, and counts them.
func scriptedHTTP(t *testing.T, status func(n int) int, opts ...requests.Option) (*requests.Session, *int) {
	t.Helper()
	noEnvironment(t)
	n := new(int)
	s := requests.NewSession(opts...)
	t.Cleanup(func() { s.Close() })
	s.Mount("http://", requests.RoundTripper(roundTripFunc(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		*n++
		return &http.Response{StatusCode: status(*n), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, Request: r}, nil
	})))
	return s, n
}

// TestClientMountOfHost holds that a URL of net/http without a path takes the adapter
// of its host, and that a mount on the default port gets no other port the credentials.
func TestClientMountOfHost(t *testing.T) {
	noEnvironment(t)
	named := func(name string) requests.Adapter {
		return requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+" "+r.Header.Get("Authorization"))
		}))
	}
	s := requests.NewSession(requests.BearerAuth("t"))
	defer s.Close()
	s.Mount("https://", named("other"))
	s.Mount("https://a.test/", named("a.test"))
	for url, want := range map[string]string{
		"https://a.test/": "a.test Bearer t", "https://a.test": "a.test Bearer t", "https://a.test?q": "a.test Bearer t",
		"https://a.test:444/": "other ", "https://b.test": "other ",
	} {
		res, err := s.Client().Get(url)
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want, string(got), url)
	}
}
