package requests

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// hostile is text that forges a log line and drives a terminal.
const hostile = "\nlevel=ERROR msg=forged\x1b[2J\u202e"

// TestPeerText is A178 and A180: what an error repeats of the words of a peer
// is short and without control characters.
func TestPeerText(t *testing.T) {
	ca := newIssuer(t, "ca")
	trusted := TLS{CABundle: ca.bundle(t)}
	certificate := func(by *issuer, edit func(*x509.Certificate)) *faulty {
		return newTLS(t, &tls.Config{Certificates: []tls.Certificate{by.issue(t, edit)}}, okAnswer)
	}
	names := func(name string, n int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.DNSNames = make([]string, n)
			for i := range n {
				c.DNSNames[i] = name + strconv.Itoa(i) + ".test"
			}
		}
	}
	plain := func(answer string) *faulty { return newFaulty(t, answering(answer+andClose)) }
	forged, long := strings.ReplaceAll(hostile, "\u202e", ""), strings.Repeat("x", 64<<10)
	for _, tt := range []struct {
		name   string
		server *faulty
		url    string // "": that of the server
		opts   []Option
		want   error
		says   string // what is to be seen of the peer's words
	}{
		{"A178 a certificate of many names", certificate(ca, names("n", 5000)), "https://h.test/", []Option{trusted}, ErrTLS, ""},
		{"A178 a certificate of long names", certificate(ca, names(strings.Repeat("n", 5000), 50)), "https://h.test/", []Option{trusted}, ErrTLS, ""},
		{"A178 an issuer of a long name", certificate(newIssuer(t, long), nil), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 names of a certificate", certificate(ca, names(forged, 1)), "https://h.test/", []Option{trusted}, ErrTLS, `\nlevel=ERROR`},
		{"A180 an issuer", certificate(newIssuer(t, hostile), nil), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 a subject", certificate(newIssuer(t, "x"), func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: hostile} }), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 a status line", plain("HTTP/1.1 2" + forged + "\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a version", plain("HTTP\x1b[2J/9 200 OK\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a long status line", plain("HTTX" + long + "\r\n\r\n"), "", nil, ErrProtocol, "malformed response"},
		{"A180 a field", plain("HTTP/1.1 200 OK\r\nX\x1b[2J" + long[:5000] + ": 1\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a reason", plain("HTTP/1.1 404 \x1b[2J" + long[:5000] + "\r\nContent-Length: 0\r\n\r\n"), "", []Option{RaiseForStatus(true)}, nil, "404 Client Error"},
		{"A180 a Location", plain("HTTP/1.1 302 Found\r\nLocation: gopher://x\u202e/\r\nContent-Length: 0\r\n\r\n"), "", nil, ErrInvalidURL, ""},
		{"A180 a coding", plain("HTTP/1.1 200 OK\r\nContent-Encoding: a\x1b[2J" + long[:5000] + "\r\nContent-Length: 2\r\n\r\nok"), "", nil, nil, ""},
		{"A180 a proxy", plain("HTTP/1.1 502 \x1b[2J" + long[:5000] + "\r\n\r\n"), "https://h.test/", nil, ErrProxy, "502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, opts := tt.url, tt.opts
			a := &HTTPAdapter{DialContext: to(tt.server.addr)}
			if url == "" {
				url = tt.server.url()
			}
			if tt.want == ErrProxy {
				opts = append(opts, Proxies{"https": tt.server.url()})
			}
			r, err := over(t, a, opts...).Get(bg, url)
			if err == nil {
				t.Fatalf("got %v and no error", r)
			}
			if tt.want != nil {
				isAll(t, err, tt.want)
			}
			text := err.Error()
			if i := strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
				t.Errorf("the error has a character that does not print: %q", text)
			}
			if len(text) > fault.MaxText+200 {
				t.Errorf("the error has %d bytes: %.100s", len(text), text)
			}
			if !strings.Contains(text, tt.says) {
				t.Errorf("the error %q does not have %q", text, tt.says)
			}
		})
	}
}

// TestFailedHandshakes is A176: a server whose certificate is refused, again
// and again, costs no goroutine, no connection and no memory that stays.
func TestFailedHandshakes(t *testing.T) {
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{newIssuer(t, "other").issue(t, nil)}}, okAnswer)
	a := new(HTTPAdapter)
	s := over(t, a, TLS{CABundle: newIssuer(t, "ca").bundle(t)})
	fail := func(n int) {
		for range n {
			if _, err := s.Get(bg, f.https()); err == nil {
				t.Fatal("the certificate was accepted")
			}
		}
		if got := statsOf(a, noneOpen); got.Open != 0 || got.Waiting != 0 {
			t.Errorf("Stats() = %+v; want none open and nobody waiting", got)
		}
	}
	const attempts, few = 300, 5
	fail(50)
	goroutines, before := runtime.NumGoroutine(), heapInUse()
	fail(attempts)
	for end := time.Now().Add(time.Second); runtime.NumGoroutine() > goroutines+few && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the server's are about to end
	}
	if n := runtime.NumGoroutine(); n > goroutines+few {
		t.Errorf("%d goroutines after %d failed handshakes; there were %d", n, attempts, goroutines)
	}
	f.mu.Lock()
	clear(f.open) // the server's own ends, which it keeps until the test ends
	f.mu.Unlock()
	if grown := heapInUse() - before; grown > attempts*2<<10 {
		t.Errorf("the heap has grown by %d bytes for each failed handshake", grown/attempts)
	}
}

// heapInUse is what garbage collection leaves.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers let go of
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestInternationalHosts is A163: the name that is resolved, shown to the server
// and looked for in its certificate is one and the same, in ASCII.
func TestInternationalHosts(t *testing.T) {
	ca := newIssuer(t, "ca")
	for _, tt := range []struct{ host, ascii, certificate string }{
		{"bücher.test", "xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"BÜCHER.test", "xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"bücher.test", "xn--bcher-kva.test", "bucher.test"},
		{"bücher.test", "xn--bcher-kva.test", "b*.test"},
		{"\u212aelvin.test", "kelvin.test", "kelvin.test"}, // U+212A is lower-cased to k
		{"\uff45vil.test", "evil.test", "evil.test"},
		{"a\u3002test", "a.test", "a.test"}, // an ideographic full stop
	} {
		l := newTLSLog(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, func(c *x509.Certificate) {
			c.DNSNames = []string{tt.certificate}
		})}}, okAnswer)
		var dialled string
		dial := to(l.addr)
		s := over(t, &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled, _, _ = net.SplitHostPort(addr)
			return dial(ctx, network, addr)
		}}, TLS{CABundle: ca.bundle(t)})
		_, err := s.Get(bg, "https://"+tt.host+"/")
		if dialled != tt.ascii {
			t.Errorf("%+q: dialled %q; want %q", tt.host, dialled, tt.ascii)
		}
		if works := err == nil; works != (tt.ascii == tt.certificate) {
			t.Errorf("%+q: with a certificate for %s: error %v", tt.host, tt.certificate, err)
		}
		if err != nil {
			isAll(t, err, ErrTLS)
			continue
		}
		if states := l.seen(); len(states) != 1 || states[0].ServerName != tt.ascii {
			t.Errorf("%+q: the handshakes are %+v; want one for %s", tt.host, states, tt.ascii)
		}
	}
}
