package bridge

import (
	"io"
	"net/http"
	"time"
)

// LacksBody reports whether requests with the method usually have no body. For
// these, net/http checks whether a body of unknown length has any bytes before it
// announces it.
func LacksBody(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

// probeTime is how long a body may take to show its first byte. After that it
// counts as not empty, as in net/http.
const probeTime = 200 * time.Millisecond

// A ProbedBody is a body whose first byte was read, or is being read.
type ProbedBody struct {
	io.ReadCloser
	done chan struct{} // closed when the first Read has returned

	b     [1]byte
	n     int
	err   error
	taken bool
}

// Probe returns body, or nil if it is empty.
func Probe(body io.ReadCloser) *ProbedBody {
	p := &ProbedBody{ReadCloser: body, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.n, p.err = body.Read(p.b[:])
	}()
	timer := time.NewTimer(probeTime)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.n == 0 && p.err == io.EOF {
			return nil
		}
	case <-timer.C:
	}
	return p
}

func (p *ProbedBody) Read(b []byte) (int, error) {
	if p.taken {
		return p.ReadCloser.Read(b)
	}
	if len(b) == 0 {
		return 0, nil
	}
	<-p.done
	if p.taken = p.err == nil; p.n > 0 {
		b[0] = p.b[0]
	}
	n := p.n
	p.n = 0
	return n, p.err
}

// Close closes the body, or leaves that to a Read that is under way.
func (p *ProbedBody) Close() error {
	select {
	case <-p.done:
		return p.ReadCloser.Close()
	default:
		go func() {
			<-p.done
			p.ReadCloser.Close()
		}()
		return nil
	}
}
