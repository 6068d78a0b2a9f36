package oauth2

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Login logs a user in on the machine where the program runs: with the browser, a
// redirect to this machine (RFC 8252, section 7.3), and PKCE. open shows the URL to
// the user, or opens it in the browser; its error ends the login. Login returns
// when the user has come back, or when ctx ends.
func (c *Client) Login(ctx context.Context, open func(url string) error) (*Source, error) {
	if open == nil {
		return nil, invalid("Login(nil): nobody would see the URL")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, refused("nothing can listen on the loopback address", err)
	}
	here := *c
	here.RedirectURL = "http://" + l.Addr().String() + "/callback"
	state, verifier := rand.Text(), GenerateVerifier()
	back := &callback{state: state, code: make(chan string, 1), fault: make(chan error, 1)}
	srv := &http.Server{Handler: back, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.Serve(l)
	}()
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // for the page to be shown
		defer cancel()
		if srv.Shutdown(ending) != nil {
			srv.Close()
		}
		<-served
	}()
	target, err := here.AuthCodeURL(state, verifier)
	if err != nil {
		return nil, err
	}
	if err := open(target); err != nil {
		return nil, err
	}
	select {
	case code := <-back.code:
		return here.Exchange(ctx, code, verifier)
	case err := <-back.fault:
		return nil, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// A callback is the page that the authorization server sends the user to.
type callback struct {
	state string
	code  chan string
	fault chan error
}

// ServeHTTP accepts the first answer with the state of this login. Other requests,
// such as those of a page that guesses the port, change nothing.
func (b *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if r.Method != http.MethodGet || r.URL.Path != "/callback" || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(b.state)) != 1 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the URL has the code
	switch code := query.Get("code"); {
	case query.Get("error") != "":
		put(b.fault, error(&Error{Code: cut(query.Get("error")), Description: cut(query.Get("error_description"))}))
		io.WriteString(w, "The login has failed. You may close this window.\n")
	case code == "":
		put(b.fault, refused("the authorization response has no code", nil))
		http.Error(w, "The login has failed. You may close this window.", http.StatusBadRequest)
	default:
		put(b.code, code)
		io.WriteString(w, "You are logged in. You may close this window.\n")
	}
}

// put keeps only the first value.
func put[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}
