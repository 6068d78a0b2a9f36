package requests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
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
		isAll(t, err, ErrConnection, syscall.ECONNREFUSED)
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
	for name, cause := range map[string]error{"B020 EMFILE": syscall.EMFILE, "B020 ENOBUFS": syscall.ENOBUFS} {
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
		s := over(t, new(HTTPAdapter), Timeout{Read: 50 * time.Millisecond})
		if _, err := s.Get(bg, f.url()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(bg, f.url())
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
		s := over(t, a, Timeout{Read: 50 * time.Millisecond})
		if _, err := s.Get(bg, f.url()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(bg, f.url())
		isAll(t, err, ErrReadTimeout)
		if got := a.Stats(); got.Open != 0 || got.Dialled != 1 {
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
		if got := a.Stats(); got.Open > 1 {
			t.Errorf("Stats() = %+v; want no more than the last connection open", got)
		}
	})
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
	if got := a.Stats(); got.Open != 0 {
		t.Errorf("Stats() = %+v; want all connections closed", got)
	}
}

func mustPrepare(t testing.TB, url string) *PreparedRequest {
	p, err := NewRequest("GET", url).Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestUploadNotRead is B019: a server that takes nothing, and a caller who gives up.
func TestUploadNotRead(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 50<<20)
	stop := make(chan bool, 2)
	unread := func(_ *faulty, c net.Conn) {
		c.(*net.TCPConn).SetReadBuffer(1 << 10)
		<-stop
	}
	t.Run("cancelled", func(t *testing.T) {
		stuck := newFaulty(t, unread)
		ctx, cancel := context.WithCancel(bg)
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := over(t, new(HTTPAdapter)).Post(ctx, stuck.url(), Bytes(big))
		isAll(t, err, context.Canceled)
		stop <- true
	})
	t.Run("Read limit", func(t *testing.T) {
		stuck := newFaulty(t, unread)
		_, err := over(t, new(HTTPAdapter), Timeout{Read: 100 * time.Millisecond}).Post(bg, stuck.url(), Bytes(big))
		isAll(t, err, ErrReadTimeout)
		stop <- true
	})
}
