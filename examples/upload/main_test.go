package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestUpload(t *testing.T) {
	programtest.Prints(t, upload, `
200 OK {"zeros.bin":12582912}

`)
}

func TestUploadFile(t *testing.T) {
	*file = filepath.Join(t.TempDir(), "a.txt")
	defer func() { *file = "" }()
	if err := os.WriteFile(*file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	programtest.Prints(t, upload, `
200 OK {"a.txt":5}

`)
}
