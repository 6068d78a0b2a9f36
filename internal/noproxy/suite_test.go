package noproxy

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/suite"
	"github.com/go-requests/requests/internal/uri"
)

// A deviation is a set of rows of the suite that this rule answers otherwise
// than the clients in from, for one reason.
type deviation struct {
	reason string
	from   []string // of "curl", "go" and "requests"
	rows   []string // as row.key gives them
}

var deviations = []deviation{
	{
		reason: "white space separates: no name has one in it, so that the writer's meaning is plain; curl did so until 2024",
		from:   []string{"curl", "go", "requests"},
		rows: []string{
			"http://www.example.com/ in localhost .example.com .example.de",
		},
	},
	{
		reason: "white space separates entries and mends none: a range is one word",
		from:   []string{"requests"},
		rows: []string{
			"http://192.168.0.1/ in 192.168.0.0/ 16",
		},
	},
	{
		reason: "the absolute form of a name is the same host (CVE-2025-62718)",
		from:   []string{"go", "requests"},
		rows: []string{
			"http://www.example.com./ in localhost,.example.com,.example.de",
			"http://example.com./ in localhost,.example.com,.example.de",
			"http://example.com./ in localhost,example.com,.example.de",
		},
	},
	{
		reason: "a trailing dot limits an entry to the absolute form, as in Requests",
		from:   []string{"curl"},
		rows: []string{
			"http://www.example.com/ in localhost,.example.com.,.example.de",
			"http://www.example.com/ in localhost,www.example.com.,.example.de",
		},
	},
	{
		reason: "a leading dot makes no difference, as in curl and Requests",
		from:   []string{"go"},
		rows: []string{
			"http://example.com/ in localhost,.example.com,.example.de",
			"http://example.com/ in .example.com, .example.net",
			"http://barbaz.net:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
			"http://d.o.t/ in localhost, anotherdomain.com, newdom….o.t",
		},
	},
	{
		reason: "loopback is no exception, as in curl and Requests: the proxy asked for is the proxy used",
		from:   []string{"go"},
		rows: []string{
			"http://127.0.0.1/ in localhost,127.0.0.1.127.0.0.1.127.0.…0.0.",
			"http://127.0.0.1/ in localhost,127.0.0.1.127.0.0.1.127.0.….0.0",
			"http://[::1]/ in foo, bar, 192.168.0.0/16",
			"http://[::1]/ in ::1/129",
			"http://[::1]/ in ::1/a127",
			"http://[::1]/ in ::1/127a",
			"http://[::1]/ in ::1/ 127",
			"http://localhost:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
			"http://127.0.0.1:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
			"http://127.0.0.2:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
			"http://[::1]:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
		},
	},
	{
		reason: "IPv6 has ranges too",
		from:   []string{"requests"},
		rows: []string{
			"http://[::1]/ in foo, bar, ::1/64",
			"http://[::1]/ in ::1/64",
			"http://[::1]/ in ::1/96",
			"http://[::1]/ in ::1/128",
			"http://[::1]/ in ::1/127",
			"http://[::1]/ in ::1/127 ",
			"http://[::1]/ in ::1/126",
			"http://[::1]/ in ::1/125",
			"http://[::1]/ in ::1/124",
			"http://[::1]/ in ::1/123",
			"http://[::1]/ in ::1/122",
			"http://[2001:db8::1]/ in 2001:db8::/65",
			"http://[2001:db8::1]/ in 2001:db8::/66",
			"http://[2001:db8::1]/ in 2001:db8::/67",
			"http://[2001:db8::1]/ in 2001:db8::/68",
			"http://[2001:db8::1]/ in 2001:db8::/69",
			"http://[2001:db8::1]/ in 2001:db8::/70",
			"http://[2001:db8::1]/ in 2001:db8::/71",
			"http://[2001:db8::1]/ in 2001:db8::/72",
			"http://[2002:db8:a::123]:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
		},
	},
	{
		reason: "an address may have a port",
		from:   []string{"requests"},
		rows: []string{
			"http://192.168.1.3:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
			"http://[2001:db8::52:0:3]:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
		},
	},
	{
		reason: "a star stands for what is before the dot, as in Go",
		from:   []string{"requests"},
		rows: []string{
			"http://nested.wildcard.io:80/ in foobar.com, .barbaz.net, *.wildcard.…5/64",
		},
	},
}

// A row is one of the suite: what each client answers, under its name.
type row struct {
	url     string
	noProxy string
	bypass  map[string]bool
}

// key names the row in deviations, a long list shortened.
func (r row) key() string {
	const whole, head, tail = 48, 36, 4
	list := r.noProxy
	if len(list) > whole {
		list = list[:head] + "…" + list[len(list)-tail:]
	}
	return r.url + " in " + list
}

