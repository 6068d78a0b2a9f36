package requests_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

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
