package requests

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/go-requests/requests/internal/fault"
)

const fieldSecret = "s3cr3t"

// badFields are responses, up to their end, that are refused for a field, or whose fields must not show.
var badFields = map[string]string{
	"control character":         "HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cr3t\x01\r\n\r\n",
	"DEL":                       "HTTP/1.1 200 OK\r\nX-A: s3cr3t\x7f\r\n\r\n",
	"NUL":                       "HTTP/1.1 200 OK\r\nX-A: s3cr3t\x00s3cr3t\r\n\r\n",
	"no colon":                  "HTTP/1.1 200 OK\r\nX-A s3cr3t\r\n\r\n",
	"no name":                   "HTTP/1.1 200 OK\r\n: s3cr3t\r\n\r\n",
	"space before the colon":    "HTTP/1.1 200 OK\r\nX-s3cr3t : s3cr3t\r\nContent-Length : s3cr3t\r\n\r\n",
	"blank before the first":    "HTTP/1.1 200 OK\r\n Set-Cookie: s3cr3t\r\n\r\n",
	"folded":                    "HTTP/1.1 200 OK\r\nX-A: 1\r\n s3cr3t\x01\r\n\r\n",
	"name with bytes":           "HTTP/1.1 200 OK\r\nX-s3cr3t\xff: s3cr3t\r\n\r\n",
	"Content-Length":            "HTTP/1.1 200 OK\r\nContent-Length: s3cr3t\r\n\r\n",
	"Content-Lengths":           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: s3cr3t\r\n\r\n",
	"Content-Length, negative":  "HTTP/1.1 200 OK\r\nContent-Length: -s3cr3t\r\n\r\n",
	"Transfer-Encoding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: s3cr3t\r\n\r\n",
	"Trailer":                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length, s3cr3t\r\n\r\n0\r\n\r\n",
	"Content-Encoding":          "HTTP/1.1 200 OK\r\nContent-Encoding: s3cr3t\r\nContent-Length: 2\r\n\r\nok",
	"Content-Encodings":         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, s3cr3t\r\nContent-Length: 2\r\n\r\nok",
	"Location":                  "HTTP/1.1 302 Found\r\nLocation: http://u:s3cr3t/x@h/?a=s3cr3t\r\nContent-Length: 0\r\n\r\n",
	"Location of no scheme":     "HTTP/1.1 302 Found\r\nLocation: s3cr3t://a.test/\x01s3cr3t\r\nContent-Length: 0\r\n\r\n",
	"status line":               "HTTP/1.1 s3cr3t\r\n\r\n",
	"status code":               "HTTP/1.1 2s3cr3t OK\r\n\r\n",
	"version":                   "HTTP/s3cr3t 200 OK\r\n\r\n",
	"no status line":            "Set-Cookie: s3cr3t\r\n\r\n",
	"chunk size":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cr3t\r\n",
	"chunk extension":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;s3cr3t\x01\nx\r\n",
	"trailer":                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: s3cr3t\x01\r\n\r\n",
	"trailer without its colon": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T s3cr3t\r\n\r\n",
	"103":                       "HTTP/1.1 103 Early Hints\r\nLink: s3cr3t\x01\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"103 without a colon":       "HTTP/1.1 103 Early Hints\r\nLink s3cr3t\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"cut within a field":        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cr3t",
	"too many":                  "HTTP/1.1 200 OK\r\n" + strings.Repeat("Set-Cookie: sid=s3cr3t\r\n", 2000) + "\r\n",
	"too long":                  "HTTP/1.1 200 OK\r\nSet-Cookie: sid=" + strings.Repeat("s3cr3t", 1<<18) + "\r\n\r\n",
	"Content-Range":             "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes s3cr3t\r\nContent-Length: 2\r\n\r\nok",
	"Content-Type":              "HTTP/1.1 200 OK\r\nContent-Type: s3cr3t; charset=s3cr3t\r\nContent-Length: 2\r\n\r\nok",
	"a coded body":              "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\ns3cr3t",
}

