package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// parse is the cells of a table in Markdown, without its head.
func parse(t *testing.T, made string) table {
	var cells table
	for line := range strings.Lines(made) {
		cells = append(cells, split(line))
	}
	if len(cells) < 3 {
		t.Fatalf("no table: %q", made)
	}
	return cells[2:]
}

func split(line string) []string {
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "| "), " |"), " | ")
}

func documented(t *testing.T, name string) table {
	_, made, _, err := stored(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, made)
}

// The document says what the clients do.
func TestDocumentIsTrue(t *testing.T) {
	want := documented(t, "calls")
	made, err := calls(t.Context(), rows[1:]) // the first waits: see below
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, made)
	if len(want) != len(rows) {
		t.Fatalf("the document has %d rows, want %d", len(want), len(rows))
	}
	for i, line := range got {
		for j, cell := range line {
			if cell == unseen {
				continue
			}
			if was := want[i+1][j]; cell != was {
				t.Errorf("a server that %s, column %d: got %q, and the document has %q", line[0], j, cell, was)
			}
		}
	}
	if strings.Contains(made, "| "+unseen+" |") {
		t.Skip("the column of Requests was not checked:", errNoPython)
	}
}

// The README has some of the rows, for some of the clients.
func TestReadmeSaysTheSame(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, made, found := strings.Cut(string(readme), "<!-- rows of docs/comparison.md -->\n\n")
	if !found {
		t.Fatal("the README has no table")
	}
	made, _, _ = strings.Cut(made, "\n\n")
	head := split(made[:strings.Index(made, "\n")])[1:]
	all := documented(t, "calls")
	for _, line := range parse(t, made) {
		i := slices.IndexFunc(all, func(row []string) bool { return strings.TrimRight(row[0], " ¹²³") == line[0] })
		if i < 0 {
			t.Errorf("docs/comparison.md has no row %q", line[0])
			continue
		}
		for j, client := range head {
			column := slices.IndexFunc(peers, func(p peer) bool { return p.name == client }) + 1
			if line[j+1] != all[i][column] {
				t.Errorf("%s, %s: the README has %q, and docs/comparison.md %q", line[0], client, line[j+1], all[i][column])
			}
		}
	}
}

// Who waits, waits for an hour.
func TestDocumentIsTrueOfWaiting(t *testing.T) {
	want := documented(t, "calls")[0]
	for i, p := range peers {
		if p.name == pythonName {
			continue // its clock is not the test's
		}
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := watch(t.Context(), p, time.Hour)
				if err != nil || got != want[i+1] {
					t.Errorf("got %q, %v, and the document has %q", got, err, want[i+1])
				}
			})
		})
	}
}

// Sizes change with each version of Go; what a program contains does not.
func TestDocumentIsTrueOfPrograms(t *testing.T) {
	want := documented(t, "programs")
	made, err := builds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range parse(t, made)[:2] {
		if got, was := strings.Join(line, " | "), strings.Join(want[i], " | "); got != was {
			t.Errorf("got %s, and the document has %s", got, was)
		}
	}
}