func readRows(t *testing.T) []row {
	var raw []struct {
		Suite    string
		URL      string
		NoProxy  string `json:"no_proxy"`
		Bypass   bool   // what the suite itself expects
		Go       bool   `json:"oracle_go_httpproxy"`
		Requests bool   `json:"oracle_requests_2_34_2"`
	}
	suite.Read(t, "external/no-proxy/no-proxy.json", &raw)
	var rows []row
	for _, r := range raw {
		bypass := map[string]bool{"go": r.Go, "requests": r.Requests}
		if strings.HasPrefix(r.Suite, "curl") {
			bypass["curl"] = r.Bypass
		}
		rows = append(rows, row{r.URL, r.NoProxy, bypass})
	}
	return rows
}

// Every row of the suite: answered as each client does, or listed above.
func TestSuite(t *testing.T) {
	reasons := make(map[string]string) // by client and row
	for _, d := range deviations {
		for _, client := range d.from {
			for _, key := range d.rows {
				reasons[client+": "+key] = d.reason
			}
		}
	}
	used := make(map[string]bool)
	for _, r := range readRows(t) {
		got := matchURL(t, r.noProxy, r.url)
		for client, want := range r.bypass {
			key := client + ": " + r.key()
			switch {
			case got == want:
			case reasons[key] == "":
				t.Errorf("Match(%q) by %q = %v; want %v, as %s does, or a reason", r.url, r.noProxy, got, want, client)
			default:
				used[key] = true
			}
		}
	}
	for key := range reasons {
		if !used[key] {
			t.Errorf("deviation listed, but there is none: %s", key)
		}
	}
}

// Cases recorded from Requests that are answered otherwise, with the reason.
var requestsDeviations = map[string]string{
	"proxies/no-proxy-names/star-pattern-not-supported": "a star stands for what is before the dot, as in Go (psf/requests issue 6313)",
	"proxies/no-proxy-names/star-in-list":               "a star exempts every host wherever it stands, as in Go",
	"proxies/no-proxy-ip/ip-port-entry":                 "an address may have a port, as a name may (psf/requests issue 6313)",
	"proxies/no-proxy-ip/cidr-zero-mask":                "0.0.0.0/0 is every IPv4 address (RFC 4632)",
	"proxies/no-proxy-ip/ipv6-cidr-not-supported":       "IPv6 has ranges too (psf/requests issue 6313)",
}

func TestRequestsCases(t *testing.T) {
	var area struct {
		Cases []struct {
			Name  string
			Group string
			Kind  string
			Env   map[string]string
			Input struct{ URL string }
			// Expect.Proxy is null where the list exempts the host.
			Expect struct{ Proxy *string }
		}
	}
	suite.Read(t, "conformance/open/proxies.json", &area)
	groups := []string{"no-proxy-names", "no-proxy-ports", "no-proxy-ip"}
	ran := 0
	for _, c := range area.Cases {
		if c.Kind != "proxy" || !slices.Contains(groups, c.Group) {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			got, want := matchURL(t, c.Env["no_proxy"], c.Input.URL), c.Expect.Proxy == nil
			_, deviates := requestsDeviations[c.Name]
			if deviates == (got == want) {
				t.Errorf("Match(%q) by %q = %v; Requests says %v; listed as a deviation: %v",
					c.Input.URL, c.Env["no_proxy"], got, want, deviates)
			}
		})
	}
	if ran < len(requestsDeviations) {
		t.Errorf("%d cases of Requests found; want %d or more", ran, len(requestsDeviations))
	}
}

// docs/no-proxy.md shows what it says it does: each row of its table, whose
// cells are list, URL, curl, Go, Requests, here and reason, is tried, and where
// the suite has the row, so are the cells of the others.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/no-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	suite := make(map[string]row)
	for _, r := range readRows(t) {
		suite[r.key()] = r
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 7 || !strings.Contains(cells[0], "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		list, url := strings.Trim(cells[0], "`"), strings.Trim(cells[1], "`")
		rows++
		if _, _, err := uri.Parse(url); err != nil {
			t.Errorf("%s is documented, and cannot be requested: %v", url, err)
		}
		if got := matchURL(t, list, url); got != documented(t, line, cells[5]) {
			t.Errorf("Match(%q) by %q = %v; documented as %q", url, list, got, cells[5])
		}
		r := suite[row{url: url, noProxy: list}.key()]
		for i, client := range []string{"curl", "go", "requests"} {
			if want, ok := r.bypass[client]; ok && want != documented(t, line, cells[2+i]) {
				t.Errorf("%s says %v for %q by %q; documented as %q", client, want, url, list, cells[2+i])
			}
		}
	}
	if rows == 0 {
		t.Error("docs/no-proxy.md has no row")
	}
}

func documented(t *testing.T, line, cell string) bool {
	if cell != "direct" && cell != "proxy" {
		t.Errorf("%q has a cell %q; want direct or proxy", line, cell)
	}
	return cell == "direct"
}

func matchURL(t *testing.T, noProxy, rawURL string) bool {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(noProxy).Match(strings.ToLower(u.Hostname()), u.Port())
}
