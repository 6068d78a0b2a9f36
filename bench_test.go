package requests_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests"
)

// Each path is measured beside the net/http code that it replaces, written by
// hand: run with -bench . -benchmem, and compare the pairs with benchstat
// -col /by.

// record is some 1 KB of JSON, as an API would send it.
type record struct {
	ID      int               `json:"id"`
	Name    string            `json:"name"`
	Tags    []string          `json:"tags"`
	Scores  []float64         `json:"scores"`
	Labels  map[string]string `json:"labels"`
	Comment string            `json:"comment"`
}

var sample = record{
	ID: 12345, Name: "a name of the usual length", Tags: []string{"alpha", "beta", "gamma", "delta"},
	Scores:  []float64{1.5, 2.25, 3.125, 4.0625},
	Labels:  map[string]string{"region": "north", "tier": "gold", "owner": "someone"},
	Comment: strings.Repeat("some text that fills the record ", 22),
}

const lines = 10_000

// benchServer answers the paths that the benchmarks ask for.
func benchServer(b *testing.B) string {
	small, err := json.Marshal(sample)
	if err != nil {
		b.Fatal(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	line := []byte(strings.Repeat("x", 99) + "\n")
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Write(small)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(large)))
		w.Write(large)
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Write(large)
	})
	mux.HandleFunc("/lines", func(w http.ResponseWriter, r *http.Request) {
		for range lines {
			w.Write(line)
		}
	})
	srv := httptest.NewServer(mux)
	b.Cleanup(srv.Close)
	return srv.URL
}

// A path is one way of using a client, by hand and by this library.
type path struct {
	name string
	hand func(c *http.Client, base string) error
	ours func(s *requests.Session, base string) error
}

func readAll(res *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	return io.ReadAll(res.Body)
}

var paths = []path{
	{
		name: "GetJSON",
		hand: func(c *http.Client, base string) error {
			body, err := readAll(c.Get(base + "/small"))
			if err != nil {
				return err
			}
			var v record
			return json.Unmarshal(body, &v)
		},
		ours: func(s *requests.Session, base string) error {
			_, err := requests.As[record](s.Get(context.Background(), base+"/small"))
			return err
		},
	},
	{
		name: "Get1KB",
		hand: func(c *http.Client, base string) error {
			_, err := readAll(c.Get(base + "/small"))
			return err
		},
		ours: func(s *requests.Session, base string) error {
			return content(s.Get(context.Background(), base+"/small"))
		},
	},
	{
		name: "Get1MB",
		hand: func(c *http.Client, base string) error {
			_, err := readAll(c.Get(base + "/large"))
			return err
		},
		ours: func(s *requests.Session, base string) error {
			return content(s.Get(context.Background(), base+"/large"))
		},
	},
	{
		name: "Get1MBChunked",
		hand: func(c *http.Client, base string) error {
			_, err := readAll(c.Get(base + "/chunked"))
			return err
		},
		ours: func(s *requests.Session, base string) error {
			return content(s.Get(context.Background(), base+"/chunked"))
		},
	},
	{
		name: "PostJSON",
		hand: func(c *http.Client, base string) error {
			in, err := json.Marshal(sample)
			if err != nil {
				return err
			}
			body, err := readAll(c.Post(base+"/small", "application/json", bytes.NewReader(in)))
			if err != nil {
				return err
			}
			var v record
			return json.Unmarshal(body, &v)
		},
		ours: func(s *requests.Session, base string) error {
			_, err := requests.As[record](s.Post(context.Background(), base+"/small", requests.JSON(sample)))
			return err
		},
	},
	{
		name: "Lines",
		hand: func(c *http.Client, base string) error {
			res, err := c.Get(base + "/lines")
			if err != nil {
				return err
			}
			defer res.Body.Close()
			n := 0
			sc := bufio.NewScanner(res.Body)
			for sc.Scan() {
				_ = sc.Text()
				n++
			}
			return countLines(n, sc.Err())
		},
		ours: func(s *requests.Session, base string) error {
			r, err := s.Get(context.Background(), base+"/lines", requests.Stream(true))
			if err != nil {
				return err
			}
			defer r.Close()
			n := 0
			for _, err := range r.IterLines() {
				if err != nil {
					return err
				}
				n++
			}
			return countLines(n, nil)
		},
	},
}

func content(r *requests.Response, err error) error {
	if err != nil {
		return err
	}
	r.Content()
	return r.RaiseForStatus()
}

