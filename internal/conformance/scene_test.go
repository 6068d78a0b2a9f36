package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A corpusSite is what all cases share: the certificate authority, and addresses where
// nothing answers.
type corpusSite struct {
	config    *tls.Config // of the tls origin
	caFile    string
	closed    string // an address that refuses connections
	blackhole string // an address that never completes a connection
}

func newSite(t *testing.T) *corpusSite {
	t.Helper()
	st := &corpusSite{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	authority, certificate, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	st.config = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if err := os.WriteFile(st.caFile, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	st.closed, st.blackhole = reserveAddr(t), reserveAddr(t)
	return st
}

// reserveAddr returns an address that refuses connections, and that the system gives
// to nobody else: the local end of a connection. (A bound socket that does not listen
// would do as well, but package net has none.)
func reserveAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		near, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept() // otherwise closing the listener would end it
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		t.Cleanup(func() { near.Close(); far.Close() })
		if a := near.LocalAddr().(*net.TCPAddr); a.Port >= 10000 {
			return a.String()
		}
	}
	t.Fatal("no port of five digits is to be had")
	return ""
}

// newAuthority makes an authority that no system knows, in PEM, and a certificate
// signed by it for the names in FORMAT.md, section 3.
func newAuthority() (authority []byte, server tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conformance CA"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: from, NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "example.com", "*.example.com", "example.org", "*.example.org"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, server, err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	server = tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), server, err
}

// A scene has the servers, names and environment of one case.
type scene struct {
	t       *testing.T
	c       *corpusCase
	site    *corpusSite
	origins *origins
	dir     string
	tokens  *strings.Replacer // replaces placeholders
	texts   *strings.Replacer // and back

	mu        sync.Mutex
	strangers []string // addresses dialled that the host map does not have
}

// newScene sets everything up for c, and cleans up when t ends.
func newScene(t *testing.T, n network, st *corpusSite, c *corpusCase) *scene {
	t.Helper()
	sc := &scene{t: t, c: c, site: st, dir: t.TempDir()}
	// The script may name the ports of the servers, so the servers must listen
	// before it is read.
	o, err := startOrigins(n, st.config)
	if err != nil {
		t.Fatal(err)
	}
	sc.origins = o
	sc.name()
	o.hostmap = sc.lookup
	for _, spec := range c.Server {
		response, err := newCannedResponse(spec, sc.fill)
		if err != nil {
			t.Fatalf("server: %v", err)
		}
		o.script = append(o.script, response)
	}
	sc.environment()
	return sc
}

// fill replaces placeholders with real values, and hide does the reverse.
func (sc *scene) fill(s string) string { return sc.tokens.Replace(s) }
func (sc *scene) hide(s string) string { return sc.texts.Replace(s) }

// filled is fill for an optional text.
func (sc *scene) filled(s *string) *string {
	if s == nil {
		return nil
	}
	text := sc.fill(*s)
	return &text
}

// name defines the placeholders of FORMAT.md, section 3.
func (sc *scene) name() {
	var tokens, texts []string
	stand := func(token, text string) {
		tokens = append(tokens, token, text)
		texts = append(texts, text, token)
	}
	stand("{nopath}", filepath.Join(sc.dir, "does-not-exist"))
	stand("{ca}", sc.site.caFile)
	_, basePort, _ := net.SplitHostPort(sc.origins.addr("base"))
	_, tlsPort, _ := net.SplitHostPort(sc.origins.addr("tls"))
	stand("{local}", "http://localhost:"+basePort)
	stand("{tlslocal}", "https://localhost:"+tlsPort)
	for _, o := range []struct{ scheme, addr, url, host, port string }{
		{"http", sc.origins.addr("base"), "{base}", "{host}", "{port}"},
		{"http", sc.origins.addr("base2"), "{base2}", "{host2}", "{port2}"},
		{"https", sc.origins.addr("tls"), "{tls}", "{tlshost}", "{tlsport}"},
		{"http", sc.site.closed, "{closed}", "{closedhost}", "{closedport}"},
		{"http", sc.site.blackhole, "{blackhole}", "{blackholehost}", "{blackholeport}"},
	} {
		_, port, _ := net.SplitHostPort(o.addr)
		stand(o.url, o.scheme+"://"+o.addr)
		stand(o.host, o.addr)
		stand(o.port, port)
	}
	// At each place the first match counts: a URL comes before its host, and a host before its port.
	sc.tokens, sc.texts = strings.NewReplacer(tokens...), strings.NewReplacer(texts...)
}

