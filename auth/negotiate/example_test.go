package negotiate_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/negotiate"
)

// A program whose user has run kinit.
func Example() {
	login, err := negotiate.FromCache("", "") // where kinit stores its tickets
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

// Without a ticket, the error says what to do.
func ExampleFromCache() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	conf := filepath.Join(dir, "krb5.conf")
	if err := os.WriteFile(conf, []byte("[libdefaults]\n\tdefault_realm = EXAMPLE.COM\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	_, err = negotiate.FromCache(filepath.Join(dir, "tickets"), conf)
	fmt.Println(errors.Is(err, requests.ErrAuthentication))
	// Output: true
}
