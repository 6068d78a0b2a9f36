package requests

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/redact"
)

// A retrier tries until [Retry] is content. The zero retrier is ready.
type retrier struct {
	budget budget
	sleep  func(context.Context, time.Duration) error // nil is pause
}

// send tries to have p answered as often as retry allows.
func (t *retrier) send(ctx context.Context, p *PreparedRequest, opts *SendOptions, retry *Retry, share float64, try func() (*Response, error)) (*Response, error) {
	t.budget.deposit(share)
	var attempts []Attempt
	var used spent
	for {
		a := Attempt{Number: len(attempts) + 1, Request: p}
		v := t.try(&a, opts, retry, try)
		attempts = append(attempts, a)
		if v == answered || ctx.Err() != nil {
			return concluded(attempts, opts, nil)
		}
		wait, worth := retry.wait(&a, time.Now())
		if !worth || !retry.allows(v, &used) || !t.budget.withdraw(share) {
			return exhausted(attempts, opts, retry)
		}
		if !p.Replayable() {
			return concluded(attempts, opts, ErrBodyNotReplayable)
		}
		used[v]++
		attempts[len(attempts)-1].Wait = wait
		if err := announce(ctx, &attempts[len(attempts)-1], opts); err != nil {
			return nil, err
		}
		if err := t.wait(ctx, wait); err != nil {
			return concluded(attempts, opts, err)
		}
	}
}

// try makes one attempt and judges it. A response that is not a failure by its
// status is read, which may show that it is one after all.
func (t *retrier) try(a *Attempt, opts *SendOptions, retry *Retry, try func() (*Response, error)) verdict {
	if a.Response, a.Err = try(); !isA[*hookError](a.Err) {
		a.Err = step{op: "send", url: a.Request.URL}.error(a.Err)
	}
	judged := false
	defer a.Response.closeUnless(&judged)
	if a.Err == nil && retry.If != nil {
		a.Response, a.Err = receive(a.Response, opts)
	}
	v := retry.judge(a)
	if v == answered && a.Err == nil {
		if a.Response, a.Err = receive(a.Response, opts); a.Err != nil {
			v = retry.judge(a)
		}
	}
	judged = true
	return v
}

// announce tells of a retry whom it concerns, after what is left of the
// response was read, so that its connection serves the next attempt.
func announce(ctx context.Context, a *Attempt, opts *SendOptions) error {
	if a.Response != nil {
		a.Response.discard()
	}
	if opts.Logger != nil {
		attrs := []slog.Attr{
			slog.String("method", a.Request.Method),
			slog.String("url", redact.URL(a.Request.URL)),
			slog.Int("attempt", a.Number),
			slog.Duration("wait", a.Wait),
		}
		opts.Logger.LogAttrs(ctx, slog.LevelDebug, "retry", append(attrs, outcome(a.Response, a.Err)...)...)
	}
	for _, f := range opts.OnRetry {
		if err := f(ctx, *a); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

func (t *retrier) wait(ctx context.Context, d time.Duration) error {
	if t.sleep != nil {
		return t.sleep(ctx, d)
	}
	return pause(ctx, d)
}

// exhausted ends with the last attempt, after which there is to be no other.
func exhausted(attempts []Attempt, opts *SendOptions, retry *Retry) (*Response, error) {
	last := &attempts[len(attempts)-1]
	if last.Err == nil {
		forced := retry.If != nil || slices.Contains(retry.StatusCodes, last.Response.StatusCode)
		if retry.ReturnLast || !forced {
			return receive(last.Response, opts)
		}
		last.Response.Load() // readable from the error
		return nil, &RetryError{Attempts: attempts, Response: last.Response, reason: ErrRetriesExhausted}
	}
	if len(attempts) == 1 {
		return nil, last.Err
	}
	return nil, &RetryError{Attempts: attempts, reason: ErrRetriesExhausted}
}

// concluded ends with the last attempt: its response, its error, or reason, of
// which the attempts must not be forgotten.
func concluded(attempts []Attempt, opts *SendOptions, reason error) (*Response, error) {
	last := &attempts[len(attempts)-1]
	switch {
	case reason == nil && last.Err == nil:
		return receive(last.Response, opts)
	case reason == nil && (len(attempts) == 1 || isA[*hookError](last.Err)):
		return nil, last.Err
	}
	if last.Response != nil && last.Err == nil {
		last.Response.Load()
		return nil, &RetryError{Attempts: attempts, Response: last.Response, reason: reason}
	}
	return nil, &RetryError{Attempts: attempts, reason: reason}
}

// A budget bounds retries to a share of the requests, so that what a sick
// server gets is not a multiple of what made it sick. The zero budget is full.
type budget struct {
	mu    sync.Mutex
	spent float64 // retries not yet earned by requests, 0 to freeRetries
}

// freeRetries are those that nobody has to earn, so that a program which sends
// little may retry as well.
const freeRetries = 10

// deposit is called for each request.
func (b *budget) deposit(share float64) {
	if share <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(b.spent-share, 0)
}

// withdraw reports whether there may be one more retry.
func (b *budget) withdraw(share float64) bool {
	if share <= 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > freeRetries {
		return false
	}
	b.spent++
	return true
}
