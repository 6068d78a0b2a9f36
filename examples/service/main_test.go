package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestService(t *testing.T) {
	const line = "connections: 8 open, "
	*long = 1200 * time.Millisecond
	got, err := programtest.Output(t, serve)
	for range 5 { // a busy machine may not have got to the line
		if err != nil || strings.HasPrefix(got, line) {
			break
		}
		got, err = programtest.Output(t, serve)
	}
	if err != nil || !strings.HasPrefix(got, line) {
		t.Errorf("it printed %q, %v", got, err)
	}
}

// TestHandler has a server in trouble behind the service.
func TestHandler(t *testing.T) {
	for status, want := range map[int]int{200: 200, 404: 502, 503: 502} {
		s := requests.NewSession(requests.BaseURL("https://example.com"), requests.RaiseForStatus(true))
		s.Mount("https://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })))
		w := httptest.NewRecorder()
		handler(s, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != want {
			t.Errorf("for %d of the other server the service answers %d; want %d", status, w.Code, want)
		}
	}
}
