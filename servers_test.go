package requests

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A faulty server does to each connection what serve says, and no more. It
// counts connections and the requests that request has read.
type faulty struct {
	addr     string
	conns    atomic.Int32
	requests atomic.Int32

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newFaulty(t testing.TB, serve func(f *faulty, c net.Conn)) *faulty {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{addr: l.Addr().String(), open: make(map[net.Conn]bool)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns.Add(1)
			f.mu.Lock()
			f.open[c] = true
			f.mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(f, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.mu.Lock()
		for c := range f.open {
			c.Close()
		}
		f.mu.Unlock()
		wg.Wait()
	})
	return f
}

func (f *faulty) url() string { return "http://" + f.addr }

// request reads a request with its body, nil at the end of the connection.
func (f *faulty) request(br *bufio.Reader) *http.Request {
	r, err := http.ReadRequest(br)
	if err != nil {
		return nil
	}
	f.requests.Add(1)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil
	}
	return r
}

// answering serves each request of a connection with the next of answers, and
// the last one from then on; "" and andClose end the connection.
func answering(answers ...string) func(*faulty, net.Conn) {
	var n atomic.Int32
	return func(f *faulty, c net.Conn) {
		br := bufio.NewReader(c)
		for f.request(br) != nil {
			answer := answers[min(int(n.Add(1)), len(answers))-1]
			if answer == "" {
				return
			}
			answer, last := strings.CutSuffix(answer, andClose)
			if _, err := io.WriteString(c, answer); err != nil || last {
				return
			}
		}
	}
}

const (
	andClose   = "\x00close"
	okAnswer   = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	busyAnswer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
)

// hold keeps a connection until the other side or the test ends it.
func hold(c net.Conn) { io.Copy(io.Discard, c) }

// reset closes with RST in place of FIN.
func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// over returns a session on a, closed with the test.
func over(t testing.TB, a *HTTPAdapter, opts ...Option) *Session {
	s := NewSession(opts...)
	s.Mount("http://", a)
	s.Mount("https://", a)
	t.Cleanup(func() { s.Close() })
	return s
}

// isAll checks err against every kind of want.
func isAll(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("error %v; want one that is %v", err, w)
		}
	}
}

// An issuer makes certificates for tests.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t testing.TB, name string) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{cert, key}
}

// issue makes a certificate for localhost and 127.0.0.1 that edit may change.
func (a *issuer) issue(t testing.TB, edit func(*x509.Certificate)) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost", "proxy.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// bundle writes the issuer's own certificate to a file.
func (a *issuer) bundle(t testing.TB) string {
	return writePEM(t, "ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// pairFile writes certificate and key to one file.
func pairFile(t testing.TB, c tls.Certificate) string {
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "pair.pem", &pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
}

func writePEM(t testing.TB, name string, blocks ...*pem.Block) string {
	path := filepath.Join(t.TempDir(), name)
	var data []byte
	for _, b := range blocks {
		data = append(data, pem.EncodeToMemory(b)...)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newTLS serves answers over TLS with config. Its requests are those that came through.
func newTLS(t testing.TB, config *tls.Config, answers ...string) *faulty {
	serve := answering(answers...)
	return newFaulty(t, func(f *faulty, c net.Conn) {
		tc := tls.Server(c, config)
		if tc.Handshake() == nil {
			serve(f, tc)
		}
		tc.Close()
	})
}

func (f *faulty) https() string { return "https://" + f.addr }

var bg = context.Background()

// statsOf returns the Stats of a once they satisfy want, or after ten seconds:
// connections are closed by other goroutines.
func statsOf(a *HTTPAdapter, want func(Stats) bool) Stats {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if s := a.Stats(); want(s) || time.Now().After(end) {
			return s
		}
	}
}

func noneOpen(s Stats) bool { return s.Open == 0 }

// A headServer is a server that keeps the heads of the requests it gets, to the
// byte, and answers each with 204. All hosts lead to it.
type headServer struct {
	addr string

	mu    sync.Mutex
	dials []string
	heads []string
}

func newHeadServer(t *testing.T) *headServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &headServer{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return w
}

func (w *headServer) serve(c net.Conn) {
	defer c.Close()
	head, _, err := readRequest(bufio.NewReader(c))
	if head != "" {
		w.mu.Lock()
		w.heads = append(w.heads, head)
		w.mu.Unlock()
	}
	if err != nil {
		return
	}
	io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

// readRequest reads a request with its body, and returns its head, too, to the
// byte. The head is "" if it is not complete.
func readRequest(br *bufio.Reader) (head string, req *http.Request, err error) {
	if head, err = readHead(br); err != nil {
		return "", nil, err
	}
	if req, err = http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), br))); err == nil {
		io.Copy(io.Discard, req.Body)
	}
	return head, req, err
}

func readHead(br *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := br.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

// session returns a session whose every dial ends at the server.
func (w *headServer) session(t *testing.T, opts ...Option) *Session {
	s := NewSession(opts...)
	s.Mount("http://", &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.mu.Lock()
		w.dials = append(w.dials, addr)
		w.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, w.addr)
	}})
	t.Cleanup(func() { s.Close() })
	return s
}

// seen returns what came since the last call.
func (w *headServer) seen() (dials, heads []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dials, heads = w.dials, w.heads
	w.dials, w.heads = nil, nil
	return dials, heads
}

// target is the request line without its method and version.
func target(head string) string {
	line, _, _ := strings.Cut(head, "\r\n")
	line = strings.TrimSuffix(line, " HTTP/1.1")
	_, t, _ := strings.Cut(line, " ")
	return t
}

// field is the value of a field in a head, and whether it is there.
func field(head, name string) (string, bool) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimPrefix(v, " "), true
		}
	}
	return "", false
}
