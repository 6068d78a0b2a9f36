package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests"
)

// A session keeps cookies from call to call. Set its fields before the first one.
func ExampleSession() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "d2f1c6"})
			return
		}
		fmt.Fprint(w, r.Cookies(), " ", r.Header.Get("X-Test"))
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Headers.Set("X-Test", "true")
	s.Auth = requests.BasicAuth("ann", "secret")

	if _, err := s.Post(ctx, server.URL+"/login"); err != nil {
		log.Fatal(err)
	}
	r, err := s.Get(ctx, server.URL+"/orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: [sid=d2f1c6] true
}

// A service makes one session and keeps it.
func ExampleNewSession() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s for %s", r.URL, r.Header.Get("X-Client"))
	}))
	defer server.Close()

	s := requests.NewSession(
		requests.BaseURL(server.URL+"/v1/"),
		requests.Headers{"X-Client": "billing/1.4"},
		requests.BearerAuth("token"),
		requests.Timeout{Total: 20 * time.Second},
		requests.RaiseForStatus(true))
	defer s.Close()

	ctx := context.Background()
	r, err := s.Get(ctx, "orders", requests.Params{"open": true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: /v1/orders?open=true for billing/1.4
}

// Once it is configured, any number of goroutines may use a session.
func ExampleSession_Get() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "page "+r.URL.Path[1:])
	}))
	defer server.Close()

	s := requests.NewSession(requests.BaseURL(server.URL))
	defer s.Close()
	ctx := context.Background()
	var wg sync.WaitGroup
	pages := make([]string, 3)
	for i := range pages {
		wg.Go(func() {
			r, err := s.Get(ctx, strconv.Itoa(i))
			if err != nil {
				log.Print(err)
				return
			}
			pages[i] = r.Text()
		})
	}
	wg.Wait()
	fmt.Printf("%q\n", pages)
	// Output: ["page 0" "page 1" "page 2"]
}

// A path made of what a user typed cannot leave the BaseURL.
func ExampleBaseURL() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path)
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(server.URL+"/users/"), requests.BearerAuth("token"))
	defer s.Close()
	for _, name := range []string{"ann", "/ann", "../admin", "//evil.example/", "http://evil.example/"} {
		r, err := s.Get(ctx, name)
		if err != nil {
			fmt.Println(errors.Is(err, requests.ErrInvalidURL))
			continue
		}
		fmt.Println(r.Text())
	}
	// Output:
	// /users/ann
	// /users/ann
	// true
	// true
	// true
}

// With derives a session with other defaults. They share connections, cookies
// and mounts.
func ExampleSession_With() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "client %q, tenant %q", r.Header.Get("X-Client"), r.Header.Get("X-Tenant"))
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(server.URL), requests.Headers{"X-Client": "billing/1.4"})
	defer s.Close()
	tenant := s.With(requests.Headers{"X-Tenant": 42})

	for _, s := range []*requests.Session{s, tenant} {
		r, err := s.Get(ctx, "")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Text())
	}
	// Output:
	// client "billing/1.4", tenant ""
	// client "billing/1.4", tenant "42"
}

// Pages follows the Link field from page to page.
func ExampleSession_Pages() {
	api := requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.FormValue("page"))
		if page < 2 {
			w.Header().Set("Link", fmt.Sprintf(`</items?page=%d>; rel="next"`, page+1))
		}
		fmt.Fprintf(w, "page %d", page)
	}))
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("https://api.example.com/", api)
	for r, err := range s.Pages(ctx, "https://api.example.com/items") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Text())
	}
	// Output:
	// page 0
	// page 1
	// page 2
}

// A server that is busy is asked again, after the time that it names.
func ExampleRetry() {
	busy := 2
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy--; busy >= 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "at last")
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(
		requests.Retry{Total: 4, StatusCodes: []int{502, 503, 504}, Backoff: 200 * time.Millisecond, Jitter: 50 * time.Millisecond},
		requests.OnRetry(func(_ context.Context, a requests.Attempt) error {
			fmt.Println("attempt", a.Number, "got", a.Response.StatusCode)
			return nil
		}))
	defer s.Close()
	r, err := s.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output:
	// attempt 1 got 503
	// attempt 2 got 503
	// at last
}

// When the retries are used up, the error has the last response.
func ExampleRetryError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "closed for today", http.StatusServiceUnavailable)
	}))
	defer server.Close()

	ctx := context.Background()
	_, err := requests.Get(ctx, server.URL, requests.Retry{Total: 2, StatusCodes: []int{503}})
	fmt.Println(errors.Is(err, requests.ErrRetriesExhausted))
	if e, ok := errors.AsType[*requests.RetryError](err); ok {
		fmt.Print(len(e.Attempts), " attempts: ", e.Response.Text())
	}
	// Output:
	// true
	// 3 attempts: closed for today
}

