//go:build integration && linux

// These tests prove that the servers answer as they are meant to, with clients
// other than the library. If one fails, so will others, for no fault of theirs.

package integration_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// roots returns a pool of the certificates in the named files of the PKI.
func roots(t testing.TB, names ...string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	for _, name := range names {
		text, err := os.ReadFile(running.pem(name))
		if err != nil {
			t.Fatal(err)
		}
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("no certificate in %s", running.pem(name))
		}
	}
	return pool
}

// client returns a client of net/http that speaks one protocol and has TLS set to config.
func client(t testing.TB, protocol func(*http.Protocols, bool), config *tls.Config) *http.Client {
	t.Helper()
	var protocols http.Protocols
	protocol(&protocols, true)
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// fetch returns the answer to a request and its whole body.
func fetch(t testing.TB, c *http.Client, method, url string, body io.Reader, header http.Header) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, answer
}

func decodeExchange(t testing.TB, text []byte) exchange {
	t.Helper()
	var seen exchange
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatalf("not an exchange: %v in %.300q", err, text)
	}
	return seen
}

// curl runs curl and returns what it has read, and with what it exited.
func curl(t testing.TB, args ...string) (answer []byte, err error) {
	t.Helper()
	path := lookProgram("curl")
	switch {
	case path != "":
	case os.Getenv("CI") == "true":
		t.Fatal("there is no curl")
	default:
		t.Skip("there is no curl; integration/install.sh installs it")
	}
	common := []string{"--disable", "--silent", "--show-error", "--max-time", "10"}
	cmd := exec.CommandContext(t.Context(), path, append(common, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if answer, err = cmd.Output(); err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return answer, err
}

func TestServersOrigins(t *testing.T) {
	upload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	uploadSum := fmt.Sprintf("%x", sha256.Sum256(upload))
	for _, o := range origins {
		t.Run(o.name, func(t *testing.T) {
			protocol := (*http.Protocols).SetHTTP1
			switch o.name {
			case "h2":
				protocol = (*http.Protocols).SetHTTP2
			case "h2c":
				protocol = (*http.Protocols).SetUnencryptedHTTP2
			}
			c := client(t, protocol, &tls.Config{RootCAs: roots(t, "root")})
			at := func(path string) string { return o.url(t, running, "localhost", path) }
			wantFront := front{Server: "nginx", Protocol: o.protocol, Scheme: o.scheme, Peer: "127.0.0.1"}

			for _, tt := range []struct {
				name, method, path string
				body               io.Reader
				wantTarget         string
				wantSize           int64
				wantSum            string
			}{
				{"GET", "GET", "/echo/a?b=c", nil, "/echo/a?b=c", 0, fmt.Sprintf("%x", sha256.Sum256(nil))},
				{"POST", "POST", "/echo/", strings.NewReader("k=v"), "/echo/", 3, fmt.Sprintf("%x", sha256.Sum256([]byte("k=v")))},
				{"streamed", "PUT", "/echo/", io.MultiReader(bytes.NewReader(upload)), "/echo/", int64(len(upload)), uploadSum},
				{"redirect", "GET", "/redirect/302?to=/echo/there", nil, "/echo/there", 0, fmt.Sprintf("%x", sha256.Sum256(nil))},
			} {
				t.Run(tt.name, func(t *testing.T) {
					resp, answer := fetch(t, c, tt.method, at(tt.path), tt.body, nil)
					if resp.Proto != o.protocol {
						t.Errorf("%s %s: answered in %s; want %s", tt.method, tt.path, resp.Proto, o.protocol)
					}
					seen := decodeExchange(t, answer)
					if seen.Method != tt.method || seen.Target != tt.wantTarget || seen.Size != tt.wantSize || seen.SHA256 != tt.wantSum {
						t.Errorf("%s %s: application saw %s %s, %d bytes, sum %s; want %s %s, %d bytes, sum %s",
							tt.method, tt.path, seen.Method, seen.Target, seen.Size, seen.SHA256, tt.method, tt.wantTarget, tt.wantSize, tt.wantSum)
					}
					if seen.Front != wantFront {
						t.Errorf("%s %s: front = %+v; want %+v", tt.method, tt.path, seen.Front, wantFront)
					}
				})
			}
		})
	}
}

func TestServersEchoOfNghttpd(t *testing.T) {
	for _, tt := range []struct {
		name, scheme string
		protocol     func(*http.Protocols, bool)
	}{
		{"nghttpd", "https", (*http.Protocols).SetHTTP2},
		{"nghttpd-h2c", "http", (*http.Protocols).SetUnencryptedHTTP2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			running.need(t, tt.name)
			c := client(t, tt.protocol, &tls.Config{RootCAs: roots(t, "root")})
			url := tt.scheme + "://" + running.address(t, "localhost", tt.name) + "/"
			resp, answer := fetch(t, c, "POST", url, strings.NewReader("echo me"), nil)
			if resp.StatusCode != 200 || resp.Proto != "HTTP/2.0" || string(answer) != "echo me" {
				t.Errorf("POST = %d, %s, %q; want 200, HTTP/2.0, %q", resp.StatusCode, resp.Proto, answer, "echo me")
			}
		})
	}
}

// curlProxy returns the arguments that make curl use the proxy, with the
// account if it is given, and the name by which it can reach an origin.
func curlProxy(t testing.TB, p proxy, withAccount bool) (args []string, host, egress string) {
	t.Helper()
	u, egress := p.url(t, running)
	if !withAccount {
		u.User = nil
	}
	args = []string{"--cacert", running.pem("root"), "--proxy", u.String(), "--proxy-cacert", running.pem("root")}
	if p.asks == "digest" {
		args = append(args, "--proxy-digest")
	}
	if p.resolves() {
		return args, insideHost, egress
	}
	return args, "localhost", egress
}

// curlOrigin returns the arguments that make curl speak the origin's protocol through a proxy.
func curlOrigin(o origin) []string {
	switch o.name {
	case "h2":
		return []string{"--http2"}
	case "h2c": // a proxy's own request would be HTTP/1.1
		return []string{"--http2-prior-knowledge", "--proxytunnel"}
	}
	return []string{"--http1.1"}
}

// A client that offers HTTP/2 to a proxy, as it does to an origin, is taken at
// its word by nghttpx; most such clients cannot go on from there.
func TestServersProxyThatPrefersHTTP2(t *testing.T) {
	running.need(t, "nghttpx")
	for _, offered := range [][]string{{"h2", "http/1.1"}, {"http/1.1"}} {
		config := &tls.Config{RootCAs: roots(t, "root"), NextProtos: offered}
		conn, err := tls.Dial("tcp", running.address(t, "localhost", "https+h2"), config)
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != offered[0] {
			t.Errorf("offered %q, negotiated %q; want %q", offered, got, offered[0])
		}
		conn.Close()
	}
}

func TestServersProxies(t *testing.T) {
	for _, p := range proxies {
		for _, o := range origins {
			t.Run(p.name+"/"+o.name, func(t *testing.T) {
				args, host, egress := curlProxy(t, p, true)
				args = append(args, curlOrigin(o)...)
				answer, err := curl(t, append(args, "--data", "k=v", o.url(t, running, host, "/echo/"))...)
				if err != nil {
					t.Fatal(err)
				}
				want := front{Server: "nginx", Protocol: o.protocol, Scheme: o.scheme, Peer: egress}
				if seen := decodeExchange(t, answer); seen.Front != want || seen.Body != "k=v" {
					t.Errorf("front = %+v, body %q; want %+v, body %q", seen.Front, seen.Body, want, "k=v")
				}
			})
		}
	}
}

func TestServersProxiesAskForTheirAccount(t *testing.T) {
	for _, p := range proxies {
		if p.asks == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			args, host, _ := curlProxy(t, p, false)
			args = append(args, "--output", os.DevNull, "--write-out", "%{http_code}", origins[0].url(t, running, host, "/echo/"))
			answer, err := curl(t, args...)
			if p.asks == "password" {
				if err == nil {
					t.Errorf("answered %s without a password; want a refusal", answer)
				}
				return
			}
			if err != nil || string(answer) != "407" {
				t.Errorf("answered %s, error %v without a password; want 407", answer, err)
			}
		})
	}
}

