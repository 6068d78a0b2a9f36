package requests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestAdapterChecksItsMessage is about callers of an adapter that are no
// session: what would make two messages of one, or another than was meant, is
// refused before a byte is sent (RFC 9112, section 11.1).
func TestAdapterChecksItsMessage(t *testing.T) {
	f := newFaulty(t, answering(okAnswer))
	for _, tt := range []struct {
		name   string
		change func(p *PreparedRequest)
		want   error
	}{
		{"method with a line end", func(p *PreparedRequest) { p.Method = "GET / HTTP/1.1\r\nEvil: 1\r\n\r\nGET" }, ErrInvalidOption},
		{"method with a space", func(p *PreparedRequest) { p.Method = "GE T" }, ErrInvalidOption},
		{"CONNECT", func(p *PreparedRequest) { p.Method = "CONNECT" }, ErrInvalidOption},
		{"no method", func(p *PreparedRequest) { p.Method = "" }, ErrInvalidOption},
		{"no URL", func(p *PreparedRequest) { p.URL = nil }, ErrInvalidURL},
		{"no host", func(p *PreparedRequest) { p.URL = &url.URL{Scheme: "http", Path: "/"} }, ErrInvalidURL},
		{"NUL in a value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a\x00b"} }, ErrInvalidHeader},
		{"line end in a value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
		{"line feed in the second value", func(p *PreparedRequest) { p.Header["X-A"] = []string{"a", "b\nEvil: 1"} }, ErrInvalidHeader},
		{"space in a name", func(p *PreparedRequest) { p.Header["X A"] = []string{"a"} }, ErrInvalidHeader},
		{"colon in a name", func(p *PreparedRequest) { p.Header["X-A:"] = []string{"a"} }, ErrInvalidHeader},
		{"line end in a name", func(p *PreparedRequest) { p.Header["X\r\nEvil"] = []string{"a"} }, ErrInvalidHeader},
		{"no name", func(p *PreparedRequest) { p.Header[""] = []string{"a"} }, ErrInvalidHeader},
		{"Host with a line end", func(p *PreparedRequest) { p.Header["Host"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
		{"Proxy-Authorization with a line end", func(p *PreparedRequest) { p.Header["Proxy-Authorization"] = []string{"a\r\nEvil: 1"} }, ErrInvalidHeader},
	} {
		for name, a := range map[string]Adapter{
			"direct": new(HTTPAdapter), "PoolBlock": &HTTPAdapter{PoolBlock: true}, "RoundTripper": RoundTripper(new(http.Transport)),
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				p, err := NewRequest("GET", f.url()).Prepare(bg)
				if err != nil {
					t.Fatal(err)
				}
				tt.change(p)
				r, err := a.Send(bg, p, SendOptions{})
				if r != nil || !errors.Is(err, tt.want) {
					t.Errorf("Send = %v, %v; want one that is %v", r, err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "\n") {
					t.Errorf("the error has a line end: %q", err)
				}
			})
		}
	}
	if n := f.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
