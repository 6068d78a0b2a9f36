//go:build !plan9

package conformance

import "syscall"

// The errors for hosts that do not listen, or that reset a connection.
const (
	errRefused = syscall.ECONNREFUSED
	errReset   = syscall.ECONNRESET
)
