package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

func TestBackoff(t *testing.T) {
	for _, tt := range []struct {
		retry Retry
		want  []time.Duration // before the second, third… attempt
	}{
		{Retry{}, []time.Duration{0, 0, 0}},
		{Retry{Backoff: time.Second}, []time.Duration{0, 2e9, 4e9, 8e9, 16e9, 32e9, 64e9, 120e9, 120e9}},
		{Retry{Backoff: time.Second, BackoffMax: 5 * time.Second}, []time.Duration{0, 2e9, 4e9, 5e9, 5e9}},
		{Retry{Backoff: time.Hour, BackoffMax: math.MaxInt64}, []time.Duration{0, 2 * time.Hour, 4 * time.Hour}},
	} {
		for i, want := range tt.want {
			if got := tt.retry.backoff(i + 1); got != want {
				t.Errorf("%+v: backoff(%d) = %v; want %v", tt.retry, i+1, got, want)
			}
		}
		if got := tt.retry.backoff(1 << 30); got < 0 {
			t.Errorf("%+v: backoff(2^30) = %v; want no overflow", tt.retry, got)
		}
	}
	r := Retry{Jitter: time.Second}
	for n := 1; n < 50; n++ {
		if d, _ := r.wait(&Attempt{Number: n, Err: io.EOF}, time.Now()); d < 0 || d >= time.Second {
			t.Errorf("wait(%d) = %v with a Jitter of 1s alone", n, d)
		}
	}
}

