// Package server gives the examples something to talk to: a go-httpbin, which
// answers with what it was asked, and beside it a large file and a list in pages.
package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// Start starts the server on a free port of this machine and returns its URL.
// The caller stops it.
func Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the server: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httpbin.New())
	mux.HandleFunc("GET /archive.bin", archive)
	mux.HandleFunc("PUT /archive.bin", store)
	mux.HandleFunc("GET /books", books)
	s := &http.Server{Handler: mux}
	go s.Serve(l) // it ends with an error in any case, and then by stop
	return "http://" + l.Addr().String(), func() { s.Close() }, nil
}

// ArchiveSize is the length of /archive.bin.
const ArchiveSize = 12 << 20

// archive is a file that comes at the speed of a line that is not the best,
// whole or in ranges.
func archive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	content := bytes.NewReader(bytes.Repeat([]byte("requests"), ArchiveSize/8))
	http.ServeContent(&slowWriter{ResponseWriter: w}, r, "archive.bin", time.Time{}, content)
}

type slowWriter struct{ http.ResponseWriter }

func (w *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * 50 * time.Nanosecond)
	return w.ResponseWriter.Write(b)
}

// store takes a file, at the same speed, and says how long it was.
func store(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(&slowWriter{discard{}}, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]int64{"stored": n})
}

type discard struct{ http.ResponseWriter }

func (discard) Write(b []byte) (int, error) { return len(b), nil }

const bookPages = 4

// books is a list of which each page names the next one in its Link field.
func books(w http.ResponseWriter, r *http.Request) {
	page, err := strconv.Atoi(r.FormValue("page"))
	if err != nil {
		page = 1
	}
	if page < bookPages {
		w.Header().Set("Link", fmt.Sprintf(`</books?page=%d>; rel="next", </books?page=%d>; rel="last"`, page+1, bookPages))
	}
	list := []string{}
	for i := range 3 {
		list = append(list, fmt.Sprintf("book %d", 3*page-2+i))
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(list)
}
