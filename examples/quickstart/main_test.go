package main

import (
	"strings"
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestQuickstart(t *testing.T) {
	got, err := programtest.Output(t, run)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"sent     page=2&q=go&tag=a&tag=b", "author   Yours Truly", `body     {"gift":true,"grams":250,"item":"tea"}`, "guess    401 Unauthorized",
		"error    404 Client Error: Not Found for url: URL/status/404", "read timed out", "cookies  map[theme:dark]", "X-Client: quickstart, X-Tenant: 42",
		"went by  302 /redirect/2", "came to  200 /get", "10. Read lines",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it printed\n%s\nwant %q in it", got, want)
		}
	}
}
