package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

const okText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A pipes is a network of net.Pipe, for synctest bubbles: making a connection and
// answering take a set time.
type pipes struct {
	dial   time.Duration // how long the next dials take
	answer func(r *http.Request) (time.Duration, string)
	server *tls.Config // nil: in the clear
	fails  error       // of the dials

	mu      sync.Mutex
	dials   int // begun
	gone    int // of these, given up
	servers sync.WaitGroup
}

func (p *pipes) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	p.dials++
	delay := p.dial
	p.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		p.mu.Lock()
		p.gone++
		p.mu.Unlock()
		return nil, ctx.Err()
	}
	if p.fails != nil {
		return nil, p.fails
	}
	client, server := net.Pipe()
	p.servers.Go(func() { p.serve(server) })
	return client, nil
}

func (p *pipes) serve(c net.Conn) {
	defer c.Close()
	if p.server != nil {
		c = tls.Server(c, p.server)
	}
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		delay, text := time.Duration(0), okText
		if p.answer != nil {
			delay, text = p.answer(r)
		}
		time.Sleep(delay)
		if _, err := io.WriteString(c, text); err != nil || text == "" {
			return
		}
	}
}

// seen returns how many dials were begun, and how many given up.
func (p *pipes) seen() (dials, gone int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials, p.gone
}

// bubble runs a test in a bubble, with an engine that uses p.
func (p *pipes) bubble(t *testing.T, c Config, test func(t *testing.T, e *Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.Dial = p.connect
		e := &Engine{Config: c}
		defer p.servers.Wait()
		defer e.Close()
		test(t, e)
	})
}

// An outcome is the result of a call.
type outcome struct {
	took time.Duration
	err  error
}

// after makes a call after a while.
func after(t *testing.T, delay time.Duration, e *Engine, ctx context.Context, call *Call) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		time.Sleep(delay)
		start := time.Now()
		res, err := e.Do(ctx, call)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		done <- outcome{time.Since(start), err}
	}()
	return done
}

// skipVerify is a route that does not verify the server.
var skipVerify = Route{TLS: TLS{SkipVerify: true}}

// E3.1: a dial belongs to the pool. When its call ends, it continues as long as
// somebody waits for it, and no longer.
func TestDialOutlivesItsCall(t *testing.T) {
	p := &pipes{dial: 5 * time.Second}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		first := after(t, 0, e, ctx, newCall(t, "GET", "http://a.test/"))
		second := after(t, 3*time.Second, e, t.Context(), newCall(t, "GET", "http://a.test/"))
		time.Sleep(4 * time.Second)
		cancel()
		if got := <-first; !errors.Is(got.err, context.Canceled) || got.took != 4*time.Second {
			t.Errorf("the first call: %+v", got)
		}
		if got := <-second; got.err != nil || got.took != 2*time.Second {
			t.Errorf("the second call: %+v; want the connection that was begun for the first", got)
		}
	})
}

// E3.1: Dial gets the values of the context of the call.
func TestDialHasValuesOfItsCall(t *testing.T) {
	type key struct{}
	var got any
	e := newEngine(t, Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		got = ctx.Value(key{})
		return new(net.Dialer).DialContext(ctx, network, addr)
	}})
	call := newCall(t, "GET", serving(t, saying(okText)))
	res, err := e.Do(context.WithValue(t.Context(), key{}, "value"), call)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	if got != "value" {
		t.Errorf("the dial had the value %v", got)
	}
}

// E3.2: a dial that nobody waits for any more is given up.
func TestDialEndsWhenNobodyWaits(t *testing.T) {
	p := &pipes{dial: time.Hour}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		call := newCall(t, "GET", "http://a.test/")
		call.Connect = 0
		first, second := after(t, 0, e, ctx, call), after(t, 0, e, ctx, call)
		time.Sleep(time.Second)
		cancel()
		<-first
		<-second
		synctest.Wait()
		if dials, gone := p.seen(); dials != 2 || gone != 2 {
			t.Errorf("%d dials, %d given up; want both", dials, gone)
		}
		if s := e.Stats(); s != (Stats{}) {
			t.Errorf("Stats = %+v; want nothing", s)
		}
	})
}

