package requests_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// The adapter of a service that a slow neighbour must not take down: at most eight
// connections to it, for which calls wait, and retries for a fifth of the requests.
func ExampleHTTPAdapter_limits() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	adapter := &requests.HTTPAdapter{
		PoolConnections: 4, // pools, one for each TLS value and proxy in use
		PoolMaxSize:     8, // connections to one host
		PoolBlock:       true,
		IdleTimeout:     30 * time.Second,
		RetryBudget:     0.2,
		DisableHTTP2:    true, // whose calls share one connection
		Resolver:        &net.Resolver{PreferGo: true},
		ProxyHeader:     http.Header{"X-Team": {"billing"}}, // for the proxy that makes a tunnel
	}
	s := requests.NewSession()
	s.Mount("http://", adapter)
	defer s.Close()

	for r := range s.Many(context.Background(), requests.URLs(server.URL, server.URL, server.URL), requests.Concurrency{Limit: 3}) {
		if r.Err != nil {
			fmt.Println(r.Err)
		}
	}
	stats := adapter.Stats()
	fmt.Println(stats.Open <= 3, stats.Waiting)
	// Output: true 0
}

// HTTP/2 without TLS, as between services that know each other.
func ExampleHTTPAdapter_http2() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	s := requests.NewSession()
	s.Mount("http://", &requests.HTTPAdapter{UnencryptedHTTP2: true})
	defer s.Close()

	r, err := s.Get(context.Background(), server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: HTTP/2.0
}

// A proxy that resolves names itself connects where Allow cannot see.
func ExampleHTTPAdapter_proxy() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "for ", r.Host) }))
	defer proxy.Close()
	s := requests.NewSession(requests.Proxies{"all": proxy.URL})
	s.Mount("http://", &requests.HTTPAdapter{TrustProxy: true})
	defer s.Close()

	r, err := s.Get(context.Background(), "http://inside.example/")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: for inside.example
}

// An adapter of one's own sees what a call asks for, its proxy among it.
func ExampleSendOptions() {
	s := requests.NewSession(requests.Proxies{"all": "http://u:p@proxy.example:3128"}, requests.MaxBody(1<<20))
	s.Mount("mock://", adapterFunc(func(_ context.Context, _ *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
		fmt.Println(opts.Proxy.Host, opts.MaxBody, opts.Timeout.Connect)
		return requests.NewResponse(http.StatusOK, nil, nil), nil
	}))
	if _, err := s.Get(context.Background(), "mock://a/"); err != nil {
		fmt.Println(err)
	}
	// Output: proxy.example:3128 1048576 10s
}

type adapterFunc func(context.Context, *requests.PreparedRequest, requests.SendOptions) (*requests.Response, error)

func (f adapterFunc) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	return f(ctx, p, opts)
}

// Each kind of failure has a number of its own, and what is worth a retry is up to
// the program.
func ExampleRetry_kinds() {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.WriteHeader(http.StatusConflict)
	}))
	defer server.Close()

	r, err := requests.Post(context.Background(), server.URL, requests.Retry{
		Connect: 5, Read: 1, Status: 2, Other: -1,
		Methods:          []string{http.MethodGet, http.MethodPost}, // a POST that may be repeated
		StatusCodes:      []int{http.StatusConflict},
		Backoff:          time.Millisecond,
		BackoffMax:       10 * time.Millisecond,
		MaxRetryAfter:    time.Minute,
		IgnoreRetryAfter: false,
		ReturnLast:       true, // the 409, in place of an error
	})
	fmt.Println(calls, r, err)
	// Output: 3 <Response [409]> <nil>
}

// A call may trust another authority than its session, or nobody's word but that of
// the roots of the system again.
func ExampleTLS_call() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // which would tell of the refused handshake
	server.StartTLS()
	defer server.Close()
	s := requests.NewSession(requests.TLS{SkipVerify: true}) // for tests alone
	defer s.Close()
	_, err := s.Get(context.Background(), server.URL)
	fmt.Println(err)

	_, err = s.Get(context.Background(), server.URL, requests.TLS{Verify: true})
	fmt.Println(errors.Is(err, requests.ErrTLS))

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	_, err = s.Get(context.Background(), server.URL, requests.TLS{Config: &tls.Config{RootCAs: roots}})
	fmt.Println(err)

	_, err = s.Get(context.Background(), server.URL, requests.TLS{CertFile: "client.pem", KeyFile: "client.key"}) // which do not exist
	fmt.Println(errors.Is(err, requests.ErrInvalidOption))
	// Output:
	// <nil>
	// true
	// <nil>
	// true
}

