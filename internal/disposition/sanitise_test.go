package disposition

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var sanitiseTests = []struct {
	name string
	in   string
	want string // "" if the name is refused
}{
	{"plain", "report.pdf", "report.pdf"},
	{"no extension", "LICENSE", "LICENSE"},
	{"several dots", "a.tar.gz", "a.tar.gz"},
	{"spaces within", "the plans (1).pdf", "the plans (1).pdf"},
	{"beyond ASCII", "naïve €.pdf", "naïve €.pdf"},
	{"what a shell minds", `-rf "$HOME" *?<>|`, `-rf "$HOME" *?<>|`},
	{"percent signs", "%2e%2e%2fa", "%2e%2e%2fa"},
	{"tilde", "~root", "~root"},

	{"empty", "", ""},
	{"dot", ".", ""},
	{"parent", "..", ""},
	{"dots", "....", ""},
	{"space", " ", ""},
	{"dots and spaces", ". . .", ""},
	{"no-break and ideographic space", "\u00a0\u3000", ""},

	{"absolute path", "/etc/passwd", "passwd"},
	{"path upwards", "../../etc/passwd", "passwd"},
	{"path upwards by backslash, CVE-2010-3842", `..\x`, "x"},
	{"path with a drive", `C:\x\y.txt`, "y.txt"},
	{"network path", `\\host\share\y.txt`, "y.txt"},
	{"mixed separators", `a/b\c/d\e`, "e"},
	{"path that ends in a separator", "a/", ""},
	{"path that ends in a backslash", `a\`, ""},
	{"path to a parent", "a/..", ""},
	{"drive, CVE-2016-0754", "C:x", ""},
	{"stream, CVE-2016-0754", "a.txt:stream", ""},
	{"stream by its full name", "a.txt::$DATA", ""},
	{"colon in a folder's name alone", "a:b/c", "c"},

	{"NUL", "a\x00.txt", ""},
	{"NUL after the extension", "a.txt\x00.exe", ""},
	{"line feed", "a\nb", ""},
	{"line feed at the end", "a\n", ""},
	{"tab", "a\tb", ""},
	{"escape", "a\x1b[2Jb", ""},
	{"DEL", "a\x7f", ""},
	{"C1 control", "a\u0085b", ""},
	{"control in a folder's name alone", "a\x00/b", "b"},
	{"right-to-left override", "invoice\u202efdp.exe", ""},
	{"isolate", "a\u2066b", ""},
	{"byte order mark", "\ufeffa", ""},
	{"soft hyphen", "a\u00adb", ""},
	{"line separator", "a\u2028b", ""},
	{"joiners within", "نامه\u200cای 👨\u200d👩", "نامه\u200cای 👨\u200d👩"},
	{"not UTF-8", "a\xffb", ""},

	{"hidden file", ".bashrc", "bashrc"},
	{"hidden file behind a path", "../../.ssh/.rc", "rc"},
	{"hidden file behind a space", " .bashrc", "bashrc"},
	{"hidden file behind a joiner", "\u200d.bashrc", "bashrc"},
	{"dots at the end", "a.txt...", "a.txt"},
	{"spaces at the end", "a.txt  ", "a.txt"},
	{"dots and spaces at the end", "a.exe. .", "a.exe"},

	{"device", "NUL", ""},
	{"device in lower case", "con", ""},
	{"device with an extension", "aux.txt", ""},
	{"device with two extensions", "PRN.tar.gz", ""},
	{"device with a space", "nul .txt", ""},
	{"device behind a path", `C:\nul`, ""},
	{"device behind a dot", ".nul", ""},
	{"device before a dot", "nul.", ""},
	{"first serial port", "COM1.log", ""},
	{"last parallel port", "lpt9", ""},
	{"port with a superscript", "COM¹", ""},
	{"console", "CONIN$.x", ""},
	{"clock", "clock$", ""},
	{"no device", "console.log", "console.log"},
	{"no port", "COM.txt", "COM.txt"},
	{"no port either", "COM10.txt", "COM10.txt"},
	{"no port with a letter", "comx", "comx"},

	{"as long as may be", strings.Repeat("a", 251) + ".txt", strings.Repeat("a", 251) + ".txt"},
	{"too long", strings.Repeat("a", 252) + ".txt", strings.Repeat("a", 251) + ".txt"},
	{"too long, no extension", strings.Repeat("a", 300), strings.Repeat("a", 255)},
	{"too long, cut within a character", strings.Repeat("a", 249) + "€.txt", strings.Repeat("a", 249) + ".txt"},
	{"too long, cut after a character", strings.Repeat("a", 248) + "€€.txt", strings.Repeat("a", 248) + "€.txt"},
	{"too long, cut within a character, no extension", strings.Repeat("€", 100), strings.Repeat("€", 85)},
	{"too long, cut at a space", strings.Repeat("a", 250) + "   b.txt", strings.Repeat("a", 250) + ".txt"},
	{"too long, cut at a dot", strings.Repeat("a", 254) + ".b." + strings.Repeat("c", 200), strings.Repeat("a", 254)},
	{"too long an extension", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 253)},
	{"too long a device", "nul" + strings.Repeat(" ", 300) + ".txt", ""},
}

func TestSanitise(t *testing.T) {
	for _, tt := range sanitiseTests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := Sanitise(tt.in); got != tt.want || ok != (tt.want != "") {
				t.Errorf("Sanitise(%q) = %q, %t; want %q, %t", tt.in, got, ok, tt.want, tt.want != "")
			}
		})
	}
}

// TestSanitiseFilename goes from field to name: escapes are undone before a
// name is made safe, not after.
func TestSanitiseFilename(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want string
	}{
		{"escaped path", `attachment; filename*=UTF-8''%2e%2e%2f%2e%2e%2fetc%2fpasswd`, "passwd"},
		{"escaped backslash", `attachment; filename*=UTF-8''..%5Cx`, "x"},
		{"escaped NUL", `attachment; filename*=UTF-8''a%00.txt`, ""},
		{"escaped line end", `attachment; filename*=UTF-8''a%0d%0ab`, ""},
		{"escaped override", `attachment; filename*=UTF-8''a%e2%80%aefdp.exe`, ""},
		{"C1 in ISO-8859-1", `attachment; filename*=ISO-8859-1''%85`, ""},
		{"quoted path", `attachment; filename="../../x"`, "x"},
		{"backslashes, of which quoting takes one half", `attachment; filename="..\\..\\x"`, "x"},
		{"backslashes, of which quoting takes all", `attachment; filename="C:\dir\x"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, ok := Filename(tt.in)
			if !ok {
				t.Fatalf("Filename(%q) finds none", tt.in)
			}
			if got, ok := Sanitise(name); got != tt.want || ok != (tt.want != "") {
				t.Errorf("Sanitise(Filename(%q)) = %q, %t; want %q, %t", tt.in, got, ok, tt.want, tt.want != "")
			}
		})
	}
}

func FuzzSanitise(f *testing.F) {
	for _, tt := range sanitiseTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		name, ok := Sanitise(in)
		if !ok {
			if name != "" {
				t.Errorf("Sanitise(%q) = %q, false; want no name", in, name)
			}
			return
		}
		if name == "" || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\:\x00") ||
			strings.Trim(name, ". ") != name || !filepath.IsLocal(name) || filepath.Base(name) != name {
			t.Errorf("Sanitise(%q) = %q, which is not safe", in, name)
		}
		if again, ok := Sanitise(name); again != name || !ok {
			t.Errorf("Sanitise(%q) = %q, %t; want it unchanged", name, again, ok)
		}
	})
}
