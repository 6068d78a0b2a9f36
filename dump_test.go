package requests_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// dumpServer returns the URL of a server that answers by h.
func dumpServer(t *testing.T, h http.HandlerFunc) string {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// dumped returns what a session dumps while do runs.
func dumped(t *testing.T, do func(s *requests.Session), opts ...requests.Option) string {
	noEnvironment(t)
	var b bytes.Buffer
	s := requests.NewSession(append([]requests.Option{requests.Dump{To: &b}}, opts...)...)
	defer s.Close()
	do(s)
	return b.String()
}

func TestDump(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "today")
		w.Header().Set("Set-Cookie", "sid="+secret)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":7,"token":"`+secret+`"}`)
	})
	got := dumped(t, func(s *requests.Session) {
		_, err := s.Post(t.Context(), url+"/orders?token="+secret, requests.BearerAuth(secret), requests.Form{"user": "ann", "password": secret},
			requests.Headers{"Accept": nil, "Accept-Encoding": nil, "User-Agent": "test"})
		require.NoError(t, err)
	})
	require.Equal(t, `#1 > POST /orders?token=*** HTTP/1.1
#1 > Host: `+strings.TrimPrefix(url, "http://")+`
#1 > User-Agent: test
#1 > Content-Length: 24
#1 > Authorization: ***
#1 > Content-Type: application/x-www-form-urlencoded
#1 >
#1 > password=***&user=ann
#1 < HTTP/1.1 200 OK
#1 < Content-Length: 25
#1 < Content-Type: application/json
#1 < Date: today
#1 < Set-Cookie: ***
#1 <
#1 < {"id":7,"token":"***"}
`, got)
}

// like holds that each line of want is in got, in this order. A "…" stands for
// any text.
func like(t *testing.T, got string, want ...string) {
	t.Helper()
	rest := got
	for _, w := range want {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(w), "…", ".*")
		at := regexp.MustCompile("(?m)^" + pattern + "$").FindStringIndex(rest)
		if at == nil {
			t.Fatalf("the dump has no line %q where it should be:\n%s", w, got)
		}
		rest = rest[at[1]:]
	}
}

