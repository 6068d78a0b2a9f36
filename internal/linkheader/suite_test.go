package linkheader

import (
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/extvalue"
	"github.com/go-requests/requests/internal/suite"
)

// A checked row of the suites of node-http-link-header and parse-link-header:
// a field, and results of the methods that those libraries have.
type row struct {
	Suite, Name, Header string
	Checks              [][2]json.RawMessage // a path of calls, and its result
}

// Rows that are not met, and why.
var notMet = map[string]string{
	"jhermsmeier/foldline.js/unfolds header": "a line fold within a word counts as a space (RFC 9112, section 5.2)," +
		" there as nothing",
	"jhermsmeier/foldline.js/unfolds hard-folded header": "likewise",
	"jhermsmeier/encoding.js/GB2312": "RFC 8187 dropped all charsets but UTF-8; there the undecoded text is given," +
		" here Attributes leaves the parameter out",
	"jhermsmeier/rfc-examples.js/Example 6: Equivalence": "a link is added to the one that was read",
}

// lineFold is what net/http makes a space of before anyone sees it.
var lineFold = regexp.MustCompile(`\r?\n[ \t]+`)

func TestSuites(t *testing.T) {
	var rows []row
	suite.Read(t, "external/link-header/link-headers.json", &rows)
	checked, unmet := 0, 0
	for _, r := range rows {
		links, err := Parse([]string{lineFold.ReplaceAllString(r.Header, " ")})
		if err != nil {
			t.Errorf("%s, %s: Parse(%q) = %v", r.Suite, r.Name, r.Header, err)
		}
		for _, check := range r.Checks {
			path, want := jsonValue(t, check[0]).(string), jsonValue(t, check[1])
			got, ok := evaluate(links, path, want)
			if !ok {
				continue
			}
			checked++
			met := reflect.DeepEqual(got, want)
			reason, listed := notMet[r.Suite+"/"+r.Name]
			if listed {
				unmet++
			}
			switch {
			case met && listed:
				t.Errorf("%s, %s is met, but listed as not met: %s", r.Suite, r.Name, reason)
			case !met && !listed:
				t.Errorf("%s, %s: Parse(%q) gives %s = %v; want %v", r.Suite, r.Name, r.Header, path, got, want)
			}
		}
	}
	if checked != 52 || unmet != 4 {
		t.Errorf("%d checks made, %d of them not met; want 52 and 4", checked, unmet)
	}
}

// evaluate gives what links has for the path of a check, and false for checks
// of what a parser does not do: writing (toString) and changing (set).
func evaluate(links []Link, path string, want any) (any, bool) {
	call := regexp.MustCompile(`^\.(has|get|rel)\((?:"rel",)?"(.*)"\)(\.0)?$`).FindStringSubmatch(path)
	switch {
	case path == "" || path == "result":
		return byType(links), true
	case path == ".refs" && len(links) > 0 && want != nil:
		return refs(links, func(string) bool { return true }), true
	case call == nil:
		return nil, false
	}
	refs := refs(links, func(rel string) bool { return strings.EqualFold(rel, call[2]) })
	switch {
	case call[1] == "has":
		return len(refs) > 0, true
	case call[3] == "":
		return refs, true
	case len(refs) == 0:
		return nil, false // the link was to be set first
	}
	return refs[0], true
}

// refs gives one object for each relation type of each link, as
// node-http-link-header does.
func refs(links []Link, wanted func(rel string) bool) []any {
	list := []any{}
	for _, l := range links {
		rels := strings.Fields(l.Rel)
		if len(rels) == 0 {
			rels = []string{""}
		}
		for _, rel := range rels {
			if wanted(rel) {
				list = append(list, ref(l, rel))
			}
		}
	}
	return list
}

func ref(l Link, rel string) map[string]any {
	object := map[string]any{"uri": l.URL}
	for _, p := range l.Params {
		switch {
		case p.Name == "rel":
			object["rel"] = rel
		case p.Name == "anchor":
			object["anchor"] = l.Anchor
		case strings.HasSuffix(p.Name, "*"):
			text, _ := extvalue.Decode(p.Value)
			object[p.Name] = map[string]any{"value": text, "encoding": nil, "language": strings.Split(p.Value, "'")[1]}
		}
	}
	for _, a := range l.Attributes() {
		if _, extended := object[a.Name+"*"]; extended {
			continue
		}
		if a.Name == "hreflang" { // the one that may repeat is a list there
			list, _ := object[a.Name].([]any)
			object[a.Name] = append(list, a.Value)
			continue
		}
		object[a.Name] = a.Value
	}
	return object
}

