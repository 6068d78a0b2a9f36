package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests/internal/fault"
)

// A tunneller is an HTTP proxy that records the heads it gets, answers requests in
// absolute form itself, and closes the connections that CONNECT has opened.
type tunneller struct {
	mu    sync.Mutex
	heads []string
}

func (p *tunneller) serve(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		var head strings.Builder
		for line := ""; line != "\r\n"; head.WriteString(line) {
			var err error
			if line, err = br.ReadString('\n'); err != nil {
				return
			}
		}
		p.mu.Lock()
		p.heads = append(p.heads, head.String())
		p.mu.Unlock()
		if strings.HasPrefix(head.String(), "CONNECT ") {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			return
		}
		io.WriteString(c, okText)
	}
}

func (p *tunneller) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heads[len(p.heads)-1]
}

// A zone has a meaning only on this machine, and is never sent (RFC 4007, section
// 11.2; RFC 9844, section 4).
func TestZoneStaysHere(t *testing.T) {
	t.Run("absolute form", func(t *testing.T) {
		p := new(tunneller)
		call := newCall(t, "GET", "http://[fe80::1%25eth0]:81/x?y")
		call.Route.Proxy = Proxy{Scheme: "http", Host: hostOf(serving(t, p.serve))}
		text(t, newEngine(t, Config{}), call)
		if got := p.last(); !strings.HasPrefix(got, "GET http://[fe80::1]:81/x?y HTTP/1.1\r\nHost: [fe80::1]:81\r\n") {
			t.Errorf("the proxy got %q", got)
		}
	})
	t.Run("CONNECT", func(t *testing.T) {
		p := new(tunneller)
		call := newCall(t, "GET", "https://[fe80::1%25eth0]:81/x")
		call.Route = Route{TLS: TLS{SkipVerify: true}, Proxy: Proxy{Scheme: "http", Host: hostOf(serving(t, p.serve))}}
		newEngine(t, Config{}).Do(t.Context(), call) // fails in TLS
		if got := p.last(); !strings.HasPrefix(got, "CONNECT [fe80::1]:81 HTTP/1.1\r\nHost: [fe80::1]:81\r\n") {
			t.Errorf("the proxy got %q", got)
		}
	})
	t.Run("socks5h", func(t *testing.T) {
		got := make(chan string, 1)
		url := serving(t, func(c net.Conn) {
			io.ReadFull(c, make([]byte, 3))
			c.Write([]byte{5, 0})
			b := make([]byte, 22)
			io.ReadFull(c, b)
			got <- net.IP(b[4:20]).String()
			c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			saying(okText)(c)
		})
		call := newCall(t, "GET", "http://[fe80::1%25eth0]:81/x")
		call.Route.Proxy = Proxy{Scheme: "socks5h", Host: hostOf(url)}
		if text(t, newEngine(t, Config{}), call); <-got != "fe80::1" {
			t.Error("the proxy was asked for another address")
		}
	})
}