// What a program may tell its user of an error, by its kind and without a look at its words.
func ExampleErrRequest_advice() {
	advice := func(err error) string {
		switch {
		case err == nil:
			return "done"
		case errors.Is(err, requests.ErrInvalidOption), errors.Is(err, requests.ErrInvalidHeader), errors.Is(err, requests.ErrInvalidScheme):
			return "a mistake in the program"
		case errors.Is(err, requests.ErrInvalidProxy):
			return "the settings of the proxy are wrong"
		case errors.Is(err, requests.ErrDNS):
			return "the name of the server is not known"
		case errors.Is(err, requests.ErrAuthentication):
			return "log in again"
		case errors.Is(err, requests.ErrConnectionLost):
			return "the server has hung up; perhaps try again"
		case errors.Is(err, requests.ErrProtocol), errors.Is(err, requests.ErrContentDecoding):
			return "the server sends junk"
		case errors.Is(err, requests.ErrClosed), errors.Is(err, requests.ErrStreamConsumed):
			return "the response or the session is used up"
		case errors.Is(err, requests.ErrRequest):
			return "something else went wrong"
		}
		return "not of the library"
	}
	_, err := requests.Get(context.Background(), "gopher://a.example/")
	fmt.Println(advice(err))

	s := requests.NewSession()
	s.Close()
	_, err = s.Get(context.Background(), "http://a.example/")
	fmt.Println(advice(err))
	// Output:
	// a mistake in the program
	// the response or the session is used up
}

// A proxy that does not let a call through says why.
func ExampleProxyError() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer proxy.Close()

	_, err := requests.Get(context.Background(), "https://inside.example/", requests.Proxies{"all": proxy.URL})
	if e, ok := errors.AsType[*requests.ProxyError](err); ok {
		fmt.Println(e.StatusCode, e.Status, len(e.Header) > 0, e.URL == proxy.URL)
	}
	// Output: 403 403 Forbidden true true
}

// PATCH and DELETE are calls like the others.
func ExampleSession_Patch() {
	s := requests.NewSession(requests.BaseURL("mock://api/orders/"))
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", string(body))
	})))
	r, err := s.Patch(context.Background(), "7", requests.JSON(map[string]bool{"paid": true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	if r, err = s.Delete(context.Background(), "7"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output:
	// PATCH /orders/7 {"paid":true}
	// DELETE /orders/7
}

// A redirect that is permanent names the URL to keep from now on.
func ExampleResponse_IsPermanentRedirect() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/new", http.StatusPermanentRedirect)
	}))
	defer server.Close()
	s := &requests.Session{NoRedirects: true, NoCookies: true, IgnoreEnv: true} // as fields, in place of options
	defer s.Close()

	r, err := s.Get(context.Background(), server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.IsPermanentRedirect(), r.Header.Get("Location"))
	// Output: true /new
}

// The links of a response by their relation, with what they are beside a URL.
func ExampleLink() {
	s := requests.NewSession()
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", `</orders?page=2>; rel="next"; title="more"`)
	})))
	r, err := s.Get(context.Background(), "mock://api/orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	var next requests.Link = r.Links()["next"]
	fmt.Println(next.Rel, next.Ref, next.URL, next.Params["title"])
	// Output: next /orders?page=2 mock://api/orders?page=2 more
}

// A request is a value: one may look at its options and send it as often as one likes.
func ExampleRequest() {
	r := requests.NewRequest(http.MethodGet, "mock://api/orders", requests.Params{"open": true})
	r.Options = append(r.Options, requests.Params{"page": 2})
	p, err := r.Prepare(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.URL)
	fmt.Println(p.Curl(requests.ShowSecrets(true)))
	// Output:
	// mock://api/orders?open=true&page=2
	// curl 'mock://api/orders?open=true&page=2' -H 'User-Agent:' -H 'Accept:'
}

