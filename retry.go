package requests

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/ratelimit"
)

// Retry says which failed attempts are made again, and how often. Set Total, or
// the number of one kind of failure: Methods and Backoff alone retry nothing, and
// StatusCodes or If alone is [ErrInvalidOption]. A Retry is an option of a call or a
// session, where it replaces the one in the field of [HTTPAdapter]. It must not change
// once it is used.
//
// An attempt has failed if
//
//   - it got no connection, or lost it;
//   - Timeout.Read ran out;
//   - its response is malformed or, unless it streams, cut short;
//   - its response has one of StatusCodes, or is a 403, 413, 429 or 503 that says
//     when to come back (see MaxRetryAfter).
//
// A failed attempt is final if
//
//   - the request may have been sent, and Methods does not allow it to be sent
//     again: so a POST that is answered with 503 is a response like any other;
//   - the context or Timeout.Total has ended;
//   - TLS failed;
//   - the name does not exist, or Allow has refused its addresses;
//   - credentials cannot be had ([ErrAuthentication]);
//   - the proxy refused with a status below 500 other than 429.
//
// A final attempt gives the call its response or its error. The error of one that
// follows others is a [*RetryError], which has them all.
//
// If the last attempt that Retry allows has failed too, the call gets
//
//   - the last response, if ReturnLast is set, or if its status is not one of
//     StatusCodes and If is nil;
//   - the error of the attempt, if it was the only one;
//   - in all other cases a [*RetryError], which matches [ErrRetriesExhausted] and
//     has every attempt and the last response.
//
// If Timeout.Total or the context would end before the wait for a retry does, the call
// does not wait. It fails at once with a [*RetryError] that matches [ErrTotalTimeout] or
// [ErrTimeout], or returns the last response if ReturnLast is set.
//
// [RaiseForStatus] turns a response that the call would get into an [*HTTPError];
// in a RetryError that has a response, [errors.As] finds one, too. A request whose
// body cannot be sent again fails with [ErrBodyNotReplayable] in place of a retry.
type Retry struct {
	// Total limits the retries of all kinds together: 3 means up to four
	// attempts. Zero leaves the limit to the numbers of the kinds. A negative
	// number allows no retry.
	Total int
	// Connect, Read, Status and Other limit the retries of one kind: after a
	// failure before the request was sent, after a failure since then, after the
	// status of a response, and those that only If asks for. Zero leaves the
	// limit to Total; if that is zero too, there are none. A negative number
	// allows none.
	Connect, Read, Status, Other int

	// Methods are the methods of requests that may be sent again once they may
	// have reached the server; "*" stands for all. Nil means the idempotent
	// ones: DELETE, GET, HEAD, OPTIONS, PUT and TRACE. A request with an
	// Idempotency-Key field may always be sent again. A request that was never
	// sent, because there was no connection, is retried whatever its method.
	Methods []string
	// StatusCodes are the statuses of responses that count as failures. They
	// need a Total or Status beside them.
	StatusCodes []int

	// Backoff is the unit of the waits, which are 0, 2, 4, 8… times that long:
	// the first retry comes at once. BackoffMax is the longest wait; zero means
	// 2 minutes.
	Backoff, BackoffMax time.Duration
	// Jitter is the upper bound of a random time that is added to each wait, so
	// that callers who failed together do not come back together.
	Jitter time.Duration

	// MaxRetryAfter is the longest wait that a response may ask for. It then
	// replaces Backoff. A response that asks for more ends the retries. Zero means
	// 5 minutes. A response asks by Retry-After or, where nothing is left of a
	// quota, by RateLimit, RateLimit-Reset (draft-ietf-httpapi-ratelimit-headers)
	// or X-RateLimit-Reset, as GitHub does.
	MaxRetryAfter time.Duration
	// IgnoreRetryAfter ignores these fields.
	IgnoreRetryAfter bool
	// Wait chooses the wait before a retry, by rules of your own. The Wait of the
	// Attempt is the wait without it. If it returns a different one that is longer
	// than MaxRetryAfter, there is no retry.
	Wait func(Attempt) time.Duration

	// ReturnLast makes a call return the last response when the retries are used
	// up, whatever its status, in place of a RetryError.
	ReturnLast bool

	// If decides whether an attempt has failed, in place of StatusCodes and of
	// the kinds of errors. It is not asked about an attempt that is final
	// whatever it says: one of a method that Methods leaves out, or an error
	// that no retry can help. The body of the Response is in memory unless it
	// streams.
	If func(Attempt) bool
}

