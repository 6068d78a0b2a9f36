package transport

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// findings were made by experiments and by reading the sources of Go, before this
// package was written. A test of a finding begins its comment, or the name of its
// row, with the number: "E1.4: …".
//
// E4, how net/http reads responses and where this module is stricter, is in package
// message. Its rows name the file of the standard library, or the topic.
var findings = map[string]string{
	"E1.1":  "look, write and wait go into one step for *net.TCPConn and *net.UnixConn only: what embeds one has its SyscallConn too, but a Read and Write of its own",
	"E1.2":  "that step never blocks: it peeks, writes and reads once each; a signal makes it try again, a short write goes on outside in order, and an errno is a *net.OpError",
	"E1.3":  "closing a connection does not stop such a step: a call that has ended is not sent, one that is cancelled later counts as sent; both deadlines are new for each exchange",
	"E1.4":  "a write that fails takes the news of a reset, and leaves EOF to the reader: it is then no end of a body, while a length or a last chunk still is",
	"E1.5":  "a bare FIN under TLS, which anybody on the way can send, is no end of a body without length (RFC 9112, section 9.8)",
	"E1.6":  "a request under TLS is encrypted before the look; it stays unsent until what the look finds is known to be no more than tickets, and goes nowhere if it is not",
	"E1.7":  "a look under TLS hands up whole records only; a timeout within a write ends the connection, one within a read does not; an idle connection holds no buffers",
	"E1.8":  "the end of a context closes the connection; a 101 frees it from limits and context, and what was read already is read first",
	"E1.9":  "nobody reads the source of a request once the call has ended, unless it may block; a 2xx before its end lets it go on, anything else ends it",
	"E1.10": "a connection without deadlines is closed by a timer; one that cannot be peeked at has one reader at a time",
	"E1.11": "HTTP/1.0 needs keep-alive; CONNECT is no method of a call; an answer in place of 100 Continue ends the connection; the parser goes on after a timeout",
	"E1.12": "a connection on which somebody has logged in serves nobody else",
	"E1.13": "certificates on disk are read again when they change, with a new cache of sessions; half of a pair changes nothing; a tls.Config is known by its pointer",

	"E2.1": "before SETTINGS a ClientConn grants more streams than the server does: one call is let through; the state of TLS is that of the connection below",
	"E2.2": "a ClientConn does not tell that it is draining; every stream reserved is used or given back; none of its methods is called under a lock",
	"E2.3": "a call that the server has not acted on, by GOAWAY, REFUSED_STREAM or HTTP_1_1_REQUIRED, is sent anew whatever its method; another one is not",
	"E2.4": "HTTP/2 is offered only if net/http speaks it",
	"E2.5": "a limit of time sets no deadline on a connection that is shared, and stands still while bytes of the body are taken",
	"E2.6": "an early answer waits for a Read of the source under way",
	"E2.7": "hooks for 1xx run on the goroutine of the caller, and hold up nobody else",
	"E2.8": "the announcement of a trailer is put back among the fields",

	"E3.1":  "a dial belongs to the pool: it has the values of the context of the call that began it, and not its end",
	"E3.2":  "a dial ends when nobody waits for it",
	"E3.3":  "Connect bounds the wait of each call for itself",
	"E3.4":  "while nobody knows what an https host speaks, one dial runs, and the others wait for its ALPN",
	"E3.5":  "then each call dials, or takes a stream",
	"E3.6":  "the error of a dial goes to those who waited for it",
	"E3.7":  "what a host speaks is remembered, and forgotten when it is no longer so",
	"E3.8":  "a call takes whichever comes first, a new connection or a freed one",
	"E3.9":  "Block counts connections, those under way, draining and handed over included, and no streams",
	"E3.10": "who waits longer comes first",
	"E3.11": "a freed connection wakes who waits, and so does a freed stream",
	"E3.12": "no readiness is lost between the peek and the wait",
	"E3.13": "a half-close is found by the peek",
	"E3.14": "data before a reset is read",
	"E3.15": "a 408 on an idle connection is found by the peek",
}

// TestFindings holds that each finding has a test.
func TestFindings(t *testing.T) {
	number := regexp.MustCompile(`\bE[123]\.\d+\b`)
	named := make(map[string]bool)
	for _, dir := range []string{".", "../message"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
					continue
				}
				for _, n := range number.FindAllString(f.Doc.Text(), -1) {
					if findings[n] == "" {
						t.Errorf("%s names %s, which is none", f.Name.Name, n)
					}
					named[n] = true
				}
			}
		}
	}
	for n, what := range findings {
		if !named[n] {
			t.Errorf("no test names %s: %s", n, what)
		}
	}
}

// TestDocKnowsEachFile holds that doc.go lists every file.
func TestDocKnowsEachFile(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{"doc.go": true}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		have[f] = true
		if f != "doc.go" && !strings.Contains(string(doc), f) {
			t.Errorf("doc.go says nothing of %s", f)
		}
	}
	for _, f := range regexp.MustCompile(`\w+\.go\b`).FindAllString(string(doc), -1) {
		if !have[f] {
			t.Errorf("doc.go names %s, which is not there", f)
		}
	}
}
