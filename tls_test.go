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
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
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
		{"wrong host", ca, "localhost", wrongHost, fault.IsA[x509.HostnameError]},
		{"unknown authority", other, "localhost", nil, fault.IsA[x509.UnknownAuthorityError]},
		{"for clients", ca, "localhost", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, invalid(x509.IncompatibleUsage)},
		{"without SAN", ca, "localhost", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }, fault.IsA[x509.HostnameError]},
		{"wildcard for an address", ca, "127.0.0.1", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"*.0.0.1"}, nil }, fault.IsA[x509.HostnameError]},
		{"wildcard two levels up", ca, "a.b.test", func(c *x509.Certificate) { c.DNSNames = []string{"*.test"} }, fault.IsA[x509.HostnameError]},
		{"part of a label", ca, "xa.test", func(c *x509.Certificate) { c.DNSNames = []string{"x*.test"} }, fault.IsA[x509.HostnameError]},
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
			if got := strings.Contains(err.Error(), "perhaps its URL begins with http://"); got != hinted || !fault.IsA[tls.RecordHeaderError](err) {
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

// newTLSEcho starts a server with a certificate of ca that asks for one of the
// client's, and answers with its name and the version of TLS.
func newTLSEcho(t testing.TB, ca *issuer) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "no certificate"
		if c := r.TLS.PeerCertificates; len(c) > 0 {
			name = c[0].Subject.CommonName
		}
		fmt.Fprintf(w, "%s, %s", name, tls.VersionName(r.TLS.Version))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// TestTLSMerges holds the three settings of TLS, each of which a call gives in
// full or leaves to the session: the client's certificate, whom to trust, and
// the rest of Config.
func TestTLSMerges(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	named := func(name string) tls.Certificate {
		return ca.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
	}
	one, two := pairFile(t, named("one")), pairFile(t, named("two"))
	caBundle, otherBundle := ca.bundle(t), other.bundle(t)
	caRoots := x509.NewCertPool()
	caRoots.AddCert(ca.cert)
	older := &tls.Config{MaxVersion: tls.VersionTLS12} // what stands for the rest
	three := named("three")
	withCert := &tls.Config{Certificates: []tls.Certificate{three}}
	askedForCert := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &three, nil }}
	trusting := &tls.Config{RootCAs: caRoots}
	insecure := &tls.Config{InsecureSkipVerify: true}
	accepting := &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return nil }}
	acceptingPeer := &tls.Config{VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return nil }}
	refusing := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return fmt.Errorf("pinned") }}
	pinned := &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return fmt.Errorf("pinned") }}

	const none, only, others, all = "nobody", "ca", "other", "everybody"
	urls := map[string]string{only: newTLSEcho(t, ca), others: newTLSEcho(t, other)}
	for _, tt := range []struct {
		name          string
		session, call TLS
		trusted       string // whose certificates are accepted
		client        string // the name in the certificate that is sent
		older         bool   // TLS 1.2 at the most
	}{
		{"nothing over nothing", TLS{}, TLS{}, none, "", false},
		{"nothing over everything", TLS{CABundle: caBundle, CertFile: one, Config: older}, TLS{}, only, "one", true},

		// A certificate leaves whom to trust, and the rest.
		{"CertFile over CABundle", TLS{CABundle: caBundle}, TLS{CertFile: one}, only, "one", false},
		{"CertFile over SkipVerify", TLS{SkipVerify: true}, TLS{CertFile: one}, all, "one", false},
		{"CertFile over Config", TLS{Config: &tls.Config{RootCAs: caRoots, MaxVersion: tls.VersionTLS12}}, TLS{CertFile: one}, only, "one", true},
		{"CertFile over CertFile and KeyFile", TLS{CABundle: caBundle, CertFile: one, KeyFile: one}, TLS{CertFile: two}, only, "two", false},
		{"CertFile and KeyFile over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{CertFile: two, KeyFile: two}, only, "two", false},
		{"CertFile over Certificates", TLS{CABundle: caBundle, Config: withCert}, TLS{CertFile: one}, only, "one", false},
		{"CertFile over GetClientCertificate", TLS{CABundle: caBundle, Config: askedForCert}, TLS{CertFile: one}, only, "one", false},
		{"CertFile beside GetClientCertificate", TLS{}, TLS{CABundle: caBundle, CertFile: one, Config: askedForCert}, only, "one", false},
		{"Certificates over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: withCert}, only, "three", false},
		{"GetClientCertificate over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: askedForCert}, only, "three", false},

		// Whom to trust leaves the certificate, and the rest.
		{"SkipVerify over CertFile", TLS{CABundle: caBundle, CertFile: one, Config: older}, TLS{SkipVerify: true}, all, "one", true},
		{"SkipVerify over CABundle", TLS{CABundle: otherBundle}, TLS{SkipVerify: true}, all, "", false},
		{"CABundle over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{CABundle: caBundle}, only, "one", false},
		{"CABundle over CABundle", TLS{CABundle: otherBundle, CertFile: one, Config: older}, TLS{CABundle: caBundle}, only, "one", true},
		{"CABundle over RootCAs", TLS{Config: &tls.Config{RootCAs: caRoots, MaxVersion: tls.VersionTLS12}}, TLS{CABundle: otherBundle}, others, "", true},
		{"CABundle over InsecureSkipVerify", TLS{Config: insecure}, TLS{CABundle: caBundle}, only, "", false},
		{"CABundle over VerifyConnection", TLS{Config: refusing}, TLS{CABundle: caBundle}, only, "", false},
		{"RootCAs over CABundle", TLS{CABundle: otherBundle, CertFile: one}, TLS{Config: trusting}, only, "one", false},
		{"RootCAs over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{Config: trusting}, only, "one", false},
		{"InsecureSkipVerify over CABundle", TLS{CABundle: otherBundle, CertFile: one}, TLS{Config: insecure}, all, "one", false},
		{"InsecureSkipVerify over Certificates", TLS{Config: withCert}, TLS{Config: insecure}, all, "three", false},
		{"SkipVerify over VerifyConnection", TLS{Config: refusing}, TLS{SkipVerify: true}, all, "", false},
		{"VerifyConnection over SkipVerify", TLS{SkipVerify: true}, TLS{Config: refusing}, none, "", false},
		{"VerifyConnection alone over SkipVerify", TLS{SkipVerify: true}, TLS{Config: accepting}, none, "", false},
		{"VerifyPeerCertificate alone over SkipVerify", TLS{SkipVerify: true}, TLS{Config: acceptingPeer}, none, "", false},

		// Verify goes back to the roots of the system.
		{"Verify over SkipVerify", TLS{SkipVerify: true}, TLS{Verify: true}, none, "", false},
		{"Verify over InsecureSkipVerify", TLS{Config: insecure}, TLS{Verify: true}, none, "", false},
		{"Verify over CABundle", TLS{CABundle: caBundle}, TLS{Verify: true}, none, "", false},
		{"Verify and CABundle over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{Verify: true, CABundle: caBundle}, only, "one", false},
		{"Verify and RootCAs over SkipVerify", TLS{SkipVerify: true}, TLS{Verify: true, Config: trusting}, only, "", false},
		{"SkipVerify over Verify", TLS{Verify: true, CABundle: otherBundle}, TLS{SkipVerify: true}, all, "", false},

		// The rest leaves both.
		{"Config over CABundle", TLS{CABundle: caBundle}, TLS{Config: older}, only, "", true},
		{"Config over SkipVerify", TLS{SkipVerify: true}, TLS{Config: older}, all, "", true},
		{"Config over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: older}, only, "one", true},
		{"Config over Certificates", TLS{CABundle: caBundle, Config: withCert}, TLS{Config: older}, only, "three", true},
		{"Config over GetClientCertificate", TLS{CABundle: caBundle, Config: askedForCert}, TLS{Config: older}, only, "three", true},
		{"Config over RootCAs", TLS{Config: trusting}, TLS{Config: older}, only, "", true},
		{"Config over InsecureSkipVerify", TLS{Config: insecure}, TLS{Config: older}, all, "", true},
		{"Config over VerifyConnection", TLS{Config: refusing}, TLS{Config: older}, none, "", true},
		{"Config over VerifyPeerCertificate", TLS{Config: pinned}, TLS{Config: older}, none, "", true},
		{"everything over everything", TLS{SkipVerify: true, CertFile: one, Config: older}, TLS{CABundle: caBundle, CertFile: two, Config: trusting}, only, "two", false},
	} {
		for way, do := range map[string]func(url string) (*Response, error){
			"call": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				return s.Get(bg, url, tt.call)
			},
			"HTTP1": func(url string) (*Response, error) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, tt.session)
				return s.Get(bg, url, tt.call)
			},
			"With": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				return s.With(tt.call).Get(bg, url)
			},
			"twice": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter))
				return s.Get(bg, url, tt.session, tt.call, TLS{})
			},
			"field": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter))
				s.TLS = tt.session
				return s.Get(bg, url, tt.call)
			},
			"Send": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				p, err := s.Prepare(bg, NewRequest("GET", url))
				require.NoError(t, err)
				return s.Send(bg, p, tt.call)
			},
		} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				for whose, url := range urls {
					r, err := do(url)
					if accepted := tt.trusted == whose || tt.trusted == all; accepted != (err == nil) {
						t.Fatalf("the server of %q gave the error %v; want it accepted: %v", whose, err, accepted)
					}
					if err != nil {
						require.ErrorIs(t, err, ErrTLS)
						continue
					}
					client, version := tt.client, "TLS 1.3"
					if client == "" {
						client = "no certificate"
					}
					if tt.older {
						version = "TLS 1.2"
					}
					require.Equal(t, client+", "+version, r.Text())
				}
			})
		}
	}
}

