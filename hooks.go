package requests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"runtime"
	"sync"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/progress"
	"github.com/go-requests/requests/internal/values"
)

// OnRequest is called with each request just before it is sent: the first one,
// those that follow redirects, and those that answer challenges, but not retries.
// It may change the request, which is then checked again. [Hooks] says which
// context it gets. An error ends the call and is returned as it is.
//
// A call that brings an OnRequest runs it in place of those of its session.
type OnRequest func(ctx context.Context, p *PreparedRequest) error

// OnResponse is called with each response, redirects included, before a redirect
// is followed. The body is in memory, unless [Stream] was asked for or the
// response is a redirect. A challenge that is answered, as by [DigestAuth], and a
// response that is retried are not shown.
//
// A response that it returns, if not nil, replaces the one it got, which is then
// closed. [Hooks] says which context it gets. An error ends the call and is
// returned as it is. A call that brings an OnResponse runs it in place of those of
// its session.
type OnResponse func(ctx context.Context, r *Response) (*Response, error)

// OnRedirect is called with each redirect and the request that is to follow it,
// which has lost everything that is bound to another origin. It may change that
// request. [Hooks] says which context it gets. An error ends the call and is
// returned as it is. A call that brings an OnRedirect runs it in place of those of
// its session.
type OnRedirect func(ctx context.Context, r *Response, next *PreparedRequest) error

// Hooks are functions that run at their places in a call, each kind in its order.
// Several of a kind, given to a session or to a call, add up. A call that brings
// some of a kind runs those and none of the session's of that kind; the session's
// other kinds run as ever.
//
// All but OnProgress get the context of the call, which an [Authenticator] gets
// too. It has the values of the caller's context. It ends with that context, when
// [Timeout].Total runs out, and with the call: when the call returns or, for a
// streamed response, when the body has been read or closed.
//
// A hook that gives up because Total has run out ends the call with
// [ErrTotalTimeout]. Otherwise the error of a hook is returned as it is.
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

// add adds a hook. It reports false if opt is none.
func (h *Hooks) add(opt Option) bool {
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
			h.Progress = []OnProgress{} // not nil: a nil slice would mean those of the session
			break
		}
		h.Progress = append(h.Progress, o)
	case OnInformational:
		h.Informational = append(h.Informational, o)
	case Hooks:
		report := o.Progress
		o.Progress = nil
		h.join(&o, false)
		for _, f := range report {
			h.add(f)
		}
	default:
		return false
	}
	return true
}

// check refuses a nil hook, rather than ignoring it silently.
func (h *Hooks) check() error {
	if !h.any() && len(h.Progress) == 0 { // nearly always
		return nil
	}
	return cmp.Or(given(h.Request), given(h.Response), given(h.Redirect), given(h.Retry), given(h.Progress), given(h.Informational))
}

// given refuses hooks of one kind if one of them is nil.
func given[F Option](hooks []F) error {
	for _, f := range hooks {
		if values.IsNil(f) {
			return failText(ErrInvalidOption, reflect.TypeFor[F]().Name()+" is nil")
		}
	}
	return nil
}

// clone copies h with its slices.
func (h Hooks) clone() (c Hooks) {
	c.join(&h, false)
	return c
}

// join adds the hooks of others: of each kind behind those of h or, to replace
// them, in their place. A kind that is nil in others stays as it is.
func (h *Hooks) join(others *Hooks, replace bool) {
	join(&h.Request, others.Request, replace)
	join(&h.Response, others.Response, replace)
	join(&h.Redirect, others.Redirect, replace)
	join(&h.Retry, others.Retry, replace)
	join(&h.Progress, others.Progress, replace)
	join(&h.Informational, others.Informational, replace)
}

func join[F any](hooks *[]F, others []F, replace bool) {
	switch {
	case others == nil:
	case replace:
		*hooks = others
	default:
		*hooks = append(*hooks, others...)
	}
}

// any reports whether there is a hook that gets the context of the call.
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

// afterSend returns r, or the response that a hook returned in its place.
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

// whyEnded returns err or, if err says only that ctx has ended, the reason.
func whyEnded(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	if _, known := fault.Of(err); known {
		return err
	}
	return contextError(ctx)
}

// hookFailure marks an error of a hook, which is returned unchanged. A hook that
// gave up because Total ran out saw a cancelled context, but the caller has not
// cancelled anything.
func hookFailure(ctx context.Context, err error) error {
	if ended := whyEnded(ctx, err); fault.IsA[*fault.Limit](ended) {
		return ended
	}
	return &hookError{err}
}

// An abort records that a function of the caller did not return on one of our
// goroutines: it panicked, which would end the program, or called
// [runtime.Goexit], which nobody would notice.
type abort struct {
	panicked any // the value of the panic, nil for Goexit
	exited   bool
}

// catch calls f and records an abort. After a Goexit it does not return.
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

// repeat repeats the abort on the goroutine of the caller.
func (a *abort) repeat() {
	switch {
	case a.exited:
		runtime.Goexit()
	case a.panicked != nil:
		panic(a.panicked)
	}
}

// OnProgress is called with the progress of a body: that of the request if it has
// one, otherwise that of the response. done and total count bytes on the wire, and
// total is -1 if it is unknown. done starts again from zero if a body is sent or
// read again, and with the response after a challenge.
//
// It is called at most every 100 ms, and once at the end, even if an error ends the
// body or a file has the wrong [Checksum]. The calls come one after the other, but
// perhaps from another goroutine than the caller's, and the transfer waits for them.
//
// A call that brings an OnProgress runs it in place of those of its session. A nil
// OnProgress removes those given before it and those of the session.
type OnProgress func(done, total int64)

