package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	wire2 "golang.org/x/net/http2"

	"github.com/go-requests/requests/internal/fault"
)

// E2.1: a ClientConn grants a hundred streams before it knows how many the server
// allows. Until then only one call gets through.
func TestOneCallUntilSettings(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		hold := make(chan struct{})
		var now, most atomic.Int64
		s := &frameServer{tls: encrypted, settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 2}}}
		s.serve = func(p *peer2, stream uint32) bool {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return p.ok(stream)
		}
		s.bubble(t, Config{Block: true, PerHost: 1}, func(t *testing.T, e *Engine) {
			hold = make(chan struct{})
			s.hold = hold
			var calls []<-chan outcome
			for range 6 {
				calls = append(calls, after(t, 0, e, t.Context(), s.call(t, "GET")))
			}
			time.Sleep(5 * time.Second)
			if n := s.conns()[0].seen.Load(); n != 1 {
				t.Errorf("%d requests before SETTINGS; want one", n)
			}
			close(hold)
			for _, c := range calls {
				if got := <-c; got.err != nil {
					t.Error(got.err)
				}
			}
			if n := most.Load(); n != 2 {
				t.Errorf("%d streams at once; want the two that the server takes", n)
			}
			if got := e.Stats(); got.Dialed != 1 || got.Open != 1 || got.Idle != 1 || got.Waiting != 0 {
				t.Errorf("Stats() = %+v; want one connection", got)
			}
		})
	}
}

// askOverTLS returns the response of a server that offers HTTP/2 over TLS.
func askOverTLS(t *testing.T) *Response {
	t.Helper()
	srv := httptest.NewUnstartedServer(echo)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	e := newEngine(t, Config{})
	call := newCall(t, "GET", srv.URL+"/")
	call.Route = skipVerify
	res, err := e.Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

// E2.1: the response has the TLS state, although net/http is given the connection
// as one without TLS.
func TestHTTP2TellsTLS(t *testing.T) {
	res := askOverTLS(t)
	if res.Proto != "HTTP/2.0" || res.Major != 2 || res.TLS == nil || res.TLS.NegotiatedProtocol != "h2" {
		t.Errorf("%s, TLS %+v", res.Proto, res.TLS)
	}
}

// E2.2: after a GOAWAY an idle connection is neither closed nor has an error. It
// must leave the pool, and be closed at once.
func TestGoAwayOfIdle(t *testing.T) {
	s := &frameServer{serve: okStream}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		for want := int64(1); want < 3; want++ {
			if got := <-after(t, 0, e, t.Context(), s.call(t, "POST")); got.err != nil {
				t.Fatal(got.err)
			}
			conns := s.conns()
			conns[len(conns)-1].goAway(1, wire2.ErrCodeNo)
			synctest.Wait()
			if got := e.Stats(); got.Open != 0 || got.Idle != 0 || got.Dialed != want {
				t.Errorf("Stats() = %+v; want none open after %d", got, want)
			}
		}
	})
}

// E2.2: a draining connection counts until its calls have ended, and accepts no
// more.
func TestDrainingCounts(t *testing.T) {
	s := &frameServer{}
	s.serve = func(p *peer2, stream uint32) bool {
		if p.number == 1 {
			p.goAway(stream, wire2.ErrCodeNo)
			time.Sleep(3 * time.Second)
		}
		return p.ok(stream)
	}
	s.bubble(t, Config{Block: true, PerHost: 1}, func(t *testing.T, e *Engine) {
		first := after(t, 0, e, t.Context(), s.call(t, "GET"))
		second := after(t, time.Second, e, t.Context(), s.call(t, "GET"))
		time.Sleep(2 * time.Second)
		if got := e.Stats(); got.Open != 1 || got.Waiting != 1 {
			t.Errorf("Stats() = %+v; want the second call to wait", got)
		}
		if got := <-first; got.err != nil || got.took != 3*time.Second {
			t.Errorf("the first call: %+v", got)
		}
		if got := <-second; got.err != nil || got.took != 2*time.Second {
			t.Errorf("the second call: %+v; want a connection as soon as the first is closed", got)
		}
		if n := len(s.conns()); n != 2 {
			t.Errorf("%d connections; want 2", n)
		}
	})
}

// E2.2: every path between Reserve and RoundTrip gives the stream back.
func TestReleaseOnEveryWayOut(t *testing.T) {
	s := &frameServer{serve: okStream, settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 1}}}
	s.bubble(t, Config{Block: true, PerHost: 1}, func(t *testing.T, e *Engine) {
		for range 3 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the hook did not panic")
					}
				}()
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { panic("hook") }})
				e.Do(ctx, s.call(t, "GET"))
			}()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := <-after(t, 0, e, ctx, s.call(t, "GET")); !errors.Is(got.err, context.Canceled) || Sent(got.err) {
			t.Errorf("a call that has ended: %v", got.err)
		}
		if got := <-after(t, 0, e, t.Context(), s.call(t, "GET")); got.err != nil {
			t.Error(got.err)
		}
		if got := e.Stats(); got.Open != 1 || got.Idle != 1 || got.Dialed != 1 {
			t.Errorf("Stats() = %+v; want one idle connection", got)
		}
	})
}