// E3.8: a waiter takes whatever comes first. Its dial continues for the next call.
func TestFreedConnectionBeforeDial(t *testing.T) {
	p := &pipes{dial: time.Second, answer: func(*http.Request) (time.Duration, string) { return 2 * time.Second, okText }}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		first := after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/"))
		time.Sleep(2 * time.Second)
		p.mu.Lock()
		p.dial = 3 * time.Second
		p.mu.Unlock()
		second := after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/"))
		<-first
		if got := <-second; got.err != nil || got.took != 3*time.Second {
			t.Errorf("the second call: %+v; want it on the connection of the first, after 1 s", got)
		}
		time.Sleep(3 * time.Second)
		if s := e.Stats(); s.Dialed != 2 || s.Idle != 2 || s.Reused != 1 {
			t.Errorf("Stats = %+v; want both connections idle", s)
		}
	})
}

// E3.3: each call has its own Connect limit, which ends only that call.
func TestConnectLimitOfEach(t *testing.T) {
	p := &pipes{dial: 5 * time.Second, server: &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1"}}}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		short, long := newCall(t, "GET", "https://a.test/"), newCall(t, "GET", "https://a.test/")
		short.Connect, long.Connect = time.Second, 20*time.Second
		short.Route, long.Route = skipVerify, skipVerify
		first := after(t, 0, e, t.Context(), short)
		second := after(t, 0, e, t.Context(), long)
		got := <-first
		var limit *fault.Limit
		if !errors.As(got.err, &limit) || limit.Kind != error(fault.ConnectTimeout) || limit.After != time.Second || got.took != time.Second || Sent(got.err) {
			t.Errorf("the first call: %+v; want it to end by its limit", got)
		}
		if got := <-second; got.err != nil {
			t.Errorf("the second call: %+v; want it to go on", got)
		}
	})
}

// Dial may ignore the end of its context. The call does not.
func TestConnectLimitOfDeafDial(t *testing.T) {
	p := &pipes{}
	released := make(chan bool)
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		released = make(chan bool)
		e.Config.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-released
			return nil, errors.New("late")
		}
		call := newCall(t, "GET", "http://a.test/")
		call.Connect = 3 * time.Second
		if got := <-after(t, 0, e, t.Context(), call); !errors.Is(got.err, fault.ConnectTimeout) || got.took != 3*time.Second {
			t.Errorf("%+v; want the limit", got)
		}
		close(released)
	})
}

// E3.4, E3.5: until ALPN has told what the server speaks, one dial serves all
// calls. Then each call of HTTP/1.1 gets one.
func TestOneDialUntilALPN(t *testing.T) {
	p := &pipes{dial: time.Second, server: &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1"}}}
	p.answer = func(*http.Request) (time.Duration, string) { return time.Hour, okText }
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		var all []<-chan outcome
		for range 4 {
			call := newCall(t, "GET", "https://a.test/")
			call.Route, call.Read = skipVerify, 0
			all = append(all, after(t, 0, e, t.Context(), call))
		}
		for _, want := range []int{1, 4} {
			time.Sleep(time.Second / 2)
			if dials, _ := p.seen(); dials != want {
				t.Errorf("%d dials; want %d", dials, want)
			}
			time.Sleep(time.Second / 2)
		}
		for _, done := range all {
			if got := <-done; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// E3.6: the error of a dial ends all calls that wait for it.
func TestDialErrorForAll(t *testing.T) {
	refused := errors.New("refused")
	p := &pipes{dial: time.Second, fails: refused}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		var all []<-chan outcome
		for range 4 {
			call := newCall(t, "GET", "https://a.test/")
			call.Route = skipVerify
			all = append(all, after(t, 0, e, t.Context(), call))
		}
		for _, done := range all {
			if got := <-done; !errors.Is(got.err, refused) || !errors.Is(got.err, fault.Connection) || Sent(got.err) {
				t.Errorf("error %v; want %v", got.err, refused)
			}
		}
		if dials, _ := p.seen(); dials != 1 {
			t.Errorf("%d dials; want 1", dials)
		}
	})
}

// A dial that fails ends one wait, even if another connection has served its own
// call.
func TestDialErrorForOne(t *testing.T) {
	var dials atomic.Int32
	p := &pipes{}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		e.Config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				time.Sleep(3 * time.Second)
				return nil, errors.New("refused")
			}
			return p.connect(ctx, network, addr)
		}
		p.answer = func(*http.Request) (time.Duration, string) { return time.Minute, okText }
		call := newCall(t, "GET", "http://a.test/")
		call.Read = 0
		first, second := after(t, 0, e, t.Context(), call), after(t, time.Second, e, t.Context(), call)
		if got := <-second; got.err == nil || got.took != 2*time.Second {
			t.Errorf("the second call: %+v; want the error of the dial that is left", got)
		}
		if got := <-first; got.err != nil {
			t.Errorf("the first call: %+v; want it on the connection of the second", got)
		}
	})
}

