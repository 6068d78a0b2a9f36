package requests_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// useNetrc writes a netrc file for NETRC and returns its path.
func useNetrc(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NETRC", path)
	return path
}

// authorization is that of the request number n.
func (s *script) authorization(n int) string { return s.sent[n].header.Get("Authorization") }

func TestNetrc(t *testing.T) {
	const file = "machine a.test login a password b\nmachine ::1 login six password p\nmachine c.test login ann password 1\n" +
		"machine c.test login bob password 2\nmachine empty.test\nmachine pw.test password x\nmachine colon.test login a:b password c\n" +
		"machine up.test login u password p\n"
	basic := func(u, p string) string {
		s, sent := scripted(t, replies(ok()))
		get(t, s, "http://h.test/", requests.BasicAuth(u, p))
		return sent.authorization(0)
	}
	for _, tt := range []struct {
		name, url string
		opts      []requests.Option
		want      string
	}{
		{"host", "http://a.test/", nil, basic("a", "b")},
		{"port is nothing to it", "http://a.test:8080/", nil, basic("a", "b")},
		{"https", "https://a.test/", nil, basic("a", "b")},
		{"letter case", "http://UP.test/", nil, basic("u", "p")},
		{"IPv6", "http://[::1]:80/", nil, basic("six", "p")},
		{"sub", "http://x.a.test/", nil, ""},
		{"super", "http://test/", nil, ""},
		{"A240", "http://a.test:@evil.test/", nil, basic("a.test", "")},
		{"A240 user", "http://a.test@evil.test/", nil, ""},
		{"A241", "http://empty.test/", nil, ""},
		{"A242", "http://eve@a.test/", nil, ""},
		{"A242 same login", "http://ann@c.test/", nil, basic("ann", "1")},
		{"last login", "http://c.test/", nil, basic("bob", "2")},
		{"password alone", "http://pw.test/", nil, basic("", "x")},
		{"login with a colon", "http://colon.test/", nil, ""},
		{"userinfo wins", "http://u:p@a.test/", nil, basic("u", "p")},
		{"empty userinfo", "http://:@a.test/", nil, basic("a", "b")},
		{"field wins", "http://a.test/", []requests.Option{requests.Headers{"authorization": "Token t"}}, "Token t"},
		{"Auth wins", "http://a.test/", []requests.Option{requests.BearerAuth("t")}, "Bearer t"},
		{"NoAuth wins", "http://a.test/", []requests.Option{requests.NoAuth()}, ""},
		{"TrustEnv(false)", "http://a.test/", []requests.Option{requests.TrustEnv(false)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok()))
			useNetrc(t, file)
			get(t, s, tt.url, tt.opts...)
			if got := sent.authorization(0); got != tt.want {
				t.Errorf("Get(%s) sent %q; want %q", tt.url, got, tt.want)
			}
		})
	}
	t.Run("session Auth wins", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.BearerAuth("s"))
		useNetrc(t, file)
		if get(t, s, "http://a.test/"); sent.authorization(0) != "Bearer s" {
			t.Errorf("sent %q", sent.authorization(0))
		}
	})
	t.Run("session field wins", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()), requests.Headers{"Authorization": "Token s"})
		useNetrc(t, file)
		if get(t, s, "http://a.test/"); sent.authorization(0) != "Token s" {
			t.Errorf("sent %q", sent.authorization(0))
		}
	})
	t.Run("without a session", func(t *testing.T) {
		noEnvironment(t)
		useNetrc(t, file)
		p, err := requests.NewRequest("GET", "http://a.test/").Prepare(t.Context())
		if err != nil || p.Header.Get("Authorization") != "" {
			t.Errorf("Prepare = %v, %v; want no Authorization", p.Header, err)
		}
	})
	t.Run("IgnoreEnv", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()))
		s.IgnoreEnv = true
		useNetrc(t, file)
		if get(t, s, "http://a.test/"); sent.authorization(0) != "" {
			t.Errorf("sent %q", sent.authorization(0))
		}
	})
}

