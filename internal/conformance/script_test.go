package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// exchangeWith sends requests to the origin base, whose script is in JSON. It returns
// everything that comes back, and the log.
func exchangeWith(t *testing.T, script, sent string) (string, []loggedRequest, error) {
	t.Helper()
	o, err := startOrigins(sockets{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var specs []serverSpec
	if err := decodeStrict([]byte(script), &specs); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	for _, spec := range specs {
		c, err := newCannedResponse(spec, func(s string) string { return s })
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		o.script = append(o.script, c)
	}
	nc, err := net.Dial("tcp4", o.addr("base"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(maxExchange))
	io.WriteString(nc, sent)
	nc.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(nc)
	o.end()
	return string(answer), o.log(), err
}

func TestServer(t *testing.T) {
	const get = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, tt := range []struct{ name, script, requests, want string }{
		{"length", `[{"body": "abc"}]`, get,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nabc"},
		{"listed fields", `[{"status": 404, "reason": "No", "headers": [["content-type", "x"], ["content-length", "1"]], "body": "a"}]`, get,
			"HTTP/1.1 404 No\r\ncontent-type: x\r\ncontent-length: 1\r\n\r\na"},
		{"chunked", `[{"chunks": ["ab", "c"], "framing": "chunked", "no_default_type": true}]`, get,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"},
		{"until close", `[{"body": "abc", "framing": "close", "no_default_type": true}]`, get + get,
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"},
		{"HTTP/1.0", `[{"body": "abc", "http10": true, "no_default_type": true}]`, get + get,
			"HTTP/1.0 200 OK\r\n\r\nabc"},
		{"no content", `[{"status": 204, "body": "abc"}]`, get, "HTTP/1.1 204 OK\r\n\r\n"},
		{"HEAD", `[{"body": "abc", "no_default_type": true}]`, "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"},
		{"declared length", `[{"body": "abc", "declare_length": 5, "no_default_type": true}]`, get + get,
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"},
		{"cut", `[{"chunks": ["ab", "cd"], "close_after_bytes": 3, "no_default_type": true}]`, get,
			"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"},
		{"cut chunked", `[{"chunks": ["ab", "cd"], "framing": "chunked", "close_after_bytes": 2, "no_default_type": true}]`, get,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"},
		{"interim", `[{"interim": [103], "no_default_type": true}]`, get,
			"HTTP/1.1 103 Interim\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"raw", `[{"raw": ["HTTP/1.1 ", {"b64": "/w=="}]}]`, get, "HTTP/1.1 \xff"},
		{"close", `[{"action": "close"}]`, get, ""},
		{"delay", `[{"delay_ms": 1, "end_connection": true, "no_default_type": true}]`, get + get,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"hello of TLS", `[]`, "\x16\x03\x01", "HTTP/1.1 400 Bad Request\r\n\r\n"},
		{"no script", `[]`, get, "HTTP/1.1 588 Unscripted\r\nContent-Length: 0\r\n\r\n"},
		{"in order", `[{"path": "/x", "body": "x"}, {"method": "PUT", "body": "put"}, {"on": "tls", "body": "tls"},
			{"raw": "one"}, {"raw": "two"}]`, get, "one"},
		{"used up, repeated", `[{"body": "1", "path": "/a", "no_default_type": true}, {"body": "2", "repeat": true, "no_default_type": true}]`, get + get + get,
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1" + strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2", 2)},
		{"absolute-form", `[{"path": "/p", "raw": "yes"}]`, "GET http://h:1/p?q=http://x/ HTTP/1.1\r\n\r\n", "yes"},
		{"client closes", `[{"repeat": true, "no_default_type": true}]`, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + get,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := exchangeWith(t, tt.script, tt.requests)
			if got != tt.want || err != nil {
				t.Errorf("%s answers %q with %q, %v; want %q", tt.script, tt.requests, got, err, tt.want)
			}
		})
	}
	if _, _, err := exchangeWith(t, `[{"action": "reset"}]`, get); !errors.Is(err, errReset) {
		t.Errorf("action reset: %v; want a reset", err)
	}
}

// TestTunnel goes through one origin to another.
func TestTunnel(t *testing.T) {
	st := newSite(t)
	var c corpusCase
	if err := decodeStrict([]byte(`{"hostmap": {"a.test:80": "base2"}, "server": [{"raw": "hello", "repeat": true}]}`), &c); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"{host2}", "a.test:80", "b.test:80"} {
		sc := newScene(t, sockets{}, st, &c)
		nc, err := sc.dial(t.Context(), "tcp", sc.origins.addr("base"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "CONNECT "+sc.fill(target)+" HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n")
		answer, _ := io.ReadAll(nc)
		nc.Close()
		sc.origins.end()
		var log []string
		for _, r := range sc.origins.log() {
			log = append(log, r.on+" "+r.method+" "+sc.hide(r.target))
		}
		want, wantLog := "HTTP/1.1 200 Connection established\r\n\r\nhello", []string{"base CONNECT " + target, "base2 GET /in"}
		if target == "b.test:80" {
			want, wantLog = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", wantLog[:1]
		}
		if string(answer) != want || !slices.Equal(log, wantLog) {
			t.Errorf("CONNECT %s: got %q, log %q; want %q, %q", target, answer, log, want, wantLog)
		}
	}
}

func TestServerLog(t *testing.T) {
	for _, tt := range []struct {
		name, request, framing, body string
		cut                          bool
	}{
		{"none", "GET /x HTTP/1.1\r\nX-A:  v \r\n\r\n", "none", "", false},
		{"length", "POST /x HTTP/1.1\r\nX-A: v\r\nContent-Length: 3\r\n\r\nabc", "length", "abc", false},
		{"length, cut", "POST /x HTTP/1.1\r\nX-A: v\r\nContent-Length: 3\r\n\r\nab", "length", "ab", true},
		{"chunked", "POST /x HTTP/1.1\r\nX-A: v\r\nTransfer-Encoding: chunked\r\n\r\n2;e\r\nab\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n", "chunked", "ab0123456789", false},
		{"chunked, cut", "POST /x HTTP/1.1\r\nX-A: v\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "chunked", "ab", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, log, _ := exchangeWith(t, `[{"raw": ""}]`, tt.request)
			if len(log) != 1 {
				t.Fatalf("%d requests were logged; want 1", len(log))
			}
			r := log[0]
			if v, _ := r.header("x-a"); v != "v" || r.target != "/x" || r.on != "base" {
				t.Errorf("got target %q on %q, X-A %q; want /x on base, v", r.target, r.on, v)
			}
			if r.framing != tt.framing || string(r.body) != tt.body || r.cut != tt.cut {
				t.Errorf("got framing %q, body %q, cut %t; want %q, %q, %t", r.framing, r.body, r.cut, tt.framing, tt.body, tt.cut)
			}
		})
	}
}

// TestScene checks that the names of a case lead only to its own servers, and that
// its environment is the one described.
func TestScene(t *testing.T) {
	st := newSite(t)
	t.Setenv("http_proxy", "http://proxy.invalid")
	var c corpusCase
	if err := decodeStrict([]byte(`{
		"hostmap": {"gone.test:80": "nxdomain", "hole.test:80": "blackhole", "*:443": "tls", "dead.test:80": "closed"},
		"env": {"NETRC": {"file": "machine {host}"}, "SSL_CERT_DIR": {"dir": {"a": "b"}}, "NO_PROXY": "{host}"}}`), &c); err != nil {
		t.Fatal(err)
	}
	sc := newScene(t, sockets{}, st, &c)
	defer sc.origins.end()
	if v, ok := os.LookupEnv("http_proxy"); ok {
		t.Errorf("http_proxy = %q; want it unset", v)
	}
	if got := sc.hide(os.Getenv("NO_PROXY")); got != "{host}" {
		t.Errorf("NO_PROXY = %q; want {host}", got)
	}
	if b, err := os.ReadFile(os.Getenv("NETRC")); sc.hide(string(b)) != "machine {host}" {
		t.Errorf("NETRC holds %q, %v; want machine {host}", b, err)
	}
	if b, err := os.ReadFile(os.Getenv("SSL_CERT_DIR") + "/a"); string(b) != "b" {
		t.Errorf("SSL_CERT_DIR/a holds %q, %v; want b", b, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), maxExchange)
	defer cancel()
	for addr, want := range map[string]error{"dead.test:80": errRefused, st.closed: errRefused} {
		if _, err := sc.dial(ctx, "tcp", addr); !errors.Is(err, want) {
			t.Errorf("dial(%s): %v; want %v", addr, err, want)
		}
	}
	_, err := sc.dial(ctx, "tcp", "gone.test:80")
	if _, ok := errors.AsType[*net.DNSError](err); !ok {
		t.Errorf("dial(gone.test): %v; want a DNSError", err)
	}
	if len(sc.complaints()) > 0 {
		t.Errorf("complaints = %q; want none", sc.complaints())
	}
	if _, err := sc.dial(ctx, "tcp", "stranger.test:80"); err == nil || len(sc.complaints()) != 1 {
		t.Errorf("dial(stranger.test): %v, complaints %q; want an error and a complaint", err, sc.complaints())
	}
	cancel()
	if _, err := sc.dial(ctx, "tcp", "hole.test:80"); !errors.Is(err, context.Canceled) {
		t.Errorf("dial(hole.test): %v; want it to last until the context ends", err)
	}
}

// TestAuthority checks that the certificate is valid for its names, and for no others.
func TestAuthority(t *testing.T) {
	st := newSite(t)
	pem, err := os.ReadFile(st.caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	leaf, err := x509.ParseCertificate(st.config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "example.com": true, "a.example.com": true, "b.example.org": true,
		"a.b.example.com": false, "example.net": false, "127.0.0.2": false,
	} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); (err == nil) != want {
			t.Errorf("Verify(%s) = %v; want success: %t", name, err, want)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "localhost"}); err == nil {
		t.Error("the system trusts the authority")
	}
	if st.config.MinVersion > tls.VersionTLS12 {
		t.Error("the server takes TLS 1.3 only")
	}
}
