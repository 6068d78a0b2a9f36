package requests

import "errors"

// Plan 9 has words for these in place of numbers.
var (
	errRefused   = errors.New("connection refused")
	errReset     = errors.New("connection reset")
	errNoBuffers = errors.New("no free buffers")
	errNoSpace   = errors.New("file system full")
)
