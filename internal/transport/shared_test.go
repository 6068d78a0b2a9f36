package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	wire2 "golang.org/x/net/http2"

	"github.com/go-requests/requests/internal/fault"
)

// E3.4, E3.5: while the protocol of an endpoint is unknown, one dial runs. The
// other calls wait for its ALPN, and share its connection.
func TestOneDialForManyOfHTTP2(t *testing.T) {
	s := &frameServer{tls: true, serve: okStream}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		var calls []<-chan outcome
		for range 20 {
			calls = append(calls, after(t, 0, e, t.Context(), s.call(t, "GET")))
		}
		for _, c := range calls {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
		if got := e.Stats(); got.Dialed != 1 || got.Reused != 19 || got.Waiting != 0 {
			t.Errorf("Stats() = %+v; want one connection for all", got)
		}
	})
}

// E3.7: the protocol is remembered, until a connection contradicts it.
func TestProtocolIsForgotten(t *testing.T) {
	s := &frameServer{tls: true, serve: okStream}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		ask := func(want string) {
			t.Helper()
			res, err := e.Do(t.Context(), s.call(t, "GET"))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			if res.Proto != want {
				t.Errorf("answered by %s; want %s", res.Proto, want)
			}
		}
		ask("HTTP/2.0")
		s.plain.Store(true)
		e.CloseIdle()
		synctest.Wait()
		ask("HTTP/1.1")
		s.plain.Store(false)
		e.CloseIdle()
		synctest.Wait()
		ask("HTTP/2.0")
	})
}

// E3.9: more calls than MAX_CONCURRENT_STREAMS open another connection or, with
// Block, wait for a stream to become free.
func TestStreamsRunOut(t *testing.T) {
	for _, block := range []bool{false, true} {
		s := &frameServer{settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 2}}}
		s.serve = func(p *peer2, stream uint32) bool {
			time.Sleep(time.Second)
			return p.ok(stream)
		}
		s.bubble(t, Config{Block: block, PerHost: 1}, func(t *testing.T, e *Engine) {
			if got := <-after(t, 0, e, t.Context(), s.call(t, "GET")); got.err != nil {
				t.Fatal(got.err)
			}
			var calls []<-chan outcome
			for range 6 {
				calls = append(calls, after(t, 0, e, t.Context(), s.call(t, "GET")))
			}
			var total time.Duration
			for _, c := range calls {
				got := <-c
				if got.err != nil {
					t.Error(got.err)
				}
				total += got.took
			}
			// net/http may forget a stream a moment after its response: then a call
			// finds the connection full and dials, or waits for one round more.
			least, most, dialed := 6*time.Second, 6*time.Second, int64(3) // all at once
			if block {
				least, most, dialed = (1+1+2+2+3+3)*time.Second, (1+1+2+2+3+4)*time.Second, 1
			}
			got := e.Stats()
			if late := got.Dialed - dialed; late != 0 && (block || late != 1) {
				t.Errorf("block %t: Stats() = %+v; want %d connections", block, got, dialed)
			}
			if total < least || total > most || got.Waiting != 0 {
				t.Errorf("block %t: %v for all, Stats() = %+v; want %v to %v and nobody waiting", block, total, got, least, most)
			}
		})
	}
}

// E3.10, E3.11: a free stream goes to the call that has waited longest, and a call
// that gives up is skipped.
func TestFreedStreamGoesToTheFirst(t *testing.T) {
	s := &frameServer{settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 1}}}
	s.serve = func(p *peer2, stream uint32) bool {
		time.Sleep(time.Second)
		return p.ok(stream)
	}
	s.bubble(t, Config{Block: true, PerHost: 1}, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		first := after(t, 0, e, t.Context(), s.call(t, "GET"))
		gone := after(t, 100*time.Millisecond, e, ctx, s.call(t, "GET"))
		second := after(t, 200*time.Millisecond, e, t.Context(), s.call(t, "GET"))
		third := after(t, 300*time.Millisecond, e, t.Context(), s.call(t, "GET"))
		time.AfterFunc(500*time.Millisecond, cancel)
		if got := <-gone; !errors.Is(got.err, context.Canceled) {
			t.Error(got)
		}
		for i, c := range []<-chan outcome{first, second, third} {
			want := []time.Duration{1000, 1800, 2700}[i] * time.Millisecond
			if got := <-c; got.err != nil || got.took != want {
				t.Errorf("call %d: %+v; want %v", i, got, want)
			}
		}
	})
}

// Pings find dead connections.
func TestPingFindsTheDead(t *testing.T) {
	s := &frameServer{deaf: true}
	s.serve = func(p *peer2, stream uint32) bool {
		if p.number == 1 {
			return true
		}
		return p.ok(stream)
	}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		call := s.call(t, "POST")
		call.Read = 0
		got := <-after(t, 0, e, t.Context(), call)
		if !errors.Is(got.err, fault.ConnectionLost) || got.took != pingAfter+pingTimeout {
			t.Errorf("%+v; want the connection given up", got)
		}
		if got := <-after(t, 0, e, t.Context(), call); got.err != nil {
			t.Errorf("another connection: %v", got.err)
		}
	})
}

// A server that takes nothing any more, but continues to send, is given up.
func TestStuckWrite(t *testing.T) {
	client, server := pair(t, "tcp")
	s := &shared{link: newLink(client)}
	s.out.writes.Store(1)
	for range stuckAfter {
		s.checkWrite()
	}
	say(t, s.link, "x")
	hear(t, server, "x")
	s.out.writes.Store(3) // another one
	for range stuckAfter {
		s.checkWrite()
	}
	say(t, s.link, "x")
	hear(t, server, "x")
	s.checkWrite()
	if n, err := server.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came; want the connection closed", n)
	}
}

