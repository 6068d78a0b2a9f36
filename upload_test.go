package requests

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// A context ends a call whose body waits for ever.
func TestBlockedBody(t *testing.T) {
	send := func(t *testing.T, do func(ctx context.Context, url string) error) {
		t.Helper()
		reached := make(chan struct{})
		url := listen(t, func(c net.Conn) {
			bufio.NewReader(c).ReadString('\n')
			close(reached)
			io.Copy(io.Discard, c)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-reached; cancel() }()
		done := make(chan error, 1)
		go func() { done <- do(ctx, url) }()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) {
				t.Errorf("error = %v; want %v", err, context.Canceled)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the call did not return")
		}
	}
	t.Run("B101 Reader", func(t *testing.T) {
		pr, pw := io.Pipe()
		defer pw.Close()
		send(t, func(ctx context.Context, url string) error { _, err := Post(ctx, url, Reader(pr)); return err })
	})
	t.Run("B101 Files", func(t *testing.T) {
		pr, pw := io.Pipe()
		defer pw.Close()
		send(t, func(ctx context.Context, url string) error {
			_, err := Post(ctx, url, Files{{Field: "f", Reader: pr}})
			return err
		})
	})
	t.Run("B101 RoundTripper", func(t *testing.T) {
		pr, pw := io.Pipe()
		defer pw.Close()
		send(t, func(ctx context.Context, url string) error {
			if _, err := Get(ctx, url); err == nil { // so that the context ends
				t.Error("Get() without an answer succeeded")
			}
			s := new(Session)
			s.Mount("http://", RoundTripper(tripper(func(hr *http.Request) (*http.Response, error) {
				_, err := io.ReadAll(hr.Body)
				return nil, err
			})))
			_, err := s.Post(ctx, url, Reader(pr))
			return err
		})
	})
	t.Run("B101 body of an http.Request", func(t *testing.T) {
		pr, pw := io.Pipe()
		body := &closeCount{Reader: pr, closed: make(chan struct{})}
		send(t, func(ctx context.Context, url string) error {
			hr, err := http.NewRequestWithContext(ctx, "POST", url, body)
			if err != nil {
				return err
			}
			_, err = new(Session).Client().Do(hr)
			return err
		})
		pw.Close()
		select {
		case <-body.closed:
		case <-time.After(10 * time.Second):
			t.Error("the body was not closed")
		}
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(hr *http.Request) (*http.Response, error) { return f(hr) }

// The reader of the caller is left alone once the call has returned.
func TestSourceAfterReturn(t *testing.T) {
	for name, waits := range map[string]bool{"file": false, "reader": true} {
		t.Run("B019 "+name, func(t *testing.T) {
			source := &readCount{r: strings.NewReader("text")}
			var body Body = Reader(source)
			if !waits {
				body = Reader(openFile(t, writeFile(t, "f", "text")))
			}
			var kept io.Reader
			s := new(Session)
			s.Mount("http://", RoundTripper(tripper(func(hr *http.Request) (*http.Response, error) {
				kept = hr.Body
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			})))
			if _, err := s.Post(t.Context(), "http://a.test/", body); err != nil {
				t.Fatal(err)
			}
			if n, err := kept.Read(make([]byte, 1)); err == nil || err == io.EOF || n > 0 {
				t.Errorf("Read() = %d, %v after the call; want an error", n, err)
			}
			if source.n > 0 {
				t.Error("the source was read after the call")
			}
		})
	}
}

// A source that was being read when its body was closed is closed after that.
func TestCloseWhileReading(t *testing.T) {
	reading := make(chan struct{})
	pr, pw := io.Pipe()
	source := &closeCount{Reader: io.MultiReader(readerFunc(func([]byte) (int, error) { close(reading); return 0, io.EOF }), pr), closed: make(chan struct{})}
	s := &stream{what: "the request body", from: func() (io.Reader, error) { return source, nil }, waits: true}
	body, err := s.open(-1)
	if err != nil {
		t.Fatal(err)
	}
	go body.Read(make([]byte, 4))
	<-reading
	body.Close()
	select {
	case <-source.closed:
		t.Fatal("the source was closed while it was read")
	default:
	}
	pw.Write([]byte("text"))
	<-source.closed
	body.Close()
	if n := source.count.Load(); n != 1 {
		t.Errorf("the source was closed %d times; want 1", n)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// The Read limit counts from the end of a streamed body.
func TestSilenceAfterUpload(t *testing.T) {
	for name, r := range map[string]io.Reader{"known": strings.NewReader("text"), "unknown": iotest.OneByteReader(strings.NewReader("text"))} {
		t.Run(name, func(t *testing.T) {
			url := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, err := Post(ctx, url, Reader(r), Timeout{Read: 50 * time.Millisecond}); !errors.Is(err, ErrReadTimeout) {
				t.Errorf("Post() = %v; want %v", err, ErrReadTimeout)
			}
		})
	}
}

// closeCount says when it was closed for the first time.
type closeCount struct {
	io.Reader
	count  atomic.Int32
	closed chan struct{}
}

func (c *closeCount) Close() error {
	if c.count.Add(1) == 1 {
		close(c.closed)
	}
	return nil
}

// TestEarlyAnswer has servers that answer, or go away, before they have read the body.
func TestEarlyAnswer(t *testing.T) {
	const tooLarge = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch"
	body := func() Body { return Reader(io.LimitReader(zeros{}, 8<<20)) }
	t.Run("B095 413 and close", func(t *testing.T) {
		url := listen(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, tooLarge)
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		})
		r, err := Post(t.Context(), url, body())
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != 413 || r.Text() != "much" {
			t.Errorf("Post() = %d %q; want 413 %q", r.StatusCode, r.Text(), "much")
		}
	})
	t.Run("B096 413 and reset", func(t *testing.T) {
		url := listen(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, tooLarge)
			c.(*net.TCPConn).SetLinger(0)
		})
		// The reset may overtake the response, so that either is right.
		r, err := Post(t.Context(), url, body())
		if err == nil && r.StatusCode != 413 || err != nil && !errors.Is(err, ErrConnection) && !errors.Is(err, ErrIncompleteBody) {
			t.Errorf("Post() = %v, %v; want 413 or %v", r, err, ErrConnectionLost)
		}
	})
	t.Run("B097 reset amid the body", func(t *testing.T) {
		url := listen(t, func(c net.Conn) {
			r, _ := http.ReadRequest(bufio.NewReader(c))
			io.CopyN(io.Discard, r.Body, 1<<20)
			c.(*net.TCPConn).SetLinger(0)
		})
		if _, err := Post(t.Context(), url, body()); !errors.Is(err, ErrConnectionLost) {
			t.Errorf("Post() = %v; want %v", err, ErrConnectionLost)
		}
	})
}

// A source that waits does not keep a call from ending when the server does.
func TestServerEndsWhileSourceWaits(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         error
	}{
		{"server goes away", "", ErrConnectionLost},
		{"server answers", "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch", nil},
	} {
		for _, kind := range []string{"Reader", "Files"} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				pr, pw := io.Pipe()
				defer pw.Close()
				url := listen(t, func(c net.Conn) {
					http.ReadRequest(bufio.NewReader(c))
					io.WriteString(c, tt.answer)
				})
				var option Option = Reader(pr)
				if kind == "Files" {
					option = Files{{Field: "f", Reader: pr}}
				}
				s := new(Session)
				defer s.Close()
				r, err := s.Post(t.Context(), url, option)
				if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Fatalf("Post() = %v, %v; want %v", r, err, tt.want)
				}
				if tt.want == nil && r.StatusCode != 413 {
					t.Errorf("Post() = %d; want 413", r.StatusCode)
				}
				waitFor(t, "the upload to be given up", func() bool {
					stacks := make([]byte, 1<<20)
					return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*upload).Read("))
				})
			})
		}
	}
}

