package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// A busy handler takes some time, and counts how many it serves at once.
type busy struct {
	took func(r *http.Request) time.Duration

	mu   sync.Mutex
	now  map[string]int // by host
	most map[string]int
	all  int
	peak int
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.count(r.Host, 1)
	defer b.count(r.Host, -1)
	if b.took != nil {
		select {
		case <-time.After(b.took(r)):
		case <-r.Context().Done():
		}
	}
	if r.URL.Path == "/missing" {
		w.WriteHeader(http.StatusNotFound)
	}
	io.WriteString(w, r.URL.Path)
}

func (b *busy) count(host string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now == nil {
		b.now, b.most = make(map[string]int), make(map[string]int)
	}
	b.now[host] += n
	b.all += n
	b.most[host] = max(b.most[host], b.now[host])
	b.peak = max(b.peak, b.all)
}

func answeredBy(t testing.TB, h http.Handler, opts ...requests.Option) *requests.Session {
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false), requests.Timeout{Read: -1}}, opts...)...)
	s.Mount("http://", requests.Handler(h))
	t.Cleanup(func() { s.Close() })
	return s
}

func numbered(n int, host func(i int) string) iter.Seq[*requests.Request] {
	return func(yield func(*requests.Request) bool) {
		for i := range n {
			if !yield(requests.NewRequest("GET", fmt.Sprintf("http://%s/%d", host(i), i))) {
				return
			}
		}
	}
}

func oneHost(int) string { return "example.com" }

// backwards lets later requests finish first.
func backwards(r *http.Request) time.Duration {
	var n int
	fmt.Sscanf(r.URL.Path, "/%d", &n)
	return time.Duration(100-n) * time.Second
}

func TestMany(t *testing.T) {
	for _, tt := range []struct {
		how   requests.Concurrency
		peak  int
		order []int
	}{
		{requests.Concurrency{}, 8, nil},
		{requests.Concurrency{Limit: 3}, 3, nil},
		{requests.Concurrency{Limit: 1}, 1, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{requests.Concurrency{Limit: 20}, 10, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{requests.Concurrency{Limit: 3, InOrder: true}, 3, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{requests.Concurrency{Limit: 20, InOrder: true}, 10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{requests.Concurrency{Limit: 5, PerHost: 2}, 2, nil},
		{requests.Concurrency{Limit: 5, PerHost: 2, InOrder: true}, 2, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		t.Run(fmt.Sprintf("%+v", tt.how), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &busy{took: backwards}
				s := answeredBy(t, b)
				var order []int
				for r := range s.Many(t.Context(), numbered(10, oneHost), tt.how) {
					require.NoError(t, r.Err)
					require.Equal(t, fmt.Sprint("/", r.Index), r.Response.Text())
					require.Equal(t, fmt.Sprint("http://example.com/", r.Index), r.Request.URL)
					order = append(order, r.Index)
				}
				require.Equal(t, tt.peak, b.peak)
				if tt.order != nil {
					require.Equal(t, tt.order, order)
				}
				slices.Sort(order)
				require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
			})
		})
	}
}

// TestManyPerHost is about a host that must not be asked too much, while others
// go on, and about the order of results then.
func TestManyPerHost(t *testing.T) {
	hosts := func(i int) string { return []string{"slow.test", "slow.test:80", "slow.test", "b.test", "c.test"}[i%5] }
	for _, ordered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &busy{took: func(r *http.Request) time.Duration {
				if strings.HasPrefix(r.Host, "slow") {
					return time.Minute
				}
				return time.Second
			}}
			s := answeredBy(t, b)
			n := 0
			for r := range s.Many(t.Context(), numbered(50, hosts), requests.Concurrency{Limit: 10, PerHost: 1, InOrder: ordered}) {
				require.NoError(t, r.Err)
				if ordered {
					require.Equal(t, n, r.Index)
				}
				n++
			}
			require.Equal(t, 50, n)
			require.Equal(t, 1, b.most["slow.test"])
			require.Equal(t, 1, b.most["b.test"])
			require.Greater(t, b.peak, 1)
		})
	}
}

// TestManyPerHostBase has requests for one host by URLs that are relative to what
// an option says, and by one that is not.
func TestManyPerHostBase(t *testing.T) {
	base := requests.BaseURL("http://a.test/")
	for _, own := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &busy{took: func(*http.Request) time.Duration { return time.Second }}
			s := answeredBy(t, b)
			opts := []requests.Option{requests.Concurrency{PerHost: 1}}
			relative := requests.NewRequest("GET", "1")
			if own {
				relative.Options = []requests.Option{base}
			} else {
				opts = append(opts, base)
			}
			for r := range s.Many(t.Context(), slices.Values([]*requests.Request{relative, requests.NewRequest("GET", "http://A.test:80/2")}), opts...) {
				require.NoError(t, r.Err)
			}
			require.Equal(t, 1, b.most["a.test"])
		})
	}
}