// TestDumpExchanges: redirects, challenges, retries and failures are exchanges each.
func TestDumpExchanges(t *testing.T) {
	tries := 0
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/start":
			w.Header().Set("Location", "/login?token="+secret)
			w.WriteHeader(302)
			io.WriteString(w, "this way")
		case "/login":
			if r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="`+secret+`"`)
				w.WriteHeader(401)
				io.WriteString(w, "who?")
				return
			}
			if tries++; tries == 1 {
				w.WriteHeader(503)
				io.WriteString(w, "busy")
				return
			}
			io.WriteString(w, "welcome")
		}
	})
	got := dumped(t, func(s *requests.Session) {
		_, err := s.Get(t.Context(), url+"/start")
		require.NoError(t, err)
		_, err = s.Get(t.Context(), "http://127.0.0.1:1/?token="+secret)
		require.ErrorIs(t, err, requests.ErrConnection)
	}, requests.DigestAuth("u", secret), requests.Retry{Status: 1, StatusCodes: []int{503}})
	like(t, got,
		"#1 > GET /start HTTP/1.1", "#1 < HTTP/1.1 302 Found", "#1 < Location: ***", "#1 <", "#1 < this way",
		"#2 > GET /login?token=*** HTTP/1.1", "#2 < HTTP/1.1 401 Unauthorized", "#2 < Www-Authenticate: ***", "#2 < who?",
		"#3 > GET /login?token=*** HTTP/1.1", "#3 > Authorization: ***", "#3 < HTTP/1.1 503 Service Unavailable", "#3 < busy",
		"#4 > GET /login?token=*** HTTP/1.1", "#4 < HTTP/1.1 200 OK", "#4 < welcome", "#5 * connection failed")
	require.NotContains(t, got, secret)
}

// TestDumpStream: of a streamed body what is read is shown when it is read.
func TestDumpStream(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.FormValue("type"))
		io.WriteString(w, strings.ReplaceAll(r.FormValue("body"), "|", "\n"))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for _, tt := range []struct{ contentType, body, want string }{
		{"text/event-stream", `data: {"token":"s3cr3t"}||data`, `data: {"token":"***"}`},
		{"application/json", `{"a":|{"token":"s3cr3t"}}|{"b"`, "{\"a\":\n#1 < {\"token\":\"***\"}}"},
		{"text/plain", "one|two|thr", "one\n#1 < two"},
		{"", `{"password":|{"x":"s3cr3t"}}|`, "{\"password\":\n#1 < \"***\"}"},
	} {
		got := dumped(t, func(s *requests.Session) {
			var b bytes.Buffer
			r, err := s.Get(t.Context(), url, requests.Params{"type": tt.contentType, "body": tt.body}, requests.Stream(true), requests.Dump{To: &b})
			require.NoError(t, err)
			require.NotContains(t, b.String(), tt.want, "before it is read")
			for range r.IterContent(0) {
				require.Contains(t, b.String(), "#1 < "+tt.want+"\n", "the dump of %s", tt.contentType)
				require.True(t, strings.HasSuffix(b.String(), tt.want+"\n") || strings.HasSuffix(b.String(), tt.want+"\n#1 <\n"), b.String())
				break
			}
			require.True(t, strings.HasSuffix(b.String(), "\n#1 * closed\n"), b.String())
			require.NotContains(t, b.String(), secret)
		})
		require.Empty(t, got, "of the session's own")
	}
}

// TestDumpUploads: a body is shown as it is sent, and a form as a whole.
func TestDumpUploads(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, `{"a":1,"token":"`+secret+`"}`)
	z.Close()
	for _, tt := range []struct {
		name   string
		body   func() requests.Option
		coding string
		want   []string
	}{
		{"reader", func() requests.Option {
			return requests.Reader(io.MultiReader(strings.NewReader("one\ntwo\n"), strings.NewReader("three")))
		}, "", []string{"#1 > one", "#1 > two", "#1 > three"}},
		{"files", func() requests.Option {
			return requests.Files{{Field: "password", Name: "p", Reader: strings.NewReader(secret)}, {Field: "b", Name: "b.txt", Reader: strings.NewReader("plain")}}
		}, "",
			[]string{`#1 > Content-Disposition: form-data; name="password"; filename="p"`, "#1 >", "#1 > ***", "#1 > plain"}},
		{"JSON", func() requests.Option { return requests.JSON(map[string]any{"a": 1, "pin": secret}) }, "", []string{`#1 > {"a":1,"pin":"***"}`}},
		{"gzip", func() requests.Option { return requests.Bytes(zipped.Bytes()) }, "gzip", []string{`#1 > {"a":1,"token":"***"}`}},
	} {
		for _, handler := range []bool{false, true} {
			got := dumped(t, func(s *requests.Session) {
				if handler {
					s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })))
				}
				coding := requests.Headers{"Content-Encoding": nil}
				if tt.coding != "" {
					coding["Content-Encoding"] = tt.coding
				}
				_, err := s.Post(t.Context(), url, tt.body(), coding)
				require.NoError(t, err)
			})
			like(t, got, append(append([]string{"#1 > POST / HTTP/1.1"}, tt.want...), "#1 < HTTP/1.1 200 OK")...)
			require.NotContains(t, got, secret)
		}
	}
}

// TestDumpUploadIsBounded: what is more than MaxBody is counted, once.
func TestDumpUploadIsBounded(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	for _, body := range []requests.Body{requests.Text("0123456789"), requests.Bytes(make([]byte, 100_000)), requests.Reader(strings.NewReader("0123456789"))} {
		var b bytes.Buffer
		dumped(t, func(s *requests.Session) {
			_, err := s.Post(t.Context(), url, body, requests.Dump{To: &b, MaxBody: 4})
			require.NoError(t, err)
		})
		require.Equal(t, 1, strings.Count(b.String(), " more bytes\n"), b.String())
		require.Equal(t, 1, strings.Count(b.String(), "0123\n")+strings.Count(b.String(), "  00 00 00 00  "), b.String())
	}
}

