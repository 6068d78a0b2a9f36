package requests_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests"
)

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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
		}
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", requests.RoundTripper(traced{new(http.Transport)}))
	if _, err := s.Get(ctx, server.URL+"/old"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// GET /old
	// GET /new
}

type traced struct{ *http.Transport }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Println(r.Method, r.URL.Path)
	return t.Transport.RoundTrip(r)
}

// Middleware of net/http goes around each attempt, as otelhttp.NewTransport does.
// Timeouts, TLS and proxies of the call hold below it, retries are above it.
func ExampleHTTPAdapter_wrap() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") == "span 1" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()

	s := requests.NewSession(requests.Retry{Total: 3, StatusCodes: []int{503}})
	defer s.Close()
	spans := 0
	s.Mount("http://", &requests.HTTPAdapter{Wrap: func(next http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			spans++
			r = r.Clone(r.Context()) // with the context, which says what the call asks for
			r.Header.Set("Traceparent", fmt.Sprint("span ", spans))
			res, err := next.RoundTrip(r)
			if err == nil {
				fmt.Println(r.Header.Get("Traceparent"), res.StatusCode)
			}
			return res, err
		})
	}})
	if _, err := s.Get(context.Background(), server.URL, requests.Timeout{Total: time.Minute}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// span 1 503
	// span 2 200
}

// An adapter serves code that wants a RoundTripper.
func ExampleHTTPAdapter_RoundTrip() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer server.Close()

	a := &requests.HTTPAdapter{Retry: requests.Retry{Total: 3}}
	defer a.Close()
	client := &http.Client{Transport: a}
	r, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	fmt.Println(string(body), err)
	// Output: hello <nil>
}

// A server that agrees to another protocol answers 101, and the body is the
// connection from then on.
func Example_upgrade() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(c, line)
	}))
	defer server.Close()

	r, err := requests.Get(context.Background(), server.URL, requests.Headers{"Connection": "Upgrade", "Upgrade": "echo"})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	conn := r.Body.(io.ReadWriteCloser)
	io.WriteString(conn, "hello\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("%d %q %v\n", r.StatusCode, line, err)
	// Output: 101 "hello\n" <nil>
}

// An adapter usually wraps another one.
func ExampleAdapter() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
		}
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	counting := &counted{HTTPAdapter: new(requests.HTTPAdapter)}
	s.Mount("http://", counting)
	if _, err := s.Get(ctx, server.URL+"/old"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(counting.sent.Load(), "requests")
	// Output: 2 requests
}

type counted struct {
	*requests.HTTPAdapter
	sent atomic.Int64
}

func (c *counted) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	c.sent.Add(1)
	return c.HTTPAdapter.Send(ctx, p, opts)
}

// A DialContext connects to what has no host name, here a Unix socket.
func ExampleHTTPAdapter() {
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
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

// A signer that is made for net/http goes around each attempt, below the retries:
// it signs the request as it is sent, and anew each time.
func ExampleHTTPAdapter_signer() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Signature") != "2" {
			w.WriteHeader(http.StatusServiceUnavailable) // this attempt is lost
		}
		fmt.Fprint(w, "signature ", r.Header.Get("X-Signature"))
	}))
	defer server.Close()

	s := requests.NewSession()
	defer s.Close()
	s.Mount(server.URL, &requests.HTTPAdapter{
		Retry: requests.Retry{Total: 2, StatusCodes: []int{503}},
		Wrap:  func(next http.RoundTripper) http.RoundTripper { return &signer{next: next} },
	})
	r, err := s.Put(context.Background(), server.URL, requests.Text("body"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: signature 2
}

// A signer stands for that of an SDK.
type signer struct {
	next http.RoundTripper
	n    atomic.Int64
}

func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper leaves the request as it is
	r.Header.Set("X-Signature", fmt.Sprint(s.n.Add(1)))
	return s.next.RoundTrip(r)
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
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	a := new(requests.HTTPAdapter)
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	if _, err := s.Get(context.Background(), server.URL); err != nil {
		log.Fatal(err)
	}
	a.CloseIdleConnections()
	fmt.Println(a.Stats().Open)
	// Output: 0
}

// The connection of the first call serves the others.
func ExampleHTTPAdapter_Stats() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	a := new(requests.HTTPAdapter)
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	for range 3 {
		if _, err := s.Get(context.Background(), server.URL); err != nil {
			log.Fatal(err)
		}
	}
	stats := a.Stats()
	fmt.Println(stats.Dialed, stats.Reused)
	// Output: 1 2
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
