package requests

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-requests/requests/internal/redact"
)

// Logger tells To of each request and its outcome, at the level debug and without
// secrets: request, redirect, challenge and retry, each with method, URL and status
// or kind of error. A nil To, as in the zero Logger, is silent, also where the
// session has one. [Dump] shows the messages themselves.
type Logger struct{ To *slog.Logger }

func (Logger) option() {}

// The records for [Session.Logger]. Everything but the method is redacted, and
// nothing is computed for a level that is not enabled.

func (s *Session) logs(ctx context.Context) bool {
	return s.Logger != nil && s.Logger.Enabled(ctx, slog.LevelDebug)
}

// logStart returns the time for [Session.logOutcome].
func (s *Session) logStart(ctx context.Context) time.Time {
	if !s.logs(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// logOutcome logs a request that was sent: its response, or the kind of its error.
func (s *Session) logOutcome(ctx context.Context, start time.Time, p *PreparedRequest, r *Response, err error) {
	if start.IsZero() {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", p.Method),
		slog.String("url", redact.URL(p.URL)),
		slog.Duration("elapsed", time.Since(start)),
	}
	attrs = append(attrs, outcome(r, err)...)
	s.Logger.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// logNext logs the request that follows from r.
func (s *Session) logNext(ctx context.Context, r *Response, next *PreparedRequest) {
	if !s.logs(ctx) {
		return
	}
	event := "challenge"
	if isRedirect(r.StatusCode) {
		event = "redirect"
	}
	s.Logger.LogAttrs(ctx, slog.LevelDebug, event,
		slog.Int("status", r.StatusCode),
		slog.String("url", redact.URL(r.URL)),
		slog.String("method", next.Method),
		slog.String("to", redact.URL(next.URL)))
}