// environment sets the variables of FORMAT.md, section 4.
func (sc *scene) environment() {
	names := []string{"REQUEST_METHOD", "NETRC", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"} {
		names = append(names, name, strings.ToUpper(name))
	}
	for _, name := range names {
		sc.t.Setenv(name, "") // restores it after the test
		os.Unsetenv(name)
	}
	home := filepath.Join(sc.dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		sc.t.Fatal(err)
	}
	sc.t.Setenv("HOME", home)
	sc.t.Setenv("USERPROFILE", home)
	for name, value := range sc.c.Env {
		sc.t.Setenv(name, sc.variable(name, value))
	}
}

// variable returns the value of an environment variable, after creating the files that it names.
func (sc *scene) variable(name string, value json.RawMessage) string {
	sc.t.Helper()
	if value[0] == '"' {
		return string(sc.bytes(value))
	}
	var files struct {
		File json.RawMessage            `json:"file"`
		Dir  map[string]json.RawMessage `json:"dir"`
	}
	if err := decodeStrict(value, &files); err != nil {
		sc.t.Fatalf("env %s: %v", name, err)
	}
	path := filepath.Join(sc.dir, "env-"+name)
	if files.Dir == nil {
		sc.write(path, files.File)
		return path
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		sc.t.Fatal(err)
	}
	for file, content := range files.Dir {
		sc.write(filepath.Join(path, file), content)
	}
	return path
}

func (sc *scene) write(path string, content json.RawMessage) {
	sc.t.Helper()
	if err := os.WriteFile(path, sc.bytes(content), 0o600); err != nil {
		sc.t.Fatal(err)
	}
}

// bytes, pairs and value decode values of the case, and fill in placeholders.
func (sc *scene) bytes(data json.RawMessage) []byte {
	sc.t.Helper()
	b, err := corpusBytes(data, sc.fill)
	if err != nil {
		sc.t.Fatalf("%s: %v", data, err)
	}
	return b
}

func (sc *scene) text(data json.RawMessage) string { return string(sc.bytes(data)) }

func (sc *scene) pairs(data json.RawMessage) []corpusPair {
	sc.t.Helper()
	p, err := corpusPairs(data, sc.fill)
	if err != nil {
		sc.t.Fatalf("%s: %v", data, err)
	}
	return p
}

func (sc *scene) value(data json.RawMessage) any {
	sc.t.Helper()
	v, err := decodeAny(data)
	if err == nil {
		v, err = corpusValue(v, sc.fill)
	}
	if err != nil {
		sc.t.Fatalf("%s: %v", data, err)
	}
	return v
}

// lookup finds the origin for addr in the host map.
func (sc *scene) lookup(addr string) (origin string, known bool) {
	addr = strings.ToLower(addr)
	_, port, _ := net.SplitHostPort(addr)
	for _, key := range []string{addr, "*:" + port, "*"} {
		if origin, known = sc.c.Hostmap[key]; known {
			return origin, true
		}
	}
	return "", false
}

// dial connects to the server that addr has in the scene. The library has no other
// way out, and this one does not leave the machine.
func (sc *scene) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	refused := &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errRefused)}
	switch host {
	case "127.0.0.1", "::1":
	case "localhost":
		addr = net.JoinHostPort("127.0.0.1", port)
	default:
		origin, known := sc.lookup(addr)
		if !known {
			sc.mu.Lock()
			sc.strangers = append(sc.strangers, addr)
			sc.mu.Unlock()
			return nil, refused
		}
		switch origin {
		case "nxdomain":
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		case "closed":
			addr = sc.site.closed
		case "blackhole":
			addr = sc.site.blackhole
		default:
			addr = sc.origins.addr(origin)
		}
	}
	if addr == sc.site.blackhole {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
	return sc.origins.net.dial(ctx, addr)
}

// complaints returns problems of the scene rather than of the case.
func (sc *scene) complaints() []string {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	out := slices.Clone(sc.origins.problems)
	for _, addr := range sc.strangers {
		out = append(out, fmt.Sprintf("dial outside the host map: %s of %v", addr, slices.Sorted(maps.Keys(sc.c.Hostmap))))
	}
	return out
}
