package digest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

var get = Request{Method: "GET", URI: "/"}

// preempt returns the parameter called name of a pre-emptive answer, or "none".
func preempt(t *testing.T, s *Spaces, origin, uri, name string) string {
	t.Helper()
	a, ok, err := s.Preempt(origin, Request{Method: "GET", URI: uri})
	if err != nil {
		t.Fatalf("Preempt(%s, %s): %v", origin, uri, err)
	}
	if !ok {
		return "none"
	}
	return param(t, a, name)
}

// answered answers a challenge with these parameters, and returns the answer.
func answered(t *testing.T, s *Spaces, origin, params string) Answer {
	t.Helper()
	d, ok := Select(Parse([]string{"Digest " + params}))
	if !ok {
		t.Fatalf("Select(%q) finds nothing", params)
	}
	a, err := s.Answer(origin, d, get)
	if err != nil {
		t.Fatalf("Answer(%s, %s): %v", origin, params, err)
	}
	return a
}

func TestSpacesCount(t *testing.T) {
	const origin = "http://a.test"
	var s Spaces
	check := func(step, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s; want %s", step, got, want)
		}
	}
	uses := func(a Answer) string { return param(t, a, "nonce") + " " + param(t, a, "nc") }

	check("before any challenge", preempt(t, &s, origin, "/", "nc"), "none")
	check("first", uses(answered(t, &s, origin, `realm=r, nonce=n, qop=auth`)), "n 00000001")
	for i := 2; i <= 17; i++ {
		check("reuse", preempt(t, &s, origin, "/", "nc"), fmt.Sprintf("%08x", i))
	}
	check("the same nonce again", uses(answered(t, &s, origin, `realm=r, nonce=n, qop=auth`)), "n 00000012")
	check("stale", uses(answered(t, &s, origin, `realm=r, nonce=m, qop=auth, stale=true`)), "m 00000001")
	check("reuse of the new nonce", preempt(t, &s, origin, "/", "nonce"), "m")
	check("the first nonce returns", uses(answered(t, &s, origin, `realm=r, nonce=n, qop=auth`)), "n 00000013")
	check("reuse of the first nonce", preempt(t, &s, origin, "/", "nc"), "00000014")
}

// A new challenge counts as a whole, not its nonce alone.
func TestSpacesChallengeChanges(t *testing.T) {
	var s Spaces
	answered(t, &s, "http://a.test", `realm=r, nonce=n, qop=auth, opaque=1`)
	answered(t, &s, "http://a.test", `realm=r, nonce=m, algorithm=SHA-256, opaque=2`)
	for name, want := range map[string]string{"opaque": "2", "algorithm": "SHA-256", "qop": "", "nonce": "m"} {
		if got := preempt(t, &s, "http://a.test", "/", name); got != want {
			t.Errorf("%s = %q; want %q", name, got, want)
		}
	}
}

// A244: what one origin sent is of no use at another, whatever their names share.
func TestSpacesOrigin(t *testing.T) {
	var s Spaces
	answered(t, &s, "https://a.test", `realm=r, nonce=n, domain="/ https://b.test/ http://a.test/"`)
	for _, origin := range []string{"http://a.test", "https://a.test:8443", "https://sub.a.test", "https://b.test", ""} {
		if got := preempt(t, &s, origin, "/", "nonce"); got != "none" {
			t.Errorf("Preempt(%q) uses nonce %q", origin, got)
		}
	}
	if got := preempt(t, &s, "https://a.test", "/", "nonce"); got != "n" {
		t.Errorf("Preempt of the origin itself uses nonce %q; want n", got)
	}
}

func TestSpacesRealms(t *testing.T) {
	const origin = "http://a.test"
	var s Spaces
	answered(t, &s, origin, `realm=one, nonce=1, qop=auth, domain="/one"`)
	answered(t, &s, origin, `realm=two, nonce=2, qop=auth, domain="/two"`)
	for _, tt := range []struct{ uri, nonce string }{{"/one", "1"}, {"/two/x", "2"}, {"/one?q", "1"}, {"/three", "none"}} {
		if got := preempt(t, &s, origin, tt.uri, "nonce"); got != tt.nonce {
			t.Errorf("Preempt(%s) uses nonce %s; want %s", tt.uri, got, tt.nonce)
		}
	}
	answered(t, &s, origin, `realm=all, nonce=3, qop=auth`)
	if got := preempt(t, &s, origin, "/one", "nonce"); got != "3" {
		t.Errorf("Preempt uses nonce %s; want that of the last challenge, 3", got)
	}
}

func TestSpacesRenew(t *testing.T) {
	const origin = "http://a.test"
	var s Spaces
	first := answered(t, &s, origin, `realm=r, nonce=n, qop=auth, opaque=o`)
	s.Renew(first, Info{})
	if got := preempt(t, &s, origin, "/", "nonce"); got != "n" {
		t.Errorf("without nextnonce the nonce is %s; want n", got)
	}
	s.Renew(first, Info{NextNonce: "m"})
	s.Renew(first, Info{NextNonce: "late"})
	second, _, _ := s.Preempt(origin, get)
	checkAnswer(t, second.Value, map[string]string{"nonce": "m", "nc": "00000001", "opaque": "o"})

	answered(t, &s, origin, `realm=r, nonce=k, qop=auth`)
	s.Renew(second, Info{NextNonce: "late"})
	if got := preempt(t, &s, origin, "/", "nonce"); got != "k" {
		t.Errorf("after a new challenge the nonce is %s; want k", got)
	}
	s.Renew(Answer{}, Info{NextNonce: "x"})
}

