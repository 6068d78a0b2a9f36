package requests_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestNilHooks gives nil as a hook in each way: it cannot be called, and to leave
// it out without a word would hide a mistake. OnProgress(nil) has a meaning.
func TestNilHooks(t *testing.T) {
	for name, h := range map[string]requests.Hooks{
		"OnRequest":       {Request: []requests.OnRequest{nil}},
		"OnResponse":      {Response: []requests.OnResponse{nil}},
		"OnRedirect":      {Redirect: []requests.OnRedirect{nil}},
		"OnRetry":         {Retry: []requests.OnRetry{nil}},
		"OnInformational": {Informational: []requests.OnInformational{nil}},
	} {
		alone := map[string]requests.Option{
			"OnRequest": requests.OnRequest(nil), "OnResponse": requests.OnResponse(nil), "OnRedirect": requests.OnRedirect(nil),
			"OnRetry": requests.OnRetry(nil), "OnInformational": requests.OnInformational(nil),
		}[name]
		field, _ := scripted(t, replies(ok()))
		field.Hooks = h
		literal := &requests.Session{Hooks: h}
		s, sent := scripted(t, replies(ok()))
		for way, do := range map[string]func() error{
			"call":       func() error { _, err := s.Get(t.Context(), "http://a.test/", alone); return err },
			"Hooks":      func() error { _, err := s.Get(t.Context(), "http://a.test/", h); return err },
			"NewSession": func() error { _, err := requests.NewSession(alone).Get(t.Context(), "http://a.test/"); return err },
			"With":       func() error { _, err := s.With(alone).Get(t.Context(), "http://a.test/"); return err },
			"field":      func() error { _, err := field.Get(t.Context(), "http://a.test/"); return err },
			"literal":    func() error { _, err := literal.Get(t.Context(), "http://a.test/"); return err },
			"Prepare": func() error {
				_, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/", alone))
				return err
			},
			"request": func() error {
				_, err := requests.NewRequest("GET", "http://a.test/", alone).Prepare(t.Context())
				return err
			},
		} {
			err := do()
			require.ErrorIs(t, err, requests.ErrInvalidOption, name+"/"+way)
			require.ErrorContains(t, err, name+" is nil")
		}
		require.Empty(t, sent.sent)
	}
	told := 0
	tell := requests.OnProgress(func(_, _ int64) { told++ })
	s := requests.NewSession(tell, requests.TrustEnv(false))
	defer s.Close()
	for _, opt := range []requests.Option{requests.OnProgress(nil), requests.Hooks{Progress: []requests.OnProgress{tell, nil}}} {
		_, err := s.Get(t.Context(), httpbin+"/bytes/10", opt)
		require.NoError(t, err)
		_, err = s.With(opt).Get(t.Context(), httpbin+"/bytes/10")
		require.NoError(t, err)
	}
	require.Zero(t, told)
	_, err := s.With(requests.OnProgress(nil), tell).Get(t.Context(), httpbin+"/bytes/10")
	require.NoError(t, err)
	require.NotZero(t, told)
}

// TestZeroOptions: a zero value says nothing where it is no value of its own.
func TestZeroOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []requests.Option
		body string
		kind string
	}{
		{"Body after a body", []requests.Option{requests.JSON(1), requests.Body{}}, "1", "application/json"},
		{"Body before a body", []requests.Option{requests.Body{}, requests.JSON(1)}, "1", "application/json"},
		{"Body beside a form", []requests.Option{requests.Form{"a": 1}, requests.Body{}}, "a=1", "application/x-www-form-urlencoded"},
		{"Form beside a body", []requests.Option{requests.JSON(1), requests.Form(nil)}, "1", "application/json"},
		{"Files beside a body", []requests.Option{requests.JSON(1), requests.Files{}, requests.Files(nil)}, "1", "application/json"},
		{"Body alone", []requests.Option{requests.Body{}}, "", ""},
		{"Form alone", []requests.Option{requests.Form(nil)}, "", ""},
		{"empty Form alone", []requests.Option{requests.Form{}}, "", ""},
		{"of a map", []requests.Option{requests.Params(nil), requests.Headers(nil), requests.Cookies(nil), requests.Proxies(nil), requests.Hooks{}, nil}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok()))
			_, err := s.Post(t.Context(), "http://a.test/", tt.opts...)
			require.NoError(t, err)
			require.Equal(t, tt.body, sent.sent[0].body)
			require.Equal(t, tt.kind, sent.sent[0].header.Get("Content-Type"))
		})
	}
	s, _ := scripted(t, replies(ok()))
	for _, opts := range [][]requests.Option{{requests.JSON(1), requests.JSON(2)}, {requests.JSON(1), requests.Form{}}} {
		_, err := s.Post(t.Context(), "http://a.test/", opts...)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
	}
	_, err := requests.NewSession(requests.Body{}, requests.Form(nil), requests.Files{}, requests.RawQuery("")).Adapter("http://a.test/")
	require.NoError(t, err)
}

// TestNothingToSendBy: what cannot send says so.
func TestNothingToSendBy(t *testing.T) {
	for name, a := range map[string]requests.Adapter{
		"Handler(nil)": requests.Handler(nil), "Handler of a nil": requests.Handler(http.HandlerFunc(nil)), "RoundTripper(nil)": requests.RoundTripper(nil), "nil": nil,
	} {
		s := requests.NewSession()
		s.Mount("mock://", a)
		_, err := s.Get(t.Context(), "mock://a/")
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
	}
	negative := &requests.Session{MaxBody: -1}
	_, err := negative.Get(t.Context(), "http://127.0.0.1:1/")
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = (*requests.Request)(nil).Prepare(t.Context())
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}
