package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// switching answers with a 101 and then greeting, and echoes what arrives until its
// end.
func switching(greeting string) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+greeting)
		io.Copy(c, br)
	}
}

func upgrade(call *Call) *Call {
	call.Header["Connection"], call.Header["Upgrade"] = []string{"Upgrade"}, []string{"echo"}
	return call
}

// E1.8, E3.9: a 101 hands over the connection. The limits of the call and its
// context no longer apply, bytes after the head are read first, and the connection
// counts until it is closed.
func TestUpgrade(t *testing.T) {
	for _, secure := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			e := &Engine{Config: Config{PerHost: 1, Block: true, Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
			defer e.Close()
			go func() {
				defer server.Close()
				c := server
				if secure {
					c = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate()}})
				}
				switching("hello")(c)
			}()
			ctx, cancel := context.WithCancel(t.Context())
			call := upgrade(newCall(t, "GET", "http://a.test/"))
			if secure {
				call.URL.Scheme, call.Route = "https", skipVerify
			}
			call.Read = time.Second
			res, err := e.Do(ctx, call)
			if err != nil {
				t.Fatal(err)
			}
			c, ok := res.Body.(io.ReadWriteCloser)
			if res.StatusCode != 101 || !ok {
				t.Fatalf("%d with a body of type %T", res.StatusCode, res.Body)
			}
			cancel()
			time.Sleep(time.Minute)
			buf := make([]byte, 5)
			if _, err := io.ReadFull(c, buf); string(buf) != "hello" || err != nil {
				t.Errorf("read %q, %v", buf, err)
			}
			go io.WriteString(c, "world")
			if _, err := io.ReadFull(c, buf); string(buf) != "world" || err != nil {
				t.Errorf("read %q, %v", buf, err)
			}
			if s := e.Stats(); s.Open != 1 || s.Idle != 0 {
				t.Errorf("Stats = %+v; want it in use", s)
			}
			waiting, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			if _, err := e.Do(waiting, call); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("beside it: %v; want no room", err)
			}
			c.Close()
			c.Close()
			if s := e.Stats(); s.Open != 0 {
				t.Errorf("Stats = %+v; want nothing open", s)
			}
		})
	}
}

// E1.8: CloseWrite ends one direction, if the connection supports it.
func TestUpgradeCloseWrite(t *testing.T) {
	res, err := newEngine(t, Config{}).Do(t.Context(), upgrade(newCall(t, "GET", serving(t, switching("")))))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	c := res.Body.(interface {
		io.Writer
		CloseWrite() error
	})
	io.WriteString(c, "bye")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); string(b) != "bye" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

// A 101 that was not requested is an error.
func TestUnaskedUpgrade(t *testing.T) {
	e := newEngine(t, Config{})
	if _, err := e.Do(t.Context(), newCall(t, "GET", serving(t, switching("")))); !errors.Is(err, fault.Protocol) {
		t.Errorf("Do: %v; want %v", err, fault.Protocol)
	}
	if s := e.Stats(); s.Open != 0 {
		t.Errorf("Stats = %+v; want nothing open", s)
	}
}
