package requests_test

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests"
)

// kinds are the errors that the tree in doc.go is to show.
var kinds = map[string]error{
	"ErrInvalidURL": requests.ErrInvalidURL, "ErrMissingScheme": requests.ErrMissingScheme, "ErrInvalidScheme": requests.ErrInvalidScheme,
	"ErrInvalidHeader": requests.ErrInvalidHeader, "ErrInvalidOption": requests.ErrInvalidOption, "ErrInvalidProxy": requests.ErrInvalidProxy,
	"ErrConnection": requests.ErrConnection, "ErrDNS": requests.ErrDNS, "ErrAddress": requests.ErrAddress, "ErrProxy": requests.ErrProxy, "ErrTLS": requests.ErrTLS,
	"ErrConnectionLost": requests.ErrConnectionLost, "ErrTimeout": requests.ErrTimeout, "ErrConnectTimeout": requests.ErrConnectTimeout,
	"ErrReadTimeout": requests.ErrReadTimeout, "ErrTotalTimeout": requests.ErrTotalTimeout, "ErrProtocol": requests.ErrProtocol,
	"ErrIncompleteBody": requests.ErrIncompleteBody, "ErrContentDecoding": requests.ErrContentDecoding, "ErrBodyTooLarge": requests.ErrBodyTooLarge,
	"ErrChecksum": requests.ErrChecksum, "ErrInvalidJSON": requests.ErrInvalidJSON, "ErrTooManyRedirects": requests.ErrTooManyRedirects,
	"ErrBodyNotReplayable": requests.ErrBodyNotReplayable, "ErrRetriesExhausted": requests.ErrRetriesExhausted,
	"ErrStreamConsumed": requests.ErrStreamConsumed, "ErrCookieConflict": requests.ErrCookieConflict, "ErrClosed": requests.ErrClosed,
	"ErrAuthentication": requests.ErrAuthentication, "ErrAdapter": requests.ErrAdapter, "ErrRequest": requests.ErrRequest,
}

var (
	treeLine = regexp.MustCompile(`(?m)^//\t(├── |└── )?(Err\w+) {2,}\S`)
	errorVar = regexp.MustCompile(`^var (Err\w+)`)
)

// TestErrorTree holds the drawing in doc.go to what errors.Is says, and both to
// the names that the package exports.
func TestErrorTree(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	drawn := make(map[string][]string) // the kinds above a kind
	parent := ""
	for _, m := range treeLine.FindAllStringSubmatch(string(doc), -1) {
		name := m[2]
		if m[1] == "" {
			parent = name
			drawn[name] = nil
		} else {
			drawn[name] = append(drawn[name], parent)
		}
	}
	if got, want := slices.Sorted(maps.Keys(drawn)), slices.Sorted(maps.Keys(kinds)); !slices.Equal(got, want) {
		t.Errorf("doc.go draws %q; want %q", got, want)
	}
	for name, err := range kinds {
		for other, target := range kinds {
			want := name == other || other == "ErrRequest" || slices.Contains(drawn[name], other)
			if got := errors.Is(err, target); got != want {
				t.Errorf("errors.Is(%s, %s) = %t; doc.go draws %t", name, other, got, want)
			}
		}
	}
	var exportedErrors []string
	for _, f := range sourceFiles(t, ".") {
		for _, line := range exported(f.syntax) {
			if m := errorVar.FindStringSubmatch(line); m != nil {
				exportedErrors = append(exportedErrors, m[1])
			}
		}
	}
	slices.Sort(exportedErrors)
	if want := slices.Sorted(maps.Keys(kinds)); !slices.Equal(exportedErrors, want) {
		t.Errorf("the package exports %q; want %q", exportedErrors, want)
	}
}

// naming finds what a text says that the package has: requests.Name, and
// .Name of the variables r, s and p, which are a Response, a Session and a
// PreparedRequest in all texts.
var naming = regexp.MustCompile(`\b(requests|[rsp])\.([A-Z]\w*)`)

// TestTextsNameWhatExists finds names in the documentation that the package
// does not have, or not any more.
func TestTextsNameWhatExists(t *testing.T) {
	exist := make(map[string]bool)
	word := regexp.MustCompile(`\b[A-Z]\w*`)
	for _, f := range sourceFiles(t, ".") {
		for _, line := range exported(f.syntax) {
			for _, name := range word.FindAllString(line, -1) {
				exist[name] = true
			}
		}
	}
	for _, file := range []string{"README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "doc.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range naming.FindAllStringSubmatch(string(text), -1) {
			if !exist[m[2]] {
				t.Errorf("%s says %s, which does not exist", file, m[0])
			}
		}
	}
}

// TestContributingKnowsEachFile finds files that the layout in CONTRIBUTING.md
// leaves out, and lines about files that are gone.
func TestContributingKnowsEachFile(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`\b\w+\.go\b`).FindAllString(string(text), -1)
	told = slices.DeleteFunc(told, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	var files []string
	for _, f := range sourceFiles(t, ".") {
		files = append(files, f.name)
		if !slices.Contains(told, f.name) {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", f.name)
		}
	}
	for _, name := range told {
		if !slices.Contains(files, name) {
			t.Errorf("CONTRIBUTING.md tells of %s, which does not exist", name)
		}
	}
}
