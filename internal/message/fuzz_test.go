package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-requests/requests/internal/fault"
)

// reading is the result of reading a stream of bytes.
type reading struct {
	res      Response
	body     string
	trailer  http.Header
	left     int // bytes after the response
	reusable bool
	err      error
}

// read reads the final response to req, and its body in reads of room bytes.
func read(src io.Reader, req *Request, room int) (g reading) {
	r := NewReader(src)
	for {
		if g.res, g.err = r.Head(req); g.err != nil {
			return g
		}
		if !g.res.Interim() {
			break
		}
	}
	if g.res.Framing == Tunnel {
		return g
	}
	var body []byte
	for p := make([]byte, room); g.err == nil; {
		var n int
		n, g.err = r.Read(p)
		body = append(body, p[:n]...)
	}
	if g.err == io.EOF {
		g.err = nil
	}
	rest, _ := io.ReadAll(src)
	g.body, g.trailer, g.left, g.reusable = string(body), r.Trailer(), r.Buffered()+len(rest), r.Reusable()
	return g
}

// readByNetHTTP does the same with net/http. It skips 1xx responses as its
// Transport does.
func readByNetHTTP(text, method string) (res *http.Response, body string, left int, err error) {
	br := bufio.NewReader(strings.NewReader(text))
	for {
		res, err = http.ReadResponse(br, &http.Request{Method: method})
		if err != nil || res.StatusCode < 100 || res.StatusCode > 199 || res.StatusCode == 101 {
			break
		}
	}
	if err != nil {
		return nil, "", 0, err
	}
	b, err := io.ReadAll(res.Body)
	rest, _ := io.ReadAll(br)
	return res, string(b), len(rest), err
}

// FuzzReader reads the same bytes with net/http. What net/http refuses must be
// refused, and what is accepted must be the same response with the same length.
func FuzzReader(f *testing.F) {
	const most = 16 << 10
	for _, tt := range responseCases {
		if len(tt.sent) <= most {
			f.Add(tt.sent, tt.method)
		}
	}
	f.Fuzz(func(t *testing.T, text, method string) {
		if method == http.MethodConnect || !IsToken(method) {
			method = http.MethodGet
		}
		if len(text) > most {
			return
		}
		req := &Request{Method: method}
		got := readings(t, text, req)
		if got.err != nil {
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > 'z' }) {
				if len(word) > 12 && strings.Contains(got.err.Error(), word) && !IsToken(word) {
					t.Errorf("the error %q quotes %q", got.err, word)
				}
			}
			return
		}
		compareWithNetHTTP(t, text, method, got, endsWithDoubt(&got.res))
	})
}

// compareWithNetHTTP fails unless an accepted response is the same for net/http.
// stricter says that the results must differ: it is refused, or ends the
// connection.
func compareWithNetHTTP(t *testing.T, text, method string, got reading, stricter bool) {
	t.Helper()
	want, body, left, err := readByNetHTTP(text, method)
	switch {
	case got.err != nil && (err == nil) != stricter:
		t.Errorf("%.80q is refused; net/http has the error %v", text, err)
		return
	case got.err != nil:
		return
	case err != nil:
		t.Fatalf("%.80q is accepted, where net/http has the error %v", text, err)
	}
	if got.res.StatusCode != want.StatusCode || got.res.Status != want.Status || got.res.Minor != want.ProtoMinor {
		t.Errorf("%q is %q of HTTP/1.%d; want %q of HTTP/1.%d", text, got.res.Status, got.res.Minor, want.Status, want.ProtoMinor)
	}
	if got.body != body {
		t.Errorf("%q has the body %q; want %q", text, got.body, body)
	}
	if left != got.left {
		t.Errorf("%q has %d bytes behind the response; want %d", text, got.left, left)
	}
	if got.res.Close != (want.Close || stricter) {
		t.Errorf("%q has Close %v; net/http has %v", text, got.res.Close, want.Close)
	}
	compareHeaders(t, text, got.res.Header, want)
	for name, values := range want.Trailer {
		if len(values) > 0 && !isFraming(name) && !slices.Equal(values, got.trailer[name]) {
			t.Errorf("%q has the trailer %q: %q; want %q", text, name, got.trailer[name], values)
		}
	}
}

// endsWithDoubt returns why a response ends the connection here and not for
// net/http: two statements about its length, or a body with 204.
func endsWithDoubt(r *Response) bool {
	_, coded := r.Header["Transfer-Encoding"]
	length := r.Header.Get("Content-Length")
	return coded && (length != "" || r.Minor == 0 || r.StatusCode == 204) || r.StatusCode == 204 && strings.Trim(length, "0") != ""
}

