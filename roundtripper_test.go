package requests_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// wrapped is a session whose requests go through a middleware.
func wrapped(t *testing.T, a *requests.HTTPAdapter, mw func(next http.RoundTripper, r *http.Request) (*http.Response, error), opts ...requests.Option) *requests.Session {
	t.Helper()
	noEnvironment(t)
	a.Wrap = func(next http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) { return mw(next, r) })
	}
	s := requests.NewSession(opts...)
	t.Cleanup(func() { s.Close() })
	s.Mount("https://", a)
	s.Mount("http://", a)
	return s
}

// tlsServer is a server whose certificate nobody trusts.
func tlsServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func pass(next http.RoundTripper, r *http.Request) (*http.Response, error) { return next.RoundTrip(r) }

// TestWrap is about middleware of net/http around each attempt.
func TestWrap(t *testing.T) {
	t.Run("each attempt has a header of its own", func(t *testing.T) {
		for name, s := range map[string]*requests.Session{
			"Wrap": wrapped(t, &requests.HTTPAdapter{Retry: requests.Retry{Total: 3, StatusCodes: []int{503}}}, addsField),
			"RoundTripper": func() *requests.Session {
				s := requests.NewSession(requests.Retry{Total: 3, StatusCodes: []int{503}})
				s.Mount("http://", requests.RoundTripper(roundTripFunc(func(r *http.Request) (*http.Response, error) {
					return addsField(http.DefaultTransport, r)
				})))
				t.Cleanup(func() { s.Close() })
				return s
			}(),
		} {
			var tries int
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, []string{"1"}, r.Header["X-Added"], name)
				body, _ := io.ReadAll(r.Body)
				require.Equal(t, "body", string(body))
				if tries++; tries < 4 {
					w.WriteHeader(503)
				}
			}))
			defer srv.Close()
			p, err := s.Prepare(t.Context(), requests.NewRequest("PUT", srv.URL, requests.Text("body")))
			require.NoError(t, err)
			r, err := s.Send(t.Context(), p)
			require.NoError(t, err)
			require.Equal(t, 200, r.StatusCode)
			require.NotContains(t, p.Header, "X-Added")
		}
	})
	t.Run("it is made once", func(t *testing.T) {
		made := 0
		a := &requests.HTTPAdapter{Wrap: func(next http.RoundTripper) http.RoundTripper { made++; return next }}
		s := requests.NewSession()
		defer s.Close()
		s.Mount("http://", a)
		for range 3 {
			_, err := s.Get(t.Context(), httpbin+"/get")
			require.NoError(t, err)
		}
		require.Equal(t, 1, made)
		require.Equal(t, int64(2), a.Stats().Reused)
	})
	t.Run("none", func(t *testing.T) {
		a := &requests.HTTPAdapter{Wrap: func(http.RoundTripper) http.RoundTripper { return nil }}
		s := requests.NewSession()
		defer s.Close()
		s.Mount("http://", a)
		_, err := s.Get(t.Context(), httpbin)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
	})
	t.Run("its errors come back", func(t *testing.T) {
		tries := 0
		s := wrapped(t, &requests.HTTPAdapter{}, func(http.RoundTripper, *http.Request) (*http.Response, error) {
			tries++
			return nil, errOwn
		}, requests.Retry{Total: 3})
		_, err := s.Get(t.Context(), httpbin)
		require.ErrorIs(t, err, errOwn)
		require.ErrorIs(t, err, requests.ErrAdapter)
		require.Equal(t, 1, tries)
	})
	t.Run("errors of the network have their kind", func(t *testing.T) {
		var seen error
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			res, err := next.RoundTrip(r)
			seen = err
			return res, err
		}, requests.Retry{Total: 1})
		srv := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
		_, err := s.Get(t.Context(), srv.URL)
		require.ErrorIs(t, err, requests.ErrTLS)
		require.ErrorIs(t, seen, requests.ErrTLS)
		e, isError := errors.AsType[*requests.Error](seen)
		require.False(t, isError, e)
	})
}

func addsField(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	r.Header.Add("X-Added", "1")
	return next.RoundTrip(r)
}

