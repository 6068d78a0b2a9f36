package requests

import (
	"bufio"
	"context"
	"errors"
	"net/http"
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