// TestRetry plays answers to a call and counts what came of it.
func TestRetry(t *testing.T) {
	get := func(r Retry) Retry { r.Total = max(r.Total, 3); return r }
	on503 := Retry{Total: 3, StatusCodes: []int{503}}
	after := func(v string) string {
		return "HTTP/1.1 429 Too Many\r\nRetry-After: " + v + "\r\nContent-Length: 0\r\n\r\n"
	}
	cut := "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok" + andClose
	for _, tt := range []struct {
		name     string
		retry    Retry
		method   string // default GET
		opts     []Option
		answers  []string
		requests int32
		status   int // of the response; 0 for an error
		want     []error
		waits    string
	}{
		{name: "B181 twice 503", retry: on503, answers: []string{busyAnswer, busyAnswer, okAnswer}, requests: 3, status: 200, waits: "0s 0s"},
		{name: "B181 429 for ever", retry: Retry{Total: 2, StatusCodes: []int{429}}, answers: []string{after("7")}, requests: 3, want: []error{ErrRetriesExhausted}, waits: "7s 7s"},
		{name: "zero retries nothing", answers: []string{busyAnswer}, requests: 1, status: 503},
		{name: "exhausted", retry: on503, answers: []string{busyAnswer}, requests: 4, want: []error{ErrRetriesExhausted}, waits: "0s 0s 0s"},
		{name: "ReturnLast", retry: Retry{Total: 1, StatusCodes: []int{503}, ReturnLast: true}, answers: []string{busyAnswer}, requests: 2, status: 503, waits: "0s"},
		{name: "none allowed", retry: Retry{Total: -1, Status: 5, StatusCodes: []int{503}}, answers: []string{busyAnswer}, requests: 1, want: []error{ErrRetriesExhausted}},
		{name: "own number", retry: Retry{Total: 9, Status: 1, StatusCodes: []int{503}}, answers: []string{busyAnswer}, requests: 2, want: []error{ErrRetriesExhausted}, waits: "0s"},
		{name: "own number alone", retry: Retry{Status: 2, StatusCodes: []int{503}}, answers: []string{busyAnswer}, requests: 3, want: []error{ErrRetriesExhausted}, waits: "0s 0s"},
		{name: "own number alone, another kind", retry: Retry{Status: 2}, answers: []string{""}, requests: 1, want: []error{ErrConnectionLost}},
		{name: "read -1", retry: Retry{Total: 5, Read: -1}, answers: []string{""}, requests: 1, want: []error{ErrConnectionLost}},
		{name: "read 1", retry: Retry{Total: 5, Read: 1}, answers: []string{""}, requests: 2, want: []error{ErrConnectionLost, ErrRetriesExhausted}, waits: "0s"},
		{name: "lost, then there", retry: get(Retry{Backoff: time.Second}), answers: []string{"", "", "", okAnswer}, requests: 4, status: 200, waits: "0s 2s 4s"},
		{name: "garbage, then there", retry: get(Retry{}), answers: []string{"garbage\r\n\r\n", okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "a body cut short", retry: get(Retry{}), answers: []string{cut, okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "B184 a streamed body cut short", retry: get(Retry{}), opts: []Option{Stream(true)}, answers: []string{cut, okAnswer}, requests: 1, status: 200},
		{name: "A233 POST", method: "POST", retry: get(Retry{}), opts: []Option{Text("x")}, answers: []string{""}, requests: 1, want: []error{ErrConnectionLost}},
		{name: "A233 POST, status", method: "POST", retry: on503, opts: []Option{Text("x")}, answers: []string{busyAnswer}, requests: 1, status: 503},
		{name: "POST that is named", method: "POST", retry: Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"POST"}}, opts: []Option{Text("x")}, answers: []string{busyAnswer, okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "POST with a key", method: "POST", retry: on503, opts: []Option{Text("x"), Headers{"Idempotency-Key": "k"}}, answers: []string{busyAnswer, okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "all methods", method: "PURGE", retry: Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"*"}}, answers: []string{busyAnswer, okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "429 with Retry-After", retry: get(Retry{}), answers: []string{after("4"), okAnswer}, requests: 2, status: 200, waits: "4s"},
		{name: "429 without", retry: get(Retry{}), answers: []string{"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n"}, requests: 1, status: 429},
		{name: "B180 junk", retry: get(Retry{}), answers: []string{after("soon")}, requests: 1, status: 429},
		{name: "B180 junk, status listed", retry: get(Retry{StatusCodes: []int{429}}), answers: []string{after("-1"), okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "A207 years", retry: get(Retry{}), answers: []string{after("99999999999")}, requests: 1, status: 429},
		{name: "A207 overflow, status listed", retry: get(Retry{StatusCodes: []int{429}}), answers: []string{after("9223372036854775807")}, requests: 1, want: []error{ErrRetriesExhausted}},
		{name: "MaxRetryAfter", retry: get(Retry{MaxRetryAfter: time.Hour}), answers: []string{after("3600"), okAnswer}, requests: 2, status: 200, waits: "1h0m0s"},
		{name: "beyond MaxRetryAfter", retry: get(Retry{MaxRetryAfter: time.Hour}), answers: []string{after("3601")}, requests: 1, status: 429},
		{name: "IgnoreRetryAfter", retry: get(Retry{IgnoreRetryAfter: true}), answers: []string{after("4")}, requests: 1, status: 429},
		{name: "exhausted by Retry-After alone", retry: Retry{Total: 1}, answers: []string{after("1")}, requests: 2, status: 429, waits: "1s"},
		{name: "If by the body", retry: get(Retry{If: func(a Attempt) bool { return a.Err == nil && a.Response.Text() == "busy" }}),
			answers: []string{strings.Replace(busyAnswer, "503", "200", 1), okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "If says no", retry: Retry{Total: 3, StatusCodes: []int{503}, If: func(Attempt) bool { return false }}, answers: []string{busyAnswer}, requests: 1, status: 503},
		{name: "If and a body that cannot be decoded", retry: Retry{Other: 1, If: func(a Attempt) bool { return errors.Is(a.Err, ErrContentDecoding) }},
			answers: []string{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", okAnswer}, requests: 2, status: 200, waits: "0s"},
		{name: "B183 a body that cannot be sent again", method: "PUT", retry: on503, opts: []Option{Reader(io.MultiReader(strings.NewReader("once")))},
			answers: []string{busyAnswer, okAnswer}, requests: 1, want: []error{ErrBodyNotReplayable}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f faulty
				serve := answering(tt.answers...)
				a := &HTTPAdapter{Retry: tt.retry, DialContext: func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						serve(&f, server)
					}()
					return client, nil
				}}
				var waits []string
				var waited time.Duration
				note := OnRetry(func(_ context.Context, a Attempt) error {
					waits, waited = append(waits, a.Wait.String()), waited+a.Wait
					return nil
				})
				start := time.Now()
				method := tt.method
				if method == "" {
					method = "GET"
				}
				r, err := over(t, a, note).Do(bg, method, "http://h.test/", tt.opts...)
				isAll(t, err, tt.want...)
				if (err == nil) != (tt.status > 0) || r != nil && r.StatusCode != tt.status {
					t.Errorf("got %v, %v; want status %d", r, err, tt.status)
				}
				if n := f.requests.Load(); n != tt.requests {
					t.Errorf("the server saw %d requests; want %d", n, tt.requests)
				}
				if got := strings.Join(waits, " "); got != tt.waits {
					t.Errorf("the waits were %s; want %s", got, tt.waits)
				}
				if took := time.Since(start); took != waited {
					t.Errorf("it took %v; want %v, the sum of the waits", took, waited)
				}
				if e, ok := errors.AsType[*RetryError](err); ok {
					if len(e.Attempts) != int(tt.requests) || e.Attempts[0].Number != 1 {
						t.Errorf("RetryError has %d attempts; want %d", len(e.Attempts), tt.requests)
					}
					if last := e.Attempts[len(e.Attempts)-1]; last.Err == nil && (e.Response == nil || e.Response.Err() != nil) {
						t.Errorf("RetryError has the response %v; want the last one, readable", e.Response)
					}
				}
				if r != nil {
					r.Close()
				}
			})
		})
	}
}

