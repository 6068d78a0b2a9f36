package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests"
	"github.com/go-requests/requests/examples/internal/server"
)

// session returns a session whose requests go to h, without a network.
func session(h http.Handler) *requests.Session {
	s := requests.NewSession(requests.BaseURL("https://example.com/release"), requests.RaiseForStatus(true), requests.Retry{Total: 3})
	s.Mount("https://", requests.Handler(h))
	return s
}

// TestFiles downloads twenty files that take 20 ms each, eight at once.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := fetch(context.Background(), session(server.Handler()), dir); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("it took %v; one after the other they take 400 ms", took)
		}
	})
	for n := range server.Parts {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("part-%02d.bin", n)))
		if err != nil || !bytes.Equal(got, server.Part(n)) {
			t.Errorf("file %d has %d bytes, %v", n, len(got), err)
		}
	}
}

// TestForged has one file with a wrong checksum; the others must be complete.
func TestForged(t *testing.T) {
	dir := t.TempDir()
	err := fetch(t.Context(), session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/release/part-07.bin" {
			fmt.Fprint(w, "forged")
			return
		}
		server.Handler().ServeHTTP(w, r)
	})), dir)
	if !errors.Is(err, requests.ErrChecksum) {
		t.Errorf("the error is %v; want ErrChecksum", err)
	}
	if list, err := filepath.Glob(filepath.Join(dir, "*.bin")); len(list) != server.Parts-1 {
		t.Errorf("there are %d files, %v; want all but the forged one", len(list), err)
	}
}
