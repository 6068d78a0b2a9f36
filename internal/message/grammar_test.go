package message

import (
	"net/http"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// Every byte has the same kinds as in net/http.
func TestClass(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		s := string([]byte{'a', c, 'a'})
		if got, want := IsToken(s), httpguts.ValidHeaderFieldName(s); got != want {
			t.Errorf("%q of a token: %v; want %v", c, got, want)
		}
		if name := string([]byte{c, 'a', c, '-', c, 'A', c}); IsToken(name) {
			got := []byte(name)
			if canonicalize(got); string(got) != http.CanonicalHeaderKey(name) {
				t.Errorf("%q in canonical form is %q; want %q", name, got, http.CanonicalHeaderKey(name))
			}
			if !equalFold(name, string(got)) {
				t.Errorf("%q and %q differ", name, got)
			}
		}
		lineEnd := c == '\r' || c == '\n' // httpguts allows folds
		if got, want := all(s, valueByte), httpguts.ValidHeaderFieldValue(s) && !lineEnd; got != want {
			t.Errorf("%q of a value: %v; want %v", c, got, want)
		}
		if got, want := all(s, hostByte), httpguts.ValidHostHeader(s); got != want {
			t.Errorf("%q of a host: %v; want %v", c, got, want)
		}
		if got, want := all(s, targetByte), c > ' ' && c != 0x7f; got != want {
			t.Errorf("%q of a target: %v; want %v", c, got, want)
		}
	}
}

func TestHasToken(t *testing.T) {
	for _, values := range [][]string{
		nil, {""}, {"close"}, {"Close"}, {"x, close"}, {"close,x"}, {"\tclose ,"}, {"x", " close"}, {"closed"}, {"clos"}, {"x close"}, {"clo\u017fe"}, {",,close"}, {"close;x"},
	} {
		if got, want := hasToken(values, "close"), httpguts.HeaderValuesContainsToken(values, "close"); got != want {
			t.Errorf("hasToken(%q, close) = %v; want %v", values, got, want)
		}
	}
}
