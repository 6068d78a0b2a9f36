//go:build integration && linux

package negotiate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/negotiate"
)

// A realm is a KDC and an Apache that accepts its tickets, started for the test.
type realm struct {
	conf            string
	KDC, Web, Proxy int
	Dir, Realm      string
	cache, keytab   string
	url             string
}

const krb5Conf = `
[libdefaults]
	default_realm = {{.Realm}}
	dns_lookup_kdc = false
	dns_lookup_realm = false
	rdns = false
	udp_preference_limit = 1
[realms]
	{{.Realm}} = {
		kdc = 127.0.0.1:{{.KDC}}
	}
	AWAY.TEST = {
		kdc = 127.0.0.1:1
	}
[domain_realm]
	localhost = {{.Realm}}
`

const kdcConf = `
[kdcdefaults]
	kdc_listen = 127.0.0.1:{{.KDC}}
	kdc_tcp_listen = 127.0.0.1:{{.KDC}}
[realms]
	{{.Realm}} = {
		database_name = {{.Dir}}/principal
		key_stash_file = {{.Dir}}/stash
		max_life = 1h
	}
`

const apacheConf = `
ServerRoot {{.Dir}}
ServerName localhost
Listen 127.0.0.1:{{.Web}}
PidFile {{.Dir}}/httpd.pid
ErrorLog {{.Dir}}/error.log
LogLevel auth_gssapi:error
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_gssapi_module /usr/lib/apache2/modules/mod_auth_gssapi.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
User www-data
Group www-data
DocumentRoot {{.Dir}}/www
<Location />
	AuthType GSSAPI
	AuthName Kerberos
	GssapiCredStore keytab:{{.Dir}}/http.keytab
	GssapiAllowedMech krb5
	Require valid-user
	Header always set X-User "expr=%{REMOTE_USER}"
</Location>
`

// A forward proxy for users of the realm, which logs who asked for what.
const squidConf = `
http_port 127.0.0.1:{{.Proxy}}
pid_filename none
cache_log {{.Dir}}/squid/cache.log
logformat users %un %rm %ru
access_log stdio:{{.Dir}}/squid/access.log users
coredump_dir {{.Dir}}/squid
cache deny all
cache_mem 8 MB
workers 1
shutdown_lifetime 0 seconds
pinger_enable off
visible_hostname localhost
auth_param negotiate program /usr/lib/squid/negotiate_kerberos_auth -k {{.Dir}}/http.keytab -s HTTP/localhost@{{.Realm}}
auth_param negotiate children 2
auth_param negotiate keep_alive on
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
`

func start(t *testing.T) *realm {
	for _, program := range []string{"krb5kdc", "kdb5_util", "kadmin.local", "kinit", "apache2", "squid"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("there is no %s", program)
			}
			t.Skipf("there is no %s", program)
		}
	}
	dir, err := os.MkdirTemp("", "realm")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	r := &realm{Dir: dir, KDC: port(t), Web: port(t), Proxy: port(t), Realm: "EXAMPLE.TEST"}
	r.conf, r.cache, r.keytab = dir+"/krb5.conf", dir+"/cache", dir+"/jane.keytab"
	r.url = fmt.Sprintf("http://localhost:%d", r.Web)
	r.write(t, "krb5.conf", krb5Conf)
	r.write(t, "kdc.conf", kdcConf)
	r.write(t, "httpd.conf", apacheConf)
	r.write(t, "squid.conf", squidConf)
	require.NoError(t, os.Mkdir(dir+"/www", 0o755))
	require.NoError(t, os.Mkdir(dir+"/squid", 0o755))
	require.NoError(t, os.Chmod(dir+"/squid", 0o777))
	require.NoError(t, os.Mkdir(dir+"/replays", 0o755))
	require.NoError(t, os.Chmod(dir+"/replays", 0o777)) // for Apache's user, as the keytab is
	require.NoError(t, os.WriteFile(dir+"/www/index.html", []byte("for users of the realm"), 0o644))

	r.run(t, "", "kdb5_util", "create", "-s", "-r", r.Realm, "-P", "master")
	for _, query := range []string{
		"addprinc -pw PASS-SECRET jane", "addprinc -randkey HTTP/localhost",
		"ktadd -norandkey -k " + dir + "/http.keytab HTTP/localhost", "ktadd -norandkey -k " + r.keytab + " jane",
	} {
		r.run(t, "", "kadmin.local", "-r", r.Realm, "-q", query)
	}
	require.NoError(t, os.Chmod(dir+"/http.keytab", 0o644))
	r.serve(t, r.KDC, "krb5kdc", "-n", "-r", r.Realm)
	r.serve(t, r.Web, "apache2", "-f", dir+"/httpd.conf", "-DFOREGROUND")
	r.serve(t, r.Proxy, "squid", "-N", "-f", dir+"/squid.conf")
	r.run(t, "PASS-SECRET\n", "kinit", "-c", r.cache, "jane")
	return r
}

