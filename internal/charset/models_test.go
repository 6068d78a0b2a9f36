package charset

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/go-requests/requests/internal/suite"
)

var (
	modelTexts  = flag.String("texts", "", "hold that models.txt is what the texts in this `folder` make")
	writeModels = flag.Bool("update", false, "with -texts: write models.txt")
)

// TestModels makes the models, or holds that they are what it makes. It reads a
// folder of texts in UTF-8, one file a language (de.txt, ru.txt, zh-tw.txt…), and
// counts which letter follows which:
//
//	go test -run TestModels ./internal/charset -texts /path/to/texts -update
//
// The texts of today's models were translations of free software, of its
// manuals, of games and of the Universal Declaration of Human Rights,
// collections of quotations, and lists of the words of film subtitles, a word as
// often as its rank makes it likely. Without the flags it looks for slips in the
// tables, and in what it makes of other texts.
func TestModels(t *testing.T) {
	if *modelTexts != "" {
		made := makeModels(t, *modelTexts)
		if *writeModels {
			if err := os.WriteFile("models.txt", []byte(made), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if made != modelData {
			t.Error("models.txt is not what these texts make: -update writes it")
		}
		return
	}
	checkModels(t, modelData, languages())
	other := makeModels(t, filepath.Join("testdata", "texts"))
	checkModels(t, other, readModels(other))
	for _, c := range slices.Concat(candidates, ebcdicPages) {
		if name, ok := Lookup(c.charset); !ok || name != c.charset {
			t.Errorf("candidate %q is no name", c.charset)
		}
		for language := range strings.FieldsSeq(c.languages) {
			m := languages().models[language]
			if m == nil || m.size < 20 || len(m.levels) != m.size*m.size {
				t.Errorf("%s: language %q has no model, or a bad one", c.charset, language)
			}
		}
	}
	for _, m := range multibytes {
		if name, ok := Lookup(m.charset); !ok || name != m.charset || len(languages().characters[m.language]) < 500 {
			t.Errorf("%s: it is no name, or language %q has no characters", m.charset, m.language)
		}
	}
}

// checkModels looks at the text of models, and at what is read of it.
func checkModels(t *testing.T, text string, l *library) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		if letters := []rune(fields[1]); !slices.IsSorted(letters) || len(slices.Compact(letters)) < len([]rune(fields[1])) {
			t.Errorf("%s: the letters %s are not in order", fields[0], fields[1])
		}
		if written := writeLevels(levelsOf(fields[2])); written != fields[2] {
			t.Errorf("%s: the levels are written otherwise: %s", fields[0], written)
		}
	}
	for language, m := range l.models {
		for a := range m.size {
			sum := 0.0
			for b := range m.size {
				sum += math.Exp(-level * float64(m.next(uint8(a), uint8(b))))
			}
			if sum < 0.8 || sum > 1.3 {
				t.Errorf("%s: what follows letter %d has the probability %.2f; want 1", language, a, sum)
			}
		}
	}
}

// makeModels makes the models of the texts in a folder.
func makeModels(t *testing.T, folder string) string {
	names, _ := filepath.Glob(filepath.Join(folder, "*.txt"))
	var lines strings.Builder
	for _, name := range names {
		language := strings.TrimSuffix(filepath.Base(name), ".txt")
		text := string(suite.File(t, name))
		if n, ok := manyCharacters[language]; ok {
			lines.WriteString(language + " " + commonest(text, n) + "\n")
		} else {
			letters, levels := countPairs(language, text)
			lines.WriteString(language + " " + letters + " " + writeLevels(levels) + "\n")
		}
	}
	return lines.String()
}

// writeLevels writes what levelsOf reads.
func writeLevels(levels []byte) string {
	var b strings.Builder
	for _, n := range levels {
		if n == lastLevel {
			b.WriteByte('-')
		} else {
			fmt.Fprintf(&b, "%02d", n)
		}
	}
	return b.String()
}

// manyCharacters has how many characters are kept of languages of so many that
// pairs of them would need very large tables.
var manyCharacters = map[string]int{"zh": 1600, "zh-tw": 1600, "ja": 1200, "ko": 1000}

// commonest returns the n most frequent characters, the most frequent first.
func commonest(text string, n int) string {
	counts := make(map[rune]int)
	for _, r := range text {
		if r > 0x3000 && r < 0xa000 || r >= 0xac00 && r < 0xd7a4 || r >= 0xff00 && r < 0xff61 {
			counts[r]++
		}
	}
	return string(byCount(counts)[:min(n, len(counts))])
}

// byCount returns runes by their counts, the highest first.
func byCount[N cmp.Ordered](counts map[rune]N) []rune {
	return slices.SortedFunc(maps.Keys(counts), func(a, b rune) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// scriptOf returns the script of a language's alphabet.
func scriptOf(language string) *unicode.RangeTable {
	switch language {
	case "ru", "uk", "bg", "sr", "mk", "be", "kk", "tg":
		return unicode.Cyrillic
	case "el":
		return unicode.Greek
	case "he":
		return unicode.Hebrew
	case "ar", "fa":
		return unicode.Arabic
	case "th":
		return unicode.Thai
	}
	return unicode.Latin
}

// countPairs returns the alphabet of a text, whose index counts from 1, and for
// each letter and the edge of a word, which is 0, how likely each other and the
// edge are to follow: rows of levels.
func countPairs(language, text string) (alphabet string, levels []byte) {
	const (
		rare       = 1e-5 // share of a letter that is left to chance and to words of other languages
		maxLetters = 90
		trust      = 8 // counts that the share in the whole text is worth
	)
	if language == "vi" {
		text = vietnamese(text)
	}
	words := countWords(text, scriptOf(language))
	single := make(map[rune]float64)
	total := 0.0
	for w, n := range words {
		for _, r := range w {
			single[r] += n
			total += n
		}
	}
	letters := slices.DeleteFunc(byCount(single), func(r rune) bool { return single[r] < rare*total })
	letters = letters[:min(len(letters), maxLetters)]
	slices.Sort(letters)
	index := make(map[rune]int)
	for i, r := range letters {
		index[r] = i + 1
	}
	size := len(letters) + 1
	counts, column, sum := make([]float64, size*size), make([]float64, size), 0.0
	for w, n := range words {
		prev, known := 0, true
		for _, r := range w + "\x00" {
			i, ok := index[r]
			ok = ok || r == 0
			if ok && known {
				counts[prev*size+i] += n
				column[i] += n
				sum += n
			}
			prev, known = i, ok
		}
	}
	levels = make([]byte, len(counts))
	for a := range size {
		row := counts[a*size : (a+1)*size]
		n := 0.0
		for _, c := range row {
			n += c
		}
		for b, c := range row {
			p := (c + trust*(column[b]+0.5)/(sum+float64(size))) / (n + trust)
			levels[a*size+b] = byte(min(int(math.Round(-math.Log(p)/level)), lastLevel))
		}
	}
	return string(letters), levels
}

// countWords counts the words of a script.
func countWords(text string, table *unicode.RangeTable) map[string]float64 {
	words := make(map[string]float64)
	var word []rune
	for _, r := range text + " " {
		r = fold(r)
		if unicode.Is(table, r) && (unicode.IsLetter(r) || unicode.IsMark(r)) || unicode.Is(unicode.Mn, r) && len(word) > 0 {
			word = append(word, r)
			continue
		}
		if len(word) > 0 && len(word) < 30 {
			words[string(word)]++
		}
		word = word[:0]
	}
	return words
}
