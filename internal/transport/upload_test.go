package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests/internal/fault"
)

// withBody gives call a body: in memory, or from a source of known or unknown
// length.
func withBody(call *Call, kind string, body []byte) *Call {
	call.Method, call.Length = "POST", int64(len(body))
	switch kind {
	case "memory":
		call.Body = Source{Bytes: body}
	case "chunked":
		call.Length = -1
		fallthrough
	case "source":
		call.Body = Source{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }, Again: true}
	}
	return call
}

var bodyKinds = []string{"memory", "source", "chunked"}

// While a body is being sent and taken, it is not the server's turn: the Read limit
// applies to each write and, after the body, to the answer.
func TestReadLimitWaitsForUpload(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, kind := range bodyKinds {
			t.Run(kind+map[bool]string{true: ", TLS"}[secure], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := net.Pipe()
					e := &Engine{Config: Config{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
					defer e.Close()
					defer server.Close()
					go func() {
						c := server
						if secure {
							c = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate()}})
						}
						r, err := http.ReadRequest(bufio.NewReader(c))
						if err != nil {
							return
						}
						for buf := make([]byte, 16<<10); err == nil; {
							time.Sleep(700 * time.Millisecond)
							_, err = io.ReadFull(r.Body, buf)
						}
						io.WriteString(c, okText)
					}()
					call := withBody(newCall(t, "POST", "http://a.test/"), kind, make([]byte, 256<<10))
					if secure {
						call.URL.Scheme, call.Route = "https", skipVerify
					}
					call.Read = time.Second
					if got := text(t, e, call); got != "ok" {
						t.Errorf("the answer is %q", got)
					}
				})
			})
		}
	}
}

// A server that takes none of a body, or does not answer it, runs into the limit.
func TestReadLimitOfUpload(t *testing.T) {
	for _, kind := range bodyKinds {
		for _, takes := range []bool{false, true} {
			t.Run(kind+map[bool]string{true: ", taken", false: ", not taken"}[takes], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := net.Pipe()
					e := &Engine{Config: Config{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
					defer e.Close()
					defer server.Close()
					go func() {
						if r, err := http.ReadRequest(bufio.NewReader(server)); err == nil && takes {
							io.Copy(io.Discard, r.Body)
						}
					}()
					call := withBody(newCall(t, "POST", "http://a.test/"), kind, make([]byte, 256<<10))
					call.Read = time.Second
					start := time.Now()
					_, err := e.Do(t.Context(), call)
					if took := time.Since(start); !errors.Is(err, fault.ReadTimeout) || took != time.Second {
						t.Errorf("Do: %v after %v; want %v after 1 s", err, took, fault.ReadTimeout)
					}
				})
			})
		}
	}
}

// The clock stands still while the source is read.
func TestReadLimitWaitsForSource(t *testing.T) {
	p := &pipes{}
	p.bubble(t, Config{}, func(t *testing.T, e *Engine) {
		pr, pw := io.Pipe()
		go func() {
			for range 5 {
				time.Sleep(time.Minute)
				io.WriteString(pw, "slow")
			}
			pw.Close()
		}()
		call := newCall(t, "POST", "http://a.test/")
		call.Length, call.Body, call.Read = -1, Source{Open: func() (io.ReadCloser, error) { return pr, nil }, Blocks: true}, time.Second
		text(t, e, call)
	})
}

// A server answers before the end of a large body and closes at once: its answer is
// not lost.
func TestEarlyAnswer(t *testing.T) {
	const answer = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch"
	body := make([]byte, 16<<20)
	for _, kind := range bodyKinds {
		t.Run(kind, func(t *testing.T) {
			e := newEngine(t, Config{})
			url := serving(t, func(c net.Conn) {
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, answer)
			})
			for range 20 {
				res, err := e.Do(t.Context(), withBody(newCall(t, "POST", url), kind, body))
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(res.Body); res.StatusCode != 413 || string(b) != "much" || err != nil {
					t.Fatalf("%d %q, %v; want 413 much", res.StatusCode, b, err)
				}
			}
		})
	}
}

