package transport

import (
	"net/http"
	"net/textproto"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// maxInterim bounds the heads before the final response, in bytes.
const maxInterim = 1 << 20

// fieldOverhead is what a field counts in addition to its text (RFC 9113,
// section 6.5.2).
const fieldOverhead = 32

// An interimQueue keeps the informational responses of one exchange until the
// caller's goroutine reports them.
type interimQueue struct {
	before func(int, textproto.MIMEHeader) error // of the caller's trace
	ready  chan struct{}

	mu    sync.Mutex
	queue []interim
	size  int
	over  bool
}

// An interim is an informational response.
type interim struct {
	status int
	header textproto.MIMEHeader
}

func newInterimQueue(before func(int, textproto.MIMEHeader) error) *interimQueue {
	return &interimQueue{before: before, ready: make(chan struct{}, 1)}
}

// add adds a response. The goroutine that reads the connection calls it.
func (n *interimQueue) add(status int, header textproto.MIMEHeader) error {
	if n.before != nil {
		if err := n.before(status, header); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return nil
	}
	n.size += fieldOverhead
	for name, values := range header {
		for _, v := range values {
			n.size += fieldOverhead + len(name) + len(v)
		}
	}
	if n.size > maxInterim {
		n.queue = append(n.queue, interim{})
	} else {
		n.queue = append(n.queue, interim{status, header})
	}
	select {
	case n.ready <- struct{}{}:
	default:
	}
	if n.size > maxInterim {
		n.over = true
	}
	return nil
}

// report calls f with each response that has come.
func (n *interimQueue) report(f func(int, http.Header) error) error {
	n.mu.Lock()
	queue := n.queue
	n.queue = nil
	n.mu.Unlock()
	for _, i := range queue {
		if i.status == 0 {
			return fault.Text(fault.Protocol, "the informational responses do not end")
		}
		if err := f(i.status, http.Header(i.header)); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

// pending reports whether any response has come.
func (n *interimQueue) pending() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.size > 0
}

// end makes add drop later responses.
func (n *interimQueue) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
}
