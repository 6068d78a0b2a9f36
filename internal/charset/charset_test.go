package charset

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestLookup(t *testing.T) {
	for _, tt := range []struct{ label, want string }{
		{"utf-8", "utf-8"},
		{"UTF8", "utf-8"},
		{" Utf_8\t", "utf-8"},
		{"utf-8-sig", "utf-8"},
		{"iso-8859-1", "windows-1252"},
		{"us-ascii", "windows-1252"},
		{"iso-8859-9", "windows-1254"},
		{"iso-8859-11", "windows-874"},
		{"gb2312", "gbk"},
		{"utf-16", "utf-16le"},

		// What Python calls them.
		{"latin-1", "windows-1252"},
		{"latin_1", "windows-1252"},
		{"iso8859_15", "iso-8859-15"},
		{"latin9", "iso-8859-15"},
		{"cp1251", "windows-1251"},
		{"koi8_u", "koi8-u"},
		{"shift_jis", "shift_jis"},
		{"euc_jp", "euc-jp"},
		{"cp932", "shift_jis"},
		{"cp936", "gbk"},
		{"cp949", "euc-kr"},
		{"cp950", "big5"},
		{"utf_16_be", "utf-16be"},
		{"utf-32", "utf-32le"},
		{"utf-32-be", "utf-32be"},
		{"UTF-32LE", "utf-32le"},
		{"mac_roman", "macintosh"},
		{"cp437", "cp437"},
		{"ibm850", "cp850"},
		{"cp855", "cp855"},
		{"mac_latin2", "x-mac-ce"},
		{"cp866u", "cp1125"},

		// Encodings that browsers refuse to read.
		{"hz-gb-2312", "replacement"},
		{"iso-2022-kr", "replacement"},

		{"", ""},
		{"-", ""},
		{"bogus", ""},
		{"utf-7", ""},
		{"unicode-1-1-utf-7", ""},
		{"utf-8\x00", ""},
		{"utf-8,utf-8", ""},
		{`"utf-8"`, ""},
		{"ütf-8", ""},
		{strings.Repeat("utf8", 1000), ""},
	} {
		got, ok := Lookup(tt.label)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Lookup(%.40q) = %q, %v; want %q", tt.label, got, ok, tt.want)
		}
	}
}

// TestLabels fails if one label stands for two encodings, or is too long to be found.
// TestLookupWithoutDecoder has the encodings that docs/differences.md says are missing.
func TestLookupWithoutDecoder(t *testing.T) {
	for _, label := range []string{
		"cp856", "cp1006", "mac-arabic", "mac-farsi", "palmos", "utf-7", "euc-tw",
		"shift_jis_2004", "shift_jisx0213", "euc_jis_2004", "euc_jisx0213", "iso2022_jp_3", "iso2022_jp_2004",
	} {
		if name, ok := Lookup(label); ok {
			t.Errorf("Lookup(%q) = %q; say so in docs/differences.md", label, name)
		}
	}
}

