package ntlm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/ntlm"
)

func Example() {
	intranet := newServer("Negotiate", "NTLM") // in place of one of Windows
	intranet.Start()
	defer intranet.Close()

	s := requests.NewSession(ntlm.New(`DOMAIN\kate`, "Password"))
	defer s.Close()
	r, err := s.Get(context.Background(), intranet.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output: 200 DOMAIN\kate
}