// TestDumpStale: what could not be sent, since the connection had ended, is not shown.
func TestDumpStale(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	t.Cleanup(srv.Close)
	got := dumped(t, func(s *requests.Session) {
		for range 2 {
			_, err := s.Get(t.Context(), srv.URL)
			require.NoError(t, err)
			srv.CloseClientConnections()
		}
		r, err := s.Client().Get(srv.URL)
		require.NoError(t, err)
		r.Body.Close()
	})
	require.Equal(t, 3, strings.Count(got, " > GET / HTTP/1.1\n"), got)
	require.NotContains(t, got, " * ")
}

// TestDumpExpect: a body that the server does not want is not shown.
func TestDumpExpect(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wanted" {
			io.Copy(io.Discard, r.Body)
			return
		}
		w.WriteHeader(http.StatusExpectationFailed)
	})
	got := dumped(t, func(s *requests.Session) {
		for _, path := range []string{"/wanted", "/unwanted"} {
			_, err := s.Post(t.Context(), url+path, requests.Text("the body"), requests.Headers{"Expect": "100-continue"})
			require.NoError(t, err)
		}
	})
	like(t, got, "#1 > POST /wanted HTTP/1.1", "#1 < HTTP/1.1 100 Continue", "#1 > the body", "#1 < HTTP/1.1 200 OK", "#2 > POST /unwanted HTTP/1.1", "#2 < HTTP/1.1 417 Expectation Failed")
	require.NotContains(t, got, "#2 > the body")
}

// TestDumpResponses: what a server sends is decoded, made visible and bounded.
func TestDumpResponses(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.FormValue("type"))
		w.Header().Set("Trailer", "X-Token, X-Sum")
		if status, _ := strconv.Atoi(r.FormValue("status")); status > 0 {
			w.Header().Set("Location", "/x")
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
		} else {
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Content-Encoding", "gzip")
		}
		z := gzip.NewWriter(w)
		io.WriteString(z, r.FormValue("body"))
		z.Close()
		w.Header().Set("X-Token", secret)
		w.Header().Set("X-Sum", "7")
	})
	get := func(params requests.Params, opts ...requests.Option) string {
		return dumped(t, func(s *requests.Session) {
			r, err := s.Get(t.Context(), url, append(opts, params, requests.AllowRedirects(false))...)
			require.NoError(t, err)
			r.Close()
		})
	}
	text := get(requests.Params{"type": "text/plain", "body": "\x1b]0;title\x07\u009b31m\r\ntoken=" + secret + "\r\nend"})
	like(t, text, "#1 < HTTP/1.1 103 Early Hints", "#1 < HTTP/1.1 200 OK", "#1 < Content-Encoding: gzip", "#1 <", `#1 < \x1b]0;title\a\u009b31m`, "#1 < token=***", "#1 < end", "#1 < X-Sum: 7", "#1 < X-Token: ***")
	require.NotContains(t, text, "\x1b")

	var b bytes.Buffer
	get(requests.Params{"type": "application/json", "body": `{"list":["` + strings.Repeat("x", 50) + `"],"token":"` + secret + `"}`}, requests.Dump{To: &b, MaxBody: 76})
	like(t, b.String(), `#1 < {"list":["`+strings.Repeat("x", 50)+`"]***`, "#1 * 4 more bytes")
	like(t, get(requests.Params{"type": "application/json", "body": "<h1>Bad Gateway</h1>\n<p>token=" + secret}), "#1 < <h1>Bad Gateway</h1>", "#1 < <p>token=***")
	like(t, get(requests.Params{"type": "application/json", "body": `{"token": {"a": "` + secret + `", oops}}`}), `#1 < {***`)

	b.Reset()
	get(requests.Params{"type": "application/json", "body": `{}`}, requests.Dump{To: &b, MaxBody: -1})
	like(t, b.String(), "#1 <", "#1 * 2 more bytes")

	redirect := get(requests.Params{"status": 302, "body": "see token=" + secret, "type": "text/plain"})
	like(t, redirect, "#1 < HTTP/1.1 302 Found", "#1 < see token=***")
	followed := dumped(t, func(s *requests.Session) {
		_, err := s.Get(t.Context(), url, requests.Params{"status": 302, "body": "see token=" + secret, "type": "text/plain"}, requests.OnRedirect(
			func(_ context.Context, _ *requests.Response, next *requests.PreparedRequest) error {
				return errors.New("stop")
			}))
		require.Error(t, err)
	})
	like(t, followed, "#1 < HTTP/1.1 302 Found")

	raw := dumped(t, func(s *requests.Session) {
		r, err := s.Get(t.Context(), url, requests.Params{"type": "text/plain", "body": "coded token=" + secret}, requests.Stream(true))
		require.NoError(t, err)
		defer r.Close()
		body, err := r.Raw()
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, body)
		require.NoError(t, err)
	})
	like(t, raw, "#1 < coded token=***")
	for _, got := range []string{text, b.String(), redirect, followed, raw} {
		require.NotContains(t, got, secret)
	}
}