// The client nonce of a session stays, also with the next nonce, and A1 with it;
// the responses were computed with Python's hashlib. Without a session each
// answer has one of its own.
func TestSpacesClientNonce(t *testing.T) {
	const origin, uri = "http://a.test", "/dir/index.html"
	const known = `realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=auth, algorithm=`
	fresh := 0
	s := Spaces{Credentials: Credentials{"Mufasa", "Circle Of Life"}}
	s.cnonce = func() string {
		fresh++
		return fmt.Sprintf("0a4f113%x", 0xa+fresh)
	}
	first := answered(t, &s, origin, known+"MD5-sess")
	second, _, _ := s.Preempt(origin, Request{Method: "GET", URI: uri})
	s.Renew(second, Info{NextNonce: "n2"})
	third, _, _ := s.Preempt(origin, Request{Method: "GET", URI: uri})
	checkAnswer(t, first.Value, map[string]string{"nc": "00000001", "cnonce": "0a4f113b"})
	checkAnswer(t, second.Value, map[string]string{"nc": "00000002", "cnonce": "0a4f113b", "response": "d16df0df0d92cef8935129145e21b5e1"})
	checkAnswer(t, third.Value, map[string]string{"nc": "00000001", "cnonce": "0a4f113b", "nonce": "n2", "response": "92b7ef648842529670511d2b90311b2a"})

	fresh = 0
	one, two := answered(t, &s, "http://b.test", known+"MD5"), preempt(t, &s, "http://b.test", uri, "cnonce")
	if param(t, one, "cnonce") != "0a4f113b" || two != "0a4f113c" {
		t.Errorf("client nonces are %s and %s; want 0a4f113b and 0a4f113c", param(t, one, "cnonce"), two)
	}
}

func TestSpacesRandomClientNonce(t *testing.T) {
	var s Spaces
	seen := make(map[string]bool)
	seen[param(t, answered(t, &s, "http://a.test", `realm=r, nonce=n, qop=auth`), "cnonce")] = true
	for range 99 {
		seen[preempt(t, &s, "http://a.test", "/", "cnonce")] = true
	}
	if len(seen) != 100 || seen[""] {
		t.Errorf("100 answers have %d client nonces", len(seen))
	}
}

func TestSpacesBounded(t *testing.T) {
	var s Spaces
	origin := func(i int) string { return fmt.Sprintf("http://%d.test", i) }
	for i := range maxSpaces {
		answered(t, &s, origin(i), `realm=r, nonce=n, qop=auth`)
	}
	preempt(t, &s, origin(0), "/", "nonce") // now 1 is the one not used for the longest time
	answered(t, &s, origin(maxSpaces), `realm=r, nonce=n, qop=auth`)
	for i, want := range map[int]string{0: "n", 1: "none", 2: "n", maxSpaces: "n"} {
		if got := preempt(t, &s, origin(i), "/", "nonce"); got != want {
			t.Errorf("nonce for %s is %s; want %s", origin(i), got, want)
		}
	}
	for i := range 1000 {
		answered(t, &s, origin(i), fmt.Sprintf(`realm=r%d, nonce=n`, i))
		answered(t, &s, origin(0), fmt.Sprintf(`realm=r, nonce=n%d`, i))
	}
	if len(s.recent) > maxSpaces {
		t.Errorf("%d spaces are kept; want %d at most", len(s.recent), maxSpaces)
	}
	for _, sp := range s.recent {
		if len(sp.nonces) > maxNonces {
			t.Errorf("%s keeps %d nonces; want %d at most", sp.origin, len(sp.nonces), maxNonces)
		}
	}
}

// Many goroutines are challenged with a few nonces, answer, reuse and renew. No
// nonce goes out twice with the same count, and each answer fits its challenge.
func TestSpacesConcurrent(t *testing.T) {
	const workers, rounds = 32, 50
	s := Spaces{Credentials: Credentials{"u", "p"}}
	var (
		mu    sync.Mutex
		uses  = make(map[string]int)
		group sync.WaitGroup
	)
	note := func(a Answer, err error) error {
		if err != nil {
			return err
		}
		c := Parse([]string{a.Value})
		if len(c) != 1 {
			return errors.New("no credentials: " + a.Value)
		}
		mu.Lock()
		defer mu.Unlock()
		uses[c[0].params["nonce"]+" "+c[0].params["nc"]]++
		return nil
	}
	work := func(w int) error {
		for i := range rounds {
			nonce := fmt.Sprintf("n%d", i%2)
			d, _ := Select(Parse([]string{`Digest realm=r, qop="auth-int", nonce=` + nonce}))
			a, err := s.Answer("http://a.test", d, Request{Method: "GET", URI: "/"})
			if err := note(a, err); err != nil {
				return err
			}
			if !strings.Contains(a.Value, `nonce="`+nonce+`"`) {
				return fmt.Errorf("challenge with nonce %s got %s", nonce, a.Value)
			}
			b, _, err := s.Preempt("http://a.test", Request{Method: "POST", URI: "/", Body: func(w io.Writer) error {
				_, err := io.WriteString(w, "body")
				return err
			}})
			if err := note(b, err); err != nil {
				return err
			}
			if i%10 == w%10 {
				s.Renew(b, Info{NextNonce: fmt.Sprintf("next%d", w%2)})
			}
		}
		return nil
	}
	for w := range workers {
		group.Go(func() {
			if err := work(w); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	total := 0
	for use, times := range uses {
		total += times
		if times != 1 {
			t.Errorf("nonce and count %s went out %d times", use, times)
		}
	}
	if total != 2*workers*rounds {
		t.Errorf("%d answers; want %d", total, 2*workers*rounds)
	}
}
