package charset

import (
	"strings"
	"testing"
)

// TestDetectBlanks wants no UTF-16 for text that is mostly blanks, of which two
// are a character there. Each comes with both parities.
func TestDetectBlanks(t *testing.T) {
	for name, text := range map[string]string{
		"table of HTML":       "\n        <tr>\n            <td>\n                Café de Flore",
		"indented":            "        a\n            é\n                    b\n        c\n    d\n",
		"only an end":         "                                                      é",
		"lines":               "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\né\n\n\n\n\n\n\n",
		"tabs":                "\t\t\t\t\t\t\t\t\t\t\t\t\té\t\t\t\t\t\t",
		"carriage returns":    "a\r\n\r\n\r\n\r\né\r\n\r\n\r\n\r\n",
		"psql":                " id |        name        |     city      \n----+--------------------+---------------\n  1 | José               | México        \n  2 | Zoë                | Köln          \n(2 rows)\n",
		"invoice":             "                    INVOICE\n\n  Article                     Price\n  ---------------------------------\n  Crème brûlée               £ 4.50\n  Café                       £ 2.00\n  ---------------------------------\n  Total                      £ 6.50\n",
		"YAML":                "menu:\n    - name: Crème brûlée\n      price: 4.50\n    - name: Pâté\n      price: 3\n",
		"dots":                "Chapter 1 .................... 5\nÉtude ........................ 9\n",
		"digits":              "0000 1111 2222 3333 4444 5555 6666 7777 8888 9999 é 0000 1111",
		"a control character": "caf\x0bé and more of it\x01 in Latin-1\x02",
		"letters":             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé",
	} {
		for _, text := range []string{text, text + " ", " " + text, text + strings.Repeat(" ", 5000), strings.Repeat("\n        ", 1000) + text, text + strings.Repeat(" \n", 40<<10) + text} {
			b, ok := encodeAll(t, "windows-1252", text)
			if !ok {
				t.Fatalf("%s is not all windows-1252", name)
			}
			if got := Detect(b, "text/plain"); Decode(b, got) != text {
				t.Errorf("%s with %d bytes is taken for %s: %.60q", name, len(b), got, Decode(b, got))
			}
		}
	}
}

// TestDetectNotWide has other texts that UTF-16 could be made of.
func TestDetectNotWide(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"UTF-8 with a control character", "日本語のテキスト\x01です", "utf-8"},
		{"UTF-8 with a NUL", "日本語のテキスト\x00です", "utf-8"},
		{"UTF-8 cut in a character", "日本語のテキストで\xe3\x81", "utf-8"},
		{"UTF-8 cut in a character, with control characters", "\x01\x02日本語のテキストで\xe3\x81", "utf-8"},
		{"ASCII with a NUL", "abcdefghij\x00klmnopqr", "utf-8"},
		{"ASCII with NULs", "one\x00two\x00three\x00four\x00", "utf-8"},
		{"ASCII with control characters", "a\x01b\x02c\x03d\x04e\x05f\x06", "utf-8"},
		{"EUC-JP", "\xc5\xec\xb5\xfe\xc5\xd4\xbd\xc2\xc3\xab\xb6\xe8", "euc-jp"},
		{"GBK", "\xb1\xb1\xbe\xa9\xca\xd0\xba\xa3\xb5\xed\xc7\xf8", "gb18030"},
		{"Big5", "\xbb\xf9\xae\xe6", "big5"},
		{"Shift_JIS katakana", "\x83\x5c\x83\x74\x83\x67\x83\x45\x83\x46\x83\x41", "shift_jis"},
		{"Korean", "\xbe\xc8\xb3\xe7", "euc-kr"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Detect([]byte(tt.body), "text/plain"); got != tt.want {
				t.Errorf("Detect(%q) = %q, which makes %q; want %q", tt.body, got, Decode([]byte(tt.body), got), tt.want)
			}
		})
	}
}

// TestDetectWide wants UTF-16 and UTF-32 found without their marks.
func TestDetectWide(t *testing.T) {
	for language, texts := range paragraphs(t) {
		for _, name := range []string{"utf-16le", "utf-16be", "utf-32le", "utf-32be"} {
			for _, text := range texts {
				for _, n := range []int{12, 40, 1000} {
					runes := []rune(text)
					text := string(runes[:min(n, len(runes))])
					b, _ := encodeAll(t, name, text)
					if got := Detect(b, "text/plain"); got != name {
						t.Errorf("%s of %d characters in %s is taken for %s: %.60q", language, n, name, got, text)
					}
				}
			}
		}
	}
}
