package requests_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// The tests of this file send one list of requests by a plain [http.Client] and
// by that of a session, to the same server. What the server sees and what comes
// back must be the same, but for the fields that a session adds.

// A besideCase is a request. Its field X-Do says what the server does, see beside.
type besideCase struct {
	name   string
	method string
	do     string
	change func(r *http.Request) // may be nil
	client func(c *http.Client)  // may be nil
	only   int                   // the major version of HTTP for which it makes sense; 0 for both
}

// besideCases are the requests.
func besideCases() []besideCase {
	var list []besideCase
	add := func(c besideCase) { list = append(list, c) }
	for _, method := range []string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH"} {
		add(besideCase{name: "method " + method, method: method})
	}
	target := func(name string, change func(u *url.URL)) {
		add(besideCase{name: "URL " + name, change: func(r *http.Request) { change(r.URL) }})
	}
	for _, path := range []string{"/dir/../up", "/./a", "//double//slash", "/a;b=c/d,e", "/~user/$&+=:@", "/", "", "/a b", "/é"} {
		target(path, func(u *url.URL) { u.Path = path })
	}
	for _, raw := range []string{"/%41", "/a%2fb", "/a%2Fb", "/%7Etilde", "/%7etilde", "/a%20b%2B"} {
		target(raw, func(u *url.URL) {
			u.RawPath = raw
			u.Path, _ = url.PathUnescape(raw)
		})
	}
	for _, query := range []string{"a=%zz", "a b", "a=1&a=1&b", "%2f=%2F", "é", "a;b"} {
		target("query "+query, func(u *url.URL) { u.RawQuery = strings.ReplaceAll(query, " ", "%20") })
	}
	target("bare question mark", func(u *url.URL) { u.ForceQuery = true })
	target("fragment", func(u *url.URL) { u.Fragment = "f" })
	target("opaque path", func(u *url.URL) { u.Opaque = "/op%61que/../x" })
	target("opaque with host", func(u *url.URL) { u.Opaque = "//other.test/op%61que" })
	target("opaque and query", func(u *url.URL) { u.Opaque, u.RawQuery = "/opaque", "q=1" })
	target("userinfo", func(u *url.URL) { u.User = url.UserPassword("user", "secret") })
	add(besideCase{name: "OPTIONS *", method: "OPTIONS", change: func(r *http.Request) { r.URL.Path = "*" }})

	fields := func(name string, change func(r *http.Request)) {
		add(besideCase{name: "field " + name, change: change})
	}
	fields("Host of the request", func(r *http.Request) { r.Host = "Other.test:81" })
	fields("Host, IDN", func(r *http.Request) { r.Host = "straße.test" })
	add(besideCase{name: "field Host, with a path", only: 1, change: func(r *http.Request) { r.Host = "/var/run/x.sock" }})
	fields("Host among the fields", func(r *http.Request) { r.Header.Set("Host", "ignored.test") })
	fields("several values", func(r *http.Request) { r.Header["X-A"] = []string{"1", "", "2"} })
	fields("outer spaces", func(r *http.Request) { r.Header["X-A"] = []string{"  a b\t"} })
	fields("not ASCII", func(r *http.Request) { r.Header["X-A"] = []string{"é"} })
	fields("without values", func(r *http.Request) { r.Header["X-A"] = nil })
	fields("in small letters", func(r *http.Request) { r.Header["x-small"] = []string{"1"} })
	fields("User-Agent", func(r *http.Request) { r.Header.Set("User-Agent", "own/1") })
	fields("no User-Agent", func(r *http.Request) { r.Header.Set("User-Agent", "") })
	fields("two User-Agents", func(r *http.Request) { r.Header["User-Agent"] = []string{"own/1", "own/2"} })
	fields("Accept", func(r *http.Request) { r.Header.Set("Accept", "text/own") })
	fields("Connection close", func(r *http.Request) { r.Header.Set("Connection", "close") })
	fields("Close", func(r *http.Request) { r.Close = true })
	fields("TE trailers", func(r *http.Request) { r.Header.Set("TE", "trailers") })
	fields("Connection keep-alive", func(r *http.Request) { r.Header.Set("Connection", "keep-alive") })
	fields("Content-Length of one's own", func(r *http.Request) { r.Header.Set("Content-Length", "7") })
	fields("Cookie", func(r *http.Request) { r.Header.Set("Cookie", "a=b; c=d") })
	fields("Authorization", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") })
	fields("bad name", func(r *http.Request) { r.Header["X A"] = []string{"1"} })
	fields("bad value", func(r *http.Request) { r.Header["X-A"] = []string{"1\r\nB: 2"} })
	add(besideCase{name: "field TE and Connection", only: 1, change: func(r *http.Request) {
		r.Header["Te"], r.Header["Connection"] = []string{"deflate"}, []string{"TE, x-hop"}
	}})
	add(besideCase{name: "no Header", change: func(r *http.Request) { r.Header = nil }})
	add(besideCase{name: "bad method", method: "GET /", change: nil})

	body := func(name, method string, change func(r *http.Request)) {
		add(besideCase{name: "body " + name + " " + method, method: method, change: change})
	}
	of := func(text string) io.ReadCloser { return io.NopCloser(io.MultiReader(strings.NewReader(text))) }
	for _, method := range []string{"POST", "GET", "DELETE"} {
		body("in memory", method, func(r *http.Request) { setBody(r, "hello") })
		body("of unknown length", method, func(r *http.Request) { r.Body = of("hello") })
		body("of length -1", method, func(r *http.Request) { r.Body, r.ContentLength = of("hello"), -1 })
		add(besideCase{name: "body that is empty, of unknown length " + method, method: method, only: 1, change: func(r *http.Request) { r.Body = of("") }})
		body("of none", method, func(r *http.Request) { r.Body = http.NoBody })
		body("that is long", method, func(r *http.Request) { setBody(r, strings.Repeat("0123456789", 30_000)) })
		body("that is empty in memory", method, func(r *http.Request) { setBody(r, "") })
	}
	body("with Expect", "PUT", func(r *http.Request) { setBody(r, "hello"); r.Header.Set("Expect", "100-continue") })
	add(besideCase{name: "TransferEncoding chunked", method: "POST", only: 1, change: func(r *http.Request) {
		setBody(r, "hello")
		r.TransferEncoding = []string{"chunked"}
	}})
	for _, method := range []string{"GET", "DELETE", "PUT"} {
		add(besideCase{name: "TransferEncoding chunked " + method, method: method, only: 1, change: func(r *http.Request) {
			setBody(r, "hello")
			r.TransferEncoding = []string{"chunked"}
		}})
		add(besideCase{name: "TransferEncoding chunked, of unknown length " + method, method: method, change: func(r *http.Request) {
			r.Body, r.TransferEncoding = of("hello"), []string{"chunked"}
		}})
		add(besideCase{name: "TransferEncoding chunked, empty " + method, method: method, change: func(r *http.Request) {
			r.Body, r.TransferEncoding = of(""), []string{"chunked"}
		}})
		add(besideCase{name: "TransferEncoding chunked, NoBody " + method, method: method, only: 1, change: func(r *http.Request) {
			r.Body, r.TransferEncoding = http.NoBody, []string{"chunked"}
		}})
	}
	add(besideCase{name: "TransferEncoding identity", method: "POST", change: func(r *http.Request) {
		setBody(r, "hello")
		r.TransferEncoding = []string{"identity"}
	}})
	body("with a trailer", "PUT", func(r *http.Request) {
		r.Body, r.Trailer = of("hello"), http.Header{"X-Sum": {"1"}, "X-A": {"2", "3"}}
	})
	body("with a late trailer", "PUT", func(r *http.Request) {
		r.Trailer = http.Header{"X-Sum": nil}
		r.Body, r.ContentLength = &lateTrailer{strings.NewReader("hello"), r.Trailer}, -1
	})
	body("with a length and a trailer", "PUT", func(r *http.Request) { setBody(r, "hello"); r.Trailer = http.Header{"X-Sum": {"1"}} })
	body("with a forbidden trailer", "PUT", func(r *http.Request) { r.Body, r.Trailer = of("hello"), http.Header{"Content-Length": {"1"}} })

	for _, do := range []string{"length", "chunked", "trailer", "late trailer", "204", "304", "empty", "pragma", "close", "gzip", "identity", "gzip trailer", "1xx", "201", "500"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			add(besideCase{name: "response " + do + " " + method, method: method, do: do})
		}
	}
	add(besideCase{name: "gzip, own Accept-Encoding", do: "gzip", change: func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip, deflate") }})
	add(besideCase{name: "gzip, identity asked", do: "gzip", change: func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity") }})
	add(besideCase{name: "gzip of a range", do: "gzip", change: func(r *http.Request) { r.Header.Set("Range", "bytes=0-") }})
	add(besideCase{name: "aws-chunked", method: "PUT", do: "length", change: func(r *http.Request) {
		setBody(r, "hello")
		r.Header.Set("Content-Encoding", "aws-chunked")
	}})

	for _, status := range []string{"301", "302", "303", "307", "308"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT"} {
			add(besideCase{name: "redirect " + status + " " + method, method: method, do: status, change: func(r *http.Request) {
				if r.Method == "POST" || r.Method == "PUT" {
					setBody(r, "hello")
				}
				r.Header.Set("X-Own", "1")
			}})
		}
	}
	add(besideCase{name: "redirect without GetBody", method: "POST", do: "307", change: func(r *http.Request) { r.Body = of("hello") }})
	add(besideCase{name: "redirect not followed", do: "302", client: func(c *http.Client) {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}})
	add(besideCase{name: "redirect refused", do: "302", client: func(c *http.Client) {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return errOwn }
	}})
	add(besideCase{name: "redirect changed", do: "302", client: func(c *http.Client) {
		c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
			r.Header.Set("X-Via", via[0].URL.Path)
			return nil
		}
	}})
	add(besideCase{name: "redirect without end", do: "loop"})
	add(besideCase{name: "redirect to nowhere", do: "bad location"})
	add(besideCase{name: "Jar", do: "cookie", client: func(c *http.Client) { c.Jar, _ = cookiejar.New(nil) }})
	add(besideCase{name: "early answer", method: "POST", do: "early", change: func(r *http.Request) { setBody(r, "hello") }})
	add(besideCase{name: "cut body", do: "cut"})
	add(besideCase{name: "no answer", do: "abort", method: "POST"})
	cancel := func(name, do string) {
		add(besideCase{name: name, do: do, change: func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			*r = *r.WithContext(ctx)
			if do == "" {
				cancel()
				return
			}
			*r = *r.WithContext(context.WithValue(ctx, besideCancelKey{}, cancel))
			if do == "silent" {
				besideCancel(r)
			}
		}})
	}
	cancel("cancelled before", "")
	cancel("cancelled while it waits", "silent")
	cancel("cancelled in the body", "silent body")
	add(besideCase{name: "Timeout of the client", do: "silent", client: func(c *http.Client) { c.Timeout = 20 * time.Millisecond }})
	add(besideCase{name: "Timeout of the client in the body", do: "silent body", client: func(c *http.Client) { c.Timeout = 50 * time.Millisecond }})
	add(besideCase{name: "scheme", change: func(r *http.Request) { r.URL.Scheme = "ftp" }})
	add(besideCase{name: "no host", change: func(r *http.Request) { r.URL.Host = "" }})
	return list
}

