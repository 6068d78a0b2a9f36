package conformance

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// These scripted servers record every byte that they receive. They use bare
// connections, because they send what no server of net/http would send.

// A loggedRequest is a request as a server received it.
type loggedRequest struct {
	seenMessage
	on      string // the origin: base, base2 or tls
	target  string
	framing string // none, length or chunked
	conn    int    // in the order of accepting
	cut     bool   // the connection ended within the body
}

// A cannedResponse is one response of the script, ready to be sent.
type cannedResponse struct {
	serverSpec
	head   []byte   // status line and fields, without the empty line
	pieces [][]byte // of the body, or of "raw"
	length int
}

// origins are the servers of one case: listeners that share a script and a log.
type origins struct {
	net       network
	script    []cannedResponse                              // complete before the first request
	hostmap   func(addr string) (origin string, known bool) // finds the target of CONNECT
	listeners map[string]net.Listener
	stop      chan struct{} // closed to end all waits
	wg        sync.WaitGroup

	mu       sync.Mutex
	used     map[int]bool // indices into script
	wire     []loggedRequest
	open     map[net.Conn]bool
	conns    int
	problems []string
}

// startOrigins starts the servers in n. config is that of tls.
func startOrigins(n network, config *tls.Config) (*origins, error) {
	o := &origins{
		net: n, listeners: make(map[string]net.Listener), stop: make(chan struct{}),
		used: make(map[int]bool), open: make(map[net.Conn]bool),
	}
	for _, name := range []string{"base", "base2", "tls"} {
		l, err := n.listen()
		if err != nil {
			o.end()
			return nil, err
		}
		o.listeners[name] = l
		o.wg.Go(func() { o.accept(name, l, config) })
	}
	return o, nil
}

// addr returns the address of an origin, or "" if no origin has this name.
func (o *origins) addr(name string) string {
	if l := o.listeners[name]; l != nil {
		return l.Addr().String()
	}
	return ""
}

func (o *origins) accept(name string, l net.Listener, config *tls.Config) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		id := o.conns
		o.conns++
		o.open[nc] = true
		o.mu.Unlock()
		o.wg.Go(func() {
			s := &originConn{o: o, on: name, id: id, tcp: nc, conn: nc}
			if name == "tls" {
				s.conn = tls.Server(nc, config)
			}
			s.serve()
			s.conn.Close()
			o.mu.Lock()
			delete(o.open, nc)
			o.mu.Unlock()
		})
	}
}

// end stops the servers. The clients have gone by then; what is left on their
// connections is read first, so that the log is complete.
func (o *origins) end() {
	for _, l := range o.listeners {
		l.Close()
	}
	done := make(chan struct{})
	go func() { o.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(250 * time.Millisecond):
	}
	close(o.stop)
	o.mu.Lock()
	for nc := range o.open {
		nc.Close()
	}
	o.mu.Unlock()
	<-done
}

// log returns the requests received, their connections numbered by first use.
func (o *origins) log() []loggedRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	numbers := make(map[int]int)
	wire := slices.Clone(o.wire)
	for i := range wire {
		if _, ok := numbers[wire[i].conn]; !ok {
			numbers[wire[i].conn] = len(numbers)
		}
		wire[i].conn = numbers[wire[i].conn]
	}
	return wire
}

// An originConn is one connection of a server.
type originConn struct {
	o     *origins
	on    string
	id    int
	tcp   net.Conn
	conn  net.Conn // tcp, or TLS over it
	in    *bufio.Reader
	count int
}

