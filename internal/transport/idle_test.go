package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// newPoolOf returns a pool, and a function that adds an idle connection to a host
// and returns its other end.
func newPoolOf(t *testing.T, c Config) (*pool, func(host string) (*conn, net.Conn)) {
	t.Helper()
	p, err := newPool(&Engine{Config: c}, new(Route))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.retire)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return p, func(host string) (*conn, net.Conn) {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); server.Close() })
		return addIdle(p, host, client), server
	}
}

// addIdle makes nc an idle connection to the host.
func addIdle(p *pool, host string, nc net.Conn) *conn {
	p.mu.Lock()
	h := p.hostFor(endpoint{host: host, port: "80"})
	h.open++
	p.open++
	p.mu.Unlock()
	c := newConn(newLink(nc), h)
	c.link.park()
	p.put(c)
	return c
}

func isClosed(c *conn) bool { return c.link.SetDeadline(time.Time{}) != nil }

func TestIdle(t *testing.T) {
	p, put := newPoolOf(t, Config{PerHost: 2})
	first, _ := put("a")
	last, _ := put("a")
	surplus, _ := put("a")
	other, _ := put("b")
	if !isClosed(surplus) || isClosed(first) {
		t.Error("want the third connection closed, and no other")
	}
	if s := p.stats(); s.Idle != 3 || s.Open != 3 {
		t.Errorf("stats = %+v; want 3 open and idle", s)
	}
	h := first.host
	for _, want := range []*conn{last, first, nil} {
		if got, _ := h.take(time.Now()); got != want {
			t.Errorf("take = %p; want %p: the one that was used last comes first", got, want)
		}
	}
	p.retire()
	p.put(last)
	if !isClosed(other) || !isClosed(last) {
		t.Error("a connection is open in a pool that was given up")
	}
}

// The sweep finds dead connections that nobody asks for, and forgets hosts without
// connections.
func TestSweep(t *testing.T) {
	p, put := newPoolOf(t, Config{})
	old, _ := put("a")
	dead, server := put("a")
	alive, _ := put("a")
	old.since -= int64(defaultIdleTimeout)
	server.Close()
	for dead.link.alive() {
		time.Sleep(time.Millisecond)
	}
	p.sweepAll()
	if s := p.stats(); s.Idle != 1 || s.Open != 1 || isClosed(alive) || !isClosed(old) || !isClosed(dead) || p.sweep == nil {
		t.Errorf("stats = %+v; want the one that is alive, and the next sweep", s)
	}
	p.closeIdle()
	p.sweepAll()
	if len(p.hosts) != 0 || p.sweep != nil {
		t.Errorf("%d hosts, sweep %v; want none", len(p.hosts), p.sweep)
	}
}

// A connection that was idle for too long is not used, even if the sweep has not
// found it yet.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := newPool(&Engine{Config: Config{IdleTimeout: 7 * time.Second}}, new(Route))
		if err != nil {
			t.Fatal(err)
		}
		defer p.retire()
		client, server := net.Pipe()
		defer server.Close()
		c := addIdle(p, "a", client)
		p.sweep.Stop()
		time.Sleep(7*time.Second - 1)
		if got, _ := c.host.take(time.Now()); got != c {
			t.Fatal("it is gone before its time")
		}
		c.host.keep(c)
		time.Sleep(7 * time.Second)
		if got, old := c.host.take(time.Now()); got != nil || old != c {
			t.Errorf("take = %p; want none, and %p to be closed", got, c)
		}
		c.closeAll()
	})
}

// PerHost has no upper bound.
func TestIdleMoreThan1024(t *testing.T) {
	const n = 1500
	p, err := newPool(&Engine{Config: Config{PerHost: n}}, new(Route))
	if err != nil {
		t.Fatal(err)
	}
	defer p.retire()
	for range n + 1 {
		client, server := net.Pipe()
		defer server.Close()
		addIdle(p, "a", client)
	}
	if s := p.stats(); s.Idle != n || s.Open != n {
		t.Errorf("stats = %+v; want %d idle", s, n)
	}
}