func (Retry) option() {}

// clone copies r with its lists.
func (r *Retry) clone() *Retry {
	if r == nil {
		return nil
	}
	c := *r
	c.Methods, c.StatusCodes = slices.Clone(r.Methods), slices.Clone(r.StatusCodes)
	return &c
}

// check refuses what would be no more than ignored.
func (r *Retry) check() error {
	what := ""
	switch {
	case r == nil:
	case r.Backoff < 0:
		what = "Retry.Backoff is negative"
	case r.BackoffMax < 0:
		what = "Retry.BackoffMax is negative"
	case r.Jitter < 0:
		what = "Retry.Jitter is negative"
	case r.MaxRetryAfter < 0:
		what = "Retry.MaxRetryAfter is negative; IgnoreRetryAfter ignores what a response says"
	case slices.ContainsFunc(r.StatusCodes, func(code int) bool { return code < 200 || code > 999 }):
		what = "Retry.StatusCodes has one that no response has"
	case len(r.StatusCodes) > 0 && r.Total == 0 && r.Status == 0:
		what = "Retry.StatusCodes without a number of retries: set Total or Status"
	case r.If != nil && r.unset():
		what = "Retry.If without a number of retries: set Total"
	case slices.ContainsFunc(r.Methods, func(m string) bool { return m != "*" && !message.IsToken(m) }):
		what = "Retry.Methods has one that is no method"
	}
	if what == "" {
		return nil
	}
	return failText(ErrInvalidOption, what)
}

// An Attempt is one of the times that a request was sent, or that sending failed.
type Attempt struct {
	Number   int // counted from 1
	Request  *PreparedRequest
	Response *Response     // nil if none came; before a retry, a short body is kept and a long one is not
	Err      error         // nil if Response is complete, or is what failed
	Wait     time.Duration // before the next one
}

// OnRetry is called before each retry and the wait for it. [Hooks] says which
// context it gets. An error ends the call and is returned as it is. A call that
// brings an OnRetry runs it in place of those of its session.
type OnRetry func(ctx context.Context, a Attempt) error

func (OnRetry) option() {}

// A RetryError reports a request that failed after a retry, or whose last
// response has a status of [Retry].StatusCodes. [errors.Is] finds the errors of
// all its attempts, and [ErrRetriesExhausted] if no further retry was allowed.
type RetryError struct {
	Attempts []Attempt
	Response *Response // the last one, readable; nil if the last attempt got none

	reason error      // what kept it from a further attempt; nil if Attempts says that
	raised *HTTPError // if RaiseForStatus or As asked for it
}

// withHTTPError returns e for a call whose status is checked.
func (e *RetryError) withHTTPError() *RetryError {
	if e.Response == nil || e.Response.OK() {
		return e
	}
	c := *e
	c.raised = &HTTPError{Response: e.Response}
	return &c
}

// withHTTPError returns err. A [*RetryError] with a failed status then has an
// [*HTTPError].
func withHTTPError(err error) error {
	switch e := err.(type) {
	case *RetryError:
		return e.withHTTPError()
	case *Error:
		if inner, ok := e.Err.(*RetryError); ok {
			return &Error{Op: e.Op, URL: e.URL, Err: inner.withHTTPError()}
		}
	}
	return err
}

func (e *RetryError) Error() string {
	if len(e.Attempts) == 0 { // made by hand
		return ErrRetriesExhausted.Error()
	}
	last := e.Attempts[len(e.Attempts)-1]
	text := "after " + strconv.Itoa(last.Number) + " attempts: "
	if last.Number == 1 {
		text = "after 1 attempt: "
	}
	if last.Err != nil {
		text += causeText(last.Err)
	} else {
		text += fault.Printable(strings.TrimSpace(strconv.Itoa(last.Response.StatusCode) + " " + last.Response.Reason))
	}
	if e.reason == nil {
		return text
	}
	return e.reason.Error() + " " + text
}

