package requests

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/fault"
)

// A row of input is refused before a dial with kind, or is sent to dial as
// target with host as its Host field.
type inputRow struct {
	id, url string
	kind    error
	dial    string
	target  string
	host    string
}

// Some rows of the input table of package uri: what it makes of a URL is what goes
// out on the wire.
var urlRows = []inputRow{
	{id: "C001 CRLF", url: "http://h.test/a\r\nX: 1", kind: ErrInvalidURL},
	{id: "C003 escaped CRLF", url: "http://h.test/a%0d%0aX%00", dial: "h.test:80", target: "/a%0D%0AX%00", host: "h.test"},
	{id: "C004 space in the path", url: "http://h.test/a b", dial: "h.test:80", target: "/a%20b", host: "h.test"},
	{id: "C005 space in the query", url: "http://h.test/?q=a b", dial: "h.test:80", target: "/?q=a%20b", host: "h.test"},
	{id: "C006 UTF-8 in the query", url: "http://h.test/?q=é", dial: "h.test:80", target: "/?q=%C3%A9", host: "h.test"},
	{id: "C007 UTF-8 in the path", url: "http://h.test/é", dial: "h.test:80", target: "/%C3%A9", host: "h.test"},
	{id: "C011 dot segments", url: "http://h.test/a/../b/./c", dial: "h.test:80", target: "/b/c", host: "h.test"},
	{id: "C012 double slashes", url: "http://h.test//evil.test/x", dial: "h.test:80", target: "//evil.test/x", host: "h.test"},
	{id: "C014 host and port", url: "h.test:80/x", kind: ErrMissingScheme},
	{id: "C017 leading space", url: " \n\thttp://h.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C020 backslash before an at", url: `http://h.test\@evil.test/`, kind: ErrInvalidURL},
	{id: "C021 file", url: "file:///etc/passwd", kind: ErrInvalidScheme},
	{id: "C021 ftp", url: "ftp://h.test/", kind: ErrInvalidScheme},
	{id: "C021 gopher", url: "gopher://h.test/", kind: ErrInvalidScheme},
	{id: "C021 data", url: "data:,x", kind: ErrInvalidScheme},
	{id: "C021 javascript", url: "javascript:alert(1)", kind: ErrInvalidScheme},
	{id: "C021 unix", url: "unix:///run/a.sock", kind: ErrInvalidScheme},
	{id: "C021 ws", url: "ws://h.test/", kind: ErrInvalidScheme},
	{id: "C022 two at signs", url: "http://a@b:c@d.test/", kind: ErrInvalidURL},
	{id: "C023 userinfo leaves", url: "http://user:pw@h.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C025 at in the fragment", url: "http://h.test#@evil.test/", dial: "h.test:80", target: "/", host: "h.test"},
	{id: "C025 at in the query", url: "http://h.test?@evil.test/", dial: "h.test:80", target: "/?@evil.test/", host: "h.test"},
	{id: "C030 port with zeros", url: "http://h:00080/", dial: "h:80", target: "/", host: "h"},
	{id: "C030 other port", url: "http://h:65535/", dial: "h:65535", target: "/", host: "h:65535"},
	{id: "C030 default port", url: "http://h:80/", dial: "h:80", target: "/", host: "h"},
	{id: "C032 IPv6 and port", url: "http://[::1]:81/", dial: "[::1]:81", target: "/", host: "[::1]:81"},
	{id: "C033 zone", url: "http://[fe80::1%25eth0]/", dial: "[fe80::1%eth0]:80", target: "/", host: "[fe80::1]"},
	{id: "C034 not closed", url: "http://[::1", kind: ErrInvalidURL},
	{id: "C035 two numbers", url: "http://127.1/", kind: ErrInvalidURL},
	{id: "C035 IPv4", url: "http://127.0.0.1/", dial: "127.0.0.1:80", target: "/", host: "127.0.0.1"},
	{id: "C036 complete name", url: "http://h.test./", dial: "h.test.:80", target: "/", host: "h.test"},
	{id: "C037 sharp s", url: "http://straße.de/", dial: "xn--strae-oqa.de:80", target: "/", host: "xn--strae-oqa.de"},
	{id: "C040 capitals", url: "http://XN--STRAE-OQA.de/", dial: "xn--strae-oqa.de:80", target: "/", host: "xn--strae-oqa.de"},
	{id: "C041 not UTF-8", url: "http://h\xff.test/", kind: ErrInvalidURL},
}

func TestURLInput(t *testing.T) {
	w := newHeadServer(t)
	s := w.session(t)
	for _, row := range urlRows {
		t.Run(row.id, func(t *testing.T) { checkInput(t, w, s, row) })
	}
}

