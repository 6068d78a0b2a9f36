package requests

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

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

// progressEvery is the least time between two reports, except for the last.
const progressEvery = 100 * time.Millisecond

// A meter counts the bytes of a body and reports them. A nil meter does neither.
type meter struct {
	report []OnProgress
	total  int64 // -1 if unknown

	mu     sync.Mutex
	done   int64
	silent time.Time // no report before
	told   bool      // done was reported
	vague  int       // parts whose total is not known yet
}

// newMeter returns nil if nobody wants reports.
func newMeter(report []OnProgress, total int64) *meter {
	if len(report) == 0 {
		return nil
	}
	return &meter{report: report, total: total}
}

// add counts n more bytes.
func (m *meter) add(n int) {
	if m == nil || n <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += int64(n)
	m.moved()
}

// moved reports done, unless the last report is too recent. The caller holds mu.
func (m *meter) moved() {
	m.told = false
	if now := time.Now(); !now.Before(m.silent) {
		m.silent = now.Add(progressEvery)
		m.tell()
	}
}

// waiting returns a meter that reports nothing before it is set or moved. It
// returns nil if nobody wants reports.
func waiting(report []OnProgress, total int64) *meter {
	m := newMeter(report, total)
	if m != nil {
		m.told = true
	}
	return m
}

// set restarts the meter at done bytes of total.
func (m *meter) set(done, total int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.total, m.told = done, total, false
}

// end reports done, unless that was reported already.
func (m *meter) end() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.told {
		m.tell()
	}
}

func (m *meter) tell() {
	m.told = true
	total := m.total
	if m.vague > 0 {
		total = -1
	}
	for _, f := range m.report {
		f(m.done, total)
	}
}

// A part is the body of one of many requests whose progress is added up.
type part struct {
	sum         *meter
	done, total int64 // guarded by sum.mu, like the next
	vague       bool  // the total is not known yet
}

// set records how much of the body was transferred. A total that is unknown, or
// less than done, counts as done.
func (p *part) set(done, total int64) {
	p.sum.mu.Lock()
	defer p.sum.mu.Unlock()
	p.setVague(total < 0)
	p.put(done, max(done, total))
	p.sum.moved()
}

// finish ends the part, whether or not the body is complete.
func (p *part) finish() {
	p.sum.mu.Lock()
	defer p.sum.mu.Unlock()
	if p.vague {
		p.setVague(false)
		p.sum.told = false
	}
	if p.done < p.total {
		p.put(p.done, p.done)
		p.sum.told = false
	}
}

// setVague counts the parts without a total. The caller holds sum.mu.
func (p *part) setVague(vague bool) {
	if vague != p.vague {
		p.vague = vague
		if vague {
			p.sum.vague++
		} else {
			p.sum.vague--
		}
	}
}

// put changes the sum. The caller holds sum.mu.
func (p *part) put(done, total int64) {
	p.sum.done += done - p.done
	p.sum.total += total - p.total
	p.done, p.total = done, total
}

// counted is a body that a meter counts.
type counted struct {
	io.ReadCloser
	meter *meter
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.meter.add(n)
	if err != nil {
		c.meter.end()
	}
	return n, err
}

func (c *counted) Close() error {
	c.meter.end()
	return c.ReadCloser.Close()
}

// countedUpload is a counted body of a request.
type countedUpload struct{ counted }

func (c *countedUpload) Read(b []byte) (n int, err error) {
	defer recoverProgress(&err)
	return c.counted.Read(b)
}

// Close does not end the meter: a transport may close the body early, when the
// response has arrived.
func (c *countedUpload) Close() error { return c.ReadCloser.Close() }

// recoverProgress turns a panic of an OnProgress for a request body into an
// error. It may run on a goroutine of the engine or of a RoundTripper, where a
// panic would end the program.
func recoverProgress(err *error) {
	if p := recover(); p != nil {
		*err = &sourceError{fmt.Errorf("panic in OnProgress: %v", p)}
	}
}

// progress returns a function for [transport.Call].Up that reports on a body of
// total bytes.
func progress(report []OnProgress, total int64) func(n int) error {
	m := newMeter(report, total)
	return func(n int) (err error) {
		defer recoverProgress(&err)
		switch {
		case n > 0:
			m.add(n)
		case n == 0:
			m.set(0, total)
		default:
			m.end()
		}
		return nil
	}
}

// uploads reports whether p has a body that is not empty.
func (p *PreparedRequest) uploads() bool { return p.body.present && p.body.length != 0 }

// countUpload counts the body of hr, each time that it is sent.
func countUpload(hr *http.Request, report []OnProgress) {
	if len(report) == 0 || hr.Body == nil || hr.Body == http.NoBody {
		return
	}
	total := hr.ContentLength
	count := func(body io.ReadCloser) io.ReadCloser {
		return &countedUpload{counted{body, newMeter(report, total)}}
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

// countDownload counts the body of the response, unless the call uploads a body.
func (r *Response) countDownload(report []OnProgress) {
	if len(report) == 0 || r.wire.src == nil || r.Request.uploads() || r.IsRedirect() {
		return
	}
	r.wire.src = &counted{r.wire.src, newMeter(report, r.wire.length)}
}