func TestDumpHTTP2(t *testing.T) {
	noEnvironment(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	got := dumped(t, func(s *requests.Session) {
		for _, body := range []requests.Body{requests.Text("hello"), requests.Reader(strings.NewReader("world"))} {
			_, err := s.Post(t.Context(), srv.URL+"/x?token="+secret, body, requests.BearerAuth(secret))
			require.NoError(t, err)
		}
	}, requests.TLS{SkipVerify: true})
	like(t, got, "#1 > POST /x?token=*** HTTP/2.0", "#1 > :authority: 127.0.0.1:…", "#1 > :scheme: http…", "#1 > content-length: 5", "#1 > authorization: ***", "#1 >", "#1 > hello",
		"#1 < HTTP/2.0 200", "#1 < hello", "#2 > POST /x?token=*** HTTP/2.0", "#2 > world", "#2 < world")
	require.NotContains(t, got, secret)
}

// TestDumpProxies: of a proxy the CONNECT and its login are shown, too.
func TestDumpProxies(t *testing.T) {
	challenge := `Digest realm="r", nonce="` + secret + `"`
	proxy := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Proxy-Authorization"), "Digest") {
			w.Header().Set("Proxy-Authenticate", challenge)
			w.WriteHeader(http.StatusProxyAuthRequired)
			io.WriteString(w, "who?")
			return
		}
		if r.Method != http.MethodConnect {
			io.WriteString(w, "from "+r.URL.Path)
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			return
		}
		w.Header().Set("Via", "here")
		w.WriteHeader(200)
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		go func() { io.Copy(up, rw); up.Close() }()
		io.Copy(c, up)
		c.Close()
	})
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "secure") }))
	t.Cleanup(srv.Close)
	got := dumped(t, func(s *requests.Session) {
		for _, url := range []string{"http://a.test/plain?token=" + secret, srv.URL} {
			r, err := s.Get(t.Context(), url)
			require.NoError(t, err)
			require.Equal(t, 200, r.StatusCode)
		}
	}, requests.Proxies{"all": strings.Replace(proxy, "//", "//u:"+secret+"@", 1)}, requests.TLS{SkipVerify: true})
	like(t, got, "#1 > GET http://a.test/plain?token=*** HTTP/1.1", "#1 > Proxy-Authorization: ***", "#1 < HTTP/1.1 407 Proxy Authentication Required",
		"#2 > GET http://a.test/plain?token=*** HTTP/1.1", "#2 > Proxy-Authorization: ***", "#2 < from /plain",
		"#3 > CONNECT 127.0.0.1:… HTTP/1.1", "#3 > Proxy-Authorization: ***", "#3 < HTTP/1.1 407 Proxy Authentication Required",
		"#4 > CONNECT 127.0.0.1:… HTTP/1.1", "#4 < HTTP/1.1 200 OK", "#4 < Via: here", "#5 > GET / HTTP/1.1", "#5 < secure")
	require.NotContains(t, got, secret)

	challenge += `, qop="auth-int"` // for which the body is read, too
	got = dumped(t, func(s *requests.Session) {
		r, err := s.Post(t.Context(), "http://a.test/", requests.Reader(strings.NewReader("the body\n")))
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode)
	}, requests.Proxies{"all": strings.Replace(proxy, "//", "//u:"+secret+"@", 1)})
	like(t, got, "#1 > POST http://a.test/ HTTP/1.1", "#1 > the body", "#1 < HTTP/1.1 407 Proxy Authentication Required", "#2 > the body", "#2 < HTTP/1.1 200 OK")
	require.Equal(t, 2, strings.Count(got, "the body\n"), got)
}

