package requests

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// on returns a session on a that trusts any server, closed with the test.
func on(t *testing.T, a Adapter) *Session {
	if network, ok := a.(*HTTPAdapter); ok {
		return over(t, network, TLS{SkipVerify: true})
	}
	s := NewSession()
	s.Mount("http://", a)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestEndedContextSendsNothing is about calls, hops and retries whose context
// has ended before they begin: a server that gets them acts for nobody.
func TestEndedContextSendsNothing(t *testing.T) {
	var posts atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Method == "POST" {
			posts.Add(1)
		}
		io.WriteString(w, "ok")
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	plain := httptest.NewServer(mux)
	defer plain.Close()
	serve := func(http2 bool) *httptest.Server {
		srv := httptest.NewUnstartedServer(mux)
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	encrypted, h2 := serve(false), serve(true)

	for _, way := range []struct {
		name    string
		adapter func() Adapter
		url     string
	}{
		{"plain", func() Adapter { return new(HTTPAdapter) }, plain.URL},
		{"PoolBlock", func() Adapter { return &HTTPAdapter{PoolBlock: true} }, plain.URL},
		{"TLS", func() Adapter { return &HTTPAdapter{DisableHTTP2: true} }, encrypted.URL},
		{"TLS, ALPN", func() Adapter { return new(HTTPAdapter) }, encrypted.URL},
		{"HTTP/2", func() Adapter { return new(HTTPAdapter) }, h2.URL},
		{"RoundTripper", func() Adapter { return RoundTripper(&http.Transport{}) }, plain.URL},
		{"Handler", func() Adapter { return Handler(mux) }, plain.URL},
	} {
		for _, ended := range []struct {
			name string
			want error
			ctx  func() (context.Context, context.CancelFunc)
		}{
			{"cancelled", context.Canceled, func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(bg)
				cancel()
				return ctx, cancel
			}},
			{"past deadline", ErrTimeout, func() (context.Context, context.CancelFunc) {
				return context.WithDeadline(bg, time.Now().Add(-time.Second))
			}},
		} {
			t.Run(way.name+"/"+ended.name, func(t *testing.T) {
				s := on(t, way.adapter())
				posts.Store(0)
				for range 10 {
					if _, err := s.Get(bg, way.url); err != nil { // leaves a warm connection
						t.Fatal(err)
					}
					ctx, cancel := ended.ctx()
					_, err := s.Post(ctx, way.url, Text("order"))
					cancel()
					isAll(t, err, ended.want)
				}
				if n := posts.Load(); n != 0 {
					t.Errorf("%d of 10 POSTs reached the server", n)
				}
			})
		}
		t.Run(way.name+"/within a call", func(t *testing.T) {
			s := on(t, way.adapter())
			posts.Store(0)
			for _, path := range []string{"/moved", "/busy"} {
				ctx, cancel := context.WithCancel(bg)
				_, err := s.Post(ctx, way.url+path, Text("order"),
					Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"POST"}, Backoff: time.Nanosecond},
					OnResponse(func(context.Context, *Response) (*Response, error) { cancel(); return nil, nil }),
					OnRetry(func(context.Context, Attempt) error { cancel(); return nil }))
				cancel()
				if !errors.Is(err, context.Canceled) {
					t.Errorf("POST %s = %v; want context.Canceled", path, err)
				}
			}
			if n := posts.Load(); n != 0 {
				t.Errorf("%d POSTs were sent after the end of their context", n)
			}
		})
	}
}
