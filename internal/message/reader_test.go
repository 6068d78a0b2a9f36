package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/fault"
)

// A trickle returns one byte at a time, and a timeout before each.
type trickle struct {
	text string
	late bool
}

func (s *trickle) Read(p []byte) (int, error) {
	if s.late = !s.late; s.late {
		return 0, os.ErrDeadlineExceeded
	}
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p, s.text[:1])
	s.text = s.text[n:]
	return n, nil
}

// patiently calls f until it returns something other than a timeout.
func patiently(f func() error) error {
	for {
		if err := f(); err != os.ErrDeadlineExceeded {
			return err
		}
	}
}

// E1.11: after an error of the source, such as a timeout, the same call continues
// where it stopped.
func TestReaderGoesOnAfterATimeout(t *testing.T) {
	for _, tt := range responseCases {
		if tt.refused || tt.cut || len(tt.sent) > 4<<10 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(&trickle{text: tt.sent})
			req := &Request{Method: tt.method}
			var res Response
			for {
				if err := patiently(func() (err error) { res, err = r.Head(req); return err }); err != nil {
					t.Fatal(err)
				}
				if !res.Interim() {
					break
				}
			}
			var body []byte
			var p [16]byte
			err := patiently(func() error {
				n, err := r.Read(p[:])
				for err == nil {
					body = append(body, p[:n]...)
					n, err = r.Read(p[:])
				}
				body = append(body, p[:n]...)
				return err
			})
			if err != io.EOF || string(body) != tt.want {
				t.Errorf("the body is %q, error %v; want %q", body, err, tt.want)
			}
		})
	}
}

// A lateTimeout returns a timeout with each byte.
type lateTimeout struct{ text string }

func (s *lateTimeout) Read(p []byte) (int, error) {
	n := copy(p, s.text[:1])
	s.text = s.text[n:]
	return n, os.ErrDeadlineExceeded
}

func TestErrorThatComesWithBytes(t *testing.T) {
	r := NewReader(&lateTimeout{chunks11 + hello + "x"})
	if err := patiently(func() error { _, err := r.Head(new(Request)); return err }); err != nil {
		t.Fatal(err)
	}
	var p [10]byte
	var n int
	if err := patiently(func() error { m, err := r.Read(p[n:]); n += m; return err }); err != nil || n != 1 {
		t.Errorf("Read = %q, %v; want a byte", p[:n], err)
	}
}

// What has arrived is returned before the source is asked for more, which may take
// long.
func TestReadDoesNotWait(t *testing.T) {
	for name, tt := range map[string]struct{ head, body string }{
		"sized":       {ok11 + "Content-Length: 100\r\n\r\n", "hello world"},
		"chunked":     {chunks11, "1\r\nh\r\n4\r\nello\r\n6;x\r\n world\r\n"},
		"half chunks": {chunks11, "5\r\nhello\r\n64\r\n world"},
		"half a size": {chunks11, "5\r\nhello\r\n6\r\n world\r\n6;"},
		"until close": {ok11 + "\r\n", "hello world"},
	} {
		for _, together := range []bool{true, false} {
			for _, room := range []int{1, 4, 11, 100, minInPlace} {
				src := &asked{Reader: strings.NewReader(tt.head + tt.body)}
				if !together {
					src.Reader = io.MultiReader(strings.NewReader(tt.head), strings.NewReader(tt.body))
				}
				r := NewReader(src)
				if _, err := r.Head(new(Request)); err != nil {
					t.Fatal(err)
				}
				var got []byte
				for p := make([]byte, room); len(got) < len("hello world"); {
					n, err := r.Read(p)
					if err != nil {
						t.Fatal(name, err)
					}
					got = append(got, p[:n]...)
				}
				most := 1
				if !together {
					most = 2
				}
				if string(got) != "hello world" || len(src.most) > most {
					t.Errorf("%s, by %d bytes: %q was read by asking %d times; want %d", name, room, got, len(src.most), most)
				}
			}
		}
	}
}

// Bytes that were searched for the end of a line, head or trailer are not searched
// again when another byte arrives.
func TestReaderSearchesNothingTwice(t *testing.T) {
	line := strings.Repeat("x", 3000)
	for name, sent := range map[string]string{
		"status line": "HTTP/1.1 200 " + line,
		"field":       ok11 + "A: " + line,
		"fields":      ok11 + strings.Repeat("A: b\r\n", 500),
		"chunk size":  chunks11 + "5;" + line,
		"trailer":     chunks11 + "0\r\nA: " + line,
	} {
		t.Run(name, func(t *testing.T) {
			src := &trickle{text: sent}
			r := NewReader(src)
			inBody := false
			for src.text != "" {
				var err error
				if !inBody {
					_, err = r.Head(new(Request))
					inBody = err == nil
				} else {
					_, err = r.Read(make([]byte, 1))
				}
				if err != nil && err != os.ErrDeadlineExceeded {
					t.Fatal(err)
				}
				if again := r.Buffered() - r.seen; again > 3 {
					t.Fatalf("%d of %d bytes will be searched again", again, r.Buffered())
				}
			}
		})
	}
}

