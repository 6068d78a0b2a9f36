//go:build linux && !386 && !s390x && !race && !msan && !asan

package transport

import (
	"syscall"
	"time"
	"unsafe"
)

// monitorPulse is one for the process, because the runtime has one monitor. One for
// each engine would set as many timers as there are engines.
var monitorPulse pulse

// rawCalls do not tell the scheduler of the runtime. They never block, so that it
// has nothing to do meanwhile. See [pulse] for when they may be used.
//
// There are none on 386 and s390x, where package syscall has one system call for
// all that sockets do, and none with the race detector and the sanitizers, which
// watch the ordinary ones.
var rawCalls = calls{
	peek: func(fd int, p []byte) (int, error) {
		return rawCall(syscall.SYS_RECVFROM, fd, p, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	},
	read: func(fd int, p []byte) (int, error) {
		return rawCall(syscall.SYS_RECVFROM, fd, p, syscall.MSG_DONTWAIT)
	},
	write: func(fd int, p []byte) (int, error) {
		return rawCall(syscall.SYS_SENDTO, fd, p, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	},
}

// cheapestCalls returns the calls to make at once.
func cheapestCalls() *calls {
	now := time.Since(processStart)
	bubble := now < 0 // the clock of synctest begins in the year 2000, and its timers wake no monitor
	if !bubble && monitorPulse.alive(now) {
		return &rawCalls
	}
	return &ordinaryCalls
}

// rawCall is recvfrom(2) or sendto(2), without an address.
func rawCall(trap uintptr, fd int, p []byte, flags uintptr) (int, error) {
	return uninterrupted(func() (int, error) {
		n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno != 0 {
			return 0, errno
		}
		return int(n), nil
	})
}
