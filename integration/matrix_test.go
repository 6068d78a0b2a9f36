//go:build integration && linux

package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests"
)

// session returns a session that trusts the PKI and whose adapter speaks the
// protocol of the origin, whatever else that offers.
func session(t testing.TB, o origin, opts ...requests.Option) *requests.Session {
	t.Helper()
	a := &requests.HTTPAdapter{DisableHTTP2: o.protocol == "HTTP/1.1", UnencryptedHTTP2: o.name == "h2c"}
	s := requests.NewSession(append([]requests.Option{
		requests.TLS{CABundle: running.pem("root")}, requests.TrustEnv(false), requests.Timeout{Total: 20 * time.Second}}, opts...)...)
	s.Mount("http://", a)
	s.Mount("https://", a)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestMatrix is every way to an origin times every way through a proxy.
func TestMatrix(t *testing.T) {
	direct := proxy{name: "direct"}
	for _, p := range append([]proxy{direct}, proxies...) {
		for _, o := range origins {
			t.Run(p.name+"/"+o.name, func(t *testing.T) {
				running.need(t, "nginx")
				host, peer := "localhost", "127.0.0.1"
				through := requests.Proxies{}
				if p.name != "direct" {
					u, egress := p.url(t, running)
					through["all"], peer = u.String(), egress
					if p.resolves() {
						host = insideHost
					}
				}
				s := session(t, o, through)
				if strings.HasPrefix(p.name, "tinyproxy") && o.scheme == "http" { // closes after each response, and does not say so
					s = s.With(requests.Headers{"Connection": "close"})
				}
				matrixCell(t, s, o, host, front{Server: "nginx", Protocol: o.protocol, Scheme: o.scheme, Peer: peer})
			})
		}
	}
}

// matrixCell sends one request of each kind.
func matrixCell(t *testing.T, s *requests.Session, o origin, host string, want front) {
	upload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, tt := range []struct {
		name, method, path string
		opts               []requests.Option
		target             string
		sent               []byte
	}{
		{"GET", "GET", "/echo/a?b=c", nil, "/echo/a?b=c", nil},
		{"POST", "POST", "/echo/", []requests.Option{requests.Form{"k": "v"}}, "/echo/", []byte("k=v")},
		{"streamed", "PUT", "/echo/", []requests.Option{requests.Reader(io.MultiReader(bytes.NewReader(upload)))}, "/echo/", upload},
		{"redirect", "GET", "/redirect/302?to=/echo/there", nil, "/echo/there", nil},
	} {
		r, err := s.Do(t.Context(), tt.method, o.url(t, running, host, tt.path), tt.opts...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if r.Proto != o.protocol || r.StatusCode != 200 {
			t.Errorf("%s: status %d in %s; want 200 in %s\n%.200s", tt.name, r.StatusCode, r.Proto, o.protocol, r.Text())
			continue
		}
		if (r.TLS != nil) != (o.scheme == "https") {
			t.Errorf("%s: Response.TLS = %v", tt.name, r.TLS)
		}
		seen := decodeExchange(t, r.Content())
		if sum := fmt.Sprintf("%x", sha256.Sum256(tt.sent)); seen.Target != tt.target || seen.Method != tt.method || seen.SHA256 != sum {
			t.Errorf("%s: the application saw %s %s with %d bytes; want %s %s with %d", tt.name, seen.Method, seen.Target, seen.Size, tt.method, tt.target, len(tt.sent))
		}
		if seen.Front != want {
			t.Errorf("%s: front = %+v; want %+v", tt.name, seen.Front, want)
		}
		if v := seen.Header.Get("Proxy-Authorization"); v != "" {
			t.Errorf("%s: the application saw the account of the proxy", tt.name)
		}
	}
}

// TestMatrixWrongAccount is refused by every proxy that asks for an account.
func TestMatrixWrongAccount(t *testing.T) {
	for _, p := range proxies {
		if p.asks == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			u, _ := p.url(t, running)
			_, err := session(t, origins[1], requests.Proxies{"all": u.String()}, requests.ProxyAuth("nobody", "wrong-secret")).
				Get(t.Context(), origins[1].url(t, running, "localhost", "/echo/"))
			if !errors.Is(err, requests.ErrProxy) || strings.Contains(err.Error(), "wrong-secret") {
				t.Errorf("error %v; want ErrProxy without the password", err)
			}
			if e, ok := errors.AsType[*requests.ProxyError](err); ok != (p.asks != "password") || ok && e.StatusCode != 407 && e.StatusCode != 401 { // 401: tinyproxy
				t.Errorf("ProxyError is %+v; want one of 407 from HTTP proxies", e)
			}
		})
	}
}

