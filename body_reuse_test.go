package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// skipped returns a reader of text that stands behind "skip ".
func skipped(r io.ReadSeeker) io.ReadSeeker {
	r.Seek(5, io.SeekStart)
	return r
}

// An option with a body serves any number of calls: each sends the whole body,
// from where its source stood first, or says that it cannot.
func TestReusedBody(t *testing.T) {
	file := func() io.Reader { return skipped(openFile(t, writeFile(t, "f", "skip text"))) }
	part := func(r io.Reader) Option { return Files{{Field: "f", Reader: r}} }
	for _, tt := range []struct {
		name string
		body Option
		want string // within the body; "" if it cannot be sent again
	}{
		{"JSON", JSON("text"), "text"},
		{"Bytes", Bytes([]byte("text")), "text"},
		{"Form", Form{"a": "text"}, "text"},
		{"strings.Reader", Reader(skipped(strings.NewReader("skip text"))), "text"},
		{"bytes.Reader", Reader(skipped(bytes.NewReader([]byte("skip text")))), "text"},
		{"file", Reader(file()), "text"},
		{"seeker", Reader(seekOnly{skipped(strings.NewReader("skip text"))}), "text"},
		{"bytes.Buffer", Reader(bytes.NewBufferString("text")), ""},
		{"reader of unknown length", Reader(iotest.HalfReader(strings.NewReader("text"))), ""},
		{"function", Reader(readerFunc(bytes.NewBufferString("text").Read)), ""},
		{"path of a part", Files{{Field: "f", Path: writeFile(t, "f", "text")}}, "text"},
		{"file of a part", part(file()), "text"},
		{"seeker of a part", part(seekOnly{skipped(strings.NewReader("skip text"))}), "text"},
		{"buffer of a part", part(bytes.NewBufferString("text")), ""},
		{"function of a part", part(readerFunc(bytes.NewBufferString("text").Read)), ""},
		{"second part", Files{{Field: "a", Path: writeFile(t, "f", "a")}, {Field: "f", Reader: bytes.NewBufferString("text")}}, ""},
	} {
		w := newWire(t, answerOK)
		s := new(Session)
		defer s.Close()
		request := NewRequest("POST", w.url, tt.body)
		if tt.want != "" {
			for _, again := range []string{"first", "second", "third"} {
				t.Run(tt.name+"/"+again+" call", func(t *testing.T) {
					_, err := s.Post(t.Context(), w.url, tt.body)
					require.NoError(t, err)
					requireWhole(t, w.next(t), tt.want)
				})
				t.Run(tt.name+"/"+again+" Prepare", func(t *testing.T) {
					p, err := s.Prepare(t.Context(), request)
					require.NoError(t, err)
					_, err = s.Send(t.Context(), p)
					require.NoError(t, err)
					requireWhole(t, w.next(t), tt.want)
				})
			}
			t.Run(tt.name+"/prepared before either is sent", func(t *testing.T) {
				p, err := request.Prepare(t.Context())
				require.NoError(t, err)
				q, err := request.Prepare(t.Context())
				require.NoError(t, err)
				for _, p := range []*PreparedRequest{p, q, p} {
					_, err = s.Send(t.Context(), p)
					require.NoError(t, err)
					requireWhole(t, w.next(t), tt.want)
				}
			})
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			p, err := request.Prepare(t.Context())
			require.NoError(t, err)
			q, err := request.Prepare(t.Context())
			if tt.name == "function of a part" { // it cannot be told whether it is another one
				require.ErrorIs(t, err, ErrBodyNotReplayable)
				q = p
			} else {
				require.NoError(t, err, "nothing was read yet")
			}
			_, err = s.Send(t.Context(), p)
			require.NoError(t, err)
			requireWhole(t, w.next(t), "text")
			for name, again := range map[string]func() error{
				"a second call":                       func() error { _, err := s.Post(t.Context(), w.url, tt.body); return err },
				"a second Prepare":                    func() error { _, err := request.Prepare(t.Context()); return err },
				"the request that was prepared":       func() error { _, err := s.Send(t.Context(), p); return err },
				"the other one that was prepared":     func() error { _, err := s.Send(t.Context(), q); return err },
				"SetBody of a request without a body": func() error { return setBody(tt.body) },
			} {
				if err := again(); !errors.Is(err, ErrBodyNotReplayable) {
					t.Errorf("%s = %v; want %v", name, err, ErrBodyNotReplayable)
				}
			}
			select {
			case got := <-w.got:
				t.Errorf("the server got a second request, with %q", got.body)
			default:
			}
		})
	}
}

func setBody(o Option) error {
	if b, ok := o.(Body); ok {
		return new(PreparedRequest).SetBody(b)
	}
	return ErrBodyNotReplayable
}

func requireWhole(t *testing.T, got received, want string) {
	t.Helper()
	require.NoError(t, got.err)
	require.Contains(t, string(got.body), want)
	require.NotContains(t, string(got.body), "skip")
}

