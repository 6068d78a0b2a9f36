package requests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestConnectionFaults holds what a server does to a connection against the
// error of a call, and against how often POST and GET reach the server.
func TestConnectionFaults(t *testing.T) {
	after := func(text string) func(*faulty, net.Conn) {
		return func(f *faulty, c net.Conn) {
			f.request(bufio.NewReader(c))
			io.WriteString(c, text)
		}
	}
	for _, tt := range []struct {
		name  string
		serve func(*faulty, net.Conn)
		want  error
	}{
		{"B003 RST on accept", func(_ *faulty, c net.Conn) { reset(c) }, ErrConnection}, // perhaps while it connects
		{"B004 FIN on accept", func(*faulty, net.Conn) {}, ErrConnectionLost},
		{"B004 FIN after the request", after(""), ErrConnectionLost},
		{"B005 RST after the request", func(f *faulty, c net.Conn) { f.request(bufio.NewReader(c)); reset(c) }, ErrConnectionLost},
		{"B006 FIN within the status line", after("HTTP/1.1 20"), ErrConnectionLost},
		{"B006 FIN within the headers", after("HTTP/1.1 200 OK\r\nServer: x"), ErrConnectionLost},
		{"B007 RST within the headers", func(f *faulty, c net.Conn) {
			f.request(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nServer: x")
			reset(c)
		}, ErrConnectionLost},
		{"B008 FIN after the headers", after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), ErrIncompleteBody},
		{"garbage for a status line", after("garbage\r\n\r\n"), ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFaulty(t, tt.serve)
			_, err := over(t, new(HTTPAdapter)).Post(bg, f.url(), Text("x"))
			isAll(t, err, tt.want)
			if n := f.conns.Load(); n != 1 {
				t.Errorf("the server saw %d connections; want 1", n)
			}
			if msg := err.Error(); msg == "EOF" || msg == "" {
				t.Errorf("the error is %q; want it to say what happened", msg)
			}
		})
	}
}

func TestConnectFaults(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	t.Run("B001 refused", func(t *testing.T) {
		_, err := over(t, new(HTTPAdapter)).Get(bg, "http://"+dead.Addr().String())
		isAll(t, err, ErrConnection, errRefused)
		if errors.Is(err, ErrTimeout) {
			t.Errorf("%v is a timeout", err)
		}
	})
	t.Run("B002 no answer to SYN", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := over(t, &HTTPAdapter{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}, Timeout{Connect: time.Second}).Get(bg, "http://h.test/")
			isAll(t, err, ErrConnectTimeout, ErrConnection, ErrTimeout)
			if d := time.Since(start); d != time.Second {
				t.Errorf("it took %v; want 1s", d)
			}
		})
	})
	for name, cause := range map[string]error{"B020 EMFILE": syscall.EMFILE, "B020 ENOBUFS": errNoBuffers} {
		t.Run(name, func(t *testing.T) {
			_, err := over(t, &HTTPAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: cause}
			}}).Get(bg, "http://h.test/")
			isAll(t, err, ErrConnection, cause)
		})
	}
}

// TestKeepAliveRace ends an idle connection as the next request comes.
func TestKeepAliveRace(t *testing.T) {
	// The first request of the first connection is answered, the second is
	// read and the connection ended; later connections work.
	race := func() func(*faulty, net.Conn) {
		return func(f *faulty, c net.Conn) {
			first := f.conns.Load() == 1
			br := bufio.NewReader(c)
			for i := 0; f.request(br) != nil; i++ {
				if first && i == 1 {
					return
				}
				io.WriteString(c, okAnswer)
			}
		}
	}
	for _, tt := range []struct {
		name, method string
		opts         []Option
		requests     int32 // that the server saw, the first one included
		want         error
	}{
		{"B009 GET", "GET", nil, 3, nil},
		{"B009 HEAD", "HEAD", nil, 3, nil},
		{"B010 POST", "POST", []Option{Text("x")}, 2, ErrConnectionLost},
		{"B010 DELETE", "DELETE", nil, 2, ErrConnectionLost},
		{"B011 POST with a key", "POST", []Option{Text("x"), Headers{"Idempotency-Key": "k"}}, 3, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFaulty(t, race())
			s := over(t, new(HTTPAdapter))
			if _, err := s.Get(bg, f.url()); err != nil {
				t.Fatal(err)
			}
			_, err := s.Do(bg, tt.method, f.url(), tt.opts...)
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v; want %v", err, tt.want)
			}
			if n := f.requests.Load(); n != tt.requests {
				t.Errorf("the server saw %d requests; want %d", n, tt.requests)
			}
		})
	}
	t.Run("B012 half a header", func(t *testing.T) {
		f := newFaulty(t, answering(okAnswer, "HTTP/1.1 200 OK\r\nServ"))
		s := over(t, new(HTTPAdapter))
		if _, err := s.Get(bg, f.url()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(bg, f.url(), Timeout{Read: 50 * time.Millisecond})
		isAll(t, err, ErrReadTimeout)
		if n := f.requests.Load(); n != 2 {
			t.Errorf("the server saw %d requests; want 2", n)
		}
	})
}

