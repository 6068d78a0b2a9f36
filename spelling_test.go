package requests_test

import (
	"net/http"
	"testing"

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
