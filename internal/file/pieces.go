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

// A Piece is one of the spans that a file is divided into. It belongs to the
// hand that has it from a method of [Pieces], until that gives it up or has lost it.
type Piece struct {
	Span
	index  int
	state  pieceState
	cancel context.CancelFunc // ends what a hand waits for
}

type pieceState int

const (
	free  pieceState = iota // nobody has it
	asked                   // a hand has it, and nothing has come of it yet
	begun                   // a hand fills it, or has filled it
	lost                    // another hand has it, as another Piece
)

// Pieces are spans that lie behind each other and are filled by several hands
// at once. A hand that cannot fill its piece gives it up to the others; the
// last hand keeps what it has.
type Pieces struct {
	patience time.Duration // with a hand to which nothing has come yet

	mu      sync.Mutex
	list    []*Piece
	hands   int
	changed chan struct{} // closed when a state has changed
}

// Divide divides s, whose end is known, into n pieces for as many hands, each
// of which has one. n is 1 or more. The patience is that of [Pieces.Behind].
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

// Ask notes that cancel ends what the hand of x waits for. It reports false if
// x is lost.
func (p *Pieces) Ask(x *Piece, cancel context.CancelFunc) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.cancel = cancel
	return x.state != lost
}

// Begin notes that the hand of x is about to fill it, so that it cannot lose it
// any more. It reports false if it has lost it already.
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

// Next gives a hand that has filled its piece, or lost it, one that was given
// up. It returns nil if there is none, and then the hand must leave.
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

// Behind gives a hand, to fill it at once, the piece behind x, if that was given
// up or if nothing comes of it: it waits a while until that is known. It returns
// nil if somebody fills it, and then the hand may still ask for the Next.
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

// behind returns what Behind does or, if that is not known yet and it is not
// late, what to wait for.
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
	p.patience = 0 // it was tried enough
	p.change(y, lost)
	if y.cancel != nil {
		y.cancel()
	}
	mine := &Piece{Span: y.Span, index: y.index, state: begun}
	p.list[mine.index] = mine
	return mine, nil
}

// GiveUp takes x from a hand that cannot fill it, which must leave then. It
// reports false if there is no other hand: x stays with this one.
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

// Sure returns the offset up to which the file is filled without a gap. All
// hands must have left.
func (p *Pieces) Sure() int64 {
	sure := p.list[0].At
	for i := 1; i < len(p.list) && p.list[i-1].At == p.list[i-1].End; i++ {
		sure = p.list[i].At
	}
	return sure
}
