package requests

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
)

func TestCode(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want int // 0 if the name is unknown
	}{
		{"main name", "not_found", 404},
		{"alias", "okay", 200},
		{"upper case", "NOT_FOUND", 404},
		{"upper case of an alias", "TEAPOT", 418},
		{"mixed case", "Not_Found", 0},
		{"face", `\o/`, 200},
		{"upper case of a face", `\O/`, 0},
		{"upper case of a face of slashes", `/O\`, 0},
		{"face with dashes", "-o-", 404},
		{"upper case of a face with dashes", "-O-", 404},
		{"symbol", "✓", 200},
		{"taken over by 414", "uri_too_long", 414},
		{"taken over by 428", "precondition", 428},
		{"upper case, taken over", "PRECONDITION", 428},
		{"mistake of the table", "early-hints", 102},
		{"number", "200", 0},
		{"empty", "", 0},
		{"blank", " ", 0},
		{"two names", "ok okay", 0},
		{"Kelvin sign", "O\u212a", 0},
		{"long s", "re\u017fet", 0},
		{"not UTF-8", "OK\xff", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := Code(tt.in); got != tt.want || ok != (tt.want != 0) {
				t.Errorf("Code(%q) = %d, %t; want %d, %t", tt.in, got, ok, tt.want, tt.want != 0)
			}
		})
	}
}

func TestCodeNames(t *testing.T) {
	for _, tt := range []struct {
		code int
		want []string
	}{
		{200, []string{"ok", "okay", "all_ok", "all_okay", "all_good", `\o/`, "✓"}},
		{404, []string{"not_found", "-o-"}},
		{412, []string{"precondition_failed", "precondition"}},
		{511, []string{"network_authentication_required", "network_auth", "network_authentication"}},
		{299, nil},
		{0, nil},
		{-1, nil},
	} {
		if got := CodeNames(tt.code); !slices.Equal(got, tt.want) {
			t.Errorf("CodeNames(%d) = %q; want %q", tt.code, got, tt.want)
		}
	}
}

func TestCodeNamesIsTheCallers(t *testing.T) {
	CodeNames(404)[0] = "changed"
	if got := CodeNames(404)[0]; got != "not_found" {
		t.Errorf("CodeNames(404)[0] = %q after a caller changed its slice; want %q", got, "not_found")
	}
}

// TestCodeTable holds the table as a whole to what is known of it: its size,
// and that Code is the inverse of CodeNames but for two names.
func TestCodeTable(t *testing.T) {
	takenOver := map[string]int{"uri_too_long": 414, "precondition": 428}
	codes, names := 0, 0
	for code := range 1000 {
		list := CodeNames(code)
		if len(list) > 0 {
			codes++
		}
		names += len(list)
		for _, name := range list {
			want := code
			if later, ok := takenOver[name]; ok {
				want = later
			}
			if got, ok := Code(name); got != want || !ok {
				t.Errorf("Code(%q) = %d, %t; want %d, true", name, got, ok, want)
			}
			if strings.HasPrefix(name, `\`) || strings.HasPrefix(name, "/") {
				continue
			}
			if got, ok := Code(strings.ToUpper(name)); got != want || !ok {
				t.Errorf("Code(%q) = %d, %t; want %d, true", strings.ToUpper(name), got, ok, want)
			}
		}
	}
	if codes != 68 || names != 126 {
		t.Errorf("the table has %d codes with %d names; want 68 with 126", codes, names)
	}
}

// TestCodeConformance runs the lookups recorded from Python's Requests.
func TestCodeConformance(t *testing.T) {
	var file struct {
		Cases []struct {
			Name   string
			Kind   string
			Expect struct{ Codes map[string]*int }
		}
	}
	suite.Read(t, "conformance/open/codes.json", &file)
	for _, c := range file.Cases {
		if c.Kind != "codes" || len(c.Expect.Codes) == 0 {
			t.Errorf("%s: kind %q with %d names; want kind codes with some", c.Name, c.Kind, len(c.Expect.Codes))
		}
		for name, want := range c.Expect.Codes {
			got, ok := Code(name)
			if ok != (want != nil) || ok && got != *want {
				t.Errorf("%s: Code(%q) = %d, %t; want it as recorded", c.Name, name, got, ok)
			}
		}
	}
	if len(file.Cases) == 0 {
		t.Error("no cases")
	}
}
