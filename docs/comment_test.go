package docs

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// comments returns the code in the documentation of the package and of what it
// exports, which is compiled and not run. Code there is what names the package;
// the rest are tables.
func comments(t *testing.T) []*block {
	var all []*block
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, path, nil, parser.ParseComments)
		require.NoError(t, err)
		groups := []*ast.CommentGroup{file.Doc}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				groups = append(groups, d.Doc)
			case *ast.GenDecl:
				groups = append(groups, d.Doc)
			}
		}
		for _, group := range groups {
			if group == nil {
				continue
			}
			for _, part := range new(comment.Parser).Parse(group.Text()).Content {
				if code, ok := part.(*comment.Code); ok && strings.Contains(code.Text, "requests.") {
					all = append(all, &block{page: strings.TrimPrefix(filepath.ToSlash(path), "../"), line: lineOfComment(positions, group, code.Text), code: complete(code.Text)})
				}
			}
		}
	}
	require.NotEmpty(t, all)
	return all
}

// lineOfComment finds the line of code in a comment.
func lineOfComment(positions *token.FileSet, group *ast.CommentGroup, code string) int {
	first, _, _ := strings.Cut(code, "\n")
	for _, c := range group.List {
		if strings.TrimSpace(strings.TrimPrefix(c.Text, "//")) == strings.TrimSpace(first) {
			return positions.Position(c.Pos()).Line
		}
	}
	return positions.Position(group.Pos()).Line
}
