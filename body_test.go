package requests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

const answerOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A wire is a server that keeps what it is sent, complete or not.
type wire struct {
	url   string
	got   chan received
	conns atomic.Int32
	ended chan struct{} // a connection has ended, and all it brought is in got
}

type received struct {
	method, path string
	header       http.Header
	length       int64 // by Content-Length, -1 if chunked
	body         []byte
	err          error // of a body that was not complete
}

// newWire starts a server that gives each request one of the answers in their
// order, and the last one to all further ones.
func newWire(t *testing.T, answers ...string) *wire {
	t.Helper()
	w := &wire{got: make(chan received, 16), ended: make(chan struct{}, 16)}
	var asked atomic.Int32
	w.url = listen(t, func(c net.Conn) {
		w.conns.Add(1)
		defer func() { w.ended <- struct{}{} }()
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			got := received{method: r.Method, path: r.RequestURI, header: r.Header, length: r.ContentLength}
			if len(r.TransferEncoding) > 0 {
				got.header.Set("Transfer-Encoding", r.TransferEncoding[0])
			}
			got.body, got.err = io.ReadAll(r.Body)
			w.got <- got
			if got.err != nil {
				return
			}
			io.WriteString(c, answers[min(int(asked.Add(1)), len(answers))-1])
		}
	})
	return w
}

// listen serves each connection to the address it returns as a URL.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

func (w *wire) next(t *testing.T) received {
	t.Helper()
	select {
	case got := <-w.got:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("the server got no request")
		return received{}
	}
}

// bodyOnTheWire sends a POST and returns what the server got.
func bodyOnTheWire(t *testing.T, opts ...Option) received {
	t.Helper()
	w := newWire(t, answerOK)
	s := new(Session)
	defer s.Close()
	if _, err := s.Post(t.Context(), w.url, opts...); err != nil {
		t.Fatal(err)
	}
	return w.next(t)
}

// seekOnly seeks and has no other way to tell its length.
type seekOnly struct{ io.ReadSeeker }

// TestReaderLength has where the length of a body comes from.
func TestReaderLength(t *testing.T) {
	at := func(s io.ReadSeeker, n int64) io.ReadSeeker {
		s.Seek(n, io.SeekStart)
		return s
	}
	pipeReader, pipeWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	pipeWriter.WriteString("from a pipe")
	pipeWriter.Close()
	defer pipeReader.Close()
	half := bytes.NewBufferString("half read")
	half.Next(5)
	for _, tt := range []struct {
		name   string
		r      io.Reader
		length int64
		want   string
	}{
		{"bytes.Buffer", bytes.NewBufferString("text"), 4, "text"},
		{"bytes.Buffer, half read", half, 4, "read"},
		{"bytes.Reader", bytes.NewReader([]byte("text")), 4, "text"},
		{"strings.Reader at an offset", at(strings.NewReader("skip text"), 5), 4, "text"},
		{"strings.Reader of more bytes than characters", strings.NewReader("héllo"), 6, "héllo"},
		{"file", openFile(t, writeFile(t, "f", "text")), 4, "text"},
		{"file at an offset", at(openFile(t, writeFile(t, "f", "skip text")), 5), 4, "text"},
		{"file at its end", at(openFile(t, writeFile(t, "f", "text")), 4), 0, ""},
		{"file after its end", at(openFile(t, writeFile(t, "f", "text")), 9), 0, ""},
		{"file without bytes", openFile(t, writeFile(t, "f", "")), 0, ""},
		{"pipe", pipeReader, -1, "from a pipe"},
		{"seeker at an offset", seekOnly{at(strings.NewReader("skip text"), 5)}, 4, "text"},
		{"reader and no more", iotest.OneByteReader(strings.NewReader("text")), -1, "text"},
		{"reader without bytes", iotest.OneByteReader(strings.NewReader("")), -1, ""},
		{"negative Len", negativeLen{strings.NewReader("text")}, -1, "text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := prepareUpload(t, Reader(tt.r)).ContentLength(); got != tt.length {
				t.Errorf("ContentLength() = %d; want %d", got, tt.length)
			}
			got := bodyOnTheWire(t, Reader(tt.r))
			if string(got.body) != tt.want || got.length != tt.length || got.err != nil {
				t.Errorf("body = %q of length %d, %v; want %q of length %d", got.body, got.length, got.err, tt.want, tt.length)
			}
			if chunked := got.header.Get("Transfer-Encoding") == "chunked"; chunked != (tt.length < 0) {
				t.Errorf("chunked = %v; want %v", chunked, tt.length < 0)
			}
		})
	}
}

