package requests

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandlerOutlastsItsCaller has a handler go on that does not look at its
// context: whoever waits for the body does not wait for that.
func TestHandlerOutlastsItsCaller(t *testing.T) {
	mine := errors.New("mine")
	for _, tt := range []struct {
		name string
		ctx  func() (context.Context, func())
		opts []Option
		want []error
	}{
		{name: "deadline", ctx: func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(bg, time.Second)
			return ctx, func() { cancel() }
		}, want: []error{context.DeadlineExceeded, ErrTimeout}},
		{name: "cancelled", ctx: func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(bg)
			time.AfterFunc(time.Second, func() { cancel(mine) })
			return ctx, func() { cancel(nil) }
		}, want: []error{context.Canceled, mine}},
		{name: "Read", ctx: func() (context.Context, func()) { return bg, func() {} },
			opts: []Option{Timeout{Read: time.Second}}, want: []error{ErrReadTimeout}},
		{name: "no Read limit", ctx: func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(bg, time.Second)
			return ctx, func() { cancel() }
		}, opts: []Option{Timeout{Read: -1}}, want: []error{context.DeadlineExceeded}},
	} {
		for _, stream := range []Stream{false, true} {
			bubble(t, tt.name, func(t *testing.T) {
				refused := make(chan error, 1)
				s := NewSession()
				defer s.Close()
				s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					io.WriteString(w, "half")
					w.(http.Flusher).Flush()
					time.Sleep(time.Hour)
					_, err := io.WriteString(w, "the rest")
					refused <- err
				})))
				start := time.Now()
				ctx, done := tt.ctx()
				defer done()
				r, err := s.Get(ctx, "http://a.test/", append(tt.opts, stream)...)
				if stream {
					if err != nil {
						t.Fatal(err)
					}
					var got []byte
					got, err = io.ReadAll(r.Body)
					r.Close()
					if string(got) != "half" {
						t.Errorf("the body is %q before the end; want half", got)
					}
				}
				isAll(t, err, tt.want...)
				if took := time.Since(start); took != time.Second {
					t.Errorf("it took %v; want 1s", took)
				}
				if err := <-refused; err == nil {
					t.Error("the handler can still write")
				}
				synctest.Wait()
			})
		}
	}
}

// TestHandlerSaysWhyItBroke is about tests whose handler panics: there is no log
// of a server to look into.
func TestHandlerSaysWhyItBroke(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		kind       error
		handler    http.HandlerFunc
	}{
		{"panic", "the handler panicked: mine", ErrConnectionLost, func(http.ResponseWriter, *http.Request) { panic("mine") }},
		{"panic in the body", "the handler panicked: mine", ErrIncompleteBody, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic("mine")
		}},
		{"nil map", "assignment to entry in nil map", ErrConnectionLost, func(_ http.ResponseWriter, r *http.Request) {
			r.MultipartForm = new(multipart.Form)
			r.MultipartForm.Value["a"] = nil
		}},
		{"Goexit", "the handler ended its goroutine", ErrConnectionLost, func(http.ResponseWriter, *http.Request) { runtime.Goexit() }},
		{"status", "status 42", ErrConnectionLost, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) }},
		{"on purpose", "unexpected EOF", ErrConnectionLost, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSession()
			defer s.Close()
			s.Mount("http://", Handler(tt.handler))
			_, err := s.Get(bg, "http://a.test/")
			isAll(t, err, tt.kind, io.ErrUnexpectedEOF)
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %q; want it to say %q", err, tt.want)
			}
		})
	}
}

// TestHandlerHasNoConnection holds what a handler is told that wants the connection
// itself: there is none, and the call gets what the handler makes of that.
func TestHandlerHasNoConnection(t *testing.T) {
	s := NewSession()
	defer s.Close()
	s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, is := w.(http.Hijacker); is {
			t.Error("the ResponseWriter is an http.Hijacker")
		}
		c := http.NewResponseController(w)
		conn, rw, err := c.Hijack()
		if conn != nil || rw != nil || !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack = %v, %v, %v; want http.ErrNotSupported", conn, rw, err)
		}
		for _, err := range []error{c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now())} {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("a deadline of the connection = %v; want http.ErrNotSupported", err)
			}
		}
		http.Error(w, "no WebSocket here", http.StatusNotImplemented)
	})))
	upgrade := Headers{"Connection": "Upgrade", "Upgrade": "websocket"}
	r, err := s.Get(bg, "mock://h/", upgrade)
	if err != nil || r.StatusCode != http.StatusNotImplemented || r.Text() != "no WebSocket here\n" {
		t.Errorf("got %v, %v; want what the handler has written", r, err)
	}
	s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})))
	if r, err := s.Get(bg, "mock://h/", upgrade); err == nil {
		t.Errorf("a 101 without a connection is %v with the body %T; want an error", r, r.Body)
	} else {
		isAll(t, err, ErrProtocol)
	}
	if r, err := s.Client().Do(&http.Request{URL: &url.URL{Scheme: "mock", Host: "h", Path: "/"}, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}}); err == nil {
		t.Errorf("a 101 without a connection is %v; want an error", r)
	}
}
