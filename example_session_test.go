package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/go-requests/requests"
)

// A session keeps cookies from call to call. Its fields are set before the
// first one.
func ExampleSession() {
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Headers.Set("X-Test", "true")
	s.Auth = requests.BasicAuth("user", "pass")

	if _, err := s.Get(ctx, httpbin+"/cookies/set?theme=dark"); err != nil {
		log.Fatal(err)
	}
	r, err := s.Get(ctx, httpbin+"/cookies")
	if err != nil {
		log.Fatal(err)
	}
	var seen struct{ Cookies map[string]string }
	if err := r.JSON(&seen); err != nil {
		log.Fatal(err)
	}
	fmt.Println(seen.Cookies, r.Request.Header.Get("X-Test"))
	// Output: map[theme:dark] true
}

// A service makes one session, and keeps it.
func ExampleNewSession() {
	s := requests.NewSession(
		requests.BaseURL(httpbin+"/anything/v1/"),
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
	fmt.Println(r.URL.RequestURI(), r.Request.Header.Get("X-Client"))
	// Output: /anything/v1/orders?open=true billing/1.4
}

// Once it is set up, a session is for any number of goroutines.
func ExampleSession_Get() {
	s := requests.NewSession(requests.BaseURL(httpbin))
	defer s.Close()

	ctx := context.Background()
	var wg sync.WaitGroup
	sizes := make([]int, 5)
	for i := range sizes {
		wg.Go(func() {
			r, err := s.Get(ctx, fmt.Sprintf("/bytes/%d", 100*i))
			if err != nil {
				log.Print(err)
				return
			}
			sizes[i] = len(r.Content())
		})
	}
	wg.Wait()
	fmt.Println(sizes)
	// Output: [0 100 200 300 400]
}

// BaseURL cannot be left by a path made of what a user typed.
func ExampleBaseURL() {
	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(httpbin+"/anything/users/"), requests.BearerAuth("token"))
	defer s.Close()
	for _, name := range []string{"ann", "/ann", "../admin", "//evil.example/", "http://evil.example/"} {
		r, err := s.Get(ctx, name)
		if err != nil {
			fmt.Println(errors.Is(err, requests.ErrInvalidURL))
			continue
		}
		fmt.Println(r.URL.Path)
	}
	// Output:
	// /anything/users/ann
	// /anything/users/ann
	// true
	// true
	// true
}

// With derives a session with other defaults. They share connections, cookies
// and mounts.
func ExampleSession_With() {
	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(httpbin), requests.Headers{"X-Client": "billing/1.4"})
	defer s.Close()
	tenant := s.With(requests.Headers{"X-Tenant": 42})

	for _, s := range []*requests.Session{s, tenant} {
		r, err := s.Get(ctx, "/headers")
		if err != nil {
			log.Fatal(err)
		}
		h := r.Request.Header
		fmt.Printf("%q %q\n", h.Get("X-Client"), h.Get("X-Tenant"))
	}
	// Output:
	// "billing/1.4" ""
	// "billing/1.4" "42"
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

// The last response is not lost when the retries are used up.
func ExampleRetryError() {
	ctx := context.Background()
	_, err := requests.Get(ctx, httpbin+"/status/503", requests.Retry{Total: 2, StatusCodes: []int{503}})
	fmt.Println(errors.Is(err, requests.ErrRetriesExhausted))
	if e, ok := errors.AsType[*requests.RetryError](err); ok {
		fmt.Println(len(e.Attempts), e.Response.StatusCode)
	}
	// Output:
	// true
	// 3 503
}

// A proxy is chosen by the scheme and the host of the URL. What the program
// says counts more than the environment.
func ExampleProxies() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "asked for %s, with credentials: %t", r.URL, r.Header.Get("Proxy-Authorization") != "")
	}))
	defer proxy.Close()

	ctx := context.Background()
	s := requests.NewSession(
		requests.Proxies{"http": proxy.URL, "http://127.0.0.1": ""},
		requests.ProxyAuth("user", "pass"))
	defer s.Close()
	r, err := s.Get(ctx, "http://example.com/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())

	r, err = s.Get(ctx, httpbin+"/status/204") // directly
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode)
	// Output:
	// asked for http://example.com/, with credentials: true
	// 204
}

// What is mounted on the longest prefix of a URL sends the request.
func ExampleSession_Mount() {
	ctx := context.Background()
	say := func(text string) requests.Adapter {
		return requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }))
	}
	s := requests.NewSession()
	defer s.Close()
	s.Mount("https://api.example.com/", say("the API"))
	s.Mount("https://api.example.com/v2/", say("its second version"))

	for _, url := range []string{"https://api.example.com/v1/orders", "https://api.example.com/v2/orders"} {
		r, err := s.Get(ctx, url)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Text())
	}
	// Output:
	// the API
	// its second version
}

// A handler answers without a network: in tests, or within one program.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!", r.PathValue("name"))
	})

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("mock://", requests.Handler(mux))
	r, err := s.Get(ctx, "mock://service/hello/world")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: Hello, world!
}