type negativeLen struct{ io.Reader }

func (negativeLen) Len() int { return -7 }

// TestReaderReplay has which bodies can be sent again, from where they stood.
func TestReaderReplay(t *testing.T) {
	for _, tt := range []struct {
		name string
		body func() Body
		want bool
	}{
		{"JSON", func() Body { return JSON("text") }, true},
		{"Bytes", func() Body { return Bytes([]byte("text")) }, true},
		{"Text", func() Body { return Text("text") }, true},
		{"strings.Reader", func() Body {
			r := strings.NewReader("skip text")
			r.Seek(5, io.SeekStart)
			return Reader(r)
		}, true},
		{"file", func() Body { return Reader(openFile(t, writeFile(t, "f", "text"))) }, true},
		{"seeker", func() Body { return Reader(seekOnly{strings.NewReader("text")}) }, true},
		{"bytes.Buffer", func() Body { return Reader(bytes.NewBufferString("text")) }, false},
		{"reader", func() Body { return Reader(iotest.HalfReader(strings.NewReader("text"))) }, false},
	} {
		for _, status := range []string{"307", "308"} {
			t.Run("B102 "+tt.name+" "+status, func(t *testing.T) {
				w := newWire(t, "HTTP/1.1 "+status+" Again\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", answerOK)
				s := new(Session)
				defer s.Close()
				_, err := s.Post(t.Context(), w.url, tt.body())
				first := w.next(t)
				if !tt.want {
					if !errors.Is(err, ErrBodyNotReplayable) {
						t.Errorf("Post() = %v; want %v", err, ErrBodyNotReplayable)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if second := w.next(t); !bytes.Equal(first.body, second.body) || !strings.Contains(string(second.body), "text") || strings.Contains(string(second.body), "skip") {
					t.Errorf("second body = %q; want %q", second.body, first.body)
				}
			})
		}
	}
}

// liar announces a length of its own.
type liar struct {
	io.Reader
	length int
}

func (l liar) Len() int { return l.length }

var errDisk = errors.New("disk exploded")

// badCount breaks the contract of io.Reader.
type badCount int

func (n badCount) Read(b []byte) (int, error) { return len(b) + int(n), nil }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("the reader's own") }

// idle never gives anything and never ends.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// TestBadSource has bodies that fail, alone and as a part. Whatever it is, the
// server sees no complete request.
func TestBadSource(t *testing.T) {
	text := func() io.Reader { return strings.NewReader(strings.Repeat("text", 3_000)) }
	failing := io.MultiReader(text(), iotest.ErrReader(errDisk))
	for _, tt := range []struct {
		name   string
		source func() io.Reader
		want   error
	}{
		{"B098 A135 shorter than its length", func() io.Reader { return liar{text(), 12_001} }, ErrInvalidOption},
		{"B098 A135 longer than its length", func() io.Reader { return liar{text(), 11_999} }, ErrInvalidOption},
		{"B098 longer than a length of zero", func() io.Reader { return liar{text(), 0} }, ErrInvalidOption},
		{"B098 without the bytes it announces", func() io.Reader { return liar{strings.NewReader(""), 5} }, ErrInvalidOption},
		{"B099 error, length unknown", func() io.Reader { return failing }, errDisk},
		{"B099 error before the end", func() io.Reader { return liar{io.MultiReader(text(), iotest.ErrReader(errDisk)), 20_000} }, errDisk},
		{"B099 error in place of the end", func() io.Reader { return liar{io.MultiReader(text(), iotest.ErrReader(errDisk)), 12_000} }, errDisk},
		{"B099 error with the last bytes", func() io.Reader { return liar{&dying{left: 12_000}, 12_000} }, errDisk},
		{"B100 panic", func() io.Reader { return panicking{} }, nil},
		{"B100 panic midway", func() io.Reader { return io.MultiReader(text(), panicking{}) }, nil},
		{"count too large", func() io.Reader { return badCount(1) }, ErrInvalidOption},
		{"count below zero", func() io.Reader { return liar{badCount(-1 << 30), 12} }, ErrInvalidOption},
		{"nothing for ever", func() io.Reader { return idle{} }, io.ErrNoProgress},
		{"nothing for ever at the end", func() io.Reader { return liar{io.MultiReader(strings.NewReader("text"), idle{}), 4} }, io.ErrNoProgress},
	} {
		for kind, option := range map[string]func(r io.Reader) Option{
			"alone": func(r io.Reader) Option { return Reader(r) },
			"part":  func(r io.Reader) Option { return Files{{Field: "f", Reader: r}} },
			"parts": func(r io.Reader) Option { return Files{{Field: "f", Reader: r}, {Field: "g", Reader: text()}} },
			"hidden": func(r io.Reader) Option {
				return Files{{Field: "p", Reader: iotest.HalfReader(text())}, {Field: "f", Reader: r}}
			},
		} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				failing = io.MultiReader(text(), iotest.ErrReader(errDisk))
				w := newWire(t, answerOK)
				err := failingPost(t, w, option(tt.source()))
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("Post() = %v; want %v", err, tt.want)
				}
				if e, ok := errors.AsType[*Error](err); !ok || e.Op != "send" {
					t.Errorf("Post() = %#v; want an *Error of send", err)
				} else if tt.want == errDisk && e.Err != errDisk {
					t.Errorf("Err = %#v; want the error of the reader as it was", e.Err)
				}
			})
		}
	}
}

