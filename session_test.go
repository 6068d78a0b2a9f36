package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests"
)

// TestCallsDoNotStick sends a call full of settings, and then a plain one, which
// must be that of a fresh session. A021, A235
func TestCallsDoNotStick(t *testing.T) {
	defaults := []requests.Option{requests.Headers{"X-S": "1"}, requests.Params{"s": 1}, requests.BasicAuth("s", "p"), requests.Cookies{"s": "1"}}
	fresh, want := scripted(t, replies(ok()), defaults...)
	get(t, fresh, "http://a.test/")
	for _, tt := range []struct {
		name string
		opt  requests.Option
	}{
		{"A021 Referer", requests.Headers{"Referer": "http://x.test/"}},
		{"A235 Headers", requests.Headers{"X-S": "2", "X-C": "1", "User-Agent": nil}},
		{"A235 Params", requests.Params{"s": nil, "c": 2}},
		{"A235 Cookies", requests.Cookies{"s": "2", "c": "1"}},
		{"A235 Auth", requests.BearerAuth("t")},
		{"A235 NoAuth", requests.NoAuth()},
		{"A235 body", requests.JSON(1)},
		{"A235 Stream", requests.Stream(true)},
		{"A235 AllowRedirects", requests.AllowRedirects(false)},
		{"A235 RaiseForStatus", requests.RaiseForStatus(true)},
		{"A235 hook", requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { p.Header.Set("X-Hook", "1"); return nil })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok(), redirectTo("/2"), reply{status: 404, body: "no"}), defaults...)
			r, err := s.Get(t.Context(), "http://a.test/", tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			r = get(t, s, "http://a.test/")
			if got := sent.sent[1]; !reflect.DeepEqual(got, want.sent[0]) {
				t.Errorf("sent %+v; want %+v", got, want.sent[0])
			}
			if r.StatusCode != 404 || r.Text() != "no" || len(r.History) != 1 {
				t.Errorf("Get = %v after %d redirects; want 404 after one, read", r, len(r.History))
			}
		})
	}
}

// TestWithDerives: what With copies, and what it shares.
func TestWithDerives(t *testing.T) {
	s, sent := scripted(t, replies(reply{status: 200, header: http.Header{"Set-Cookie": {"c=1"}}}, ok()),
		requests.Headers{"X-A": "s"}, requests.Params{"a": "s"}, requests.BasicAuth("s", "p"))
	d := s.With(requests.Headers{"X-A": "d", "X-B": "d"}, requests.Params{"b": "d"}, requests.BearerAuth("d"), requests.MaxRedirects(1))
	get(t, s, "http://a.test/")
	get(t, d, "http://a.test/")
	get(t, s, "http://a.test/")
	a, b, again := sent.sent[0], sent.sent[1], sent.sent[2]
	if a.url != "http://a.test/?a=s" || a.header.Get("X-A") != "s" || a.header.Get("X-B") != "" || a.header.Get("Authorization") != "Basic czpw" {
		t.Errorf("the session sent %+v", a)
	}
	if b.url != "http://a.test/?a=s&b=d" || b.header.Get("X-A") != "d" || b.header.Get("X-B") != "d" || b.header.Get("Authorization") != "Bearer d" {
		t.Errorf("the derived one sent %+v", b)
	}
	if b.header.Get("Cookie") != "c=1" {
		t.Error("the derived one has not the cookies")
	}
	if again.header.Get("Cookie") != "c=1" || again.header.Get("X-A") != "s" || again.url != a.url {
		t.Errorf("then the session sent %+v", again)
	}
	if d.MaxRedirects != 1 || s.MaxRedirects != 0 {
		t.Errorf("MaxRedirects %d and %d; want 1 and 0", d.MaxRedirects, s.MaxRedirects)
	}
}

// TestSessionIsForManyGoroutines lets 100 of them do all that touches what they share.
func TestSessionIsForManyGoroutines(t *testing.T) {
	noEnvironment(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c" + r.URL.Query().Get("n"), Value: "1"})
		io.WriteString(w, "got"+r.URL.Query().Get("n"))
	})
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.Handle("/redirect", http.RedirectHandler("/post", http.StatusTemporaryRedirect))
	mux.Handle("/digest", &digestServer{algorithm: "SHA-256", qop: "auth"})
	server := httptest.NewServer(mux)
	defer server.Close()
	s := requests.NewSession(requests.BaseURL(server.URL), requests.Headers{"X-S": "1"}, requests.Params{"s": 1})
	defer s.Close()
	digest := requests.DigestAuth("user", "pass")
	var calls sync.WaitGroup
	for n := range 100 {
		calls.Go(func() {
			text := fmt.Sprint(n)
			check := func(what, want string, r *requests.Response, err error) {
				if err != nil || r.StatusCode != 200 || r.Text() != want {
					t.Errorf("%d: %s = %v, %v; want %q", n, what, r, err, want)
				}
			}
			r, err := s.Get(t.Context(), "get", requests.Params{"n": n}, requests.Cookies{"own": text})
			check("Get", "got"+text, r, err)
			r, err = s.Post(t.Context(), "post", requests.Text(text), requests.Headers{"X-N": n})
			check("Post", text, r, err)
			r, err = s.Post(t.Context(), "redirect", requests.Reader(strings.NewReader(text)))
			check("redirected Post", text, r, err)
			r, err = s.With(requests.Params{"d": n}).Get(t.Context(), "digest", digest)
			check("Digest", "ok", r, err)
		})
	}
	calls.Wait()
}

// The calls of a nil Session are errors that say so, whatever is called.
func TestNilSession(t *testing.T) {
	var s *requests.Session
	p, err := requests.NewRequest("GET", "http://127.0.0.1:1/").Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Mount("mock://", requests.Handler(http.NotFoundHandler()))
	s.CloseIdleConnections()
	for name, call := range map[string]func() error{
		"Get": func() error { _, err := s.Get(t.Context(), "http://127.0.0.1:1/"); return err },
		"Do":  func() error { _, err := s.Do(t.Context(), "GET", "http://127.0.0.1:1/"); return err },
		"Prepare": func() error {
			_, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://127.0.0.1:1/"))
			return err
		},
		"Send":     func() error { _, err := s.Send(t.Context(), p); return err },
		"With":     func() error { _, err := s.With(requests.Timeout{}).Get(t.Context(), "http://127.0.0.1:1/"); return err },
		"Client":   func() error { _, err := s.Client().Get("http://127.0.0.1:1/"); return err },
		"Adapter":  func() error { _, err := s.Adapter("http://127.0.0.1:1/"); return err },
		"Download": func() error { _, err := s.Download(t.Context(), "http://127.0.0.1:1/x", t.TempDir()); return err },
		"Pages":    func() error { return errorOf(s.Pages(t.Context(), "http://127.0.0.1:1/")) },
		"Events":   func() error { return errorOf(s.Events(t.Context(), "http://127.0.0.1:1/")) },
		"Many": func() (err error) {
			for r := range s.Many(t.Context(), requests.URLs("http://127.0.0.1:1/")) {
				err = r.Err
			}
			return err
		},
	} {
		if err := call(); !errors.Is(err, requests.ErrInvalidOption) || errors.Is(err, requests.ErrConnection) || !strings.Contains(err.Error(), "Session is nil") {
			t.Errorf("%s of a nil Session = %v; want ErrInvalidOption", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// errorOf is the last error of what is ranged over.
func errorOf[V any](seq iter.Seq2[V, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}