// TestManyErrors is about requests that fail: each for itself.
func TestManyErrors(t *testing.T) {
	s := answeredBy(t, new(busy), requests.RaiseForStatus(true))
	reqs := slices.Values([]*requests.Request{
		requests.NewRequest("GET", "http://a.test/fine"),
		requests.NewRequest("GET", "no URL"),
		nil,
		requests.NewRequest("GET", "http://a.test/missing"),
		requests.NewRequest("POST", "http://a.test/x", requests.SaveTo("x")),
		requests.NewRequest("GET", "http://a.test/fine", requests.Form{}, requests.JSON(1)),
		requests.NewRequest("GET", "http://a.test/last"),
	})
	want := []error{nil, requests.ErrInvalidURL, requests.ErrInvalidOption, new(requests.HTTPError), requests.ErrInvalidOption, requests.ErrInvalidOption, nil}
	n := 0
	for r := range s.Many(t.Context(), reqs, requests.Concurrency{InOrder: true}) {
		switch want := want[r.Index].(type) {
		case *requests.HTTPError:
			require.ErrorAs(t, r.Err, &want)
		default:
			require.ErrorIs(t, r.Err, want)
		}
		n++
	}
	require.Equal(t, len(want), n)

	for name, opts := range map[string]requests.Option{"negative": requests.Concurrency{Limit: -1}, "negative, per host": requests.Concurrency{PerHost: -1}} {
		n := 0
		for r := range s.Many(t.Context(), requests.URLs("http://a.test/", "http://b.test/"), opts) {
			require.ErrorIs(t, r.Err, requests.ErrInvalidOption, name)
			n++
		}
		require.Equal(t, 2, n)
	}
	var none context.Context // which a caller may give
	for r := range s.Many(none, requests.URLs("http://a.test/")) {
		require.ErrorIs(t, r.Err, requests.ErrInvalidOption)
	}
	n = 0
	for r := range s.Many(t.Context(), nil) {
		require.ErrorIs(t, r.Err, requests.ErrInvalidOption)
		n++
	}
	require.Equal(t, 1, n)
	_, err := s.Get(t.Context(), "http://a.test/", requests.Concurrency{})
	require.ErrorIs(t, err, requests.ErrInvalidOption, "in a call")
}

// TestManyOptions is about which options count for a request.
func TestManyOptions(t *testing.T) {
	s := answeredBy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-A")+" "+r.Header.Get("X-B"))
	}))
	reqs := slices.Values([]*requests.Request{requests.NewRequest("GET", "http://a.test/", requests.Headers{"X-A": "own"}), requests.NewRequest("GET", "http://a.test/")})
	var got []string
	for r := range s.Many(t.Context(), reqs, requests.Headers{"X-A": "all", "X-B": "both"}, requests.Concurrency{InOrder: true}) {
		require.NoError(t, r.Err)
		got = append(got, r.Response.Text())
	}
	require.Equal(t, []string{"own both", "all both"}, got)
}

// TestManyLeft is about leaving the loop: what is under way ends, what is not
// begun is not sent, and nothing is left.
func TestManyLeft(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		for _, how := range []string{"break", "panic", "Goexit"} {
			t.Run(fmt.Sprint(how, " in order ", ordered), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &busy{took: func(r *http.Request) time.Duration {
						if r.URL.Path == "/0" {
							return time.Second
						}
						return time.Hour
					}}
					s := answeredBy(t, b)
					pulled := 0
					reqs := func(yield func(*requests.Request) bool) {
						defer func() { pulled *= -1 }() // it was ended
						for r := range numbered(1000, oneHost) {
							if pulled++; !yield(r) {
								return
							}
						}
					}
					done := make(chan struct{})
					start := time.Now()
					go func() {
						defer close(done)
						defer func() { recover() }()
						for r := range s.Many(t.Context(), reqs, requests.Concurrency{Limit: 4, InOrder: ordered}) {
							require.Zero(t, r.Index)
							switch how {
							case "break":
								return
							case "panic":
								panic("of the loop")
							case "Goexit":
								runtime.Goexit()
							}
						}
					}()
					<-done
					require.Equal(t, time.Second, time.Since(start))
					synctest.Wait()
					require.Zero(t, b.all, "handlers that still run")
					require.Equal(t, -4, pulled)
				})
			})
		}
	}
}

