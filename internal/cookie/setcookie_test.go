package cookie

import (
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests/internal/growth"
)

var fields = []struct {
	line string
	want Received
	ok   bool
}{
	{"a=1", Received{Name: "a", Value: "1"}, true},
	{" \ta b\t= 1 2 \t", Received{Name: "a b", Value: "1 2"}, true},
	{`a="1"`, Received{Name: "a", Value: `"1"`}, true},
	{"a=b=c", Received{Name: "a", Value: "b=c"}, true},
	{"a=", Received{Name: "a"}, true},
	{"a", Received{Value: "a"}, true},
	{"=a", Received{Value: "a"}, true},
	{"=", Received{}, false},
	{"", Received{}, false},
	{" ; Path=/", Received{}, false},
	{"a=1\x00", Received{}, false},
	{"a=1; Path=/\x7f", Received{}, false},
	{"a=1\t2", Received{Name: "a", Value: "1\t2"}, true},
	{"a=" + strings.Repeat("x", maxPair-1), Received{Name: "a", Value: strings.Repeat("x", maxPair-1)}, true},
	{"a=" + strings.Repeat("x", maxPair), Received{}, false},
	{"a=1; Domain=EXAMPLE.com; domain=.Example.ORG", Received{Name: "a", Value: "1", Domain: "example.org"}, true},
	{"a=1; Domain=example.com; Domain", Received{Name: "a", Value: "1"}, true},
	{"a=1; Domain=\u212Aernel.org", Received{Name: "a", Value: "1", Domain: "\u212Aernel.org"}, true},
	{"a=1; Domain=..com", Received{Name: "a", Value: "1", Domain: ".com"}, true},
	{"a=1; Path=/x; Path=y", Received{Name: "a", Value: "1"}, true},
	{"a=1; PATH =\t/x ;;", Received{Name: "a", Value: "1", Path: "/x"}, true},
	{"a=1; Path=/" + strings.Repeat("x", maxAttribute-1), Received{Name: "a", Value: "1", Path: "/" + strings.Repeat("x", maxAttribute-1)}, true},
	{"a=1; Path=/" + strings.Repeat("x", maxAttribute), Received{Name: "a", Value: "1"}, true},
	{"a=1; secure=no; HTTPONLY; SameSite=lAX", Received{Name: "a", Value: "1", Secure: true, HTTPOnly: true, SameSite: SameSiteLax}, true},
	{"a=1; Secur; HttpOnly2; SameSite=Laxer; Partitioned", Received{Name: "a", Value: "1"}, true},
	{"a=1; Max-Age=10", Received{Name: "a", Value: "1", Lifetime: 10, HasLifetime: true}, true},
	{"a=1; Max-Age=10; Max-Age=x", Received{Name: "a", Value: "1", Lifetime: 10, HasLifetime: true}, true},
	{"a=1; Max-Age=-10", Received{Name: "a", Value: "1", Lifetime: -10, HasLifetime: true}, true},
	{"a=1; Max-Age=+10", Received{Name: "a", Value: "1"}, true},
	{"a=1; Max-Age=", Received{Name: "a", Value: "1"}, true},
	{"a=1; Max-Age=18446744073709551616", Received{Name: "a", Value: "1", Lifetime: maxLifetime, HasLifetime: true}, true},
	{"a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT", Received{Name: "a", Value: "1", Expires: time.Date(2021, 6, 9, 10, 18, 14, 0, time.UTC)}, true},
}

func TestParse(t *testing.T) {
	for _, tt := range fields {
		if got, ok := Parse(tt.line); got != tt.want || ok != tt.ok {
			t.Errorf("Parse(%.80q) = %+v, %v; want %+v, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

// A110: no input takes more than linear time.
func TestParseLinear(t *testing.T) {
	for _, unit := range []string{";", "=", `"`, ` \"`, ";a", "; Domain=x", "; Max-Age=9", "; Expires=1", " ", "a", "1", "1:1:1 ", "Jan "} {
		for _, start := range []string{"a=1", "a=1;", ""} {
			growth.Linear(t, start, unit, func(line string) int {
				s := scanner{rest: line}
				s.received()
				return s.looked
			})
		}
		growth.Linear(t, "", unit, func(text string) int {
			s := scanner{rest: text}
			s.date()
			return s.looked
		})
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := now.Add(time.Hour)
	for _, tt := range []struct {
		name string
		in   Received
		want time.Time
	}{
		{"session", Received{}, time.Time{}},
		{"Expires", Received{Expires: at}, at},
		{"Max-Age", Received{Lifetime: 60, HasLifetime: true, Expires: at}, now.Add(time.Minute)},
		{"zero", Received{HasLifetime: true, Expires: at}, time.Unix(0, 0).UTC()},
		{"negative", Received{Lifetime: -maxLifetime, HasLifetime: true}, time.Unix(0, 0).UTC()},
		{"huge", Received{Lifetime: maxLifetime, HasLifetime: true}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	} {
		if got := tt.in.expiry(now); !got.Equal(tt.want) {
			t.Errorf("%s: expiry = %v; want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range fields {
		f.Add(tt.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, ok := Parse(line)
		if !ok {
			return
		}
		if len(r.Name)+len(r.Value) > maxPair || hasControl(r.Name+r.Value+r.Path) || strings.ContainsAny(r.Name, "=;") || strings.Contains(r.Value, ";") {
			t.Errorf("Parse(%q) = %+v", line, r)
		}
		if !r.WellFormed() {
			t.Errorf("Parse(%q) = %+v, which is not well formed", line, r)
		}
		again, ok := Parse(r.Name + "=" + r.Value + "; Path=" + r.Path)
		if !ok || again.Name != r.Name || again.Value != r.Value || again.Path != r.Path {
			t.Errorf("Parse(%q) = %+v, which reads back as %+v", line, r, again)
		}
	})
}
