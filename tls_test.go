package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCertificates is B200, A162 and A165: what is not accepted, and that no
// request is sent then.
func TestCertificates(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	for _, tt := range []struct {
		name   string
		issuer *issuer
		host   string
		edit   func(*x509.Certificate)
		cause  func(error) bool // the reason in types of x509
	}{
		{"expired", ca, "localhost", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, invalid(x509.Expired)},
		{"not yet valid", ca, "localhost", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, invalid(x509.Expired)},
		{"wrong host", ca, "localhost", wrongHost, isA[x509.HostnameError]},
		{"unknown authority", other, "localhost", nil, isA[x509.UnknownAuthorityError]},
		{"for clients", ca, "localhost", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, invalid(x509.IncompatibleUsage)},
		{"without SAN", ca, "localhost", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }, isA[x509.HostnameError]},
		{"wildcard for an address", ca, "127.0.0.1", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"*.0.0.1"}, nil }, isA[x509.HostnameError]},
		{"wildcard two levels up", ca, "a.b.test", func(c *x509.Certificate) { c.DNSNames = []string{"*.test"} }, isA[x509.HostnameError]},
		{"part of a label", ca, "xa.test", func(c *x509.Certificate) { c.DNSNames = []string{"x*.test"} }, isA[x509.HostnameError]},
	} {
		t.Run("B200 "+tt.name, func(t *testing.T) {
			f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{tt.issuer.issue(t, tt.edit)}}, okAnswer)
			retried := false
			s := over(t, &HTTPAdapter{DialContext: to(f.addr)}, TLS{CABundle: ca.bundle(t)}, Retry{Total: 3},
				OnRetry(func(context.Context, Attempt) error { retried = true; return nil }))
			_, err := s.Get(bg, "https://"+tt.host+"/")
			isAll(t, err, ErrTLS, ErrConnection)
			if !tt.cause(err) {
				t.Errorf("the cause of %v is not the one expected", err)
			}
			if f.requests.Load() > 0 || retried {
				t.Errorf("%d requests were sent, retried: %v; want none", f.requests.Load(), retried)
			}
			if r, err := s.Get(bg, "https://"+tt.host+"/", TLS{SkipVerify: true}); err != nil || r.TLS == nil {
				t.Errorf("with SkipVerify: %v, %v; want a response with TLS", r, err)
			}
		})
	}
	t.Run("B200 self-signed, by the roots of the system", func(t *testing.T) {
		f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
		_, err := over(t, new(HTTPAdapter)).Get(bg, f.https())
		isAll(t, err, ErrTLS)
	})
}

func invalid(reason x509.InvalidReason) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[x509.CertificateInvalidError](err)
		return ok && e.Reason == reason
	}
}

func TestHandshakeFaults(t *testing.T) {
	ca := newIssuer(t, "ca")
	cert := []tls.Certificate{ca.issue(t, nil)}
	opts := func() []Option { return []Option{TLS{CABundle: ca.bundle(t)}} }
	t.Run("B084 stall", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { hold(c) })
		_, err := over(t, new(HTTPAdapter), opts()...).Get(bg, f.https(), Timeout{Connect: 200 * time.Millisecond})
		isAll(t, err, ErrConnectTimeout, ErrTimeout, ErrConnection)
	})
	t.Run("B201 TLS 1.1 only", func(t *testing.T) {
		f := newTLS(t, &tls.Config{Certificates: cert, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, okAnswer)
		_, err := over(t, new(HTTPAdapter), opts()...).Get(bg, f.https())
		isAll(t, err, ErrTLS)
	})
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run("B202 client certificate, "+name, func(t *testing.T) {
			pool := x509.NewCertPool()
			pool.AddCert(ca.cert)
			f := newTLS(t, &tls.Config{Certificates: cert, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: version}, okAnswer)
			s := over(t, new(HTTPAdapter), opts()...)
			_, err := s.Get(bg, f.https())
			isAll(t, err, ErrTLS)
			if _, err = s.Get(bg, f.https(), TLS{CABundle: ca.bundle(t), CertFile: pairFile(t, ca.issue(t, nil))}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("B203 FIN", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { c.Read(make([]byte, 1000)) })
		_, err := over(t, new(HTTPAdapter), opts()...).Get(bg, f.https())
		isAll(t, err, ErrConnection)
	})
	t.Run("B203 RST, retried for POST as well", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { c.Read(make([]byte, 1000)); reset(c) })
		_, err := over(t, new(HTTPAdapter), append(opts(), Retry{Total: 1})...).Post(bg, f.https(), Text("x"))
		isAll(t, err, ErrConnection, ErrRetriesExhausted)
		if n := f.conns.Load(); n != 2 {
			t.Errorf("the server saw %d connections; want 2", n)
		}
	})
	t.Run("B203 alert", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) {
			c.Read(make([]byte, 2000))
			c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
		})
		_, err := over(t, new(HTTPAdapter), opts()...).Get(bg, f.https())
		isAll(t, err, ErrTLS)
	})
	for text, hinted := range map[string]bool{"HTTP/1.1 400 Bad Request\r\n\r\n": true, "HTTP/1.0 200 OK\r\n\r\n": true, "SSH-2.0-x\r\n": false} {
		t.Run(fmt.Sprintf("B064 B204 no TLS, %.8s", text), func(t *testing.T) {
			f := newFaulty(t, func(_ *faulty, c net.Conn) { io.WriteString(c, text); hold(c) })
			_, err := over(t, new(HTTPAdapter), opts()...).Get(bg, f.https())
			isAll(t, err, ErrTLS)
			if got := strings.Contains(err.Error(), "perhaps its URL begins with http://"); got != hinted || !isA[tls.RecordHeaderError](err) {
				t.Errorf("the error is %v; want one of a record header, and the hint: %v", err, hinted)
			}
		})
	}
	t.Run("B206 many names", func(t *testing.T) {
		many := ca.issue(t, func(c *x509.Certificate) {
			c.DNSNames = nil
			for range 5000 {
				c.DNSNames = append(c.DNSNames, "x.elsewhere.test")
			}
		})
		f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{many}}, okAnswer)
		_, err := over(t, &HTTPAdapter{DialContext: to(f.addr)}, TLS{CABundle: ca.bundle(t)}).Get(bg, "https://h.test/")
		isAll(t, err, ErrTLS)
		if n := len(err.Error()); n > 2<<10 {
			t.Errorf("the text of the error has %d bytes", n)
		}
	})
	t.Run("A176 failed handshakes leave nothing", func(t *testing.T) {
		f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{newIssuer(t, "other").issue(t, nil)}}, okAnswer)
		a := new(HTTPAdapter)
		s := over(t, a, opts()...)
		for range 20 {
			s.Get(bg, f.https())
		}
		if got := statsOf(a, noneOpen); got.Open != 0 || got.Dialed != 20 {
			t.Errorf("Stats() = %+v; want 20 dialled and none open", got)
		}
	})
}