// failingPost checks that the server has got no complete request when the call
// has failed and the connection, if there was one, has ended.
func failingPost(t *testing.T, w *wire, opts ...Option) error {
	t.Helper()
	dialled := false
	s := new(Session)
	s.Mount("http://", &HTTPAdapter{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = true
		return new(net.Dialer).DialContext(ctx, network, addr)
	}})
	_, err := s.Post(t.Context(), w.url, opts...)
	s.Close()
	if err != nil && dialled {
		<-w.ended
	}
	select {
	case got := <-w.got:
		if got.err == nil {
			t.Errorf("the server got a complete request of %d bytes", len(got.body))
		}
	default: // not even a head
	}
	return err
}

// dying gives its last bytes together with an error.
type dying struct{ left int }

func (d *dying) Read(b []byte) (int, error) {
	n := min(len(b), d.left)
	d.left -= n
	if d.left == 0 {
		return n, errDisk
	}
	return n, nil
}

// A file that changes its size after it was looked at.
func TestFileChangesSize(t *testing.T) {
	for _, kind := range []string{"Reader", "Files"} {
		for _, size := range []int64{0, 1, 99_999, 100_001, 300_000} {
			for _, before := range []int64{100_000, 0} {
				if size == before {
					continue
				}
				t.Run("B103 "+kind+" "+strconv.FormatInt(before, 10)+" to "+strconv.FormatInt(size, 10), func(t *testing.T) {
					path := writeFile(t, "f", strings.Repeat("x", int(before)))
					var option Option = Reader(openFile(t, path))
					if kind == "Files" {
						option = Files{{Field: "f", Path: path}}
					}
					w := newWire(t, answerOK)
					err := failingPost(t, w, option, OnRequest(func(context.Context, *PreparedRequest) error { return os.Truncate(path, size) }))
					if !errors.Is(err, ErrInvalidOption) {
						t.Errorf("Post() = %v; want %v", err, ErrInvalidOption)
					}
				})
			}
		}
	}
	t.Run("B103 gone", func(t *testing.T) {
		path := writeFile(t, "f", "text")
		w := newWire(t, answerOK)
		_, err := Post(t.Context(), w.url, Files{{Field: "f", Path: path}}, OnRequest(func(context.Context, *PreparedRequest) error { return os.Remove(path) }))
		if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrBodyNotReplayable) {
			t.Errorf("Post() = %v; want %v", err, os.ErrNotExist)
		}
	})
	t.Run("B103 gone before the second sending", func(t *testing.T) {
		path := writeFile(t, "f", "text")
		w := newWire(t, "HTTP/1.1 307 Again\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", answerOK)
		_, err := Post(t.Context(), w.url, Files{{Field: "f", Path: path}}, OnRedirect(func(context.Context, *Response, *PreparedRequest) error { return os.Remove(path) }))
		if !errors.Is(err, os.ErrNotExist) || !errors.Is(err, ErrBodyNotReplayable) {
			t.Errorf("Post() = %v; want %v and %v", err, os.ErrNotExist, ErrBodyNotReplayable)
		}
	})
}

