package docs

import (
	"bufio"
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
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
)

// A world is the network as the blocks see it. Programs reach it by the proxy
// variables, so that a block names https://httpbingo.org, as its reader does, and
// is answered by this process.
type world struct {
	environment []string
	hosts       map[string]http.Handler
	stands      *strings.Replacer // for addresses that are elsewhere in the tests
	files       map[string][]byte

	authority, intruder *authority
	tunnels             *tunnels
}

func newWorld(t *testing.T) *world {
	w := &world{
		authority: newAuthority(t), intruder: newAuthority(t),
		tunnels: &tunnels{conns: make(chan net.Conn), closed: make(chan struct{})},
	}
	bin := httpbin.New(httpbin.WithMaxDuration(time.Minute))
	w.hosts = map[string]http.Handler{
		"httpbingo.org":          bin,
		"github.com":             http.HandlerFunc(github),
		"api.github.com":         githubAPI(),
		"api.example.com":        exampleAPI(),
		"example.com":            http.HandlerFunc(hello),
		"www.example.com":        http.HandlerFunc(hello),
		"files.example.com":      http.HandlerFunc(download),
		"shop.example.com":       shop(),
		"internal.example.com":   http.HandlerFunc(hello),
		"login.example.com":      login(),
		"expired.badssl.com":     http.HandlerFunc(hello),
		"self-signed.badssl.com": http.HandlerFunc(hello),
		"client.badssl.com":      http.HandlerFunc(client),
		"tls-v1-2.badssl.com":    http.HandlerFunc(hello),
	}
	proxy := httptest.NewServer(http.HandlerFunc(w.proxy))
	t.Cleanup(proxy.Close)
	secure := &http.Server{Handler: http.HandlerFunc(w.serve), TLSConfig: w.tls(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = secure.ServeTLS(w.tunnels, "", "") }()
	t.Cleanup(func() { secure.Close() })
	socks := w.socks(t)
	quic := w.quic(t)

	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, w.authority.pem, 0o600))
	w.environment = []string{
		"http_proxy=" + proxy.URL, "https_proxy=" + proxy.URL, "no_proxy=localhost,127.0.0.1", "GITHUB_TOKEN=t0k3n",
		"HTTP_PROXY=", "HTTPS_PROXY=", "ALL_PROXY=", "all_proxy=", "NO_PROXY=", "CURL_CA_BUNDLE=", "NETRC=",
		"REQUESTS_CA_BUNDLE=" + ca, "SSL_CERT_FILE=" + ca, // the second one for net/http
	}
	w.stands = strings.NewReplacer("proxy.example:3128", strings.TrimPrefix(proxy.URL, "http://"), "proxy.example:1080", socks, "h3.example.com", quic)
	cert, key := w.authority.leaf(t, "client", time.Now().Add(time.Hour))
	w.files = map[string][]byte{
		"ca.pem": w.authority.pem, "client.pem": cert, "client-key.pem": key,
		"cookies.txt": []byte("# Netscape HTTP Cookie File\nhttpbingo.org\tFALSE\t/\tFALSE\t2000000000\ttheme\tdark\n"),
		"report.txt":  []byte("Tea sold well.\n"),
		"foo.png":     image(t, bin), "front.png": image(t, bin), "back.png": image(t, bin),
		"video.mp4": make([]byte, 300<<10),
	}
	return w
}

// local has code name what is there in place of what it stands for.
func (w *world) local(code string) string { return w.stands.Replace(code) }

// folder makes a folder with the files that blocks read.
func (w *world) folder(t *testing.T) string {
	dir := t.TempDir()
	for name, content := range w.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir
}

// proxy is the HTTP proxy by which all goes.
func (w *world) proxy(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.serve(rw, r)
		return
	}
	if w.hosts[strings.TrimSuffix(r.Host, ":443")] == nil {
		http.Error(rw, "no such host in the world of the documents: "+r.Host, http.StatusBadGateway)
		return
	}
	conn, buffered, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n"); err == nil {
		w.tunnels.conns <- &rest{conn, buffered.Reader}
	}
}

// serve answers for every host.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	if h := w.hosts[host]; h != nil {
		h.ServeHTTP(rw, r)
		return
	}
	http.Error(rw, "no such host in the world of the documents: "+r.Host, http.StatusBadGateway)
}

// tls gives each host its certificate.
func (w *world) tls() *tls.Config {
	var certificates sync.Map
	return &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			config := &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
			issuer, end := w.authority, time.Now().Add(24*time.Hour)
			switch hello.ServerName {
			case "expired.badssl.com":
				end = time.Now().Add(-time.Hour)
			case "self-signed.badssl.com":
				issuer = w.intruder
			case "client.badssl.com":
				config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, w.authority.pool()
			case "tls-v1-2.badssl.com":
				config.MaxVersion = tls.VersionTLS12
			}
			if cert, ok := certificates.Load(hello.ServerName); ok {
				config.Certificates = []tls.Certificate{cert.(tls.Certificate)}
				return config, nil
			}
			cert, err := issuer.certificate(hello.ServerName, end)
			certificates.Store(hello.ServerName, cert)
			config.Certificates = []tls.Certificate{cert}
			return config, err
		},
	}
}

// tunnels is the listener of what comes by CONNECT and by SOCKS.
type tunnels struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *tunnels) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *tunnels) Addr() net.Addr { return &net.TCPAddr{} }

