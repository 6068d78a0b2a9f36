//go:build integration && linux

package integration_test

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestServersBasic(t *testing.T) {
	for _, tt := range []struct{ server, port, path string }{
		{"nginx", "h1", "/basic/"},
		{"nginx", "h1", "/unescaped/"},
		{"apache", "apache", "/basic/"},
	} {
		for _, a := range []account{plainAccount, utf8Account} {
			t.Run(tt.server+tt.path+a.user, func(t *testing.T) {
				running.need(t, tt.server)
				c := client(t, (*http.Protocols).SetHTTP1, nil)
				url := "http://" + running.address(t, "localhost", tt.port) + tt.path
				resp, _ := fetch(t, c, "GET", url, nil, nil)
				if resp.StatusCode != 401 || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
					t.Errorf("GET without account = %d, %q; want 401, Basic", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
				}
				req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.SetBasicAuth(a.user, a.password)
				resp, answer := fetch(t, c, "GET", url, nil, req.Header)
				if resp.StatusCode != 200 {
					t.Fatalf("GET with account = %d; want 200", resp.StatusCode)
				}
				if seen := decodeExchange(t, answer); seen.Front.User != a.user {
					t.Errorf("user %q; want %q", seen.Front.User, a.user)
				}
			})
		}
	}
}

// A challenge holds the parameters of one Digest challenge.
type challenge map[string]string

var parameter = regexp.MustCompile(`([a-z]+)=(?:"([^"]*)"|([^ ,"]+))`)

// parameters reads what these servers are known to write; it is no parser for others.
func parameters(value string) challenge {
	c := challenge{}
	for _, m := range parameter.FindAllStringSubmatch(value, -1) {
		c[m[1]] = m[2] + m[3]
	}
	return c
}

func challenges(header http.Header) []challenge {
	var all []challenge
	for _, value := range header.Values("WWW-Authenticate") {
		all = append(all, parameters(value))
	}
	return all
}

// answer returns the Authorization value of RFC 7616, section 3.4, for qop=auth.
func (c challenge) answer(newHash func() hash.Hash, a account, method, uri string, count int) string {
	h := func(parts ...string) string { return hexDigest(newHash, strings.Join(parts, ":")) }
	nc, cnonce := fmt.Sprintf("%08x", count), "0123456789abcdef"
	response := h(h(a.user, c["realm"], a.password), c["nonce"], nc, cnonce, "auth", h(method, uri))
	user := a.user
	if c["userhash"] == "true" {
		user = h(a.user, c["realm"])
	}
	value := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", cnonce="%s", nc=%s, qop=auth, response="%s"`,
		user, c["realm"], c["nonce"], uri, cnonce, nc, response)
	for _, name := range []string{"algorithm", "userhash"} {
		if c[name] != "" {
			value += ", " + name + "=" + c[name]
		}
	}
	if c["opaque"] != "" {
		value += `, opaque="` + c["opaque"] + `"`
	}
	return value
}

