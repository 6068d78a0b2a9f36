package charset

import (
	"bytes"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

// TestPrescanSuite reads html5lib's cases of encoding detection.
func TestPrescanSuite(t *testing.T) {
	n := 0
	for _, name := range []string{"tests1.dat", "tests2.dat", "test-yahoo-jp.dat"} {
		data := suite.Bytes(t, "external/html5lib-encoding/"+name)
		for block := range bytes.SplitSeq(data, []byte("#data\n")) {
			text, rest, ok := bytes.Cut(block, []byte("\n#encoding\n"))
			if !ok {
				continue
			}
			n++
			label, _, _ := bytes.Cut(rest, []byte("\n"))
			want, _ := Lookup(string(label))
			got := "windows-1252"
			if mark, _, _ := byteOrderMark(text, nil, true); mark != nil {
				got = mark.name
			} else if declared := declaration(text, "text/html"); declared != "" {
				got = declared
			}
			if got != want {
				t.Errorf("%s: encoding of %.200q is %q; want %q", name, text, got, want)
			}
		}
	}
	if n != 82 {
		t.Errorf("%d cases; want 82", n)
	}
}
