package requests_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"

	"github.com/go-requests/requests"
)

// A streamed body is read while it arrives. The response must be closed.
func ExampleStream() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 100_000))
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r.Body)
	fmt.Println(n, err)
	// Output: 100000 <nil>
}

func ExampleResponse_IterLines() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "one\r\ntwo\nthree")
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for line, err := range r.IterLines() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(line)
	}
	// Output:
	// one
	// two
	// three
}

func ExampleResponse_IterContent() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 100_000))
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	n := 0
	for chunk, err := range r.IterContent(64 << 10) {
		if err != nil {
			log.Fatal(err)
		}
		n += len(chunk)
	}
	fmt.Println(n)
	// Output: 100000
}

// JSON Lines are decoded one by one, each as soon as it has arrived.
func ExampleIterJSON() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"id": 1, "item": "tea"}`+"\n"+`{"id": 2, "item": "coffee"}`+"\n")
	}))
	defer server.Close()
	type Order struct {
		ID   int
		Item string
	}

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for order, err := range requests.IterJSON[Order](r) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(order.ID, order.Item)
	}
	// Output:
	// 1 tea
	// 2 coffee
}

// Server-sent events of one response. Session.Events connects again when the
// connection is lost.
func ExampleResponse_Events() {
	feed := requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: price\nid: 1\ndata: 42\n\n: a comment\n\ndata: two\ndata: lines\n\n")
	}))
	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	s.Mount("mock://", feed)
	r, err := s.Get(ctx, "mock://feed/", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for e, err := range r.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %q %q\n", e.Type, e.ID, e.Data)
	}
	// Output:
	// price "1" "42"
	// message "1" "two\nlines"
}

func ExampleResponse_Links() {
	r := &requests.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Link": {`</items?page=3>; rel="next", </items?page=9>; rel=last; title="the end"`}},
		URL:        &url.URL{Scheme: "https", Host: "api.example.com", Path: "/items"},
	}
	links := r.Links()
	fmt.Println(links["next"].URL)
	fmt.Println(links["last"].Params["title"])
	// Output:
	// https://api.example.com/items?page=3
	// the end
}

// A response in memory can be read as often as you like.
func ExampleResponse() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		io.WriteString(w, "hello")
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL+"/old")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r, r.Proto, r.URL.Path, r.Request.Method)
	for _, h := range r.History {
		fmt.Println(h.StatusCode, h.URL.Path)
	}
	fmt.Println(r.Text(), len(r.Content()), r.Elapsed > 0)
	// Output:
	// <Response [200]> HTTP/1.1 /new GET
	// 302 /old
	// hello 5 true
}

// A greeter is an adapter that answers itself.
type greeter struct{}

func (greeter) Send(_ context.Context, p *requests.PreparedRequest, _ requests.SendOptions) (*requests.Response, error) {
	header := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	return requests.NewResponse(200, header, strings.NewReader("hello, "+p.URL.Path[1:])), nil
}

func ExampleNewResponse() {
	s := requests.NewSession()
	defer s.Close()
	s.Mount("greet://", greeter{})
	r, err := s.Get(context.Background(), "greet://host/you")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Reason, r.Text())
	// Output: 200 OK hello, you
}

// Redirects can be followed by hand, one at a time.
func ExampleResponse_Next() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
		}
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.AllowRedirects(false))
	defer s.Close()
	r, err := s.Get(ctx, server.URL+"/old")
	for err == nil && r.IsRedirect() {
		fmt.Println(r.StatusCode, r.URL.Path)
		var next *requests.PreparedRequest
		if next, err = r.Next(); err == nil {
			r, err = s.Send(ctx, next)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.URL.Path)
	// Output:
	// 302 /old
	// 200 /new
}

func ExampleResponse_JSON() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			io.WriteString(w, "<!doctype html>")
			return
		}
		io.WriteString(w, `{"item": "tea", "grams": 250}`)
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	var order struct {
		Item  string
		Grams int
	}
	if err := r.JSON(&order); err != nil {
		log.Fatal(err)
	}
	fmt.Println(order.Item, order.Grams)

	r, err = requests.Get(ctx, server.URL+"/page")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(r.JSON(&order), requests.ErrInvalidJSON))
	// Output:
	// tea 250
	// true
}

func ExampleResponse_RaiseForStatus() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	_, is := errors.AsType[*requests.HTTPError](r.RaiseForStatus())
	fmt.Println(r.OK(), is)
	// Output: false true
}

// A body that ends too early is an error, and never a shorter text.
func ExampleResponse_Err() {
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "the first bytes, and no more")
	}))
	defer cut.Close()

	ctx := context.Background()
	_, err := requests.Get(ctx, cut.URL)
	fmt.Println(errors.Is(err, requests.ErrIncompleteBody))

	r, err := requests.Get(ctx, cut.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Printf("%q %t\n", r.Text(), errors.Is(r.Err(), requests.ErrIncompleteBody))
	// Output:
	// true
	// "" true
}

// A server with a certificate of one's own authority. TLS.CABundle names the
// file of one.
func ExampleTLS() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "private") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it will be refused once
	server.StartTLS()
	defer server.Close()
	ctx := context.Background()

	_, err := requests.Get(ctx, server.URL)
	fmt.Println(errors.Is(err, requests.ErrTLS))
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	fmt.Println(unknown)

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := requests.NewSession(requests.TLS{Config: &tls.Config{RootCAs: roots}})
	defer s.Close()
	r, err := s.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text(), tls.VersionName(r.TLS.Version))
	// Output:
	// true
	// true
	// private TLS 1.3
}

// A server that needs time to answer may say beforehand what will be needed.
func ExampleOnInformational() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "<!doctype html>")
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.OnInformational(func(_ context.Context, status int, header http.Header) error {
		fmt.Println(status, header.Get("Link"))
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output:
	// 103 </style.css>; rel=preload
	// 200 <!doctype html>
}

func ExampleErrRequest() {
	fetch := func(url string) error {
		_, err := requests.Get(context.Background(), url, requests.RaiseForStatus(true))
		if errors.Is(err, requests.ErrRequest) { // whatever it was: except RequestException
			return fmt.Errorf("the price is not known: %w", err)
		}
		return err
	}
	fmt.Println(fetch("prices.example.com"))
	// Output:
	// the price is not known: requests: prepare prices.example.com: missing scheme: perhaps https:// belongs before it
}

// A CABundle is a file of certificates in PEM form. It replaces the roots of the system.
func ExampleTLS_caBundle() {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "private") }))
	defer server.Close()
	bundle, err := os.CreateTemp("", "ca-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(bundle.Name())
	pem.Encode(bundle, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	bundle.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.TLS{CABundle: bundle.Name()})
	defer s.Close()
	r, err := s.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: private
}

// The client's certificate and its key may be in one file, or KeyFile names that
// of the key. Both are read again when they have changed.
func ExampleTLS_certFile() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", r.TLS.PeerCertificates[0].Subject.Organization)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()

	own := server.TLS.Certificates[0] // it serves as the client's, too
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.CreateTemp("", "client-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file.Name())
	pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
	file.Close()

	ctx := context.Background()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := requests.NewSession(requests.TLS{CertFile: file.Name(), Config: &tls.Config{RootCAs: roots}})
	defer s.Close()
	r, err := s.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r.Text())
	// Output: hello, [Acme Co]
}