// Hooks in one value, as the default of a session.
func ExampleHooks_kinds() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	s := requests.NewSession(requests.Hooks{
		Informational: []requests.OnInformational{func(_ context.Context, status int, h http.Header) error {
			fmt.Println(status, h.Get("Link"))
			return nil
		}},
		Progress: []requests.OnProgress{func(done, total int64) {
			if done == total {
				fmt.Println(done, "bytes")
			}
		}},
	})
	defer s.Close()

	if _, err := s.Get(context.Background(), server.URL); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 103 </style.css>; rel=preload
	// 5 bytes
}

// A part of a form without a filename, and one for which no file was chosen.
func ExampleFile_noName() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts, _ := r.MultipartReader()
		for {
			p, err := parts.NextPart()
			if err != nil {
				return
			}
			fmt.Fprintf(w, "%s\n", p.Header.Get("Content-Disposition"))
		}
	}))
	defer server.Close()

	r, err := requests.Post(context.Background(), server.URL, requests.Files{
		{Field: "meta", Name: requests.NoName, ContentType: "application/json", Reader: strings.NewReader("{}")},
		{Field: "photo", Name: requests.EmptyName, Reader: strings.NewReader("")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(r.Text())
	// Output:
	// form-data; name="meta"
	// form-data; name="photo"; filename=""
}

// Events of a stream have a type, data and an id.
func ExampleEvent() {
	s := requests.NewSession(requests.Stream(true))
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 7\nevent: price\ndata: 42\n\n")
	})))
	r, err := s.Get(context.Background(), "mock://feed/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	show := func(e requests.Event) { fmt.Println(e.ID, e.Type, e.Data) }
	for e, err := range r.Events() {
		if err != nil {
			fmt.Println(err)
			return
		}
		show(e)
	}
	// Output: 7 price 42
}

// Results may be sorted out after the loop.
func ExampleResult() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	var failed []requests.Result
	for r := range requests.Many(context.Background(), requests.URLs(server.URL+"/1", server.URL+"/2"), requests.RaiseForStatus(true)) {
		if r.Err != nil {
			failed = append(failed, r)
		}
	}
	for _, r := range failed {
		fmt.Println(r.Index, strings.TrimPrefix(r.Request.URL, server.URL))
	}
	// Output: 1 /2
}

// A cookie with each of its attributes, and what a jar says of it.
func ExampleCookie() {
	jar := new(requests.CookieJar)
	err := jar.Set("sid", "d2f1c6",
		requests.CookieDomain("example.com"), requests.CookieHostOnly(true), requests.CookiePath("/app"),
		requests.CookieSecure(true), requests.CookieHTTPOnly(true), requests.CookieSameSite(http.SameSiteLaxMode),
		requests.CookieExpires(time.Now().Add(time.Hour))) // as Max-Age of one hour
	if err != nil {
		fmt.Println(err)
		return
	}
	var c *requests.Cookie
	if c, err = jar.Get("sid", requests.CookieDomain("example.com")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Domain, c.HostOnly, c.Path, c.Secure, c.HttpOnly, c.SameSite == http.SameSiteLaxMode)
	fmt.Println(time.Until(c.Expires) > 59*time.Minute, c.Created.Equal(c.LastAccess))
	// Output:
	// example.com true /app true true true
	// true true
}

// A copy of a jar, of which only what lasts is kept, in the form that this library reads alone.
func ExampleCookieJar_Update() {
	var jar requests.CookieJar
	_ = jar.Set("theme", "dark", requests.CookieDomain("example.com"), requests.CookieExpires(time.Now().Add(time.Hour)))
	_ = jar.Set("sid", "d2f1c6", requests.CookieDomain("example.com"))

	copied := new(requests.CookieJar)
	copied.Update(&jar)
	fmt.Println(copied.ClearSession(), "ended with the session,", jar.Len(), "in the original")

	for _, format := range []requests.CookieFormat{requests.CookiesJSON, requests.CookiesTXT} {
		var file strings.Builder
		if err := copied.Save(&file, format); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(strings.Contains(file.String(), "theme"), strings.Contains(file.String(), "sid"))
	}
	// Output:
	// 1 ended with the session, 2 in the original
	// true false
	// true false
}

// A jar serves clients of net/http, too.
func ExampleCookieJar_SetCookies() {
	jar := new(requests.CookieJar)
	client := &http.Client{Jar: jar}
	u := &url.URL{Scheme: "https", Host: "www.example.com", Path: "/"}
	client.Jar.SetCookies(u, []*http.Cookie{{Name: "lang", Value: "de"}})
	fmt.Println(jar.Map(), client.Jar.Cookies(u))
	// Output: map[lang:de] [lang=de]
}

