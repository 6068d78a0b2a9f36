package requests

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

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

// An interim passes on what comes before the response of one attempt. A nil
// one does nothing.
type interim struct {
	hooks []OnInformational

	mu   sync.Mutex
	size int
	err  error // that ends the attempt
	over bool  // nothing is told any more
}

// hearInterim has the transport that gets the context tell hooks. They are
// called with ctx.
func hearInterim(ctx context.Context, hooks []OnInformational) (context.Context, *interim) {
	if len(hooks) == 0 {
		return ctx, nil
	}
	i := &interim{hooks: hooks}
	got := func(status int, header textproto.MIMEHeader) error { return i.got(ctx, status, header) }
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: got}), i
}

// informational returns what tells hooks, nil if there are none.
func informational(ctx context.Context, hooks []OnInformational) func(int, http.Header) error {
	if len(hooks) == 0 {
		return nil
	}
	i := &interim{hooks: hooks}
	return func(status int, header http.Header) error { return i.got(ctx, status, textproto.MIMEHeader(header)) }
}

// maxHeaderBytes bounds the header of a response, and what comes before it
// (CVE-2023-38039).
const maxHeaderBytes = 1 << 20

// fieldOverhead is what a field or a status line counts beside its text, as in
// RFC 9113, section 6.5.2.
const fieldOverhead = 32

// got also bounds what comes, which net/http leaves to whoever listens.
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

// tell is called by a goroutine of the transport, where a panic of a hook would
// end the program.
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

// end returns what the attempt has come to: res and err, unless a hook ended it.
// It does not rely on the transport to pass that on, which a trace of the
// caller's own keeps it from. No hook is called from now on.
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
