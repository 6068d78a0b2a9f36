package requests_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the files in testdata that record what the package is")

// TestAPI compares the exported names of the package with testdata/api.txt, so
// that a name which comes, goes or changes is seen in the diff of that file.
func TestAPI(t *testing.T) {
	const golden = "testdata/api.txt"
	var got []string
	for _, f := range sourceFiles(t, ".") {
		got = append(got, exported(f.syntax)...)
	}
	slices.Sort(got)
	got = slices.Compact(got) // a name may be declared once for each system

	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(got, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if d := setDiff(want, got); d != "" {
		t.Errorf("the API is not that of %s (-recorded +found):\n%s"+
			"If this is meant, run go test -run TestAPI -update . and say so in CHANGELOG.md.", golden, d)
	}
}

// setDiff lists the lines that only one of two sorted lists has.
func setDiff(want, got []string) string {
	var lines []string
	for _, w := range want {
		if _, ok := slices.BinarySearch(got, w); !ok {
			lines = append(lines, "-"+w)
		}
	}
	for _, g := range got {
		if _, ok := slices.BinarySearch(want, g); !ok {
			lines = append(lines, "+"+g)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	if lines == nil {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestExported(t *testing.T) {
	const src = `package p
type ( Hidden1 = int; hidden struct{ A int } )
type Box[K comparable, V any] struct { Key, next K; hidden; *Reader; Get func(name string) (v V, err error) ` + "`json:\"get\"`" + ` }
type Adapter interface { Send(ctx context.Context, more ...Option) error; io.Closer; close() }
func (b *Box[K, V]) Each(f func(K)) iter.Seq2[K, V] { return nil }
func (hidden) Seen() {}
func Map[T any](list []T, f func(a, b T) bool) (out map[string]T) { return nil }
func private() {}
const ( Version = "1"; Limit int64 = 2; low = 3 )
var ErrA, errB = new(int), 1
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(exported(f), "\n")
	want := strings.Join([]string{
		"type Hidden1 = int",
		"type Box[K comparable, V any] struct",
		"type Box struct, Key K",
		"type Box struct, embedded *Reader",
		"type Box struct, Get func(string) (V, error)",
		"type Adapter interface",
		"type Adapter interface, Send(context.Context, ...Option) error",
		"type Adapter interface, embedded io.Closer",
		"type Adapter interface, with unexported methods",
		"method (*Box[K, V]) Each(func(K)) iter.Seq2[K, V]",
		"func Map[T any]([]T, func(T, T) bool) map[string]T",
		"const Version",
		"const Limit int64",
		"var ErrA",
	}, "\n")
	if got != want {
		t.Errorf("exported(%s) =\n%s\nwant\n%s", src, got, want)
	}
}

// A sourceFile is one Go file that is not a test.
type sourceFile struct {
	name   string // with slashes, from the folder that was asked for
	syntax *ast.File
}

var fileSet = token.NewFileSet()

// sourceFiles parses the Go files of dir that are no tests, whatever system
// they are for.
func sourceFiles(t *testing.T, dir string) []sourceFile {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []sourceFile
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fileSet, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, sourceFile{name, f})
	}
	if files == nil {
		t.Fatalf("sourceFiles(%q) found none", dir)
	}
	return files
}

// exported returns a line for each exported name of f: functions, methods of
// exported types, types with their exported fields and methods, constants and
// variables. Names of parameters are left out, as callers do not see them.
func exported(f *ast.File) []string {
	var lines []string
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if line := exportedFunc(d); line != "" {
				lines = append(lines, line)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					lines = append(lines, exportedType(s)...)
				case *ast.ValueSpec:
					lines = append(lines, exportedValues(d.Tok, s)...)
				}
			}
		}
	}
	return lines
}

func exportedFunc(d *ast.FuncDecl) string {
	if !d.Name.IsExported() {
		return ""
	}
	signature := d.Name.Name + typeParams(d.Type.TypeParams) + funcText(d.Type)
	if d.Recv == nil {
		return "func " + signature
	}
	recv := typeText(d.Recv.List[0].Type)
	if !ast.IsExported(strings.TrimPrefix(recv, "*")) {
		return ""
	}
	return "method (" + recv + ") " + signature
}

func exportedType(s *ast.TypeSpec) []string {
	if !s.Name.IsExported() {
		return nil
	}
	name := s.Name.Name
	head := "type " + name + typeParams(s.TypeParams)
	if s.Assign.IsValid() {
		return []string{head + " = " + typeText(s.Type)}
	}
	switch u := s.Type.(type) {
	case *ast.StructType:
		return append([]string{head + " struct"}, exportedFields("type "+name+" struct, ", u.Fields)...)
	case *ast.InterfaceType:
		return append([]string{head + " interface"}, exportedMethods("type "+name+" interface, ", u.Methods)...)
	}
	return []string{head + " " + typeText(s.Type)}
}

func exportedFields(prefix string, fields *ast.FieldList) []string {
	var lines []string
	for _, f := range fields.List {
		if f.Names == nil {
			if text := typeText(f.Type); ast.IsExported(text[strings.LastIndexAny(text, "*.")+1:]) {
				lines = append(lines, prefix+"embedded "+text)
			}
			continue
		}
		for _, n := range f.Names {
			if n.IsExported() {
				lines = append(lines, prefix+n.Name+" "+typeText(f.Type))
			}
		}
	}
	return lines
}

func exportedMethods(prefix string, methods *ast.FieldList) []string {
	var lines []string
	sealed := false
	for _, m := range methods.List {
		if m.Names == nil {
			lines = append(lines, prefix+"embedded "+typeText(m.Type))
			continue
		}
		for _, n := range m.Names {
			if n.IsExported() {
				lines = append(lines, prefix+n.Name+funcText(m.Type.(*ast.FuncType)))
			} else {
				sealed = true
			}
		}
	}
	if sealed {
		lines = append(lines, prefix+"with unexported methods")
	}
	return lines
}

func exportedValues(tok token.Token, s *ast.ValueSpec) []string {
	var lines []string
	for _, n := range s.Names {
		if !n.IsExported() {
			continue
		}
		line := tok.String() + " " + n.Name
		if s.Type != nil {
			line += " " + typeText(s.Type)
		}
		lines = append(lines, line)
	}
	return lines
}

// typeText is a type as it is written, with function types as [funcText] has them.
func typeText(e ast.Expr) string {
	if f, ok := e.(*ast.FuncType); ok {
		return "func" + funcText(f)
	}
	return types.ExprString(e)
}

// funcText is the signature of a function without the names of its parameters.
func funcText(f *ast.FuncType) string {
	params := "(" + strings.Join(fieldTypes(f.Params), ", ") + ")"
	switch results := fieldTypes(f.Results); len(results) {
	case 0:
		return params
	case 1:
		return params + " " + results[0]
	default:
		return params + " (" + strings.Join(results, ", ") + ")"
	}
}

// fieldTypes lists the types of a list, one for each name.
func fieldTypes(list *ast.FieldList) []string {
	if list == nil {
		return nil
	}
	var out []string
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			out = append(out, typeText(f.Type))
		}
	}
	return out
}

func typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var out []string
	for _, f := range list.List {
		for _, n := range f.Names {
			out = append(out, n.Name+" "+typeText(f.Type))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}
