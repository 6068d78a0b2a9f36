package requests

import (
	"context"
	"errors"
)

// sendBy makes one attempt through pl. A server that wants a request by
// HTTP/1.1 (RFC 9113, section 7: HTTP_1_1_REQUIRED), as for authentication that
// is bound to a connection, has not answered it, and gets it once more by that.
func (a *HTTPAdapter) sendBy(ctx context.Context, pl *pool, p *PreparedRequest, opts *SendOptions) (*Response, error) {
	r, err := pl.send(ctx, p, opts)
	if err == nil || pl.key.only1 || !wantsHTTP1(err) || !p.Replayable() {
		return r, err
	}
	key := pl.key
	key.only1 = true
	if pl, err = a.pool(&key); err != nil {
		return nil, err
	}
	return pl.send(ctx, p, opts)
}

// wantsHTTP1 reports whether the server has refused HTTP/2 for the request.
func wantsHTTP1(err error) bool {
	const http11Required = 0xd
	e, ok := errors.AsType[streamReset](err)
	return ok && e.Code == http11Required
}
