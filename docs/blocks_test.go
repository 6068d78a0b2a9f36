package docs

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// names are what a block of statements may use without declaring it, beside the
// packages. docs/README.md has them in a table for readers.
var names = map[string]string{
	"ctx":   `ctx := context.Background()`,
	"s":     `s := requests.NewSession(); defer s.Close()`,
	"url":   `url := "https://httpbingo.org/anything"`,
	"token": `token := "t0k3n"`,
	"order": `order := Order{ID: 1, Item: "tea"}`,
	"file":  `file, err := os.Open("report.txt"); if err != nil { return err }; defer file.Close()`,
}

// cellNames are what code may use beside them that is only compiled: pieces in
// tables and in documentation comments.
var cellNames = map[string]string{
	"r":       `var r *requests.Response`,
	"p":       `var p *requests.PreparedRequest`,
	"err":     `var err error`,
	"v":       `var v Order`,
	"b":       `var b []byte`,
	"w":       `var w io.Writer`,
	"f":       `var f func(context.Context, *requests.Response) (*requests.Response, error)`,
	"sign":    `var sign func(context.Context, *requests.PreparedRequest) error`,
	"fill":    `var fill func(io.Writer) error`,
	"reader":  `var reader io.Reader`,
	"handler": `var handler http.Handler`,
	"rt":      `var rt http.RoundTripper`,
	"adapter": `var adapter requests.Adapter`,
	"jar":     `var jar *requests.CookieJar`,
	"client":  `var client *oauth2.Client`,
	"login":   `var login *negotiate.Login`,
	"urls":    `var urls []string`,
	"dial":    `var dial func(context.Context, string, string) (net.Conn, error)`,
	"logger":  `var logger *slog.Logger`,
	"id":      `var id string`,
	"idFrom":  `var idFrom func(context.Context) string`,
	"values":  `var values map[string][]string`,
	"header":  `var header http.Header`,
	"mux":     `var mux *http.ServeMux`,
	"retry":   `var retry requests.Retry`,
	"traced":  `var traced http.RoundTripper`,
	"sonic":   `var sonic struct{ Unmarshal func([]byte, any) error }`,
}

// support is what the program of each page has beside its blocks.
//
//go:embed testdata/support.go.txt
var support string

// pending are documents whose blocks do not stand by themselves yet, and why.
var pending = map[string]string{}

// TestBlocks compiles each block of Go in the documents and runs it. Code in
// documentation comments it only compiles. The convention is in docs/README.md.
func TestBlocks(t *testing.T) {
	var all []*fragment
	for _, p := range pages(t) {
		if reason := pending[p.path]; reason != "" {
			t.Logf("%s %s: not tested", p.path, reason)
			continue
		}
		for _, b := range p.blocks {
			if b.skipped.word != "" {
				t.Logf("%s:%d: %s: %s", b.page, b.line, b.skipped.word, b.skipped.reason)
			}
			if b.skipped.word == "not compiled" {
				continue
			}
			f, err := parseFragment(b)
			if err != nil {
				t.Error(err)
				continue
			}
			all = append(all, f)
		}
		for _, b := range p.cells {
			f, err := parseCell(b)
			if err != nil {
				t.Error(err)
				continue
			}
			all = append(all, f)
		}
	}
	for _, b := range comments(t) {
		f, err := parseCell(b)
		if err != nil {
			t.Error(err)
			continue
		}
		all = append(all, f)
	}
	if t.Failed() {
		return
	}
	require.NotEmpty(t, all)
	w := newWorld(t)
	programs := generate(t, w, all)
	programs.command(t, w, "go", "build", "-o", "bin/", "./...")
	programs.command(t, w, "go", "vet", "-unreachable=false", "./...") // a function of one block may end early
	for _, f := range all {
		if f.skipped.word != "" || f.tests || f.form == declarations || f.form == cell {
			continue
		}
		t.Run(fmt.Sprintf("%s:%d", f.page, f.line), func(t *testing.T) {
			t.Parallel()
			programs.run(t, w, f)
		})
	}
	if slices.ContainsFunc(all, func(f *fragment) bool { return f.tests }) {
		t.Run("tests", func(t *testing.T) { programs.command(t, w, "go", "test", "./...") })
	}
}

// A tree is a module with the programs that were made of blocks.
type tree string

// generate writes the programs: one for the statements and declarations of each
// page, one for each block that is a whole program.
func generate(t *testing.T, w *world, all []*fragment) tree {
	dir := tree(t.TempDir())
	known, err := knownImports()
	require.NoError(t, err)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	dir.write(t, "go.mod", strings.ReplaceAll(string(mod), "=> ../", "=> "+root+"/"))
	sum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	dir.write(t, "go.sum", string(sum))

	byPage := map[string][]*fragment{}
	for _, f := range all {
		if f.form == whole {
			name := "main.go"
			if f.tests {
				name = "main_test.go"
			}
			dir.write(t, filepath.Join(program(f), name), position(root, f)+w.local(f.code))
			continue
		}
		byPage[f.page] = append(byPage[f.page], f)
	}
	for _, fragments := range byPage {
		var functions strings.Builder
		imports := map[string]bool{}
		functions.WriteString("var blocks = map[string]func() error{\n")
		for _, f := range fragments {
			if f.form == statements {
				fmt.Fprintf(&functions, "\"%d\": block%d,\n", f.line, f.line)
			}
		}
		functions.WriteString("}\n")
		for _, f := range fragments {
			if f.form == statements || f.form == cell {
				function(&functions, root, f, fragments, imports, known)
				continue
			}
			name := fmt.Sprintf("block%d.go", f.line)
			if f.tests {
				name = fmt.Sprintf("block%d_test.go", f.line)
			}
			dir.write(t, filepath.Join(program(f), name), "package main\n"+importLines(f.imports(known), known)+position(root, f)+w.local(f.code))
		}
		at := program(fragments[0])
		dir.write(t, filepath.Join(at, "main.go"), "package main\n"+importLines(imports, known)+w.local(functions.String()))
		dir.write(t, filepath.Join(at, "support.go"), support)
	}
	return dir
}