func checkInput(t *testing.T, w *headServer, s *Session, row inputRow, opts ...Option) {
	t.Helper()
	_, err := s.Get(context.Background(), row.url, opts...)
	dials, heads := w.seen()
	if row.kind != nil {
		if !errors.Is(err, row.kind) {
			t.Errorf("Get(%.80q) = %v, want %v", row.url, err, row.kind)
		}
		if len(dials) > 0 {
			t.Errorf("Get(%.80q) dialled %v", row.url, dials)
		}
		if err != nil && len(err.Error()) > 2*fault.MaxText {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
		if err != nil && hasControl(err.Error()) {
			t.Errorf("the error %q has control characters", err)
		}
		return
	}
	if err != nil || len(dials) != 1 || len(heads) != 1 {
		t.Fatalf("Get(%.80q) = %v after the dials %q and the requests %q", row.url, err, dials, heads)
	}
	host, _ := field(heads[0], "Host")
	if dials[0] != row.dial || target(heads[0]) != row.target || host != row.host {
		t.Errorf("Get(%.80q) dialled %q for target %q and host %q; want %q, %q, %q",
			row.url, dials[0], target(heads[0]), host, row.dial, row.target, row.host)
	}
}

// The rows C043 and A152 to A156: what is relative to a base stays below it.
func TestBaseURL(t *testing.T) {
	w := newHeadServer(t)
	for _, tt := range []struct{ name, base, ref, target string }{
		{"name", "http://api.test/v1/", "orders", "/v1/orders"},
		{"rooted", "http://api.test/v1/", "/orders", "/v1/orders"},
		{"queries of both", "http://api.test/v1/?k=1", "a?q=1", "/v1/a?k=1&q=1"},
		{"the whole URL, below", "http://api.test/v1/", "http://API.test:80/v1/orders?page=2", "/v1/orders?page=2"},
		{"up", "http://api.test/v1/", "../../x", ""},
		{"other host", "http://api.test/v1/", "https://evil.test/x", ""},
		{"other port", "http://api.test/v1/", "http://api.test:81/v1/x", ""},
		{"dots in a whole URL", "http://api.test/v1/", "http://api.test/v1/../x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := w.session(t, BaseURL(tt.base))
			_, err := s.Get(context.Background(), tt.ref)
			dials, heads := w.seen()
			if tt.target == "" {
				if !errors.Is(err, ErrInvalidURL) || len(dials) > 0 {
					t.Errorf("Get(%q) below %q = %v after the dials %q, want ErrInvalidURL", tt.ref, tt.base, err, dials)
				}
				return
			}
			if err != nil || len(heads) != 1 || target(heads[0]) != tt.target {
				t.Errorf("Get(%q) below %q = %v, sent %q; want the target %q", tt.ref, tt.base, err, heads, tt.target)
			}
		})
	}
	t.Run("lifted for a call", func(t *testing.T) {
		s := w.session(t, BaseURL("http://api.test/v1/"))
		if _, err := s.Get(context.Background(), "http://other.test/", BaseURL("")); err != nil {
			t.Error(err)
		}
	})
}

// The row C042: what a URL that was changed by hand may hold.
func TestPreparedURL(t *testing.T) {
	w := newHeadServer(t)
	s := w.session(t)
	for _, tt := range []struct {
		name   string
		change func(*url.URL)
		target string // "" if it is refused
	}{
		{"space in the query", func(u *url.URL) { u.RawQuery = "q=a b" }, "/?q=a%20b"},
		{"CRLF in the query", func(u *url.URL) { u.RawQuery = "a\r\nX: 1" }, ""},
		{"path without a slash", func(u *url.URL) { u.Path, u.RawPath = "x", "" }, "/x"},
		{"opaque", func(u *url.URL) { u.Opaque = "//evil.test/x" }, ""},
		{"forced query", func(u *url.URL) { u.ForceQuery = true }, "/"},
		{"raw path of another path", func(u *url.URL) { u.Path, u.RawPath = "/a", "/b" }, "/a"},
		{"host of two", func(u *url.URL) { u.Host = "a b" }, ""},
		{"empty host", func(u *url.URL) { u.Host = "" }, ""},
		{"userinfo", func(u *url.URL) { u.User = url.UserPassword("u", "secret") }, ""},
		{"control character in the path", func(u *url.URL) { u.Path, u.RawPath = "/\r\n", "" }, "/%0D%0A"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := s.Prepare(bg, NewRequest("GET", "http://h.test/"))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(p.URL)
			_, err = s.Send(context.Background(), p)
			dials, heads := w.seen()
			if tt.target == "" {
				if !errors.Is(err, ErrInvalidURL) || len(dials) > 0 {
					t.Errorf("Send = %v after the dials %q, want ErrInvalidURL", err, dials)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("%v shows the password", err)
				}
				return
			}
			if err != nil || len(heads) != 1 || target(heads[0]) != tt.target {
				t.Errorf("Send = %v, sent %q; want the target %q", err, heads, tt.target)
			}
		})
	}
}

// No error shows a password, whatever is wrong with its URL (A250).
func TestErrorsHidePasswords(t *testing.T) {
	for _, raw := range []string{
		"http://user:hunter2@h.test:99999/", "http://user:hunter2@", "user:hunter2@h.test", "http://user:hun/ter2@h.test",
		"http://user:hunter2@a@b.test/", "ftp://user:hunter2@h.test/", "http://user:hunter2@h .test/", "http://user:hun?ter2@h.test/",
		"http://user:hun#ter2@h.test/", "http://h.test:0/?token=hunter2", "http://h.test:0/?api_key=hunter2&a=b",
	} {
		_, err := Get(context.Background(), raw)
		if err == nil {
			t.Errorf("Get(%q) succeeded", raw)
			continue
		}
		for _, secret := range []string{"hunter2", "ter2"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("Get(%q) = %q, which shows the password", raw, err)
			}
		}
	}
}
