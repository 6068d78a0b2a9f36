package transport

import (
	"context"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// A shared is a connection of HTTP/2, which many exchanges share. It is to be
// made of an [http.ClientConn] over the link.
//
// The pool calls newShared, reserve, release, exchange, reused, idleSince and
// close, none of them with its lock held, as the hooks of a ClientConn run
// within its methods. A shared calls
//
//   - host.lend when a stream has become free, and when it knows how many there are,
//   - host.unshare when it takes no more streams: it is draining or has ended,
//   - host.drained once, when it is closed.
//
// Calls are in flight on it from reserve to the end of their response's body.
type shared struct {
	host *host
}

// newShared makes a shared of a link whose server speaks HTTP/2. It owns the
// link, from now on and if it fails. The deadlines of the dial are cleared first.
func newShared(ctx context.Context, l *link, h *host) (*shared, error) {
	l.abort()
	return nil, fault.Text(fault.Protocol, "the server speaks HTTP/2")
}

// reserve takes a stream. If there is none, soon says that it may know of some
// in a moment, and will call lend: on a new connection one request is let
// through until SETTINGS or the first answer is seen.
func (s *shared) reserve() (ok, soon bool) { return false, false }

// release gives a stream back that was reserved and not used.
func (s *shared) release() {}

// reused reports whether it has served a call before.
func (s *shared) reused() bool { return false }

// exchange sends the request of a on the stream that was reserved and, in all
// cases, gives that back. What was not sent, by the rules of RFC 9113, sections
// 6.8 and 8.7, is a failure that is stale and not sent. One that wants HTTP/1.1
// (section 7: HTTP_1_1_REQUIRED) says so by only1.
func (s *shared) exchange(a *attempt) (*Response, *failure) { return nil, nil }

// idleSince returns since when no call is in flight, by wall, 0 if one is.
func (s *shared) idleSince() int64 { return wall(time.Now()) }

// close ends the connection when no call is in flight any more.
func (s *shared) close() {}