// notByProxy are the cases in which net/http gives a proxy another target than RFC
// 9112, section 3.2.2, has it: one in origin form, one that is no URL, and one
// with the host of the Host field.
var notByProxy = []string{
	"URL opaque path", "URL opaque and query", "OPTIONS *",
	"field Host of the request", "field Host, IDN", "field Host, with a path",
}

// notByHandler are the cases that are about the connection: what is traced of it,
// and how it ends.
var notByHandler = []string{"body with Expect PUT", "no answer", "cancelled before", "cancelled while it waits", "cancelled in the body"}

// besideCancelKey is the key of the function that cancels a request. It is called
// after the head of the response has come, if one comes.
type besideCancelKey struct{}

// besideCancel cancels r once it was sent.
func besideCancel(r *http.Request) {
	cancel := r.Context().Value(besideCancelKey{}).(context.CancelFunc)
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(20*time.Millisecond, cancel) }}
	*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

func setBody(r *http.Request, text string) {
	other, _ := http.NewRequest("POST", "http://a.test/", strings.NewReader(text))
	r.Body, r.GetBody, r.ContentLength = other.Body, other.GetBody, other.ContentLength
}

var errOwn = errors.New("one's own")

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// A lateTrailer is a body that knows its trailer at its end.
type lateTrailer struct {
	io.Reader
	trailer http.Header
}

