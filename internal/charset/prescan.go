package charset

import (
	"bytes"
	"strings"
)

// prescan returns the name of the encoding that an HTML document declares,
// or "": "prescan a byte stream to determine its encoding" of the HTML
// Standard (html.spec.whatwg.org, section 13.2.3.2), in the standard's order.
func prescan(b []byte) string {
	if name := xmlEncoding(b); name != "" {
		return name
	}
	for p := (scanner{b: b}); p.find('<'); p.i++ {
		switch rest := p.b[p.i:]; {
		case bytes.HasPrefix(rest, []byte("<!--")):
			// "<!-->" is a comment too: the dashes may be the same.
			p.skipPast(2, "-->")
		case hasPrefixFold(rest, "<meta") && len(rest) > 5 && (isSpace(rest[5]) || rest[5] == '/'):
			p.i += 6
			if name := p.meta(); name != "" {
				return name
			}
		case len(rest) > 2 && (isLetter(rest[1]) || rest[1] == '/' && isLetter(rest[2])):
			p.skipTag()
		case len(rest) > 1 && strings.IndexByte("!/?", rest[1]) >= 0:
			p.skipPast(0, ">")
		}
	}
	return ""
}

// declared returns the encoding for a label in a document. A document that can
// be read as ASCII is not in UTF-16, whatever it says.
func declared(label string) string {
	name, ok := Lookup(label)
	switch {
	case !ok:
		return ""
	case strings.HasPrefix(name, "utf-16"), strings.HasPrefix(name, "utf-32"):
		return "utf-8"
	case name == "x-user-defined":
		return "windows-1252"
	}
	return name
}

// A scanner reads markup. The end of the bytes ends everything, and an
// attribute that was not closed is ignored.
type scanner struct {
	b []byte
	i int
}

func (p *scanner) end() bool { return p.i >= len(p.b) }

// find goes to the next c.
func (p *scanner) find(c byte) bool {
	if p.end() {
		return false
	}
	n := bytes.IndexByte(p.b[p.i:], c)
	p.i += n
	return n >= 0
}

// skipPast goes to the last byte of the first end at an offset.
func (p *scanner) skipPast(offset int, end string) {
	from := min(p.i+offset, len(p.b))
	if n := bytes.Index(p.b[from:], []byte(end)); n >= 0 {
		p.i = from + n + len(end) - 1
	} else {
		p.i = len(p.b)
	}
}

// skipTag goes to the last byte of a tag.
func (p *scanner) skipTag() {
	for !p.end() && !isSpace(p.b[p.i]) && p.b[p.i] != '>' {
		p.i++
	}
	for {
		if _, _, ok := p.attribute(); !ok {
			return
		}
	}
}

// meta reads the attributes of a <meta> and returns the encoding they declare.
func (p *scanner) meta() string {
	var seen [3]bool // http-equiv, content, charset: the first of each counts
	var pragma, byContent bool
	label, found := "", false
	for {
		name, value, ok := p.attribute()
		if !ok {
			break
		}
		switch {
		case name == "http-equiv" && !seen[0]:
			seen[0] = true
			pragma = value == "content-type"
		case name == "content" && !seen[1]:
			seen[1] = true
			if l, ok := contentCharset(value); ok && !found {
				label, found, byContent = l, true, true
			}
		case name == "charset" && !seen[2]:
			seen[2] = true
			label, found, byContent = value, true, false
		}
	}
	if !found || byContent && !pragma || p.end() {
		return ""
	}
	return declared(label)
}

// attribute reads one attribute, in lower case: "get an attribute". It reports
// false at the end of the tag.
func (p *scanner) attribute() (name, value string, ok bool) {
	for !p.end() && (isSpace(p.b[p.i]) || p.b[p.i] == '/') {
		p.i++
	}
	if p.end() || p.b[p.i] == '>' {
		return "", "", false
	}
	start := p.i
	for !p.end() && !isSpace(p.b[p.i]) && strings.IndexByte("/>", p.b[p.i]) < 0 && (p.b[p.i] != '=' || p.i == start) {
		p.i++
	}
	name = strings.ToLower(string(p.b[start:p.i]))
	p.skipSpace()
	if p.end() || p.b[p.i] != '=' {
		return name, "", true
	}
	p.i++
	p.skipSpace()
	if p.end() {
		return name, "", true
	}
	if quote := p.b[p.i]; quote == '"' || quote == '\'' {
		start = p.i + 1
		p.i++
		for !p.end() && p.b[p.i] != quote {
			p.i++
		}
		value = strings.ToLower(string(p.b[start:p.i]))
		if !p.end() {
			p.i++
		}
		return name, value, true
	}
	start = p.i
	for !p.end() && !isSpace(p.b[p.i]) && p.b[p.i] != '>' {
		p.i++
	}
	return name, strings.ToLower(string(p.b[start:p.i])), true
}

func (p *scanner) skipSpace() {
	for !p.end() && isSpace(p.b[p.i]) {
		p.i++
	}
}

// contentCharset returns the charset in the content of a <meta>: "extract a
// character encoding from a meta element" (section 2.6.2). It does not read
// the value as a media type.
func contentCharset(s string) (string, bool) {
	const white = "\t\n\f\r "
	for {
		_, after, ok := strings.Cut(s, "charset")
		if !ok {
			return "", false
		}
		s = after
		value, ok := strings.CutPrefix(strings.TrimLeft(s, white), "=")
		if !ok {
			continue
		}
		value = strings.TrimLeft(value, white)
		if value == "" {
			return "", false
		}
		if quote := value[:1]; quote == `"` || quote == "'" {
			value, _, ok = strings.Cut(value[1:], quote)
			return value, ok
		}
		if end := strings.IndexAny(value, white+";"); end >= 0 {
			value = value[:end]
		}
		return value, true
	}
}

// xmlEncoding returns the name of the encoding in an XML declaration, or "":
// "get an XML encoding" of the HTML Standard, which XML's own grammar is
// part of (XML 1.0, section 4.3.3).
func xmlEncoding(b []byte) string {
	if !bytes.HasPrefix(b, []byte("<?xml")) {
		return ""
	}
	declaration, _, ok := bytes.Cut(b, []byte(">"))
	if !ok {
		return ""
	}
	_, rest, ok := bytes.Cut(declaration, []byte("encoding"))
	if !ok {
		return ""
	}
	const control = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f "
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, control), []byte("="))
	if !ok {
		return ""
	}
	rest = bytes.TrimLeft(rest, control)
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	label, _, ok := bytes.Cut(rest[1:], rest[:1])
	if !ok || bytes.ContainsAny(label, control) {
		return ""
	}
	return declared(string(label))
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}
