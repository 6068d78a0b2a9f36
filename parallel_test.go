package requests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestDownloadParallel(t *testing.T) {
	content := noise(5<<20 + 12345)
	for _, tt := range []struct {
		name   string
		depot  *depot
		ranges Parallel
		asked  int
		want   error
	}{
		{name: "four at once", depot: &depot{tag: `"a"`}, ranges: 4, asked: 4},
		{name: "by date", depot: &depot{date: true}, ranges: 2, asked: 2},
		{name: "as many as are worth it", depot: &depot{tag: `"a"`}, ranges: 100, asked: 5},
		{name: "no ranges", depot: &depot{tag: `"a"`, noRange: true, cuts: []int{1 << 30}}, ranges: 4, asked: 1},
		{name: "no validator", depot: &depot{}, ranges: 4, asked: 1},
		{name: "cut", depot: &depot{tag: `"a"`, cuts: []int{100000, 200000, 0}}, ranges: 3, asked: 6},
		{name: "changed meanwhile", depot: &depot{tag: `"a"`, lie: func(w http.ResponseWriter, r *http.Request, first int) bool {
			w.Header().Set("ETag", `"b"`)
			return false
		}}, ranges: 3, asked: 3},
		{name: "cut too often", depot: &depot{tag: `"a"`, cuts: slices.Repeat([]int{1000}, 100)}, ranges: 3, want: ErrIncompleteBody},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := tt.depot
			d.content = content
			s, url, dir := d.start(t)
			if d.noRange {
				s.Hooks.Response = []OnResponse{func(_ context.Context, r *Response) (*Response, error) {
					r.Header.Del("Accept-Ranges") // which ServeContent sets
					return nil, nil
				}}
			}
			var mu sync.Mutex
			var last [2]int64
			path := filepath.Join(dir, "x")
			n, err := s.Download(context.Background(), url, path, tt.ranges, sum(content), OnProgress(func(done, total int64) {
				mu.Lock()
				defer mu.Unlock()
				last = [2]int64{done, total}
			}))
			if tt.want != nil {
				if !errors.Is(err, tt.want) {
					t.Errorf("Download = %d, %v; want %v", n, err, tt.want)
				}
				d.change(func() { d.lie, d.cuts = nil, nil })
				if n, err = s.Download(context.Background(), url, path, tt.ranges, sum(content)); n != int64(len(content)) || err != nil {
					t.Errorf("Download afterwards = %d, %v; want %d", n, err, len(content))
				}
				wantFiles(t, dir, map[string]string{"x": string(content)})
				return
			}
			if n != int64(len(content)) || err != nil {
				t.Errorf("Download = %d, %v; want %d", n, err, len(content))
			}
			if got := d.requests(); len(got) != tt.asked {
				t.Errorf("it asked for %q; want %d requests", got, tt.asked)
			}
			if want := [2]int64{n, n}; last != want {
				t.Errorf("the last progress is %d; want %d", last, want)
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}

// A warden lets a handler serve so many requests at a time, and the others be
// answered by refuse. What it serves takes time.
type warden struct {
	http.Handler
	most   int32
	refuse http.HandlerFunc
	now    atomic.Int32
}

func (d *warden) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer d.now.Add(-1)
	if d.now.Add(1) > d.most {
		d.refuse(w, r)
		return
	}
	d.Handler.ServeHTTP(&dawdler{w}, r)
}

// dawdler takes its time.
type dawdler struct{ http.ResponseWriter }

func (d *dawdler) Write(b []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return d.ResponseWriter.Write(b)
}

func (d *dawdler) Flush() { d.ResponseWriter.(http.Flusher).Flush() }

// TestDownloadParallelRefused has servers that do not give several ranges at once.
func TestDownloadParallelRefused(t *testing.T) {
	content := noise(5<<20 + 12345)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
	}
	lie := func(status int, fields func(h http.Header)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var first, last int
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(content)))
			fields(w.Header())
			w.WriteHeader(status)
			w.Write(content[first : last+1])
		}
	}
	refusals := []struct {
		name   string
		refuse http.HandlerFunc
		final  bool // it is asked once only, when nothing else is under way
	}{
		{"503", status(503), false},
		{"429", status(429), false},
		{"403", status(403), false},
		{"404", status(404), true},
		{"500", status(500), false},
		{"416", status(416), true},
		{"204", status(204), true},
		{"the connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"the range", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"a"`)
			w.Write(content)
		}, true},
		{"coded", lie(206, func(h http.Header) { h.Set("Content-Encoding", "gzip") }), true},
		{"another version", lie(206, func(h http.Header) { h.Set("ETag", `"b"`) }), true},
		{"no version", lie(206, func(h http.Header) { h.Del("ETag") }), true},
		{"another range", lie(206, func(h http.Header) { h.Set("Content-Range", "bytes 0-9/10") }), false},
		{"no range", lie(206, func(h http.Header) { h.Del("Content-Range") }), false},
		{"several ranges", lie(206, func(h http.Header) { h.Set("Content-Type", "multipart/byteranges; boundary=x") }), false},
		{"another length", lie(206, func(h http.Header) { h.Set("Content-Length", "1") }), false},
	}
	for _, most := range []int32{1, 2, 3} {
		for _, tt := range refusals {
			if tt.final && most > 1 { // the server may count a response that was just closed
				continue
			}
			bubble(t, fmt.Sprintf("%s, %d at once", tt.name, most), func(t *testing.T) {
				d := &depot{content: content, tag: `"a"`}
				s, url, dir := d.start(t)
				s.Mount("http://", Handler(&warden{Handler: d, most: most, refuse: tt.refuse}))
				var last int64
				n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(4), OnProgress(func(done, _ int64) { last = done }))
				if n != int64(len(content)) || err != nil {
					t.Errorf("Download = %d, %v; want %d", n, err, len(content))
				}
				if last != n {
					t.Errorf("the last progress is %d; want %d", last, n)
				}
				wantFiles(t, dir, map[string]string{"x": string(content)})
				if got := d.requests(); len(got) > 6 || most == 1 && len(got) != 1 {
					t.Errorf("it was given %q", got)
				}
			})
		}
	}
	for _, tt := range refusals {
		bubble(t, tt.name+" for the rest of a file", func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`, cuts: []int{1000}}
			s, url, dir := d.start(t)
			s.Mount("http://", Handler(&warden{Handler: d, most: 1, refuse: tt.refuse}))
			n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(3))
			if n != int64(len(content)) || err != nil {
				t.Errorf("Download = %d, %v; want %d", n, err, len(content))
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}

// TestDownloadParallelLimited has a server of connections close or refuse those
// beyond the first, while the first response waits for them.
func TestDownloadParallelLimited(t *testing.T) {
	content := noise(4 << 20)
	for _, tt := range []struct {
		name   string
		retry  Retry
		refuse http.HandlerFunc
	}{
		{name: "by a status", refuse: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }},
		{name: "by a status of the Retry", retry: Retry{Total: 1, StatusCodes: []int{503}}, refuse: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }},
		{name: "by closing them", refuse: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`}
			var asked atomic.Int32
			others := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch asked.Add(1) {
				case 1:
					d.ServeHTTP(&waiter{w, others}, r)
				case 4:
					close(others)
					fallthrough
				default:
					tt.refuse(w, r)
				}
			}))
			defer srv.Close()
			s, dir := over(t, &HTTPAdapter{Retry: tt.retry}), t.TempDir()
			n, err := s.Download(t.Context(), srv.URL, filepath.Join(dir, "x"), Parallel(4))
			if n != int64(len(content)) || err != nil {
				t.Errorf("Download = %d, %v; want %d", n, err, len(content))
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}

