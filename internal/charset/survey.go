package charset

import "unicode/utf8"

// A survey is what one encoding of single bytes makes of a sample. It is made
// to be used again.
type survey struct {
	form    float64 // cost of all but the letters: the log of how rare they are where they stand
	words   []word
	letters []letterNumber
	high    int // letters beyond ASCII
}

// A word is a part of the letters of a survey.
type word struct {
	from, to int
	high     bool // has a letter beyond ASCII
}

func (s *survey) reset() {
	s.form, s.high = 0, 0
	s.words, s.letters = s.words[:0], s.letters[:0]
}

// What is unusual costs this, as the log of how much rarer it is.
const (
	costWrong     = 18 // a byte that is no character
	costScripts   = 9  // letters of two scripts side by side
	costDigit     = 4  // a digit beside a letter beyond ASCII
	costCase      = 8  // an upper case letter behind a lower case one
	costUpper     = 1.2
	costTitle     = 0.7
	costOneLetter = 1 // a word of one letter
	costOneThai   = 4
)

// look surveys a sample, which has no markup.
func (s *survey) look(sample []byte, p *page) {
	s.reset()
	for i := 0; i < len(sample); {
		g := &p[sample[i]]
		if g.kind == letter {
			i = s.word(sample, i, p)
			continue
		}
		if g.high {
			s.form += symbolCost(sample, i, p)
		}
		i++
	}
}

// word takes the word of one script that begins at from, and returns its end.
func (s *survey) word(sample []byte, from int, p *page) int {
	first := &p[sample[from]]
	w := word{from: len(s.letters)}
	upper, lower, mixed, wasLower := 0, 0, false, false
	i := from
	for ; i < len(sample); i++ {
		g := &p[sample[i]]
		if g.kind != letter || g.script != first.script && g.script != noScript {
			break
		}
		if g.high {
			w.high = true
			s.high++
		}
		s.letters = append(s.letters, g.number)
		if g.tone != 0 {
			s.letters = append(s.letters, g.tone)
		}
		if g.upper {
			mixed = mixed || wasLower
			upper++
		} else if g.lower {
			lower++
		}
		wasLower = g.lower
	}
	w.to = len(s.letters)
	s.words = append(s.words, w)
	if !w.high {
		return i
	}
	switch {
	case mixed, upper > 1 && lower > 0 && !allButSharp(sample[from:i], p):
		s.form += costCase
	case upper > 1:
		s.form += costUpper
	case upper == 1:
		s.form += costTitle
	}
	switch {
	case i-from != 1:
	case first.script == latin:
		s.form += costOneLetter
	case first.script == thai:
		s.form += costOneThai
	}
	if from > 0 {
		s.form += besideCost(&p[sample[from-1]], first)
	}
	if i < len(sample) {
		s.form += besideCost(&p[sample[i]], &p[sample[i-1]])
	}
	return i
}

// allButSharp reports whether all letters but ß are capitals.
func allButSharp(word []byte, p *page) bool {
	for _, c := range word {
		if p[c].lower && p[c].rune != 'ß' {
			return false
		}
	}
	return true
}

// besideCost is the cost of what stands beside a word, whose nearest letter is
// edge.
func besideCost(beside, edge *glyph) float64 {
	switch {
	case beside.kind == letter: // another script
		return costScripts
	case beside.kind == digit && edge.high && edge.script != thai && edge.script != arabic && edge.script != hebrew:
		return costDigit
	}
	return 0
}

// symbolCost is the cost of the character at i, which is no letter.
func symbolCost(sample []byte, i int, p *page) float64 {
	g, prev, next := &p[sample[i]], blank, blank
	if i > 0 {
		prev = &p[sample[i-1]]
	}
	if i+1 < len(sample) {
		next = &p[sample[i+1]]
	}
	switch g.kind {
	case wrong:
		return costWrong
	case box:
		switch {
		case prev.kind == letter || next.kind == letter:
			return 12
		case prev.rune == g.rune:
			return 1
		case prev.kind == box || next.kind == box:
			return 5
		}
		return 10
	}
	inWord := prev.kind == letter && next.kind == letter
	beforeWord := next.kind == letter || next.kind == digit
	behindWord := prev.kind == letter || prev.kind == digit
	const usual, rare = 4.5, 7
	cost := 10.0
	if inWord {
		cost = 18
	}
	switch g.rune {
	case '’', '\u00ad', '·', '\u0640':
		if inWord || behindWord || beforeWord {
			return usual
		}
		return rare
	case '„', '‚':
		if beforeWord && !behindWord {
			return usual
		}
		return cost
	case '‘', '“', '‹', '”', '›', '«', '»':
		if inWord {
			return cost
		}
		if behindWord != beforeWord || prev.kind == symbol || next.kind == symbol {
			return usual
		}
		return rare
	case '¿', '¡':
		if beforeWord && !behindWord {
			return usual
		}
		return cost
	case '\u00a0':
		switch {
		case inWord:
			return 8
		case prev.kind == space || next.kind == space:
			return rare
		}
		return usual
	case '´':
		if behindWord || beforeWord {
			return 9
		}
		return rare
	case '•':
		if behindWord {
			return cost
		}
		return usual
	case '–', '—', '…':
		if prev.kind == letter && next.kind == letter && g.rune != '—' {
			return rare
		}
		return usual
	case '©':
		switch {
		case behindWord, next.lower:
			return cost
		case next.kind == letter:
			return rare
		}
		return usual
	case '®', '™':
		if prev.kind == letter && next.kind != letter || prev.kind == symbol {
			return usual
		}
		return rare
	case '¹', '²', '³', '°', 'º', 'ª', '½', '¼', '¾', '¢':
		switch {
		case inWord, next.kind == letter && g.rune != '°' && g.rune != 'º' && g.rune != 'ª':
			return cost
		case prev.kind == digit, prev.rune == 'm', prev.kind == space && (next.kind != letter || g.rune == '°'):
			return 5.5
		case prev.kind == letter && (i < 2 || p[sample[i-2]].kind != letter): // n.º, x²
			return rare
		case prev.kind == letter:
			return 12
		}
		return rare
	case '£', '€', '¥', '§', '±', '×', '÷', 'µ', '№', '−', '≈', '≤', '≥':
		switch {
		case inWord:
			return cost
		case prev.kind != letter:
			return 5.5
		}
		return rare
	case '¤':
		return 11
	case '¨', '¯', '¸', 'ˆ', '˜', '¦', '¬', '¶':
		if prev.kind != letter {
			return rare
		}
	case '†', '‡', '‰':
		if !inWord {
			return rare
		}
	}
	if g.high && g.rune < utf8.RuneSelf {
		return cost - 6
	}
	return cost
}

var blank = &glyph{kind: space, rune: ' '}
