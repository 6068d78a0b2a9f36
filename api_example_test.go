package requests_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// withoutExample are names that no Example needs to show, and why.
var withoutExample = map[string]string{
	"type Authenticator interface": "a type of the caller's implements it, as in ExampleNewAuth",
}

// TestEachNameHasAnExample: a name that no Example has a use for has not earned its place.
func TestEachNameHasAnExample(t *testing.T) {
	shown := exampleNames(t)
	data, err := os.ReadFile("testdata/api.txt")
	require.NoError(t, err)
	missing := make(map[string]string) // line by name
	for line := range strings.Lines(string(data)) {
		if name := apiName(string(data), line); name != "" && !shown[name] {
			missing[name] = strings.TrimSpace(line)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if withoutExample[missing[name]] == "" {
			t.Errorf("no Example shows %s", missing[name])
		}
	}
	for line, reason := range withoutExample {
		if missing[apiName(string(data), line)] != line {
			t.Errorf("withoutExample has %q (%s), which is shown or gone", line, reason)
		}
	}
}

// mostNames is how many functions, methods and types the package may have, without
// the methods by which a value keeps its secrets from fmt and slog. A new name that
// does not fit takes the place of one that three lines of a program replace.
const mostNames = 215

func TestNamesAreFew(t *testing.T) {
	data, err := os.ReadFile("testdata/api.txt")
	require.NoError(t, err)
	n := 0
	for line := range strings.Lines(string(data)) {
		m := apiLine.FindStringSubmatch(line)
		if m == nil || m[1] == "const" || m[1] == "var" || strings.Contains(line, " interface, ") || strings.Contains(line, " struct, ") ||
			m[1] == "method" && (m[2] == "Format" || m[2] == "LogValue") {
			continue
		}
		n++
	}
	require.Greater(t, n, 150, "this test proves nothing")
	require.LessOrEqual(t, n, mostNames)
}

var apiLine = regexp.MustCompile(`^(const|var|func|type|method) (?:\([^)]+\) )?(\w+)(?: struct, (?:embedded \S+|(\w+)))?`)

// apiName is the name that a line of testdata/api.txt is about, with "." before that
// of a method or a field. It is "" for methods that package fmt, log/slog and errors
// call, and for interfaces as far as they need not be named.
func apiName(api, line string) string {
	m := apiLine.FindStringSubmatch(line)
	switch {
	case m == nil || strings.Contains(line, " interface, "):
		return ""
	case m[3] != "":
		return "." + m[3]
	case m[1] == "type" && strings.Contains(api, "type "+m[2]+" interface, with unexported methods"):
		return ""
	case m[1] != "method":
		return m[2]
	}
	switch m[2] {
	case "Format", "LogValue", "String", "Error", "Is", "Unwrap", "Timeout":
		return ""
	}
	return "." + m[2]
}

// exampleNames are the names in the Examples, whole-file ones included: what comes
// after "requests." as it is, and what is selected of a value or set in it with a "."
// before it.
func exampleNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	names := make(map[string]bool)
	for _, file := range files {
		f, err := parser.ParseFile(fileSet, file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		whole := strings.HasPrefix(file, "example_")
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); !whole && (!ok || !strings.HasPrefix(fn.Name.Name, "Example")) {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "requests" {
						names[n.Sel.Name] = true
					} else {
						names["."+n.Sel.Name] = true
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok {
						names["."+key.Name] = true
					}
				}
				return true
			})
		}
	}
	require.Greater(t, len(names), 200, "this test proves nothing")
	return names
}

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
