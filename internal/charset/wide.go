package charset

import (
	"encoding/binary"
	"math"
	"sync"
	"unicode"
	"unicode/utf16"
)

// A wideForm is an encoding with units of two or four bytes.
type wideForm struct {
	charset string
	size    int
	unit    func(b []byte) rune
}

var wideForms = [...]wideForm{
	{"utf-32le", 4, func(b []byte) rune { return rune(binary.LittleEndian.Uint32(b)) }},
	{"utf-32be", 4, func(b []byte) rune { return rune(binary.BigEndian.Uint32(b)) }},
	{"utf-16le", 2, func(b []byte) rune { return rune(binary.LittleEndian.Uint16(b)) }},
	{"utf-16be", 2, func(b []byte) rune { return rune(binary.BigEndian.Uint16(b)) }},
}

// Of a text that may be in UTF-16 or UTF-32 so many parts of so many bytes are
// tried.
const (
	wideParts = 4
	widePart  = 1 << 10
)

// Strong evidence for UTF-16 or UTF-32 is that characters cost no more than
// this on average, which is what those of text do, and that they are so many if
// none is of ASCII or Latin-1. In the wrong encoding most cost costNoText.
const (
	wideEnough = 10
	wideCJK    = 6
	costNoText = 15
)

// wide returns that of UTF-32 and UTF-16 in which b reads as text without
// doubt, or "".
func wide(b []byte) string {
	best, least := "", math.Inf(1)
	for _, f := range wideForms {
		cost, enough := f.cost(b), wideEnough
		if f.size == 4 {
			enough = costLevel2 // three quarters of all numbers are none of a character
		}
		if cost < least && cost < float64(enough) {
			best, least = f.charset, cost
		}
	}
	return best
}

// cost returns the average cost of the characters of b, in the language of
// very many characters for which it is least.
func (f wideForm) cost(b []byte) float64 {
	var t wideTally
	step := max(widePart, len(b)/wideParts) &^ 3
	for from := 0; from < len(b); from += step {
		part := b[from:min(len(b), from+widePart)]
		for ; len(part) >= f.size; part = part[f.size:] {
			t.add(f.unit(part))
		}
	}
	if t.n == 0 || t.narrow == 0 && t.n < wideCJK && f.size == 2 {
		return costNoText
	}
	least := t.sums[0]
	for _, sum := range t.sums {
		least = min(least, sum)
	}
	return least / float64(t.n)
}

var wideLanguages = [...]string{"ja", "zh", "zh-tw", "ko"}

// A wideTally adds up the cost of units.
type wideTally struct {
	n      int
	narrow int                         // of ASCII and Latin-1
	sums   [len(wideLanguages)]float64 // with the characters of each of wideLanguages
	script rune                        // of the last letter of an alphabet
}

func (t *wideTally) add(r rune) {
	t.n++
	if r < 0x100 {
		t.narrow++
	}
	cost := float64(costNoText)
	switch {
	case r >= ' ' && r < 0x7f, r == '\n', r == '\r', r == '\t':
		cost = 3
	case r < 0 || r > unicode.MaxRune || r < ' ' || r >= 0x7f && r < 0xa0 || r&0xfffe == 0xfffe || r >= 0xe000 && r < 0xf900:
		cost = 2 * costNoText
	case r >= 0x250 && r < 0x370, r >= 0x900 && r < 0xe00: // 0x0a and 0x0d are the ends of lines
	case r < 0x1000, r >= 0x1e00 && r < 0x2000:
		cost = 4
		if script := alphabetOf(r); script != t.script {
			t.script = script
			cost = costNoText
		}
	case r == 0x2013, r == 0x2014, r >= 0x2018 && r <= 0x201e, r == 0x2022, r == 0x2026, r == 0x20ac, utf16.IsSurrogate(r):
		cost = 6
	case r >= 0x3000 && r < 0xa000 || r >= 0xac00 && r < 0xd7a4 || r >= 0xff00 && r < 0xffa0:
		for i, costs := range wideCosts() {
			if cost, ok := costs[r]; ok {
				t.sums[i] += cost
			} else {
				t.sums[i] += costLevel2
			}
		}
		return
	}
	for i := range t.sums {
		t.sums[i] += cost
	}
}

// alphabetOf tells alphabets apart: it is the first of a block of characters.
func alphabetOf(r rune) rune {
	switch {
	case r < 0x370, r >= 0x1e00 && r < 0x1f00:
		return 0 // Latin
	case r < 0x400, r >= 0x1f00:
		return 0x370 // Greek
	case r < 0x530:
		return 0x400 // Cyrillic
	}
	return r &^ 0x7f
}

var wideCosts = sync.OnceValue(func() (all [len(wideLanguages)]map[rune]float64) {
	for i, language := range wideLanguages {
		all[i] = make(map[rune]float64)
		for rank, r := range languages().characters[language] {
			all[i][r] = rankCost(rank)
		}
	}
	return all
})
