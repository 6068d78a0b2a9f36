package coding

import (
	"errors"
	"io"
)

var errEmptyMembers = errors.New("too many empty members in a row")

// A series is the position of a decoder in a sequence of members. Bodies in
// gzip and zstd, where members are called frames, may have several.
type series struct {
	open  bool // inside a member
	later bool // after the first member
	held  bool // this member held something
	empty int  // members in a row that did not
}

// A memberReader reads the members of a series one by one.
type memberReader interface {
	// next opens the next member. It returns io.EOF if none follows, which
	// counts only after the first.
	next() error
	// member reads from the open member, up to io.EOF, which says that it was
	// complete.
	member(p []byte) (int, error)
}

func (s *series) read(p []byte, r memberReader) (int, error) {
	for {
		if !s.open {
			if err := r.next(); err != nil {
				return 0, err
			}
			s.open, s.held = true, false
		}
		n, err := r.member(p)
		s.held = s.held || n > 0
		if err != io.EOF {
			return n, err
		}
		if err := s.ended(); err != nil || n > 0 {
			return n, err
		}
	}
}

// ended notes the end of a member.
func (s *series) ended() error {
	s.open, s.later = false, true
	if s.held {
		s.empty = 0
	} else if s.empty++; s.empty > maxEmpty {
		return errEmptyMembers
	}
	return nil
}