// TestManyContext is about a context that ends: no result is missing without a word.
func TestManyContext(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := answeredBy(t, &busy{took: func(*http.Request) time.Duration { return time.Minute }})
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			fine, ended := 0, 0
			for r := range s.Many(ctx, numbered(1_000_000, oneHost), requests.Concurrency{Limit: 4, InOrder: ordered}) {
				if r.Err == nil {
					fine++
					continue
				}
				require.ErrorIs(t, r.Err, requests.ErrTimeout)
				ended++
			}
			require.Equal(t, 4, fine)
			require.GreaterOrEqual(t, ended, 4)
			require.Less(t, ended, 10)
		})
	}
}

// TestManyPanics is about functions of the caller that panic in another goroutine.
func TestManyPanics(t *testing.T) {
	s := answeredBy(t, new(busy))
	hook := requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		if r.URL.Path == "/3" {
			panic("of the hook")
		}
		return nil, nil
	})
	require.PanicsWithValue(t, "of the hook", func() {
		for range s.Many(t.Context(), numbered(10, oneHost), hook) {
		}
	})
	exit := requests.OnRequest(func(context.Context, *requests.PreparedRequest) error { runtime.Goexit(); return nil })
	done, after := make(chan struct{}), false
	go func() {
		defer close(done)
		for range s.Many(t.Context(), numbered(10, oneHost), exit) {
		}
		after = true
	}()
	<-done
	require.False(t, after, "the loop went on after a Goexit")
}

// TestManyPanicsAfterLoop has a function of the caller panic or exit when the
// loop was left already: that may not go unnoticed either.
func TestManyPanicsAfterLoop(t *testing.T) {
	for _, exits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := answeredBy(t, new(busy))
			auth := requests.AuthFunc(func(ctx context.Context, p *requests.PreparedRequest) error {
				if p.URL.Path == "/0" {
					return nil
				}
				<-ctx.Done()
				if exits {
					runtime.Goexit()
				}
				panic("of the function")
			})
			var got any
			returned, ended := false, make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { got = recover() }()
				for range s.Many(t.Context(), numbered(4, oneHost), auth) {
					break
				}
				returned = true
			}()
			<-ended
			if returned || !exits && got != "of the function" || exits && got != nil {
				t.Errorf("the loop was left: %t, panicked with %v", returned, got)
			}
		})
	}
}

// TestManyStreams is about streamed responses: those of the loop outlive it, the
// others are closed.
func TestManyStreams(t *testing.T) {
	var open atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
	}))
	defer srv.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var taken *requests.Response
	for r := range s.Many(ctx, requests.URLs(srv.URL, srv.URL, srv.URL, srv.URL), requests.Stream(true)) {
		require.NoError(t, r.Err)
		taken = r.Response
		break
	}
	require.Eventually(t, func() bool { return open.Load() == 1 }, 5*time.Second, time.Millisecond, "the others are closed")
	require.NoError(t, taken.Close())
	require.Eventually(t, func() bool { return open.Load() == 0 }, 5*time.Second, time.Millisecond)
	_, err := taken.Body.Read(make([]byte, 1))
	require.ErrorIs(t, err, requests.ErrClosed)
}

// TestManyProgress is one bar over many bodies.
func TestManyProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := answeredBy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			for range 10 {
				w.Write(make([]byte, 100))
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}))
		var done, total int64
		reports := 0
		bar := requests.OnProgress(func(d, n int64) {
			require.GreaterOrEqual(t, d, done, "of bodies that are all sent once")
			require.GreaterOrEqual(t, n, total)
			require.LessOrEqual(t, d, n)
			done, total, reports = d, n, reports+1
		})
		for r := range s.Many(t.Context(), numbered(5, oneHost), bar, requests.Concurrency{Limit: 2}) {
			require.NoError(t, r.Err)
		}
		require.EqualValues(t, 5000, done)
		require.EqualValues(t, 5000, total)
		require.Greater(t, reports, 5)
	})
}

// TestManyProgressStreams reads all of streamed bodies in a loop, which is too
// short for two reports but for the last.
func TestManyProgressStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := answeredBy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write(make([]byte, 1000))
		}))
		var done, total int64
		bar := requests.OnProgress(func(d, n int64) { done, total = d, n })
		for r := range s.Many(t.Context(), numbered(5, oneHost), requests.Stream(true), bar) {
			require.NoError(t, r.Err)
			n, err := io.Copy(io.Discard, r.Response.Body)
			require.NoError(t, err)
			require.EqualValues(t, 1000, n)
		}
		require.EqualValues(t, 5000, done)
		require.EqualValues(t, 5000, total)
	})
}

