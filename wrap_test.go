package requests_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

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
