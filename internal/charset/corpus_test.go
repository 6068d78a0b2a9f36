package charset

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"

	"github.com/go-requests/requests/internal/suite"
)

// writtenIn has the encodings that the texts of a language are found in.
var writtenIn = map[string]string{
	"en":    "windows-1252 macintosh cp850 cp037",
	"de":    "windows-1252 iso-8859-15 macintosh cp850 cp437 cp273",
	"fr":    "windows-1252 iso-8859-15 macintosh cp850 cp863 cp500",
	"es":    "windows-1252 iso-8859-15 macintosh cp850 cp1140",
	"it":    "windows-1252 macintosh cp850",
	"pt":    "windows-1252 macintosh cp850 cp860",
	"nl":    "windows-1252 cp850",
	"sv":    "windows-1252 iso-8859-15 macintosh cp850",
	"da":    "windows-1252 macintosh cp850 cp865",
	"nb":    "windows-1252 macintosh cp865",
	"fi":    "windows-1252 iso-8859-15 macintosh cp850",
	"is":    "windows-1252 x-mac-icelandic cp861 cp850 iso-8859-10",
	"ca":    "windows-1252 cp850",
	"ga":    "windows-1252 iso-8859-14",
	"cy":    "iso-8859-14",
	"sq":    "windows-1252 iso-8859-2",
	"pl":    "windows-1250 iso-8859-2 cp852 x-mac-ce iso-8859-13 iso-8859-16",
	"cs":    "windows-1250 iso-8859-2 cp852 x-mac-ce",
	"sk":    "windows-1250 iso-8859-2 cp852 x-mac-ce",
	"hu":    "windows-1250 iso-8859-2 cp852 x-mac-ce iso-8859-16",
	"sl":    "windows-1250 iso-8859-2 cp852 x-mac-croatian iso-8859-13 iso-8859-16 x-mac-ce",
	"hr":    "windows-1250 iso-8859-2 cp852 x-mac-croatian iso-8859-16",
	"ro":    "windows-1250 iso-8859-2 cp852 x-mac-romanian",
	"lt":    "windows-1257 iso-8859-13 cp775 iso-8859-10",
	"lv":    "windows-1257 iso-8859-13 iso-8859-4 cp775 iso-8859-10",
	"et":    "windows-1257 iso-8859-13 iso-8859-4 iso-8859-15 cp775",
	"tr":    "windows-1254 cp857 x-mac-turkish iso-8859-3 cp1026",
	"eo":    "iso-8859-3",
	"mt":    "iso-8859-3",
	"vi":    "windows-1258 viscii",
	"ru":    "windows-1251 koi8-r iso-8859-5 ibm866 cp855 x-mac-cyrillic",
	"uk":    "windows-1251 koi8-u iso-8859-5 x-mac-cyrillic cp1125",
	"bg":    "windows-1251 iso-8859-5 koi8-r ibm866 cp855",
	"sr":    "windows-1251 iso-8859-5 cp855 x-mac-cyrillic",
	"mk":    "windows-1251 iso-8859-5 cp855",
	"be":    "windows-1251 iso-8859-5",
	"el":    "windows-1253 iso-8859-7 cp737 cp869 x-mac-greek cp875",
	"he":    "windows-1255 iso-8859-8 cp862 cp424",
	"ar":    "windows-1256 iso-8859-6 cp720",
	"fa":    "windows-1256",
	"th":    "windows-874",
	"ja":    "shift_jis euc-jp iso-2022-jp",
	"zh":    "gb18030 x-hz-gb-2312",
	"zh-tw": "big5",
	"ko":    "euc-kr johab x-iso-2022-kr",
	"kk":    "kz1048 ptcp154",
	"tg":    "koi8-t",
}