func TestLabels(t *testing.T) {
	owner := make(map[string]string)
	for _, c := range charsets {
		for label := range strings.FieldsSeq(c.name + " " + c.labels + " " + c.others) {
			key := string(squeeze(nil, label))
			if was, ok := owner[key]; ok {
				t.Errorf("%q of %s is %s already, or needless", label, c.name, was)
			}
			owner[key] = c.name
			if len(key) >= maxLabel {
				t.Errorf("%q has %d characters; want less than %d", label, len(key), maxLabel)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, body, label, want string }{
		{"nothing", "", "utf-8", ""},
		{"UTF-8", "grüße 日本 😀", "UTF-8", "grüße 日本 😀"},
		{"ASCII as anything", "plain\r\n", "koi8-r", "plain\r\n"},
		{"Latin-1 is windows-1252", "\x80 \xe9", "iso-8859-1", "€ é"},
		{"undefined in windows-1252", "a\x81b", "windows-1252", "a\ufffdb"},
		{"undefined in windows-1253", "a\xaab", "windows-1253", "a\ufffdb"},
		{"Shift_JIS", "\x82\xb1\x82\xf1", "shift_jis", "こん"},
		{"Shift_JIS cut", "ok\x81", "shift_jis", "ok\ufffd"},
		{"GB2312 is all of GBK", "\x81\x40", "gb2312", "丂"},
		{"GBK is all of GB 18030", "\x81\x30\x81\x30", "gbk", "\u0080"},
		{"Big5", "\xa7A\xa6n", "big5", "你好"},
		{"ISO-2022-JP", "\x1b$B$3$s\x1b(B.", "iso-2022-jp", "こん."},
		{"EBCDIC", "\xc1\xc2", "cp037", "AB"},
		{"EBCDIC in ASCII's bytes", "AB", "cp037", "\u00a0â"},
		{"Johab", "\xd0e\x8a\x82\xb4\xe1 \x88A\x84a \xf7\xd3\xf1\xae \xd9j", "johab", "한국어 ㄱㅏ 漢字 ★"},
		{"Johab cut", "ok\xd0", "johab", "ok\ufffd"},
		{"Johab with a wrong second byte", "\xd0 \xd0\x7f", "johab", "\ufffd \ufffd\x7f"},
		{"ISO-2022-KR", "\x1b$)C\x0eGQ19>n\x0f \x0eySm.\x0f\nabc \x0e0!\x0f", "x-iso-2022-kr", "한국어 漢字\nabc 가"},
		{"ISO-2022-KR until the end of the line", "\x1b$)C\x0eGQ\nGQ", "x-iso-2022-kr", "한\nGQ"},
		{"ISO-2022-KR cut", "\x1b$)C\x0eG", "x-iso-2022-kr", "\ufffd"},
		{"ISO-2022-KR cut in its escape", "\x1b$)", "x-iso-2022-kr", "\x1b$)"},
		{"HZ", "~{VPND~}", "x-hz-gb-2312", "中文"},
		{"Arabic of DOS has a percent sign", "%\xc7", "cp864", "٪ﺍ"},
		{"Vietnamese", "Vi\xaet", "viscii", "Việt"},
		{"x-user-defined", "a\x80", "x-user-defined", "a\uf780"},
		{"replacement", "~{VPND~}", "hz-gb-2312", "\ufffd"},

		{"UTF-8 mark", "\xef\xbb\xbfabc", "utf-8", "abc"},
		{"one mark only", "\xef\xbb\xbf\xef\xbb\xbfabc", "utf-8", "\ufeffabc"},
		{"part of a mark", "\xef\xbb", "utf-8", "\ufffd"},
		{"mark counts more than the label", "\xef\xbb\xbfé", "iso-8859-1", "é"},
		{"UTF-16 mark counts more than the label", "\xfe\xff\x00\xe9", "utf-8", "é"},
		{"UTF-16", "\xe9\x00", "utf-16", "é"},
		{"UTF-16 of either order", "\xfe\xff\x00\xe9", "utf-16le", "é"},
		{"UTF-16 with a NUL behind the mark", "\xff\xfe\x00\x00", "utf-16", "\x00"},
		{"UTF-32", "\xe9\x00\x00\x00", "utf-32", "é"},
		{"UTF-32LE mark", "\xff\xfe\x00\x00\xe9\x00\x00\x00", "utf-32", "é"},
		{"UTF-32BE mark", "\x00\x00\xfe\xff\x00\x00\x00\xe9", "utf-32", "é"},
		{"UTF-32 out of range", "\x00\x00\x11\x00", "utf-32", "\ufffd"},
		{"B171 UTF-16 of one byte", "a", "utf-16", "\ufffd"},
		{"B171 UTF-16 without a mark", "\x00a", "utf-16be", "a"},
		{"B171 half a surrogate pair", "\x00\xd8", "utf-16le", "\ufffd"},
		{"B171 UTF-7", "+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-"},

		{"B170 bogus", "h\xc3\xa9 \xe9 x", "bogus", "hé \ufffd x"},
		{"B170 no label", "hé", "", "hé"},
		{"wrong bytes", "\xfe \xff", "utf-8", "\ufffd \ufffd"},
		{"cut in a character", "abc\xe2\x82", "utf-8", "abc\ufffd"},
		{"surrogate in UTF-8", "\xed\xa0\x80", "utf-8", "\ufffd\ufffd\ufffd"},
		{"overlong", "\xc0\xaf", "utf-8", "\ufffd\ufffd"},
		{"cut and going on", "\xf0\x9f\x98x", "utf-8", "\ufffdx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Decode([]byte(tt.body), tt.label); got != tt.want {
				t.Errorf("Decode(%q, %q) = %q; want %q", tt.body, tt.label, got, tt.want)
			}
			for _, r := range []io.Reader{
				strings.NewReader(tt.body), iotest.OneByteReader(strings.NewReader(tt.body)), iotest.DataErrReader(strings.NewReader(tt.body)),
			} {
				got, err := io.ReadAll(NewReader(r, tt.label))
				if string(got) != tt.want || err != nil {
					t.Errorf("NewReader(%q, %q) gives %q, %v; want %q", tt.body, tt.label, got, err, tt.want)
				}
			}
		})
	}
}

