// Package progress counts the bytes of bodies on their way and reports them: from
// time to time while they are transferred, and once at their end. It counts one
// body, or the sum of several.
//
// It knows neither what the bodies belong to nor who wants the reports.
package progress

import (
	"io"
	"sync"
	"time"
)

// A Report is called with the number of bytes transferred, and the number to
// transfer, or -1 if that is unknown.
type Report func(done, total int64)

// Every is the shortest time between two reports, except for the last.
const Every = 100 * time.Millisecond

// A Meter counts the bytes of a body and reports them. A nil Meter does neither.
type Meter struct {
	report Report
	total  int64 // -1 if unknown

	mu     sync.Mutex
	done   int64
	silent time.Time // no report before
	told   bool      // done was reported
	vague  int       // parts whose total is not known yet
}

// New returns a Meter, or nil if nobody wants reports.
func New(report Report, total int64) *Meter {
	if report == nil {
		return nil
	}
	return &Meter{report: report, total: total}
}

// Add counts n more bytes.
func (m *Meter) Add(n int) {
	if m == nil || n <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += int64(n)
	m.moved()
}

// moved reports done, unless the last report is too recent. The caller holds mu.
func (m *Meter) moved() {
	m.told = false
	if now := time.Now(); !now.Before(m.silent) {
		m.silent = now.Add(Every)
		m.tell()
	}
}

// Waiting returns a Meter that reports nothing until it is set or moved, or nil if
// nobody wants reports.
func Waiting(report Report, total int64) *Meter {
	m := New(report, total)
	if m != nil {
		m.told = true
	}
	return m
}

// Set restarts the Meter at done bytes of total.
func (m *Meter) Set(done, total int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.total, m.told = done, total, false
}

// End reports done, unless it was reported already.
func (m *Meter) End() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.told {
		m.tell()
	}
}

func (m *Meter) tell() {
	m.told = true
	total := m.total
	if m.vague > 0 {
		total = -1
	}
	m.report(m.done, total)
}

// A Part is the body of one of several requests whose progress is added up.
type Part struct {
	sum         *Meter
	done, total int64 // guarded by sum.mu, like the next
	vague       bool  // the total is not known yet
}

// Part returns a new part of m, which is not nil.
func (m *Meter) Part() *Part { return &Part{sum: m} }

// Set records how much of the body was transferred. A total that is unknown, or
// less than done, counts as done.
func (p *Part) Set(done, total int64) {
	p.sum.mu.Lock()
	defer p.sum.mu.Unlock()
	p.setVague(total < 0)
	p.put(done, max(done, total))
	p.sum.moved()
}

// Finish ends the part, whether or not the body is complete.
func (p *Part) Finish() {
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
func (p *Part) setVague(vague bool) {
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
func (p *Part) put(done, total int64) {
	p.sum.done += done - p.done
	p.sum.total += total - p.total
	p.done, p.total = done, total
}

// A Reader counts what is read of one body among several. The meter continues after
// it ends.
type Reader struct {
	io.Reader
	Meter *Meter
}

func (r *Reader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.Meter.Add(n)
	return n, err
}

// A Body counts what is read of a body. The meter ends when it ends.
type Body struct {
	io.ReadCloser
	Meter *Meter
}

func (c *Body) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.Meter.Add(n)
	if err != nil {
		c.Meter.End()
	}
	return n, err
}

// Close ends the meter, too.
func (c *Body) Close() error {
	c.Meter.End()
	return c.ReadCloser.Close()
}

// An Upload is a Body of a request.
type Upload struct {
	Body
	// Rescue is deferred by each Read, to turn a panic of the report into an error:
	// a transport may read on a goroutine where a panic would end the program.
	Rescue func(*error)
}

func (c *Upload) Read(b []byte) (n int, err error) {
	defer c.Rescue(&err)
	return c.Body.Read(b)
}

// Close does not end the meter: a transport may close the body early, when the
// response has arrived.
func (c *Upload) Close() error { return c.ReadCloser.Close() }
