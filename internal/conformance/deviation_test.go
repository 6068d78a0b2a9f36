package conformance

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// deviations are the strict cases in which the library differs from Requests on
// purpose. The key is a name, or a pattern of [path.Match] for a group of cases with
// the same reason, some of which may not be in the open corpus.
type deviations map[string]*deviation

type deviation struct {
	reason            string
	differed, skipped int    // cases
	agreed            string // a case that agreed
}

// readDeviations reads lines with a name, a tab and a reason. Lines that begin with
// "#" are comments.
func readDeviations(t *testing.T, file string) deviations {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	listed := make(deviations)
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, reason, _ := strings.Cut(line, "\t")
		if _, err := path.Match(name, ""); err != nil || strings.TrimSpace(reason) == "" || listed[name] != nil {
			t.Fatalf("%s:%d: want a name that was not listed before, a tab and a reason", file, n)
		}
		listed[name] = &deviation{reason: reason}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return listed
}

// find returns the entry for a case: by its name, or the longest pattern.
func (l deviations) find(name string) *deviation {
	if d := l[name]; d != nil {
		return d
	}
	best := ""
	for _, pattern := range slices.Sorted(maps.Keys(l)) {
		if ok, _ := path.Match(pattern, name); ok && len(pattern) > len(best) {
			best = pattern
		}
	}
	return l[best]
}

// excuse records the result of a strict case, and returns why it may differ, or "".
func (l deviations) excuse(name string, differed bool) string {
	d := l.find(name)
	switch {
	case d == nil:
		return ""
	case differed:
		d.differed++
		return d.reason
	}
	d.agreed = name
	return ""
}

// skip records a case that was not played.
func (l deviations) skip(name string) {
	if d := l.find(name); d != nil {
		d.skipped++
	}
}

// faults returns the entries that excuse too much: a name whose case passes. If all
// cases in the list were played, these are also a pattern with such a case, and a
// name without a case.
func (l deviations) faults(complete bool) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(l)) {
		d, isPattern := l[name], strings.ContainsAny(name, `*?[\`)
		switch {
		case d.agreed != "" && (complete || !isPattern):
			faults = append(faults, fmt.Errorf("deviation %s: it excuses %s, which passes", name, d.agreed))
		case complete && !isPattern && d.differed+d.skipped == 0:
			faults = append(faults, fmt.Errorf("deviation %s: there is no such case", name))
		}
	}
	return faults
}
