package file

import (
	"context"
	"sync"
	"time"
)

// A Span is a range of a file that is being filled.
type Span struct {
	At  int64 // where the next byte goes
	End int64 // -1 if it is unknown
}

// A Piece is one of the spans into which a file is divided. It belongs to the
// hand that received it from a method of [Pieces], until that hand gives it up
// or loses it.
type Piece struct {
	Span
	index  int
	state  pieceState
	cancel context.CancelFunc // ends the request of its hand
}

type pieceState int

const (
	free  pieceState = iota // no hand has it
	asked                   // a hand has it, and has received no bytes yet
	begun                   // a hand fills it or has filled it
	lost                    // another hand has taken it over, as a new Piece
)

// Pieces are consecutive spans of a file that several hands, goroutines with a
// request each, fill at once. A hand that cannot fill its piece gives it up to the
// others; the last hand keeps its piece.
type Pieces struct {
	patience time.Duration // how long Behind waits

	mu      sync.Mutex
	list    []*Piece
	hands   int
	changed chan struct{} // closed when the state of a piece changes
}

// Divide divides s, whose end is known, into n pieces, one for each of n hands. n
// is 1 or more. patience is how long [Pieces.Behind] waits.
func Divide(s Span, n int, patience time.Duration) *Pieces {
	p := &Pieces{patience: patience, list: make([]*Piece, n), hands: n, changed: make(chan struct{})}
	each := (s.End - s.At) / int64(n)
	for i := range p.list {
		at := s.At + int64(i)*each
		p.list[i] = &Piece{Span: Span{at, at + each}, index: i, state: asked}
	}
	p.list[n-1].End = s.End
	return p
}

// At returns the piece i, counted from 0.
func (p *Pieces) At(i int) *Piece { return p.list[i] }

// Ask notes that cancel ends the request of the hand of x. It reports false if x
// is lost.
func (p *Pieces) Ask(x *Piece, cancel context.CancelFunc) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.cancel = cancel
	return x.state != lost
}

// Begin notes that bytes of x have come, so that its hand cannot lose it any more.
// It reports false if x is lost already.
func (p *Pieces) Begin(x *Piece) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.state == lost {
		return false
	}
	p.change(x, begun)
	return true
}

// Lost reports whether another hand has taken x over.
func (p *Pieces) Lost(x *Piece) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return x.state == lost
}

// Next gives a hand that has filled or lost its piece another one that was given
// up. It returns nil if there is none; the hand must then stop.
func (p *Pieces) Next() *Piece {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.list {
		if x.state == free {
			p.change(x, asked)
			return x
		}
	}
	p.hands--
	return nil
}

// Behind is for a hand that has filled x and whose response goes on. It gives
// it the piece behind x if that was given up, or if its hand has received no
// bytes within the patience. It returns nil if the piece is being filled; the
// hand may then call Next.
func (p *Pieces) Behind(ctx context.Context, x *Piece) *Piece {
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	for late := false; ; {
		y, changed := p.behind(x, late)
		if changed == nil {
			return y
		}
		select {
		case <-changed:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return nil
		}
	}
}

// behind returns the piece behind x if this hand may have it, or else what to
// wait for. If it is late, there is nothing to wait for.
func (p *Pieces) behind(x *Piece, late bool) (*Piece, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.index+1 == len(p.list) {
		return nil, nil
	}
	y := p.list[x.index+1]
	switch {
	case y.state == free:
		p.change(y, begun)
		return y, nil
	case y.state == begun:
		return nil, nil
	case !late:
		return nil, p.changed
	}
	p.patience = 0 // the server is slow to answer several requests: do not wait again
	p.change(y, lost)
	if y.cancel != nil {
		y.cancel()
	}
	mine := &Piece{Span: y.Span, index: y.index, state: begun}
	p.list[mine.index] = mine
	return mine, nil
}

// GiveUp takes x from a hand that cannot fill it; the hand must then stop. It
// reports false if there is no other hand, and x stays with this one.
func (p *Pieces) GiveUp(x *Piece) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hands == 1 {
		return false
	}
	p.hands--
	p.change(x, free)
	return true
}

// change sets the state of x and wakes those who wait for that.
func (p *Pieces) change(x *Piece, s pieceState) {
	x.state = s
	close(p.changed)
	p.changed = make(chan struct{})
}

// Sure returns the offset up to which the file has no gap. All hands must have
// stopped.
func (p *Pieces) Sure() int64 {
	sure := p.list[0].At
	for i := 1; i < len(p.list) && p.list[i-1].At == p.list[i-1].End; i++ {
		sure = p.list[i].At
	}
	return sure
}
