package requests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestRetryBudgetOfCallsWithoutRetry: they are requests, too, and earn retries
// for the others.
func TestRetryBudgetOfCallsWithoutRetry(t *testing.T) {
	f := newFaulty(t, answering(busyAnswer))
	a := &HTTPAdapter{RetryBudget: 0.5}
	s := over(t, a)
	once := Retry{Total: 1, StatusCodes: []int{503}}
	s.Get(bg, f.url(), Retry{Total: 100, StatusCodes: []int{503}}) // spends what is free
	f.requests.Store(0)
	s.Get(bg, f.url(), once)
	if n := f.requests.Load(); n != 1 {
		t.Fatalf("%d requests with nothing left; want no retry", n)
	}
	for range 4 {
		s.Get(bg, f.url())
	}
	f.requests.Store(0)
	s.Get(bg, f.url(), once)
	if n := f.requests.Load(); n != 2 {
		t.Errorf("%d requests after four that asked for no retry; want one retry, which they have earned", n)
	}
}

// TestRetryBudget lets through ten retries, and from then on a share of the requests.
func TestRetryBudget(t *testing.T) {
	f := newFaulty(t, answering(busyAnswer))
	a := &HTTPAdapter{Retry: Retry{Total: 1, StatusCodes: []int{503}}, RetryBudget: 0.25}
	s := over(t, a)
	for range 40 {
		_, err := s.Get(bg, f.url())
		isAll(t, err, ErrRetriesExhausted)
	}
	if n := f.requests.Load() - 40; n < 18 || n > 20 {
		t.Errorf("%d retries of 40 requests; want some ten and a quarter", n)
	}
}

// TestRetriesOfMany is A230, A232 and A234: every attempt sends the body and the
// fields of its own request, whatever others do.
func TestRetriesOfMany(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string][]string)
	f := newFaulty(t, func(_ *faulty, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			mu.Lock()
			seen[r.URL.Path] = append(seen[r.URL.Path], string(body)+r.Header.Get("Cookie"))
			n := len(seen[r.URL.Path])
			mu.Unlock()
			if n < 3 {
				io.WriteString(c, busyAnswer)
			} else {
				io.WriteString(c, okAnswer)
			}
		}
	})
	s := over(t, new(HTTPAdapter), Retry{Total: 3, StatusCodes: []int{503}})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := fmt.Sprint("/", i)
			body := []Option{Text(id), Reader(strings.NewReader(id)), Form{"id": id}}[i%3]
			if _, err := s.Put(bg, f.url()+id, body, Cookies{"own": "1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 40 {
		id := fmt.Sprint("/", i)
		want := []string{id, id, "id=%2F" + id[1:]}[i%3] + "own=1"
		for _, got := range seen[id] {
			if got != want {
				t.Errorf("an attempt for %s had %q; want %q", id, got, want)
			}
		}
		if len(seen[id]) != 3 {
			t.Errorf("%d attempts for %s; want 3", len(seen[id]), id)
		}
	}
}