// function writes the function that runs f after the blocks that it goes on from.
func function(b *strings.Builder, root string, f *fragment, all []*fragment, imports map[string]bool, known map[string]string) {
	chain := append(f.above(all), f)
	declared := map[string]bool{}
	for _, other := range all {
		if other.form == declarations {
			maps.Copy(declared, other.declares)
		}
	}
	given := map[string]bool{}
	if f.form == cell {
		b.WriteString("var _ = func() error {\n")
	} else {
		fmt.Fprintf(b, "func block%d() error {\n", f.line)
	}
	for _, part := range chain {
		maps.Copy(imports, part.imports(known))
		for _, name := range slices.Sorted(maps.Keys(part.free)) {
			code := names[name]
			if code == "" && f.form == cell {
				code = cellNames[name]
			}
			if code != "" && !declared[name] && !given[name] && !(known[name] != "" && part.selected[name]) {
				given[name] = true
				fmt.Fprintf(b, "%s; _ = %s\n", code, name)
				for pkg := range known {
					if regexp.MustCompile(`\b` + pkg + `\.`).MatchString(code) {
						imports[pkg] = true
					}
				}
			}
		}
		maps.Copy(declared, part.declares)
	}
	for i, part := range chain {
		if i > 0 {
			b.WriteString("{\n")
		}
		if part.first != nil {
			b.WriteString(position(root, part) + part.first.source() + "\n{\n")
		}
		if part == f && f.form == statements {
			b.WriteString("begin()\n")
		}
		b.WriteString(position(root, part) + part.source() + "\n")
	}
	for _, part := range chain[1:] {
		b.WriteString("}\n")
		if part.first != nil {
			b.WriteString("}\n")
		}
	}
	if chain[0].first != nil {
		b.WriteString("}\n")
	}
	b.WriteString("return nil\n}\n")
}

// position has the compiler name the lines of the page.
func position(root string, f *fragment) string {
	return fmt.Sprintf("//line %s:%d\n", filepath.Join(root, f.page), f.line)
}

func importLines(used map[string]bool, known map[string]string) string {
	lines := ""
	for _, name := range slices.Sorted(maps.Keys(used)) {
		lines += fmt.Sprintf("import %s %q\n", name, known[name])
	}
	return lines
}

// program is the folder of the program that a fragment is in.
func program(f *fragment) string {
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(strings.TrimSuffix(f.page, ".md")), "_"), "_")
	if f.form == whole {
		name += fmt.Sprintf("_%d", f.line)
	}
	return name
}

func (dir tree) write(t *testing.T, path, code string) {
	path = filepath.Join(string(dir), path)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(code), 0o644))
}

// command runs a command of go on the tree.
func (dir tree) command(t *testing.T, w *world, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = string(dir)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if args[0] == "test" {
		cmd.Env = append(cmd.Env, w.environment...)
	}
	output, err := cmd.CombinedOutput()
	root, _ := filepath.Abs("..")
	text := regexp.MustCompile(`(?m)[^ \n]*?`+regexp.QuoteMeta(filepath.Base(root)+string(filepath.Separator))+`(\S+\.md:)`).ReplaceAllString(string(output), "$1")
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), text)
}

// run runs the program of a block in a folder with the files that blocks read.
func (dir tree) run(t *testing.T, w *world, f *fragment) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(string(dir), "bin", program(f)))
	if f.form == statements {
		cmd.Args = append(cmd.Args, fmt.Sprint(f.line))
	}
	cmd.Dir = w.folder(t)
	cmd.Env = append(os.Environ(), append(w.environment, "HOME="+cmd.Dir)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	printed := stdout.String()
	if _, after, ok := strings.Cut(printed, "\x00\n"); ok {
		printed = after
	}
	require.NoError(t, err, "%s:%d\n%s%s", f.page, f.line, printed, stderr.String())
	if f.compared && !like(f.output).MatchString(printed) {
		t.Errorf("%s:%d prints\n%s\nand is said to print\n%s", f.page, f.line, printed, f.output)
	}
}

// like is what an output must be: the same, but for any text where it has "…".
func like(output string) *regexp.Regexp {
	parts := strings.Split(strings.TrimRight(output, "\n"), "…")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(parts, `.*?`) + `)\n*$`)
}

// TestNamesAreWritten compares the names that blocks may use with the table that
// readers have of them.
func TestNamesAreWritten(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var written []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(string(guide), -1) {
		written = append(written, row[1])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(names)), written)
}

func TestLike(t *testing.T) {
	for _, test := range []struct {
		said, printed string
		want          bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\n", "a\n", false},
		{"a\n", "ab\n", false},
		{"a…c\n", "abbc\n", true},
		{"a…\n", "a\nb\n", true},
		{"a.c\n", "abc\n", false},
		{"", "a\n", false},
	} {
		if got := like(test.said).MatchString(test.printed); got != test.want {
			t.Errorf("like(%q).MatchString(%q) = %t, want %t", test.said, test.printed, got, test.want)
		}
	}
}
