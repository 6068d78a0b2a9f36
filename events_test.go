package requests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEvents(t *testing.T) {
	const body = "\ufeff: hello\nid: 1\ndata: one\ndata: two\n\nevent: add\r\nretry: 250\rdata\n\nid\ndata: three\n\ndata: cut"
	want := []Event{
		{ID: "1", Type: "message", Data: "one\ntwo"},
		{ID: "1", Type: "add", Retry: 250 * time.Millisecond},
		{Type: "message", Data: "three", Retry: 250 * time.Millisecond},
	}
	for name, src := range chunkings(body) {
		var got []Event
		for ev, err := range unread(src, "", 0).Events() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ev)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: Events() = %+v; want %+v", name, got, want)
		}
	}
	var last error
	for _, err := range unread(io.LimitReader(repeat('x'), maxEvent+1), "", 0).Events() {
		last = err
	}
	if !errors.Is(last, ErrBodyTooLarge) {
		t.Errorf("an endless event: error %v; want %v", last, ErrBodyTooLarge)
	}
}

// repeat reads as one byte, for ever.
type repeat byte

func (r repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r)
	}
	return len(b), nil
}

const eventHead = ok + "Content-Type: text/event-stream; charset=utf-8\r\n\r\n"

// An eventPeer answers each connection with the next of its texts, and the last
// one for ever. It keeps the Last-Event-ID of each and the time it came.
type eventPeer struct {
	texts []string
	ids   []string
	times []time.Duration
}

func (p *eventPeer) session(t *testing.T, opts ...Option) *Session {
	start := time.Now()
	return pipes{serve: func(c *peer) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		n := min(len(p.ids), len(p.texts)-1)
		p.ids = append(p.ids, fmt.Sprintf("%s%v", req.Header.Get("Accept"), req.Header["Last-Event-Id"]))
		p.times = append(p.times, time.Since(start))
		text, stalls := strings.CutSuffix(p.texts[n], "...")
		io.WriteString(c, text)
		if stalls {
			c.wait(time.Hour)
		}
	}}.session(t, opts...)
}

func TestSessionEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &eventPeer{texts: []string{
			eventHead + "id: 1\ndata: one\n\ndata: two\n\n",
			eventHead + "retry: 100\nid: 2\n\ndata: cut",
			eventHead + "...", // silent until the Read limit
			"HTTP/1.1 204 No Content\r\n\r\n",
		}}
		s := p.session(t, RaiseForStatus(true), Timeout{Read: 5 * time.Second})
		var got []string
		for ev, err := range s.Events(t.Context(), "http://a.test/") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ev.ID+" "+ev.Data)
		}
		if want := []string{"1 one", "1 two"}; !slices.Equal(got, want) {
			t.Errorf("Events gives %q; want %q", got, want)
		}
		const accept = "text/event-stream"
		if want := []string{accept + "[]", accept + "[1]", accept + "[2]", accept + "[2]"}; !slices.Equal(p.ids, want) {
			t.Errorf("Last-Event-ID was %q; want %q", p.ids, want)
		}
		// 3 s by default, 100 ms doubled after a connection without an event, and
		// twice that after 5 s of silence.
		want := []time.Duration{0, 3 * time.Second, 3200 * time.Millisecond, 8600 * time.Millisecond}
		if !slices.Equal(p.times, want) {
			t.Errorf("the connections came at %v; want %v", p.times, want)
		}
	})
}

func TestSessionEventsEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string
		want  int // events
		err   error
	}{
		{"status", []string{"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"}, 0, new(HTTPError)},
		{"status later", []string{eventHead + "data: x\n\n", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"}, 1, new(HTTPError)},
		{"other status", []string{"HTTP/1.1 206 Partial\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n"}, 0, ErrProtocol},
		{"type", []string{ok + "Content-Type: text/html\r\n\r\ndata: x\n\n"}, 0, ErrProtocol},
		{"no type", []string{ok + "\r\ndata: x\n\n"}, 0, ErrProtocol},
		{"no first connection", []string{""}, 0, ErrConnectionLost},
		{"an ID that no field can carry", []string{eventHead + "id: \x01\ndata: x\n\n"}, 1, ErrInvalidHeader},
		{"too large", []string{eventHead + "data: x\n\ndata: 0123456789\n\n"}, 0, ErrBodyTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := (&eventPeer{texts: tt.texts}).session(t, MaxBody(24))
				n := 0
				var last error
				for _, err := range s.Events(t.Context(), "http://a.test/") {
					if last = err; err == nil {
						n++
					}
				}
				_, isStatus := tt.err.(*HTTPError)
				if got, ok := errors.AsType[*HTTPError](last); n != tt.want || isStatus != ok || !isStatus && !errors.Is(last, tt.err) {
					t.Errorf("%d events, error %v; want %d, %T %v", n, last, tt.want, tt.err, tt.err)
				} else if ok && got.Response.Err() != nil {
					t.Errorf("the response is not readable: %v", got.Response.Err())
				}
			})
		})
	}
}

// A wait between two connections ends with the context; so does the stream.
func TestSessionEventsCancel(t *testing.T) {
	for _, text := range []string{"data: x\n\n", "data: x\n\n..."} {
		synctest.Test(t, func(t *testing.T) {
			s := (&eventPeer{texts: []string{eventHead + text}}).session(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			start := time.Now()
			var last error
			for _, err := range s.Events(ctx, "http://a.test/") {
				if last = err; err == nil {
					time.AfterFunc(time.Second, cancel)
				}
			}
			if !errors.Is(last, context.Canceled) || errors.Is(last, ErrTimeout) || time.Since(start) != time.Second {
				t.Errorf("after %v: error %v; want %v after 1s", time.Since(start), last, context.Canceled)
			}
		})
	}
}

// A server that closes each connection at once, and asks for no time between
// them, is called less and less often.
func TestSessionEventsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &eventPeer{texts: []string{eventHead + "retry: 0\n\n"}}
		s := p.session(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, err := range s.Events(ctx, "http://a.test/") {
			if !errors.Is(err, ErrTimeout) {
				t.Errorf("error %v; want %v", err, ErrTimeout)
			}
		}
		if len(p.times) > 80 {
			t.Errorf("%d connections in an hour", len(p.times))
		}
	})
}
