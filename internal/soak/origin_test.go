package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An origin answers each request with its id and a body computed from it. It
// counts how often each POST took effect.
type origin struct {
	mu      sync.Mutex
	effects map[string]int
}

func (o *origin) effect(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.effects[id]++
}

func (o *origin) count(id string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.effects[id]
}

// bodyOf returns the body of the answer to request id.
func bodyOf(id string) []byte {
	sum := crc32.ChecksumIEEE([]byte(id))
	sizes := [...]int{0, 1, 100, 1 << 10, 5 << 10, 20 << 10, 150 << 10}
	size := sizes[sum%uint32(len(sizes))]
	return bytes.Repeat([]byte(id+"\n"), size/(len(id)+1)+1)[:size]
}

// ServeHTTP answers over HTTP/2, without faults.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Id")
	if !o.take(r, id) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Id", id)
	body := bodyOf(id)
	if len(id)%2 == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.Write(body)
}

// take reads the body of r. If it is complete, it takes effect.
func (o *origin) take(r *http.Request, id string) bool {
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, r.Body); err != nil {
		return false
	}
	if want := r.Header.Get("X-Sum"); want != "" && want != fmt.Sprint(sum.Sum32()) {
		return false
	}
	if r.Method == http.MethodPost {
		o.effect(id)
	}
	return true
}

const evil = "HTTP/1.1 200 OK\r\nX-Id: nobody\r\nContent-Length: 4\r\n\r\nEVIL"

var leftovers = []string{evil, strings.Repeat(evil, 200), "\n", "x", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"}

// serve speaks HTTP/1.1 on link, a connection or TLS over it. It has the faults
// of servers and of what stands in front of them.
func (o *origin) serve(link, socket net.Conn) {
	defer socket.Close()
	br := bufio.NewReader(link)
	last := rand.IntN(40) // the number of requests until it closes silently
	for n := 0; n <= last; n++ {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		id := r.Header.Get("X-Id")
		fault := rand.IntN(100)
		if fault == 0 && r.ContentLength != 0 { // an early answer, and the end
			fmt.Fprintf(link, "HTTP/1.1 413 Content Too Large\r\nX-Id: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", id)
			return
		}
		if !o.take(r, id) {
			return
		}
		if !o.answer(link, socket, r, id, fault) {
			return
		}
	}
}

// answer writes a response and reports whether the connection goes on.
func (o *origin) answer(link, socket net.Conn, r *http.Request, id string, fault int) bool {
	head, body := "HTTP/1.1 200 OK\r\nX-Id: "+id+"\r\n", bodyOf(id)
	if len(id)%2 == 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))
	} else {
		head += "Transfer-Encoding: chunked\r\n\r\n"
		body = chunked(body)
	}
	whole := append([]byte(head), body...)
	switch fault {
	case 1, 2: // cut anywhere, by FIN or RST
		link.Write(whole[:rand.IntN(len(whole))])
		end(socket, fault == 1)
		return false
	case 3, 4: // extra bytes in the same segment; if they came after the next request, any client would take them for its answer
		link.Write(append(whole, leftovers[rand.IntN(len(leftovers))]...))
		return true
	case 5: // silence
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
	case 6: // silence in the middle
		cut := rand.IntN(len(whole))
		link.Write(whole[:cut])
		whole = whole[cut:]
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
	case 7: // trickle
		for range min(len(whole), 60) {
			if _, err := link.Write(whole[:1]); err != nil {
				return false
			}
			whole = whole[1:]
			time.Sleep(200 * time.Microsecond)
		}
	case 8: // hints
		io.WriteString(link, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 3))
	case 9, 10: // the end, while it is idle
		link.Write(whole)
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		end(socket, fault == 9)
		return false
	case 11: // a half-closed connection
		link.Write(whole)
		if half, ok := socket.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
		io.Copy(io.Discard, link)
		return false
	}
	_, err := link.Write(whole)
	return err == nil
}

func chunked(body []byte) []byte {
	var b bytes.Buffer
	for len(body) > 0 {
		n := min(len(body), 1+rand.IntN(40_000))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// end closes c with RST or FIN.
func end(c net.Conn, reset bool) {
	if tc, ok := c.(*net.TCPConn); ok && reset {
		tc.SetLinger(0)
	}
	c.Close()
}
