package requests

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw answers the first request of each connection with text and ends it.
func raw(text string) func(*peer) {
	return func(c *peer) {
		if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.Copy(io.Discard, req.Body)
			io.WriteString(c, text)
		}
	}
}

// A framingCase is what a server sends and what becomes of it.
type framingCase struct {
	name string // with the row of the fault table
	sent string
	want string // the body, if there is no error
	err  error
	head bool // the response itself is refused, and not its body alone
}

const (
	ok      = "HTTP/1.1 200 OK\r\n"
	chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
)

var framingCases = []framingCase{
	{name: "B030 length, cut", sent: ok + "Content-Length: 100\r\n\r\n" + strings.Repeat("x", 50), err: ErrIncompleteBody},
	{name: "B032 until close", sent: ok + "\r\nall of it", want: "all of it"},
	{name: "B035 chunked, the last chunk missing", sent: chunked + "5\r\nhello\r\n", err: ErrIncompleteBody},
	{name: "B036 chunked, cut in the trailer", sent: chunked + "5\r\nhello\r\n0\r\n", err: ErrIncompleteBody},
	{name: "B037 chunk size zz", sent: chunked + "zz\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk size -1", sent: chunked + "-1\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk size 0x5", sent: chunked + "0x5\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk size empty", sent: chunked + "\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk size of 17 digits", sent: chunked + "00000000000000005\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk size ends in a bare LF (A211)", sent: chunked + "5\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk without its line end", sent: chunked + "5\r\nhello0\r\n\r\n", err: ErrProtocol},
	{name: "B037 chunk extension of 8 KB", sent: chunked + "5;" + strings.Repeat("x", 8<<10) + "\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B037 flood of chunk extensions (A195)", sent: chunked + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 100) + "0\r\n\r\n", err: ErrProtocol},
	{name: "B038 chunk size of all ones (A214)", sent: chunked + "FFFFFFFFFFFFFFFF\r\nhello", err: ErrIncompleteBody},
	{name: "B039 trailer of 8 MB", sent: chunked + "5\r\nhello\r\n0\r\nX: " + strings.Repeat("x", 8<<20) + "\r\n\r\n", err: ErrProtocol},
	{name: "B041 length of 2^63-1 (A197)", sent: ok + "Content-Length: 9223372036854775807\r\n\r\nx", err: ErrIncompleteBody},
	{name: "B043 chunked and a length (A213)", sent: ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "B044 chunked in HTTP/1.0 (A222)", sent: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B044 chunked in HTTP/1.0, several chunks", sent: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", err: ErrProtocol},
	{name: "B044 HTTP/1.0 that only begins so", sent: "HTTP/1.0 200 OK\r\n\r\n5\r\nhello, world", want: "5\r\nhello, world"},
	{name: "B044 HTTP/1.0 of numbers", sent: "HTTP/1.0 200 OK\r\n\r\n2\r\n10\r\n", want: "2\r\n10\r\n"},
	{name: "B045 more than the length", sent: ok + "Content-Length: 5\r\n\r\nhelloGARBAGE", want: "hello"},
	{name: "B052 status 600", sent: "HTTP/1.1 600 Odd\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "B052 status 999", sent: "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "B053 HTTP/2.0 on a connection of HTTP/1", sent: "HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx", err: ErrProtocol, head: true},
	{name: "B057 a blank before the colon (A212)", sent: ok + "Content-Length : 1\r\nContent-Length: 5\r\n\r\nhello", err: ErrProtocol, head: true},
	{name: "B057 a blank in a name (A212)", sent: ok + "Na me: v\r\nContent-Length: 5\r\n\r\nhello", want: "hello"},
	{name: "B053 HTTP/9.9 (A221)", sent: "HTTP/9.9 200 OK\r\nContent-Length: 1\r\n\r\nx", err: ErrProtocol, head: true},
	{name: "B053 HTTP/0.9 (A221)", sent: "HTTP/0.9 200 OK\r\nContent-Length: 1\r\n\r\nx", err: ErrProtocol, head: true},
	{name: "B054 no reason", sent: "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "B054 two spaces", sent: "HTTP/1.1 200  OK\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "B058 folded field", sent: ok + "X: a\r\n b\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "B058 bare LF for line ends", sent: "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", want: "x"},
	{name: "B059 field of 2 MB", sent: ok + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", err: ErrProtocol, head: true},
	{name: "B060 200 000 short fields (A194)", sent: ok + strings.Repeat("a: b\r\n", 200_000) + "\r\n", err: ErrProtocol, head: true},
	{name: "B060 1001 fields", sent: ok + strings.Repeat("a: b\r\n", 1000) + "Content-Length: 1\r\n\r\nx", err: ErrProtocol, head: true},
	{name: "B060 1000 fields", sent: ok + strings.Repeat("a: b\r\n", 999) + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "B061 early hints", sent: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + ok + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "B062 endless early hints (A196)", sent: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100_000), err: ErrProtocol, head: true},
	{name: "B062 endless 100 (A196)", sent: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100_000), err: ErrProtocol, head: true},
	{name: "B063 unasked 100", sent: "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "B063 unasked 101", sent: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx", err: ErrProtocol, head: true},
	{name: "B063 199 with a body, which nothing follows", sent: "HTTP/1.1 199 Odd\r\nContent-Length: 1\r\n\r\nx", err: ErrConnectionLost, head: true},
	{name: "B063 199 with a body, which is no head", sent: "HTTP/1.1 199 Odd\r\nContent-Length: 1\r\n\r\nx" + ok + "Content-Length: 0\r\n\r\n", err: ErrProtocol, head: true},
	{name: "B064 TLS on a port of http", sent: "\x15\x03\x01\x00\x02\x02\x50", err: ErrProtocol, head: true},
	{name: "B070 204 with a body", sent: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", want: ""},
	{name: "B070 304 with a body", sent: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", want: ""},
	{name: "B071 204 chunked", sent: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: ""},
	{name: "B073 205 with a body", sent: "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", want: "hello"},
	{name: "B074 204 and gzip", sent: "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", want: ""},
	{name: "B074 no bytes and gzip", sent: ok + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", want: ""},
}

func init() {
	for name, length := range map[string]string{
		"conflicting": "5\r\nContent-Length: 6", "list": "5, 6", "plus": "+5", "minus": "-1", "letters": "5abc",
		"empty": "", "23 digits": "99999999999999999999999", "hex": "0x5", "Arabic digits": "\u0665",
	} {
		framingCases = append(framingCases, framingCase{
			name: "B040 length " + name, sent: ok + "Content-Length: " + length + "\r\n\r\nhello", err: ErrProtocol, head: true,
		})
	}
	framingCases = append(framingCases, framingCase{
		name: "B040 length twice the same (A213)", sent: ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", want: "hello",
	})
	for _, coding := range []string{"gzip, chunked", "identity", "chunked, chunked", "xchunked", "chunked\r\nTransfer-Encoding: chunked", "\x0bchunked", "chunked,"} {
		framingCases = append(framingCases, framingCase{
			name: fmt.Sprintf("B042 coding %q (A210)", coding), sent: ok + "Transfer-Encoding: " + coding + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", err: ErrProtocol, head: true,
		})
	}
	for _, line := range []string{"GARBAGE", "ICY 200 OK", "http/1.1 200 OK", "HTTP/1.1 abc OK", "HTTP/1.1 99 OK", "HTTP/1.1 1000 OK", "HTTP/1.1 -20 OK"} {
		framingCases = append(framingCases, framingCase{name: "B050 " + line, sent: line + "\r\nContent-Length: 0\r\n\r\n", err: ErrProtocol, head: true})
	}
	for _, status := range []string{"099", "000"} {
		framingCases = append(framingCases, framingCase{name: "B051 status " + status, sent: "HTTP/1.1 " + status + " Odd\r\nContent-Length: 0\r\n\r\n", err: ErrProtocol, head: true})
	}
	for _, field := range []string{"no colon", "X: a\x00b", "X: a\rb", "X: a\x07b", ": v", " X: v", "X\x80: v"} {
		framingCases = append(framingCases, framingCase{name: fmt.Sprintf("B056 %q", field), sent: ok + field + "\r\nContent-Length: 0\r\n\r\n", err: ErrProtocol, head: true})
	}
}

// TestFraming sends what servers send that do not keep to RFC 9112. What is not
// well framed never passes for a shorter body, whether it is streamed or not.
func TestFraming(t *testing.T) {
	for _, tt := range framingCases {
		t.Run(tt.name, func(t *testing.T) {
			s := pipes{serve: raw(tt.sent)}.session(t)
			r, err := s.Get(context.Background(), "http://a.test/")
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Fatalf("Get = %v, error %v; want %v", r, err, tt.err)
				}
				if len(err.Error()) > 2<<10 {
					t.Errorf("the error is of %d bytes", len(err.Error()))
				}
			} else if err != nil || r.Text() != tt.want {
				t.Fatalf("Get = %v, error %v; want the text %q", r, err, tt.want)
			}

			r, err = s.Get(context.Background(), "http://a.test/", Stream(true))
			if tt.head {
				if !errors.Is(err, tt.err) {
					t.Fatalf("streamed: Get = %v, error %v; want %v", r, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			b, err := io.ReadAll(r.Body)
			if !errors.Is(err, tt.err) || err == nil && string(b) != tt.want {
				t.Errorf("streamed: the body is %.40q, error %v; want %q, error %v", b, err, tt.want, tt.err)
			}
			if _, again := r.Body.Read(make([]byte, 1)); err != nil && !errors.Is(again, tt.err) {
				t.Errorf("streamed: the read after the error gives %v; want the same", again)
			}
		})
	}
}

// A connection that is reset is no end of a body either.
func TestFramingReset(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		err        error
	}{
		{"B031 length, reset", ok + "Content-Length: 100\r\n\r\n" + strings.Repeat("x", 50), ErrIncompleteBody},
		{"B033 until close, reset", ok + "\r\nall of it", ErrIncompleteBody},
		{"B008 reset right after the header", ok + "Content-Length: 5\r\n\r\n", ErrIncompleteBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			reading := make(chan struct{})
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				raw(tt.sent)(&peer{Conn: c})
				<-reading
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}()
			s := NewSession()
			defer s.Close()
			r, err := s.Get(context.Background(), "http://"+l.Addr().String(), Stream(true))
			close(reading)
			if err != nil {
				t.Fatal(err)
			}
			if r.Content() != nil || !errors.Is(r.Err(), tt.err) {
				t.Errorf("Content() = %q, Err() = %v; want none, %v", r.Content(), r.Err(), tt.err)
			}
		})
	}
}

