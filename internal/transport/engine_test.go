package transport

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/message"
)

// newCall returns a call of the method to a URL.
func newCall(t testing.TB, method, rawURL string) *Call {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Host
	if before, after, ok := strings.Cut(host, "%"); ok { // a zone
		host = before + after[strings.IndexByte(after, ']'):]
	}
	return &Call{
		Request: message.Request{Method: method, Target: u.RequestURI(), Host: host, Header: http.Header{}},
		URL:     u, Connect: 10 * time.Second, Read: 10 * time.Second,
	}
}

// newEngine returns an Engine that is closed with the test.
func newEngine(t testing.TB, c Config) *Engine {
	e := &Engine{Config: c}
	t.Cleanup(func() { e.Close() })
	return e
}

// text makes a call and returns the body of its response.
func text(t testing.TB, e *Engine, c *Call) string {
	t.Helper()
	res, err := e.Do(t.Context(), c)
	if err != nil {
		t.Fatalf("%s %s: %v", c.Method, c.URL, err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: the body: %v", c.Method, c.URL, err)
	}
	return string(b)
}

// echo answers with the body of the request.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	w.Write(b)
})

func TestDo(t *testing.T) {
	srv := httptest.NewServer(echo)
	defer srv.Close()
	e := newEngine(t, Config{})
	const long = 1 << 20
	for _, body := range []string{"", "short", strings.Repeat("long", long/4)} {
		for _, name := range []string{"memory", "source", "source of unknown length"} {
			call := newCall(t, "POST", srv.URL+"/")
			call.Length = int64(len(body))
			switch name {
			case "memory":
				call.Body.Bytes = []byte(body)
			case "source of unknown length":
				call.Length = -1
				fallthrough
			default:
				call.Body.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
			}
			if got := text(t, e, call); got != body {
				t.Errorf("%s: %d bytes came back; want %d", name, len(got), len(body))
			}
		}
	}
	if s := e.Stats(); s.Dialed != 1 || s.Reused != 8 || s.Open != 1 || s.Idle != 1 {
		t.Errorf("Stats() = %+v; want one connection for all", s)
	}
}
