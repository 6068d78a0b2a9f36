package transport

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/fault"
)

// Do sends a call and returns its response, whose body the caller reads. When
// Do has returned an error, or the body of the response has ended, nobody reads
// the source of the request any more, except for a blocked Read of a source
// that may block.
//
// Do repeats a call only where that can do no harm: on another connection if
// nothing of it was sent, or if a connection that existed before the call ended
// without an answer. In the second case the method must have no effect, or the
// request must have an Idempotency-Key; and it must be possible to send the
// body again. Do does not send a call whose context has ended.
//
// Errors have a kind of package fault. Errors of the caller's functions and
// sources are returned unchanged. If the server cannot have seen the request,
// the error is wrapped once more, for [Sent].
func (e *Engine) Do(ctx context.Context, call *Call) (*Response, error) {
	if err := call.Check(); err != nil {
		return nil, &unsent{err}
	}
	if call.Method == http.MethodConnect { // it would turn the connection into a tunnel
		return nil, &unsent{fault.Text(fault.InvalidOption, "the method CONNECT is not one of a request")}
	}
	p, err := e.pool(&call.Route)
	if err != nil {
		return nil, &unsent{err}
	}
	a := attempt{ctx: ctx, call: call, pin: call.Pin, pool: p, start: call.Start, trace: httptrace.ContextClientTrace(ctx)}
	if a.start.IsZero() {
		a.start = time.Now()
	}
	a.now = a.start
	if call.Tap != nil {
		a.ctx = context.WithValue(ctx, tapKey{}, call.Tap)
	}
	if a.to, err = p.endpoint(call.URL, call.Pin); err != nil {
		return nil, &unsent{err}
	}
	if a.to.forwarded {
		return a.forward()
	}
	if call.AsksUpgrade() && (a.to.secure || p.h2c) && !call.Route.HTTP1Only {
		return a.overHTTP1() // HTTP/2 has no upgrade (RFC 9113, section 8.6)
	}
	res, err := a.do()
	if !a.http1Only || !call.Body.repeatable() {
		return res, err
	}
	return a.overHTTP1()
}

// overHTTP1 sends the call over HTTP/1.1.
func (a *attempt) overHTTP1() (*Response, error) {
	route := a.call.Route
	route.HTTP1Only = true
	p, err := a.pool.engine.pool(&route)
	if err != nil {
		return nil, &unsent{err}
	}
	a.pool = p
	return a.do()
}

// An attempt is a call being sent, possibly on several connections in turn.
type attempt struct {
	ctx       context.Context
	call      *Call
	pin       *Pin // of the call, or of a login at the proxy
	trace     *httptrace.ClientTrace
	start     time.Time
	now       time.Time // the time of the last wait
	pool      *pool
	to        endpoint
	body      io.ReadCloser // opened but not read yet; nil if there is none
	reused    bool          // the connection of the last try had served another call
	http1Only bool          // the server wants the request by HTTP/1.1

	// For a proxy that gets the request in absolute form.
	target        string
	authorization string
}

// do sends the call until there is an answer or a final error.
func (a *attempt) do() (*Response, error) {
	res, err := a.try()
	if a.body != nil {
		a.body.Close()
		a.body = nil
	}
	return res, err
}

func (a *attempt) try() (*Response, error) {
	fresh, refusals := false, 0
	for {
		if ended := fault.Ended(a.ctx); ended != nil {
			return nil, &unsent{ended}
		}
		if open := a.call.Body.Open; open != nil && a.body == nil {
			var err error
			if a.body, err = open(); err != nil {
				return nil, &unsent{err}
			}
			a.now = time.Now()
		}
		s, err := a.connect(fresh)
		if err != nil {
			return nil, &unsent{err}
		}
		old := s.old()
		res, failed := s.exchange(a)
		if a.reused && (failed == nil || failed.sent) {
			a.pool.reused.Add(1)
		}
		if failed == nil {
			return res, nil
		}
		a.now = time.Now()
		switch {
		case failed.elsewhere && a.ctx.Err() == nil && refusals < maxRefusals:
			if !a.reused || failed.refused {
				refusals++
				a.backOff(refusals)
				a.now = time.Now()
			}
			continue
		case !old && !a.reused || a.ctx.Err() != nil:
		case !failed.sent && failed.stale:
			continue
		case failed.lost && a.repeatable():
			fresh = true
			continue
		}
		a.http1Only = failed.http1Only
		if !failed.sent {
			return nil, &unsent{failed.err}
		}
		return nil, failed.err
	}
}

// maxRefusals is how often a refused call is sent again, as in net/http.
const maxRefusals = 6

// backOff waits before the nth repetition of a call: not at all before the
// first, then for one second, two, four and so on, with some jitter.
func (a *attempt) backOff(n int) {
	if n < 2 {
		return
	}
	d := time.Second << (n - 2)
	timer := time.NewTimer(d + rand.N(d/10))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
	}
}

