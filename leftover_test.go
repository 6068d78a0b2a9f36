package requests

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A segment can hold writes back, so that several TLS records reach the client
// at once.
type segment struct {
	net.Conn
	holds bool
	held  bytes.Buffer
}

func (s *segment) Write(b []byte) (int, error) {
	if s.holds {
		return s.held.Write(b)
	}
	return s.Conn.Write(b)
}

func (s *segment) flush() error {
	s.holds = false
	_, err := s.Conn.Write(s.held.Bytes())
	s.held.Reset()
	return err
}

// newChatty sends what answer gives for a request, each string a record of its
// own over TLS, all in one segment. A nil config means no TLS.
func newChatty(t *testing.T, config *tls.Config, answer func(r *http.Request) []string) *faulty {
	return newFaulty(t, func(f *faulty, c net.Conn) {
		s := &segment{Conn: c}
		var link net.Conn = s
		if config != nil {
			tc := tls.Server(s, config)
			if tc.Handshake() != nil {
				return
			}
			link = tc
		}
		br := bufio.NewReader(link)
		for {
			r := f.request(br)
			if r == nil {
				return
			}
			s.holds = true
			for _, record := range answer(r) {
				io.WriteString(link, record)
			}
			if s.flush() != nil {
				return
			}
		}
	})
}

// sized is a response whose body is n bytes and names the request.
func sized(r *http.Request, n int) string {
	body := r.Method + " " + r.URL.Path + strings.Repeat(" ", n)
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// TestLeftoverIsNoAnswer is about bytes behind a response, which must not become
// the answer to the next request (CVE-2026-48931), wherever they were buffered.
func TestLeftoverIsNoAnswer(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
	large := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nEVIL%8996s", "")
	ca := newIssuer(t, "ca")
	for _, way := range []struct {
		name   string
		config *tls.Config
	}{
		{"plain", nil},
		{"TLS 1.3", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, DynamicRecordSizingDisabled: true}},
		{"TLS 1.2", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, MaxVersion: tls.VersionTLS12}},
	} {
		for _, tt := range []struct {
			name, method string
			answer       func(r *http.Request) []string
		}{
			{"in a record of its own", "GET", func(r *http.Request) []string { return []string{sized(r, 0), evil} }},
			{"in the same record", "GET", func(r *http.Request) []string { return []string{sized(r, 0) + evil} }},
			{"behind 10 KB in the same record", "GET", func(r *http.Request) []string { return []string{sized(r, 10_000) + evil} }},
			{"behind 100 KB", "GET", func(r *http.Request) []string { return []string{sized(r, 100_000), evil} }},
			{"larger than a buffer", "GET", func(r *http.Request) []string { return []string{sized(r, 0), large} }},
			{"a single byte", "GET", func(r *http.Request) []string { return []string{sized(r, 0), "\n"} }},
			{"behind a chunked body", "GET", func(r *http.Request) []string {
				return []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len("GET "+r.URL.Path), "GET "+r.URL.Path), evil}
			}},
			{"behind a 204", "GET", func(*http.Request) []string { return []string{"HTTP/1.1 204 No Content\r\n\r\n", evil} }},
			{"as the body of a 304", "GET", func(*http.Request) []string {
				return []string{"HTTP/1.1 304 Not Modified\r\nContent-Length: 41\r\n\r\n", evil}
			}},
			{"as the body of a HEAD", "HEAD", func(*http.Request) []string { return []string{"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + evil} }},
			{"behind a POST", "POST", func(r *http.Request) []string { return []string{sized(r, 0), evil} }},
		} {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				f := newChatty(t, way.config, tt.answer)
				a := &HTTPAdapter{DisableHTTP2: true}
				s := over(t, a, TLS{SkipVerify: way.config != nil})
				url := f.url()
				if way.config != nil {
					url = f.https()
				}
				for i := range 5 {
					path := fmt.Sprint("/", i)
					r, err := s.Do(bg, tt.method, url+path)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(r.Text(), "EVIL") || r.Text() != "" && !strings.HasPrefix(r.Text(), tt.method+" "+path) {
						t.Fatalf("%s %s = %.20q, which is the answer to another request", tt.method, path, r.Text())
					}
				}
				if got := a.Stats().Reused; got != 0 {
					t.Errorf("%d requests went out on a connection with a leftover", got)
				}
			})
		}
	}
}