func (l *lateTrailer) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err == io.EOF {
		l.trailer.Set("X-Sum", "late")
	}
	return n, err
}

func (*lateTrailer) Close() error { return nil }

// beside is the server. It answers as X-Do says, and otherwise tells the length
// of what it got.
func beside(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Date"] = nil
	read := func() int {
		b, _ := io.ReadAll(r.Body)
		return len(b)
	}
	switch do := r.Header.Get("X-Do"); do {
	case "length":
		read()
		h.Set("Content-Length", "5")
		io.WriteString(w, "hello")
	case "chunked":
		w.(http.Flusher).Flush()
		io.WriteString(w, "hello")
	case "trailer":
		h.Set("Trailer", "X-Sum, X-Not")
		io.WriteString(w, "hello")
		h.Set("X-Sum", "1")
	case "late trailer":
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		h.Set(http.TrailerPrefix+"X-Late", "1")
	case "204", "304", "500":
		status, _ := strconv.Atoi(do)
		h.Set("Etag", `"1"`)
		w.WriteHeader(status)
	case "empty":
		h.Set("Content-Length", "0")
	case "pragma":
		h.Set("Pragma", "no-cache")
	case "close":
		h.Set("Connection", "close")
		io.WriteString(w, "hello")
	case "gzip", "gzip trailer":
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Type", "text/plain")
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, "hello")
		z.Close()
		if do == "gzip" {
			h.Set("Content-Length", strconv.Itoa(b.Len()))
		} else {
			h.Set("Trailer", "X-Sum")
		}
		w.Write(b.Bytes())
		if do != "gzip" {
			h.Set("X-Sum", "1")
		}
	case "identity":
		h.Set("Content-Encoding", "identity")
		h.Set("Content-Length", "5")
		io.WriteString(w, "hello")
	case "1xx":
		h.Set("Link", "</style.css>")
		w.WriteHeader(103)
		w.WriteHeader(102)
		io.WriteString(w, "hello")
	case "201":
		h.Set("Location", "item/7")
		w.WriteHeader(201)
	case "301", "302", "303", "307", "308":
		n := read()
		if r.URL.Path == "/landed" {
			fmt.Fprintf(w, "%s %d", r.Method, n)
			return
		}
		status, _ := strconv.Atoi(do)
		h.Set("Location", "/landed")
		w.WriteHeader(status)
		io.WriteString(w, "moved")
	case "loop":
		h.Set("Location", "/loop")
		w.WriteHeader(302)
	case "bad location":
		h.Set("Location", "http://a b/%zz")
		w.WriteHeader(302)
	case "cookie":
		if r.URL.Path == "/landed" {
			io.WriteString(w, r.Header.Get("Cookie"))
			return
		}
		h.Set("Set-Cookie", "a=b; Path=/")
		h.Set("Location", "/landed")
		w.WriteHeader(302)
	case "early":
		w.WriteHeader(413)
	case "cut":
		h.Set("Content-Length", "10")
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "abort":
		panic(http.ErrAbortHandler)
	case "silent":
		<-r.Context().Done()
	case "silent body":
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		fmt.Fprint(w, read())
	}
}

