package requests

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-requests/requests/internal/progress"
	"github.com/go-requests/requests/internal/uri"
)

// Concurrency says how many requests [Session.Many] sends at once.
type Concurrency struct {
	// Limit is the most in all. Zero means 8.
	Limit int
	// PerHost is the most for one host and port. Zero means that only Limit
	// counts.
	PerHost int
	// InOrder makes the results come in the order of the requests. Otherwise they
	// come as the requests finish.
	InOrder bool
}

const defaultConcurrency = 8

// SaveTo makes [Session.Many] download to this file, or into this directory, as
// [Session.Download] does. [Checksum], [Overwrite] and [Parallel] go with it.
type SaveTo string

func (Concurrency) option() {}
func (SaveTo) option()      {}

func (Concurrency) of() string { return "Many" }
func (SaveTo) of() string      { return "Many" }

// A Result is the outcome of one request of [Session.Many].
type Result struct {
	Index    int      // of the request, from 0
	Request  *Request // that was sent
	Response *Response
	Size     int64 // of the file, if the request has SaveTo; Response is nil then
	Err      error // of this request alone
}

// URLs gives a GET request for each URL, for [Session.Many].
func URLs(urls ...string) iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		for _, u := range urls {
			if !yield(NewRequest(http.MethodGet, u)) {
				return
			}
		}
	}
}

// Many is [Session.Many] without a session.
func Many(ctx context.Context, reqs iter.Seq[*Request], opts ...Option) iter.Seq[Result] {
	return shared.Many(ctx, reqs, opts...)
}

// Many sends many requests, several at once as [Concurrency] says, and gives their
// results. opts are for all requests, and the options of a request count before
// them. An error belongs to its request and ends nothing else.
//
// The sequence is asked for a request when that can be sent, and must not wait for
// results of the same loop. So Many holds no more requests and responses than
// Limit, and with PerHost at most as many requests again, which wait for their
// hosts.
//
// Leaving the loop ends the requests that are being sent. Many waits for them, and
// leaves no goroutine behind. When ctx ends, neither the next request of the
// sequence nor those that wait are sent: the Result of each has the error, and the
// loop ends.
//
// The caller closes the streamed responses that the loop has got; Many closes the
// others. An [OnProgress] in opts gets the progress of all bodies together: done is
// their sum, which falls when a body begins again. total is that of the requests begun
// so far, and -1 while one of them does not tell its length. If a call panics, or calls [runtime.Goexit], the loop does so too.
func (s *Session) Many(ctx context.Context, reqs iter.Seq[*Request], opts ...Option) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		m := s.newMany(ctx, opts)
		defer m.end()
		if reqs == nil {
			yield(Result{Err: step{op: "prepare"}.error(failText(ErrInvalidOption, "Many(nil)"))})
			return
		}
		next, stop := iter.Pull(reqs)
		defer stop()
		for {
			m.fill(next)
			r, ok := m.result()
			if !ok || !yield(r) {
				return
			}
		}
	}
}

// A many is one loop of Many. Only the goroutine of the loop uses it; jobs use
// its channels and its sum.
type many struct {
	session *Session
	opts    []Option
	how     Concurrency
	err     error           // an option that cannot be used
	sum     *progress.Meter // of all bodies, nil without OnProgress

	caller context.Context
	ctx    context.Context // ends with the loop
	cancel context.CancelFunc

	jobs    chan *job // for the workers
	done    chan *job // from the workers
	workers int
	wg      sync.WaitGroup
	under   map[*job]bool  // sent and not received from done
	hosts   map[string]int // how many of these there are for a host
	held    []*job         // jobs that wait for their host, in order
	ready   map[int]*job   // finished, if results come in order
	pulled  int
	given   int
	drained bool // the sequence has ended
}

// A job is one request of a many.
type job struct {
	Result
	host   string
	path   string // of the file that is saved, "" if none or in a directory
	opts   []Option
	ctx    context.Context
	cancel context.CancelFunc // of ctx, which a streamed response has to itself

	abort abort // a panic or Goexit of a function of the caller
}

