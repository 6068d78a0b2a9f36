package requests_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-requests/requests"
)

// heard collects what hooks were called with.
type heard []string

func (h *heard) response(name string) requests.OnResponse {
	return func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		*h = append(*h, fmt.Sprint(name, ":", r.StatusCode))
		return nil, nil
	}
}

func (h *heard) request(name string) requests.OnRequest {
	return func(_ context.Context, p *requests.PreparedRequest) error {
		*h = append(*h, name+":"+p.Method+" "+p.URL.Path)
		return nil
	}
}

func (h *heard) redirect(name string) requests.OnRedirect {
	return func(_ context.Context, r *requests.Response, p *requests.PreparedRequest) error {
		*h = append(*h, fmt.Sprint(name, ":", r.StatusCode, " to ", p.URL))
		return nil
	}
}

func (h heard) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(h, ", "); got != want {
		t.Errorf("hooks heard %s; want %s", got, want)
	}
}

func TestHooksOrder(t *testing.T) {
	t.Run("a chain", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(redirectTo("/2"), ok()), h.request("a"), h.request("b"), h.response("c"), h.response("d"), h.redirect("e"))
		get(t, s, "http://a.test/1")
		h.want(t, "a:GET /1, b:GET /1, c:302, d:302, e:302 to http://a.test/2, a:GET /2, b:GET /2, c:200, d:200")
	})
	t.Run("those of the call in place of the session's", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(redirectTo("/2"), ok()), h.request("session"), h.response("session"))
		get(t, s, "http://a.test/1", h.response("call"))
		h.want(t, "session:GET /1, call:302, session:GET /2, call:200")
		h = nil
		get(t, s, "http://a.test/1", requests.Hooks{}) // none of any kind: the session's stay
		h.want(t, "session:GET /1, session:200")
	})
	t.Run("not followed", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(redirectTo("/2")), h.response("r"), h.redirect("e"))
		get(t, s, "http://a.test/1", requests.AllowRedirects(false))
		h.want(t, "r:302")
	})
	t.Run("challenges are not shown", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(digestChallenge("n"), ok()), requests.DigestAuth("u", "p"), h.request("q"), h.response("r"))
		r := get(t, s, "http://a.test/1")
		h.want(t, "q:GET /1, q:GET /1, r:200")
		if len(r.History) != 1 {
			t.Errorf("history %v; want the challenge", r.History)
		}
	})
	t.Run("challenges that stay are", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(digestChallenge("n")), requests.DigestAuth("u", "p"), h.response("r"))
		get(t, s, "http://a.test/1")
		h.want(t, "r:401")
	})
	t.Run("a prepared request", func(t *testing.T) {
		var h heard
		s, _ := scripted(t, replies(ok()))
		p, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/1", h.response("r")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		h.want(t, "r:200")
	})
	t.Run("With copies", func(t *testing.T) {
		var h heard
		s, sent := scripted(t, replies(ok()), h.response("a"))
		d := s.With(h.response("b"))
		get(t, s, "http://a.test/1")
		get(t, d, "http://a.test/1")
		h.want(t, "a:200, a:200, b:200")
		_ = sent
	})
}

func TestHooksSeeTheBody(t *testing.T) {
	var text string
	var history []*requests.Response
	read := requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		text += r.Text() + ";"
		history = r.History
		return r, nil
	})
	to := redirectTo("/2")
	to.body = "moved"
	for _, stream := range []requests.Stream{false, true} {
		text = ""
		s, _ := scripted(t, replies(to, ok()), read, stream)
		r := get(t, s, "http://a.test/")
		if text != "moved;ok;" || r.Text() != "ok" || len(history) != 1 || r.History[0].Text() != "moved" {
			t.Errorf("stream %v: the hook read %q, then the call %q; want moved;ok; and ok", stream, text, r.Text())
		}
	}
	t.Run("half a response", func(t *testing.T) { // is not shown at all
		called := false
		s, _ := scripted(t, replies(ok()), requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			called = true
			return nil, nil
		}))
		s.Mount("http://", requests.RoundTripper(cutShort{}))
		_, err := s.Get(t.Context(), "http://a.test/")
		if !errors.Is(err, requests.ErrIncompleteBody) || called {
			t.Errorf("Get = %v, the hook was called: %v; want ErrIncompleteBody, false", err, called)
		}
		s.Mount("http://", careless{}) // an adapter that leaves the body to others
		if _, err := s.Get(t.Context(), "http://a.test/"); !errors.Is(err, io.ErrUnexpectedEOF) || called {
			t.Errorf("Get = %v, the hook was called: %v; want what Read gave, false", err, called)
		}
	})
}

