// Package server is the server that the examples talk to: a go-httpbin, which echoes
// requests, and files, pages, an API and a feed.
package server

import (
	"fmt"
	"net"
	"net/http"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// Start starts the server on a free port of this machine and returns its URL.
// The caller stops it.
func Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the server: %w", err)
	}
	s := &http.Server{Handler: Handler()}
	go s.Serve(l) // stop ends it, and its error is expected
	return "http://" + l.Addr().String(), func() { s.Close() }, nil
}

// Handler is what the server answers.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", httpbin.New())
	mux.HandleFunc("GET /archive.bin", archive)
	mux.HandleFunc("POST /upload", upload)
	mux.HandleFunc("GET /release/{name}", release)
	mux.Handle("GET /pub/", http.StripPrefix("/pub", http.FileServerFS(pub)))
	mux.HandleFunc("GET /site/{page...}", site)
	mux.HandleFunc("GET /books", books)
	mux.HandleFunc("GET /ticks", ticks)
	mux.HandleFunc("GET /quote", quote)
	mux.HandleFunc("GET /users/{user}/repos", repos)
	new(deviceFlow).register(mux)
	return mux
}