// TestDumpParallel: the lines of calls are whole, and belong to one exchange each.
func TestDumpParallel(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	const calls = 100
	got := dumped(t, func(s *requests.Session) {
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				body := requests.Text(fmt.Sprintf("call %d\nsecond %d", i, i))
				if i%2 == 0 {
					body = requests.Reader(strings.NewReader(fmt.Sprintf("call %d\nsecond %d", i, i)))
				}
				_, err := s.Post(t.Context(), url, body)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	exchanges := make(map[string][]string)
	for line := range strings.Lines(got) {
		number, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		require.Regexp(t, `^#\d+$`, number, line)
		require.True(t, ok)
		exchanges[number] = append(exchanges[number], rest)
	}
	require.Len(t, exchanges, calls)
	for number, lines := range exchanges {
		text := strings.Join(lines, "\n") + "\n"
		m := regexp.MustCompile(`> call (\d+)\n`).FindStringSubmatch(text)
		require.NotNil(t, m, number)
		for _, want := range []string{"> second " + m[1], "< call " + m[1], "< second " + m[1]} {
			require.Contains(t, text, want+"\n", number)
		}
	}
}

// A brokenWriter fails, or panics.
type brokenWriter struct{ n int }

func (w *brokenWriter) Write(b []byte) (int, error) {
	w.n++
	return 0, errors.New("no space left")
}

func TestDumpWriterFails(t *testing.T) {
	noEnvironment(t)
	w := new(brokenWriter)
	s, _ := scripted(t, replies(reply{status: 200, body: "ok"}), requests.Dump{To: w})
	require.Equal(t, "ok", get(t, s, "http://a.test/").Text())
	require.Positive(t, w.n)
}

// TestDumpAdapter: an adapter of the caller's is seen at its surface, but not if it
// sends by one of the package.
func TestDumpAdapter(t *testing.T) {
	var b bytes.Buffer
	s, sent := scripted(t, replies(reply{status: 200, header: http.Header{"X": {"1"}}, body: "token=" + secret}), requests.Dump{To: &b})
	for _, body := range []requests.Body{requests.Text("hello"), requests.Reader(strings.NewReader("streamed"))} {
		_, err := s.Post(t.Context(), "http://a.test/x?token="+secret, body)
		require.NoError(t, err)
	}
	require.Len(t, sent.sent, 2)
	like(t, b.String(), "#1 > POST /x?token=*** HTTP/1.1", "#1 > Host: a.test", "#1 > hello", "#1 < 200", "#1 < X: 1", "#1 < token=***", "#2 * the body is a stream", "#2 < 200")
	require.NotContains(t, b.String(), secret)

	b.Reset()
	failing := requests.NewSession(requests.Dump{To: &b})
	failing.Mount("http://", failingAdapter{})
	_, err := failing.Get(t.Context(), "http://a.test/")
	require.Error(t, err)
	like(t, b.String(), "#1 > GET / HTTP/1.1", "#1 * adapter failed")
	require.NotContains(t, b.String(), secret)

	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Added")) })
	got := dumped(t, func(s *requests.Session) {
		s.Mount("http://", addingAdapter{new(requests.HTTPAdapter)})
		_, err := s.Get(t.Context(), url)
		require.NoError(t, err)
	})
	like(t, got, "#1 > GET / HTTP/1.1", "#1 > X-Added: by the adapter", "#1 < by the adapter")
	require.NotContains(t, got, "#2")
}

type failingAdapter struct{}

func (failingAdapter) Send(context.Context, *requests.PreparedRequest, requests.SendOptions) (*requests.Response, error) {
	return nil, errors.New("boom token=" + secret)
}

// addingAdapter adds a field to what another one sends.
type addingAdapter struct{ requests.Adapter }

func (a addingAdapter) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	p = p.Clone()
	p.Header.Set("X-Added", "by the adapter")
	return a.Adapter.Send(ctx, p, opts)
}

// TestDumpMiddleware: below middleware the wire is seen, its own requests included,
// and what it answers by itself is seen at its surface.
func TestDumpMiddleware(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, r.URL.Path+" "+r.Header.Get("X-Added"))
		z.Close()
	})
	got := dumped(t, func(s *requests.Session) {
		s.Mount("http://", &requests.HTTPAdapter{Wrap: func(rt http.RoundTripper) http.RoundTripper {
			return roundTripFunc(func(hr *http.Request) (*http.Response, error) {
				if hr.URL.Path == "/cached" {
					return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader("from the cache"))}, nil
				}
				token := hr.Clone(hr.Context())
				token.URL.Path = "/token"
				r, err := rt.RoundTrip(token)
				if err != nil {
					return nil, err
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
				hr = hr.Clone(hr.Context())
				hr.Header.Set("X-Added", "by middleware")
				return rt.RoundTrip(hr)
			})
		}})
		for _, path := range []string{"/x", "/cached"} {
			_, err := s.Get(t.Context(), url+path)
			require.NoError(t, err)
		}
		r, err := s.Client().Get(url + "/client")
		require.NoError(t, err)
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	})
	like(t, got, "#1 > GET /token HTTP/1.1", "#1 < HTTP/1.1 200 OK", "#1 < /token ", "#2 > GET /x HTTP/1.1", "#2 > X-Added: by middleware", "#2 < /x by middleware",
		"#3 > GET /cached HTTP/1.1", "#3 < from the cache", "#4 > GET /token HTTP/1.1", "#5 > GET /client HTTP/1.1", "#5 < /client by middleware")
	require.NotContains(t, got, "#6")
	require.NotContains(t, got, "* ")
}

