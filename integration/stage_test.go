//go:build integration && linux

package integration_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// insideHost is a name of 127.0.0.1 that only the proxies can resolve. The
// servers' certificates are good for it.
const insideHost = "inside.test"

// A stage is the running servers and what tests need to know of them.
type stage struct {
	dir         string            // certificates, configurations, logs
	missing     map[string]string // servers that do not run, and why
	ports       map[string]int    // by the names that the configurations give them
	application *httptest.Server
	supervisor  *supervisor
}

// raise starts every server that is installed. One that is installed and does not start is an error.
func raise() (_ *stage, err error) {
	s := &stage{missing: map[string]string{}, application: httptest.NewServer(newApplication())}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = newDir(); err != nil {
		return nil, err
	}
	if lookProgram("openssl") == "" {
		for _, srv := range servers {
			s.missing[srv.Name] = "there is no openssl"
		}
		return s, nil
	}
	if out, err := exec.Command("./pki.sh", filepath.Join(s.dir, "pki")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pki.sh: %w\n%s", err, out)
	}
	if err := writeAccounts(s.dir); err != nil {
		return nil, err
	}

	reserve := newPortReserve()
	defer reserve.release()
	p := plan{Dir: s.dir}
	for _, srv := range servers {
		if reason := srv.absent(); reason != "" {
			s.missing[srv.Name] = reason
			continue
		}
		c, err := srv.command(s.dir, s.application.Listener.Addr().String(), reserve)
		if err != nil {
			return nil, err
		}
		p.Commands = append(p.Commands, c)
	}
	s.ports = reserve.byName
	reserve.release()

	var failed map[string]string
	if s.supervisor, failed, err = startSupervisor(p); err != nil {
		return nil, err
	}
	for name, reason := range failed {
		err = errors.Join(err, fmt.Errorf("%s: %s\n%s", name, reason, s.log(name)))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// newDir makes a folder that servers which give up root can read and write too.
func newDir() (string, error) {
	dir, err := os.MkdirTemp("", "requests-integration-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return dir, err
	}
	return dir, nil
}

// close stops all servers and removes the folder.
func (s *stage) close() error {
	s.application.CloseClientConnections()
	s.application.Close()
	var err error
	if s.supervisor != nil {
		err = s.supervisor.stop()
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// log returns the end of what a server has logged.
func (s *stage) log(name string) string {
	const most = 2 << 10
	text, err := os.ReadFile(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

func (s *stage) printLogs(w io.Writer) {
	for _, srv := range servers {
		if text := s.log(srv.Name); text != "" {
			fmt.Fprintf(w, "=== %s\n%s\n", srv.Name, text)
		}
	}
}

// need skips the test if one of the servers is not installed. In CI all are.
func (s *stage) need(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		reason, missing := s.missing[name]
		switch {
		case !missing && !slices.ContainsFunc(servers, func(srv server) bool { return srv.Name == name }):
			t.Fatalf("no server is named %q", name)
		case !missing:
		case os.Getenv("CI") == "true":
			t.Fatalf("%s does not run: %s", name, reason)
		default:
			t.Skipf("%s does not run: %s; integration/install.sh installs it", name, reason)
		}
	}
}

// address returns where on host the port of that name is, as host:port.
func (s *stage) address(t testing.TB, host, port string) string {
	t.Helper()
	number, ok := s.ports[port]
	if !ok {
		t.Fatalf("no configuration names a port %q", port)
	}
	return net.JoinHostPort(host, strconv.Itoa(number))
}

// pem and key return the path of a file of pki.sh.
func (s *stage) pem(name string) string { return filepath.Join(s.dir, "pki", name+".pem") }
func (s *stage) key(name string) string { return filepath.Join(s.dir, "pki", name+".key") }

// caPath returns the hashed directory that holds root.pem.
func (s *stage) caPath() string { return filepath.Join(s.dir, "pki", "capath") }

// An origin is one way to reach the application through nginx.
type origin struct {
	name     string
	scheme   string
	protocol string // what the client and nginx speak
}

var origins = []origin{
	{"h1", "http", "HTTP/1.1"},
	{"h1+tls", "https", "HTTP/1.1"},
	{"h2", "https", "HTTP/2.0"},
	{"h2c", "http", "HTTP/2.0"}, // prior knowledge; this port knows no HTTP/1.1
}

// url returns the URL of path at the origin, under any name of 127.0.0.1.
func (o origin) url(t testing.TB, s *stage, host, path string) string {
	t.Helper()
	s.need(t, "nginx")
	return o.scheme + "://" + s.address(t, host, o.name) + path
}

// A proxy is one way to get out through a proxy server.
type proxy struct {
	name   string
	server string
	port   string
	scheme string // of its URL; socks4 and socks5 resolve names here, socks4a and socks5h there
	asks   string // how it wants to be given the account: "basic", "digest", "password", or "" if it does not
}

var proxies = []proxy{
	{"http", "squid", "http", "http", ""},
	{"http with Basic", "squid", "http+basic", "http", "basic"},
	{"http with Digest", "squid", "http+digest", "http", "digest"},
	{"https", "squid", "https", "https", ""},
	{"https with Basic", "squid", "https+basic", "https", "basic"},
	{"https that prefers HTTP/2", "nghttpx", "https+h2", "https", ""},
	{"tinyproxy", "tinyproxy", "tinyproxy", "http", ""},
	{"tinyproxy with Basic", "tinyproxy+basic", "tinyproxy+basic", "http", "basic"},
	{"socks4", "dante", "dante", "socks4", ""},
	{"socks4a", "v2ray", "v2ray", "socks4a", ""},
	{"socks5", "dante", "dante", "socks5", ""},
	{"socks5 with password", "dante+password", "dante+password", "socks5", "password"},
	{"socks5h", "microsocks", "microsocks", "socks5h", ""},
	{"socks5h with password", "microsocks+password", "microsocks+password", "socks5h", "password"},
	{"socks5h with password, dante", "dante+password", "dante+password", "socks5h", "password"},
}

// url returns the URL of the proxy, with the account if it asks for one, and
// the address that servers behind it see.
func (p proxy) url(t testing.TB, s *stage) (u *url.URL, egress string) {
	t.Helper()
	s.need(t, p.server)
	if p.server == "nghttpx" {
		s.need(t, "squid")
	}
	u = &url.URL{Scheme: p.scheme, Host: s.address(t, "127.0.0.1", p.port)}
	if p.asks != "" {
		u.User = url.UserPassword(plainAccount.user, plainAccount.password)
	}
	i := slices.IndexFunc(servers, func(srv server) bool { return srv.Name == p.server })
	return u, servers[i].Egress
}

// resolves reports whether the proxy is the one to resolve names.
func (p proxy) resolves() bool { return p.scheme != "socks4" && p.scheme != "socks5" }
