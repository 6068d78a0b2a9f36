package charset

import (
	"bytes"
	"unicode/utf8"
)

// Of a text no more than this is looked at closely.
const (
	sampleHead   = 2 << 10 // from the beginning
	sampleSpread = 2 << 10 // from all over
	spreads      = 16
	sampleRare   = 1 << 10 // around bytes that are not among those
	rareFew      = 2       // of each
	rareFar      = 4 << 20 // from the beginning
	beside       = 32      // bytes kept before and behind those beyond ASCII
)

// sample returns the parts of b that have bytes beyond ASCII, with a little of
// what is around: from the beginning, and from places all over b. It leaves
// out the markup.
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

// lineAt returns where a part of b begins at or behind i, not to be within a
// character.
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

type sampler struct {
	kept   []byte
	markup bool
}

// take keeps up to about n bytes of b from i on, and returns where it stopped.
func (s *sampler) take(b []byte, i, n int) int {
	n += len(s.kept)
	start, end, near := i, i, i-2*beside // what may be kept of ASCII; what has been kept; how far all is
	tag := false
	for ; i < len(b) && len(s.kept) < n; i++ {
		c := b[i]
		switch {
		case c >= utf8.RuneSelf:
			from := i
			if !tag {
				from = contextStart(b, max(start, end), i)
			}
			if from > end && len(s.kept) > 0 {
				s.kept = append(s.kept, '\n')
			}
			s.kept = append(s.kept, b[from:i+1]...)
			end, near = i+1, i+beside
		case s.markup && c == '<' && i+1 < len(b) && (isLetter(b[i+1]) || b[i+1] == '/' || b[i+1] == '!'):
			tag, near = true, i
		case tag:
			if c == '>' {
				tag, start, near = false, i+1, i
			}
			if i == end && i < near {
				s.kept = append(s.kept, c)
				end++
			}
		case i == end && (i < near || i < near+beside && isWordByte(c)):
			s.kept = append(s.kept, c)
			end++
		}
	}
	return i
}

// takeRare keeps some words of b with bytes that are rare in what is kept, for
// many encodings differ in few.
func (s *sampler) takeRare(b []byte) {
	var seen [256]int
	for _, c := range s.kept {
		seen[c]++
	}
	limit := len(s.kept) + sampleRare
	for i, c := range b[:min(len(b), rareFar)] {
		if c < utf8.RuneSelf || seen[c] >= rareFew {
			continue
		}
		from := max(0, i-beside)
		if nl := bytes.LastIndexByte(b[from:i], '\n'); nl >= 0 {
			from += nl + 1
		} else if from > 0 {
			blank := bytes.IndexByte(b[from:i], ' ')
			if blank < 0 {
				continue // it may be within a character
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

// contextStart returns where to begin what is kept before i, not to cut a word.
func contextStart(b []byte, start, i int) int {
	from := i - beside
	if from <= start {
		return start
	}
	for from < i && isWordByte(b[from-1]) {
		from++
	}
	return from
}

// isWordByte reports whether c may be a part of a character or word in some
// encoding.
func isWordByte(c byte) bool { return c >= '@' || c >= '0' && c <= '9' }