// hostOf returns the host and port of a URL.
func hostOf(url string) string { return strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/") }

// CONNECT contains the settings for the proxy, and nothing else.
func TestFieldsOfConnect(t *testing.T) {
	for _, tt := range []struct {
		config Config
		proxy  Proxy
		want   string
	}{
		{Config{}, Proxy{}, ""},
		{Config{ProxyHeader: http.Header{"User-Agent": {"ours"}, "X-Tenant": {"a"}}}, Proxy{}, "User-Agent: ours\r\nX-Tenant: a\r\n"},
		{Config{}, Proxy{User: "u", Password: "p", HasUser: true, HasPassword: true}, "Proxy-Authorization: Basic dTpw\r\n"},
		{Config{}, Proxy{Authorization: "Bearer x"}, "Proxy-Authorization: Bearer x\r\n"},
	} {
		p := new(tunneller)
		call := newCall(t, "GET", "https://a.test/secret")
		call.Header = http.Header{"User-Agent": {"theirs"}, "Authorization": {"secret"}, "Cookie": {"secret"}}
		tt.proxy.Scheme, tt.proxy.Host = "http", hostOf(serving(t, p.serve))
		call.Route.Proxy = tt.proxy
		newEngine(t, tt.config).Do(t.Context(), call) // fails in TLS
		if got, want := p.last(), "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n"+tt.want+"\r\n"; got != want {
			t.Errorf("the proxy got %q; want %q", got, want)
		}
	}
}

// For requests in absolute form, the login is sent with each request, and again if
// the proxy asks for another one.
func TestLoginInAbsoluteForm(t *testing.T) {
	var mu sync.Mutex
	var got []string
	url := serving(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			login := r.Header.Get("Proxy-Authorization")
			mu.Lock()
			got = append(got, login)
			mu.Unlock()
			if strings.HasPrefix(login, "Digest ") {
				io.WriteString(c, okText)
			} else {
				io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n")
			}
		}
	})
	e := newEngine(t, Config{})
	for range 2 {
		call := newCall(t, "POST", "http://a.test/x")
		call.Body.Bytes, call.Length = []byte("body"), 4
		call.Route.Proxy = Proxy{Scheme: "http", Host: hostOf(url), User: "u", Password: "p", HasUser: true, HasPassword: true}
		text(t, e, call)
	}
	if len(got) != 3 || got[0] != "Basic dTpw" || !strings.Contains(got[1], "nc=00000001") || !strings.Contains(got[2], "nc=00000002") {
		t.Errorf("the proxy got the logins %q", got)
	}
	if s := e.Stats(); s.Dialed != 1 {
		t.Errorf("Stats = %+v; want one connection", s)
	}
	once := newCall(t, "POST", "http://a.test/x")
	once.Length, once.Body.Open = -1, opening("source")
	once.Route.Proxy = Proxy{Scheme: "http", Host: hostOf(url), User: "other", Password: "p", HasUser: true, HasPassword: true}
	if res, err := e.Do(t.Context(), once); err != nil || res.StatusCode != 407 {
		t.Errorf("a body that cannot be sent again: %v, %v; want the 407", res, err)
	} else {
		res.Body.Close()
	}
}

// The answer of a proxy that refuses can be examined.
func TestRefusal(t *testing.T) {
	url := serving(t, saying("HTTP/1.1 403 Forbidden\r\nX-Reason: policy\r\nContent-Length: 0\r\n\r\n"))
	call := newCall(t, "GET", "https://a.test/")
	call.Route.Proxy = Proxy{Scheme: "http", Host: hostOf(url), User: "u", Password: "secret", HasUser: true, HasPassword: true}
	_, err := newEngine(t, Config{}).Do(t.Context(), call)
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || refusal.StatusCode != 403 || refusal.Header.Get("X-Reason") != "policy" || !errors.Is(err, fault.Proxy) || Sent(err) {
		t.Fatalf("Do: %v; want a Refusal", err)
	}
	if strings.Contains(err.Error(), "secret") || refusal.URL != "http://"+hostOf(url) {
		t.Errorf("the error is %q", err)
	}
}

// One connection to a proxy serves all hosts in absolute form.
func TestOneConnectionToProxy(t *testing.T) {
	p := new(tunneller)
	proxy := Proxy{Scheme: "http", Host: hostOf(serving(t, p.serve))}
	e := newEngine(t, Config{})
	for _, host := range []string{"a.test", "b.test", "a.test:81"} {
		call := newCall(t, "GET", "http://"+host+"/")
		call.Route.Proxy = proxy
		text(t, e, call)
	}
	call := newCall(t, "OPTIONS", "http://a.test/")
	call.Target, call.Route.Proxy = "*", proxy
	text(t, e, call)
	if got := p.last(); !strings.HasPrefix(got, "OPTIONS http://a.test HTTP/1.1\r\n") {
		t.Errorf("the proxy got %q (RFC 9112, section 3.2.4)", got)
	}
	if s := e.Stats(); s.Dialed != 1 || s.Reused != 3 {
		t.Errorf("Stats = %+v; want one connection", s)
	}
}
