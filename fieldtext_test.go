package requests

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
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
