package requests_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

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