// TestDecodeLanguages takes every encoding there and back.
func TestDecodeLanguages(t *testing.T) {
	for _, tt := range texts {
		for name := range strings.FieldsSeq(tt.charsets) {
			b := encode(t, name, tt.text)
			want := tt.text
			if name == "windows-1258" {
				want = vietnamese(want)
			}
			want = strings.ReplaceAll(want, "\u200d", "")
			if got := Decode(b, name); got != want && !strings.ContainsRune(got, '\x1a') {
				t.Errorf("%s in %s became %q; want %q", tt.language, name, got, want)
			}
		}
	}
}

func TestDecodeAllocates(t *testing.T) {
	body := []byte(strings.Repeat("grüße ", 1000))
	ascii := bytes.Repeat([]byte("plain "), 1000)
	for _, tt := range []struct {
		body  []byte
		label string
	}{{body, "utf-8"}, {ascii, "iso-8859-1"}, {body, "windows-1252"}} {
		if n := testing.AllocsPerRun(10, func() { Decode(tt.body, tt.label) }); n != 1 {
			t.Errorf("Decode(…, %q) allocates %v times; want once", tt.label, n)
		}
	}
}

// TestReaderPassesOn checks that no text waits for more than its character,
// and that an error of the source comes through.
func TestReaderPassesOn(t *testing.T) {
	pr, pw := io.Pipe()
	r := NewReader(pr, "utf-8")
	broken := errors.New("broken")
	go func() {
		for _, part := range []string{"\n", "abc", "d\xc3", "\xa9e"} {
			io.WriteString(pw, part)
		}
		pw.CloseWithError(broken)
	}()
	buf := make([]byte, 100)
	for _, want := range []string{"\n", "abc", "d", "ée"} {
		if n, err := r.Read(buf); string(buf[:n]) != want || err != nil {
			t.Errorf("Read = %q, %v; want %q", buf[:n], err, want)
		}
	}
	if _, err := r.Read(buf); err != broken {
		t.Errorf("Read = %v; want %v", err, broken)
	}
}

// TestDecodeHostile makes sure that decoding is linear and ends (CVE-2020-14040).
func TestDecodeHostile(t *testing.T) {
	for _, c := range charsets {
		for _, unit := range []string{"\xff", "\x1b$", "\x81", "\x00\xd8", "a\x8f"} {
			b := bytes.Repeat([]byte(unit), 1<<15)
			text := Decode(b, c.name)
			if !utf8.ValidString(text) {
				t.Errorf("%s of %q is no UTF-8", c.name, unit)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range texts {
		name, _, _ := strings.Cut(tt.charsets, " ")
		f.Add(encode(f, name, tt.text), name)
	}
	f.Add([]byte("a"), "utf-16")
	f.Add([]byte("\xef\xbb"), "bogus")
	f.Fuzz(func(t *testing.T, b []byte, label string) {
		got := Decode(b, label)
		if !utf8.ValidString(got) {
			t.Errorf("Decode(%q, %q) = %q", b, label, got)
		}
		streamed, err := io.ReadAll(NewReader(iotest.OneByteReader(bytes.NewReader(b)), label))
		if string(streamed) != got || err != nil {
			t.Errorf("NewReader(%q, %q) gives %q, %v; Decode %q", b, label, streamed, err, got)
		}
		if _, ok := Lookup(label); !ok && got != Decode(b, "utf-8") {
			t.Errorf("Decode(%q, %q) = %q; want it as UTF-8", b, label, got)
		}
	})
}

func FuzzLookup(f *testing.F) {
	for _, c := range charsets {
		f.Add(c.name)
	}
	f.Fuzz(func(t *testing.T, label string) {
		name, ok := Lookup(label)
		if again, _ := Lookup(name); ok && again != name {
			t.Errorf("Lookup(%q) = %q, and of that %q", label, name, again)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, label := range []string{"utf-8", "windows-1252", "shift_jis"} {
		body := bytes.Repeat([]byte("\x82\xb1 \xe9\x80 plain text of some length "), 30_000)
		if label == "utf-8" {
			body = bytes.ToValidUTF8(body, []byte("é"))
		}
		b.Run(label, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				Decode(body, label)
			}
		})
		b.Run(label+" streamed", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				io.Copy(io.Discard, NewReader(bytes.NewReader(body), label))
			}
		})
	}
}