// byType gives an object for each relation type, as parse-link-header does: the
// attributes, and the parameters of the target's query.
func byType(links []Link) any {
	objects := make(map[string]any)
	for _, l := range links {
		for _, rel := range l.Rels() {
			object := map[string]any{"url": l.URL, "rel": rel}
			for _, a := range l.Attributes() {
				object[a.Name] = a.Value
			}
			target, err := url.Parse(l.URL)
			if err != nil {
				return err
			}
			for name, values := range target.Query() {
				object[name] = values[0]
			}
			objects[rel] = object
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return objects
}

func jsonValue(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestResolved runs the rows of link-header-parser, which resolve targets and
// contexts against https://example.com/ as the caller of Parse does.
func TestResolved(t *testing.T) {
	for _, name := range []string{"example_link_headers.json", "example_link_headers_with_anchors.json"} {
		var rows [][2]json.RawMessage
		suite.Read(t, "external/link-header/"+name, &rows)
		if len(rows) == 0 {
			t.Errorf("%s has no rows", name)
		}
		for _, row := range rows {
			header, want := jsonValue(t, row[0]).(string), jsonValue(t, row[1]).(map[string]any)
			links, err := Parse([]string{header})
			if err != nil || len(links) != 1 {
				t.Errorf("Parse(%q) = %s, error %v; want one link", header, text(links), err)
				continue
			}
			if got := resolved(t, links[0], want); !reflect.DeepEqual(got, want) {
				t.Errorf("Parse(%q) = %s, which gives %v; want %v", header, text(links), got, want)
			}
		}
	}
}

// resolved gives the members of want as l has them.
func resolved(t *testing.T, l Link, want map[string]any) map[string]any {
	target := resolve(t, "https://example.com/", l.URL)
	params := make(map[string]any)
	for _, p := range l.Params {
		list, _ := params[p.Name].([]any)
		params[p.Name] = append(list, p.Value)
	}
	types := []any{}
	for _, rel := range l.Rels() {
		types = append(types, rel)
	}
	all := map[string]any{
		"target_string": l.URL, "target_uri": target,
		"relations_string": l.Rel, "relation_types": types,
		// The suite resolves the anchor against the target, RFC 8288 (section 3.2) against the response.
		"context_string": l.Anchor, "context_uri": resolve(t, target, l.Anchor),
		"link_parameters": params,
	}
	got := make(map[string]any)
	for member := range want {
		got[member] = all[member]
	}
	return got
}

// resolve gives the URL with the path that a normalised one has at the least.
func resolve(t *testing.T, base, ref string) string {
	t.Helper()
	from, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	target, err := from.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	if target.Path == "" {
		target.Path = "/"
	}
	return target.String()
}

// TestRequests compares with what Python's Requests makes of the same fields:
// a map by the whole rel value, or else the target.
func TestRequests(t *testing.T) {
	differs := map[string]string{
		"links/parameters/param-without-value-stops": "a flag does not end the parsing of its link (RFC 8288, section 3)",
		"links/parameters/param-two-equals-stops":    "nor does an equals sign in a value",
		"links/parameters/upper-param-name":          "parameter names have no case (RFC 8288, appendix B.3)",
		"links/parameters/repeated-param-last-wins":  "rel after the first is ignored (RFC 8288, section 3.3)",
		"links/urls/semicolon-in-url":                "a semicolon between the brackets belongs to the target",
		"links/malformed/title-with-lt":              "a quoted value may have any text",
		"links/malformed/only-commas":                "empty list elements are ignored (RFC 9110, section 5.6.1)",
	}
	var file struct {
		Cases []struct {
			Name   string
			Server []struct{ Headers [][2]string }
			Expect struct {
				Steps []struct {
					Reads []struct {
						Op    string
						Value map[string]map[string]string
					}
				}
			}
		}
	}
	suite.Read(t, "conformance/open/links.json", &file)
	for _, c := range file.Cases {
		if len(c.Server) != 1 || len(c.Expect.Steps) != 1 || len(c.Expect.Steps[0].Reads) != 1 {
			t.Fatalf("%s has not one exchange", c.Name)
		}
		var fields []string
		for _, h := range c.Server[0].Headers {
			if h[0] == "Link" {
				fields = append(fields, h[1])
			}
		}
		links, err := Parse(fields)
		if err != nil {
			t.Errorf("%s: Parse(%q) = %v", c.Name, fields, err)
		}
		got, want := requestsMap(links), c.Expect.Steps[0].Reads[0].Value
		if reason, listed := differs[c.Name]; reflect.DeepEqual(got, want) == listed {
			t.Errorf("%s: Parse(%q) gives %v; Requests %v (to differ: %q)", c.Name, fields, got, want, reason)
		}
		delete(differs, c.Name)
	}
	if len(differs) > 0 {
		t.Errorf("no such cases: %v", differs)
	}
}

func requestsMap(links []Link) map[string]map[string]string {
	byKey := make(map[string]map[string]string)
	for _, l := range links {
		attrs := map[string]string{"url": l.URL}
		if l.Rel != "" {
			attrs["rel"] = l.Rel
		}
		for _, a := range slices.Backward(l.Attributes()) { // the first of a name stays
			attrs[a.Name] = a.Value
		}
		key := l.Rel
		if key == "" {
			key = l.URL
		}
		byKey[key] = attrs
	}
	return byKey
}
