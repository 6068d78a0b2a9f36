package requests

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
			s := over(t, h2c())
			if tt.want == ErrReadTimeout {
				s.Timeout.Read = 300 * time.Millisecond
			}
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
	s := over(t, a)
	failed := make(chan error)
	go func() {
		_, err := s.Get(bg, f.url(), Timeout{Read: 300 * time.Millisecond})
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

// A refuser is a TLS server that resets each request of HTTP/2 with a code and
// answers those of HTTP/1.1 with their bodies.
type refuser struct {
	*faulty

	mu     sync.Mutex
	bodies []string // of HTTP/1.1
	resets int
}

func newRefuser(t testing.TB, cert tls.Certificate, code http2.ErrCode) *refuser {
	r := new(refuser)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	r.faulty = newFaulty(t, func(f *faulty, c net.Conn) {
		tc := tls.Server(c, config)
		defer tc.Close()
		if tc.Handshake() != nil {
			return
		}
		if tc.ConnectionState().NegotiatedProtocol != "h2" {
			r.answer(tc)
			return
		}
		serveFrames(tc, func(f *framed, s uint32) bool {
			r.mu.Lock()
			r.resets++
			r.mu.Unlock()
			f.WriteRSTStream(s, code)
			return true
		})
	})
	return r
}

func (r *refuser) answer(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		hr, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(hr.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.bodies = append(r.bodies, string(body))
		r.mu.Unlock()
		io.WriteString(c, okAnswer)
	}
}

// TestHTTP11Required is B224: a server that resets a request with
// HTTP_1_1_REQUIRED gets it by HTTP/1.1, if it can be sent again.
func TestHTTP11Required(t *testing.T) {
	ca := newIssuer(t, "ca")
	once := func() Body { return Reader(io.MultiReader(strings.NewReader("x"))) }
	for _, tt := range []struct {
		name   string
		code   http2.ErrCode
		method string
		body   Option
		want   error // nil: the request is answered
		offers []string
	}{
		{"GET", http2.ErrCodeHTTP11Required, "GET", nil, nil, nil},
		{"POST", http2.ErrCodeHTTP11Required, "POST", Text("x"), nil, nil},
		{"protocols of the caller", http2.ErrCodeHTTP11Required, "GET", nil, nil, []string{"h2", "http/1.1"}},
		{"a body that is gone", http2.ErrCodeHTTP11Required, "POST", once(), ErrConnectionLost, nil},
		{"another code", http2.ErrCodeInternal, "GET", nil, ErrConnectionLost, nil},
	} {
		t.Run("B224 "+tt.name, func(t *testing.T) {
			f := newRefuser(t, ca.issue(t, nil), tt.code)
			a := new(HTTPAdapter)
			config := &tls.Config{RootCAs: ca.pool(), NextProtos: tt.offers}
			r, err := over(t, a, TLS{Config: config}).Do(bg, tt.method, f.https(), tt.body)
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.resets != 1 {
				t.Errorf("%d requests by HTTP/2; want 1", f.resets)
			}
			if tt.want != nil {
				isAll(t, err, tt.want)
				if len(f.bodies) > 0 {
					t.Errorf("%q was sent by HTTP/1.1; want nothing", f.bodies)
				}
				return
			}
			if err != nil || r.Proto != "HTTP/1.1" || r.Text() != "ok" || len(f.bodies) != 1 {
				t.Fatalf("got %v, %v after %q; want the answer by HTTP/1.1", r, err, f.bodies)
			}
			if want := map[string]string{"GET": "", "POST": "x"}[tt.method]; f.bodies[0] != want {
				t.Errorf("the body is %q; want %q", f.bodies[0], want)
			}
		})
	}
	t.Run("B224 not for ever", func(t *testing.T) {
		// One that offers HTTP/2 alone has no way to be asked.
		f := newFramed(t, func(f *framed, _ int32, s uint32) bool {
			f.WriteRSTStream(s, http2.ErrCodeHTTP11Required)
			return true
		})
		if r, err := over(t, h2c()).Get(bg, f.url()); err == nil {
			t.Errorf("got %v; want an error", r)
		}
		if n := f.conns.Load(); n != 2 {
			t.Errorf("%d connections; want one by each version", n)
		}
	})
}

// TestWindowOverrun is B229: a server that sends more than the flow-control
// window allows (RFC 9113, section 5.2) is cut off, and what it has sent until
// then takes no more memory than the window.
func TestWindowOverrun(t *testing.T) {
	const window, overrun = 4 << 20, 2_400_000 // net/http's window of a stream
	chunk := make([]byte, 16<<10)
	wrote := make(chan int, 1)
	f := newFramed(t, func(f *framed, _ int32, s uint32) bool {
		f.headers(s, "200", false)
		n := 0
		for n < 8*window {
			if f.WriteData(s, false, chunk) != nil {
				break
			}
			n += len(chunk)
		}
		wrote <- n
		return false
	})
	a := h2c()
	s := over(t, a, Stream(true), Timeout{Read: 5 * time.Second})
	before := heapInUse()
	r, err := s.Get(bg, f.url())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := <-wrote // nobody has read, and the connection was given up
	if n >= 8*window {
		t.Errorf("the server could send %d bytes", n)
	}
	if grown := heapInUse() - before; grown > window+overrun {
		t.Errorf("the heap has grown by %d bytes for %d of the server's", grown, n)
	}
	if content := r.Content(); content != nil {
		t.Errorf("the body is %d bytes and no error", len(content))
	}
	isAll(t, r.Err(), ErrProtocol)
	if got := statsOf(a, noneOpen); got.Open != 0 {
		t.Errorf("Stats() = %+v; want none open", got)
	}
}

// TestHTTP2NotModified is about a 304 with the length of the body that is not sent
// (RFC 9110, section 8.6).
func TestHTTP2NotModified(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusNotModified)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	a := new(HTTPAdapter)
	s := over(t, a, TLS{SkipVerify: true})
	for range 2 {
		for _, stream := range []Stream{false, true} {
			r, err := s.Get(bg, srv.URL, stream)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r.Body); n != 0 || err != nil || r.StatusCode != 304 || r.Header.Get("Content-Length") != "10" {
				t.Errorf("%v with the fields %v and a body of %d, %v; want 304 without a body", r, r.Header, n, err)
			}
			r.Close()
		}
	}
	if n := a.Stats().Dialed; n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
}