// B041, A197: what a server announces sets no memory aside.
func TestAnnouncedLengthAllocatesNothing(t *testing.T) {
	s := pipes{serve: raw(ok + "Content-Length: 1000000000000\r\n\r\nx")}.session(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Get(context.Background(), "http://a.test/")
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrIncompleteBody) {
		t.Errorf("Get: error %v; want %v", err, ErrIncompleteBody)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestReasonAndFields(t *testing.T) {
	s := pipes{serve: raw("HTTP/1.1 404 Not\x1b[31m Here\r\nLatin: caf\xe9\r\nContent-Length: 5\r\n\r\nhello")}.session(t)
	r, err := s.Get(context.Background(), "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	if text := r.RaiseForStatus().Error(); strings.ContainsAny(text, "\x1b\x00") || !strings.Contains(text, `Not\x1b[31m Here`) {
		t.Errorf("B055: the error is %q; want the reason escaped", text)
	}
	if r.Text() != "hello" {
		t.Errorf("the body is %q", r.Text())
	}
	if v := r.Header.Get("Latin"); v != "caf\xe9" {
		t.Errorf("B058: the field Latin is %q", v)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	for name, sent := range map[string]string{
		"B072 length":      ok + "Content-Length: 5\r\n\r\n",
		"B072 chunked":     chunked,
		"B072 body sent":   ok + "Content-Length: 5\r\n\r\nhello",
		"B074 gzip length": ok + "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := pipes{serve: raw(sent)}.session(t)
			r, err := s.Head(context.Background(), "http://a.test/")
			if err != nil || len(r.Content()) != 0 {
				t.Fatalf("Head: body %q, error %v; want none", r.Content(), err)
			}
			if want := strings.Contains(sent, "Content-Length"); (r.Header.Get("Content-Length") == "5") != want {
				t.Errorf("Content-Length is %q", r.Header.Get("Content-Length"))
			}
		})
	}
}

// B015, A216: bytes behind a response are never the next response.
func TestBytesBehindAResponse(t *testing.T) {
	var n atomic.Int64
	s := pipes{serve: func(c *peer) {
		n := n.Add(1)
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned", n)
		c.wait(time.Minute)
	}}.session(t)
	for i := 1; i <= 5; i++ {
		r, err := s.Get(context.Background(), "http://a.test/")
		if err != nil || r.Text() != fmt.Sprint(i) {
			t.Fatalf("call %d: %v, error %v", i, r, err)
		}
	}
}

// B046: over HTTP/2 the length of the body is held to what was announced.
func TestFramingHTTP2(t *testing.T) {
	for _, tt := range []struct {
		name, length, body string
		err                error
	}{
		{"B046 body shorter than its length", "10", "four", ErrIncompleteBody},
		{"B046 body longer than its length", "2", "four", ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(nil)
			srv.StartTLS()
			srv.Close() // only its certificate is wanted
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates, NextProtos: []string{"h2"}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go answerHTTP2(l, tt.length, tt.body)
			s := NewSession(TLS{SkipVerify: true})
			defer s.Close()
			_, err = s.Get(context.Background(), "https://"+l.Addr().String())
			if !errors.Is(err, tt.err) {
				t.Errorf("Get: error %v; want %v", err, tt.err)
			}
		})
	}
}

// answerHTTP2 answers one request in frames of its own.
func answerHTTP2(l net.Listener, length, body string) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	fr := http2.NewFramer(c, c)
	fr.WriteSettings()
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				fr.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			var block strings.Builder
			enc := hpack.NewEncoder(&block)
			enc.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			enc.WriteField(hpack.HeaderField{Name: "content-length", Value: length})
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: []byte(block.String()), EndHeaders: true})
			fr.WriteData(f.StreamID, true, []byte(body))
		}
	}
}
