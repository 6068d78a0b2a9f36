package file

import (
	"net/http"
	"strconv"
	"strings"
)

// A Range is the field Content-Range (RFC 9110, section 14.4) of bytes.
type Range struct {
	First, Last int64 // both -1 if the range was not satisfiable
	Size        int64 // of the whole; -1 if the server does not say
}

// ParseRange accepts exactly what the grammar allows: misreading a number would
// put bytes in the wrong place.
//
//	Content-Range       = range-unit SP ( range-resp / unsatisfied-range )
//	range-resp          = first-pos "-" last-pos "/" ( complete-length / "*" )
//	unsatisfied-range   = "*/" complete-length
func ParseRange(value string) (Range, bool) {
	none := Range{-1, -1, -1}
	unit, rest, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return none, false
	}
	span, size, ok := strings.Cut(rest, "/")
	if !ok {
		return none, false
	}
	c := none
	if size != "*" {
		if c.Size, ok = parseOffset(size); !ok {
			return none, false
		}
	}
	if span == "*" {
		return c, c.Size >= 0
	}
	first, last, _ := strings.Cut(span, "-")
	var okFirst, okLast bool
	c.First, okFirst = parseOffset(first)
	c.Last, okLast = parseOffset(last)
	if !okFirst || !okLast || c.Last < c.First || c.Size >= 0 && c.Last >= c.Size {
		return none, false
	}
	return c, true
}

// parseOffset reads 1*DIGIT: no sign, no space, nothing beyond 63 bits.
func parseOffset(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return -1, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// RangeOf returns the Content-Range of a response. It reports false if there is
// none or more than one, and for a multipart body, whose parts have their own.
func RangeOf(h http.Header) (Range, bool) {
	if len(h["Content-Range"]) != 1 || strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/byteranges") {
		return Range{-1, -1, -1}, false
	}
	return ParseRange(h.Get("Content-Range"))
}

// Unfit returns why c, which comes in a body of length bytes, does not bring the byte
// at offset of a file of size bytes, "" if it does. A length or size of -1 is unknown.
func (c Range) Unfit(offset, size, length int64) string {
	switch {
	case c.First < 0 || c.First > offset:
		return "it begins elsewhere"
	case c.Last < offset:
		return "it ends elsewhere"
	case size >= 0 && (c.Last >= size || c.Size >= 0 && c.Size != size):
		return "the file has another length"
	case length >= 0 && length != c.Last-c.First+1:
		return "its length is another"
	}
	return ""
}

// A Validator identifies a version of a file, for a request that resumes (RFC
// 9110, section 13.1.5). It is an entity tag or a date, as the server sent it. The
// empty one identifies nothing.
type Validator string

// ValidatorOf returns the strong validator of a response. A weak one does not
// promise equal bytes. A date is strong if it was at least a second old when it
// was sent (section 8.8.2.2), since there may be two versions within one
// second.
func ValidatorOf(h http.Header) Validator {
	if tag := h.Get("Etag"); strongTag(tag) {
		return Validator(tag)
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || len(h["Etag"]) > 0 {
		return ""
	}
	if sent, err := http.ParseTime(h.Get("Date")); err != nil || sent.Unix()-modified.Unix() < 1 {
		return ""
	}
	return Validator(h.Get("Last-Modified"))
}

// strongTag reports whether s is an entity-tag without W/ (section 8.8.3).
func strongTag(s string) bool {
	if len(s) < 2 || len(s) > maxTag || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == 0x7f {
			return false
		}
	}
	return true
}

// maxTag is the length of the longest entity tag that is kept. Real ones have
// some fifty bytes.
const maxTag = 1 << 10

// Matches reports whether a response says that it is of the version v.
func (v Validator) Matches(h http.Header) bool {
	if v == "" {
		return false
	}
	if v[0] == '"' {
		return h.Get("Etag") == string(v)
	}
	return h.Get("Last-Modified") == string(v)
}

// Continues reports whether a 206 is of the version v, which If-Range has asked
// for. A 206 repeats the entity tag, but need not repeat Last-Modified (RFC 9110,
// section 15.3.7).
func (v Validator) Continues(h http.Header) bool {
	if v != "" && v[0] != '"' && len(h["Last-Modified"])+len(h["Etag"]) == 0 {
		return true
	}
	return v.Matches(h)
}

// Contradicts reports whether a response says that it is of another version.
func (v Validator) Contradicts(h http.Header) bool {
	if tag := h.Get("Etag"); tag != "" && strings.HasPrefix(string(v), `"`) {
		return tag != string(v)
	}
	modified := h.Get("Last-Modified")
	return modified != "" && !strings.HasPrefix(string(v), `"`) && modified != string(v)
}

func isHTTPDate(s string) bool {
	_, err := http.ParseTime(s)
	return err == nil
}
