package requests_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tests of this file hold the architecture: a call goes down through the
// files, then once round the loop in session.go, and nothing below calls back.

// upperFiles are above all others: they alone know what a Session is. A file
// with methods of Session belongs here.
var upperFiles = []string{"client.go", "print.go", "session.go", "pages.go", "events.go", "many.go", "download.go", "parallel.go"}

// lowerExceptions are the names of upper files that a lower one uses all the same.
var lowerExceptions = map[string]string{
	"option.go Session": "the settings of a call are the fields of a session, with the options of the call over them",
}

func TestLowerFilesNameNoSession(t *testing.T) {
	lib := checkLibrary(t)
	used := make(map[string]bool)
	for id, obj := range lib.info.Uses {
		file := lib.file(id)
		if obj.Parent() != lib.pkg.Scope() || slices.Contains(upperFiles, file) || !slices.Contains(upperFiles, lib.file(obj)) {
			continue
		}
		use := file + " " + id.Name
		used[use] = true
		if lowerExceptions[use] == "" {
			t.Errorf("%s names %s, which %s declares: a lower file must not name an upper one", lib.at(id), id.Name, lib.file(obj))
		}
	}
	for use, reason := range lowerExceptions {
		if !used[use] {
			t.Errorf("lowerExceptions has %q (%s), which is not used any more", use, reason)
		}
	}
	if lib.pkg.Scope().Lookup("Session") == nil || slices.Contains(upperFiles, lib.file(lib.pkg.Scope().Lookup("Adapter"))) {
		t.Error("Session is gone or Adapter is not below it: this test proves nothing")
	}
}

// TestOneLoopSends proves that policies return requests and never send them.
func TestOneLoopSends(t *testing.T) {
	lib := checkLibrary(t)
	var sends, trips []string
	for sel := range lib.selectors() {
		switch sel.Sel.Name {
		case "Send":
			if lib.isAdapterSend(sel) {
				sends = append(sends, lib.file(sel))
			}
		case "RoundTrip":
			trips = append(trips, lib.file(sel))
		}
	}
	if want := []string{"session.go"}; !slices.Equal(sends, want) {
		t.Errorf("the Send of an Adapter is called in %q; want once, in %q", sends, want)
	}
	if want := []string{"roundtripper.go"}; !slices.Equal(trips, want) {
		t.Errorf("RoundTrip is called in %q; want once, in %q", trips, want)
	}
}

// A border is a set of names that only some files may use.
type border struct {
	name   string
	why    string
	names  *regexp.Regexp // matches import path, dot, name
	within []string       // the files that may
	rooms  []string       // the packages below internal that may; nobody looks into the others if there is none
	unused bool           // it is right that nobody does
}

var borders = []border{
	{
		name:  "environment",
		why:   "the environment is read in one place, so that TrustEnv(false) shuts all of it out",
		names: regexp.MustCompile(`^(os\.(Getenv|LookupEnv|Environ|Expand|ExpandEnv|UserHomeDir|UserConfigDir)|os/user\.\w+|syscall\.(Getenv|Environ))$`),
		rooms: []string{"internal/environ"},
	},
	{
		name: "files",
		why:  "configuration is read in one place; files that the caller names are opened where this list says",
		names: regexp.MustCompile(`^(os\.(Open|OpenFile|OpenRoot|OpenInRoot|Create|CreateTemp|MkdirTemp|ReadFile|WriteFile|ReadDir|DirFS|Rename|Remove|RemoveAll)` +
			`|crypto/tls\.LoadX509KeyPair|path/filepath\.(Walk|WalkDir|Glob))$`),
		within: []string{
			"cookies.go", // the jar on disk
		},
		rooms: []string{
			"internal/environ",   // netrc, the files of an upload
			"internal/file",      // what is saved and downloaded
			"internal/transport", // certificates
		},
	},
	{
		name:  "http client",
		why:   "the rules of net/http on redirects, cookies and credentials are not ours; Session.Client makes one for others to use",
		names: regexp.MustCompile(`^net/http\.Client$`), within: []string{"client.go"},
	},
	{
		name:   "http defaults",
		why:    "any other package may change them, and ProxyFromEnvironment reads the environment once only",
		names:  regexp.MustCompile(`^net/http\.(DefaultClient|DefaultTransport|Get|Head|Post|PostForm|ProxyFromEnvironment)$`),
		unused: true,
	},
	{
		name:   "output",
		why:    "a library does not print",
		names:  regexp.MustCompile(`^(fmt\.(Print|Printf|Println)|log\.\w+|os\.(Stdout|Stderr|Exit)|log/slog\.(Default|SetDefault|Debug|Info|Warn|Error)|\.(print|println))$`),
		unused: true,
	},
	{
		name:   "panic",
		why:    "what goes wrong is returned; that of a function of the caller is passed on to the caller's goroutine in one place",
		names:  regexp.MustCompile(`^\.panic$`),
		within: []string{"hooks.go"},
	},
	{
		name:   "sleep",
		why:    "a wait must end with its context",
		names:  regexp.MustCompile(`^time\.Sleep$`),
		unused: true,
	},
}

