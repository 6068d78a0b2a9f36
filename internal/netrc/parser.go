package netrc

import "strings"

const whitespace = " \t\n"

// A parser reads the text word by word, up to the first error.
type parser struct {
	text string
	rest string // the part of text that is still to be read
	err  *SyntaxError

	looked int // bytes looked at so far, for the test that this is linear
}

func (p *parser) parse() (*File, error) {
	f := &File{machines: make(map[string][]*Entry)}
	var entry *Entry // the entry being read; nil outside of one
	for keyword, ok := p.keyword(); ok; keyword, ok = p.keyword() {
		switch keyword {
		case "machine":
			entry = new(Entry)
			host := p.host()
			f.machines[host] = append(f.machines[host], entry)
		case "default":
			entry = new(Entry)
			f.defaults = append(f.defaults, entry)
		case "macdef":
			entry = nil
			p.skipMacro()
		default:
			if field := entry.field(keyword); field != nil {
				*field = p.value()
			} else {
				p.fail("a word that is no keyword here")
			}
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// field returns the field that keyword sets, or nil.
func (e *Entry) field(keyword string) *string {
	if e == nil {
		return nil
	}
	switch keyword {
	case "login", "user":
		return &e.Login
	case "account":
		return &e.Account
	case "password":
		return &e.Password
	}
	return nil
}

// fail records an error in the last word, and ends the reading.
func (p *parser) fail(reason string) {
	if p.err == nil {
		read := p.text[:len(p.text)-len(p.rest)]
		p.looked += len(read)
		p.err = &SyntaxError{Line: 1 + strings.Count(read, "\n"), Reason: reason}
	}
	p.rest = ""
}

// keyword consumes the next word that is not in a comment. It returns false if
// nothing is left.
func (p *parser) keyword() (word string, ok bool) {
	p.skipSpace()
	for strings.HasPrefix(p.rest, "#") {
		p.skipPast("\n")
		p.skipSpace()
	}
	if p.rest == "" {
		return "", false
	}
	return p.word(), true
}

// value consumes the next word, whatever it is. At the end of the file it is empty.
func (p *parser) value() string {
	p.skipSpace()
	return p.word()
}

func (p *parser) host() string {
	name := p.value()
	if name == "" {
		p.fail("machine without a name")
	}
	return lower(name)
}

// skipMacro skips the name of a macro and its lines, the last of which is
// empty.
func (p *parser) skipMacro() {
	p.value()
	if !p.skipPast("\n\n") {
		p.fail("macro without an empty line behind it")
	}
}

// skipPast skips the next occurrence of end. If there is none, it goes to the
// end of the file and reports false.
func (p *parser) skipPast(end string) bool {
	_, after, ok := strings.Cut(p.rest, end)
	p.looked += len(p.rest) - len(after)
	p.rest = after
	return ok
}

func (p *parser) skipSpace() {
	after := strings.TrimLeft(p.rest, whitespace)
	p.looked += 1 + len(p.rest) - len(after)
	p.rest = after
}

// word consumes everything up to whitespace, or a word in quotes.
func (p *parser) word() string {
	in, quoted := strings.CutPrefix(p.rest, `"`)
	if !quoted {
		return p.until(whitespace)
	}
	p.rest = in
	word := p.until("\"\n")
	if !strings.HasPrefix(p.rest, `"`) {
		p.fail("quote that is not closed on its line")
		return ""
	}
	p.rest = p.rest[1:]
	return word
}

// until consumes everything before the first byte of ends that has no backslash
// before it, and returns it without the backslashes.
func (p *parser) until(ends string) string {
	var b strings.Builder
	for {
		n := strings.IndexAny(p.rest, ends+`\`)
		if n < 0 {
			n = len(p.rest)
		}
		p.looked += 1 + n
		b.WriteString(p.rest[:n])
		p.rest = p.rest[n:]
		if !strings.HasPrefix(p.rest, `\`) {
			return b.String()
		}
		if len(p.rest) == 1 || p.rest[1] == '\n' {
			p.fail("backslash at the end of a line")
			return ""
		}
		b.WriteByte(p.rest[1])
		p.rest = p.rest[2:]
	}
}