// TestRetryConnect retries what did not connect, whatever the method, and tells why it failed.
func TestRetryConnect(t *testing.T) {
	dials := 0
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	a := &HTTPAdapter{Retry: Retry{Total: 9, Connect: 2}, DialContext: func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, refused
	}}
	_, err := over(t, a).Post(bg, "http://h.test/", Text("x"))
	isAll(t, err, ErrRetriesExhausted, ErrConnection, refused)
	if dials != 3 {
		t.Errorf("%d attempts; want 3", dials)
	}
	if want := "requests: send http://h.test/: retries exhausted after 3 attempts: connection failed: dial: refused"; err.Error() != want {
		t.Errorf("the error is %q; want %q", err, want)
	}
}

// TestRetryReplaces is the order of settings: call, session, adapter.
func TestRetryReplaces(t *testing.T) {
	f := newFaulty(t, answering(busyAnswer))
	on := func(total int) Retry { return Retry{Total: total, StatusCodes: []int{503}} }
	s := over(t, &HTTPAdapter{Retry: on(1)})
	count := func(s *Session, opts ...Option) int32 {
		before := f.requests.Load()
		s.Get(bg, f.url(), opts...)
		return f.requests.Load() - before
	}
	if n := count(s); n != 2 {
		t.Errorf("with the adapter's Retry: %d requests; want 2", n)
	}
	d := s.With(on(2))
	if n := count(d); n != 3 {
		t.Errorf("with the session's Retry: %d requests; want 3", n)
	}
	if n := count(d, on(3)); n != 4 {
		t.Errorf("with the call's Retry: %d requests; want 4", n)
	}
	if n := count(d, Retry{}); n != 1 {
		t.Errorf("with the call's zero Retry: %d requests; want 1", n)
	}
}