// TestFieldsInErrors: no error repeats what a server or a proxy wrote into a
// field, on whatever way it came.
func TestFieldsInErrors(t *testing.T) {
	ca := newIssuer(t, "ca")
	pair := tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	trust := TLS{CABundle: ca.bundle(t)}
	for name, text := range badFields {
		answer := text + andClose
		plain := newFaulty(t, answering(answer))
		encrypted := newTLS(t, &pair, answer)
		for way, get := range map[string]func() error{
			"direct":        func() error { return getAll(t, new(HTTPAdapter), plain.url()) },
			"PoolBlock":     func() error { return getAll(t, &HTTPAdapter{PoolBlock: true}, plain.url()) },
			"TLS":           func() error { return getAll(t, new(HTTPAdapter), encrypted.https(), trust) },
			"forward proxy": func() error { return getAll(t, new(HTTPAdapter), "http://h.test/", Proxies{"all": plain.url()}) },
			"encrypted proxy": func() error {
				return getAll(t, new(HTTPAdapter), "http://h.test/", Proxies{"all": encrypted.https()}, trust)
			},
			"CONNECT":      func() error { return getAll(t, new(HTTPAdapter), "https://h.test/", Proxies{"all": plain.url()}) },
			"RoundTripper": func() error { return getAll(t, RoundTripper(&http.Transport{}), plain.url()) },
			"retries":      func() error { return getAll(t, new(HTTPAdapter), plain.url(), Retry{Total: 1}) },
			"1xx": func() error {
				return getAll(t, new(HTTPAdapter), plain.url(), OnInformational(func(context.Context, int, http.Header) error { return nil }))
			},
			"stream": func() error {
				r, err := over(t, new(HTTPAdapter)).Get(bg, plain.url(), Stream(true), Timeout{Read: 5e9})
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
					r.Close()
				}
				return err
			},
			"Events": func() (err error) {
				for _, err = range over(t, new(HTTPAdapter)).Events(bg, plain.url(), Timeout{Total: 1e9}) {
					break
				}
				return err
			},
			"Download": func() error {
				_, err := over(t, new(HTTPAdapter)).Download(bg, plain.url(), t.TempDir()+"/f", Timeout{Read: 5e9})
				return err
			},
		} {
			err := get()
			if way == "RoundTripper" && errors.Is(err, ErrAdapter) {
				continue // what it says of itself is passed on
			}
			if text := AllTexts(err); strings.Contains(text, fieldSecret) {
				t.Errorf("%s, %s: %.400s", name, way, text)
			}
		}
	}
}

// getAll gets url and what can go wrong with the response.
func getAll(t *testing.T, a Adapter, url string, opts ...Option) error {
	s := NewSession()
	defer s.Close()
	s.Mount("http://", a)
	s.Mount("https://", a)
	r, err := s.Get(bg, url, append(opts, Timeout{Total: 5e9})...)
	if err != nil {
		return err
	}
	_, next := r.Next()
	return errors.Join(r.JSON(new(struct{})), next)
}

// TestFieldsInErrorsHTTP2 is TestFieldsInErrors for HTTP/2, which has its own rules for fields.
func TestFieldsInErrorsHTTP2(t *testing.T) {
	for name, fields := range map[string][]hpack.HeaderField{
		"value":             {{Name: ":status", Value: "200"}, {Name: "set-cookie", Value: "sid=s3cr3t\x01"}},
		"name":              {{Name: ":status", Value: "200"}, {Name: "s3cr3t\x01", Value: "1"}},
		"capitals":          {{Name: ":status", Value: "200"}, {Name: "Xs3cr3t", Value: "s3cr3t"}},
		"status":            {{Name: ":status", Value: "s3cr3t"}},
		"no status":         {{Name: "x", Value: "s3cr3t"}},
		"pseudo":            {{Name: ":status", Value: "200"}, {Name: ":s3cr3t", Value: "s3cr3t"}},
		"pseudo at the end": {{Name: "x", Value: "s3cr3t"}, {Name: ":status", Value: "200"}},
		"length":            {{Name: ":status", Value: "200"}, {Name: "content-length", Value: "s3cr3t"}},
		"coding":            {{Name: ":status", Value: "200"}, {Name: "content-encoding", Value: "s3cr3t"}},
		"103":               {{Name: ":status", Value: "103"}, {Name: "link", Value: "s3cr3t\x01"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFramed(t, func(f *framed, _ int32, stream uint32) bool {
				f.buf.Reset()
				for _, field := range fields {
					f.hpack.WriteField(field)
				}
				f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.buf.Bytes(), EndHeaders: true})
				f.WriteData(stream, true, []byte("ok"))
				return true
			})
			if text := AllTexts(getAll(t, h2c(), f.url(), Timeout{Read: 1e9})); strings.Contains(text, fieldSecret) {
				t.Errorf("the error is %s", text)
			}
		})
	}
	t.Run("GOAWAY", func(t *testing.T) {
		f := newFramed(t, func(f *framed, _ int32, stream uint32) bool {
			f.WriteGoAway(stream, http2.ErrCodeEnhanceYourCalm, []byte("token=s3cr3t"))
			return false
		})
		if text := AllTexts(getAll(t, h2c(), f.url())); strings.Contains(text, fieldSecret) {
			t.Errorf("the error is %s", text)
		}
	})
}

