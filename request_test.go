package requests

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/bridge"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/fields"
)

// The rows C050 to C068: what the caller may put into the head of a request.
// A row without a kind is sent, with name at value.
func TestHeadInput(t *testing.T) {
	w := newHeadServer(t)
	s := w.session(t)
	long := strings.Repeat("x", fields.MaxValue+1)
	for _, tt := range []struct {
		name   string
		method string // "" is GET
		opt    Option
		kind   error
		field  string
		value  string
		absent bool
	}{
		{name: "C050 CR", opt: Headers{"X-T": "a\rb"}, kind: ErrInvalidHeader},
		{name: "C050 LF", opt: Headers{"X-T": "a\nb"}, kind: ErrInvalidHeader},
		{name: "C050 CRLF", opt: Headers{"X-T": "a\r\nX-Injected: 1"}, kind: ErrInvalidHeader},
		{name: "C050 NUL", opt: Headers{"X-T": "a\x00b"}, kind: ErrInvalidHeader},
		{name: "C050 DEL", opt: Headers{"X-T": "a\x7fb"}, kind: ErrInvalidHeader},
		{name: "C050 BEL", opt: Headers{"X-T": "a\x07b"}, kind: ErrInvalidHeader},
		{name: "C050 tab within", opt: Headers{"X-T": "a\tb"}, field: "X-T", value: "a\tb"},
		{name: "C051 leading space", opt: Headers{"X-T": " a"}, kind: ErrInvalidHeader},
		{name: "C051 leading tab", opt: Headers{"X-T": "\ta"}, kind: ErrInvalidHeader},
		{name: "C051 trailing space", opt: Headers{"X-T": "a "}, field: "X-T", value: "a"},
		{name: "C052 UTF-8", opt: Headers{"X-T": "é"}, field: "X-T", value: "é"},
		{name: "C052 a byte", opt: Headers{"X-T": []byte{0xff}}, field: "X-T", value: "\xff"},
		{name: "C053 empty", opt: Headers{"X-T": ""}, field: "X-T", value: ""},
		{name: "C053 too long", opt: Headers{"X-T": long}, kind: ErrInvalidHeader},
		{name: "C054 space in the name", opt: Headers{"X T": "a"}, kind: ErrInvalidHeader},
		{name: "C054 colon in the name", opt: Headers{"X:T": "a"}, kind: ErrInvalidHeader},
		{name: "C054 CRLF in the name", opt: Headers{"X\r\nT": "a"}, kind: ErrInvalidHeader},
		{name: "C054 NUL in the name", opt: Headers{"X\x00": "a"}, kind: ErrInvalidHeader},
		{name: "C054 bracket in the name", opt: Headers{"X(": "a"}, kind: ErrInvalidHeader},
		{name: "C054 UTF-8 in the name", opt: Headers{"É": "a"}, kind: ErrInvalidHeader},
		{name: "C054 empty name", opt: Headers{"": "a"}, kind: ErrInvalidHeader},
		{name: "C054 pseudo field", opt: Headers{":path": "a"}, kind: ErrInvalidHeader},
		{name: "C055 lower case", opt: Headers{"x-lower": "a"}, field: "X-Lower", value: "a"},
		{name: "C056 twice in other letters", opt: Headers{"X-A": "1", "x-a": "2"}, kind: ErrInvalidHeader},
		{name: "C057 Content-Length", opt: Headers{"Content-Length": 5}, kind: ErrInvalidHeader},
		{name: "C057 Transfer-Encoding", opt: Headers{"Transfer-Encoding": "chunked"}, kind: ErrInvalidHeader},
		{name: "C057 Trailer", opt: Headers{"Trailer": "X"}, kind: ErrInvalidHeader},
		{name: "C058 content-length", opt: Headers{"content-length": "5"}, kind: ErrInvalidHeader},
		{name: "C058 Content-length", opt: Headers{"Content-length": "5"}, kind: ErrInvalidHeader},
		{name: "C058 transfer-encoding", opt: Headers{"transfer-encoding": "chunked"}, kind: ErrInvalidHeader},
		{name: "C059 Host", opt: Headers{"Host": "virtual.test:8080"}, field: "Host", value: "virtual.test:8080"},
		{name: "C060 Connection: close", opt: Headers{"Connection": "close"}, field: "Connection", value: "close"},
		{name: "C060 Connection: Upgrade", opt: Headers{"Connection": "Upgrade"}, kind: ErrInvalidHeader},
		{name: "C060 Proxy-Connection", opt: Headers{"Proxy-Connection": "keep-alive"}, kind: ErrInvalidHeader},
		{name: "C060 Upgrade", opt: Headers{"Upgrade": "h2c"}, kind: ErrInvalidHeader},
		{name: "C060 TE", opt: Headers{"TE": "trailers"}, kind: ErrInvalidHeader},
		{name: "C060 Expect", opt: Headers{"Expect": "200-ok"}, kind: ErrInvalidHeader},
		{name: "C060 Keep-Alive", opt: Headers{"Keep-Alive": "timeout=5"}, kind: ErrInvalidHeader},
		{name: "C060 HTTP2-Settings", opt: Headers{"HTTP2-Settings": "AAMAAABk"}, kind: ErrInvalidHeader},
		{name: "C061 Host with CRLF", opt: Headers{"Host": "evil\r\nX: 1"}, kind: ErrInvalidHeader},
		{name: "C061 Host with a space", opt: Headers{"Host": "a b"}, kind: ErrInvalidHeader},
		{name: "C061 Host with a slash", opt: Headers{"Host": "a/b"}, kind: ErrInvalidHeader},
		{name: "C061 Host with an at", opt: Headers{"Host": "a@b"}, kind: ErrInvalidHeader},
		{name: "C061 Host with a question mark", opt: Headers{"Host": "a?b"}, kind: ErrInvalidHeader},
		{name: "C061 Host with a hash", opt: Headers{"Host": "a#b"}, kind: ErrInvalidHeader},
		{name: "C061 Host with a backslash", opt: Headers{"Host": `a\b`}, kind: ErrInvalidHeader},
		{name: "C061 empty Host", opt: Headers{"Host": ""}, kind: ErrInvalidHeader},
		{name: "C062 Host of two ports", opt: Headers{"Host": "evil:80:80"}, kind: ErrInvalidHeader},
		{name: "C062 two Hosts", opt: Headers{"Host": "a,b"}, kind: ErrInvalidHeader},
		{name: "C062 two Host fields", opt: Headers{"Host": []string{"a", "b"}}, kind: ErrInvalidHeader},
		{name: "C062 Host in Unicode", opt: Headers{"Host": "évil"}, kind: ErrInvalidHeader},
		{name: "C063 no User-Agent", opt: Headers{"User-Agent": nil}, field: "User-Agent", absent: true},
		{name: "C063 no Accept-Encoding", opt: Headers{"Accept-Encoding": nil}, field: "Accept-Encoding", absent: true},
		{name: "C063 no Accept", opt: Headers{"accept": nil}, field: "Accept", absent: true},
		{name: "C064 CRLF in the method", method: "GET\r\nX: 1", kind: ErrInvalidOption},
		{name: "C064 space in the method", method: "G ET", kind: ErrInvalidOption},
		{name: "C064 at in the method", method: "G@T", kind: ErrInvalidOption},
		{name: "C064 UTF-8 in the method", method: "É", kind: ErrInvalidOption},
		{name: "C064 NUL in the method", method: "GET\x00", kind: ErrInvalidOption},
		{name: "C064 empty method", method: " ", kind: ErrInvalidOption},
		{name: "C064 long method", method: strings.Repeat("A", 10_000), kind: ErrInvalidOption},
		{name: "C064 CONNECT", method: "CONNECT", kind: ErrInvalidOption},
		{name: "C064 PRI", method: "PRI", kind: ErrInvalidOption},
		{name: "C065 colon in the user name", opt: BasicAuth("user:x", "p"), kind: ErrInvalidOption},
		{name: "C065 CRLF in the password", opt: BasicAuth("user", "p\r\n"), kind: ErrInvalidOption},
		{name: "C065 UTF-8", opt: BasicAuth("é", "ü"), field: "Authorization", value: "Basic w6k6w7w="},
		{name: "C066 empty token", opt: BearerAuth(""), kind: ErrInvalidOption},
		{name: "C066 token with a space", opt: BearerAuth("a b"), kind: ErrInvalidOption},
		{name: "C066 token with CRLF", opt: BearerAuth("a\r\nX: 1"), kind: ErrInvalidOption},
		{name: "C067 User-Agent with CRLF", opt: Headers{"User-Agent": "a\r\nX: 1"}, kind: ErrInvalidHeader},
		{name: "time", opt: Headers{"If-Modified-Since": time.Date(2015, 10, 21, 9, 28, 0, 0, time.FixedZone("", 7200))},
			field: "If-Modified-Since", value: "Wed, 21 Oct 2015 07:28:00 GMT"},
		{name: "number", opt: Headers{"X-T": 42}, field: "X-T", value: "42"},
		{name: "value of another type", opt: Headers{"X-T": struct{}{}}, kind: ErrInvalidHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method := tt.method
			if method == "" {
				method = "GET"
			}
			_, err := s.Do(context.Background(), method, "http://h.test/", tt.opt)
			dials, heads := w.seen()
			if tt.kind != nil {
				checkRefused(t, err, tt.kind, dials)
				return
			}
			if err != nil || len(heads) != 1 {
				t.Fatalf("Do = %v, sent %q", err, heads)
			}
			value, there := field(heads[0], tt.field)
			if there == tt.absent || value != tt.value {
				t.Errorf("the field %s is %q (there: %v), want %q", tt.field, value, there, tt.value)
			}
		})
	}
}