// TestRetryReusesConnection drains what was given up, within a bound.
func TestRetryReusesConnection(t *testing.T) {
	f := newFaulty(t, answering(busyAnswer, busyAnswer, okAnswer))
	s := over(t, &HTTPAdapter{Retry: Retry{Total: 3, StatusCodes: []int{503}}})
	r, err := s.Get(bg, f.url(), Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if n := f.conns.Load(); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
	endless := "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 1000)
	g := newFaulty(t, answering(endless, okAnswer))
	if r, err := s.Get(bg, g.url()); err != nil || r.StatusCode != 200 {
		t.Errorf("got %v, %v; want 200 after an endless 503", r, err)
	}
}

// TestRetryWaits is B182 and B087: the wait ends with the context.
func TestRetryWaits(t *testing.T) {
	busy := script("HTTP/1.1 503 Busy\r\nRetry-After: 100\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	t.Run("B182 cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := pipes{serve: busy}.session(t, Retry{Total: 3, StatusCodes: []int{503}})
			mine := errors.New("mine")
			ctx, cancel := context.WithCancelCause(bg)
			time.AfterFunc(30*time.Second, func() { cancel(mine) })
			start := time.Now()
			_, err := s.Get(ctx, "http://h.test/")
			isAll(t, err, context.Canceled, mine)
			e, ok := errors.AsType[*RetryError](err)
			if !ok || len(e.Attempts) != 1 || e.Response == nil || e.Response.StatusCode != 503 {
				t.Errorf("RetryError is %+v; want the attempt that was waited after", e)
			}
			if errors.Is(err, ErrRetriesExhausted) {
				t.Errorf("%v says that the retries were used up", err)
			}
			if d := time.Since(start); d != 30*time.Second {
				t.Errorf("it took %v; want 30s", d)
			}
		})
	})
	t.Run("cancelled, with a deadline before the wait ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(bg, 20*time.Second)
			s := pipes{serve: busy}.session(t, Retry{Total: 3, StatusCodes: []int{503}, Wait: func(Attempt) time.Duration {
				cancel()
				return time.Minute
			}})
			_, err := s.Get(ctx, "http://h.test/")
			isAll(t, err, context.Canceled)
			if errors.Is(err, ErrTimeout) {
				t.Errorf("%v says that time ran out", err)
			}
		})
	})
	for _, tt := range []struct {
		name     string
		within   time.Duration // that the context has
		retry    Retry
		timeout  Timeout
		outer    bool // the call is in a hook of another one, whose Total is the shorter one
		oneHop   bool
		attempts int
		kind     error // nil for the last response
		took     time.Duration
	}{
		{name: "B087 Total", timeout: Timeout{Total: 20 * time.Second}, attempts: 1, kind: ErrTotalTimeout},
		{name: "Total is just enough", timeout: Timeout{Total: 101 * time.Second}, attempts: 2, kind: ErrTotalTimeout, took: 100 * time.Second},
		{name: "the deadline of the caller", within: 20 * time.Second, timeout: Timeout{Total: time.Hour}, attempts: 1, kind: context.DeadlineExceeded},
		{name: "the caller's Total", outer: true, timeout: Timeout{Total: time.Hour}, attempts: 1, kind: ErrTotalTimeout},
		{name: "a back-off", retry: Retry{IgnoreRetryAfter: true, Backoff: time.Minute}, timeout: Timeout{Total: 20 * time.Second}, attempts: 2, kind: ErrTotalTimeout},
		{name: "a wait of one's own", retry: Retry{Wait: func(Attempt) time.Duration { return time.Minute }}, timeout: Timeout{Total: 20 * time.Second}, attempts: 1, kind: ErrTotalTimeout},
		{name: "MaxRetryAfter too", retry: Retry{MaxRetryAfter: time.Minute}, timeout: Timeout{Total: 20 * time.Second}, attempts: 1, kind: ErrTotalTimeout},
		{name: "ReturnLast", retry: Retry{ReturnLast: true}, timeout: Timeout{Total: 20 * time.Second}},
		{name: "a client", oneHop: true, timeout: Timeout{Total: 20 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.retry.Total, tt.retry.StatusCodes = 3, []int{503}
				announced := 0
				s := pipes{serve: busy}.session(t, tt.retry, tt.timeout, OnRetry(func(context.Context, Attempt) error { announced++; return nil }))
				ctx := bg
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				start := time.Now()
				var r *Response
				var err error
				switch {
				case tt.oneHop:
					var hr *http.Response
					if hr, err = s.Client().Get("http://h.test/"); err == nil {
						hr.Body.Close()
						r = &Response{StatusCode: hr.StatusCode}
					}
				case tt.outer:
					pipes{serve: busy}.session(t).Get(ctx, "http://h.test/", Timeout{Total: 20 * time.Second}, OnRequest(func(ctx context.Context, _ *PreparedRequest) error {
						r, err = s.Get(ctx, "http://h.test/")
						return err
					}))
				default:
					r, err = s.Get(ctx, "http://h.test/")
				}
				if d := time.Since(start); d != tt.took {
					t.Errorf("it took %v; want %v", d, tt.took)
				}
				if tt.kind == nil {
					if err != nil || r.StatusCode != 503 {
						t.Errorf("got %v, %v; want the 503", r, err)
					}
					return
				}
				isAll(t, err, tt.kind, ErrTimeout)
				e, ok := errors.AsType[*RetryError](err)
				if !ok || len(e.Attempts) != tt.attempts || e.Response == nil || e.Response.StatusCode != 503 || announced != tt.attempts-1 {
					t.Errorf("%v, RetryError %+v, OnRetry called %d times; want the 503 and %d attempts", err, e, announced, tt.attempts)
				}
				if outer, _ := errors.AsType[*Error](err); !outer.Timeout() {
					t.Errorf("Timeout of %v is false", err)
				}
				if inner, ok := errors.AsType[net.Error](err); !ok || !inner.Timeout() {
					t.Errorf("to package net, %v is no timeout", err)
				}
			})
		})
	}
	t.Run("an hour", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := pipes{serve: busy}.session(t, Retry{Total: 36, StatusCodes: []int{503}})
			start := time.Now()
			_, err := s.Get(bg, "http://h.test/")
			isAll(t, err, ErrRetriesExhausted)
			if d := time.Since(start); d != time.Hour {
				t.Errorf("it took %v; want 1h", d)
			}
		})
	})
}

