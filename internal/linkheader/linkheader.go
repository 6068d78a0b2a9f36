// Package linkheader parses the Link header field of RFC 8288 (Web Linking).
//
// It follows the algorithm of the RFC's appendix B, which gives a meaning to
// most malformed input. Where that algorithm would give up on the rest of a
// field, the parser continues, since one mistake should not cost the links
// after it. [Parse] says what it makes of such input.
package linkheader

import (
	"errors"
	"strings"

	"github.com/go-requests/requests/internal/extvalue"
	"github.com/go-requests/requests/internal/scan"
)

// Limits of [Parse] for one response. They are far above what a list of pages
// or of preload hints needs, and low enough that links of three bytes each
// cannot make the list huge.
const (
	MaxBytes = 64 << 10 // all field values together
	MaxLinks = 1000
)

// ErrTooLarge reports more than [MaxBytes] or [MaxLinks].
var ErrTooLarge = errors.New("link header too large")

// A Link is one link of a Link header field.
type Link struct {
	// URL is the target as it was sent: a URI reference, to be resolved against
	// the URL of the response, even if the content names another base (RFC
	// 8288, section 3.1). "" means that URL itself.
	URL string

	// Rel is the value of the first rel parameter as it was sent, "next" or
	// "next prev". It is "" if there is none or if it is empty. [Link.Rels]
	// gives the relation types one by one.
	Rel string

	// Anchor is the value of the first anchor parameter: a URI reference,
	// resolved as URL is, to what the link starts from. It is "" for the
	// response itself. A link that starts elsewhere says nothing about the
	// response, so it must not be taken for its next page, for example.
	Anchor string

	// Params holds every parameter in the order they were sent, rel, anchor
	// and repeated ones too, with names in lower case and values unquoted. A
	// parameter without a value has "". [Link.Attributes] gives their meaning.
	Params []Param
}

// A Param is a parameter of a [Link].
type Param struct{ Name, Value string }

// Parse returns the links of all values of a response's Link header fields, in
// order. Its only error is [ErrTooLarge], with which it returns the links
// before the limit. Otherwise:
//
//   - a target may lack one or both of its brackets, and then ends at a
//     semicolon or comma; quotes around it are taken off, and quotes alone
//     are none;
//   - quotes around a whole field are taken off;
//   - text before a target's brackets, and between a target or a quoted value
//     and the next semicolon or comma, is ignored;
//   - single quotes around a value are taken off (rel='next');
//   - a quoted value that is not closed goes on to the end of the field.
func Parse(values []string) ([]Link, error) {
	var links []Link
	size := 0
	for _, value := range values {
		if size += len(value); size > MaxBytes {
			return links, ErrTooLarge
		}
		s := scanner{scan.Scanner{Rest: unquoted(value)}}
		for link, ok := s.link(); ok; link, ok = s.link() {
			if len(links) == MaxLinks {
				return links, ErrTooLarge
			}
			links = append(links, link)
		}
	}
	return links, nil
}

// Rels returns the relation types of the link in lower case, as they are
// compared without regard to case (RFC 8288, section 2.1): "next" and "prev"
// for rel="Next prev". A map of links by relation type has the link under each
// of them; Python's Requests has it once, under [Link.Rel].
func (l Link) Rels() []string { return strings.Fields(strings.ToLower(l.Rel)) }

