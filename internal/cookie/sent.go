package cookie

import (
	"strconv"
	"strings"
)

// maxSent is the longest Cookie field that common servers accept. The program's
// own cookie must not be longer, as it could never be sent.
const maxSent = 8190

// CheckSent returns why a cookie of the program would not reach a server
// unchanged, "" if it would. The grammar is that of RFC 6265bis, section 4.1.1,
// with quotes, commas and inner spaces, which servers do use.
func CheckSent(name, value string) (reason string) {
	switch {
	case name == "" || strings.IndexFunc(name, notName) >= 0:
		return "the name is not a token"
	case strings.IndexFunc(value, notText) >= 0:
		return `the value has a control character, ";" or a byte outside ASCII`
	case strings.TrimSpace(value) != value:
		return "the value begins or ends with a space, which servers cut off"
	case len(name)+len(value) > maxSent:
		return "larger than " + strconv.Itoa(maxSent) + " bytes"
	}
	return ""
}

// CheckSentPath is CheckSent for the path of a cookie.
func CheckSentPath(path string) (reason string) {
	if strings.IndexFunc(path, notPath) >= 0 {
		return "the path is not percent-encoded"
	}
	return ""
}

func notName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func notPath(r rune) bool { return r <= ' ' || r >= 0x7f }

func notText(r rune) bool { return r < ' ' || r >= 0x7f || r == ';' }