// TestDumpSiblings: what else sends goes by the Dump and the Logger of the call.
func TestDumpSiblings(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		io.WriteString(w, "data: x\n\n")
	})
	for name, do := range map[string]func(s *requests.Session, opts ...requests.Option) error{
		"With": func(s *requests.Session, opts ...requests.Option) error {
			_, err := s.With(opts...).Get(t.Context(), url)
			return err
		},
		"Client": func(s *requests.Session, opts ...requests.Option) error {
			r, err := s.With(opts...).Client().Get(url)
			if err == nil {
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
			return err
		},
		"Many": func(s *requests.Session, opts ...requests.Option) error {
			for r := range s.Many(t.Context(), requests.URLs(url), opts...) {
				return r.Err
			}
			return nil
		},
		"Download": func(s *requests.Session, opts ...requests.Option) error {
			_, err := s.Download(t.Context(), url, t.TempDir()+"/x", opts...)
			return err
		},
		"Events": func(s *requests.Session, opts ...requests.Option) error {
			for _, err := range s.Events(t.Context(), url+"/events", opts...) {
				return err
			}
			return nil
		},
		"Pages": func(s *requests.Session, opts ...requests.Option) error {
			for _, err := range s.Pages(t.Context(), url, opts...) {
				return err
			}
			return nil
		},
		"Send": func(s *requests.Session, opts ...requests.Option) error {
			p, err := s.Prepare(t.Context(), requests.NewRequest("GET", url))
			if err == nil {
				_, err = s.Send(t.Context(), p, opts...)
			}
			return err
		},
	} {
		var b, log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		own := dumped(t, func(s *requests.Session) {
			require.NoError(t, do(s, requests.Dump{To: &b}, requests.Logger{To: logger}), name)
		})
		require.Empty(t, own, name)
		like(t, b.String(), "#1 > GET /… HTTP/1.1", "#1 < data: x")
		require.Contains(t, log.String(), "msg=request method=GET url="+url, name)
	}
}

