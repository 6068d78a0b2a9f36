package charset

import "unicode/utf8"

// A place is the position of a character that is not a letter.
type place struct {
	before     *glyph // the one before the last
	prev, next *glyph
	inWord     bool // between letters
	opens      bool // before a letter or digit
	closes     bool // behind one
}

var blank = &glyph{kind: space, rune: ' '}

func placeOf(sample []byte, i int, p *page) place {
	l := place{before: blank, prev: blank, next: blank}
	if i > 1 {
		l.before = &p[sample[i-2]]
	}
	if i > 0 {
		l.prev = &p[sample[i-1]]
	}
	if i+1 < len(sample) {
		l.next = &p[sample[i+1]]
	}
	l.closes = l.prev.kind == letter || l.prev.kind == digit
	l.opens = l.next.kind == letter || l.next.kind == digit
	l.inWord = l.prev.kind == letter && l.next.kind == letter
	return l
}

// The cost of symbols. A letter costs about 2.5, and its word some more.
const (
	costUsual   = 4.5 // where it belongs
	costFitting = 5.5
	costRare    = 7
	costOdd     = 10
	costInWord  = 18 // between letters, where it cannot be
)

// symbolCost is the cost of the character at i, which is not a letter. The
// numbers are estimates.
func symbolCost(sample []byte, i int, p *page) float64 {
	g, at := &p[sample[i]], placeOf(sample, i, p)
	switch {
	case g.kind == wrong:
		return costWrong
	case g.kind == box:
		return boxCost(g.rune, at)
	case g.rune < utf8.RuneSelf && at.inWord: // of EBCDIC
		return costInWord - 6
	case g.rune < utf8.RuneSelf:
		return costOdd - 6
	}
	cost, known := punctuationCost(g.rune, at)
	if !known {
		cost, known = signCost(g.rune, at)
	}
	switch {
	case known:
		return cost
	case at.inWord:
		return costInWord
	}
	return costOdd
}

// boxCost is the cost of a part of a drawing, of which one comes seldom alone.
func boxCost(r rune, at place) float64 {
	switch {
	case at.prev.kind == letter || at.next.kind == letter:
		return 12
	case at.prev.rune == r:
		return 1
	case at.prev.kind == box || at.next.kind == box:
		return 5
	}
	return costOdd
}

// punctuationCost is the cost of what may be beside any word, unless it is known
// for no such thing, or not there.
func punctuationCost(r rune, at place) (cost float64, known bool) {
	switch r {
	case '’', '\u00ad', '\u0640':
		if at.opens || at.closes {
			return costUsual, true
		}
		return costRare, true
	case '·':
		ela := at.prev.rune|0x20 == 'l' && at.next.rune|0x20 == 'l' // of Catalan
		return costUsual, ela || !at.inWord
	case '´':
		if at.opens || at.closes {
			return 9, true
		}
		return costRare, true
	case '„', '‚', '¿', '¡':
		return costUsual, at.opens && !at.closes
	case '‘', '“', '‹', '”', '›', '«', '»':
		if at.opens != at.closes || at.prev.kind == symbol || at.next.kind == symbol {
			return costUsual, true
		}
		return costRare, !at.inWord
	case '–', '…':
		if at.inWord {
			return costRare, true
		}
		return costUsual, true
	case '—':
		return costUsual, true
	case '•':
		return costUsual, !at.closes
	case '\u00a0':
		switch {
		case at.inWord:
			return 8, true
		case at.prev.kind == space || at.next.kind == space:
			return costRare, true
		}
		return costUsual, true
	}
	return 0, false
}

// signCost is the cost of a sign, if it is known for it: of what stands beside
// numbers and names.
func signCost(r rune, at place) (cost float64, known bool) {
	switch r {
	case '©':
		if at.next.kind == letter {
			return costRare, !at.closes && !at.next.lower
		}
		return costUsual, !at.closes
	case '®', '™':
		if at.prev.kind == letter && at.next.kind != letter || at.prev.kind == symbol {
			return costUsual, true
		}
		return costRare, true
	case '¹', '²', '³', '°', 'º', 'ª', '½', '¼', '¾', '¢':
		unit := r == '°' || r == 'º' || r == 'ª' // and more may follow
		switch {
		case at.inWord, at.next.kind == letter && !unit:
			return 0, false
		case at.prev.kind == digit, at.prev.rune == 'm', at.prev.kind == space && (at.next.kind != letter || r == '°'):
			return costFitting, true
		case at.prev.kind == letter && at.before.kind == letter: // not as in "n.º" and "x²"
			return 12, true
		}
		return costRare, true
	case '£', '€', '¥', '§', '±', '×', '÷', 'µ', '№', '−', '≈', '≤', '≥':
		if at.prev.kind != letter && at.next.kind != letter {
			return costFitting, true
		}
		return costRare, !at.inWord && (r == 'µ' || !at.next.lower || at.prev.kind == digit)
	case '¤': // nobody writes it: in its place is the euro
		return 11, true
	case '¬', '¶':
		return costRare, at.prev.kind != letter
	case '¨', '¯', '¸', 'ˆ', '˜', '¦':
		return costRare, at.prev.kind != letter && at.next.kind != letter
	case '†', '‡', '‰':
		return costRare, !at.inWord
	}
	return 0, false
}