func (OnProgress) option() {}

// reporting returns a function that calls hooks, nil if there are none.
func reporting(hooks []OnProgress) progress.Report {
	if len(hooks) == 0 {
		return nil
	}
	return func(done, total int64) {
		for _, f := range hooks {
			f(done, total)
		}
	}
}

// recoverProgress turns a panic of an OnProgress for a request body into an
// error. It may run on a goroutine of the engine or of a RoundTripper, where a
// panic would end the program.
func recoverProgress(err *error) {
	if p := recover(); p != nil {
		*err = &sourceError{fmt.Errorf("panic in OnProgress: %v", p)}
	}
}

// uploading returns a function for [transport.Call].Up that reports on a body of
// total bytes.
func uploading(hooks []OnProgress, total int64) func(n int) error {
	m := progress.New(reporting(hooks), total)
	return func(n int) (err error) {
		defer recoverProgress(&err)
		switch {
		case n > 0:
			m.Add(n)
		case n == 0:
			m.Set(0, total)
		default:
			m.End()
		}
		return nil
	}
}

// uploads reports whether p has a body that is not empty.
func (p *PreparedRequest) uploads() bool { return p.body.present && p.body.length != 0 }

// countUpload counts the body of hr, each time that it is sent.
func countUpload(hr *http.Request, hooks []OnProgress) {
	if len(hooks) == 0 || hr.Body == nil || hr.Body == http.NoBody {
		return
	}
	total := hr.ContentLength
	count := func(body io.ReadCloser) io.ReadCloser {
		return &progress.Upload{Body: progress.Body{ReadCloser: body, Meter: progress.New(reporting(hooks), total)}, Rescue: recoverProgress}
	}
	hr.Body = count(hr.Body)
	if again := hr.GetBody; again != nil {
		hr.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return count(body), nil
		}
	}
}

// countDownload counts the body of the response, unless the call uploads a body, be
// it after a login.
func (r *Response) countDownload(hooks []OnProgress) {
	if len(hooks) == 0 || r.wire.src == nil || r.Request.uploads() || r.Request.held != nil || r.IsRedirect() {
		return
	}
	r.wire.src = &progress.Body{ReadCloser: r.wire.src, Meter: progress.New(reporting(hooks), r.wire.length)}
}

// OnInformational is called with the context of the call ([Hooks]) and each
// informational response (1xx) that comes before a response, such as 103, whose Link fields say what will be needed
// (RFC 8297). That is so for all requests of the call, those of redirects,
// challenges and retries included. It is not called for 101, as that is the end
// of HTTP on the connection.
//
// It is called by one goroutine at a time, which may be another than the
// caller's, and both the call and the connection wait for it. An error ends the
// call and is returned as it is. All informational responses to one request
// together may have 1 MiB; more is [ErrProtocol].
type OnInformational func(ctx context.Context, status int, header http.Header) error

func (OnInformational) option() {}

// An interim passes on the informational responses of one attempt. A nil one
// does nothing.
type interim struct {
	hooks []OnInformational

	mu   sync.Mutex
	size int
	err  error // that ends the attempt
	over bool  // the hooks are no longer called
}

// withInterim makes the transport that gets the returned context call hooks.
// They are called with ctx.
func withInterim(ctx context.Context, hooks []OnInformational) (context.Context, *interim) {
	if len(hooks) == 0 {
		return ctx, nil
	}
	i := &interim{hooks: hooks}
	got := func(status int, header textproto.MIMEHeader) error { return i.got(ctx, status, header) }
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: got}), i
}

// informational returns a function that calls hooks, nil if there are none.
func informational(ctx context.Context, hooks []OnInformational) func(int, http.Header) error {
	if len(hooks) == 0 {
		return nil
	}
	i := &interim{hooks: hooks}
	return func(status int, header http.Header) error { return i.got(ctx, status, textproto.MIMEHeader(header)) }
}

// maxHeaderBytes bounds the header of a response together with the
// informational responses before it (CVE-2023-38039).
const maxHeaderBytes = 1 << 20

// fieldOverhead is what a field or a status line counts in addition to its text,
// as in RFC 9113, section 6.5.2.
const fieldOverhead = 32

// got also enforces maxHeaderBytes, which net/http leaves to the trace.
func (i *interim) got(ctx context.Context, status int, header textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil || i.over {
		return i.err
	}
	i.size += fieldOverhead
	for name, values := range header {
		for _, v := range values {
			i.size += fieldOverhead + len(name) + len(v)
		}
	}
	if i.size > maxHeaderBytes {
		i.err = failText(ErrProtocol, "the informational responses do not end")
		return i.err
	}
	i.err = i.tell(ctx, status, http.Header(header))
	return i.err
}

// tell runs on a goroutine of the transport, where the panic of a hook would end
// the program.
func (i *interim) tell(ctx context.Context, status int, header http.Header) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &hookError{fmt.Errorf("panic in OnInformational: %v", p)}
		}
	}()
	for _, f := range i.hooks {
		if err := f(ctx, status, header); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

// end returns res and err, or the error of the hook that ended the attempt. It
// does not rely on the transport to pass that error on: a trace of the caller can
// prevent that. No hook is called from then on.
func (i *interim) end(res *http.Response, err error) (*http.Response, error) {
	if i == nil {
		return res, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
	if i.err != nil {
		return res, i.err
	}
	return res, err
}
