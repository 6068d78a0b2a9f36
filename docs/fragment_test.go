package docs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A form says how much of a program a block is.
type form int

const (
	statements   form = iota // of a function
	declarations             // of a file, without its package clause
	whole                    // a file
	cell                     // a statement or an expression, to be compiled alone
)

// A fragment is a block that was parsed.
type fragment struct {
	*block
	form     form
	pkg      string          // name of the package of a whole file
	goesOn   bool            // it is what comes before another one
	tests    bool            // it declares tests
	declares map[string]bool // names at its top level
	free     map[string]bool // names that it uses and does not declare
	selected map[string]bool // those of them that only stand before a dot
	first    *fragment       // what runs before it, of its comment
	inserts  []insert        // what statements need to be accepted as a function
}

// An insert is code that goes into a block at an offset, without another line.
type insert struct {
	at   int
	code string
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)`)

const (
	functionHead = "package p; func _() error {\n"
	fileHead     = "package p\n"
)

// parseFragment finds out what a block is. Its error names the line of the page.
func parseFragment(b *block) (*fragment, error) {
	return parse(b, false)
}

// parse is parseFragment. Of a block that goesOn with another one its last error is that one's to look at.
func parse(b *block, goesOn bool) (*fragment, error) {
	f := &fragment{block: b, goesOn: goesOn, declares: map[string]bool{}, free: map[string]bool{}, selected: map[string]bool{}}
	if clause := packageClause.FindStringSubmatch(b.code); clause != nil {
		f.form, f.pkg = whole, clause[1]
		file, err := parser.ParseFile(token.NewFileSet(), "", b.code, 0)
		if err != nil {
			return nil, f.at(err, 0)
		}
		f.tests = hasTests(file)
		return f, nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", functionHead+b.code+"\n}", parser.ParseComments)
	if err == nil {
		if b.before != "" {
			before := &block{page: b.page, line: b.line, section: b.section, code: b.before}
			if f.first, err = parse(before, true); err != nil {
				return nil, err
			}
			maps.Copy(f.declares, f.first.declares)
		}
		body := file.Decls[0].(*ast.FuncDecl).Body
		f.statements(body.List, int(file.FileStart)+len(functionHead))
		f.names(file)
		return f, nil
	}
	asFile, fileErr := parser.ParseFile(token.NewFileSet(), "", fileHead+b.code, parser.ParseComments)
	if fileErr != nil {
		if regexp.MustCompile(`(?m)^(func|import) `).MatchString(b.code) {
			err = fileErr
		}
		return nil, f.at(err, 1)
	}
	f.form, f.tests = declarations, hasTests(asFile)
	for name := range asFile.Scope.Objects {
		f.declares[name] = true
	}
	f.names(asFile)
	for _, spec := range asFile.Imports {
		delete(f.free, importName(spec))
	}
	return f, nil
}

// parseCell is parseFragment for a piece of code in a table.
func parseCell(b *block) (*fragment, error) {
	expression := *b
	if e, err := parser.ParseExpr(b.code); err == nil && !silent(e) {
		expression.code = "use(" + strings.TrimSpace(b.code) + ")"
	}
	f, err := parseFragment(&expression)
	if err == nil {
		f.form = cell
	}
	return f, err
}

// silent reports whether an expression is a call that returns nothing.
func silent(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"Mount", "CloseIdleConnections"}, f.Sel.Name)
}

// at gives an error the line of the page, of which head lines were not there.
func (f *fragment) at(err error, head int) error {
	message, line := err.Error(), 1
	if first, rest, ok := strings.Cut(message, ":"); ok {
		if n, err := strconv.Atoi(first); err == nil {
			line, message = n-head, rest
			if _, text, ok := strings.Cut(rest, ": "); ok {
				message = text
			}
		}
	}
	return fmt.Errorf("%s:%d: %s", f.page, f.line+line-1, message)
}

func hasTests(file *ast.File) bool {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && regexp.MustCompile(`^(Test|Benchmark|Example)`).MatchString(f.Name.Name) {
			return true
		}
	}
	return false
}

// statements finds what the statements of a function declare. It makes them
// return an error that they do not look at, and use what they do not use.
func (f *fragment) statements(list []ast.Stmt, base int) {
	for i, stmt := range list {
		if e, ok := stmt.(*ast.ExprStmt); ok {
			if _, ok := e.X.(*ast.CompositeLit); ok {
				f.inserts = append(f.inserts, insert{int(stmt.Pos()) - base, "_ = "})
			}
		}
		use := ""
		for _, name := range declared(stmt) {
			if name != "_" && name != "err" {
				f.declares[name] = true
				use += "; _ = &" + name
			}
		}
		if assigns(stmt, "err") {
			f.declares["err"] = true
			if i+1 == len(list) && !f.goesOn || i+1 < len(list) && !mentions(list[i+1], "err") {
				use = "; if err != nil { return err }" + use
			}
		}
		if use != "" {
			f.inserts = append(f.inserts, insert{int(stmt.End()) - base, use})
		}
	}
}

// declared returns the names that a statement adds to its scope.
func declared(stmt ast.Stmt) []string {
	var names []string
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			for _, left := range s.Lhs {
				names = append(names, left.(*ast.Ident).Name)
			}
		}
	case *ast.DeclStmt:
		for _, spec := range s.Decl.(*ast.GenDecl).Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// assigns reports whether a statement assigns to a variable.
func assigns(stmt ast.Stmt, name string) bool {
	s, ok := stmt.(*ast.AssignStmt)
	return ok && slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == name
	})
}

// mentions reports whether a statement uses a variable of the scope around it.
func mentions(stmt ast.Stmt, name string) bool {
	if s, ok := stmt.(*ast.AssignStmt); ok {
		return slices.ContainsFunc(s.Rhs, func(e ast.Expr) bool { return uses(e, name) })
	}
	return uses(stmt, name)
}

func uses(n ast.Node, name string) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}

// names finds the names that a file uses and does not declare.
func (f *fragment) names(file *ast.File) {
	keys := map[*ast.Ident]bool{} // of fields
	beforeDot := map[*ast.Ident]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok && ast.IsExported(id.Name) {
				keys[id] = true
			}
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && ast.IsExported(n.Sel.Name) {
				beforeDot[id] = true
			}
		}
		return true
	})
	given := map[string]bool{}
	if f.first != nil {
		given = f.first.declares
		maps.Copy(f.free, f.first.free)
		maps.Copy(f.selected, f.first.selected)
	}
	for _, id := range file.Unresolved {
		if keys[id] || given[id.Name] {
			continue
		}
		if !f.free[id.Name] {
			f.selected[id.Name] = true
		}
		f.free[id.Name] = true
		f.selected[id.Name] = f.selected[id.Name] && beforeDot[id]
	}
}

// source returns the block with what was inserted, so that the compiler names
// the lines of the page.
func (f *fragment) source() string {
	code, last := "", 0
	for _, in := range f.inserts {
		code += f.code[last:in.at] + in.code
		last = in.at
	}
	return code + f.code[last:]
}

// imports returns the packages that a fragment uses, of those in known.
func (f *fragment) imports(known map[string]string) map[string]bool {
	used := map[string]bool{}
	for name := range f.free {
		if known[name] != "" && f.selected[name] {
			used[name] = true
		}
	}
	return used
}

// above returns what a fragment goes on from: the latest block of its section,
// for each name, that declares what it needs. They are in order.
func (f *fragment) above(all []*fragment) []*fragment {
	needed := map[*fragment]bool{}
	var follow func(f *fragment)
	follow = func(f *fragment) {
		here := slices.Index(all, f)
		for name := range f.free {
			for _, earlier := range slices.Backward(all[:here]) {
				if earlier.section == f.section && earlier.form == statements && f.form != cell && earlier.declares[name] {
					if !needed[earlier] {
						needed[earlier] = true
						follow(earlier)
					}
					break
				}
			}
		}
	}
	follow(f)
	return slices.SortedFunc(maps.Keys(needed), func(a, b *fragment) int { return a.line - b.line })
}

// importName returns the name that an import has in its file.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil && spec.Name.Name != "_" {
		return spec.Name.Name
	}
	p, _ := strconv.Unquote(spec.Path.Value)
	name := path.Base(p)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(name) {
		name = path.Base(path.Dir(p))
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// knownImports returns the paths of the imports of imports_test.go by name.
func knownImports() (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "imports_test.go", nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, spec := range file.Imports {
		name := importName(spec)
		if known[name] != "" {
			return nil, errors.New("imports_test.go: two packages have the name " + name)
		}
		known[name], _ = strconv.Unquote(spec.Path.Value)
	}
	return known, nil
}