// TestTLSPools is B205, A160, A167, A168 and A175: connections made under one
// setting serve no other.
func TestTLSPools(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, ClientAuth: tls.RequestClientCert}, okAnswer)
	s := over(t, new(HTTPAdapter))
	bundle, client := ca.bundle(t), pairFile(t, ca.issue(t, nil))
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	verified := &tls.Config{RootCAs: roots}
	for i, tt := range []struct {
		tls     TLS
		works   bool
		dialled int32
	}{
		{TLS{SkipVerify: true}, true, 1},
		{TLS{SkipVerify: true}, true, 0},
		{TLS{}, false, 1}, // CVE-2024-35195
		{TLS{CABundle: bundle}, true, 1},
		{TLS{CABundle: bundle}, true, 0},
		{TLS{CABundle: other.bundle(t)}, false, 1},
		{TLS{CABundle: bundle, CertFile: client}, true, 1},
		{TLS{CABundle: bundle, CertFile: pairFile(t, other.issue(t, nil))}, true, 1},
		{TLS{Config: verified}, true, 1},
		{TLS{Config: verified.Clone()}, true, 1},
		{TLS{Config: &tls.Config{RootCAs: roots, ServerName: "elsewhere.test"}}, false, 1},
		{TLS{SkipVerify: true}, true, 0}, // still there
	} {
		before := f.conns.Load()
		_, err := s.Get(bg, f.https(), tt.tls)
		if works := err == nil; works != tt.works || f.conns.Load()-before != tt.dialled {
			t.Errorf("%d: %+v: error %v after %d new connections; want %d, and to work: %v", i, tt.tls, err, f.conns.Load()-before, tt.dialled, tt.works)
		}
		if err != nil {
			isAll(t, err, ErrTLS)
		}
	}
}