// Unwrap returns the reason, the [*HTTPError] of the Response if [RaiseForStatus] or
// [As] asked for it, and the errors of the attempts, the last one first.
func (e *RetryError) Unwrap() []error {
	errs := make([]error, 0, len(e.Attempts)+3)
	if e.reason != nil {
		errs = append(errs, e.reason)
	}
	if e.raised != nil {
		errs = append(errs, e.raised)
	}
	for _, a := range slices.Backward(e.Attempts) {
		if a.Err != nil {
			errs = append(errs, a.Err)
		}
	}
	return append(errs, ErrRequest)
}

// A verdict is what [Retry] makes of an attempt.
type verdict int

const (
	connectFailed verdict = iota // nothing was sent
	readFailed
	statusFailed
	otherFailed
	kinds    // how many kinds of failures there are
	answered // or an error to be returned as it is
)

// spent counts the retries of each kind.
type spent [kinds]int

func (s *spent) total() int {
	return s[connectFailed] + s[readFailed] + s[statusFailed] + s[otherFailed]
}

// unset reports whether r says nothing about the number of retries.
func (r *Retry) unset() bool {
	return r.Total == 0 && r.Connect == 0 && r.Read == 0 && r.Status == 0 && r.Other == 0
}

// none reports whether r never retries and never judges.
func (r *Retry) none() bool {
	return r.Total == 0 && r.Connect <= 0 && r.Read <= 0 && r.Status <= 0 && r.Other <= 0
}

// judge returns what kind of failure a is.
func (r *Retry) judge(a *Attempt) verdict {
	v := answered
	switch {
	case a.Err != nil:
		if v = errorVerdict(a.Err); v == answered {
			return answered
		}
	case r.failed(a.Response):
		v = statusFailed
	}
	if v != connectFailed && !r.repeats(a.Request) {
		return answered
	}
	switch {
	case r.If == nil && v == otherFailed:
		return answered
	case r.If != nil && !r.If(*a):
		return answered
	case r.If != nil && v == answered:
		v = statusFailed
	}
	if v == statusFailed && r.Total == 0 && r.Status == 0 { // there is to be no retry for a status at all
		return answered
	}
	return v
}