// The memory for reading a head is in proportion to its size, however it arrives.
// So is the copying: once for each doubling.
func TestReaderGrowsByDoubling(t *testing.T) {
	sent := ok11 + "A: " + strings.Repeat("x", 900<<10) + "\r\nContent-Length: 0\r\n\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := NewReader(&trickle{text: sent})
	if err := patiently(func() error { _, err := r.Head(new(Request)); return err }); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were allocated for a head of %d", n, len(sent))
	}
}

func TestLimitOfHeads(t *testing.T) {
	pad := func(size int, rest string) string { // a head of size bytes
		return ok11 + "A: " + strings.Repeat("x", size-len(ok11)-len("A: \r\n")-len(rest)) + "\r\n" + rest
	}
	const end = "Content-Length: 0\r\n\r\n"
	hints := "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 1000) + "\r\n\r\n"
	for name, tt := range map[string]struct {
		sent    string
		refused bool
	}{
		"a MiB":                                {pad(1<<20, end), false},
		"a byte more":                          {pad(1<<20+1, end), true},
		"no end":                               {pad(3<<20, ""), true},
		"with early hints":                     {strings.Repeat(hints, 100) + pad(1<<20-100*len(hints), end), false},
		"with early hints, a byte more":        {strings.Repeat(hints, 100) + pad(1<<20-100*len(hints)+1, end), true},
		"each response its own":                {pad(1<<19, end) + pad(1<<19, end) + pad(1<<19, end), false},
		"each response its own, with the body": {ok11 + "Content-Length: 2097152\r\n\r\n" + strings.Repeat("x", 2<<20) + pad(1<<19, end), false},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.NewReader(tt.sent)
			r := NewReader(src)
			var err error
			for err == nil && src.Len()+r.Buffered() > 0 {
				if _, err = r.Head(new(Request)); err == nil && r.phase != atHead {
					_, err = io.Copy(io.Discard, r)
				}
			}
			if refused := errors.Is(err, fault.Protocol); refused != tt.refused || err != nil && !refused {
				t.Errorf("the error is %v; want it refused: %v", err, tt.refused)
			}
			if tt.refused && !strings.Contains(err.Error(), "the header is longer than a MiB") {
				t.Errorf("the error is %v; want it to name the limit", err)
			}
		})
	}
}

