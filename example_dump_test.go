package requests_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-requests/requests"
)

// See what goes over the wire, without the secrets.
func ExampleDump() {
	s := requests.NewSession(
		requests.Dump{To: os.Stdout},
		requests.Headers{"User-Agent": "example/1.0", "Accept-Encoding": nil})
	s.Mount("https://api.example.com/", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header()["Date"] = nil
		io.WriteString(w, `{"id": 7, "token": "s3cr3t"}`)
	})))
	_, err := s.Post(context.Background(), "https://api.example.com/orders",
		requests.BearerAuth("s3cr3t"),
		requests.JSON(map[string]any{"item": "tea", "password": "s3cr3t"}))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// #1 > POST /orders HTTP/1.1
	// #1 > Host: api.example.com
	// #1 > User-Agent: example/1.0
	// #1 > Content-Length: 34
	// #1 > Accept: */*
	// #1 > Authorization: ***
	// #1 > Content-Type: application/json
	// #1 >
	// #1 > {"item":"tea","password":"***"}
	// #1 < HTTP/1.1 200 OK
	// #1 < Content-Length: 28
	// #1 < Content-Type: application/json
	// #1 <
	// #1 < {"id": 7, "token": "***"}
}

// Log the calls of a session.
func ExampleLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug, // or none of them is wanted
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "elapsed" { // which differ each time
				return slog.Attr{}
			}
			return a
		},
	}))
	s := requests.NewSession(requests.Logger{To: logger})
	s.Mount("https://api.example.com/", requests.Handler(http.RedirectHandler("/new", http.StatusFound)))
	s.Get(context.Background(), "https://api.example.com/old?token=s3cr3t", requests.MaxRedirects(1))
	// Output:
	// level=DEBUG msg=request method=GET url="https://api.example.com/old?token=***" status=302
	// level=DEBUG msg=redirect status=302 url="https://api.example.com/old?token=***" method=GET to=https://api.example.com/new
	// level=DEBUG msg=request method=GET url=https://api.example.com/new status=302
}