func TestIdleConnections(t *testing.T) {
	t.Run("B013 408 on an idle connection", func(t *testing.T) {
		f := newFaulty(t, func(f *faulty, c net.Conn) {
			if f.request(bufio.NewReader(c)) != nil {
				io.WriteString(c, okAnswer+"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			}
		})
		s := over(t, new(HTTPAdapter))
		for range 5 {
			r, err := s.Get(bg, f.url())
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != 200 || r.Text() != "ok" {
				t.Fatalf("got %d %q; want 200 ok", r.StatusCode, r.Text())
			}
		}
	})
	t.Run("B014 the server is gone", func(t *testing.T) {
		f := newFaulty(t, func(f *faulty, c net.Conn) {
			br := bufio.NewReader(c)
			f.request(br)
			io.WriteString(c, okAnswer)
			hold(c) // takes the next request and is silent
		})
		a := new(HTTPAdapter)
		s := over(t, a)
		if _, err := s.Get(bg, f.url()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(bg, f.url(), Timeout{Read: 50 * time.Millisecond})
		isAll(t, err, ErrReadTimeout)
		if got := statsOf(a, noneOpen); got.Open != 0 || got.Dialed != 1 {
			t.Errorf("Stats() = %+v; want the one connection closed", got)
		}
	})
	t.Run("B015 bytes that nobody asked for", func(t *testing.T) {
		f := newFaulty(t, func(f *faulty, c net.Conn) {
			if f.request(bufio.NewReader(c)) != nil {
				io.WriteString(c, okAnswer+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				hold(c)
			}
		})
		s := over(t, new(HTTPAdapter))
		for range 100 {
			r, err := s.Get(bg, f.url())
			if err != nil {
				t.Fatal(err)
			}
			if r.Text() != "ok" {
				t.Fatalf("got %q; want ok", r.Text())
			}
		}
	})
	t.Run("B016 bodies closed unread", func(t *testing.T) {
		f := newFaulty(t, answering(okAnswer))
		a := new(HTTPAdapter)
		s := over(t, a)
		for range 50 {
			r, err := s.Get(bg, f.url(), Stream(true))
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		if got := statsOf(a, func(s Stats) bool { return s.Open <= 1 }); got.Open > 1 {
			t.Errorf("Stats() = %+v; want no more than the last connection open", got)
		}
	})
}

// TestNoOldResponse is A217 and A201: a connection whose response was not read
// to its end serves nobody else, who would get what is left of it; nor does it
// stay open.
func TestNoOldResponse(t *testing.T) {
	const old = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nold"
	read := func(ctx context.Context, s *Session, url string, opts ...Option) error {
		_, err := s.Get(ctx, url, opts...)
		return err
	}
	for _, tt := range []struct {
		name string
		old  string
		call func(ctx context.Context, s *Session, url string) error
		want error // nil: any
	}{
		{"A217 Read ran out in the headers", "HTTP/1.1 200 OK\r\n", func(ctx context.Context, s *Session, url string) error {
			return read(ctx, s, url, Timeout{Read: 50 * time.Millisecond})
		}, ErrReadTimeout},
		{"A217 Read ran out in the body", old, func(ctx context.Context, s *Session, url string) error {
			return read(ctx, s, url, Timeout{Read: 50 * time.Millisecond})
		}, ErrReadTimeout},
		{"A217 Total ran out", old, func(ctx context.Context, s *Session, url string) error {
			return read(ctx, s, url, Timeout{Total: 50 * time.Millisecond})
		}, ErrTotalTimeout},
		{"A217 cancelled", old, func(ctx context.Context, s *Session, url string) error {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return read(ctx, s, url)
		}, context.Canceled},
		{"A217 too large", old, func(ctx context.Context, s *Session, url string) error { return read(ctx, s, url, MaxBody(2)) }, ErrBodyTooLarge},
		{"A201 closed early", old, func(ctx context.Context, s *Session, url string) error {
			r, err := s.Get(ctx, url, Stream(true))
			if err != nil {
				return nil
			}
			r.Close()
			return errors.New("closed")
		}, nil},
		{"A201 As of a streamed response", strings.Replace(old, "200", "404", 1), func(ctx context.Context, s *Session, url string) error {
			_, err := As[int](s.Get(ctx, url, Stream(true), Timeout{Read: 50 * time.Millisecond}))
			return err
		}, nil},
		{"A201 an iterator that is left", old + "\n", func(ctx context.Context, s *Session, url string) error {
			r, err := s.Get(ctx, url, Stream(true))
			if err != nil {
				return nil
			}
			for line := range r.IterLines() {
				return errors.New(line)
			}
			return nil
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			late := make(chan bool)
			f := newFaulty(t, func(f *faulty, c net.Conn) {
				if f.request(bufio.NewReader(c)) == nil {
					return
				}
				if f.conns.Load() > 1 {
					io.WriteString(c, okAnswer)
					hold(c)
					return
				}
				io.WriteString(c, tt.old)
				<-late
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				hold(c)
			})
			a := new(HTTPAdapter)
			s := over(t, a)
			err := tt.call(bg, s, f.url())
			close(late)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("the first call: %v; want %v", err, tt.want)
			}
			r, err := s.Get(bg, f.url())
			if err != nil || r.Text() != "ok" || f.conns.Load() != 2 {
				t.Errorf("then Get = %v, %v over connection %d; want ok over the second", r, err, f.conns.Load())
			}
			if got := statsOf(a, func(s Stats) bool { return s.Open == 1 }); got.Open != 1 || got.Idle != 1 {
				t.Errorf("Stats() = %+v; want one connection, which is idle", got)
			}
		})
	}
}

// TestStreamIsNotHeld is A200: with all that looks at a response on its way, a
// streamed body comes no faster than it is read.
func TestStreamIsNotHeld(t *testing.T) {
	var written atomic.Int64
	s := NewSession(Stream(true), Trace(true), RaiseForStatus(true), DigestAuth("u", "p"), MaxBody(1<<30),
		Retry{Total: 3, StatusCodes: []int{503}, If: func(a Attempt) bool { return a.Err != nil }},
		OnResponse(func(_ context.Context, r *Response) (*Response, error) { return r, nil }), OnProgress(func(_, _ int64) {}),
		OnRetry(func(context.Context, Attempt) error { return nil }), OnInformational(func(context.Context, int, http.Header) error { return nil }))
	defer s.Close()
	s.Logger = slog.New(slog.DiscardHandler)
	s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<10)
		for {
			n, err := w.Write(block)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})))
	r, err := s.Get(bg, "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := int64(0)
	for range 100 {
		n, err := io.ReadFull(r.Body, make([]byte, 10_000))
		if err != nil {
			t.Fatal(err)
		}
		if read += int64(n); written.Load()-read > 64<<10 {
			t.Fatalf("A200 after %d bytes were read, %d had been taken", read, written.Load())
		}
	}
}

// TestCloseInFlight is B017: calls that have begun may end, later ones fail.
func TestCloseInFlight(t *testing.T) {
	arrived, answer := make(chan bool, 50), make(chan bool)
	f := newFaulty(t, func(f *faulty, c net.Conn) {
		br := bufio.NewReader(c)
		for f.request(br) != nil {
			arrived <- true
			<-answer
			io.WriteString(c, okAnswer)
		}
	})
	a := new(HTTPAdapter)
	s := over(t, a)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := s.Get(bg, f.url()); err != nil {
				t.Error(err)
			}
		})
	}
	for range 50 {
		<-arrived
	}
	s.Close()
	if _, err := s.Get(bg, f.url()); !errors.Is(err, ErrClosed) {
		t.Errorf("Get after Close: %v; want ErrClosed", err)
	}
	if _, err := a.Send(bg, mustPrepare(t, f.url()), SendOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v; want ErrClosed", err)
	}
	close(answer)
	wg.Wait()
	if got := statsOf(a, noneOpen); got.Open != 0 {
		t.Errorf("Stats() = %+v; want all connections closed", got)
	}
}

