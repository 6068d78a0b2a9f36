package main

import (
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

// TestTail has a feed whose connections end after two events each.
func TestTail(t *testing.T) {
	programtest.Prints(t, tail, `
1 tick 1
2 tick 2
3 tick 3
4 tick 4
5 tick 5
6 tick 6
`)
}