// encodingGroups sorts the encodings for the report.
func encodingGroup(name string) string {
	switch {
	case name == "windows-1252", name == "iso-8859-15":
		return "western"
	case strings.HasPrefix(name, "windows-"):
		return "windows"
	case strings.HasPrefix(name, "iso-8859-"):
		return "iso-8859"
	case slices.ContainsFunc(ebcdicPages, func(c candidate) bool { return c.charset == name }):
		return "ebcdic"
	case strings.HasPrefix(name, "koi8"), name == "kz1048", name == "ptcp154":
		return "koi8"
	case strings.HasPrefix(name, "cp"), name == "ibm866":
		return "dos"
	case strings.HasPrefix(name, "x-mac"), name == "macintosh":
		return "mac"
	case name == "viscii":
		return "viscii"
	case strings.HasPrefix(name, "x-"), strings.HasPrefix(name, "iso-2022"):
		return "escapes"
	}
	return "multibyte"
}

// A specimen is a text in an encoding.
type specimen struct {
	language, charset string
	part              int // of the texts of its language
	body              []byte
}

// paragraphs returns the texts of testdata/texts by language.
func paragraphs(t testing.TB) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	names, _ := filepath.Glob("testdata/texts/*.txt")
	for _, name := range names {
		text := string(suite.File(t, name))
		all[strings.TrimSuffix(filepath.Base(name), ".txt")] = strings.Split(strings.TrimSpace(text), "\n\n")
	}
	if len(all) == 0 {
		t.Fatal("no texts")
	}
	return all
}

// simple writes a text with the punctuation of typewriters, for encodings that
// have no other.
var simple = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "’", "'", "‘", "'", "–", "-", "—", "-", "…", "...", "€", "EUR", "\u200c", " ", "™", "(tm)", "©", "(c)", "®", "(R)", "×", "x", "°", "o", "§", "par.", "½", "1/2", "¾", "3/4", "±", "+/-", "£", "GBP ", "º", "o", "،", ",", "؛", ";", "؟", "?")

// render writes text in an encoding, as it is or in simple punctuation.
func render(t testing.TB, name, text string) ([]byte, bool) {
	t.Helper()
	if name == "windows-1258" {
		text = vietnamese(text)
	}
	comma := strings.NewReplacer("ş", "ș", "ţ", "ț", "Ş", "Ș", "Ţ", "Ț").Replace(text)
	for _, text := range []string{text, simple.Replace(text), comma} {
		if b, ok := encodeAll(t, name, text); ok {
			return b, true
		}
	}
	return nil, false
}

// encodeAll encodes a text all of whose characters the encoding has.
func encodeAll(t testing.TB, name, text string) ([]byte, bool) {
	t.Helper()
	c, ok := find(name)
	if !ok {
		t.Fatalf("no charset %q", name)
	}
	if e, ok := c.coding.(encoding.Encoding); ok {
		b, err := e.NewEncoder().Bytes([]byte(text))
		return b, err == nil
	}
	switch c.coding.(type) {
	case johab, iso2022KR:
		return encodeKorean(t, name, text)
	}
	runes, _ := bytesOf(c.coding)
	codes := make(map[rune]byte)
	for i, r := range runes {
		if _, ok := codes[r]; !ok {
			codes[r] = byte(i)
		}
	}
	var b []byte
	for _, r := range text {
		i, ok := codes[r]
		if !ok {
			return nil, false
		}
		b = append(b, i)
	}
	return b, true
}

func encodeKorean(t testing.TB, name, text string) ([]byte, bool) {
	t.Helper()
	var b []byte
	if name == "x-iso-2022-kr" {
		b = append(b, designation...)
		for line := range strings.Lines(text) {
			shifted := false
			for _, r := range line {
				e, ok := encodeAll(t, "euc-kr", string(r))
				if !ok {
					return nil, false
				}
				if high := len(e) == 2; high != shifted && r != '\n' {
					shifted = high
					b = append(b, map[bool]byte{true: 0x0e, false: 0x0f}[high])
				}
				for _, c := range e {
					b = append(b, c&0x7f)
				}
			}
		}
		return b, true
	}
	for _, r := range text {
		if r < utf8.RuneSelf {
			b = append(b, byte(r))
			continue
		}
		code, ok := johabCodesOf()[r]
		if !ok {
			return nil, false
		}
		b = append(b, code[0], code[1])
	}
	return b, true
}

var johabAll map[rune][2]byte

