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
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

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

// everyHook gives f to each function of the caller's that runs within a call.
func everyHook(f func(ctx context.Context, name string) error) []requests.Option {
	return []requests.Option{
		requests.NewAuth(contextAuth(f)),
		requests.OnRequest(func(ctx context.Context, _ *requests.PreparedRequest) error { return f(ctx, "OnRequest") }),
		requests.OnInformational(func(ctx context.Context, _ int, _ http.Header) error { return f(ctx, "OnInformational") }),
		requests.OnRetry(func(ctx context.Context, _ requests.Attempt) error { return f(ctx, "OnRetry") }),
		requests.OnResponse(func(ctx context.Context, _ *requests.Response) (*requests.Response, error) {
			return nil, f(ctx, "OnResponse")
		}),
		requests.OnRedirect(func(ctx context.Context, _ *requests.Response, _ *requests.PreparedRequest) error {
			return f(ctx, "OnRedirect")
		}),
		requests.Retry{Total: 1, StatusCodes: []int{503}},
	}
}

// everyHookNames are those that a call to eventful calls, in their order.
var everyHookNames = []string{
	"Authenticate", "OnRequest", "OnInformational", "OnRetry", "Challenge",
	"OnRequest", "OnResponse", "Authenticate", "OnRedirect", "OnRequest", "OnResponse",
}

type contextAuth func(ctx context.Context, name string) error

func (f contextAuth) Authenticate(ctx context.Context, _ *requests.PreparedRequest) error {
	return f(ctx, "Authenticate")
}

func (f contextAuth) Challenge(ctx context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	return r.Request.Clone(), f(ctx, "Challenge")
}

// eventful is a session whose first call meets everything that a hook is for.
func eventful() *requests.Session {
	n := 0
	s := requests.NewSession(requests.TrustEnv(false))
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n++; n {
		case 1:
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusUnauthorized)
		case 3:
			w.Header().Set("Location", "/there")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
		io.WriteString(w, "body")
	})))
	return s
}

type contextKey struct{}

// TestHookContext holds what the context of a hook is: that of the call, with
// the caller's values and Total, and ended with the call.
func TestHookContext(t *testing.T) {
	named := context.WithValue(t.Context(), contextKey{}, "value")
	t.Run("of the call", func(t *testing.T) {
		var names []string
		var seen []context.Context
		hooks := everyHook(func(ctx context.Context, name string) error {
			names, seen = append(names, name), append(seen, ctx)
			if ctx.Value(contextKey{}) != "value" || ctx.Err() != nil {
				t.Errorf("%s has the value %v and the error %v", name, ctx.Value(contextKey{}), ctx.Err())
			}
			return nil
		})
		s := eventful()
		defer s.Close()
		_, err := s.Get(named, "http://a.test/", hooks...)
		require.NoError(t, err)
		require.Equal(t, everyHookNames, names)
		for i, ctx := range seen {
			if ctx.Err() == nil || named.Err() != nil {
				t.Errorf("after the call the context of %s has the error %v, and that of the caller %v", names[i], ctx.Err(), named.Err())
			}
		}
	})
	t.Run("of a streamed call", func(t *testing.T) {
		for _, end := range []func(*requests.Response){
			func(r *requests.Response) { r.Close() },
			func(r *requests.Response) { r.Load() },
			func(r *requests.Response) { io.ReadAll(r.Body) },
		} {
			var last context.Context
			s := eventful()
			r, err := s.Get(named, "http://a.test/", append(everyHook(func(ctx context.Context, _ string) error {
				last = ctx
				return nil
			}), requests.Stream(true), requests.Timeout{Total: time.Hour})...)
			require.NoError(t, err)
			require.NoError(t, last.Err(), "it ended before the body")
			_, limited := last.Deadline()
			require.False(t, limited, "Total is no limit of the body")
			end(r)
			require.Error(t, last.Err(), "it goes on after the body")
			s.Close()
		}
	})
	t.Run("of a streamed call whose body a hook has taken", func(t *testing.T) {
		for name, take := range map[string]func(*requests.Response){
			"Load":  func(r *requests.Response) { r.Load() },
			"Close": func(r *requests.Response) { r.Close() },
		} {
			var last context.Context
			s, _ := scripted(t, replies(ok()))
			_, err := s.Get(named, "http://a.test/", requests.Stream(true), requests.OnResponse(func(ctx context.Context, r *requests.Response) (*requests.Response, error) {
				last = ctx
				take(r)
				return nil, nil
			}))
			require.NoError(t, err)
			require.Error(t, last.Err(), name)
		}
	})
	t.Run("after an error or a panic", func(t *testing.T) {
		own := errors.New("own")
		for _, fails := range []func() error{func() error { return own }, func() error { panic(own) }} {
			var last context.Context
			s, _ := scripted(t, replies(ok()))
			func() {
				defer func() { recover() }()
				s.Get(named, "http://a.test/", requests.OnRequest(func(ctx context.Context, _ *requests.PreparedRequest) error {
					last = ctx
					return fails()
				}))
			}()
			require.Error(t, last.Err())
		}
	})
}

