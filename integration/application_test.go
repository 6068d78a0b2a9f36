//go:build integration && linux

package integration_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// An exchange is what the application answers with: the request as it came
// through the server in front, and what that server says of its client.
type exchange struct {
	Method string
	Target string
	Header http.Header // as sent by the client, and what proxies on the way add
	Front  front
	Size   int64
	SHA256 string
	Body   string // the first KiB
}

// A front is what the server before the application knows and the application
// cannot see. It comes in Front- fields, which HTTP does not otherwise know.
type front struct {
	Server      string
	Protocol    string // "HTTP/1.1" or "HTTP/2.0"
	Scheme      string
	Peer        string // address the client connected from; a proxy's tells which proxy
	User        string // whom it authenticated
	Certificate string // subject of the client's certificate
}

// newApplication returns what stands behind the servers:
//
//	/echo/...                  any method: the request as an [exchange]
//	/redirect/{status}?to=URL  a redirect to URL, /echo/ if there is none
//	/status/{status}           an empty answer
func newApplication() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/", echo)
	mux.HandleFunc("/redirect/{status}", func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "" {
			to = "/echo/"
		}
		w.Header().Set("Location", to)
		status(w, r)
	})
	mux.HandleFunc("/status/{status}", status)
	return mux
}

func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("status"))
	if err != nil || code < 200 || code > 599 {
		http.NotFound(w, r)
		return
	}
	w.WriteHeader(code)
}

func echo(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	var head strings.Builder
	size, err := io.CopyN(io.MultiWriter(hash, &head), r.Body, 1<<10)
	if err == nil {
		var rest int64
		rest, err = io.Copy(hash, r.Body)
		size += rest
	}
	if err != nil && err != io.EOF {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	take := func(name string) string {
		value := r.Header.Get(name)
		r.Header.Del(name)
		return value
	}
	seen := exchange{
		Method: r.Method,
		Target: r.RequestURI,
		Front: front{
			Server:      take("Front-Server"),
			Protocol:    take("Front-Protocol"),
			Scheme:      take("Front-Scheme"),
			Peer:        take("Front-Peer"),
			User:        take("Front-User"),
			Certificate: take("Front-Certificate"),
		},
		Header: r.Header,
		Size:   size,
		SHA256: hex.EncodeToString(hash.Sum(nil)),
		Body:   head.String(),
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(seen) // a client that has gone is no error of ours
}
