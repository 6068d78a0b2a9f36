package requests

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// Timeout limits the phases of a call. Zero means the default, and a negative
// value no limit. A call that runs out of time fails with [ErrConnectTimeout],
// [ErrReadTimeout] or [ErrTotalTimeout]; each of them is [ErrTimeout] too. Fields
// that are zero leave the session's as they are.
//
// One number that limits the whole call, as Timeout of [http.Client] does, is
// Timeout{Total: t}. timeout=t of Requests, which limits each silence of the server
// and never the whole, is Timeout{Connect: t, Read: t}.
type Timeout struct {
	// Connect limits name resolution, proxy, TCP and TLS together. Default 10 s.
	Connect time.Duration
	// Read limits the silence of the server: from the sent request to the
	// complete headers, then between two pieces of the body. During an upload it
	// limits the time in which the server takes nothing. Default 30 s, or Total
	// if that is longer: so Timeout{Total: time.Minute} is one number for all.
	Read time.Duration
	// Total limits the whole call with its redirects, retries and body; for a
	// streamed call everything up to the headers. Default none.
	Total time.Duration
}

func (Timeout) option() {}

const (
	defaultConnect = 10 * time.Second
	defaultRead    = 30 * time.Second
)

// over returns t with the zero fields taken from base.
func (t Timeout) over(base Timeout) Timeout {
	if t.Connect == 0 {
		t.Connect = base.Connect
	}
	if t.Read == 0 {
		t.Read = base.Read
	}
	if t.Total == 0 {
		t.Total = base.Total
	}
	return t
}

// resolved returns t with defaults for zero and zero for none.
func (t Timeout) resolved() Timeout {
	if t.Read == 0 && t.Total >= defaultRead { // who gives a call a minute does not mean it to end after half of one
		t.Read = t.Total + time.Second // so that it is Total that ends the call
	}
	t = t.over(Timeout{Connect: defaultConnect, Read: defaultRead})
	return Timeout{Connect: max(t.Connect, 0), Read: max(t.Read, 0), Total: max(t.Total, 0)}
}

// A lifetime is the context of a call that needs one of its own. It ends when
// Total runs out and with the call: for a streamed response, at its Close. Nil
// means the context of the caller.
type lifetime struct {
	context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil without Total
	total    time.Duration
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
		l.total, l.deadline = total, time.Now().Add(total)
		l.timer = time.AfterFunc(total, func() { l.cancel(l.ranOut()) })
	}
	return l, l
}

// ranOut is the error of a call that Total has ended.
func (l *lifetime) ranOut() error { return &fault.Limit{Kind: ErrTotalTimeout, After: l.total} }

// Deadline implements [context.Context]: limiters ask for it before they wait.
func (l *lifetime) Deadline() (time.Time, bool) {
	d, ok := l.Context.Deadline()
	if l.timer == nil || l.streams.Load() || ok && d.Before(l.deadline) {
		return d, ok
	}
	return l.deadline, true
}

// lifetimeKey is the key of a lifetime in itself.
type lifetimeKey struct{}

// Value implements [context.Context].
func (l *lifetime) Value(key any) any {
	if key == (lifetimeKey{}) {
		return l
	}
	return l.Context.Value(key)
}

// tooLong returns an error if ctx will end before the wait does.
func tooLong(ctx context.Context, wait time.Duration) error {
	end, ok := ctx.Deadline()
	if !ok || time.Until(end) > wait || ctx.Err() != nil {
		return nil
	}
	for of := ctx; ; {
		l, _ := of.Value(lifetimeKey{}).(*lifetime)
		switch {
		case l == nil:
			return fault.Reword(ErrTimeout, context.DeadlineExceeded, "the context leaves no time for a wait of "+wait.String())
		case l.timer != nil && l.deadline.Equal(end):
			return fault.Reword(ErrTotalTimeout, l.ranOut(), "Timeout.Total leaves no time for a wait of "+wait.String())
		}
		of = l.Context
	}
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
