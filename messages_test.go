package requests_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestMessages: what newcomers get wrong is refused before anything is sent, in words
// that say what to do.
func TestMessages(t *testing.T) {
	noEnvironment(t)
	get := func(url string, opts ...requests.Option) func(t *testing.T) error {
		return func(t *testing.T) error {
			s := requests.NewSession()
			s.Mount("http://", requests.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })))
			_, err := s.Get(t.Context(), url, opts...)
			return err
		}
	}
	session := func(opts ...requests.Option) func(t *testing.T) error {
		return func(t *testing.T) error {
			_, err := requests.NewSession(opts...).Get(t.Context(), "http://a.test/")
			return err
		}
	}
	adapter := func(a *requests.HTTPAdapter) func(t *testing.T) error {
		return func(t *testing.T) error {
			s := requests.NewSession()
			s.Mount("http://", a)
			_, err := s.Get(t.Context(), "http://127.0.0.1:1/")
			return err
		}
	}
	many := func(opts ...requests.Option) func(t *testing.T) error {
		return func(t *testing.T) error {
			for r := range requests.Many(t.Context(), requests.URLs("http://127.0.0.1:1/"), opts...) {
				return r.Err
			}
			return nil
		}
	}
	const invalid = "invalid option: "
	for name, tt := range map[string]struct {
		do   func(t *testing.T) error
		kind error
		want string // of the cause
	}{
		"SkipVerify and CABundle": {get("http://a.test/", requests.TLS{SkipVerify: true, CABundle: "ca.pem"}), requests.ErrInvalidOption,
			invalid + "TLS has both SkipVerify and CABundle: whom to trust, and to trust everybody"},
		"a KeyFile alone": {get("http://a.test/", requests.TLS{KeyFile: "key.pem"}), requests.ErrInvalidOption, invalid + "TLS has a KeyFile and no CertFile"},

		"Concurrency of a session": {session(requests.Concurrency{Limit: 2}), requests.ErrInvalidOption, invalid + "requests.Concurrency is an option of Many"},
		"SaveTo of a call":         {get("http://a.test/", requests.SaveTo("f")), requests.ErrInvalidOption, invalid + "requests.SaveTo is an option of Many"},
		"Checksum of a session": {session(requests.Checksum{}), requests.ErrInvalidOption,
			invalid + "requests.Checksum is an option of Download and SaveFile, and of Many with SaveTo"},
		"Overwrite of Many without SaveTo": {many(requests.Overwrite(true)), requests.ErrInvalidOption,
			invalid + "requests.Overwrite is an option of Download and SaveFile, and of Many with SaveTo"},
		"Parallel of a call":  {get("http://a.test/", requests.Parallel(2)), requests.ErrInvalidOption, invalid + "requests.Parallel is an option of Download, and of Many with SaveTo"},
		"Method of a call":    {get("http://a.test/", requests.Method("POST")), requests.ErrInvalidOption, invalid + "requests.Method is an option of Session.Events"},
		"a negative Limit":    {many(requests.Concurrency{Limit: -1}), requests.ErrInvalidOption, invalid + "Concurrency.Limit or Concurrency.PerHost is negative"},
		"PoolMaxSize":         {adapter(&requests.HTTPAdapter{PoolMaxSize: -1}), requests.ErrInvalidOption, invalid + "HTTPAdapter.PoolMaxSize is negative"},
		"PoolConnections":     {adapter(&requests.HTTPAdapter{PoolConnections: -1}), requests.ErrInvalidOption, invalid + "HTTPAdapter.PoolConnections is negative"},
		"RetryBudget":         {adapter(&requests.HTTPAdapter{RetryBudget: -2}), requests.ErrInvalidOption, invalid + "HTTPAdapter.RetryBudget is negative"},
		"RetryBudget, a NaN":  {adapter(&requests.HTTPAdapter{RetryBudget: math.NaN()}), requests.ErrInvalidOption, invalid + "HTTPAdapter.RetryBudget is negative"},
		"a Retry of adapters": {adapter(&requests.HTTPAdapter{Retry: requests.Retry{Total: 1, Jitter: -1}}), requests.ErrInvalidOption, invalid + "Retry.Jitter is negative"},
		"Bearer twice":        {get("http://a.test/", requests.BearerAuth("Bearer x")), requests.ErrInvalidOption, invalid + `a bearer token is given without "Bearer "`},
		"a host for a scheme": {get("//evil.test/x"), requests.ErrMissingScheme, "missing scheme: perhaps https: belongs before it"},
		"a host below a base": {get("//evil.test/x", requests.BaseURL("http://a.test/")), requests.ErrInvalidURL, `invalid URL: "//" begins a host, and what is relative to the base URL has none`},
		"a base URL":          {get("orders", requests.BaseURL("foo")), requests.ErrMissingScheme, "the base URL: missing scheme: perhaps https:// belongs before it"},
		"a prefix of Mount": {func(t *testing.T) error {
			s := requests.NewSession()
			s.Mount("a.test", requests.Handler(nil))
			_, err := s.Get(t.Context(), "http://a.test/")
			return err
		}, requests.ErrInvalidOption, invalid + `Mount("a.test"): the prefix does not begin with a scheme and "://"`},
		"SaveFile": {func(*testing.T) error {
			_, err := requests.NewResponse(200, nil, nil).SaveFile("")
			return err
		}, requests.ErrInvalidOption, invalid + "the path of the file is empty"},
		"Download": {func(t *testing.T) error {
			_, err := requests.Download(t.Context(), "http://127.0.0.1:1/", "")
			return err
		}, requests.ErrInvalidOption, invalid + "the path of the file is empty"},
		"a closed session": {func(t *testing.T) error {
			s := requests.NewSession()
			s.Close()
			_, err := s.Get(t.Context(), "http://a.test/")
			return err
		}, requests.ErrClosed, "closed: the session"},
		"a closed adapter": {func(t *testing.T) error {
			a := new(requests.HTTPAdapter)
			a.Close()
			return adapter(a)(t)
		}, requests.ErrClosed, "closed: the adapter"},
		"a closed response": {func(t *testing.T) error {
			r := requests.NewResponse(200, nil, http.NoBody)
			r.Close()
			return r.Load()
		}, requests.ErrClosed, "closed: the response"},
		"Many(nil)": {func(t *testing.T) error {
			for r := range requests.Many(t.Context(), nil) {
				return r.Err
			}
			return nil
		}, requests.ErrInvalidOption, invalid + "Many(nil)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.do(t)
			require.ErrorIs(t, err, tt.kind)
			require.EqualError(t, errors.Unwrap(err), tt.want)
		})
	}
}

