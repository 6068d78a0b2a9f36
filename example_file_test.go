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

// A body of any length goes to a file, which appears when it is complete.
func ExampleResponse_SaveFile() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 300_000))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL, requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	n, err := r.SaveFile(filepath.Join(dir, "dump.bin"))
	fmt.Println(n, err)
	// Output: 300000 <nil>
}

// The server may choose the name of the file, but not its place.
func ExampleResponse_Filename() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../report.json"`)
		io.WriteString(w, "{}")
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL)
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

// A file whose name the server chose replaces no other, unless the program says so.
func ExampleOverwrite() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	r, err := requests.Get(ctx, server.URL+"/hello.txt")
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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hullo") }))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hello.txt")

	ctx := context.Background()
	_, err = requests.Download(ctx, server.URL, path,
		requests.Checksum{"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}) // of hello
	fmt.Println(errors.Is(err, requests.ErrChecksum))
	_, err = os.Stat(path)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// true
	// true
}

func ExampleDownload() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 200_000))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	n, err := requests.Download(ctx, server.URL, filepath.Join(dir, "dump.bin"))
	fmt.Println(n, err)
	// Output: 200000 <nil>
}

// A transfer that breaks off in the middle resumes from there.
func ExampleSession_Download() {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("asked for %q\n", r.Header.Get("Range"))
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") == "" { // the connection breaks in the middle
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			io.WriteString(w, content[:len(content)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	s := requests.NewSession()
	defer s.Close()
	n, err := s.Download(ctx, server.URL, filepath.Join(dir, "dump.bin"))
	fmt.Println(n, err)
	// Output:
	// asked for ""
	// asked for "bytes=524288-"
	// 1048576 <nil>
}

func ExampleParallel() {
	content := strings.Repeat("0123456789abcdef", 1<<19)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	n, err := requests.Download(ctx, server.URL, filepath.Join(dir, "dump.bin"), requests.Parallel(4))
	fmt.Println(n, err)
	// Output: 8388608 <nil>
}

func ExampleOnProgress() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "200000")
		w.Write(make([]byte, 200_000))
	}))
	defer server.Close()

	ctx := context.Background()
	last := ""
	_, err := requests.Get(ctx, server.URL, requests.OnProgress(func(done, total int64) {
		last = fmt.Sprint(done, " of ", total)
	}))
	fmt.Println(last, err)
	// Output: 200000 of 200000 <nil>
}

func ExampleTrace() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	ctx := context.Background()
	s := requests.NewSession(requests.Trace(true))
	defer s.Close()
	for range 2 {
		r, err := s.Get(ctx, server.URL)
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

// Files go out as multipart/form-data, beside the fields of a Form.
func ExampleFiles() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, r.FormValue("kind"))
		for _, f := range r.MultipartForm.File["image"] {
			fmt.Fprintln(w, f.Filename, f.Size, f.Header.Get("Content-Type"))
		}
	}))
	defer server.Close()

	ctx := context.Background()
	r, err := requests.Post(ctx, server.URL, requests.Form{"kind": "avatar"}, requests.Files{
		{Field: "image", Name: "a.png", Reader: strings.NewReader("one"), ContentType: "image/png"},
		{Field: "image", Name: "b.jpg", Reader: strings.NewReader("three"), ContentType: "image/jpeg"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r.Text())
	// Output:
	// avatar
	// a.png 3 image/png
	// b.jpg 5 image/jpeg
}

// A Path is opened when the request is sent, and again if it is sent again. Its
// last element is the name of the file unless Name gives another.
func ExampleFile() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, header, err := r.FormFile("note")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		text, _ := io.ReadAll(f)
		fmt.Fprintf(w, "%s: %s", header.Filename, text)
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "todo.txt")
	if err := os.WriteFile(path, []byte("remember the milk"), 0o600); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	r, err := requests.Post(ctx, server.URL, requests.Files{{Field: "note", Path: path}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	// Output: todo.txt: remember the milk
}
