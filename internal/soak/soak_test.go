// Package soak makes many calls of every kind over servers and networks that
// constantly fail, and checks that no call ever gets a wrong answer.
package soak

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-requests/requests"
)

func TestMain(m *testing.M) {
	for _, name := range os.Environ() {
		name, _, _ = strings.Cut(name, "=")
		if l := strings.ToLower(name); strings.HasSuffix(l, "_proxy") || strings.HasSuffix(l, "_ca_bundle") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

// callers is how many goroutines call at once, over all ways.
const callers = 300

// duration is how long the soak runs: some seconds, or what SOAK says.
func duration(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%s: %v", text, err)
	}
	return d
}

// TestSoak checks that no response belongs to another call, that none is cut
// short without an error, that no POST takes effect twice, and that nothing is
// left open.
func TestSoak(t *testing.T) {
	warmUp(t)
	before := descriptors()
	ways := newWays(t)
	start, atLeast := time.Now(), duration(t)
	var wg sync.WaitGroup
	for i := range callers {
		way := ways.list[i%len(ways.list)]
		wg.Go(func() {
			for n := 0; !t.Failed() && way.goesOn(time.Since(start), atLeast); n++ {
				way.call(t, fmt.Sprintf("%s-%d-%d", way.name, i, n))
			}
		})
	}
	wg.Wait()
	for _, way := range ways.list {
		t.Logf("%-12s %6d calls, %5.1f %% of them whole; %+v", way.name, way.calls.Load(), 100*float64(way.whole.Load())/float64(max(1, way.calls.Load())), way.adapter.Stats())
		if way.whole.Load() == 0 {
			t.Errorf("%s: no call succeeded: the soak proves nothing", way.name)
		}
		way.session.Close()
	}
	for _, way := range ways.list {
		if s := settle(way.adapter); s.Open != 0 || s.Idle != 0 || s.Waiting != 0 {
			t.Errorf("%s: %+v after all calls and Close; want nothing open", way.name, s)
		}
	}
	for id, want := range ways.posts() {
		if got := ways.origin.count(id); got > 1 || got < want {
			t.Errorf("POST %s took effect %d times; want at least %d and at most 1", id, got, want)
		}
	}
	ways.stop()
	http.DefaultClient.CloseIdleConnections()
	if after := within(func() bool { return descriptors() <= before }); !after {
		t.Errorf("%d descriptors are open; there were %d", descriptors(), before)
	}
}

// goesOn reports whether the way makes another call. On a busy machine all its
// calls may share one dial that fails, and then the next one: it has one more
// minute for its first complete answer.
func (w *way) goesOn(elapsed, atLeast time.Duration) bool {
	return elapsed < atLeast || w.whole.Load() == 0 && elapsed < atLeast+time.Minute
}

// warmUp opens a socket: with the first one, the runtime opens descriptors that
// it keeps.
func warmUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// settle waits until no connection is in use.
func settle(a *requests.HTTPAdapter) requests.Stats {
	within(func() bool { s := a.Stats(); return s.Open == 0 && s.Waiting == 0 })
	return a.Stats()
}

// within reports whether cond becomes true within five seconds.
func within(cond func() bool) bool {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return true
		}
	}
	return cond()
}

// descriptors counts the open files of the process. It returns 0 where that is
// not known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// A way is one path from a session to the origin.
type way struct {
	name    string
	url     string
	adapter *requests.HTTPAdapter
	session *requests.Session
	calls   atomic.Int64
	whole   atomic.Int64

	mu    sync.Mutex
	posts map[string]int // how often each must have taken effect, at the least
}

// call makes one call of a random kind and checks its result.
func (w *way) call(t *testing.T, id string) {
	w.calls.Add(1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opts := []requests.Option{requests.Headers{"X-Id": id}}
	switch rand.IntN(12) {
	case 0:
		timer := time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, cancel)
		defer timer.Stop()
	case 1:
		opts = append(opts, requests.Timeout{Read: time.Duration(1+rand.IntN(60)) * time.Millisecond})
	case 2:
		opts = append(opts, requests.Timeout{Total: time.Duration(1+rand.IntN(60)) * time.Millisecond})
	}
	method := http.MethodGet
	switch rand.IntN(6) {
	case 0:
		method, opts = http.MethodPost, append(opts, body(100+rand.IntN(1000), false)...)
	case 1:
		method, opts = http.MethodPost, append(opts, body(rand.IntN(300_000), false)...)
	case 2:
		method, opts = http.MethodPut, append(opts, body(rand.IntN(300_000), true)...)
	case 3:
		w.stream(t, ctx, id, opts)
		return
	}
	r, err := w.session.Do(ctx, method, w.url, opts...)
	if method == http.MethodPost {
		w.posted(id, err == nil && r.StatusCode == http.StatusOK)
	}
	if err != nil {
		w.check(t, id, err)
		return
	}
	w.same(t, id, r, r.Content())
}

// body returns the options of an upload: bytes in memory, or a reader of
// unknown length that cannot be sent again.
func body(n int, stream bool) []requests.Option {
	data := bytes.Repeat([]byte{byte(n)}, n)
	sum := requests.Headers{"X-Sum": fmt.Sprint(crc32.ChecksumIEEE(data))}
	if stream {
		return []requests.Option{sum, requests.Reader(io.MultiReader(bytes.NewReader(data)))}
	}
	return []requests.Option{sum, requests.Bytes(data)}
}