// E2.3: what the server has not acted on goes to another connection, whatever its
// method (RFC 9113, sections 6.8 and 8.7). What it may have acted on does not.
func TestNotSent(t *testing.T) {
	if errGoAway() == nil {
		t.Fatal("the error for GOAWAY could not be provoked")
	}
	for _, tt := range []struct {
		name  string
		serve func(p *peer2, stream uint32) bool // of the first connection
		sent  bool
		err   error // nil: another connection answers
	}{
		{"GOAWAY before it", func(p *peer2, s uint32) bool { p.goAway(0, wire2.ErrCodeNo); return true }, true, nil},
		{"GOAWAY before it, and closed", func(p *peer2, s uint32) bool { p.goAway(0, wire2.ErrCodeNo); return false }, true, nil},
		{"REFUSED_STREAM", func(p *peer2, s uint32) bool {
			p.write(func() { p.WriteRSTStream(s, wire2.ErrCodeRefusedStream) })
			return true
		}, true, nil},
		{"GOAWAY with a code before the first", func(p *peer2, s uint32) bool { p.goAway(0, wire2.ErrCodeEnhanceYourCalm); return false }, false, fault.ConnectionLost},
		{"GOAWAY with it, and closed", func(p *peer2, s uint32) bool { p.goAway(s, wire2.ErrCodeNo); return false }, true, fault.ConnectionLost},
		{"closed", func(p *peer2, s uint32) bool { return false }, true, fault.ConnectionLost},
		{"CANCEL", func(p *peer2, s uint32) bool {
			p.write(func() { p.WriteRSTStream(s, wire2.ErrCodeCancel) })
			return true
		}, true, fault.ConnectionLost},
		{"PROTOCOL_ERROR", func(p *peer2, s uint32) bool {
			p.write(func() { p.WriteRSTStream(s, wire2.ErrCodeProtocol) })
			return true
		}, true, fault.Protocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &frameServer{serve: func(p *peer2, stream uint32) bool {
				if p.number == 1 {
					return tt.serve(p, stream)
				}
				return p.ok(stream)
			}}
			s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
				call := s.call(t, "POST")
				call.Body.Bytes, call.Length = []byte("x"), 1
				got := <-after(t, 0, e, t.Context(), call)
				if !errors.Is(got.err, tt.err) || got.err != nil && Sent(got.err) != tt.sent {
					t.Errorf("%v, sent %t; want %v, %t", got.err, Sent(got.err), tt.err, tt.sent)
				}
			})
		})
	}
}

// E2.3: a server that keeps refusing is asked less and less often, and not for
// ever.
func TestRefusedForEver(t *testing.T) {
	s := &frameServer{serve: func(p *peer2, stream uint32) bool {
		p.write(func() { p.WriteRSTStream(stream, wire2.ErrCodeRefusedStream) })
		return true
	}}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		got := <-after(t, 0, e, t.Context(), s.call(t, "GET"))
		if !errors.Is(got.err, fault.ConnectionLost) || Sent(got.err) || got.took < 31*time.Second || got.took > 36*time.Second {
			t.Errorf("%+v; want it given up after 31 s", got)
		}
	})
}

// E2.3: HTTP_1_1_REQUIRED may come in a GOAWAY, too.
func TestHTTP11RequiredByGoAway(t *testing.T) {
	s := &frameServer{tls: true, serve: func(p *peer2, stream uint32) bool {
		p.goAway(0, wire2.ErrCodeHTTP11Required)
		return false
	}}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		res, err := e.Do(t.Context(), s.call(t, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		if res.Proto != "HTTP/1.1" {
			t.Errorf("answered by %s", res.Proto)
		}
	})
}

// E2.4: ALPN offers what net/http supports.
func TestWithoutHTTP2(t *testing.T) {
	if os.Getenv("GODEBUG") != "http2client=0" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWithoutHTTP2$", "-test.count=1")
		cmd.Env = append(os.Environ(), "GODEBUG=http2client=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	res := askOverTLS(t)
	if res.Proto != "HTTP/1.1" {
		t.Errorf("answered by %s", res.Proto)
	}
}

// A deadlines conn records the deadlines that are set.
type deadlines struct {
	net.Conn
	set *atomic.Int64
}

func (d deadlines) SetDeadline(t time.Time) error      { return d.note(t) }
func (d deadlines) SetReadDeadline(t time.Time) error  { return d.note(t) }
func (d deadlines) SetWriteDeadline(t time.Time) error { return d.note(t) }

func (d deadlines) note(t time.Time) error {
	if !t.IsZero() {
		d.set.Add(1)
	}
	return nil
}

// A slowBody takes a while for each byte.
type slowBody struct {
	left  int
	delay time.Duration
}

func (s *slowBody) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.delay)
	s.left--
	p[0] = 'x'
	return 1, nil
}

