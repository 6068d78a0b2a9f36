//go:build !plan9

package requests

import "syscall"

// What systems say of hosts that do not listen or reset, and of what is full.
const (
	errRefused   = syscall.ECONNREFUSED
	errReset     = syscall.ECONNRESET
	errNoBuffers = syscall.ENOBUFS
	errNoSpace   = syscall.ENOSPC
)
