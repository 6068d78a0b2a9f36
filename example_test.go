package requests_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// The server of these examples, at the URL httpbin, is a go-httpbin: it answers
// with what it was asked.

// A script: one call, no session and nothing to close.
func Example() {
	ctx := context.Background()
	r, err := requests.Get(ctx, httpbin+"/anything/search",
		requests.Params{"q": "language:go", "sort": "stars", "page": 2},
		requests.Headers{"Accept": "application/json"},
		requests.BasicAuth("user", "pass"),
		requests.Timeout{Connect: 3 * time.Second, Read: 27 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Header.Get("content-type"), r.Encoding)
	fmt.Println(r.URL.RawQuery)

	var answer struct{ Args map[string][]string }
	if err := r.JSON(&answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Args["q"], answer.Args["page"])
	// Output:
	// 200 application/json; charset=utf-8 utf-8
	// page=2&q=language%3Ago&sort=stars
	// [language:go] [2]
}

func ExampleGet() {
	ctx := context.Background()
	r, err := requests.Get(ctx, httpbin+"/encoding/utf8")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Reason, r.OK())
	first, _, _ := strings.Cut(r.Text(), "\n")
	fmt.Println(first)
	// Output:
	// 200 OK true
	// <h1>Unicode Demo</h1>
}

func ExamplePost() {
	ctx := context.Background()
	r, err := requests.Post(ctx, httpbin+"/post", requests.JSON(map[string]any{"item": "tea", "grams": 250}))
	if err != nil {
		log.Fatal(err)
	}
	var echo struct{ Data string }
	if err := r.JSON(&echo); err != nil {
		log.Fatal(err)
	}
	fmt.Println(echo.Data)
	// Output: {"grams":250,"item":"tea"}
}

// Head does not follow redirects unless it is told to.
func ExampleHead() {
	ctx := context.Background()
	r, err := requests.Head(ctx, httpbin+"/redirect/1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Header.Get("Location"))

	r, err = requests.Head(ctx, httpbin+"/redirect/1", requests.AllowRedirects(true))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, len(r.Content()))
	// Output:
	// 302 /get
	// 200 0
}

// Do sends any method, also those that have no function of their own.
func ExampleDo() {
	ctx := context.Background()
	r, err := requests.Do(ctx, "PROPFIND", httpbin+"/anything/calendar", requests.Headers{"Depth": 1})
	if err != nil {
		log.Fatal(err)
	}
	var echo struct{ Method string }
	if err := r.JSON(&echo); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, echo.Method)
	// Output: 200 PROPFIND
}