// TestBodyInput has the rows of bad input for bodies: refused before a dial, or
// sent exactly as they say.
func TestBodyInput(t *testing.T) {
	type loop struct{ Next *loop }
	cyclic := &loop{}
	cyclic.Next = cyclic
	list := []any{nil}
	list[0] = list
	var file *os.File
	for _, tt := range []struct {
		name string
		opts []Option
		want error
	}{
		{"C090 JSON and Form", []Option{JSON(1), Form{"a": 1}}, ErrInvalidOption},
		{"C090 Form and Text", []Option{Form{"a": 1}, Text("b")}, ErrInvalidOption},
		{"C090 JSON and JSON", []Option{JSON(1), JSON(2)}, ErrInvalidOption},
		{"C090 Bytes and Reader", []Option{Bytes([]byte("a")), Reader(strings.NewReader("b"))}, ErrInvalidOption},
		{"C090 nil reader", []Option{Reader(nil)}, ErrInvalidOption},
		{"C090 typed nil reader", []Option{Reader(file)}, ErrInvalidOption},
		{"C090 typed nil buffer", []Option{Reader((*bytes.Buffer)(nil))}, ErrInvalidOption},
		{"C091 nested", []Option{Form{"a": [][]int{{1}}}}, ErrInvalidOption},
		{"C091 map", []Option{Form{"a": map[string]int{"b": 1}}}, ErrInvalidOption},
		{"C091 cyclic list", []Option{Form{"a": list}}, ErrInvalidOption},
		{"C091 cyclic pointer", []Option{Form{"a": cyclic}}, ErrInvalidOption},
		{"C091 not a number", []Option{Form{"a": math.NaN()}}, ErrInvalidOption},
		{"C092 Content-Length", []Option{Text("abc"), Headers{"Content-Length": 2}}, ErrInvalidHeader},
		{"C092 content-length", []Option{Text("abc"), Headers{"content-length": "3"}}, ErrInvalidHeader},
		{"C092 Transfer-Encoding", []Option{Text("abc"), Headers{"Transfer-Encoding": "chunked"}}, ErrInvalidHeader},
		{"C093 folder", []Option{Reader(openFile(t, t.TempDir()))}, ErrInvalidOption},
		{"C093 closed file", []Option{Reader(closedFile(t))}, os.ErrClosed},
		{"C094 channel", []Option{JSON(make(chan int))}, ErrInvalidOption},
		{"C094 function", []Option{JSON(func() {})}, ErrInvalidOption},
		{"C094 NaN", []Option{JSON(math.NaN())}, ErrInvalidOption},
		{"C094 infinity within", []Option{JSON(map[string]any{"a": []float64{math.Inf(-1)}})}, ErrInvalidOption},
		{"C094 cyclic pointer", []Option{JSON(cyclic)}, ErrInvalidOption},
		{"C094 cyclic list", []Option{JSON(list)}, ErrInvalidOption},
		{"C094 marshaler that fails", []Option{JSON(failingMarshaler{})}, errDisk},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialled := false
			s := new(Session)
			s.Mount("http://", &HTTPAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
				dialled = true
				return nil, errDisk
			}})
			_, err := s.Post(t.Context(), "http://a.test/", tt.opts...)
			if !errors.Is(err, tt.want) {
				t.Errorf("Post() = %v; want %v", err, tt.want)
			}
			if e, ok := errors.AsType[*Error](err); !ok || e.Op != "prepare" {
				t.Errorf("Post() = %#v; want an *Error of prepare", err)
			}
			if dialled {
				t.Error("there was a dial")
			}
		})
	}
}

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, errDisk }

func closedFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return f
}

// TestBodies has the bytes, length and type of each way to have a body.
func TestBodies(t *testing.T) {
	for _, tt := range []struct {
		name        string
		opts        []Option
		want        string
		contentType string
	}{
		{"object", []Option{JSON(map[string]any{"b": 1, "a": []int{}})}, `{"a":[],"b":1}`, "application/json"},
		{"HTML is not escaped", []Option{JSON("<a href='x'>&\u2028</a>")}, `"<a href='x'>&\u2028</a>"`, "application/json"},
		{"not ASCII", []Option{JSON("é☃")}, `"é☃"`, "application/json"},
		{"C090 nil is null", []Option{JSON(nil)}, "null", "application/json"},
		{"nil pointer", []Option{JSON((*int)(nil))}, "null", "application/json"},
		{"empty text", []Option{JSON("")}, `""`, "application/json"},
		{"false", []Option{JSON(false)}, "false", "application/json"},
		{"type given", []Option{JSON(1), Headers{"content-type": "application/vnd.api+json"}}, "1", "application/vnd.api+json"},
		{"text", []Option{Text("é☃")}, "é☃", ""},
		{"bytes", []Option{Bytes([]byte{0, 255})}, "\x00\xff", ""},
		{"C090 nil bytes", []Option{Bytes(nil)}, "", ""},
		{"form", []Option{Form{"b": "x y&z", "a": []int{1, 2}}}, "a=1&a=2&b=x+y%26z", "application/x-www-form-urlencoded"},
		{"form of nothing", []Option{Form{}}, "", ""},
		{"A134 NUL stays escaped", []Option{Form{"a": "b\x00c%00"}}, "a=b%00c%2500", "application/x-www-form-urlencoded"},
		{"no body", nil, "", ""},
		{"nil option", []Option{nil, Body{}}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := bodyOnTheWire(t, tt.opts...)
			if string(got.body) != tt.want || got.header.Get("Content-Type") != tt.contentType {
				t.Errorf("body = %q of type %q; want %q of type %q", got.body, got.header.Get("Content-Type"), tt.want, tt.contentType)
			}
			if want := strconv.Itoa(len(tt.want)); got.header.Get("Content-Length") != want {
				t.Errorf("Content-Length = %q; want %q", got.header.Get("Content-Length"), want)
			}
		})
	}
}

// Any method may have a body, which is then framed.
func TestBodyOfAnyMethod(t *testing.T) {
	for _, method := range []string{"GET", "DELETE", "OPTIONS", "MKCOL"} {
		for name, body := range map[string]Body{"known": Text("body"), "chunked": Reader(iotest.OneByteReader(strings.NewReader("body")))} {
			t.Run("C090 "+method+" "+name, func(t *testing.T) {
				w := newWire(t, answerOK)
				if _, err := Do(t.Context(), method, w.url, body); err != nil {
					t.Fatal(err)
				}
				if got := w.next(t); got.method != method || string(got.body) != "body" || got.err != nil {
					t.Errorf("server got %s with %q, %v; want %s with %q", got.method, got.body, got.err, method, "body")
				}
			})
		}
	}
}

