package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// TestFiles compares everything made from a small run with testdata. One client is
// slower than the longest bar, one cannot do a scenario, and one is not shown.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	r := Run{Date: "2026-01-02", Machine: "a <machine>", Go: "go1.26.0", Note: "It was quiet.", Versions: map[string]string{"candidate": "v0", "resty2": "v2"}}
	if err := draw(dir, "testdata/run.json", r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"speed.json", "speed.md", "speed-light.svg", "speed-dark.svg"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(got) != string(want) {
			t.Errorf("%s is not as in testdata (%v); go test -update writes it there:\n%s", name, err, got)
		}
	}
}

// TestDocs holds that docs agrees with the results committed beside it.
func TestDocs(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	r, err := read(filepath.Join(docs, "speed.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files(r) {
		if got, err := os.ReadFile(filepath.Join(docs, name)); err != nil || string(got) != want {
			t.Errorf("docs/%s is not what speed.json gives (%v): go run -C benchmarks ./chart", name, err)
		}
	}
}

func TestDescribeRefuses(t *testing.T) {
	good := Run{Date: "2026-01-02", Machine: "m", Go: "go1.26.0"}
	cell := Cell{Scen: "S1", Peer: "resty2", RCPU: 1}
	failed := cell
	failed.Err = "wrong reply"
	for _, tt := range []struct {
		name  string
		run   Run
		cells []Cell
		want  string
	}{
		{"a wrong reply", good, []Cell{failed}, "resty2 failed in S1: wrong reply"},
		{"no figures", good, nil, "needs"},
		{"figures of others alone", good, []Cell{{Scen: "S1", Peer: "floor", RCPU: 1}}, "needs"},
		{"no machine", Run{Date: "2026-01-02", Go: "go1.26.0"}, []Cell{cell}, "needs"},
	} {
		data, err := json.Marshal(tt.cells)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := describe(tt.run, data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: describe = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if _, err := describe(good, []byte("no JSON")); err == nil {
		t.Error("describe took what is no JSON")
	}
}
