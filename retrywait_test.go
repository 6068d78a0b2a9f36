package requests_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestWaitIsForRetries holds that Retry.Wait is not asked after the last attempt.
func TestWaitIsForRetries(t *testing.T) {
	noEnvironment(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer srv.Close()
	var asked []int
	_, err := requests.Get(t.Context(), srv.URL, requests.Retry{Total: 2, StatusCodes: []int{503}, Wait: func(a requests.Attempt) time.Duration {
		asked = append(asked, a.Number)
		return 0
	}})
	require.ErrorIs(t, err, requests.ErrRetriesExhausted)
	require.Equal(t, []int{1, 2}, asked)
}
