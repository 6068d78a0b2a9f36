package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/fstest"
	"time"
)

const (
	// ArchiveSize is the length of /archive.bin.
	ArchiveSize = 12 << 20
	// breakAfter is how much of it is sent before the connection breaks.
	breakAfter = 2 << 20
)

// archive is a file that is sent slowly and never as a whole: the connection breaks in
// the middle. The client can ask for the rest.
func archive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	content := bytes.NewReader(bytes.Repeat([]byte("requests"), ArchiveSize/8))
	http.ServeContent(&poorLine{ResponseWriter: w}, r, "archive.bin", time.Time{}, content)
}

// A poorLine is a slow connection that breaks.
type poorLine struct {
	http.ResponseWriter
	sent int
}

func (l *poorLine) Write(b []byte) (int, error) {
	if l.sent > breakAfter {
		panic(http.ErrAbortHandler) // closes the connection
	}
	time.Sleep(perByte * time.Duration(len(b)))
	l.sent += len(b)
	return l.ResponseWriter.Write(b)
}

const perByte = 50 * time.Nanosecond

// upload receives the files of a form at the same speed, and answers with their sizes.
func upload(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sizes := make(map[string]int64)
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err == nil {
			sizes[part.FileName()], err = io.Copy(slowly{}, part)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(sizes)
}

type slowly struct{}

func (slowly) Write(b []byte) (int, error) {
	time.Sleep(perByte * time.Duration(len(b)))
	return len(b), nil
}

// Part returns the content of a file of the release.
func Part(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n<<15) }

// Parts is how many files the release has.
const Parts = 20

// release has SHA256SUMS and the files listed in it.
func release(w http.ResponseWriter, r *http.Request) {
	var n int
	if name := r.PathValue("name"); name == "SHA256SUMS" {
		for n := range Parts {
			fmt.Fprintf(w, "%x  part-%02d.bin\n", sha256.Sum256(Part(n)), n)
		}
	} else if _, err := fmt.Sscanf(name, "part-%02d.bin", &n); err != nil || n >= Parts {
		http.NotFound(w, r)
	} else {
		time.Sleep(20 * time.Millisecond)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(Part(n)))
	}
}

// pub is a tree of files whose directories are shown as pages of links.
var pub = fstest.MapFS{
	"README":            {Data: []byte("All there is.\n")},
	"music/one.txt":     {Data: []byte(strings.Repeat("la ", 1<<19))},
	"music/two.txt":     {Data: []byte(strings.Repeat("fa ", 1<<18))},
	"music/old/sol.txt": {Data: []byte("sol\n")},
	"words/a & b.txt":   {Data: []byte("a and b\n")},
}