// What is not HTTP is refused as soon as possible: its end may never come.
func TestGarbageIsRefusedAtOnce(t *testing.T) {
	for _, garbage := range []string{"\x15\x03", "SSH-2.0-", "\r\n", "HTTP/2.0", "HTTP/1.1 abc\r\n"} {
		for _, before := range []string{"", ok11 + "Content-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"} {
			r := NewReader(io.MultiReader(strings.NewReader(before), strings.NewReader(garbage), errReader{os.ErrDeadlineExceeded}))
			if before != "" {
				if _, err := r.Head(new(Request)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.Head(new(Request)); !errors.Is(err, fault.Protocol) {
				t.Errorf("%q behind %q: the error is %v; want %v", garbage, before, err, fault.Protocol)
			}
		}
	}
}

func TestEndBeforeTheFirstByte(t *testing.T) {
	if got := read(strings.NewReader(""), new(Request), 512); got.err != io.EOF {
		t.Errorf("the error is %v; want %v", got.err, io.EOF)
	}
	broken := errors.New("broken")
	for _, sent := range []string{"", "HTTP/1.1 2", ok11 + "Content-Length: 5\r\n\r\nhe", chunks11 + "5", ok11 + "\r\nhe"} {
		if got := read(io.MultiReader(strings.NewReader(sent), errReader{broken}), new(Request), 512); got.err != broken {
			t.Errorf("%q: the error is %v; want that of the source", sent, got.err)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A lateEnd returns io.EOF with its last bytes, unlike a connection.
type lateEnd struct{ text string }

func (s *lateEnd) Read(p []byte) (int, error) {
	n := copy(p, s.text)
	if s.text = s.text[n:]; s.text == "" {
		return n, io.EOF
	}
	return n, nil
}

func TestReusable(t *testing.T) {
	sized := ok11 + "Content-Length: 5\r\n\r\nhello"
	for name, tt := range map[string]struct {
		sent string
		req  Request
		want bool
	}{
		"sized":                      {sized, Request{}, true},
		"none":                       {ok11 + "Content-Length: 0\r\n\r\n", Request{}, true},
		"chunked":                    {chunks11 + hello, Request{}, true},
		"HEAD":                       {ok11 + "Content-Length: 5\r\n\r\n", Request{Method: "HEAD"}, true},
		"behind early hints":         {"HTTP/1.1 103 Early Hints\r\n\r\n" + sized, Request{}, true},
		"until close":                {ok11 + "\r\nhello", Request{}, false},
		"the request closes":         {sized, Request{Close: true}, false},
		"a field of the request":     {sized, Request{Header: http.Header{"Connection": {"x, Close"}}}, false},
		"the response closes":        {ok11 + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", Request{}, false},
		"E1.11 HTTP/1.0":             {ok10 + "Content-Length: 5\r\n\r\nhello", Request{}, false},
		"E1.11 HTTP/1.0, keep-alive": {ok10 + "Connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", Request{}, true},
		"a byte behind it":           {sized + "x", Request{}, false},
		"a byte behind the head":     {ok11 + "Content-Length: 0\r\n\r\nx", Request{}, false},
		"a byte behind the chunks":   {chunks11 + hello + "x", Request{}, false},
		"a body with HEAD":           {sized, Request{Method: "HEAD"}, false},
		"a body with 304":            {"HTTP/1.1 304 Not Modified\r\n\r\nx", Request{}, false},
		"cut":                        {ok11 + "Content-Length: 6\r\n\r\nhello", Request{}, false},
		"malformed":                  {chunks11 + "x\r\n", Request{}, false},
		"a request for an upgrade":   {sized, Request{Header: http.Header{"Connection": {"upgrade"}, "Upgrade": {"x"}}}, true},
		"two statements of length":   {ok11 + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + hello, Request{}, false},
		"chunked with 204":           {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", Request{}, false},
		"the next response with it":  {sized + sized, Request{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.sent))
			for {
				if r.Reusable() || r.Complete() {
					t.Error("it is complete before the head")
				}
				res, err := r.Head(&tt.req)
				if err != nil {
					t.Fatal(err)
				}
				if !res.Interim() {
					break
				}
			}
			_, err := io.Copy(io.Discard, r)
			if got := r.Reusable(); got != tt.want {
				t.Errorf("Reusable() = %v; want %v", got, tt.want)
			}
			if r.Complete() != (err == nil) {
				t.Errorf("Complete() = %v; the body has the error %v", r.Complete(), err)
			}
		})
	}

	r := NewReader(&lateEnd{sized})
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "hello" || err != nil || r.Reusable() {
		t.Errorf("the body is %q, error %v, Reusable() %v of a connection that has ended", b, err, r.Reusable())
	}
}

// E1.8, E4 transport.go: after a 101 that was requested, HTTP is over.
func TestTunnel(t *testing.T) {
	upgrade := http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}}
	for name, tt := range map[string]struct {
		sent string
		req  Request
		want bool
	}{
		"101":                      {"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 3\r\n\r\nHTTP/1.1", Request{Header: upgrade}, true},
		"101 behind 100":           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1", Request{Header: upgrade}, true},
		"101 unasked":              {"HTTP/1.1 101 Switching Protocols\r\n\r\n", Request{}, false},
		"101 without the protocol": {"HTTP/1.1 101 Switching Protocols\r\n\r\n", Request{Header: http.Header{"Connection": {"upgrade"}}}, false},
		"101 without the token":    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", Request{Header: http.Header{"Upgrade": {"websocket"}}}, false},
		"CONNECT":                  {"HTTP/1.1 200 Connection established\r\nContent-Length: 3\r\n\r\nHTTP/1.1", Request{Method: "CONNECT"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.sent))
			res, err := r.Head(&tt.req)
			for err == nil && res.Interim() {
				res, err = r.Head(&tt.req)
			}
			if (err == nil) != tt.want {
				t.Fatalf("the error is %v", err)
			}
			if err != nil {
				return
			}
			b, err := io.ReadAll(r)
			if string(b) != "HTTP/1.1" || err != nil || res.Framing != Tunnel || !res.Close || r.Reusable() || r.Complete() {
				t.Errorf("it goes on with %q, error %v; the response is %+v", b, err, res)
			}
		})
	}
	if got := read(strings.NewReader("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"), &Request{Method: "CONNECT"}, 512); got.body != "no" {
		t.Errorf("the body of a refused CONNECT is %q", got.body)
	}
}

// E1.4, E1.5: the Reader does not decide whether the end of the connection is the
// end of the body. It passes on what the source says, in a form that differs from
// the end of a body with a length.
func TestUntilClose(t *testing.T) {
	broken := errors.New("no close_notify")
	for _, tt := range []struct {
		end, want error
	}{{io.EOF, io.EOF}, {broken, broken}, {io.ErrUnexpectedEOF, io.ErrUnexpectedEOF}} {
		r := NewReader(io.MultiReader(strings.NewReader(ok11+"\r\nhello"), errReader{tt.end}))
		res, err := r.Head(new(Request))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 10)
		n, err := r.Read(p)
		if string(p[:n]) != "hello" || err != nil {
			t.Errorf("Read = %q, %v", p[:n], err)
		}
		if _, err = r.Read(p); err != tt.want || res.Framing != UntilClose || r.Complete() != (tt.end == io.EOF) || r.Reusable() {
			t.Errorf("Read = %v, Complete() = %v; want %v", err, r.Complete(), tt.want)
		}
	}
}

