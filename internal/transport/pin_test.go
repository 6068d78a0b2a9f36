package transport

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// numbering answers with the number of the connection.
func numbering(t testing.TB) (url string) {
	var n atomic.Int32
	return serving(t, func(c net.Conn) {
		number := n.Add(1)
		br := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(br); err != nil {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", number)
		}
	})
}

// E1.12: the answer to a challenge uses the connection of the challenge. From then
// on, that connection serves only its owner.
func TestPin(t *testing.T) {
	url := numbering(t)
	e := newEngine(t, Config{})
	get := func(pin *Pin) string {
		t.Helper()
		call := newCall(t, "GET", url)
		call.Pin = pin
		return text(t, e, call)
	}
	if got := get(nil); got != "1" {
		t.Fatalf("the first call went to connection %s", got)
	}
	res, err := e.Do(t.Context(), newCall(t, "GET", url))
	if err != nil {
		t.Fatal(err)
	}
	pin := res.Pin("kate")
	if b, _ := io.ReadAll(res.Body); string(b) != "1" {
		t.Fatalf("the challenge came from connection %s", b)
	}
	if got := get(nil); got != "2" {
		t.Errorf("a call of somebody else went to connection %s, which is kept", got)
	}
	for range 2 {
		if got := get(pin); got != "1" {
			t.Errorf("the answer went to connection %s", got)
		}
	}
	pin.Free()
	for _, tt := range []struct {
		owner any
		want  string
	}{{nil, "2"}, {"john", "3"}, {"kate", "1"}, {"john", "3"}} {
		var pin *Pin
		if tt.owner != nil {
			pin = NewPin(tt.owner)
		}
		if got := get(pin); got != tt.want {
			t.Errorf("a call of %v went to connection %s; want %s", tt.owner, got, tt.want)
		}
		if pin != nil {
			pin.Free()
		}
	}
	if s := e.Stats(); s.Open != 3 || s.Idle != 3 {
		t.Errorf("Stats = %+v; want three connections, all idle", s)
	}
}

// A Pin that is freed during a call keeps nothing.
func TestPinFreedDuringCall(t *testing.T) {
	e := newEngine(t, Config{})
	call := newCall(t, "GET", numbering(t))
	call.Pin = NewPin("kate")
	res, err := e.Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	call.Pin.Free()
	io.Copy(io.Discard, res.Body)
	if s := e.Stats(); s.Open != 1 || s.Idle != 1 {
		t.Errorf("Stats = %+v; want the connection idle", s)
	}
	if late := res.Pin("john"); late.conn != nil {
		t.Error("a Pin got the connection of a response that has ended")
	}
}

// E1.12: with Block, such a connection does not count for other calls.
func TestPinBesideBlock(t *testing.T) {
	url := numbering(t)
	e := newEngine(t, Config{PerHost: 1, Block: true})
	call := newCall(t, "GET", url)
	call.Pin = NewPin("kate")
	if got := text(t, e, call); got != "1" {
		t.Fatalf("the first call went to connection %s", got)
	}
	for range 2 {
		if got := text(t, e, newCall(t, "GET", url)); got != "2" {
			t.Errorf("a call of somebody else went to connection %s; want one of its own", got)
		}
	}
	res, err := e.Do(t.Context(), newCall(t, "GET", url))
	if err != nil {
		t.Fatal(err)
	}
	pin := res.Pin("john")
	io.Copy(io.Discard, res.Body)
	if got := text(t, e, newCall(t, "GET", url)); got != "3" {
		t.Errorf("after another login a call went to connection %s; want a new one", got)
	}
	pin.Free()
}