// A request without a body says so, unless its method has none as a rule.
func TestLengthOfNoBody(t *testing.T) {
	lengths := make(chan []string, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Header["Content-Length"], r.TransferEncoding; len(want) > 0 {
			t.Errorf("Transfer-Encoding %q beside Content-Length %q", want, got)
		}
		lengths <- r.Header["Content-Length"]
	})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MKCOL"} {
		for name, opts := range map[string][]Option{"none": nil, "empty": {Bytes(nil)}, "empty reader": {Reader(strings.NewReader(""))}} {
			t.Run(method+"/"+name, func(t *testing.T) {
				w := newWire(t, answerOK)
				_, err := Do(t.Context(), method, w.url, append(opts, AllowRedirects(false))...)
				require.NoError(t, err)
				got := w.next(t)
				want := "0"
				if method == "GET" || method == "HEAD" {
					want = ""
				}
				require.Equal(t, want, got.header.Get("Content-Length"))
				require.Empty(t, got.header["Transfer-Encoding"])
			})
			t.Run(method+"/"+name+"/HTTP2", func(t *testing.T) {
				srv := httptest.NewUnstartedServer(handler)
				srv.EnableHTTP2 = true
				srv.StartTLS()
				defer srv.Close()
				s := over(t, new(HTTPAdapter), TLS{SkipVerify: true})
				r, err := s.Do(t.Context(), method, srv.URL, append(opts, AllowRedirects(false))...)
				require.NoError(t, err)
				require.Equal(t, "HTTP/2.0", r.Proto)
				var want []string // as net/http has it: the frame of the head says the same
				if method == "POST" || method == "PUT" || method == "PATCH" {
					want = []string{"0"}
				}
				require.Equal(t, want, <-lengths)
			})
		}
	}
	t.Run("by a proxy", func(t *testing.T) {
		w := newWire(t, answerOK)
		_, err := Delete(t.Context(), "http://a.test/", Proxies{"http": w.url})
		require.NoError(t, err)
		require.Equal(t, "0", w.next(t).header.Get("Content-Length"))
	})
	t.Run("by a RoundTripper", func(t *testing.T) {
		s := new(Session)
		s.Mount("http://", RoundTripper(tripper(func(hr *http.Request) (*http.Response, error) {
			require.Nil(t, hr.TransferEncoding)
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})))
		_, err := s.Delete(t.Context(), "http://a.test/")
		require.NoError(t, err)
	})
}

// A million values cost linear time.
func TestMillionValues(t *testing.T) {
	many := make([]int, 1_000_000)
	t.Run("C091 form", func(t *testing.T) {
		if got, want := prepareUpload(t, Form{"a": many}).ContentLength(), int64(4_000_000-1); got != want {
			t.Errorf("ContentLength() = %d; want %d", got, want)
		}
	})
	t.Run("C091 multipart", func(t *testing.T) {
		p := prepareUpload(t, Form{"a": many}, Files{{Field: "f", Reader: strings.NewReader("c")}})
		if got := p.ContentLength(); got < 80_000_000 {
			t.Errorf("ContentLength() = %d; want a part for each value", got)
		}
	})
}

// A request line, be it for a proxy, never has a host with more than that in it.
func TestHostWithLineEnd(t *testing.T) {
	for _, url := range []string{"http://a.test:80#\r\nX: 1/", "http://a.test:80\r\nX: 1/", "http://a.test\r\n:80/", "http://a.test:8 0/"} {
		t.Run("A130 "+url, func(t *testing.T) {
			if p, err := NewRequest("POST", url, Text("x")).Prepare(bg); !errors.Is(err, ErrInvalidURL) {
				t.Errorf("Prepare(%q) = %v, %v; want %v", url, p, err, ErrInvalidURL)
			}
		})
	}
}

// TestSetBody replaces a body together with its type, unless that was given by hand.
func TestSetBody(t *testing.T) {
	p := prepareUpload(t, Files{{Field: "f", Reader: strings.NewReader("c")}})
	if err := p.SetBody(JSON(1)); err != nil {
		t.Fatal(err)
	}
	if got := p.Header.Get("Content-Type"); got != "application/json" || p.ContentLength() != 1 {
		t.Errorf("after SetBody(JSON) the type is %q and the length %d; want application/json and 1", got, p.ContentLength())
	}
	p.Header.Set("Content-Type", "text/plain")
	if err := p.SetBody(Bytes(nil)); err != nil {
		t.Fatal(err)
	}
	if got := p.Header.Get("Content-Type"); got != "text/plain" {
		t.Errorf("after SetBody(Bytes) the type is %q; want that given by hand", got)
	}
}
