// Package server gives the examples something to talk to: a go-httpbin, which
// answers with what it was asked.
package server

import (
	"fmt"
	"net"
	"net/http"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// Start starts a go-httpbin on a free port of this machine and returns its URL.
// The caller stops it.
func Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the server: %w", err)
	}
	s := &http.Server{Handler: httpbin.New()}
	go s.Serve(l) // it ends with an error in any case, and then by stop
	return "http://" + l.Addr().String(), func() { s.Close() }, nil
}