// TestWrapKeepsTheCall is about what a call asks for below the middleware.
func TestWrapKeepsTheCall(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }
	skip := requests.TLS{SkipVerify: true}
	t.Run("TLS and Trace", func(t *testing.T) {
		srv := tlsServer(t, hello)
		s := wrapped(t, &requests.HTTPAdapter{}, pass)
		r, err := s.Get(t.Context(), srv.URL, skip, requests.Trace(true))
		require.NoError(t, err)
		require.NotZero(t, r.Timings().TLS)
		require.NotZero(t, r.Timings().Total)
		require.NotNil(t, r.TLS)
		_, err = s.Get(t.Context(), srv.URL) // without asking
		require.ErrorIs(t, err, requests.ErrTLS)
	})
	t.Run("Read", func(t *testing.T) {
		end := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
		defer srv.Close()
		defer close(end)
		s := wrapped(t, &requests.HTTPAdapter{}, pass)
		_, err := s.Get(t.Context(), srv.URL, requests.Timeout{Read: 20 * time.Millisecond})
		require.ErrorIs(t, err, requests.ErrReadTimeout)
	})
	t.Run("Proxies", func(t *testing.T) {
		var asked atomic.Int32
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			io.WriteString(w, r.RequestURI)
		}))
		defer proxy.Close()
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if err := fetch(r.Context(), next, "http://token.test/"); err != nil { // by a proxy that is chosen for it
				return nil, err
			}
			return next.RoundTrip(r)
		})
		r, err := s.Get(t.Context(), "http://a.test/x", requests.Proxies{"http": proxy.URL})
		require.NoError(t, err)
		require.Equal(t, "http://a.test/x", r.Text())
		require.EqualValues(t, 2, asked.Load())
	})
	t.Run("OnProgress counts the first request", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
		defer srv.Close()
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			again := r.Clone(r.Context())
			again.Body, _ = r.GetBody()
			res, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			res.Body.Close()
			return next.RoundTrip(again)
		})
		var reports [][2]int64
		_, err := s.Post(t.Context(), srv.URL, requests.Text("hello"), requests.OnProgress(func(done, total int64) {
			reports = append(reports, [2]int64{done, total})
		}))
		require.NoError(t, err)
		require.Equal(t, [][2]int64{{5, 5}}, reports)
	})
	t.Run("OnProgress of a download", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(hello))
		defer srv.Close()
		var reports [][2]int64
		_, err := wrapped(t, &requests.HTTPAdapter{}, pass).Get(t.Context(), srv.URL, requests.OnProgress(func(done, total int64) {
			reports = append(reports, [2]int64{done, total})
		}))
		require.NoError(t, err)
		require.Equal(t, [][2]int64{{5, 5}}, reports)
	})
	t.Run("OnInformational", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(200)
		}))
		defer srv.Close()
		s := wrapped(t, &requests.HTTPAdapter{}, pass)
		var got []int
		_, err := s.Get(t.Context(), srv.URL, requests.OnInformational(func(_ context.Context, status int, _ http.Header) error {
			got = append(got, status)
			return nil
		}))
		require.NoError(t, err)
		require.Equal(t, []int{103}, got)
		_, err = s.Get(t.Context(), srv.URL, requests.OnInformational(func(context.Context, int, http.Header) error { return errOwn }))
		require.Equal(t, errOwn, err)
	})
	t.Run("MaxBody and decoding", func(t *testing.T) {
		s := wrapped(t, &requests.HTTPAdapter{}, pass)
		r, err := s.Get(t.Context(), httpbin+"/gzip")
		require.NoError(t, err)
		require.Contains(t, r.Text(), `"gzipped": true`)
		_, err = s.Get(t.Context(), httpbin+"/bytes/100", requests.MaxBody(10))
		require.ErrorIs(t, err, requests.ErrBodyTooLarge)
	})
	t.Run("a request to another origin has none of it", func(t *testing.T) {
		srv, token := tlsServer(t, hello), tlsServer(t, hello)
		var refreshed error
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			refreshed = fetch(r.Context(), next, token.URL)
			return next.RoundTrip(r)
		})
		_, err := s.Get(t.Context(), srv.URL, skip)
		require.NoError(t, err)
		require.ErrorIs(t, refreshed, requests.ErrTLS)
	})
	t.Run("nor has one after the attempt", func(t *testing.T) {
		srv := tlsServer(t, hello)
		var kept context.Context
		var below http.RoundTripper
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			kept, below = context.WithoutCancel(r.Context()), next
			return next.RoundTrip(r)
		})
		_, err := s.Get(t.Context(), srv.URL, skip)
		require.NoError(t, err)
		require.ErrorIs(t, fetch(kept, below, srv.URL), requests.ErrTLS)
	})
	t.Run("a call within has its own", func(t *testing.T) {
		srv := tlsServer(t, hello)
		var nested error
		var s *requests.Session
		depth := 0
		s = wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if depth++; depth == 1 {
				_, nested = s.Get(r.Context(), srv.URL)
			}
			return next.RoundTrip(r)
		})
		_, err := s.Get(t.Context(), srv.URL, skip)
		require.NoError(t, err)
		require.ErrorIs(t, nested, requests.ErrTLS)
	})
	t.Run("a context that is lost", func(t *testing.T) {
		loses := func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			return next.RoundTrip(r.WithContext(context.Background()))
		}
		srv := tlsServer(t, hello)
		s := wrapped(t, &requests.HTTPAdapter{TLS: skip}, loses)
		_, err := s.Get(t.Context(), srv.URL, requests.TLS{Verify: true})
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		_, err = s.Get(t.Context(), httpbin+"/get", requests.Proxies{"http": "http://127.0.0.1:9"})
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		_, err = s.Get(t.Context(), httpbin+"/get") // asks for nothing
		require.NoError(t, err)
		_, err = s.Get(t.Context(), srv.URL) // what the adapter has is there
		require.NoError(t, err)
	})
	t.Run("a middleware that panics", func(t *testing.T) {
		s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/panic" {
				panic("own")
			}
			return next.RoundTrip(r.WithContext(context.Background()))
		})
		require.PanicsWithValue(t, "own", func() {
			s.Get(t.Context(), httpbin+"/panic", requests.Proxies{"http": "http://127.0.0.1:9"})
		})
		_, err := s.Get(t.Context(), httpbin+"/get") // that call asks for nothing any more
		require.NoError(t, err)
	})
}

