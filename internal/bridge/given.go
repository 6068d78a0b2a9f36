package bridge

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// Host returns the value of the Host field of a request to u, in the form of
// net/http. A host that is not valid there, such as the path of a socket, is not
// sent.
func Host(host string, u *url.URL) string {
	host, err := httpguts.PunycodeHostPort(cmp.Or(host, u.Host))
	if err != nil || !httpguts.ValidHostHeader(host) {
		return ""
	}
	if strings.HasPrefix(host, "[") { // without a zone (RFC 6874, section 3)
		if before, after, ok := strings.Cut(host, "%"); ok {
			_, port, _ := strings.Cut(after, "]")
			host = before + "]" + port
		}
	}
	return host
}

// A received is a response whose body net/http reads.
type received interface {
	Close() error // closes the body, while nobody reads it
	Trailer() http.Header
}

// A givenBody is the body of a response that is handed to net/http. One goroutine
// may close it while another one reads.
type givenBody struct {
	body io.Reader
	of   received
	res  *http.Response // gets the trailer
	end  func()         // ends the context of the exchange, and with it a Read
	wrap func(error) error

	mu      sync.Mutex
	reading bool
	closed  bool
}

// Give makes body, which comes from the response of, the body of res. end is called
// when it has ended; it may end a Read. wrap turns errors into those of a
// RoundTripper.
func Give(res *http.Response, body io.Reader, of received, end func(), wrap func(error) error) {
	res.Body = &givenBody{body: body, of: of, res: res, end: end, wrap: wrap}
}

func (b *givenBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	b.reading = true
	b.mu.Unlock()

	n, err := b.body.Read(p)
	if err == io.EOF {
		b.setTrailer()
	}
	b.mu.Lock()
	b.reading = false
	closed := b.closed
	b.mu.Unlock()
	switch {
	case closed: // Close left the rest to this Read
		b.of.Close()
		return n, http.ErrBodyReadAfterClose
	case err != nil:
		b.end()
	}
	return n, b.wrap(err)
}

func (b *givenBody) setTrailer() {
	for name, values := range b.of.Trailer() {
		if b.res.Trailer == nil {
			b.res.Trailer = make(http.Header)
		}
		b.res.Trailer[name] = values
	}
}

func (b *givenBody) Close() error {
	b.mu.Lock()
	done, reading := b.closed, b.reading
	b.closed = true
	b.mu.Unlock()
	switch {
	case done:
	case reading:
		b.end()
	default:
		b.of.Close()
		b.end()
	}
	return nil
}

// An UpgradedBody is a connection that now speaks another protocol.
type UpgradedBody struct {
	io.ReadWriteCloser
	End func() // ends the context of the exchange
}

func (b *UpgradedBody) Close() error {
	err := b.ReadWriteCloser.Close()
	b.End()
	return err
}

// CloseWrite tells the server that nothing more will be written.
func (b *UpgradedBody) CloseWrite() error {
	if c, ok := b.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
