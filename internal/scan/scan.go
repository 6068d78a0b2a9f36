// Package scan reads the value of a field from left to right, for the parsers of
// fields. It knows the syntax of none.
package scan

import "strings"

// A Scanner is what is left of a value. Each method takes time linear in what it
// consumes or finds.
type Scanner struct {
	Rest   string // not consumed yet
	Looked int    // bytes looked at so far, by which tests show that a parser is linear
}

// Index returns the position of the first byte in stop, or the end.
func (s *Scanner) Index(stop string) int {
	end := strings.IndexAny(s.Rest, stop)
	if end < 0 {
		end = len(s.Rest)
	}
	s.Looked += 1 + end
	return end
}

// Until consumes the input up to the first byte in stop, or all of it.
func (s *Scanner) Until(stop string) string {
	end := s.Index(stop)
	head := s.Rest[:end]
	s.Rest = s.Rest[end:]
	return head
}

// Skip consumes the bytes at the beginning that are in set.
func (s *Scanner) Skip(set string) {
	after := strings.TrimLeft(s.Rest, set)
	s.Looked += 1 + len(s.Rest) - len(after)
	s.Rest = after
}

// Consume consumes c, and reports whether it was next.
func (s *Scanner) Consume(c byte) bool {
	s.Looked++
	if s.Rest == "" || s.Rest[0] != c {
		return false
	}
	s.Rest = s.Rest[1:]
	return true
}
