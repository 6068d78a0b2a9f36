package requests

import (
	"net/http"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body string
		encoding, apparent      string
		want                    string
	}{
		{name: "header", contentType: "text/plain; charset=windows-1251", body: "\xcf\xf0\xe8", encoding: "windows-1251", want: "\u041f\u0440\u0438"},
		{name: "mark over header", contentType: "text/plain; charset=latin-1", body: "\xef\xbb\xbf\xc3\xa9", encoding: "latin-1", apparent: "utf-8", want: "\u00e9"},
		{name: "mark", contentType: "text/plain", body: "\xff\xfeh\x00\xe9\x00", apparent: "utf-16le", want: "h\u00e9"},
		{name: "meta", contentType: "text/html", body: "<meta charset=iso-8859-2>\xb3", apparent: "iso-8859-2", want: "<meta charset=iso-8859-2>\u0142"},
		{name: "header over meta", contentType: "text/html; charset=utf-8", body: "<meta charset=iso-8859-2>\u0142", encoding: "utf-8", apparent: "iso-8859-2", want: "<meta charset=iso-8859-2>\u0142"},
		{name: "XML declaration", contentType: "application/atom+xml", body: "<?xml version='1.0' encoding='iso-8859-2'?>\xb3", apparent: "iso-8859-2", want: "<?xml version='1.0' encoding='iso-8859-2'?>\u0142"},
		{name: "UTF-8", contentType: "text/plain", body: "caf\u00e9", apparent: "utf-8", want: "caf\u00e9"},
		{name: "JSON has a default", contentType: "application/json", body: "\"\u00e9\"", encoding: "utf-8", apparent: "utf-8", want: "\"\u00e9\""},
		{name: "JSON with parameters", contentType: "Application/JSON; profile=x", body: "\"\u00e9\"", encoding: "utf-8", apparent: "utf-8", want: "\"\u00e9\""},
		{name: "detected", contentType: "text/plain", body: "D\xe9j\xe0 vu, d\xe9tect\xe9 \xe0 la fran\xe7aise, et m\xeame tr\xe8s s\xfbrement", apparent: "windows-1252", want: "D\u00e9j\u00e0 vu, d\u00e9tect\u00e9 \u00e0 la fran\u00e7aise, et m\u00eame tr\u00e8s s\u00fbrement"},
		{name: "B170 bogus charset", contentType: "text/plain; charset=bogus", body: "caf\u00e9 \xff", encoding: "bogus", want: "caf\u00e9 \ufffd"},
		{name: "B170 duplicate charset", contentType: "text/plain; charset=utf-8; charset=latin-1", body: "\u00e9", encoding: "utf-8", apparent: "utf-8", want: "\u00e9"},
		{name: "B170 empty charset", contentType: "text/plain; charset=", body: "\u00e9", apparent: "utf-8", want: "\u00e9"},
		{name: "single quotes", contentType: "text/plain; charset='iso-8859-1'", body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "both quotes", contentType: `text/plain; charset="'iso-8859-1'"`, body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "one quote", contentType: "text/plain; charset=iso-8859-1'", body: "caf\xe9", encoding: "iso-8859-1", want: "caf\u00e9"},
		{name: "quotes alone", contentType: "text/plain; charset=''", body: "caf\u00e9", apparent: "utf-8", want: "caf\u00e9"},
		{name: "quotes alone, JSON", contentType: "application/json; charset='utf-8'", body: "\"\u00e9\"", encoding: "utf-8", want: "\"\u00e9\""},
		{name: "B170 only separators", contentType: ";;;", body: "\u00e9", apparent: "utf-8", want: "\u00e9"},
		{name: "B171 UTF-7 is not known", contentType: "text/html; charset=utf-7", body: "+ADw-script+AD4-", encoding: "utf-7", apparent: "utf-8", want: "+ADw-script+AD4-"},
		{name: "B171 one byte of UTF-16", contentType: "text/plain; charset=utf-16", body: "h", encoding: "utf-16", want: "\ufffd"},
		{name: "empty", contentType: "text/html", body: "", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := unread(strings.NewReader(tt.body), "", 0)
			r.Header = http.Header{"Content-Type": {tt.contentType}}
			r.Encoding = headerCharset(r.Header)
			if r.Encoding != tt.encoding {
				t.Errorf("the Encoding by %q is %q; want %q", tt.contentType, r.Encoding, tt.encoding)
			}
			if got := r.Text(); got != tt.want {
				t.Errorf("Text() of %q = %q; want %q", tt.body, got, tt.want)
			}
			if got := r.ApparentEncoding(); tt.apparent != "" && got != tt.apparent {
				t.Errorf("ApparentEncoding() of %q = %q; want %q", tt.body, got, tt.apparent)
			}
		})
	}
}

// Text of UTF-8 costs the one string that it is.
func TestTextCopiesOnce(t *testing.T) {
	r := unread(strings.NewReader(strings.Repeat("na\u00efve ", 100_000)), "utf-8", 0)
	r.Load()
	var text string
	n := 0.0
	for range 5 { // what goroutines of other tests allocate at their end is counted, too
		if n = testing.AllocsPerRun(10, func() { text = r.Text() }); n <= 1 {
			break
		}
	}
	if n > 1 {
		t.Errorf("Text() allocates %v times; want once", n)
	}
	if len(text) != len(r.Content()) {
		t.Errorf("Text() is of %d bytes; want %d", len(text), len(r.Content()))
	}
}
