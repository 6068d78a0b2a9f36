package file

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDivide(t *testing.T) {
	for _, tt := range []struct {
		s    Span
		n    int
		want []Span
	}{
		{Span{0, 10}, 1, []Span{{0, 10}}},
		{Span{0, 10}, 3, []Span{{0, 3}, {3, 6}, {6, 10}}},
		{Span{7, 10}, 3, []Span{{7, 8}, {8, 9}, {9, 10}}},
		{Span{5, 5}, 2, []Span{{5, 5}, {5, 5}}},
	} {
		t.Run(fmt.Sprint(tt.s, tt.n), func(t *testing.T) {
			p := Divide(tt.s, tt.n, 0)
			var got []Span
			for i := range p.list {
				got = append(got, p.At(i).Span)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// TestPieces plays the hands of a download: each step is the name of a method,
// the piece that it is about and what it gives: a piece, -1 for none, or 1 and 0
// for yes and no.
func TestPieces(t *testing.T) {
	type step struct {
		do    string
		piece int
		want  int
	}
	const yes, no, none = 1, 0, -1
	for _, tt := range []struct {
		name  string
		n     int
		steps []step
		sure  int64         // of pieces of ten bytes each
		waits time.Duration // of one second each
	}{
		{name: "all filled", n: 3, sure: 30, steps: []step{
			{"begin", 1, yes}, {"begin", 2, yes}, {"fill", 0, 0}, {"behind", 0, none}, {"next", 0, none}, {"fill", 2, 0}, {"behind", 2, none},
			{"next", 0, none}, {"fill", 1, 0}, {"behind", 1, none}, {"next", 0, none}}},
		{name: "one goes on with what the others have given up", n: 3, sure: 30, steps: []step{
			{"give up", 1, yes}, {"give up", 2, yes}, {"fill", 0, 0}, {"behind", 0, 1}, {"fill", 1, 0}, {"behind", 1, 2}, {"fill", 2, 0}, {"behind", 2, none}, {"next", 0, none}}},
		{name: "one takes over what the others still wait for", n: 3, sure: 30, waits: time.Second, steps: []step{
			{"fill", 0, 0}, {"behind", 0, 1}, {"lost", 1, yes}, {"begin", 1, no}, {"ask", 1, no}, {"fill", 1, 0}, {"behind", 1, 2}, {"fill", 2, 0}, {"begin", 2, no},
			{"behind", 2, none}, {"next", 0, none}, {"next", 0, none}, {"give up", 2, no}}},
		{name: "what was begun is not taken over", n: 2, steps: []step{{"begin", 1, yes}, {"behind", 0, none}, {"lost", 1, no}}},
		{name: "what was given up in the middle is filled from there", n: 2, sure: 20, steps: []step{
			{"begin", 1, yes}, {"fill half", 1, 0}, {"give up", 1, yes}, {"fill", 0, 0}, {"behind", 0, 1}, {"fill", 1, 0}, {"next", 0, none}}},
		{name: "the last one keeps what it has", n: 2, steps: []step{{"give up", 0, yes}, {"give up", 1, no}}},
		{name: "the last one, after another has filled its piece", n: 2, sure: 10, steps: []step{
			{"fill", 0, 0}, {"next", 0, none}, {"give up", 1, no}}},
		{name: "what was given up is taken once", n: 4, sure: 20, steps: []step{
			{"begin", 1, yes}, {"give up", 2, yes}, {"fill", 0, 0}, {"behind", 0, none}, {"next", 0, 2}, {"fill", 1, 0}, {"next", 0, none}}},
		{name: "a gap", n: 3, sure: 15, steps: []step{{"fill", 0, 0}, {"fill half", 1, 0}, {"give up", 1, yes}, {"fill", 2, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				p := Divide(Span{0, 10 * int64(tt.n)}, tt.n, time.Second)
				of := map[int]*Piece{} // as the first hand of each has it
				for i := range tt.n {
					of[i] = p.At(i)
				}
				index := func(x *Piece) int {
					if x == nil {
						return none
					}
					of[-1-x.index] = x
					return x.index
				}
				answer := map[bool]int{true: yes, false: no}
				for i, s := range tt.steps {
					got := s.want
					switch x := of[s.piece]; s.do {
					case "fill":
						p.At(s.piece).At = x.End
					case "fill half":
						x.At += 5
					case "ask":
						got = answer[p.Ask(x, func() {})]
					case "begin":
						got = answer[p.Begin(x)]
					case "lost":
						got = answer[p.Lost(x)]
					case "next":
						got = index(p.Next())
					case "behind":
						got = index(p.Behind(t.Context(), x))
					case "give up":
						got = answer[p.GiveUp(x)]
					}
					require.Equal(t, s.want, got, "step %d: %+v", i, s)
				}
				require.Equal(t, tt.sure, p.Sure())
				require.Equal(t, tt.waits, time.Since(start))
			})
		})
	}
}

// TestPiecesWait is about what ends the wait of a hand for another one.
func TestPiecesWait(t *testing.T) {
	for _, tt := range []struct {
		name      string
		do        func(p *Pieces, cancel func())
		want      bool // it gets the piece
		cancelled bool // so does the other's wait end
		after     time.Duration
	}{
		{name: "begun", do: func(p *Pieces, _ func()) { p.Begin(p.At(1)) }, after: time.Second},
		{name: "given up", do: func(p *Pieces, _ func()) { p.GiveUp(p.At(1)) }, want: true, after: time.Second},
		{name: "another begun", do: func(p *Pieces, _ func()) { p.Begin(p.At(2)) }, want: true, cancelled: true, after: 2 * time.Second},
		{name: "nothing", do: func(*Pieces, func()) {}, want: true, cancelled: true, after: 2 * time.Second},
		{name: "the call has ended", do: func(_ *Pieces, cancel func()) { cancel() }, after: time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := Divide(Span{0, 30}, 3, 2*time.Second)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start, cancelled := time.Now(), false
				p.Ask(p.At(1), func() { cancelled = true })
				time.AfterFunc(time.Second, func() { tt.do(p, cancel) })
				got := p.Behind(ctx, p.At(0))
				require.Equal(t, tt.want, got != nil)
				require.Equal(t, tt.cancelled, cancelled)
				require.Equal(t, tt.after, time.Since(start))
			})
		})
	}
}
