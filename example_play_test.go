package requests_test

import (
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExamplesPlay finds examples that a documentation site shows without a
// button to run them, as they use a name of another file of the tests, and those
// of this package that do not say what they print.
func TestExamplesPlay(t *testing.T) {
	names, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	modules, err := filepath.Glob("auth/*/*_test.go")
	require.NoError(t, err)
	found := 0
	for _, name := range append(names, modules...) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, e := range doc.Examples(file) {
			found++
			if e.Play == nil {
				t.Errorf("%s: Example%s uses a name that is declared in another file", fset.Position(e.Code.Pos()), e.Name)
			}
			if e.Output == "" && !strings.HasPrefix(name, "auth") { // a login needs somebody who logs in
				t.Errorf("%s: Example%s has no output", fset.Position(e.Code.Pos()), e.Name)
			}
		}
	}
	require.Greater(t, found, 100, "examples")
}
