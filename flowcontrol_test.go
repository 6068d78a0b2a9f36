package requests

import (
	"testing"
	"time"
)

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
