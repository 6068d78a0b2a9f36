package requests

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimings(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(serveLarge))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := NewSession(TLS{SkipVerify: true}, Trace(true))
	defer s.Close()
	get := func(opts ...Option) Timings {
		t.Helper()
		r, err := s.Get(context.Background(), "https://localhost:"+port, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return r.Timings()
	}
	first := get()
	if first.DNS <= 0 || first.Connect <= 0 || first.TLS <= 0 || first.Reused {
		t.Errorf("the first Timings = %+v; want DNS, Connect and TLS in it", first)
	}
	if first.FirstByte < first.DNS+first.Connect+first.TLS || first.Total < first.FirstByte {
		t.Errorf("the first Timings = %+v; want FirstByte to be more than what is before it, and less than Total", first)
	}
	second := get()
	if second.DNS != 0 || second.Connect != 0 || second.TLS != 0 || !second.Reused || second.FirstByte <= 0 || second.Total < second.FirstByte {
		t.Errorf("the second Timings = %+v; want those of a connection that was there", second)
	}
	if off := get(Trace(false)); off != (Timings{}) {
		t.Errorf("the Timings without Trace = %+v; want none", off)
	}
}

// TestTimingsExact has every step take a time of its own.
func TestTimingsExact(t *testing.T) {
	for _, stream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := pipes{delay: time.Second, serve: script(2*time.Second, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 3*time.Second, "b")}.session(t)
			r, err := s.Get(context.Background(), "http://example.com/", Trace(true), Stream(stream))
			if err != nil {
				t.Fatal(err)
			}
			want := Timings{FirstByte: 3 * time.Second}
			if stream {
				if got := r.Timings(); got != want {
					t.Errorf("Timings before the body = %+v; want %+v", got, want)
				}
			}
			r.Content()
			want.Total = 6 * time.Second
			if got := r.Timings(); got != want {
				t.Errorf("Timings = %+v; want %+v", got, want)
			}
		})
	}
}

// TestTimingsOfHandler are those of an adapter that tells nothing.
func TestTimingsOfHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSession(Trace(true))
		defer s.Close()
		s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
		})))
		r, err := s.Get(context.Background(), "mock://a/")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Timings(), (Timings{FirstByte: time.Second, Total: 2 * time.Second}); got != want {
			t.Errorf("Timings = %+v; want %+v", got, want)
		}
	})
}

// TestTraceIsFree counts what a call that does not ask for the times, the
// progress and what comes before the response pays for them: nothing.
func TestTraceIsFree(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	opts := SendOptions{}
	p := &PreparedRequest{}
	r := &Response{Request: p}
	r.wire.src = io.NopCloser(strings.NewReader(""))
	hr := &http.Request{Body: r.wire.src}
	if n := testing.AllocsPerRun(100, func() {
		countUpload(hr, opts.OnProgress)
		r.timed(nil)
		r.countDownload(opts.OnProgress)
		_, before := hearInterim(context.Background(), opts.OnInformational)
		before.end(nil, nil)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