// A frames gets the same result however its bytes are split.
func TestFramesInPieces(t *testing.T) {
	var wire bytes.Buffer
	w := wire2.NewFramer(&wire, nil)
	w.WriteSettings(wire2.Setting{ID: wire2.SettingInitialWindowSize, Val: 7}, wire2.Setting{ID: wire2.SettingMaxConcurrentStreams, Val: 12})
	w.WriteSettingsAck()
	w.WriteData(1, false, bytes.Repeat([]byte{4, 7, 0}, 1000)) // which is no frame
	w.WriteSettings()
	w.WriteGoAway(9, wire2.ErrCodeHTTP11Required, []byte("debug"))
	w.WritePing(true, [8]byte{})
	b := wire.Bytes()
	for size := 1; size < 40; size++ {
		var f frames
		for rest := b; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			f.parse(rest[:min(size, len(rest))])
		}
		if !f.settings || f.most != 12 || !f.news || !f.goAway.Load() || f.last.Load() != 9 || f.code.Load() != http11Required || f.part != inHead || f.n != 0 {
			t.Errorf("in pieces of %d: %+v", size, &f)
		}
	}
}

// E2.3: RFC 9113, section 8.7: after REFUSED_STREAM the connection gets no stream
// until another one has ended.
func TestRefusedWhileOthersGoOn(t *testing.T) {
	for _, block := range []bool{false, true} {
		var now atomic.Int32
		s := &frameServer{}
		s.serve = func(p *peer2, stream uint32) bool {
			if p.number == 1 && now.Add(1) > 1 {
				now.Add(-1)
				p.write(func() { p.WriteRSTStream(stream, wire2.ErrCodeRefusedStream) })
				return true
			}
			time.Sleep(3 * time.Second)
			if p.number == 1 {
				now.Add(-1)
			}
			return p.ok(stream)
		}
		s.bubble(t, Config{Block: block, PerHost: 1}, func(t *testing.T, e *Engine) {
			first := after(t, 0, e, t.Context(), s.call(t, "GET"))
			second := after(t, time.Second, e, t.Context(), s.call(t, "POST"))
			if got := <-first; got.err != nil {
				t.Error(got.err)
			}
			want, conns := 3*time.Second, 2 // on a connection of its own
			if block {
				want, conns = 5*time.Second, 1
			}
			if got := <-second; got.err != nil || got.took != want {
				t.Errorf("block %t: the call that was refused: %+v; want an answer after %v", block, got, want)
			}
			refused := s.conns()[0].seen.Load()
			if n := len(s.conns()); n != conns || refused != int64(4-conns) {
				t.Errorf("block %t: %d connections and %d requests on the first; want %d and %d", block, n, refused, conns, 4-conns)
			}
		})
	}
}

// E2.2: if a stream ends at the same moment, a connection without free streams must
// not look as if it was draining.
func TestFullIsNotDraining(t *testing.T) {
	s := &frameServer{settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 4}}, serve: okStream}
	e := newEngine(t, Config{Dial: s.dial, UnencryptedHTTP2: true, Block: true, PerHost: 1})
	t.Cleanup(s.tasks.Wait)
	t.Cleanup(func() { e.Close() })
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 300 {
				res, err := e.Do(t.Context(), s.call(t, "GET"))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := e.Stats(); got.Dialed != 1 {
		t.Errorf("Stats() = %+v; want one connection", got)
	}
}

// E2.2: methods of a ClientConn are not called under the lock of the pool, which
// its hook takes.
func TestHookWithoutLock(t *testing.T) {
	s := &frameServer{serve: okStream, settings: []wire2.Setting{{ID: wire2.SettingMaxConcurrentStreams, Val: 1}}}
	e := newEngine(t, Config{Dial: s.dial, UnencryptedHTTP2: true, Block: true, PerHost: 1})
	t.Cleanup(s.tasks.Wait)
	t.Cleanup(func() { e.Close() })
	text(t, e, s.call(t, "GET"))
	p := e.recent.Load()
	h := p.last
	first := h.shared[0]
	await(t, "SETTINGS and a free stream", func() bool {
		first.mu.Lock()
		defer first.mu.Unlock()
		return first.hasSettings && first.calls == 0 && first.cc.Available() == 1
	})
	var calls atomic.Int32
	first.hooked.Store(true)
	first.cc.SetStateHook(func(*http.ClientConn) {
		calls.Add(1)
		free := make(chan bool)
		go func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			close(free)
		}()
		select {
		case <-free:
		case <-time.After(5 * time.Second):
			t.Error("the hook was called under the lock of the pool")
			return
		}
		h.lend() // as the hook of the engine
	})
	for name, act := range map[string]func(){
		"a response read to its end": func() { text(t, e, s.call(t, "GET")) },
		"a response closed": func() {
			res, err := e.Do(t.Context(), s.call(t, "GET"))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		},
		"a stream that nobody wants": func() {
			if ok, _ := first.reserve(); !ok {
				t.Fatal("no stream")
			}
			first.release()
		},
		"a call that waits for a stream": func() {
			if ok, _ := first.reserve(); !ok {
				t.Fatal("no stream")
			}
			waiting := after(t, 0, e, t.Context(), s.call(t, "GET"))
			await(t, "the waiter", func() bool { return e.Stats().Waiting == 1 })
			first.release()
			h.lend()
			if got := <-waiting; got.err != nil {
				t.Error(got.err)
			}
		},
	} {
		before := calls.Load()
		await(t, "the hook after "+name, func() bool { // it is not called while it runs
			act()
			await(t, "a free stream", func() bool { return first.cc.Available() == 1 })
			return calls.Load() > before
		})
	}
	before := calls.Load()
	e.CloseIdle()
	await(t, "the hook after CloseIdle", func() bool { return calls.Load() > before })
}
