package charset

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// A multibyte is a candidate whose characters have several bytes.
type multibyte struct {
	charset  string
	prior    float64
	language string // whose characters it is known by
	// char returns the length of the character at the beginning of b, which is
	// beyond ASCII, and its cost unless it is a common one. The length is 0 if
	// there is no character.
	char func(b []byte) (size int, cost float64)
}

var multibytes = []multibyte{
	{"shift_jis", -1, "ja", shiftJISChar},
	{"gb18030", -1, "zh", gbChar},
	{"big5", -1, "zh-tw", big5Char},
	{"euc-kr", -1, "ko", koreanChar},
	{"euc-jp", -1.5, "ja", eucJPChar},
	{"johab", -5, "ko", johabChar},
}

// hzIndex is the place of the encoding that has the characters of HZ.
const hzIndex = 1

// The cost of characters by the part of the set they are in.
const (
	costPunctuation = 9
	costLevel1      = 11.5 // of the set's characters for daily use
	costLevel2      = 14   // of its others
	costExtension   = 16
	costForeign     = 13 // letters of other scripts, lines, circled digits
)

func shiftJISChar(b []byte) (int, float64) {
	switch {
	case b[0] >= 0xa1 && b[0] <= 0xdf:
		return 1, 5.5 // half as wide
	case b[0] < 0x81 || b[0] == 0xa0 || b[0] > 0xfc || len(b) < 2 || b[1] < 0x40 || b[1] == 0x7f || b[1] > 0xfc:
		return 0, 0
	}
	switch c := b[0]; {
	case c <= 0x83:
		return 2, costPunctuation
	case c <= 0x87:
		return 2, costForeign
	case c < 0x98 || c == 0x98 && b[1] < 0x9f:
		return 2, costLevel1
	case c <= 0xea:
		return 2, costLevel2
	}
	return 2, costExtension
}

func eucJPChar(b []byte) (int, float64) {
	switch {
	case len(b) > 1 && b[0] == 0x8e && b[1] >= 0xa1 && b[1] <= 0xdf:
		return 2, 7
	case len(b) > 2 && b[0] == 0x8f && b[1] >= 0xa1 && b[2] >= 0xa1:
		return 3, costExtension
	case b[0] < 0xa1 || b[0] == 0xff || len(b) < 2 || b[1] < 0xa1 || b[1] == 0xff:
		return 0, 0
	}
	switch c := b[0]; {
	case c == 0xa1 || c >= 0xa3 && c <= 0xa5:
		return 2, costPunctuation
	case c < 0xb0:
		return 2, costForeign
	case c < 0xd0:
		return 2, costLevel1
	case c <= 0xf4:
		return 2, costLevel2
	}
	return 2, costExtension
}

func gbChar(b []byte) (int, float64) {
	switch {
	case b[0] < 0x81 || b[0] == 0xff || len(b) < 2:
		return 0, 0
	case b[1] >= '0' && b[1] <= '9':
		if len(b) > 3 && b[2] >= 0x81 && b[2] < 0xff && b[3] >= '0' && b[3] <= '9' {
			return 4, costExtension
		}
		return 0, 0
	case b[1] < 0x40 || b[1] == 0x7f || b[1] == 0xff:
		return 0, 0
	}
	switch c := b[0]; {
	case b[1] < 0xa1:
		return 2, costExtension
	case c == 0xa1 || c == 0xa3:
		return 2, costPunctuation
	case c > 0xa1 && c < 0xb0:
		return 2, costForeign
	case c >= 0xb0 && c < 0xd8:
		return 2, costLevel1
	case c >= 0xd8 && c < 0xf8:
		return 2, costLevel2
	}
	return 2, costExtension
}

func big5Char(b []byte) (int, float64) {
	if b[0] < 0x87 || b[0] == 0xff || len(b) < 2 || b[1] < 0x40 || b[1] == 0xff || b[1] > 0x7e && b[1] < 0xa1 {
		return 0, 0
	}
	switch c := b[0]; {
	case c < 0xa1 || c > 0xf9:
		return 2, costLevel2 + 1 // Hong Kong
	case c <= 0xa3:
		return 2, costPunctuation
	case c < 0xc6 || c == 0xc6 && b[1] < 0x7f:
		return 2, costLevel1
	case c < 0xc9:
		return 2, costForeign
	}
	return 2, costLevel2
}

