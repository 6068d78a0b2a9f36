package requests_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-requests/requests"
)

// secret is part of every credential of the tests: where it turns up, one has leaked.
const secret = "s3cr3t"

// A credential is one way to give a request something that its origin alone
// must see.
type credential struct {
	name    string
	session []requests.Option
	call    []requests.Option
	carried func(sentRequest) bool // if the request has it
}

func inField(field string) func(sentRequest) bool {
	return func(s sentRequest) bool { return s.header.Get(field) != "" }
}

func credentials() []credential {
	field := func(name string) credential {
		return credential{name: "field " + name, call: []requests.Option{requests.Headers{name: secret}}, carried: inField(name)}
	}
	return []credential{
		field("Authorization"), field("authorization"), field("Cookie"), field("Proxy-Authorization"),
		field("X-Api-Key"), field("X-Auth-Token"), field("Api-Key"), field("Token"), field("Private-Token"),
		{name: "session field Authorization", session: []requests.Option{requests.Headers{"Authorization": secret}}, carried: inField("Authorization")},
		{name: "session field X-Api-Key", session: []requests.Option{requests.Headers{"X-Api-Key": secret}}, carried: inField("X-Api-Key")},
		{name: "BasicAuth", call: []requests.Option{requests.BasicAuth("u", secret)}, carried: inField("Authorization")},
		{name: "session BearerAuth", session: []requests.Option{requests.BearerAuth(secret)}, carried: inField("Authorization")},
		{name: "AuthFunc", session: []requests.Option{requests.AuthFunc(func(p *requests.PreparedRequest) error {
			p.Header.Set("X-Signature", secret+p.URL.Path)
			return nil
		})}, carried: inField("X-Signature")},
		{name: "Cookies of the call", call: []requests.Option{requests.Cookies{"sid": secret}}, carried: inField("Cookie")},
		{name: "Host", call: []requests.Option{requests.Headers{"Host": "internal.test"}}, carried: inField("Host")},
	}
}

// targets are places to be sent on to from http://a.test or https://a.test.
var targets = []struct {
	name, from, to string
	within         bool // the origin, or as good
}{
	{"path", "http://a.test", "http://a.test", true},
	{"case", "http://a.test", "HTTP://A.TEST", true},
	{"default port", "http://a.test", "http://a.test:80", true},
	{"https default port", "https://a.test:443", "https://a.test", true},
	{"upgrade", "http://a.test", "https://a.test", true},
	{"host", "http://a.test", "http://b.test", false},
	{"sub", "http://a.test", "http://x.a.test", false},
	{"super", "http://x.a.test", "http://a.test", false},
	{"suffix", "http://a.test", "http://evila.test", false},
	{"prefix", "http://a.test", "http://a.test.evil.test", false},
	{"port", "http://a.test", "http://a.test:8080", false},
	{"port of the other scheme", "http://a.test", "http://a.test:443", false},
	{"downgrade", "https://a.test", "http://a.test", false},
	{"upgrade from another port", "http://a.test:8080", "https://a.test", false},
	{"upgrade to another port", "http://a.test", "https://a.test:8443", false},
	{"https port", "https://a.test", "https://a.test:8443", false},
	{"downgrade and sub", "https://a.test", "http://x.a.test", false},
	{"trailing dot", "http://a.test", "http://a.test.", false},
	{"IPv6", "http://[::1]", "http://[::2]", false},
	{"loopback names", "http://127.0.0.1", "http://localhost", false},
}

// TestCredentialMatrix sends each credential over each border, in chains of one
// to three redirects and back again. B143
func TestCredentialMatrix(t *testing.T) {
	cells := 0
	for _, target := range targets {
		for _, c := range credentials() {
			for _, chain := range [][]string{
				{target.to + "/1"},
				{target.to + "/1", "/2"},
				{target.from + "/1", target.to + "/2", target.to + "/3"},
				{target.to + "/1", target.from + "/2"}, // and back
			} {
				cells++
				t.Run(fmt.Sprintf("%s/%s/%d", target.name, c.name, len(chain)), func(t *testing.T) {
					s, sent := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
						if n < len(chain) {
							return redirectTo(chain[n])
						}
						return ok()
					}, c.session...)
					get(t, s, target.from+"/0", c.call...)
					if len(sent.sent) != len(chain)+1 {
						t.Fatalf("%d requests; want %d", len(sent.sent), len(chain)+1)
					}
					left := false
					at := target.from
					for i, hop := range sent.sent {
						if i > 0 && strings.Contains(chain[i-1], "://") {
							to := strings.TrimSuffix(chain[i-1], fmt.Sprintf("/%d", i))
							stays := to == at || target.within && (to == target.to || target.name != "upgrade")
							left = left || !stays
							at = to
						}
						if got := c.carried(hop); got == left {
							t.Errorf("request %d to %s: the credential is there: %v; want %v", i, hop.url, got, !left)
						}
					}
				})
			}
		}
	}
	if cells < 200 {
		t.Errorf("%d cells; want 200", cells)
	}
}
