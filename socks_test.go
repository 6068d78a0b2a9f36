package requests

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// socks5Server plays a SOCKS5 proxy without authentication that connects to
// target, and tells asked what it was asked for.
func socks5Server(t testing.TB, target string, asked func(string)) *faulty {
	return newFaulty(t, func(_ *faulty, c net.Conn) {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		io.ReadFull(c, make([]byte, head[1]))
		c.Write([]byte{5, 0})
		request := make([]byte, 4)
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		host := ""
		switch request[3] {
		case 1:
			ip := make([]byte, 4)
			io.ReadFull(c, ip)
			host = net.IP(ip).String()
		case 3:
			n := make([]byte, 1)
			io.ReadFull(c, n)
			name := make([]byte, n[0])
			io.ReadFull(c, name)
			host = string(name)
		}
		port := make([]byte, 2)
		io.ReadFull(c, port)
		asked(fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(port)))
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		splice(c, c, up)
	})
}

func TestSOCKS(t *testing.T) {
	ca := newIssuer(t, "ca")
	origin := newTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}, okAnswer)
	var asked []string
	proxy := socks5Server(t, origin.addr, func(s string) { asked = append(asked, s) })
	s := over(t, new(HTTPAdapter), TLS{CABundle: ca.bundle(t)})
	t.Run("socks5h", func(t *testing.T) {
		if _, err := s.Get(bg, "https://proxy.test/", Proxies{"all": "socks5h://" + proxy.addr}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("socks5", func(t *testing.T) {
		if _, err := s.Get(bg, "https://127.0.0.1:1/", Proxies{"all": "socks5://" + proxy.addr}); err != nil {
			t.Fatal(err)
		}
	})
	if got := strings.Join(asked, " "); got != "proxy.test:443 127.0.0.1:1" {
		t.Errorf("the proxy was asked for %s", got)
	}
	t.Run("A069 the certificate is checked", func(t *testing.T) {
		_, err := s.Get(bg, "https://proxy.test/", Proxies{"all": "socks5h://" + proxy.addr}, TLS{CABundle: newIssuer(t, "other").bundle(t)})
		isAll(t, err, ErrTLS)
	})
}

// TestSOCKSFaults is B214 and A079.
func TestSOCKSFaults(t *testing.T) {
	method := []byte{5, 0}
	reply := func(code byte) []byte { return []byte{5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0} }
	for name, answer := range map[string][]byte{
		"no acceptable method": {5, 0xff}, "wrong version": {4, 0}, "truncated": {5}, "nothing": {},
		"code 1": reply(1), "code 5": reply(5), "code 8": reply(8), "code 200": reply(200), "cut reply": append(method, 5, 0),
	} {
		t.Run("B214 "+name, func(t *testing.T) {
			f := newFaulty(t, func(_ *faulty, c net.Conn) {
				c.Read(make([]byte, 64))
				c.Write(answer)
				c.(*net.TCPConn).CloseWrite()
				hold(c)
			})
			_, err := over(t, new(HTTPAdapter)).Get(bg, "http://h.test/", Proxies{"all": "socks5h://" + f.addr})
			isAll(t, err, ErrProxy, ErrConnection)
		})
	}
	t.Run("A079 a name of 300 bytes", func(t *testing.T) {
		f := newFaulty(t, func(_ *faulty, c net.Conn) { hold(c) })
		p := mustPrepare(t, "http://h.test/")
		p.URL.Host = strings.Repeat("a", 300) + ".test"
		proxy, _ := parseProxy("socks5h://" + f.addr)
		a := new(HTTPAdapter)
		defer a.Close()
		_, err := a.Send(bg, p, SendOptions{Proxy: proxy})
		isAll(t, err, ErrProxy)
	})
	t.Run("names that do not resolve here", func(t *testing.T) {
		a := &HTTPAdapter{Resolver: fakeDNS(t, nil)}
		_, err := over(t, a).Get(bg, "http://nowhere.test/", Proxies{"all": "socks5://127.0.0.1:1"})
		isAll(t, err, ErrDNS)
	})
}
