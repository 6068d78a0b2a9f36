package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// With Block, a call that has lost its connection waits for its turn and no longer:
// a used connection makes room for a new one.
func TestBlockMakesRoom(t *testing.T) {
	for name, others := range map[string]int{"one other call": 1, "many": 20} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			p := &pipes{}
			p.answer = func(*http.Request) (time.Duration, string) {
				if requests.Add(1) == 2 {
					return time.Second, "" // and the end
				}
				return time.Second, okText
			}
			p.bubble(t, Config{PerHost: 1, Block: true}, func(t *testing.T, e *Engine) {
				text(t, e, newCall(t, "GET", "http://a.test/"))
				lost := after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/"))
				first := after(t, time.Millisecond, e, t.Context(), newCall(t, "GET", "http://a.test/"))
				var all []<-chan outcome
				for i := range others {
					delay := 1100*time.Millisecond + time.Duration(i)*time.Millisecond // behind it
					all = append(all, after(t, delay, e, t.Context(), newCall(t, "GET", "http://a.test/")))
				}
				if got := <-first; got.err != nil {
					t.Error(got.err)
				}
				if got := <-lost; got.err != nil || got.took != 3*time.Second {
					t.Errorf("the call that lost its connection: %+v; want an answer after 3 s", got)
				}
				for _, done := range all {
					if got := <-done; got.err != nil {
						t.Error(got.err)
					}
				}
			})
		})
	}
}

// A connection may arrive for a call that another one has served meanwhile. It is
// idle then, has never been used, and may have ended like any other.
func TestUnusedConnectionIsStale(t *testing.T) {
	p := &pipes{answer: func(*http.Request) (time.Duration, string) { return 2 * time.Second, okText }}
	var dials atomic.Int32
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		e.Config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) != 2 {
				return p.connect(ctx, network, addr)
			}
			time.Sleep(3250 * time.Millisecond)
			client, server := net.Pipe()
			time.AfterFunc(time.Second/4, func() { server.Close() })
			return client, nil
		}
		first := after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/"))
		second := after(t, time.Second, e, t.Context(), newCall(t, "GET", "http://a.test/"))
		for _, done := range []<-chan outcome{first, second} {
			if got := <-done; got.err != nil {
				t.Fatal(got.err)
			}
		}
		time.Sleep(3 * time.Second / 8)
		if s := e.Stats(); s.Idle != 2 || s.Dialed != 2 {
			t.Fatalf("Stats = %+v; want two idle connections", s)
		}
		time.Sleep(time.Second / 4)
		if got := <-after(t, 0, e, t.Context(), newCall(t, "POST", "http://a.test/")); got.err != nil {
			t.Errorf("%v; want the other connection", got.err)
		}
		if s := e.Stats(); s.Open != 1 || s.Dialed != 2 || s.Reused != 2 {
			t.Errorf("Stats = %+v; want one connection, used three times", s)
		}
	})
}

// CloseIdle and Close may be called at the same time.
func TestCloseIdleBesideClose(t *testing.T) {
	s := &frameServer{serve: okStream}
	s.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		text(t, e, s.call(t, "GET"))
		var all sync.WaitGroup
		all.Go(e.CloseIdle)
		all.Go(func() { e.Close() })
		all.Wait()
		synctest.Wait()
		if got := e.Stats(); got.Open != 0 {
			t.Errorf("Stats() = %+v; want none open", got)
		}
	})
}

// A host that the sweep forgets while a call looks for a stream there must not be
// the one where the call waits: nobody would find its connection.
func TestForgottenHost(t *testing.T) {
	s := &frameServer{serve: okStream}
	e := newEngine(t, Config{Dial: s.dial, UnencryptedHTTP2: true})
	t.Cleanup(s.tasks.Wait)
	t.Cleanup(func() {
		for _, p := range s.conns() {
			p.Close()
		}
	})
	text(t, e, s.call(t, "GET"))
	p := e.recent.Load()
	first := p.last.shared[0]
	first.mu.Lock() // who looks for a stream waits here
	done := make(chan error, 1)
	go func() {
		res, err := e.Do(t.Context(), s.call(t, "GET"))
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		done <- err
	}()
	for range 1000 {
		runtime.Gosched()
	}
	p.mu.Lock()
	delete(p.hosts, p.last.to)
	p.last = nil
	p.mu.Unlock()
	first.leaving = true
	first.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	first.cc.Close()
	text(t, e, s.call(t, "GET"))
	if n := len(s.conns()); n != 2 {
		t.Errorf("%d connections; want the second one used again", n)
	}
}
