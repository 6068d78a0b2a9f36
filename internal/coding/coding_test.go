package coding

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/growth"
)

func TestParse(t *testing.T) {
	ten := strings.Split(strings.Repeat("gzip ", 10), " ")[:10]
	for _, tt := range []struct {
		name   string
		values []string
		want   []string
		err    error
	}{
		{name: "none"},
		{name: "empty", values: []string{"", " ,, "}},
		{name: "one", values: []string{"gzip"}, want: []string{"gzip"}},
		{name: "every one", values: []string{"gzip, deflate, br, zstd"}, want: []string{"gzip", "deflate", "br", "zstd"}},
		{name: "case", values: []string{"GZip", "X-GZIP", "BR"}, want: []string{"gzip", "gzip", "br"}},
		{name: "several lines", values: []string{"deflate", "gzip , br"}, want: []string{"deflate", "gzip", "br"}},
		{name: "spaces", values: []string{"\tgzip\t ,br "}, want: []string{"gzip", "br"}},
		{name: "identity", values: []string{"identity", "IDENTITY, gzip, identity"}, want: []string{"gzip"}},
		{name: "identities are no layers", values: []string{strings.Repeat("identity,", 100) + "gzip"}, want: []string{"gzip"}},
		{name: "unknown", values: []string{"foo"}},
		{name: "no coding", values: []string{"UTF-8"}},
		{name: "compress", values: []string{"x-compress"}},
		{name: "quoted is unknown", values: []string{`"gzip"`}},
		{name: "unknown in a list", values: []string{"gzip, foo"}, err: ErrUnknownCoding},
		{name: "unknown on another line", values: []string{"foo", "gzip"}, err: ErrUnknownCoding},
		{name: "unknown twice", values: []string{"foo, bar"}, err: ErrUnknownCoding},
		{name: "five", values: []string{"gzip, gzip", "gzip", "gzip, gzip"}, want: ten[:5]},
		{name: "B119 six", values: []string{"gzip, gzip", "gzip, gzip, gzip", "gzip"}, err: ErrTooManyCodings},
		{name: "B119 six on six lines", values: ten[:6], err: ErrTooManyCodings},
		{name: "B119 six unknown", values: []string{"a,b,c,d,e,f"}, err: ErrTooManyCodings},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.values)
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("Parse(%q) = %q, %v; want %q, %v", tt.values, got, err, tt.want, tt.err)
			}
		})
	}
}

// TestParseHostile holds rows A190 and B119.
func TestParseHostile(t *testing.T) {
	for name, values := range map[string][]string{
		"A190 thousands in a line": {strings.Repeat("gzip,", 10_000)},
		"B119 over many lines":     slices.Repeat([]string{"gzip"}, 10_000),
		"A190 unknown":             {strings.Repeat("x,", 10_000)},
		"A190 one of a megabyte":   {"gzip, " + strings.Repeat("x", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(values)
			if err == nil || len(err.Error()) > 200 {
				t.Errorf("Parse: error %.300v; want a short one", err)
			}
		})
	}
	for _, unit := range []string{"gzip,", "x,", "x", ","} {
		growth.Linear(t, "", unit, func(text string) int {
			Parse([]string{text})
			return 0
		})
	}
}

func TestNewReaderUnknown(t *testing.T) {
	if _, err := NewReader(nil, []string{"gzip", "foo"}, Limits{}); !errors.Is(err, ErrUnknownCoding) {
		t.Errorf("NewReader(foo): error %v; want %v", err, ErrUnknownCoding)
	}
}

func TestAccept(t *testing.T) {
	codings, err := Parse([]string{Accept})
	if err != nil {
		t.Fatal(err)
	}
	for _, coding := range codings {
		if poolOf(coding) == nil {
			t.Errorf("Accept names %q, which is not decoded", coding)
		}
	}
}

func TestNamed(t *testing.T) {
	for value, want := range map[string]bool{"": false, " , ": false, "identity": false, "Identity, ": false, "gzip": true, "exi": true, "identity,\tbr": true} {
		if got := Named([]string{"", value}); got != want {
			t.Errorf("Named(%q) = %v; want %v", value, got, want)
		}
	}
}