func (s *slowBody) Close() error { return nil }

// E2.5: the limit needs no deadline of the connection, and its clock stands still
// while the source is read.
func TestReadLimitOfHTTP2(t *testing.T) {
	var set atomic.Int64
	quiet := make(chan struct{})
	s := &frameServer{wrap: func(c net.Conn) net.Conn { return deadlines{c, &set} }}
	s.serve = func(p *peer2, stream uint32) bool { return true }
	s.data = func(p *peer2, f *wire2.DataFrame) {
		if f.StreamEnded() {
			id := f.StreamID
			go func() {
				time.Sleep(2 * time.Second)
				p.ok(id)
			}()
		}
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		quiet = make(chan struct{})
		upload := func(delay time.Duration) *Call {
			call := s.call(t, "POST")
			call.Read, call.Length = 3*time.Second, 3
			call.Body.Open = func() (io.ReadCloser, error) { return &slowBody{3, delay}, nil }
			return call
		}
		if got := <-after(t, 0, e, t.Context(), upload(10*time.Second)); got.err != nil || got.took != 32*time.Second {
			t.Errorf("a slow source: %+v", got)
		}
		silent := s.call(t, "GET")
		silent.Read = 3 * time.Second
		stalled := after(t, 0, e, t.Context(), silent)
		other := after(t, 2*time.Second, e, t.Context(), upload(time.Second))
		got := <-stalled
		var limit *fault.Limit
		if !errors.As(got.err, &limit) || limit.Kind != error(fault.ReadTimeout) || got.took != 3*time.Second {
			t.Errorf("a silent server: %+v", got)
		}
		if got := <-other; got.err != nil {
			t.Errorf("another call on the connection: %+v", got)
		}
		if got := e.Stats(); got.Dialed != 1 {
			t.Errorf("Stats() = %+v; want one connection for all", got)
		}
		if n := set.Load(); n > 0 {
			t.Errorf("%d deadlines were set on a shared connection", n)
		}
		close(quiet)
	})
}

// A server that is slow, but takes some of the body all the time, is not silent.
// net/http reads as much of a body at once as a frame may contain.
func TestReadLimitOfSlowUploadOfHTTP2(t *testing.T) {
	s := &frameServer{settings: []wire2.Setting{{ID: wire2.SettingMaxFrameSize, Val: 1 << 20}}} // that of Go's server
	s.serve = func(p *peer2, stream uint32) bool { return true }
	var taken time.Time // the frames so far
	s.data = func(p *peer2, f *wire2.DataFrame) {
		id, n, ended := f.StreamID, uint32(len(f.Data())), f.StreamEnded()
		if now := time.Now(); taken.Before(now) {
			taken = now
		}
		taken = taken.Add(time.Duration(n) * 2 * time.Second / (16 << 10))
		wait := time.Until(taken)
		s.tasks.Go(func() {
			time.Sleep(wait)
			p.write(func() {
				if n > 0 {
					p.WriteWindowUpdate(0, n)
					p.WriteWindowUpdate(id, n)
				}
			})
			if ended {
				p.ok(id)
			}
		})
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		body := make([]byte, 512<<10)
		for _, kind := range bodyKinds {
			call := withBody(s.call(t, "POST"), kind, body)
			call.Read = 15 * time.Second
			if got := <-after(t, 0, e, t.Context(), call); got.err != nil {
				t.Errorf("%s: %+v", kind, got)
			}
		}
	})
}

// E2.5: the limit applies to each read of the body, and not to the time between
// them.
func TestReadLimitOfBodyOfHTTP2(t *testing.T) {
	s := &frameServer{}
	s.serve = func(p *peer2, stream uint32) bool {
		p.headers(stream, false, "200")
		for range 3 {
			time.Sleep(2 * time.Second)
			p.write(func() { p.WriteData(stream, false, []byte("x")) })
		}
		return true
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		call := s.call(t, "GET")
		call.Read = 3 * time.Second
		res, err := e.Do(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the caller's own time
		b, err := io.ReadAll(res.Body)
		if string(b) != "xxx" || !errors.Is(err, fault.ReadTimeout) {
			t.Errorf("%q, %v", b, err)
		}
		if _, again := res.Body.Read(make([]byte, 1)); again != err {
			t.Errorf("another Read: %v", again)
		}
	})
}