// TestReadTimeoutRetried gives each attempt the whole limit.
func TestReadTimeoutRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes{serve: script(time.Hour)}.session(t, Retry{Total: 2}, Timeout{Read: time.Second})
		start := time.Now()
		_, err := s.Get(bg, "http://h.test/")
		isAll(t, err, ErrReadTimeout, ErrRetriesExhausted)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("it took %v; want 3s", d)
		}
	})
}

func TestOnRetry(t *testing.T) {
	f := newFaulty(t, answering("", busyAnswer, okAnswer))
	var log bytes.Buffer
	s := over(t, new(HTTPAdapter), Retry{Total: 3, StatusCodes: []int{503}})
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var seen []string
	note := OnRetry(func(_ context.Context, a Attempt) error {
		if a.Err != nil {
			seen = append(seen, fmt.Sprint(a.Number, " ", errors.Is(a.Err, ErrConnectionLost)))
		} else {
			seen = append(seen, fmt.Sprint(a.Number, " ", a.Response.StatusCode, " ", a.Response.Text()))
		}
		return nil
	})
	if _, err := s.Get(bg, f.url()+"/?token=secret", note); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(seen, ", "), "1 true, 2 503 busy"; got != want {
		t.Errorf("OnRetry saw %s; want %s", got, want)
	}
	if got := log.String(); strings.Count(got, "msg=retry") != 2 || strings.Contains(got, "secret") {
		t.Errorf("the log is %s; want two retries and no secret", got)
	}
	mine := errors.New("mine")
	if _, err := s.Get(bg, f.url(), OnRetry(func(context.Context, Attempt) error { return mine }), Retry{Total: 1, StatusCodes: []int{200}}); err != mine {
		t.Errorf("error %v; want what OnRetry returned, as it is", err)
	}
}