// E1.4: the same if the answer has an end of its own: a length, or a last chunk. If
// it ends with the connection, which was reset, it may be cut short.
func TestEndOfEarlyAnswer(t *testing.T) {
	body := make([]byte, 16<<20)
	for name, tt := range map[string]struct {
		answer string
		err    error
	}{
		"length":    {"Content-Length: 4\r\n\r\nmuch", nil},
		"chunks":    {"Transfer-Encoding: chunked\r\n\r\n4\r\nmuch\r\n0\r\n\r\n", nil},
		"until end": {"\r\nmuch", fault.IncompleteBody},
	} {
		for _, kind := range bodyKinds {
			t.Run(name+", "+kind, func(t *testing.T) {
				e := newEngine(t, Config{})
				url := serving(t, func(c net.Conn) {
					r, err := http.ReadRequest(bufio.NewReader(c))
					if err == nil {
						r.Body.Read(make([]byte, 1)) // the body is under way
					}
					c.(*net.TCPConn).SetLinger(0) // Close resets, whether or not there is more to read
					io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n"+tt.answer)
				})
				for range 10 {
					res, err := e.Do(t.Context(), withBody(newCall(t, "POST", url), kind, body))
					if err != nil {
						t.Fatal(err)
					}
					if b, err := io.ReadAll(res.Body); string(b) != "much" || !errors.Is(err, tt.err) {
						t.Fatalf("%q, %v; want much, %v", b, err, tt.err)
					}
				}
			})
		}
	}
}

// A readCheck is a source that knows whether it is read after it was given back.
type readCheck struct {
	over  atomic.Bool
	after atomic.Int32
}

func (r *readCheck) Read(b []byte) (int, error) {
	if r.over.Load() {
		r.after.Add(1)
	}
	return len(b), nil
}

func (r *readCheck) Close() error { return nil }

// E1.9: the source is the caller's again when the response has ended: nobody reads
// it any more, even if the server answered early.
func TestSourceAfterCall(t *testing.T) {
	for _, status := range []string{"413 Content Too Large", "200 OK\r\nConnection: close"} {
		for _, secure := range []bool{false, true} {
			url := serving(t, func(c net.Conn) {
				if secure {
					c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate()}})
				}
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 2\r\n\r\nno")
				io.Copy(io.Discard, c)
			})
			for range 20 {
				e := newEngine(t, Config{})
				source := new(readCheck)
				call := newCall(t, "POST", url)
				call.Length, call.Body.Open = -1, func() (io.ReadCloser, error) { return source, nil }
				if secure {
					call.URL.Scheme, call.Route = "https", skipVerify
				}
				text(t, e, call)
				source.over.Store(true)
				if n := source.after.Load(); n > 0 {
					t.Fatalf("%d reads after the call", n)
				}
				e = newEngine(t, Config{}) // the server answers one request a connection
				memory := make([]byte, 1<<20)
				call = withBody(newCall(t, "POST", url), "memory", memory)
				if secure {
					call.URL.Scheme, call.Route = "https", skipVerify
				}
				text(t, e, call)
				clear(memory) // a race, if it is still read
			}
		}
	}
}

// A slowSource takes a second for each Read, and knows whether one is under way.
type slowSource struct{ busy, closed bool }

func (s *slowSource) Read(b []byte) (int, error) {
	s.busy = true
	time.Sleep(time.Second)
	s.busy = false
	return len(b), nil
}

func (s *slowSource) Close() error { s.closed = true; return nil }

// E1.9: if a Read of the source is under way when the answer arrives, it is waited
// for.
func TestReadOfSourceUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		e := &Engine{Config: Config{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
		defer e.Close()
		go func() {
			defer server.Close()
			http.ReadRequest(bufio.NewReader(server))
			time.Sleep(time.Second / 2)
			io.WriteString(server, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch")
		}()
		source := new(slowSource)
		call := newCall(t, "POST", "http://a.test/")
		call.Length, call.Body.Open = -1, func() (io.ReadCloser, error) { return source, nil }
		start := time.Now()
		text(t, e, call)
		if took := time.Since(start); source.busy || !source.closed || took != time.Second {
			t.Errorf("after %v: a Read under way %v, closed %v; want a second, false, true", took, source.busy, source.closed)
		}
	})
}

