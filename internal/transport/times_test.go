package transport

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A recorder records the calls of a trace. It leaves out those that net/http makes
// from goroutines of its own, in a random order.
type recorder struct {
	mu     sync.Mutex
	events []string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:              func(addr string) { r.add("GetConn %s", addr) },
		GotConn:              func(i httptrace.GotConnInfo) { r.add("GotConn %v %v", i.Reused, i.WasIdle) },
		PutIdleConn:          func(err error) { r.add("PutIdleConn %v", err == nil) },
		GotFirstResponseByte: func() { r.add("GotFirstResponseByte") },
		Got100Continue:       func() { r.add("Got100Continue") },
		Got1xxResponse:       func(code int, _ textproto.MIMEHeader) error { r.add("Got1xxResponse %d", code); return nil },
		DNSStart:             func(i httptrace.DNSStartInfo) { r.add("DNSStart %s", i.Host) },
		DNSDone:              func(i httptrace.DNSDoneInfo) { r.add("DNSDone %v", i.Err) },
		ConnectStart:         func(network, addr string) { r.add("ConnectStart %s", network) },
		ConnectDone:          func(network, addr string, err error) { r.add("ConnectDone %s %v", network, err) },
		TLSHandshakeStart:    func() { r.add("TLSHandshakeStart") },
		TLSHandshakeDone:     func(s tls.ConnectionState, err error) { r.add("TLSHandshakeDone %v %v", s.HandshakeComplete, err) },
		WroteHeaderField:     func(name string, values []string) { r.add("WroteHeaderField %s %v", name, values) },
		WroteHeaders:         func() { r.add("WroteHeaders") },
		Wait100Continue:      func() { r.add("Wait100Continue") },
		WroteRequest:         func(i httptrace.WroteRequestInfo) { r.add("WroteRequest %v", i.Err) },
	}
}

// sorted returns the events in an order that does not depend on goroutines.
func (r *recorder) sorted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.events))
}

// Traces get the same events as with net/http.
func TestTraceBesideNetHTTP(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/early" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, "ok")
	})
	for _, secure := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(handler)
		if secure {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		defer srv.Close()
		theirs := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true, ExpectContinueTimeout: time.Second}
		defer theirs.CloseIdleConnections()
		ours := newEngine(t, Config{})
		for _, tt := range []struct {
			name, path string
			body       int
			expect     bool
		}{
			{"first", "/", 0, false},
			{"second", "/", 0, false},
			{"early hints", "/early", 0, false},
			{"small body", "/", 10, false},
			{"large body", "/", 1 << 20, false},
			{"expect", "/", 1 << 20, true},
			{"close", "/close", 0, false},
			{"after close", "/", 0, false},
		} {
			header := http.Header{"User-Agent": {"x"}, "X-Field": {"y"}}
			if tt.expect {
				header["Expect"] = []string{"100-continue"}
			}
			var want, got recorder
			method := "GET"
			var body io.Reader
			if tt.body > 0 {
				method, body = "POST", bytes.NewReader(make([]byte, tt.body))
			}
			req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), want.trace()), method, srv.URL+tt.path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header
			res, err := theirs.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()

			call := newCall(t, method, srv.URL+tt.path)
			call.Header, call.Route = header, skipVerify
			call.Body.Bytes, call.Length = make([]byte, tt.body), int64(tt.body)
			r, err := ours.Do(httptrace.WithClientTrace(t.Context(), got.trace()), call)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, r.Body)

			same := func() bool { return slices.Equal(got.sorted(), want.sorted()) }
			for end := time.Now().Add(patience); !same() && time.Now().Before(end); { // net/http may be late
				time.Sleep(time.Millisecond)
			}
			if !same() {
				t.Errorf("%s, TLS %v: traced\n%s\nwant\n%s", tt.name, secure, strings.Join(got.sorted(), "\n"), strings.Join(want.sorted(), "\n"))
			}
		}
	}
}

// Times say where the time went. Each step takes a different time.
func TestTimes(t *testing.T) {
	p := &pipes{dial: time.Second, answer: func(*http.Request) (time.Duration, string) { return 2 * time.Second, okText }}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		for _, want := range []Times{{FirstByte: 3 * time.Second}, {FirstByte: 2 * time.Second, Reused: true}} {
			call := newCall(t, "GET", "http://a.test/")
			call.Times = new(Times)
			if text(t, e, call); *call.Times != want {
				t.Errorf("Times = %+v; want %+v", *call.Times, want)
			}
		}
	})
}

// If Dial uses the dialer of net, the times of its dial are known.
func TestTimesOfDial(t *testing.T) {
	srv := httptest.NewTLSServer(echo)
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	resolver := resolving(t, "a.test", "127.0.0.1")
	for name, c := range map[string]Config{
		"ours":   {Resolver: resolver},
		"theirs": {Dial: (&net.Dialer{Resolver: resolver}).DialContext},
	} {
		call := newCall(t, "GET", "https://a.test:"+port)
		call.Times, call.Route = new(Times), skipVerify
		if text(t, newEngine(t, c), call); call.Times.DNS <= 0 || call.Times.Connect <= 0 || call.Times.TLS <= 0 ||
			call.Times.FirstByte < call.Times.DNS+call.Times.Connect+call.Times.TLS {
			t.Errorf("%s: Times = %+v; want all of them", name, *call.Times)
		}
	}
}
