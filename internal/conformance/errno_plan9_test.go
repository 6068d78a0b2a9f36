package conformance

import "errors"

// Plan 9 uses words instead of numbers.
var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
)