// TestArgumentsInErrors: what was meant to be two arguments is not repeated as one.
func TestArgumentsInErrors(t *testing.T) {
	s := new(Session)
	defer s.Close()
	for name, opt := range map[string]Option{
		"line as the name of a field": Headers{"Authorization: Bearer s3cr3t": ""},
		"name with a blank":           Headers{"X-Token s3cr3t": "1"},
		"value of a field":            Headers{"X-A": "s3cr3t\n"},
		"values of a field":           Headers{"X-A": []any{"s3cr3t", struct{ s string }{"s3cr3t"}}},
		"cookie":                      Cookies{"sid=s3cr3t": ""},
		"value of a cookie":           Cookies{"sid": "s3cr3t;"},
		"param":                       Params{"a": struct{ s string }{"s3cr3t"}},
		"form":                        Form{"a": map[string]string{"x": "s3cr3t"}},
		"JSON":                        JSON(map[string]any{"a": func() {}, "s3cr3t": 1}),
		"bearer":                      BearerAuth("s3cr3t\n"),
		"basic":                       BasicAuth("u:x", "s3cr3t"),
		"basic, name":                 BasicAuth("s3cr3t:x", "s3cr3t"),
		"query":                       RawQuery("token=s3cr3t\n"),
		"file":                        Files{{Field: "a\ns3cr3t", Name: "x", Reader: strings.NewReader("")}},
	} {
		_, err := s.Post(bg, "http://127.0.0.1:1/", opt, Timeout{Total: 1})
		if text := AllTexts(err); err == nil || strings.Contains(text, fieldSecret) {
			t.Errorf("%s: %s", name, text)
		}
	}
	for _, method := range []string{"https://u:s3cr3t@a.test/", "GET s3cr3t", "\ns3cr3t"} {
		if _, err := s.Do(bg, method, "http://a.test/"); err == nil || strings.Contains(AllTexts(err), fieldSecret) {
			t.Errorf("method %q: %s", method, AllTexts(err))
		}
	}
}

// AllTexts is what err says, and every error that can be found in it.
func AllTexts(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprintf("%v\n%+v\n%#v\n", err, err, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		text += AllTexts(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text += AllTexts(inner)
		}
	}
	return text
}

// hostile is text that forges a log line and drives a terminal.
const hostile = "\nlevel=ERROR msg=forged\x1b[2J\u202e"

