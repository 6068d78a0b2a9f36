package uri

import (
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// Expand returns template, a URL or a reference, with a value in the place of each
// expression of its path: {name} is one segment or a part of one, {+name} may be
// several. This is RFC 6570, sections 3.2.2 and 3.2.3, for paths alone: what is not
// unreserved is escaped, "%" included, and only {+name} leaves "/" as it is. The
// authority, the query and the fragment stay as they are.
//
// No value leads out of its place: "." and ".." as a segment of the path are
// refused, however the path comes by them, and so are "/" and "\" with them in
// {name}. To escape them is not enough, as many servers undo that before they
// resolve a path (URL Standard, section 4.4: "%2e" is a dot segment).
func Expand(template string, value func(name string) (string, error)) (string, error) {
	start := pathStart(template)
	end := len(template)
	if i := strings.IndexAny(template[start:], "?#"); i >= 0 {
		end = start + i
	}
	path := template[start:end]
	if !strings.ContainsAny(path, "{}") {
		return template, nil
	}
	var b strings.Builder
	b.WriteString(template[:start])
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		text, err := expandSegment(segment, value)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	b.WriteString(template[end:])
	return b.String(), nil
}

// pathStart is where the path of a URL or of a reference begins.
func pathStart(s string) int {
	start := 0
	if i := strings.IndexByte(s, ':'); i > 0 && IsScheme(strings.TrimLeft(s[:i], " \t\r\n")) {
		start = i + 1
	}
	if !strings.HasPrefix(s[start:], "//") {
		return start
	}
	start += 2
	if i := strings.IndexAny(s[start:], `/?#\`); i >= 0 {
		return start + i
	}
	return len(s)
}

// expandSegment expands what stands between two slashes of a template.
func expandSegment(segment string, value func(name string) (string, error)) (string, error) {
	if !strings.ContainsAny(segment, "{}") {
		return segment, nil
	}
	var b strings.Builder
	for rest := segment; rest != ""; {
		literal, after, opened := strings.Cut(rest, "{")
		if strings.IndexByte(literal, '}') >= 0 {
			return "", errExpression
		}
		b.WriteString(literal)
		if !opened {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		name, several := strings.CutPrefix(name, "+")
		if !closed || !isVariable(name) {
			return "", errExpression
		}
		text, err := value(name)
		if err != nil {
			return "", err
		}
		if err := checkExpanded(name, text); err != nil {
			return "", err
		}
		escapeSegments(&b, text, several)
		rest = after
	}
	for part := range strings.SplitSeq(b.String(), "/") { // literals and values may have made it together
		if isDots(requote(part, legalPath)) {
			return "", fault.Text(fault.InvalidURL, `the values make "." or ".." a segment of its path`)
		}
	}
	return b.String(), nil
}

var errExpression = fault.Text(fault.InvalidURL, "a brace in its path that is not of {name} or {+name}")

// isVariable reports whether s is a name: letters, digits, "_", "-" and ".".
func isVariable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// checkExpanded refuses the value of an expression that is none or leads away.
func checkExpanded(name, value string) error {
	if value == "" { // DELETE users/{id} would be DELETE users/
		return fault.Text(fault.InvalidURL, "the value of {"+name+"} is empty")
	}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '/' || r == '\\' }) {
		if isDots(part) {
			return fault.Text(fault.InvalidURL, `the value of {`+name+`} has the segment "." or ".."`)
		}
	}
	return nil
}

// isDots reports whether s climbs. Some servers strip what follows a ";", escaped
// or not, before they resolve dots (RFC 3986, section 3.3, has it as parameters).
func isDots(s string) bool {
	for _, end := range [...]string{";", "%3B"} {
		s, _, _ = strings.Cut(s, end)
	}
	return s == "." || s == ".."
}

// escapeSegments writes s with all but its unreserved characters escaped, and but
// "/" if it has several segments.
func escapeSegments(b *strings.Builder, s string, several bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isUnreserved.has(c), several && c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
}