// Every http.RoundTripper can be mounted: one that traces, records or caches.
func ExampleRoundTripper() {
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", requests.RoundTripper(traced{http.DefaultTransport}))
	if _, err := s.Get(ctx, httpbin+"/redirect/1"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// GET /redirect/1
	// GET /get
}

type traced struct{ http.RoundTripper }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Println(r.Method, r.URL.Path)
	return t.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is called when the session is closed.
func (t traced) CloseIdleConnections() {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// An adapter of one's own usually wraps another one.
func ExampleAdapter() {
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", counted{new(requests.HTTPAdapter), new(int)})
	if _, err := s.Get(ctx, httpbin+"/redirect/2"); err != nil {
		log.Fatal(err)
	}
	a, err := s.Adapter(httpbin)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*a.(counted).sent, "requests")
	// Output: 3 requests
}

type counted struct {
	*requests.HTTPAdapter
	sent *int
}

func (c counted) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	*c.sent++
	return c.HTTPAdapter.Send(ctx, p, opts)
}

// The connections may be of one's own making, here to a Unix socket.
func ExampleHTTPAdapter() {
	dir, done := tempDir()
	defer done()
	socket := filepath.Join(dir, "daemon.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	daemon := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "daemon at "+r.URL.Path) })}}
	daemon.Start()
	defer daemon.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://daemon/", &requests.HTTPAdapter{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}})
	r, err := s.Get(context.Background(), "http://daemon/version")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: daemon at /version
}

// A program that fetches URLs for others keeps to the public Internet, wherever
// names and redirects lead.
func ExamplePublicOnly() {
	internal := httptest.NewServer(http.NotFoundHandler())
	defer internal.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", &requests.HTTPAdapter{Allow: requests.PublicOnly})
	_, err := s.Get(context.Background(), internal.URL)
	fmt.Println(errors.Is(err, requests.ErrAddress))
	// Output: true
}

// A policy of one's own decides about addresses: here a proxy inside is fine.
func ExampleHTTPAdapter_allow() {
	proxy := netip.MustParseAddrPort("10.0.0.3:1080")
	a := &requests.HTTPAdapter{Allow: func(addr netip.AddrPort) error {
		if addr == proxy {
			return nil
		}
		return requests.PublicOnly(addr)
	}}
	fmt.Println(a.Allow(proxy))
	fmt.Println(a.Allow(netip.MustParseAddrPort("169.254.169.254:80")))
	// Output:
	// <nil>
	// 169.254.169.254 is the metadata of a cloud
}

// A server is tested under its real name before the name leads to it.
func ExampleHTTPAdapter_hosts() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer server.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", &requests.HTTPAdapter{Hosts: map[string]string{"www.example.com": server.Listener.Addr().String()}})
	r, err := s.Get(context.Background(), "http://www.example.com/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: www.example.com
}

// What is mounted on a prefix has a policy of its own for the hosts below it.
func ExampleHTTPAdapter_retry() {
	busy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy {
			busy = false
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		io.WriteString(w, "at last")
	}))
	defer server.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Mount(server.URL, &requests.HTTPAdapter{
		Retry: requests.Retry{Total: 4, StatusCodes: []int{502, 503, 504}, Backoff: 200 * time.Millisecond}})
	r, err := s.Get(context.Background(), server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: at last
}

// A service that knows it will be quiet for a while keeps no connections.
func ExampleHTTPAdapter_CloseIdleConnections() {
	a := new(requests.HTTPAdapter)
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	if _, err := s.Get(context.Background(), httpbin+"/get"); err != nil {
		log.Fatal(err)
	}
	a.CloseIdleConnections()
	fmt.Println(a.Stats().Open)
	// Output: 0
}

// The connection of the first call serves the others.
func ExampleHTTPAdapter_Stats() {
	a := new(requests.HTTPAdapter)
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	for range 3 {
		if _, err := s.Get(context.Background(), httpbin+"/get"); err != nil {
			log.Fatal(err)
		}
	}
	stats := a.Stats()
	fmt.Println(stats.Dialed, stats.Reused)
	// Output: 1 2
}

// Any package that wants an http.Client can send through a session.
func ExampleSession_Client() {
	s := requests.NewSession(requests.BearerAuth("token"))
	defer s.Close()
	client := s.Client()

	r, err := client.Get(httpbin + "/bearer")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	fmt.Println(r.StatusCode)
	// Output: 200
}

// A prepared request can be looked at and changed before it is sent.
func ExampleSession_Prepare() {
	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(httpbin), requests.Headers{"X-Client": "billing/1.4"})
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
	fmt.Println(r.StatusCode)
	// Output:
	// POST /post billing/1.4 {"grams":250}
	// 200
}

// A prepared request can be sent many times.
func ExampleSession_Send() {
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	p, err := requests.NewRequest("POST", httpbin+"/post", requests.Form{"n": 1}).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for n := range 2 {
		if n > 0 {
			if err := p.SetBody(requests.Text("n=2")); err != nil {
				log.Fatal(err)
			}
		}
		r, err := s.Send(ctx, p)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %q\n", r.StatusCode, r.Request.Header.Get("Content-Type"))
	}
	// Output:
	// 200 "application/x-www-form-urlencoded"
	// 200 ""
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

func ExampleErrAdapter() {
	s := requests.NewSession()
	defer s.Close()
	s.Mount("queue://", requests.RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
		return nil, errQueueFull
	})))
	_, err := s.Get(context.Background(), "queue://jobs/next")
	fmt.Println(errors.Is(err, requests.ErrAdapter), errors.Is(err, errQueueFull))
	fmt.Println(err)
	// Output:
	// true true
	// requests: send queue://jobs/next: adapter failed: the queue is full
}

var errQueueFull = errors.New("the queue is full")

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