// careless is an adapter whose body breaks off, and which says that it answered
// another request.
type careless struct{}

func (careless) Send(context.Context, *requests.PreparedRequest, requests.SendOptions) (*requests.Response, error) {
	return &requests.Response{StatusCode: 200, Request: &requests.PreparedRequest{}, Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), brokenReader{}))}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// cutShort answers with less than it announced.
type cutShort struct{}

func (cutShort) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 10, Body: io.NopCloser(strings.NewReader("half")), Request: r}, nil
}

func TestHooksReplace(t *testing.T) {
	other := func(status int, body string) requests.OnResponse {
		return func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			return &requests.Response{StatusCode: status, Reason: "Replaced", URL: r.URL, Body: io.NopCloser(strings.NewReader(body))}, nil
		}
	}
	t.Run("the last counts", func(t *testing.T) {
		s, _ := scripted(t, replies(ok()))
		r := get(t, s, "http://a.test/", other(201, "one"), other(202, "two"))
		if r.StatusCode != 202 || r.Text() != "two" || r.Request == nil || r.Header == nil {
			t.Errorf("Get = %v %q; want 202 two", r, r.Text())
		}
	})
	t.Run("after a redirect", func(t *testing.T) {
		s, _ := scripted(t, replies(redirectTo("/2"), ok()))
		r := get(t, s, "http://a.test/", requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			if r.IsRedirect() {
				return nil, nil
			}
			return &requests.Response{StatusCode: 202}, nil
		}))
		if r.StatusCode != 202 || len(r.History) != 1 || r.URL.Path != "/2" || len(r.Content()) != 0 {
			t.Errorf("Get = %v from %v after %v; want 202 from /2 after one", r, r.URL, r.History)
		}
	})
	t.Run("a redirect away", func(t *testing.T) {
		s, sent := scripted(t, replies(redirectTo("/2"), ok()))
		if r := get(t, s, "http://a.test/", other(200, "stopped")); r.Text() != "stopped" || len(sent.sent) != 1 {
			t.Errorf("Get = %v %q after %d requests", r, r.Text(), len(sent.sent))
		}
	})
	t.Run("a redirect in", func(t *testing.T) { // goes by the rules of any other
		s, sent := scripted(t, func(_ int, p *requests.PreparedRequest) reply { return ok() }, requests.BearerAuth(secret))
		get(t, s, "http://a.test/", requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			if r.URL.Host == "b.test" {
				return nil, nil
			}
			return &requests.Response{StatusCode: 302, Header: http.Header{"Location": {"http://b.test/"}}}, nil
		}))
		if len(sent.sent) != 2 || sent.authorization(1) != "" {
			t.Errorf("sent %+v; want two, the second without Authorization", sent.sent)
		}
	})
	t.Run("encoding", func(t *testing.T) {
		s, _ := scripted(t, replies(reply{status: 200, body: "caf\xe9"}))
		r := get(t, s, "http://a.test/", requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			r.Encoding = "iso-8859-1"
			return nil, nil
		}))
		if r.Text() != "café" {
			t.Errorf("Text = %q; want café", r.Text())
		}
	})
}