// fetch is what middleware does for a token.
func fetch(ctx context.Context, rt http.RoundTripper, url string) error {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// TestHTTPAdapterRoundTrip is about an adapter as a RoundTripper.
func TestHTTPAdapterRoundTrip(t *testing.T) {
	noEnvironment(t)
	request := func(t *testing.T, method, target string) (*http.Request, *observedBody) {
		t.Helper()
		body := &observedBody{ReadCloser: io.NopCloser(strings.NewReader("body"))}
		r, err := http.NewRequestWithContext(t.Context(), "PUT", target, body)
		require.NoError(t, err)
		r.Method = method
		return r, body
	}
	t.Run("the last response", func(t *testing.T) {
		var tries atomic.Int32
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			io.WriteString(w, "busy")
			tries.Add(1)
		}))
		defer srv.Close()
		a := &requests.HTTPAdapter{Retry: requests.Retry{Total: 2, StatusCodes: []int{503}}}
		defer a.Close()
		for range 2 {
			r, err := http.NewRequestWithContext(t.Context(), "PUT", srv.URL, strings.NewReader("body"))
			require.NoError(t, err)
			res, err := a.RoundTrip(r)
			require.NoError(t, err)
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, "503 busy", strings.Join([]string{res.Status[:3], string(b)}, " "))
			res.Body.Close()
		}
		require.EqualValues(t, 6, tries.Load())
		r, _ := request(t, "PUT", srv.URL) // which cannot be sent again
		res, err := a.RoundTrip(r)
		require.NoError(t, err)
		require.Equal(t, 503, res.StatusCode)
		res.Body.Close()
	})
	t.Run("the body is closed", func(t *testing.T) {
		closed := new(requests.HTTPAdapter)
		require.NoError(t, closed.Close())
		for name, c := range map[string]struct {
			a    *requests.HTTPAdapter
			do   func(*http.Request)
			want error
		}{
			"no URL":          {new(requests.HTTPAdapter), func(r *http.Request) { r.URL = nil }, requests.ErrInvalidURL},
			"no Header":       {new(requests.HTTPAdapter), func(r *http.Request) { r.Header = nil }, requests.ErrInvalidHeader},
			"bad method":      {new(requests.HTTPAdapter), func(r *http.Request) { r.Method = "A B" }, requests.ErrInvalidOption},
			"CONNECT":         {new(requests.HTTPAdapter), func(r *http.Request) { r.Method = "CONNECT" }, requests.ErrInvalidOption},
			"scheme":          {new(requests.HTTPAdapter), func(r *http.Request) { r.URL.Scheme = "ftp" }, requests.ErrInvalidScheme},
			"refused":         {new(requests.HTTPAdapter), func(r *http.Request) { r.URL.Host = "127.0.0.1:1" }, requests.ErrConnection},
			"closed":          {closed, func(*http.Request) {}, requests.ErrClosed},
			"bad field":       {new(requests.HTTPAdapter), func(r *http.Request) { r.Header["X"] = []string{"\n"} }, requests.ErrInvalidHeader},
			"another length":  {new(requests.HTTPAdapter), func(r *http.Request) { r.ContentLength = 9 }, requests.ErrInvalidOption},
			"of a Transport":  {&requests.HTTPAdapter{Transport: roundTripFunc(refuse)}, func(*http.Request) {}, errOwn},
			"of a middleware": {&requests.HTTPAdapter{Wrap: func(http.RoundTripper) http.RoundTripper { return roundTripFunc(refuse) }}, func(*http.Request) {}, errOwn},
		} {
			r, body := request(t, "PUT", httpbin+"/put")
			c.do(r)
			_, err := c.a.RoundTrip(r)
			require.ErrorIs(t, err, c.want, name)
			e, isError := errors.AsType[*requests.Error](err)
			require.False(t, isError && !errors.Is(err, requests.ErrRetriesExhausted), "%s: %v", name, e)
			require.Eventually(t, func() bool { return body.count() > 0 }, 5*time.Second, time.Millisecond, name)
			c.a.Close()
		}
	})
	t.Run("nil", func(t *testing.T) {
		_, err := new(requests.HTTPAdapter).RoundTrip(nil)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
	})
	t.Run("below a middleware of one's own", func(t *testing.T) {
		srv := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
		a := &requests.HTTPAdapter{TLS: requests.TLS{SkipVerify: true}}
		defer a.Close()
		s := requests.NewSession()
		s.Mount("https://", requests.RoundTripper(roundTripFunc(a.RoundTrip)))
		r, err := s.Get(t.Context(), srv.URL)
		require.NoError(t, err)
		require.Equal(t, "hello", r.Text())
	})
}