// The scheme and host of the URL choose the proxy. What the program says counts
// more than the environment.
func ExampleProxies() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the proxy was asked for ", r.URL)
	}))
	defer proxy.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the server was asked for ", r.URL)
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.Proxies{"http": proxy.URL, "no_proxy": "127.0.0.1"})
	defer s.Close()
	for _, url := range []string{"http://example.com/", server.URL} {
		r, err := s.Get(ctx, url)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Text())
	}
	// Output:
	// the proxy was asked for http://example.com/
	// the server was asked for /
}

// An SDK that takes an http.Client gets the session. The token goes to the host of
// BaseURL alone, wherever the SDK sends its requests.
func ExampleSession_Client() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.RequestURI+" "+r.Header.Get("Authorization"))
	}))
	defer server.Close()

	s := requests.NewSession(requests.BaseURL(server.URL), requests.BearerAuth("token"), requests.Retry{Total: 3})
	defer s.Close()
	store := objectStore{server.URL, s.Client()}
	fmt.Println(store.Get("a%2Fb/../c")) // the name as it was signed
	// Output: /a%2Fb/../c Bearer token <nil>
}

// An objectStore is what an SDK offers.
type objectStore struct {
	endpoint string
	client   *http.Client
}

func (s objectStore) Get(key string) (string, error) {
	r, err := s.client.Get(s.endpoint + "/" + key)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// A prepared request can be looked at and changed before it is sent.
func ExampleSession_Prepare() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "signed "+r.Header.Get("X-Signature"))
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(server.URL), requests.Headers{"X-Client": "billing/1.4"})
	defer s.Close()
	p, err := s.Prepare(ctx, requests.NewRequest("POST", "/post", requests.JSON(map[string]int{"grams": 250})))
	if err != nil {
		log.Fatal(err)
	}
	body, _ := p.Bytes()
	fmt.Println(p.Method, p.URL.Path, p.Header.Get("X-Client"), string(body))

	p.Header.Set("X-Signature", fmt.Sprintf("%d:%s", len(body), p.URL.Path))
	r, err := s.Send(ctx, p, requests.Timeout{Total: 5 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output:
	// POST /post billing/1.4 {"grams":250}
	// signed 13:/post
}

// A prepared request can be sent many times.
func ExampleSession_Send() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "n is "+r.FormValue("n"))
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	p, err := s.Prepare(ctx, requests.NewRequest("POST", server.URL, requests.Form{"n": 1}))
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		r, err := s.Send(ctx, p)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Text())
	}
	// Output:
	// n is 1
	// n is 1
}

// A request prepared without a session has no defaults at all.
func ExampleRequest_Prepare() {
	ctx := context.Background()
	p, err := requests.NewRequest("get", "https://bücher.example/a b?q=1", requests.Params{"page": 2}).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p)
	fmt.Println(len(p.Header))
	// Output:
	// GET https://xn--bcher-kva.example/a%20b?q=1&page=2
	// 0
}

// A command to try in a terminal, without what must not be in a bug report.
func ExamplePreparedRequest_Curl() {
	ctx := context.Background()
	p, err := requests.NewRequest("POST", "https://api.example.com/orders",
		requests.JSON(map[string]any{"item": "tea"}), requests.BearerAuth("token")).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Curl())
	// Output:
	// curl -X POST 'https://api.example.com/orders' -H 'Authorization: ***' -H 'Content-Type: application/json' -H 'User-Agent:' -H 'Accept:' --data-binary '{"item":"tea"}'
}

func ExamplePreparedRequest_Body() {
	ctx := context.Background()
	p, err := requests.NewRequest("PUT", "https://example.com/notes/1", requests.Text("remember the milk")).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	body, err := p.Body()
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.ContentLength(), string(text))
	// Output: 17 remember the milk
}

// The new body brings its own Content-Type and length.
func ExamplePreparedRequest_SetBody() {
	ctx := context.Background()
	p, err := requests.NewRequest("POST", "https://example.com/", requests.Form{"n": 1}).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Header.Get("Content-Type"), p.ContentLength())
	if err := p.SetBody(requests.JSON([]int{1, 2})); err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Header.Get("Content-Type"), p.ContentLength())
	// Output:
	// application/x-www-form-urlencoded 3
	// application/json 5
}

// A change of the copy leaves the first request as it was.
func ExamplePreparedRequest_Clone() {
	ctx := context.Background()
	p, err := requests.NewRequest("GET", "https://example.com/1").Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	q := p.Clone()
	q.URL.Path = "/2"
	q.Header.Set("X-Try", "2")
	fmt.Println(p, p.Header)
	fmt.Println(q, q.Header)
	// Output:
	// GET https://example.com/1 map[]
	// GET https://example.com/2 map[X-Try:[2]]
}

