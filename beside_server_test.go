package requests_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newBesideServer(t *testing.T, major int) *besideServer {
	f := &besideServer{major: major}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.served.Add(1); major == 2 {
			f.see(r)
		}
		beside(w, r)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.Config.DisableGeneralOptionsHandler = true // which answers OPTIONS * where nobody sees it
	if major == 2 {
		f.EnableHTTP2 = true
		f.StartTLS()
	} else {
		f.Listener = &besideListener{f.Listener, f}
		f.Start()
	}
	t.Cleanup(f.Close)
	return f
}

// see keeps a request of HTTP/2, of which there are no bytes to be seen.
func (f *besideServer) see(r *http.Request) {
	var lines []string
	for name, values := range r.Header {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	f.keep(r.Method+" "+r.RequestURI+" "+r.Proto+"\nHost: "+r.Host, lines, fmt.Sprint("length ", r.ContentLength, " trailer ", r.Trailer))
}

func (f *besideServer) keep(head string, lines []string, rest string) {
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "User-Agent: Go-http-client/") || strings.HasPrefix(line, "User-Agent: go-requests/") || line == "Accept: */*"
	})
	for i, line := range lines {
		if line == "Accept-Encoding: gzip" || line == "Accept-Encoding: gzip, deflate, br, zstd" {
			lines[i] = "Accept-Encoding: what the client decodes"
		}
	}
	slices.Sort(lines)
	text := head + "\n" + strings.Join(lines, "\n") + "\n" + rest
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, strings.ReplaceAll(text, f.Listener.Addr().String(), "SERVER"))
}

func (f *besideServer) take() []string {
	all := func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.seen) >= int(f.served.Load())
	}
	for end := time.Now().Add(10 * time.Second); !all() && time.Now().Before(end); {
		runtime.Gosched()
	}
	f.served.Store(0)
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

func (f *besideServer) transport(compress bool) *http.Transport {
	return &http.Transport{
		DisableCompression: !compress,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: f.major == 2, ExpectContinueTimeout: time.Second,
	}
}

// observe sends the request of c and tells what came of it.
func (f *besideServer) observe(t *testing.T, rt http.RoundTripper, c besideCase) string {
	t.Helper()
	client := &http.Client{Transport: rt}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), "GET", f.origin+"/path", nil)
	require.NoError(t, err)
	r.Method = c.method
	if c.do != "" {
		r.Header.Set("X-Do", c.do)
	}
	var interim []string
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			interim = append(interim, fmt.Sprint(code, h))
			return nil
		},
	}))
	if c.change != nil {
		c.change(r)
	}
	if c.client != nil {
		c.client(client)
	}
	body := &observedBody{ReadCloser: r.Body}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = body
	}
	given := fmt.Sprint(r.Method, r.URL, r.Header, r.Host, r.ContentLength, r.TransferEncoding, r.Close)
	res, err := client.Do(r)
	if longer := 4 * client.Timeout; err != nil && c.do == "silent body" && 0 < longer && longer < time.Minute {
		f.take() // on a busy machine the limit ran out before the body
		c.client = func(client *http.Client) { client.Timeout = longer }
		return f.observe(t, rt, c)
	}
	if cancel, ok := r.Context().Value(besideCancelKey{}).(context.CancelFunc); ok {
		time.AfterFunc(20*time.Millisecond, cancel)
	}
	require.Equal(t, given, fmt.Sprint(r.Method, r.URL, r.Header, r.Host, r.ContentLength, r.TransferEncoding, r.Close), "the request was changed")
	out := describe(res, err, r)
	if r.Body == body {
		require.Eventually(t, func() bool { return body.count() > 0 }, 5*time.Second, time.Millisecond, "the body was not closed")
	}
	client.CloseIdleConnections()
	seen := f.take()
	if c.do == "early" || strings.HasPrefix(c.do, "silent") {
		seen = nil // how much of it is seen depends on who is faster
	}
	return strings.Join(seen, "\n--\n") + "\n== " + fmt.Sprint(interim) + "\n" + strings.ReplaceAll(out, f.Listener.Addr().String(), "SERVER")
}

// An observedBody counts how often it is closed.
type observedBody struct {
	io.ReadCloser
	mu     sync.Mutex
	closed int
}

func (b *observedBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
	return b.ReadCloser.Close()
}

func (b *observedBody) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// describe tells of a response as a program can see it.
func describe(res *http.Response, err error, r *http.Request) string {
	if err != nil {
		return "error: " + kindOf(err)
	}
	defer res.Body.Close()
	before := fmt.Sprint(res.Trailer)
	b, readErr := io.ReadAll(res.Body)
	location, _ := res.Location()
	return fmt.Sprintf("%s %d %s %d.%d\n%v\nlength %d coding %v uncompressed %v close %v TLS %v\nof %s %s first %v\ntrailer %s then %v\nlocation %v\nbody %q error %s",
		res.Status, res.StatusCode, res.Proto, res.ProtoMajor, res.ProtoMinor, res.Header,
		res.ContentLength, res.TransferEncoding, res.Uncompressed, res.Close, res.TLS != nil,
		res.Request.Method, res.Request.URL, res.Request == r, before, res.Trailer, location, b, kindOf(readErr))
}

// kindOf is what programs ask of an error of net/http.
func kindOf(err error) string {
	if err == nil {
		return "none"
	}
	var out []string
	for name, target := range map[string]error{"canceled": context.Canceled, "deadline": context.DeadlineExceeded, "own": errOwn, "cut": io.ErrUnexpectedEOF} {
		if errors.Is(err, target) {
			out = append(out, name)
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		out = append(out, "timeout")
	}
	slices.Sort(out)
	return fmt.Sprint("some ", out)
}

// A besideListener keeps the requests of HTTP/1.1 as they come.
type besideListener struct {
	net.Listener
	f *besideServer
}

func (l *besideListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go l.f.read(pr)
	return &besideConn{c, pw}, nil
}

// A besideConn copies what is read from it.
type besideConn struct {
	net.Conn
	copy *io.PipeWriter
}

func (c *besideConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.copy.Write(p[:n])
	return n, err
}

func (c *besideConn) Close() error {
	c.copy.Close()
	return c.Conn.Close()
}

// read keeps the requests in what was copied: the head as it is, the body decoded.
func (f *besideServer) read(pr *io.PipeReader) {
	defer io.Copy(io.Discard, pr)
	var raw bytes.Buffer
	br := bufio.NewReader(pr)
	for {
		raw.Reset()
		for !bytes.HasSuffix(raw.Bytes(), []byte("\r\n\r\n")) {
			b, err := br.ReadByte()
			if err != nil {
				return
			}
			raw.WriteByte(b)
		}
		first, fields, _ := strings.Cut(strings.TrimSuffix(raw.String(), "\r\n\r\n"), "\r\n")
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(raw.Bytes()), &oneByte{br})))
		if err != nil {
			f.keep(first, strings.Split(fields, "\r\n"), "not a request: "+err.Error())
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		f.keep(first, strings.Split(fields, "\r\n"), fmt.Sprint("body of ", n, " trailer ", r.Trailer))
	}
}

// oneByte gives one byte at a time, so that nothing of the next request is read.
type oneByte struct{ io.Reader }

func (o *oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }
