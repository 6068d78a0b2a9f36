package requests

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A lifetime is the context of a call, where it needs one of its own: it ends
// with Total and with the call, for a streamed response at its Close. Nil stands
// for the context of the caller.
type lifetime struct {
	context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil: no Total
	deadline time.Time   // of Total
	streams  atomic.Bool // Total counts no more
}

// limitCall returns the context of a call. What the caller has run within it
// must not outlive the call, so that there is one where hooks or an
// Authenticator may see it, too.
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

// handOver leaves the end to the body of r, which is the caller's to time.
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

// over ends the call, but for the body of a streamed response.
func (l *lifetime) over() {
	if l != nil && !l.streams.Load() {
		l.end()
	}
}

// end frees what l holds.
func (l *lifetime) end() {
	if l == nil {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel(nil)
}
