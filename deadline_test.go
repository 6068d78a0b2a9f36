package requests

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeadlineOfTheExchangeBefore is about limits that have run out when a
// connection is used again: those of the exchange before are none of the next.
// Deadlines of sockets go by the clock of the system, so that these tests wait.
func TestDeadlineOfTheExchangeBefore(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	var busy bool
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	late := func(w http.ResponseWriter, status int) { // a body that has to be drained
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
		io.WriteString(w, "<html>")
	}
	mux.HandleFunc("/moved", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", other.URL)
		late(w, http.StatusFound)
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if busy = !busy; busy {
			late(w, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, r.ContentLength)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	encrypted := httptest.NewTLSServer(mux)
	defer encrypted.Close()

	body := bytes.Repeat([]byte("x"), 20<<10)
	for _, tt := range []struct {
		name string
		post func() []Option
	}{
		{"20 KiB in memory", func() []Option { return []Option{Bytes(body)} }},
		{"one byte, with progress", func() []Option { return []Option{Text("x"), OnProgress(func(_, _ int64) {})} }},
		{"a stream", func() []Option { return []Option{Reader(bytes.NewReader(body))} }},
		{"a stream of unknown length", func() []Option { return []Option{Reader(io.MultiReader(bytes.NewReader(body)))} }},
		{"a few bytes", func() []Option { return []Option{Text("x")} }},
	} {
		for way, url := range map[string]string{"plain": srv.URL, "TLS": encrypted.URL} {
			t.Run(tt.name+"/"+way+"/idle for longer than Read", func(t *testing.T) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, TLS{SkipVerify: true})
				if _, err := s.Get(bg, url, Timeout{Read: 100 * time.Millisecond}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(110 * time.Millisecond)
				if _, err := s.Post(bg, url, append(tt.post(), Timeout{Read: 5 * time.Second})...); err != nil {
					t.Errorf("POST = %v", err)
				}
			})
			t.Run(tt.name+"/"+way+"/after the drain of a redirect", func(t *testing.T) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, TLS{SkipVerify: true})
				if _, err := s.Get(bg, url+"/moved"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(drainTime + 10*time.Millisecond)
				if _, err := s.Post(bg, url, tt.post()...); err != nil {
					t.Errorf("POST = %v", err)
				}
			})
		}
	}
	t.Run("after the drain of an attempt", func(t *testing.T) {
		s := over(t, new(HTTPAdapter))
		retry := Retry{Total: 1, StatusCodes: []int{503}, Methods: []string{"POST"}, Backoff: drainTime + 10*time.Millisecond}
		if _, err := s.Post(bg, srv.URL+"/busy", Bytes(body), retry); err != nil {
			t.Errorf("POST = %v", err)
		}
	})
}

// TestReadWaitsForTheUpload is about the clock of Read, which does not run while
// the server takes a body, whatever the body is and however it is carried.
func TestReadWaitsForTheUpload(t *testing.T) {
	const size, limit = 4 << 20, time.Second
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		n := 0
		for {
			k, err := io.ReadFull(r.Body, buf)
			if n += k; err != nil {
				break
			}
			time.Sleep(limit / 32) // 64 times: twice the limit
		}
		fmt.Fprint(w, n)
	})
	data := bytes.Repeat([]byte("x"), size)
	for _, body := range []struct {
		name string
		body func() Body
	}{
		{"Bytes", func() Body { return Bytes(data) }},
		{"Text", func() Body { return Text(string(data)) }},
		{"JSON", func() Body { return JSON(string(data[2:])) }},
		{"Reader", func() Body { return Reader(bytes.NewReader(data)) }},
	} {
		t.Run(body.name+"/RoundTripper", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewSession(Timeout{Read: limit})
				s.Mount("http://", RoundTripper(readsSlowly{slow}))
				r, err := s.Post(bg, "http://example.com/", body.body())
				if err != nil {
					t.Fatal(err)
				}
				if got, want := r.Text(), fmt.Sprint(size); got != want {
					t.Errorf("the server took %q bytes; want %q", got, want)
				}
			})
		})
		t.Run(body.name+"/HTTP/2", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				srv := &http.Server{Handler: slow, Protocols: new(http.Protocols)}
				srv.Protocols.SetUnencryptedHTTP2(true)
				go srv.Serve(l)
				defer time.Sleep(time.Minute) // of the bubble: for the handler to return
				defer srv.Close()
				s := over(t, &HTTPAdapter{UnencryptedHTTP2: true, DialContext: l.dial}, Timeout{Read: limit})
				defer s.Close()
				r, err := s.Post(bg, "http://example.com/", body.body())
				if err != nil {
					t.Fatal(err)
				}
				if got, want := r.Proto+" "+r.Text(), fmt.Sprint("HTTP/2.0 ", size); got != want {
					t.Errorf("the server took %q bytes; want %q", got, want)
				}
			})
		})
	}
}

// readsSlowly is a RoundTripper that hands each request to a handler.
type readsSlowly struct{ http.Handler }

func (h readsSlowly) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// A pipeListener accepts the other ends of what dial returns.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
