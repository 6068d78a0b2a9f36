package growth

import (
	"strings"
	"testing"
)

type recorder struct {
	testing.TB
	failed bool
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

var sink []byte

func TestLinear(t *testing.T) {
	for _, tt := range []struct {
		name string
		work func(string) int
		want bool // a failure
	}{
		{name: "nothing", work: func(string) int { return 0 }},
		{name: "linear", work: func(s string) int { sink = []byte(s); return 5 * len(s) }},
		{name: "a buffer that doubles", work: func(s string) int {
			var b strings.Builder
			for i := range len(s) {
				b.WriteByte(s[i])
			}
			return b.Len()
		}},
		{name: "quadratic steps", work: func(s string) int { return len(s) * len(s) / 2 }, want: true},
		{name: "quadratic steps for one byte in 50", work: func(s string) int { return len(s) + len(s)*len(s)/50 }, want: true},
		{name: "quadratic memory", work: func(s string) int {
			for i := range len(s) / 8 {
				sink = []byte(s[i:])
			}
			return 0
		}, want: true},
	} {
		r := &recorder{TB: t}
		Linear(r, "<", "ab", tt.work)
		if r.failed != tt.want {
			t.Errorf("%s: failed = %t; want %t", tt.name, r.failed, tt.want)
		}
	}
}