func koreanChar(b []byte) (int, float64) {
	if b[0] < 0x81 || b[0] == 0xff || len(b) < 2 || b[1] < 0x41 || b[1] > 0x5a && b[1] < 0x61 || b[1] > 0x7a && b[1] < 0x81 || b[1] == 0xff {
		return 0, 0
	}
	switch c := b[0]; {
	case b[1] < 0xa1 || c < 0xa1:
		return 2, costLevel2 + 1 // of Microsoft
	case c == 0xa1 || c == 0xa3 || c == 0xa4:
		return 2, costPunctuation
	case c < 0xb0:
		return 2, costForeign
	case c < 0xc9:
		return 2, costLevel1
	}
	return 2, costLevel2
}

func johabChar(b []byte) (int, float64) {
	if len(b) < 2 || !isJohabLead(b[0]) {
		return 0, 0
	}
	r := johabPair(b[0], b[1])
	switch {
	case r == utf8.RuneError:
		return 0, 0
	case r >= 0xac00:
		return 2, costLevel1
	case b[0] == 0xd9:
		return 2, costPunctuation
	case b[0] < 0xd9:
		return 2, costForeign
	}
	return 2, costLevel2
}

// A charCode is the bytes of a character, the first the highest.
type charCode uint32

func codeOf(b []byte) (c charCode) {
	for _, x := range b {
		c = c<<8 | charCode(x)
	}
	return c
}

// commonCodes has the cost of the common characters, by Zipf's law from their
// ranks, for each of multibytes.
var commonCodes = sync.OnceValue(func() []map[charCode]float64 {
	all := make([]map[charCode]float64, len(multibytes))
	for i, m := range multibytes {
		codes := make(map[charCode]float64)
		characters := languages().characters[m.language]
		if m.charset == "johab" {
			johabCodes(codes, characters)
		} else {
			c, _ := find(m.charset)
			encoder := c.coding.(encoding.Encoding).NewEncoder()
			for rank, r := range characters {
				if b, err := encoder.Bytes([]byte(string(r))); err == nil {
					codes[codeOf(b)] = rankCost(rank)
				}
			}
		}
		all[i] = codes
	}
	return all
})

func johabCodes(codes map[charCode]float64, characters []rune) {
	ranks := make(map[rune]int)
	for rank, r := range characters {
		ranks[r] = rank
	}
	for lead := 0x84; lead < 0xfa; lead++ {
		for trail := 0x31; trail < 0xff; trail++ {
			b := []byte{byte(lead), byte(trail)}
			if !isJohabLead(b[0]) {
				continue
			}
			if rank, ok := ranks[johabPair(b[0], b[1])]; ok {
				codes[codeOf(b)] = rankCost(rank)
			}
		}
	}
}

// multibyteCost returns how improbable the sample is in an encoding of
// multibytes, as contender.cost does. The last character may be cut.
func multibyteCost(index int, sample []byte) float64 {
	m := &multibytes[index]
	common := commonCodes()[index]
	total := -m.prior
	length := 0     // of the characters of several bytes
	inWord := false // of ASCII
	for i := 0; i < len(sample); {
		if sample[i] < utf8.RuneSelf {
			inWord = isLetter(sample[i])
			i++
			continue
		}
		size, cost := m.char(sample[i:])
		if size == 0 {
			i++
			continue // it is counted below
		}
		if usual, ok := common[codeOf(sample[i:i+size])]; ok {
			cost = usual
		}
		total += cost
		if inWord {
			total++
		}
		inWord = false
		i += size
		length += size
		if i < len(sample) && isLetter(sample[i]) {
			total++
		}
	}
	text, wrong := m.read(sample)
	total += float64(asciiCost(text)) * level
	if wrong > 0 {
		total += costLevel1 + costWrong*float64(wrong-1)
	}
	return total + 4*thinCost/float64(length+1)
}

// read decodes a sample, and counts what is not a character.
func (m *multibyte) read(sample []byte) (text []byte, wrong int) {
	c, _ := find(m.charset)
	text, err := c.coding.NewDecoder().Bytes(sample)
	if err != nil { // decoders of charsets have no errors
		return nil, len(sample)
	}
	for _, r := range string(text) {
		if r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			wrong++
		}
	}
	return text, wrong
}

// asciiCost is the cost of the words of ASCII in a text of another script, in
// levels.
func asciiCost(text []byte) int {
	english, numbers := languages().models["en"], asciiNumbers()
	var letters []letterNumber
	sum := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isLetter(text[i]) {
			letters = append(letters, numbers[text[i]])
		} else if len(letters) > 0 {
			sum += english.word(letters) + 2*englishWord
			letters = letters[:0]
		}
	}
	return sum
}
