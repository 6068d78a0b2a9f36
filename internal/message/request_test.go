package message

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/fault"
)

func TestAppendHead(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  Request
		want string
	}{
		{"GET", Request{Method: "GET", Target: "/a?b=c", Host: "a.test"}, "GET /a?b=c HTTP/1.1\r\nHost: a.test\r\n\r\n"},
		{"fields, sorted", Request{Method: "GET", Target: "/", Host: "a.test:81", Header: http.Header{"X-B": {"1", "2"}, "User-Agent": {"me"}, "Accept": {"*/*"}, "X-A": {""}}},
			"GET / HTTP/1.1\r\nHost: a.test:81\r\nUser-Agent: me\r\nAccept: */*\r\nX-A: \r\nX-B: 1\r\nX-B: 2\r\n\r\n"},
		{"no User-Agent", Request{Method: "GET", Target: "/", Header: http.Header{"User-Agent": {""}}}, "GET / HTTP/1.1\r\nHost: \r\n\r\n"},
		{"names as they are spelled", Request{Method: "GET", Target: "/", Host: "h", Header: http.Header{"x-lower": {"1"}, "SOAPAction": {"2"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nSOAPAction: 2\r\nx-lower: 1\r\n\r\n"},
		{"white space around values", Request{Method: "GET", Target: "/", Host: "h", Header: http.Header{"A": {" \tb c\t"}, "User-Agent": {" me "}}},
			"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nA: b c\r\n\r\n"},
		{"a length", Request{Method: "POST", Target: "/", Host: "h", Length: 12, Header: http.Header{"Content-Type": {"a/b"}}},
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nContent-Type: a/b\r\n\r\n"},
		{"a length with GET", Request{Method: "GET", Target: "/", Host: "h", Length: 12}, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n"},
		{"no length", Request{Method: "POST", Target: "/", Host: "h", Length: -1}, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"a trailer", Request{Method: "POST", Target: "/", Host: "h", Length: -1, Trailer: http.Header{"X-B": nil, "X-A": {"1"}}},
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-A,X-B\r\n\r\n"},
		{"what is said twice is sent once", Request{Method: "POST", Target: "/", Host: "h", Length: -1, Trailer: http.Header{"X-A": nil},
			Header: http.Header{"Host": {"h"}, "transfer-encoding": {"Chunked"}, "Trailer": {"x-a"}}},
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n"},
		{"a length that is said twice", Request{Method: "PUT", Target: "/", Host: "h", Length: 3, Header: http.Header{"Content-Length": {"3"}}},
			"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"},
		{"a length of zero that was asked for", Request{Method: "GET", Target: "/", Host: "h", Header: http.Header{"Content-Length": {"0"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"close", Request{Method: "GET", Target: "/", Host: "h", Close: true}, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
		{"close that is said twice", Request{Method: "GET", Target: "/", Host: "h", Close: true, Header: http.Header{"Connection": {"Close"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n"},
		{"close and an upgrade", Request{Method: "GET", Target: "/", Host: "h", Close: true, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"x"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"},
		{"absolute form", Request{Method: "GET", Target: "http://a.test/x", Host: "a.test"}, "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n"},
		{"authority form", Request{Method: "CONNECT", Target: "[::1]:443", Host: "[::1]:443"}, "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"},
		{"asterisk form", Request{Method: "OPTIONS", Target: "*", Host: "h"}, "OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.req.Check(); err != nil {
				t.Fatal(err)
			}
			if got := string(tt.req.AppendHead([]byte("before "))); got != "before "+tt.want {
				t.Errorf("the head is\n%q; want\n%q", got, "before "+tt.want)
			}
		})
	}
}

// This is what Requests sends for each method: all but GET and HEAD get a
// Content-Length of zero. Only we can send CONNECT, which has no content (RFC 9110,
// section 9.3.6).
func TestLengthOfNoBody(t *testing.T) {
	for method, want := range map[string]bool{
		"GET": false, "HEAD": false, "CONNECT": false,
		"POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true, "TRACE": true, "MKCOL": true, "PROPFIND": true, "get": true,
	} {
		req := Request{Method: method, Target: "/", Host: "h"}
		if got := bytes.Contains(req.AppendHead(nil), []byte("\r\nContent-Length: 0\r\n")); got != want {
			t.Errorf("%s: Content-Length is sent: %v; want %v", method, got, want)
		}
	}
}

// The head is the one that net/http sends for the same request, except for the
// length of an absent body and the spelling of a Trailer.
func TestAppendHeadLikeNetHTTP(t *testing.T) {
	header := http.Header{"User-Agent": {"me"}, "Accept": {"*/*"}, "X-B": {" 1", "2"}, "Cookie": {"a=b; c=d"}, "Connection": {"keep-alive"}, "Zz": {""}}
	for _, tt := range []struct {
		method string
		body   io.Reader
		length int64
		close  bool
	}{
		{"GET", nil, 0, false}, {"HEAD", nil, 0, true}, {"POST", strings.NewReader("body"), 4, false},
		{"POST", nil, 0, false}, {"PUT", strings.NewReader("body"), -1, true},
	} {
		u := &url.URL{Scheme: "http", Host: "a.test:81", Path: "/x", RawQuery: "y"}
		hr := &http.Request{Method: tt.method, URL: u, Host: u.Host, Header: header, ContentLength: tt.length, Close: tt.close}
		if tt.body != nil {
			hr.Body = io.NopCloser(tt.body)
		}
		var want bytes.Buffer
		if err := hr.Write(&want); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(want.String(), "\r\n\r\n")
		req := Request{Method: tt.method, Target: u.RequestURI(), Host: u.Host, Header: header, Length: tt.length, Close: tt.close}
		if got := string(req.AppendHead(nil)); got != head+"\r\n\r\n" {
			t.Errorf("the head is\n%q; want\n%q", got, head+"\r\n\r\n")
		}
	}
}

func TestCheck(t *testing.T) {
	header := func(name string, values ...string) Request {
		return Request{Method: "POST", Target: "/", Host: "a.test", Length: 4, Header: http.Header{name: values}}
	}
	for _, tt := range []struct {
		name string
		req  Request
		want error
		says string
	}{
		{"no method", Request{Target: "/"}, fault.InvalidOption, `""`},
		{"CRLF in the method", Request{Method: "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", Target: "/"}, fault.InvalidOption, "method"},
		{"a space in the method", Request{Method: "GET ", Target: "/"}, fault.InvalidOption, "method"},
		{"a letter in the method", Request{Method: "G\u00c9T", Target: "/"}, fault.InvalidOption, "method"},
		{"no target", Request{Method: "GET"}, fault.InvalidURL, "target"},
		{"a space in the target", Request{Method: "GET", Target: "/ HTTP/1.1"}, fault.InvalidURL, "target"},
		{"LF in the target", Request{Method: "GET", Target: "/\n"}, fault.InvalidURL, "target"},
		{"NUL in the target", Request{Method: "GET", Target: "/\x00"}, fault.InvalidURL, "target"},
		{"DEL in the target", Request{Method: "GET", Target: "/\x7f"}, fault.InvalidURL, "target"},
		{"a zone in the target", Request{Method: "GET", Target: "http://[fe80::1%25eth0]:81/x"}, fault.InvalidURL, "zone"},
		{"a zone behind userinfo", Request{Method: "GET", Target: "http://a@[fe80::1%eth0]?x"}, fault.InvalidURL, "zone"},
		{"a zone in an authority", Request{Method: "CONNECT", Target: "[fe80::1%eth0]:81"}, fault.InvalidURL, "zone"},
		{"CRLF in Host", Request{Method: "GET", Target: "/", Host: "a.test\r\nX: y"}, fault.InvalidHeader, "Host"},
		{"a path in Host", Request{Method: "GET", Target: "/", Host: "a.test/x"}, fault.InvalidHeader, "Host"},
		{"userinfo in Host", Request{Method: "GET", Target: "/", Host: "a@b.test"}, fault.InvalidHeader, "Host"},
		{"no ASCII in Host", Request{Method: "GET", Target: "/", Host: "\u00e4.test"}, fault.InvalidHeader, "Host"},
		{"a zone in Host", Request{Method: "GET", Target: "/", Host: "[fe80::1%eth0]:81"}, fault.InvalidHeader, "zone"},

		{"no name", header("", "x"), fault.InvalidHeader, `""`},
		{"a space in the name", header("X Y", "x"), fault.InvalidHeader, `"X"…`},
		{"a colon in the name", header("X:", "x"), fault.InvalidHeader, `"X"…`},
		{"CRLF in the name", header("X: y\r\nZ", "x"), fault.InvalidHeader, `"X"…`},
		{"a long name", header(strings.Repeat("x", 500)+" ", "x"), fault.InvalidHeader, "…"},
		{"a name without a value", header("X Y"), fault.InvalidHeader, `"X"…`},
		{"CRLF in a value", header("X-A", "ok", "SECRET\r\nX: y"), fault.InvalidHeader, `"X-A"`},
		{"LF in a value", header("X-A", "SECRET\n"), fault.InvalidHeader, `"X-A"`},
		{"CR in a value", header("X-A", "SECRET\r"), fault.InvalidHeader, `"X-A"`},
		{"NUL in a value", header("X-A", "SECRET\x00"), fault.InvalidHeader, `"X-A"`},
		{"ESC in a value", header("X-A", "SECRET\x1b"), fault.InvalidHeader, `"X-A"`},
		{"DEL in a value", header("X-A", "SECRET\x7f"), fault.InvalidHeader, `"X-A"`},

		{"another Host", header("Host", "b.test"), fault.InvalidHeader, `"Host"`},
		{"another host", header("host", "b.test"), fault.InvalidHeader, `"host"`},
		{"Host twice", header("Host", "a.test", "a.test"), fault.InvalidHeader, `"Host"`},
		{"another length", header("Content-Length", "5"), fault.InvalidHeader, `"Content-Length"`},
		{"another length in small letters", header("content-length", "5"), fault.InvalidHeader, `"content-length"`},
		{"a length that is none", header("Content-Length", "+4"), fault.InvalidHeader, `"Content-Length"`},
		{"lengths", header("Content-Length", "4", "4"), fault.InvalidHeader, `"Content-Length"`},
		{"a length of what has none", Request{Method: "POST", Target: "/", Length: -1, Header: http.Header{"Content-Length": {"-1"}}}, fault.InvalidHeader, `"Content-Length"`},
		{"a coding of what has a length", header("Transfer-Encoding", "chunked"), fault.InvalidHeader, `"Transfer-Encoding"`},
		{"a coding of no body", Request{Method: "POST", Target: "/", Header: http.Header{"Transfer-Encoding": {"chunked"}}}, fault.InvalidHeader, `"Transfer-Encoding"`},
		{"another coding", Request{Method: "POST", Target: "/", Length: -1, Header: http.Header{"Transfer-Encoding": {"gzip, chunked"}}}, fault.InvalidHeader, `"Transfer-Encoding"`},
		{"a trailer that is not there", Request{Method: "POST", Target: "/", Length: -1, Header: http.Header{"Trailer": {"X-A"}}}, fault.InvalidHeader, `"Trailer"`},

		{"a trailer that decides the length", Request{Method: "POST", Target: "/", Length: -1, Trailer: http.Header{"content-length": nil}}, fault.InvalidHeader, `"content-length"`},
		{"a trailer whose name is none", Request{Method: "POST", Target: "/", Length: -1, Trailer: http.Header{"X\r\nY": nil}}, fault.InvalidHeader, `"X"…`},
		{"a trailer with a control character", Request{Method: "POST", Target: "/", Length: -1, Trailer: http.Header{"X-A": {"SECRET\n"}}}, fault.InvalidHeader, `"X-A"`},

		{"", Request{Method: "M-SEARCH", Target: "*", Host: "239.255.255.250:1900"}, nil, ""},
		{"", Request{Method: "GET", Target: "http://a.test/x://[a%20b]", Host: ""}, nil, ""},
		{"", Request{Method: "GET", Target: "/://[a%20b]"}, nil, ""},
		{"", Request{Method: "GET", Target: "/caf\xc3\xa9", Host: "[fe80::1]:81"}, nil, ""},
		{"", header("X-A", "caf\xe9\t\"'`${}", ""), nil, ""},
		{"", header("Content-Length", " 4"), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.req.Check()
			if !errors.Is(err, tt.want) {
				t.Fatalf("Check() = %v; want %v", err, tt.want)
			}
			if err == nil {
				return
			}
			text := err.Error()
			if !strings.Contains(text, strings.ReplaceAll(tt.says, "\r\n", `\r\n`)) || strings.Contains(text, "SECRET") || len(text) > 200 {
				t.Errorf("Check() = %s; want it to say %s", text, tt.says)
			}
		})
	}
}

func TestRequestIsNotChanged(t *testing.T) {
	header := http.Header{"B": {" 1"}, "A": {"2"}, "Host": {"h"}}
	before := header.Clone()
	req := Request{Method: "POST", Target: "/", Host: "h", Header: header, Close: true}
	if err := req.Check(); err != nil {
		t.Fatal(err)
	}
	req.AppendHead(nil)
	for name, values := range before {
		if !slices.Equal(header[name], values) || len(header) != len(before) {
			t.Errorf("the header is %q; want %q", header, before)
		}
	}
}

func TestExpectsCloseAsksUpgrade(t *testing.T) {
	for _, tt := range []struct {
		req            Request
		close, upgrade bool
	}{
		{Request{}, false, false},
		{Request{Close: true}, true, false},
		{Request{Header: http.Header{"Connection": {"x", "y, CLOSE"}}}, true, false},
		{Request{Header: http.Header{"Connection": {"closed"}}}, false, false},
		{Request{Header: http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}}}, false, true},
		{Request{Header: http.Header{"Connection": {"Upgrade"}}}, false, false},
		{Request{Header: http.Header{"Upgrade": {"h2c"}}}, false, false},
	} {
		if got := tt.req.ExpectsClose(); got != tt.close {
			t.Errorf("%v: ExpectsClose() = %v", tt.req.Header, got)
		}
		if got := tt.req.AsksUpgrade(); got != tt.upgrade {
			t.Errorf("%v: AsksUpgrade() = %v", tt.req.Header, got)
		}
	}
}