// Attributes returns the target attributes of the link: its parameters without
// rel and anchor, in order, where
//
//   - title* and other names with an asterisk are decoded (RFC 8187) and take
//     the place, and the name, of the plain parameter; those that cannot be
//     decoded are left out, so that the plain one stands;
//   - of media, title and type the first one counts (RFC 8288, section 3.4.1).
//
// Other names, such as hreflang, may be there several times.
func (l Link) Attributes() []Param {
	attrs := make([]Param, 0, len(l.Params))
	extended := make(map[string]bool)
	for _, p := range l.Params {
		name, isExtended := strings.CutSuffix(p.Name, "*")
		if name == "rel" || name == "anchor" {
			continue
		}
		if isExtended {
			text, ok := extvalue.Decode(p.Value)
			if !ok {
				continue
			}
			extended[name] = true
			p.Value = text
		}
		attrs = append(attrs, p)
	}
	seen := make(map[string]bool)
	kept := attrs[:0]
	for _, p := range attrs {
		name, isExtended := strings.CutSuffix(p.Name, "*")
		if extended[name] != isExtended || seen[name] {
			continue
		}
		switch name {
		case "media", "title", "type":
			seen[name] = true
		}
		kept = append(kept, Param{name, p.Value})
	}
	return kept
}

// A scanner holds what is left of a field value. Every method consumes what it
// returns, and looks ahead at no more than a constant factor beyond that, so
// that a value takes linear time.
type scanner struct{ scan.Scanner }

const (
	ows    = " \t" // RFC 9110, section 5.6.3
	quotes = `"'`
)

// unquoted takes quotes off a field that is written as one string, "<b>; rel=next".
func unquoted(value string) string {
	trimmed := strings.Trim(value, ows)
	last := len(trimmed) - 1
	if last > 0 && strings.IndexByte(quotes, trimmed[0]) >= 0 && trimmed[0] == trimmed[last] && strings.HasPrefix(strings.TrimLeft(trimmed[1:], ows), "<") {
		return trimmed[1:last]
	}
	return value
}

// link returns the next link of the field, false if there is none (B.2).
func (s *scanner) link() (Link, bool) {
	for {
		s.Skip(ows + ",") // empty list elements too: RFC 9110, section 5.6.1
		if s.Rest == "" {
			return Link{}, false
		}
		target, ok := s.target()
		params := s.params()
		if ok {
			return Link{URL: target, Rel: first(params, "rel"), Anchor: first(params, "anchor"), Params: params}, true
		}
	}
}

// target returns what stands between angle brackets, or what seems to be a
// target without them.
func (s *scanner) target() (string, bool) {
	for {
		if s.Consume('<') {
			// No URI has a "<". One before the ">" begins a link, and stopping there
			// keeps a field of many "<" from being searched again for each.
			if end := s.Index("<>"); strings.HasPrefix(s.Rest[end:], ">") {
				target := strings.Trim(s.Rest[:end], ows)
				s.Rest = s.Rest[end+1:]
				return target, true
			}
		}
		target := strings.Trim(s.Until("<>;,"), ows+quotes)
		if !strings.HasPrefix(s.Rest, "<") {
			return target, target != ""
		}
	}
}

// params returns the parameters up to the comma or end that ends the link (B.3).
func (s *scanner) params() []Param {
	var params []Param
	for {
		s.Until(";,")
		if !s.Consume(';') {
			return params
		}
		s.Skip(ows)
		name := s.Until(ows + "=;,")
		s.Skip(ows)
		value := ""
		if s.Consume('=') {
			value = s.value()
		}
		if name != "" {
			params = append(params, Param{strings.ToLower(name), value})
		}
	}
}

// value returns what follows an equals sign, unquoted.
func (s *scanner) value() string {
	s.Skip(ows)
	if s.Consume('"') {
		return s.quoted()
	}
	value := strings.TrimRight(s.Until(";,"), ows)
	if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
		return value[1 : len(value)-1]
	}
	return value
}

// quoted returns the rest of a quoted string after its opening quote (B.4).
func (s *scanner) quoted() string {
	text := s.Until(`"\`)
	if s.Rest == "" || s.Consume('"') {
		return text
	}
	var b strings.Builder
	b.WriteString(text)
	for s.Consume('\\') {
		if s.Rest != "" {
			b.WriteByte(s.Rest[0])
			s.Rest = s.Rest[1:]
		}
		b.WriteString(s.Until(`"\`))
	}
	s.Consume('"')
	return b.String()
}

// first returns the value of the first parameter of that name, or "".
func first(params []Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
