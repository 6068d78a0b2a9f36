package charset

import (
	"math"
	"strings"
	"sync"
)

// A contender is a candidate with its page and models.
type contender struct {
	candidate
	page    *page
	models  []*model
	unnamed int // which of them is anyWestern, if not -1
	latin   bool
	plain   bool // does not need letters beyond ASCII
}

var contenders = sync.OnceValue(func() []*contender { return contendersOf(candidates) })

func contendersOf(candidates []candidate) (all []*contender) {
	for _, c := range candidates {
		x := &contender{candidate: c, page: pageOf(c.charset, c.languages == "vi")}
		x.unnamed = -1
		for language := range strings.FieldsSeq(c.languages) {
			if language == anyWestern {
				x.unnamed = len(x.models)
			}
			x.models = append(x.models, languages().models[language])
		}
		x.plain = c.charset == "windows-1252" || x.page['@'].rune != '@'
		x.latin = x.models[0].index[languages().numbers['e']] != 0
		all = append(all, x)
	}
	return all
}

// As in browsers, windows-1252 is the encoding without evidence: the fewer
// letters beyond ASCII there are, the more any other encoding costs, and most
// if there are none.
const (
	thinCost     = 4
	noLetterCost = 25
	formCost     = 0.9
)

// The cost of a word in another language than the text, in levels.
const (
	ownWord     = 3  // it is not
	englishWord = 10 // one of ASCII, which may be English, or a name
	foreignWord = 22 // one beyond ASCII, in another language of the encoding
)

// unnamedLanguage is the cost of a text in none of the languages.
const unnamedLanguage = 50

// cost returns how improbable the sample is in the encoding, as the negative
// logarithm, for the language with the lowest cost.
func (c *contender) cost(s *survey, sample []byte) float64 {
	s.look(sample, c.page)
	generic := languages().models["en"]
	sums := make([]int, len(c.models))
	if c.unnamed >= 0 {
		sums[c.unnamed] = unnamedLanguage
	}
	costs := make([]int, len(c.models))
	for _, w := range s.words {
		letters := s.letters[w.from:w.to]
		if !w.high {
			any := generic.word(letters)
			for i, m := range c.models {
				if !c.latin {
					sums[i] += any + 2*englishWord
				} else {
					sums[i] += min(m.word(letters)+ownWord, any+englishWord)
				}
			}
			continue
		}
		least := math.MaxInt
		for i, m := range c.models {
			costs[i] = m.word(letters)
			if i != c.unnamed {
				least = min(least, costs[i])
			}
		}
		for i := range sums {
			sums[i] += min(costs[i], least+foreignWord)
		}
	}
	best := math.MaxInt
	for _, sum := range sums {
		best = min(best, sum)
	}
	total := float64(best)*level + s.form - c.prior
	if c.charset == "cp864" { // which has most letters in several forms
		total += formCost * float64(s.high)
	}
	if !c.plain {
		total += thinCost / float64(max(s.high, 1))
		if s.high == 0 {
			total += noLetterCost
		}
	}
	return total
}

// guess returns the name of the candidate in which b makes the likeliest text:
// for which the product of the probabilities of its letters, each given the
// letter before, is highest. The neighbours of a letter or symbol and the case
// of letters have costs set by hand, in symbolCost and survey.go.
func guess(b []byte) string {
	text := sample(b)
	if len(text) <= enough*3/2 {
		best, _ := likeliest(text, nil)
		return best
	}
	_, costs := likeliest(text[:enough], nil)
	best, _ := likeliest(text, costs)
	return best
}

// enough is how much of a sample rules out a candidate, namely one that is
// behind by hopeless.
const (
	enough   = 640
	hopeless = 40
)

// likeliest returns the best candidate for a sample and the costs of all. It
// skips those that were hopeless in costs before.
func likeliest(text []byte, before map[string]float64) (best string, costs map[string]float64) {
	limit := math.Inf(1)
	for _, cost := range before {
		limit = min(limit, cost+hopeless)
	}
	costs = make(map[string]float64)
	least := math.Inf(1)
	consider := func(name string, cost func() float64) {
		if before[name] > limit {
			return
		}
		c := cost()
		costs[name] = c
		if c < least {
			best, least = name, c
		}
	}
	var s survey
	for _, c := range contenders() {
		consider(c.charset, func() float64 { return c.cost(&s, text) })
	}
	for i, m := range multibytes {
		consider(m.charset, func() float64 { return multibyteCost(i, text) })
	}
	return best, costs
}
