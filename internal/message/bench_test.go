package message

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A typical request and response of an API.
const usualHead = ok11 + "Server: nginx\r\nDate: Sat, 28 Nov 2026 18:05:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n" +
	"Connection: keep-alive\r\nCache-Control: no-store\r\nETag: \"33a64df551425fcc\"\r\nX-Request-Id: 4bf92f3577b34da6a3ce929d0e0e4736\r\n\r\n"

var usualRequest = Request{Method: "GET", Target: "/v1/orders?page=2", Host: "api.example.com", Header: http.Header{
	"User-Agent": {"requests"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip, deflate, br, zstd"}, "Authorization": {"Bearer token"}, "X-Client": {"billing/1.4"}}}

// A repeated source returns the same text again and again.
type repeated struct {
	text string
	at   int
}

func (s *repeated) Read(p []byte) (int, error) {
	n := copy(p, s.text[s.at:])
	s.at = (s.at + n) % len(s.text)
	return n, nil
}

// The head of a response costs its map, in two pieces, its values and one string.
func TestAllocationsOfHead(t *testing.T) {
	src := &repeated{text: usualHead + strings.Repeat("x", 1024)}
	r := NewReader(src)
	body := make([]byte, 1024)
	var res Response
	got := testing.AllocsPerRun(100, func() {
		var err error
		if res, err = r.Head(&usualRequest); err != nil {
			t.Fatal(err)
		}
		if _, err = io.ReadFull(r, body); err != nil {
			t.Fatal(err)
		}
	})
	if len(res.Header) != 8 || !r.Reusable() {
		t.Fatalf("the header is %q", res.Header)
	}
	if got > 4 {
		t.Errorf("%v allocations; want 4", got)
	}
}

func TestAllocationsOfRequest(t *testing.T) {
	var b []byte
	body := strings.NewReader("")
	req := usualRequest
	req.Method, req.Length = "POST", 5
	got := testing.AllocsPerRun(100, func() {
		if err := req.Check(); err != nil {
			t.Fatal(err)
		}
		b = req.AppendHead(b[:0])
		body.Reset("hello")
		if err := req.WriteBody(io.Discard, body); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("%v allocations; want none", got)
	}
}

// An announced length reserves no memory, and neither do empty chunks of a body
// that does not end.
func TestAllocationsOfBody(t *testing.T) {
	src := &repeated{text: "1;x\r\ny\r\n"}
	r := NewReader(io.MultiReader(strings.NewReader(chunks11), src))
	if _, err := r.Head(new(Request)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if got := testing.AllocsPerRun(100, func() { r.Read(p) }); got > 0 {
		t.Errorf("%v allocations; want none", got)
	}
}

func BenchmarkHead(b *testing.B) {
	src := &repeated{text: usualHead + strings.Repeat("x", 1024)}
	b.Run("message", func(b *testing.B) {
		b.ReportAllocs()
		r := NewReader(src)
		body := make([]byte, 1024)
		for b.Loop() {
			if _, err := r.Head(&usualRequest); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(r, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	src.at = 0
	b.Run("net-http", func(b *testing.B) {
		b.ReportAllocs()
		br := bufio.NewReader(src)
		hr := &http.Request{Method: "GET"}
		body := make([]byte, 1024)
		for b.Loop() {
			res, err := http.ReadResponse(br, hr)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(res.Body, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	b.Run("message", func(b *testing.B) {
		b.ReportAllocs()
		var head []byte
		for b.Loop() {
			if err := usualRequest.Check(); err != nil {
				b.Fatal(err)
			}
			head = usualRequest.AppendHead(head[:0])
		}
	})
	b.Run("net-http", func(b *testing.B) {
		b.ReportAllocs()
		hr := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: usualRequest.Host, Path: "/v1/orders", RawQuery: "page=2"}, Header: usualRequest.Header}
		bw := bufio.NewWriter(io.Discard)
		for b.Loop() {
			if err := hr.Write(bw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkChunked(b *testing.B) {
	const size = 1 << 20
	text := chunks11 + strings.Repeat("800\r\n"+strings.Repeat("x", 2048)+"\r\n", size/2048) + "0\r\n\r\n"
	p := make([]byte, 256<<10)
	b.Run("message", func(b *testing.B) {
		b.SetBytes(size)
		r := NewReader(&repeated{text: text})
		for b.Loop() {
			if _, err := r.Head(&usualRequest); err != nil {
				b.Fatal(err)
			}
			for {
				if _, err := r.Read(p); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("net-http", func(b *testing.B) {
		b.SetBytes(size)
		br := bufio.NewReader(&repeated{text: text})
		hr := &http.Request{Method: "GET"}
		for b.Loop() {
			res, err := http.ReadResponse(br, hr)
			if err != nil {
				b.Fatal(err)
			}
			for {
				if _, err := res.Body.Read(p); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