// TestCloseOfNothing: a defer before the look at the error does no harm.
func TestCloseOfNothing(t *testing.T) {
	r, err := requests.Get(t.Context(), "gopher://a.test/")
	func() { defer r.Close() }()
	require.Error(t, err)
	require.NoError(t, r.Close())
}

// TestMaxBodyMessage names the limit.
func TestMaxBodyMessage(t *testing.T) {
	s := requests.NewSession(requests.TrustEnv(false))
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })))
	_, err := s.Get(t.Context(), "http://a.test/", requests.MaxBody(3))
	require.ErrorIs(t, err, requests.ErrBodyTooLarge)
	require.ErrorContains(t, err, "it has more than 3 bytes, which is MaxBody")
}

// TestVariablesAreNamed: an error that an environment variable has caused names it.
func TestVariablesAreNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "ca.pem")
	for name, tt := range map[string]struct {
		url, value string
		kind       error
	}{
		"https_proxy":        {"https://a.test/", "ssh://u:s3cret@p.test", requests.ErrInvalidProxy},
		"HTTPS_PROXY":        {"https://a.test/", "ssh://u:s3cret@p.test", requests.ErrInvalidProxy},
		"http_proxy":         {"http://a.test/", "http://p.test/path", requests.ErrInvalidProxy},
		"all_proxy":          {"http://a.test/", "socks9://p.test", requests.ErrInvalidProxy},
		"ALL_PROXY":          {"https://a.test/", "http://p.test:99999", requests.ErrInvalidProxy},
		"REQUESTS_CA_BUNDLE": {"https://127.0.0.1:1/", missing, requests.ErrInvalidOption},
		"CURL_CA_BUNDLE":     {"https://127.0.0.1:1/", missing, requests.ErrInvalidOption},
	} {
		t.Run(name, func(t *testing.T) {
			noEnvironment(t)
			t.Setenv(name, tt.value)
			s := requests.NewSession()
			defer s.Close()
			_, err := s.Get(t.Context(), tt.url)
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, "the environment variable "+name+": ")
			require.NotContains(t, err.Error(), "s3cret")
			require.NotContains(t, err.Error(), "TLS.CABundle")

			_, err = s.Get(t.Context(), tt.url, requests.Proxies{"all": tt.value}, requests.TLS{CABundle: missing})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "environment")
		})
	}
}

// TestManySavesEachToItsOwn: two requests that would write one file are told so.
func TestManySavesEachToItsOwn(t *testing.T) {
	noEnvironment(t)
	both := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-both:
		case <-r.Context().Done():
		}
		io.WriteString(w, "x")
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "f")
	to := func(path string) *requests.Request {
		return requests.NewRequest("GET", server.URL, requests.SaveTo(path))
	}
	failed := 0
	for r := range requests.Many(t.Context(), func(yield func(*requests.Request) bool) { _ = yield(to(path)) && yield(to(filepath.Dir(path)+"/./f")) }) {
		if r.Err != nil {
			require.ErrorIs(t, r.Err, requests.ErrInvalidOption)
			require.Equal(t, 1, r.Index)
			failed++
			close(both)
		}
	}
	require.Equal(t, 1, failed)

	failed = 0
	for r := range requests.Many(t.Context(), requests.URLs(server.URL, server.URL, server.URL), requests.SaveTo(path), requests.Concurrency{Limit: 1}) {
		if r.Err != nil {
			require.ErrorContains(t, r.Err, "one file for all requests")
			failed++
		}
	}
	require.Equal(t, 2, failed)
}
