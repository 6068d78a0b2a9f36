package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

const (
	// maxHeaderBytes bounds the header of a response (CVE-2023-38039).
	maxHeaderBytes = 1 << 20
	// pingAfter is how long a connection of HTTP/2 may be silent before it is
	// pinged, and pingTimeout how long the answer may take. Otherwise each
	// stream on a dead connection would wait for its own limit.
	pingAfter   = 15 * time.Second
	pingTimeout = 15 * time.Second
	// maxStreams is how many calls a connection serves. Stream numbers have 31
	// bits, and a client uses the odd ones (RFC 9113, section 5.1.1).
	maxStreams = 1<<30 - 1<<10
	// stuckAfter is how many sweeps of the pool in a row may find the same
	// write under way before the connection is given up: about a minute.
	stuckAfter = 12
)

// newMultiplexer returns a Transport that speaks HTTP/2 on existing
// connections. It never dials.
func newMultiplexer() *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return ctx.Value(connKey{}).(net.Conn), nil
		},
		DisableCompression:     true, // the caller decodes bodies
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  expectWait,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// connKey is the context key of the connection for NewClientConn.
type connKey struct{}

// multiplex makes t speak HTTP/2 on nc.
func multiplex(t *http.Transport, nc net.Conn) (*http.ClientConn, error) {
	ctx := context.WithValue(context.Background(), connKey{}, nc)
	return t.NewClientConn(ctx, "http", "handed:80")
}

// hasHTTP2 reports whether net/http speaks HTTP/2, which a build tag and
// GODEBUG=http2client=0 disable. It must not be offered then.
var hasHTTP2 = sync.OnceValue(func() bool {
	t := &http.Transport{ForceAttemptHTTP2: true}
	t.CloseIdleConnections() // sets up the protocols
	return t.TLSNextProto["h2"] != nil
})

// errGoAway is the error of net/http for a stream above the last one in a
// GOAWAY, on which the server has not acted (RFC 9113, section 6.8). It is not
// exported, so it is provoked once. It is nil if that failed.
var errGoAway = sync.OnceValue(func() error {
	const (
		settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		goAway   = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	)
	client, server := net.Pipe()
	var tasks sync.WaitGroup
	tasks.Go(func() { io.Copy(io.Discard, server) })
	defer tasks.Wait()
	defer server.Close()
	cc, err := multiplex(newMultiplexer(), client)
	if err != nil {
		return nil
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { tasks.Go(func() { io.WriteString(server, settings+goAway) }) },
	})
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "handed", Path: "/"}, Header: http.Header{}}
	if _, err = cc.RoundTrip(r.WithContext(ctx)); ctx.Err() != nil {
		return nil
	}
	return err
})

// A shared is a connection of HTTP/2 that many exchanges share: an
// [http.ClientConn] of net/http over a link.
//
// The methods of a ClientConn call hooks, so they are called without a lock.
// What it says about its state is not always right: after a GOAWAY an idle one
// is not closed and has no Err, and before SETTINGS it grants more streams than
// the server does. The frames from the server tell more.
type shared struct {
	host  *host
	link  *link
	cc    *http.ClientConn
	made  chan struct{} // closed when cc is set
	times Times         // of its dial

	frames frames
	most   atomic.Int64 // concurrent streams that the server allows
	hooked atomic.Bool  // the host is told of the end of a stream
	total  atomic.Int64 // streams so far

	fault   atomic.Pointer[error] // with which a read or write has failed
	closing atomic.Bool
	reading atomic.Bool
	silent  atomic.Bool // net/http has given it up because it did not answer
	out     outbox
	gone    chan struct{} // closed when it is closed
	once    sync.Once

	mu          sync.Mutex
	calls       int          // in flight: from reserve to the end of the body
	since       int64        // when calls became zero, by wall
	hasSettings bool         // the SETTINGS of the server have come
	begun       bool         // before that: it has its one call
	missed      bool         // another call was turned away meanwhile
	refused     bool         // the server has refused a stream, and none has ended since
	leaving     bool         // it accepts no more calls
	streams     list[stream] // streams under the clock
	clock       *time.Timer
	wake        time.Time // when the clock looks; zero if it does not

	stuck     int // sweeps that found the same write
	lastWrite uint64
}

// newShared makes a shared from a link whose server speaks HTTP/2. It owns the
// link, even if it fails.
func newShared(l *link, h *host, times Times) (*shared, error) {
	if err := l.w.renew(time.Time{}); err != nil { // clears the deadline of the dial; there is never another one
		l.abort()
		return nil, fault.New(fault.Connection, err)
	}
	s := &shared{host: h, link: l, times: times, made: make(chan struct{}), gone: make(chan struct{}), since: wall(time.Now())}
	s.out.open(l, s.noteError)
	cc, err := multiplex(h.pool.multiplexer(), (*framed)(s))
	if err != nil {
		close(s.made)
		l.abort()
		return nil, fault.New(fault.Connection, err)
	}
	s.cc = cc
	close(s.made)
	return s, nil
}

// reserve takes a stream. If there is none, soon says that there may be one in
// a moment, and that host.lend will be called then: a new connection gets only
// one call until the server has said how many streams it allows.
func (s *shared) reserve() (ok, soon bool) {
	s.mu.Lock()
	switch {
	case s.leaving:
		s.mu.Unlock()
		s.host.removeShared(s)
		return false, false
	case !s.hasSettings && s.begun:
		s.missed = true
		s.mu.Unlock()
		return false, true
	case s.refused:
		s.mu.Unlock()
		return false, false
	}
	s.begun = true
	s.calls++
	s.mu.Unlock()
	if s.grab() {
		return true, false
	}
	s.done()
	return false, false
}

