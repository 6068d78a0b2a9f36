//go:build !plan9

package file

import "syscall"

// What systems say of a disk that is full.
const (
	errNoSpace = syscall.ENOSPC
	errQuota   = syscall.EDQUOT
)