// errorVerdict returns the kind of an error, or answered if no retry can help.
func errorVerdict(err error) verdict {
	if fault.IsA[*hookError](err) {
		return answered
	}
	for _, lasting := range [...]error{ErrTLS, ErrAddress, ErrAuthentication, ErrTotalTimeout, ErrClosed, ErrBodyNotReplayable,
		ErrInvalidURL, ErrInvalidHeader, ErrInvalidOption, ErrInvalidProxy} {
		if errors.Is(err, lasting) {
			return answered
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return answered
	}
	if p, ok := errors.AsType[*ProxyError](err); ok && p.StatusCode < 500 && p.StatusCode != http.StatusTooManyRequests {
		return answered
	}
	switch {
	case errors.Is(err, ErrConnectTimeout), errors.Is(err, ErrDNS), errors.Is(err, ErrProxy):
		return connectFailed
	case errors.Is(err, ErrConnectionLost), errors.Is(err, ErrTimeout), errors.Is(err, ErrIncompleteBody), errors.Is(err, ErrProtocol):
		return readFailed
	case errors.Is(err, ErrConnection):
		return connectFailed
	}
	return otherFailed
}

// failed reports whether the status of a response is a failure.
func (r *Retry) failed(res *Response) bool {
	if slices.Contains(r.StatusCodes, res.StatusCode) {
		return true
	}
	switch res.StatusCode {
	case http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		_, ok := r.retryAfter(res, time.Now())
		return ok
	}
	return false
}

// repeats reports whether p may be sent again once the server may have acted on it.
func (r *Retry) repeats(p *PreparedRequest) bool {
	if len(p.Header[idempotencyKey]) > 0 {
		return true
	}
	if r.Methods == nil {
		switch p.Method {
		case http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodTrace:
			return true
		}
		return false
	}
	return slices.ContainsFunc(r.Methods, func(m string) bool { return m == "*" || strings.EqualFold(m, p.Method) })
}

// allows reports whether a retry of the kind v is left.
func (r *Retry) allows(v verdict, s *spent) bool {
	own := [kinds]int{r.Connect, r.Read, r.Status, r.Other}[v]
	if own < 0 || r.Total < 0 || own == 0 && r.Total == 0 {
		return false
	}
	return (own == 0 || s[v] < own) && (r.Total == 0 || s.total() < r.Total)
}

// wait returns how long to wait after a, or false if that would be too long.
func (r *Retry) wait(a *Attempt, now time.Time) (time.Duration, bool) {
	d, bounded := r.usualWait(a, now)
	if r.Wait != nil {
		chosen := false
		defer a.Response.closeUnless(&chosen) // it may panic
		seen := *a
		seen.Wait = d
		if own := r.Wait(seen); own != d {
			d, bounded = max(own, 0), true
		}
		chosen = true
	}
	most := r.MaxRetryAfter
	if most <= 0 {
		most = defaultMaxRetryAfter
	}
	return d, !bounded || d <= most
}

// usualWait returns the wait that the response asks for, which must be bounded, or
// else the back-off.
func (r *Retry) usualWait(a *Attempt, now time.Time) (d time.Duration, bounded bool) {
	if a.Err == nil {
		if d, ok := r.retryAfter(a.Response, now); ok && d > 0 {
			return d, true
		}
	}
	d = r.backoff(a.Number)
	if r.Jitter > 0 {
		d += rand.N(r.Jitter)
	}
	return d, false
}

const (
	defaultBackoffMax    = 2 * time.Minute
	defaultMaxRetryAfter = 5 * time.Minute
)

// backoff is that of urllib3: the first retry comes at once, because most failures
// are connections that the server closed between two requests.
func (r *Retry) backoff(attempt int) time.Duration {
	most := r.BackoffMax
	if most <= 0 {
		most = defaultBackoffMax
	}
	if attempt <= 1 || r.Backoff <= 0 {
		return 0
	}
	if shift := attempt - 1; shift < 63 && r.Backoff <= most>>shift {
		return r.Backoff << shift
	}
	return most
}

// retryAfter returns how long the fields of res ask the next request to wait.
func (r *Retry) retryAfter(res *Response, now time.Time) (time.Duration, bool) {
	if r.IgnoreRetryAfter {
		return 0, false
	}
	return ratelimit.Wait(res.Header, now)
}

// pause waits, or returns how ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return contextError(ctx)
	}
	if err := tooLong(ctx, d); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// A retrier makes attempts until [Retry] is satisfied. The zero retrier is ready.
type retrier struct {
	budget budget
}

// send makes attempts to have p answered, as often as retry allows.
func (t *retrier) send(ctx context.Context, p *PreparedRequest, opts *SendOptions, retry *Retry, share float64, try func() (*Response, error)) (*Response, error) {
	t.budget.deposit(share)
	if retry.none() {
		r, err := try()
		if err != nil {
			return nil, err
		}
		return loadBody(r, opts)
	}
	var attempts []Attempt
	var used spent
	for {
		a := Attempt{Number: len(attempts) + 1, Request: p}
		v := t.try(&a, opts, retry, try)
		attempts = append(attempts, a)
		if v == answered || ctx.Err() != nil {
			return conclude(attempts, opts, nil)
		}
		if !retry.allows(v, &used) { // before Wait, which is asked about a retry
			return giveUp(attempts, opts, retry, ErrRetriesExhausted)
		}
		wait, worth := retry.wait(&a, time.Now())
		late := tooLong(ctx, wait)
		switch {
		case !worth && late != nil:
			return giveUp(attempts, opts, retry, fail(ErrRetriesExhausted, late))
		case !worth:
			return giveUp(attempts, opts, retry, errLongWait)
		case late != nil && a.Err == nil && (retry.ReturnLast || opts.returnLast):
			return conclude(attempts, opts, nil)
		case late != nil:
			return conclude(attempts, opts, late)
		case !t.budget.withdraw(share):
			return giveUp(attempts, opts, retry, errNoBudget)
		}
		if !p.Replayable() {
			return conclude(attempts, opts, ErrBodyNotReplayable)
		}
		used[v]++
		attempts[len(attempts)-1].Wait = wait
		if err := reportRetry(ctx, &attempts[len(attempts)-1], opts); err != nil {
			return nil, err
		}
		if err := pause(ctx, wait); err != nil {
			return conclude(attempts, opts, err)
		}
	}
}

