package main

import (
	"fmt"
	"os"
	"strings"
)

// A table is written in Markdown; its first line is the head.
type table [][]string

func (t table) String() string {
	var b strings.Builder
	for i, line := range t {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(line)))
		}
	}
	return b.String()
}

// mark is the line above a table of the document that this program makes.
func mark(name string) string { return fmt.Sprintf("<!-- made by comparison: %s -->\n\n", name) }

// stored is the table of the document, and what is before and after it.
func stored(name string) (before, made, after string, err error) {
	data, err := os.ReadFile(document)
	if err != nil {
		return "", "", "", err
	}
	before, rest, ok := strings.Cut(string(data), mark(name))
	if !ok {
		return "", "", "", fmt.Errorf("%s has no %q", document, mark(name))
	}
	made, after, _ = strings.Cut(rest, "\n\n")
	return before + mark(name), made + "\n", after, nil
}

func rewrite(name, made string) error {
	before, _, after, err := stored(name)
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(before+made+"\n"+after), 0o644)
}