// grab reserves a stream of the ClientConn.
func (s *shared) grab() bool {
	if s.cc.Err() != nil || s.total.Load() > maxStreams {
		s.leave()
		return false
	}
	for range maxLooks {
		if s.cc.Reserve() == nil {
			return true
		}
		if int64(s.cc.InFlight()) >= s.most.Load() {
			return s.hook()
		}
	}
	s.leave() // it is draining
	return false
}

// maxLooks is how often in a row a connection with streams left must refuse one
// before it counts as draining. A stream may have ended between the two checks.
const maxLooks = 5

// hook makes the ClientConn notify the host of the end of a stream. It then
// reserves a stream, in case one has ended before.
func (s *shared) hook() bool {
	if s.hooked.Swap(true) {
		return false
	}
	// The hook costs each exchange some locks, so it is set only once it has
	// been needed.
	s.cc.SetStateHook(func(*http.ClientConn) { s.host.lend() })
	return s.cc.Reserve() == nil
}

// release gives back a reserved stream that was not used.
func (s *shared) release() {
	s.cc.Release()
	s.done()
}

// done ends a call.
func (s *shared) done() {
	s.mu.Lock()
	s.calls--
	idle := s.calls == 0
	if idle {
		s.since = wall(time.Now())
	}
	lend := s.missed || s.refused
	s.begun, s.missed, s.refused = false, false, false
	end := idle && s.leaving
	s.mu.Unlock()
	if end {
		s.cc.Close()
	}
	if lend {
		s.host.lend()
	}
}

// applySettings records the SETTINGS of the server after net/http has read them.
func (s *shared) applySettings(most int64) {
	<-s.made
	if s.cc == nil {
		return
	}
	if most < 0 {
		most = int64(s.cc.Available() + s.cc.InFlight()) // the server sets no limit
	}
	s.most.Store(most)
	s.mu.Lock()
	s.hasSettings = true
	s.mu.Unlock()
	s.host.lend()
}

// leave makes the connection accept no more calls. It is closed after the last
// call.
func (s *shared) leave() {
	s.mu.Lock()
	first := !s.leaving
	s.leaving = true
	end := s.calls == 0
	s.mu.Unlock()
	if first {
		s.host.removeShared(s)
	}
	if end {
		s.cc.Close()
	}
}

// idleSince returns the wall time since which no call is in flight, or 0 if
// there is one.
func (s *shared) idleSince() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls > 0 {
		return 0
	}
	return s.since
}

// checkWrite gives up the connection if the server has not taken any of a write
// for a long time. The sweep calls it.
func (s *shared) checkWrite() {
	now := s.out.writes.Load()
	s.mu.Lock()
	if now%2 == 0 || now != s.lastWrite {
		s.stuck = 0
	}
	s.stuck++
	s.lastWrite = now
	stuck := s.stuck > stuckAfter && now%2 == 1
	s.mu.Unlock()
	if stuck {
		s.link.abort()
	}
}

// close ends the connection when no call is in flight any more.
func (s *shared) close() { s.leave() }

// ended reports whether the connection cannot be used for another call.
func (s *shared) ended() bool { return s.cc.Err() != nil || s.frames.goAway.Load() }

// lost returns the error that ended the connection, or nil if net/http ended it
// because the server violated the protocol.
func (s *shared) lost() error {
	if s.cc.Err() == nil {
		return nil
	}
	<-s.gone // net/http ends the streams before it closes the connection
	if s.silent.Load() {
		return errSilent
	}
	if err := s.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// errSilent is the error of a connection that did not answer a ping.
var errSilent = errors.New("the server has not answered a ping")

// A framed is the connection of a shared as net/http sees it.
type framed shared

func (f *framed) shared() *shared { return (*shared)(f) }

// Read also parses the frames. When net/http reads again, it has processed the
// frames from the last read.
func (f *framed) Read(p []byte) (int, error) {
	s := f.shared()
	if s.frames.news {
		s.frames.news = false
		if s.frames.settings {
			s.applySettings(s.frames.most)
		}
		if s.frames.goAway.Load() {
			<-s.made
			if s.cc != nil {
				s.leave()
			}
		}
	}
	s.reading.Store(true)
	n, err := s.link.Read(p)
	if err != nil {
		s.noteError(err)
	}
	s.reading.Store(false)
	s.frames.parse(p[:n])
	return n, err
}

func (f *framed) Write(p []byte) (int, error) {
	return f.shared().out.Write(p)
}

// noteError records the error that ended the connection. Errors that result
// from closing it do not count.
func (s *shared) noteError(err error) {
	if !s.closing.Load() {
		s.fault.CompareAndSwap(nil, &err)
	}
}

// Only net/http calls Close: when its reading ends or, before that, when a ping
// was not answered, a write has failed, or the pool asks for it.
func (f *framed) Close() error {
	s := f.shared()
	var err error
	s.once.Do(func() {
		s.closing.Store(true)
		s.silent.Store(s.reading.Load() && s.fault.Load() == nil)
		s.out.drain()
		err = s.link.Close()
		close(s.gone)
		<-s.made
		if s.cc == nil {
			return
		}
		s.mu.Lock()
		s.leaving = true
		s.mu.Unlock()
		s.host.removeShared(s)
		s.host.uncountShared(s)
	})
	return err
}

func (f *framed) LocalAddr() net.Addr                { return f.link.LocalAddr() }
func (f *framed) RemoteAddr() net.Addr               { return f.link.RemoteAddr() }
func (f *framed) SetDeadline(t time.Time) error      { return errors.ErrUnsupported }
func (f *framed) SetReadDeadline(t time.Time) error  { return errors.ErrUnsupported }
func (f *framed) SetWriteDeadline(t time.Time) error { return errors.ErrUnsupported }
