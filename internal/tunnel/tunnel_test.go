package tunnel

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const target = "a.test:443"

// connectTests includes the rows of the catalogue of faults that their names
// begin with. The proxy reads the request, sends the answer in one piece, and
// then closes the connection unless it stalls.
var connectTests = []struct {
	name   string
	answer string
	stalls bool
	waits  bool   // for the deadline of the caller
	stream string // what the tunnel gives; the end of answer
	status *StatusError
	want   error
}{
	{name: "200", answer: "HTTP/1.1 200 Connection established\r\n\r\n"},
	{name: "200 and the stream", answer: "HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n", stream: "SSH-2.0-x\r\n"},
	{name: "200 of HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nA: b\r\n\r\nx", stream: "x"},
	{name: "200 without reason", answer: "HTTP/1.1 200\r\n\r\nx", stream: "x"},
	{name: "200 with bare line feeds", answer: "HTTP/1.1 200 OK\nA: b\n\n\nx", stream: "\nx"},
	{name: "200 with lengths to ignore", answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: x\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n2\r\nab", stream: "2\r\nab"},
	{name: "B210 201", answer: "HTTP/1.1 201 OK\r\n\r\nx", stream: "x"},
	{name: "B210 200 and close", answer: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
	{name: "204", answer: "HTTP/1.1 204 No Content\r\n\r\nx", stream: "x"},
	{name: "interim answers", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", stream: "x"},
	{name: "surplus larger than the buffer", answer: "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 10000), stream: strings.Repeat("x", 10000)},
	{name: "large header", answer: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", maxHeader-100) + "\r\n\r\nx", stream: "x"},

	{name: "B210 407", answer: "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"p\"\r\nproxy-authenticate: Digest x\r\nContent-Length: 4\r\n\r\nbody",
		status: &StatusError{407, "407 Auth", http.Header{"Proxy-Authenticate": {`Basic realm="p"`, "Digest x"}, "Content-Length": {"4"}}, []byte("body"), true}},
	{name: "B210 502", answer: "HTTP/1.1 502 Bad\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		status: &StatusError{502, "502 Bad", http.Header{"Transfer-Encoding": {"Chunked"}}, []byte("body"), true}},
	{name: "B210 302", answer: "HTTP/1.1 302 X\r\nLocation: http://evil.test/\r\n\r\n",
		status: &StatusError{302, "302 X", http.Header{"Location": {"http://evil.test/"}}, []byte{}, false}},
	{name: "refusal that stays open", answer: "HTTP/1.1 403 No\r\n\r\nbody", stalls: true,
		status: &StatusError{403, "403 No", http.Header{}, []byte("body"), false}},
	{name: "refusal that ends with the connection", answer: "HTTP/1.1 403 No\r\nConnection: Close\r\n\r\n" + strings.Repeat("x", maxBody+1),
		status: &StatusError{403, "403 No", http.Header{"Connection": {"Close"}}, bytes.Repeat([]byte("x"), maxBody), false}},
	{name: "refusal that should end with the connection", answer: "HTTP/1.1 403 No\r\nConnection: close\r\n\r\nbody", stalls: true, waits: true,
		status: &StatusError{403, "403 No", http.Header{"Connection": {"close"}}, []byte("body"), false}},
	{name: "refusal that stalls in its body", answer: "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nbody", stalls: true, waits: true,
		status: &StatusError{403, "403 No", http.Header{"Content-Length": {"9"}}, []byte("body"), false}},
	{name: "refusal with more than its length", answer: "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nbody and more",
		status: &StatusError{403, "403 No", http.Header{"Content-Length": {"4"}}, []byte("body"), false}},
	{name: "refusal with malformed length", answer: "HTTP/1.1 403 No\r\nContent-Length: -4\r\n\r\nbody",
		status: &StatusError{403, "403 No", http.Header{"Content-Length": {"-4"}}, []byte("body"), false}},
	{name: "refusal with malformed chunks", answer: "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nx",
		status: &StatusError{403, "403 No", http.Header{"Transfer-Encoding": {"chunked"}}, []byte("body"), false}},
	{name: "refusal with a large body", answer: "HTTP/1.1 403 No\r\nContent-Length: 9999999\r\n\r\n" + strings.Repeat("x", 200<<10),
		status: &StatusError{403, "403 No", http.Header{"Content-Length": {"9999999"}}, bytes.Repeat([]byte("x"), maxBody), false}},
	{name: "refusal with a large header and a body", answer: "HTTP/1.1 403 " + strings.Repeat("x", maxHeader-100) + "\r\nContent-Length: 400\r\n\r\n" + strings.Repeat("b", 400),
		status: &StatusError{403, "403 " + strings.Repeat("x", maxHeader-100), http.Header{"Content-Length": {"400"}}, bytes.Repeat([]byte("b"), 400), true}},
	{name: "refusal with a page", answer: "HTTP/1.1 407 Auth\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("x", 9000),
		status: &StatusError{407, "407 Auth", http.Header{"Content-Length": {"9000"}}, bytes.Repeat([]byte("x"), maxBody), true}},
	{name: "refusal with a page in chunks", answer: "HTTP/1.1 407 Auth\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + strings.Repeat("x", 5000) + "\r\n0\r\nA: b\r\n\r\n",
		status: &StatusError{407, "407 Auth", http.Header{"Transfer-Encoding": {"chunked"}}, bytes.Repeat([]byte("x"), maxBody), true}},
	{name: "refusal with more than its page", answer: "HTTP/1.1 407 Auth\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n\r\n",
		status: &StatusError{407, "407 Auth", http.Header{"Content-Length": {"4"}}, []byte("body"), false}},
	{name: "refusal of HTTP/1.0", answer: "HTTP/1.0 407 Auth\r\nContent-Length: 4\r\n\r\nbody",
		status: &StatusError{407, "407 Auth", http.Header{"Content-Length": {"4"}}, []byte("body"), false}},
	{name: "refusal that closes", answer: "HTTP/1.1 407 Auth\r\nProxy-Connection: x, Close\r\nContent-Length: 4\r\n\r\nbody",
		status: &StatusError{407, "407 Auth", http.Header{"Proxy-Connection": {"x, Close"}, "Content-Length": {"4"}}, []byte("body"), false}},
	{name: "refusal without reason", answer: "HTTP/1.1 503\r\n\r\n",
		status: &StatusError{503, "503", http.Header{}, []byte{}, false}},
	{name: "switching protocols", answer: "HTTP/1.1 101 X\r\n\r\n", stalls: true,
		status: &StatusError{101, "101 X", http.Header{}, []byte{}, false}},
	{name: "refusal after an interim answer", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 Auth\r\n\r\n",
		status: &StatusError{407, "407 Auth", http.Header{}, []byte{}, false}},

	{name: "B211 garbage", answer: "SSH-2.0-OpenSSH_9.2\r\n", want: ErrProtocol},
	{name: "B211 garbage without end", answer: "\x15\x03\x01\x00\x02\x02\x46", want: ErrProtocol},
	{name: "B211 empty line", answer: "\r\nHTTP/1.1 200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 HTTP/2", answer: "HTTP/2.0 200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 HTTP/1", answer: "HTTP/1 200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 HTTP/1.x", answer: "HTTP/1.x 200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 ICY", answer: "ICY 200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 no status", answer: "HTTP/1.1 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 status of two digits", answer: "HTTP/1.1 20\r\n\r\n", want: ErrProtocol},
	{name: "B211 status of four digits", answer: "HTTP/1.1 2000 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 status with a sign", answer: "HTTP/1.1 +20 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 tab before the status", answer: "HTTP/1.1\t200 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 status below 100", answer: "HTTP/1.1 099 OK\r\n\r\n", want: ErrProtocol},
	{name: "B211 field without colon", answer: "HTTP/1.1 200 OK\r\nA\r\n\r\n", want: ErrProtocol},
	{name: "B211 first field folded", answer: "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", want: ErrProtocol},
	{name: "B211 early close", answer: "", want: io.ErrUnexpectedEOF},
	{name: "B211 close after the status", answer: "HTTP/1.1 200 OK\r\n", want: io.ErrUnexpectedEOF},
	{name: "B211 close in a field", answer: "HTTP/1.1 200 OK\r\nA: b", want: io.ErrUnexpectedEOF},
	{name: "B211 close after a field", answer: "HTTP/1.1 200 OK\r\nA: b\r\n", want: io.ErrUnexpectedEOF},
	{name: "B211 close after an interim answer", answer: "HTTP/1.1 100 Continue\r\n\r\n", want: io.ErrUnexpectedEOF},
	{name: "B211 endless status line", answer: "HTTP/1.1 200 " + strings.Repeat("x", 100<<10), want: ErrHeaderTooLarge},
	{name: "B211 endless field", answer: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 100<<10), want: ErrHeaderTooLarge},
	{name: "B211 endless fields", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20<<10), want: ErrHeaderTooLarge},
	{name: "B211 endless interim answers", answer: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 4<<10), want: ErrHeaderTooLarge},
	{name: "stall before the answer", answer: "", stalls: true, waits: true, want: os.ErrDeadlineExceeded},
	{name: "stall in the header", answer: "HTTP/1.1 200 OK\r\nA: b\r\n", stalls: true, waits: true, want: os.ErrDeadlineExceeded},
}

func TestConnect(t *testing.T) {
	for _, tt := range connectTests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, proxy := net.Pipe()
				defer client.Close()
				client.SetDeadline(time.Now().Add(10 * time.Second))
				go func() {
					defer proxy.Close()
					proxy.Read(make([]byte, 1024))
					if _, err := io.WriteString(proxy, tt.answer); err == nil && tt.stalls {
						io.Copy(io.Discard, proxy)
					}
				}()

				start := time.Now()
				conn, err := Connect(client, target, nil)
				if waits := time.Since(start) > 0; waits != tt.waits {
					t.Errorf("Connect waits for the deadline: %v; want %v", waits, tt.waits)
				}
				switch {
				case tt.status != nil:
					got, _ := errors.AsType[*StatusError](err)
					if !reflect.DeepEqual(got, tt.status) {
						t.Errorf("Connect: error %#v; want %#v", err, tt.status)
					}
				case tt.want != nil:
					if !errors.Is(err, tt.want) {
						t.Errorf("Connect: error %v; want %v", err, tt.want)
					}
				default:
					if err != nil {
						t.Fatalf("Connect: %v", err)
					}
					if tt.stream == "" && conn != client {
						t.Error("Connect wraps a connection from which it read nothing too much")
					}
					if got, err := io.ReadAll(conn); string(got) != tt.stream || err != nil {
						t.Errorf("the tunnel gives %q, %v; want %q", got, err, tt.stream)
					}
				}
			})
		})
	}
}