// TestHookWaits lets each hook wait for the end of its context.
func TestHookWaits(t *testing.T) {
	wait := func(until string) []requests.Option {
		n := 0
		return everyHook(func(ctx context.Context, _ string) error {
			if n++; everyHookNames[n-1] != until || n < len(everyHookNames)/2 && until == "OnResponse" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
	}
	seen := make(map[string]bool)
	for _, name := range everyHookNames {
		if seen[name] {
			continue
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := eventful()
				defer s.Close()
				start := time.Now()
				_, err := s.Get(t.Context(), "http://a.test/", append(wait(name), requests.Timeout{Total: time.Minute, Read: -1})...)
				_, wrapped := errors.AsType[*requests.Error](err)
				if !errors.Is(err, requests.ErrTotalTimeout) || errors.Is(err, context.Canceled) || !wrapped || time.Since(start) != time.Minute {
					t.Errorf("by Total: %v after %v; want ErrTotalTimeout in an *Error after 1m", err, time.Since(start))
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := eventful()
				defer s.Close()
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err := s.Get(ctx, "http://a.test/", append(wait(name), requests.Timeout{Total: time.Minute, Read: -1})...)
				if !errors.Is(err, context.Canceled) || errors.Is(err, requests.ErrTimeout) {
					t.Errorf("by the caller: %v; want context.Canceled", err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := eventful()
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := s.Get(ctx, "http://a.test/", append(wait(name), requests.Timeout{Total: time.Minute, Read: -1})...)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, requests.ErrTotalTimeout) {
					t.Errorf("by the caller's deadline: %v; want context.DeadlineExceeded", err)
				}
			})
		})
	}
}

// TestHookDeadline reads the deadline that limiters ask for before they wait.
func TestHookDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name          string
			caller, total time.Duration
			want          time.Duration
		}{
			{"none", 0, 0, 0},
			{"Total", 0, time.Minute, time.Minute},
			{"no Total", 0, -1, 0},
			{"the caller's", time.Minute, 0, time.Minute},
			{"the caller's first", time.Second, time.Minute, time.Second},
			{"Total first", time.Minute, time.Second, time.Second},
		} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if tt.caller > 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.caller)
			}
			s := eventful()
			_, err := s.Get(ctx, "http://a.test/", append(everyHook(func(ctx context.Context, name string) error {
				d, has := ctx.Deadline()
				if has != (tt.want > 0) || has && time.Until(d) != tt.want {
					t.Errorf("%s, %s: Deadline = %v, %v; want it in %v", tt.name, name, time.Until(d), has, tt.want)
				}
				return nil
			}), requests.Timeout{Total: tt.total})...)
			require.NoError(t, err)
			cancel()
			s.Close()
		}
	})
}

// TestPrepareContext: Prepare authenticates with its own context and forgets it.
func TestPrepareContext(t *testing.T) {
	var got []any
	auth := requests.AuthFunc(func(ctx context.Context, p *requests.PreparedRequest) error {
		got = append(got, ctx.Value(contextKey{}))
		p.Header.Set("Authorization", "Token "+p.URL.Path)
		return nil
	})
	with := func(v string) context.Context { return context.WithValue(t.Context(), contextKey{}, v) }
	s, sent := scripted(t, replies(redirectTo("/2"), ok()), auth)

	ctx, cancel := context.WithCancel(with("prepare"))
	p, err := s.Prepare(ctx, requests.NewRequest("GET", "http://a.test/1"))
	require.NoError(t, err)
	_, err = requests.NewRequest("GET", "http://a.test/1", auth).Prepare(ctx)
	require.NoError(t, err)
	cancel()

	r, err := s.Send(with("send"), p, requests.AllowRedirects(false))
	require.NoError(t, err)
	next, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, []any{"prepare", "prepare"}, got)
	before := next.Clone()
	for range 2 { // by Send, which leaves next as it is: others may be sending it
		r, err = s.Send(with("next"), next)
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode)
		require.Equal(t, before.Header, next.Header)
	}
	require.Equal(t, []any{"prepare", "prepare", "next", "next"}, got)
	require.Equal(t, "Token /2", sent.authorization(1))

	var none context.Context
	_, err = s.Prepare(none, requests.NewRequest("GET", "http://a.test/"))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = requests.NewRequest("GET", "http://a.test/").Prepare(none)
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = s.Send(none, next)
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

// TestNextKeepsOptions: what a request was prepared with, and the Auth of the call
// that it comes from, are those of the request that follows.
func TestNextKeepsOptions(t *testing.T) {
	to := redirectTo("/2")
	to.status = 307
	s, _ := scripted(t, replies(to, reply{status: 404}), requests.AllowRedirects(false))
	p, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/", requests.RaiseForStatus(true)))
	require.NoError(t, err)
	r, err := s.Send(t.Context(), p)
	require.NoError(t, err)
	next, err := r.Next()
	require.NoError(t, err)
	_, err = s.Send(t.Context(), next)
	require.ErrorAs(t, err, new(*requests.HTTPError))

	var last context.Context
	s, _ = scripted(t, replies(to, ok()), requests.AllowRedirects(false))
	r = get(t, s, "http://a.test/", requests.AuthFunc(func(ctx context.Context, _ *requests.PreparedRequest) error {
		last = ctx
		return nil
	}))
	next, err = r.Next()
	require.NoError(t, err)
	ctx := context.WithValue(t.Context(), contextKey{}, "next")
	_, err = s.Send(ctx, next)
	require.NoError(t, err)
	require.Equal(t, "next", last.Value(contextKey{}))
	require.Error(t, last.Err(), "it goes on after the call")
}

// TestDrainIsShort: a redirect whose body does not come keeps a call waiting no
// longer than its connection is worth.
func TestDrainIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				w.Header().Set("Location", "/2")
				w.WriteHeader(http.StatusFound)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		})))
		start := time.Now()
		_, err := s.Get(t.Context(), "http://a.test/")
		require.NoError(t, err)
		require.Less(t, time.Since(start), time.Second)
	})
}
