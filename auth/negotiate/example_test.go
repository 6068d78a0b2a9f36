package negotiate_test

import (
	"context"
	"fmt"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/negotiate"
)

// A program of a user who has run kinit.
func Example() {
	login, err := negotiate.FromCache("", "") // where kinit has left its tickets
	if err != nil {
		fmt.Println("run kinit first")
		return
	}
	defer login.Close()
	s := requests.NewSession(negotiate.New(login).Auth())
	defer s.Close()
	r, err := s.Get(context.Background(), "https://intranet.example.com/")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.StatusCode)
}