// TestNetrcOfManyKinds asks for no more than that nothing breaks. B156
func TestNetrcOfManyKinds(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       bool // that credentials are found
		warns      bool
	}{
		{"10 MB", strings.Repeat("machine x login "+secret+" password y\n", 10<<20/40), false, true},
		{"A243 line of 5000 bytes", "machine a.test login u password " + strings.Repeat("p", 5000), true, false},
		{"binary", "\x00\x01\xff" + secret + "\xfe", false, true},
		{"default alone", "default login u password p", true, false},
		{"A023", "default", false, false},
		{"macdef", "macdef init\ncd /pub\n\nmachine a.test login u password p\n", true, false},
		{"quotes", `machine "a.test" login "u u" password "p\"p"`, true, false},
		{"no line end", "machine a.test login u password p", true, false},
		{"bad keyword", "machine a.test " + secret + " x password p", false, true},
		{"unterminated quote", `machine a.test password "` + secret, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			s, sent := scripted(t, replies(ok()))
			s.Logger = slog.New(slog.NewTextHandler(&log, nil))
			useNetrc(t, tt.text)
			get(t, s, "http://a.test/")
			get(t, s, "http://a.test/")
			if got := sent.authorization(0) != "" && sent.authorization(1) != ""; got != tt.want {
				t.Errorf("credentials found: %v; want %v", got, tt.want)
			}
			if warnings := strings.Count(log.String(), "level=WARN"); warnings > 1 || (warnings == 1) != tt.warns {
				t.Errorf("%d warnings; want one: %v", warnings, tt.warns)
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log quotes the file: %s", log.String())
			}
		})
	}
	t.Run("directory", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()))
		t.Setenv("NETRC", t.TempDir())
		if get(t, s, "http://a.test/"); sent.authorization(0) != "" {
			t.Error("credentials found")
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		s, sent := scripted(t, replies(ok()))
		os.Chmod(useNetrc(t, "machine a.test login u password p"), 0)
		get(t, s, "http://a.test/")
		if sent.authorization(0) != "" && os.Geteuid() != 0 {
			t.Error("credentials found")
		}
	})
}

// TestNetrcIsReadWhenItChanges, and not for each request.
func TestNetrcIsReadWhenItChanges(t *testing.T) {
	noEnvironment(t)
	path := useNetrc(t, "machine a.test login u password p")
	synctest.Test(t, func(t *testing.T) {
		s := requests.NewSession()
		sent := &script{answer: replies(ok())}
		s.Mount("http://", sent)
		get(t, s, "http://a.test/")
		if err := os.WriteFile(path, []byte("machine a.test login user password p"), 0o600); err != nil {
			t.Fatal(err)
		}
		get(t, s, "http://a.test/")
		time.Sleep(2 * time.Second)
		get(t, s, "http://a.test/")
		get(t, s.With(), "http://a.test/")
		if a := sent.authorization; a(0) == "" || a(0) != a(1) || a(1) == a(2) || a(2) != a(3) {
			t.Errorf("sent %q, %q, %q, %q; want a change after the second", a(0), a(1), a(2), a(3))
		}
		os.Setenv("NETRC", path+" of nobody")
		if get(t, s, "http://a.test/"); sent.authorization(4) != "" {
			t.Errorf("sent %q with another NETRC; want none at once", sent.authorization(4))
		}
	})
}

// TestNetrcOnTheWay gives a host that a redirect leads to what is its own.
func TestNetrcOnTheWay(t *testing.T) {
	const file = "machine a.test login a password a\nmachine b.test login b password b\nmachine nopw.test login n"
	const a, b = "Basic YTph", "Basic Yjpi"
	for _, tt := range []struct {
		name  string
		chain []string
		opts  []requests.Option
		want  []string
	}{
		{"A001", []string{"http://a.test/", "http://b.test/"}, nil, []string{a, b}},
		{"within the host", []string{"http://a.test/", "/2"}, nil, []string{a, a}},
		{"to one without", []string{"http://a.test/", "http://c.test/", "/3"}, nil, []string{a, "", ""}},
		{"A022", []string{"http://a.test/", "http://nopw.test/"}, nil, []string{a, "Basic bjo="}}, // its own, never a's password
		{"A025", []string{"http://c.test/", "http://b.test/"}, []requests.Option{requests.BearerAuth("t")}, []string{"Bearer t", b}},
		{"explicit stays", []string{"http://a.test/", "/2"}, []requests.Option{requests.BearerAuth("t")}, []string{"Bearer t", "Bearer t"}},
		{"NoAuth stays", []string{"http://a.test/", "http://b.test/"}, []requests.Option{requests.NoAuth()}, []string{"", ""}},
		{"another port of the host", []string{"http://a.test/", "http://a.test:8080/"}, nil, []string{a, ""}},
		{"from https to http", []string{"https://a.test/", "http://b.test/"}, nil, []string{a, ""}},
		{"userinfo in Location", []string{"http://c.test/", "http://eve:x@b.test/"}, nil, []string{"", b}},
		{"TrustEnv(false)", []string{"http://a.test/", "http://b.test/"}, []requests.Option{requests.TrustEnv(false)}, []string{"", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
				if n+1 < len(tt.chain) {
					return redirectTo(tt.chain[n+1])
				}
				return ok()
			})
			useNetrc(t, file)
			check := func(way string) {
				t.Helper()
				var got []string
				for n := range sent.sent {
					got = append(got, sent.authorization(n))
				}
				if fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("%s: sent %q; want %q", way, got, tt.want)
				}
				sent.sent = nil
			}
			get(t, s, tt.chain[0], tt.opts...)
			check("AllowRedirects")

			s = s.With(requests.AllowRedirects(false))
			r := get(t, s, tt.chain[0], tt.opts...)
			for range tt.chain[1:] {
				next, err := r.Next()
				require.NoError(t, err)
				r, err = s.Send(t.Context(), next)
				require.NoError(t, err)
			}
			check("Next")
		})
	}
}
