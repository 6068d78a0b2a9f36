package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// words is a body that is written in two steps, and counts how often.
func words(calls *atomic.Int64) requests.Body {
	return requests.Writer(func(w io.Writer) error {
		calls.Add(1)
		io.WriteString(w, "hello ")
		_, err := io.WriteString(w, "world")
		return err
	})
}

// echoFraming answers with how the body was framed, and the body.
func echoFraming(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%d %v %s", r.ContentLength, r.TransferEncoding, data)
}

// TestWriter sends what a function writes by each carrier.
func TestWriter(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewServer(http.HandlerFunc(echoFraming))
	defer server.Close()
	http2 := httptest.NewUnstartedServer(http.HandlerFunc(echoFraming))
	http2.Config.Protocols = new(http.Protocols)
	http2.Config.Protocols.SetUnencryptedHTTP2(true)
	http2.Start()
	defer http2.Close()
	for name, tt := range map[string]struct {
		adapter requests.Adapter
		url     string
		want    string
	}{
		"HTTP/1.1":     {new(requests.HTTPAdapter), server.URL, "-1 [chunked] hello world"},
		"HTTP/2":       {&requests.HTTPAdapter{UnencryptedHTTP2: true}, http2.URL, "-1 [] hello world"},
		"RoundTripper": {requests.RoundTripper(http.DefaultTransport.(*http.Transport).Clone()), server.URL, "-1 [chunked] hello world"},
		"Handler":      {requests.Handler(http.HandlerFunc(echoFraming)), "http://a.test", "-1 [chunked] hello world"},
	} {
		t.Run(name, func(t *testing.T) {
			s := requests.NewSession()
			s.Mount("http://", tt.adapter)
			defer s.Close()
			var calls atomic.Int64
			for range 2 { // the same Body serves several calls
				r, err := s.Post(t.Context(), tt.url, words(&calls))
				require.NoError(t, err)
				require.Equal(t, tt.want, r.Text())
			}
			require.EqualValues(t, 2, calls.Load())

			r, err := s.Post(t.Context(), tt.url, requests.Writer(func(io.Writer) error { return nil }))
			require.NoError(t, err)
			require.NotContains(t, r.Text(), "hello")

			mine := errors.New("mine")
			_, err = s.Post(t.Context(), tt.url, requests.Writer(func(w io.Writer) error {
				io.WriteString(w, "half")
				return mine
			}))
			require.ErrorIs(t, err, mine)
			require.ErrorIs(t, err, requests.ErrRequest)
			_, err = s.Post(t.Context(), tt.url, requests.Writer(func(w io.Writer) error {
				io.WriteString(w, "half")
				return io.EOF
			}))
			require.ErrorIs(t, err, io.EOF) // which is an end for readers alone

			require.PanicsWithValue(t, "mine", func() {
				s.Post(t.Context(), tt.url, requests.Writer(func(w io.Writer) error {
					io.WriteString(w, "half")
					panic("mine")
				}))
			})
			exited := make(chan bool, 1)
			go func() {
				defer func() { exited <- true }()
				s.Post(t.Context(), tt.url, requests.Writer(func(io.Writer) error { runtime.Goexit(); return nil }))
				exited <- false
			}()
			require.True(t, <-exited, "runtime.Goexit was swallowed")
		})
	}
	_, err := requests.Post(t.Context(), server.URL, requests.Writer(nil))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = requests.Post(t.Context(), server.URL, requests.Writer(func(io.Writer) error { return nil }), requests.Text("a"))
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

// TestWriterAgain sends the body once more, for a redirect, a retry and a challenge.
func TestWriterAgain(t *testing.T) {
	noEnvironment(t)
	var seen atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if string(data) != "hello world" {
			t.Errorf("%s got %q", r.URL, data)
		}
		switch {
		case r.URL.Path == "/redirect":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case r.URL.Path == "/retry" && seen.Add(1) == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/digest" && r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth-int"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	for path, want := range map[string]int64{"/redirect": 2, "/retry": 2, "/digest": 3} { // a digest of the body reads it, too
		var calls atomic.Int64
		r, err := requests.Put(t.Context(), server.URL+path, words(&calls), requests.DigestAuth("u", "p"),
			requests.Retry{Total: 1, StatusCodes: []int{503}})
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode)
		require.Equal(t, want, calls.Load(), path)
	}
}

// TestWriterEnds: once the call is over, the function is, and nothing calls it.
func TestWriterEnds(t *testing.T) {
	noEnvironment(t)
	early := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			io.Copy(io.Discard, r.Body) // which does not end
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer early.Close()
	var running, writes atomic.Int64
	endless := requests.Writer(func(w io.Writer) error {
		running.Add(1)
		defer running.Add(-1)
		for {
			writes.Add(1)
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
				if err != io.ErrClosedPipe {
					t.Errorf("Write() = %v", err)
				}
				return err
			}
		}
	})
	for _, stream := range []bool{false, true} {
		r, err := requests.Post(t.Context(), early.URL, endless, requests.Stream(stream))
		if err == nil { // else the server has closed the connection before its answer was seen
			require.NoError(t, r.Close())
			require.Equal(t, 413, r.StatusCode)
		}
		require.Zero(t, running.Load())
		n := writes.Load()
		runtime.Gosched()
		require.Equal(t, n, writes.Load())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := requests.Post(ctx, early.URL+"/wait", endless)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, running.Load())

	// No connection, no call of the function.
	calls := writes.Load()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	_, err = requests.Post(t.Context(), "http://"+ln.Addr().String(), endless)
	require.ErrorIs(t, err, requests.ErrConnection)
	require.Equal(t, calls, writes.Load())
}

// TestWriterBusy: a function that does not write holds no call up for long.
func TestWriterBusy(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	begun, release := make(chan bool), make(chan bool)
	var late error
	var wg sync.WaitGroup
	wg.Add(1)
	busy := requests.Writer(func(w io.Writer) error {
		defer wg.Done()
		close(begun)
		<-release
		_, late = io.WriteString(w, "late")
		return late
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	_, err := requests.Post(ctx, server.URL, busy)
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	wg.Wait()
	require.ErrorIs(t, late, io.ErrClosedPipe)
}

// TestWriterBothWays: what is written goes on while the response comes, and ends with it.
func TestWriterBothWays(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		buf := make([]byte, 4)
		for {
			n, err := r.Body.Read(buf)
			if w.Write(buf[:n]); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
		}
	}))
	defer server.Close()
	var ended atomic.Bool
	next := make(chan string)
	r, err := requests.Post(t.Context(), server.URL, requests.Stream(true), requests.Writer(func(w io.Writer) error {
		defer ended.Store(true)
		for {
			select {
			case s := <-next:
				if _, err := io.WriteString(w, s); err != nil {
					return err
				}
			case <-t.Context().Done():
				return nil
			case <-time.After(10 * time.Millisecond):
				if _, err := io.WriteString(w, "."); err != nil {
					return err
				}
			}
		}
	}))
	require.NoError(t, err)
	next <- "ping"
	var got strings.Builder
	for buf := make([]byte, 64); !strings.Contains(got.String(), "ping"); {
		n, err := r.Body.Read(buf)
		require.NoError(t, err)
		got.Write(buf[:n])
	}
	require.False(t, ended.Load())
	require.NoError(t, r.Close())
	require.True(t, ended.Load(), "the function goes on after Close")
}