// readings reads text as it arrives, byte by byte, and with the end together with
// the last byte, in small and large reads. All results must be the same.
func readings(t *testing.T, text string, req *Request) reading {
	t.Helper()
	got := read(strings.NewReader(text), req, 512)
	for _, room := range []int{100, minInPlace} {
		compareReadings(t, got, read(strings.NewReader(text), req, room))
		compareReadings(t, got, read(iotest.OneByteReader(strings.NewReader(text)), req, room))
		compareReadings(t, got, read(iotest.HalfReader(strings.NewReader(text)), req, room))
		compareReadings(t, got, read(iotest.DataErrReader(strings.NewReader(text)), req, room))
	}
	return got
}

func compareReadings(t *testing.T, a, b reading) {
	t.Helper()
	a.reusable, b.reusable = false, false // this depends on when the end is seen
	if (a.err == nil) != (b.err == nil) || errors.Is(a.err, fault.Protocol) != errors.Is(b.err, fault.Protocol) {
		t.Errorf("the errors differ: %v, %v", a.err, b.err)
	}
	if a.err != nil {
		return
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the readings differ:\n%+v\n%+v", a, b)
	}
}

// compareHeaders undoes what net/http does to fields: it removes those of the
// framing, and makes a Cache-Control from Pragma.
func compareHeaders(t *testing.T, text string, got http.Header, want *http.Response) {
	t.Helper()
	got = got.Clone()
	edited := want.Header.Clone()
	for _, h := range []http.Header{got, edited} {
		for _, name := range []string{"Transfer-Encoding", "Content-Length", "Trailer", "Connection"} {
			delete(h, name)
		}
	}
	if _, sent := got["Cache-Control"]; !sent && got.Get("Pragma") == "no-cache" {
		delete(edited, "Cache-Control")
	}
	for _, values := range edited { // net/http leaves a space for an empty fold
		for i, v := range values {
			values[i] = trim(v)
		}
	}
	if !maps.EqualFunc(got, edited, slices.Equal[[]string]) {
		t.Errorf("%q has the fields %q; want %q", text, got, edited)
	}
}

// FuzzRequest lets net/http read what is written: it must be the same request, and
// no second one.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/", "a.test", "Accept", "*/*", "", false, int64(0))
	f.Add("POST", "/a?b=c", "a.test:81", "X-A", "b c", "body", false, int64(4))
	f.Add("PUT", "http://a.test/", "[::1]:80", "Content-Length", "3", "body", true, int64(-1))
	f.Add("GET", "/ HTTP/1.1\r\nX: y\r\n\r\n", "a.test", "X", "y\r\nZ: 1", "", false, int64(0))
	f.Add("DELETE", "*", "", "Host", "a.test", "", true, int64(1))
	f.Add("OPTIONS", "/", "a@b", "transfer-encoding", "chunked", "x", false, int64(-1))
	f.Add("POST", "/", "a.test", "X-Sum", "\tabc ", strings.Repeat("x", 40<<10), true, int64(-2))
	f.Fuzz(func(t *testing.T, method, target, host, name, value, body string, closes bool, length int64) {
		req := &Request{Method: method, Target: target, Host: host, Header: http.Header{name: {value}}, Close: closes, Length: length}
		if length < -1 {
			req.Trailer, req.Header = req.Header, nil
		}
		if req.Check() != nil || method == http.MethodConnect {
			return
		}
		var sent bytes.Buffer
		sent.Write(req.AppendHead(nil))
		if err := req.WriteBody(&sent, strings.NewReader(body)); err != nil {
			return // the request is not complete, and the connection is closed
		}
		br := bufio.NewReader(&sent)
		got, err := http.ReadRequest(br)
		if err != nil {
			if strings.ContainsAny(target, "%:") || !strings.HasPrefix(target, "/") || equalFold(name, "Host") || host == "" {
				return // net/http does not accept the target as a URL
			}
			t.Fatalf("%q: %v", req.AppendHead(nil), err)
		}
		if got.Method != method || got.RequestURI != target {
			t.Errorf("it is read as %q %q; want %q %q", got.Method, got.RequestURI, method, target)
		}
		b, err := io.ReadAll(got.Body)
		if err != nil || string(b) != body {
			t.Errorf("the body is read as %q, error %v; want %q", b, err, body)
		}
		if rest, _ := io.ReadAll(br); len(rest) > 0 {
			t.Errorf("a second request is read: %q", rest)
		}
		if got.Close != req.ExpectsClose() && name != "Connection" {
			t.Errorf("Close is read as %v; want %v", got.Close, req.ExpectsClose())
		}
		key := http.CanonicalHeaderKey(name)
		fields := got.Header
		if req.Trailer != nil {
			fields = got.Trailer
		}
		if !isOwn(key) && key != "Connection" && !slices.Equal(fields[key], []string{trim(value)}) {
			t.Errorf("the field %q is read as %q; want %q", name, fields[key], value)
		}
	})
}
