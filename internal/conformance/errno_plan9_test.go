package conformance

import "errors"

// Plan 9 has words for these in place of numbers.
var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
)