func countLines(n int, err error) error {
	if err == nil && n != lines {
		err = fmt.Errorf("%d lines, want %d", n, lines)
	}
	return err
}

func BenchmarkCall(b *testing.B) {
	base := benchServer(b)
	for _, p := range paths {
		b.Run(p.name+"/by=hand", func(b *testing.B) {
			c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
			defer c.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				if err := p.hand(c, base); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(p.name+"/by=requests", func(b *testing.B) {
			s := requests.NewSession()
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				if err := p.ours(s, base); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParallel is 32 callers at once, each library with the pool it ships.
func BenchmarkParallel(b *testing.B) {
	base := benchServer(b)
	p := paths[0]
	b.Run("by=hand", func(b *testing.B) {
		c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		defer c.CloseIdleConnections()
		parallel(b, func() error { return p.hand(c, base) })
	})
	b.Run("by=requests", func(b *testing.B) {
		s := requests.NewSession()
		defer s.Close()
		parallel(b, func() error { return p.ours(s, base) })
	})
}

// BenchmarkGoroutine is a small GET on a goroutine that is made for it, as most
// are: its stack is small at first, and each growth of it is a copy.
func BenchmarkGoroutine(b *testing.B) {
	base := benchServer(b)
	p := paths[0]
	alone := func(call func() error) func() error {
		return func() error {
			done := make(chan error)
			go func() { done <- call() }()
			return <-done
		}
	}
	b.Run("by=hand", func(b *testing.B) {
		c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		defer c.CloseIdleConnections()
		parallel(b, alone(func() error { return p.hand(c, base) }))
	})
	b.Run("by=requests", func(b *testing.B) {
		s := requests.NewSession()
		defer s.Close()
		parallel(b, alone(func() error { return p.ours(s, base) }))
	})
}

// BenchmarkHTTP2 is calls of 32 goroutines on one connection: small ones, and
// uploads of a megabyte.
func BenchmarkHTTP2(b *testing.B) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(large[:1024])
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	ours := requests.NewSession(requests.TLS{Config: srv.Client().Transport.(*http.Transport).TLSClientConfig})
	defer ours.Close()
	b.Run("Small/by=hand", func(b *testing.B) {
		parallel(b, func() error { return only(readAll(srv.Client().Get(srv.URL))) })
	})
	b.Run("Small/by=requests", func(b *testing.B) {
		parallel(b, func() error { return content(ours.Get(context.Background(), srv.URL)) })
	})
	b.Run("Upload/by=hand", func(b *testing.B) {
		parallel(b, func() error { return only(readAll(srv.Client().Post(srv.URL, "", bytes.NewReader(large)))) })
	})
	b.Run("Upload/by=requests", func(b *testing.B) {
		parallel(b, func() error { return content(ours.Post(context.Background(), srv.URL, requests.Bytes(large))) })
	})
}

// only is the error of what returns something else, too.
func only[T any](_ T, err error) error { return err }

func parallel(b *testing.B, call func() error) {
	b.ReportAllocs()
	b.SetParallelism(16) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// benchTunnel is an HTTP proxy that makes tunnels with CONNECT, and answers what
// it is asked for in absolute form itself.
func benchTunnel(b *testing.B, answer http.Handler) string {
	var tunnels sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			answer.ServeHTTP(w, r)
			return
		}
		target, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			b.Error(err)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		tunnels.Go(func() { io.Copy(target, c); target.Close() })
		tunnels.Go(func() { io.Copy(c, target); c.Close() })
	}))
	b.Cleanup(func() { srv.Close(); tunnels.Wait() })
	return srv.URL
}

// BenchmarkProxy is a small GET through a proxy: in absolute form, and through a
// tunnel to a server of TLS.
func BenchmarkProxy(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1024)) })
	secure := httptest.NewTLSServer(handler)
	defer secure.Close()
	proxy := benchTunnel(b, handler)
	via, err := url.Parse(proxy)
	if err != nil {
		b.Fatal(err)
	}
	config := &tls.Config{InsecureSkipVerify: true}
	for _, way := range []struct{ name, url string }{{"Absolute", "http://h.test/"}, {"Connect", secure.URL}} {
		b.Run(way.name+"/by=hand", func(b *testing.B) {
			c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), TLSClientConfig: config}}
			defer c.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readAll(c.Get(way.url)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(way.name+"/by=requests", func(b *testing.B) {
			s := requests.NewSession(requests.Proxies{"all": proxy}, requests.TLS{Config: config})
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				if err := content(s.Get(context.Background(), way.url)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
