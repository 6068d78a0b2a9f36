package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	wire2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A peer2 is the server's end of a connection of HTTP/2, frame by frame.
type peer2 struct {
	*wire2.Framer
	net.Conn
	number int

	seen atomic.Int64  // HEADERS
	open chan struct{} // closed when the SETTINGS are written

	mu  sync.Mutex
	hp  *hpack.Encoder
	buf bytes.Buffer
}

// A frameServer serves HTTP/2 over net.Pipe, which works in bubbles too.
type frameServer struct {
	settings []wire2.Setting
	hold     chan struct{} // until it is closed, no SETTINGS are sent; nil: none is to be waited for
	deaf     bool          // pings are not answered
	plain    atomic.Bool   // HTTP/1.1 is what ALPN gives
	tls      bool
	// serve gets each HEADERS frame, until it returns false, which ends the connection.
	serve func(p *peer2, stream uint32) bool
	// data gets each DATA frame; nil ignores them.
	data func(p *peer2, f *wire2.DataFrame)
	// wrap wraps the client's end.
	wrap func(net.Conn) net.Conn

	mu    sync.Mutex
	peers []*peer2
	tasks sync.WaitGroup
}

func (s *frameServer) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p := &peer2{Conn: server, open: make(chan struct{})}
	s.mu.Lock()
	s.peers = append(s.peers, p)
	p.number = len(s.peers)
	s.mu.Unlock()
	s.tasks.Go(func() { s.run(p) })
	if s.wrap != nil {
		return s.wrap(client), nil
	}
	return client, nil
}

func (s *frameServer) run(p *peer2) {
	defer p.Conn.Close()
	if s.tls {
		c := tls.Server(p.Conn, &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"h2", "http/1.1"}})
		if s.plain.Load() {
			c = tls.Server(p.Conn, &tls.Config{Certificates: []tls.Certificate{certificate()}})
		}
		defer c.Close()
		if c.Handshake() != nil {
			return
		}
		p.Conn = c
		if c.ConnectionState().NegotiatedProtocol != "h2" {
			(&pipes{}).serve(c)
			return
		}
	}
	preface := make([]byte, len(wire2.ClientPreface))
	if _, err := io.ReadFull(p.Conn, preface); err != nil {
		return
	}
	p.Framer = wire2.NewFramer(p.Conn, p.Conn)
	p.hp = hpack.NewEncoder(&p.buf)
	var tasks sync.WaitGroup // since neither end of a pipe reads while it writes
	defer tasks.Wait()
	defer p.Conn.Close()
	tasks.Go(func() {
		if s.hold != nil {
			<-s.hold
		}
		p.write(func() { p.WriteSettings(s.settings...) })
		close(p.open)
	})
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *wire2.SettingsFrame:
			if !f.IsAck() && s.hold == nil {
				tasks.Go(func() { p.write(func() { p.WriteSettingsAck() }) })
			}
		case *wire2.PingFrame:
			if !s.deaf {
				data := f.Data
				tasks.Go(func() { p.write(func() { p.WritePing(true, data) }) })
			}
		case *wire2.DataFrame:
			if s.data != nil {
				s.data(p, f)
			}
		case *wire2.HeadersFrame:
			p.seen.Add(1)
			id := f.StreamID
			tasks.Go(func() {
				<-p.open
				if !s.serve(p, id) {
					p.Conn.Close()
				}
			})
		}
	}
}

func (p *peer2) write(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// headers writes HEADERS with a status and fields.
func (p *peer2) headers(stream uint32, end bool, status string, fields ...string) {
	p.write(func() {
		p.buf.Reset()
		p.hp.WriteField(hpack.HeaderField{Name: ":status", Value: status})
		for i := 0; i < len(fields); i += 2 {
			p.hp.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		p.WriteHeaders(wire2.HeadersFrameParam{StreamID: stream, BlockFragment: p.buf.Bytes(), EndHeaders: true, EndStream: end})
	})
}

// trailer writes HEADERS behind the body.
func (p *peer2) trailer(stream uint32, fields ...string) {
	p.write(func() {
		p.buf.Reset()
		for i := 0; i < len(fields); i += 2 {
			p.hp.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		p.WriteHeaders(wire2.HeadersFrameParam{StreamID: stream, BlockFragment: p.buf.Bytes(), EndHeaders: true, EndStream: true})
	})
}

func (p *peer2) ok(stream uint32) bool {
	p.headers(stream, false, "200")
	p.write(func() { p.WriteData(stream, true, []byte("ok")) })
	return true
}

func (p *peer2) goAway(last uint32, code wire2.ErrCode) {
	p.write(func() { p.WriteGoAway(last, code, nil) })
}

func (s *frameServer) conns() []*peer2 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*peer2(nil), s.peers...)
}

// run2 runs a test in a bubble, with an engine over s.
func (s *frameServer) bubble(t *testing.T, c Config, test func(t *testing.T, e *Engine)) {
	t.Helper()
	errGoAway() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		c.Dial, c.UnencryptedHTTP2 = s.dial, !s.tls
		e := &Engine{Config: c}
		defer s.tasks.Wait()
		defer e.Close()
		test(t, e)
	})
}

// call2 is a call for s.
func (s *frameServer) call(t testing.TB, method string) *Call {
	if !s.tls {
		return newCall(t, method, "http://a.test/")
	}
	c := newCall(t, method, "https://a.test/")
	c.Route = skipVerify
	return c
}

func okStream(p *peer2, stream uint32) bool { return p.ok(stream) }