func TestStatusErrorText(t *testing.T) {
	for _, tt := range []struct{ status, want string }{
		{"407 Proxy Authentication Required", `tunnel: proxy answered "407 Proxy Authentication Required"`},
		{"502 a\x1b[31m\nb", `tunnel: proxy answered "502 a\x1b[31m\nb"`},
		{"502 " + strings.Repeat("x", 1<<20), `tunnel: proxy answered "502 ` + strings.Repeat("x", 76) + `"`},
	} {
		err := &StatusError{Status: tt.status, Header: http.Header{"Set-Cookie": {"s3cret"}}, Body: []byte("s3cret")}
		if got := err.Error(); got != tt.want {
			t.Errorf("Error() = %.200q; want %q", got, tt.want)
		}
	}
}

// A076: what the proxy is sent is this and nothing else, in one write.
func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		target string
		header http.Header
		want   string
	}{
		{name: "no header", target: "a.test:443", want: "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"},
		{name: "IPv6", target: "[2001:db8::1]:80", want: "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"},
		{name: "fields for the proxy", target: "a.test:443",
			header: http.Header{"User-Agent": {"x/1"}, "Proxy-Authorization": {"Basic eDp5"}, "X-Y": {"1", "2"}},
			want:   "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Basic eDp5\r\nUser-Agent: x/1\r\nX-Y: 1\r\nX-Y: 2\r\n\r\n"},
		{name: "fields of the request itself", target: "a.test:443",
			header: http.Header{"Host": {"b.test"}, "host": {"b.test"}, "content-length": {"5"}, "Transfer-Encoding": {"chunked"}},
			want:   "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"},
		{name: "line ends in a value", target: "a.test:443", header: http.Header{"A": {"b\r\nC: d"}},
			want: "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nA: b  C: d\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := &transcript{Reader: strings.NewReader("HTTP/1.1 200 OK\r\n\r\n")}
			if _, err := Connect(conn, tt.target, tt.header); err != nil {
				t.Errorf("Connect: %v", err)
			}
			if got, want := fmt.Sprintf("%q", conn.sent), fmt.Sprintf("%q", []string{tt.want}); got != want {
				t.Errorf("sent %s; want %s", got, want)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	for _, target := range []string{
		"", ":", ":443", "a.test", "a.test:", "a.test:x", "a.test:-1", "a.test:+1", "a.test:65536", "a.test:443:443",
		"::1:443", "[::1]", "[a.test]:443", "[fe80::1%eth0]:443", "a test:443", "a.test:443\r\nX: y", "a.test\r\nX:443",
		"a.test\n:443", "a.test\x00:443", "user@a.test:443", "a.test/x:443", "a.test?:443", "a.test#:443", "a\\b:443", "b\u00fccher.test:443",
		"a%0d.test:443", "\x7f:443", "\xff:443",
	} {
		conn := &transcript{Reader: strings.NewReader("HTTP/1.1 200 OK\r\n\r\n")}
		if _, err := Connect(conn, target, nil); !errors.Is(err, ErrAddress) {
			t.Errorf("Connect(%q): error %v; want %v", target, err, ErrAddress)
		}
		if len(conn.sent) > 0 {
			t.Errorf("Connect(%q) sent %q", target, conn.sent)
		}
	}
}

func TestSendingFails(t *testing.T) {
	client, proxy := net.Pipe()
	defer client.Close()
	proxy.Close()
	_, err := Connect(client, target, http.Header{"Proxy-Authorization": {"Basic s3cret"}})
	if !errors.Is(err, io.ErrClosedPipe) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v; want %v", err, io.ErrClosedPipe)
	}
}

// The surplus comes first, in pieces as small as the reader asks for, and then
// what the connection goes on to give.
func TestSurplusBySmallReads(t *testing.T) {
	rest := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\nabc"), strings.NewReader("defg"))
	conn, err := Connect(&transcript{Reader: rest}, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for b := make([]byte, 2); ; {
		n, err := conn.Read(b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b[:n]))
	}
	if want := []string{"ab", "c", "de", "fg"}; !reflect.DeepEqual(got, want) {
		t.Errorf("reads of 2 bytes give %q; want %q", got, want)
	}
}

// proxyTo starts a proxy that answers one CONNECT and joins its connection to addr.
func proxyTo(t *testing.T, addr, answer string) net.Conn {
	t.Helper()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	go func() {
		client, err := proxy.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		client.Read(make([]byte, 1024))
		io.WriteString(client, answer)
		server, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer server.Close()
		go io.Copy(server, client)
		io.Copy(client, server)
	}()
	conn, err := net.Dial("tcp", proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func TestTLSThroughTunnel(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "of the server")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	server.StartTLS()
	defer server.Close()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "example.com"
	addr := server.Listener.Addr().String()

	conn, err := Connect(proxyTo(t, addr, "HTTP/1.1 200 OK\r\n\r\n"), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream := tls.Client(conn, config)
	io.WriteString(stream, "GET / HTTP/1.0\r\n\r\n")
	if got, err := io.ReadAll(stream); !strings.HasSuffix(string(got), "\r\n\r\nof the server") || err != nil {
		t.Errorf("GET through the tunnel gives %q, %v", got, err)
	}

	t.Run("B211 bytes injected after 200", func(t *testing.T) {
		injected := "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
		conn, err := Connect(proxyTo(t, addr, "HTTP/1.1 200 OK\r\n\r\n"+injected), addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(conn, config).Handshake()
		if _, ok := errors.AsType[tls.RecordHeaderError](err); !ok {
			t.Errorf("handshake after injected bytes: error %v; want a tls.RecordHeaderError", err)
		}
	})
}

// A transcript is a connection whose peer has said everything beforehand.
type transcript struct {
	net.Conn
	io.Reader
	sent []string
}

func (c *transcript) Read(b []byte) (int, error) { return c.Reader.Read(b) }

func (c *transcript) Write(b []byte) (int, error) {
	c.sent = append(c.sent, string(b))
	return len(b), nil
}

// A tunnel gives exactly what follows the empty line of the answer, and a
// refusal keeps within its bounds.
func FuzzAnswer(f *testing.F) {
	for _, tt := range connectTests {
		f.Add([]byte(tt.answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		rest := bytes.NewReader(answer)
		conn, err := Connect(&transcript{Reader: rest}, target, nil)
		if read := len(answer) - rest.Len(); read > maxHeader+maxRest {
			t.Errorf("%d bytes read", read)
		}
		if refusal, ok := errors.AsType[*StatusError](err); ok {
			if len(refusal.Body) > maxBody || refusal.StatusCode/100 == 2 || len(refusal.Error()) > 1000 {
				t.Errorf("answer %q: %d bytes of body, %v", answer, len(refusal.Body), refusal)
			}
			return
		}
		if err != nil {
			return
		}
		stream, err := io.ReadAll(conn)
		if err != nil || !bytes.HasSuffix(answer, stream) {
			t.Fatalf("answer %q: the tunnel gives %q, %v", answer, stream, err)
		}
		header := answer[:len(answer)-len(stream)]
		if !bytes.HasSuffix(header, []byte("\n\r\n")) && !bytes.HasSuffix(header, []byte("\n\n")) {
			t.Errorf("answer %q: the tunnel begins after %q", answer, header)
		}
	})
}