// TestMatrixCertificates is every certificate times every setting of verification.
func TestMatrixCertificates(t *testing.T) {
	running.need(t, "nginx")
	settings := []struct {
		name    string
		tls     requests.TLS
		accepts string // certificates
	}{
		{"root", requests.TLS{CABundle: running.pem("root")}, "good chained"},
		{"hashed directory", requests.TLS{CABundle: running.caPath()}, "good chained"},
		{"selfsigned", requests.TLS{CABundle: running.pem("selfsigned")}, "selfsigned"},
		{"untrusted-root", requests.TLS{CABundle: running.pem("untrusted-root")}, "untrusted"},
		{"roots of the system", requests.TLS{Verify: true}, ""},
		{"SkipVerify", requests.TLS{SkipVerify: true}, strings.Join(certificates, " ")},
	}
	s := session(t, origins[1]) // one session for all: no connection may serve another setting
	for _, set := range settings {
		for _, cert := range append([]string{"tls1.1"}, certificates...) {
			t.Run(cert+"/"+set.name, func(t *testing.T) {
				_, err := s.Get(t.Context(), "https://"+running.address(t, "localhost", cert)+"/status/200", set.tls)
				if want := strings.Contains(" "+set.accepts+" ", " "+cert+" "); want != (err == nil) {
					t.Fatalf("error %v; want it accepted: %t", err, want)
				}
				if err == nil {
					return
				}
				if !errors.Is(err, requests.ErrTLS) {
					t.Errorf("error %v; want ErrTLS", err)
				}
				if set.name == "root" && (cert == "wronghost" || cert == "nosan") {
					if _, ok := errors.AsType[x509.HostnameError](err); !ok {
						t.Errorf("error %v; want an x509.HostnameError", err)
					}
				}
			})
		}
	}
}

func TestMatrixMutualTLS(t *testing.T) {
	certificate := func(name string) requests.TLS {
		set := requests.TLS{CABundle: running.pem("root")}
		if name != "" {
			set.CertFile, set.KeyFile = running.pem(name), running.key(name)
		}
		return set
	}
	for _, tt := range []struct {
		server, port, certificate string
		status                    int // 0 if the handshake fails
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
			r, err := session(t, origins[2], certificate(tt.certificate)).Get(t.Context(), "https://"+running.address(t, "localhost", tt.port)+"/echo/")
			switch {
			case tt.status == 0:
				if !errors.Is(err, requests.ErrTLS) {
					t.Errorf("got %v, %v; want ErrTLS", r, err)
				}
			case err != nil || r.StatusCode != tt.status:
				t.Errorf("got %v, %v; want status %d", r, err, tt.status)
			case r.OK() && !strings.Contains(decodeExchange(t, r.Content()).Front.Certificate, "CN=client one"):
				t.Errorf("the server saw the certificate %q", decodeExchange(t, r.Content()).Front.Certificate)
			}
		})
	}
}

// TestMatrixOverloaded obeys the Retry-After of a server that is not ours.
func TestMatrixOverloaded(t *testing.T) {
	running.need(t, "haproxy")
	for _, path := range []string{"/429/", "/503/", "/503-date/"} {
		t.Run(path, func(t *testing.T) {
			url := "http://" + running.address(t, "localhost", "overloaded") + path
			var waits []time.Duration
			s := session(t, origins[0], requests.OnRetry(func(_ context.Context, a requests.Attempt) error {
				waits = append(waits, a.Wait)
				return nil
			}))
			r, err := s.Get(t.Context(), url+"patient", requests.Retry{Total: 3})
			if err != nil || r.StatusCode != 200 {
				t.Fatalf("got %v, %v; want 200", r, err)
			}
			for _, d := range waits {
				if d < 0 || d > 2*time.Second {
					t.Errorf("it waited %v; want a second", d)
				}
			}
			if len(waits) != 2 {
				t.Errorf("%d retries; want 2", len(waits))
			}
			r, err = s.Get(t.Context(), url+"hasty", requests.Retry{Total: 1})
			if err != nil || r.StatusCode == 200 {
				t.Errorf("got %v, %v; want the refusal", r, err)
			}
			_, err = s.Get(t.Context(), url+"strict", requests.Retry{Total: 1, StatusCodes: []int{429, 503}, IgnoreRetryAfter: true})
			if e, ok := errors.AsType[*requests.RetryError](err); !ok || len(e.Attempts) != 2 || e.Response.StatusCode == http.StatusOK {
				t.Errorf("error %v; want a RetryError of two attempts", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = s.Get(ctx, url+"late", requests.Retry{Total: 3})
			if path != "/503-date/" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v; want context.DeadlineExceeded", err)
			}
		})
	}
}
