package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
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

// A tlsLog is what the handshakes of a server were.
type tlsLog struct {
	*faulty

	mu     sync.Mutex
	states []tls.ConnectionState
}

// newTLSLog answers over TLS and keeps the handshakes that came to their end.
func newTLSLog(t testing.TB, config *tls.Config, answer string) *tlsLog {
	l := new(tlsLog)
	serve := answering(answer)
	l.faulty = newFaulty(t, func(f *faulty, c net.Conn) {
		tc := tls.Server(c, config)
		defer tc.Close()
		if tc.Handshake() != nil {
			return
		}
		l.mu.Lock()
		l.states = append(l.states, tc.ConnectionState())
		l.mu.Unlock()
		serve(f, tc)
	})
	return l
}

func (l *tlsLog) seen() []tls.ConnectionState {
	l.mu.Lock()
	defer l.mu.Unlock()
	states := l.states
	l.states = nil
	return states
}

func (a *issuer) pool() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return roots
}

// lastAnswer ends its connection, so that the next call shakes hands again.
const lastAnswer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok" + andClose

// TestSessionTickets is about the resumption of TLS sessions, which skips the
// verification of the certificate: A169 and A170.
func TestSessionTickets(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	server := func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}} }

	t.Run("A169 none by default", func(t *testing.T) {
		l := newTLSLog(t, server(), lastAnswer)
		s := over(t, new(HTTPAdapter))
		bundle := ca.bundle(t)
		for _, o := range []TLS{{SkipVerify: true}, {CABundle: bundle}, {CABundle: bundle}} {
			if _, err := s.Get(bg, l.https(), o); err != nil {
				t.Fatal(err)
			}
		}
		for i, state := range l.seen() {
			if state.DidResume {
				t.Errorf("handshake %d resumed a session; want none kept", i)
			}
		}
	})
	t.Run("A169 a cache that is shared by the caller", func(t *testing.T) {
		l := newTLSLog(t, server(), lastAnswer)
		s := over(t, new(HTTPAdapter))
		good := &tls.Config{RootCAs: ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(0)}
		bad := good.Clone()
		bad.RootCAs = other.pool()
		for i, tt := range []struct {
			tls    TLS
			works  bool
			resume bool
		}{
			{TLS{Config: good}, true, false},
			{TLS{Config: good}, true, true},
			{TLS{Config: bad}, false, false},
			{TLS{Config: good, CABundle: other.bundle(t)}, false, false},
			{TLS{Config: good, SkipVerify: true}, true, false}, // the failure before has ended the session
			{TLS{Config: bad}, false, false},
		} {
			_, err := s.Get(bg, l.https(), tt.tls)
			if works := err == nil; works != tt.works {
				t.Errorf("%d: error %v; want it to work: %v", i, err, tt.works)
			}
			if err != nil {
				isAll(t, err, ErrTLS)
				continue
			}
			if states := l.seen(); states[len(states)-1].DidResume != tt.resume {
				t.Errorf("%d: resumed: %v; want %v", i, !tt.resume, tt.resume)
			}
		}
	})
	t.Run("A170 the proxy's is not shown to the target", func(t *testing.T) {
		// Both have one name and one key for tickets, as when the proxy stands in
		// for the target: only what the client shows can tell them apart.
		config := server()
		config.SetSessionTicketKeys([][32]byte{{1}})
		l := newTLSLog(t, config, lastAnswer)
		r := newRelay(t, config, l.addr, nil)
		_, port, _ := net.SplitHostPort(r.addr)
		cache := tls.NewLRUClientSessionCache(0)
		s := over(t, new(HTTPAdapter), TLS{Config: &tls.Config{RootCAs: ca.pool(), ClientSessionCache: cache}},
			Proxies{"https": "https://localhost:" + port})
		if _, err := s.Get(bg, "https://localhost/"); err != nil {
			t.Fatal(err)
		}
		if states := l.seen(); len(states) != 1 || states[0].DidResume {
			t.Errorf("the target saw %d handshakes, one that resumes a session of the proxy: %v", len(states), states[0].DidResume)
		}
		if _, err := s.Get(bg, "https://localhost/"); err != nil {
			t.Fatal(err)
		}
		if states := l.seen(); len(states) != 1 || !states[0].DidResume {
			t.Error("the target's own session was not resumed")
		}
	})
	t.Run("A170 none of a certificate that was refused", func(t *testing.T) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := server()
			config.MaxVersion = version
			l := newTLSLog(t, config, lastAnswer)
			cache := &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
			s := over(t, new(HTTPAdapter))
			if _, err := s.Get(bg, l.https(), TLS{Config: &tls.Config{RootCAs: other.pool(), ClientSessionCache: cache}}); err == nil {
				t.Fatal("the certificate was accepted")
			}
			if cache.puts > 0 {
				t.Errorf("%s: %d sessions were kept", tls.VersionName(version), cache.puts)
			}
		}
	})
}

// A countingCache counts the sessions that it is given.
type countingCache struct {
	tls.ClientSessionCache
	puts int
}