// A logger at the level debug is told of every request of a session.
func ExampleSession_logger() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Logger = slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key { // these differ from run to run
			case "time", "elapsed", "url":
				return slog.Attr{}
			}
			return a
		},
	}))
	if _, err := s.Get(context.Background(), server.URL); err != nil {
		log.Fatal(err)
	}
	// Output: level=DEBUG msg=request method=GET status=404
}

// If replaces what StatusCodes says, and may look into the body.
func ExampleRetry_if() {
	answers := []string{`{"state": "pending"}`, `{"state": "done"}`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, answers[0])
		answers = answers[1:]
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Retry{Total: 4, If: func(a requests.Attempt) bool {
		return a.Err != nil || strings.Contains(a.Response.Text(), "pending")
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: {"state": "done"}
}

// Only the proxy gets the credentials for it.
func ExampleProxyAuth() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") == "" {
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		fmt.Fprint(w, "passed on to ", r.URL.Host)
	}))
	defer proxy.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.Proxies{"http": proxy.URL}, requests.ProxyAuth("user", "pass"))
	defer s.Close()
	r, err := s.Get(ctx, "http://example.com/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output: 200 passed on to example.com
}

// A proxy that wants a token of the company's gets that; the server gets its own.
func ExampleAuth_ForProxy() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.Header.Get("Proxy-Authorization"))
		fmt.Fprintln(w, r.Header.Get("Authorization"))
	}))
	defer proxy.Close()

	s := requests.NewSession(requests.Proxies{"http": proxy.URL}, requests.BearerAuth("company").ForProxy())
	defer s.Close()
	r, err := s.Get(context.Background(), "http://example.com/", requests.BearerAuth("server"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r.Text())
	// Output:
	// Bearer company
	// Bearer server
}

// The environment may name a proxy. A program that must not care says so.
func ExampleTrustEnv() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer server.Close()
	os.Setenv("http_proxy", "http://127.0.0.1:1") // nobody listens there
	defer os.Unsetenv("http_proxy")

	ctx := context.Background()
	_, err := requests.Get(ctx, server.URL)
	fmt.Println(errors.Is(err, requests.ErrProxy))
	r, err := requests.Get(ctx, server.URL, requests.TrustEnv(false))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output:
	// true
	// hello
}

// One Option may bring several hooks. A call that has an OnRequest runs that in
// place of those of its session, and the session's other hooks as ever.
func ExampleHooks() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	say := func(text string) requests.OnRequest {
		return func(context.Context, *requests.PreparedRequest) error {
			fmt.Println(text)
			return nil
		}
	}

	ctx := context.Background()
	s := requests.NewSession(requests.Hooks{
		Request: []requests.OnRequest{say("first"), say("second")},
		Response: []requests.OnResponse{func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			fmt.Println(r.StatusCode)
			return r, nil
		}},
	})
	defer s.Close()
	s.Get(ctx, server.URL)
	s.Get(ctx, server.URL, say("the call's"))
	// Output:
	// first
	// second
	// 404
	// the call's
	// 404
}

// Twenty pages, four at a time. An error is that of its own request.
func ExampleMany() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "page ", r.URL.Path[1:])
	}))
	defer server.Close()

	urls := requests.URLs(server.URL+"/1", server.URL+"/2", server.URL+"/3")
	for r := range requests.Many(context.Background(), urls, requests.RaiseForStatus(true), requests.Concurrency{Limit: 4, InOrder: true}) {
		if r.Err != nil {
			fmt.Println("request", r.Index, "failed")
			continue
		}
		fmt.Println(r.Response.Text())
	}
	// Output:
	// page 1
	// request 1 failed
	// page 3
}

// Files with their checksums, and no more than two requests for each host.
func ExampleSession_Many() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the file ", r.URL.Path) }))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	s := requests.NewSession(requests.BaseURL(server.URL))
	defer s.Close()
	files := slices.Values([]*requests.Request{
		requests.NewRequest("GET", "/a", requests.SaveTo(filepath.Join(dir, "a")),
			requests.Checksum{"sha256": "b1b1909909b5464931e0a539fb2f7bd8ba48e1278d9144c5d750364da2a4eadb"}),
		requests.NewRequest("GET", "/b", requests.SaveTo(filepath.Join(dir, "b"))),
	})
	for r := range s.Many(context.Background(), files, requests.Concurrency{PerHost: 2, InOrder: true}) {
		fmt.Println(r.Request.URL, r.Size, r.Err)
	}
	// Output:
	// /a 11 <nil>
	// /b 11 <nil>
}
