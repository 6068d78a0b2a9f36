package socks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A step of a scripted proxy: it reads one message, which must be want, and answers.
type step struct {
	want string
	send string
}

// stall is an answer that never comes; the connection stays open.
const stall = "\x00stall"

// A handshake is one of the functions of the package, bound to what it asks for.
type handshake func(io.ReadWriter) error

func to4(target, user string) handshake {
	return func(conn io.ReadWriter) error { return Connect4(conn, netip.MustParseAddrPort(target), user) }
}

func to4a(host string, port uint16, user string) handshake {
	return func(conn io.ReadWriter) error { return Connect4a(conn, host, port, user) }
}

func to5(host string, port uint16, user *url.Userinfo) handshake {
	return func(conn io.ReadWriter) error { return Connect5(conn, host, port, user) }
}

var (
	kate = url.UserPassword("kate", "s3cret")

	greeting    = "\x05\x01\x00"
	greetingPwd = "\x05\x02\x00\x02"
	login       = "\x01\x04kate\x06s3cret"
	request5a   = "\x05\x01\x00\x03\x06a.test\x01\xbb"
	bound5      = "\x00\x01\x7f\x00\x00\x01\x04\x38"

	long255 = strings.Repeat("a", 255)
	long256 = strings.Repeat("a", 256)
)

