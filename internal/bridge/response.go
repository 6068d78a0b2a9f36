package bridge

import (
	"net/http"
	"strconv"
	"strings"
)

// Normalize changes res, whose Header holds all fields as they were sent, the
// way net/http changes a response to a request with the method: fields of the
// framing move to fields of Response. If anything in the Header changes, it is
// replaced by a copy. A response that was normalized before stays the same.
func Normalize(res *http.Response, method string) {
	if res.ProtoMajor >= 2 {
		normalize2(res, method)
		return
	}
	_, coded := res.Header["Transfer-Encoding"]
	if coded {
		res.TransferEncoding = []string{"chunked"}
	}
	chunked := len(res.TransferEncoding) > 0
	switch {
	case method == http.MethodHead:
		res.ContentLength = announced(res.Header)
	case res.StatusCode == http.StatusNotModified, res.StatusCode == http.StatusNoContent, res.StatusCode/100 == 1:
		res.ContentLength = 0
	case chunked:
		res.ContentLength = -1
	}
	h := headerEdit{res: res}
	if coded {
		h.del("Transfer-Encoding")
		if allowsBody(res.StatusCode) && method != http.MethodHead {
			h.del("Content-Length")
		}
	}
	if announces := res.Header["Trailer"]; announces != nil && chunked {
		res.Trailer = trailerNames(announces)
		h.del("Trailer")
	}
	if values := res.Header["Content-Length"]; len(values) > 1 {
		h.set("Content-Length", values[0])
	}
	if res.ProtoMinor > 0 && hasClose(res.Header["Connection"]) {
		h.del("Connection")
	}
	if pragma := res.Header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" {
		if _, has := res.Header["Cache-Control"]; !has {
			h.set("Cache-Control", "no-cache")
		}
	}
}

// normalize2 is Normalize for HTTP/2 and later, where no fields frame the body.
func normalize2(res *http.Response, method string) {
	if method == http.MethodHead {
		res.ContentLength = announced(res.Header)
	}
	if announces := res.Header["Trailer"]; announces != nil {
		res.Trailer = trailerNames(announces)
		h := headerEdit{res: res}
		h.del("Trailer")
	}
}

// A headerEdit copies the Header of a response before its first change.
type headerEdit struct {
	res    *http.Response
	cloned bool
}

func (e *headerEdit) own() http.Header {
	if !e.cloned {
		e.res.Header, e.cloned = e.res.Header.Clone(), true
	}
	return e.res.Header
}

func (e *headerEdit) del(name string) {
	if _, has := e.res.Header[name]; has {
		delete(e.own(), name)
	}
}

func (e *headerEdit) set(name, value string) { e.own()[name] = []string{value} }

// announced returns the length that the response to a HEAD announces, or -1.
func announced(h http.Header) int64 {
	values := h["Content-Length"]
	if len(values) == 0 {
		return -1
	}
	n, err := strconv.ParseUint(strings.TrimSpace(values[0]), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// allowsBody reports whether a response with the status may have a body (RFC
// 9110, section 6.4.1).
func allowsBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// trailerNames returns the names in a Trailer field as keys without values, or
// nil if there are none.
func trailerNames(announces []string) http.Header {
	var t http.Header
	for _, list := range announces {
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" {
				if t == nil {
					t = make(http.Header)
				}
				t[name] = nil
			}
		}
	}
	return t
}

func hasClose(values []string) bool {
	for _, list := range values {
		for token := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "close") {
				return true
			}
		}
	}
	return false
}