func (c *countingCache) Put(key string, state *tls.ClientSessionState) {
	if state != nil {
		c.puts++
	}
	c.ClientSessionCache.Put(key, state)
}

// TestLoginsDoNotLinger is A172: on a connection that is used again each
// request brings its own credentials or none, and they are compared to the letter.
func TestLoginsDoNotLinger(t *testing.T) {
	heads := make(chan string, 10)
	f := newFaulty(t, func(_ *faulty, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			head, err := readHead(br)
			if err != nil {
				return
			}
			heads <- head
			io.WriteString(c, okAnswer)
		}
	})
	s := over(t, new(HTTPAdapter))
	for _, tt := range []struct {
		auth Auth
		want string
	}{
		{BasicAuth("u", "Secret"), basicValue("u", "Secret")},
		{BasicAuth("u", "secret"), basicValue("u", "secret")},
		{Auth{}, ""},
		{BearerAuth("T"), "Bearer T"},
		{NoAuth(), ""},
	} {
		if _, err := s.Get(bg, f.url(), tt.auth); err != nil {
			t.Fatal(err)
		}
		if got, _ := field(<-heads, "Authorization"); got != tt.want {
			t.Errorf("Authorization is %q; want %q", got, tt.want)
		}
	}
	if n := f.conns.Load(); n != 1 {
		t.Errorf("%d connections; want 1, or nothing was shown", n)
	}
	t.Run("of the proxy", func(t *testing.T) {
		for i, user := range []string{"u:Secret", "u:secret", "U:secret", "u:Secret"} {
			before := f.conns.Load()
			if _, err := s.Get(bg, "http://h.test/", Proxies{"http": "http://" + user + "@" + f.addr}); err != nil {
				t.Fatal(err)
			}
			name, password, _ := strings.Cut(user, ":")
			if got, _ := field(<-heads, "Proxy-Authorization"); got != basicValue(name, password) {
				t.Errorf("%s: Proxy-Authorization is %q", user, got)
			}
			if dialled := f.conns.Load() - before; (dialled == 0) != (i == 3) {
				t.Errorf("%s: %d new connections; want one for each of the credentials", user, dialled)
			}
		}
	})
}

// TestSchemesApart is A174: no https request goes over a connection in clear
// text to the same host and port, by either version of HTTP.
func TestSchemesApart(t *testing.T) {
	ca := newIssuer(t, "ca")
	for _, a := range []*HTTPAdapter{{}, {UnencryptedHTTP2: true}} {
		secure := newBoth(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, NextProtos: []string{"h2", "http/1.1"}})
		bare := newBoth(t, nil)
		var scheme string
		a.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return to(map[string]string{"http": bare, "https": secure}[scheme])(ctx, network, "")
		}
		s := over(t, a, TLS{CABundle: ca.bundle(t)})
		for _, scheme = range []string{"http", "https", "http", "https"} {
			r, err := s.Get(bg, scheme+"://localhost:8443/")
			if err != nil {
				t.Fatal(err)
			}
			if r.Text() != scheme || (r.TLS != nil) != (scheme == "https") {
				t.Errorf("%s came by %s, TLS: %v", scheme, r.Text(), r.TLS != nil)
			}
		}
		if got := a.Stats(); got.Dialed != 2 || got.Reused != 2 {
			t.Errorf("Stats() = %+v; want one connection for each scheme, used twice", got)
		}
	}
}

// newBoth serves HTTP/1.1 and HTTP/2 and answers with the scheme that it saw.
func newBoth(t testing.TB, config *tls.Config) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{TLSConfig: config, Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			io.WriteString(w, "https")
			return
		}
		io.WriteString(w, "http")
	})}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		if config == nil {
			srv.Serve(l)
		} else {
			srv.ServeTLS(l, "", "")
		}
	})
	t.Cleanup(func() { srv.Close(); wg.Wait() })
	return l.Addr().String()
}

// TestServerNamesApart is A175: a connection whose certificate was checked for
// another name than that of the URL serves no call that has not asked for this.
func TestServerNamesApart(t *testing.T) {
	ca := newIssuer(t, "ca")
	l := newTLSLog(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	_, port, _ := net.SplitHostPort(l.addr)
	s := over(t, new(HTTPAdapter))
	named := TLS{Config: &tls.Config{RootCAs: ca.pool(), ServerName: "proxy.test"}}
	plain := TLS{Config: &tls.Config{RootCAs: ca.pool()}}
	for i, tt := range []struct {
		tls  TLS
		name string // of the new handshake; "": there is none
	}{
		{named, "proxy.test"}, {plain, "localhost"}, {named, ""}, {plain, ""},
	} {
		if _, err := s.Get(bg, "https://localhost:"+port+"/", tt.tls); err != nil {
			t.Fatal(err)
		}
		states := l.seen()
		if len(states) != min(len(tt.name), 1) || len(states) == 1 && states[0].ServerName != tt.name {
			t.Errorf("%d: %d handshakes; want one for %q", i, len(states), tt.name)
		}
	}
}