func TestServersDigest(t *testing.T) {
	for _, tt := range []struct {
		server, path string
		algorithms   []string
		newHash      func() hash.Hash // of the first algorithm
		curl         bool             // curl can do it: 7.88 takes SHA-512-256 for SHA-256
	}{
		{"apache", "/digest/", []string{"MD5"}, md5.New, true},
		{"lighttpd", "/md5/", []string{"MD5"}, md5.New, true},
		{"lighttpd", "/sha-256/", []string{"SHA-256"}, sha256.New, true},
		{"lighttpd", "/sha-512-256/", []string{"SHA-512-256"}, sha512.New512_256, false},
		{"lighttpd", "/several/", []string{"SHA-256", "MD5"}, sha256.New, true},
		{"lighttpd", "/userhash/", []string{"SHA-256"}, sha256.New, true},
	} {
		for _, a := range []account{plainAccount, utf8Account} {
			t.Run(tt.server+tt.path+a.user, func(t *testing.T) {
				running.need(t, tt.server)
				c := client(t, (*http.Protocols).SetHTTP1, nil)
				url := "http://" + running.address(t, "localhost", tt.server) + tt.path
				resp, _ := fetch(t, c, "POST", url, strings.NewReader("k=v"), nil)
				asked := challenges(resp.Header)
				var algorithms []string
				for _, c := range asked {
					algorithms = append(algorithms, c["algorithm"])
				}
				if resp.StatusCode != 401 || !slices.Equal(algorithms, tt.algorithms) {
					t.Fatalf("POST without account = %d, algorithms %q; want 401, %q", resp.StatusCode, algorithms, tt.algorithms)
				}
				wrong := http.Header{"Authorization": {asked[0].answer(tt.newHash, account{a.user, "wrong"}, "POST", tt.path, 1)}}
				if resp, _ := fetch(t, c, "POST", url, strings.NewReader("k=v"), wrong); resp.StatusCode != 401 {
					t.Errorf("POST with a wrong password = %d; want 401", resp.StatusCode)
				}
				right := http.Header{"Authorization": {asked[0].answer(tt.newHash, a, "POST", tt.path, 1)}}
				resp, answer := fetch(t, c, "POST", url, strings.NewReader("k=v"), right)
				if resp.StatusCode != 200 {
					t.Fatalf("POST with account = %d; want 200", resp.StatusCode)
				}
				if seen := decodeExchange(t, answer); seen.Front.Server != tt.server || seen.Body != "k=v" {
					t.Errorf("application saw %+v; want a body %q through %s", seen, "k=v", tt.server)
				}
				if !tt.curl {
					return
				}
				answer, err := curl(t, "--fail", "--digest", "--user", a.user+":"+a.password, "--data", "k=v", url)
				if err != nil {
					t.Fatal(err)
				}
				if seen := decodeExchange(t, answer); seen.Body != "k=v" {
					t.Errorf("curl: application saw %+v; want a body %q", seen, "k=v")
				}
			})
		}
	}
}

func TestServersNonces(t *testing.T) {
	type step struct {
		count      int
		wantStatus int
		wantStale  string
	}
	for _, tt := range []struct {
		path      string
		steps     []step
		nextnonce bool // comes with each answer, and is used
	}{
		{"/digest/", []step{{1, 200, ""}, {2, 200, ""}, {2, 200, ""}}, false},
		{"/counted/", []step{{1, 200, ""}, {2, 200, ""}, {2, 401, ""}, {4, 200, ""}}, false},
		{"/once/", []step{{1, 200, ""}, {2, 401, "true"}}, false},
		{"/nextnonce", []step{{1, 200, ""}, {1, 200, ""}, {1, 200, ""}}, true},
	} {
		t.Run(tt.path[1:], func(t *testing.T) {
			running.need(t, "apache")
			c := client(t, (*http.Protocols).SetHTTP1, nil)
			url := "http://" + running.address(t, "localhost", "apache") + tt.path
			resp, _ := fetch(t, c, "GET", url, nil, nil)
			asked := challenges(resp.Header)
			if resp.StatusCode != 401 || len(asked) != 1 {
				t.Fatalf("GET without account = %d, %d challenges; want 401 and one", resp.StatusCode, len(asked))
			}
			use := asked[0]
			for n, step := range tt.steps {
				authorized := http.Header{"Authorization": {use.answer(md5.New, plainAccount, "GET", tt.path, step.count)}}
				resp, _ := fetch(t, c, "GET", url, nil, authorized)
				stale := ""
				if again := challenges(resp.Header); len(again) > 0 {
					stale = again[0]["stale"]
				}
				if resp.StatusCode != step.wantStatus || stale != step.wantStale {
					t.Errorf("step %d = %d, stale %q; want %d, stale %q", n, resp.StatusCode, stale, step.wantStatus, step.wantStale)
				}
				if tt.nextnonce {
					next := parameters(resp.Header.Get("Authentication-Info"))["nextnonce"]
					if next == "" {
						t.Fatalf("step %d: no nextnonce in %q", n, resp.Header["Authentication-Info"])
					}
					use["nonce"] = next
				}
			}
		})
	}
}