// waitFor gives what other goroutines do some time.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// A connection is used again after each kind of body.
func TestUploadKeepsConnection(t *testing.T) {
	w := newWire(t, answerOK)
	s := new(Session)
	defer s.Close()
	path := writeFile(t, "f", strings.Repeat("x", 200_000))
	for range 20 {
		for _, option := range []Option{
			Text("x"),
			Reader(strings.NewReader("x")),
			Reader(openFile(t, path)),
			Reader(iotest.OneByteReader(strings.NewReader("xyz"))),
			Reader(liar{strings.NewReader("xyz"), 3}),
			Files{{Field: "f", Path: path}},
			Files{{Field: "f", Path: path}, {Field: "g", Reader: iotest.HalfReader(strings.NewReader("xyz"))}},
		} {
			if _, err := s.Post(t.Context(), w.url, option); err != nil {
				t.Fatal(err)
			}
			w.next(t)
		}
	}
	if n := w.conns.Load(); n != 1 {
		t.Errorf("%d connections for 140 requests; want 1", n)
	}
}

// TestLongReaderWithoutLength has more bytes than a buffer, by a method that
// net/http probes for a body with a read of one byte.
func TestLongReaderWithoutLength(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		w := newWire(t, answerOK)
		reads := &readCount{r: strings.NewReader(strings.Repeat("0123456789", 100_000))}
		if _, err := Do(t.Context(), method, w.url, Reader(reads)); err != nil {
			t.Fatal(err)
		}
		if got := w.next(t); len(got.body) != 1_000_000 || !bytes.HasSuffix(got.body, []byte("9")) {
			t.Errorf("%s: the server got %d bytes; want a million", method, len(got.body))
		}
		if reads.n > 100 {
			t.Errorf("%s: %d reads; want large ones", method, reads.n)
		}
	}
}

type readCount struct {
	r io.Reader
	n int
}

func (c *readCount) Read(b []byte) (int, error) { c.n++; return c.r.Read(b) }

// Over HTTP/2 bodies are the same, and as incomplete if the source fails.
func TestUploadHTTP2(t *testing.T) {
	type upload struct {
		proto, body string
		err         error
	}
	got := make(chan upload, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got <- upload{r.Proto, string(body), err}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := NewSession(TLS{Config: &tls.Config{RootCAs: roots}})
	defer s.Close()
	text := strings.Repeat("text", 100_000)
	for _, tt := range []struct {
		name   string
		option Option
		want   string
		err    error
	}{
		{"known", Reader(strings.NewReader(text)), text, nil},
		{"unknown", Reader(iotest.HalfReader(strings.NewReader(text))), text, nil},
		{"parts", Files{{Field: "f", Path: writeFile(t, "f", text)}, {Field: "g", Reader: iotest.HalfReader(strings.NewReader(text))}}, text, nil},
		{"shorter", Reader(liar{strings.NewReader(text), len(text) + 1}), "", ErrInvalidOption},
		{"longer part", Files{{Field: "f", Reader: liar{strings.NewReader(text), len(text) - 1}}}, "", ErrInvalidOption},
		{"error", Reader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errDisk))), "", errDisk},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Post(t.Context(), server.URL, tt.option)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("Post() = %v; want %v", err, tt.err)
			}
			u := <-got
			if u.proto != "HTTP/2.0" || (u.err == nil) != (tt.err == nil) || tt.err == nil && !strings.Contains(u.body, tt.want) {
				t.Errorf("the server got %d bytes by %s, %v; want them complete: %v", len(u.body), u.proto, u.err, tt.err == nil)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
