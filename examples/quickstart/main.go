// Quickstart shows the library in ten steps. It runs a server of its own on this
// machine:
//
//	go run ./quickstart
//
// With -url it talks to another go-httpbin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/server"
)

func main() {
	url := flag.String("url", "", "URL of a go-httpbin to talk to (default: one of its own)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *url); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string) error {
	if url == "" {
		own, stop, err := server.Start()
		if err != nil {
			return err
		}
		defer stop()
		url = own
	}
	fmt.Println("Talking to a go-httpbin at", url)
	for i, step := range steps {
		fmt.Printf("\n%d. %s\n", i+1, step.title)
		if err := step.run(ctx, strings.TrimSuffix(url, "/")); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}

var steps = []struct {
	title string
	run   func(ctx context.Context, url string) error
}{
	{"Get, with parameters", get},
	{"Decode JSON, in one line", decode},
	{"Post JSON", postJSON},
	{"Post a form", postForm},
	{"Basic authentication", authenticate},
	{"Make an error of a bad status", raise},
	{"Catch a timeout", timeout},
	{"A session with defaults and cookies", session},
	{"Follow redirects", redirects},
	{"Read lines while they arrive", lines},
}

// echo is how the server describes a request.
type echo struct {
	Method  string
	Args    map[string][]string
	Form    map[string][]string
	Headers http.Header
	Data    string
}

func get(ctx context.Context, url string) error {
	r, err := requests.Get(ctx, url+"/get", requests.Params{"q": "go", "page": 2, "tag": []string{"a", "b"}})
	if err != nil {
		return err
	}
	show("sent", r.URL.RawQuery)
	show("status", r.StatusCode, r.Reason)
	show("type", r.Header.Get("content-type"))
	show("body", len(r.Text()), "characters, starting with", fmt.Sprintf("%.10q", r.Text()))
	return nil
}

func decode(ctx context.Context, url string) error {
	type Show struct {
		Slideshow struct {
			Title  string
			Author string
		}
	}
	v, err := requests.As[Show](requests.Get(ctx, url+"/json"))
	if err != nil {
		return err
	}
	show("title", v.Slideshow.Title)
	show("author", v.Slideshow.Author)
	return nil
}

func postJSON(ctx context.Context, url string) error {
	order := map[string]any{"item": "tea", "grams": 250, "gift": true}
	v, err := requests.As[echo](requests.Post(ctx, url+"/post", requests.JSON(order)))
	if err != nil {
		return err
	}
	show("type", v.Headers.Get("Content-Type"))
	show("body", v.Data)
	return nil
}

func postForm(ctx context.Context, url string) error {
	v, err := requests.As[echo](requests.Post(ctx, url+"/post", requests.Form{"name": "Ann", "likes": []string{"tea", "go"}}))
	if err != nil {
		return err
	}
	show("type", v.Headers.Get("Content-Type"))
	show("form", v.Form)
	return nil
}

func authenticate(ctx context.Context, url string) error {
	for _, password := range []string{"secret", "guess"} {
		r, err := requests.Get(ctx, url+"/basic-auth/ann/secret", requests.BasicAuth("ann", password))
		if err != nil {
			return err
		}
		show(password, r.StatusCode, r.Reason)
	}
	return nil
}

func raise(ctx context.Context, url string) error {
	r, err := requests.Get(ctx, url+"/status/404")
	if err != nil {
		return err
	}
	show("status", r.StatusCode, "- no error by itself")

	_, err = requests.Get(ctx, url+"/status/404", requests.RaiseForStatus(true))
	e, ok := errors.AsType[*requests.HTTPError](err)
	if !ok {
		return fmt.Errorf("want an HTTPError, got %v", err)
	}
	show("error", e)
	return nil
}

func timeout(ctx context.Context, url string) error {
	_, err := requests.Get(ctx, url+"/delay/5", requests.Timeout{Read: 100 * time.Millisecond})
	if !errors.Is(err, requests.ErrReadTimeout) {
		return fmt.Errorf("want ErrReadTimeout, got %v", err)
	}
	show("error", err)
	return nil
}

func session(ctx context.Context, url string) error {
	s := requests.NewSession(
		requests.BaseURL(url),
		requests.Headers{"X-Client": "quickstart"},
		requests.RaiseForStatus(true),
		requests.Timeout{Total: 20 * time.Second})
	defer s.Close()

	if _, err := s.Get(ctx, "/cookies/set", requests.Params{"theme": "dark"}); err != nil {
		return err
	}
	v, err := requests.As[struct{ Cookies map[string]string }](s.Get(ctx, "/cookies"))
	if err != nil {
		return err
	}
	show("cookies", v.Cookies)

	tenant := s.With(requests.Headers{"X-Tenant": 42}) // the same connections and cookies
	e, err := requests.As[echo](tenant.Get(ctx, "/headers"))
	if err != nil {
		return err
	}
	show("headers", "X-Client:", e.Headers.Get("X-Client")+",", "X-Tenant:", e.Headers.Get("X-Tenant"))
	return nil
}

func redirects(ctx context.Context, url string) error {
	r, err := requests.Get(ctx, url+"/redirect/2")
	if err != nil {
		return err
	}
	for _, h := range r.History {
		show("went by", h.StatusCode, h.URL.Path)
	}
	show("came to", r.StatusCode, r.URL.Path)
	return nil
}

func lines(ctx context.Context, url string) error {
	r, err := requests.Get(ctx, url+"/stream/3", requests.Stream(true))
	if err != nil {
		return err
	}
	defer r.Close()
	for line, err := range r.IterLines() {
		if err != nil {
			return err
		}
		show("line", fmt.Sprintf("%.60s…", line))
	}
	return r.Err()
}

func show(label string, values ...any) {
	fmt.Printf("   %-8s %s", label, fmt.Sprintln(values...))
}