func (s *originConn) serve() {
	s.in = bufio.NewReader(s.conn)
	for {
		first, err := s.in.Peek(1)
		if err != nil {
			return
		}
		if first[0] < 'A' || first[0] > 'z' { // not HTTP, for instance a TLS handshake
			io.WriteString(s.conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return
		}
		req, err := s.read()
		if err != nil {
			return
		}
		s.count++
		if c := s.o.take(req); req.cut || !s.respond(req, c) {
			return
		}
	}
}

// read reads one request, and marks one whose body is cut short.
func (s *originConn) read() (loggedRequest, error) {
	req := loggedRequest{on: s.on, conn: s.id, framing: "none"}
	line, err := s.line()
	if err != nil {
		return req, err
	}
	req.method, req.target, _ = strings.Cut(line, " ")
	req.target = req.target[:max(strings.LastIndexByte(req.target, ' '), 0)]
	for {
		if line, err = s.line(); err != nil {
			return req, err
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		req.headers = append(req.headers, [2]string{name, strings.Trim(value, " \t")})
	}
	length, hasLength := req.header("Content-Length")
	coding, _ := req.header("Transfer-Encoding")
	switch {
	case strings.EqualFold(coding, "chunked"):
		req.framing = "chunked"
		req.body, err = s.chunks()
	case hasLength:
		req.framing = "length"
		var n int64
		if n, err = strconv.ParseInt(length, 10, 64); err == nil {
			req.body, err = io.ReadAll(io.LimitReader(s.in, n))
			if int64(len(req.body)) < n {
				err = io.ErrUnexpectedEOF
			}
		}
	}
	if req.cut = err != nil; req.body == nil {
		req.body = []byte{} // on the wire, no body and an empty one are the same
	}
	return req, nil
}

func (s *originConn) line() (string, error) {
	line, err := s.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (s *originConn) chunks() ([]byte, error) {
	var body bytes.Buffer
	for {
		line, err := s.line()
		if err != nil {
			return body.Bytes(), err
		}
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return body.Bytes(), err
		}
		if n == 0 {
			break
		}
		if _, err = io.CopyN(&body, s.in, n); err == nil {
			_, err = s.line()
		}
		if err != nil {
			return body.Bytes(), err
		}
	}
	for {
		line, err := s.line()
		if err != nil || line == "" {
			return body.Bytes(), err
		}
	}
}

// take logs a request and returns the response that the script has for it.
func (o *origins) take(req loggedRequest) *cannedResponse {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wire = append(o.wire, req)
	path := req.target
	if _, rest, ok := strings.Cut(path, "://"); ok && !strings.HasPrefix(path, "/") { // absolute-form
		path = "/"
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			path = rest[i:]
		}
	}
	path, _, _ = strings.Cut(path, "?")
	for i := range o.script {
		c := &o.script[i]
		if o.used[i] || c.On != "" && c.On != req.on || c.Path != "" && c.Path != path ||
			c.Method != "" && c.Method != req.method || req.method == "CONNECT" && c.Method == "" {
			continue
		}
		o.used[i] = !c.Repeat
		return c
	}
	if req.method == "CONNECT" {
		return nil
	}
	o.problems = append(o.problems, fmt.Sprintf("the script has no answer to %s %s on %s", req.method, req.target, req.on))
	return &cannedResponse{head: []byte("HTTP/1.1 588 Unscripted\r\nContent-Length: 0\r\n"), serverSpec: serverSpec{EndConnection: true}}
}

// wait waits, and returns false if the case is over.
func (s *originConn) wait(ms int) bool {
	if ms == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.o.stop:
		return false
	}
}

// respond answers req, and reports whether the connection stays open.
func (s *originConn) respond(req loggedRequest, c *cannedResponse) bool {
	if c == nil {
		s.tunnel(req.target)
		return false
	}
	if !s.wait(c.DelayMs) {
		return false
	}
	switch {
	case c.Action != "" && s.count > 1:
		// a client may repeat a request whose reused connection ends; the format rules such cases out
		s.o.problem("the script closes a reused connection")
		return false
	case c.Action == "reset":
		if tcp, ok := s.tcp.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		s.tcp.Close()
		return false
	case c.Action != "":
		return false
	case c.Raw != nil:
		s.send(c, -1, "")
		return false
	}
	for _, status := range c.Interim {
		fmt.Fprintf(s.conn, "HTTP/1.1 %d Interim\r\n\r\n", status)
	}
	s.conn.Write(append(slices.Clip(c.head), "\r\n"...))
	limit := -1
	if c.CloseAfterBytes != nil {
		limit = *c.CloseAfterBytes
	}
	if !c.bodiless() && req.method != "HEAD" && !s.send(c, limit, c.Framing) {
		return false
	}
	return c.keeps() && !req.wantsClose()
}

// send writes the pieces, up to limit bytes, and reports whether all were written.
func (s *originConn) send(c *cannedResponse, limit int, framing string) bool {
	for i, p := range c.pieces {
		if i > 0 && !s.wait(c.ChunkDelayMs) {
			return false
		}
		if limit >= 0 {
			p = p[:min(len(p), limit)]
			limit -= len(p)
		}
		if len(p) > 0 {
			if framing == "chunked" {
				p = fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p)
			}
			if _, err := s.conn.Write(p); err != nil {
				return false
			}
		}
		if limit == 0 {
			return false
		}
	}
	if framing == "chunked" {
		io.WriteString(s.conn, "0\r\n\r\n")
	}
	return true
}

