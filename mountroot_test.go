package requests_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestClientMountOfHost holds that a URL of net/http without a path takes the adapter
// of its host, and that a mount on the default port gets no other port the credentials.
func TestClientMountOfHost(t *testing.T) {
	noEnvironment(t)
	named := func(name string) requests.Adapter {
		return requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+" "+r.Header.Get("Authorization"))
		}))
	}
	s := requests.NewSession(requests.BearerAuth("t"))
	defer s.Close()
	s.Mount("https://", named("other"))
	s.Mount("https://a.test/", named("a.test"))
	for url, want := range map[string]string{
		"https://a.test/": "a.test Bearer t", "https://a.test": "a.test Bearer t", "https://a.test?q": "a.test Bearer t",
		"https://a.test:444/": "other ", "https://b.test": "other ",
	} {
		res, err := s.Client().Get(url)
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want, string(got), url)
	}
}