// TestManyProgressAgain has a body of unknown length, one that begins again and
// gets less far at first, and one that is never complete.
func TestManyProgressAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries [4]int
		s := answeredBy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			i := int(r.URL.Path[1] - '0')
			tries[i]++
			first := 600
			if tries[i] > 1 {
				first = 200
			}
			if i != 1 {
				w.Header().Set("Content-Length", "1000")
			}
			time.Sleep(time.Second)
			w.Write(make([]byte, first))
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
			if i == 2 && tries[i] == 1 || i == 3 {
				panic(http.ErrAbortHandler)
			}
			w.Write(make([]byte, 1000-first))
		}))
		var reports [][2]int64
		bar := requests.OnProgress(func(d, n int64) { reports = append(reports, [2]int64{d, n}) })
		for r := range s.Many(t.Context(), numbered(4, oneHost), bar, requests.Retry{Total: 1}, requests.Concurrency{Limit: 1}) {
			require.Equal(t, r.Index == 3, r.Err != nil, "%v", r.Err)
		}
		require.Equal(t, [][2]int64{
			{600, 1000}, {1000, 1000}, {1600, -1}, {2000, -1},
			{2600, 3000}, {2200, 3000}, {3000, 3000},
			{3600, 4000}, {3200, 4000}, {3200, 3200},
		}, reports)
	})
}

// TestManyFiles saves files, with what they have to be.
func TestManyFiles(t *testing.T) {
	s := answeredBy(t, new(busy))
	dir := t.TempDir()
	reqs := slices.Values([]*requests.Request{
		requests.NewRequest("GET", "http://a.test/one", requests.SaveTo(filepath.Join(dir, "1")), requests.Checksum{"sha256": "1e1d1696ffea673057cb17995d1ff8190893b029bd787dbdc7cc46b252bfeef9"}),
		requests.NewRequest("GET", "http://a.test/three", requests.SaveTo(dir)),
		requests.NewRequest("GET", "http://a.test/missing", requests.SaveTo(filepath.Join(dir, "no"))),
		requests.NewRequest("GET", "http://a.test/two", requests.SaveTo(filepath.Join(dir, "no")), requests.Checksum{"sha256": "1e1d1696ffea673057cb17995d1ff8190893b029bd787dbdc7cc46b252bfeef9"}),
	})
	var sizes []int64
	for r := range s.Many(t.Context(), reqs, requests.Concurrency{InOrder: true}) {
		require.Equal(t, r.Index >= 2, r.Err != nil, "%v", r.Err)
		require.Nil(t, r.Response)
		sizes = append(sizes, r.Size)
	}
	require.Equal(t, []int64{4, 6, 0, 0}, sizes)
	for name, want := range map[string]string{"1": "/one", "three": "/three"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	_, err := os.Stat(filepath.Join(dir, "no"))
	require.True(t, errors.Is(err, os.ErrNotExist))

	all, own := t.TempDir(), filepath.Join(t.TempDir(), "own")
	reqs = slices.Values([]*requests.Request{requests.NewRequest("GET", "http://a.test/one", requests.SaveTo(own)), requests.NewRequest("GET", "http://a.test/two")})
	for r := range s.Many(t.Context(), reqs, requests.SaveTo(all)) {
		require.NoError(t, r.Err)
	}
	require.FileExists(t, own)
	require.FileExists(t, filepath.Join(all, "two"))
}

// BenchmarkMany sends small requests, and hands each response to the loop that
// wants it, which does the same work in both ways.
func BenchmarkMany(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	const n, at = 10_000, 32
	urls := make([]string, n)
	for i := range urls {
		urls[i] = fmt.Sprintf("%s/%d", srv.URL, i)
	}
	b.Run("Many", func(b *testing.B) {
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		b.ReportAllocs()
		for b.Loop() {
			for r := range s.Many(context.Background(), requests.URLs(urls...), requests.Concurrency{Limit: at}) {
				if r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		}
	})
	b.Run("goroutines by hand", func(b *testing.B) {
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		b.ReportAllocs()
		for b.Loop() {
			type result struct {
				index    int
				response *requests.Response
				err      error
			}
			ctx, cancel := context.WithCancel(context.Background())
			next, results := make(chan int), make(chan result)
			var wg sync.WaitGroup
			for range at {
				wg.Go(func() {
					for i := range next {
						r, err := s.Get(ctx, urls[i])
						results <- result{i, r, err}
					}
				})
			}
			go func() {
				for i := range n {
					next <- i
				}
				close(next)
				wg.Wait()
				close(results)
			}()
			for r := range results {
				if r.err != nil {
					b.Fatal(r.err)
				}
			}
			cancel()
		}
	})
}
