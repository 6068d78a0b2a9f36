package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-requests/requests/examples/internal/server"
)

// TestDownload interrupts the program and runs it again. It continues where it
// stopped, as it does each time the connection breaks.
func TestDownload(t *testing.T) {
	var mu sync.Mutex
	var ranges []string
	interrupt := func() {}
	archive := server.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) == 3 {
			interrupt()
		}
		mu.Unlock()
		archive.ServeHTTP(w, r)
	}))
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "archive.bin")

	ctx, cancel := context.WithCancel(t.Context())
	interrupt = cancel
	if err := download(ctx, srv.URL+"/archive.bin", path); !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v; want context.Canceled", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file that is not complete")
	}
	before := len(ranges)
	*sum = fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte("requests"), server.ArchiveSize/8)))
	defer func() { *sum = "" }()
	if err := download(t.Context(), srv.URL+"/archive.bin", path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != server.ArchiveSize {
		t.Errorf("the file is %v, %v", info, err)
	}
	if first := ranges[before]; !strings.HasPrefix(first, "bytes=") || first == "bytes=0-" {
		t.Errorf("the second run has asked for %q; want the rest", first)
	}
	if slices.Contains(ranges[1:], "") {
		t.Errorf("it asked for %q; want the rest each time but the first", ranges)
	}
}