// E3.10: the call that has waited longest comes first, whichever dial makes a
// connection.
func TestFirstComeFirstServed(t *testing.T) {
	takes := []time.Duration{9 * time.Second, 2 * time.Second, 3 * time.Second}
	var dials atomic.Int32
	p := &pipes{answer: func(*http.Request) (time.Duration, string) { return time.Minute, okText }}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		e.Config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(takes[dials.Add(1)-1])
			return p.connect(ctx, network, addr)
		}
		var all []<-chan outcome
		for i := range takes {
			call := newCall(t, "GET", "http://a.test/")
			call.Read = 0
			all = append(all, after(t, time.Duration(i)*time.Millisecond, e, t.Context(), call))
		}
		for i, want := range []time.Duration{2, 3, 9} { // all within the Connect limit
			if got := <-all[i]; got.err != nil || got.took.Round(time.Second) != time.Minute+want*time.Second {
				t.Errorf("call %d: %v %v; want its connection after %d s", i, got.took, got.err, want)
			}
		}
	})
}

// A call that has lost a connection tries a new one, not another used one, which
// may be dead, too.
func TestFreshConnectionAfterLoss(t *testing.T) {
	var requests atomic.Int32
	p := &pipes{dial: time.Second}
	p.answer = func(r *http.Request) (time.Duration, string) {
		switch n := requests.Add(1); {
		case r.URL.Path == "/slow":
			return 500 * time.Millisecond, okText
		case n == 4:
			return 0, "" // and the end, since the text is empty
		}
		return 0, okText
	}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		both := []<-chan outcome{
			after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/slow")),
			after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/")),
		}
		<-both[0]
		<-both[1]
		slow := after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/slow"))
		time.Sleep(time.Millisecond)
		if got := <-after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/")); got.err != nil || got.took != time.Second {
			t.Errorf("%+v; want it on a new connection, after 1 s", got)
		}
		<-slow
	})
}

// E3.9, E3.11: with Block, PerHost bounds the connections. Waiting calls are served
// in order, and Connect does not run meanwhile.
func TestBlock(t *testing.T) {
	p := &pipes{answer: func(*http.Request) (time.Duration, string) { return time.Minute, okText }}
	p.bubble(t, Config{PerHost: 2, Block: true}, func(t *testing.T, e *Engine) {
		var mu sync.Mutex
		var order []int
		var all []<-chan outcome
		for i := range 8 {
			call := newCall(t, "GET", "http://a.test/")
			call.Connect, call.Read = time.Second, 0
			done := after(t, time.Duration(i)*time.Millisecond, e, t.Context(), call)
			end := make(chan outcome, 1)
			go func() {
				got := <-done
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				end <- got
			}()
			all = append(all, end)
		}
		time.Sleep(time.Second)
		if s := e.Stats(); s.Open != 2 || s.Waiting != 6 || s.Idle != 0 {
			t.Errorf("Stats = %+v; want 2 open and 6 waiting", s)
		}
		for i, done := range all {
			if got := <-done; got.err != nil {
				t.Errorf("call %d: %v", i, got.err)
			}
		}
		if !slices.IsSorted(order) {
			t.Errorf("they were served in the order %v", order)
		}
		if dials, _ := p.seen(); dials != 2 {
			t.Errorf("%d dials; want 2", dials)
		}
	})
}

// A connection that is closed makes room for another one.
func TestBlockAfterClose(t *testing.T) {
	p := &pipes{answer: func(*http.Request) (time.Duration, string) {
		return time.Second, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
	}}
	p.bubble(t, Config{PerHost: 1, Block: true}, func(t *testing.T, e *Engine) {
		var all []<-chan outcome
		for range 3 {
			all = append(all, after(t, 0, e, t.Context(), newCall(t, "GET", "http://a.test/")))
		}
		for _, done := range all {
			if got := <-done; got.err != nil {
				t.Error(got.err)
			}
		}
		if s := e.Stats(); s.Dialed != 3 || s.Open != 0 {
			t.Errorf("Stats = %+v; want 3 dialled and none open", s)
		}
	})
}

