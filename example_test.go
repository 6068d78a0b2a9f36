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
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// One call sends the request, checks the status, and decodes the JSON.
func Example() {
	type Order struct {
		ID   int    `json:"id"`
		Item string `json:"item"`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `[{"id": 1, "item": "tea"}, {"id": 2, "item": "coffee"}]`)
	}))
	defer server.Close()

	ctx := context.Background()
	orders, err := requests.As[[]Order](requests.Get(ctx, server.URL+"/orders",
		requests.Params{"status": "open", "limit": 2},
		requests.BasicAuth("ann", "secret")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders)
	// Output: [{1 tea} {2 coffee}]
}

func ExampleGet() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s, page %s", r.FormValue("q"), r.FormValue("page"))
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL+"/search",
		requests.Params{"q": "language:go", "page": 2},
		requests.Headers{"Accept": "text/plain"},
		requests.Timeout{Connect: 3 * time.Second, Read: 27 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Reason, r.OK())
	fmt.Println(r.URL.RequestURI())
	fmt.Println(r.Header.Get("content-type"), r.Encoding)
	fmt.Println(r.Text())
	// Output:
	// 200 OK true
	// /search?page=2&q=language%3Ago
	// text/plain; charset=utf-8 utf-8
	// language:go, page 2
}

func ExamplePost() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "stored %s", body)
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Post(ctx, server.URL+"/orders", requests.JSON(map[string]any{"item": "tea", "grams": 250}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output: 201 stored {"grams":250,"item":"tea"}
}

// Head does not follow redirects unless it is told to.
func ExampleHead() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
		}
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Head(ctx, server.URL+"/old")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Header.Get("Location"))

	r, err = requests.Head(ctx, server.URL+"/old", requests.AllowRedirects(true))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.URL.Path)
	// Output:
	// 302 /new
	// 200 /new
}

// Do sends any method, also those that have no function of their own.
func ExampleDo() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, r.Method, " with depth ", r.Header.Get("Depth"))
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Do(ctx, "PROPFIND", server.URL+"/calendar", requests.Headers{"Depth": 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output: 207 PROPFIND with depth 1
}

// As takes what a call returns: it checks the status and decodes the JSON.
func ExampleAs() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/users/ann" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, `{"name": "Ann", "admin": true}`)
	}))
	defer server.Close()
	type User struct {
		Name  string
		Admin bool
	}

	ctx := context.Background()
	user, err := requests.As[User](requests.Get(ctx, server.URL+"/users/ann"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", user)

	_, err = requests.As[User](requests.Get(ctx, server.URL+"/users/bob"))
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		fmt.Println("status", e.Response.StatusCode)
	}
	// Output:
	// {Name:Ann Admin:true}
	// status 404
}

// Values of any simple type can be given. A slice repeats its key, and nil
// removes what the session has under the key.
func ExampleParams() {
	ctx := context.Background()
	s := requests.NewSession(requests.Params{"lang": "en", "key": "abc"})
	defer s.Close()
	p, err := s.Prepare(ctx, requests.NewRequest("GET", "https://example.com/?fixed=1", requests.Params{
		"tag":   []string{"a", "b"},
		"limit": 10,
		"deep":  true,
		"since": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		"lang":  nil,
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.URL.RawQuery)
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
	p, err := s.Prepare(ctx, requests.NewRequest("GET", "https://example.com/", requests.Headers{
		"Accept-Language": []string{"de", "en"}, // two fields
		"X-Test":          nil,                  // not this time
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Header["X-Client"], p.Header["Accept-Language"], p.Header["X-Test"])
	// Output: [billing/1.4] [de en] []
}

// Cookies go out with one call. The session does not keep them.
func ExampleCookies() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Cookies())
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	r, err := s.Get(ctx, server.URL, requests.Cookies{"theme": "dark"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text(), s.Cookies.Len())
	// Output: [theme=dark] 0
}

// A service that acts for many users keeps no cookies, or those of each user in a jar of their own.
func ExampleKeepCookies() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("name")})
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.KeepCookies(false))
	defer s.Close()
	if _, err := s.Get(ctx, server.URL, requests.Params{"name": "bob"}); err != nil {
		log.Fatal(err)
	}
	ann := new(requests.CookieJar)
	if _, err := s.Get(ctx, server.URL, requests.Params{"name": "ann"}, ann); err != nil {
		log.Fatal(err)
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
	p, err := requests.NewRequest("POST", "https://example.com/orders", requests.JSON(Order{"tea", 250})).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	body, _ := p.Bytes()
	fmt.Println(p.Header.Get("Content-Type"))
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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		fmt.Fprint(w, r.PostForm)
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Post(ctx, server.URL, requests.Form{"key": "value", "tag": []string{"a", "b"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: map[key:[value] tag:[a b]]
}

// Text has no type of its own, so name one.
func ExampleText() {
	ctx := context.Background()
	p, err := requests.NewRequest("PUT", "https://example.com/note",
		requests.Text("<note>Grüße</note>"), requests.Headers{"Content-Type": "application/xml"}).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.ContentLength(), p.Header.Get("Content-Type"))
	// Output: 20 application/xml
}

func ExampleBytes() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "% X", body)
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Post(ctx, server.URL, requests.Bytes([]byte{0xCA, 0xFE}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: CA FE
}

// A file is streamed, with its length. As it can seek, it can also be sent
// again, after a redirect for example.
func ExampleReader() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d of %d bytes", n, r.ContentLength)
	}))
	defer server.Close()
	f, err := os.CreateTemp("", "note-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fmt.Fprint(f, "remember the milk")
	f.Seek(0, io.SeekStart)

	ctx := context.Background()
	r, err := requests.Put(ctx, server.URL, requests.Reader(f), requests.Headers{"Content-Type": "text/plain"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text(), r.Request.Replayable())
	// Output: 17 of 17 bytes true
}

// A reader without a length goes out chunked. If it cannot seek, it goes out only once.
func ExampleReader_chunked() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, string(body), r.TransferEncoding)
	}))
	defer server.Close()

	ctx := context.Background()
	body := io.MultiReader(strings.NewReader("one "), strings.NewReader("two "))
	r, err := requests.Post(ctx, server.URL, requests.Reader(body))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text(), r.Request.ContentLength(), r.Request.Replayable())

	_, err = requests.Post(ctx, server.URL+"/old", requests.Reader(io.MultiReader()))
	fmt.Println(errors.Is(err, requests.ErrBodyNotReplayable))
	// Output:
	// one two [chunked] -1 false
	// true
}

