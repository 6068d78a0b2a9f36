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

// TestHeaderSpelling writes fields of a session in letters of one's own, as
// Requests allows: each time the same must go out.
func TestHeaderSpelling(t *testing.T) {
	const times = 50 // as maps are ranged over in any order
	for _, tt := range []struct {
		name  string
		set   func(h http.Header)
		call  requests.Headers
		field string
		want  []string // nil: the request is refused
	}{
		{name: "over a default", set: func(h http.Header) { h["user-agent"] = []string{"mine"} }, field: "User-Agent", want: []string{"mine"}},
		{name: "in place of a default", set: func(h http.Header) { h["ACCEPT"] = []string{"a", "b"} }, field: "Accept", want: []string{"a", "b"}},
		{name: "without values", set: func(h http.Header) { h["accept-encoding"] = nil }, field: "Accept-Encoding", want: []string{}},
		{name: "alone", set: func(h http.Header) { h["x-a"] = []string{"1"} }, field: "X-A", want: []string{"1"}},
		{name: "under a call", set: func(h http.Header) { h["user-agent"] = []string{"mine"} }, call: requests.Headers{"USER-AGENT": "call"}, field: "User-Agent", want: []string{"call"}},
		{name: "taken back by a call", set: func(h http.Header) { h["x-a"] = []string{"1"} }, call: requests.Headers{"X-A": nil}, field: "X-A", want: []string{}},
		{name: "the same twice", set: func(h http.Header) { h["x-a"], h["X-A"] = []string{"1"}, []string{"1"} }, field: "X-A", want: []string{"1"}},
		{name: "twice", set: func(h http.Header) { h["x-a"], h["X-A"] = []string{"1"}, []string{"2"} }},
		{name: "twice in other letters", set: func(h http.Header) { h["x-a"], h["x-A"] = []string{"1"}, []string{"2"} }},
		{name: "one of one's own twice", set: func(h http.Header) { h["user-agent"] = []string{"1"}; h.Set("User-Agent", "2") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range times {
				s, sent := scripted(t, replies(ok()))
				tt.set(s.Headers)
				for _, s := range []*requests.Session{s, s.With()} {
					_, err := s.Get(t.Context(), "http://a.test/", tt.call)
					if tt.want == nil {
						require.ErrorIs(t, err, requests.ErrInvalidHeader)
						continue
					}
					require.NoError(t, err)
				}
				for _, r := range sent.sent {
					require.ElementsMatch(t, tt.want, r.header[tt.field])
				}
			}
		})
	}
	t.Run("With over another spelling", func(t *testing.T) {
		for range times {
			s, sent := scripted(t, replies(ok()))
			s.Headers["x-a"], s.Headers["user-agent"] = []string{"1"}, []string{"mine"}
			get(t, s.With(requests.Headers{"X-A": "2", "USER-agent": nil}), "http://a.test/")
			get(t, s, "http://a.test/")
			require.Equal(t, []string{"2"}, sent.sent[0].header["X-A"])
			require.NotContains(t, sent.sent[0].header, "User-Agent")
			require.Equal(t, []string{"1"}, sent.sent[1].header["X-A"])
			require.Equal(t, []string{"mine"}, sent.sent[1].header["User-Agent"])
		}
	})
	t.Run("twice in an option", func(t *testing.T) {
		twice := requests.Headers{"X-A": 1, "x-a": 2}
		for range times {
			s, sent := scripted(t, replies(ok()), twice)
			_, err := s.Get(t.Context(), "http://a.test/")
			require.ErrorIs(t, err, requests.ErrInvalidHeader)
			_, err = requests.NewSession().With(twice).Get(t.Context(), "http://a.test/")
			require.ErrorIs(t, err, requests.ErrInvalidHeader)
			_, err = new(requests.Session).Get(t.Context(), "http://a.test/", twice)
			require.ErrorIs(t, err, requests.ErrInvalidHeader)
			require.Empty(t, sent.sent)
		}
	})
}

// TestSessionHeaderIsChecked: a field that cannot be sent is refused with the
// session's option as with the call's.
func TestSessionHeaderIsChecked(t *testing.T) {
	for name, h := range map[string]requests.Headers{"name": {"X A": 1}, "value": {"X-A": "a\nb"}, "type": {"X-A": struct{}{}}, "frame": {"Content-Length": 1}} {
		s, sent := scripted(t, replies(ok()), h)
		_, err := s.Get(t.Context(), "http://a.test/")
		require.ErrorIs(t, err, requests.ErrInvalidHeader, name)
		require.Empty(t, sent.sent)
	}
}

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