// A rest is a connection of which some bytes have been read already.
type rest struct {
	net.Conn
	from *bufio.Reader
}

func (c *rest) Read(p []byte) (int, error) { return c.from.Read(p) }

// socks serves SOCKS5 (RFC 1928) for names, with and without a password, and
// returns its address.
func (w *world) socks(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				from := bufio.NewReader(conn)
				if !handshake(conn, from) {
					conn.Close()
					return
				}
				w.tunnels.conns <- &rest{conn, from}
			}()
		}
	}()
	return l.Addr().String()
}

// handshake agrees to everything that a SOCKS5 client asks for.
func handshake(w io.Writer, r *bufio.Reader) bool {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil || head[0] != 5 {
		return false
	}
	if _, err := r.Discard(int(head[1])); err != nil {
		return false
	}
	if _, err := w.Write([]byte{5, 0}); err != nil {
		return false
	}
	request := make([]byte, 5) // version, command, reserved, type of the address, its length
	if _, err := io.ReadFull(r, request); err != nil || request[3] != 3 {
		return false
	}
	if _, err := r.Discard(int(request[4]) + 2); err != nil {
		return false
	}
	_, err := w.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return err == nil
}

// quic serves HTTP/3 and returns its address.
func (w *world) quic(t *testing.T) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	cert, err := w.authority.certificate("localhost", time.Now().Add(time.Hour))
	require.NoError(t, err)
	server := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }),
	}
	go func() { _ = server.Serve(conn) }()
	t.Cleanup(func() { server.Close(); conn.Close() })
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	return "localhost:" + port
}

// An authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Authority of the documents"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) certificate(name string, end time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// leaf returns a certificate and its key in PEM.
func (a *authority) leaf(t *testing.T, name string, end time.Time) (cert, key []byte) {
	c, err := a.certificate(name, end)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// image returns the picture that httpbin has.
func image(t *testing.T, bin http.Handler) []byte {
	w := httptest.NewRecorder()
	bin.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/image/png", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.Bytes()
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintln(w, "<h1>Hello</h1>")
}

// client says who has come.
func client(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "hello,", r.TLS.PeerCertificates[0].Subject.CommonName)
}

// github sends whoever comes by http to https.
func github(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		http.Redirect(w, r, "https://github.com"+r.URL.Path, http.StatusMovedPermanently)
		return
	}
	hello(w, r)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// githubAPI has as much of that of GitHub as the documents need.
func githubAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "Requires authentication"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"login": "octocat", "name": "The Octocat"})
	})
	mux.HandleFunc("GET /repos/{owner}/{repository}/issues", func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.FormValue("page"))
		page = max(page, 1)
		if page < 3 {
			w.Header().Set("Link", fmt.Sprintf(`<https://api.github.com%s?page=%d>; rel="next", <https://api.github.com%[1]s?page=3>; rel="last"`, r.URL.Path, page+1))
		}
		writeJSON(w, http.StatusOK, []map[string]any{{"number": 2*page - 1, "title": "First"}, {"number": 2 * page, "title": "Second"}})
	})
	mux.HandleFunc("GET /search/repositories", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"total_count": 1, "items": []map[string]any{{"full_name": "golang/go", "stargazers_count": 100000}}})
	})
	return mux
}

// exampleAPI sells tea.
func exampleAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, []map[string]any{{"id": 1, "item": "tea"}, {"id": 2, "item": "coffee"}})
	})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.Header.Get("Last-Event-ID") == "2" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprint(w, "retry: 1\n\nid: 1\ndata: tea\n\nid: 2\ndata: coffee\n\n")
	})
	mux.HandleFunc("POST /v1/chat", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: Tea.\n\ndata: [DONE]\n\n")
	})
	mux.HandleFunc("GET /v1/dump", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "event-stream") {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		download(w, r)
	})
	mux.HandleFunc("GET /v1/orders", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, []map[string]any{{"id": 1, "item": "tea", "open": true}, {"id": 2, "item": "coffee", "open": true}})
	})
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || id > 2 {
			writeJSON(w, http.StatusNotFound, map[string]string{"message": "no such order"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "item": "tea", "open": true})
	})
	mux.HandleFunc("POST /v1/orders", func(w http.ResponseWriter, r *http.Request) {
		var order map[string]any
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
			return
		}
		order["id"] = 3
		writeJSON(w, http.StatusCreated, order)
	})
	return mux
}

// shop has a file for those who have logged in.
func shop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("password") != "secret" {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3ss10n", Path: "/", Secure: true})
	})
	customer := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie("sid"); err != nil {
				http.Error(w, "log in first", http.StatusForbidden)
				return
			}
			answer(w, r)
		}
	}
	mux.HandleFunc("GET /orders.csv", customer(download))
	mux.HandleFunc("POST /upload", customer(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := r.FormFile("file"); err != nil || r.FormValue("year") != "2026" {
			http.Error(w, "not a report", http.StatusBadRequest)
			return
		}
		writeJSON(w, http.StatusCreated, map[string]int{"id": 1})
	}))
	return mux
}

// download sends a file, of which parts may be asked for.
func download(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(w, r, r.URL.Path, time.Time{}, strings.NewReader(strings.Repeat("0123456789abcdef", 64<<10)))
}

// login gives tokens for client credentials.
func login() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600})
	})
	return mux
}