// TestTLSContradicts gives both of what excludes each other.
func TestTLSContradicts(t *testing.T) {
	for name, both := range map[string]TLS{
		"SkipVerify":         {SkipVerify: true, Verify: true},
		"InsecureSkipVerify": {Verify: true, Config: &tls.Config{InsecureSkipVerify: true}},
	} {
		field := NewSession()
		field.TLS = both
		for way, do := range map[string]func() error{
			"call":       func() error { _, err := new(Session).Get(bg, "https://h.test/", both); return err },
			"NewSession": func() error { _, err := NewSession(both).Get(bg, "https://h.test/"); return err },
			"With":       func() error { _, err := NewSession().With(both).Get(bg, "https://h.test/"); return err },
			"field":      func() error { _, err := field.Get(bg, "https://h.test/"); return err },
			"prepare":    func() error { _, err := NewRequest("GET", "https://h.test/", both).Prepare(bg); return err },
		} {
			require.ErrorIs(t, do(), ErrInvalidOption, name+"/"+way)
		}
		_, err := field.Get(bg, "https://127.0.0.1:1/", TLS{SkipVerify: true})
		require.ErrorIs(t, err, ErrConnection, "a call that says whom to trust says it alone")
	}
}

// TestTLSMergeIsOneKey: what means the same is served by the same connections,
// and a Config is told by its address.
func TestTLSMergeIsOneKey(t *testing.T) {
	c := &tls.Config{MaxVersion: tls.VersionTLS12}
	roots := &tls.Config{RootCAs: x509.NewCertPool()}
	require.Equal(t, TLS{Config: c}, TLS{Config: c}.over(TLS{}))
	require.Equal(t, TLS{Config: c}, TLS{}.over(TLS{Config: c}))
	require.Equal(t, TLS{Config: c}, TLS{Config: c}.over(TLS{Config: c}))
	require.Equal(t, TLS{Config: roots}, TLS{Config: roots}.over(TLS{CABundle: "x", CertFile: ""}))
	a, b := TLS{Config: c}.over(TLS{Config: roots}), TLS{Config: c}.over(TLS{Config: roots})
	require.True(t, a == b)
	require.True(t, a == TLS{Config: c}.over(a) && a == a.over(TLS{}) && a == a.over(TLS{SkipVerify: true}))
	require.Same(t, c, a.Config)
}

