// Package disposition parses the Content-Disposition header field of RFC 6266
// and makes safe the file name that it suggests.
package disposition

import (
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/extvalue"
	"github.com/go-requests/requests/internal/scan"
)

// A Disposition is the value of a Content-Disposition field.
type Disposition struct {
	// Type is "attachment", "inline" or another word, in lower case.
	Type string
	// Params holds the parameters in the order they were sent, repeated ones
	// too, with names in lower case and values unquoted. Values that are not
	// UTF-8 are read as ISO-8859-1.
	Params []Param
}

// A Param is a parameter of a [Disposition].
type Param struct {
	Name, Value string
	quoted      bool
}

// Parse returns the parts of a field value. It accepts any value, since servers
// often send malformed ones, and gives it the same meaning as browsers:
//
//   - a value without quotes goes on to the next semicolon, whatever is in it;
//   - a part without an equals sign is no parameter;
//   - nor is one whose quotes are not closed, which ends the field;
//   - text between closing quotes and the next semicolon is ignored.
func Parse(value string) Disposition {
	if !utf8.ValidString(value) {
		value = extvalue.FromLatin1(value)
	}
	s := scanner{scan.Scanner{Rest: value}}
	return s.disposition()
}

// Param returns the text of the first parameter with that name, which is given
// in lower case. It uses the extended form (RFC 8187, name*) if there is one
// that can be decoded, and otherwise the plain one. An extended value in quotes
// is not decoded, because the grammar does not allow quotes there.
func (d Disposition) Param(name string) (string, bool) {
	if p, ok := d.first(name + "*"); ok && !p.quoted {
		if text, ok := extvalue.Decode(p.Value); ok {
			return text, true
		}
	}
	p, ok := d.first(name)
	return p.Value, ok
}

func (d Disposition) first(name string) (Param, bool) {
	for _, p := range d.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// Filename returns the file name that a field value suggests, filename* before
// filename (RFC 6266, section 4.3), and whether it suggests one. The server
// chooses the name, which may be a path to anywhere: see [Sanitise]. The parts
// of RFC 2231 (filename*0) are not used in HTTP and are not joined.
func Filename(value string) (string, bool) { return Parse(value).Param("filename") }

const lws = " \t"

// A scanner reads a field value from left to right. It looks at each byte a
// constant number of times, so that a value takes linear time.
type scanner struct{ scan.Scanner }

func (s *scanner) disposition() Disposition {
	d := Disposition{Type: strings.ToLower(strings.Trim(s.part(), lws))}
	for s.Rest != "" {
		if p, ok := s.param(); ok {
			d.Params = append(d.Params, p)
		}
	}
	return d
}

// param consumes the next part, and returns false if it is no parameter.
func (s *scanner) param() (p Param, ok bool) {
	name := s.Until("=;")
	if !s.Consume('=') {
		s.Consume(';')
		return Param{}, false
	}
	p.Name = strings.ToLower(strings.Trim(name, lws))
	s.Skip(lws)
	if p.quoted = s.Consume('"'); p.quoted {
		if p.Value, ok = s.unquote(); !ok {
			s.Rest = ""
			return Param{}, false
		}
		s.part()
		return p, p.Name != ""
	}
	p.Value = strings.TrimRight(s.part(), lws)
	return p, p.Name != ""
}

// unquote consumes a quoted string after its opening quote. It reports false if
// there is no closing quote.
func (s *scanner) unquote() (text string, ok bool) {
	var b strings.Builder
	for {
		b.WriteString(s.Until(`"\`))
		if s.Consume('"') {
			return b.String(), true
		}
		if len(s.Rest) < 2 {
			return "", false
		}
		b.WriteByte(s.Rest[1])
		s.Rest = s.Rest[2:]
	}
}

// part consumes everything up to and including the next semicolon.
func (s *scanner) part() string {
	part := s.Until(";")
	s.Consume(';')
	return part
}