func (s *Session) newMany(ctx context.Context, opts []Option) *many {
	m := &many{session: s.setup(), caller: ctx, under: make(map[*job]bool), hosts: make(map[string]int), ready: make(map[int]*job)}
	var report []OnProgress
	for _, o := range opts {
		switch o := o.(type) {
		case Concurrency:
			m.how = o
		case OnProgress:
			if report = append(report, o); o == nil {
				report = nil
			}
		default:
			m.opts = append(m.opts, o)
		}
	}
	if m.how.Limit < 0 || m.how.PerHost < 0 {
		m.err = failText(ErrInvalidOption, "Concurrency.Limit or Concurrency.PerHost is negative")
		m.how = Concurrency{}
	}
	if m.how.Limit == 0 {
		m.how.Limit = defaultConcurrency
	}
	m.sum = progress.Waiting(reporting(report), 0)
	if ctx == nil {
		m.err = errNilContext
		m.caller = context.Background()
	}
	m.ctx, m.cancel = context.WithCancel(m.caller)
	m.jobs, m.done = make(chan *job, m.how.Limit), make(chan *job, m.how.Limit)
	return m
}

// hostOf returns the origin of a URL, "" for a relative one.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(uri.Origin(u))
}

// fill starts as many requests as the limits allow.
func (m *many) fill(next func() (*Request, bool)) {
	for m.room() {
		j := m.unheld()
		if j == nil {
			if j = m.pull(next); j == nil {
				return
			}
			if m.full(j.host) {
				m.held = append(m.held, j)
				continue
			}
		}
		m.start(j)
	}
}

// room reports whether one more request may be started. Where results come in
// order, the next one due may be waiting for its host.
func (m *many) room() bool {
	return len(m.under)+len(m.ready) < m.how.Limit || len(m.under) == 0 && m.ready[m.given] == nil
}

func (m *many) full(host string) bool {
	return m.how.PerHost > 0 && m.hosts[host] >= m.how.PerHost
}

// unheld returns the first waiting request whose host has room again.
func (m *many) unheld() *job {
	i := slices.IndexFunc(m.held, func(j *job) bool { return !m.full(j.host) })
	if i < 0 {
		return nil
	}
	j := m.held[i]
	m.held = slices.Delete(m.held, i, i+1)
	return j
}

// pull takes the next request from the sequence, unless enough are waiting.
func (m *many) pull(next func() (*Request, bool)) *job {
	if m.drained || len(m.held) >= m.how.Limit {
		return nil
	}
	r, ok := next()
	if !ok {
		m.drained = true
		return nil
	}
	j := &job{Result: Result{Index: m.pulled, Request: r}}
	m.pulled++
	if r == nil {
		return j
	}
	if j.opts = r.Options; len(m.opts) > 0 {
		j.opts = slices.Concat(m.opts, r.Options)
	}
	if m.how.PerHost > 0 {
		if j.host = hostOf(r.URL); j.host == "" {
			j.host = hostOf(string(lastOf(j.opts, BaseURL(m.session.BaseURL))))
		}
	}
	return j
}

// start sends the request of j in a goroutine of its own.
func (m *many) start(j *job) {
	j.ctx = m.ctx
	if ended := contextError(m.caller); ended != nil {
		m.drained = true
		j.fail(ended)
	} else if lastOf(j.opts, Stream(m.session.Stream)) { // a streamed response may outlive the loop
		j.ctx, j.cancel = context.WithCancel(m.caller)
	}
	if err := m.claim(j); err != nil && j.Err == nil {
		j.fail(err)
	}
	m.under[j] = true
	m.hosts[j.host]++
	if m.workers < len(m.under) {
		m.workers++
		m.wg.Go(m.work)
	}
	m.jobs <- j
}

// claim takes note of the file that j is saved in, which no other job may save at
// the same time.
func (m *many) claim(j *job) error {
	path := string(lastOf(j.opts, SaveTo("")))
	if path == "" || isDirectory(path) {
		return nil
	}
	if j.Index > 0 && !slices.ContainsFunc(j.Request.Options, isOption[SaveTo]) {
		return failText(ErrInvalidOption, "SaveTo names one file for all requests; give a directory, or a SaveTo to each request")
	}
	path = filepath.Clean(path)
	for other := range m.under {
		if other.path == path {
			return failText(ErrInvalidOption, "SaveTo: another request is being saved to the same path")
		}
	}
	j.path = path
	return nil
}