// An asked is a source that records how much it is asked for.
type asked struct {
	io.Reader
	most []int
}

func (s *asked) Read(p []byte) (int, error) {
	s.most = append(s.most, len(p))
	return s.Reader.Read(p)
}

// A large read of a body goes directly into the slice of the caller, and never
// beyond the end of the message: what follows stays where it is.
func TestBodyIsReadInPlace(t *testing.T) {
	const size = 1 << 20
	src := &asked{Reader: io.MultiReader(strings.NewReader(ok11+"Content-Length: 1048576\r\n\r\n"), strings.NewReader(strings.Repeat("x", size)+"more"))}
	r := NewReader(src)
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	src.most = nil
	p := make([]byte, size+100)
	n, err := r.Read(p)
	if n != size || err != io.EOF || r.Buffered() != 0 || len(src.most) != 1 || src.most[0] != size {
		t.Errorf("Read = %d, %v with %d bytes buffered, by asking for %v; want %d, EOF, by asking for that", n, err, r.Buffered(), src.most, size)
	}

	src = &asked{Reader: io.MultiReader(strings.NewReader(ok11+"Content-Length: 1000\r\n\r\n"), strings.NewReader(strings.Repeat("x", 1000)))}
	r = NewReader(src)
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	src.most = nil
	for err = nil; err == nil; {
		_, err = r.Read(p[:10])
	}
	if err != io.EOF || len(src.most) != 1 {
		t.Errorf("100 reads of 10 bytes, error %v, have asked %d times; want once", err, len(src.most))
	}
}

// Chunks go there, too, as many as one read returns. What follows them is kept.
func TestChunksAreReadInPlace(t *testing.T) {
	const room = 64 << 10
	var sent, want strings.Builder
	for i := range 2000 {
		data := strings.Repeat(string(rune('a'+i%26)), 1+i%100)
		fmt.Fprintf(&sent, "%x;%s\r\n%s\r\n", len(data), strings.Repeat("e", i%7), data)
		want.WriteString(data)
	}
	behind := strings.Repeat("more", 3000)
	text := sent.String() + "0\r\nA: b\r\n\r\n" + behind
	src := &asked{Reader: io.MultiReader(strings.NewReader(chunks11), strings.NewReader(text))}
	r := NewReader(src)
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	src.most = nil
	var got []byte
	p := make([]byte, room)
	var err error
	for err == nil {
		var n int
		n, err = r.Read(p)
		got = append(got, p[:n]...)
		for i := range p { // none of it is read again
			p[i] = '!'
		}
	}
	if err != io.EOF || string(got) != want.String() {
		t.Errorf("the body has %d bytes, error %v; want %d", len(got), err, want.Len())
	}
	if most := len(text)/room + 2; len(src.most) > 2*most {
		t.Errorf("the source was asked %d times for %d bytes; want at most twice for each %d", len(src.most), len(text), room)
	}
	rest, _ := io.ReadAll(src)
	if n := r.Buffered() + len(rest); n != len(behind) || r.Trailer().Get("A") != "b" || r.Reusable() {
		t.Errorf("there are %d bytes behind it; want %d", n, len(behind))
	}
}

