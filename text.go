package requests

import (
	"net/http"
	"strings"

	"github.com/go-requests/requests/internal/charset"
	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/mediatype"
)

// acceptEncoding announces all that the library decodes.
const acceptEncoding = coding.Accept

// Text returns the body as text, decoded from Encoding or, if that is empty,
// from what ApparentEncoding says. A byte order mark counts more than either,
// and is no part of the text (Encoding Standard, section 6). An Encoding that
// is not known is taken for UTF-8. What cannot be decoded becomes U+FFFD.
func (r *Response) Text() string {
	r.Load()
	if len(r.content) == 0 {
		return ""
	}
	return charset.Decode(r.content, r.charset())
}

// ApparentEncoding returns the charset that the body itself shows, whatever
// Encoding is, in lower case: by a byte order mark, a declaration in HTML or XML,
// being UTF-8, or looking like text in it. The last is a guess, and the shorter
// the text the worse. It is "" for an empty body. A streamed body is read first,
// as Content does it.
func (r *Response) ApparentEncoding() string {
	r.Load()
	if len(r.content) == 0 {
		return ""
	}
	return charset.Detect(r.content, strings.Join(r.Header["Content-Type"], ", "))
}

// charset is what text is decoded from. A body that is not in memory is not
// looked at, as its text is wanted as it arrives.
func (r *Response) charset() string {
	switch {
	case r.Encoding != "":
		return r.Encoding
	case r.loaded:
		return r.ApparentEncoding()
	}
	return "utf-8"
}

// headerCharset is the charset that Content-Type names. JSON that names none is
// UTF-8 (RFC 8259, section 8.1); other types no longer have a default (RFC 9110,
// section 8.3.2), so that it is for the body to tell.
func headerCharset(h http.Header) string {
	values := h["Content-Type"]
	switch {
	case len(values) == 0:
		return ""
	case len(values) == 1 && values[0] == "application/json": // the usual answer of an API
		return "utf-8"
	}
	t, _ := mediatype.Extract(values...)
	if label, ok := t.Param("charset"); ok {
		return strings.Trim(label, `'"`) // charset='utf-8', as Requests reads it; no name has quotes
	}
	if t.Essence == "application/json" {
		return "utf-8"
	}
	return ""
}