// TestRetryInvalid: what could only be ignored is refused before anything is sent.
func TestRetryInvalid(t *testing.T) {
	codes, always := []int{503}, func(Attempt) bool { return true }
	for _, r := range []Retry{
		{Total: 1, Backoff: -1}, {Total: 1, BackoffMax: -1}, {Total: 1, Jitter: -1}, {Total: 1, MaxRetryAfter: -1},
		{Total: 1, StatusCodes: []int{0}}, {Total: 1, StatusCodes: []int{-503}}, {Total: 1, StatusCodes: []int{100}}, {Total: 1, StatusCodes: []int{5030}},
		{StatusCodes: codes}, {Connect: 1, StatusCodes: codes}, {If: always}, {Total: 1, Methods: []string{"GET, POST"}},
	} {
		s := NewSession()
		s.Mount("http://", Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%+v was sent with", r) })))
		_, err := s.Get(t.Context(), "http://a.test/", r)
		isAll(t, err, ErrInvalidOption)
		s.Retry = &r
		_, err = s.Get(t.Context(), "http://a.test/")
		isAll(t, err, ErrInvalidOption)
		a := &HTTPAdapter{Retry: r}
		_, err = over(t, a).Get(t.Context(), "http://127.0.0.1:1/")
		isAll(t, err, ErrInvalidOption)
	}
}

// TestRetryWait waits as responses, and then the program, have it.
func TestRetryWait(t *testing.T) {
	epoch := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	for _, tt := range []struct {
		name   string
		status int
		fields func() []string // name, value, …
		retry  Retry
		waited time.Duration // -1: not tried again
	}{
		{name: "GitHub, 403", status: 403, fields: func() []string {
			return []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", epoch(time.Minute)}
		}, waited: time.Minute},
		{name: "GitHub, 429", status: 429, fields: func() []string {
			return []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", epoch(time.Minute)}
		}, waited: time.Minute},
		{name: "GitHub, something is left", status: 403, fields: func() []string {
			return []string{"X-RateLimit-Remaining", "3", "X-RateLimit-Reset", epoch(time.Minute)}
		}, waited: -1},
		{name: "GitHub, an hour", status: 403, fields: func() []string { return []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", epoch(time.Hour)} }, waited: -1},
		{name: "GitHub, an hour that is allowed", status: 403, retry: Retry{MaxRetryAfter: 2 * time.Hour},
			fields: func() []string { return []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", epoch(time.Hour)} }, waited: time.Hour},
		{name: "403 with Retry-After", status: 403, fields: func() []string { return []string{"Retry-After", "7"} }, waited: 7 * time.Second},
		{name: "403", status: 403, waited: -1},
		{name: "the draft", status: 429, fields: func() []string { return []string{"RateLimit", `"a";r=0;t=9`} }, waited: 9 * time.Second},
		{name: "ignored", status: 429, retry: Retry{IgnoreRetryAfter: true}, fields: func() []string { return []string{"RateLimit", `"a";r=0;t=9`} }, waited: -1},
		{name: "no failure", status: 200, fields: func() []string { return []string{"RateLimit", `"a";r=0;t=9`} }, waited: -1},

		{name: "Wait", status: 503, retry: Retry{StatusCodes: []int{503}, Wait: func(a Attempt) time.Duration {
			d, _ := time.ParseDuration(a.Response.Header.Get("X-Wait"))
			return d
		}}, fields: func() []string { return []string{"X-Wait", "11s"} }, waited: 11 * time.Second},
		{name: "Wait as usual", status: 503, retry: Retry{Wait: func(a Attempt) time.Duration { return a.Wait }}, fields: func() []string { return []string{"Retry-After", "4"} }, waited: 4 * time.Second},
		{name: "Wait for less", status: 503, retry: Retry{Wait: func(a Attempt) time.Duration { return min(a.Wait, time.Minute) }}, fields: func() []string { return []string{"Retry-After", "4000"} }, waited: time.Minute},
		{name: "Wait for too long", status: 503, retry: Retry{StatusCodes: []int{503}, Wait: func(Attempt) time.Duration { return time.Hour }}, waited: -1},
		{name: "Wait below zero", status: 503, retry: Retry{StatusCodes: []int{503}, Wait: func(Attempt) time.Duration { return -time.Hour }}, waited: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				s := NewSession(TrustEnv(false))
				s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if calls++; calls > 1 {
						return
					}
					if tt.fields != nil {
						for f := range slices.Chunk(tt.fields(), 2) {
							w.Header().Set(f[0], f[1])
						}
					}
					w.WriteHeader(tt.status)
				})))
				tt.retry.Total = 1
				start := time.Now()
				_, err := s.Get(t.Context(), "http://a.test/", tt.retry)
				if tt.waited < 0 {
					if calls != 1 || time.Since(start) != 0 {
						t.Errorf("%d calls after %v; want one at once", calls, time.Since(start))
					}
					return
				}
				if waited := time.Since(start); err != nil || calls != 2 || waited != tt.waited {
					t.Errorf("%d calls after %v, %v; want two and %v", calls, waited, err, tt.waited)
				}
			})
		})
	}
}

// TestRetryOutcomes holds what the documentation of Retry says that a call gets.
func TestRetryOutcomes(t *testing.T) {
	calls := 0
	h := func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.URL.Path == "/later" {
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	always := func(Attempt) bool { return true }
	codes := []int{http.StatusServiceUnavailable}
	for _, tt := range []struct {
		name, method, path string
		retry              Retry
		raise              bool
		want               string
	}{
		{"a method that is not repeated", "POST", "/", Retry{Total: 2, StatusCodes: codes}, false, "1 call, response"},
		{"that one, raised for", "POST", "/", Retry{Total: 2, StatusCodes: codes}, true, "1 call, HTTPError"},
		{"and not shown to If", "POST", "/", Retry{Total: 2, If: always}, false, "1 call, response"},
		{"any method", "POST", "/", Retry{Total: 2, StatusCodes: codes, Methods: []string{"*"}}, false, "3 calls, RetryError"},
		{"no number for statuses", "GET", "/", Retry{Connect: 2, If: always}, false, "1 call, response"},
		{"Total alone", "GET", "/", Retry{Total: 2}, false, "1 call, response"},
		{"a negative Total judges", "GET", "/", Retry{Total: -1, StatusCodes: codes}, false, "1 call, RetryError"},
		{"Status", "GET", "/", Retry{Status: 1, StatusCodes: codes}, false, "2 calls, RetryError"},
		{"RetryError, raised for", "GET", "/", Retry{Total: 2, StatusCodes: codes}, true, "3 calls, RetryError and HTTPError"},
		{"ReturnLast", "GET", "/", Retry{Total: 2, StatusCodes: codes, ReturnLast: true}, false, "3 calls, response"},
		{"ReturnLast, raised for", "GET", "/", Retry{Total: 2, StatusCodes: codes, ReturnLast: true}, true, "3 calls, HTTPError"},
		{"Retry-After without StatusCodes", "GET", "/later", Retry{Total: 2}, false, "3 calls, response"},
		{"that one, raised for", "GET", "/later", Retry{Total: 2}, true, "3 calls, HTTPError"},
		{"If", "GET", "/", Retry{Total: 2, If: always}, false, "3 calls, RetryError"},
	} {
		calls = 0
		s := NewSession(tt.retry, RaiseForStatus(tt.raise))
		s.Mount("http://", Handler(http.HandlerFunc(h)))
		_, err := s.Do(t.Context(), tt.method, "http://busy.example"+tt.path)
		outcome := "response"
		switch {
		case fault.IsA[*RetryError](err) && fault.IsA[*HTTPError](err):
			outcome = "RetryError and HTTPError"
		case fault.IsA[*RetryError](err):
			outcome = "RetryError"
		case fault.IsA[*HTTPError](err):
			outcome = "HTTPError"
		case err != nil:
			outcome = err.Error()
		}
		s.Close()
		noun := "calls"
		if calls == 1 {
			noun = "call"
		}
		if got := fmt.Sprintf("%d %s, %s", calls, noun, outcome); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

// TestAsOfRetries: As checks the status, of a response that a RetryError has too.
func TestAsOfRetries(t *testing.T) {
	s := over(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })).(*HTTPAdapter))
	_, err := As[any](s.Get(bg, "http://busy.test/", Retry{Total: 1, StatusCodes: []int{503}}))
	if !fault.IsA[*Error](err) || !fault.IsA[*RetryError](err) || !fault.IsA[*HTTPError](err) || !errors.Is(err, ErrRetriesExhausted) {
		t.Errorf("%v; want an Error, a RetryError and an HTTPError", err)
	}
}

// TestRetryReasons: where it was not the number of retries that ended them, the
// error says what did.
func TestRetryReasons(t *testing.T) {
	busy := func(after string) *HTTPAdapter {
		return Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		})).(*HTTPAdapter)
	}
	retry := Retry{Total: 1, StatusCodes: []int{503}}
	spent := busy("")
	spent.RetryBudget = 0.001
	for range freeRetries {
		over(t, spent).Get(bg, "http://busy.test/", retry)
	}
	for _, tt := range []struct {
		a    *HTTPAdapter
		want string
	}{
		{busy("3600"), "retries exhausted: the response asks for a wait longer than Retry.MaxRetryAfter after 1 attempt: 503 Service Unavailable"},
		{spent, "retries exhausted: HTTPAdapter.RetryBudget is used up after 1 attempt: 503 Service Unavailable"},
		{busy(""), "retries exhausted after 2 attempts: 503 Service Unavailable"},
	} {
		_, err := over(t, tt.a).Get(bg, "http://busy.test/", retry)
		if !errors.Is(err, ErrRetriesExhausted) || err.Error() != "requests: send http://busy.test/: "+tt.want {
			t.Errorf("%v; want %s", err, tt.want)
		}
	}
}

// TestWaitIsForRetries holds that Retry.Wait is not asked after the last attempt.
func TestWaitIsForRetries(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer srv.Close()
	var asked []int
	_, err := Get(t.Context(), srv.URL, Retry{Total: 2, StatusCodes: []int{503}, Wait: func(a Attempt) time.Duration {
		asked = append(asked, a.Number)
		return 0
	}})
	require.ErrorIs(t, err, ErrRetriesExhausted)
	require.Equal(t, []int{1, 2}, asked)
}