func refuse(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	return nil, errOwn
}

// TestTransport is about a RoundTripper in the place of the connections.
func TestTransport(t *testing.T) {
	noEnvironment(t)
	rt := roundTripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, Request: r}, nil
	})
	t.Run("fields that say nothing to it", func(t *testing.T) {
		for name, a := range map[string]*requests.HTTPAdapter{
			"PoolConnections":  {PoolConnections: 1},
			"PoolMaxSize":      {PoolMaxSize: 1},
			"PoolBlock":        {PoolBlock: true},
			"IdleTimeout":      {IdleTimeout: time.Second},
			"TLS":              {TLS: requests.TLS{SkipVerify: true}},
			"ProxyHeader":      {ProxyHeader: http.Header{}},
			"DisableHTTP2":     {DisableHTTP2: true},
			"UnencryptedHTTP2": {UnencryptedHTTP2: true},
			"Hosts":            {Hosts: map[string]string{"a.test": "127.0.0.1"}},
			"Allow":            {Allow: func(netip.AddrPort) error { return nil }},
			"TrustProxy":       {TrustProxy: true},
		} {
			a.Transport = rt
			s := requests.NewSession()
			s.Mount("http://", a)
			_, err := s.Get(t.Context(), "http://a.test/")
			require.ErrorIs(t, err, requests.ErrInvalidOption, name)
			require.ErrorContains(t, err, "HTTPAdapter."+name)
		}
	})
	t.Run("Retry and its budget", func(t *testing.T) {
		tries := 0
		a := &requests.HTTPAdapter{
			Retry: requests.Retry{Total: 20, StatusCodes: []int{503}}, RetryBudget: 0.1,
			Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) { tries++; return rt(r) }),
		}
		s := requests.NewSession()
		s.Mount("http://", a)
		_, err := s.Get(t.Context(), "http://a.test/")
		require.ErrorIs(t, err, requests.ErrRetriesExhausted)
		require.Equal(t, 11, tries)
	})
	t.Run("GetBody and the context", func(t *testing.T) {
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "value")
		s := requests.NewSession()
		s.Mount("http://", requests.RoundTripper(roundTripFunc(func(r *http.Request) (*http.Response, error) {
			require.Equal(t, "value", r.Context().Value(key{}))
			body, err := r.GetBody()
			require.NoError(t, err)
			b, _ := io.ReadAll(body)
			require.Equal(t, "body", string(b))
			r.URL.Path = "/changed"
			return rt(r)
		})))
		p, err := s.Prepare(ctx, requests.NewRequest("POST", "http://a.test/path", requests.Text("body")))
		require.NoError(t, err)
		_, err = s.Send(ctx, p)
		require.NoError(t, err)
		require.Equal(t, "/path", p.URL.Path)
	})
	t.Run("nil", func(t *testing.T) {
		for _, a := range []requests.Adapter{
			requests.RoundTripper(nil), requests.RoundTripper((*http.Transport)(nil)), &requests.HTTPAdapter{Transport: (*http.Transport)(nil)},
		} {
			s := requests.NewSession()
			s.Mount("http://", a)
			_, err := s.Get(t.Context(), "http://a.test/")
			require.ErrorIs(t, err, requests.ErrInvalidOption)
			require.NoError(t, s.Close())
		}
	})
	t.Run("with Wrap", func(t *testing.T) {
		s := wrapped(t, &requests.HTTPAdapter{Transport: rt}, addsField)
		r, err := s.Get(t.Context(), (&url.URL{Scheme: "http", Host: "a.test"}).String())
		require.NoError(t, err)
		require.Equal(t, 503, r.StatusCode)
	})
}