// E1.9: a source that blocks is left behind, and the call ends.
func TestBlockingSourceIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         error
	}{
		{"the server goes away", "", fault.ConnectionLost},
		{"the server answers", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch", nil},
		{"the context ends", "wait", context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pr, pw := io.Pipe()
			url := serving(t, func(c net.Conn) {
				http.ReadRequest(bufio.NewReader(c))
				if tt.answer != "wait" {
					io.WriteString(c, tt.answer)
					return
				}
				cancel()
				io.Copy(io.Discard, c)
			})
			e := newEngine(t, Config{})
			call := newCall(t, "POST", url)
			call.Length, call.Body = -1, Source{Open: func() (io.ReadCloser, error) { return pr, nil }, Blocks: true}
			res, err := e.Do(ctx, call)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("%v; want %v", err, tt.want)
			}
			pw.CloseWithError(errors.New("late"))
		})
	}
}

// E1.9: after an early 2xx the upload continues while the server takes bytes, as
// when blocks are exchanged one by one.
func TestAnswerWhileSending(t *testing.T) {
	url := serving(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for buf := make([]byte, 4); ; {
				if _, err := io.ReadFull(r.Body, buf); err != nil {
					break
				}
				io.WriteString(c, "4\r\n"+string(buf)+"\r\n")
			}
			io.WriteString(c, "0\r\n\r\n")
		}
	})
	e := newEngine(t, Config{})
	for range 3 {
		pr, pw := io.Pipe()
		call := newCall(t, "POST", url)
		call.Length, call.Body = -1, Source{Open: func() (io.ReadCloser, error) { return pr, nil }, Blocks: true}
		res, err := e.Do(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range []string{"ping", "pong"} {
			go pw.Write([]byte(block))
			buf := make([]byte, 4)
			if _, err := io.ReadFull(res.Body, buf); string(buf) != block || err != nil {
				t.Fatalf("read %q, %v; want %q", buf, err, block)
			}
		}
		pw.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.Stats(); s.Dialed != 1 || s.Idle != 1 {
		t.Errorf("Stats = %+v; want one connection for all", s)
	}
}

// The body of a response has no clock either while the request is being sent.
func TestReadLimitWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		e := &Engine{Config: Config{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
		defer e.Close()
		pr, pw := io.Pipe()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			defer server.Close()
			r, err := http.ReadRequest(bufio.NewReader(server))
			if err != nil {
				return
			}
			io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
			io.CopyN(server, r.Body, 4)
			io.Copy(io.Discard, r.Body)
			time.Sleep(5 * time.Second)
			io.WriteString(server, "late")
		})
		call := newCall(t, "POST", "http://a.test/")
		call.Length, call.Body = -1, Source{Open: func() (io.ReadCloser, error) { return pr, nil }, Blocks: true}
		call.Read = time.Second
		go func() {
			time.Sleep(time.Minute)
			io.WriteString(pw, "ping")
			time.Sleep(time.Minute)
			pw.Close()
		}()
		res, err := e.Do(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4)
		if _, err := io.ReadFull(res.Body, buf); string(buf) != "ping" || err != nil {
			t.Fatalf("read %q, %v", buf, err)
		}
		start := time.Now()
		_, err = io.ReadFull(res.Body, buf)
		if took := time.Since(start); !errors.Is(err, fault.ReadTimeout) || took != time.Minute+time.Second {
			t.Errorf("%v after %v; want %v a second after the end of the request", err, took, fault.ReadTimeout)
		}
	})
}

// E1.9: a server that answers at once and takes the body all the same gets all of
// it, and the connection serves the next call.
func TestAnswerBeforeBody(t *testing.T) {
	for _, kind := range bodyKinds {
		var taken atomic.Int64
		url := serving(t, func(c net.Conn) {
			br := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(br)
				if err != nil {
					return
				}
				io.WriteString(c, okText)
				n, _ := io.Copy(io.Discard, r.Body)
				taken.Add(n)
			}
		})
		e := newEngine(t, Config{})
		for range 3 {
			text(t, e, withBody(newCall(t, "POST", url), kind, make([]byte, 8<<20)))
		}
		if s := e.Stats(); s.Dialed != 1 {
			t.Errorf("%s: Stats = %+v; want one connection", kind, s)
		}
		await(t, "all bytes", func() bool { return taken.Load() == 3*8<<20 })
	}
}

// A source that fails after the answer makes the body of the response fail.
func TestSourceFailsAfterAnswer(t *testing.T) {
	broken := errors.New("the disk is broken")
	pr, pw := io.Pipe()
	url := serving(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, okText)
		pw.CloseWithError(broken)
		io.Copy(io.Discard, c)
	})
	call := newCall(t, "POST", url)
	call.Length, call.Body = -1, Source{Open: func() (io.ReadCloser, error) { return pr, nil }, Blocks: true}
	res, err := newEngine(t, Config{}).Do(t.Context(), call)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
	}
	if err != broken {
		t.Errorf("%v; want the error of the source", err)
	}
}

