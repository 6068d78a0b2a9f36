// Command count makes the language models of package charset. It reads a folder
// of texts in UTF-8, one file a language (de.txt, ru.txt…), counts which letter
// follows which, and writes ../models.txt:
//
//	go run ./internal/charset/count /path/to/texts > internal/charset/models.txt
//
// The texts of today's models were translations of free software, of its
// manuals and of the Universal Declaration of Human Rights, collections of
// quotations, and lists of the words of film subtitles, a word as often as
// its rank makes it likely.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// characters are counted one by one in languages of so many that pairs of
// them would need very large tables.
var characters = map[string]int{"zh": 1600, "zh-tw": 1600, "ja": 1200, "ko": 1000}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: count folder")
	}
	names, err := filepath.Glob(filepath.Join(os.Args[1], "*.txt"))
	if err != nil || len(names) == 0 {
		log.Fatalf("no texts in %s", os.Args[1])
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		language := strings.TrimSuffix(filepath.Base(name), ".txt")
		if n, ok := characters[language]; ok {
			fmt.Fprintf(out, "%s %s\n", language, commonest(string(text), n))
		} else {
			alphabet, levels := pairs(language, string(text))
			fmt.Fprintf(out, "%s %s %s\n", language, alphabet, levels)
		}
	}
}

// commonest returns the n most frequent characters beyond ASCII, the most
// frequent first.
func commonest(text string, n int) string {
	counts := make(map[rune]int)
	for _, r := range text {
		if r >= 0x3000 && r < 0xa000 || r >= 0xac00 && r < 0xd7a4 || r >= 0xff00 && r < 0xff61 {
			if r != '\u3000' {
				counts[r]++
			}
		}
	}
	var all []rune
	for r := range counts {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b rune) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return int(a - b)
	})
	return string(all[:min(n, len(all))])
}

// script returns the first letter of the script of a language's alphabet.
func script(language string) *unicode.RangeTable {
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

// Shares below these are left to chance, and to the words of other languages.
const (
	rareLetter = 1e-5
	maxLetters = 90
)

// pairs returns the alphabet of a text, whose index counts from 1, and for
// each letter and the edge of a word, which is 0, how likely each other and the
// edge are to follow: rows of levels from '!', each a factor of e^-0.12.
func pairs(language, text string) (alphabet, levels string) {
	words := make(map[string]int)
	table := script(language)
	if language == "vi" {
		text = splitTones(text)
	}
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
	single := make(map[rune]float64)
	total := 0.0
	for w, n := range words {
		for _, r := range w {
			single[r] += float64(n)
			total += float64(n)
		}
	}
	var letters []rune
	for r, n := range single {
		if n/total >= rareLetter {
			letters = append(letters, r)
		}
	}
	slices.SortFunc(letters, func(a, b rune) int {
		if single[a] != single[b] {
			return int(math.Copysign(1, single[b]-single[a]))
		}
		return int(a - b)
	})
	letters = letters[:min(len(letters), maxLetters)]
	index := make(map[rune]int)
	for i, r := range letters {
		index[r] = i + 1
	}
	size := len(letters) + 1
	counts := make([][]float64, size)
	for i := range counts {
		counts[i] = make([]float64, size)
	}
	column := make([]float64, size)
	sum := 0.0
	for w, n := range words {
		prev, known := 0, true
		for _, r := range w {
			i, ok := index[r]
			if ok && known {
				counts[prev][i] += float64(n)
				column[i] += float64(n)
				sum += float64(n)
			}
			prev, known = i, ok
		}
		if known {
			counts[prev][0] += float64(n)
			column[0] += float64(n)
			sum += float64(n)
		}
	}
	const trust = 8 // counts that the share in the whole text is worth
	var b strings.Builder
	for _, row := range counts {
		n := 0.0
		for _, c := range row {
			n += c
		}
		for i, c := range row {
			p := (c + trust*(column[i]+0.5)/(sum+float64(size))) / (n + trust)
			level := int(math.Round(-math.Log(p) / 0.12))
			b.WriteByte(byte('!' + min(level, '~'-'!')))
		}
	}
	return string(letters), b.String()
}

// fold makes one of the letters that are one to a reader.
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

// splitTones writes the tones of Vietnamese as marks behind the letter.
func splitTones(text string) string {
	const tones = "\u0300\u0301\u0303\u0309\u0323"
	var b strings.Builder
	for _, r := range text {
		letter, tone := "", ""
		for _, part := range norm.NFD.String(string(r)) {
			if strings.ContainsRune(tones, part) {
				tone += string(part)
			} else {
				letter += string(part)
			}
		}
		b.WriteString(norm.NFC.String(letter) + tone)
	}
	return b.String()
}