func port(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (r *realm) write(t *testing.T, name, text string) {
	f, err := os.Create(filepath.Join(r.Dir, name))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, template.Must(template.New(name).Parse(text)).Execute(f, r))
}

func (r *realm) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "KRB5_CONFIG="+r.conf, "KRB5_KDC_PROFILE="+r.Dir+"/kdc.conf", "KRB5RCACHEDIR="+r.Dir+"/replays")
	return c
}

func (r *realm) run(t *testing.T, input, program string, args ...string) {
	t.Helper()
	c := r.command(program, args...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", program, args, out)
}

// serve starts a server and waits until it listens.
func (r *realm) serve(t *testing.T, port int, program string, args ...string) {
	c := r.command(program, args...)
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		ended := time.AfterFunc(5*time.Second, func() { c.Process.Kill() })
		defer ended.Stop()
		c.Wait()
	})
	for range 500 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	log, _ := os.ReadFile(r.Dir + "/error.log")
	t.Fatalf("%s does not listen: %s", program, log)
}

func newSession(t *testing.T, opts ...requests.Option) *requests.Session {
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestKerberos(t *testing.T) {
	r := start(t)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(r.Dir + "/error.log")
			t.Logf("%s", log)
		}
	})
	login := func(t *testing.T, l *negotiate.Login, err error) *negotiate.Login {
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		return l
	}
	logins := map[string]func() (*negotiate.Login, error){
		"cache":  func() (*negotiate.Login, error) { return negotiate.FromCache(r.cache, r.conf) },
		"FILE:":  func() (*negotiate.Login, error) { return negotiate.FromCache("FILE:"+r.cache, r.conf) },
		"keytab": func() (*negotiate.Login, error) { return negotiate.FromKeytab(r.keytab, "jane@"+r.Realm, r.conf) },
		"password": func() (*negotiate.Login, error) {
			return negotiate.FromPassword("jane@"+r.Realm, "PASS-SECRET", r.conf)
		},
	}
	for name, from := range logins {
		for _, preemptive := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/preemptive ", preemptive), func(t *testing.T) {
				l, err := from()
				c := negotiate.New(login(t, l, err))
				c.Preemptive = preemptive
				s := newSession(t, c.Auth())
				for range 3 {
					got, err := s.Get(t.Context(), r.url)
					require.NoError(t, err)
					require.Equal(t, "for users of the realm", got.Text())
					require.Equal(t, "jane@"+r.Realm, got.Header.Get("X-User"))
					require.Equal(t, preemptive, len(got.History) == 0)
				}
			})
		}
	}
	l, err := negotiate.FromCache(r.cache, r.conf)
	cached := login(t, l, err)

	t.Run("a body is sent once", func(t *testing.T) {
		c := negotiate.New(cached)
		c.Preemptive = true
		once := io.MultiReader(strings.NewReader("cannot be read twice"))
		got, err := newSession(t).Post(t.Context(), r.url, requests.Reader(once), c.Auth())
		require.NoError(t, err)
		require.Equal(t, "jane@"+r.Realm, got.Header.Get("X-User"))
	})
	t.Run("a body is sent again after the challenge", func(t *testing.T) {
		got, err := newSession(t).Post(t.Context(), r.url, requests.Text("twice"), negotiate.New(cached).Auth())
		require.NoError(t, err)
		require.Equal(t, "jane@"+r.Realm, got.Header.Get("X-User"))
	})
	t.Run("through a proxy", func(t *testing.T) {
		proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: &http.Transport{DisableKeepAlives: true}})
		defer proxy.Close()
		got, err := newSession(t, requests.Proxies{"all": proxy.URL}).Get(t.Context(), r.url, negotiate.New(cached).Auth())
		require.NoError(t, err)
		require.Equal(t, "jane@"+r.Realm, got.Header.Get("X-User"))
	})
	t.Run("at a proxy", func(t *testing.T) { testAtProxy(t, r, cached) })
	t.Run("100 goroutines", func(t *testing.T) {
		c := negotiate.New(cached)
		c.Preemptive = true
		s := newSession(t, c.Auth())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := s.Get(t.Context(), r.url); err != nil || got.StatusCode != http.StatusOK {
					t.Errorf("Get = %v, %v", got, err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("another origin gets nothing", func(t *testing.T) {
		var seen http.Header
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
		defer other.Close()
		u, err := url.Parse(r.url)
		require.NoError(t, err)
		front := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite:        func(p *httputil.ProxyRequest) { p.SetURL(u) },
			ModifyResponse: func(w *http.Response) error { return redirectOK(w, other.URL) },
			Transport:      &http.Transport{DisableKeepAlives: true},
		})
		defer front.Close()
		c := negotiate.New(cached)
		c.ServicePrincipal = "HTTP/localhost"
		_, err = newSession(t).Get(t.Context(), front.URL, c.Auth())
		require.NoError(t, err)
		require.NotNil(t, seen)
		require.Empty(t, seen["Authorization"])
	})
	t.Run("a redirect within the origin", func(t *testing.T) {
		u, err := url.Parse(r.url)
		require.NoError(t, err)
		front := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) },
			ModifyResponse: func(w *http.Response) error {
				if w.Request.URL.Path != "/" {
					return nil
				}
				return redirectOK(w, "/index.html")
			},
			Transport: &http.Transport{DisableKeepAlives: true},
		})
		defer front.Close()
		for _, preemptive := range []bool{false, true} {
			c := negotiate.New(cached)
			c.ServicePrincipal, c.Preemptive = "HTTP/localhost", preemptive
			got, err := newSession(t).Get(t.Context(), front.URL, c.Auth())
			require.NoError(t, err)
			require.Equal(t, "for users of the realm", got.Text(), "preemptive %t", preemptive)
		}
	})
	t.Run("a server that proves nothing", func(t *testing.T) {
		pretends := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", "Negotiate")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("WWW-Authenticate", r.Header.Get("Authorization"))
			io.WriteString(w, "password?")
		}))
		defer pretends.Close()
		c := negotiate.New(cached)
		c.ServicePrincipal = "HTTP/localhost"
		_, err := newSession(t).Get(t.Context(), pretends.URL, c.Auth())
		require.ErrorIs(t, err, requests.ErrAuthentication)
		open := negotiate.New(cached)
		open.ServicePrincipal, open.NoMutual = "HTTP/localhost", true
		_, err = newSession(t).Get(t.Context(), pretends.URL, open.Auth())
		require.NoError(t, err)
	})
	refused := func(name string, c func(t *testing.T) *negotiate.Client, url string) {
		t.Run(name, func(t *testing.T) {
			_, err := newSession(t, requests.Retry{Total: 3}).Get(t.Context(), url, c(t).Auth())
			require.ErrorIs(t, err, requests.ErrAuthentication)
			require.Equal(t, name == "a KDC that is away", errors.Is(err, requests.ErrConnection), err)
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
	refused("a service that the realm does not know", func(*testing.T) *negotiate.Client {
		c := negotiate.New(cached)
		c.ServicePrincipal, c.Preemptive = "HTTP/nobody.test", true
		return c
	}, r.url)
	refused("a wrong password", func(t *testing.T) *negotiate.Client {
		l, err := negotiate.FromPassword("jane@"+r.Realm, "WRONG-SECRET", r.conf)
		return negotiate.New(login(t, l, err))
	}, r.url)
	refused("a KDC that is away", func(t *testing.T) *negotiate.Client {
		l, err := negotiate.FromPassword("jane@AWAY.TEST", "PASS-SECRET", r.conf)
		return negotiate.New(login(t, l, err))
	}, r.url)
	t.Run("an expired ticket", func(t *testing.T) {
		r.run(t, "PASS-SECRET\n", "kinit", "-l", "1s", "-c", r.cache, "jane")
		l, err := negotiate.FromCache(r.cache, r.conf)
		old := login(t, l, err)
		time.Sleep(1100 * time.Millisecond) // the clock of the KDC cannot be moved
		_, err = newSession(t).Get(t.Context(), r.url, negotiate.New(old).Auth())
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.ErrorContains(t, err, "kinit")
	})
	t.Run("a call that ends while the KDC is silent", func(t *testing.T) {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer silent.Close()
		conf := filepath.Join(t.TempDir(), "krb5.conf")
		text := strings.Replace(krb5Conf, "127.0.0.1:1\n", silent.Addr().String()+"\n", 1)
		text = strings.NewReplacer("{{.Realm}}", r.Realm, "{{.KDC}}", fmt.Sprint(r.KDC)).Replace(text)
		require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
		l, err := negotiate.FromPassword("jane@AWAY.TEST", "PASS-SECRET", conf)
		quiet := login(t, l, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = newSession(t).Get(ctx, r.url, negotiate.New(quiet).Auth())
		require.ErrorIs(t, err, requests.ErrTimeout)
	})
}

// testAtProxy logs in at Squid, which refuses everybody else.
func testAtProxy(t *testing.T, r *realm, login *negotiate.Login) {
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(r.Dir + "/squid/cache.log")
			t.Logf("%s", log)
		}
	})
	var seen http.Header
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r.Header.Clone(); io.WriteString(w, "hello") })
	plain, encrypted := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer encrypted.Close()
	s := newSession(t, requests.Proxies{"all": fmt.Sprintf("http://localhost:%d", r.Proxy)}, requests.TLS{SkipVerify: true})
	for _, preemptive := range []bool{false, true} {
		c := negotiate.New(login)
		c.Preemptive = preemptive
		atProxy := c.Auth().ForProxy()
		for _, url := range []string{plain.URL, encrypted.URL} {
			for range 2 {
				got, err := s.Post(t.Context(), url, atProxy, requests.Text("body"))
				require.NoError(t, err)
				require.Equal(t, "200 hello", fmt.Sprint(got.StatusCode, " ", got.Text()), url)
				require.Empty(t, seen["Authorization"])
				require.Empty(t, seen["Proxy-Authorization"])
			}
		}
	}
	// At the proxy and at the server behind it.
	both := negotiate.New(login).Auth()
	got, err := s.Get(t.Context(), r.url, both, both.ForProxy())
	require.NoError(t, err)
	require.Equal(t, "jane@"+r.Realm, got.Header.Get("X-User"))

	got, err = s.Get(t.Context(), plain.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusProxyAuthRequired, got.StatusCode)
	_, err = s.Get(t.Context(), encrypted.URL)
	require.ErrorIs(t, err, requests.ErrProxy)

	bad, err := negotiate.FromPassword("jane@"+r.Realm, "WRONG-SECRET", r.conf)
	require.NoError(t, err)
	defer bad.Close()
	for _, url := range []string{plain.URL, encrypted.URL} {
		_, err = s.Get(t.Context(), url, negotiate.New(bad).Auth().ForProxy(), requests.Retry{Total: 3})
		require.ErrorIs(t, err, requests.ErrAuthentication)
		require.NotContains(t, err.Error(), "SECRET")
	}
	log, err := os.ReadFile(r.Dir + "/squid/access.log")
	require.NoError(t, err)
	require.Contains(t, string(log), "jane@"+r.Realm+" POST "+plain.URL) // Squid logs a CONNECT when it ends
}

// redirectOK turns a success into a redirect.
func redirectOK(w *http.Response, to string) error {
	if w.StatusCode == http.StatusOK {
		w.StatusCode = http.StatusFound
		w.Header.Set("Location", to)
	}
	return nil
}