func mustPrepare(t testing.TB, url string) *PreparedRequest {
	p, err := NewRequest("GET", url).Prepare(bg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestUploadNotRead is B019: a server that takes nothing, and a caller who gives up.
func TestUploadNotRead(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 50<<20)
	takesNothing := func(t *testing.T) *faulty {
		return newFaulty(t, func(_ *faulty, c net.Conn) {
			c.(*net.TCPConn).SetReadBuffer(1 << 10)
			<-t.Context().Done()
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		stuck := takesNothing(t)
		ctx, cancel := context.WithCancel(bg)
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := over(t, new(HTTPAdapter)).Post(ctx, stuck.url(), Bytes(big))
		isAll(t, err, context.Canceled)
	})
	t.Run("Read limit", func(t *testing.T) {
		stuck := takesNothing(t)
		_, err := over(t, new(HTTPAdapter), Timeout{Read: 100 * time.Millisecond}).Post(bg, stuck.url(), Bytes(big))
		isAll(t, err, ErrReadTimeout)
	})
}

// fakeDNS is a resolver that knows the addresses of hosts, and of no others. A
// nil slice is SERVFAIL.
func fakeDNS(t testing.TB, hosts map[string][]netip.Addr) *net.Resolver {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := answerDNS(buf[:n], hosts); answer != nil {
				pc.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() { pc.Close(); wg.Wait() })
	return resolverAt(pc.LocalAddr().String())
}

func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	}}
}