// A call that has given up takes no place.
func TestBlockGivenUp(t *testing.T) {
	p := &pipes{answer: func(*http.Request) (time.Duration, string) { return time.Minute, okText }}
	p.bubble(t, Config{PerHost: 1, Block: true}, func(t *testing.T, e *Engine) {
		call := newCall(t, "GET", "http://a.test/")
		call.Read = 0
		first := after(t, 0, e, t.Context(), call)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := after(t, time.Millisecond, e, ctx, call)
		third := after(t, 2*time.Millisecond, e, t.Context(), call)
		if got := <-second; !errors.Is(got.err, context.DeadlineExceeded) || !errors.Is(got.err, fault.Timeout) || errors.Is(got.err, fault.ConnectTimeout) {
			t.Errorf("the second call: %v; want the deadline of its context", got.err)
		}
		for _, done := range []<-chan outcome{first, third} {
			if got := <-done; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// A connection belongs to one scheme, host, port, TLS setting and proxy. An address
// in one zone is not the same address in another (A173).
func TestEndpointsApart(t *testing.T) {
	var dialled []string
	p := &pipes{}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		e.Config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled = append(dialled, addr)
			return p.connect(ctx, network, addr)
		}
		for _, u := range []string{
			"http://a.test/", "http://a.test:80/", "http://a.test:81/", "http://b.test/", "http://[fe80::1%25eth0]/", "http://[fe80::1%25eth1]/", "http://a.test/",
		} {
			text(t, e, newCall(t, "GET", u))
		}
		want := "a.test:80 a.test:81 b.test:80 [fe80::1%eth0]:80 [fe80::1%eth1]:80"
		if got := strings.Join(dialled, " "); got != want {
			t.Errorf("dialled %s; want %s", got, want)
		}
	})
}

// An https call never uses a connection that was made for http, even to the same
// address.
func TestSchemesApart(t *testing.T) {
	p := &pipes{}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		text(t, e, newCall(t, "GET", "http://a.test:443/"))
		call := newCall(t, "GET", "https://a.test/")
		call.Route = skipVerify
		p.server = &tls.Config{Certificates: []tls.Certificate{certificate()}}
		res, err := e.Do(t.Context(), call)
		if err != nil || res.TLS == nil {
			t.Fatalf("Do = %+v, %v; want a response over TLS", res, err)
		}
		io.Copy(io.Discard, res.Body)
		if s := e.Stats(); s.Dialed != 2 || s.Reused != 0 {
			t.Errorf("Stats = %+v; want a connection for each", s)
		}
	})
}

// The pool that was not used for the longest time is given up, even while a
// response uses one of its connections.
func TestRoutesAreBounded(t *testing.T) {
	p := &pipes{}
	p.bubble(t, Config{Routes: 2}, func(t *testing.T, e *Engine) {
		held, err := e.Do(t.Context(), newCall(t, "GET", "http://a.test/"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			call := newCall(t, "GET", "http://a.test/")
			call.Route.Proxy = Proxy{Scheme: "http", Host: fmt.Sprintf("p%d.test:80", i)}
			text(t, e, call)
		}
		if s := e.Stats(); s.Open != 2 || s.Dialed != 5 {
			t.Errorf("Stats = %+v; want the connections of two routes", s)
		}
		if b, err := io.ReadAll(held.Body); string(b) != "ok" || err != nil {
			t.Errorf("the response of a route that was given up: %q, %v", b, err)
		}
	})
}

func TestClose(t *testing.T) {
	p := &pipes{}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		text(t, e, newCall(t, "GET", "http://a.test/"))
		held, err := e.Do(t.Context(), newCall(t, "GET", "http://b.test/"))
		if err != nil {
			t.Fatal(err)
		}
		e.CloseIdle()
		if s := e.Stats(); s.Open != 1 || s.Idle != 0 {
			t.Errorf("after CloseIdle Stats = %+v", s)
		}
		e.Close()
		if _, err := e.Do(t.Context(), newCall(t, "GET", "http://a.test/")); !errors.Is(err, fault.Closed) {
			t.Errorf("Do after Close: %v; want %v", err, fault.Closed)
		}
		if b, err := io.ReadAll(held.Body); string(b) != "ok" || err != nil {
			t.Errorf("a response after Close: %q, %v", b, err)
		}
		if s := e.Stats(); s.Open != 0 {
			t.Errorf("Stats = %+v; want nothing open", s)
		}
	})
}

func TestDialOfNothing(t *testing.T) {
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"neither connection nor error": func(context.Context, string, string) (net.Conn, error) { return nil, nil },
		"a nil pointer":                func(context.Context, string, string) (net.Conn, error) { return (*net.TCPConn)(nil), nil },
		"a panic":                      func(context.Context, string, string) (net.Conn, error) { panic("oh") },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Config{Dial: dial})
			if _, err := e.Do(t.Context(), newCall(t, "GET", "http://a.test/")); !errors.Is(err, fault.InvalidOption) {
				t.Errorf("Do: %v; want %v", err, fault.InvalidOption)
			}
		})
	}
}