// TestTLSResumption gives a Config a cache of TLS sessions, which are kept by the
// name of the server alone: a call with another certificate must not resume one
// that was begun with the first, nor one with other roots be spared to look.
func TestTLSResumption(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	url := newTLSEcho(t, ca)
	named := func(name string) string {
		return pairFile(t, ca.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = name }))
	}
	for name, a := range map[string]*HTTPAdapter{"HTTP/1.1": {DisableHTTP2: true}, "HTTP/2": {}} {
		t.Run(name, func(t *testing.T) {
			cache := tls.NewLRUClientSessionCache(0)
			s := over(t, a, TLS{CABundle: ca.bundle(t), CertFile: named("one"), Config: &tls.Config{ClientSessionCache: cache}})
			resumed := false
			get := func(opts ...Option) string {
				r, err := s.Get(bg, url, append(opts, Headers{"Connection": "close"})...)
				if err != nil {
					return "error"
				}
				resumed = r.TLS.DidResume
				return r.Text()
			}
			require.Equal(t, "one, TLS 1.3", get())
			require.Equal(t, "one, TLS 1.3", get())
			require.True(t, resumed, "no TLS session is resumed: this test proves nothing")
			require.Equal(t, "two, TLS 1.3", get(TLS{CertFile: named("two")}))
			require.Equal(t, "error", get(TLS{CABundle: other.bundle(t)}))
			require.Equal(t, "one, TLS 1.3", get(TLS{SkipVerify: true}))
			require.Equal(t, "error", get(TLS{Verify: true}))
			require.Equal(t, "one, TLS 1.3", get())
		})
	}
}