// refusedByPeer reports whether the server ended the handshake with an alert,
// which crypto/tls reports so and not as a [tls.AlertError].
func refusedByPeer(err error) bool {
	var cause *net.OpError
	return errors.As(err, &cause) && cause.Op == "remote error"
}

func TestServersCertificates(t *testing.T) {
	running.need(t, "nginx")
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			var cause x509.CertificateInvalidError
			return errors.As(err, &cause) && cause.Reason == reason
		}
	}
	unknown := func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }
	hostname := func(err error) bool { return errors.As(err, new(x509.HostnameError)) }

	for _, tt := range []struct {
		name    string
		trusted string
		refused func(error) bool // nil if it must be accepted
	}{
		{"good", "root", nil},
		{"chained", "root", nil},
		{"selfsigned", "selfsigned", nil},
		{"untrusted", "untrusted-root", nil},
		{"incomplete", "root", unknown},
		{"untrusted", "root", unknown},
		{"selfsigned", "root", unknown},
		{"good", "untrusted-root", unknown},
		{"expired", "root", invalid(x509.Expired)},
		{"notyet", "root", invalid(x509.Expired)}, // crypto/x509 has one reason for both
		{"wrongusage", "root", invalid(x509.IncompatibleUsage)},
		{"wronghost", "root", hostname},
		{"nosan", "root", hostname},
		{"tls1.1", "root", refusedByPeer},
	} {
		t.Run(tt.name+" for "+tt.trusted, func(t *testing.T) {
			c := client(t, (*http.Protocols).SetHTTP1, &tls.Config{RootCAs: roots(t, tt.trusted)})
			for _, host := range []string{"localhost", "127.0.0.1"} {
				resp, err := c.Get("https://" + running.address(t, host, tt.name) + "/status/200")
				switch {
				case err == nil:
					resp.Body.Close()
					if tt.refused != nil {
						t.Errorf("certificate %s accepted for %s", tt.name, host)
					}
				case tt.refused == nil:
					t.Errorf("certificate %s refused for %s: %v", tt.name, host, err)
				case !tt.refused(err):
					t.Errorf("certificate %s refused for %s for another reason: %v", tt.name, host, err)
				}
			}
		})
	}
}

