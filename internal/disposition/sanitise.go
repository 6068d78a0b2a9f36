package disposition

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name that common file systems allow, in bytes.
const maxName = 255

// Sanitise makes a name that a server gave into one that is safe to create in
// a directory of the caller's choice, on every system. It reports false if
// there is no such name; the caller then takes another.
//
// It takes the last part of a path, with slashes or backslashes. White space
// and dots are removed from both ends: Windows drops them from the end, and at
// the front they would make a hidden file, such as a .bashrc. So are joiners,
// which HFS+ ignores. A name of more than 255 bytes is cut before its
// extension. Refused are
//
//   - names that have nothing left, "" and ".." among them;
//   - colons, which name drives and alternate streams (a:b, b.txt:c);
//   - control characters, and the invisible ones that reorder or hide text
//     (invoice[U+202E]fdp.exe), but for the joiners that scripts need;
//   - names of DOS devices, with any extension (nul, COM1.txt);
//   - what is not UTF-8.
//
// The result keeps all other characters, so it is not safe as a word in a
// shell.
func Sanitise(name string) (string, bool) {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if !utf8.ValidString(name) || strings.ContainsFunc(name, refused) {
		return "", false
	}
	name = cut(strings.TrimFunc(name, droppedAtEnds))
	if name == "" || isDevice(name) {
		return "", false
	}
	return name, true
}

// U+200C and U+200D, which Persian, Hindi and family emoji need within a word.
const nonJoiner, joiner = '\u200c', '\u200d'

func droppedAtEnds(r rune) bool {
	return r == '.' || r == nonJoiner || r == joiner || unicode.IsSpace(r)
}

func refused(r rune) bool {
	switch r {
	case ':', '\u2028', '\u2029': // the last two are line and paragraph separator
		return true
	case nonJoiner, joiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf)
}

// cut shortens a name that is too long, at a character's boundary.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxName/2 {
		ext = "" // this is a name with an early dot, not an extension
	}
	end := maxName - len(ext)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.TrimRightFunc(name[:end], droppedAtEnds) + ext
}

// isDevice reports whether Windows takes name for a device: in any case, with
// any extension, and with spaces before that.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem = strings.ToUpper(strings.TrimRight(stem, " ")); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "COM")
	if !ok {
		port, ok = strings.CutPrefix(stem, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}