// waiter writes from the second write on only when the channel is closed.
type waiter struct {
	http.ResponseWriter
	others chan struct{}
}

func (w *waiter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.ResponseWriter.(http.Flusher).Flush()
	<-w.others
	return n, err
}

// TestDownloadParallelOnce has a server that gives no range with an end: it is not
// asked for several at once again.
func TestDownloadParallelOnce(t *testing.T) {
	content := noise(5 << 20)
	bubble(t, "", func(t *testing.T) {
		d := &depot{content: content, tag: `"a"`, cuts: []int{3 << 20}}
		d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool {
			if !strings.HasSuffix(r.Header.Get("Range"), "-") {
				r.Header.Del("Range")
			}
			return false
		}
		s, url, dir := d.start(t)
		n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(2))
		if n != int64(len(content)) || err != nil {
			t.Errorf("Download = %d, %v; want %d", n, err, len(content))
		}
		const tag = ` if "a"`
		want := []string{"", "bytes=2621440-5242879" + tag, "bytes=3145728-5242879" + tag, "bytes=3145728-" + tag}
		if got := d.requests(); !slices.Equal(got, want) {
			t.Errorf("it asked for %q; want %q", got, want)
		}
		wantFiles(t, dir, map[string]string{"x": string(content)})
	})
}

