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

	"github.com/go-requests/requests/internal/fields"
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

// TestSessionEventsLastID is about what each connection is asked to go on after.
func TestSessionEventsLastID(t *testing.T) {
	long := strings.Repeat("x", fields.MaxValue)
	for _, tt := range []struct {
		name    string
		session Headers
		call    Headers
		texts   []string // after the head of each connection
		want    []string // its Last-Event-ID
		events  []string // their ID
	}{
		{name: "none", texts: []string{"data: a\n\n", "data: b\n\n"}, want: []string{"[]", "[]", "[]"}, events: []string{"", ""}},
		{name: "of the stream", texts: []string{"id: 1\ndata: a\n\n", "data: b\n\n"}, want: []string{"[]", "[1]", "[1]"}, events: []string{"1", "1"}},
		{name: "a control character", texts: []string{"id: 1\x01\ndata: a\n\n", "data: b\n\n"}, want: []string{"[]", "[]", "[]"}, events: []string{"1\x01", "1\x01"}},
		{name: "a control character after another one", texts: []string{"id: 1\ndata: a\n\nid: 2\x7f\ndata: b\n\n", "id: 3\n\n"}, want: []string{"[]", "[1]", "[3]"}, events: []string{"1", "2\x7f"}},
		{name: "leading blanks", texts: []string{"id:  1\ndata: a\n\n", "id:\t2\ndata: a\n\n"}, want: []string{"[]", "[1]", "[2]"}, events: []string{" 1", "\t2"}},
		{name: "trailing blanks", texts: []string{"id:1 \t\ndata: a\n\n"}, want: []string{"[]", "[1]"}, events: []string{"1 \t"}},
		{name: "blanks alone", texts: []string{"id: 1\ndata: a\n\n", "id:   \ndata: b\n\n"}, want: []string{"[]", "[1]", "[]"}, events: []string{"1", "  "}},
		{name: "as long as may be", texts: []string{"id: " + long + "\ndata: a\n\n"}, want: []string{"[]", "[" + long + "]"}, events: []string{long}},
		{name: "too long", texts: []string{"id: " + long + "x\ndata: a\n\n"}, want: []string{"[]", "[]"}, events: []string{long + "x"}},
		{name: "not in ASCII", texts: []string{"id: …\ndata: a\n\n"}, want: []string{"[]", "[…]"}, events: []string{"…"}},
		{name: "not in UTF-8", texts: []string{"id: \xff\ndata: a\n\n"}, want: []string{"[]", "[\ufffd]"}, events: []string{"\ufffd"}},
		{name: "reset", texts: []string{"id: 1\ndata: a\n\n", "id\ndata: b\n\n"}, want: []string{"[]", "[1]", "[]"}, events: []string{"1", ""}},
		{name: "of the call", call: Headers{"last-event-id": 7}, texts: []string{"data: a\n\n", ":\n\n", "id: 8\n\n"}, want: []string{"[7]", "[7]", "[7]", "[8]"}, events: []string{""}},
		{name: "of the call, reset", call: Headers{"Last-Event-ID": "7"}, texts: []string{"id:\ndata: a\n\n"}, want: []string{"[7]", "[]"}, events: []string{""}},
		{name: "of the call, and none that can be sent", call: Headers{"Last-Event-ID": "7"}, texts: []string{"id: \x02\n\n"}, want: []string{"[7]", "[7]"}},
		{name: "of the session, reset", session: Headers{"Last-Event-ID": "7"}, texts: []string{"id: 8\n\nid\n\n"}, want: []string{"[7]", "[]"}},
		{name: "in an event that was cut", texts: []string{"id: 1\ndata: a\n\nid: 2\ndata: b\n", "data: c\n\n"}, want: []string{"[]", "[1]", "[1]"}, events: []string{"1", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(eventPeer)
				for _, text := range tt.texts {
					p.texts = append(p.texts, eventHead+text)
				}
				p.texts = append(p.texts, "HTTP/1.1 204 No Content\r\n\r\n")
				s := p.session(t, tt.session)
				var ids []string
				for ev, err := range s.Events(t.Context(), "http://a.test/", tt.call) {
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, ev.ID)
				}
				if !slices.Equal(ids, tt.events) {
					t.Errorf("the events have the IDs %.200q; want %.200q", ids, tt.events)
				}
				want := make([]string, len(tt.want))
				for i, id := range tt.want {
					want[i] = "text/event-stream" + id
				}
				if !slices.Equal(p.ids, want) {
					t.Errorf("Last-Event-ID was %.200q; want %.200q", p.ids, want)
				}
			})
		})
	}
}

