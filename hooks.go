package requests

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/go-requests/requests/internal/fault"
)

// OnRequest is called with the context of the call ([Hooks]) and each request
// just before it is sent: the first one, those that follow redirects and those
// that answer challenges, but not retries.
// It may change the request, which is then checked again. An error ends the
// call and is returned as it is.
type OnRequest func(ctx context.Context, p *PreparedRequest) error

// OnResponse is called with the context of the call and each response, redirects
// included, before it is looked at for a redirect, with its body in memory unless
// [Stream] was asked for or it is a redirect. A challenge that is answered, as by [DigestAuth], and
// a response that is tried again are not shown. The response that it returns,
// if it is not nil, takes the place of the one it got, which is closed. An error
// ends the call and is returned as it is.
type OnResponse func(ctx context.Context, r *Response) (*Response, error)

// OnRedirect is called with the context of the call, each redirect and the
// request that is to follow it, from which everything bound to another origin is gone. It may change the
// request. An error ends the call and is returned as it is.
type OnRedirect func(ctx context.Context, r *Response, next *PreparedRequest) error

// Hooks are the functions that a session calls, each kind in its order. A call
// that brings some of a kind has those called, and not the session's.
//
// Each but OnProgress is given the context of the call, which an [Authenticator]
// gets too. It has the values of the caller's context and ends with it, when
// [Timeout].Total runs out and with the call: when that returns or, for a
// streamed response, when the body has been read or closed. A hook that gives up
// since Total has run out ends the call with [ErrTotalTimeout]. Otherwise the
// error of a hook is returned as it is.
type Hooks struct {
	Request       []OnRequest
	Response      []OnResponse
	Redirect      []OnRedirect
	Retry         []OnRetry
	Progress      []OnProgress
	Informational []OnInformational
}

func (OnRequest) option()  {}
func (OnResponse) option() {}
func (OnRedirect) option() {}
func (Hooks) option()      {}

// add adds a hook, or says that opt is no option at all.
func (h *Hooks) add(opt Option) error {
	switch o := opt.(type) {
	case OnRequest:
		h.Request = append(h.Request, o)
	case OnResponse:
		h.Response = append(h.Response, o)
	case OnRedirect:
		h.Redirect = append(h.Redirect, o)
	case OnRetry:
		h.Retry = append(h.Retry, o)
	case OnProgress:
		if o == nil {
			h.Progress = []OnProgress{} // which is not nil: nobody, rather than those of the session
			break
		}
		h.Progress = append(h.Progress, o)
	case OnInformational:
		h.Informational = append(h.Informational, o)
	case Hooks:
		progress := o.Progress
		o.Progress = nil
		*h = h.plus(o)
		for _, f := range progress {
			h.add(f)
		}
	default:
		return failText(ErrInvalidOption, fmt.Sprintf("%T is no option of a call", opt))
	}
	return h.check()
}

// check refuses a hook that is nil, which could only be left out without a word.
func (h *Hooks) check() error {
	name := ""
	switch {
	case slices.ContainsFunc(h.Request, func(f OnRequest) bool { return f == nil }):
		name = "OnRequest"
	case slices.ContainsFunc(h.Response, func(f OnResponse) bool { return f == nil }):
		name = "OnResponse"
	case slices.ContainsFunc(h.Redirect, func(f OnRedirect) bool { return f == nil }):
		name = "OnRedirect"
	case slices.ContainsFunc(h.Retry, func(f OnRetry) bool { return f == nil }):
		name = "OnRetry"
	case slices.ContainsFunc(h.Progress, func(f OnProgress) bool { return f == nil }):
		name = "OnProgress"
	case slices.ContainsFunc(h.Informational, func(f OnInformational) bool { return f == nil }):
		name = "OnInformational"
	default:
		return nil
	}
	return failText(ErrInvalidOption, name+" is nil")
}

// plus returns the hooks of h and then those of more.
func (h Hooks) plus(more Hooks) Hooks {
	return Hooks{
		append(h.Request, more.Request...), append(h.Response, more.Response...), append(h.Redirect, more.Redirect...),
		append(h.Retry, more.Retry...), append(h.Progress, more.Progress...), append(h.Informational, more.Informational...),
	}
}

// over returns the hooks of a call, with those of its session for the kinds it has none of.
func (h Hooks) over(base Hooks) Hooks {
	if h.Request == nil {
		h.Request = base.Request
	}
	if h.Response == nil {
		h.Response = base.Response
	}
	if h.Redirect == nil {
		h.Redirect = base.Redirect
	}
	if h.Retry == nil {
		h.Retry = base.Retry
	}
	if h.Progress == nil {
		h.Progress = base.Progress
	}
	if h.Informational == nil {
		h.Informational = base.Informational
	}
	return h
}

func (h Hooks) clone() Hooks {
	return Hooks{
		slices.Clone(h.Request), slices.Clone(h.Response), slices.Clone(h.Redirect), slices.Clone(h.Retry), slices.Clone(h.Progress),
		slices.Clone(h.Informational),
	}
}

// any reports whether there is a hook that is given the context of the call.
func (h *Hooks) any() bool {
	return len(h.Request) > 0 || len(h.Response) > 0 || len(h.Redirect) > 0 || len(h.Retry) > 0 || len(h.Informational) > 0
}

func (h *Hooks) beforeSend(ctx context.Context, p *PreparedRequest) error {
	for _, f := range h.Request {
		if err := f(ctx, p); err != nil {
			return hookFailure(ctx, err)
		}
	}
	if len(h.Request) == 0 {
		return nil
	}
	return p.check()
}

// afterSend returns r, or what a hook gave in its place.
func (h *Hooks) afterSend(ctx context.Context, r *Response) (*Response, error) {
	for _, f := range h.Response {
		other, err := f(ctx, r)
		if err != nil {
			r.Close()
			return nil, hookFailure(ctx, err)
		}
		if other != nil && other != r {
			r.Close()
			other.History, other.jsonDecoder = r.History, r.jsonDecoder
			other.complete(r.Request, r.wire.limit)
			r = other
		}
	}
	return r, nil
}

func (h *Hooks) beforeRedirect(ctx context.Context, r *Response, p *PreparedRequest) error {
	for _, f := range h.Redirect {
		if err := f(ctx, r, p); err != nil {
			return hookFailure(ctx, err)
		}
	}
	if len(h.Redirect) == 0 {
		return nil
	}
	return p.check()
}

// whyEnded returns err or, if it says no more than that ctx has ended, why it has.
func whyEnded(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	if _, known := fault.Of(err); known {
		return err
	}
	return contextError(ctx)
}

// hookFailure marks what a hook gave, to be returned as it is. One that gave up
// since Total ran out has met the cancelling of a context of ours, which is no
// cancelling to the caller.
func hookFailure(ctx context.Context, err error) error {
	if ended := whyEnded(ctx, err); isA[*fault.Limit](ended) {
		return ended
	}
	return &hookError{err}
}

// An abort is what a function of the caller's has done in a goroutine of ours
// other than to return: it has panicked, which would end the program, or called
// [runtime.Goexit], which nobody would notice.
type abort struct {
	panicked any // with what
	exited   bool
}

// catch calls f, and notes an abort in it. After an exit it does not return.
func (a *abort) catch(f func()) {
	returned := false
	defer func() {
		if !returned {
			a.panicked = recover()
			a.exited = a.panicked == nil
		}
	}()
	f()
	returned = true
}

// repeat does to the goroutine of the caller what was caught.
func (a *abort) repeat() {
	switch {
	case a.exited:
		runtime.Goexit()
	case a.panicked != nil:
		panic(a.panicked)
	}
}