func answerDNS(query []byte, hosts map[string][]netip.Addr) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) == 0 {
		return nil
	}
	q := m.Questions[0]
	addrs, known := hosts[q.Name.String()]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	switch {
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case addrs == nil:
		m.RCode = dnsmessage.RCodeServerFailure
	}
	for _, a := range addrs {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	answer, _ := m.Pack()
	return answer
}

func TestDNSFaults(t *testing.T) {
	retry := Retry{Total: 2}
	t.Run("B190 NXDOMAIN", func(t *testing.T) {
		tries := 0
		s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, nil)}, retry, OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
		_, err := s.Get(bg, "http://nowhere.test/")
		isAll(t, err, ErrDNS, ErrConnection)
		if d, ok := errors.AsType[*net.DNSError](err); !ok || !d.IsNotFound || tries > 0 {
			t.Errorf("error %v after %d retries; want a DNSError that is not retried", err, tries)
		}
	})
	t.Run("B191 SERVFAIL", func(t *testing.T) {
		tries := 0
		s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, map[string][]netip.Addr{"sick.test.": nil})}, retry,
			OnRetry(func(context.Context, Attempt) error { tries++; return nil }))
		_, err := s.Post(bg, "http://sick.test/", Text("x"))
		isAll(t, err, ErrDNS, ErrRetriesExhausted)
		if tries != 2 {
			t.Errorf("%d retries; want 2, since nothing was sent", tries)
		}
	})
	t.Run("B192 silence", func(t *testing.T) {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		// The resolver of net goes on with its lookup after the caller has
		// left; here it is cut off.
		done, cut := context.WithCancel(bg)
		defer cut()
		silent := resolverAt(pc.LocalAddr().String())
		dial := silent.Dial
		silent.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if done.Err() != nil {
				return nil, done.Err()
			}
			c, err := dial(ctx, network, addr)
			if err == nil {
				context.AfterFunc(done, func() { c.Close() })
			}
			return c, err
		}
		s := over(t, &HTTPAdapter{Resolver: silent}, Timeout{Connect: 100 * time.Millisecond})
		_, err = s.Get(bg, "http://h.test/")
		isAll(t, err, ErrConnectTimeout)
	})
	f := newFaulty(t, answering(okAnswer))
	_, port, _ := net.SplitHostPort(f.addr)
	live, dead := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.99")
	for name, addrs := range map[string][]netip.Addr{
		"B193 the first address is dead": {dead, live},
		"B194 IPv6 is dead":              {netip.MustParseAddr("::1"), live},
	} {
		t.Run(name, func(t *testing.T) {
			s := over(t, &HTTPAdapter{Resolver: fakeDNS(t, map[string][]netip.Addr{"h.test.": addrs})})
			if _, err := s.Get(bg, "http://h.test:"+port); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("B195 a guard on the resolved address", func(t *testing.T) {
		blocked := errors.New("blocked")
		d := &net.Dialer{Resolver: fakeDNS(t, map[string][]netip.Addr{"h.test.": {live}}), ControlContext: controlTo(blocked)}
		_, err := over(t, &HTTPAdapter{DialContext: d.DialContext}).Get(bg, "http://h.test:"+port)
		isAll(t, err, blocked, ErrConnection)
	})
}

// controlTo refuses each address that is about to be dialled.
func controlTo(err error) func(context.Context, string, string, syscall.RawConn) error {
	return func(context.Context, string, string, syscall.RawConn) error { return err }
}