// E1.11: "Expect: 100-continue" asks before the body is sent.
func TestExpect(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string // to the head
		kept   bool
		taken  bool
	}{
		{"continue", "HTTP/1.1 100 Continue\r\n\r\n", true, true},
		{"silence", "", true, true},
		{"refusal", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno", false, false},
		{"an answer without it", okText, false, false},
	} {
		for _, kind := range bodyKinds {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := net.Pipe()
					e := &Engine{Config: Config{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
					defer e.Close()
					defer server.Close()
					taken := false
					go func() {
						r, err := http.ReadRequest(bufio.NewReader(server))
						if err != nil {
							return
						}
						io.WriteString(server, tt.answer)
						b, err := io.ReadAll(r.Body)
						taken = err == nil && string(b) == "body"
						if tt.taken {
							io.WriteString(server, okText)
						}
					}()
					call := withBody(newCall(t, "POST", "http://a.test/"), kind, []byte("body"))
					call.Header["Expect"] = []string{"100-continue"}
					start := time.Now()
					text(t, e, call)
					synctest.Wait()
					if s := e.Stats(); taken != tt.taken || s.Idle == 1 != tt.kept {
						t.Errorf("taken %v, Stats = %+v; want %v, and it kept: %v", taken, s, tt.taken, tt.kept)
					}
					if took := time.Since(start); took != 0 && tt.name != "silence" {
						t.Errorf("it took %v", took)
					}
				})
			})
		}
	}
}

// A source that fails ends the call with its error, and the server does not get a
// request that looks complete.
func TestSourceFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	for name, source := range map[string]io.Reader{
		"an error": io.MultiReader(strings.NewReader("some"), failing{broken}),
		"a panic":  io.MultiReader(strings.NewReader("some"), panicking{}),
		"short":    strings.NewReader("some"),
	} {
		t.Run(name, func(t *testing.T) {
			complete := make(chan bool, 1)
			url := serving(t, func(c net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				complete <- err == nil
			})
			call := newCall(t, "POST", url)
			call.Length, call.Body.Open = 10, func() (io.ReadCloser, error) { return io.NopCloser(source), nil }
			_, err := newEngine(t, Config{}).Do(t.Context(), call)
			switch name {
			case "an error":
				if err != broken {
					t.Errorf("Do: %v; want the error of the source as it is", err)
				}
			case "a panic":
				if err == nil || !strings.Contains(err.Error(), "panic in the request body: oh") {
					t.Errorf("Do: %v", err)
				}
			default:
				if !errors.Is(err, fault.InvalidOption) {
					t.Errorf("Do: %v; want %v", err, fault.InvalidOption)
				}
			}
			if <-complete {
				t.Error("the server had a complete request")
			}
		})
	}
	call := newCall(t, "POST", "http://127.0.0.1:1/")
	call.Length, call.Body.Open = -1, func() (io.ReadCloser, error) { return nil, broken }
	if _, err := newEngine(t, Config{}).Do(t.Context(), call); !errors.Is(err, broken) || Sent(err) {
		t.Errorf("Open fails: %v; want %v, before a dial", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("oh") }

// Up is called for each body: at its beginning, for its blocks, and at its end.
func TestUp(t *testing.T) {
	url := serving(t, saying(okText))
	for _, size := range []int{1, 1 << 20} {
		for _, kind := range bodyKinds {
			total, begun, ended := 0, 0, 0
			call := withBody(newCall(t, "POST", url), kind, make([]byte, size))
			call.Up = func(n int) error {
				switch {
				case n == 0:
					total = 0
					begun++
				case n > 0:
					total += n
				default:
					ended++
				}
				return nil
			}
			e := newEngine(t, Config{})
			text(t, e, call)
			if total != size || begun != 1 || ended != 1 {
				t.Errorf("%s of %d: told of %d bytes, %d beginnings and %d ends", kind, size, total, begun, ended)
			}
			stop := errors.New("stop")
			call.Up = func(n int) error {
				if n > 0 {
					return stop
				}
				return nil
			}
			if _, err := e.Do(t.Context(), call); !errors.Is(err, stop) {
				t.Errorf("%s of %d: %v; want the error of Up", kind, size, err)
			}
		}
	}
}