// The options of a session are its fields, too, to be set before its first call.
func ExampleSession_fields() {
	s := &requests.Session{
		BaseURL:        "mock://api/{version}/",
		PathParams:     requests.PathParams{"version": "v1"},
		Params:         requests.Params{"lang": "de"},
		Proxies:        requests.Proxies{"no_proxy": "localhost"},
		Timeout:        requests.Timeout{Total: time.Minute},
		MaxRedirects:   -1,
		IdempotencyKey: true,
		JSONDecoder:    json.Unmarshal,
		Stream:         false,
		Trace:          true,
		Dump:           requests.Dump{To: nil}, // to nobody
		Hooks: requests.Hooks{Request: []requests.OnRequest{func(_ context.Context, p *requests.PreparedRequest) error {
			p.Header.Set("User-Agent", "billing/1.4 go-requests/"+requests.Version)
			return nil
		}}},
	}
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.RequestURI(), " ", strings.HasPrefix(r.UserAgent(), "billing/1.4"))
	})))
	defer s.Close()

	r, err := s.Get(context.Background(), "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	var times requests.Timings = r.Timings()
	fmt.Println(times.Total >= times.DNS+times.Connect)
	// Output:
	// /v1/orders?lang=de true
	// true
}

// The methods of HTTP, as functions and as methods of a session.
func ExampleSession_Put() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Method", r.Method) }))
	defer server.Close()
	ctx, s := context.Background(), requests.NewSession(requests.BaseURL(server.URL))
	defer s.Close()

	for _, call := range []func() (*requests.Response, error){
		func() (*requests.Response, error) { return s.Head(ctx, "7") },
		func() (*requests.Response, error) { return s.Put(ctx, "7", requests.Text("x")) },
		func() (*requests.Response, error) { return s.Do(ctx, "MKCOL", "dir") },
		func() (*requests.Response, error) { return requests.Options(ctx, server.URL) },
		func() (*requests.Response, error) { return requests.Patch(ctx, server.URL, requests.Text("x")) },
		func() (*requests.Response, error) { return requests.Delete(ctx, server.URL) },
	} {
		r, err := call()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(r.Header.Get("X-Method"), " ")
	}
	requests.CloseIdleConnections() // of the functions; a session has them closed by Close
	// Output: HEAD PUT MKCOL OPTIONS PATCH DELETE
}

// Which adapter is in charge of a URL.
func ExampleSession_Adapter() {
	s := requests.NewSession()
	defer s.Close()
	s.Mount("https://api.example.com/", &requests.HTTPAdapter{PoolMaxSize: 2})

	adapter, err := s.Adapter("https://api.example.com/orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	if a, ok := adapter.(*requests.HTTPAdapter); ok {
		var stats requests.Stats = a.Stats()
		fmt.Println(a.PoolMaxSize, stats.Open)
	}
	// Output: 2 0
}

// An adapter of one's own that passes on what it is not concerned with.
func ExampleSendOptions_hooks() {
	inner := requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	s := requests.NewSession()
	s.Mount("mock://", adapterFunc(func(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
		fmt.Println(len(opts.OnProgress), len(opts.OnRetry), len(opts.OnInformational))
		opts.OnProgress = nil // nobody is told of the bodies that come this way
		return inner.Send(ctx, p, opts)
	}))
	told := 0
	r, err := s.Get(context.Background(), "mock://a/", requests.OnProgress(func(int64, int64) { told++ }))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text(), told)
	// Output:
	// 1 0 0
	// hello 0
}

// A value that is decided on first: a file, and who sends it.
func ExampleAuth() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		_, header, err := r.FormFile("report")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, user, " sends ", header.Filename)
	}))
	defer server.Close()
	var auth requests.Auth // none so far, which leaves the choice to the session and the URL
	report := requests.File{Field: "report", Name: "2026.csv", Reader: strings.NewReader("a,b\n")}
	if auth == (requests.Auth{}) {
		auth = requests.BasicAuth("ann", "secret")
	}

	r, err := requests.Post(context.Background(), server.URL, auth, requests.Files{report})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text(), "by", auth)
	// Output: ann sends 2026.csv by Basic
}