// TestDumpSecrets has a secret of each name in each place of both messages.
func TestDumpSecrets(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get("X-Name")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-"+name, secret)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Refresh", "0; url=/?"+name+"="+secret)
		w.Header().Set("Link", "</?a=b&"+name+"="+secret+`>; rel="next"`)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Write(body)
	})
	for _, name := range []string{
		"Authorization", "Proxy-Authenticate-Info", "Cookie", "X-Api-Key", "token", "access_token", "id_token", "refreshToken", "password", "user[password]", "passwd",
		"client_secret", "code", "SAMLResponse", "jsessionid", "X-Amz-Signature", "sig", "private_key", "credentials", "pin", "otp", "csrf", "assertion",
	} {
		field := strings.NewReplacer("[", "-", "]", "", "code", "access-code").Replace(name) // a code by itself is none in a field
		many := map[string]any{"a": 1, name: map[string]any{"x": []string{secret}}, "list": []any{map[string]any{name: secret}}}
		for what, opts := range map[string][]requests.Option{
			"form":       {requests.Form{name: secret, "a": "b"}},
			"multipart":  {requests.Form{name: secret, "a": "b"}, requests.Files{{Field: name, Name: "f", Reader: strings.NewReader(secret)}}},
			"JSON":       {requests.JSON(many)},
			"JSON lines": {requests.Text(`{"` + name + `":{"x":"` + secret + `"}}` + "\n"), requests.Headers{"Content-Type": "application/x-ndjson"}},
			"problem":    {requests.JSON(many), requests.Headers{"Content-Type": "application/problem+json; charset=utf-8"}},
			"untyped":    {requests.Text(`{"` + name + `": {"x": "` + secret + `"}}`)},
			"text":       {requests.Text("a line\n" + field + "=" + secret + "\n"), requests.Headers{"Content-Type": "text/plain"}},
		} {
			for _, most := range []int{0, 40, 60, 80, 100, 150, 200} {
				var b bytes.Buffer
				dumped(t, func(s *requests.Session) {
					_, err := s.Post(t.Context(), url+"/;"+field+"="+secret+"?a=b", append([]requests.Option{
						requests.Dump{To: &b, MaxBody: most}, requests.Params{name: secret}, requests.Headers{"X-" + field: secret, "X-Name": field},
						requests.BasicAuth("u", secret), requests.Cookies{"c": secret}}, opts...)...)
					require.NoError(t, err, name)
				})
				require.Contains(t, b.String(), "Access-Control-Allow-Credentials: true")
				require.NotContains(t, b.String(), secret, "%s in %s of %d bytes", name, what, most)
				for n := 3; n < len(secret); n++ { // nor a part of it where the body is cut
					if most > 0 && strings.Contains(b.String(), secret[:n]) {
						t.Errorf("%s in %s of %d bytes: %s", name, what, most, b.String())
						break
					}
				}
			}
		}
	}
}