// The time that the server wants holds for the connections that follow, and so
// do their events say.
func TestSessionEventsRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &eventPeer{texts: []string{
			eventHead + "retry: 7000\ndata: a\n\n",
			eventHead + "data: b\n\n",
			eventHead + "data: c\n\nretry: 500\ndata: d\n\n",
			"HTTP/1.1 204 No Content\r\n\r\n",
		}}
		var got []time.Duration
		for ev, err := range p.session(t).Events(t.Context(), "http://a.test/") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ev.Retry)
		}
		if want := []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second, time.Second / 2}; !slices.Equal(got, want) {
			t.Errorf("Retry of the events is %v; want %v", got, want)
		}
		if want := []time.Duration{0, 7 * time.Second, 14 * time.Second, 14500 * time.Millisecond}; !slices.Equal(p.times, want) {
			t.Errorf("the connections came at %v; want %v", p.times, want)
		}
	})
}

// TestSessionEventsRequest has each connection send the whole request again.
func TestSessionEventsRequest(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []Option
		want string // of each request
		err  error
	}{
		{name: "GET", want: "GET no-cache "},
		{name: "Cache-Control of the caller", opts: []Option{Headers{"cache-control": "max-age=0"}}, want: "GET max-age=0 "},
		{name: "POST", opts: []Option{Method("POST"), JSON(map[string]int{"n": 1})}, want: `POST no-cache {"n":1}`},
		{name: "in small letters", opts: []Option{Method("post"), Text("x")}, want: "POST no-cache x"},
		{name: "PUT of a form", opts: []Option{Method("PUT"), Form{"a": "b"}}, want: "PUT no-cache a=b"},
		{name: "POST without a body", opts: []Option{Method("POST")}, want: "POST no-cache "},
		{name: "POST of what can seek", opts: []Option{Method("POST"), Reader(strings.NewReader("x"))}, want: "POST no-cache x"},
		{name: "POST of what cannot", opts: []Option{Method("POST"), Reader(io.MultiReader(strings.NewReader("x")))}, err: ErrBodyNotReplayable},
		{name: "GET of what cannot", opts: []Option{Reader(io.MultiReader(strings.NewReader("x")))}, err: ErrBodyNotReplayable},
		{name: "a file that cannot", opts: []Option{Method("POST"), Files{{Field: "f", Name: "n", Reader: io.MultiReader(strings.NewReader("x"))}}}, err: ErrBodyNotReplayable},
		{name: "no method", opts: []Option{Method("P T")}, err: ErrInvalidOption},
		{name: "an empty one", opts: []Option{Method("")}, want: "GET no-cache "},
		{name: "two bodies", opts: []Option{Method("POST"), Text("x"), Form{"a": "b"}}, err: ErrInvalidOption},
		{name: "no option of a call", opts: []Option{Parallel(2)}, err: ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				s := NewSession()
				defer s.Close()
				s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if got = append(got, r.Method+" "+r.Header.Get("Cache-Control")+" "+string(body)); len(got) == 3 {
						w.WriteHeader(http.StatusNoContent)
						return
					}
					w.Header().Set("Content-Type", "text/event-stream")
					io.WriteString(w, "data: x\n\n")
				})))
				var last error
				n := 0
				for _, err := range s.Events(t.Context(), "http://a.test/", tt.opts...) {
					if last = err; err == nil {
						n++
					}
				}
				if tt.err != nil {
					if e, ok := last.(*Error); !ok || e.Op != "prepare" || !errors.Is(e, tt.err) || got != nil {
						t.Errorf("error %v after %q; want %v before anything is sent", last, got, tt.err)
					}
					return
				}
				if want := slices.Repeat([]string{tt.want}, 3); last != nil || n != 2 || !slices.Equal(got, want) {
					t.Errorf("%d events, error %v, from %q; want 2 from %q", n, last, got, want)
				}
			})
		})
	}
}

// An iteration whose context ends before the next connection is due ends at once.
func TestEventsDoNotWaitInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes{serve: script("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\nretry: 60000\ndata: x\n\n")}.session(t)
		ctx, cancel := context.WithTimeout(bg, 30*time.Second)
		defer cancel()
		start := time.Now()
		events := 0
		var last error
		for _, err := range s.Events(ctx, "http://h.test/") {
			if last = err; err == nil {
				events++
			}
		}
		isAll(t, last, ErrTimeout, context.DeadlineExceeded)
		if d := time.Since(start); events != 1 || d != 0 {
			t.Errorf("%d events in %v; want one, and an error at once", events, d)
		}
	})
}