// TestPeerText is A178 and A180: what an error repeats of the words of a peer
// is short and without control characters.
func TestPeerText(t *testing.T) {
	ca := newIssuer(t, "ca")
	trusted := TLS{CABundle: ca.bundle(t)}
	certificate := func(by *issuer, edit func(*x509.Certificate)) *faulty {
		return newTLS(t, &tls.Config{Certificates: []tls.Certificate{by.issue(t, edit)}}, okAnswer)
	}
	names := func(name string, n int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.DNSNames = make([]string, n)
			for i := range n {
				c.DNSNames[i] = name + strconv.Itoa(i) + ".test"
			}
		}
	}
	plain := func(answer string) *faulty { return newFaulty(t, answering(answer+andClose)) }
	forged, long := strings.ReplaceAll(hostile, "\u202e", ""), strings.Repeat("x", 64<<10)
	for _, tt := range []struct {
		name   string
		server *faulty
		url    string // "": that of the server
		opts   []Option
		want   error
		says   string // what is to be seen of the peer's words
	}{
		{"A178 a certificate of many names", certificate(ca, names("n", 5000)), "https://h.test/", []Option{trusted}, ErrTLS, ""},
		{"A178 a certificate of long names", certificate(ca, names(strings.Repeat("n", 5000), 50)), "https://h.test/", []Option{trusted}, ErrTLS, ""},
		{"A178 an issuer of a long name", certificate(newIssuer(t, long), nil), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 names of a certificate", certificate(ca, names(forged, 1)), "https://h.test/", []Option{trusted}, ErrTLS, `\nlevel=ERROR`},
		{"A180 an issuer", certificate(newIssuer(t, hostile), nil), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 a subject", certificate(newIssuer(t, "x"), func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: hostile} }), "https://localhost/", []Option{trusted}, ErrTLS, ""},
		{"A180 a status line", plain("HTTP/1.1 2" + forged + "\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a version", plain("HTTP\x1b[2J/9 200 OK\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a long status line", plain("HTTX" + long + "\r\n\r\n"), "", nil, ErrProtocol, "malformed response"},
		{"A180 a field", plain("HTTP/1.1 200 OK\r\nX\x1b[2J" + long[:5000] + ": 1\r\n\r\n"), "", nil, ErrProtocol, ""},
		{"A180 a reason", plain("HTTP/1.1 404 \x1b[2J" + long[:5000] + "\r\nContent-Length: 0\r\n\r\n"), "", []Option{RaiseForStatus(true)}, nil, "404 Client Error"},
		{"A180 a Location", plain("HTTP/1.1 302 Found\r\nLocation: gopher://x\u202e/\r\nContent-Length: 0\r\n\r\n"), "", nil, ErrInvalidURL, ""},
		{"A180 a coding", plain("HTTP/1.1 200 OK\r\nContent-Encoding: a\x1b[2J" + long[:5000] + "\r\nContent-Length: 2\r\n\r\nok"), "", nil, nil, ""},
		{"A180 a proxy", plain("HTTP/1.1 502 \x1b[2J" + long[:5000] + "\r\n\r\n"), "https://h.test/", nil, ErrProxy, "502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, opts := tt.url, tt.opts
			a := &HTTPAdapter{DialContext: to(tt.server.addr)}
			if url == "" {
				url = tt.server.url()
			}
			if tt.want == ErrProxy {
				opts = append(opts, Proxies{"https": tt.server.url()})
			}
			r, err := over(t, a, opts...).Get(bg, url)
			if err == nil {
				t.Fatalf("got %v and no error", r)
			}
			if tt.want != nil {
				isAll(t, err, tt.want)
			}
			text := err.Error()
			if i := strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
				t.Errorf("the error has a character that does not print: %q", text)
			}
			if len(text) > fault.MaxText+200 {
				t.Errorf("the error has %d bytes: %.100s", len(text), text)
			}
			if !strings.Contains(text, tt.says) {
				t.Errorf("the error %q does not have %q", text, tt.says)
			}
		})
	}
}

// TestFailedHandshakes is A176: a server whose certificate is refused, again
// and again, costs no goroutine, no connection and no memory that stays.
func TestFailedHandshakes(t *testing.T) {
	f := newTLS(t, &tls.Config{Certificates: []tls.Certificate{newIssuer(t, "other").issue(t, nil)}}, okAnswer)
	a := new(HTTPAdapter)
	s := over(t, a, TLS{CABundle: newIssuer(t, "ca").bundle(t)})
	fail := func(n int) {
		for range n {
			if _, err := s.Get(bg, f.https()); err == nil {
				t.Fatal("the certificate was accepted")
			}
		}
		if got := statsOf(a, noneOpen); got.Open != 0 || got.Waiting != 0 {
			t.Errorf("Stats() = %+v; want none open and nobody waiting", got)
		}
	}
	const attempts, few = 300, 5
	fail(50)
	goroutines, before := runtime.NumGoroutine(), heapInUse()
	fail(attempts)
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines+few && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the server's are about to end
	}
	if n := runtime.NumGoroutine(); n > goroutines+few {
		t.Errorf("%d goroutines after %d failed handshakes; there were %d", n, attempts, goroutines)
	}
	f.mu.Lock()
	clear(f.open) // the server's own ends, which it keeps until the test ends
	f.mu.Unlock()
	if grown := heapInUse() - before; grown > attempts*2<<10 {
		t.Errorf("the heap has grown by %d bytes for each failed handshake", grown/attempts)
	}
}

// heapInUse is what garbage collection leaves.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers let go of
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestInternationalHosts is A163: the name that is resolved, shown to the server
// and looked for in its certificate is one and the same, in ASCII.
func TestInternationalHosts(t *testing.T) {
	ca := newIssuer(t, "ca")
	for _, tt := range []struct{ host, ascii, certificate string }{
		{"bücher.test", "xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"BÜCHER.test", "xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"bücher.test", "xn--bcher-kva.test", "bucher.test"},
		{"bücher.test", "xn--bcher-kva.test", "b*.test"},
		{"\u212aelvin.test", "kelvin.test", "kelvin.test"}, // U+212A is lower-cased to k
		{"\uff45vil.test", "evil.test", "evil.test"},
		{"a\u3002test", "a.test", "a.test"}, // an ideographic full stop
	} {
		l := newTLSLog(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, func(c *x509.Certificate) {
			c.DNSNames = []string{tt.certificate}
		})}}, okAnswer)
		var dialled string
		dial := to(l.addr)
		s := over(t, &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled, _, _ = net.SplitHostPort(addr)
			return dial(ctx, network, addr)
		}}, TLS{CABundle: ca.bundle(t)})
		_, err := s.Get(bg, "https://"+tt.host+"/")
		if dialled != tt.ascii {
			t.Errorf("%+q: dialled %q; want %q", tt.host, dialled, tt.ascii)
		}
		if works := err == nil; works != (tt.ascii == tt.certificate) {
			t.Errorf("%+q: with a certificate for %s: error %v", tt.host, tt.certificate, err)
		}
		if err != nil {
			isAll(t, err, ErrTLS)
			continue
		}
		if states := l.seen(); len(states) != 1 || states[0].ServerName != tt.ascii {
			t.Errorf("%+q: the handshakes are %+v; want one for %s", tt.host, states, tt.ascii)
		}
	}
}