// TestWrapHedges has middleware send the request twice at once, and take the first
// answer. The race detector looks whether the two share what Trace measures.
func TestWrapHedges(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	var sent sync.WaitGroup
	defer sent.Wait()
	type answer struct {
		res *http.Response
		err error
	}
	s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		answers := make(chan answer, 2)
		for range 2 {
			sent.Go(func() {
				res, err := next.RoundTrip(r.Clone(r.Context()))
				answers <- answer{res, err}
			})
		}
		first := <-answers
		sent.Go(func() {
			if second := <-answers; second.err == nil {
				second.res.Body.Close()
			}
		})
		return first.res, first.err
	}, requests.Trace(true))
	for range 3 {
		r, err := s.Get(t.Context(), srv.URL)
		require.NoError(t, err)
		require.NotZero(t, r.Timings().FirstByte)
		require.NotZero(t, r.Timings().Total)
	}
}

// TestWrapAnswersTimed is about a response that never was on a wire: it took time all
// the same.
func TestWrapAnswersTimed(t *testing.T) {
	s := wrapped(t, &requests.HTTPAdapter{}, func(http.RoundTripper, *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}, nil
	}, requests.Trace(true))
	r, err := s.Get(t.Context(), "http://a.test/")
	require.NoError(t, err)
	require.NotZero(t, r.Timings().Total)
}

// TestWrapLosesLater has middleware keep the context for its own request and lose it for
// that of the call, which must not pass by the proxy then.
func TestWrapLosesLater(t *testing.T) {
	direct := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s came without the proxy", r.URL) }))
	defer direct.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "token") }))
	defer proxy.Close()
	s := wrapped(t, &requests.HTTPAdapter{}, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		token := r.Clone(r.Context())
		token.URL.Path = "/token"
		res, err := next.RoundTrip(token)
		if err != nil {
			return nil, err
		}
		res.Body.Close()
		return next.RoundTrip(r.Clone(context.Background()))
	}, requests.Proxies{"all": proxy.URL})
	_, err := s.Get(t.Context(), direct.URL)
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

// TestWrapEndedUpload has the context of a call end while its body is waited for.
func TestWrapEndedUpload(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	s := wrapped(t, &requests.HTTPAdapter{}, pass)
	for range 3 {
		body, w := io.Pipe()
		_, err := s.Post(t.Context(), srv.URL, requests.Reader(body), requests.Timeout{Total: 20 * time.Millisecond})
		w.Close()
		require.ErrorIs(t, err, requests.ErrTotalTimeout)
	}
}
