package requests

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

var okHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })

// to is a DialContext that leads everything to addr.
func to(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

// meeting answers requests once n of them are there.
func meeting(n int) func(*faulty, net.Conn) {
	var mu sync.Mutex
	here, all := 0, make(chan bool)
	return func(f *faulty, c net.Conn) {
		br := bufio.NewReader(c)
		for f.request(br) != nil {
			mu.Lock()
			if here++; here == n {
				here = 0
				close(all)
				all = make(chan bool)
				mu.Unlock()
			} else {
				wait := all
				mu.Unlock()
				<-wait
			}
			io.WriteString(c, okAnswer)
		}
	}
}

func TestPoolSizes(t *testing.T) {
	const parallel = 32
	burst := func(t *testing.T, s *Session, url string) {
		var wg sync.WaitGroup
		for range parallel {
			wg.Go(func() {
				if _, err := s.Get(bg, url); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	t.Run("the default keeps 32", func(t *testing.T) {
		f := newFaulty(t, meeting(parallel))
		a := new(HTTPAdapter)
		s := over(t, a)
		for range 3 {
			burst(t, s, f.url())
		}
		if got := statsOf(a, func(s Stats) bool { return s.Idle == s.Open }); got.Dialed != parallel || got.Reused != 2*parallel || got.Open != parallel || got.Idle != parallel {
			t.Errorf("Stats() = %+v; want %d connections used three times", got, parallel)
		}
	})
	t.Run("PoolMaxSize", func(t *testing.T) {
		f := newFaulty(t, meeting(parallel))
		a := &HTTPAdapter{PoolMaxSize: 4}
		burst(t, over(t, a), f.url())
		if got := statsOf(a, func(s Stats) bool { return s.Open <= 4 }); got.Dialed != parallel || got.Idle > 4 {
			t.Errorf("Stats() = %+v; want %d dialled and 4 kept", got, parallel)
		}
	})
	t.Run("PoolBlock", func(t *testing.T) {
		f := newFaulty(t, answering(okAnswer))
		a := &HTTPAdapter{PoolMaxSize: 2, PoolBlock: true}
		burst(t, over(t, a), f.url())
		if n := f.conns.Load(); n > 2 {
			t.Errorf("the server saw %d connections; want 2", n)
		}
	})
}

// TestPoolWait is B018: who waits for a connection obeys the context, and
// takes no place with them.
func TestPoolWait(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	a := &HTTPAdapter{PoolMaxSize: 1, PoolBlock: true}
	s := over(t, a)
	first, err := s.Get(bg, f.url(), Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bg)
	failed := make(chan error)
	go func() {
		_, err := s.Get(ctx, f.url())
		failed <- err
	}()
	for a.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := a.Stats(); got.Open != 1 || got.Idle != 0 || got.Waiting != 1 {
		t.Errorf("Stats() = %+v; want one connection in use and one request waiting", got)
	}
	cancel()
	isAll(t, <-failed, context.Canceled)
	_, err = s.Get(bg, f.url(), Timeout{Total: 20 * time.Millisecond})
	isAll(t, err, ErrTotalTimeout)
	if first.Text() != "ok" {
		t.Error("the first response is not whole")
	}
	if _, err := s.Get(bg, f.url()); err != nil {
		t.Error(err)
	}
	if got := statsOf(a, func(s Stats) bool { return s.Waiting == 0 }); got.Waiting != 0 || got.Dialed != 1 {
		t.Errorf("Stats() = %+v; want nobody waiting and one connection dialled", got)
	}
}

// TestPoolLRU gives up the pool that was not used for the longest time, but not
// under the response that still uses it.
func TestPoolLRU(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	a := &HTTPAdapter{PoolConnections: 2, DialContext: to(f.addr)}
	s := over(t, a)
	proxy := func(name string) Proxies { return Proxies{"http": "http://" + name} }
	held, err := s.Get(bg, "http://h.test/", proxy("a.test"), Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		proxy   string
		dialled int64
	}{{"b.test", 2}, {"c.test", 3}, {"b.test", 3}, {"d.test", 4}, {"b.test", 4}, {"c.test", 5}} {
		if _, err := s.Get(bg, "http://h.test/", proxy(tt.proxy)); err != nil {
			t.Fatal(err)
		}
		if got := a.Stats(); got.Dialed != tt.dialled {
			t.Errorf("after %s: Stats() = %+v; want %d dialled", tt.proxy, got, tt.dialled)
		}
	}
	if held.Text() != "ok" {
		t.Errorf("the response of a pool that was given up: %v", held.Err())
	}
	if got := statsOf(a, func(s Stats) bool { return s.Open == 2 }); got.Open != 2 {
		t.Errorf("Stats() = %+v; want the connections of two pools open", got)
	}
}

// TestPoolsAreBounded is A202: a program that names ever more proxies does not
// keep a pool for each.
func TestPoolsAreBounded(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	a := &HTTPAdapter{DialContext: to(f.addr)}
	s := over(t, a)
	const many, most = 100, 64
	for i := range many {
		if _, err := s.Get(bg, "http://h.test/", Proxies{"http": fmt.Sprintf("http://p%d.test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := statsOf(a, func(s Stats) bool { return s.Open <= most }); got.Open > most || got.Dialed != many {
		t.Errorf("A202 Stats() = %+v; want %d dialled, at most %d open", got, many, most)
	}
}
