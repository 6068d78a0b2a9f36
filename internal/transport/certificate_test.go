package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// signed makes a self-signed certificate for 127.0.0.1, in PEM.
func signed(t testing.TB, name string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// The clock of the file system may be coarse, and sizes the same.
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(len(data))*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
}

// tellingServer answers with the name in the client's certificate. Sessions can be
// resumed.
func tellingServer(t testing.TB) *httptest.Server {
	cert, key := signed(t, "server")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		io.WriteString(w, name)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

// E1.13: files that are replaced while the program runs are used for the next
// connection. If only one half of a pair is replaced, the last pair stays in force.
func TestCertificateIsRenewed(t *testing.T) {
	srv := tellingServer(t)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	firstCert, firstKey := signed(t, "first")
	writeFile(t, certFile, firstCert)
	writeFile(t, keyFile, firstKey)
	e := newEngine(t, Config{})
	config := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	route := Route{TLS: TLS{SkipVerify: true, CertFile: certFile, KeyFile: keyFile, Config: config}}
	ask := func() string {
		t.Helper()
		call := newCall(t, "GET", srv.URL)
		call.Route = route
		return text(t, e, call)
	}
	if got := ask(); got != "first" {
		t.Fatalf("the server saw %q", got)
	}
	secondCert, secondKey := signed(t, "second")
	writeFile(t, certFile, secondCert)
	if got := ask(); got != "first" {
		t.Errorf("the connection that was there: the server saw %q", got)
	}
	e.CloseIdle()
	if got := ask(); got != "first" {
		t.Errorf("with half of a new pair the server saw %q", got)
	}
	writeFile(t, keyFile, secondKey)
	e.CloseIdle()
	if got := ask(); got != "second" {
		t.Errorf("with a new pair the server saw %q", got)
	}
	link := filepath.Join(dir, "link.pem")
	thirdCert, thirdKey := signed(t, "third")
	writeFile(t, filepath.Join(dir, "third.pem"), append(thirdCert, thirdKey...))
	writeFile(t, filepath.Join(dir, "both.pem"), append(secondCert, secondKey...))
	if err := os.Symlink("both.pem", link); err != nil {
		t.Skip(err)
	}
	route.TLS.CertFile, route.TLS.KeyFile = link, ""
	if got := ask(); got != "second" {
		t.Errorf("by a link the server saw %q", got)
	}
	os.Remove(link)
	os.Symlink("third.pem", link)
	e.CloseIdle()
	if got := ask(); got != "third" {
		t.Errorf("by a link that was replaced the server saw %q", got)
	}
}

// E1.13: a file with the same size and time that replaces another one is a
// different file.
func TestCertificateOfSameSize(t *testing.T) {
	srv := tellingServer(t)
	dir := t.TempDir()
	when := time.Now()
	write := func(name, owner string) string {
		cert, key := signed(t, owner)
		both := append(cert, key...)
		both = append(both, strings.Repeat("\n", 2048-len(both))...)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, both, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		return path
	}
	e := newEngine(t, Config{})
	call := newCall(t, "GET", srv.URL)
	call.Route = Route{TLS: TLS{SkipVerify: true, CertFile: write("client.pem", "first")}}
	if got := text(t, e, call); got != "first" {
		t.Fatalf("the server saw %q", got)
	}
	if err := os.Rename(write("new.pem", "second"), call.Route.TLS.CertFile); err != nil {
		t.Fatal(err)
	}
	e.CloseIdle()
	if got := text(t, e, call); got != "second" {
		t.Errorf("the server saw %q; want the new certificate", got)
	}
}

// E1.13: the trusted authorities are read again, too, including those in a
// directory.
func TestBundleIsRenewed(t *testing.T) {
	srv := tellingServer(t)
	good := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.TLS.Certificates[0].Certificate[0]})
	other, _ := signed(t, "other")
	dir := t.TempDir()
	for name, path := range map[string]string{"file": filepath.Join(dir, "ca.pem"), "directory": filepath.Join(dir, "certs")} {
		t.Run(name, func(t *testing.T) {
			in := path
			if name == "directory" {
				os.Mkdir(path, 0o700)
				in = filepath.Join(path, "1.pem")
			}
			e := newEngine(t, Config{})
			ask := func() error {
				call := newCall(t, "GET", srv.URL)
				call.Route.TLS.CABundle = path
				res, err := e.Do(t.Context(), call)
				if err == nil {
					io.Copy(io.Discard, res.Body)
				}
				e.CloseIdle()
				return err
			}
			if err := ask(); !errors.Is(err, fault.InvalidOption) || !strings.Contains(err.Error(), path) {
				t.Errorf("without a file: %v", err)
			}
			writeFile(t, in, other)
			if err := ask(); !errors.Is(err, fault.TLS) {
				t.Errorf("with another authority: %v", err)
			}
			writeFile(t, in, append(good, other...))
			if err := ask(); err != nil {
				t.Errorf("with the right authority: %v", err)
			}
			if name == "directory" {
				os.Remove(in)
				writeFile(t, filepath.Join(path, "2.pem"), other)
				if err := ask(); !errors.Is(err, fault.TLS) {
					t.Errorf("with another file in its place: %v", err)
				}
			}
		})
	}
}