func TestHookErrors(t *testing.T) {
	own := errors.New("own")
	for _, tt := range []struct {
		name  string
		hook  requests.Option
		sends int
	}{
		{"OnRequest", requests.OnRequest(func(context.Context, *requests.PreparedRequest) error { return own }), 0},
		{"OnResponse", requests.OnResponse(func(context.Context, *requests.Response) (*requests.Response, error) { return nil, own }), 1},
		{"OnRedirect", requests.OnRedirect(func(context.Context, *requests.Response, *requests.PreparedRequest) error { return own }), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h heard
			s, sent := scripted(t, replies(redirectTo("/2"), ok()))
			_, err := s.Get(t.Context(), "http://a.test/", tt.hook, h.redirect("later"))
			if err != own || len(sent.sent) != tt.sends || len(h) > 0 {
				t.Errorf("Get = %v after %d requests, later hooks %q; want the hook's own error after %d", err, len(sent.sent), h, tt.sends)
			}
		})
	}
	t.Run("what a hook writes is checked", func(t *testing.T) {
		bad := func(p *requests.PreparedRequest) { p.Header["X-A"] = []string{"a\nb"} }
		s, sent := scripted(t, replies(redirectTo("/2"), ok()))
		_, err := s.Get(t.Context(), "http://a.test/", requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { bad(p); return nil }))
		if !errors.Is(err, requests.ErrInvalidHeader) || len(sent.sent) > 0 {
			t.Errorf("OnRequest: Get = %v; want ErrInvalidHeader", err)
		}
		_, err = s.Get(t.Context(), "http://a.test/", requests.OnRedirect(func(_ context.Context, _ *requests.Response, p *requests.PreparedRequest) error { bad(p); return nil }))
		if e, ok := errors.AsType[*requests.Error](err); !errors.Is(err, requests.ErrInvalidHeader) || !ok || e.Op != "redirect" {
			t.Errorf("OnRedirect: Get = %v; want ErrInvalidHeader", err)
		}
	})
}

// TestLogger reads what is logged of a call.
func TestLogger(t *testing.T) {
	var log bytes.Buffer
	logger := func(level slog.Level) *slog.Logger {
		return slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "time" || a.Key == "elapsed" {
				return slog.Attr{}
			}
			return a
		}}))
	}
	to := redirectTo("https://u:" + secret + "@b.test/?token=" + secret)
	s, sent := scripted(t, replies(digestChallenge("n"), to, ok()), requests.DigestAuth("u", secret))
	s.Logger = logger(slog.LevelDebug)
	get(t, s, "http://a.test/?api_key="+secret, requests.Headers{"Cookie": secret})
	const want = `level=DEBUG msg=request method=GET url="http://a.test/?api_key=***" status=401
level=DEBUG msg=challenge status=401 url="http://a.test/?api_key=***" method=GET to="http://a.test/?api_key=***"
level=DEBUG msg=request method=GET url="http://a.test/?api_key=***" status=302
level=DEBUG msg=redirect status=302 url="http://a.test/?api_key=***" method=GET to="https://b.test/?token=***"
level=DEBUG msg=request method=GET url="https://b.test/?token=***" status=200
`
	if got := log.String(); got != want {
		t.Errorf("logged\n%s\nwant\n%s", got, want)
	}
	for _, tt := range []struct{ name, level, want string }{
		{"failure", "DEBUG", "level=DEBUG msg=request method=GET url=http://a.test/ error=\"connection failed\"\n"},
		{"disabled", "INFO", ""},
		{"nil", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			s, _ := scripted(t, replies(ok()))
			s.Mount("http://", failing{errors.Join(requests.ErrConnection, errors.New(secret))})
			if tt.level != "" {
				var level slog.Level
				level.UnmarshalText([]byte(tt.level))
				s.Logger = logger(level)
			}
			if _, err := s.Get(t.Context(), "http://a.test/"); err == nil {
				t.Fatal("Get = nil; want an error")
			}
			if got := log.String(); got != tt.want {
				t.Errorf("logged %q; want %q", got, tt.want)
			}
		})
	}
	_ = sent
}

// failing is a adapter that only fails.
type failing struct{ err error }

func (f failing) Send(context.Context, *requests.PreparedRequest, requests.SendOptions) (*requests.Response, error) {
	return nil, f.err
}