// checkRefused holds err to be kind, with a text that is safe to log, before any dial.
func checkRefused(t *testing.T, err, kind error, dials []string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
	if len(dials) > 0 {
		t.Errorf("dialled %q", dials)
	}
	if err != nil && (hasControl(err.Error()) || len(err.Error()) > 2*fault.MaxText) {
		t.Errorf("the error text %.200q is not safe to log", err)
	}
	if err != nil && strings.Contains(err.Error(), "Injected") {
		t.Errorf("the error %q repeats the value", err)
	}
}

// The row C107 and A128: what is changed after preparing, or by a hook, is checked again.
func TestChangedHeadIsChecked(t *testing.T) {
	w := newHeadServer(t)
	for name, change := range map[string]func(*PreparedRequest){
		"framing field":         func(p *PreparedRequest) { p.Header.Set("Transfer-Encoding", "chunked") },
		"framing in small":      func(p *PreparedRequest) { p.Header["content-length"] = []string{"5"} },
		"value":                 func(p *PreparedRequest) { p.Header.Set("X-T", "a\r\nX: 1") },
		"name":                  func(p *PreparedRequest) { p.Header["X T"] = []string{"a"} },
		"host":                  func(p *PreparedRequest) { p.Header.Set("Host", "a b") },
		"two hosts":             func(p *PreparedRequest) { p.Header["Host"] = []string{"a.test", "b.test"} },
		"name in small letters": func(p *PreparedRequest) { p.Header["x-t"] = []string{"a"} },
	} {
		t.Run(name+" after preparing", func(t *testing.T) {
			s := w.session(t)
			p, err := s.Prepare(bg, NewRequest("GET", "http://h.test/"))
			if err != nil {
				t.Fatal(err)
			}
			change(p)
			_, err = s.Send(context.Background(), p)
			dials, _ := w.seen()
			checkRefused(t, err, ErrInvalidHeader, dials)
		})
		t.Run(name+" by a hook", func(t *testing.T) {
			s := w.session(t, OnRequest(func(_ context.Context, p *PreparedRequest) error { change(p); return nil }))
			_, err := s.Get(context.Background(), "http://h.test/")
			dials, _ := w.seen()
			checkRefused(t, err, ErrInvalidHeader, dials)
		})
		t.Run(name+" by an Auth", func(t *testing.T) {
			s := w.session(t)
			_, err := s.Get(context.Background(), "http://h.test/", AuthFunc(func(_ context.Context, p *PreparedRequest) error { change(p); return nil }))
			dials, _ := w.seen()
			checkRefused(t, err, ErrInvalidHeader, dials)
		})
	}
}