// As takes what a call returns: it checks the status and decodes the JSON.
func ExampleAs() {
	type User struct {
		Name  string `json:"user"`
		Known bool   `json:"authenticated"`
	}
	ctx := context.Background()
	user, err := requests.As[User](requests.Get(ctx, httpbin+"/basic-auth/ann/secret", requests.BasicAuth("ann", "secret")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", user)

	_, err = requests.As[User](requests.Get(ctx, httpbin+"/status/404"))
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		fmt.Println("status", e.Response.StatusCode)
	}
	// Output:
	// {Name:ann Known:true}
	// status 404
}

// Values of any simple type can be given. A slice repeats its key, and nil
// takes back what the session has.
func ExampleParams() {
	ctx := context.Background()
	s := requests.NewSession(requests.Params{"lang": "en", "key": "abc"})
	defer s.Close()
	r, err := s.Get(ctx, httpbin+"/get?fixed=1", requests.Params{
		"tag":   []string{"a", "b"},
		"limit": 10,
		"deep":  true,
		"since": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		"lang":  nil,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.URL.RawQuery)
	// Output: fixed=1&key=abc&deep=true&limit=10&since=2026-01-02T03%3A04%3A05Z&tag=a&tag=b
}

func ExampleRawQuery() {
	ctx := context.Background()
	p, err := requests.NewRequest("GET", "https://example.com/search", requests.RawQuery("a=1&b&c=x+y")).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.URL)
	// Output: https://example.com/search?a=1&b&c=x+y
}

func ExampleHeaders() {
	ctx := context.Background()
	s := requests.NewSession(requests.Headers{"X-Client": "billing/1.4", "X-Test": "true"})
	defer s.Close()
	r, err := s.Get(ctx, httpbin+"/headers", requests.Headers{
		"Accept-Language": []string{"de", "en"}, // two fields
		"X-Test":          nil,                  // not this time
	})
	if err != nil {
		log.Fatal(err)
	}
	h := r.Request.Header
	fmt.Println(h["X-Client"], h["Accept-Language"], h["X-Test"])
	// Output: [billing/1.4] [de en] []
}

// Cookies go out with one call. The session does not keep them.
func ExampleCookies() {
	ctx := context.Background()
	r, err := requests.Get(ctx, httpbin+"/cookies", requests.Cookies{"theme": "dark"})
	if err != nil {
		log.Fatal(err)
	}
	var seen struct{ Cookies map[string]string }
	if err := r.JSON(&seen); err != nil {
		log.Fatal(err)
	}
	fmt.Println(seen.Cookies)
	// Output: map[theme:dark]
}

// A service that works for many keeps no cookies, or each one's in a jar of his own.
func ExampleKeepCookies() {
	ctx := context.Background()
	s := requests.NewSession(requests.BaseURL(httpbin), requests.KeepCookies(false))
	defer s.Close()
	ann := new(requests.CookieJar)
	for _, opts := range [][]requests.Option{{requests.Params{"user": "bob"}}, {requests.Params{"user": "ann"}, ann}} {
		if _, err := s.Get(ctx, "cookies/set", opts...); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(s.Cookies.Len(), ann.Map())
	// Output: 0 map[user:ann]
}

func ExampleJSON() {
	type Order struct {
		Item  string `json:"item"`
		Grams int    `json:"grams"`
	}
	ctx := context.Background()
	r, err := requests.Post(ctx, httpbin+"/post", requests.JSON(Order{"tea", 250}))
	if err != nil {
		log.Fatal(err)
	}
	body, _ := r.Request.Bytes()
	fmt.Println(r.Request.Header.Get("Content-Type"))
	fmt.Printf("%s\n", body)
	// Output:
	// application/json
	// {"item":"tea","grams":250}
}

// Another decoder, here one that keeps the digits of numbers.
func ExampleJSONDecoder() {
	exact := requests.JSONDecoder(func(data []byte, v any) error {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return errors.New("more than one value")
		}
		return nil
	})
	ctx := context.Background()
	s := requests.NewSession(exact)
	defer s.Close()
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"id": 12345678901234567890}`)
	})))
	v, err := requests.As[map[string]any](s.Get(ctx, "mock://service/"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v["id"])
	// Output: 12345678901234567890
}

func ExampleForm() {
	ctx := context.Background()
	r, err := requests.Post(ctx, httpbin+"/post", requests.Form{"key": "value", "tag": []string{"a", "b"}})
	if err != nil {
		log.Fatal(err)
	}
	var echo struct{ Form map[string][]string }
	if err := r.JSON(&echo); err != nil {
		log.Fatal(err)
	}
	fmt.Println(echo.Form)
	// Output: map[key:[value] tag:[a b]]
}

func ExampleText() {
	ctx := context.Background()
	r, err := requests.Put(ctx, httpbin+"/put", requests.Text("<note>Grüße</note>"), requests.Headers{"Content-Type": "application/xml"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Request.ContentLength(), r.OK())
	// Output: 20 true
}

func ExampleBytes() {
	ctx := context.Background()
	r, err := requests.Post(ctx, httpbin+"/post", requests.Bytes([]byte{0xCA, 0xFE}))
	if err != nil {
		log.Fatal(err)
	}
	var echo struct{ Data string }
	if err := r.JSON(&echo); err != nil {
		log.Fatal(err)
	}
	fmt.Println(echo.Data)
	// Output: data:application/octet-stream;base64,yv4=
}

// A file is streamed, with its length. It can be sent again, after a redirect
// say, since it can seek.
func ExampleReader() {
	f, err := os.Open("LICENSE")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	ctx := context.Background()
	r, err := requests.Put(ctx, httpbin+"/put", requests.Reader(f), requests.Headers{"Content-Type": "text/plain"})
	if err != nil {
		log.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Request.ContentLength() == info.Size(), r.Request.Replayable())
	// Output: true true
}

// What has no length goes out chunked, and only once.
func ExampleReader_chunked() {
	ctx := context.Background()
	r, err := requests.Post(ctx, httpbin+"/post", requests.Reader(io.MultiReader(strings.NewReader("one "), strings.NewReader("two"))))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Request.ContentLength(), r.Request.Replayable())

	_, err = requests.Post(ctx, httpbin+"/redirect-to?url=/post&status_code=307", requests.Reader(io.MultiReader()))
	fmt.Println(errors.Is(err, requests.ErrBodyNotReplayable))
	// Output:
	// 200 -1 false
	// true
}

func ExampleBasicAuth() {
	ctx := context.Background()
	r, err := requests.Get(ctx, httpbin+"/basic-auth/ann/secret", requests.BasicAuth("ann", "secret"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode)
	// Output: 200
}

// An Auth prints as its scheme, so that a log does not hold what is secret.
func ExampleBearerAuth() {
	ctx := context.Background()
	auth := requests.BearerAuth("mF_9.B5f-4.1JqM")
	r, err := requests.Get(ctx, httpbin+"/bearer", auth)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, auth)
	// Output: 200 Bearer
}

// A DigestAuth answers challenges, and remembers them: the second request
// carries its answer from the start. So it belongs to a session.
func ExampleDigestAuth() {
	ctx := context.Background()
	s := requests.NewSession(requests.DigestAuth("ann", "secret"))
	defer s.Close()
	for range 2 {
		r, err := s.Get(ctx, httpbin+"/digest-auth/auth/ann/secret/SHA-256")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.StatusCode, r.History)
	}
	// Output:
	// 200 [<Response [401]>]
	// 200 []
}

// A function sees the request as it will be sent, and so can sign it.
func ExampleAuthFunc() {
	ctx := context.Background()
	sign := requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
		body, ok := p.Bytes()
		if !ok {
			return errors.New("cannot sign a streamed body")
		}
		p.Header.Set("X-Signature", fmt.Sprintf("%s %s %d", p.Method, p.URL.Path, len(body)))
		return nil
	})
	r, err := requests.Post(ctx, httpbin+"/post", requests.Text("hello"), sign)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Request.Header.Get("X-Signature"))
	// Output: POST /post 5
}

// A scheme of one's own may answer challenges, too.
func ExampleNewAuth() {
	ctx := context.Background()
	s := requests.NewSession(requests.NewAuth(new(ticket)))
	defer s.Close()
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Ticket 42" {
			w.Header().Set("WWW-Authenticate", "Ticket number=42")
			w.WriteHeader(http.StatusUnauthorized)
		}
	})))
	r, err := s.Get(ctx, "mock://service/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.History)
	// Output: 200 [<Response [401]>]
}

type ticket struct{}

func (*ticket) Authenticate(context.Context, *requests.PreparedRequest) error { return nil } // nothing before it is asked for

func (*ticket) Challenge(_ context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	number, ok := strings.CutPrefix(r.Header.Get("WWW-Authenticate"), "Ticket number=")
	if !ok || r.Request.Header.Get("Authorization") != "" { // not ours, or refused
		return nil, nil
	}
	p := r.Request.Clone()
	p.Header.Set("Authorization", "Ticket "+number)
	return p, nil
}

func ExampleNoAuth() {
	ctx := context.Background()
	s := requests.NewSession(requests.BasicAuth("ann", "secret"))
	defer s.Close()
	for _, opt := range []requests.Option{nil, requests.NoAuth()} {
		r, err := s.Get(ctx, httpbin+"/basic-auth/ann/secret", opt)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.StatusCode)
	}
	// Output:
	// 200
	// 401
}

// A limit that runs out says which one it was.
func ExampleTimeout() {
	ctx := context.Background()
	_, err := requests.Get(ctx, httpbin+"/delay/5", requests.Timeout{Connect: time.Second, Read: 20 * time.Millisecond})
	fmt.Println(errors.Is(err, requests.ErrReadTimeout))
	fmt.Println(errors.Is(err, requests.ErrTimeout))
	fmt.Println(errors.Is(err, requests.ErrConnectTimeout))
	// Output:
	// true
	// true
	// false
}

// The context of the caller is a limit too, and cancelling it is no timeout.
func ExampleTimeout_context() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the user went away"))
	_, err := requests.Get(ctx, httpbin+"/delay/5")
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, requests.ErrTimeout))
	// Output: true false
}

func ExampleRaiseForStatus() {
	ctx := context.Background()
	s := requests.NewSession(requests.RaiseForStatus(true))
	defer s.Close()
	_, err := s.Get(ctx, httpbin+"/status/503")
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		fmt.Println(e.Response.StatusCode, e.Response.Reason)
	}
	// Output: 503 Service Unavailable
}

func ExampleAllowRedirects() {
	ctx := context.Background()
	r, err := requests.Get(ctx, httpbin+"/redirect/2", requests.AllowRedirects(false))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.IsRedirect(), r.Header.Get("Location"))
	// Output: 302 true /relative-redirect/1
}

// The chain that was given up can be looked at.
func ExampleMaxRedirects() {
	ctx := context.Background()
	_, err := requests.Get(ctx, httpbin+"/redirect/5", requests.MaxRedirects(2))
	fmt.Println(errors.Is(err, requests.ErrTooManyRedirects))
	if e, ok := errors.AsType[*requests.RedirectError](err); ok {
		fmt.Println(e, len(e.Response.History))
	}
	// Output:
	// true
	// Exceeded 2 redirects. 2
}

func ExampleMaxBody() {
	ctx := context.Background()
	_, err := requests.Get(ctx, httpbin+"/bytes/5000", requests.MaxBody(4096))
	fmt.Println(errors.Is(err, requests.ErrBodyTooLarge))
	// Output: true
}

type requestID struct{}

// A hook is given the context of its call, and so what the program keeps there.
func ExampleOnRequest() {
	s := requests.NewSession(requests.OnRequest(func(ctx context.Context, p *requests.PreparedRequest) error {
		if id, ok := ctx.Value(requestID{}).(string); ok {
			p.Header.Set("X-Request-Id", id)
		}
		return nil
	}))
	defer s.Close()
	ctx := context.WithValue(context.Background(), requestID{}, "4711")
	r, err := s.Get(ctx, httpbin+"/redirect/2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Request.Header.Get("X-Request-Id"))
	// Output: 4711
}

// A hook may refuse a response, or give another one in its place.
func ExampleOnResponse() {
	ctx := context.Background()
	s := requests.NewSession(requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		if kind := r.Header.Get("Content-Type"); r.OK() && !strings.HasPrefix(kind, "application/json") {
			return nil, fmt.Errorf("want JSON, got %s", kind)
		}
		return r, nil
	}))
	defer s.Close()
	_, err := s.Get(ctx, httpbin+"/get")
	fmt.Println(err)
	_, err = s.Get(ctx, httpbin+"/html")
	fmt.Println(err)
	// Output:
	// <nil>
	// want JSON, got text/html; charset=utf-8
}

// A redirect that leaves the host can be refused.
func ExampleOnRedirect() {
	ctx := context.Background()
	stay := requests.OnRedirect(func(_ context.Context, r *requests.Response, next *requests.PreparedRequest) error {
		if next.URL.Host != r.URL.Host {
			return fmt.Errorf("%s leads to %s", r.URL.Path, next.URL.Host)
		}
		return nil
	})
	_, err := requests.Get(ctx, httpbin+"/redirect-to", requests.Params{"url": "http://elsewhere.example/"}, stay)
	fmt.Println(err)
	// Output: /redirect-to leads to elsewhere.example
}

// The kinds of errors form a tree: a test for one holds for all below it.
func ExampleError() {
	ctx := context.Background()
	for _, url := range []string{
		"http://127.0.0.1:1/",
		"localhost:8080",
		"gopher://example.com/",
		httpbin + "/redirect/5",
	} {
		_, err := requests.Get(ctx, url, requests.MaxRedirects(2))
		switch {
		case errors.Is(err, requests.ErrMissingScheme):
			fmt.Println("no scheme")
		case errors.Is(err, requests.ErrInvalidURL):
			fmt.Println("a URL that cannot be requested")
		case errors.Is(err, requests.ErrTimeout):
			fmt.Println("worth another try")
		case errors.Is(err, requests.ErrConnection):
			fmt.Println("no connection")
		case errors.Is(err, requests.ErrTooManyRedirects):
			fmt.Println("a loop, perhaps")
		}
	}
	// Output:
	// no connection
	// no scheme
	// a URL that cannot be requested
	// a loop, perhaps
}

// An error says what was done to what, and keeps secrets to itself.
func ExampleError_text() {
	ctx := context.Background()
	_, err := requests.Get(ctx, "https://ann:secret@example.com:99999/?token=abc")
	fmt.Println(err)
	if e, ok := errors.AsType[*requests.Error](err); ok {
		fmt.Println(e.Op, e.Timeout())
	}
	// Output:
	// requests: prepare https://example.com:99999/?token=***: invalid URL: the port is not in 1 to 65535
	// prepare false
}

// The response of an error is readable.
func ExampleHTTPError() {
	ctx := context.Background()
	s := requests.NewSession(requests.RaiseForStatus(true))
	defer s.Close()
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"message": "no such order"}`, http.StatusNotFound)
	})))
	_, err := s.Get(ctx, "mock://shop/orders/7")
	fmt.Println(err)

	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		var problem struct{ Message string }
		if err := e.Response.JSON(&problem); err != nil {
			log.Fatal(err)
		}
		fmt.Println(problem.Message)
	}
	// Output:
	// 404 Client Error: Not Found for url: mock://shop/orders/7
	// no such order
}