func johabCodesOf() map[rune][2]byte {
	if johabAll == nil {
		johabAll = make(map[rune][2]byte)
		for lead := 0x84; lead < 0xfa; lead++ {
			for trail := 0x31; trail < 0xff; trail++ {
				if isJohabLead(byte(lead)) {
					johabAll[johabPair(byte(lead), byte(trail))] = [2]byte{byte(lead), byte(trail)}
				}
			}
		}
	}
	return johabAll
}

// lengths are the classes that the report has, in characters.
var lengths = []int{8, 16, 32, 64, 128, 256, 0}

// specimens yields the parts of the texts whose number a filter takes.
func specimens(t testing.TB, take func(part int) bool, yield func(length int, s specimen)) {
	all := paragraphs(t)
	for _, language := range slices.Sorted(maps.Keys(all)) {
		for name := range strings.FieldsSeq(writtenIn[language]) {
			var whole []string
			for i, text := range all[language] {
				if !take(i) {
					continue
				}
				if _, ok := render(t, name, text); !ok {
					continue
				}
				whole = append(whole, text)
				runes := []rune(text)
				for _, n := range lengths {
					if n == 0 || n > len(runes) {
						continue
					}
					for k := range 4 {
						from := (k*7919 + n*31 + i*131) % (len(runes) - n + 1)
						b, ok := render(t, name, string(runes[from:from+n]))
						if ok && (!isASCII(b) || strings.Contains("escapes", encodingGroup(name)) && len(b) > n) {
							yield(n, specimen{language, name, i, b})
						}
					}
				}
			}
			if len(whole) > 0 {
				b, _ := render(t, name, strings.Join(whole, "\n\n"))
				yield(0, specimen{language, name, -1, b})
			} else {
				t.Errorf("no text of %s in %s", language, name)
			}
		}
	}
}

// wanted is how many of a hundred texts must be decoded to what was written, by
// the group of their encodings: from a length on, in characters, and whole.
var wanted = map[string]map[int]float64{
	"western":   {8: 93, 16: 96, 32: 97, 64: 99, 128: 99.5, 256: 100, 0: 100},
	"windows":   {8: 88, 16: 94, 32: 99, 64: 100, 128: 100, 256: 100, 0: 100},
	"iso-8859":  {8: 79, 16: 83, 32: 94, 64: 96, 128: 98, 256: 99, 0: 97},
	"koi8":      {8: 94, 16: 97, 32: 99, 64: 99, 128: 99, 256: 99, 0: 100},
	"dos":       {8: 68, 16: 76, 32: 83, 64: 91, 128: 97, 256: 99, 0: 100},
	"mac":       {8: 57, 16: 71, 32: 81, 64: 90, 128: 97, 256: 95, 0: 100},
	"viscii":    {8: 70, 16: 99, 32: 100, 64: 100, 128: 100, 0: 100},
	"multibyte": {8: 98, 16: 99, 32: 100, 64: 100, 128: 100, 0: 100},
	"ebcdic":    {32: 95, 64: 97, 128: 97, 256: 95, 0: 85},
	"escapes":   {8: 100, 16: 100, 32: 100, 64: 100, 128: 100, 0: 100},
}

// TestCorpus wants texts in every encoding decoded to what was written, whole
// and in parts. The odd ones played no part in the making of the detection.
func TestCorpus(t *testing.T) {
	for name, part := range map[string]int{"tuned on": 0, "held back": 1} {
		t.Run(name, func(t *testing.T) {
			type class struct {
				group  string
				length int
			}
			right, total := make(map[class]int), make(map[class]int)
			specimens(t, func(i int) bool { return i%2 == part }, func(length int, s specimen) {
				c := class{encodingGroup(s.charset), length}
				total[c]++
				if Decode(s.body, Detect(s.body, "text/plain")) == Decode(s.body, s.charset) {
					right[c]++
				}
			})
			for group, least := range wanted {
				for length, want := range least {
					c := class{group, length}
					if total[c] == 0 {
						t.Errorf("no text of %s with %d characters", group, length)
						continue
					}
					got := 100 * float64(right[c]) / float64(total[c])
					t.Logf("%s, %d characters: %.1f%% of %d", group, length, got, total[c])
					if got < want {
						t.Errorf("%s, %d characters: %.1f%% of %d are right; want %.1f%%", group, length, got, total[c], want)
					}
				}
			}
		})
	}
}
