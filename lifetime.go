package requests

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A lifetime is the context of a call that needs one of its own. It ends when
// Total runs out and with the call: for a streamed response, at its Close. Nil
// means the context of the caller.
type lifetime struct {
	context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil without Total
	deadline time.Time   // of Total
	streams  atomic.Bool // Total no longer applies
}

// limitCall returns the context of a call. A call with hooks or an Authenticator
// gets a lifetime even without Total: what they start must not outlive the call.
func limitCall(ctx context.Context, set *settings, auth Auth) (context.Context, *lifetime) {
	total := set.merged.Timeout.Total
	if total <= 0 && !auth.foreign() && !set.merged.Hooks.any() {
		return ctx, nil
	}
	l := new(lifetime)
	l.Context, l.cancel = context.WithCancelCause(ctx)
	if total > 0 {
		l.deadline = time.Now().Add(total)
		l.timer = time.AfterFunc(total, func() { l.cancel(&fault.Limit{Kind: ErrTotalTimeout, After: total}) })
	}
	return l, l
}

// Deadline implements [context.Context]: limiters ask for it before they wait.
func (l *lifetime) Deadline() (time.Time, bool) {
	d, ok := l.Context.Deadline()
	if l.timer == nil || l.streams.Load() || ok && d.Before(l.deadline) {
		return d, ok
	}
	return l.deadline, true
}

// handOver leaves the end to the body of r, on which Total sets no limit.
func (l *lifetime) handOver(r *Response) {
	if l == nil || r.loaded || r.kept || r.wire.done {
		return
	}
	l.streams.Store(true)
	if l.timer != nil {
		l.timer.Stop()
	}
	r.wire.life = l
}

// over ends the call, unless the body of a streamed response goes on.
func (l *lifetime) over() {
	if l != nil && !l.streams.Load() {
		l.end()
	}
}

// end releases the timer and the context.
func (l *lifetime) end() {
	if l == nil {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel(nil)
}