// E1.13: a resumed session has the identity of its first connection. Two
// certificates never share a cache, even if they share a Config.
func TestSessionsApart(t *testing.T) {
	srv := tellingServer(t)
	dir := t.TempDir()
	config := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	e := newEngine(t, Config{})
	for _, name := range []string{"first", "second", "first", "second"} {
		file := filepath.Join(dir, name+".pem")
		if _, err := os.Stat(file); err != nil {
			cert, key := signed(t, name)
			writeFile(t, file, append(cert, key...))
		}
		call := newCall(t, "GET", srv.URL)
		call.Route.TLS = TLS{SkipVerify: true, CertFile: file, Config: config}
		if got := text(t, e, call); got != name {
			t.Errorf("the server saw %q; want %q", got, name)
		}
		e.CloseIdle()
	}
}

// E1.13: a Config is identified by its pointer. Once it was garbage collected, its
// connections are closed: no call can use it again.
func TestForgottenConfig(t *testing.T) {
	srv := tellingServer(t)
	e := newEngine(t, Config{})
	for range 30 {
		call := newCall(t, "GET", srv.URL)
		call.Route.TLS.Config = &tls.Config{InsecureSkipVerify: true}
		text(t, e, call)
	}
	kept := newCall(t, "GET", srv.URL)
	kept.Route.TLS.Config = &tls.Config{InsecureSkipVerify: true}
	text(t, e, kept)
	await(t, "the end of the connections", func() bool {
		runtime.GC()
		return e.Stats().Open == 1
	})
	if text(t, e, kept); e.Stats().Dialed != 31 {
		t.Errorf("Stats = %+v; want the connection of the Config that is kept", e.Stats())
	}
}

// The client certificate and the sessions of the target are not used for a proxy.
func TestProxyConfig(t *testing.T) {
	c := credential{settings: TLS{Config: &tls.Config{
		ServerName: "target", Certificates: []tls.Certificate{{}}, ClientSessionCache: tls.NewLRUClientSessionCache(0),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, nil },
	}}, http2: true}
	got, err := c.proxyConfig("proxy.test:443")
	if err != nil || got.ServerName != "proxy.test" || got.Certificates != nil || got.ClientSessionCache != nil || got.GetClientCertificate != nil ||
		len(got.NextProtos) != 1 || got.NextProtos[0] != "http/1.1" {
		t.Errorf("proxyConfig = %+v, %v", got, err)
	}
	if got.MinVersion != tls.VersionTLS12 {
		t.Errorf("TLS %x is accepted", got.MinVersion)
	}
}