// work sends requests until the loop is over.
func (m *many) work() {
	for j := range m.jobs {
		m.try(j)
	}
}

// try sends the request of j. It leaves a panic or Goexit of a function of the
// caller to the loop.
func (m *many) try(j *job) {
	defer func() { m.done <- j }()
	j.abort.catch(func() { m.send(j) })
}

// fail ends j before it is sent.
func (j *job) fail(err error) {
	at := step{op: "prepare"}
	if j.Request != nil {
		at.raw = j.Request.URL
	}
	j.Err = at.error(err)
}

func (m *many) send(j *job) {
	switch {
	case j.Err != nil:
		return
	case m.err != nil:
		j.fail(m.err)
		return
	case j.Request == nil:
		j.fail(failText(ErrInvalidOption, "a nil *Request"))
		return
	}
	opts := j.opts
	if m.sum != nil {
		p := m.sum.Part()
		if j.cancel == nil {
			defer p.Finish()
		}
		opts = append(slices.Clip(opts), OnProgress(p.Set))
	}
	if slices.ContainsFunc(opts, isOption[SaveTo]) {
		m.save(j, opts)
		return
	}
	j.Response, j.Err = m.session.Do(j.ctx, j.Request.Method, j.Request.URL, opts...)
}

func (m *many) save(j *job, opts []Option) {
	if j.Request.Method != "" && !strings.EqualFold(j.Request.Method, http.MethodGet) {
		j.fail(failText(ErrInvalidOption, "SaveTo with another method than GET"))
		return
	}
	path := string(lastOf(opts, SaveTo("")))
	opts = slices.DeleteFunc(slices.Clone(opts), isOption[SaveTo])
	j.Size, j.Err = m.session.Download(j.ctx, j.Request.URL, path, opts...)
}

// lastOf returns the last option of one type, or otherwise if there is none.
func lastOf[O Option](opts []Option, otherwise O) O {
	for _, o := range slices.Backward(opts) {
		if o, ok := o.(O); ok {
			return o
		}
	}
	return otherwise
}

func isOption[O Option](o Option) bool {
	_, ok := o.(O)
	return ok
}

// result waits for the next result, false if there is none.
func (m *many) result() (Result, bool) {
	for {
		if m.how.InOrder {
			if j := m.ready[m.given]; j != nil {
				delete(m.ready, m.given)
				return m.give(j), true
			}
		}
		if len(m.under) == 0 {
			return Result{}, false
		}
		j := <-m.done
		delete(m.under, j)
		if m.hosts[j.host]--; m.hosts[j.host] == 0 {
			delete(m.hosts, j.host)
		}
		j.abort.repeat()
		if !m.how.InOrder {
			return m.give(j), true
		}
		m.ready[j.Index] = j
	}
}

// give passes j to the loop.
func (m *many) give(j *job) Result {
	m.given++
	if j.cancel != nil {
		j.Response.outlives(j.cancel)
	}
	return j.Result
}

// end cancels what the loop has not taken, and waits for it.
func (m *many) end() {
	m.cancel()
	for j := range m.under {
		if j.cancel != nil {
			j.cancel()
		}
	}
	for _, j := range m.ready {
		j.drop()
	}
	for range len(m.under) {
		(<-m.done).drop()
	}
	close(m.jobs)
	m.wg.Wait()
	m.sum.End()
	for j := range m.under {
		j.abort.repeat()
	}
}

// drop closes a response that the loop does not take.
func (j *job) drop() {
	if j.cancel != nil {
		j.cancel()
	}
	if j.Response != nil {
		j.Response.Close()
	}
}

// outlives calls cancel at the end of the body.
func (r *Response) outlives(cancel context.CancelFunc) {
	if r == nil || r.loaded || r.wire.done {
		cancel()
		return
	}
	before := r.wire.life
	r.wire.life = &lifetime{cancel: func(error) {
		before.end()
		cancel()
	}}
}
