package ntlm_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/ntlm"
)

// The user logs in at a server of Windows: here one that lets everybody in who
// goes the three legs.
func Example() {
	const challenge = "TlRMTVNTUAACAAAADAAMADAAAAABAogAOCBieXRlcy4AAAAAAAAAABQAFAA8AAAARABPAE0AQQBJAE4AAgAMAEQATwBNAEEASQBOAAAAAAA="
	intranet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch login := r.Header.Get("Authorization"); {
		case login == "":
			w.Header().Set("WWW-Authenticate", "NTLM")
		case strings.HasPrefix(login, "NTLM TlRMTVNTUAAB"): // the first message
			w.Header().Set("WWW-Authenticate", "NTLM "+challenge)
		default:
			io.WriteString(w, "welcome")
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer intranet.Close()

	s := requests.NewSession(ntlm.New(`DOMAIN\kate`, "password"))
	defer s.Close()
	r, err := s.Get(context.Background(), intranet.URL)
	if err != nil {
		log.Fatal(err)
	}
	for _, leg := range r.History {
		fmt.Println(leg.StatusCode)
	}
	fmt.Println(r.StatusCode, r.Text())
	// Output:
	// 401
	// 401
	// 200 welcome
}
