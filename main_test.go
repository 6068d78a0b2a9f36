package requests_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	gohttpbin "github.com/mccutchen/go-httpbin/v2/httpbin"
	"go.uber.org/goleak"

	"github.com/go-requests/requests"
)

// httpbin is the URL of a go-httpbin on loopback, which answers with what it
// was asked. It is there while the tests of the package run.
var httpbin string

// environment are the variables by which whoever starts the tests could change
// their outcome. A test that means one sets it.
var environment = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY",
	"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"NETRC", "REQUEST_METHOD",
}

// TestMain runs the tests in an environment of their own, and fails if one of
// them leaves a goroutine behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(suite{m})
}

type suite struct{ m *testing.M }

// Run implements [goleak.TestingM]. What it starts it ends, so that the search
// for leaks finds only those of the tests.
func (s suite) Run() int {
	for _, name := range environment {
		os.Unsetenv(name)
	}
	home, err := os.MkdirTemp("", "requests-home-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	os.Setenv("HOME", home)
	os.Setenv("USERPROFILE", home) // its name on Windows

	server := httptest.NewServer(gohttpbin.New())
	defer server.Close()
	httpbin = server.URL
	defer requests.CloseShared()
	return s.m.Run()
}

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
