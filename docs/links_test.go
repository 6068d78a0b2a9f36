package docs

import (
	"net/url"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinks looks up every link that leads to a file of the repository, and the
// heading in it. Links to other hosts are only parsed: tests need no network.
func TestLinks(t *testing.T) {
	all := pages(t)
	byPath := map[string]*page{}
	for _, p := range all {
		byPath[p.path] = p
	}
	count := 0
	for _, p := range all {
		for _, l := range p.links {
			count++
			if fault := broken(byPath, p, l.target); fault != "" {
				t.Errorf("%s:%d: link to %q: %s", p.path, l.line, l.target, fault)
			}
		}
	}
	if count == 0 {
		t.Error("no link was found at all")
	}
}

// broken says what is wrong with a link on p, or nothing.
func broken(pages map[string]*page, p *page, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "https" && u.Host != "", u.Scheme == "mailto":
		return ""
	case u.Scheme != "" || u.Host != "":
		return "neither https nor a file of the repository"
	}
	file := p.path
	if u.Path != "" {
		file = path.Join(path.Dir(p.path), u.Path)
	}
	if strings.HasPrefix(file, "..") {
		return "leaves the repository"
	}
	if _, err := os.Stat(path.Join("..", file)); err != nil {
		return "no such file"
	}
	if u.Fragment == "" {
		return ""
	}
	if to := pages[file]; to == nil {
		return "not a document, which alone has headings"
	} else if !to.anchors[u.Fragment] {
		return "no such heading"
	}
	return ""
}

func TestLinksOfAPage(t *testing.T) {
	p := parsePage("page.md", []byte("A [link](a.md) and ![a picture](b.svg).\n\n<picture>\n<source srcset=\"c.svg\">\n<img src=\"d.svg\">\n</picture>\n"))
	require.Equal(t, []link{{1, "a.md"}, {1, "b.svg"}, {3, "c.svg"}, {3, "d.svg"}}, p.links)
}

func TestBrokenLinksAreFound(t *testing.T) {
	p := parsePage("docs/no-proxy.md", []byte("# A *heading*: of `code`\n\n## Twice\n\n## Twice\n"))
	byPath := map[string]*page{p.path: p}
	for target, want := range map[string]string{
		"#a-heading-of-code":         "",
		"#twice":                     "",
		"#twice-1":                   "",
		"#twice-2":                   "no such heading",
		"no-proxy.md#twice":          "",
		"../README.md":               "",
		"../doc.go":                  "",
		"../doc.go#L3":               "not a document, which alone has headings",
		"missing.md":                 "no such file",
		"../../README.md":            "leaves the repository",
		"http://example.com/":        "neither https nor a file of the repository",
		"https://example.com/?q#top": "",
	} {
		if got := broken(byPath, p, target); got != want {
			t.Errorf("broken(%q) = %q, want %q", target, got, want)
		}
	}
}
