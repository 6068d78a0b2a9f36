package requests_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestFrom: the maps of net/url and net/http serve as the library's.
func TestFrom(t *testing.T) {
	s := requests.NewSession(requests.TrustEnv(false), requests.Params{"gone": 1})
	var got *http.Request
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		got = r
	})))
	values := url.Values{"b": {"2", "3"}, "a": {"1"}, "gone": {}}
	_, err := s.Post(t.Context(), "http://a.test/?x=0", requests.From[requests.Params](values),
		requests.From[requests.Form](values), requests.From[requests.Headers](http.Header{"X-A": {"1", "2"}, "Accept": {}}))
	require.NoError(t, err)
	require.Equal(t, "x=0&a=1&b=2&b=3", got.URL.RawQuery)
	require.Equal(t, url.Values{"b": {"2", "3"}, "a": {"1"}}, got.PostForm)
	require.Equal(t, []string{"1", "2"}, got.Header["X-A"])
	require.NotContains(t, got.Header, "Accept")

	require.Nil(t, requests.From[requests.Form](url.Values(nil)))
	require.Equal(t, requests.Form{}, requests.From[requests.Form](map[string][]string{}))
}

// TestTimeoutOfOneNumber: a Total that is longer than the default of Read counts for it, too.
func TestTimeoutOfOneNumber(t *testing.T) {
	for _, tt := range []struct {
		name          string
		session, call requests.Timeout
		silent, after time.Duration
		err           error
	}{
		{name: "a minute", call: requests.Timeout{Total: time.Minute}, silent: 50 * time.Second, after: 50 * time.Second},
		{name: "a minute is over", call: requests.Timeout{Total: time.Minute}, silent: time.Hour, after: time.Minute, err: requests.ErrTotalTimeout},
		{name: "of the session", session: requests.Timeout{Total: time.Minute}, silent: 50 * time.Second, after: 50 * time.Second},
		{name: "less than Read", call: requests.Timeout{Total: time.Second}, silent: time.Hour, after: time.Second, err: requests.ErrTotalTimeout},
		{name: "Read stays", call: requests.Timeout{Read: 5 * time.Second, Total: time.Minute}, silent: time.Hour, after: 5 * time.Second, err: requests.ErrReadTimeout},
		{name: "Read of the session stays", session: requests.Timeout{Read: 5 * time.Second}, call: requests.Timeout{Total: time.Minute}, silent: time.Hour, after: 5 * time.Second, err: requests.ErrReadTimeout},
		{name: "no number", silent: time.Hour, after: 30 * time.Second, err: requests.ErrReadTimeout},
		{name: "as in Requests", call: requests.Timeout{Connect: 5 * time.Second, Read: 5 * time.Second}, silent: time.Hour, after: 5 * time.Second, err: requests.ErrReadTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := requests.NewSession(requests.TrustEnv(false), tt.session)
				s.Mount("http://", requests.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(tt.silent):
					case <-r.Context().Done():
					}
				})))
				start := time.Now()
				_, err := s.Get(t.Context(), "http://a.test/", tt.call)
				require.Equal(t, tt.after, time.Since(start))
				if tt.err == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tt.err)
				}
			})
		})
	}
}

// TestCloseIdleConnections: the next call dials anew.
func TestCloseIdleConnections(t *testing.T) {
	noEnvironment(t)
	dials := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Start()
	defer server.Close()
	a := new(requests.HTTPAdapter)
	s := requests.NewSession()
	defer s.Close()
	s.Mount("http://", a)
	s.CloseIdleConnections() // of which there are none
	for range 2 {
		for range 2 {
			_, err := s.Get(t.Context(), server.URL)
			require.NoError(t, err)
		}
		require.Equal(t, 1, a.Stats().Idle)
		s.With().CloseIdleConnections()
		require.Zero(t, a.Stats().Open)
		dials++
	}
	require.EqualValues(t, dials, a.Stats().Dialed)

	new(requests.Session).CloseIdleConnections()
	_, err := requests.Get(t.Context(), server.URL)
	require.NoError(t, err)
	requests.CloseIdleConnections()
	require.False(t, errors.Is(err, requests.ErrClosed))
	_, err = requests.Get(t.Context(), server.URL)
	require.NoError(t, err)
}