// A Reader between two uses holds no buffer, and neither does a tunnel.
func TestBufferIsGivenBack(t *testing.T) {
	upgrade := &Request{Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"x"}}}
	for name, tt := range map[string]struct {
		sent string
		req  *Request
		body bool
	}{
		"new":               {"", nil, false},
		"interim":           {"HTTP/1.1 103 Early Hints\r\n\r\n", new(Request), false},
		"no body":           {"HTTP/1.1 204 No Content\r\n\r\n", new(Request), false},
		"sized":             {ok11 + "Content-Length: 5\r\n\r\nhello", new(Request), true},
		"sized, large head": {ok11 + "A: " + strings.Repeat("x", 9000) + "\r\nContent-Length: 5\r\n\r\nhello", new(Request), true},
		"chunked":           {chunks11 + hello, new(Request), true},
		"until close":       {ok11 + "\r\nhello", new(Request), true},
		"malformed":         {ok11 + "\x00\r\n\r\nhello", new(Request), false},
		"tunnel":            {"HTTP/1.1 101 Switching Protocols\r\n\r\nhello", upgrade, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.sent))
			if tt.req != nil {
				r.Head(tt.req)
			}
			if tt.body {
				if b, err := io.ReadAll(r); len(b) != 5 || err != nil {
					t.Fatalf("the body is %q, error %v", b, err)
				}
			}
			if r.buf != nil {
				t.Errorf("a buffer of %d bytes is held", len(r.buf))
			}
		})
	}

	r := NewReader(strings.NewReader(ok11 + "Content-Length: 5\r\n\r\nhel"))
	r.Head(new(Request))
	if r.Release(); r.buf == nil || r.Buffered() != 3 {
		t.Error("Release has given away bytes that nobody has read")
	}
	r.Reset(strings.NewReader(ok11 + "Content-Length: 1\r\n\r\nx"))
	if _, err := r.Head(new(Request)); err != nil {
		t.Errorf("Head after Reset: %v", err)
	}
}

// Errors are final, except those of the source.
func TestErrorsStay(t *testing.T) {
	r := NewReader(strings.NewReader(chunks11 + "5\r\nhelloX\r\n" + ok11 + "\r\n"))
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if string(b) != "hello" || !errors.Is(err, fault.Protocol) {
		t.Fatalf("the body is %q, error %v", b, err)
	}
	if _, again := r.Read(make([]byte, 1)); again != err {
		t.Errorf("Read again: %v; want %v", again, err)
	}
	if _, again := r.Head(new(Request)); again != err {
		t.Errorf("Head then: %v; want %v", again, err)
	}
}

func TestReaderOutOfTurn(t *testing.T) {
	r := NewReader(strings.NewReader(ok11 + "Content-Length: 5\r\n\r\nhello"))
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("Read before Head has no error")
	}
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Head(new(Request)); err == nil || errors.Is(err, fault.Protocol) {
		t.Errorf("Head before the end of the body: %v", err)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v", n, err)
	}
	if b, err := io.ReadAll(r); string(b) != "hello" || err != nil {
		t.Errorf("the body then is %q, error %v", b, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read at the end = %d, %v", n, err)
	}
}

// A broken source ends the call, not the program.
func TestBrokenSource(t *testing.T) {
	for name, f := range map[string]func([]byte) (int, error){
		"negative":    func([]byte) (int, error) { return -1, nil },
		"too many":    func(p []byte) (int, error) { return len(p) + 1, nil },
		"no progress": func([]byte) (int, error) { return 0, nil },
	} {
		t.Run(name, func(t *testing.T) {
			for _, sent := range []string{"", "HTTP/1.1 200", ok11 + "Content-Length: 100000\r\n\r\n", chunks11, chunks11 + "186a0\r\n", ok11 + "\r\n"} {
				r := NewReader(io.MultiReader(strings.NewReader(sent), readFunc(f)))
				_, err := r.Head(new(Request))
				if err == nil {
					_, err = r.Read(make([]byte, 8<<10))
				}
				if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%q: error %v", sent, err)
				}
			}
		})
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// One Reader reads everything that arrives on a connection.
func TestOneAfterTheOther(t *testing.T) {
	var sent bytes.Buffer
	src := &sent
	r := NewReader(src)
	for i, text := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", "Content-Length: 5\r\n\r\nhello"} {
		sent.WriteString("HTTP/1.1 100 Continue\r\n\r\n" + ok11 + text)
		for range 2 {
			if _, err := r.Head(new(Request)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := io.ReadAll(r)
		if string(b) != "hello" || err != nil || !r.Reusable() {
			t.Fatalf("response %d has the body %q, error %v", i, b, err)
		}
		if got := r.Trailer() != nil; got != (i == 1) {
			t.Errorf("response %d has the trailer %v", i, r.Trailer())
		}
	}
}
