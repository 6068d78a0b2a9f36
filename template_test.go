package requests_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// templated makes a session whose adapter notes the targets that it is asked for.
func templated(opts ...requests.Option) (*requests.Session, *[]string) {
	s, got := requests.NewSession(opts...), new([]string)
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { *got = append(*got, r.RequestURI) })))
	return s, got
}

func TestPathParams(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name, base, url string
		session         requests.PathParams
		call            []requests.Option
		want            string // "" for an error
		err             error
	}{
		{name: "values", url: "http://a.test/{s}/{n}/{b}/{t}/{r}", want: "/a%20b/7/true/2026-01-02T03%3A04%3A05Z/raw",
			call: []requests.Option{requests.PathParams{"s": "a b", "n": 7, "b": true, "t": at, "r": []byte("raw")}}},
		{name: "below a base", base: "http://a.test/v1", url: "repos/{owner}/{repo}", call: []requests.Option{requests.PathParams{"owner": "o", "repo": "a/b"}}, want: "/v1/repos/o/a%2Fb"},
		{name: "in the base", base: "http://a.test/{tenant}/", url: "x", call: []requests.Option{requests.PathParams{"tenant": "t"}}, want: "/t/x"},
		{name: "in both", base: "http://a.test/{tenant}/", url: "{tenant}", call: []requests.Option{requests.PathParams{"tenant": "t"}}, want: "/t/t"},
		{name: "of the session", url: "http://a.test/{v}", session: requests.PathParams{"v": 1}, want: "/1"},
		{name: "by name", url: "http://a.test/{v}/{w}", session: requests.PathParams{"v": 1, "w": 2}, call: []requests.Option{requests.PathParams{"w": 3}}, want: "/1/3"},
		{name: "a session has more than it needs", url: "http://a.test/{v}", session: requests.PathParams{"v": 1, "w": 2}, want: "/1"},
		{name: "beside Params", url: "http://a.test/{v}?a=1", call: []requests.Option{requests.PathParams{"v": "?"}, requests.Params{"b": 2}}, want: "/%3F?a=1&b=2"},
		{name: "no PathParams", url: "http://a.test/{v}", want: "/%7Bv%7D"},
		{name: "a name that is not there", url: "http://a.test/{v}", call: []requests.Option{requests.PathParams{"w": 1}}, err: requests.ErrInvalidOption},
		{name: "a name too many", url: "http://a.test/{v}", call: []requests.Option{requests.PathParams{"v": 1, "w": 1}}, err: requests.ErrInvalidOption},
		{name: "a name for the query", url: "http://a.test/?q={v}", call: []requests.Option{requests.PathParams{"v": 1}}, err: requests.ErrInvalidOption},
		{name: "a name for the host", url: "http://{v}/", call: []requests.Option{requests.PathParams{"v": "b.test"}}, err: requests.ErrInvalidOption},
		{name: "nil takes away", url: "http://a.test/{v}", session: requests.PathParams{"v": 1}, call: []requests.Option{requests.PathParams{"v": nil}}, err: requests.ErrInvalidOption},
		{name: "several values", url: "http://a.test/{v}", call: []requests.Option{requests.PathParams{"v": []int{1, 2}}}, err: requests.ErrInvalidOption},
		{name: "a value of no text", url: "http://a.test/{v}", call: []requests.Option{requests.PathParams{"v": struct{}{}}}, err: requests.ErrInvalidOption},
		{name: "no value", url: "http://a.test/{v}", call: []requests.Option{requests.PathParams{"v": ""}}, err: requests.ErrInvalidURL},
		{name: "a climb", url: "http://a.test/x/{v}", call: []requests.Option{requests.PathParams{"v": ".."}}, err: requests.ErrInvalidURL},
		{name: "a climb in several", base: "http://a.test/x/", url: "{+v}", call: []requests.Option{requests.PathParams{"v": "../y"}}, err: requests.ErrInvalidURL},
		{name: "a template that is none", url: "http://a.test/{v", session: requests.PathParams{"v": 1}, err: requests.ErrInvalidURL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, got := templated(requests.BaseURL(tt.base), tt.session)
			_, err := s.Get(t.Context(), tt.url, tt.call...)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				require.Empty(t, *got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{tt.want}, *got)
		})
	}
}

// TestPathParamsEverywhere: wherever a URL is given, it may be a template.
func TestPathParamsEverywhere(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/pages/1" {
			w.Header().Set("Link", `</{next}/2>; rel="next"`)
		}
		w.Write([]byte(r.RequestURI))
	}))
	defer server.Close()
	v := requests.PathParams{"v": "a/b"}
	text := func(r *requests.Response, err error) string {
		require.NoError(t, err)
		return r.Text()
	}
	require.Equal(t, "/a%2Fb", text(requests.Get(t.Context(), server.URL+"/{v}", v)))

	p, err := requests.NewRequest("GET", server.URL+"/{v}", v).Prepare(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/a%2Fb", p.URL.EscapedPath())
	s := requests.NewSession(requests.BaseURL(server.URL))
	defer s.Close()
	require.Equal(t, "/a%2Fb", text(s.Send(t.Context(), p)))
	_, err = s.Send(t.Context(), p, v)
	require.ErrorIs(t, err, requests.ErrInvalidOption)

	for res := range s.Many(t.Context(), requests.URLs("{v}"), v) {
		require.Equal(t, "/a%2Fb", text(res.Response, res.Err))
	}
	var pages []string
	for r, err := range s.Pages(t.Context(), "{v}/1", requests.PathParams{"v": "pages"}) {
		pages = append(pages, text(r, err))
	}
	require.Equal(t, []string{"/pages/1", "/%7Bnext%7D/2"}, pages) // what a server names is no template

	path := filepath.Join(t.TempDir(), "f")
	_, err = s.Download(t.Context(), "{v}", path, v)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "/a%2Fb", string(data))

	res, err := s.With(v).Client().Get(server.URL + "/{v}") // of another library, which knows no templates
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}

// TestPathParamsAreTheSessionsOwn: nobody changes them afterwards, and With keeps them apart.
func TestPathParamsAreTheSessionsOwn(t *testing.T) {
	given := requests.PathParams{"v": []byte("1")}
	s, got := templated(given)
	given["v"].([]byte)[0] = '2'
	given["v"] = 3
	d := s.With(requests.PathParams{"v": 4})
	for _, s := range []*requests.Session{s, d} {
		_, err := s.Get(t.Context(), "http://a.test/{v}")
		require.NoError(t, err)
	}
	require.Equal(t, []string{"/1", "/4"}, *got)
	_, err := s.Get(t.Context(), "http://a.test/{secret}")
	require.EqualError(t, errors.Unwrap(err), "invalid option: PathParams: {secret} has no value")
}
