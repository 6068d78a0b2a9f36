// Package conformance plays recorded cases with the library, and compares what it
// sends and returns with what Requests for Python did. It uses the public API
// alone. testdata/conformance contains the cases, and FORMAT.md there explains
// them. testdata/conformance-deviations.txt lists where the library differs on
// purpose.
//
// Each case ([corpusCase]) gets servers, names and an environment of its own
// ([scene], [origins], [network]). The [player] performs its steps, and the result
// ([observation]) goes into a [comparison].
package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestConformance plays the corpus in testdata/conformance, or in the folder that
// CONFORMANCE_DIR names. Each case records what Requests really did.
//
// A strict case that differs fails, unless testdata/conformance-deviations.txt
// lists it with a reason. Cases with the policy deviate-ok never fail and are
// counted separately. The last line printed is
//
//	conformance: N passed, N failed, N deviate, N skipped
//
// where "deviate" counts the listed ones, and "skipped" those of either kind that
// need a missing feature.
func TestConformance(t *testing.T) {
	dir, own := os.LookupEnv("CONFORMANCE_DIR")
	if !own || dir == "" {
		dir, own = filepath.Join("..", "..", "testdata", "conformance"), false
	}
	cases := readCorpus(t, dir)
	listed := readDeviations(t, filepath.Join("..", "..", "testdata", "conformance-deviations.txt"))
	st := newSite(t)
	score, played := make(scores), 0
	for i := range cases {
		c := &cases[i]
		t.Run(c.Name, func(t *testing.T) {
			played++
			score.of(c.Area).count(t, c, st, listed)
		})
	}
	if played == len(cases) { // not only those that -run selects
		for _, fault := range listed.faults(!own && isOpen(t, dir)) {
			t.Error(fault)
		}
	}
	score.print()
}

// isOpen reports whether dir has the open corpus and nothing else. The list of
// deviations is complete only for that.
func isOpen(t *testing.T, dir string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(files, func(f string) bool { return filepath.Base(filepath.Dir(f)) != "open" })
}

// readCorpus reads all cases below dir, in the order of their files.
func readCorpus(t *testing.T, dir string) []corpusCase {
	t.Helper()
	var cases []corpusCase
	names := make(map[string]bool)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var file corpusFile
		if err := decodeStrict(data, &file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if file.Format != 1 {
			return fmt.Errorf("%s: format %d; want 1", path, file.Format)
		}
		for i, data := range file.Cases {
			var c corpusCase
			if err := decodeStrict(data, &c); err != nil {
				c = corpusCase{Name: fmt.Sprintf("%s/case %d", file.Area, i), Area: file.Area, fault: err}
			}
			if names[c.Name] {
				return fmt.Errorf("%s: a second case %q", path, c.Name)
			}
			names[c.Name] = true
			cases = append(cases, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("no cases in %s", dir)
	}
	return cases
}

// A score is the outcome of an area.
type score struct {
	passed, failed, deviate int // strict
	agreeing, differing     int // deviate-ok
	skipped                 int
}

type scores map[string]*score

func (s scores) of(area string) *score {
	if s[area] == nil {
		s[area] = new(score)
	}
	return s[area]
}

// count plays one case and counts it.
func (s *score) count(t *testing.T, c *corpusCase, st *corpusSite, listed deviations) {
	if name := lacking(c); name != "" {
		s.skipped++
		listed.skip(c.Name)
		t.Skipf("needs %q", name)
	}
	broken := true // if the end is not reached, the corpus or the runner itself is at fault
	defer func() {
		if broken {
			s.failed++
		}
	}()
	diffs := differences(t, c, st)
	if t.Failed() {
		return
	}
	broken = false
	what := strings.Join(diffs, "\n")
	if c.Policy == "deviate-ok" {
		if s.agreeing++; len(diffs) > 0 {
			s.agreeing--
			s.differing++
			t.Logf("differs as it may: %s\n%s", c.Note, what)
		}
		return
	}
	reason := listed.excuse(c.Name, len(diffs) > 0)
	switch {
	case len(diffs) == 0:
		s.passed++
	case reason != "":
		s.deviate++
		t.Logf("differs on purpose: %s\n%s", reason, what)
	default:
		s.failed++
		t.Errorf("%s\n%s", c.Note, what)
	}
}

// differences plays a case and compares it.
func differences(t *testing.T, c *corpusCase, st *corpusSite) []string {
	t.Helper()
	if c.fault != nil {
		t.Fatal(c.fault)
	}
	want, err := parseExpectation(c)
	if err != nil {
		t.Fatalf("expect: %v", err)
	}
	if !usesMounts(c) {
		return played(t, sockets{}, st, c, want)
	}
	var diffs []string
	now := time.Now()
	synctest.Test(t, func(t *testing.T) { // the waits of retries take no time there
		time.Sleep(time.Until(now)) // the clock of a bubble begins in the year 2000, when no certificate is valid yet
		diffs = played(t, new(memory), st, c, want)
	})
	return diffs
}

// played plays a case in n and compares it.
func played(t *testing.T, n network, st *corpusSite, c *corpusCase, want *expectation) []string {
	t.Helper()
	sc := newScene(t, n, st, c)
	got := play(sc)
	cmp := &comparison{c: c, hide: sc.hide}
	cmp.all(want, got)
	for _, text := range sc.complaints() {
		cmp.differs("scene", "%s", text)
	}
	return cmp.diffs
}

func (s scores) print() {
	var all score
	fmt.Printf("%-10s %18s %20s\n", "", "strict", "deviate-ok")
	fmt.Printf("%-10s %6s %6s %7s %8s %9s %7s\n", "area", "passed", "failed", "deviate", "agreeing", "differing", "skipped")
	line := func(name string, a *score) {
		fmt.Printf("%-10s %6d %6d %7d %8d %9d %7d\n", name, a.passed, a.failed, a.deviate, a.agreeing, a.differing, a.skipped)
	}
	for _, area := range slices.Sorted(maps.Keys(s)) {
		a := s[area]
		line(area, a)
		all.passed += a.passed
		all.failed += a.failed
		all.deviate += a.deviate
		all.agreeing += a.agreeing
		all.differing += a.differing
		all.skipped += a.skipped
	}
	line("total", &all)
	fmt.Printf("conformance: %d passed, %d failed, %d deviate, %d skipped\n", all.passed, all.failed, all.deviate, all.skipped)
}