// A zero Session and one with its Headers taken away send what they should.
func TestDefaultHeaders(t *testing.T) {
	w := newHeadServer(t)
	zero := &Session{}
	adapter, err := w.session(t).Adapter("http://h.test/")
	require.NoError(t, err)
	zero.Mount("http://", adapter)
	deleted := w.session(t)
	deleted.Headers.Del("Accept")
	emptied := w.session(t)
	emptied.Headers = http.Header{}
	for _, tt := range []struct {
		name    string
		session *Session
		want    map[string]string
	}{
		{"zero", zero, map[string]string{"User-Agent": "go-requests/" + Version, "Accept": "*/*", "Accept-Encoding": acceptEncoding}},
		{"new", w.session(t), map[string]string{"User-Agent": "go-requests/" + Version, "Accept": "*/*", "Accept-Encoding": acceptEncoding}},
		{"one deleted", deleted, map[string]string{"User-Agent": "go-requests/" + Version, "Accept-Encoding": acceptEncoding}},
		{"emptied", emptied, map[string]string{}},
		{"one removed for good", w.session(t, Headers{"Accept": nil}), map[string]string{"User-Agent": "go-requests/" + Version, "Accept-Encoding": acceptEncoding}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.session.Get(context.Background(), "http://h.test/"); err != nil {
				t.Fatal(err)
			}
			_, heads := w.seen()
			req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(heads[0])))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding"} {
				if got := req.Header.Get(name); got != tt.want[name] {
					t.Errorf("%s is %q, want %q", name, got, tt.want[name])
				}
			}
			if len(req.Header) != len(tt.want) {
				t.Errorf("the fields are %v, want %v", req.Header, tt.want)
			}
		})
	}
	zero.Close()
}

