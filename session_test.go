package requests_test

import (
	"context"
	"fmt"
	"io"
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

// TestClientKeepsTheRules follows redirects through an http.Client.
func TestClientKeepsTheRules(t *testing.T) {
	chain := func(n int, p *requests.PreparedRequest) reply {
		switch p.URL.Host + p.URL.Path {
		case "a.test/1":
			return redirectTo("http://a.test/2")
		case "a.test/2":
			return redirectTo("http://x.a.test/3") // net/http takes it for the same
		case "x.a.test/3":
			return redirectTo("http://a.test/4")
		}
		return ok()
	}
	defaults := []requests.Option{requests.BearerAuth(secret), requests.Headers{"X-Api-Key": secret}, requests.Cookies{"sid": secret}}
	request := func(t *testing.T) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://a.test/1?token="+secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", secret)
		r.Header.Set("X-Plain", "1")
		return r
	}
	leaks := func(t *testing.T, sent *script) {
		t.Helper()
		if len(sent.sent) != 4 {
			t.Fatalf("%d requests; want 4", len(sent.sent))
		}
		for i, hop := range sent.sent {
			has := strings.Contains(fmt.Sprint(hop.header), secret)
			if hop.header.Get("X-Plain") == "" || hop.header.Get("Referer") != "" {
				t.Errorf("request %d has the header %v", i, hop.header)
			}
			switch {
			case i < 2 && (!has || hop.header.Get("Authorization") == "" || hop.header.Get("X-Auth-Token") == ""):
				t.Errorf("request %d lacks its credentials: %v", i, hop.header)
			case i == 2 && has:
				t.Errorf("x.a.test got %v", hop.header)
			case i == 3 && (hop.header.Get("Authorization") != "" || hop.header.Get("X-Api-Key") != "" || hop.header.Get("X-Auth-Token") != ""):
				t.Errorf("on the way back, a.test got %v", hop.header)
			}
		}
	}
	t.Run("session", func(t *testing.T) {
		s, sent := scripted(t, chain, defaults...)
		r, err := s.Client().Do(request(t))
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("Do = %v, %v", r, err)
		}
		defer r.Body.Close()
		leaks(t, sent)
	})
	t.Run("Transport in a client that follows", func(t *testing.T) {
		s, sent := scripted(t, chain, append(defaults, requests.AllowRedirects(false))...)
		c := &http.Client{Transport: s.Client().Transport}
		r, err := c.Do(request(t))
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("Do = %v, %v", r, err)
		}
		defer r.Body.Close()
		leaks(t, sent)
	})
	t.Run("Auth is not asked for another origin", func(t *testing.T) {
		var asked []string
		s, _ := scripted(t, chain, requests.AllowRedirects(false), requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
			asked = append(asked, p.URL.Host+p.URL.Path)
			return nil
		}))
		r, err := (&http.Client{Transport: s.Client().Transport}).Do(request(t))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if fmt.Sprint(asked) != "[a.test/1 a.test/2]" {
			t.Errorf("asked for %q; want a.test alone", asked)
		}
	})
	t.Run("both follow", func(t *testing.T) { // cookies without a domain are for the host named first
		s, sent := scripted(t, replies(redirectTo("/2"), ok()), requests.Cookies{"sid": secret})
		first := request(t)
		second := first.Clone(t.Context())
		second.URL.Host = "b.test"
		second.Response = &http.Response{Request: first}
		r, err := s.Client().Transport.RoundTrip(second)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if sent.sent[0].header.Get("Cookie")+sent.sent[1].header.Get("Cookie") != "" {
			t.Errorf("b.test got %+v", sent.sent)
		}
	})
	t.Run("redirects of the session are not followed again", func(t *testing.T) {
		s, sent := scripted(t, chain, requests.AllowRedirects(false))
		r, err := s.Client().Do(request(t))
		if err != nil || r.StatusCode != 302 || len(sent.sent) != 1 {
			t.Fatalf("Do = %v, %v after %d requests; want 302 after 1", r, err, len(sent.sent))
		}
		r.Body.Close()
	})
	t.Run("body", func(t *testing.T) {
		s, sent := scripted(t, replies(reply{status: 307, header: http.Header{"Location": {"/2"}}}, ok()))
		r, err := s.Client().Post("http://a.test/", "text/x", strings.NewReader("b"))
		if err != nil || sent.sent[1].body != "b" || sent.sent[1].header.Get("Content-Type") != "text/x" {
			t.Fatalf("Post = %v; sent %+v", err, sent.sent)
		}
		r.Body.Close()
	})
}
