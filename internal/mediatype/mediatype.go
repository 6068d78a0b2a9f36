// Package mediatype reads Content-Type as browsers do: single values by the
// MIME Sniffing Standard (mimesniff.spec.whatwg.org, section 4.4), several by
// the Fetch Standard (fetch.spec.whatwg.org, "extract a MIME type").
//
// RFC 9110 has one form and servers send many; these standards say what each of
// them means. Values are bytes; those above 0x7F stand for Latin-1.
//
// It is written by hand because mime.ParseMediaType refuses a value with a
// malformed or repeated parameter, which browsers accept.
package mediatype

import (
	"iter"
	"strings"
)

// A Type is a media type with parameters. The zero value is no type.
type Type struct {
	// Essence is the type and subtype in lower case, such as "text/html".
	Essence string

	params  string // as received, from the first semicolon on
	charset string // taken over from an earlier value if params has none
}

// white is HTTP white space in both standards.
const white = "\t\n\r "

// Parse reads one media type. It reports false if there is no type and subtype.
// Malformed parameters are left out.
func Parse(s string) (Type, bool) {
	s = strings.Trim(s, white)
	essence, params := s, ""
	if i := strings.IndexByte(s, ';'); i >= 0 {
		essence, params = strings.TrimRight(s[:i], white), s[i:]
	}
	name, subtype, ok := strings.Cut(essence, "/")
	if !ok || !isToken(name) || !isToken(subtype) {
		return Type{}, false
	}
	return Type{Essence: strings.ToLower(essence), params: params}, true
}

// Extract returns the media type that the values of Content-Type, one a header
// line, give together. The last type wins. It keeps the charset of the types
// just before it if they differ only in parameters.
func Extract(values ...string) (Type, bool) {
	all := ""
	switch len(values) {
	case 0:
	case 1:
		all = values[0]
	default:
		all = strings.Join(values, ", ")
	}
	var found Type
	ok := false
	for more := true; more; {
		var value string
		value, all, more = cutValue(all)
		t, valid := Parse(strings.Trim(value, "\t "))
		if !valid || t.Essence == "*/*" {
			continue
		}
		if _, own := t.Param("charset"); !own && ok && t.Essence == found.Essence {
			t.charset, _ = found.Param("charset")
		}
		found, ok = t, true
	}
	return found, ok
}

// cutValue splits a list at its first comma that is not in a quoted string.
func cutValue(list string) (value, rest string, more bool) {
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case ',':
			return list[:i], list[i+1:], true
		case '"':
			i += quotedLen(list[i:]) - 1
		}
	}
	return list, "", false
}

// Param returns the value of the parameter with a name, which is given in
// lower case. The first of several counts.
func (t Type) Param(name string) (string, bool) {
	for n, value := range t.all {
		if strings.EqualFold(n, name) {
			return value, true
		}
	}
	return "", false
}

// String returns the type in the one form that the MIME Sniffing Standard
// gives it, or "" for no type.
func (t Type) String() string {
	var b strings.Builder
	b.WriteString(t.Essence)
	seen := make(map[string]bool)
	for name, value := range t.all {
		name = strings.ToLower(name)
		if seen[name] {
			continue
		}
		seen[name] = true
		b.WriteByte(';')
		b.WriteString(name)
		b.WriteByte('=')
		if isToken(value) {
			b.WriteString(value)
			continue
		}
		b.WriteByte('"')
		for i := range len(value) {
			if value[i] == '"' || value[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(value[i])
		}
		b.WriteByte('"')
	}
	return b.String()
}

var _ iter.Seq2[string, string] = Type{}.all

// all yields the well-formed parameters in their order, names as written.
func (t Type) all(yield func(name, value string) bool) {
	for rest := t.params; rest != ""; {
		var name, value string
		var ok bool
		name, value, ok, rest = cutParam(rest[1:])
		if ok && isToken(name) && isQuotable(value) && !yield(name, value) {
			return
		}
	}
	if t.charset != "" {
		yield("charset", t.charset)
	}
}

// cutParam reads a parameter up to the semicolon that begins rest, or to the
// end. It reports false for one without a value.
func cutParam(s string) (name, value string, ok bool, rest string) {
	s = strings.TrimLeft(s, white)
	end := strings.IndexAny(s, ";=")
	if end < 0 {
		return "", "", false, ""
	}
	name, s = s[:end], s[end:]
	if s[0] == ';' {
		return "", "", false, s
	}
	s = s[1:]
	quoted := 0
	if strings.HasPrefix(s, `"`) {
		quoted = quotedLen(s)
		value = unquote(s[:quoted])
	}
	end = strings.IndexByte(s[quoted:], ';')
	if end < 0 {
		end = len(s) - quoted
	}
	if quoted > 0 { // text after the quotes is ignored
		return name, value, true, s[quoted+end:]
	}
	value = strings.TrimRight(s[:end], white)
	return name, value, value != "", s[end:]
}

// quotedLen returns the length of the quoted string that s begins with. An
// unclosed one extends to the end.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(s)
}

func unquote(s string) string {
	s = s[1:]
	if i := strings.IndexAny(s, `"\`); i < 0 {
		return s
	} else if s[i] == '"' {
		return s[:i]
	}
	var b strings.Builder
	for i := 0; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			continue
		}
		if strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isQuotable reports whether s can stand in a quoted string.
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