// stream reads a streamed response, sometimes not to its end.
func (w *way) stream(t *testing.T, ctx context.Context, id string, opts []requests.Option) {
	r, err := w.session.Get(ctx, w.url, append(opts, requests.Stream(true))...)
	if err != nil {
		w.check(t, id, err)
		return
	}
	defer r.Close()
	limit := -1
	if rand.IntN(3) == 0 {
		limit = rand.IntN(10_000)
	}
	var got []byte
	for chunk, err := range r.IterContent(4 << 10) {
		if err != nil {
			w.check(t, id, err)
			return
		}
		got = append(got, chunk...)
		if limit >= 0 && len(got) > limit {
			if !bytes.HasPrefix(bodyOf(id), got) {
				t.Errorf("%s: the part that was read is not of its own response", id)
			}
			return
		}
	}
	w.same(t, id, r, got)
}

// same checks that r is the complete answer to id.
func (w *way) same(t *testing.T, id string, r *requests.Response, got []byte) {
	if other := r.Header.Get("X-Id"); other != id {
		if w.mayAnswer(r) {
			return
		}
		t.Errorf("%s was answered with the response to %q (status %d)", id, other, r.StatusCode)
		return
	}
	if r.StatusCode == http.StatusOK && !bytes.Equal(got, bodyOf(id)) {
		t.Errorf("%s: a body of %d bytes, want %d, without an error", id, len(got), len(bodyOf(id)))
	}
	w.whole.Add(1)
}

// mayAnswer reports whether the proxy may have sent r itself: because it
// reached no server, or because it got a request that was cut short.
func (w *way) mayAnswer(r *requests.Response) bool {
	return r.StatusCode == http.StatusBadGateway && r.Header.Get("X-Proxy") != "" ||
		r.StatusCode == http.StatusBadRequest && len(r.Header["X-Id"]) == 0
}

// check checks that err has a kind.
func (w *way) check(t *testing.T, id string, err error) {
	for _, kind := range []error{
		requests.ErrConnection, requests.ErrTimeout, requests.ErrIncompleteBody, requests.ErrProtocol, context.Canceled,
	} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Errorf("%s: an error of no known kind: %v", id, err)
}

func (w *way) posted(id string, whole bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.posts[id] = 0; whole {
		w.posts[id] = 1
	}
}

// opaque hides the socket, so that it cannot be peeked at.
type opaque struct{ net.Conn }

// ways holds all of them, and what serves them.
type ways struct {
	origin *origin
	list   []*way
	close  []func()
}

func newWays(t *testing.T) *ways {
	w := &ways{origin: &origin{effects: make(map[string]int)}}
	config := certificate()
	plain := w.relayed(t, w.listen(t, nil))
	encrypted := w.relayed(t, w.listen(t, config))
	http2 := w.relayed(t, w.listenHTTP2(t))
	proxy := w.relayed(t, w.listenProxy(t))
	trust := requests.TLS{SkipVerify: true}
	through := requests.Proxies{"all": "http://" + proxy}
	direct := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return opaque{c}, nil
	}
	w.add("plain", "http://"+plain, &requests.HTTPAdapter{})
	w.add("TLS", "https://"+encrypted, &requests.HTTPAdapter{DisableHTTP2: true}, trust)
	w.add("ALPN", "https://"+encrypted, &requests.HTTPAdapter{}, trust)
	w.add("HTTP/2", "https://"+http2, &requests.HTTPAdapter{}, trust)
	w.add("HTTP proxy", "http://"+plain, &requests.HTTPAdapter{}, through)
	w.add("CONNECT", "https://"+encrypted, &requests.HTTPAdapter{}, trust, through)
	w.add("CONNECT h2", "https://"+http2, &requests.HTTPAdapter{}, trust, through)
	w.add("PoolBlock", "http://"+plain, &requests.HTTPAdapter{PoolBlock: true, PoolMaxSize: 8})
	w.add("PoolBlock h2", "https://"+http2, &requests.HTTPAdapter{PoolBlock: true, PoolMaxSize: 4}, trust)
	w.add("no sockets", "http://"+plain, &requests.HTTPAdapter{DialContext: direct})
	return w
}

func (w *ways) add(name, url string, a *requests.HTTPAdapter, opts ...requests.Option) {
	defaults := []requests.Option{
		requests.TrustEnv(false),
		requests.Timeout{Connect: 2 * time.Second, Read: 2 * time.Second, Total: 5 * time.Second},
	}
	s := requests.NewSession(append(defaults, opts...)...)
	s.Mount("http://", a)
	s.Mount("https://", a)
	w.list = append(w.list, &way{name: name, url: url, adapter: a, session: s, posts: make(map[string]int)})
}

func (w *ways) posts() map[string]int {
	all := make(map[string]int)
	for _, way := range w.list {
		for id, n := range way.posts {
			all[id] = n
		}
	}
	return all
}

func (w *ways) stop() {
	for i := len(w.close) - 1; i >= 0; i-- {
		w.close[i]()
	}
}

func (w *ways) relayed(t *testing.T, addr string) string {
	r, err := newRelay(addr)
	if err != nil {
		t.Fatal(err)
	}
	w.close = append(w.close, r.stop)
	return r.Addr().String()
}

// listen serves HTTP/1.1 with the faults of the origin.
func (w *ways) listen(t *testing.T, config *tls.Config) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				link := c
				if config != nil {
					link = tls.Server(c, config)
				}
				w.origin.serve(link, c)
			})
		}
	})
	w.close = append(w.close, func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func (w *ways) listenHTTP2(t *testing.T) string {
	srv := httptest.NewUnstartedServer(w.origin)
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	w.close = append(w.close, srv.Close)
	return srv.Listener.Addr().String()
}

func certificate() *tls.Config {
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	defer srv.Close()
	return &tls.Config{Certificates: srv.TLS.Certificates}
}
