package requests_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
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

var uuid4 = regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`)

// keySeen makes a session that notes the keys that the answers got, one after the other.
func keySeen(status []int, location string, opts ...requests.Option) (*requests.Session, *[]string) {
	s, got := requests.NewSession(append(opts, requests.TrustEnv(false))...), new([]string)
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = append(*got, r.Header.Get("Idempotency-Key"))
		if n := len(*got); n <= len(status) {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status[n-1])
		}
	})))
	return s, got
}

func TestIdempotencyKey(t *testing.T) {
	key, retry := requests.IdempotencyKey(true), requests.Retry{Total: 2, StatusCodes: []int{503}}
	t.Run("the same in each retry, and new for each call", func(t *testing.T) {
		s, got := keySeen([]int{503, 503}, "", retry)
		for range 2 {
			r, err := s.Post(t.Context(), "http://a.test/", requests.Text("x"), key)
			require.NoError(t, err)
			require.Equal(t, 200, r.StatusCode)
		}
		require.Len(t, *got, 4)
		require.Regexp(t, uuid4, (*got)[0])
		require.Equal(t, []string{(*got)[0], (*got)[0]}, (*got)[1:3])
		require.NotEqual(t, (*got)[0], (*got)[3])
	})
	t.Run("no retry of a POST without", func(t *testing.T) {
		s, got := keySeen([]int{503}, "", retry)
		r, err := s.Post(t.Context(), "http://a.test/", requests.Text("x"))
		require.NoError(t, err)
		require.Equal(t, 503, r.StatusCode)
		require.Equal(t, []string{""}, *got)
	})
	t.Run("methods", func(t *testing.T) {
		s, got := keySeen(nil, "", key)
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "POST", "PATCH", "PUT", "DELETE", "MKCOL"} {
			_, err := s.Do(t.Context(), method, "http://a.test/")
			require.NoError(t, err)
		}
		require.Equal(t, []string{"", "", "", ""}, (*got)[:4])
		for _, k := range (*got)[4:] {
			require.Regexp(t, uuid4, k)
		}
		slices.Sort(*got)
		require.Len(t, slices.Compact((*got)[3:]), 6)
	})
	t.Run("by hand", func(t *testing.T) {
		s, got := keySeen(nil, "", key)
		_, err := s.Post(t.Context(), "http://a.test/", requests.Headers{"idempotency-key": "mine"})
		require.NoError(t, err)
		_, err = s.Post(t.Context(), "http://a.test/", requests.IdempotencyKey(false))
		require.NoError(t, err)
		require.Equal(t, []string{"mine", ""}, *got)
	})
	for _, tt := range []struct {
		name, location string
		status         int
		keeps          bool
	}{
		{"307 within the origin", "/b", 307, true},
		{"308 to another origin", "http://b.test/", 308, false},
		{"303", "/b", 303, false},
		{"302 of a POST", "/b", 302, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, got := keySeen([]int{tt.status}, tt.location, key)
			_, err := s.Post(t.Context(), "http://a.test/", requests.Text("x"))
			require.NoError(t, err)
			require.Len(t, *got, 2)
			require.Equal(t, tt.keeps, (*got)[0] == (*got)[1])
			if !tt.keeps {
				require.Empty(t, (*got)[1])
			}
		})
	}
	t.Run("prepared", func(t *testing.T) {
		s, got := keySeen(nil, "")
		p, err := s.Prepare(t.Context(), requests.NewRequest("POST", "http://a.test/", key))
		require.NoError(t, err)
		for range 2 {
			_, err = s.Send(t.Context(), p)
			require.NoError(t, err)
		}
		require.Regexp(t, uuid4, (*got)[0])
		require.Equal(t, (*got)[0], (*got)[1])
	})
}

// An API that answers with nothing is told apart from one that answers with junk.
func TestEmptyJSON(t *testing.T) {
	s := requests.NewSession(requests.TrustEnv(false))
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/204" {
			w.WriteHeader(204)
		}
	})))
	decoder := requests.JSONDecoder(func([]byte, any) error { t.Error("the decoder was asked"); return nil })
	for _, path := range []string{"/204", "/empty"} {
		for _, opts := range [][]requests.Option{nil, {decoder}, {requests.Stream(true)}} {
			_, err := requests.As[map[string]any](s.Get(t.Context(), "http://a.test"+path, opts...))
			require.ErrorIs(t, err, requests.ErrInvalidJSON)
			require.ErrorIs(t, err, io.EOF)
			require.EqualError(t, err, "requests: read http://a.test"+path+": invalid JSON: the body is empty")
		}
	}
	_, err := requests.As[any](requests.NewResponse(200, nil, nil), nil)
	require.ErrorIs(t, err, io.EOF)
}

func TestHTTPErrorJSON(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(422)
		io.WriteString(w, `{"message": "no such owner"}`)
	}))
	defer server.Close()
	_, direct := requests.As[any](requests.Get(t.Context(), server.URL))
	_, streamed := requests.As[any](requests.Get(t.Context(), server.URL, requests.Stream(true)))
	_, raised := requests.Get(t.Context(), server.URL, requests.RaiseForStatus(true))
	_, retried := requests.Get(t.Context(), server.URL, requests.RaiseForStatus(true), requests.Retry{Total: 1, StatusCodes: []int{422}})
	for _, err := range []error{direct, streamed, raised, retried} {
		e, ok := errors.AsType[*requests.HTTPError](err)
		require.True(t, ok, "%v", err)
		var problem struct{ Message string }
		require.NoError(t, e.JSON(&problem))
		require.Equal(t, "no such owner", problem.Message)
	}
	require.ErrorIs(t, retried, requests.ErrRetriesExhausted)
	require.ErrorIs(t, (&requests.HTTPError{}).JSON(new(any)), requests.ErrInvalidOption)
}
