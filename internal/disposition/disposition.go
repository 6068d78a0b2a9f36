// Package disposition parses the Content-Disposition header field of RFC 6266
// and makes safe the file name that it suggests.
package disposition

import (
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/extvalue"
)

// A Disposition is the value of a Content-Disposition field.
type Disposition struct {
	// Type is "attachment", "inline" or another word, in lower case.
	Type string
	// Params holds the parameters in the order they were sent, repeated ones
	// too, with names in lower case and values unquoted. What is not UTF-8 was
	// taken for ISO-8859-1.
	Params []Param
}

// A Param is a parameter of a [Disposition].
type Param struct {
	Name, Value string
	quoted      bool
}

// Parse returns the parts of a field value. It takes any value, as what servers
// send is often malformed, and gives it the meaning that browsers do:
//
//   - a value without quotes goes on to the next semicolon, whatever is in it;
//   - a part without an equals sign is no parameter;
//   - nor is one whose quotes are not closed, which ends the field;
//   - text between closing quotes and the next semicolon is passed over.
func Parse(value string) Disposition {
	if !utf8.ValidString(value) {
		value = extvalue.FromLatin1(value)
	}
	kind, rest, _ := strings.Cut(value, ";")
	d := Disposition{Type: strings.ToLower(strings.Trim(kind, lws))}
	for rest != "" {
		var p Param
		var ok bool
		if p, rest, ok = nextParam(rest); ok {
			d.Params = append(d.Params, p)
		}
	}
	return d
}

// Param returns the text of the first parameter of that name, given in lower
// case: of the extended form (RFC 8187, name*) if that is there and can be
// decoded, else of the plain one. An extended value in quotes is not decoded,
// as none that the grammar allows has them.
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
// filename (RFC 6266, section 4.3), and whether it does suggest one. The name
// is the server's word and may be a path to anywhere: see [Sanitise]. The parts
// of RFC 2231 (filename*0) are not used in HTTP and are not joined.
func Filename(value string) (string, bool) { return Parse(value).Param("filename") }

const lws = " \t"

// nextParam returns the first parameter of a list, false if what is there is
// none, and the list after it.
func nextParam(list string) (p Param, rest string, ok bool) {
	end := strings.IndexAny(list, "=;")
	if end < 0 {
		return Param{}, "", false
	}
	if list[end] == ';' {
		return Param{}, list[end+1:], false
	}
	p.Name = strings.ToLower(strings.Trim(list[:end], lws))
	value := strings.TrimLeft(list[end+1:], lws)
	if value, p.quoted = strings.CutPrefix(value, `"`); p.quoted {
		if p.Value, value, ok = unquote(value); !ok {
			return Param{}, "", false
		}
		_, rest, _ = strings.Cut(value, ";")
		return p, rest, p.Name != ""
	}
	value, rest, _ = strings.Cut(value, ";")
	p.Value = strings.TrimRight(value, lws)
	return p, rest, p.Name != ""
}

// unquote returns the text of a quoted string whose opening quote is gone, and
// what follows the closing one. It reports false if there is no closing quote.
func unquote(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for {
		end := strings.IndexAny(s, `"\`)
		if end < 0 || s[end] == '\\' && end+1 == len(s) {
			return "", "", false
		}
		b.WriteString(s[:end])
		if s[end] == '"' {
			return b.String(), s[end+1:], true
		}
		b.WriteByte(s[end+1])
		s = s[end+2:]
	}
}