// TestClientBesideNetHTTP sends the list.
func TestClientBesideNetHTTP(t *testing.T) {
	noEnvironment(t)
	for major := 1; major <= 2; major++ {
		f := newBesideServer(t, major)
		s := requests.NewSession(requests.TLS{SkipVerify: true})
		defer s.Close()
		wrapped := requests.NewSession(requests.TLS{SkipVerify: true})
		defer wrapped.Close()
		a := &requests.HTTPAdapter{Wrap: func(rt http.RoundTripper) http.RoundTripper { return roundTripFunc(rt.RoundTrip) }}
		wrapped.Mount("https://", a)
		wrapped.Mount("http://", a)
		over := requests.NewSession()
		defer over.Close()
		over.Mount("https://", requests.RoundTripper(f.transport(true)))
		over.Mount("http://", requests.RoundTripper(f.transport(true)))
		for _, way := range []struct {
			name          string
			plain, bridge http.RoundTripper
		}{
			{"Client", f.transport(true), s.Client().Transport},
			{"HTTPAdapter", f.transport(false), &requests.HTTPAdapter{TLS: requests.TLS{SkipVerify: true}}},
			{"Wrap", f.transport(true), wrapped.Client().Transport},
			{"RoundTripper", f.transport(true), over.Client().Transport},
			{"proxy", f.transport(true), s.With(requests.Proxies{"http": f.URL}).Client().Transport},
		} {
			f.origin = f.URL
			if way.name == "proxy" {
				if major == 2 {
					continue
				}
				f.origin = "http://origin.test"
				to, err := url.Parse(f.URL)
				require.NoError(t, err)
				way.plain.(*http.Transport).Proxy = http.ProxyURL(to)
			}
			for _, c := range besideCases() {
				if c.only != 0 && c.only != major || way.name == "proxy" && slices.Contains(notByProxy, c.name) {
					continue
				}
				t.Run(fmt.Sprintf("%s/HTTP %d/%s", way.name, major, c.name), func(t *testing.T) {
					want := f.observe(t, way.plain, c)
					require.Equal(t, want, f.observe(t, way.bridge, c))
				})
			}
		}
	}
}

