package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// pages are the documents of the repository: those of its root, of its folders,
// and all below docs. Their paths are relative to the root.
func pages(t *testing.T) []*page {
	paths, err := filepath.Glob("../*.md")
	require.NoError(t, err)
	folders, err := filepath.Glob("../*/*.md")
	require.NoError(t, err)
	for _, path := range folders {
		if !strings.HasPrefix(filepath.ToSlash(path), "../docs/") {
			paths = append(paths, path)
		}
	}
	err = filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			paths = append(paths, path)
		}
		return err
	})
	require.NoError(t, err)
	var all []*page
	for _, path := range paths {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		all = append(all, parsePage(filepath.ToSlash(filepath.Join("docs", path)), source))
	}
	return all
}

// A page is one document.
type page struct {
	path    string // relative to the root
	blocks  []*block
	cells   []*block // the code in columns of tables with the heading "Go"
	links   []link
	anchors map[string]bool
}

// A link is one of a document to another, or within it.
type link struct {
	line   int
	target string
}

// A block is Go code of a document.
type block struct {
	page     string // its path
	line     int    // of the first line of the code
	section  int    // number of the heading of the first or second level above it
	code     string
	output   string // what it is said to print
	compared bool   // that output is known
	skipped  mark   // how far it is not tested
	before   string // statements to run before it, which readers do not see
}

// A mark is a comment above a block that takes it out of a part of the tests.
type mark struct{ word, reason string }

var (
	// marks has what such a comment may say.
	marks = regexp.MustCompile(`^<!-- (not run|not compiled): (\S.*) -->$`)
	// attributes are those of HTML that lead elsewhere.
	attributes = regexp.MustCompile(`\b(?:href|src|srcset)="([^"]*)"`)
	// before is a comment with statements to run before a block.
	before = regexp.MustCompile(`(?s)^<!-- before:\s(.*)\s-->$`)
	// omitted is a body that a reader is left to write. It uses what a loop gives.
	omitted = regexp.MustCompile(`(?m)(\bfor (\w+)(?:, (\w+))? := range .*?)?\{ … \}`)
	// arrow begins a comment that says what a line prints.
	arrow = regexp.MustCompile(`(?m)// → (.*)$`)
)

func parsePage(path string, source []byte) *page {
	p := &page{path: path, anchors: map[string]bool{}}
	document := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))
	section := 0
	slugs := map[string]int{}
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level <= 2 {
				section++
			}
			p.anchors[anchor(plain(n, source), slugs)] = true
		case *ast.Link:
			p.links = append(p.links, link{lineOf(n, source), string(n.Destination)})
		case *ast.Image:
			p.links = append(p.links, link{lineOf(n, source), string(n.Destination)})
		case *ast.HTMLBlock:
			for _, m := range attributes.FindAllStringSubmatch(lines(n, source), -1) {
				p.links = append(p.links, link{lineAt(n.Lines().At(0).Start, source), m[1]})
			}
		case *tables.Table:
			p.cells = append(p.cells, cells(path, n, source)...)
		case *ast.FencedCodeBlock:
			if string(n.Language(source)) == "go" && n.Lines().Len() > 0 {
				p.blocks = append(p.blocks, newBlock(path, section, n, source))
			}
		}
		return ast.WalkContinue, nil
	})
	return p
}

func newBlock(path string, section int, n *ast.FencedCodeBlock, source []byte) *block {
	b := &block{page: path, section: section, code: complete(lines(n, source)), line: lineAt(n.Lines().At(0).Start, source)}
	if next, ok := n.NextSibling().(*ast.FencedCodeBlock); ok && string(next.Language(source)) == "text" {
		b.output, b.compared = lines(next, source), true
	} else if _, output, ok := strings.Cut(b.code, "// Output:\n"); ok {
		for line := range strings.Lines(output) {
			if _, text, ok := strings.Cut(line, "// "); ok {
				b.output += text
			}
		}
		b.compared = true
	} else if prints := arrow.FindAllStringSubmatch(b.code, -1); prints != nil {
		for _, line := range prints {
			b.output += line[1] + "\n"
		}
		b.compared = true
	}
	for above := n.PreviousSibling(); above != nil && above.Kind() == ast.KindHTMLBlock; above = above.PreviousSibling() {
		comment := above.(*ast.HTMLBlock)
		text := lines(comment, source)
		if comment.HasClosure() {
			text += string(comment.ClosureLine.Value(source))
		}
		text = strings.TrimSpace(text)
		if m := marks.FindStringSubmatch(text); m != nil {
			b.skipped = mark{m[1], m[2]}
		}
		if m := before.FindStringSubmatch(text); m != nil {
			b.before = m[1]
		}
	}
	return b
}

// complete writes the bodies that code leaves out.
func complete(code string) string {
	return omitted.ReplaceAllStringFunc(code, func(s string) string {
		m := omitted.FindStringSubmatch(s)
		switch {
		case m[3] != "":
			return m[1] + "{ use(" + m[2] + ", " + m[3] + ") }"
		case m[2] != "":
			return m[1] + "{ use(" + m[2] + ") }"
		}
		return "{}"
	})
}

// cells returns the code in the columns of a table with the heading "Go".
func cells(path string, table *tables.Table, source []byte) []*block {
	columns := map[int]bool{}
	var found []*block
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		column := 0
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if _, ok := row.(*tables.TableHeader); ok {
				columns[column] = plain(cell, source) == "Go"
			} else if columns[column] {
				for n := cell.FirstChild(); n != nil; n = n.NextSibling() {
					if code, ok := n.(*ast.CodeSpan); ok {
						text := code.FirstChild().(*ast.Text)
						found = append(found, &block{page: path, line: lineAt(text.Segment.Start, source), code: complete(plain(code, source))})
					}
				}
			}
			column++
		}
	}
	return found
}

// lines returns the text of a block.
func lines(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(source))
	}
	return b.String()
}

// plain returns the text of a heading without its markup.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// lineOf returns the line of an inline element, which is that of the paragraph
// or table around it.
func lineOf(n ast.Node, source []byte) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			return lineAt(n.Lines().At(0).Start, source)
		}
	}
	return 1
}

func lineAt(offset int, source []byte) int {
	return 1 + bytes.Count(source[:offset], []byte("\n"))
}

// anchor is the name that GitHub gives to a heading. It adds a number to one that
// was there before.
func anchor(heading string, seen map[string]int) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f && !strings.ContainsRune("—–…“”’→", r):
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, heading)
	n := seen[name]
	seen[name]++
	if n > 0 {
		return name + "-" + string(rune('0'+n))
	}
	return name
}