// All hosts together never have more than maxIdle.
func TestIdleLimit(t *testing.T) {
	p, err := newPool(&Engine{}, new(Route))
	if err != nil {
		t.Fatal(err)
	}
	defer p.retire()
	var oldest, second net.Conn
	for i := range maxIdle + 1 {
		client, server := net.Pipe()
		addIdle(p, strconv.Itoa(i), client)
		switch i {
		case 0:
			oldest = server
		case 1:
			second = server
		}
	}
	if _, err := oldest.Read(make([]byte, 1)); err != io.EOF || p.stats().Idle != maxIdle {
		t.Errorf("the oldest: Read = %v, %d idle; want EOF, %d", err, p.stats().Idle, maxIdle)
	}
	second.SetReadDeadline(time.Unix(1, 0))
	if _, err := second.Read(make([]byte, 1)); err == io.EOF {
		t.Error("the second is gone too")
	}
}

// E1.7: an idle connection costs no goroutine and less memory than one of net/http:
// it has no buffers.
func TestIdleMemory(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	if os.Getenv("IDLE_MEMORY") == "" { // a process of its own, without the stacks that other tests have left
		self, err := os.Executable()
		if err != nil {
			t.Skip(err)
		}
		cmd := exec.Command(self, "-test.run=^TestIdleMemory$", "-test.v")
		cmd.Env = append(os.Environ(), "IDLE_MEMORY=1")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	const hosts = 400
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}
	grown := func(get func(url string)) (bytes int64, goroutines int) {
		get("http://first.test/")
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines = runtime.NumGoroutine()
		for i := range hosts {
			get(fmt.Sprintf("http://h%d.test/", i))
		}
		runtime.GC()
		runtime.GC() // the pools of buffers, too
		runtime.ReadMemStats(&after)
		return int64(after.HeapAlloc+after.StackInuse) - int64(before.HeapAlloc+before.StackInuse), runtime.NumGoroutine() - goroutines
	}
	theirs := &http.Transport{DialContext: dial, DisableCompression: true}
	client := &http.Client{Transport: theirs}
	theirBytes, theirGoroutines := grown(func(url string) {
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	})
	theirs.CloseIdleConnections()
	e := newEngine(t, Config{Dial: dial})
	ourBytes, ourGoroutines := grown(func(url string) { text(t, e, newCall(t, "GET", url)) })
	if s := e.Stats(); s.Idle != hosts+1 {
		t.Fatalf("Stats = %+v; want %d idle", s, hosts+1)
	}
	t.Logf("%d idle connections, both ends: %d KB and %d goroutines; with net/http %d KB and %d", hosts, ourBytes>>10, ourGoroutines, theirBytes>>10, theirGoroutines)
	if ourBytes > theirBytes || ourGoroutines > hosts+hosts/10 { // the server has one for each
		t.Errorf("%d bytes and %d goroutines; want no more than %d and %d", ourBytes, ourGoroutines, theirBytes, hosts)
	}
}

// BenchmarkIdleHosts takes a connection and gives it back, among many others.
func BenchmarkIdleHosts(b *testing.B) {
	for _, hosts := range []int{1, 10_000} {
		b.Run(strconv.Itoa(hosts), func(b *testing.B) {
			p, err := newPool(&Engine{}, new(Route))
			if err != nil {
				b.Fatal(err)
			}
			for i := range hosts {
				client, server := net.Pipe()
				defer server.Close()
				addIdle(p, strconv.Itoa(i), client)
			}
			defer p.retire()
			a := &attempt{ctx: b.Context(), call: new(Call), to: endpoint{host: "0", port: "80"}, now: time.Now()}
			for b.Loop() {
				s, err := p.get(a, false)
				if err != nil {
					b.Fatal(err)
				}
				p.put(s.conn)
			}
		})
	}
}
