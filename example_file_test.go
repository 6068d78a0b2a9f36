package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// A body of any length goes to a file, which is there when it is complete.
func ExampleResponse_SaveFile() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	r, err := requests.Get(ctx, httpbin+"/range/300000", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	n, err := r.SaveFile(filepath.Join(dir, "dump.bin"))
	fmt.Println(n, err)
	// Output: 300000 <nil>
}

// The server may choose the name, but not the place.
func ExampleResponse_Filename() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	r, err := requests.Get(ctx, httpbin+"/response-headers",
		requests.Params{"Content-Disposition": `attachment; filename="../../report.json"`})
	if err != nil {
		log.Fatal(err)
	}
	name, ok := r.Filename()
	fmt.Println(name, ok)
	if _, err := r.SaveFile(dir); err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(dir, name))
	fmt.Println(err)
	// Output:
	// report.json true
	// <nil>
}

// A file of the name that the server gives is not replaced, unless that is said.
func ExampleOverwrite() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	r, err := requests.Get(ctx, httpbin+"/robots.txt")
	if err != nil {
		log.Fatal(err)
	}
	for _, opt := range []requests.FileOption{nil, nil, requests.Overwrite(true)} {
		_, err := r.SaveFile(dir, opt)
		fmt.Println(errors.Is(err, os.ErrExist))
	}
	// Output:
	// false
	// true
	// false
}

// A file that is not the right one never gets its name.
func ExampleChecksum() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	path := filepath.Join(dir, "x")
	_, err := requests.Download(ctx, httpbin+"/range/1000", path, requests.Checksum{"md5": strings.Repeat("0", 32)})
	fmt.Println(errors.Is(err, requests.ErrChecksum))
	_, err = os.Stat(path)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// true
	// true
}

func ExampleDownload() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	n, err := requests.Download(ctx, httpbin+"/range/200000", filepath.Join(dir, "x"))
	fmt.Println(n, err)
	// Output: 200000 <nil>
}

// What breaks off goes on, in several ranges at once if asked for.
func ExampleSession_Download() {
	content := strings.Repeat("0123456789abcdef", 1<<18)
	calls := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- r.Header.Get("Range")
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") == "" { // it breaks off in the middle
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			io.WriteString(w, content[:1<<21])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
	defer srv.Close()

	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	s := requests.NewSession()
	defer s.Close()
	n, err := s.Download(ctx, srv.URL, filepath.Join(dir, "x"), requests.Parallel(2))
	fmt.Println(n, err, len(calls) > 1)
	// Output: 4194304 <nil> true
}

func ExampleParallel() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	n, err := requests.Download(ctx, httpbin+"/range/100000", filepath.Join(dir, "x"), requests.Parallel(4))
	fmt.Println(n, err) // too small to be worth it: one request
	// Output: 100000 <nil>
}

func ExampleOnProgress() {
	ctx := context.Background()
	dir, done := tempDir()
	defer done()
	var last string
	_, err := requests.Download(ctx, httpbin+"/range/200000", filepath.Join(dir, "x"),
		requests.OnProgress(func(done, total int64) { last = fmt.Sprint(done, " of ", total) }))
	fmt.Println(last, err)
	// Output: 200000 of 200000 <nil>
}

func ExampleTrace() {
	ctx := context.Background()
	s := requests.NewSession(requests.Trace(true))
	defer s.Close()
	for range 2 {
		r, err := s.Get(ctx, httpbin+"/get")
		if err != nil {
			log.Fatal(err)
		}
		t := r.Timings()
		fmt.Println(t.Reused, t.Connect > 0, t.FirstByte > 0, t.Total >= t.FirstByte)
	}
	// Output:
	// false true true true
	// true false true true
}
