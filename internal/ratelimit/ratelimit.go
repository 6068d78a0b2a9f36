// Package ratelimit finds out when a server wants to be asked again. It reads
// Retry-After (RFC 9110, section 10.2.3), the fields of
// draft-ietf-httpapi-ratelimit-headers in the forms of all its revisions, and
// the X-RateLimit fields of GitHub and others.
//
// It knows nothing about requests. Malformed fields are ignored.
package ratelimit

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Wait returns how long to wait from now before the next request, or false if h
// does not say. Retry-After takes precedence, as the draft requires. The other
// fields count only if nothing is left of a quota; of several, the longest wait
// counts.
func Wait(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := RetryAfter(h.Get("Retry-After"), now); ok {
		return d, true
	}
	if d, ok := draft(h.Values("RateLimit")); ok {
		return d, true
	}
	if d, ok := pair(h.Get("RateLimit-Remaining"), h.Get("RateLimit-Reset"), now); ok {
		return d, true
	}
	return pair(h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Reset"), now)
}

// RetryAfter reads a Retry-After field: a number of seconds, or a date. A wait
// that is too long for a Duration becomes the longest Duration.
func RetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if d, ok := seconds(value); ok {
		return d, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		date, err = time.Parse(time.RFC1123Z, value) // a zone other than GMT
	}
	if err != nil {
		return 0, false
	}
	return max(date.Sub(now), 0), true
}

// seconds reads a number of seconds without a sign.
func seconds(value string) (time.Duration, bool) {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * time.Second, true
}

// sinceEpoch is the smallest number of seconds that is read as a time since
// 1970 rather than as a wait: nobody waits for 15 years, and all current times
// are later than 1985, even those of the clock of testing/synctest.
const sinceEpoch = 5e8 * time.Second

// pair reads a quota that two fields describe. The reset is in seconds from
// now, as in the first revisions of the draft, or a time since 1970, as GitHub
// sends it.
func pair(remaining, reset string, now time.Time) (time.Duration, bool) {
	left, ok := seconds(strings.TrimSpace(remaining))
	if !ok || left > 0 {
		return 0, false
	}
	d, ok := seconds(strings.TrimSpace(reset))
	if ok && d >= sinceEpoch && d < math.MaxInt64 {
		d = max(time.Unix(int64(d/time.Second), 0).Sub(now), 0)
	}
	return d, ok
}

// draft reads RateLimit fields: a list of quotas, as in "default";r=0;t=30
// (revision 08 and later), or one quota, as in limit=100, remaining=0, reset=30
// (revision 07).
func draft(fields []string) (wait time.Duration, ok bool) {
	for _, field := range fields {
		var whole quota
		for member := range split(field, ',') {
			var q quota
			first := true
			for param := range split(member, ';') {
				if name, value, _ := strings.Cut(strings.Trim(param, " \t"), "="); first {
					whole.set(name, value, "remaining", "reset")
				} else {
					q.set(name, value, "r", "t")
				}
				first = false
			}
			if q.spent() {
				wait, ok = max(wait, q.reset), true
			}
		}
		if whole.spent() {
			wait, ok = max(wait, whole.reset), true
		}
	}
	return wait, ok
}

// A quota is what is left of a quota, and when it begins anew.
type quota struct {
	left, reset       time.Duration
	hasLeft, hasReset bool
}

func (q *quota) set(name, value, left, reset string) {
	switch name {
	case left:
		q.left, q.hasLeft = seconds(value)
	case reset:
		q.reset, q.hasReset = seconds(value)
	}
}

func (q *quota) spent() bool { return q.hasLeft && q.hasReset && q.left == 0 }

// split returns the parts of s between separators outside quoted strings (RFC
// 9651, section 3.3.3).
func split(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, start := false, 0
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case c == separator && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}