func TestServersHashedDirectory(t *testing.T) {
	running.need(t, "nginx")
	url := "https://" + running.address(t, "localhost", "good") + "/status/200"
	if _, err := curl(t, "--capath", running.caPath(), url); err != nil {
		t.Error(err)
	}
}

func TestServersMutualTLS(t *testing.T) {
	load := func(name string) []tls.Certificate {
		if name == "" {
			return nil
		}
		pair, err := tls.LoadX509KeyPair(running.pem(name), running.key(name))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{pair}
	}
	for _, tt := range []struct {
		server, port, certificate string
		wantStatus                int // 0 if the handshake fails
	}{
		{"nginx", "mutual", "client", 200},
		{"nginx", "mutual", "client-untrusted", 400},
		{"nginx", "mutual", "", 400},
		{"haproxy", "mutual-strict", "client", 200},
		{"haproxy", "mutual-strict", "client-untrusted", 0},
		{"haproxy", "mutual-strict", "", 0},
	} {
		t.Run(tt.port+" with "+tt.certificate, func(t *testing.T) {
			running.need(t, tt.server)
			c := client(t, (*http.Protocols).SetHTTP1, &tls.Config{RootCAs: roots(t, "root"), Certificates: load(tt.certificate)})
			resp, err := c.Get("https://" + running.address(t, "localhost", tt.port) + "/echo/")
			if err != nil {
				if !refusedByPeer(err) || tt.wantStatus != 0 {
					t.Errorf("%v; want status %d", err, tt.wantStatus)
				}
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.wantStatus {
				t.Fatalf("status %d; want %d", resp.StatusCode, tt.wantStatus)
			}
			if tt.wantStatus != 200 {
				return
			}
			answer, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if seen := decodeExchange(t, answer); !strings.Contains(seen.Front.Certificate, "CN=client one") {
				t.Errorf("certificate of %q; want CN=client one", seen.Front.Certificate)
			}
		})
	}
}

func TestServersOverloaded(t *testing.T) {
	running.need(t, "haproxy")
	c := client(t, (*http.Protocols).SetHTTP1, nil)
	seconds := func(text string) bool { return text == "1" }
	date := func(text string) bool {
		at, err := http.ParseTime(text)
		return err == nil && time.Until(at).Abs() < time.Minute
	}
	for _, tt := range []struct {
		path   string
		status int
		after  func(string) bool
	}{
		{"/429/first", 429, seconds},
		{"/429/second", 429, seconds},
		{"/503/first", 503, seconds},
		{"/503-date/first", 503, date},
	} {
		url := "http://" + running.address(t, "localhost", "overloaded") + tt.path
		for n, want := range []int{tt.status, tt.status, 200, 200} {
			resp, answer := fetch(t, c, "GET", url, nil, nil)
			if resp.StatusCode != want {
				t.Errorf("%s, request %d: status %d; want %d", tt.path, n+1, resp.StatusCode, want)
				continue
			}
			if after := resp.Header.Get("Retry-After"); want != 200 && !tt.after(after) {
				t.Errorf("%s, request %d: Retry-After: %q", tt.path, n+1, after)
			}
			if want == 200 {
				if seen := decodeExchange(t, answer); seen.Front.Server != "haproxy" || seen.Target != "/echo/" {
					t.Errorf("%s, request %d: application saw %+v", tt.path, n+1, seen)
				}
			}
		}
	}
}

func TestServersStop(t *testing.T) {
	running.need(t, "microsocks")
	for _, tt := range []struct {
		name, script string // run by sh with the program and its port in $@
		clean        bool
	}{
		{"on SIGTERM", `exec "$@"`, true},
		{"with its group", `"$@" & wait`, true},
		// The server starts only when the other session is there.
		{"leaving a session behind", `r=$(mktemp -u); setsid sh -c ': > "$0"; exec sleep 60' "$r" & until [ -e "$r" ]; do :; done; rm "$r"; exec "$@"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reserve := newPortReserve()
			port, err := reserve.take("microsocks")
			if err != nil {
				t.Fatal(err)
			}
			reserve.release()
			p := plan{Dir: t.TempDir(), Commands: []command{
				{Name: "server", Ports: []int{port}, Args: []string{"sh", "-c", tt.script, "sh",
					lookProgram("microsocks"), "-i", "127.0.0.1", "-p", strconv.Itoa(port)}},
				{Name: "failing", Ports: []int{1}, Args: []string{"false"}},
				{Name: "absent", Args: []string{"/no/such/program"}},
			}}
			s, failed, err := startSupervisor(p)
			if err != nil {
				t.Fatal(err)
			}
			if names := slices.Sorted(maps.Keys(failed)); !slices.Equal(names, []string{"absent", "failing"}) {
				t.Errorf("failed: %v; want absent and failing", failed)
			}
			if err := s.stop(); (err == nil) != tt.clean {
				t.Errorf("stop: %v; want clean: %t", err, tt.clean)
			}
			if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
				conn.Close()
				t.Error("the server still accepts connections")
			}
			if _, err := os.Stat(p.Dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder is still there: %v", err)
			}
		})
	}
}
