package requests

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

const acceptEncoding = "gzip, deflate"

func headerCharset(h http.Header) string {
	v := h.Get("Content-Type")
	_, p, ok := strings.Cut(strings.ToLower(v), "charset=")
	if !ok {
		return ""
	}
	p, _, _ = strings.Cut(p, ";")
	return strings.Trim(p, `"' `)
}

func decodeText(b []byte, label string) string {
	if label == "" && utf8.Valid(b) || label == "utf-8" {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	e, _ := charset.Lookup(label)
	if e == nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	out, _ := e.NewDecoder().Bytes(b)
	return string(out)
}

func jsonText(b []byte) []byte { return b }