// TestClientRefusesBodies is about bodies that are not as long as they are said to
// be: the server gets no complete request, the error says so, and they are closed.
func TestClientRefusesBodies(t *testing.T) {
	of := func(text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }
	for major := 1; major <= 2; major++ {
		var complete atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				complete.Add(1)
			}
		}))
		srv.EnableHTTP2 = major == 2
		srv.StartTLS()
		defer srv.Close()
		s := requests.NewSession(requests.TLS{SkipVerify: true}, requests.TrustEnv(false))
		defer s.Close()
		for name, c := range map[string]struct {
			body io.Reader
			want error
		}{
			"shorter": {of("hell"), requests.ErrInvalidOption},
			"longer":  {of("hello!"), requests.ErrInvalidOption},
			"fails":   {io.MultiReader(strings.NewReader("he"), failingReader{errOwn}), errOwn},
		} {
			t.Run(fmt.Sprint(name, " HTTP ", major), func(t *testing.T) {
				body := &observedBody{ReadCloser: io.NopCloser(c.body)}
				r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, body)
				require.NoError(t, err)
				r.ContentLength = 5
				_, err = s.Client().Do(r)
				require.ErrorIs(t, err, c.want)
				require.Eventually(t, func() bool { return body.count() == 1 }, 5*time.Second, time.Millisecond)
			})
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, nil)
		require.NoError(t, err)
		r.ContentLength = 5
		_, err = s.Client().Do(r)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		require.Zero(t, complete.Load())
	}
}

// TestHandlerBesideNetHTTP sends the list to the handler behind a server and, by
// [requests.Handler], to the handler itself.
func TestHandlerBesideNetHTTP(t *testing.T) {
	noEnvironment(t)
	f := newBesideServer(t, 1)
	f.origin = f.URL
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", requests.Handler(http.HandlerFunc(beside)))
	plain := f.transport(true)
	for _, c := range besideCases() {
		if c.only == 2 || slices.Contains(notByHandler, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			_, want, _ := strings.Cut(f.observe(t, plain, c), "\n== ")
			_, got, _ := strings.Cut(f.observe(t, s.Client().Transport, c), "\n== ")
			require.Equal(t, want, got)
		})
	}
}

// A besideServer is a server that keeps what it sees.
type besideServer struct {
	*httptest.Server
	major  int
	origin string // whose URLs are asked for

	served atomic.Int32
	mu     sync.Mutex
	seen   []string
}
