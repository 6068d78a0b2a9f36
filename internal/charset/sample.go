package charset

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Limits of what is examined closely.
const (
	sampleHead   = 2 << 10 // from the beginning
	sampleSpread = 2 << 10 // from all over
	spreads      = 16
	sampleRare   = 1 << 10 // around bytes that are not among those
	rareFew      = 2       // of each
	rareFar      = 4 << 20 // from the beginning
	rareMisses   = 1 << 10 // of those that are in no word
	beside       = 32      // bytes kept before and behind those beyond ASCII
)

// sample returns the parts of b that have bytes beyond ASCII, with some
// context, from the beginning and from places all over b. It leaves out markup.
func sample(b []byte) []byte {
	s := sampler{markup: hasMarkup(b)}
	i := s.take(b, 0, sampleHead)
	if rest := len(b) - i; rest > 0 {
		for n := range spreads {
			from := max(i, len(b)-rest+rest/spreads*n)
			i = s.take(b, lineAt(b, from), sampleSpread/spreads)
			if i >= len(b) {
				break
			}
		}
		s.takeRare(b)
	}
	return s.kept
}

// lineAt returns where a part of b begins, at or after i, so that it does not
// begin within a character.
func lineAt(b []byte, i int) int {
	if i == 0 {
		return 0
	}
	const far = 4 << 10
	if n := bytes.IndexAny(b[i:min(len(b), i+far)], "\n \t"); n >= 0 {
		return i + n + 1
	}
	return len(b)
}

// hasMarkup reports whether b looks like HTML or XML.
func hasMarkup(b []byte) bool {
	b = b[:min(len(b), 64<<10)]
	return bytes.Contains(b, []byte("</")) || bytes.Contains(b, []byte("/>"))
}

// A sampler gathers parts of a text.
type sampler struct {
	kept   []byte
	markup bool // the text has tags
}

// take keeps up to about n bytes of b from i on, and returns where it stopped.
func (s *sampler) take(b []byte, i, n int) int {
	n += len(s.kept)
	for len(s.kept) < n {
		high := indexHigh(b, i)
		if high == len(b) {
			return high
		}
		from, tag := s.start(b, i, high)
		if from > i && len(s.kept) > 0 {
			s.kept = append(s.kept, '\n')
		}
		i = min(s.end(b, high, tag), high+n)
		s.kept = append(s.kept, b[from:i]...)
	}
	return i
}

// start returns where the context of the byte at high begins, and whether that
// is in a tag. It does not cut a word, and does not go back beyond first.
func (s *sampler) start(b []byte, first, high int) (from int, tag bool) {
	from = max(first, high-beside)
	if s.markup {
		const longTag = 512
		before := b[max(first, high-longTag):high]
		switch n := bytes.LastIndexAny(before, "<>"); {
		case n >= 0 && before[n] == '<' && isTag(before[n:]):
			return high, true
		case n >= 0 && before[n] == '>' && high-len(before)+n >= from:
			return high - len(before) + n + 1, false
		}
	}
	if from > first {
		for from < high && isWordByte(b[from-1]) {
			from++
		}
	}
	return from, false
}

// end returns the end of the context of the byte at high.
func (s *sampler) end(b []byte, high int, tag bool) int {
	for i := high; i < len(b); i++ {
		switch c := b[i]; {
		case c >= utf8.RuneSelf:
			high = i
		case s.markup && (c == '<' && isTag(b[i:]) || c == '>' && tag):
			return i
		case i-high > beside && !isWordByte(c), i-high > 2*beside:
			return i
		}
	}
	return len(b)
}

// isTag reports whether b, which begins with "<", begins with a tag.
func isTag(b []byte) bool {
	return len(b) > 1 && (isLetter(b[1]) || b[1] == '/' || b[1] == '!')
}

// takeRare keeps some words of b with bytes that are rare so far, since many
// encodings differ in few bytes.
func (s *sampler) takeRare(b []byte) {
	var seen [256]int
	for _, c := range s.kept {
		seen[c]++
	}
	limit, misses := len(s.kept)+sampleRare, 0
	b = b[:min(len(b), rareFar)]
	for i := indexHigh(b, 0); i < len(b); i = indexHigh(b, i+1) {
		if seen[b[i]] >= rareFew {
			continue
		}
		from := max(0, i-beside)
		if nl := bytes.LastIndexByte(b[from:i], '\n'); nl >= 0 {
			from += nl + 1
		} else if from > 0 {
			blank := bytes.IndexByte(b[from:i], ' ')
			if blank < 0 { // it may be within a character
				if misses++; misses > rareMisses {
					return
				}
				continue
			}
			from += blank
		}
		to := i
		for to < len(b) && (to < i+beside || b[to] > ' ') && to < i+2*beside && b[to] != '\n' {
			seen[b[to]]++
			to++
		}
		s.kept = append(append(s.kept, '\n'), b[from:to]...)
		if len(s.kept) > limit {
			return
		}
	}
}

// isWordByte reports whether c may be a part of a character or word in some
// encoding.
func isWordByte(c byte) bool { return c >= '@' || c >= '0' && c <= '9' }

// indexHigh returns the index of the first byte beyond ASCII at or after i, or
// len(b) if there is none.
func indexHigh(b []byte, i int) int {
	for ; i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 == 0; i += 8 {
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}
