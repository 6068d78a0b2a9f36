// Package growth lets tests see that work is linear in its input. It counts
// steps and allocated bytes, and never looks at a clock.
package growth

import (
	"runtime"
	"strings"
	"testing"
)

const (
	size   = 2 << 10 // bytes of the smaller input
	factor = 16      // of the larger one
	slack  = 4       // tolerance, for buffers that double and tables that grow
	floor  = 16 << 10
)

// Linear fails the test if work on a long input takes more than in proportion
// to that on a short one. The inputs are start and as many units as fit. Work
// returns how many steps it took; what it allocates is measured.
//
// Quadratic work takes 256 times as much for 16 times the input. Linear work
// takes 16 times, and up to 64 times is allowed.
func Linear(t testing.TB, start, unit string, work func(input string) (steps int)) {
	t.Helper()
	short := start + strings.Repeat(unit, size/len(unit))
	long := start + strings.Repeat(unit, factor*size/len(unit))
	shortSteps, shortBytes := measure(short, work)
	longSteps, longBytes := measure(long, work)
	if longSteps > factor*slack*shortSteps+floor {
		t.Errorf("%q and many of %q: %d steps for %d bytes and %d for %d; want work in proportion",
			start, unit, shortSteps, len(short), longSteps, len(long))
	}
	if longBytes > factor*slack*shortBytes+floor {
		t.Errorf("%q and many of %q: %d bytes allocated for %d bytes and %d for %d; want memory in proportion",
			start, unit, shortBytes, len(short), longBytes, len(long))
	}
}

func measure(input string, work func(string) int) (steps int, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	steps = work(input)
	runtime.ReadMemStats(&after)
	return steps, after.TotalAlloc - before.TotalAlloc
}
