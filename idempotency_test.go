package requests_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

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
