package requests

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// echo answers with what the tests of sharing look at.
func echo(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "served", Value: r.Header.Get("X-Caller")})
		io.WriteString(w, r.Header.Get("X-Base")+" "+r.Header.Get("X-Caller")+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestSharedSession is B243, to be run by the race detector: calls, derived
// sessions, cookies and option values are used by many goroutines at once, and
// none sees what another has set.
func TestSharedSession(t *testing.T) {
	url := echo(t)
	s := NewSession(Headers{"X-Base": "base"}, Params{"p": "1"})
	defer s.Close()
	shared := Headers{"X-Shared": "1"} // one value in many calls
	retry, form := Retry{Total: 1}, Form{"k": "v"}
	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			me := strconv.Itoa(i)
			token := BearerAuth(me)
			derived := s.With(Headers{"X-Caller": me}, token, Proxies{"all": ""})
			for range 5 {
				want := "base " + me + " Bearer " + me + " k=v"
				r, err := s.Post(bg, url, shared, Headers{"X-Caller": me}, token, retry, form, Cookies{"mine": me})
				if err != nil || r.Text() != want {
					t.Errorf("got %v, %v; want %q", r, err, want)
				}
				if r, err = derived.Post(bg, url, shared, retry, form); err != nil || r.Text() != want {
					t.Errorf("derived: got %v, %v; want %q", r, err, want)
				}
				derived.Headers.Set("X-Own", me) // its own copy
				if err := s.Cookies.Set("c"+me, me); err != nil {
					t.Error(err)
				}
				s.Cookies.Get("served")
				s.Cookies.Delete("c" + me)
			}
		})
	}
	calls.Wait()
	if got := s.Headers.Get("X-Caller") + s.Headers.Get("X-Own") + s.Headers.Get("Authorization"); got != "" {
		t.Errorf("the session has %q of the derived ones", got)
	}
	if len(shared) != 1 || len(form) != 1 {
		t.Errorf("the options have become %v and %v", shared, form)
	}
}

// TestSharedRequest is B244: a request, prepared or not, may be used again and
// by many at once, but for a body that can be read only once.
func TestSharedRequest(t *testing.T) {
	url := echo(t)
	s := NewSession()
	defer s.Close()
	request := NewRequest("POST", url, Headers{"X-Caller": "r"}, Text("body"))
	p, err := s.Prepare(bg, request)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			own, err := s.Prepare(bg, request)
			if err != nil {
				t.Error(err)
				return
			}
			own.Header.Set("X-Base", "own")
			for _, tt := range []struct {
				p    *PreparedRequest
				want string
			}{{p, " r  body"}, {own, "own r  body"}, {p, " r  body"}} {
				if r, err := s.Send(bg, tt.p); err != nil || r.Text() != tt.want {
					t.Errorf("got %v, %v; want %q", r, err, tt.want)
				}
			}
		})
	}
	calls.Wait()
	if len(p.Header["Cookie"]) > 0 {
		t.Errorf("the request has become one with %q", p.Header["Cookie"])
	}

	t.Run("B244 a body that is gone", func(t *testing.T) {
		p, err := s.Prepare(bg, NewRequest("POST", url, Reader(io.MultiReader(strings.NewReader("body")))))
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 4)
		for range cap(errs) {
			calls.Go(func() {
				r, err := s.Send(bg, p)
				if err == nil && !strings.HasSuffix(r.Text(), " body") {
					t.Errorf("the server got %q", r.Text())
				}
				errs <- err
			})
		}
		calls.Wait()
		sent := 0
		for range cap(errs) {
			switch err := <-errs; {
			case err == nil:
				sent++
			case !errors.Is(err, ErrBodyNotReplayable):
				t.Errorf("error %v; want ErrBodyNotReplayable", err)
			}
		}
		if sent != 1 {
			t.Errorf("%d of the sends brought the body; want 1", sent)
		}
	})
}