// connect gets a connection.
func (a *attempt) connect(fresh bool) (seat, error) {
	if a.trace != nil && a.trace.GetConn != nil {
		a.trace.GetConn(a.pool.address(a.to))
	}
	if a.pin != nil && !fresh {
		if c := a.pin.take(a.pool, a.to); c != nil {
			return seat{conn: c}, nil
		}
	}
	return a.pool.get(a, fresh)
}

// repeatable reports whether the request may be repeated although the server
// may have acted on it. This is the rule of net/http. It is stricter than RFC
// 9110, section 9.2.2, because PUT and DELETE are not always idempotent in
// practice.
func (a *attempt) repeatable() bool {
	if !a.call.Body.repeatable() {
		return false
	}
	switch a.call.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, has := a.call.Header["Idempotency-Key"]
	_, hasOld := a.call.Header["X-Idempotency-Key"]
	return has || hasOld
}

// expects reports whether the request asks the server before it sends the body.
func (a *attempt) expects() bool {
	for _, v := range a.call.Header["Expect"] {
		if strings.EqualFold(v, "100-continue") {
			return true
		}
	}
	return false
}

// inline reports whether the body is sent together with a head of n bytes.
func (a *attempt) inline(n int) bool {
	b := &a.call.Body
	if !b.present() && a.call.Length == 0 {
		return true
	}
	return b.Open == nil && int64(len(b.Bytes)) == a.call.Length && n+len(b.Bytes) <= maxInline && !a.expects()
}

// appendHead appends the head of the request to b.
func (a *attempt) appendHead(b []byte) []byte {
	if !a.to.forwarded {
		return a.call.AppendHead(b)
	}
	request := a.call.Request
	request.Target = a.target
	b = request.AppendHead(b)
	if a.authorization != "" {
		b = append(b[:len(b)-len("\r\n")], "Proxy-Authorization: "...)
		b = append(append(b, a.authorization...), "\r\n\r\n"...)
	}
	return b
}

// forward sends the call to the proxy itself, and repeats it if the proxy asks
// for a login.
func (a *attempt) forward() (*Response, error) {
	a.target = absolute(a.call)
	login := &a.pool.dialer.login
	legs := login.begin(a.ctx, digest.Request{Method: a.call.Method, URI: a.target, Body: a.call.Body.copyTo})
	if l := login.proxy.Login; l != nil && a.pin == nil {
		a.pin, a.to.owner = NewPin(l), l
		defer a.pin.Free()
	}
	var err error
	if a.authorization, err = legs.Next(0, nil); err != nil {
		return nil, &unsent{err}
	}
	for leg := 0; ; leg++ {
		res, err := a.do()
		if err != nil || !a.call.Body.repeatable() || leg == maxLegs {
			return res, err
		}
		answer, err := legs.Next(res.StatusCode, res.Header)
		if err != nil {
			res.Body.Close()
			return nil, &unsent{err}
		}
		if answer == "" {
			return res, nil
		}
		if a.call.Tap != nil {
			a.call.Tap.Answered(res)
		}
		res.discard(a.pin != nil)
		a.authorization, a.now = answer, time.Now()
	}
}

// absolute returns the target of a call for a proxy (RFC 9112, section 3.2.2).
func absolute(c *Call) string {
	if !strings.HasPrefix(c.Target, "/") && c.Target != "*" { // it is absolute already
		return c.Target
	}
	host, port := c.URL.Hostname(), c.URL.Port()
	if strings.Contains(host, ":") {
		host = "[" + withoutZone(host) + "]"
	}
	if port != "" {
		host += ":" + port
	}
	target := c.Target
	if target == "*" { // RFC 9112, section 3.2.4
		target = ""
	}
	return c.URL.Scheme + "://" + host + target
}

// copyTo writes the body to w, for a login that needs its hash.
func (s *Source) copyTo(w io.Writer) error {
	if s.Open == nil {
		_, err := w.Write(s.Bytes)
		return err
	}
	if !s.Again {
		return fault.BodyNotReplayable
	}
	body, err := s.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

// discard ends an unwanted response. It reads a short one to its end, so that
// its connection can be reused. It has more patience if only this connection
// will do.
func (r *Response) discard(pinned bool) {
	most, end := 1<<20, time.Time{}
	if !pinned {
		const limit = 50 * time.Millisecond
		r.Hurry(limit)
		most, end = 64<<10, time.Now().Add(limit) // for all reads together
	}
	buf := make([]byte, 4<<10)
	for n := 0; n < most && (pinned || time.Now().Before(end)); {
		m, err := r.Body.Read(buf)
		n += m
		if err != nil {
			break
		}
	}
	r.Body.Close()
}

// An unsent error is the error of a call that sent nothing.
type unsent struct{ error }

func (u *unsent) Unwrap() error { return u.error }

// Sent reports whether the server may have seen the request. err is an error of
// [Engine.Do].
func Sent(err error) bool {
	_, no := errors.AsType[*unsent](err)
	return !no
}
