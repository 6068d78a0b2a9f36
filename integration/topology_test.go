//go:build integration && linux

package integration_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// A server is one process of the stage. Its arguments and its configuration,
// conf/Conf, are templates that name the ports they listen on.
type server struct {
	Name    string
	program string
	args    []string
	conf    string // "" if the arguments say all
	Egress  string // the address from which a proxy connects onwards, its own: it shows in [front].Peer
	account        // whom a proxy asks for; the zero account: nobody
	wrapped bool   // users and hosts come from files, see writeAccounts
	needs   string // a file besides the program, as a pattern
}

// User and Password are for templates.
func (s server) User() string     { return s.user }
func (s server) Password() string { return s.password }

const (
	apacheModules = "/usr/lib/apache2/modules"
	nssWrapper    = "/usr/lib/*/libnss_wrapper.so"
)

// servers lists what the stage starts. [server.Name] is what tests ask for.
var servers = []server{
	{Name: "nginx", program: "nginx", conf: "nginx.conf", args: []string{"-p", "{{.Dir}}", "-e", "stderr", "-c", "{{.Conf}}"}},
	{Name: "apache", program: "apache2", conf: "apache.conf", args: []string{"-f", "{{.Conf}}", "-DFOREGROUND"},
		needs: apacheModules + "/mod_auth_digest.so"},
	{Name: "lighttpd", program: "lighttpd", conf: "lighttpd.conf", args: []string{"-D", "-f", "{{.Conf}}"}},
	{Name: "haproxy", program: "haproxy", conf: "haproxy.cfg", args: []string{"-db", "-f", "{{.Conf}}"}},
	{Name: "nghttpd", program: "nghttpd",
		args: []string{"-a", "127.0.0.1", "--echo-upload", "-d", "{{.Dir}}", `{{port "nghttpd"}}`, `{{key "good"}}`, `{{pem "good"}}`}},
	{Name: "nghttpd-h2c", program: "nghttpd",
		args: []string{"-a", "127.0.0.1", "--echo-upload", "-d", "{{.Dir}}", "--no-tls", `{{port "nghttpd-h2c"}}`}},

	{Name: "squid", program: "squid", conf: "squid.conf", args: []string{"-N", "-f", "{{.Conf}}"},
		Egress: "127.0.0.11", account: plainAccount},
	{Name: "tinyproxy", program: "tinyproxy", conf: "tinyproxy.conf", args: []string{"-d", "-c", "{{.Conf}}"},
		Egress: "127.0.0.12", wrapped: true},
	{Name: "tinyproxy+basic", program: "tinyproxy", conf: "tinyproxy.conf", args: []string{"-d", "-c", "{{.Conf}}"},
		Egress: "127.0.0.13", account: plainAccount, wrapped: true},
	// A proxy that would rather speak HTTP/2 with its client; what it gets it hands to Squid.
	{Name: "nghttpx", program: "nghttpx", Egress: "127.0.0.11",
		args: []string{"--conf=/dev/null", "--errorlog-file=/dev/stderr", "--workers=1", "--http2-proxy",
			`--frontend=127.0.0.1,{{port "https+h2"}}`, `--backend=127.0.0.1,{{peer "http"}}`, `{{key "good"}}`, `{{pem "good"}}`}},
	{Name: "dante", program: "danted", conf: "danted.conf", args: []string{"-p", "{{.Conf}}.pid", "-f", "{{.Conf}}"},
		Egress: "127.0.0.14", wrapped: true},
	{Name: "dante+password", program: "danted", conf: "danted.conf", args: []string{"-p", "{{.Conf}}.pid", "-f", "{{.Conf}}"},
		Egress: "127.0.0.15", account: plainAccount, wrapped: true},
	{Name: "microsocks", program: "microsocks", args: []string{"-i", "127.0.0.1", "-p", "{{port .Name}}", "-b", "{{.Egress}}"},
		Egress: "127.0.0.16", wrapped: true},
	{Name: "microsocks+password", program: "microsocks",
		args:   []string{"-i", "127.0.0.1", "-p", "{{port .Name}}", "-b", "{{.Egress}}", "-u", "{{.User}}", "-P", "{{.Password}}"},
		Egress: "127.0.0.17", account: plainAccount, wrapped: true},
	{Name: "v2ray", program: "v2ray", conf: "v2ray.json", args: []string{"-config", "{{.Conf}}"}, Egress: "127.0.0.18"},
}

// certificates are those that nginx serves, each on the port of its name. See pki.sh.
var certificates = []string{
	"good", "chained", "incomplete", "expired", "notyet", "wronghost", "nosan", "wrongusage", "untrusted", "selfsigned",
}

// absent says why the server cannot be started on this machine, or returns "".
func (s server) absent() string {
	if lookProgram(s.program) == "" {
		return "there is no " + s.program
	}
	needs := []string{s.needs}
	if s.wrapped {
		needs = append(needs, nssWrapper)
	}
	for _, pattern := range needs {
		if found, err := filepath.Glob(pattern); pattern != "" && (err != nil || len(found) == 0) {
			return "there is no " + pattern
		}
	}
	return ""
}

// lookProgram finds programs that are for root's PATH too. It returns "" if there is none.
func lookProgram(name string) string {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}

// A scene is what templates are filled with, beside the ports.
type scene struct {
	server
	Dir             string
	Conf            string // where the filled configuration is
	Application     string
	ApplicationHost string
	ApplicationPort string
	Modules         string
	Certificates    []string
	Root            bool
}

// command fills the templates of s, writes its configuration and returns how to start it.
func (s server) command(dir, application string, ports *portReserve) (command, error) {
	host, port, err := net.SplitHostPort(application)
	if err != nil {
		return command{}, err
	}
	data := scene{
		server: s, Dir: dir, Conf: filepath.Join(dir, s.Name+".conf"), Modules: apacheModules, Certificates: certificates,
		Application: application, ApplicationHost: host, ApplicationPort: port, Root: os.Geteuid() == 0,
	}
	c := command{Name: s.Name, Args: []string{lookProgram(s.program)}}
	funcs := template.FuncMap{
		"port": func(name string) (int, error) { // a port that this server listens on
			n, err := ports.take(name)
			c.Ports = append(c.Ports, n)
			return n, err
		},
		"peer": ports.take, // a port that another one listens on
		"pem":  func(name string) string { return filepath.Join(dir, "pki", name+".pem") },
		"key":  func(name string) string { return filepath.Join(dir, "pki", name+".key") },
	}
	fill := func(text string) (string, error) {
		t, err := template.New(s.Name).Funcs(funcs).Option("missingkey=error").Parse(text)
		if err != nil {
			return "", err
		}
		var out strings.Builder
		err = t.Execute(&out, data)
		return out.String(), err
	}
	if s.conf != "" {
		source, err := os.ReadFile(filepath.Join("conf", s.conf))
		if err != nil {
			return command{}, err
		}
		text, err := fill(string(source))
		if err != nil {
			return command{}, err
		}
		if err := os.WriteFile(data.Conf, []byte(text), 0o644); err != nil {
			return command{}, err
		}
	}
	for _, arg := range s.args {
		filled, err := fill(arg)
		if err != nil {
			return command{}, fmt.Errorf("argument of %s: %w", s.Name, err)
		}
		c.Args = append(c.Args, filled)
	}
	if s.wrapped {
		c.Env = wrapped(dir)
	}
	return c, nil
}
