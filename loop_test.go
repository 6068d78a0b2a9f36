package requests_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests"
)

// A reply is what a script answers with.
type reply struct {
	status int
	header http.Header
	body   string
}

func redirectTo(location string) reply {
	return reply{status: 302, header: http.Header{"Location": {location}}}
}

func ok() reply { return reply{status: 200, body: "ok"} }

// A sentRequest is what an adapter was given.
type sentRequest struct {
	method, url string
	header      http.Header
	body        string
}

// A script is an adapter that answers without a network, so that a test can name
// any host, and remembers what it was asked.
type script struct {
	answer func(n int, p *requests.PreparedRequest) reply // n counts from 0

	mu   sync.Mutex
	sent []sentRequest
}

func (s *script) Send(ctx context.Context, p *requests.PreparedRequest, _ requests.SendOptions) (*requests.Response, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	body, err := p.Body()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	n := len(s.sent)
	s.sent = append(s.sent, sentRequest{p.Method, p.URL.String(), p.Header.Clone(), string(data)})
	s.mu.Unlock()
	a := s.answer(n, p)
	if a.header == nil {
		a.header = http.Header{}
	}
	return &requests.Response{
		StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// replies answers with each of list in turn, and with the last one from then on.
func replies(list ...reply) func(int, *requests.PreparedRequest) reply {
	return func(n int, _ *requests.PreparedRequest) reply { return list[min(n, len(list)-1)] }
}

// scripted is a session with a script in the place of the network, in an
// environment that says nothing.
func scripted(t testing.TB, answer func(int, *requests.PreparedRequest) reply, opts ...requests.Option) (*requests.Session, *script) {
	t.Helper()
	noEnvironment(t)
	s := requests.NewSession(opts...)
	a := &script{answer: answer}
	s.Mount("http://", a)
	s.Mount("https://", a)
	t.Cleanup(func() { s.Close() })
	return s, a
}

// noEnvironment takes away what the environment says.
func noEnvironment(t testing.TB) {
	t.Helper()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"} {
		for _, name := range []string{name, strings.ToLower(name)} {
			t.Setenv(name, "") // to have it put back
			os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
}

// get is a call that must succeed.
func get(t testing.TB, s *requests.Session, url string, opts ...requests.Option) *requests.Response {
	t.Helper()
	r, err := s.Get(t.Context(), url, opts...)
	if err != nil {
		t.Fatalf("Get(%s) = %v", url, err)
	}
	return r
}
