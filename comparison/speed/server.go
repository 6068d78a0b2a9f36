//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// A document is what most calls get: about 1 KB of JSON.
type document struct {
	ID      int      `json:"id"`
	Name    string   `json:"name"`
	Tags    []string `json:"tags"`
	Comment string   `json:"comment"`
}

var (
	sample = document{7, "green tea", strings.Fields("tea green leaf japan spring"), strings.Repeat("It is made of leaves. ", 40)}
	// fields and params are what the second scenario sends.
	params = map[string]string{"page": "2", "limit": "50", "sort": "name", "open": "true", "q": "green tea"}
	fields = map[string]string{"X-Client": "bench", "X-Request-Id": "42", "X-Tenant": "shop", "Accept-Language": "en", "Cache-Control": "no-cache"}
)

const lines = 100_000

// serve answers on loopback until in ends.
func serve(in io.Reader, out io.Writer) error {
	handler := answers()
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	if err := json.NewEncoder(out).Encode(target{plain.URL, secure.URL, secure.Certificate().Raw}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

func answers() http.Handler {
	body, _ := json.Marshal(sample) // of strings and numbers
	var feed strings.Builder
	for i := range lines {
		fmt.Fprintf(&feed, "line %06d of a feed that has as many of them\n", i)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	mux.HandleFunc("GET /full", func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		good := user == "ann" && pass == "secret"
		for k, v := range params {
			good = good && r.URL.Query().Get(k) == v
		}
		for k, v := range fields {
			good = good && r.Header.Get(k) == v
		}
		if !good {
			http.Error(w, "something is missing", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	mux.HandleFunc("POST /json", func(w http.ResponseWriter, r *http.Request) {
		var d document
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil || d.Comment != sample.Comment {
			http.Error(w, "not the document", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	mux.HandleFunc("GET /lines", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, feed.String())
	})
	return mux
}
