package requests

import (
	"context"
	"strings"
	"testing"
)

// TestUnclosed is B246: a call that is not streamed has nothing to be closed;
// a streamed response that nobody closes holds one connection, which Stats
// tells and the end of its context frees, and keeps no other call waiting.
func TestUnclosed(t *testing.T) {
	const large = 1 << 20 // more than the buffers on the way hold
	f := newFaulty(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", large)))
	t.Run("B246 not streamed", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a)
		for range 5 {
			if r, err := s.Get(bg, f.url()); err != nil || len(r.Content()) != large {
				t.Fatal(r, err)
			}
		}
		if got := statsOf(a, unused); got.Dialed != 1 || got.Idle != 1 {
			t.Errorf("Stats() = %+v; want one connection, used five times and idle", got)
		}
	})
	t.Run("B246 streamed", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a, Stream(true))
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		const held = 3
		for range held {
			if _, err := s.Get(ctx, f.url()); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.Get(bg, f.url(), Stream(false))
		if err != nil || len(r.Content()) != large {
			t.Fatal(r, err)
		}
		want := Stats{Open: held + 1, Idle: 1, Dialed: held + 1}
		if got := statsOf(a, func(s Stats) bool { return s == want }); got != want {
			t.Errorf("Stats() = %+v; want %+v", got, want)
		}
		cancel()
		if got := statsOf(a, unused); got.Open-got.Idle != 0 {
			t.Errorf("after the end of the context Stats() = %+v; want no connection in use", got)
		}
	})
	t.Run("B246 read to the end", func(t *testing.T) {
		a := new(HTTPAdapter)
		s := over(t, a, Stream(true))
		for range 3 {
			r, err := s.Get(bg, f.url())
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range r.IterContent(64 << 10) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := statsOf(a, unused); got.Dialed != 1 || got.Idle != 1 {
			t.Errorf("Stats() = %+v; want one connection, idle without a Close", got)
		}
	})
}
