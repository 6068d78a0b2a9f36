package file

import "errors"

// Plan 9 has words for these in place of numbers.
var (
	errNoSpace = errors.New("file system full")
	errQuota   = errors.New("over quota")
)
