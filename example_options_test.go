package requests_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-requests/requests"
)

// A value is one segment of the path, whatever is in it.
func ExamplePathParams() {
	s := requests.NewSession(requests.BaseURL("mock://api/v1/"))
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.EscapedPath())
	})))
	defer s.Close()

	r, err := s.Get(context.Background(), "repos/{owner}/{repo}/contents/{+path}",
		requests.PathParams{"owner": "go-requests", "repo": "a/b", "path": "docs/read me.md"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())

	_, err = s.Get(context.Background(), "users/{id}", requests.PathParams{"id": "../admin"})
	fmt.Println(errors.Is(err, requests.ErrInvalidURL))
	// Output:
	// /v1/repos/go-requests/a%2Fb/contents/docs/read%20me.md
	// true
}
