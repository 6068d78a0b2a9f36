package redact

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text masks the secrets that it finds in text from elsewhere, such as the
// error of another library: userinfo of URLs, and the values of "token=…",
// `"token": …` and "X-Token: …".
func Text(text string) string {
	var s scanner
	text = s.hideUserinfo(text)
	var b strings.Builder
	for {
		from, to, found := s.secret(text)
		if !found {
			break
		}
		b.WriteString(text[:from] + Mask)
		text = text[to:]
	}
	if b.Len() == 0 {
		return text
	}
	b.WriteString(text)
	return b.String()
}

// Mentions reports whether a word of text is a name that looks like a secret.
func Mentions(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isNameRune(r) }) {
		if Secret(word) {
			return true
		}
	}
	return false
}

// A scanner finds secrets in text.
type scanner struct {
	looked int // number of bytes looked at, which a test bounds
}

// secret returns the position of the first value in text that has a secret
// name.
func (s *scanner) secret(text string) (from, to int, found bool) {
	for i := 0; i < len(text); i++ {
		s.looked++
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		name, quoted := s.nameBefore(text[:i])
		if name == "" || text[i] == ':' && !quoted && !isFieldName(name) || !Secret(name) {
			continue
		}
		from = i + 1
		for from < len(text) && text[from] == ' ' {
			s.looked++
			from++
		}
		if to = from + valueLength(text[from:], text[i] == ':' && !quoted); to > from {
			s.looked += to - from
			return from, to, true
		}
	}
	return 0, 0, false
}

// nameBefore returns the name at the end of text, and whether it is in quotes,
// as a member of JSON is.
func (s *scanner) nameBefore(text string) (name string, quoted bool) {
	unpadded := strings.TrimRight(text, " ")
	name = strings.TrimRight(unpadded, `"'\`)
	quoted = name != unpadded
	start := len(name)
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(name[:start])
		if !isNameRune(r) {
			break
		}
		start -= size
	}
	s.looked += len(text) - start
	return name[start:], quoted
}

func isNameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.[]", r)
}

// isFieldName reports whether name is the name of a header field and not just a
// word before a colon: "X-Token: 1", not "oauth2: no token".
func isFieldName(name string) bool {
	return strings.Contains(name, "-") || strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie")
}

// valueLength is the length of the value that text begins with: the text in
// quotes, the rest of the line of a field, or everything up to the next
// separator.
func valueLength(text string, field bool) int {
	quote := strings.TrimLeft(text, `\`)
	if quote != "" && (quote[0] == '"' || quote[0] == '\'') {
		start := len(text) - len(quote) + 1
		if i := strings.IndexByte(text[start:], quote[0]); i >= 0 {
			return start + i + 1
		}
		return len(text)
	}
	ends := "&<>\"'` \t\r\n"
	if field {
		ends = "\"\r\n"
	}
	if i := strings.IndexAny(text, ends); i >= 0 {
		return i
	}
	return len(text)
}

// Token quotes the part of s that is a token (RFC 9110, section 5.6.2). The
// rest may be a value, as when a caller gives "Authorization: Basic …" as a
// name.
func Token(s string) string {
	const longest = 40
	end := strings.IndexFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
	if end < 0 {
		end = len(s)
	}
	if end = min(end, longest); end < len(s) {
		return strconv.Quote(s[:end]) + "…"
	}
	return strconv.Quote(s)
}
