package charset

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/unicode/norm"
)

func encode(t testing.TB, name, text string) []byte {
	t.Helper()
	c, ok := find(name)
	if !ok {
		t.Fatalf("no charset %q", name)
	}
	if name == "windows-1258" {
		text = vietnamese(text)
	}
	b, err := encoding.ReplaceUnsupported(c.coding.(encoding.Encoding).NewEncoder()).Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vietnamese writes tones as marks behind the letter, as windows-1258 does.
func vietnamese(text string) string {
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

// TestDetectLanguages wants every text recognised as a whole, which is that it
// decodes to what was written, and nearly all of the parts of it.
func TestDetectLanguages(t *testing.T) {
	parts, right := 0, 0
	for _, tt := range texts {
		for name := range strings.FieldsSeq(tt.charsets) {
			whole := encode(t, name, tt.text)
			want := Decode(whole, name)
			if got := Detect(whole, "text/plain"); Decode(whole, got) != want {
				t.Errorf("%s in %s is taken for %s: %s", tt.language, name, got, Decode(whole, got))
			}
			for _, part := range cut(tt.text, 40) {
				b := encode(t, name, part)
				if isASCII(b) && name != "iso-2022-jp" {
					continue
				}
				parts++
				if got := Detect(b, "text/plain"); Decode(b, got) == Decode(b, name) {
					right++
				} else {
					t.Logf("%s in %s is taken for %s: %q", tt.language, name, got, Decode(b, got))
				}
			}
		}
	}
	t.Logf("%d of %d parts are recognised", right, parts)
	if right*100 < parts*93 {
		t.Errorf("%d of %d parts are recognised; want 93%%", right, parts)
	}
}

// TestDetectRomanian tells ISO-8859-16 from windows-1250 where the bytes do: both have
// the letters of Romanian in the same places, with a comma here and a cedilla there.
func TestDetectRomanian(t *testing.T) {
	const plain = "Așa și-a găsit o țară în care să trăiască, fără să știe dacă va rămâne."
	for _, tt := range []struct{ text, name, want string }{
		{plain, "iso-8859-16", "windows-1250"},
		{"„Bine” – a spus. " + plain, "windows-1250", "windows-1250"},
		{"„Bine”, a spus. " + plain, "iso-8859-16", "iso-8859-16"},
		{plain + " Costă 20 €.", "iso-8859-16", "iso-8859-16"},
		{plain + " Costă 20 €.", "windows-1250", "windows-1250"},
	} {
		text := tt.text
		if tt.name == "windows-1250" {
			text = strings.NewReplacer("ș", "ş", "ț", "ţ", "Ș", "Ş", "Ț", "Ţ").Replace(text)
		}
		b := encode(t, tt.name, text)
		if got := Detect(b, "text/plain"); got != tt.want {
			t.Errorf("Detect(%q in %s) = %s; want %s", text, tt.name, got, tt.want)
		}
	}
	letters := []byte("\xaa\xba\xde\xfe\xc3\xe3\xc2\xe2\xce\xee")
	comma := strings.NewReplacer("ș", "ş", "ț", "ţ", "Ș", "Ş", "Ț", "Ţ").Replace(Decode(letters, "iso-8859-16"))
	if cedilla := Decode(letters, "windows-1250"); comma != cedilla {
		t.Errorf("the letters of Romanian are %q and %q; want them in the same places", comma, cedilla)
	}
}

// cut divides a text in parts of about n characters.
func cut(text string, n int) []string {
	var parts []string
	runes := []rune(text)
	for len(runes) > n {
		at := n
		for at > n/2 && runes[at] != ' ' {
			at--
		}
		parts = append(parts, string(runes[:at]))
		runes = runes[at:]
	}
	return append(parts, string(runes))
}

func TestDetect(t *testing.T) {
	long := strings.Repeat("<p>x</p>\n", 20_000) // beyond every sample
	for _, tt := range []struct {
		name        string
		body        string
		contentType string
		want        string
	}{
		{name: "nothing", want: "utf-8"},
		{name: "ASCII", body: "plain", want: "utf-8"},
		{name: "UTF-8", body: "grüße", want: "utf-8"},

		{name: "UTF-8 mark", body: "\xef\xbb\xbfabc", want: "utf-8"},
		{name: "UTF-16LE mark", body: "\xff\xfea\x00", want: "utf-16le"},
		{name: "UTF-16BE mark", body: "\xfe\xff\x00a", want: "utf-16be"},
		{name: "UTF-32LE mark", body: "\xff\xfe\x00\x00a\x00\x00\x00", want: "utf-32le"},
		{name: "UTF-32BE mark", body: "\x00\x00\xfe\xff\x00\x00\x00a", want: "utf-32be"},
		{name: "mark before meta", body: "\xef\xbb\xbf<meta charset=koi8-r>", contentType: "text/html", want: "utf-8"},

		{name: "meta", body: "<meta charset=koi8-r>grüße", contentType: "text/html", want: "koi8-r"},
		{name: "meta in XHTML", body: "<meta charset=koi8-r>", contentType: "application/xhtml+xml", want: "koi8-r"},
		{name: "meta of no type", body: "<meta charset=koi8-r>", want: "koi8-r"},
		{name: "meta of a bad type", body: "<meta charset=koi8-r>", contentType: ";;;", want: "koi8-r"},
		{name: "meta in text", body: "<meta charset=koi8-r>", contentType: "text/plain", want: "utf-8"},
		{name: "late meta", body: long[:9000] + "<meta charset=koi8-r>", contentType: "text/html", want: "koi8-r"},
		{name: "late meta of no type", body: long[:9000] + "<meta charset=koi8-r>", want: "utf-8"},
		{name: "meta with an unknown label", body: "<meta charset=bogus>grüße", contentType: "text/html", want: "utf-8"},
		{name: "meta cannot be UTF-16", body: "<meta charset=utf-16le>", contentType: "text/html", want: "utf-8"},
		{name: "meta cannot be UTF-7", body: "<meta charset=utf-7>+ADw-script+AD4-", contentType: "text/html", want: "utf-8"},
		{name: "meta behind an empty comment", body: "<!--><meta charset=koi8-r>", contentType: "text/html", want: "koi8-r"},
		{name: "XML declaration", body: `<?xml version="1.0" encoding='koi8-r'?>`, contentType: "text/xml", want: "koi8-r"},
		{name: "XML declaration in RSS", body: `<?xml version="1.0" encoding = "koi8-r" ?>`, contentType: "application/rss+xml", want: "koi8-r"},
		{name: "XML declaration of no type", body: `<?xml version="1.0" encoding="koi8-r"?>`, want: "koi8-r"},
		{name: "XML declaration in HTML", body: `<?xml version="1.0" encoding="koi8-r"?>`, contentType: "text/html", want: "koi8-r"},
		{name: "XML declaration of UTF-16", body: `<?xml version="1.0" encoding="utf-16"?>`, contentType: "text/xml", want: "utf-8"},
		{name: "XML declaration without", body: `<?xml version="1.0"?><a encoding="koi8-r"/>`, contentType: "text/xml", want: "utf-8"},
		{name: "XML declaration not at the beginning", body: ` <?xml version="1.0" encoding="koi8-r"?>`, contentType: "text/xml", want: "utf-8"},

		{name: "UTF-8 cut in a character", body: "grüße, 日\xe6\x9c", contentType: "text/plain", want: "utf-8"},
		{name: "UTF-8 with a wrong byte", body: strings.Repeat("日本語 ", 20) + "\xff", contentType: "text/plain", want: "utf-8"},
		{name: "UTF-8 with a wrong byte far behind", body: long + "日本語" + long + "\xff", contentType: "text/plain", want: "utf-8"},
		{name: "not UTF-8: the end of a Latin word", body: "un caf\xe9", contentType: "text/plain", want: "windows-1252"},
		{name: "one byte", body: "\xe9", contentType: "text/plain", want: "windows-1252"},
		{name: "quotation marks", body: "\x93So it\x92s true\x94, \x96 he said", contentType: "text/plain", want: "windows-1252"},
		{name: "euro in ISO-8859-15", body: "Das k\xf6nnen Sie f\xfcr 20 \xa4 haben", contentType: "text/plain", want: "iso-8859-15"},

		{name: "ISO-2022-JP", body: "\x1b$B$3$s$K$A$O\x1b(B", contentType: "text/plain", want: "iso-2022-jp"},
		{name: "escapes of a terminal", body: "\x1b[31mred\x1b[0m", contentType: "text/plain", want: "utf-8"},
		{name: "B171 UTF-7 is ASCII", body: "+ADw-script+AD4-", contentType: "text/plain", want: "utf-8"},
		{name: "B171 HZ is ASCII", body: "~{VPND~}", contentType: "text/plain", want: "utf-8"},
		{name: "EBCDIC", body: "\xe3\x88\x89\xa2@\x89\xa2@\x81@\x86\x89\x93\x85@\x86\x99\x96\x94@\x81@\x94\x81\x89\x95\x86\x99\x81\x94\x85K", contentType: "text/plain", want: "cp037"},
		{name: "a NUL in ASCII", body: "abcdefgh\x00ijklmnop", contentType: "text/plain", want: "utf-8"},
		{name: "UTF-16LE", body: "h\x00i\x00", contentType: "text/plain", want: "utf-16le"},
		{name: "UTF-16BE", body: "\x00h\x00i", contentType: "text/plain", want: "utf-16be"},
		{name: "JSON in UTF-16", body: "1\x00", contentType: "application/json; x=y", want: "utf-16le"},
		{name: "problem in UTF-16", body: "\x001", contentType: "application/problem+json", want: "utf-16be"},
		{name: "JSON in Latin-1", body: "{\"name\":\"Andr\xe9\"}", contentType: "application/json", want: "windows-1252"},

		{name: "behind much ASCII", body: long + "\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0?", contentType: "text/html", want: "windows-1251"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Detect([]byte(tt.body), tt.contentType); got != tt.want {
				t.Errorf("Detect(%.60q, %q) = %q; want %q", tt.body, tt.contentType, got, tt.want)
			}
		})
	}
}

func TestDetectJSON(t *testing.T) {
	for _, text := range []string{"1", "[]", `{"a":1}`, `"é"`, `"一二"`, `"😀"`, ` [ "日本" ]`} {
		for _, name := range []string{"utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be"} {
			for _, mark := range []string{"", "\ufeff"} {
				b := encode(t, name, mark+text)
				if got := DetectJSON(b); got != name || Decode(b, got) != text {
					t.Errorf("DetectJSON(%q) = %q, which makes %q; want %q", b, got, Decode(b, got), name)
				}
			}
		}
	}
	if got := DetectJSON(nil); got != "utf-8" {
		t.Errorf("DetectJSON(nothing) = %q; want utf-8", got)
	}
}

// TestDetectHostile makes sure that the work is bounded and linear.
func TestDetectHostile(t *testing.T) {
	for name, unit := range map[string]string{
		"tags": "<a ", "comments": "<!--", "metas": "<meta a=", "quotes": `<meta content="`, "charsets": "<meta content='charset charset' ",
		"ends": "</a", "declaration": "<?xml ", "high bytes": "\xe9", "pairs": "\xe9\x80 ", "NULs": "\x00\xe9", "one word": "a\xe9", "digits": "1\xff",
		"blanks of EBCDIC": "@\x81", "shifts": "\x1b$)C\x0e!", "HZ": "~{VP~}", "blanks": "  \xe9", "lines": "\n\n\n\xe9", "rare": strings.Repeat("\xe9", 4<<10) + "\xfe",
	} {
		b := bytes.Repeat([]byte(unit), 1<<20/len(unit))
		for _, contentType := range []string{"", "text/html", "text/xml"} {
			label := Detect(b, contentType)
			if _, ok := Lookup(label); !ok {
				t.Errorf("%s as %q is %q, which is no encoding", name, contentType, label)
			}
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, tt := range texts {
		name, _, _ := strings.Cut(tt.charsets, " ")
		f.Add(encode(f, name, tt.text), "text/plain")
	}
	f.Add([]byte(`<!-- --><meta http-equiv="Content-Type" content="text/html; charset='utf-8'">`), "text/html")
	f.Add([]byte(`<?xml version="1.0" encoding="koi8-r"?>`), "")
	f.Fuzz(func(t *testing.T, b []byte, contentType string) {
		label := Detect(b, contentType)
		if again := Detect(b, contentType); again != label {
			t.Errorf("Detect(%q, %q) = %q, then %q", b, contentType, label, again)
		}
		if name, ok := Lookup(label); !ok || name != label {
			t.Errorf("Detect(%q, %q) = %q, which Lookup says is %q, %v", b, contentType, label, name, ok)
		}
		if text := Decode(b, label); !utf8.ValidString(text) {
			t.Errorf("Decode(%q, %q) = %q", b, label, text)
		}
		if label := DetectJSON(b); !strings.HasPrefix(label, "utf-") {
			t.Errorf("DetectJSON(%q) = %q", b, label)
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	page := []byte(strings.Repeat("<p>", 1000))
	for _, tt := range texts {
		if tt.language == "Polish" || tt.language == "Russian" || tt.language == "Korean" {
			for name := range strings.FieldsSeq(tt.charsets) {
				page = append(page, bytes.Repeat(encode(b, name, tt.text), 100)...)
				b.Run(tt.language+" in "+name, func(b *testing.B) {
					for b.Loop() {
						Detect(page, "text/html")
					}
				})
				page = page[:3000]
				break
			}
		}
	}
	for name, body := range map[string][]byte{
		"ASCII":       bytes.Repeat([]byte("plain text "), 100_000),
		"a few words": []byte("Copyright \xa9 2024 Caf\xe9 de Flore"),
		"much markup": bytes.Repeat([]byte("<td class=\"name\">plain text</td>\n<td>Caf\xe9</td>\n"), 20_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				Detect(body, "text/plain")
			}
		})
	}
}