// TestRemovedFields: a field that is not to be sent is not in the prepared Header
// at all, where an empty one would keep the body's type and the jar's cookies out.
func TestRemovedFields(t *testing.T) {
	s := NewSession(Headers{"X-A": "1", "X-B": nil, "Cookie": "own=1"}, TrustEnv(false))
	defer s.Close()
	s.Headers["X-C"] = []string{}
	require.NoError(t, s.Cookies.Set("jar", "1"))
	call := Headers{"x-a": nil, "X-D": []string{}, "Accept": nil, "Content-Type": nil, "Cookie": nil}
	p, err := s.Prepare(bg, NewRequest("POST", "http://h.test/", call, JSON(1)))
	require.NoError(t, err)
	require.Equal(t, http.Header{
		"User-Agent": {"go-requests/" + Version}, "Accept-Encoding": {acceptEncoding},
		"Content-Type": {"application/json"}, "Cookie": {"jar=1"},
	}, p.Header)
}

// FuzzHeaders puts any field and any method on the wire: what net/http reads
// from the other end is what was meant, or nothing is sent at all.
func FuzzHeaders(f *testing.F) {
	f.Add("GET", "X-A", "1")
	f.Add("get", "x-lower", "a\tb")
	f.Add("GET\r\nX: 1", "Content-Length", "5")
	f.Add("PURGE", "Host", "a b")
	f.Fuzz(func(t *testing.T, method, name, value string) {
		p, err := NewRequest(method, "http://h.test/", Headers{name: value}).Prepare(bg)
		if err != nil {
			return
		}
		hr, err := (&trip{Exchange: bridge.NewExchange(context.Background(), 0, nil)}).request(p)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := hr.Write(&b); err != nil {
			t.Fatalf("%q %q: %q is prepared and then refused: %v", method, name, value, err)
		}
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
		if err != nil {
			t.Fatalf("%q %q: %q arrives as %q, %v", method, name, value, b.String(), err)
		}
		key := http.CanonicalHeaderKey(name)
		want := strings.TrimRight(value, " \t")
		if seen := got.Header.Get(key); key != "Host" && key != "Connection" && seen != want {
			t.Errorf("the field %q: %q arrives as %q", name, value, seen)
		}
		if len(got.Header) > 1 || got.Method != strings.ToUpper(method) {
			t.Errorf("%q %q: %q arrives as %s with %v", method, name, value, got.Method, got.Header)
		}
	})
}

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
