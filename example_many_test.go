package requests_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-requests/requests"
)

// Twenty pages, four at a time. An error is that of its own request.
func ExampleMany() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "page ", r.URL.Path[1:])
	}))
	defer server.Close()

	urls := requests.URLs(server.URL+"/1", server.URL+"/2", server.URL+"/3")
	for r := range requests.Many(context.Background(), urls, requests.RaiseForStatus(true), requests.Concurrency{Limit: 4, InOrder: true}) {
		if r.Err != nil {
			fmt.Println("request", r.Index, "failed")
			continue
		}
		fmt.Println(r.Response.Text())
	}
	// Output:
	// page 1
	// request 1 failed
	// page 3
}

// Files with their checksums, and no more than two requests for each host.
func ExampleSession_Many() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the file ", r.URL.Path) }))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	s := requests.NewSession(requests.BaseURL(server.URL))
	defer s.Close()
	files := slices.Values([]*requests.Request{
		requests.NewRequest("GET", "/a", requests.SaveTo(filepath.Join(dir, "a")),
			requests.Checksum{"sha256": "b1b1909909b5464931e0a539fb2f7bd8ba48e1278d9144c5d750364da2a4eadb"}),
		requests.NewRequest("GET", "/b", requests.SaveTo(filepath.Join(dir, "b"))),
	})
	for r := range s.Many(context.Background(), files, requests.Concurrency{PerHost: 2, InOrder: true}) {
		fmt.Println(r.Request.URL, r.Size, r.Err)
	}
	// Output:
	// /a 11 <nil>
	// /b 11 <nil>
}
