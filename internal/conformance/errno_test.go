//go:build !plan9

package conformance

import "syscall"

// What systems say of hosts that do not listen, or reset a connection.
const (
	errRefused = syscall.ECONNREFUSED
	errReset   = syscall.ECONNRESET
)