// A part whose Reader was exchanged is another one.
func TestReusedFilesWithAnotherReader(t *testing.T) {
	w := newWire(t, answerOK)
	files := Files{{Field: "f"}}
	for _, text := range []string{"one", "two"} {
		files[0].Reader = bytes.NewBufferString(text)
		_, err := Post(t.Context(), w.url, files)
		require.NoError(t, err)
		requireWhole(t, w.next(t), text)
	}
}

// A file is measured anew for each call.
func TestReusedFileOfAnotherSize(t *testing.T) {
	path := writeFile(t, "f", "text")
	for name, body := range map[string]Option{
		"Reader": Reader(openFile(t, path)), "part": Files{{Field: "f", Reader: openFile(t, path)}}, "path": Files{{Field: "f", Path: path}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, answerOK)
			for _, text := range []string{"text", "longer text", "short"} {
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
				_, err := Post(t.Context(), w.url, body)
				require.NoError(t, err)
				requireWhole(t, w.next(t), text)
			}
		})
	}
}

// A body of which nothing was read is as good as new.
func TestReusedBodyThatWasNotRead(t *testing.T) {
	for name, body := range map[string]Option{
		"Reader": Reader(bytes.NewBufferString("text")), "Files": Files{{Field: "f", Reader: bytes.NewBufferString("text")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(Session)
			defer s.Close()
			s.Mount("http://a.test", &HTTPAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errDisk }})
			_, err := s.Post(t.Context(), "http://a.test/", body)
			require.ErrorIs(t, err, errDisk)
			w := newWire(t, answerOK)
			_, err = s.Post(t.Context(), w.url, body)
			require.NoError(t, err)
			requireWhole(t, w.next(t), "text")
		})
	}
}

// Calls that share a source at the same time send all of it or fail.
func TestReusedBodyAtTheSameTime(t *testing.T) {
	text := strings.Repeat("0123456789", 20_000)
	path := writeFile(t, "f", text)
	for name, tt := range map[string]struct {
		body  Option
		fails bool
	}{
		"JSON":   {JSON(text), false},
		"path":   {Files{{Field: "f", Path: path}}, false},
		"file":   {Reader(openFile(t, path)), true},
		"seeker": {Reader(seekOnly{strings.NewReader(text)}), true},
		"part":   {Files{{Field: "f", Reader: openFile(t, path)}}, true},
		"buffer": {Reader(bytes.NewBufferString(text)), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(Session)
			defer s.Close()
			s.Mount("mock://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err == nil && !strings.Contains(string(body), text) {
					t.Errorf("the server got a complete request with %d bytes", len(body))
				}
			})))
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 5 {
						_, err := s.Post(t.Context(), "mock://a/", tt.body)
						if err != nil && !(tt.fails && errors.Is(err, ErrBodyNotReplayable)) {
							t.Errorf("Post() = %v; want none or %v", err, ErrBodyNotReplayable)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// A source that an earlier call left behind in a Read keeps no later call
// waiting for ever.
func TestReusedBodyThatIsStillRead(t *testing.T) {
	for name, option := range map[string]func(io.Reader) Option{
		"Reader": func(r io.Reader) Option { return Reader(r) },
		"Files":  func(r io.Reader) Option { return Files{{Field: "f", Reader: r}} },
	} {
		t.Run(name, func(t *testing.T) {
			reading, done := make(chan struct{}), make(chan struct{})
			defer close(done)
			body := option(&stuckSeeker{reading: reading, done: done})
			w := newWire(t, answerOK)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-reading; cancel() }()
			_, err := Post(ctx, w.url, body)
			require.ErrorIs(t, err, context.Canceled)
			start := time.Now()
			_, err = Post(t.Context(), w.url, body)
			require.ErrorIs(t, err, ErrBodyNotReplayable)
			require.Less(t, time.Since(start), 20*time.Second)
		})
	}
}

// A stuckSeeker of 4 bytes does not return from its first Read.
type stuckSeeker struct {
	once          sync.Once
	reading, done chan struct{}
}

func (s *stuckSeeker) Read(b []byte) (int, error) {
	s.once.Do(func() { close(s.reading) })
	<-s.done
	return 0, io.EOF
}

func (s *stuckSeeker) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 4, nil
	}
	return 0, nil
}

// Two parts cannot share a Reader that goes by once; the second would be empty.
func TestFilesOfOneReader(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    io.Reader
		want error
	}{
		{"seeker", strings.NewReader("text"), nil},
		{"file", openFile(t, writeFile(t, "f", "text")), nil},
		{"buffer", bytes.NewBufferString("text"), ErrInvalidOption},
		{"unknown length", iotest.HalfReader(strings.NewReader("text")), ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t, answerOK)
			_, err := Post(t.Context(), w.url, Files{{Field: "a", Reader: tt.r}, {Field: "b", Reader: tt.r}})
			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Equal(t, 2, bytes.Count(w.next(t).body, []byte("\r\ntext\r\n")))
			} else {
				require.ErrorContains(t, err, fmt.Sprintf("%q", "b"))
			}
		})
	}
}