// An error says which limit ran out.
func ExampleTimeout() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // it never answers
	}))
	defer server.Close()

	ctx := context.Background()
	_, err := requests.Get(ctx, server.URL, requests.Timeout{Connect: time.Second, Read: 20 * time.Millisecond})
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
	_, err := requests.Get(ctx, "https://example.com/")
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, requests.ErrTimeout))
	fmt.Println(err)
	// Output:
	// true false
	// requests: send https://example.com/: context canceled: the user went away
}

func ExampleRaiseForStatus() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.RaiseForStatus(true))
	defer s.Close()
	_, err := s.Get(ctx, server.URL)
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		fmt.Println(e.Response.StatusCode, e.Response.Reason)
	}
	// Output: 404 Not Found
}

func ExampleAllowRedirects() {
	server := httptest.NewServer(http.RedirectHandler("/new", http.StatusFound))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.AllowRedirects(false))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.IsRedirect(), r.Header.Get("Location"))
	// Output: 302 true /new
}

// The redirects that were followed are in the error.
func ExampleMaxRedirects() {
	server := httptest.NewServer(http.RedirectHandler("/round", http.StatusFound)) // for ever
	defer server.Close()

	ctx := context.Background()
	_, err := requests.Get(ctx, server.URL, requests.MaxRedirects(2))
	fmt.Println(errors.Is(err, requests.ErrTooManyRedirects))
	if e, ok := errors.AsType[*requests.RedirectError](err); ok {
		fmt.Println(e, len(e.Response.History))
	}
	// Output:
	// true
	// Exceeded 2 redirects. 2
}

func ExampleMaxBody() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 5000))
	}))
	defer server.Close()

	ctx := context.Background()
	_, err := requests.Get(ctx, server.URL, requests.MaxBody(4096))
	fmt.Println(errors.Is(err, requests.ErrBodyTooLarge))
	// Output: true
}

type requestID struct{}

// A hook gets the context of its call, and so what the program keeps there.
// A call that brings an OnRequest of its own does not run this one.
func ExampleOnRequest() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-Request-Id"))
	}))
	defer server.Close()

	s := requests.NewSession(requests.OnRequest(func(ctx context.Context, p *requests.PreparedRequest) error {
		if id, ok := ctx.Value(requestID{}).(string); ok {
			p.Header.Set("X-Request-Id", id)
		}
		return nil
	}))
	defer s.Close()
	ctx := context.WithValue(context.Background(), requestID{}, "4711")
	r, err := s.Get(ctx, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: 4711
}

// A hook may refuse a response, or return another one in its place.
func ExampleOnResponse() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.FormValue("type"))
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		if kind := r.Header.Get("Content-Type"); r.OK() && kind != "application/json" {
			return nil, fmt.Errorf("want JSON, got %s", kind)
		}
		return r, nil
	}))
	defer s.Close()
	_, err := s.Get(ctx, server.URL, requests.Params{"type": "application/json"})
	fmt.Println(err)
	_, err = s.Get(ctx, server.URL, requests.Params{"type": "text/html"})
	fmt.Println(err)
	// Output:
	// <nil>
	// want JSON, got text/html
}

// A redirect to another host can be refused.
func ExampleOnRedirect() {
	server := httptest.NewServer(http.RedirectHandler("http://elsewhere.example/", http.StatusFound))
	defer server.Close()

	ctx := context.Background()
	stay := requests.OnRedirect(func(_ context.Context, r *requests.Response, next *requests.PreparedRequest) error {
		if next.URL.Host != r.URL.Host {
			return fmt.Errorf("%s leads to %s", r.URL.Path, next.URL.Host)
		}
		return nil
	})
	_, err := requests.Get(ctx, server.URL+"/start", stay)
	fmt.Println(err)
	// Output: /start leads to elsewhere.example
}

// The kinds of errors form a tree: a test for one holds for all below it.
func ExampleError() {
	server := httptest.NewServer(http.RedirectHandler("/round", http.StatusFound)) // for ever
	defer server.Close()

	ctx := context.Background()
	for _, url := range []string{
		"http://127.0.0.1:1/",
		"localhost:8080",
		"gopher://example.com/",
		server.URL,
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
