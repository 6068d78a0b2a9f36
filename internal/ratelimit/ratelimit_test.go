package ratelimit

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/growth"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // 1772366400

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"0", 0, true}, {"120", 2 * time.Minute, true}, {" 120 ", 2 * time.Minute, true}, {"007", 7 * time.Second, true},
		{"9223372036854775807", math.MaxInt64, true}, {"99999999999", math.MaxInt64, true},
		{"1000000000000000000", math.MaxInt64, true}, {strings.Repeat("9", 400), math.MaxInt64, true},
		{"", 0, false}, {"-1", 0, false}, {"+1", 0, false}, {"120.5", 0, false}, {"1e3", 0, false}, {"soon", 0, false},
		{"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second, true},
		{"Sun, 01 Mar 2026 13:00:30 +0100", 30 * time.Second, true},
		{"Sunday, 01-Mar-26 12:01:00 GMT", time.Minute, true}, // RFC 850
		{"Sun Mar  1 12:01:00 2026", time.Minute, true},       // asctime
		{"Sun, 01 Mar 2020 12:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt64, true},
		{"Sun, 01 Foo 2026 12:00:00 GMT", 0, false},
	} {
		if got, ok := RetryAfter(tt.in, now); got != tt.want || ok != tt.ok {
			t.Errorf("RetryAfter(%.40q) = %v, %v; want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

// waitRows are fields, one on each line, and the wait that they ask for; -1 for
// none.
var waitRows = []struct {
	name, fields string
	want         time.Duration
}{
	{"nothing", "", -1},
	{"Retry-After goes first", "Retry-After: 3\nRateLimit: \"a\";r=0;t=30", 3 * time.Second},
	{"junk in Retry-After", "Retry-After: soon\nRateLimit: \"a\";r=0;t=30", 30 * time.Second},

	{"a list", `RateLimit: "default";r=0;t=30`, 30 * time.Second},
	{"something is left", `RateLimit: "default";r=1;t=30`, -1},
	{"of several the longest", `RateLimit: "m";r=0;t=30, "h";r=0;t=60;pk=:eA==:, "d";r=9;t=90`, time.Minute},
	{"several fields", "RateLimit: \"m\";r=0;t=30\nRateLimit: \"h\";r=0;t=60", time.Minute},
	{"separators in a string", `RateLimit: "a,b;r=0;t=9\"";r=0;t=30`, 30 * time.Second},
	{"spaces", `RateLimit: "a" ; r=0 ; t=30`, 30 * time.Second},
	{"no reset", `RateLimit: "a";r=0`, -1},
	{"no remaining", `RateLimit: "a";t=30`, -1},
	{"junk", `RateLimit: "a";r=x;t=30`, -1},
	{"negative", `RateLimit: "a";r=0;t=-30`, -1},
	{"revision 07", "RateLimit: limit=100, remaining=0, reset=50", 50 * time.Second},
	{"revision 07, something is left", "RateLimit: limit=100, remaining=7, reset=50", -1},
	{"revision 06", "RateLimit-Limit: 100\nRateLimit-Remaining: 0\nRateLimit-Reset: 50", 50 * time.Second},
	{"revision 06, something is left", "RateLimit-Remaining: 1\nRateLimit-Reset: 50", -1},
	{"revision 06, no remaining", "RateLimit-Reset: 50", -1},

	{"GitHub", "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1772366460", time.Minute},
	{"GitHub, something is left", "X-RateLimit-Remaining: 12\nX-RateLimit-Reset: 1772366460", -1},
	{"GitHub, past", "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1772366000", 0},
	{"GitHub, without", "X-RateLimit-Remaining: 0", -1},
	{"seconds from now on", "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 60", time.Minute},
	{"milliseconds are too long to be waited for", "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1772366460000", math.MaxInt64},
	{"junk of GitHub", "X-RateLimit-Remaining: none\nX-RateLimit-Reset: 1772366460", -1},
}

func TestWait(t *testing.T) {
	for _, tt := range waitRows {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Wait(header(tt.fields), now)
			if tt.want < 0 {
				require.False(t, ok, "waits for %v", got)
				return
			}
			require.True(t, ok)
			require.Equal(t, tt.want, got)
		})
	}
}

func header(fields string) http.Header {
	h := make(http.Header)
	for line := range strings.Lines(fields) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		h.Add(name, value)
	}
	return h
}

func FuzzWait(f *testing.F) {
	for _, tt := range waitRows {
		f.Add(tt.fields)
	}
	for _, s := range []string{"0", "120", "9223372036854775807", "Sun, 01 Mar 2026 12:00:30 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "-1"} {
		f.Add("Retry-After: " + s)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		if d, ok := Wait(header(fields), now); d < 0 || !ok && d != 0 {
			t.Fatalf("Wait(%q) = %v, %v", fields, d, ok)
		}
	})
}

func TestWaitIsLinear(t *testing.T) {
	for _, unit := range []string{`"a";r=0;t=1,`, `"`, `;r=0`, `\`, "9"} {
		growth.Linear(t, "", unit, func(text string) int {
			steps := 0
			for range split(text, ',') {
				steps++
			}
			Wait(http.Header{"Ratelimit": {text}, "Retry-After": {text}}, now)
			return steps
		})
	}
}
