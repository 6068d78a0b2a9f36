//go:build integration && linux

package integration_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests"
)

// digestPlaces are where servers ask for Digest.
var digestPlaces = []struct{ server, path string }{
	{"apache", "/digest/"},
	{"lighttpd", "/md5/"},
	{"lighttpd", "/sha-256/"},
	{"lighttpd", "/sha-512-256/"},
	{"lighttpd", "/several/"},
	{"lighttpd", "/userhash/"},
}

// digestCall gets or posts, and returns what the application saw and how many
// challenges came first.
func digestCall(t *testing.T, s *requests.Session, method, url string, opts ...requests.Option) (seen exchange, challenges int) {
	t.Helper()
	r, err := s.Do(t.Context(), method, url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 200 {
		t.Fatalf("%s %s = %v after %v: %q", method, url, r, r.History, r.Text())
	}
	return decodeExchange(t, r.Content()), len(r.History)
}

func TestDigestAuth(t *testing.T) {
	for _, tt := range digestPlaces {
		for _, a := range []account{plainAccount, utf8Account} {
			t.Run(tt.server+tt.path+a.user, func(t *testing.T) {
				running.need(t, tt.server)
				url := "http://" + running.address(t, "localhost", tt.server) + tt.path
				s := requests.NewSession(requests.DigestAuth(a.user, a.password))
				defer s.Close()
				if _, challenges := digestCall(t, s, "GET", url); challenges != 1 {
					t.Errorf("the first request met %d challenges; want 1", challenges)
				}
				for _, body := range []struct {
					opt  requests.Option
					want string
				}{
					{requests.Text("text"), "text"},
					{requests.Form{"k": "a b"}, "k=a+b"},
					{requests.Reader(bytes.NewReader([]byte("stream"))), "stream"},
				} {
					seen, challenges := digestCall(t, s, "POST", url+"a%20b;p?q=1&r=%2F", body.opt)
					if seen.Body != body.want || challenges != 0 {
						t.Errorf("the application saw %q after %d challenges; want %q at once", seen.Body, challenges, body.want)
					}
				}
				if seen, _ := digestCall(t, s, "POST", url, requests.Text("again"), requests.DigestAuth(a.user, a.password)); seen.Body != "again" {
					t.Errorf("after a challenge the application saw %q; want again", seen.Body)
				}
				r, err := s.Get(t.Context(), url, requests.DigestAuth(a.user, "wrong"))
				if err != nil || r.StatusCode != 401 || len(r.History) != 1 {
					t.Errorf("with a wrong password: %v after %v, %v; want 401 after one", r, r.History, err)
				}
			})
		}
	}
}

func TestDigestAuthOfManyGoroutines(t *testing.T) {
	for _, tt := range digestPlaces {
		t.Run(tt.server+tt.path, func(t *testing.T) {
			running.need(t, tt.server)
			url := "http://" + running.address(t, "localhost", tt.server) + tt.path
			s := requests.NewSession(requests.DigestAuth(plainAccount.user, plainAccount.password))
			defer s.Close()
			digestCall(t, s, "GET", url)
			// A server that runs short of threads closes connections which it has kept
			// alive, Apache too, perhaps just as a request is sent. A POST is then lost.
			again := requests.Retry{Read: 3, Methods: []string{"POST"}}
			var calls sync.WaitGroup
			for n := range 32 {
				calls.Go(func() {
					r, err := s.Post(t.Context(), url, requests.Text(fmt.Sprint("call ", n, "!")), again)
					if err != nil || r.StatusCode != 200 || !strings.Contains(r.Text(), fmt.Sprint("call ", n, "!")) {
						t.Errorf("Post = %v, %v", r, err)
					}
				})
			}
			calls.Wait()
		})
	}
}

func TestDigestAuthNonces(t *testing.T) {
	for _, tt := range []struct {
		path  string
		later int // challenges that each request after the first meets
	}{
		{"/counted/", 0}, // the count goes up by one
		{"/once/", 1},    // each nonce is stale when it is used again
		{"/nextnonce", 0},
	} {
		t.Run(tt.path[1:], func(t *testing.T) {
			running.need(t, "apache")
			url := "http://" + running.address(t, "localhost", "apache") + tt.path
			s := requests.NewSession(requests.DigestAuth(plainAccount.user, plainAccount.password))
			defer s.Close()
			for n := range 4 {
				r, err := s.Get(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				want := tt.later
				if n == 0 {
					want = 1
				}
				if r.StatusCode != 200 || len(r.History) != want {
					t.Errorf("request %d = %v after %d challenges; want 200 after %d", n, r, len(r.History), want)
				}
			}
		})
	}
}

func TestBasicAuth(t *testing.T) {
	for _, tt := range []struct{ server, port, path string }{
		{"nginx", "h1", "/basic/"},
		{"nginx", "h1", "/unescaped/"},
		{"apache", "apache", "/basic/"},
	} {
		for _, a := range []account{plainAccount, utf8Account} {
			t.Run(tt.server+tt.path+a.user, func(t *testing.T) {
				running.need(t, tt.server)
				s := requests.NewSession(requests.BasicAuth(a.user, a.password))
				defer s.Close()
				if seen, _ := digestCall(t, s, "GET", "http://"+running.address(t, "localhost", tt.port)+tt.path); seen.Front.User != a.user {
					t.Errorf("user %q; want %q", seen.Front.User, a.user)
				}
			})
		}
	}
}
