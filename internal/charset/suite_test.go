package charset

import (
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

// TestLabelSuite reads the labels of wpt/encoding.
func TestLabelSuite(t *testing.T) {
	var rows []struct{ Label, Name string }
	suite.Read(t, "external/wpt-encoding/labels.json", &rows)
	if len(rows) != 228 {
		t.Errorf("%d rows; want 228", len(rows))
	}
	for _, row := range rows {
		for _, label := range []string{row.Label, strings.ToUpper(row.Label), " " + row.Label + "\t\r\n"} {
			if got, ok := Lookup(label); got != strings.ToLower(row.Name) || !ok {
				t.Errorf("Lookup(%q) = %q, %v; want %q", label, got, ok, row.Name)
			}
		}
	}
}
