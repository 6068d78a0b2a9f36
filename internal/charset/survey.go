package charset

// A survey is how a sample reads in one single-byte encoding. It can be reused.
type survey struct {
	form    float64 // cost of everything but letters: the log of how rare they are in their places
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

// The cost of unusual things, as the log of how much rarer they are.
const (
	costWrong     = 18 // a byte that is not a character
	costScripts   = 9  // letters of two scripts side by side
	costDigit     = 4  // a digit beside a letter beyond ASCII
	costCase      = 8  // an upper case letter behind a lower case one
	costUpper     = 1.2
	costTitle     = 0.7
	costOneLetter = 1 // a word of one letter
	costOneThai   = 4
)

// look surveys a sample without markup.
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

// word adds the word of one script that begins at from, and returns its end.
func (s *survey) word(sample []byte, from int, p *page) int {
	w := word{from: len(s.letters)}
	script := p[sample[from]].script
	i := from
	for ; i < len(sample); i++ {
		g := &p[sample[i]]
		if g.kind != letter || g.script != script && g.script != noScript {
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
	}
	w.to = len(s.letters)
	s.words = append(s.words, w)
	if w.high {
		s.form += wordCost(sample, from, i, p)
	}
	return i
}

// wordCost is the cost of the form of a word and of its neighbours.
func wordCost(sample []byte, from, to int, p *page) float64 {
	cost := caseCost(sample[from:to], p)
	switch script := p[sample[from]].script; {
	case to-from != 1:
	case script == latin:
		cost += costOneLetter
	case script == thai:
		cost += costOneThai
	}
	if from > 0 {
		cost += besideCost(&p[sample[from-1]], &p[sample[from]])
	}
	if to < len(sample) {
		cost += besideCost(&p[sample[to]], &p[sample[to-1]])
	}
	return cost
}

// caseCost is the cost of the capitals in a word.
func caseCost(word []byte, p *page) float64 {
	upper, lower, sharp, mixed, wasLower := 0, 0, 0, false, false
	for _, c := range word {
		g := &p[c]
		switch {
		case g.upper:
			mixed = mixed || wasLower
			upper++
		case g.rune == 'ß': // which usually has no capital
			sharp++
		case g.lower:
			lower++
		}
		wasLower = g.lower
	}
	switch {
	case mixed && lower > 0, upper > 1 && lower > 0:
		return costCase
	case upper > 1:
		return costUpper
	case upper == 1:
		return costTitle
	}
	return 0
}

// besideCost is the cost of the neighbour of a word whose nearest letter is
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
