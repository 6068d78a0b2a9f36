package oauth2_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/auth/oauth2"
)

// A service that authenticates as itself: one token serves all calls until it
// expires, and is then renewed.
func ExampleClient_ClientCredentials() {
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}`)
	})
	mux.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	client := &oauth2.Client{
		ID: "my-service", Secret: "secret", Scopes: []string{"orders:read"},
		Endpoint: oauth2.Endpoint{TokenURL: server.URL + "/token"},
		Origins:  []string{server.URL},
	}
	s := requests.NewSession(requests.BaseURL(server.URL), client.ClientCredentials().Auth())
	defer s.Close()
	for range 2 {
		r, err := s.Get(context.Background(), "/orders")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Text())
	}
	// Output:
	// Bearer t0k3n
	// Bearer t0k3n
}

// A desktop program: the browser opens, the user agrees, and the token is kept for
// the next run.
func ExampleClient_Login() {
	login := func(ctx context.Context) (*oauth2.Source, error) {
		endpoint, err := oauth2.Discover(ctx, nil, "https://login.example.com")
		if err != nil {
			return nil, err
		}
		client := &oauth2.Client{ID: "my-program", Endpoint: endpoint, Store: oauth2.FileStore("token.json")}
		source := client.Resume(nil)
		if _, err := source.Token(ctx); err == nil {
			return source, nil
		}
		return client.Login(ctx, func(url string) error {
			fmt.Println("Open in your browser:", url)
			return nil
		})
	}
	_ = login
}