// try makes one attempt and judges it. A response whose status is no failure is
// read, which may still make it one.
func (t *retrier) try(a *Attempt, opts *SendOptions, retry *Retry, try func() (*Response, error)) verdict {
	if a.Response, a.Err = try(); !fault.IsA[*hookError](a.Err) {
		a.Err = step{op: "send", url: a.Request.URL}.error(a.Err)
	}
	judged := false
	defer a.Response.closeUnless(&judged)
	if a.Err == nil && retry.If != nil {
		a.Response, a.Err = loadBody(a.Response, opts)
	}
	v := retry.judge(a)
	if v == answered && a.Err == nil {
		if a.Response, a.Err = loadBody(a.Response, opts); a.Err != nil {
			v = retry.judge(a)
		}
	}
	judged = true
	return v
}

// reportRetry reports a retry to the logger and the hooks. It first reads what is
// left of the response, so that its connection can serve the next attempt.
func reportRetry(ctx context.Context, a *Attempt, opts *SendOptions) error {
	if a.Response != nil {
		a.Response.discard()
	}
	Logger{opts.Logger}.retry(ctx, a)
	for _, f := range opts.OnRetry {
		if err := f(ctx, *a); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

// The reasons not to retry although the numbers would allow it.
var (
	errLongWait = failText(ErrRetriesExhausted, "the response asks for a wait longer than Retry.MaxRetryAfter")
	errNoBudget = failText(ErrRetriesExhausted, "HTTPAdapter.RetryBudget is used up")
)

// giveUp ends with the last attempt, because reason forbids another.
func giveUp(attempts []Attempt, opts *SendOptions, retry *Retry, reason error) (*Response, error) {
	last := &attempts[len(attempts)-1]
	if last.Err == nil {
		forced := retry.If != nil || slices.Contains(retry.StatusCodes, last.Response.StatusCode)
		if retry.ReturnLast || opts.returnLast || !forced {
			return loadBody(last.Response, opts)
		}
		last.Response.Load() // readable from the error
		return nil, &RetryError{Attempts: attempts, Response: last.Response, reason: reason}
	}
	if len(attempts) == 1 {
		return nil, last.Err
	}
	return nil, &RetryError{Attempts: attempts, reason: reason}
}

// conclude ends with the last attempt: its response, its error, or reason. Earlier
// attempts must not be forgotten.
func conclude(attempts []Attempt, opts *SendOptions, reason error) (*Response, error) {
	last := &attempts[len(attempts)-1]
	switch {
	case reason == nil && last.Err == nil:
		return loadBody(last.Response, opts)
	case reason == nil && (len(attempts) == 1 || fault.IsA[*hookError](last.Err)):
		return nil, last.Err
	}
	if last.Response != nil && last.Err == nil {
		if opts.returnLast && reason == ErrBodyNotReplayable {
			return last.Response, nil
		}
		last.Response.Load()
		return nil, &RetryError{Attempts: attempts, Response: last.Response, reason: reason}
	}
	return nil, &RetryError{Attempts: attempts, reason: reason}
}

// A budget bounds retries to a share of the requests, so that a server in trouble
// does not get a multiple of its load. The zero budget is full.
type budget struct {
	mu    sync.Mutex
	spent float64 // retries not yet earned by requests, 0 to freeRetries
}

// freeRetries is the number of retries that need not be earned, so that a program
// with few requests can retry, too.
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

// withdraw reports whether one more retry is allowed.
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