// A gatedBody is a source whose second Read waits.
type gatedBody struct {
	gate   chan struct{}
	reads  int
	inside atomic.Bool
	closed atomic.Int64
}

func (g *gatedBody) Read(p []byte) (int, error) {
	g.inside.Store(true)
	defer g.inside.Store(false)
	if g.reads++; g.reads > 1 {
		<-g.gate
	}
	p[0] = 'x'
	return 1, nil
}

func (g *gatedBody) Close() error { g.closed.Add(1); return nil }

// E2.6: the response is not returned while somebody reads the source, unless the
// source may block and does.
func TestSourceOfHTTP2IsLeft(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		s := &frameServer{}
		s.serve = func(p *peer2, stream uint32) bool { return true }
		var answered sync.Once
		s.data = func(p *peer2, f *wire2.DataFrame) {
			id := f.StreamID
			answered.Do(func() {
				go func() {
					time.Sleep(time.Second)
					p.headers(id, true, "413")
				}()
			})
		}
		s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
			body := &gatedBody{gate: make(chan struct{})}
			time.AfterFunc(5*time.Second, func() { close(body.gate) })
			call := s.call(t, "POST")
			call.Length, call.Body.Blocks = -1, blocks
			call.Body.Open = func() (io.ReadCloser, error) { return body, nil }
			start := time.Now()
			res, err := e.Do(t.Context(), call)
			if err != nil || res.StatusCode != 413 {
				t.Fatal(res, err)
			}
			want := 5 * time.Second
			if blocks {
				want = time.Second
			}
			if took := time.Since(start); took != want || body.inside.Load() != blocks {
				t.Errorf("blocks %t: answered after %v, a Read under way: %t", blocks, took, body.inside.Load())
			}
			res.Body.Close()
			time.Sleep(10 * time.Second)
			if n := body.closed.Load(); n != 1 {
				t.Errorf("blocks %t: the source was closed %d times", blocks, n)
			}
		})
	}
}

// E2.7: a function that is called with informational responses delays only its own
// call, not others on the connection.
func TestInterimHoldsNobody(t *testing.T) {
	s := &frameServer{}
	s.serve = func(p *peer2, stream uint32) bool {
		if stream == 1 {
			p.headers(stream, false, "103", "link", "</a>")
		}
		return p.ok(stream)
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		var told []int
		call := s.call(t, "GET")
		call.Interim = func(status int, h http.Header) error {
			time.Sleep(10 * time.Second)
			told = append(told, status)
			if h.Get("Link") != "</a>" {
				t.Errorf("fields %v", h)
			}
			return nil
		}
		first := after(t, 0, e, t.Context(), call)
		if got := <-after(t, time.Second, e, t.Context(), s.call(t, "GET")); got.err != nil || got.took != 0 {
			t.Errorf("another call: %+v", got)
		}
		if got := <-first; got.err != nil || len(told) != 1 || told[0] != 103 {
			t.Errorf("%+v, told of %v", got, told)
		}
		mine := errors.New("mine")
		call = s.call(t, "GET")
		s.serve = func(p *peer2, stream uint32) bool { p.headers(stream, false, "103"); return true }
		call.Interim = func(int, http.Header) error { return mine }
		if got := <-after(t, 0, e, t.Context(), call); got.err != mine {
			t.Errorf("%v; want the error of the hook as it is", got.err)
		}
		s.serve = func(p *peer2, stream uint32) bool {
			for range 1 << 10 {
				p.headers(stream, false, "103", "link", strings.Repeat("x", 2<<10))
			}
			return true
		}
		call.Interim = func(int, http.Header) error { return nil }
		if got := <-after(t, 0, e, t.Context(), call); !errors.Is(got.err, fault.Protocol) {
			t.Errorf("%v; want an end of what does not end", got.err)
		}
	})
}

// E2.8: net/http removes the announcement of the trailer from the fields.
func TestAnnouncedTrailerOfHTTP2(t *testing.T) {
	s := &frameServer{}
	s.serve = func(p *peer2, stream uint32) bool {
		p.headers(stream, false, "200", "trailer", "x-sum, x-not")
		p.write(func() { p.WriteData(stream, false, []byte("ok")) })
		p.trailer(stream, "x-sum", "1", "x-late", "2")
		return true
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		res, err := e.Do(t.Context(), s.call(t, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header["Trailer"]; len(got) != 1 || got[0] != "X-Not, X-Sum" {
			t.Errorf("Trailer: %q", got)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "ok" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		if res.Trailer.Get("X-Sum") != "1" || res.Trailer.Get("X-Late") != "2" {
			t.Errorf("the trailer is %v", res.Trailer)
		}
	})
}