func TestCABundle(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	dir := t.TempDir()
	for name, c := range map[string]*issuer{"1a2b3c4d.0": ca, "other.pem": other} {
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "README"), []byte("nothing"), 0o600)
	os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "dangling.0"))
	os.Mkdir(filepath.Join(dir, "folder"), 0o700)
	empty := writePEM(t, "empty.pem")
	good, bad := ca.bundle(t), other.bundle(t)
	for _, tt := range []struct {
		name string
		env  string
		tls  TLS
		want error // nil: it works
		text string
	}{
		{name: "directory", tls: TLS{CABundle: dir}},
		{name: "A161 in place of the system's", tls: TLS{CABundle: bad}, want: ErrTLS},
		{name: "missing", tls: TLS{CABundle: "/nowhere/ca.pem"}, want: ErrInvalidOption, text: "/nowhere/ca.pem"},
		{name: "without a certificate", tls: TLS{CABundle: empty}, want: ErrInvalidOption, text: empty},
		{name: "empty directory", tls: TLS{CABundle: t.TempDir()}, want: ErrInvalidOption},
		{name: "environment", env: good},
		{name: "environment, missing", env: "/nowhere/env.pem", want: ErrInvalidOption, text: "/nowhere/env.pem"},
		{name: "the program before the environment", env: bad, tls: TLS{CABundle: good}},
		{name: "SkipVerify before the environment", env: bad, tls: TLS{SkipVerify: true}},
		{name: "missing certificate", tls: TLS{CABundle: good, CertFile: "/nowhere/cert.pem"}, want: ErrInvalidOption, text: "/nowhere/cert.pem"},
		{name: "no key", tls: TLS{CABundle: good, CertFile: good}, want: ErrInvalidOption, text: good},
	} {
		for _, variable := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
			t.Run(tt.name+", "+variable, func(t *testing.T) {
				if tt.env != "" {
					t.Setenv(variable, tt.env)
				}
				_, err := over(t, new(HTTPAdapter)).Get(bg, f.https(), tt.tls)
				if !errors.Is(err, tt.want) {
					t.Fatalf("error %v; want %v", err, tt.want)
				}
				if err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("the error %q does not name %s", err, tt.text)
				}
			})
		}
	}
	t.Run("TrustEnv(false)", func(t *testing.T) {
		t.Setenv("REQUESTS_CA_BUNDLE", good)
		_, err := over(t, new(HTTPAdapter)).Get(bg, f.https(), TrustEnv(false))
		isAll(t, err, ErrTLS)
	})
	t.Run("REQUESTS_CA_BUNDLE first", func(t *testing.T) {
		t.Setenv("REQUESTS_CA_BUNDLE", good)
		t.Setenv("CURL_CA_BUNDLE", bad)
		if _, err := over(t, new(HTTPAdapter)).Get(bg, f.https()); err != nil {
			t.Error(err)
		}
	})
	t.Run("environment and a RoundTripper", func(t *testing.T) {
		t.Setenv("REQUESTS_CA_BUNDLE", good)
		t.Setenv("http_proxy", "http://p.test")
		s := NewSession()
		defer s.Close()
		s.Mount("http://", RoundTripper(handlerTripper{okHandler}))
		if _, err := s.Get(bg, "http://h.test/"); err != nil {
			t.Error(err)
		}
		_, err := s.Get(bg, "http://h.test/", Proxies{"http": "http://p.test"})
		isAll(t, err, ErrInvalidOption)
	})
}

// A wrapped connection is no socket that can be looked at.
type wrapped struct{ net.Conn }

// TestHTTPSNeverInTheClear is about connections to one host and port that serve
// http and https: one without TLS must never carry a request of https. Nobody
// trusts the server, so that a request of https can only fail.
func TestHTTPSNeverInTheClear(t *testing.T) {
	ca := newIssuer(t, "ca")
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	var leaked atomic.Int32
	f := newFaulty(t, func(f *faulty, c net.Conn) { // speaks whatever the client begins with
		br := bufio.NewReader(c)
		first, err := br.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 22 {
			tc := tls.Server(&peeked{c, br}, config)
			br = bufio.NewReader(tc)
			for f.request(br) != nil {
				if _, err := io.WriteString(tc, okAnswer); err != nil {
					return
				}
			}
			return
		}
		for r := f.request(br); r != nil; r = f.request(br) {
			if r.Header.Get("Authorization") != "" {
				leaked.Add(1)
			}
			if _, err := io.WriteString(c, okAnswer); err != nil {
				return
			}
		}
	})
	for _, way := range []struct {
		name string
		dial func(net.Conn) net.Conn
	}{
		{"sockets", func(c net.Conn) net.Conn { return c }},
		{"wrapped", func(c net.Conn) net.Conn { return wrapped{c} }},
	} {
		t.Run(way.name+"/at once", func(t *testing.T) {
			for range 50 {
				s := over(t, &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, addr)
					if err != nil {
						return nil, err
					}
					return way.dial(c), nil
				}})
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() { s.Get(bg, f.url()) })
					wg.Go(func() {
						_, err := s.Get(bg, f.https(), BearerAuth("token"))
						isAll(t, err, ErrTLS)
					})
				}
				wg.Wait()
				s.Close()
			}
		})
		t.Run(way.name+"/after a dial that nobody waits for", func(t *testing.T) {
			ctx, cancel := context.WithCancel(bg)
			late := make(chan struct{})
			var once sync.Once
			a := &HTTPAdapter{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
				c, err := net.Dial(network, addr)
				if err != nil {
					return nil, err
				}
				once.Do(func() { cancel(); <-late })
				return way.dial(c), nil
			}}
			s := over(t, a)
			_, err := s.Get(ctx, f.url())
			isAll(t, err, context.Canceled)
			close(late)
			statsOf(a, func(s Stats) bool { return s.Open > 0 }) // the dial that was left is over
			_, err = s.Get(bg, f.https(), BearerAuth("token"))
			isAll(t, err, ErrTLS)
		})
	}
	if n := leaked.Load(); n != 0 {
		t.Errorf("%d requests of https went out in the clear", n)
	}
}

// A peeked connection is read through the reader that has looked at it.
type peeked struct {
	net.Conn
	br *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.br.Read(b) }
