package charset

import (
	_ "embed"
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// modelData has a language on each line: its name, its alphabet, and how likely
// each letter is to follow each other, see levelsOf. Alphabets are in the order
// of Unicode and levels are digits, so that no words arise by chance.
// TestModels writes it.
//
//go:embed models.txt
var modelData string

// Probabilities are logarithms in levels of this size, which is that of
// modelData.
const level = 0.12

// lastLevel is the level of a practically impossible pair.
const lastLevel = 93

// unknown is the level of a letter that a language does not have.
const unknown = 100

// A model is a language, described by which letter follows which.
type model struct {
	index  []uint8 // of a letter in the alphabet, by its number; 0 is none
	size   int     // of the alphabet with the edge of a word, which is 0
	levels []byte  // of all pairs
}

// next returns the level at which the letter b follows a, by their indexes.
func (m *model) next(a, b uint8) int { return int(m.levels[int(a)*m.size+int(b)]) }

// word returns the level of a whole word, by the numbers of its letters.
func (m *model) word(letters []letterNumber) int {
	sum, prev := 0, uint8(0)
	for _, l := range letters {
		i := m.index[l]
		if i == 0 {
			sum += unknown
		} else {
			sum += m.next(prev, i)
		}
		prev = i
	}
	return sum + m.next(prev, 0)
}

// anyWestern stands for Western languages without a model.
const anyWestern = "western"

// average returns the average of several models.
func (l *library) average(names string) *model {
	var chances [lastLevel + 1]float64
	for i := range chances {
		chances[i] = math.Exp(-level * float64(i))
	}
	all := &model{index: make([]uint8, len(l.numbers)+1), size: 1}
	letters := []letterNumber{0}
	for name := range strings.FieldsSeq(names) {
		for number, i := range l.models[name].index {
			if i != 0 && all.index[number] == 0 && all.size < math.MaxUint8 {
				all.index[number] = uint8(all.size)
				letters = append(letters, letterNumber(number))
				all.size++
			}
		}
	}
	sums := make([]float64, all.size*all.size)
	for name := range strings.FieldsSeq(names) {
		m := l.models[name]
		for a, x := range letters {
			for b, y := range letters {
				i, j := m.index[x], m.index[y]
				if (a == 0 || i != 0) && (b == 0 || j != 0) {
					sums[a*all.size+b] += chances[m.next(i, j)]
				}
			}
		}
	}
	levels := make([]byte, len(sums))
	for a := range letters {
		row := sums[a*all.size : (a+1)*all.size]
		total := 0.0
		for _, sum := range row {
			total += sum
		}
		for b, sum := range row {
			p := (sum + total/1000) / (total * (1 + float64(all.size)/1000))
			levels[a*all.size+b] = byte(max(0, min(int(-math.Log(p)/level), lastLevel)))
		}
	}
	all.levels = levels
	return all
}

// reversed returns the model of a language that is written backwards, as Hebrew
// is where the letters are in the order of the screen (RFC 1556).
func (m *model) reversed() *model {
	share := make([]float64, m.size) // of letters in all of the text
	for i := range share {
		share[i] = 1 / float64(m.size)
	}
	for range 30 { // until it stays the same
		next := make([]float64, m.size)
		sum := 0.0
		for a := range share {
			for b := range share {
				p := share[a] * math.Exp(-level*float64(m.next(uint8(a), uint8(b))))
				next[b] += p
				sum += p
			}
		}
		for i := range next {
			next[i] /= sum
		}
		share = next
	}
	levels := make([]byte, 0, m.size*m.size)
	for a := range share {
		for b := range share {
			n := float64(m.next(uint8(b), uint8(a))) - math.Log(share[b]/share[a])/level
			levels = append(levels, byte(max(0, min(int(n), lastLevel))))
		}
	}
	return &model{index: m.index, size: m.size, levels: levels}
}

// A letterNumber is the number of a letter that some model has. 0 is a letter
// that none has.
type letterNumber uint16

// A library has the models of all languages.
type library struct {
	numbers    map[rune]letterNumber
	models     map[string]*model
	characters map[string][]rune // the most frequent first, of languages with very many
}

var languages = sync.OnceValue(func() *library {
	l := readModels(modelData)
	l.models["he-visual"] = l.models["he"].reversed()
	l.models[anyWestern] = l.average(western)
	return l
})

// readModels reads a file of models.
func readModels(data string) *library {
	l := &library{
		numbers:    make(map[rune]letterNumber),
		models:     make(map[string]*model),
		characters: make(map[string][]rune),
	}
	alphabets := make(map[string]string)
	for line := range strings.Lines(data) {
		fields := strings.Fields(line)
		if len(fields) == 2 {
			l.characters[fields[0]] = []rune(fields[1])
			continue
		}
		alphabets[fields[0]] = fields[1]
		l.models[fields[0]] = &model{levels: levelsOf(fields[2])}
		for _, r := range fields[1] {
			if _, ok := l.numbers[r]; !ok {
				l.numbers[r] = letterNumber(len(l.numbers) + 1)
			}
		}
	}
	for language, m := range l.models {
		m.index = make([]uint8, len(l.numbers)+1)
		m.size = 1
		for _, r := range alphabets[language] {
			m.index[l.numbers[r]] = uint8(m.size)
			m.size++
		}
	}
	return l
}

// levelsOf reads levels of two digits, or a dash for the last.
func levelsOf(text string) []byte {
	levels := make([]byte, 0, (len(text)+strings.Count(text, "-"))/2)
	for i := 0; i < len(text); i++ {
		if text[i] == '-' {
			levels = append(levels, lastLevel)
			continue
		}
		levels = append(levels, 10*(text[i]-'0')+text[i+1]-'0')
		i++
	}
	return levels
}

// fold maps letters that readers take for the same to one of them.
func fold(r rune) rune {
	switch r = unicode.ToLower(r); r {
	case 'ș':
		return 'ş'
	case 'ț':
		return 'ţ'
	case 'ی', 'ى':
		return 'ي'
	case 'ک':
		return 'ك'
	}
	return r
}

// asciiNumbers has the numbers of the letters of ASCII.
var asciiNumbers = sync.OnceValue(func() *[utf8.RuneSelf]letterNumber {
	var all [utf8.RuneSelf]letterNumber
	for r := range all {
		all[r] = languages().numbers[fold(rune(r))]
	}
	return &all
})

// rankCost is the cost of a character by its rank, by Zipf's law.
func rankCost(rank int) float64 { return -math.Log(0.16 / (float64(rank) + 8)) }
