package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-requests/requests"
)

func ExampleBasicAuth() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		fmt.Fprint(w, user, " ", password, " ", ok)
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.BasicAuth("ann", "secret"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: ann secret true
}

// An Auth prints as its scheme, so that a log does not hold what is secret.
func ExampleBearerAuth() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Authorization"))
	}))
	defer server.Close()

	ctx := context.Background()
	auth := requests.BearerAuth("mF_9.B5f-4.1JqM")
	r, err := requests.Get(ctx, server.URL, auth)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	fmt.Println(auth)
	// Output:
	// Bearer mF_9.B5f-4.1JqM
	// Bearer
}

// A DigestAuth answers challenges and remembers them: the second request
// carries its answer from the start. So keep it, in a session for example.
func ExampleDigestAuth() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), `Digest username="ann"`) { // a server would check the rest, too
			w.Header().Set("WWW-Authenticate", `Digest realm="notes", qop="auth", algorithm=SHA-256, nonce="dcd98b7102dd2f0e"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.DigestAuth("ann", "secret"))
	defer s.Close()
	for range 2 {
		r, err := s.Get(ctx, server.URL)
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
	sign := requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
		body, ok := p.Bytes()
		if !ok {
			return errors.New("cannot sign a streamed body")
		}
		p.Header.Set("X-Signature", fmt.Sprintf("%s %s %d", p.Method, p.URL.Path, len(body)))
		return nil
	})

	ctx := context.Background()
	p, err := requests.NewRequest("POST", "https://example.com/post", requests.Text("hello"), sign).Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Header.Get("X-Signature"))
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
		p, err := s.Prepare(ctx, requests.NewRequest("GET", "https://example.com/", opt))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", p.Header.Get("Authorization"))
	}
	// Output:
	// "Basic YW5uOnNlY3JldA=="
	// ""
}
