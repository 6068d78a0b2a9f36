package redact

import (
	"strings"
	"unicode"
)

// Field returns the value of a header field as it may be shown.
func Field(name, value string) string {
	if Secret(name) || isReference(name) && hidesUserinfo(value) {
		return Mask
	}
	return Value(value)
}

// isReference reports whether the values of the field are URLs.
func isReference(name string) bool {
	switch strings.ToLower(name) {
	case "location", "content-location", "referer", "link", "refresh", "destination":
		return true
	}
	return false
}

// hidesUserinfo reports whether the URLs of text turn out to have userinfo once
// the characters that end a URL in prose are removed: a password may contain
// them.
func hidesUserinfo(text string) bool {
	var s scanner
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'<>`", r) {
			return -1
		}
		return r
	}, text)
	return s.hideUserinfo(text) != text
}

// Query masks the values of a query whose names look like secrets, and values
// that contain such a query or a password. It is also used for fragments and
// forms.
func Query(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		pairs[i] = pair(p)
	}
	return strings.Join(pairs, "&")
}

// pair masks the value of "name=value" if it is secret.
func pair(p string) string {
	name, value, ok := strings.Cut(p, "=")
	switch {
	case !ok || value == "":
		return Value(p)
	case Value(name) != name:
		return Mask
	case Secret(nameOf(name)):
		return name + "=" + Mask
	}
	return name + "=" + Value(value)
}

// nameOf is the name before the "=", unescaped: "token" in the fragment
// "/callback?token=".
func nameOf(text string) string {
	for range maxDepth {
		text = unescape(text)
	}
	return text[strings.LastIndexAny(text, `/?#!;,&="'`)+1:]
}

// Path masks the parameters in the segments of an escaped path, as in
// ";jsessionid=1" (RFC 3986, section 3.3), and segments that contain a URL with
// a secret.
func Path(path string) string {
	if strings.IndexFunc(path, isSpecialInPath) < 0 {
		return path
	}
	segments := strings.Split(new(scanner).hideUserinfo(path), "/")
	for i, s := range segments {
		parts := strings.Split(s, ";")
		for j, p := range parts {
			parts[j] = pair(p)
		}
		segments[i] = strings.Join(parts, ";")
	}
	return strings.Join(segments, "/")
}

func isSpecialInPath(r rune) bool { return strings.ContainsRune(`%=;:@"\`, r) }

// maxDepth is how many levels of nested escapes are undone.
const maxDepth = 4

// Value is v, or Mask if v contains a secret, such as a URL with a token. Such
// a URL may be escaped within the value, even more than once.
func Value(v string) string {
	text := v
	for range maxDepth {
		if leaks(text) {
			return Mask
		}
		plain := unescape(text)
		if plain == text {
			return v
		}
		text = plain
	}
	return Mask // nothing harmless is escaped that often
}

// leaks reports whether text, which is not escaped, has userinfo or a pair with a
// secret name in it.
func leaks(text string) bool {
	var s scanner
	if s.hideUserinfo(text) != text {
		return true
	}
	_, _, found := s.secret(text)
	return found
}

// hideUserinfo masks the userinfo of all URLs in a text.
func (s *scanner) hideUserinfo(text string) string {
	if !strings.Contains(text, "//") || !strings.Contains(text, "@") {
		return text
	}
	var b strings.Builder
	for text != "" {
		end := strings.IndexAny(text, " \t\r\n\"'<>`") // the URL ends here at the latest
		if end < 0 {
			end = len(text) - 1
		}
		s.hideInWord(&b, text[:end+1])
		text = text[end+1:]
	}
	return b.String()
}

// hideInWord writes a word, in which one URL may contain another.
func (s *scanner) hideInWord(b *strings.Builder, word string) {
	last := strings.LastIndexByte(word, '@')
	done := 0
	for done < last {
		i := strings.Index(word[done:last], "//")
		if i < 0 {
			break
		}
		start := done + i + len("//")
		authority := word[start : start+endOfAuthority(word[start:])]
		s.looked += start - done + len(authority)
		b.WriteString(word[done:start])
		done = start
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			b.WriteString(Mask)
			done += at
		} else if !isHostPort(authority) {
			b.WriteString(Mask)
			done = last
		}
	}
	b.WriteString(word[done:])
}

// unescape undoes the escapes of a query and leaves everything else.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		} else if c == '%' && i+2 < len(s) {
			if high, low := unhex(s[i+1]), unhex(s[i+2]); high < 16 && low < 16 {
				c = high<<4 | low
				i += 2
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unhex returns the value of a hexadecimal digit, and 16 for anything else.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}
