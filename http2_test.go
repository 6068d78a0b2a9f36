package requests

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A framed connection is the server's end of HTTP/2, frame by frame.
type framed struct {
	*http2.Framer
	net.Conn
	hpack *hpack.Encoder
	buf   bytes.Buffer
}

// newFramed serves HTTP/2 without TLS: serve gets each HEADERS frame, until it
// returns false, which ends the connection.
func newFramed(t testing.TB, serve func(f *framed, conn int32, stream uint32) bool) *faulty {
	return newFaulty(t, func(srv *faulty, c net.Conn) {
		number := srv.conns.Load()
		serveFrames(c, func(f *framed, stream uint32) bool {
			srv.requests.Add(1)
			return serve(f, number, stream)
		})
	})
}

// serveFrames serves HTTP/2 on c as newFramed does.
func serveFrames(c net.Conn, serve func(f *framed, stream uint32) bool) {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	f := &framed{Framer: http2.NewFramer(c, c), Conn: c}
	f.hpack = hpack.NewEncoder(&f.buf)
	f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			f.WritePing(true, frame.Data)
		case *http2.HeadersFrame:
			if !serve(f, frame.StreamID) {
				return
			}
		}
	}
}

// headers answers with a status.
func (f *framed) headers(stream uint32, status string, end bool) {
	f.buf.Reset()
	f.hpack.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.buf.Bytes(), EndHeaders: true, EndStream: end})
}

func (f *framed) ok(stream uint32) bool {
	f.headers(stream, "200", false)
	f.WriteData(stream, true, []byte("ok"))
	return true
}

func h2c() *HTTPAdapter { return &HTTPAdapter{UnencryptedHTTP2: true} }

func TestHTTP2Faults(t *testing.T) {
	first := func(f func(*framed, uint32) bool) func(*framed, int32, uint32) bool {
		return func(c *framed, conn int32, stream uint32) bool {
			if conn == 1 {
				return f(c, stream)
			}
			return c.ok(stream)
		}
	}
	for _, tt := range []struct {
		name   string
		serve  func(*framed, int32, uint32) bool
		method string
		want   error // nil: it works
	}{
		{"B220 GOAWAY before processing, GET", first(func(f *framed, s uint32) bool { f.WriteGoAway(0, http2.ErrCodeNo, nil); return false }), "GET", nil},
		{"B220 GOAWAY before processing, POST", first(func(f *framed, s uint32) bool { f.WriteGoAway(0, http2.ErrCodeNo, nil); return false }), "POST", nil},
		{"B221 GOAWAY and gone", first(func(f *framed, s uint32) bool { f.WriteGoAway(s, http2.ErrCodeNo, nil); return false }), "POST", ErrConnectionLost},
		{"B222 ENHANCE_YOUR_CALM", first(func(f *framed, s uint32) bool {
			f.WriteGoAway(s, http2.ErrCodeEnhanceYourCalm, []byte("slow\ndown"))
			return false
		}), "POST", ErrConnectionLost},
		{"B223 REFUSED_STREAM once", func() func(*framed, int32, uint32) bool {
			var n atomic.Int32
			return func(f *framed, _ int32, s uint32) bool {
				if n.Add(1) == 1 {
					f.WriteRSTStream(s, http2.ErrCodeRefusedStream)
					return true
				}
				return f.ok(s)
			}
		}(), "POST", nil},
		{"B224 CANCEL", func(f *framed, _ int32, s uint32) bool { f.WriteRSTStream(s, http2.ErrCodeCancel); return true }, "GET", ErrConnectionLost},
		{"B224 INTERNAL_ERROR", func(f *framed, _ int32, s uint32) bool { f.WriteRSTStream(s, http2.ErrCodeInternal); return true }, "GET", ErrConnectionLost},
		{"B225 RST after the headers", func(f *framed, _ int32, s uint32) bool {
			f.headers(s, "200", false)
			f.WriteRSTStream(s, http2.ErrCodeInternal)
			return true
		}, "GET", ErrIncompleteBody},
		{"B225 NO_ERROR after the headers", func(f *framed, _ int32, s uint32) bool {
			f.headers(s, "200", false)
			f.WriteData(s, false, []byte("o"))
			f.WriteRSTStream(s, http2.ErrCodeNo)
			return true
		}, "GET", ErrIncompleteBody},
		{"B226 gone within the body", func(f *framed, _ int32, s uint32) bool {
			f.headers(s, "200", false)
			f.WriteData(s, false, []byte("o"))
			return false
		}, "GET", ErrIncompleteBody},
		{"B227 no headers", func(f *framed, _ int32, s uint32) bool { return true }, "GET", ErrReadTimeout},
		{"B227 stall within the body", func(f *framed, _ int32, s uint32) bool {
			f.headers(s, "200", false)
			f.WriteData(s, false, []byte("o"))
			return true
		}, "GET", ErrReadTimeout},
		{"B228 a frame of an unknown stream", func(f *framed, _ int32, s uint32) bool {
			f.WriteData(s+8, true, []byte("x"))
			return true
		}, "GET", ErrProtocol},
		{"B228 PUSH_PROMISE", func(f *framed, _ int32, s uint32) bool {
			f.WritePushPromise(http2.PushPromiseParam{StreamID: s, PromiseID: 2, EndHeaders: true})
			return true
		}, "GET", ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFramed(t, tt.serve)
			s := over(t, h2c(), Timeout{Read: 300 * time.Millisecond})
			r, err := s.Do(bg, tt.method, f.url())
			if !errors.Is(err, tt.want) || err == nil && r.Text() != "ok" {
				t.Errorf("got %v, %v; want %v", r, err, tt.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error %q has a line of the server's", err)
			}
		})
	}
}

// TestHTTP2StallsAlone is B227: one stalled stream does not end others.
func TestHTTP2StallsAlone(t *testing.T) {
	var stalled atomic.Uint32
	f := newFramed(t, func(f *framed, _ int32, s uint32) bool {
		if stalled.CompareAndSwap(0, s) {
			return true
		}
		return f.ok(s)
	})
	a := h2c()
	s := over(t, a, Timeout{Read: 300 * time.Millisecond})
	failed := make(chan error)
	go func() {
		_, err := s.Get(bg, f.url())
		failed <- err
	}()
	for stalled.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		if _, err := s.Get(bg, f.url()); err != nil {
			t.Error(err)
		}
	}
	isAll(t, <-failed, ErrReadTimeout)
	if _, err := s.Get(bg, f.url()); err != nil {
		t.Error(err)
	}
	if got := a.Stats(); got.Dialed != 1 || got.Open != 1 || got.Idle != 1 {
		t.Errorf("Stats() = %+v; want one connection for all", got)
	}
}

// TestHTTP2Streams is B230: more requests than streams.
func TestHTTP2Streams(t *testing.T) {
	srv := &http.Server{Handler: okHandler, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1}, Protocols: new(http.Protocols)}
	srv.Protocols.SetUnencryptedHTTP2(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(l) })
	defer func() { srv.Close(); wg.Wait() }()
	s := over(t, h2c())
	var calls sync.WaitGroup
	for range 30 {
		calls.Go(func() {
			r, err := s.Get(bg, "http://"+l.Addr().String())
			if err != nil || r.Proto != "HTTP/2.0" {
				t.Error(r, err)
			}
		})
	}
	calls.Wait()
	r, err := s.Post(bg, "http://"+l.Addr().String(), Reader(io.LimitReader(zeros{}, 4<<20)))
	if err != nil || r.Text() != "ok" {
		t.Error(r, err)
	}
}