// TestDownloadParallelCloses has the first response filled its piece before the
// others: it is closed then, as a server may count it.
func TestDownloadParallelCloses(t *testing.T) {
	content := noise(3 << 20)
	bubble(t, "", func(t *testing.T) {
		d := &depot{content: content, tag: `"a"`}
		s, url, dir := d.start(t)
		var ended []string
		var mu sync.Mutex
		s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, r.Header.Get("Range"))
			}()
			if r.Header.Get("Range") != "" {
				w = &dawdler{w}
			}
			d.ServeHTTP(w, r)
		})))
		n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(3))
		if n != int64(len(content)) || err != nil {
			t.Errorf("Download = %d, %v; want %d", n, err, len(content))
		}
		synctest.Wait()
		if len(ended) != 3 || ended[0] != "" {
			t.Errorf("the responses ended in the order %q; want that of the whole file first", ended)
		}
	})
}

// TestDownloadParallelTakenOver has nothing come of the other requests until the
// first response has gone on with their pieces.
func TestDownloadParallelTakenOver(t *testing.T) {
	content := noise(3 << 20)
	for _, where := range []string{"server", "hook"} {
		bubble(t, where, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`}
			s, url, dir := d.start(t)
			if where == "server" {
				d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool {
					select {
					case <-time.After(time.Minute):
					case <-r.Context().Done():
					}
					return false
				}
			} else {
				s.Hooks.Response = []OnResponse{func(_ context.Context, r *Response) (*Response, error) {
					if r.StatusCode == http.StatusPartialContent {
						time.Sleep(time.Minute)
					}
					return nil, nil
				}}
			}
			start := time.Now()
			var last int64
			n, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(3), OnProgress(func(done, _ int64) { last = done }))
			if n != int64(len(content)) || err != nil || last != n {
				t.Errorf("Download = %d, %v, with a last progress of %d; want %d", n, err, last, len(content))
			}
			if took := time.Since(start); where == "server" && took != verdictTime {
				t.Errorf("it took %v; want %v", took, verdictTime)
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}

// TestDownloadParallelLasting holds what is given up when no request is left
// that could go on.
func TestDownloadParallelLasting(t *testing.T) {
	content := noise(4 << 20)
	for _, tt := range []struct {
		name   string
		status int
		asked  int // at first, and for what is missing when the other response was cut
	}{
		{"404 is not asked for again", 404, 2},
		{"503 is, as often as the retries allow", 503, 1 + resumption.Total},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`, cuts: []int{3 << 20}}
			asked := 0
			d.lie = func(w http.ResponseWriter, r *http.Request, first int) bool {
				time.Sleep(time.Second) // so that the first response goes on with the second piece
				d.change(func() { asked++ })
				w.WriteHeader(tt.status)
				return true
			}
			s, url, dir := d.start(t)
			_, err := s.Download(t.Context(), url, filepath.Join(dir, "x"), Parallel(2))
			if he, ok := err.(*HTTPError); !ok || he.Response.StatusCode != tt.status {
				t.Errorf("Download = %v; want the status %d", err, tt.status)
			}
			if asked != tt.asked {
				t.Errorf("it asked %d times; want %d", asked, tt.asked)
			}
			wantFiles(t, dir, map[string]string{"x.part": string(content[:3<<20]), "x.part.json": readFile(t, filepath.Join(dir, "x.part.json"))})
		})
	}
}

