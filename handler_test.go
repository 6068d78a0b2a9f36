package requests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
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

// handlers are what a server of net/http and Handler have to answer alike.
var handlers = map[string]http.HandlerFunc{
	"fields that cannot be sent": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Injected"] = []string{"a\r\nX-Other: b", "\tc \n"}
		w.Header()["x-small"] = []string{"kept"}
		w.Header()["x lower"] = []string{"dropped"}
		w.Header()[""] = []string{"dropped"}
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "1\n2")
		w.Header()[http.TrailerPrefix+"X Bad"] = []string{"dropped"}
	},
	"text":           func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") },
	"html":           func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html><body>x") },
	"binary":         func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0, 1, 2, 255}) },
	"nothing":        func(http.ResponseWriter, *http.Request) {},
	"an empty write": func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) },
	"a type of its own": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-own")
		io.WriteString(w, "<html>")
	},
	"no type": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	},
	"coded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "identity")
		io.WriteString(w, "<html>")
	},
	"large":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 5000)) },
	"2048 bytes": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 2048)) },
	"2049 bytes": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 2049)) },
	"flushed": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	},
	"flushed at once": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, "b") },
	"204 with a body": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		n, err := io.WriteString(w, "body")
		if n != 0 || err != http.ErrBodyNotAllowed {
			panic("it was taken")
		}
	},
	"304 with a body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(304)
		io.WriteString(w, "body")
	},
	"a status twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(404)
		io.WriteString(w, "x")
	},
	"fields too late": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.Header().Set("X-Late", "1")
		io.WriteString(w, "x")
	},
	"an odd status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) },
	"a wrong length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "x")
		io.WriteString(w, "abc")
	},
	"a length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
	},
	"less than said": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		io.WriteString(w, "abc")
	},
	"more than said": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
		io.WriteString(w, "def")
	},
	"length of a HEAD": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1234") },
	"trailer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Not")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "1")
	},
	"late trailer": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	},
	"panic": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"panic in the body": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"Goexit":                 func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
	"Goexit behind the body": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all"); runtime.Goexit() },
	"a status that is none": func(w http.ResponseWriter, _ *http.Request) {
		defer func() { recover(); panic(http.ErrAbortHandler) }()
		w.WriteHeader(42)
	},
	"redirect":              func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
	"error":                 func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
	"file":                  func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "go.mod") },
	"cookies":               func(w http.ResponseWriter, _ *http.Request) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"}) },
	"what it sees of a GET": tellRequest,
	"controller": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, http.NewResponseController(w).EnableFullDuplex(), http.NewResponseController(w).Flush())
	},
}

// tellRequest tells what a handler finds in its request.
func tellRequest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Header.Del("Accept-Encoding")
	fields := slices.Sorted(maps.Keys(r.Header))
	fmt.Fprintln(w, r.Method, r.RequestURI, r.URL, r.URL.Host, r.URL.Scheme, r.Proto, r.ContentLength, r.TransferEncoding, r.Close, r.TLS != nil, len(body), err, r.Trailer, r.PostFormValue("a"))
	for _, name := range fields {
		fmt.Fprintln(w, name, r.Header[name])
	}
}

func TestHandlerIsAServer(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		for name, h := range handlers {
			if answer := h; !strings.HasPrefix(name, "what it sees") {
				h = func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body) // a server may close a connection whose request it has not read
					answer(w, r)
				}
			}
			srv, scheme := httptest.NewUnstartedServer(h), "http"
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			if encrypted {
				srv.StartTLS()
				scheme = "https"
			} else {
				srv.Start()
			}
			for _, tt := range []struct {
				method string
				opts   func() []Option
			}{
				{"GET", func() []Option { return []Option{Params{"q": "x y"}} }},
				{"HEAD", func() []Option { return nil }},
				{"POST", func() []Option { return []Option{Form{"a": "b"}} }},
				{"PUT", func() []Option {
					return []Option{Reader(io.MultiReader(strings.NewReader("stream")))}
				}},
				{"DELETE", func() []Option { return nil }},
			} {
				if name == "a wrong length" && tt.method == "HEAD" {
					continue // which net/http's server sends on as it is
				}
				t.Run(fmt.Sprint(scheme, "/", name, "/", tt.method), func(t *testing.T) {
					s := NewSession(TrustEnv(false), TLS{SkipVerify: true}, AllowRedirects(false))
					s.Mount(scheme+"://127.0.0.1", &HTTPAdapter{DisableHTTP2: true})
					s.Mount(scheme+"://mock.test/", Handler(h))
					defer s.Close() // and with it a connection that the server is about to close
					ask := func(base string) string {
						r, err := s.Do(t.Context(), tt.method, base+"/a/b%2Fc", tt.opts()...)
						if err != nil {
							if errors.Is(err, ErrConnectionLost) || errors.Is(err, ErrIncompleteBody) {
								return "broken" // a server may be faster with the end than with what it has flushed
							}
							return err.Error()
						}
						for _, frame := range []string{"Transfer-Encoding", "Connection", "Date"} {
							r.Header.Del(frame)
						}
						return fmt.Sprintf("%d %s %v %q %v %t", r.StatusCode, r.Reason, r.Header, r.Text(), r.Trailer(), r.TLS != nil)
					}
					require.Equal(t, ask(srv.URL), ask(scheme+"://mock.test"))
				})
			}
			srv.Close()
		}
	}
}