func TestBorders(t *testing.T) {
	lib, rooms := checkLibrary(t), checkRooms(t)
	for _, b := range borders {
		t.Run(b.name, func(t *testing.T) {
			met := b.unused
			idle := slices.Clone(b.within)
			for id, name := range lib.foreign() {
				if !b.names.MatchString(name) {
					continue
				}
				met = true
				idle = slices.DeleteFunc(idle, func(file string) bool { return file == lib.file(id) })
				if !slices.Contains(b.within, lib.file(id)) {
					t.Errorf("%s uses %s; want it only in %q: %s", lib.at(id), strings.TrimPrefix(name, "."), b.within, b.why)
				}
			}
			for dir, room := range rooms {
				if b.rooms == nil {
					break
				}
				for id, name := range room.foreign() {
					if !b.names.MatchString(name) {
						continue
					}
					met = true
					if !slices.Contains(b.rooms, dir) {
						t.Errorf("%s uses %s; want it only in %q: %s", room.at(id), name, b.rooms, b.why)
					}
				}
			}
			if !met {
				t.Errorf("nobody uses %v: this test proves nothing", b.names)
			}
			if len(idle) > 0 {
				t.Errorf("%q may use %v and do not", idle, b.names)
			}
		})
	}
}

// TestBordersSeen proves that what the borders are about would be found.
func TestBordersSeen(t *testing.T) {
	const src = `package p
import ( h "net/http"; "os"; "log" )
type thing struct{ os int }
func f(x thing) { os.Getenv("HOME"); h.Get(x.os); log := 1; _ = log; panic(new(h.Client)) }
func g(os interface{ Getenv(string) }, panic func(int)) { os.Getenv("HOME"); panic(1) }
`
	f, err := parser.ParseFile(fileSet, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range check("p", []*ast.File{f}).foreign() {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{".new", ".panic", "net/http.Client", "net/http.Get", "os.Getenv"}
	got = slices.DeleteFunc(got, func(s string) bool { return s == ".int" || s == ".string" })
	if !slices.Equal(got, want) {
		t.Errorf("foreign names of %s = %q; want %q", src, got, want)
	}
}

// The modules that the library, and beside these its tests, may import.
var (
	libraryModules = []string{
		"golang.org/x/net", "golang.org/x/text", // public suffixes, IDNA, character sets
		"github.com/andybalholm/brotli", "github.com/klauspost/compress", // content codings
	}
	testModules = []string{"github.com/mccutchen/go-httpbin/v2", "github.com/stretchr/testify", "go.uber.org/goleak"}
)

const modulePath = "github.com/go-requests/requests"

func TestImports(t *testing.T) {
	seen := 0
	walkModule(t, func(path string, f *ast.File) {
		isTest := strings.HasSuffix(path, "_test.go")
		for _, spec := range f.Imports {
			seen++
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case isStandard(imported), inModule(imported, modulePath+"/internal"):
			case inModule(imported, modulePath):
				if !isTest && !standsAbove(path) {
					t.Errorf("%s imports %s: what lies below the package must not know it", path, imported)
				}
			case inModules(imported, libraryModules), isTest && inModules(imported, testModules):
			default:
				t.Errorf("%s imports %s, of which CONTRIBUTING.md says nothing", path, imported)
			}
		}
	})
	if seen == 0 {
		t.Error("no import was seen: this test proves nothing")
	}
}

// standsAbove reports whether a file is of a package on the public API: those
// below auth and adapter.
func standsAbove(path string) bool {
	top, _, _ := strings.Cut(filepath.ToSlash(path), "/")
	return top == "auth" || top == "adapter"
}

// TestInternalKnowsNoClient holds internal/ to specifications alone. HTTP/2 is
// net/http's, whose connections are had of a Transport alone.
func TestInternalKnowsNoClient(t *testing.T) {
	client := regexp.MustCompile(`^net/http\.(Client|Transport|Default\w+|Get|Head|Post|PostForm|NewRequest\w*)$`)
	for dir, room := range checkRooms(t) {
		for id, name := range room.foreign() {
			if client.MatchString(name) && !(dir == "internal/transport" && name == "net/http.Transport") {
				t.Errorf("%s uses %s: a package under internal/ knows no client", room.at(id), name)
			}
		}
	}
}

// checkRooms returns the packages below internal by their folders, but for
// those that serve tests alone.
func checkRooms(t *testing.T) map[string]*library {
	t.Helper()
	packages := make(map[string][]*ast.File)
	walkModule(t, func(path string, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if strings.HasPrefix(dir, "internal/") && dir != "internal/suite" && !strings.HasSuffix(path, "_test.go") {
			packages[dir] = append(packages[dir], f)
		}
	})
	if len(packages) == 0 {
		t.Error("no internal package was seen: this test proves nothing")
	}
	rooms := make(map[string]*library, len(packages))
	for dir, files := range packages {
		rooms[dir] = check(dir, files)
	}
	return rooms
}

// walkModule calls visit with each Go file of this module, tests included, as
// it is from the root of the module.
func walkModule(t *testing.T, visit func(path string, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == "." {
				return nil
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fileSet, path, nil, parser.SkipObjectResolution)
		if err == nil {
			visit(path, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isStandard reports whether path is of the standard library, whose paths do
// not begin with the name of a host.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// TestNoHostileParsers holds A206, A208 and A209: what others had to be patched
// for by the time that it takes on hostile input is not used on it at all.
func TestNoHostileParsers(t *testing.T) {
	unused := map[string]string{
		"regexp.":                  "A206: what a peer sent is read by parsers of its own grammar",
		"mime.WordDecoder":         "A209: no encoded word in a field is decoded",
		"mime/multipart.NewReader": "A208: no multipart response is taken apart",
		"mime/multipart.Reader":    "A208: likewise",
		"net/textproto.NewReader":  "A209: net/http reads the fields of responses, within its bounds",
	}
	const bounded = "internal/tunnel" // the answer to CONNECT, of which it reads no more than a limit
	packages := map[string][]*ast.File{}
	walkModule(t, func(path string, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if !strings.HasSuffix(path, "_test.go") && (dir == "." || strings.HasPrefix(dir, "internal/")) {
			packages[dir] = append(packages[dir], f)
		}
	})
	seen := false
	for dir, files := range packages {
		lib := check(dir, files)
		for id, name := range lib.foreign() {
			for prefix, why := range unused {
				if !strings.HasPrefix(name, prefix) {
					continue
				}
				if dir == bounded && prefix == "net/textproto.NewReader" {
					seen = true
					continue
				}
				t.Errorf("%s uses %s: %s", lib.at(id), name, why)
			}
		}
	}
	if !seen {
		t.Errorf("%s reads no fields any more: this test proves nothing", bounded)
	}
}

func inModule(path, module string) bool {
	return path == module || strings.HasPrefix(path, module+"/")
}

func inModules(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return inModule(path, m) })
}

// A library is a package whose own names are resolved. The packages that it
// imports are taken for empty, so that nothing but its text is needed.
type library struct {
	pkg   *types.Package
	info  *types.Info
	files []*ast.File
}

func checkLibrary(t *testing.T) *library {
	t.Helper()
	var files []*ast.File
	for _, f := range sourceFiles(t, ".") {
		files = append(files, f.syntax)
	}
	return check(modulePath, files)
}

func check(path string, files []*ast.File) *library {
	info := &types.Info{
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
	conf := types.Config{Importer: emptyImporter{}, Error: func(error) {}}
	pkg, _ := conf.Check(path, fileSet, files, info) // what the empty packages lack is no news
	return &library{pkg, info, files}
}

// emptyImporter knows the name of a package and nothing of what is in it.
type emptyImporter struct{}

var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

func (emptyImporter) Import(path string) (*types.Package, error) {
	name := majorVersion.ReplaceAllString(path, "")
	name = name[strings.LastIndexByte(name, '/')+1:]
	return types.NewPackage(path, name), errors.New("not looked into")
}

// selectors yields each x.y of the library.
func (l *library) selectors() iter.Seq[*ast.SelectorExpr] {
	return func(yield func(*ast.SelectorExpr) bool) {
		more := true
		for _, f := range l.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && more {
					more = yield(s)
				}
				return more
			})
		}
	}
}

// foreign yields each use of a name that another package declares, as its
// import path, a dot and the name; a builtin has no path.
func (l *library) foreign() iter.Seq2[*ast.Ident, string] {
	return func(yield func(*ast.Ident, string) bool) {
		for s := range l.selectors() {
			x, ok := s.X.(*ast.Ident)
			if !ok {
				continue
			}
			if p, ok := l.info.Uses[x].(*types.PkgName); ok && !yield(x, p.Imported().Path()+"."+s.Sel.Name) {
				return
			}
		}
		for id, obj := range l.info.Uses {
			if obj.Parent() == types.Universe && !yield(id, "."+id.Name) {
				return
			}
		}
	}
}

// isAdapterSend reports whether s is the method Send of an Adapter, known by
// its SendOptions, or a Send of which nothing is known.
func (l *library) isAdapterSend(s *ast.SelectorExpr) bool {
	selection := l.info.Selections[s]
	if selection == nil {
		return true
	}
	params := selection.Obj().Type().(*types.Signature).Params()
	return params.Len() == 3 && types.Identical(params.At(2).Type(), l.pkg.Scope().Lookup("SendOptions").Type())
}

// positioned is a node of the syntax tree or an object.
type positioned interface{ Pos() token.Pos }

func (l *library) at(n positioned) string { return fileSet.Position(n.Pos()).String() }

func (l *library) file(n positioned) string {
	return filepath.Base(fileSet.Position(n.Pos()).Filename)
}