// TestDownloadPanics has functions of the caller panic or exit, in whatever
// goroutine they are called: it must come to the caller, and what has come of
// the file must stay.
func TestDownloadPanics(t *testing.T) {
	content := noise(4 << 20)
	type function struct {
		name string
		opt  func(f func()) Option
	}
	functions := []function{
		{"OnProgress", func(f func()) Option { return OnProgress(func(int64, int64) { f() }) }},
		{"OnRequest", func(f func()) Option {
			return OnRequest(func(context.Context, *PreparedRequest) error { time.Sleep(time.Second); f(); return nil })
		}},
		{"OnResponse", func(f func()) Option {
			return OnResponse(func(context.Context, *Response) (*Response, error) { time.Sleep(time.Second); f(); return nil, nil })
		}},
	}
	for _, ranges := range []Parallel{1, 4} {
		for _, tt := range functions {
			for call := int32(1); call <= 4; call++ {
				for _, exits := range []bool{false, true} {
					bubble(t, fmt.Sprintf("%s, call %d, parallel %d, exits %t", tt.name, call, ranges, exits), func(t *testing.T) {
						d := &depot{content: content, tag: `"a"`, cuts: []int{3 << 19, 1 << 19, 1 << 19, 1 << 19}}
						s, url, dir := d.start(t)
						path := filepath.Join(dir, "x")
						var calls atomic.Int32
						bang := any(errors.New("bang"))
						if call%2 == 0 {
							bang = new(runtime.PanicNilError) // what panic(nil) comes to
						}
						opt := tt.opt(func() {
							if calls.Add(1) == call {
								if exits {
									runtime.Goexit()
								}
								panic(bang)
							}
						})
						var got any
						returned, ended := false, make(chan struct{})
						go func() {
							defer close(ended)
							defer func() { got = recover() }()
							s.Download(t.Context(), url, path, ranges, opt)
							returned = true
						}()
						<-ended
						if calls.Load() < call {
							t.Skip("it is not called as often")
						}
						if returned || !exits && got != bang || exits && got != nil {
							t.Errorf("Download returned: %t, panicked with %v", returned, got)
						}
						state, err := os.Stat(path + ".part.json")
						if part, err2 := os.Stat(path + ".part"); (err == nil) != (err2 == nil) || err == nil && (part.Size() == 0 || state.Size() == 0) {
							t.Errorf("left behind: %v, %v", state, part)
						}
						if n, err := s.Download(t.Context(), url, path, ranges, sum(content)); n != int64(len(content)) || err != nil {
							t.Errorf("Download afterwards = %d, %v; want %d", n, err, len(content))
						}
						wantFiles(t, dir, map[string]string{"x": string(content)})
					})
				}
			}
		}
	}
}

// TestDownloadProgressOfFailures is told how far it came, whatever comes after.
func TestDownloadProgressOfFailures(t *testing.T) {
	content := noise(100000)
	for _, tt := range []struct {
		name  string
		depot *depot
		opts  []Option
		want  [2]int64
		calls bool
	}{
		{name: "wrong checksum", depot: &depot{tag: `"a"`}, opts: []Option{sum(content[1:])}, want: [2]int64{100000, 100000}, calls: true},
		{name: "cut", depot: &depot{tag: `"a"`, cuts: []int{6000}}, opts: []Option{Retry{}}, want: [2]int64{6000, 100000}, calls: true},
		{name: "empty", depot: &depot{tag: `"a"`, content: []byte{}}, calls: true},
		{name: "not there", depot: &depot{tag: `"a"`}, opts: []Option{OnRequest(func(context.Context, *PreparedRequest) error { return errNoMore })}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			if tt.depot.content == nil {
				tt.depot.content = content
			}
			s, url, dir := tt.depot.start(t)
			var told [][2]int64
			s.Download(t.Context(), url, filepath.Join(dir, "x"), append(tt.opts, OnProgress(func(done, total int64) {
				told = append(told, [2]int64{done, total})
			}))...)
			if !tt.calls && told != nil || tt.calls && (len(told) == 0 || told[len(told)-1] != tt.want) {
				t.Errorf("it was told of %d; want %d at the end", told, tt.want)
			}
		})
	}
}

// TestDownloadParallelDiskFull goes on with what is there when there is room again.
func TestDownloadParallelDiskFull(t *testing.T) {
	content := noise(4 << 20)
	for _, room := range []int{0, 300 << 10, 1 << 20} {
		bubble(t, strconv.Itoa(room), func(t *testing.T) {
			d := &depot{content: content, tag: `"a"`}
			s, url, dir := d.start(t)
			path := filepath.Join(dir, "x")
			if n, err := s.Download(t.Context(), url, path, Parallel(3), failingDisk(room, errNoSpace)); n != 0 || !errors.Is(err, errNoSpace) {
				t.Errorf("Download = %d, %v; want %v", n, err, errNoSpace)
			}
			part, err := os.Stat(path + ".part")
			d.requests()
			if n, err := s.Download(t.Context(), url, path, sum(content)); n != int64(len(content)) || err != nil {
				t.Errorf("Download afterwards = %d, %v; want %d", n, err, len(content))
			}
			want := ""
			if err == nil {
				want = fmt.Sprintf(`bytes=%d- if "a"`, part.Size())
			}
			if got := d.requests(); !slices.Equal(got, []string{want}) {
				t.Errorf("it asked for %q; want %q", got, want)
			}
			wantFiles(t, dir, map[string]string{"x": string(content)})
		})
	}
}