// handshakeTests includes the rows of the catalogues of faults and advisories
// that their names begin with.
var handshakeTests = []struct {
	name  string
	do    handshake
	steps []step
	want  error // a *ReplyError is compared as a value, others with errors.Is
}{
	{name: "4", do: to4("192.0.2.1:443", "kate"), steps: []step{
		{"\x04\x01\x01\xbb\xc0\x00\x02\x01kate\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4 without user", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x5aabcdef"}}},
	{name: "4 mapped address", do: to4("[::ffff:192.0.2.1]:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4 unspecified address", do: to4("0.0.0.0:80", ""), steps: []step{
		{"\x04\x01\x00\x50\x00\x00\x00\x00\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4 IPv6", do: to4("[2001:db8::1]:80", ""), want: ErrAddress},
	{name: "4 address that announces a name", do: to4("0.0.0.7:80", ""), want: ErrAddress},
	{name: "4 zero byte in the user", do: to4("192.0.2.1:80", "a\x00b"), want: ErrCredentials},
	{name: "4 long user", do: to4("192.0.2.1:80", long256), want: ErrCredentials},
	{name: "4a", do: to4a("a.test", 443, "kate"), steps: []step{
		{"\x04\x01\x01\xbb\x00\x00\x00\x01kate\x00a.test\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4a without user", do: to4a("a.test", 443, ""), steps: []step{
		{"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4a address", do: to4a("192.0.2.1", 80, ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "4a IPv6", do: to4a("2001:db8::1", 80, ""), want: ErrAddress},
	{name: "4a no host", do: to4a("", 80, ""), want: ErrAddress},
	{name: "4a zero byte in the host", do: to4a("a.test\x00b.test", 80, ""), want: ErrAddress},
	{name: "A079 4a name of 255 bytes", do: to4a(long255, 80, ""), steps: []step{
		{"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + long255 + "\x00", "\x00\x5a\x00\x00\x00\x00\x00\x00"}}},
	{name: "A079 4a name of 256 bytes", do: to4a(long256, 80, ""), want: ErrAddress},
	{name: "B214 4 rejected", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x5b\x00\x00\x00\x00\x00\x00"}}, want: &ReplyError{4, 91}},
	{name: "B214 4 unassigned code", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x00\x00\x00\x00\x00\x00\x00"}}, want: &ReplyError{4, 0}},
	{name: "B214 4 wrong version", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x04\x5a\x00\x00\x00\x00\x00\x00"}}, want: ErrProtocol},
	{name: "B214 4 truncated", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", "\x00\x5a\x00\x00\x00\x00\x00"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 4 closed", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", ""}}, want: io.ErrUnexpectedEOF},
	{name: "B214 4 stall", do: to4("192.0.2.1:80", ""), steps: []step{
		{"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", stall}}, want: os.ErrDeadlineExceeded},

	{name: "5 name", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00" + bound5}}},
	{name: "5 IPv4", do: to5("192.0.2.1", 80, nil), steps: []step{
		{greeting, "\x05\x00"}, {"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", "\x05\x00" + bound5}}},
	{name: "5 mapped address", do: to5("::ffff:192.0.2.1", 80, nil), steps: []step{
		{greeting, "\x05\x00"}, {"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", "\x05\x00" + bound5}}},
	{name: "5 IPv6", do: to5("2001:db8::1", 65535, nil), steps: []step{
		{greeting, "\x05\x00"}, {"\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff", "\x05\x00" + bound5}}},
	{name: "5 IPv6 zone", do: to5("fe80::1%eth0", 80, nil), want: ErrAddress},
	{name: "5 no host", do: to5("", 80, nil), want: ErrAddress},
	{name: "5 zero byte in the host", do: to5("a.test\x00", 80, nil), want: ErrAddress},
	{name: "A079 5 name of 255 bytes", do: to5(long255, 80, nil), steps: []step{
		{greeting, "\x05\x00"}, {"\x05\x01\x00\x03\xff" + long255 + "\x00\x50", "\x05\x00" + bound5}}},
	{name: "A079 5 name of 256 bytes", do: to5(long256, 80, nil), want: ErrAddress},
	{name: "B214 300-byte host", do: to5(strings.Repeat("a", 300), 80, nil), want: ErrAddress},
	{name: "5 bound to IPv6", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x040123456789abcdef\x00\x50"}}},
	{name: "5 bound to a name", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x03\xff" + long255 + "\x00\x50"}}},
	{name: "5 bound to an empty name", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x03\x00\x00\x50"}}},

	{name: "5 password", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x02"}, {login, "\x01\x00"}, {request5a, "\x05\x00" + bound5}}},
	{name: "5 empty password", do: to5("a.test", 443, url.User("kate")), steps: []step{
		{greetingPwd, "\x05\x02"}, {"\x01\x04kate\x00", "\x01\x00"}, {request5a, "\x05\x00" + bound5}}},
	{name: "5 longest credentials", do: to5("a.test", 443, url.UserPassword(long255, long255)), steps: []step{
		{greetingPwd, "\x05\x02"}, {"\x01\xff" + long255 + "\xff" + long255, "\x01\x00"}, {request5a, "\x05\x00" + bound5}}},
	{name: "5 long user", do: to5("a.test", 443, url.UserPassword(long256, "x")), want: ErrCredentials},
	{name: "5 long password", do: to5("a.test", 443, url.UserPassword("kate", long256)), want: ErrCredentials},
	{name: "5 no user", do: to5("a.test", 443, url.UserPassword("", "x")), want: ErrCredentials},
	{name: "A082 proxy wants no password", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x00"}, {request5a, "\x05\x00" + bound5}}},
	{name: "A082 proxy is silent about the password", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x02"}, {login, stall}}, want: os.ErrDeadlineExceeded},
	{name: "A082 password rejected", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x02"}, {login, "\x01\x01"}}, want: ErrAuth},

	{name: "B214 no acceptable method", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\xff"}}, want: ErrNoMethod},
	{name: "B214 no acceptable method with password", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\xff"}}, want: ErrNoMethod},
	{name: "B214 password without one offered", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x02"}}, want: ErrProtocol},
	{name: "B214 GSSAPI", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x01"}}, want: ErrProtocol},
	{name: "B214 wrong version of the method", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x04\x00"}}, want: ErrProtocol},
	{name: "B214 HTTP instead", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "HTTP/1.1 400 Bad Request\r\n\r\n"}}, want: ErrProtocol},
	{name: "B214 wrong version of the login", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x02"}, {login, "\x05\x00"}}, want: ErrProtocol},
	{name: "B214 wrong version of the reply", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x04\x00" + bound5}}, want: ErrProtocol},
	{name: "B214 wrong type of address", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x02\x7f\x00\x00\x01\x04\x38"}}, want: ErrProtocol},
	{name: "B214 code 1", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x01" + bound5}}, want: &ReplyError{5, 1}},
	{name: "B214 code 8", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x08" + bound5}}, want: &ReplyError{5, 8}},
	{name: "B214 unknown code", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\xc8" + bound5}}, want: &ReplyError{5, 200}},
	{name: "B214 code and no more", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x05"}}, want: &ReplyError{5, 5}},
	{name: "B214 closed at once", do: to5("a.test", 443, nil), steps: []step{
		{greeting, ""}}, want: io.ErrUnexpectedEOF},
	{name: "B214 truncated method", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 truncated login", do: to5("a.test", 443, kate), steps: []step{
		{greetingPwd, "\x05\x02"}, {login, "\x01"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 truncated reply", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 reply without address", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x01"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 reply without length of the name", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x03"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 truncated name", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, "\x05\x00\x00\x03\x09proxy.te"}}, want: io.ErrUnexpectedEOF},
	{name: "B214 stall before the method", do: to5("a.test", 443, nil), steps: []step{
		{greeting, stall}}, want: os.ErrDeadlineExceeded},
	{name: "B214 stall before the reply", do: to5("a.test", 443, nil), steps: []step{
		{greeting, "\x05\x00"}, {request5a, stall}}, want: os.ErrDeadlineExceeded},
}

func TestHandshake(t *testing.T) {
	for _, tt := range handshakeTests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := ""
				if tt.want == nil {
					stream = "bytes of the target"
				}
				client, proxy := net.Pipe()
				defer client.Close()
				client.SetDeadline(time.Now().Add(10 * time.Second))
				go serve(t, proxy, tt.steps, stream)

				err := tt.do(client)
				if reply, ok := tt.want.(*ReplyError); ok {
					if got, ok := errors.AsType[*ReplyError](err); !ok || *got != *reply {
						t.Errorf("error %v; want %v", err, tt.want)
					}
				} else if !errors.Is(err, tt.want) {
					t.Errorf("error %v; want %v", err, tt.want)
				}
				if err != nil {
					for _, secret := range []string{"s3cret", "kate", long255} {
						if strings.Contains(err.Error(), secret) {
							t.Errorf("error %q contains %q", err, secret)
						}
					}
					return
				}
				if got, err := io.ReadAll(client); string(got) != stream || err != nil {
					t.Errorf("after the handshake the connection gives %q, %v; want %q", got, err, stream)
				}
			})
		})
	}
}

// serve plays the steps; the last answer comes in one piece with the stream. A
// read from a pipe gives what one write sent, so that a message which comes too
// early is seen.
func serve(t *testing.T, conn net.Conn, steps []step, stream string) {
	defer conn.Close()
	message := make([]byte, 1024)
	for i, s := range steps {
		n, err := conn.Read(message)
		if got := string(message[:n]); got != s.want || err != nil {
			t.Errorf("message %d = %q, %v; want %q", i, got, err, s.want)
			return
		}
		switch {
		case s.send == stall:
			io.Copy(io.Discard, conn)
			return
		case i == len(steps)-1:
			s.send += stream
		}
		if _, err := io.WriteString(conn, s.send); err != nil {
			return // the client had read enough
		}
	}
}

func TestReplyErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  *ReplyError
		want string
	}{
		{&ReplyError{4, 91}, "socks: proxy refused: request rejected or failed (code 91)"},
		{&ReplyError{4, 92}, "socks: proxy refused: identd on the client cannot be reached (code 92)"},
		{&ReplyError{4, 93}, "socks: proxy refused: identd reports another user (code 93)"},
		{&ReplyError{4, 1}, "socks: proxy refused: unassigned code (code 1)"},
		{&ReplyError{5, 1}, "socks: proxy refused: general server failure (code 1)"},
		{&ReplyError{5, 2}, "socks: proxy refused: connection not allowed by ruleset (code 2)"},
		{&ReplyError{5, 3}, "socks: proxy refused: network unreachable (code 3)"},
		{&ReplyError{5, 4}, "socks: proxy refused: host unreachable (code 4)"},
		{&ReplyError{5, 5}, "socks: proxy refused: connection refused (code 5)"},
		{&ReplyError{5, 6}, "socks: proxy refused: TTL expired (code 6)"},
		{&ReplyError{5, 7}, "socks: proxy refused: command not supported (code 7)"},
		{&ReplyError{5, 8}, "socks: proxy refused: address type not supported (code 8)"},
		{&ReplyError{5, 91}, "socks: proxy refused: unassigned code (code 91)"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%#v.Error() = %q; want %q", *tt.err, got, tt.want)
		}
	}
}

// A connection that breaks while sending reports why.
func TestSendingFails(t *testing.T) {
	for name, do := range map[string]handshake{
		"4": to4("192.0.2.1:80", ""), "4a": to4a("a.test", 80, ""), "5": to5("a.test", 80, nil),
	} {
		client, proxy := net.Pipe()
		proxy.Close()
		if err := do(client); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("SOCKS%s: error %v; want %v", name, err, io.ErrClosedPipe)
		}
		client.Close()
	}
}

// A transcript is a connection whose peer has said everything beforehand.
type transcript struct {
	io.Reader
	sent []string
}

func (c *transcript) Write(b []byte) (int, error) {
	c.sent = append(c.sent, string(b))
	return len(b), nil
}

// Whatever the proxy says, success means that its reply granted the connection
// and that exactly the reply was read.
func FuzzReply4(f *testing.F) {
	for _, tt := range handshakeTests {
		for _, s := range tt.steps {
			f.Add([]byte(s.send))
		}
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		rest := bytes.NewReader(said)
		err := Connect4a(&transcript{Reader: rest}, "a.test", 80, "kate")
		if granted := len(said) >= 8 && said[0] == 0 && said[1] == 90; granted != (err == nil) {
			t.Errorf("proxy says %q: error %v", said, err)
		}
		if read := len(said) - rest.Len(); read != min(8, len(said)) {
			t.Errorf("proxy says %q: %d bytes read", said, read)
		}
	})
}

func FuzzReply5(f *testing.F) {
	for _, tt := range handshakeTests {
		var said strings.Builder
		for _, s := range tt.steps {
			said.WriteString(s.send)
		}
		f.Add([]byte(said.String()))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		rest := bytes.NewReader(said)
		conn := &transcript{Reader: rest}
		err := Connect5(conn, "a.test", 443, kate)
		read := said[:len(said)-rest.Len()]
		sent := fmt.Sprintf("%q", conn.sent)
		switch {
		case bytes.HasPrefix(read, []byte("\x05\x02\x01\x00")):
			read = read[4:]
			if want := fmt.Sprintf("%q", []string{greetingPwd, login, request5a}); sent != want {
				t.Errorf("proxy says %q: sent %s; want %s", said, sent, want)
			}
		case bytes.HasPrefix(read, []byte("\x05\x00")):
			read = read[2:]
			if want := fmt.Sprintf("%q", []string{greetingPwd, request5a}); sent != want {
				t.Errorf("proxy says %q: sent %s; want %s", said, sent, want)
			}
		default: // no method, or the login failed
			if err == nil || len(conn.sent) > 2 || len(conn.sent) == 2 && conn.sent[1] != login {
				t.Errorf("proxy says %q: sent %s, error %v", said, sent, err)
			}
			return
		}
		if err != nil {
			return
		}
		length := 0
		switch read[3] {
		case 1:
			length = 4 + 4 + 2
		case 3:
			length = 4 + 1 + int(read[4]) + 2
		case 4:
			length = 4 + 16 + 2
		}
		if len(read) != length || read[0] != 5 || read[1] != 0 {
			t.Errorf("proxy says %q: success after a reply of %q", said, read)
		}
	})
}