func (o *origins) problem(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problems = append(o.problems, text)
}

// tunnel connects the client with the target of a CONNECT.
func (s *originConn) tunnel(target string) {
	addr := ""
	for _, l := range s.o.listeners {
		_, p, _ := net.SplitHostPort(target)
		if _, own, _ := net.SplitHostPort(l.Addr().String()); p == own {
			addr = l.Addr().String()
		}
	}
	if name, ok := s.o.hostmap(target); addr == "" && ok {
		addr = s.o.addr(name)
	}
	up, err := s.o.net.dial(context.Background(), addr)
	if err != nil {
		io.WriteString(s.conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.WriteString(s.conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	s.o.mu.Lock()
	s.o.open[up] = true
	s.o.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() { io.Copy(s.conn, up); s.conn.Close() })
	io.Copy(up, s.in)
	up.Close()
	back.Wait()
	s.o.mu.Lock()
	delete(s.o.open, up)
	s.o.mu.Unlock()
}

// wantsClose reports whether the client will not use the connection again.
func (r *loggedRequest) wantsClose() bool {
	v, _ := r.header("Connection")
	return strings.EqualFold(v, "close")
}

// newCannedResponse makes a response from its description in the script.
func newCannedResponse(spec serverSpec, fill func(string) string) (cannedResponse, error) {
	c := cannedResponse{serverSpec: spec}
	var fault error
	text := func(v []byte, err error) []byte {
		fault = cmp.Or(fault, err)
		return v
	}
	pieces := spec.Chunks
	if pieces == nil {
		pieces = append(pieces, spec.Body)
	}
	if spec.Raw != nil {
		pieces = []json.RawMessage{spec.Raw}
		if spec.Raw[0] == '[' {
			fault = decodeStrict(spec.Raw, &pieces)
		}
	}
	for _, p := range pieces {
		b := text(corpusBytes(p, fill))
		c.pieces = append(c.pieces, b)
		c.length += len(b)
	}
	reason := []byte("OK")
	if spec.Reason != nil {
		reason = text(corpusBytes(spec.Reason, fill))
	}
	minor := 1
	if spec.HTTP10 {
		minor = 0
	}
	c.head = fmt.Appendf(nil, "HTTP/1.%d %d %s\r\n", minor, c.status(), reason)
	listed := make(map[string]bool)
	for _, h := range spec.Headers {
		if len(h) != 2 {
			return c, fmt.Errorf("%s is no header", h)
		}
		name := text(corpusBytes(h[0], fill))
		c.head = fmt.Appendf(c.head, "%s: %s\r\n", name, text(corpusBytes(h[1], fill)))
		listed[strings.ToLower(string(name))] = true
	}
	c.addFraming(listed)
	return c, fault
}

func (c *cannedResponse) status() int {
	if c.Status == nil {
		return 200
	}
	return *c.Status
}

func (c *cannedResponse) addFraming(listed map[string]bool) {
	add := func(field string) { c.head = append(append(c.head, field...), "\r\n"...) }
	if !listed["content-type"] && !c.NoDefaultType && !c.bodiless() {
		add("Content-Type: text/plain; charset=utf-8")
	}
	switch {
	case c.Framing == "chunked" && !c.bodiless():
		add("Transfer-Encoding: chunked")
	case c.HTTP10:
	case c.Framing == "close":
		if !listed["connection"] {
			add("Connection: close")
		}
	case !c.bodiless() && !listed["content-length"]:
		n := c.length
		if c.DeclareLength != nil {
			n = *c.DeclareLength
		}
		add("Content-Length: " + strconv.Itoa(n))
	}
	if c.EndConnection {
		add("Connection: close")
	}
}

// bodiless reports whether responses with the status never have a body.
func (c *cannedResponse) bodiless() bool {
	return c.status() == 204 || c.status() == 304 || c.status() < 200
}

// keeps reports whether the server leaves the connection open.
func (c *cannedResponse) keeps() bool {
	closes := c.Framing == "close" || c.HTTP10 || c.EndConnection || c.DeclareLength != nil ||
		bytes.Contains(bytes.ToLower(c.head), []byte("\r\nconnection: close\r\n"))
	return !closes
}
