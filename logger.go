package requests

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
)

// Logger tells To of each request and its outcome, at the level debug and without
// secrets: request, redirect, challenge and retry, each with method, URL and status
// or kind of error. A nil To, as in the zero Logger, is silent, also where the
// session has one. [Dump] shows the messages themselves.
type Logger struct{ To *slog.Logger }

func (Logger) option() {}

// The records. Everything but the method is redacted, and
// nothing is computed for a level that is not enabled.

func (l Logger) on(ctx context.Context) bool {
	return l.To != nil && l.To.Enabled(ctx, slog.LevelDebug)
}

// start returns the time for outcome.
func (l Logger) start(ctx context.Context) time.Time {
	if !l.on(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// outcome logs a request that was sent: its response, or the kind of its error.
func (l Logger) outcome(ctx context.Context, start time.Time, p *PreparedRequest, r *Response, err error) {
	if start.IsZero() {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", p.Method),
		slog.String("url", redact.URL(p.URL)),
		slog.Duration("elapsed", time.Since(start)),
	}
	attrs = append(attrs, outcome(r, err)...)
	l.To.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// next logs the request that follows from r.
func (l Logger) next(ctx context.Context, r *Response, next *PreparedRequest) {
	if !l.on(ctx) {
		return
	}
	event := "challenge"
	if isRedirect(r.StatusCode) {
		event = "redirect"
	}
	l.To.LogAttrs(ctx, slog.LevelDebug, event,
		slog.Int("status", r.StatusCode),
		slog.String("url", redact.URL(r.URL)),
		slog.String("method", next.Method),
		slog.String("to", redact.URL(next.URL)))
}

// retry logs an attempt that another one follows.
func (l Logger) retry(ctx context.Context, a *Attempt) {
	if !l.on(ctx) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", a.Request.Method),
		slog.String("url", redact.URL(a.Request.URL)),
		slog.Int("attempt", a.Number),
		slog.Duration("wait", a.Wait),
	}
	l.To.LogAttrs(ctx, slog.LevelDebug, "retry", append(attrs, outcome(a.Response, a.Err)...)...)
}

// outcome is what may be logged about a response or an error.
func outcome(r *Response, err error) []slog.Attr {
	var attrs []slog.Attr
	if err != nil {
		attrs = append(attrs, slog.String("error", kindsOf(err)))
		if refusal, ok := errors.AsType[*ProxyError](err); ok {
			attrs = append(attrs, slog.Int("proxy_status", refusal.StatusCode))
		}
		if r == nil {
			r = responseOf(err)
		}
	}
	if r != nil {
		attrs = append(attrs, slog.Int("status", r.StatusCode))
	}
	return attrs
}

// responseOf returns the response in err, nil if there is none.
func responseOf(err error) *Response {
	if e, ok := errors.AsType[*HTTPError](err); ok {
		return e.Response
	}
	if e, ok := errors.AsType[*RedirectError](err); ok {
		return e.Response
	}
	if e, ok := errors.AsType[*RetryError](err); ok {
		return e.Response
	}
	return nil
}

// kindsOf names the kinds of err, the outermost first, without its text, which
// may hold anything if it comes from a foreign adapter. Of several attempts the
// last one counts.
func kindsOf(err error) string {
	if names := appendKinds(err, nil); len(names) > 0 {
		return strings.Join(names, ": ")
	}
	return "unknown"
}

func appendKinds(err error, names []string) []string {
	switch e := err.(type) {
	case nil:
		return names
	case *fault.Kind:
		if err != ErrRequest && !slices.Contains(names, e.Error()) {
			names = append(names, e.Error())
		}
		return names
	case *HTTPError:
		return append(names, "status")
	case *RetryError:
		if e.reason != nil {
			names = appendKinds(e.reason, names)
		}
		if len(e.Attempts) > 0 {
			names = appendKinds(e.Attempts[len(e.Attempts)-1].Err, names)
		}
		return names
	case interface{ Unwrap() error }:
		return appendKinds(e.Unwrap(), names)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			names = appendKinds(inner, names)
		}
		return names
	}
	if err == context.Canceled || err == context.DeadlineExceeded {
		names = append(names, err.Error())
	}
	return names
}
