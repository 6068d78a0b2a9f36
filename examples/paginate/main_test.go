package main

import (
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestPaginate(t *testing.T) {
	programtest.Prints(t, paginate, `
/books [book 1 book 2 book 3]
/books?page=2 [book 4 book 5 book 6]
/books?page=3 [book 7 book 8 book 9]
/books?page=4 [book 10 book 11 book 12]
`)
}
