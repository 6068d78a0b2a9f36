package charset

import (
	"bytes"
	"sync"
)

// ebcdicPages are the encodings of IBM's mainframes, in which the bytes of
// letters are not ASCII and a blank is the byte "@".
var ebcdicPages = []candidate{
	{"cp037", 0, western},
	{"cp500", -1, western},
	{"cp1140", -2, western},
	{"cp273", -1, "de en"},
	{"cp1047", -4, western},
	{"cp1026", -2, "tr"},
	{"cp424", -1, "he he-visual"},
	{"cp875", -1, "el"},
}

var ebcdicContenders = sync.OnceValue(func() []*contender { return contendersOf(ebcdicPages) })

// ebcdicVariants are the ASCII characters whose place differs between them.
const ebcdicVariants = "!#$@[\\]^`{|}~"

const (
	ebcdicLeast  = 24      // bytes that are evidence
	ebcdicSample = 4 << 10 // bytes that suffice
	ebcdicBlanks = 20      // at least one of so many is a blank
	ebcdicEnough = 3       // the most that a letter may cost on average
)

// ebcdic returns the mainframe encoding in which b is certainly text, or "".
func ebcdic(b []byte) string {
	b = b[:min(len(b), ebcdicSample)]
	blanks, others := bytes.Count(b, []byte("@")), bytes.Count(b, []byte(" "))
	if len(b) < ebcdicLeast || blanks*ebcdicBlanks < len(b) || others*ebcdicBlanks > blanks {
		return ""
	}
	var s survey
	best, least := "", float64(ebcdicEnough*len(b))
	for _, c := range ebcdicContenders() {
		if cost := c.cost(&s, b); cost < least {
			best, least = c.charset, cost
		}
	}
	return best
}
